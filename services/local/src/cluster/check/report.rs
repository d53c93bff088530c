//! The lines of a check.

use std::io::{self, Write};

use anyhow::Result;
use serde::Serialize;

use crate::cli::RowOutput;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warning,
    Failed,
}

/// A line.
#[derive(Serialize)]
struct Line<'l> {
    check: &'l str,
    status: Status,
    message: &'l str,
}

/// Prints a line a check, as soon as it ended.
pub(super) struct Report {
    output: RowOutput,
    failed: usize,
}

impl Report {
    pub(super) fn begin(output: RowOutput) -> Result<Self> {
        if output == RowOutput::Table {
            writeln!(io::stdout().lock(), "{:<9}{:<20}WHAT WAS FOUND, AND WHAT TO DO", "STATUS", "CHECK")?;
        }
        Ok(Self { output, failed: 0 })
    }

    /// All is well.
    pub(super) fn ok(&mut self, check: &str, message: impl AsRef<str>) -> Result<()> {
        self.say(check, Status::Ok, message.as_ref())
    }

    /// It works, and something is to be thought of.
    pub(super) fn warning(&mut self, check: &str, message: impl AsRef<str>) -> Result<()> {
        self.say(check, Status::Warning, message.as_ref())
    }

    /// It does not work until somebody does something.
    pub(super) fn failure(&mut self, check: &str, message: impl AsRef<str>) -> Result<()> {
        self.failed += 1;
        self.say(check, Status::Failed, message.as_ref())
    }

    /// How many checks failed.
    pub(super) const fn failed(&self) -> usize {
        self.failed
    }

    fn say(&self, check: &str, status: Status, message: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        if self.output == RowOutput::Json {
            serde_json::to_writer(&mut out, &Line { check, status, message })?;
            return Ok(writeln!(out)?);
        }
        let status = match status {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Failed => "FAILED",
        };
        Ok(writeln!(out, "{status:<9}{check:<20}{message}")?)
    }
}
