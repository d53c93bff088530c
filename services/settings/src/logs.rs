//! Logs: text for people, JSON for machines, both on standard error.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// How logs are written. `RUST_LOG` says what is logged; `info` and above unless set.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct LogArgs {
    /// How logs are written: as text on a terminal and as JSON elsewhere unless given
    #[arg(long, value_name = "FORMAT", env = "BPMONITOR_LOG_FORMAT", default_value = "auto")]
    pub log_format: LogFormat,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere
    #[default]
    Auto,
    /// One JSON object a line
    Json,
    /// Text for people
    Text,
}

impl LogArgs {
    /// Begins to log; once a process.
    pub fn init(self) {
        init(self.log_format.is_json(io::stderr().is_terminal()));
    }
}

impl LogFormat {
    const fn is_json(self, is_terminal: bool) -> bool {
        match self {
            Self::Auto => !is_terminal,
            Self::Json => true,
            Self::Text => false,
        }
    }
}

/// Begins to log, as JSON or as text; once a process.
pub fn init(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info,rdkafka=off".into());
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if json {
        logs.json().flatten_event(true).with_current_span(true).with_span_list(false).init();
    } else {
        logs.with_ansi(io::stderr().is_terminal()).with_target(false).without_time().init();
    }
}

#[cfg(test)]
mod tests {
    use super::LogFormat::{Auto, Json, Text};

    #[test]
    fn only_auto_asks_for_the_terminal() {
        for (format, on_terminal, elsewhere) in
            [(Auto, false, true), (Json, true, true), (Text, false, false)]
        {
            assert_eq!(format.is_json(true), on_terminal, "{format:?}");
            assert_eq!(format.is_json(false), elsewhere, "{format:?}");
        }
    }
}
