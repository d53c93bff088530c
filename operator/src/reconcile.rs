//! One reconcile: from what a monitor asks for to what is there, and what is to be said of it.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bpmonitor_crds::BpMonitor;
use kube::runtime::controller::Action;
use kube::runtime::finalizer::{Error as Failed, Event, finalizer};
use kube::{Api, ResourceExt};
use tracing::Instrument;

use crate::backoff::jittered;
use crate::build::{self, Checksums, Object};
use crate::cache::{Key, Live};
use crate::context::Context;
use crate::dereference::{Found, KafkaFound, SecretData, dereference};
use crate::error::{Error, is_not_found};
use crate::finding::Finding;
use crate::groups::Group;
use crate::kinds::monitor_ref;
use crate::model::Monitor;
use crate::names::{self, Component};
use crate::status::{self, Report, workloads};
use crate::validate::{Draft, validate};
use crate::{apply, checksums, elasticsearch, finalize, kibana, pseudonyms, stop, strimzi};

/// How long one may take.
const LIMIT: Duration = Duration::from_secs(120);
/// How long to wait for what is there to be listed, after a start.
const LISTED_WITHIN: Duration = Duration::from_secs(10);
/// How many failures in a row are no news.
const TOLERATED: u32 = 2;
/// When to look again at what is not ready, should no watch tell.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Brings a monitor to what it asks for.
///
/// # Errors
///
/// What is to be tried again later.
pub async fn reconcile(monitor: Arc<BpMonitor>, context: Arc<Context>) -> Result<Action, Error> {
    let (namespace, name) = (monitor.namespace().unwrap_or_default(), monitor.name_any());
    // The hasher's keys differ for each call: enough to tell reconciles apart in the logs of all replicas.
    let id = format!("{:016x}", RandomState::new().hash_one(&name));
    let span = tracing::info_span!("reconcile", monitor = format!("{namespace}/{name}"), id);
    timed(&monitor, &context).instrument(span).await
}

async fn timed(monitor: &Arc<BpMonitor>, context: &Arc<Context>) -> Result<Action, Error> {
    let reference = monitor_ref(&monitor.namespace().unwrap_or_default(), &monitor.name_any());
    let begun = Instant::now();
    let result = match all_is_listed(context).await {
        Ok(()) => {
            let result = tokio::time::timeout(LIMIT, finalized(monitor, context)).await;
            result.unwrap_or(Err(Error::TookTooLong(LIMIT)))
        }
        Err(error) => Err(error),
    };
    let label = match &result {
        Ok((_, label)) => label,
        Err(error) => error.label(),
    };
    context.metrics.reconciled(label, begun.elapsed());
    tracing::debug!(result = label, milliseconds = begun.elapsed().as_millis(), "reconciled");
    match result {
        Ok((action, _)) => {
            context.backoff.succeeded(&reference);
            Ok(action)
        }
        Err(error) => {
            // A namespace that is going is no trouble of anybody's.
            if matches!(error, Error::NamespaceTerminating) {
                tracing::debug!("{error}");
            } else {
                tracing::warn!("reconciling, to be tried again: {error}");
            }
            say(context, monitor, &error).await;
            Err(error)
        }
    }
}

/// What is not listed yet would be taken for missing: a volume with data, an autoscaler that is to stay.
async fn all_is_listed(context: &Context) -> Result<(), Error> {
    let listed = tokio::time::timeout(LISTED_WITHIN, context.cache.complete()).await;
    listed.map_err(|_| Error::NotListed(context.cache.waits_for().join(", ")))
}

/// Says that reconciles fail. What fails for a moment only is no news.
async fn say(context: &Context, monitor: &BpMonitor, error: &Error) {
    let reference = monitor_ref(&monitor.namespace().unwrap_or_default(), &monitor.name_any());
    let lasts = context.backoff.failures(&reference) >= TOLERATED;
    let is_going = monitor.metadata.deletion_timestamp.is_some();
    if is_going || !lasts || matches!(error, Error::NamespaceTerminating) {
        return;
    }
    if let Err(also) = status::write_failure(context, monitor, error).await {
        tracing::debug!("{also}");
    }
}

async fn finalized(
    monitor: &Arc<BpMonitor>,
    context: &Arc<Context>,
) -> Result<(Action, &'static str), Error> {
    let api = Api::<BpMonitor>::namespaced(context.client.clone(), &monitor.namespace().unwrap_or_default());
    let is_going = monitor.metadata.deletion_timestamp.is_some();
    let mut label = if is_going { "removed" } else { "begun" };
    let done = finalizer(&api, finalize::FINALIZER, Arc::clone(monitor), |event| async {
        match event {
            Event::Apply(monitor) => {
                let is_ready = brought_about(&monitor, context).await?;
                label = if is_ready { "ready" } else { "not-ready" };
                Ok(Action::requeue(jittered(if is_ready { context.settings.resync } else { LOOK_AGAIN })))
            }
            Event::Cleanup(monitor) => finalize::clean_up(&monitor, context).await,
        }
    });
    match done.await {
        Ok(action) => Ok((action, label)),
        Err(Failed::ApplyFailed(error) | Failed::CleanupFailed(error)) => Err(error),
        // It is gone already: the watch tells.
        Err(Failed::AddFinalizer(error) | Failed::RemoveFinalizer(error)) if is_not_found(&error) => {
            Ok((Action::await_change(), "gone"))
        }
        Err(Failed::AddFinalizer(error)) => Err(Error::kube("setting the finalizer")(error)),
        Err(error) => Err(Error::Finalizer(Box::new(error))),
    }
}

/// Brings a monitor about as far as it can be now, and says so. Whether all of it is ready.
async fn brought_about(resource: &BpMonitor, context: &Context) -> Result<bool, Error> {
    let found = dereference(context, resource).await?;
    let draft = validate(resource, &found, &context.settings.images)?;
    let parts = parts(resource, context, &found, &draft).await?;
    let report = settle(resource, context, &draft, parts).await?;
    status::write(context, resource, &report).await?;
    Ok(report.is_ready() && !resource.spec.paused)
}

/// What came of Kafka, Elasticsearch and the key.
struct Parts {
    /// What is to be said of Kafka.
    kafka: Finding,
    /// What is to be said of Elasticsearch.
    elasticsearch: Finding,
    /// Why the spec cannot be, or why nothing may run.
    obstacle: Option<Finding>,
    /// What the Secrets hold that pods mount.
    secrets: BTreeMap<String, SecretData>,
    /// What was applied already.
    applied: Vec<Key>,
}

/// Sees to Kafka, Elasticsearch and the key, each as far as it is known.
async fn parts(
    resource: &BpMonitor,
    context: &Context,
    found: &Found,
    draft: &Draft,
) -> Result<Parts, Error> {
    let monitor = &draft.monitor;
    let given = found.secrets.iter().filter_map(|(name, data)| Some((name.clone(), data.clone()?)));
    let mut secrets: BTreeMap<_, _> = given.collect();
    let mut applied = vec![
        Key::new("Secret", &monitor.namespace, names::elasticsearch(&monitor.name)),
        Key::new("Secret", &monitor.namespace, &monitor.pseudonym_key.secret),
        Key::new("ConfigMap", &monitor.namespace, names::kibana(&monitor.name)),
    ];
    let kafka = kafka(context, found, draft, &mut secrets, &mut applied).await?;
    let (elasticsearch, documents) = match &draft.elasticsearch {
        Err(finding) => (finding.clone(), None),
        Ok(admin) => {
            let name = names::elasticsearch(&monitor.name);
            let known = secrets.remove(&name);
            let outcome = elasticsearch::provision(context, monitor, admin, known).await?;
            secrets.extend(outcome.secret.map(|data| (name, data)));
            (outcome.finding, outcome.documents)
        }
    };
    if draft.kafka.is_ok()
        && let Some(group) = Group::of(monitor, &secrets)
    {
        context.groups.set(monitor_ref(&monitor.namespace, &monitor.name), group);
    }
    let key = pseudonyms::key(context, monitor, resource, found, documents).await?;
    let mut obstacle = draft.spec.clone().err();
    match key {
        Ok(data) => {
            secrets.insert(monitor.pseudonym_key.secret.clone(), data);
        }
        Err(finding) => {
            secrets.remove(&monitor.pseudonym_key.secret);
            // What waits for Elasticsearch is told there.
            let waits = !elasticsearch.holds && finding.reason != pseudonyms::MISSING;
            obstacle = obstacle.or_else(|| (!waits).then_some(finding));
        }
    }
    Ok(Parts { kafka, elasticsearch, obstacle, secrets, applied })
}

async fn kafka(
    context: &Context,
    found: &Found,
    draft: &Draft,
    secrets: &mut BTreeMap<String, SecretData>,
    applied: &mut Vec<Key>,
) -> Result<Finding, Error> {
    let said = match &draft.kafka {
        Ok(said) => said.clone(),
        Err(finding) => return Ok(finding.clone()),
    };
    let monitor = &draft.monitor;
    let Some(cluster) = &monitor.kafka.strimzi else {
        let reference = monitor_ref(&monitor.namespace, &monitor.name);
        if let Some(group) = Group::of(monitor, secrets) {
            context.groups.set(reference.clone(), group);
        }
        return Ok(context.groups.finding(&reference).await);
    };
    let ca = match &found.kafka {
        KafkaFound::Cluster { ca, .. } => ca.as_ref(),
        KafkaFound::Servers => None,
    };
    let made = strimzi::provision::provision(context, monitor, cluster, ca).await?;
    secrets.extend(made.secrets);
    applied.extend(made.applied);
    let trouble = said.or_else(|| made.waiting.into_iter().next());
    Ok(trouble.unwrap_or_else(|| Finding::yes("TopicsReady", "topics and users are there")))
}

/// Builds and applies the workloads where all that they need is known; else leaves what runs as it is.
async fn settle(
    resource: &BpMonitor,
    context: &Context,
    draft: &Draft,
    parts: Parts,
) -> Result<Report, Error> {
    let monitor = &draft.monitor;
    let Parts { kafka, elasticsearch, mut obstacle, secrets, applied } = parts;
    let is_known = draft.kafka.is_ok() && draft.elasticsearch.is_ok() && obstacle.is_none();
    let checksums = if is_known { checksums::checksums(monitor, &secrets).ok() } else { None };
    let are_well = kafka.holds && elasticsearch.holds;
    let is_to_be = match &checksums {
        Some(checksums) if !are_well => is_kept_up(context, draft, checksums, &kafka, &elasticsearch).await?,
        checksums => checksums.is_some(),
    };
    let lives = match checksums {
        Some(checksums) if is_to_be => match workload(context, monitor, &checksums, applied).await {
            Err(error) if error.is_refusal() => {
                obstacle = Some(Finding::no("ObjectRefused", format!("{error}: change the spec")));
                observed(context, monitor).await?
            }
            lives => lives?,
        },
        _ => {
            let has_no_key = obstacle.as_ref().is_some_and(|obstacle| obstacle.reason == pseudonyms::MISSING);
            if resource.spec.paused || has_no_key {
                stop::stop(context, monitor).await?;
            }
            observed(context, monitor).await?
        }
    };
    let paused = resource.spec.paused;
    let classifier = lives.get(&Component::Classifier);
    let producer = if monitor.spec.patients.count == 0 {
        Finding::yes("NotNeeded", "spec.patients.count is 0: nobody is simulated")
    } else {
        workloads::finding(Component::Producer, lives.get(&Component::Producer).map(AsRef::as_ref), paused)
    };
    Ok(Report {
        producer,
        classifier: workloads::finding(Component::Classifier, classifier.map(AsRef::as_ref), paused),
        replicas: workloads::replicas(classifier.map(AsRef::as_ref)),
        topic: draft.kafka.is_ok().then(|| monitor.kafka.topics.observations.clone()),
        index: draft.elasticsearch.is_ok().then(|| monitor.elasticsearch.index.clone()),
        obstacle,
        kafka,
        elasticsearch,
        // Last, so that a Kibana that does not answer delays nothing that matters more.
        kibana: kibana::settle(context, resource, monitor).await?,
    })
}

type Lives = BTreeMap<Component, Arc<Live>>;

/// Whether the workloads are kept as they are to be although Kafka or Elasticsearch is not well. Not where they do not run yet, nor where
/// their pods would be made anew for a way there, or a login, that does not work.
async fn is_kept_up(
    context: &Context,
    draft: &Draft,
    checksums: &Checksums,
    kafka: &Finding,
    elasticsearch: &Finding,
) -> Result<bool, Error> {
    let monitor = &draft.monitor;
    if !has_begun(context, monitor) {
        return Ok(false);
    }
    let is_red = draft.elasticsearch.as_ref().is_ok_and(|admin| admin.trouble.is_some());
    let is_reached = (kafka.holds || monitor.kafka.strimzi.is_some()) && (elasticsearch.holds || is_red);
    if is_reached {
        return Ok(true);
    }
    Ok(is_unchanged(context, monitor, Component::Classifier, &checksums.classifier).await?
        && is_unchanged(context, monitor, Component::Producer, &checksums.producer).await?)
}

/// Whether the pods of a workload, if there are any, mount what this checksum is of.
async fn is_unchanged(
    context: &Context,
    monitor: &Monitor,
    component: Component,
    checksum: &str,
) -> Result<bool, Error> {
    let live = workloads::read(context, &monitor.namespace, &monitor.name, component).await?;
    Ok(live.is_none_or(|live| live.checksum.as_deref() == Some(checksum)))
}

/// Whether the classifier is there already.
fn has_begun(context: &Context, monitor: &Monitor) -> bool {
    let name = names::workload(&monitor.name, Component::Classifier);
    let deployment = Key::new("Deployment", &monitor.namespace, name);
    context.cache.of(&monitor_ref(&monitor.namespace, &monitor.name)).contains(&deployment)
}

/// Applies the workloads in their order, and removes what is no longer wanted.
async fn workload(
    context: &Context,
    monitor: &Monitor,
    checksums: &Checksums,
    mut wanted: Vec<Key>,
) -> Result<Lives, Error> {
    let owner = monitor_ref(&monitor.namespace, &monitor.name);
    let mut lives = Lives::new();
    for object in build::workloads(monitor, checksums) {
        let live = apply::apply(context, &owner, &monitor.namespace, &object).await?;
        wanted.push(Key::new(object.kind(), &monitor.namespace, &object.name));
        if let Some(component) = component(monitor, &object) {
            lives.insert(component, live);
        }
    }
    apply::prune(context, &owner, &monitor.name, &wanted).await?;
    Ok(lives)
}

fn component(monitor: &Monitor, object: &Object) -> Option<Component> {
    let is_of = |component: &Component| object.name == names::workload(&monitor.name, *component);
    [Component::Classifier, Component::Producer]
        .into_iter()
        .find(|component| object.kind() == "Deployment" && is_of(component))
}

/// The workloads as they are.
async fn observed(context: &Context, monitor: &Monitor) -> Result<Lives, Error> {
    let mut lives = Lives::new();
    for component in [Component::Classifier, Component::Producer] {
        let live = workloads::read(context, &monitor.namespace, &monitor.name, component).await?;
        lives.extend(live.map(|live| (component, Arc::new(live))));
    }
    Ok(lives)
}
