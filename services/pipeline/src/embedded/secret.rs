//! Secrets in files: made once, nobody else's to read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::archive::sync_directory;

/// Makes a secret of 32 bytes from the operating system's random source, in a file that has it in hexadecimal. All of it is on
/// disk before it has its name, so that a kill never leaves an empty one.
///
/// # Errors
///
/// What reading the random source or writing the file fails with.
pub fn make_secret(path: &Path) -> io::Result<[u8; 32]> {
    let mut secret = [0; 32];
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
