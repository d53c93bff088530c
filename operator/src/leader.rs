//! Leader election: of several replicas, the one that holds the Lease does the work.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use kube_lease_manager::{LeaseManagerBuilder, LeaseManagerError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::labels::MANAGER;

/// How long a Lease is held after it was last renewed, in seconds.
const DURATION: u64 = 15;
/// How long before its end it is renewed, in seconds.
const GRACE: u64 = 5;
/// How often whoever leads looks whether the Lease is still to be seen, and how long that may take.
const LOOK: Duration = Duration::from_secs(3);

/// The way to the Lease, until it is given back.
pub struct Leadership {
    leads: watch::Receiver<bool>,
    task: JoinHandle<()>,
    leases: Api<Lease>,
}

impl Leadership {
    /// Begins to seek the Lease in the operator's own namespace.
    ///
    /// # Errors
    ///
    /// The API server's.
    pub async fn seek(client: Client) -> Result<Self, LeaseManagerError> {
        let namespace = client.default_namespace().to_owned();
        let leases = Api::namespaced(client.clone(), &namespace);
        let builder = LeaseManagerBuilder::new(client, MANAGER).with_namespace(namespace);
        let builder = builder.with_duration(DURATION).with_grace(GRACE);
        let builder = match std::env::var("HOSTNAME") {
            Ok(name) if !name.is_empty() => builder.with_identity(format!("{name}-{}", std::process::id())),
            _ => builder,
        };
        let (leads, task) = builder.build().await?.watch().await;
        let task = tokio::spawn(async move {
            if let Ok(Err(error)) = task.await {
                tracing::warn!("giving back the Lease: {error}");
            }
        });
        Ok(Self { leads, task, leases })
    }

    /// Waits until this replica leads; false where it never will.
    pub async fn won(&mut self) -> bool {
        self.leads.wait_for(|leads| *leads).await.is_ok()
    }

    /// Waits until another replica may lead: one has the Lease, or it could not be seen for as long as it is held.
    pub async fn lost(&self) {
        let mut leads = self.leads.clone();
        tokio::select! {
            // Nobody tells any more where seeking has ended: that is no leadership either.
            _ = leads.wait_for(|leads| !*leads) => {}
            () = self.out_of_sight() => {}
        }
    }

    /// Waits until nobody can say any more whether this replica still holds the Lease.
    async fn out_of_sight(&self) {
        let mut seen = Instant::now();
        while seen.elapsed() < Duration::from_secs(DURATION) {
            tokio::time::sleep(LOOK).await;
            if let Ok(Ok(_)) = tokio::time::timeout(LOOK, self.leases.get(MANAGER)).await {
                seen = Instant::now();
            }
        }
    }

    /// Gives the Lease back, so that another need not wait until it ends.
    pub async fn give_back(self) {
        drop(self.leads);
        let _ = self.task.await;
    }
}
