//! `bpmonitor import` into Kafka: files published record by record, each once, and counted as they will be classified.

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::Result;
use bpmonitor_pipeline::files::{FilePosition, FileSource, Input, NoFeed};
use bpmonitor_pipeline::{Classifier, Origins, Source as _, Tally, now};
use bpmonitor_producer::replay::{self, Files, Report};
use bpmonitor_producer::{Host, PublishError, Status, Target};
use bpmonitor_settings::manifest::{self, Settings};
use bpmonitor_settings::shutdown;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::tail::{classifier, no_key};
use crate::cli::ImportArgs;
use crate::commands::import::write_import;
use crate::failure::bad_usage;
use crate::summary::grouped;
use crate::{progress, pump};

/// How a ward in Kafka is addressed.
const SCHEME: &str = "kafka";

/// Kafka as `--into` names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KafkaAddress {
    servers: Option<String>,
    topic: Option<String>,
}

impl KafkaAddress {
    /// Kafka, where the command line means it.
    pub(crate) fn of(args: &ImportArgs) -> Result<Option<Self>> {
        let address = args.into.as_deref().map(Self::parse).transpose()?.flatten();
        let is_meant = args.ward.is_meant();
        match address {
            None => Ok(is_meant?.then(Self::default)),
            Some(_) if args.ward.has_servers() => Err(bad_usage(
                "--into names Kafka's servers, and so does --bootstrap-servers: remove one of them",
            )),
            Some(address) => Ok(Some(address)),
        }
    }

    /// Reads `kafka://HOST:PORT,...[/TOPIC]`; none where it is no address of Kafka.
    fn parse(text: &str) -> Result<Option<Self>> {
        let Some((scheme, rest)) = text.split_once("://") else { return Ok(None) };
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Ok(None);
        }
        let (servers, topic) = rest.split_once('/').unwrap_or((rest, ""));
        let is_server = |server: &str| {
            server
                .rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        let is_topic = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !servers.split(',').all(is_server) || !topic.bytes().all(is_topic) {
            return Err(bad_usage(format!(
                "{text}: write kafka://HOST:PORT/TOPIC, several HOST:PORT separated by commas"
            )));
        }
        let topic = (!topic.is_empty()).then(|| topic.to_owned());
        Ok(Some(Self { servers: Some(servers.to_owned()), topic }))
    }
}

/// Publishes the files.
pub(crate) fn import(args: &ImportArgs, address: &KafkaAddress, paths: &[String]) -> Result<()> {
    let manifest = args.file.as_deref().map(manifest::read).transpose()?;
    let target = target(args, address, manifest.as_ref())?;
    let settings = manifest.unwrap_or_default();
    let runtime = pump::runtime()?;
    let tallies = paths.iter().map(|path| count(&settings, path, &runtime)).collect::<Result<Vec<_>>>()?;
    let report = publish(&target, &settings, paths, &runtime)?;
    let mut out = io::stdout().lock();
    for (path, tally) in paths.iter().zip(&tallies) {
        write_import(&mut out, path, tally)?;
    }
    write_report(&mut out, &report, &target.topic)?;
    if report.too_large.is_empty() {
        Ok(())
    } else {
        Err(anyhow::anyhow!("records were left out, each named above"))
    }
}

fn target(args: &ImportArgs, address: &KafkaAddress, manifest: Option<&Settings>) -> Result<Target> {
    let mut kafka = args.ward.connection.clone();
    if address.servers.is_some() {
        kafka.bootstrap_servers.clone_from(&address.servers);
    }
    let mut topics = args.ward.topics.clone();
    if address.topic.is_some() {
        topics.topic.clone_from(&address.topic);
    }
    let topic = topics.observations(manifest)?;
    let state_topic = match (manifest, topics.state_topic.clone()) {
        (Some(_), _) => topics.topics(manifest)?.state,
        (None, Some(state_topic)) if state_topic != topic => state_topic,
        (None, _) => {
            return Err(bad_usage(
                "the topic that keeps how far files were published is not known: give the manifest with -f, or another topic than \
                 the Observations' with --state-topic",
            ));
        }
    };
    Ok(Target { connection: kafka.connection(manifest)?, topic, state_topic, create: None })
}

/// What the classifier will make of a file.
fn count(settings: &Settings, path: &str, runtime: &Runtime) -> Result<Tally> {
    let classifier = Classifier { origins: Origins::Files, ..classifier(settings, no_key()) };
    let bar = progress::bytes(length(path)).with_message("reading");
    let mut tally = Tally::default();
    let read = runtime.block_on(async {
        let mut source =
            FileSource::new([Input { position: FilePosition::start(path), follow: false }], NoFeed);
        while let Some(messages) = source.next().await? {
            let batch = classifier.classify(&messages, now());
            source.accept(batch.used);
            tally.add(&batch.tallies.total());
            bar.inc(batch.bytes as u64);
        }
        Ok::<(), anyhow::Error>(())
    });
    bar.finish_and_clear();
    read.map(|()| tally)
}

fn publish(target: &Target, settings: &Settings, paths: &[String], runtime: &Runtime) -> Result<Report> {
    let stop = CancellationToken::new();
    runtime.spawn(shutdown::cancel_on_signal(stop.clone()));
    let host = Host { stop, status: Arc::new(Status::default()), runtime: runtime.handle().clone() };
    let files = Files { paths: paths.to_vec(), source: settings.source.clone(), rate_per_second: None };
    let bar = progress::bytes(paths.iter().map(|path| length(path)).sum()).with_message("publishing");
    let report = replay::publish(&files, target, &host, &mut |bytes| bar.inc(bytes));
    bar.finish_and_clear();
    report.map_err(|error| match error {
        PublishError::BadUsage(message) => bad_usage(message),
        other => other.into(),
    })
}

fn length(path: &str) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn write_report(out: &mut impl Write, report: &Report, topic: &str) -> Result<()> {
    let Report { published, done_before, too_large, is_interrupted, .. } = report;
    writeln!(out, "published to {topic}: {} records", grouped(*published))?;
    if *done_before > 0 {
        let files = if *done_before == 1 { "file was" } else { "files were" };
        writeln!(out, "{done_before} {files} published to the end before, and not again")?;
    }
    for record in too_large {
        writeln!(out, "{record}")?;
    }
    if *is_interrupted {
        writeln!(out, "interrupted: the same command goes on from there")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_servers_and_maybe_a_topic() {
        let parsed = |text| KafkaAddress::parse(text).unwrap();
        let of = |servers: &str, topic: Option<&str>| {
            Some(KafkaAddress { servers: Some(servers.to_owned()), topic: topic.map(str::to_owned) })
        };
        assert_eq!(parsed("kafka://a:9092"), of("a:9092", None));
        assert_eq!(parsed("Kafka://a:9092,b:9093/"), of("a:9092,b:9093", None));
        assert_eq!(
            parsed("kafka://[::1]:9092/bp.x.observations"),
            of("[::1]:9092", Some("bp.x.observations"))
        );
        for other in ["target/ward", "http://a:1", "a:9092"] {
            assert_eq!(parsed(other), None, "{other}");
        }
        for wrong in [
            "kafka://",
            "kafka://a",
            "kafka://:9092",
            "kafka://a:9092/x/y",
            "kafka://a:9092?x=1",
            "kafka://a:99999",
        ] {
            assert!(KafkaAddress::parse(wrong).is_err(), "{wrong}");
        }
    }
}
