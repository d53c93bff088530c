//! The stand-in for Strimzi's operators as a process, for the lab's Kafka.

use std::time::Duration;

use anyhow::{Context, Result};
use bpmonitor_test_strimzi::{Settings, StandIn};
use clap::Parser;
use kube::Client;

/// Stands in for Strimzi's operators on the lab's broker, until it is interrupted.
///
/// A user whose Secret is deleted gets a new password or certificate.
#[derive(Debug, Parser)]
#[command(name = "strimzi-stand-in")]
struct Cli {
    /// Namespace of the Kafka
    #[arg(long, default_value = "default")]
    namespace: String,
    /// Its name
    #[arg(long, default_value = "bp-kafka")]
    cluster: String,
    /// Make the Kafka, with the listeners plain, tls and scram
    #[arg(long)]
    make: bool,
    /// For how many seconds every resource, and every change of one, is left alone
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    late: u64,
    /// A resource that is not ready, as in `KafkaTopic/bp.default.ward.state=KafkaError`
    #[arg(long, value_name = "KIND/NAME=REASON")]
    refuse: Vec<String>,
    /// Where clients find the listener with client certificates, where that is not the lab's own address
    #[arg(long, value_name = "HOST:PORT")]
    mtls: Option<String>,
    /// The same of the one with SCRAM
    #[arg(long, value_name = "HOST:PORT")]
    scram: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let lab = Settings::lab(&cli.namespace, &cli.cluster);
    let settings =
        Settings { mtls: cli.mtls.unwrap_or(lab.mtls), scram: cli.scram.unwrap_or(lab.scram), ..lab };
    let mut stand_in = StandIn::start(Client::try_default().await?, settings)?;
    stand_in.be_late(Duration::from_secs(cli.late));
    for refused in &cli.refuse {
        let (resource, reason) = refused.split_once('=').context("--refuse is KIND/NAME=REASON")?;
        let (kind, name) = resource.split_once('/').context("--refuse is KIND/NAME=REASON")?;
        stand_in.refuse(kind, name, reason, "refused by a test");
    }
    if cli.make {
        stand_in.make_kafka().await?;
    }
    tokio::select! {
        () = stand_in.ended() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}
