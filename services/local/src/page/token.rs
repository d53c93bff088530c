//! The ward's token: what a page that the network can reach asks for.

use std::fs;
use std::io;
use std::path::Path;

use bpmonitor_pipeline::embedded::make_secret;
use sha2::{Digest, Sha256};

/// A secret of 32 random bytes, in hexadecimal.
#[derive(Clone)]
pub(super) struct Token(String);

impl Token {
    /// Reads the token from a file, and makes one where there is none.
    pub(super) fn in_file(path: &Path) -> io::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) if text.trim().len() >= 32 => Ok(Self(text.trim().to_owned())),
            Ok(_) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it holds no token: remove it to get a new one",
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Self(hex::encode(make_secret(path)?)))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares hashes, so that the time it takes tells nothing.
    pub(super) fn is(&self, given: &str) -> bool {
        Sha256::digest(given) == Sha256::digest(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_is_nobody_elses_to_read() {
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("page.token");
        let token = Token::in_file(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Token::in_file(&path).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
        assert!(again.is(token.as_str()) && !again.is("") && !again.is(&"0".repeat(64)));
        fs::write(&path, "").unwrap();
        assert!(Token::in_file(&path).is_err());
    }
}
