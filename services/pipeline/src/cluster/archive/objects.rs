//! The archive in an S3-compatible object store: one object an append.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::task::JoinHandle;

use super::lines::{Expired, Gather, Lines, Refusal};
use super::mark::{Claim, Committed, Mark};
use super::name::{SegmentName, Stage};
use super::s3::{S3Settings, S3SetupError};
use crate::PortError;
use crate::ports::StoreFailure;
use crate::segments::Compression;

type Place = (Arc<str>, i32);

/// The archive in an object store.
#[derive(Debug)]
pub(super) struct Objects {
    bucket: Arc<Bucket>,
    partitions: HashMap<Place, Partition>,
}

/// Where objects are.
#[derive(Debug)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    name: String,
    prefix: Path,
    compression: Compression,
    retention: Option<SignedDuration>,
    limit: Duration,
}

/// One partition's objects, as its owner writes them.
#[derive(Debug)]
struct Partition {
    place: Place,
    claim: Claim,
    /// The offset behind the last object: the next one's first.
    next: u64,
    /// How often writing the next object has failed. Such a write may still arrive, so the next try has another name.
    attempt: u32,
    mark: Mark,
    is_uncommitted: bool,
    is_cleaned: bool,
}

type Appended = (Partition, Result<Mark, PortError>);

impl Objects {
    /// An object is a request that is paid for, and a file that lists have to pass: they are made larger and later.
    pub(super) const GATHER: Gather = Gather { after: Duration::from_secs(10), bytes: 8 * 1024 * 1024 };

    pub(super) fn open(settings: &S3Settings) -> Result<Self, S3SetupError> {
        Ok(Self { bucket: Arc::new(Bucket::open(settings)?), partitions: HashMap::new() })
    }

    pub(super) fn resume(
        &mut self,
        place: Place,
        offset: u64,
        committed: Option<&Mark>,
    ) -> Result<Mark, PortError> {
        self.partitions.remove(&place);
        let (claim, next) = match committed.map(Mark::read).transpose()? {
            Some((claim, Committed::Objects { next })) if next <= offset => (claim.next(), next),
            _ => (Claim::first(), offset),
        };
        let mark = Mark::new(claim, &Committed::Objects { next });
        let partition = Partition {
            place: place.clone(),
            claim,
            next,
            attempt: 0,
            mark: mark.clone(),
            is_uncommitted: true,
            is_cleaned: false,
        };
        self.partitions.insert(place, partition);
        Ok(mark)
    }

    pub(super) async fn append_all(&mut self, lines: Vec<Lines>) -> Vec<Result<Mark, PortError>> {
        let begun: Vec<_> = lines.into_iter().map(|lines| self.begin_append(lines)).collect();
        let mut results = Vec::with_capacity(begun.len());
        for append in begun {
            results.push(match append {
                Err(error) => Err(error),
                Ok(append) => match append.await {
                    Ok((partition, result)) => {
                        self.partitions.insert(partition.place.clone(), partition);
                        result
                    }
                    Err(error) => {
                        Err(PortError::io("writing the archive")(std::io::Error::other(error.to_string())))
                    }
                },
            });
        }
        results
    }

    fn begin_append(&mut self, lines: Lines) -> Result<JoinHandle<Appended>, PortError> {
        let place = (Arc::clone(&lines.topic), lines.partition);
        let Some(mut partition) = self.partitions.remove(&place) else {
            return Err(Refusal::NotResumed.of(&place.0, place.1));
        };
        let bucket = Arc::clone(&self.bucket);
        Ok(tokio::spawn(async move {
            let result = partition.append(&bucket, lines).await;
            (partition, result)
        }))
    }

    pub(super) fn committed(&mut self, place: &Place) {
        if let Some(partition) = self.partitions.get_mut(place) {
            partition.is_uncommitted = false;
        }
    }

    pub(super) fn mark(&self, place: &Place) -> Option<&Mark> {
        self.partitions.get(place).map(|partition| &partition.mark)
    }

    pub(super) fn release(&mut self, place: &Place) {
        self.partitions.remove(place);
    }

    pub(super) async fn expire(&self, now: Timestamp) -> Result<Expired, PortError> {
        let limit = self.bucket.retention.and_then(|retention| now.checked_sub(retention).ok());
        match limit {
            Some(limit) => self.bucket.expire(limit).await,
            None => Ok(Expired::default()),
        }
    }
}

impl Partition {
    async fn append(&mut self, bucket: &Bucket, lines: Lines) -> Result<Mark, PortError> {
        let refuse = |refusal: Refusal| Err(refusal.of(&self.place.0, self.place.1));
        if self.is_uncommitted {
            return refuse(Refusal::Uncommitted);
        }
        if lines.offsets.start < self.next {
            return refuse(Refusal::Backwards);
        }
        self.clean_up(bucket).await;
        let end = lines.offsets.end;
        let name = SegmentName {
            first_offset: self.next,
            first_time: SegmentName::time(lines.first_time),
            lineage: self.claim.lineage,
            epoch: self.claim.epoch,
            attempt: self.attempt,
            compression: bucket.compression,
        };
        let key = bucket.directory_of(&self.place).join(name.at(Stage::Closed));
        if let Err(error) = bucket.put(&key, lines.text).await {
            self.attempt += 1;
            return Err(error);
        }
        (self.next, self.attempt) = (end, 0);
        self.mark = Mark::new(self.claim, &Committed::Objects { next: end });
        self.is_uncommitted = true;
        Ok(self.mark.clone())
    }

    /// Removes what earlier owners wrote and never committed. Readers pass it over; it would only take room.
    async fn clean_up(&mut self, bucket: &Bucket) {
        if self.is_cleaned {
            return;
        }
        match bucket.remove_uncommitted(&self.place, self.claim, self.next).await {
            Ok(()) => self.is_cleaned = true,
            Err(error) => {
                let (topic, partition) = &self.place;
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%topic, partition, error, "what earlier owners left in the archive is not removed yet");
            }
        }
    }
}

impl Bucket {
    pub(super) fn open(settings: &S3Settings) -> Result<Self, S3SetupError> {
        Ok(Self {
            store: Arc::new(settings.connect()?),
            name: settings.bucket.clone(),
            prefix: Path::from(settings.prefix.as_str()),
            compression: settings.compression,
            retention: settings.retention,
            limit: settings.limit,
        })
    }

    fn directory_of(&self, (topic, partition): &Place) -> Path {
        self.prefix.clone().join(&**topic).join(partition.to_string())
    }

    fn failed(&self, doing: &str, key: &Path) -> impl FnOnce(object_store::Error) -> PortError + use<> {
        let what = format!("{doing} s3://{}/{key}", self.name);
        move |error| PortError::Store { what, cause: StoreFailure::Other, source: Box::new(error) }
    }

    async fn put(&self, key: &Path, text: Arc<Vec<u8>>) -> Result<(), PortError> {
        let compression = self.compression;
        let encode = move || compression.encode(&text).map(std::borrow::Cow::into_owned);
        let encoded = tokio::task::spawn_blocking(encode).await.map_err(std::io::Error::other);
        let bytes = encoded.and_then(|bytes| bytes).map_err(PortError::io("encoding archive lines"))?;
        let put = self.within(key, self.store.put(key, PutPayload::from(bytes)));
        put.await.map(drop).map_err(self.failed("writing", key))
    }

    /// The client's own limits are for one request each.
    async fn within<T>(
        &self,
        key: &Path,
        work: impl Future<Output = object_store::Result<T>>,
    ) -> object_store::Result<T> {
        let limit = self.limit;
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            let source = format!("no answer within {} s for {key}", limit.as_secs_f32()).into();
            Err(object_store::Error::Generic { store: "S3", source })
        })
    }

    async fn remove_uncommitted(&self, place: &Place, claim: Claim, next: u64) -> Result<(), PortError> {
        let directory = self.directory_of(place);
        let is_uncommitted = |name: &SegmentName| {
            name.lineage == claim.lineage && name.epoch < claim.epoch && name.first_offset >= next
        };
        let removed = async {
            // Names begin with the first offset, so everything from there on comes behind it.
            let from = directory.clone().join(format!("{next:020}"));
            let mut found = self.store.list_with_offset(Some(&directory), &from);
            while let Some(object) = found.try_next().await? {
                if parse(&object.location).is_some_and(|name| is_uncommitted(&name)) {
                    self.store.delete(&object.location).await?;
                }
            }
            Ok(())
        };
        self.within(&directory, removed).await.map_err(self.failed("cleaning", &directory))
    }

    /// Removes objects last written before `limit`, of every partition, as a topic that is gone has no owner; and those which a
    /// later one of the same lines has replaced.
    async fn expire(&self, limit: Timestamp) -> Result<Expired, PortError> {
        let mut expired = Expired::default();
        let mut last: Option<ObjectMeta> = None;
        let mut found = self.store.list(Some(&self.prefix));
        let failed = || self.failed("removing what is old from", &self.prefix);
        while let Some(object) = found.try_next().await.map_err(failed())? {
            if parse(&object.location).is_none() {
                continue;
            }
            if object.last_modified.timestamp() < limit.as_second() {
                self.store.delete(&object.location).await.map_err(failed())?;
                expired.segments += 1;
                expired.bytes += object.size;
                continue;
            }
            if let Some(last) = &last
                && let Some(replaced) = replaced(last, &object)
            {
                self.store.delete(&replaced.location).await.map_err(failed())?;
            }
            last = Some(object);
        }
        Ok(expired)
    }

    /// Everything that is there, by partition.
    pub(super) async fn partitions(
        &self,
    ) -> Result<HashMap<(String, i32), Vec<(SegmentName, Stage)>>, PortError> {
        let mut partitions: HashMap<_, Vec<_>> = HashMap::new();
        let mut found = self.store.list(Some(&self.prefix));
        while let Some(object) = found.try_next().await.map_err(self.failed("listing", &self.prefix))? {
            let Some(name) = parse(&object.location) else { continue };
            let parts: Vec<_> = object.location.parts().collect();
            let [.., topic, partition, _] = parts.as_slice() else { continue };
            let Ok(partition) = partition.as_ref().parse() else { continue };
            let place = (topic.as_ref().to_owned(), partition);
            partitions.entry(place).or_default().push((name, Stage::Closed));
        }
        Ok(partitions)
    }

    pub(super) async fn get(&self, place: &Place, name: &SegmentName) -> Result<Vec<u8>, PortError> {
        let key = self.directory_of(place).join(name.at(Stage::Closed));
        let get = async { self.store.get(&key).await?.bytes().await };
        self.within(&key, get).await.map(Vec::from).map_err(self.failed("reading", &key))
    }

    pub(super) fn display(&self, (topic, partition): &Place, name: &SegmentName) -> String {
        format!("s3://{}/{}/{topic}/{partition}/{name}", self.name, self.prefix)
    }
}

fn parse(key: &Path) -> Option<SegmentName> {
    let (name, stage) = SegmentName::parse(key.filename()?)?;
    (stage == Stage::Closed).then_some(name)
}

/// Which of two neighbours the other one has replaced.
fn replaced<'a>(one: &'a ObjectMeta, other: &'a ObjectMeta) -> Option<&'a ObjectMeta> {
    let directory = |key: &Path| key.as_ref().rsplit_once('/').map(|(directory, _)| directory.to_owned());
    if directory(&one.location) != directory(&other.location) {
        return None;
    }
    let (one_name, other_name) = (parse(&one.location)?, parse(&other.location)?);
    if one_name.is_superseded_by(&other_name) {
        return Some(one);
    }
    other_name.is_superseded_by(&one_name).then_some(other)
}
