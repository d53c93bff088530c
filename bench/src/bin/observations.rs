//! `bench-observations`: writes observations into a file or a Kafka topic, and tells how often each pressure occurs among them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bpmonitor_bench::observations::{Mix, Observation, Observations};
use clap::{Parser, ValueEnum};
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};

/// How long Kafka may take for what is still under way at the end.
const FLUSH: Duration = Duration::from_secs(60);
/// How long to wait for room in the producer's queue.
const WAIT: Duration = Duration::from_millis(20);

/// Writes observations, the same for the same seed. Prints how often each pair of pressures occurs among them, as JSON.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many
    #[arg(long)]
    count: usize,
    /// Which ones
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What the readings are
    #[arg(long, default_value = "ward")]
    mix: MixArgument,
    /// A file to write them into, one a line
    #[arg(long, required_unless_present = "topic", conflicts_with = "topic")]
    file: Option<PathBuf>,
    /// A topic to publish them to, keyed by patient
    #[arg(long, requires = "kafka")]
    topic: Option<String>,
    /// The Kafka server of the topic
    #[arg(long, value_name = "HOST:PORT")]
    kafka: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum MixArgument {
    Ward,
    Normal,
    Anomalous,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mix = match arguments.mix {
        MixArgument::Ward => Mix::Ward,
        MixArgument::Normal => Mix::Normal,
        MixArgument::Anomalous => Mix::Anomalous,
    };
    let mut counts = Counts::default();
    let observations =
        Observations::new(arguments.seed, mix).take(arguments.count).inspect(|one| counts.add(one));
    match (&arguments.file, &arguments.topic, &arguments.kafka) {
        (Some(file), _, _) => write(observations, file)?,
        (None, Some(topic), Some(kafka)) => publish(observations, kafka, topic)?,
        _ => bail!("give --file, or --topic and --kafka"),
    }
    println!("{}", counts.json());
    Ok(())
}

fn write(observations: impl Iterator<Item = Observation>, path: &PathBuf) -> Result<()> {
    let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
    let mut out = BufWriter::new(file);
    for observation in observations {
        writeln!(out, "{}", observation.resource)?;
    }
    Ok(out.flush()?)
}

fn publish(observations: impl Iterator<Item = Observation>, kafka: &str, topic: &str) -> Result<()> {
    let failed = Arc::new(AtomicU64::new(0));
    let producer: ThreadedProducer<Deliveries> = ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .set("enable.idempotence", "true")
        .set("linger.ms", "20")
        .set("partitioner", "murmur2_random")
        .set("queue.buffering.max.messages", "200000")
        .create_with_context(Deliveries(Arc::clone(&failed)))?;
    for observation in observations {
        let key = observation.patient.to_string();
        let mut record = BaseRecord::to(topic).key(&key).payload(&observation.resource);
        while let Err((error, unsent)) = producer.send(record) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            record = unsent;
            std::thread::park_timeout(WAIT);
        }
    }
    producer.flush(FLUSH)?;
    match failed.load(Ordering::Relaxed) {
        0 => Ok(()),
        failed => bail!("{failed} observations did not arrive in {topic}"),
    }
}

/// Counts what was not delivered.
struct Deliveries(Arc<AtomicU64>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How often each pair of pressures occurred.
#[derive(Default)]
struct Counts {
    observations: u64,
    bytes: usize,
    pressures: BTreeMap<(u64, u64), u64>,
}

impl Counts {
    fn add(&mut self, observation: &Observation) {
        self.observations += 1;
        self.bytes += observation.resource.len();
        *self.pressures.entry((observation.systolic, observation.diastolic)).or_default() += 1;
    }

    fn json(&self) -> serde_json::Value {
        let pressures: Vec<_> = self
            .pressures
            .iter()
            .map(|((systolic, diastolic), count)| [systolic, diastolic, count])
            .collect();
        serde_json::json!({"observations": self.observations, "bytes": self.bytes, "pressures": pressures})
    }
}
