//! Kill -9 at random moments: however often a run is killed, once it has finished the ward holds what an undisturbed run's does.
//!
//! `BPMONITOR_TEST_KILLS` says how many kills (50 unless given), `BPMONITOR_TEST_SEED` from which seed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bpmonitor_test_support::observations::{observation, with};
use common::held::{offset, segment_files};
use common::process::Running;
use common::ward::Ward;
use fastrand::Rng;
use serde_json::{Value, json};

const OBSERVATIONS: u64 = 200_000;

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().unwrap())
}

/// An Observation as one line, made quickly: 200,000 of them are made.
struct Template(Vec<String>);

impl Template {
    const HOLES: [&str; 7] =
        ["@id@", "@patient@", "@updated@", "@status@", "@measured@", "111222.0", "111333.0"];

    fn new() -> Self {
        let fields = json!({"meta": {"lastUpdated": "@updated@"}, "status": "@status@", "effectiveDateTime": "@measured@"});
        let text = with(observation("@id@", "@patient@", 111_222, 111_333), &fields).to_string();
        let mut parts = vec![text];
        for hole in Self::HOLES {
            parts = parts
                .iter()
                .flat_map(|part| match part.split_once(hole) {
                    Some((before, after)) => vec![before.to_owned(), hole.to_owned(), after.to_owned()],
                    None => vec![part.clone()],
                })
                .collect();
        }
        Self(parts)
    }

    fn write(&self, out: &mut impl Write, values: [&str; 7]) {
        for part in &self.0 {
            let value =
                Self::HOLES.iter().position(|hole| hole == part).map_or(part.as_str(), |hole| values[hole]);
            out.write_all(value.as_bytes()).unwrap();
        }
        out.write_all(b"\n").unwrap();
    }
}

/// Writes all that can happen to readings: first versions, corrections both ways, late older ones, withdrawals, rejections.
fn generate(path: &Path, seed: u64) {
    let mut out = BufWriter::new(fs::File::create(path).unwrap());
    let mut random = Rng::with_seed(seed);
    let template = Template::new();
    for number in 0..OBSERVATIONS {
        let earlier = random.u64(..=number).to_string();
        let (id, day, status) = match random.u64(..100) {
            0..75 => (number.to_string(), 10, "final"),
            75..83 => (earlier, 20, "amended"),
            83..90 => (earlier, 1, "final"),
            90..94 => (earlier, 25, "entered-in-error"),
            94..97 => {
                writeln!(out, "nonsense {number}").unwrap();
                continue;
            }
            _ => (number.to_string(), 10, ""),
        };
        let (updated, measured) = (
            format!("2024-03-{day:02}T00:00:{:02}Z", random.u64(..60)),
            format!(
                "2024-02-{:02}T{:02}:{:02}:00Z",
                1 + random.u64(..28),
                random.u64(..24),
                random.u64(..60)
            ),
        );
        let (systolic, diastolic) = (100 + random.u64(..70), 62 + random.u64(..35));
        let patient = random.u64(..500).to_string();
        let values =
            [&*id, &patient, &updated, status, &measured, &systolic.to_string(), &diastolic.to_string()];
        template.write(&mut out, values);
    }
    out.into_inner().unwrap().sync_all().unwrap();
}

/// A ward whose segments can be read as they are.
fn ward() -> Ward {
    let ward = Ward::new();
    ward.set_spec(&json!({"archive": {"compression": "none"}}));
    ward
}

/// What kills found.
#[derive(Debug, Default)]
struct Kills {
    /// How many hit a run that was not done: the last moments drawn may lie after its end.
    made: u64,
    /// Durable offsets after a kill, each once, but for the beginning and the end.
    partial: Vec<u64>,
    /// How many left bytes in the archive that were not committed, or a write-ahead log.
    unfinished: usize,
    before_anything: usize,
}

fn committed_bytes(ward: &Ward) -> u64 {
    let sql = "SELECT coalesce(sum(bytes), 0) FROM segments";
    let database = common::held::open(&ward.data().join("ward.db"));
    database.query_row(sql, [], |row| row.get::<_, i64>(0)).map_or(0, i64::cast_unsigned)
}

fn archive_bytes(ward: &Ward) -> u64 {
    segment_files(ward.data()).iter().map(|path| fs::metadata(path).unwrap().len()).sum()
}

/// Kills runs at random moments, spread over what is left to be read.
fn kill_again_and_again(
    ward: &Ward,
    input: &Path,
    kills: u64,
    undisturbed: Duration,
    random: &mut Rng,
) -> Kills {
    let length = fs::metadata(input).unwrap().len();
    let mut found = Kills::default();
    while found.made < kills {
        let left = undisturbed.mul_f64(1.0 - offset_share(ward, input, length));
        // What a kill takes back, a batch and the start, has to be done again each time.
        let most = undisturbed.mul_f64(0.06) + left * 2 / u32::try_from(kills - found.made).unwrap();
        let delay = Duration::from_nanos(random.u64(..u64::try_from(most.as_nanos()).unwrap()));
        let mut run = Running::start(&mut ward.running(&[input]));
        let deadline = Instant::now() + delay;
        while let Some(rest) = deadline.checked_duration_since(Instant::now()) {
            std::thread::park_timeout(rest);
        }
        let ended = !run.is_running();
        run.kill();
        let reached = offset(ward.data(), input);
        if ended || reached == length {
            assert_eq!(reached, length, "the run ended by itself before its end:\n{}", run.err());
            break;
        }
        found.made += 1;
        match reached {
            0 => found.before_anything += 1,
            _ if !found.partial.contains(&reached) => found.partial.push(reached),
            _ => {}
        }
        if ward.data().join("archive").exists() && reached > 0 {
            found.unfinished += usize::from(archive_bytes(ward) > committed_bytes(ward));
        }
    }
    found
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn offset_share(ward: &Ward, input: &Path, length: u64) -> f64 {
    offset(ward.data(), input) as f64 / length as f64
}

#[test]
fn a_killed_run_loses_and_doubles_nothing() {
    let kills = from_environment("BPMONITOR_TEST_KILLS", 50);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = from_environment("BPMONITOR_TEST_SEED", u64::from(now.subsec_nanos()));
    println!("BPMONITOR_TEST_SEED={seed}");

    let undisturbed = ward();
    let input: PathBuf = undisturbed.path("in.ndjson");
    generate(&input, seed);
    let begun = Instant::now();
    undisturbed.run(&[&input]).good();
    let took = begun.elapsed();
    println!("an undisturbed run takes {took:?}");

    let killed = ward().with_key_of(&undisturbed);
    let found = kill_again_and_again(&killed, &input, kills, took, &mut Rng::with_seed(seed ^ 1));
    println!(
        "{} kills at {} different positions, {} before the first commit, {} in the middle of a write",
        found.made,
        found.partial.len(),
        found.before_anything,
        found.unfinished
    );
    assert!(found.made > kills / 2, "too few kills before the end: raise the number of observations");
    if kills >= 20 {
        assert!(found.partial.len() >= 8, "too few kills hit in the middle of work: {found:?}");
        assert!(found.unfinished >= 1, "no kill hit in the middle of a write: {found:?}");
    }
    killed.run(&[&input]).good();

    let (one, other) = (undisturbed.held(), killed.held());
    assert_eq!(one.totals["rejected"].as_u64(), Some(one.letters.len() as u64));
    let entries: u64 = ["anomaly", "normal", "rejected", "skipped", "withdrawn"]
        .iter()
        .map(|of| one.totals[of].as_u64().unwrap())
        .sum();
    assert_eq!(entries, OBSERVATIONS);
    one.assert_same(&other);
    let exported = [&undisturbed, &killed].map(|ward| {
        let mut readings: Vec<Value> =
            ward.export("day").into_iter().flat_map(|(_, readings)| readings).collect();
        for reading in &mut readings {
            reading["processed_datetime"].take();
        }
        readings
    });
    assert!(exported[0] == exported[1], "the exports differ");
}
