//! Secrets in files: made once, nobody else's to read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::segments::sync_directory;

/// How long a secret is, in bytes.
pub const SECRET_BYTES: usize = 32;

/// The secret of 32 bytes that a text has in hexadecimal; space around it does not count.
pub fn parse_secret(text: &str) -> Option<[u8; SECRET_BYTES]> {
    let mut secret = [0; SECRET_BYTES];
    hex::decode_to_slice(text.trim(), &mut secret).ok()?;
    Some(secret)
}

/// Reads a secret from a file as [`make_secret`] writes it.
///
/// # Errors
///
/// What reading the file fails with; [`ErrorKind::InvalidData`] where it holds something else.
pub fn read_secret(path: &Path) -> io::Result<[u8; SECRET_BYTES]> {
    let not_one = || io::Error::new(ErrorKind::InvalidData, "it does not hold 64 hexadecimal digits");
    parse_secret(&fs::read_to_string(path)?).ok_or_else(not_one)
}

/// Makes a secret of 32 bytes from the operating system's random source, in a file that has it in hexadecimal. All of it is on
/// disk before it has its name, so that a kill never leaves an empty one.
///
/// # Errors
///
/// What reading the random source or writing the file fails with.
pub fn make_secret(path: &Path) -> io::Result<[u8; SECRET_BYTES]> {
    let mut secret = [0; SECRET_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut secret)?;
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
    writeln!(file, "{}", hex::encode(secret))?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    if let Some(directory) = path.parent() {
        sync_directory(directory)?;
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_made_is_read_and_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pseudonym.key");
        let made = make_secret(&path).unwrap();
        assert_eq!(read_secret(&path).unwrap(), made);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_secret_is_64_hexadecimal_digits() {
        let digits = "0123456789abcdefABCDEF0123456789".repeat(2);
        assert!(parse_secret(&digits).is_some());
        assert!(parse_secret(&format!(" {digits}\r\n")).is_some());
        for wrong in ["", &digits[1..], &digits[2..], &format!("{digits}00"), &digits.replace('a', "g")] {
            assert!(parse_secret(wrong).is_none(), "{wrong}");
        }
    }
}
