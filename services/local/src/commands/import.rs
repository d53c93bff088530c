//! `bpmonitor import`: FHIR files into a ward, running or not.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use bpmonitor_pipeline::Tally;
use bpmonitor_pipeline::embedded::{Inbox, StoredInput, WardDirectory, WardError};

use crate::cli::ImportArgs;
use crate::failure::bad_usage;
use crate::remote::Remote;
use crate::ward::{self, Ward};
use crate::{inputs, progress, pump, summary};

/// How often a running ward is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Has the ward read the files.
pub(super) fn import(args: &ImportArgs) -> Result<()> {
    let paths = inputs::resolve(&args.files)?;
    #[cfg(feature = "cluster")]
    if let Some(kafka) = crate::cluster::KafkaAddress::of(args)? {
        return crate::cluster::import(args, &kafka, &paths);
    }
    let into = args.into.as_deref().unwrap_or_default();
    match Remote::at(into, args.token.as_deref())? {
        Some(ward) => import_remotely(&ward, &paths),
        None => import_into_directory(args, into, &paths),
    }
}

fn import_remotely(ward: &Remote, paths: &[String]) -> Result<()> {
    let mut out = io::stdout().lock();
    for path in paths {
        let bar = progress::bytes(std::fs::metadata(path).map_or(0, |metadata| metadata.len()));
        let tally = ward.import(Path::new(path), &bar);
        bar.finish_and_clear();
        write_import(&mut out, path, &tally?)?;
    }
    Ok(())
}

/// Asks the ward to read the files; where nobody runs it, does so itself.
fn import_into_directory(args: &ImportArgs, into: &str, paths: &[String]) -> Result<()> {
    let directory = WardDirectory::new(into);
    let settings = ward::settings(args.file.as_deref(), &directory)?;
    directory.check_owner(&settings.monitor)?;
    directory.create()?;
    for path in paths {
        Inbox::ask(&directory, path)?;
    }
    let mut waiting = None;
    loop {
        match Ward::open(&directory, &settings) {
            Ok(ward) => {
                let length = |path: &String| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
                let bar = progress::bytes(paths.iter().map(length).sum());
                if pump::files(&ward, Vec::new(), &bar, None)?.is_interrupted {
                    tracing::info!(
                        "interrupted: the same command goes on from there, and so does a run of the ward"
                    );
                    return Ok(());
                }
                break;
            }
            Err(error) if is_in_use(&error) => {
                if !paths.iter().any(|path| Inbox::is_asked(&directory, path)) {
                    break;
                }
                waiting.get_or_insert_with(|| wait_message(&error));
            }
            Err(error) => return Err(error),
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
    report(&mut io::stdout().lock(), &directory, paths)
}

fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<WardError>(), Some(WardError::InUse { .. }))
}

fn wait_message(error: &anyhow::Error) -> indicatif::ProgressBar {
    let process = match error.downcast_ref::<WardError>() {
        Some(WardError::InUse { process, .. }) => process.clone(),
        _ => String::new(),
    };
    let message = format!("process {process} runs this ward and was asked to read the files; waiting for it");
    tracing::info!("{message}");
    progress::spinner().with_message(message)
}

fn report(out: &mut impl Write, directory: &WardDirectory, paths: &[String]) -> Result<()> {
    for path in paths {
        let unread = || bad_usage(format!("{path} was not read by the ward that runs: its log says why"));
        let tally = match directory.input(path)? {
            Some(StoredInput { tally, .. }) => tally,
            None if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) => Tally::default(),
            None => return Err(unread()),
        };
        write_import(out, path, &tally)?;
    }
    Ok(())
}

pub(crate) fn write_import(out: &mut impl Write, path: &str, tally: &Tally) -> Result<()> {
    writeln!(out, "{path}")?;
    summary::write(out, tally)?;
    Ok(writeln!(out)?)
}
