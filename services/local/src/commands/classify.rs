//! `bpmonitor classify`: FHIR in, one line out per entry.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::Path;

use anyhow::Result;
use bpmonitor_clinical::{
    Assessment, Entry, Finding, PatientIdentity, PseudonymKey, ReadContext, Reading, RejectionReason, Step,
    assess, read_next,
};
use bpmonitor_pipeline::embedded::WardDirectory;
use bpmonitor_pipeline::files::{Chunks, Filled};
use bpmonitor_pipeline::{Outcome, Tally};
use bpmonitor_settings::manifest::{self, Settings};
use jiff::Timestamp;

use crate::cli::{ClassifyArgs, ClassifyOutput};
use crate::failure::bad_usage;
use crate::rows::{At, EntryRow, write_entry_heads};
use crate::{progress, summary};

/// How much is read at a time, in bytes.
const CHUNK_BYTES: usize = 1024 * 1024;
/// What standard input is called.
const STDIN: &str = "-";

/// Classifies the files named, or standard input.
pub(super) fn classify(args: &ClassifyArgs) -> Result<()> {
    let settings = args.file.as_deref().map(manifest::read).transpose()?.unwrap_or_default();
    let out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let output = args.output.unwrap_or_else(default_output);
    let mut filter =
        Filter { key: key(args, &settings)?, settings, args, output, out, tally: Tally::default() };
    if output == ClassifyOutput::Table {
        write_entry_heads(&mut filter.out)?;
    }
    if args.files.is_empty() {
        filter.read(STDIN, io::stdin().lock(), Timestamp::now(), None)?;
    }
    for path in &args.files {
        filter.read_file(path)?;
    }
    if output == ClassifyOutput::Summary {
        summary::write(&mut filter.out, &filter.tally)?;
    }
    Ok(filter.out.flush()?)
}

fn default_output() -> ClassifyOutput {
    if io::stdout().is_terminal() { ClassifyOutput::Table } else { ClassifyOutput::Json }
}

/// The ward's key, where pseudonyms are printed or asked for by the manifest's `perPatient`.
fn key(args: &ClassifyArgs, settings: &Settings) -> Result<Option<PseudonymKey>> {
    let by_pseudonym = settings.thresholds.are_per_patient() && settings.privacy.pseudonymise;
    if !args.pseudonymise && !by_pseudonym {
        return Ok(None);
    }
    let directory = WardDirectory::new(&args.data.data);
    let key = directory.key();
    Ok(Some(key.map_err(|error| bad_usage(format!("pseudonyms need the key of a ward: {error}")))?))
}

/// What is read and printed with.
struct Filter<'a, W> {
    settings: Settings,
    key: Option<PseudonymKey>,
    args: &'a ClassifyArgs,
    output: ClassifyOutput,
    out: W,
    tally: Tally,
}

impl<W: Write> Filter<'_, W> {
    fn read_file(&mut self, path: &Path) -> Result<()> {
        if path == Path::new(STDIN) {
            return self.read(STDIN, io::stdin().lock(), Timestamp::now(), None);
        }
        let name = path.display().to_string();
        let failed = |error: io::Error| bad_usage(format!("reading {name}: {error}"));
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(bad_usage(format!("reading {name}: it is a directory; name its files")));
        }
        let written = metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
        self.read(&name, file, written.unwrap_or_else(Timestamp::now), Some(metadata.len()))
    }

    fn read(&mut self, name: &str, input: impl Read, written: Timestamp, length: Option<u64>) -> Result<()> {
        let bar = progress::bytes(length.unwrap_or(0));
        let mut chunks = Chunks::new(input, CHUNK_BYTES);
        let mut line = 1;
        loop {
            let filled = chunks.fill().map_err(|error| bad_usage(format!("reading {name}: {error}")))?;
            if let Filled::TooLarge(record) = &filled {
                let outcome = Outcome::Rejected(RejectionReason::TooLarge);
                self.tally.count(outcome);
                self.print_row(&EntryRow::blank(outcome, At { file: name, line, entry: None }))?;
                line += record.lines as u64;
                continue;
            }
            let at_end = filled == Filled::AtEnd;
            let used = self.read_chunk(chunks.bytes(), at_end, name, written, &mut line)?;
            chunks.consume(used);
            bar.inc(used as u64);
            if at_end {
                bar.finish_and_clear();
                return Ok(());
            }
        }
    }

    /// Reads the whole records of a chunk; how many bytes they took.
    fn read_chunk(
        &mut self,
        bytes: &[u8],
        at_end: bool,
        name: &str,
        written: Timestamp,
        line: &mut u64,
    ) -> Result<usize> {
        let source = self.settings.source.clone();
        let context = ReadContext { source: &source, now: Timestamp::now(), record_time: written };
        let mut used = 0;
        let mut printed = Ok(());
        while used < bytes.len() {
            let step = read_next(&bytes[used..], at_end, &context, &mut |entry| {
                let at = At { file: name, line: *line, entry: entry.index };
                let done = self.print(&entry, at);
                printed = std::mem::replace(&mut printed, Ok(())).and(done);
            });
            let Step::Advanced { bytes, lines } = step else { break };
            used += bytes;
            *line += lines as u64;
        }
        if self.output != ClassifyOutput::Summary {
            self.out.flush()?;
        }
        printed.map(|()| used)
    }

    fn print(&mut self, entry: &Entry<'_>, at: At<'_>) -> Result<()> {
        let (outcome, assessment) = match &entry.finding {
            Finding::Skipped(reason) => (Outcome::Skipped(*reason), None),
            Finding::Rejected(reason) => (Outcome::Rejected(*reason), None),
            Finding::Withdrawal(_) => (Outcome::Withdrawn, None),
            Finding::Reading(reading) => self.assess(reading),
        };
        self.tally.count(outcome);
        if self.output == ClassifyOutput::Summary {
            return Ok(());
        }
        let mut row = EntryRow::blank(outcome, at);
        row.observation_id = entry.observation_id.as_deref();
        if let Finding::Withdrawal(withdrawal) = &entry.finding {
            row.patient = withdrawal.patient.as_ref().map(|patient| self.patient(&patient.identity));
        }
        if let (Finding::Reading(reading), Some(assessment)) = (&entry.finding, assessment) {
            row.patient = Some(self.patient(&reading.patient.identity));
            row.assessed(reading, &assessment);
        }
        self.print_row(&row)
    }

    fn print_row(&mut self, row: &EntryRow<'_>) -> Result<()> {
        match self.output {
            ClassifyOutput::Summary => {}
            ClassifyOutput::Json => row.write_json(&mut self.out)?,
            ClassifyOutput::Table => row.write_columns(&mut self.out)?,
        }
        Ok(())
    }

    fn assess(&self, reading: &Reading<'_>) -> (Outcome, Option<Assessment>) {
        let thresholds = &self.settings.thresholds;
        let patient = thresholds.are_per_patient().then(|| self.stored_as(&reading.patient.identity));
        match assess(reading, thresholds, patient.as_deref()) {
            Ok(assessment) if assessment.is_anomaly => {
                (Outcome::Anomaly(assessment.category), Some(assessment))
            }
            Ok(assessment) => (Outcome::Normal(assessment.category), Some(assessment)),
            Err(reason) => (Outcome::Rejected(reason), None),
        }
    }

    /// The patient as `perPatient` thresholds name them.
    fn stored_as(&self, identity: &PatientIdentity<'_>) -> String {
        match &self.key {
            Some(key) if self.settings.privacy.pseudonymise => key.pseudonym(identity),
            _ => identity.to_string(),
        }
    }

    /// The patient as printed.
    fn patient(&self, identity: &PatientIdentity<'_>) -> String {
        match &self.key {
            Some(key) if self.args.pseudonymise => key.pseudonym(identity),
            _ => identity.to_string(),
        }
    }
}
