//! One partition of Kafka, its owners, and those who were: each does what it likes, only the last one can commit.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bpmonitor_pipeline::cluster::archive::{ArchiveReader, ArchiveStore, Lines, Mark};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

pub(crate) const TOPIC: &str = "bp.wards.ward-3.observations";

/// Where an archive is, for any number of replicas.
pub(crate) trait Place {
    /// A replica's access; `variant` are settings that may differ from one release to the next.
    fn store(&self, variant: u8) -> ArchiveStore;
    fn reader(&self) -> ArchiveReader;
    /// Leaves a write unfinished in what is there.
    fn tear(&self) {}
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Another replica takes the partition over; the former one knows nothing of it.
    TakeOver(u8),
    /// The owner archives and commits so many records.
    Work(u64),
    /// The owner archives so many records and is killed before it commits.
    Die(u64),
    /// The owner commits, and never hears that it worked.
    LoseAnswer(u64),
    /// The owner is killed within a write.
    Tear,
    /// One that owned the partition goes on.
    Zombie(usize, u64),
    /// One that owned the partition takes it over again, from a commit that is not the last one.
    StaleTakeOver(usize),
    Day,
    /// The topic is deleted and made anew, and its committed offset with it, or not.
    Recreate(bool),
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<u8>().prop_map(Step::TakeOver),
        8 => (1..12_u64).prop_map(Step::Work),
        3 => (1..12_u64).prop_map(Step::Die),
        2 => (1..12_u64).prop_map(Step::LoseAnswer),
        2 => Just(Step::Tear),
        6 => (any::<usize>(), 1..12_u64).prop_map(|(which, records)| Step::Zombie(which, records)),
        2 => any::<usize>().prop_map(Step::StaleTakeOver),
        2 => Just(Step::Day),
        1 => any::<bool>().prop_map(Step::Recreate),
    ];
    proptest::collection::vec(step, 1..40)
}

struct Owner {
    store: ArchiveStore,
    generation: u64,
    incarnation: u32,
    next: u64,
    /// What it began from.
    began: (u64, Option<Mark>),
}

pub(crate) struct Model<'a> {
    place: &'a dyn Place,
    now: Timestamp,
    generation: u64,
    /// How often the topic was made anew.
    incarnation: u32,
    committed: (u64, Option<Mark>),
    /// How often each line is expected.
    expected: HashMap<String, u32>,
    owner: Option<Owner>,
    zombies: Vec<Owner>,
}

/// Four records give lines, four give none, and so on.
fn line(incarnation: u32, offset: u64) -> Option<String> {
    let noise = offset.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31);
    (offset & 4 == 0).then(|| format!("{{\"topic\":{incarnation},\"offset\":{offset},\"noise\":{noise}}}"))
}

pub(crate) fn lines(incarnation: u32, offsets: Range<u64>) -> Lines {
    let lines: Vec<_> = offsets.clone().filter_map(|offset| line(incarnation, offset)).collect();
    let mut text = lines.join("\n");
    text.push('\n');
    Lines {
        topic: TOPIC.into(),
        partition: 0,
        first_time: Timestamp::from_second(i64::from(incarnation) * 1_000_000 + offsets.start.cast_signed())
            .unwrap(),
        offsets,
        text: Arc::new(text.into_bytes()),
        count: lines.len() as u64,
    }
}

pub(crate) async fn append_one(
    store: &mut ArchiveStore,
    lines: Lines,
    now: Timestamp,
) -> Result<Mark, bpmonitor_pipeline::PortError> {
    store.append_all(vec![lines], now).await.remove(0)
}

impl<'a> Model<'a> {
    pub(crate) fn new(place: &'a dyn Place) -> Self {
        Self {
            place,
            now: "2026-03-01T12:00:00Z".parse().unwrap(),
            generation: 0,
            incarnation: 0,
            committed: (0, None),
            expected: HashMap::new(),
            owner: None,
            zombies: Vec::new(),
        }
    }

    pub(crate) async fn run(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step).await;
        }
        self.take_over(0).await;
        self.work(20).await;
        self.check(true).await;
        self.check(false).await;
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::TakeOver(variant) => self.take_over(variant).await,
            Step::Work(records) => self.work(records).await,
            Step::Die(records) => {
                if let Some(mut owner) = self.owner.take() {
                    let _ = self.archive(&mut owner, records).await;
                }
            }
            Step::LoseAnswer(records) => {
                let Some(mut owner) = self.owner.take() else { return };
                if let Some((end, mark)) = self.archive(&mut owner, records).await {
                    self.commit(&owner, end, &mark);
                }
                self.generation += 1;
                self.zombies.push(owner);
            }
            Step::Tear => {
                self.owner = None;
                self.place.tear();
            }
            Step::Zombie(which, records) => self.haunt(which, records).await,
            Step::StaleTakeOver(which) => {
                let Some(zombie) = pick(&mut self.zombies, which) else { return };
                let (offset, mark) = zombie.began.clone();
                let _ = zombie.store.resume(TOPIC, 0, offset, mark.as_ref()).await;
            }
            Step::Day => self.now += SignedDuration::from_hours(24),
            Step::Recreate(is_forgotten) => {
                self.incarnation += 1;
                self.committed = (0, self.committed.1.take().filter(|_| !is_forgotten));
                self.zombies.extend(self.owner.take());
                self.generation += 1;
            }
        }
    }

    async fn take_over(&mut self, variant: u8) {
        self.zombies.extend(self.owner.take());
        self.generation += 1;
        let mut store = self.place.store(variant);
        let began = self.committed.clone();
        let claim = store.resume(TOPIC, 0, began.0, began.1.as_ref()).await.unwrap();
        let next = began.0;
        let owner = Owner { store, generation: self.generation, incarnation: self.incarnation, next, began };
        assert!(self.commit(&owner, next, &claim));
        let owner = self.owner.insert(owner);
        owner.store.committed(TOPIC, 0).await;
    }

    /// What is to be committed.
    async fn archive(&self, owner: &mut Owner, records: u64) -> Option<(u64, Mark)> {
        let end = owner.next + records;
        let lines = lines(owner.incarnation, owner.next..end);
        if lines.count == 0 {
            return owner.store.mark(TOPIC, 0).map(|mark| (end, mark.clone()));
        }
        append_one(&mut owner.store, lines, self.now).await.ok().map(|mark| (end, mark))
    }

    async fn work(&mut self, records: u64) {
        let Some(mut owner) = self.owner.take() else { return };
        let (end, mark) = self.archive(&mut owner, records).await.expect("the owner can archive");
        assert!(self.commit(&owner, end, &mark));
        owner.store.committed(TOPIC, 0).await;
        owner.next = end;
        self.owner = Some(owner);
    }

    fn commit(&mut self, owner: &Owner, end: u64, mark: &Mark) -> bool {
        if owner.generation != self.generation {
            return false;
        }
        for line in (self.committed.0..end).filter_map(|offset| line(self.incarnation, offset)) {
            *self.expected.entry(line).or_default() += 1;
        }
        self.committed = (end, Some(mark.clone()));
        true
    }

    async fn haunt(&mut self, which: usize, records: u64) {
        let mut zombies = std::mem::take(&mut self.zombies);
        if let Some(zombie) = pick(&mut zombies, which) {
            let archived = self.archive(zombie, records).await;
            assert!(archived.is_none_or(|(end, mark)| !self.commit(zombie, end, &mark)));
        }
        self.zombies = zombies;
    }

    async fn check(&self, is_told: bool) {
        let mut found: HashMap<String, u32> = HashMap::new();
        let mark = |topic: &str, partition| {
            assert_eq!((topic, partition), (TOPIC, 0));
            self.committed.1.clone().filter(|_| is_told)
        };
        let count = |_: &_, line: &[u8]| {
            *found.entry(String::from_utf8(line.to_owned()).unwrap()).or_default() += 1;
            Ok(())
        };
        self.place.reader().for_each(mark, count).await.unwrap();
        // What a topic that is gone had archived and not committed is read by nobody again: it may be there, once.
        let current = format!("{{\"topic\":{},", self.incarnation);
        found.retain(|line, count| {
            line.starts_with(&current) || self.expected.contains_key(line) || *count != 1
        });
        assert_eq!(found, self.expected);
    }
}

fn pick(zombies: &mut [Owner], which: usize) -> Option<&mut Owner> {
    let count = zombies.len();
    zombies.get_mut(which.checked_rem(count)?)
}
