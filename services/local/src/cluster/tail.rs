//! `bpmonitor tail` from Kafka: Observations as they arrive, classified here.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::Result;
use bpmonitor_clinical::PseudonymKey;
use bpmonitor_pipeline::cluster::kafka::message;
use bpmonitor_pipeline::{ArchiveLine, Batch, Classifier, Document, Origins, now};
use bpmonitor_settings::KeyArgs;
use bpmonitor_settings::manifest::{self, Settings};
use rdkafka::message::BorrowedMessage;

use super::reader::{Bounds, Reader};
use crate::cli::TailArgs;
use crate::commands::tail::Rows;

/// Prints Observations of the topic as documents, until interrupted.
pub(crate) fn tail(args: &TailArgs) -> Result<()> {
    let settings = args.file.as_deref().map(manifest::read).transpose()?;
    let topic = args.ward.topics.observations(settings.as_ref())?;
    let connection = args.ward.connection.connection(settings.as_ref())?;
    let settings = settings.unwrap_or_default();
    let classifier = classifier(&settings, key(&settings, &args.key)?);
    let reader = Reader::connect(&connection)?;
    let mut rows = Rows::new(args.output)?;
    let bounds = reader.bounds(&topic)?;
    let name: Arc<str> = Arc::from(topic.as_str());
    let print = |record: &BorrowedMessage<'_>, rows: &mut Rows| {
        let batch = classifier.classify(&[message(record, &name)], now());
        documents(&batch).try_for_each(|document| rows.print(&serde_json::to_string(document)?))
    };
    if args.once {
        let spans = if args.all { bounds } else { Bounds::new() };
        reader.read(&topic, &spans, |record| print(record, &mut rows))?;
        return rows.flush();
    }
    let begin =
        |(partition, (low, high)): (&i32, &(i64, i64))| (*partition, if args.all { *low } else { *high });
    reader.follow(&topic, &bounds.iter().map(begin).collect(), |record| match record {
        Some(record) => print(record, &mut rows),
        None => rows.flush(),
    })
}

/// What a batch stores: anomalies and what takes them back, then normal readings.
fn documents(batch: &Batch) -> impl Iterator<Item = &Document> {
    let archived = batch.archive.iter().filter_map(|ArchiveLine { reading, .. }| reading.as_ref());
    batch.anomalies.iter().map(|write| &*write.document).chain(archived)
}

/// The key, where the manifest wants pseudonyms.
pub(super) fn key(settings: &Settings, args: &KeyArgs) -> Result<PseudonymKey> {
    if settings.privacy.pseudonymise { Ok(args.key()?) } else { Ok(no_key()) }
}

/// A key for what shows neither pseudonyms nor ids.
pub(super) fn no_key() -> PseudonymKey {
    PseudonymKey::new(&[0; PseudonymKey::BYTES])
}

/// The classifier that a manifest asks for.
pub(super) fn classifier(settings: &Settings, key: PseudonymKey) -> Classifier {
    Classifier {
        source: settings.source.clone(),
        thresholds: settings.thresholds.clone(),
        key,
        privacy: settings.privacy,
        monitor: settings.monitor.clone(),
        origins: Origins::Kafka,
        erased: HashSet::new(),
    }
}
