//! The numbers of patients.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, params};

use super::database::Database;
use crate::Document;

/// How many patients are kept in memory.
const CACHED: usize = 16 * 1024;

/// Gives patients their numbers, and knows the latest of them by heart.
#[derive(Debug, Default)]
pub(super) struct Patients {
    known: HashMap<String, Known>,
}

#[derive(Clone, Debug)]
struct Known {
    no: i64,
    name: Option<String>,
}

impl Patients {
    /// Forgets what it knows by heart.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// The number of a document's patient, a new one where there is none; keeps the name that the document has.
    pub(super) fn number(&mut self, database: &Database, document: &Document) -> rusqlite::Result<i64> {
        let patient = document.patient_id.as_deref().unwrap_or_default();
        let name = document.patient_name.as_deref();
        if let Some(known) = self.known.get(patient)
            && (name.is_none() || known.name.as_deref() == name)
        {
            return Ok(known.no);
        }
        let known = look_up(database, patient, name)?;
        let no = known.no;
        if self.known.len() >= CACHED {
            self.known.clear();
        }
        self.known.insert(patient.to_owned(), known);
        Ok(no)
    }
}

fn look_up(database: &Database, patient: &str, name: Option<&str>) -> rusqlite::Result<Known> {
    let connection = &database.connection;
    let sql = "SELECT no, name FROM patients WHERE patient = ?1";
    let mut select = connection.prepare_cached(sql)?;
    let found: Option<(i64, Option<String>)> =
        select.query_row([patient], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((no, old)) = found else {
        let sql = "INSERT INTO patients (patient, name, readings, critical) VALUES (?1, ?2, 0, 0)";
        connection.prepare_cached(sql)?.execute(params![patient, name])?;
        return Ok(Known { no: connection.last_insert_rowid(), name: name.map(str::to_owned) });
    };
    if name.is_some() && name != old.as_deref() {
        let sql = "UPDATE patients SET name = ?2 WHERE no = ?1";
        connection.prepare_cached(sql)?.execute(params![no, name])?;
    }
    Ok(Known { no, name: name.map(str::to_owned).or(old) })
}
