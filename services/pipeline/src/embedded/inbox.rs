//! The inbox: how another process asks a running ward to read further files.
//!
//! A request is a small file in the directory `inbox` that names the file to read. It stays until the ward's database says that
//! all of the file was read, so it outlives a kill of either side.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{EmbeddedStore, WardDirectory};
use crate::PortError;
use crate::files::{Feed, Input};
use crate::segments::sync_directory;

/// How many requests this process has written.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// A request to read a file.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    path: String,
}

/// The requests to a ward, as the running ward sees them.
#[derive(Debug)]
pub struct Inbox {
    store: EmbeddedStore,
    /// The requests that are being fulfilled, and how long the file was when that began.
    begun: HashMap<PathBuf, u64>,
    /// Whether the last look failed: said once, and tried again.
    is_failing: bool,
}

impl Inbox {
    /// The inbox of this ward.
    pub fn new(store: EmbeddedStore) -> Self {
        Self { store, begun: HashMap::new(), is_failing: false }
    }

    /// Asks the ward in `directory` to read a file, named by its absolute path.
    ///
    /// # Errors
    ///
    /// What writing the request fails with.
    pub fn ask(directory: &WardDirectory, path: &str) -> Result<(), PortError> {
        let inbox = directory.inbox();
        let what = format!("writing to {}", inbox.display());
        write_request(&inbox, path).map_err(PortError::io(what))
    }

    /// Whether the request to read a file is still there.
    pub fn is_asked(directory: &WardDirectory, path: &str) -> bool {
        directory.inbox().join(request_name(path)).exists()
    }

    fn requests(&self) -> Result<Vec<PathBuf>, PortError> {
        let inbox = self.store.directory().inbox();
        let entries = fs::read_dir(&inbox).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.map_err(PortError::io(format!("reading {}", inbox.display())))?;
        let is_request = |path: &PathBuf| path.extension() == Some(OsStr::new("json"));
        Ok(entries.into_iter().map(|entry| entry.path()).filter(is_request).collect())
    }

    /// What is left to do of a request. None where the file was read to its end, durably, or cannot be read, which is said:
    /// both end the request.
    fn unread(&self, request: &Path) -> Result<Option<Input>, PortError> {
        let text = fs::read(request).map_err(PortError::io(format!("reading {}", request.display())))?;
        let Ok(Request { path }) = serde_json::from_slice(&text) else {
            tracing::warn!(request = %request.display(), "removed a request that cannot be understood");
            return remove(request).map(|()| None);
        };
        let position = self.store.position(&path)?;
        match position.is_all() {
            Ok(false) => return Ok(Some(Input { position, follow: false })),
            Ok(true) => {}
            Err(error) => {
                tracing::warn!(%path, %error, "removed a request to read a file that cannot be read");
            }
        }
        remove(request).map(|()| None)
    }

    fn look_at_requests(&mut self) -> Result<Vec<Input>, PortError> {
        let mut inputs = Vec::new();
        for request in self.requests()? {
            let Some(input) = self.unread(&request)? else { continue };
            let length = fs::metadata(&*input.position.path).map_or(0, |metadata| metadata.len());
            if self.begun.get(&request) != Some(&length) {
                tracing::info!(path = %input.position.path, "reading a file that was asked for");
                self.begun.insert(request, length);
                inputs.push(input);
            }
        }
        self.begun.retain(|request, _| request.exists());
        Ok(inputs)
    }

    /// Removes the requests that are fulfilled.
    ///
    /// # Errors
    ///
    /// What reading or removing them fails with.
    pub fn settle_all(&self) -> Result<(), PortError> {
        self.requests()?.iter().try_for_each(|request| self.unread(request).map(drop))
    }
}

/// What the request to read a file is called.
fn request_name(path: &str) -> String {
    format!("{}.json", hex::encode(Sha256::digest(path)))
}

fn write_request(inbox: &Path, path: &str) -> io::Result<()> {
    let name = request_name(path);
    let request = serde_json::to_vec(&Request { path: path.to_owned() })?;
    // Several may ask for the same file at the same time, in this process and in others.
    let number = ASKED.fetch_add(1, Ordering::Relaxed);
    let temporary = inbox.join(format!("{name}.{}-{number}.new", std::process::id()));
    let mut file = fs::File::create(&temporary)?;
    file.write_all(&request)?;
    file.sync_all()?;
    fs::rename(temporary, inbox.join(name))?;
    sync_directory(inbox)
}

fn remove(request: &Path) -> Result<(), PortError> {
    match fs::remove_file(request) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(PortError::io(format!("removing {}", request.display()))(error))
        }
        _ => Ok(()),
    }
}

impl Feed for Inbox {
    /// What cannot be looked at now is looked at again: no request ends a run.
    fn look(&mut self) -> Result<Vec<Input>, PortError> {
        let looked = self.look_at_requests();
        if let Err(error) = &looked
            && !self.is_failing
        {
            tracing::error!("looking for files that were asked for, to be tried again: {error}");
        }
        self.is_failing = looked.is_err();
        Ok(looked.unwrap_or_default())
    }
}
