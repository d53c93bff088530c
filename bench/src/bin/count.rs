//! `bench-count`: a librdkafka consumer that only counts. Nothing that reads the topic with librdkafka can be faster.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Parser;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

/// How long nothing may come.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait at once.
const POLL: Duration = Duration::from_millis(100);

/// Reads a topic to its present end, and prints how many records, how many bytes, and in which time from the first to the last.
#[derive(Debug, Parser)]
struct Arguments {
    /// The Kafka server
    #[arg(long, value_name = "HOST:PORT")]
    kafka: String,
    /// The topic
    #[arg(long)]
    topic: String,
    /// The consumer group
    #[arg(long)]
    group: String,
}

fn main() -> Result<()> {
    let Arguments { kafka, topic, group } = Arguments::parse();
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()?;
    let expected = records(&consumer, &topic)?;
    consumer.subscribe(&[&topic])?;
    let (mut count, mut bytes, mut begun) = (0, 0, None);
    let mut nothing_since = None;
    while count < expected {
        let Some(message) = consumer.poll(POLL) else {
            let since = *nothing_since.get_or_insert_with(Instant::now);
            ensure!(
                since.elapsed() < TIMEOUT,
                "{topic} gives nothing more after {count} of {expected} records"
            );
            continue;
        };
        let message = message?;
        nothing_since = None;
        begun.get_or_insert_with(Instant::now);
        count += 1;
        bytes += message.payload_len();
    }
    let seconds = begun.map(|begun| begun.elapsed().as_secs_f64()).unwrap_or_default();
    println!("{}", serde_json::json!({"records": count, "bytes": bytes, "seconds": seconds}));
    Ok(())
}

/// How many records a topic has.
fn records(consumer: &BaseConsumer, topic: &str) -> Result<i64> {
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
    let mut records = 0;
    for partition in metadata.topics().iter().flat_map(rdkafka::metadata::MetadataTopic::partitions) {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), TIMEOUT)?;
        records += high - low;
    }
    Ok(records)
}
