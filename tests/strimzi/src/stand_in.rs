//! The stand-in itself: it watches Strimzi's resources of one Kafka, until it is dropped.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::runtime::controller::{self, Action, Config};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{Controller, watcher as watch};
use kube::{Client, ResourceExt};
use serde_json::json;
use tokio::sync::broadcast;
use tokio::task::JoinSet;

use crate::knobs::Refusal;
use crate::shared::{Settings, Shared};
use crate::specs::resource;
use crate::{cluster_operator, topic_operator, user_operator};

/// How long to wait after something failed.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How many resources are looked at at the same time.
const CONCURRENCY: u16 = 16;

/// Stands in for Strimzi's operators. Ends when dropped; what it made stays.
pub struct StandIn {
    shared: Arc<Shared>,
    /// Has all resources looked at again.
    again: broadcast::Sender<()>,
    tasks: JoinSet<()>,
}

#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
struct Failed(anyhow::Error);

impl StandIn {
    /// Begins to watch. Strimzi's definitions must be there.
    ///
    /// # Errors
    ///
    /// The clients' certificate authority cannot be read.
    pub fn start(client: Client, settings: Settings) -> Result<Self> {
        let shared = Arc::new(Shared::new(client, settings)?);
        let mut stand_in = Self { shared, again: broadcast::channel(16).0, tasks: JoinSet::new() };
        for kind in [cluster_operator::KIND, topic_operator::KIND, user_operator::KIND] {
            let run = stand_in.control(kind);
            stand_in.tasks.spawn(run);
        }
        stand_in.tasks.spawn(remove_users(Arc::clone(&stand_in.shared)));
        Ok(stand_in)
    }

    /// Makes the `Kafka`, with listeners `plain`, `tls` (client certificates) and `scram`, and rights.
    ///
    /// # Errors
    ///
    /// The API server's.
    pub async fn make_kafka(&self) -> Result<()> {
        let Settings { namespace, cluster, .. } = &self.shared.settings;
        let listener = |name: &str, port: u16, kind: Option<&str>| {
            let mut listener = json!({"name": name, "port": port, "type": "internal", "tls": kind.is_some()});
            if let Some(kind) = kind {
                listener["authentication"] = json!({"type": kind});
            }
            listener
        };
        let listeners = json!([
            listener("plain", 9092, None),
            listener("tls", 9093, Some("tls")),
            listener("scram", 9094, Some("scram-sha-512")),
        ]);
        let kafka = json!({
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "Kafka",
            "metadata": {"name": cluster, "namespace": namespace},
            "spec": {
                "kafka": {"listeners": listeners, "authorization": {"type": "simple"}},
                "entityOperator": {"topicOperator": {}, "userOperator": {}},
            },
        });
        let applied = PatchParams::apply("tests").force();
        self.shared.api(cluster_operator::KIND).patch(cluster, &applied, &Patch::Apply(&kafka)).await?;
        Ok(())
    }

    /// Leaves every resource, and every change of one, alone for so long.
    pub fn be_late(&self, by: Duration) {
        self.shared.knobs.be_late(by);
        self.look_again();
    }

    /// Says of a resource (`Kafka`, `KafkaTopic`, `KafkaUser`) that it is not ready.
    pub fn refuse(&self, kind: &str, name: &str, reason: &str, message: &str) {
        let refusal = Refusal { reason: reason.to_owned(), message: message.to_owned() };
        self.shared.knobs.refuse(kind, name, refusal);
        self.look_again();
    }

    /// Takes [`Self::refuse`] back.
    pub fn relent(&self, kind: &str, name: &str) {
        self.shared.knobs.relent(kind, name);
        self.look_again();
    }

    /// Gives a user a new password or certificate.
    pub fn renew(&self, user: &str) {
        self.shared.knobs.renew(user);
        self.look_again();
    }

    /// The broker, to be asked what is there.
    pub fn broker(&self) -> &crate::Broker {
        &self.shared.broker
    }

    /// Waits until it has ended by itself, which it does not.
    pub async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    fn look_again(&self) {
        // Nobody listens where nothing is watched yet, and then all is looked at anyway.
        let _ = self.again.send(());
    }

    fn control(&self, kind: &'static str) -> impl Future<Output = ()> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        let again = stream::unfold(self.again.subscribe(), |mut again| async {
            // One that was missed was followed by another.
            let missed_or_not = again.recv().await;
            (!matches!(missed_or_not, Err(broadcast::error::RecvError::Closed))).then_some(((), again))
        });
        let settings = &shared.settings;
        let of_cluster =
            watcher::Config::default().labels(&format!("strimzi.io/cluster={}", settings.cluster));
        let config = if kind == cluster_operator::KIND { watcher::Config::default() } else { of_cluster };
        let mut controller = Controller::new_with(shared.api(kind), config, resource(kind))
            .with_config(Config::default().concurrency(CONCURRENCY));
        if kind == topic_operator::KIND {
            let _ = shared.topics.set(controller.store());
        }
        if kind == user_operator::KIND {
            let secrets = Api::<Secret>::namespaced(shared.client.clone(), &settings.namespace);
            let made = format!("strimzi.io/kind={kind}");
            controller = controller.owns(secrets, watcher::Config::default().labels(&made));
        }
        let run = controller.reconcile_all_on(again).run(
            move |object, shared| async move { reconcile(kind, &object, &shared).await },
            |_, _, _| Action::requeue(AGAIN_AFTER),
            shared,
        );
        run.for_each(move |result| async move {
            match result {
                // It is gone, and what it owned tells so.
                Ok(_) | Err(controller::Error::ObjectNotFound(_)) => {}
                Err(error) => tracing::warn!(kind, "{error}"),
            }
        })
    }
}

async fn reconcile(kind: &str, object: &DynamicObject, shared: &Shared) -> Result<Action, Failed> {
    let reconciled = match kind {
        topic_operator::KIND => topic_operator::reconcile(object, shared).await,
        user_operator::KIND => user_operator::reconcile(object, shared).await,
        _ => cluster_operator::reconcile(object, shared).await,
    };
    reconciled.map_err(Failed)
}

/// Unless one of that name is there again: the event may be late, and the rights are that one's by now.
async fn remove_user(name: &str, shared: &Shared) -> Result<()> {
    let _turn = shared.turn(name).await;
    match shared.api(user_operator::KIND).get_opt(name).await? {
        Some(_) => Ok(()),
        None => user_operator::remove(name, shared).await,
    }
}

/// Users have no finalizer: what they had on the broker goes once they are seen to be gone.
async fn remove_users(shared: Arc<Shared>) {
    let of_cluster = format!("strimzi.io/cluster={}", shared.settings.cluster);
    let config = watcher::Config::default().labels(&of_cluster);
    let mut events = Box::pin(watch(shared.api(user_operator::KIND), config));
    loop {
        match events.try_next().await {
            Ok(Some(Event::Delete(user))) => {
                if let Err(error) = remove_user(&user.name_any(), &shared).await {
                    tracing::warn!(user = user.name_any(), "removing a user from the broker: {error:#}");
                }
            }
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(error) => {
                tracing::warn!("watching users: {error}");
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        }
    }
}
