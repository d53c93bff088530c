//! The schema of the ward's database.

use jiff::Timestamp;

use super::rollups::Floors;

/// The version of the schema below, kept as the database's `user_version`.
pub(super) const SCHEMA_VERSION: i64 = 2;
/// The version of a database in which nothing is yet.
pub(super) const NO_SCHEMA: i64 = 0;

/// Times are microseconds since 1970, versions as [`bpmonitor_clinical::Version`].
///
/// `anomalies` has one document an id. `readings` has one row an id that was ever written: the reading as it holds now, or, with
/// neither category nor anomaly, a marker of one that was taken back; `document` is the `seq` of the id's document, if it is still
/// there. Which row is an id's, `ids` knows, but for the newest rows (see `ids.rs`).
///
/// A category is its place in [`bpmonitor_clinical::Category::ALL`]. `minutes`, `hours` and `days` count readings; their times are
/// whole minutes, hours and days since 1970, their sums thousandths of mmHg. The first two begin at a floor (see `rollups.rs`).
const TABLES: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE anomalies (
        seq INTEGER PRIMARY KEY,
        id BLOB NOT NULL,
        version INTEGER NOT NULL,
        withdrawn INTEGER NOT NULL,
        effective INTEGER,
        stored INTEGER NOT NULL,
        patient TEXT,
        category TEXT,
        document TEXT NOT NULL
    );
    CREATE TABLE dead_letters (
        seq INTEGER PRIMARY KEY,
        topic TEXT NOT NULL,
        part INTEGER NOT NULL,
        offset INTEGER NOT NULL,
        entry INTEGER NOT NULL,
        line INTEGER NOT NULL,
        reason TEXT NOT NULL,
        written INTEGER NOT NULL,
        stored INTEGER NOT NULL,
        original BLOB NOT NULL,
        digest BLOB NOT NULL,
        UNIQUE (topic, part, offset, entry, digest)
    );
    CREATE INDEX dead_letters_stored ON dead_letters (stored);
    CREATE TABLE inputs (
        path TEXT PRIMARY KEY,
        offset INTEGER NOT NULL,
        line INTEGER NOT NULL,
        fingerprint BLOB NOT NULL,
        tally TEXT NOT NULL
    );
    CREATE TABLE positions (source TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE segments (
        name TEXT PRIMARY KEY,
        bytes INTEGER NOT NULL,
        lines INTEGER NOT NULL,
        written INTEGER NOT NULL
    );
    CREATE TABLE patients (
        no INTEGER PRIMARY KEY,
        patient TEXT NOT NULL UNIQUE,
        name TEXT,
        readings INTEGER NOT NULL,
        critical INTEGER NOT NULL
    );
    CREATE TABLE readings (
        seq INTEGER PRIMARY KEY,
        id BLOB NOT NULL,
        version INTEGER NOT NULL,
        stored INTEGER NOT NULL,
        document INTEGER,
        patient INTEGER,
        effective INTEGER,
        category INTEGER,
        anomaly INTEGER,
        systolic REAL,
        diastolic REAL
    );
    CREATE INDEX readings_critical ON readings (effective) WHERE category = 0;
    CREATE TABLE ids (id BLOB PRIMARY KEY, reading INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE by_patient (
        patient INTEGER,
        effective INTEGER,
        reading INTEGER,
        PRIMARY KEY (patient, effective, reading)
    ) WITHOUT ROWID;
    CREATE TABLE minutes (
        time INTEGER,
        category INTEGER,
        anomaly INTEGER,
        n INTEGER NOT NULL,
        PRIMARY KEY (time, category, anomaly)
    ) WITHOUT ROWID;
    CREATE TABLE hours (
        time INTEGER,
        patient INTEGER,
        category INTEGER,
        anomaly INTEGER,
        n INTEGER NOT NULL,
        systolic_n INTEGER NOT NULL,
        systolic_sum INTEGER NOT NULL,
        diastolic_n INTEGER NOT NULL,
        diastolic_sum INTEGER NOT NULL,
        PRIMARY KEY (time, patient, category, anomaly)
    ) WITHOUT ROWID;
    CREATE TABLE days (
        time INTEGER,
        patient INTEGER,
        category INTEGER,
        anomaly INTEGER,
        n INTEGER NOT NULL,
        systolic_n INTEGER NOT NULL,
        systolic_sum INTEGER NOT NULL,
        diastolic_n INTEGER NOT NULL,
        diastolic_sum INTEGER NOT NULL,
        PRIMARY KEY (time, patient, category, anomaly)
    ) WITHOUT ROWID;
    CREATE TABLE erasures (patient TEXT PRIMARY KEY, erased INTEGER NOT NULL);
";

/// What creates an empty database.
pub(super) fn creation(now: Timestamp) -> String {
    let Floors { minutes, hours } = Floors::at(now);
    format!(
        "BEGIN; {TABLES}
         INSERT INTO meta VALUES ('minutes_from', '{minutes}'), ('hours_from', '{hours}');
         PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    )
}
