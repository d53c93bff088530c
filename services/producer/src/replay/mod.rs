//! FHIR files into a topic: each record once, as it was received.

mod files;
mod record;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bpmonitor_clinical::Source;

use crate::kafka::Connection;
use crate::{Host, PublishError, Target};
use files::Replay;

/// How long to wait before connecting anew.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Files to be published.
#[derive(Clone, Debug)]
pub struct Files {
    /// Their absolute paths, each once.
    pub paths: Vec<String>,
    /// What is known of the systems that they are from: it tells patients apart.
    pub source: Source,
    /// The most records a second; as fast as Kafka takes them where it is not given.
    pub rate_per_second: Option<f64>,
}

/// What became of the files.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Records that Kafka acknowledged.
    pub published: u64,
    /// How many of the records are no FHIR; they were published too, for the classifier to reject.
    pub not_fhir: u64,
    /// Files that had been published to their end before.
    pub done_before: usize,
    /// Records that are larger than the topic takes, and were left out.
    pub too_large: Vec<TooLarge>,
    /// Whether it was stopped before the end.
    pub is_interrupted: bool,
}

/// A record that is larger than the topic takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// Its file.
    pub path: String,
    /// The line that it begins in, from 1.
    pub line: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// What the topic takes, in bytes.
    pub limit: u64,
}

impl std::fmt::Display for TooLarge {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, line, bytes, limit } = self;
        write!(
            formatter,
            "{path}, line {line}: a record of {bytes} bytes was left out: the topic takes {limit}. Split it, or raise \
             the topic's max.message.bytes and publish the file under another name"
        )
    }
}

/// Publishes files to their end, each from where it was left. `progress` is told how many bytes were read. While Kafka is away it
/// waits.
///
/// # Errors
///
/// [`PublishError::BadUsage`], [`PublishError::Refused`] and [`PublishError::File`].
pub fn publish(
    files: &Files,
    target: &Target,
    host: &Host,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, PublishError> {
    let before = host.status.produced();
    let mut replay = Replay {
        files,
        host,
        report: Report::default(),
        too_large: BTreeMap::new(),
        looked_at: HashMap::new(),
        has_begun: false,
        progress,
    };
    loop {
        let done = Connection::open(target, host).and_then(|connection| replay.session(&connection));
        let why = match done {
            Ok(is_settled) => {
                replay.report.is_interrupted = !is_settled || host.stop.is_cancelled();
                break;
            }
            Err(PublishError::Stopped) => {
                replay.report.is_interrupted = true;
                break;
            }
            Err(why @ PublishError::Unavailable(_)) => why,
            Err(why @ PublishError::Refused(_)) if replay.has_begun => why,
            Err(error) => return Err(error),
        };
        host.status.kafka.failing(why.reason(), why.to_string());
        host.wait(AGAIN_AFTER);
    }
    let too_large = replay.too_large.into_values().collect();
    Ok(Report { published: host.status.produced() - before, too_large, ..replay.report })
}
