//! How a command fails: what is printed, and with which exit code.

use std::io;
use std::process::ExitCode;

use bpmonitor_pipeline::PortError;
use bpmonitor_pipeline::embedded::WardError;
use bpmonitor_settings::SettingsError;

/// The exit code of bad usage: a wrong manifest, an unreadable file.
const BAD_USAGE: u8 = 2;

/// A mistake of the user's, as opposed to something that failed on the way.
#[derive(Debug)]
pub(crate) struct BadUsage(pub(crate) String);

impl std::fmt::Display for BadUsage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for BadUsage {}

/// Makes an error that ends with exit code 2.
pub(crate) fn bad_usage(message: impl Into<String>) -> anyhow::Error {
    BadUsage(message.into()).into()
}

/// Prints what failed and says how to exit.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    eprintln!("bpmonitor: {error:#}");
    if is_disk_full(error) {
        eprintln!(
            "bpmonitor: the disk is full: free some space and run the same command again. What was committed is safe, and a run goes on where it was"
        );
    }
    if port_error(error).is_some_and(PortError::is_damaged_store) {
        eprintln!(
            "bpmonitor: the ward's database is damaged. Put the data directory back from a copy, or begin anew in another one with --data"
        );
    }
    let is_usage = error.is::<BadUsage>() || error.is::<SettingsError>();
    ExitCode::from(if is_usage { BAD_USAGE } else { 1 })
}

/// Whoever reads our output has read enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| match cause.downcast_ref::<io::Error>() {
        Some(error) => Some(error.kind()),
        None => cause.downcast_ref::<serde_json::Error>()?.io_error_kind(),
    };
    error.chain().any(|cause| kind(cause) == Some(io::ErrorKind::BrokenPipe))
}

/// Whether a full disk is behind it.
pub(crate) fn is_disk_full(error: &anyhow::Error) -> bool {
    port_error(error).is_some_and(PortError::is_disk_full)
}

fn port_error(error: &anyhow::Error) -> Option<&PortError> {
    error.chain().find_map(|cause| match cause.downcast_ref::<WardError>() {
        Some(WardError::Port(error)) => Some(error),
        _ => cause.downcast_ref::<PortError>(),
    })
}
