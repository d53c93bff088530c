//! `bpmonitor check`: is it all there, and does an observation travel end to end. One line a check, each with what to do.

mod classifier;
mod elasticsearch;
mod kafka;
mod kibana;
mod observation;
mod places;
mod report;

use anyhow::{Result, anyhow};
use bpmonitor_clinical::PseudonymKey;
use bpmonitor_pipeline::cluster::kafka::KafkaConnection;
use bpmonitor_settings::Topics;
use bpmonitor_settings::manifest::{self, Settings};
use tokio::runtime::Runtime;

use self::elasticsearch::Store;
use self::report::Report;
use super::CheckArgs;
use super::reader::Reader;
use crate::commands::row_output;
use crate::pump;

/// What is checked, and with what.
struct Check<'c> {
    args: &'c CheckArgs,
    settings: &'c Settings,
    kafka: KafkaConnection,
    topics: Topics,
    runtime: Runtime,
}

/// Checks everything; fails where a check does.
pub(crate) fn check(args: &CheckArgs) -> Result<()> {
    let settings = manifest::read(&args.file)?;
    let check = Check {
        args,
        settings: &settings,
        kafka: args.kafka.connection(Some(&settings))?,
        topics: args.topics.topics(Some(&settings))?,
        runtime: pump::runtime()?,
    };
    let store = Store::new(&check)?;
    let mut report = Report::begin(row_output(args.output))?;
    check.run(&store, &mut report)?;
    match report.failed() {
        0 => Ok(()),
        1 => Err(anyhow!("a check failed: see what it says")),
        failed => Err(anyhow!("{failed} checks failed: see what each says")),
    }
}

impl Check<'_> {
    fn run(&self, store: &Store, report: &mut Report) -> Result<()> {
        if self.args.only_observation {
            let key = places::key(self, report)?;
            return self.travel(None, store, key, report);
        }
        let reader = kafka::connection(self, report)?;
        let has_topics = match &reader {
            Some(reader) => kafka::topics(self, reader, report)?,
            None => false,
        };
        let is_read = match &reader {
            Some(reader) if has_topics => classifier::group(self, reader, report)?,
            _ => false,
        };
        let is_stored = store.check(self, report)?;
        let key = places::key(self, report)?;
        places::archive(self, report)?;
        kibana::check(self, report)?;
        if self.args.no_observation {
            return Ok(());
        }
        match reader {
            Some(reader) if is_read && is_stored => self.travel(Some(&reader), store, key, report),
            _ => report
                .warning("observation", "not published: what it needs is missing, as the checks above say"),
        }
    }

    fn travel(
        &self,
        reader: Option<&Reader>,
        store: &Store,
        key: Option<PseudonymKey>,
        report: &mut Report,
    ) -> Result<()> {
        observation::travel(&observation::Way { check: self, reader, store, key }, report)
    }
}
