//! The key that pseudonyms are made with.

use std::io::ErrorKind;
use std::path::PathBuf;

use bpmonitor_clinical::PseudonymKey;
use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::secret::{parse_secret, read_secret};
use clap::Args;

use crate::SettingsError;
use crate::given::secret_in;

/// How a key is made, for those who have none.
const MAKE: &str = "make one with `openssl rand -hex 32 > FILE`, keep a copy, and give --pseudonym-key-file FILE; where data made with another key exists, give that key (a new one would give every patient a second pseudonym)";

/// The key that pseudonyms are made with. It is never made anew.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Privacy")]
pub struct KeyArgs {
    /// The key that pseudonyms are made with: 32 bytes in hexadecimal, in a file; or the key itself in the environment as
    /// `BPMONITOR_PSEUDONYM_KEY`
    #[arg(long, value_name = "FILE", env = "BPMONITOR_PSEUDONYM_KEY_FILE")]
    pub pseudonym_key_file: Option<PathBuf>,
    /// The key from the environment: never a flag, which every user of the machine could read.
    #[arg(skip = secret_in("BPMONITOR_PSEUDONYM_KEY"))]
    pub pseudonym_key: Option<SecretSource>,
}

impl KeyArgs {
    /// The key, from its file, which is stronger, or from the environment.
    ///
    /// # Errors
    ///
    /// [`SettingsError::PseudonymKeyMissing`]: it is not given, its file is not there, or it is damaged.
    /// [`SettingsError::Unreadable`]: its file cannot be read.
    pub fn key(&self) -> Result<PseudonymKey, SettingsError> {
        let secret = match (&self.pseudonym_key_file, &self.pseudonym_key) {
            (Some(file), _) => read_secret(file).map_err(|error| match error.kind() {
                ErrorKind::NotFound | ErrorKind::InvalidData => {
                    missing(&format!("--pseudonym-key-file {}: {error}", file.display()))
                }
                _ => SettingsError::unreadable("--pseudonym-key-file", file, error),
            })?,
            (None, Some(SecretSource::Value(value))) => parse_secret(value)
                .ok_or_else(|| missing("BPMONITOR_PSEUDONYM_KEY does not hold 64 hexadecimal digits"))?,
            (None, _) => return Err(missing("no key to make pseudonyms with is given")),
        };
        Ok(PseudonymKey::new(&secret))
    }
}

fn missing(what: &str) -> SettingsError {
    SettingsError::PseudonymKeyMissing(format!("{what}: {MAKE}"))
}
