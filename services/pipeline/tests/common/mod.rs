//! A ward that is written to directly, and a naive model of what it is to hold.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of a test are small")]

use std::collections::BTreeMap;

use bpmonitor_clinical::{Category, DocumentId, Reason, Severity, Version};
use bpmonitor_pipeline::embedded::{Compression, EmbeddedStore, NamedPosition, WardDirectory};
use bpmonitor_pipeline::{
    AnomalyStore, AnomalyWrite, Archive, ArchiveLine, Checkpoint, Document, EntryPlace, Monitor, Outcome,
    Tallies, Tally,
};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A reading as a test makes it up. Pressures are in tenths of mmHg.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    pub patient: u8,
    pub effective: Timestamp,
    pub category: Category,
    pub systolic: Option<u16>,
    pub diastolic: Option<u16>,
}

/// What an Observation turns out to be.
#[derive(Clone, Debug)]
pub enum What {
    Anomaly(Made),
    Normal(Made),
    Withdrawal,
}

/// A version of an Observation.
#[derive(Clone, Debug)]
pub struct Written {
    pub id: u8,
    pub version: i64,
    pub is_correction: bool,
    pub what: What,
}

impl Written {
    pub fn key(&self) -> DocumentId {
        DocumentId([self.id.wrapping_mul(37); 16])
    }
}

pub fn patient(number: u8) -> String {
    format!("{number:02x}-patient")
}

pub fn document(made: &Made) -> Document {
    let mmhg = |tenths: Option<u16>| tenths.map(|tenths| Decimal::new(tenths.into(), 1));
    Document {
        timestamp: Some(made.effective),
        effective: Some(made.effective),
        observation_id: Some("observation".to_owned()),
        patient_id: Some(patient(made.patient)),
        systolic_pressure: mmhg(made.systolic),
        diastolic_pressure: mmhg(made.diastolic),
        category: Some(made.category),
        severity: Some(made.category.severity()),
        reasons: Reason::SystolicHypertension.into(),
        processed_datetime: Timestamp::now(),
        ..Document::default()
    }
}

/// What the classifier would make of these: see `Classifier::sort`.
pub fn writes(batch: &[Written]) -> (Vec<ArchiveLine>, Vec<AnomalyWrite>, Tally) {
    let (mut lines, mut anomalies, mut tally) = (Vec::new(), Vec::new(), Tally::default());
    for written in batch {
        let (id, version) = (written.key(), Version(written.version));
        match &written.what {
            What::Anomaly(made) => {
                if written.is_correction {
                    lines.push(ArchiveLine { partition: 0, id, version, reading: None });
                }
                anomalies.push(AnomalyWrite {
                    entry: EntryPlace::default(),
                    id,
                    version,
                    document: Box::new(document(made)),
                });
                tally.count(Outcome::Anomaly(made.category));
            }
            What::Normal(made) => {
                let document = document(made);
                if written.is_correction {
                    let document = Box::new(Document { withdrawn: true, ..document.clone() });
                    anomalies.push(AnomalyWrite { entry: EntryPlace::default(), id, version, document });
                }
                lines.push(ArchiveLine { partition: 0, id, version, reading: Some(document) });
                tally.count(Outcome::Normal(made.category));
            }
            What::Withdrawal => {
                let document = Box::new(Document {
                    withdrawn: true,
                    processed_datetime: Timestamp::now(),
                    ..Document::default()
                });
                lines.push(ArchiveLine { partition: 0, id, version, reading: None });
                anomalies.push(AnomalyWrite { entry: EntryPlace::default(), id, version, document });
                tally.count(Outcome::Withdrawn);
            }
        }
    }
    (lines, anomalies, tally)
}

/// A ward in a directory of its own.
pub struct Ward {
    pub directory: WardDirectory,
    pub store: Option<EmbeddedStore>,
    runtime: Runtime,
    _root: TempDir,
}

impl Ward {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let directory = WardDirectory::new(root.path().join("ward"));
        let runtime = Runtime::new().unwrap();
        let mut ward = Self { directory, store: None, runtime, _root: root };
        ward.restart();
        ward
    }

    /// Lets go of the ward, committed or not, and opens it again.
    pub fn restart(&mut self) {
        drop(self.store.take());
        self.store = Some(self.directory.open(&Monitor::default(), Compression::None).unwrap());
    }

    pub fn store(&self) -> &EmbeddedStore {
        self.store.as_ref().unwrap()
    }

    /// Writes as the pipeline does, but does not commit.
    pub fn write(&self, batch: &[Written]) -> Tally {
        let (lines, anomalies, tally) = writes(batch);
        let (mut archive, mut store) = (self.store().clone(), self.store().clone());
        self.runtime.block_on(async {
            archive.append(lines).await.unwrap();
            AnomalyStore::write(&mut store, &anomalies).await.unwrap();
        });
        tally
    }

    pub fn commit(&self, state: &str, tally: &Tally) {
        let mut tallies = Tallies::default();
        tallies.of(0).add(tally);
        let position = NamedPosition { source: "test".to_owned(), state: state.to_owned() };
        let mut store = self.store().clone();
        self.runtime.block_on(store.commit(position, &tallies)).unwrap();
    }

    pub fn take_in(&self, batch: &[Written]) {
        let tally = self.write(batch);
        self.commit("", &tally);
    }

    /// Takes in archive lines alone.
    pub fn take_in_lines(&self, lines: &[ArchiveLine]) {
        let mut store = self.store().clone();
        self.runtime.block_on(Archive::append(&mut store, lines.to_vec())).unwrap();
        self.commit("", &Tally::default());
    }

    /// Fails where the counts are not those of the readings.
    #[track_caller]
    pub fn check_counts(&self) {
        let path = self.directory.path().join("ward.db");
        let database = rusqlite::Connection::open(path).unwrap();
        let sums = "count(*), count(systolic), coalesce(sum(cast(round(systolic * 1000) AS INTEGER)), 0),
             count(diastolic), coalesce(sum(cast(round(diastolic * 1000) AS INTEGER)), 0)";
        let floor = |name: &str| format!("(SELECT cast(value AS INTEGER) FROM meta WHERE name = '{name}')");
        let of = |unit: i64, columns: &str, counted: &str, from: &str| {
            format!(
                "SELECT effective / {unit} AS time, {columns}, {counted} FROM readings WHERE category IS NOT NULL AND time >= {from}
                 GROUP BY time, {columns}"
            )
        };
        let (second, all) = (1_000_000, "patient, category, anomaly");
        let tables = [
            (format!("SELECT * FROM minutes WHERE time >= {}", floor("minutes_from")), of(60 * second, "category, anomaly", "count(*)", &floor("minutes_from"))),
            (format!("SELECT * FROM hours WHERE time >= {}", floor("hours_from")), of(3600 * second, all, sums, &floor("hours_from"))),
            ("SELECT * FROM days".to_owned(), of(86400 * second, all, sums, "0")),
            (
                "SELECT no, readings, critical FROM patients WHERE readings > 0".to_owned(),
                "SELECT patient, count(*), sum(category = 0) FROM readings WHERE category IS NOT NULL GROUP BY patient".to_owned(),
            ),
        ];
        for (counts, readings) in tables {
            for (one, other) in [(&counts, &readings), (&readings, &counts)] {
                let sql = format!("SELECT count(*) FROM ({one} EXCEPT {other})");
                let differ: i64 = database.query_row(&sql, [], |row| row.get(0)).unwrap();
                assert_eq!(differ, 0, "{one}\nis not\n{other}");
            }
        }
        let twice = "SELECT (SELECT count(*) - count(DISTINCT id) FROM readings) + (SELECT count(*) - count(DISTINCT id) FROM anomalies)";
        assert_eq!(
            database.query_row(twice, [], |row| row.get::<_, i64>(0)).unwrap(),
            0,
            "an id is there twice"
        );
    }

    /// Every reading that holds, by id in hexadecimal.
    pub fn readings(&self) -> BTreeMap<String, Made> {
        let path = self.directory.path().join("ward.db");
        let database = rusqlite::Connection::open(path).unwrap();
        let sql =
            "SELECT lower(hex(id)), patients.patient, effective, category, systolic, diastolic FROM readings
             JOIN patients ON no = readings.patient";
        let mut select = database.prepare(sql).unwrap();
        let rows = select.query_map([], |row| {
            let tenths = |mmhg: Option<f64>| mmhg.map(|mmhg| (mmhg * 10.0).round() as u16);
            let made = Made {
                patient: u8::from_str_radix(&row.get::<_, String>(1)?[..2], 16).unwrap(),
                effective: Timestamp::from_microsecond(row.get(2)?).unwrap(),
                category: Category::ALL[usize::from(row.get::<_, u8>(3)?)],
                systolic: tenths(row.get(4)?),
                diastolic: tenths(row.get(5)?),
            };
            Ok((row.get(0)?, made))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }
}

pub fn patient_numbered(number: u32) -> String {
    format!("patient-{number}")
}

/// The archive line of a normal reading, one of many.
pub fn numbered(number: u32, patient: u32) -> ArchiveLine {
    let hash = u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    let made = Made {
        patient: 0,
        effective: ago(3600),
        category: Category::Normal,
        systolic: Some(1100),
        diastolic: None,
    };
    let reading = Document { patient_id: Some(patient_numbered(patient)), ..document(&made) };
    ArchiveLine {
        partition: 0,
        id: DocumentId(hash.to_be_bytes()),
        version: Version(1),
        reading: Some(reading),
    }
}

/// The newest version of each id, and of its document: while there is one, what its version was is not forgotten.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// A reading, and whether it is an anomaly; none of a marker.
    held: BTreeMap<u8, (i64, Option<(Made, bool)>)>,
    /// Version and patient.
    documents: BTreeMap<u8, (i64, Option<u8>)>,
}

impl Model {
    /// A batch's archive lines are written before its documents.
    pub fn take_in(&mut self, batch: &[Written]) {
        for written in batch {
            if let What::Normal(made) = &written.what {
                self.hold(written, Some((made.clone(), false)));
            }
        }
        for written in batch {
            match &written.what {
                What::Anomaly(made) => {
                    self.keep(written, Some(made.patient));
                    self.hold(written, Some((made.clone(), true)));
                }
                What::Normal(made) if written.is_correction => self.keep(written, Some(made.patient)),
                What::Normal(_) => {}
                What::Withdrawal => {
                    self.keep(written, None);
                    self.hold(written, None);
                }
            }
        }
    }

    fn hold(&mut self, written: &Written, what: Option<(Made, bool)>) {
        let held = self.held.entry(written.id).or_insert((i64::MIN, None));
        if written.version >= held.0 {
            *held = (written.version, what);
        }
    }

    fn keep(&mut self, written: &Written, patient: Option<u8>) {
        let document = self.documents.entry(written.id).or_insert((i64::MIN, None));
        if written.version >= document.0 {
            *document = (written.version, patient);
        }
    }

    pub fn forget_patient(&mut self, number: u8) {
        self.documents.retain(|_, (_, patient)| *patient != Some(number));
        self.forget_readings(|made, _| made.patient == number);
    }

    pub fn forget_anomalies(&mut self) {
        self.documents.clear();
        self.forget_readings(|_, is_anomaly| is_anomaly);
    }

    pub fn forget_normal(&mut self) {
        self.forget_readings(|_, is_anomaly| !is_anomaly);
    }

    fn forget_readings(&mut self, is_over: impl Fn(&Made, bool) -> bool) {
        let documents = &self.documents;
        self.held.retain(|id, (_, what)| {
            let is_over = what.as_ref().is_some_and(|(made, is_anomaly)| is_over(made, *is_anomaly));
            if is_over {
                *what = None;
            }
            !is_over || documents.contains_key(id)
        });
    }

    pub fn all(&self) -> impl Iterator<Item = (u8, &Made, bool)> {
        self.held
            .iter()
            .filter_map(|(id, (_, what))| what.as_ref().map(|(made, anomaly)| (*id, made, *anomaly)))
    }

    pub fn readings(&self) -> BTreeMap<String, Made> {
        let key = |id: u8| Written { id, version: 0, is_correction: false, what: What::Withdrawal }.key();
        self.all().map(|(id, made, _)| (key(id).to_string(), made.clone())).collect()
    }
}

/// A time this long ago.
pub fn ago(seconds: i64) -> Timestamp {
    Timestamp::now().round(jiff::Unit::Second).unwrap() - SignedDuration::from_secs(seconds)
}

pub const SEVERITIES: [Severity; 4] =
    [Severity::None, Severity::Moderate, Severity::High, Severity::Critical];
