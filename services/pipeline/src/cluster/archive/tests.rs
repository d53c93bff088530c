//! Kills and pauses before every single step that is done to files: whatever happens in between, what is committed is there once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

use std::cell::RefCell;
use std::io;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use super::directory::DirectorySettings;
use super::files::step;
use super::lines::Lines;
use super::mark::Mark;
use super::partition::{Partition, directory_of};
use super::reader::read_directory;
use crate::PortError;
use crate::segments::Compression;

const TOPIC: &str = "observations";

/// A partition of Kafka with its committed offset, which only the last owner can move, and its archive.
struct World {
    directory: TempDir,
    settings: Arc<DirectorySettings>,
    generation: u64,
    committed: Option<(u64, Mark)>,
    now: Timestamp,
}

struct Owner {
    generation: u64,
    partition: Partition,
    next: u64,
}

type Shared = Rc<RefCell<World>>;

fn world(settings: impl FnOnce(&mut DirectorySettings)) -> Shared {
    let memory = std::path::Path::new("/dev/shm");
    let directory = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let mut set = DirectorySettings::new(directory.path());
    settings(&mut set);
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    let settings = Arc::new(set);
    Rc::new(RefCell::new(World { directory, settings, generation: 0, committed: None, now }))
}

/// A record in three gives no line.
fn text(offsets: Range<u64>) -> (Vec<u8>, u64) {
    let lines: Vec<_> =
        offsets.filter(|offset| offset % 3 != 1).map(|offset| format!("line {offset}\n")).collect();
    (lines.concat().into_bytes(), lines.len() as u64)
}

impl World {
    fn begin(&mut self) -> (u64, u64, Option<Mark>) {
        self.generation += 1;
        let (offset, mark) = self.committed.clone().map_or((0, None), |(offset, mark)| (offset, Some(mark)));
        (self.generation, offset, mark)
    }

    fn commit(&mut self, generation: u64, offset: u64, mark: &Mark) -> bool {
        let is_owner = generation == self.generation;
        if is_owner {
            self.committed = Some((offset, mark.clone()));
        }
        is_owner
    }
}

/// Takes the partition over; none where the commit of the claim was refused.
fn take_over(world: &Shared) -> Result<Option<Owner>, PortError> {
    let (generation, offset, mark) = world.borrow_mut().begin();
    take_over_as(world, generation, offset, mark.as_ref())
}

fn take_over_as(
    world: &Shared,
    generation: u64,
    offset: u64,
    mark: Option<&Mark>,
) -> Result<Option<Owner>, PortError> {
    let (settings, now) = (Arc::clone(&world.borrow().settings), world.borrow().now);
    let mut partition = Partition::resume(&settings, (TOPIC.into(), 0), offset, mark, now)?;
    if !world.borrow_mut().commit(generation, offset, partition.mark()) {
        return Ok(None);
    }
    partition.committed();
    Ok(Some(Owner { generation, partition, next: offset }))
}

/// Archives and commits so many records. Whether it was committed.
fn work(world: &Shared, owner: &mut Owner, records: u64) -> Result<bool, PortError> {
    let offsets = owner.next..owner.next + records;
    let (text, count) = text(offsets.clone());
    let now = world.borrow().now;
    let lines = Lines {
        topic: TOPIC.into(),
        partition: 0,
        offsets: offsets.clone(),
        first_time: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(offsets.start.cast_signed()),
        text: Arc::new(text),
        count,
    };
    let mark = owner.partition.append(&lines, now)?;
    if !world.borrow_mut().commit(owner.generation, offsets.end, &mark) {
        return Ok(false);
    }
    owner.partition.committed();
    owner.next = offsets.end;
    Ok(true)
}

fn day_passes(world: &Shared) {
    world.borrow_mut().now += SignedDuration::from_hours(24);
}

/// An owner's whole life: several segments, on two days.
fn live(world: &Shared) -> Result<(), PortError> {
    let Some(mut owner) = take_over(world)? else { return Ok(()) };
    for round in 0..4 {
        if round == 2 {
            day_passes(world);
        }
        if !work(world, &mut owner, 4)? {
            return Ok(());
        }
    }
    Ok(())
}

fn read(world: &Shared, is_told: bool) -> Vec<String> {
    let world = world.borrow();
    let mark = is_told.then(|| world.committed.as_ref().unwrap().1.read().unwrap());
    let mut lines = Vec::new();
    let directory = world.directory.path().join(directory_of(TOPIC, 0));
    read_directory(&directory, mark.as_ref(), &mut |line| {
        lines.push(String::from_utf8(line.to_owned()).unwrap());
        Ok(())
    })
    .unwrap();
    lines
}

#[track_caller]
fn check(world: &Shared, is_told: bool) {
    let end = world.borrow().committed.as_ref().unwrap().0;
    let (expected, _) = text(0..end);
    assert_eq!(read(world, is_told).join("\n") + "\n", String::from_utf8(expected).unwrap());
}

/// Exactly what is committed, for who knows the mark; and once the next owner has appended, for everybody.
#[track_caller]
fn check_and_go_on(world: &Shared) {
    if world.borrow().committed.as_ref().is_some_and(|(offset, _)| *offset > 0) {
        check(world, true);
    }
    let mut owner = take_over(world).unwrap().unwrap();
    assert!(work(world, &mut owner, 5).unwrap());
    check(world, true);
    check(world, false);
    let opened = open_segments(world);
    assert_eq!(opened.len(), 1, "{opened:?}");
}

fn open_segments(world: &Shared) -> Vec<String> {
    let directory = world.borrow().directory.path().join(directory_of(TOPIC, 0));
    let names =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".open.") || name.contains(".part")).collect()
}

/// Kills what is done before its step of this number. Whether it came so far.
fn killed_before<R>(number: usize, work: impl FnOnce() -> R) -> bool {
    let steps = Rc::new(RefCell::new(0));
    let counted = Rc::clone(&steps);
    let kill = move |_: &str| {
        *counted.borrow_mut() += 1;
        if *counted.borrow() > number { Err(io::Error::other("killed")) } else { Ok(()) }
    };
    step::hooked(Box::new(kill), work);
    *steps.borrow() > number
}

fn kinds() -> Vec<(Compression, u64)> {
    // Segments of any length, and such that every append begins a new one.
    vec![(Compression::Zstd, 1 << 20), (Compression::None, 1 << 20), (Compression::Zstd, 1)]
}

fn world_of((compression, segment_bytes): (Compression, u64)) -> Shared {
    world(|settings| {
        settings.compression = compression;
        settings.segment_bytes = segment_bytes;
    })
}

#[test]
fn a_kill_before_any_step() {
    for kind in kinds() {
        for number in 0.. {
            let world = world_of(kind);
            let was_killed = killed_before(number, || live(&world).is_err());
            check_and_go_on(&world);
            if !was_killed {
                assert!(number > 15, "{number}");
                break;
            }
        }
    }
}

#[test]
fn kills_before_any_two_steps() {
    for kind in kinds() {
        for first in (0..).step_by(2) {
            let mut was_first_killed = false;
            for second in 0.. {
                let world = world_of(kind);
                was_first_killed = killed_before(first, || live(&world).is_err());
                if second % 5 == 0 {
                    day_passes(&world);
                }
                let was_killed = killed_before(second, || live(&world).is_err());
                check_and_go_on(&world);
                if !was_killed {
                    break;
                }
            }
            if !was_first_killed {
                break;
            }
        }
    }
}

/// What others do while an owner is paused.
fn meanwhile(world: &Shared, how: usize) {
    if how == 1 {
        day_passes(world);
    }
    let mut owner = take_over(world).unwrap().unwrap();
    if how == 2 {
        return;
    }
    assert!(work(world, &mut owner, 3).unwrap());
    if how == 3 {
        day_passes(world);
    }
    assert!(work(world, &mut owner, 3).unwrap());
    if how == 4 {
        let mut owner = take_over(world).unwrap().unwrap();
        assert!(work(world, &mut owner, 3).unwrap());
    }
}

#[test]
fn a_pause_before_any_step_while_others_go_on() {
    for kind in kinds() {
        for how in 0..5 {
            for number in 0.. {
                let world = world_of(kind);
                // The paused one takes over from somebody.
                let mut before = take_over(&world).unwrap().unwrap();
                assert!(work(&world, &mut before, 4).unwrap());
                let was_paused = paused_before(&world, number, how);
                if how != 2 {
                    check(&world, true);
                    check(&world, false);
                }
                check_and_go_on(&world);
                if !was_paused {
                    break;
                }
            }
        }
    }
}

/// Pauses an owner before its step of this number; it then goes on as if it still owned the partition.
fn paused_before(world: &Shared, number: usize, how: usize) -> bool {
    let steps = Rc::new(RefCell::new(0));
    let (counted, paused) = (Rc::clone(&steps), Rc::clone(world));
    let pause = move |_: &str| {
        if *counted.borrow() == number {
            meanwhile(&paused, how);
        }
        *counted.borrow_mut() += 1;
        Ok(())
    };
    step::hooked(Box::new(pause), || drop(live(world)));
    *steps.borrow() > number
}

#[test]
fn one_that_owned_it_goes_on_writing() {
    for kind in kinds() {
        for is_next_day in [false, true] {
            let world = world_of(kind);
            let mut zombie = take_over(&world).unwrap().unwrap();
            assert!(work(&world, &mut zombie, 4).unwrap());
            let mut owner = take_over(&world).unwrap().unwrap();
            // Nobody has touched the zombie's segment yet.
            assert!(!work(&world, &mut zombie, 7).unwrap());
            assert!(work(&world, &mut owner, 4).unwrap());
            if is_next_day {
                day_passes(&world);
            }
            // A zombie that was told that its commit is refused gives up; one that never hears of it is refused by its own order.
            assert!(work(&world, &mut zombie, 7).is_err());
            check(&world, true);
            check(&world, false);
            check_and_go_on(&world);
        }
    }
}

#[test]
fn one_that_resumes_from_an_old_commit_removes_nothing() {
    for kind in kinds() {
        let world = world_of(kind);
        let mut first = take_over(&world).unwrap().unwrap();
        assert!(work(&world, &mut first, 4).unwrap());
        let (generation, offset, mark) = world.borrow_mut().begin();
        let mut owner = take_over(&world).unwrap().unwrap();
        assert!(work(&world, &mut owner, 4).unwrap());
        // The segment that its mark names is gone, or still there; its claim cannot be committed either way.
        assert!(!matches!(take_over_as(&world, generation, offset, mark.as_ref()), Ok(Some(_))));
        check(&world, true);
        check(&world, false);
        assert!(work(&world, &mut owner, 4).unwrap());
        check(&world, false);
    }
}
