//! `bpmonitor tail`: readings as they are stored.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::Result;
use bpmonitor_pipeline::embedded::{Tail, WardDirectory};
use serde_json::Value;

use super::row_output;
use crate::cli::{RowOutput, TailArgs};

/// How often the ward is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Prints what is stored and what comes, until interrupted.
pub(super) fn tail(args: &TailArgs) -> Result<()> {
    #[cfg(feature = "cluster")]
    if args.ward.is_meant()? {
        return crate::cluster::tail::tail(args);
    }
    #[cfg(feature = "cluster")]
    super::refuse_manifest(args.file.as_deref())?;
    let directory = WardDirectory::new(&args.data.data);
    let mut tail = Tail::new(&directory, args.all)?;
    let mut rows = Rows::new(args.output)?;
    loop {
        tail.read::<anyhow::Error>(|document| rows.print(document))?;
        rows.flush()?;
        if args.once {
            return Ok(());
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// Documents printed one a line.
pub(crate) struct Rows {
    output: RowOutput,
    out: io::BufWriter<io::StdoutLock<'static>>,
}

impl Rows {
    /// Begins to print as asked, else as suits standard output.
    pub(crate) fn new(asked: Option<RowOutput>) -> Result<Self> {
        let output = row_output(asked);
        let mut out = io::BufWriter::new(io::stdout().lock());
        if output == RowOutput::Table {
            writeln!(out, "{:<22}{:<14}{:>9}  {:<22}FLAGS", "MEASURED", "PATIENT", "MMHG", "CATEGORY")?;
        }
        Ok(Self { output, out })
    }

    /// Prints a document, given as JSON.
    pub(crate) fn print(&mut self, document: &str) -> Result<()> {
        match self.output {
            RowOutput::Json => Ok(writeln!(self.out, "{document}")?),
            RowOutput::Table => write_columns(&mut self.out, document),
        }
    }

    /// Shows what was printed.
    pub(crate) fn flush(&mut self) -> Result<()> {
        Ok(self.out.flush()?)
    }
}

fn write_columns(out: &mut impl Write, document: &str) -> Result<()> {
    let document: Value = serde_json::from_str(document)?;
    let text = |field: &str| match &document[field] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let patient: String = text("patient_id").chars().take(12).collect();
    let pressure = format!("{}/{}", text("systolic_pressure"), text("diastolic_pressure"));
    let category = if document["withdrawn"] == true { "(withdrawn)".to_owned() } else { text("category") };
    let flags: Vec<&str> =
        document["flags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let line =
        format!("{:<22}{patient:<14}{pressure:>9}  {category:<22}{}", text("@timestamp"), flags.join(","));
    Ok(writeln!(out, "{}", line.trim_end())?)
}
