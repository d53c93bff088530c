//! `bpmonitor rejected`: what could not be read, why, and once more.

use std::io::{self, Write};

use anyhow::Result;
use bpmonitor_pipeline::embedded::{Letter, LetterSource, WardDirectory};
use jiff::Timestamp;
use serde::Serialize;

use super::row_output;
use crate::cli::{ListArgs, ReplayArgs, RowOutput, ShowArgs};
use crate::failure::bad_usage;
use crate::rows::At;
use crate::ward::{self, Ward};
use crate::{progress, pump, summary};

/// How many letters are read at once.
const LETTERS: usize = 200;

/// A Rejection as it is listed: nothing of its content.
#[derive(Serialize)]
struct Row<'a> {
    number: i64,
    reason: &'static str,
    message: &'static str,
    stored: Timestamp,
    bytes: usize,
    at: At<'a>,
}

/// Lists every Rejection.
pub(super) fn list(args: &ListArgs) -> Result<()> {
    #[cfg(feature = "cluster")]
    if args.ward.is_meant()? {
        return crate::cluster::rejected::list(args);
    }
    #[cfg(feature = "cluster")]
    super::refuse_manifest(args.file.as_deref())?;
    let directory = WardDirectory::new(&args.data.data);
    let output = row_output(args.output);
    let mut out = io::BufWriter::new(io::stdout().lock());
    if output == RowOutput::Table {
        writeln!(out, "{:>8}  {:<15}WHERE, AND WHAT IS WRONG", "NUMBER", "REASON")?;
    }
    let mut after = 0;
    loop {
        let letters = directory.dead_letters(after, LETTERS)?;
        let Some(last) = letters.last() else { return Ok(out.flush()?) };
        after = last.seq;
        for letter in &letters {
            write_row(&mut out, &row(letter), output)?;
        }
    }
}

fn row(letter: &Letter) -> Row<'_> {
    let Letter { seq, stored, letter } = letter;
    Row {
        number: *seq,
        reason: letter.reason.code(),
        message: letter.reason.message(),
        stored: *stored,
        bytes: letter.original.len(),
        at: At { file: &letter.origin.topic, line: letter.origin.line, entry: letter.entry },
    }
}

fn write_row(out: &mut impl Write, row: &Row<'_>, output: RowOutput) -> Result<()> {
    if output == RowOutput::Json {
        serde_json::to_writer(&mut *out, row)?;
        return Ok(writeln!(out)?);
    }
    let At { file, line, entry } = row.at;
    let entry = entry.map(|entry| format!(" entry {entry}")).unwrap_or_default();
    writeln!(out, "{:>8}  {:<15}{file}:{line}{entry}", row.number, row.reason)?;
    Ok(writeln!(out, "{:>8}  {:<15}{}", "", "", row.message)?)
}

/// Prints the bytes of one Rejection as they were received.
pub(super) fn show(args: &ShowArgs) -> Result<()> {
    #[cfg(feature = "cluster")]
    if args.ward.is_meant()? {
        return crate::cluster::rejected::show(args);
    }
    #[cfg(feature = "cluster")]
    super::refuse_manifest(args.file.as_deref())?;
    let unknown = || bad_usage(format!("no Rejection has the number {}: see `rejected list`", args.letter));
    let number: i64 = args.letter.parse().map_err(|_| unknown())?;
    let directory = WardDirectory::new(&args.data.data);
    let found =
        directory.dead_letters(number.saturating_sub(1), 1)?.into_iter().find(|letter| letter.seq == number);
    let letter = found.ok_or_else(unknown)?;
    write_original(&letter.letter.original)
}

/// Writes an original, and a line end behind it.
pub(crate) fn write_original(original: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(original)?;
    Ok(out.write_all(b"\n")?)
}

/// Reads every Rejection again. What can be read now is stored; the rest stays.
pub(super) fn replay(args: &ReplayArgs) -> Result<()> {
    #[cfg(feature = "cluster")]
    if args.ward.is_meant()? {
        return crate::cluster::rejected::replay(args);
    }
    let directory = WardDirectory::new(&args.data.data);
    let settings = ward::settings(args.file.as_deref(), &directory)?;
    let ward = Ward::open(&directory, &settings)?;
    let bar = progress::spinner();
    let store = ward.store.clone();
    let tally = pump::pump(&ward, move || Ok(LetterSource::new(store)?), &bar, None)?.tally;
    let mut out = io::stdout().lock();
    if tally.entries() == 0 {
        return Ok(writeln!(out, "nothing is rejected")?);
    }
    Ok(summary::write(&mut out, &tally)?)
}
