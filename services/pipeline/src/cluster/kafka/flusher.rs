//! Writes what was gathered into the archive and commits it, for as long as it takes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::{Instant, sleep, timeout};

use super::consumer::Client;
use super::counts::{Counts, Metadata};
use super::failure;
use super::intake::{Epoch, Intake, Span};
use crate::PortError;
use crate::blocking::blocking;
use crate::cluster::archive::{ArchiveStore, Lines, must_resume};
use crate::cluster::{Backoff, Condition};

/// How long a broker may take to say what was committed.
const ASK_LIMIT: Duration = Duration::from_secs(10);

/// How often segments past their retention are looked for.
const EXPIRE_EVERY: Duration = Duration::from_secs(3600);
/// How long looking for them may hold up commits. What was not come to is found the next time.
const EXPIRE_LIMIT: Duration = Duration::from_secs(30);

/// A partition's last commit: its offset, where there is one, and what it says.
type LastCommit = (Option<u64>, Metadata);

/// What is told of records that became durable: when each was written, in milliseconds since 1970.
pub(super) type Durable = Box<dyn Fn(&[i64]) + Send + Sync>;

/// What a partition is to be committed up to, and the archive lines up to there.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) epoch: Epoch,
    pub(super) first: u64,
    pub(super) next: u64,
    pub(super) first_time: Timestamp,
    pub(super) times: Vec<i64>,
    pub(super) text: Arc<Vec<u8>>,
    pub(super) lines: u64,
    pub(super) counts: Counts,
    /// Another offset to commit than `next`: where the topic begins that took this one's place.
    pub(super) commit_at: Option<u64>,
    /// Whether a commit of it was tried, which may have arrived though it seemed to fail.
    pub(super) is_tried: bool,
}

/// What is gathered of each partition.
pub(super) type AllGathered = BTreeMap<i32, Gathered>;

/// Archives and commits.
pub(super) struct Flusher {
    client: Arc<Client>,
    topic: Arc<str>,
    intake: Arc<Intake>,
    archive: ArchiveStore,
    condition: Condition,
    durable: Durable,
    /// The partitions whose archive was resumed.
    resumed: HashMap<i32, Resumed>,
    expired: Instant,
}

/// A partition whose archive was resumed.
#[derive(Clone, Copy, Debug)]
struct Resumed {
    /// In which assignment.
    epoch: Epoch,
    /// What became of everything that is committed.
    counts: Counts,
}

/// What is to be committed of a partition.
#[derive(Clone, Copy, Debug)]
struct Commit {
    partition: i32,
    epoch: Epoch,
    offset: u64,
    /// What became of everything up to the offset.
    counts: Counts,
}

impl Gathered {
    /// Nothing yet of what begins with a span.
    pub(super) fn nothing_before(span: &Span) -> Self {
        Self {
            epoch: span.epoch,
            first: span.first,
            next: span.first,
            first_time: span.first_time,
            times: Vec::new(),
            text: Arc::default(),
            lines: 0,
            counts: Counts::default(),
            commit_at: None,
            is_tried: false,
        }
    }

    const fn offset(&self) -> u64 {
        match self.commit_at {
            Some(offset) => offset,
            None => self.next,
        }
    }
}

impl Flusher {
    pub(super) fn new(
        client: Arc<Client>,
        topic: Arc<str>,
        intake: Arc<Intake>,
        archive: ArchiveStore,
        condition: Condition,
        durable: Durable,
    ) -> Self {
        let (resumed, expired) = (HashMap::new(), Instant::now());
        Self { client, topic, intake, archive, condition, durable, resumed, expired }
    }

    /// Archives and commits all of it, for as long as it takes. What is not this member's any more is dropped: its owner began at
    /// the last commit.
    pub(super) async fn flush(&mut self, mut left: AllGathered) -> Result<(), PortError> {
        let mut backoff = Backoff::default();
        loop {
            self.drop_lost(&mut left);
            if left.is_empty() {
                break;
            }
            if self.try_flush(&mut left).await? {
                continue;
            }
            sleep(backoff.wait()).await;
        }
        // Also where what failed is no longer this member's.
        self.condition.recovered();
        self.expire().await;
        Ok(())
    }

    /// Archives and commits what it can, and takes it out of `left`. Whether nothing failed.
    async fn try_flush(&mut self, left: &mut AllGathered) -> Result<bool, PortError> {
        if !self.resume(left).await? {
            return Ok(false);
        }
        let archived = self.archive(left).await?;
        for partition in &archived {
            if let Some(of) = left.get_mut(partition) {
                of.is_tried = true;
            }
        }
        let commits = archived.iter().filter_map(|partition| {
            let (of, Resumed { counts, .. }) = (left.get(partition)?, self.resumed.get(partition)?);
            let mut counts = *counts;
            counts += of.counts;
            Some(Commit { partition: *partition, epoch: of.epoch, offset: of.offset(), counts })
        });
        let commits: Vec<_> = commits.collect();
        if !self.commit(&commits).await {
            return Ok(false);
        }
        let is_all = archived.len() == left.len();
        for Commit { partition, counts, .. } in commits {
            let Some(of) = left.remove(&partition) else { continue };
            if let Some(resumed) = self.resumed.get_mut(&partition) {
                resumed.counts = counts;
            }
            self.done(partition, &of);
        }
        Ok(is_all)
    }

    fn done(&mut self, partition: i32, of: &Gathered) {
        self.intake.committed(partition, of.epoch, of.next);
        (self.durable)(&of.times);
        if of.commit_at.is_some() {
            self.release(partition);
        }
    }

    fn release(&mut self, partition: i32) {
        self.resumed.remove(&partition);
        self.archive.release(&self.topic, partition);
    }

    fn drop_lost(&mut self, left: &mut AllGathered) {
        let is_lost = |(partition, of): &(&i32, &Gathered)| !self.intake.is_owned(**partition, of.epoch);
        let lost: Vec<i32> = left.iter().filter(is_lost).map(|(partition, _)| *partition).collect();
        for partition in lost {
            left.remove(&partition);
            self.release(partition);
        }
    }

    /// Lets the archive go on where the last commit of each partition left it, the first time in an assignment and after a commit
    /// that failed. Whether all of them could.
    async fn resume(&mut self, left: &mut AllGathered) -> Result<bool, PortError> {
        let is_new = |(partition, of): &(&i32, &Gathered)| {
            self.resumed.get(partition).is_none_or(|resumed| resumed.epoch != of.epoch)
        };
        let new: Vec<i32> = left.iter().filter(is_new).map(|(partition, _)| *partition).collect();
        if new.is_empty() {
            return Ok(true);
        }
        let committed = match self.last_commits(&new).await {
            Ok(committed) => committed,
            Err(error) => {
                self.failed_commit(&error);
                return Ok(false);
            }
        };
        let mut resumed = Vec::with_capacity(new.len());
        for (partition, (offset, Metadata { mark, counts })) in new.into_iter().zip(committed) {
            let Some(of) = left.get(&partition) else { continue };
            let (epoch, first) = (of.epoch, of.first);
            if of.is_tried && offset == Some(of.offset()) {
                // It was a commit whose answer was lost.
                if let Some(of) = left.remove(&partition) {
                    self.done(partition, &of);
                }
                continue;
            }
            self.archive.release(&self.topic, partition);
            match self.archive.resume(&self.topic, partition, first, mark.as_ref()).await {
                Ok(_) => resumed.push(Commit { partition, epoch, offset: first, counts }),
                Err(error) => {
                    self.failed_archive(error)?;
                    return Ok(false);
                }
            }
        }
        let is_claimed = self.commit(&resumed).await;
        if is_claimed {
            let claims = resumed.into_iter();
            self.resumed.extend(
                claims.map(|Commit { partition, epoch, counts, .. }| (partition, Resumed { epoch, counts })),
            );
        }
        Ok(is_claimed)
    }

    /// The last commits of partitions.
    async fn last_commits(&self, partitions: &[i32]) -> Result<Vec<LastCommit>, KafkaError> {
        let mut asked = TopicPartitionList::new();
        for partition in partitions {
            asked.add_partition(&self.topic, *partition);
        }
        let client = Arc::clone(&self.client);
        let committed = blocking(move || client.committed_offsets(asked, ASK_LIMIT)).await?;
        let mut commits = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let Some(found) = committed.find_partition(&self.topic, *partition) else {
                commits.push((None, Metadata::default()));
                continue;
            };
            found.error()?;
            let offset = match found.offset() {
                Offset::Offset(offset) => u64::try_from(offset).ok(),
                _ => None,
            };
            commits.push((offset, Metadata::read(found.metadata())));
        }
        Ok(commits)
    }

    /// Appends to the archive what is gathered. Gives the partitions that can be committed.
    async fn archive(&mut self, left: &AllGathered) -> Result<Vec<i32>, PortError> {
        let (with_lines, mut archived): (Vec<_>, Vec<_>) = left.iter().partition(|(_, of)| of.lines > 0);
        let lines = with_lines.iter().map(|(partition, of)| of.lines(&self.topic, **partition)).collect();
        let appended = self.archive.append_all(lines, Timestamp::now()).await;
        for (with_lines, appended) in with_lines.into_iter().zip(appended) {
            let Err(error) = appended else {
                archived.push(with_lines);
                continue;
            };
            if must_resume(&error) {
                self.release(*with_lines.0);
            } else {
                self.failed_archive(error)?;
            }
        }
        Ok(archived.into_iter().map(|(partition, _)| *partition).collect())
    }

    /// Commits offsets of partitions, each with the archive's mark and the counts. Whether it is known to have worked; where it is
    /// not, the partitions are to be resumed.
    async fn commit(&mut self, commits: &[Commit]) -> bool {
        if commits.is_empty() {
            return true;
        }
        let Some(result) = self.try_commit(commits).await else { return false };
        for Commit { partition, .. } in commits {
            match result {
                Ok(()) => self.archive.committed(&self.topic, *partition).await,
                Err(_) => self.release(*partition),
            }
        }
        if let Err(error) = &result {
            self.failed_commit(error);
        }
        result.is_ok()
    }

    /// Commits, unless one of the assignments does not hold any more.
    async fn try_commit(&self, commits: &[Commit]) -> Option<Result<(), KafkaError>> {
        let list = match self.commit_list(commits) {
            Ok(list) => list,
            Err(error) => return Some(Err(error)),
        };
        let assignments: Vec<_> = commits.iter().map(|commit| (commit.partition, commit.epoch)).collect();
        let (client, intake) = (Arc::clone(&self.client), Arc::clone(&self.intake));
        // In one piece, which nothing cuts short: partitions are not handed over while a commit of them is under way.
        blocking(move || {
            intake.begin_commit(assignments).then(|| {
                let result = client.commit(&list, CommitMode::Sync);
                intake.end_commit();
                result.and_then(|()| list.elements().iter().try_for_each(TopicPartitionListElem::error))
            })
        })
        .await
    }

    fn commit_list(&self, commits: &[Commit]) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        for Commit { partition, offset, counts, .. } in commits {
            let mark = self.archive.mark(&self.topic, *partition).cloned();
            let mut element = list.add_partition(&self.topic, *partition);
            element.set_offset(Offset::Offset(i64::try_from(*offset).unwrap_or(i64::MAX)))?;
            element.set_metadata(Metadata { mark, counts: *counts }.text());
        }
        Ok(list)
    }

    /// Removes segments past their retention, now and then, and commits marks that name none of them.
    async fn expire(&mut self) {
        if self.expired.elapsed() < EXPIRE_EVERY {
            return;
        }
        self.expired = Instant::now();
        let Ok(expired) = timeout(EXPIRE_LIMIT, self.archive.expire(Timestamp::now())).await else {
            tracing::warn!("removing segments past their retention took too long and goes on in an hour");
            return;
        };
        match expired {
            Ok(expired) if expired.segments == 0 => {}
            Ok(expired) => {
                tracing::info!(
                    segments = expired.segments,
                    bytes = expired.bytes,
                    "removed segments past their retention"
                );
                let resumed: Vec<i32> = self.resumed.keys().copied().collect();
                let commits = self.intake.last_committed(&resumed).into_iter().filter_map(
                    |(partition, epoch, offset)| {
                        let counts = self.resumed.get(&partition)?.counts;
                        Some(Commit { partition, epoch, offset, counts })
                    },
                );
                let commits: Vec<_> = commits.collect();
                self.commit(&commits).await;
            }
            Err(error) => {
                tracing::warn!(%error, "removing segments past their retention failed and is tried again in an hour");
            }
        }
    }

    fn failed_commit(&self, error: &KafkaError) {
        let code = error.rdkafka_error_code();
        if matches!(code, Some(RDKafkaErrorCode::RebalanceInProgress)) {
            return;
        }
        let (reason, advice) = code
            .and_then(failure::of_code)
            .unwrap_or(("CommitFailed", "Kafka does not take or give committed offsets; it is tried again"));
        self.condition.failing(reason, format!("{advice} ({error})"));
    }

    /// Says that the archive failed; gives the error back where trying again will not help.
    fn failed_archive(&self, error: PortError) -> Result<(), PortError> {
        if matches!(error, PortError::Damaged(_)) {
            return Err(error);
        }
        if error.is_disk_full() {
            let advice = "the archive's volume is full: enlarge it or shorten spec.archive.retention";
            self.condition.failing("ArchiveFull", advice);
        } else {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            self.condition.failing("ArchiveFailed", format!("{error}{cause}; it is tried again"));
        }
        Ok(())
    }
}

impl Gathered {
    fn lines(&self, topic: &Arc<str>, partition: i32) -> Lines {
        Lines {
            topic: Arc::clone(topic),
            partition,
            offsets: self.first..self.next,
            first_time: self.first_time,
            text: Arc::clone(&self.text),
            count: self.lines,
        }
    }
}
