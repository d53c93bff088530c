//! The archive and the commits: what is durable elsewhere is gathered, then archived and committed in the background.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::consumer::Client;
use super::counts::Counts;
use super::flusher::{AllGathered, Durable, Flusher, Gathered};
use super::intake::{Intake, Span};
use super::text::{Text, TextLines, append};
use crate::cluster::Condition;
use crate::cluster::archive::{ArchiveStore, Gather};
use crate::{Archive, Checkpoint, PortError, Tallies};

/// So many bytes of lines may be gathered while an append is under way, or what is worth one append, and so many records; then the
/// pipeline waits for it.
const BYTES_AHEAD: usize = 4 * 1024 * 1024;
const RECORDS_AHEAD: usize = 100_000;

/// Gathers archive lines and offsets. Clones share them: one is the archive, one the checkpoint.
#[derive(Clone)]
pub struct Committer {
    intake: Arc<Intake>,
    gathering: Arc<Mutex<Gathering>>,
    condition: Condition,
}

impl std::fmt::Debug for Committer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Committer").field("condition", &self.condition).finish_non_exhaustive()
    }
}

/// What is gathered, and what writes it.
struct Gathering {
    intake: Arc<Intake>,
    gather: Gather,
    /// Lines whose offsets come with the commit.
    staged: BTreeMap<i32, Text>,
    gathered: AllGathered,
    /// When the oldest of what is gathered came.
    since: Option<Instant>,
    writer: Writer,
}

/// What writes, one append at a time.
enum Writer {
    Idle(Box<Flusher>),
    Busy(JoinHandle<Result<Box<Flusher>, PortError>>),
    /// It failed for good; why, until it is told.
    Failed(Option<PortError>),
}

impl Committer {
    pub(super) fn new(
        client: Arc<Client>,
        topic: Arc<str>,
        intake: Arc<Intake>,
        archive: ArchiveStore,
        durable: Durable,
    ) -> Self {
        let condition = Condition::new("archive");
        let gather = archive.gather();
        let flusher = Flusher::new(client, topic, Arc::clone(&intake), archive, condition.clone(), durable);
        let gathering = Gathering {
            intake: Arc::clone(&intake),
            gather,
            staged: BTreeMap::new(),
            gathered: BTreeMap::new(),
            since: None,
            writer: Writer::Idle(Box::new(flusher)),
        };
        Self { intake, gathering: Arc::new(Mutex::new(gathering)), condition }
    }

    /// Whether the archive can be written and offsets be committed.
    pub const fn condition(&self) -> &Condition {
        &self.condition
    }
}

impl Archive for Committer {
    type Lines = TextLines;

    async fn append(&mut self, lines: TextLines) -> Result<(), PortError> {
        let texts = lines.into_texts()?;
        let mut gathering = self.gathering.lock().await;
        for (partition, text) in texts {
            gathering.staged.entry(partition).or_default().append(text);
        }
        Ok(())
    }
}

impl Checkpoint<Vec<Span>> for Committer {
    async fn commit(&mut self, position: Vec<Span>, tallies: &Tallies) -> Result<(), PortError> {
        let mut gathering = self.gathering.lock().await;
        for span in position {
            if span.is_anew {
                gathering.end_generation(&span).await?;
            }
            gathering.add(span, tallies);
        }
        if gathering.must_wait() || gathering.is_due() && !gathering.writer.is_busy() {
            gathering.begin().await?;
        }
        Ok(())
    }

    async fn due(&self) {
        let mut gathering = self.gathering.lock().await;
        tokio::select! {
            () = gathering.ripe() => {}
            () = self.intake.hurry() => {}
        }
    }

    async fn advance(&mut self) -> Result<(), PortError> {
        self.gathering.lock().await.begin().await
    }

    async fn flush(&mut self) -> Result<(), PortError> {
        let mut gathering = self.gathering.lock().await;
        gathering.begin().await?;
        gathering.writer.finished().await
    }
}

impl Gathering {
    /// Archives what is gathered of a topic that was deleted and made anew, and commits where the new one begins: what was being
    /// written of the old one may just have committed an offset of it.
    async fn end_generation(&mut self, span: &Span) -> Result<(), PortError> {
        let gathered = self.gathered.entry(span.partition).or_insert_with(|| Gathered::nothing_before(span));
        gathered.commit_at = Some(span.first);
        self.begin().await?;
        self.writer.finished().await
    }

    fn add(&mut self, span: Span, tallies: &Tallies) {
        let mut text = self.staged.remove(&span.partition).unwrap_or_default();
        self.since.get_or_insert_with(Instant::now);
        if self.gathered.get(&span.partition).is_none_or(|gathered| gathered.epoch != span.epoch) {
            self.gathered.insert(span.partition, Gathered::nothing_before(&span));
        }
        let Some(gathered) = self.gathered.get_mut(&span.partition) else { return };
        gathered.next = span.next;
        gathered.times.extend(span.times);
        append(Arc::make_mut(&mut gathered.text), &mut text.bytes);
        gathered.lines += text.lines;
        gathered.counts += tallies.get(span.partition).map_or_else(Counts::default, Counts::from);
    }

    fn bytes(&self) -> usize {
        self.gathered.values().map(|gathered| gathered.text.len()).sum()
    }

    fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + self.gather.after)
    }

    fn is_due(&self) -> bool {
        let is_late = self.due().is_some_and(|due| due <= Instant::now());
        is_late || self.bytes() >= self.gather.bytes
    }

    /// Whether no more can be gathered before what is gathered is being written.
    fn must_wait(&self) -> bool {
        let records: usize = self.gathered.values().map(|gathered| gathered.times.len()).sum();
        let is_much = records >= RECORDS_AHEAD || self.bytes() >= BYTES_AHEAD.max(self.gather.bytes);
        is_much || self.intake.is_revoking()
    }

    /// Waits until what is gathered is due and can be written, or writing has failed.
    async fn ripe(&mut self) {
        if let Some(due) = self.due() {
            sleep_until(due).await;
        }
        self.writer.joined().await;
        let is_failed = matches!(self.writer, Writer::Failed(_));
        if self.since.is_none() && !is_failed {
            std::future::pending::<()>().await;
        }
    }

    /// Begins to write what is gathered, once the write before it is done.
    async fn begin(&mut self) -> Result<(), PortError> {
        self.writer.finished().await?;
        self.since = None;
        let left = std::mem::take(&mut self.gathered);
        self.writer.begin(left);
        Ok(())
    }
}

impl Writer {
    fn is_busy(&self) -> bool {
        matches!(self, Self::Busy(task) if !task.is_finished())
    }

    fn begin(&mut self, left: AllGathered) {
        if left.is_empty() {
            return;
        }
        if let Self::Idle(mut flusher) = std::mem::replace(self, Self::Failed(None)) {
            *self = Self::Busy(tokio::spawn(async move {
                flusher.flush(left).await?;
                Ok(flusher)
            }));
        }
    }

    /// Waits until nothing is being written.
    async fn joined(&mut self) {
        let Self::Busy(task) = self else { return };
        *self = match task.await {
            Ok(Ok(flusher)) => Self::Idle(flusher),
            Ok(Err(error)) => Self::Failed(Some(error)),
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Self::Failed(None),
            },
        };
    }

    /// The same; gives the failure where it failed for good.
    async fn finished(&mut self) -> Result<(), PortError> {
        self.joined().await;
        let Self::Failed(error) = self else { return Ok(()) };
        Err(error
            .take()
            .unwrap_or_else(|| PortError::Damaged("writing the archive has failed before".to_owned())))
    }
}
