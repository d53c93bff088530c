//! The inbox: how another process asks a running ward to read further files.
//!
//! A request is a small file in the directory `inbox` that names the file to read. It stays until the ward's database says that
//! all of the file was read, so it outlives a kill of either side.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{EmbeddedStore, WardDirectory};
use crate::PortError;
use crate::files::{Feed, Input};

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
}

impl Inbox {
    /// The inbox of this ward.
    pub fn new(store: EmbeddedStore) -> Self {
        Self { store, begun: HashMap::new() }
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

    fn requests(&self) -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(self.store.directory().inbox())?.collect::<io::Result<Vec<_>>>()?;
        let is_request = |path: &PathBuf| path.extension() == Some(OsStr::new("json"));
        Ok(entries.into_iter().map(|entry| entry.path()).filter(is_request).collect())
    }

    /// The input that a request asks for; none where it cannot be read, which is said and ends it.
    fn input(&self, request: &Path) -> Result<Option<Input>, PortError> {
        let text = fs::read(request).map_err(PortError::io(format!("reading {}", request.display())))?;
        let Ok(Request { path }) = serde_json::from_slice(&text) else {
            tracing::warn!(request = %request.display(), "removed a request that cannot be understood");
            remove(request)?;
            return Ok(None);
        };
        if let Err(error) = fs::File::open(&path) {
            tracing::warn!(%path, %error, "removed a request to read a file that cannot be read");
            remove(request)?;
            return Ok(None);
        }
        Ok(Some(Input { position: self.store.position(&path)?, follow: false }))
    }

    /// Removes the requests that are fulfilled.
    ///
    /// # Errors
    ///
    /// What reading or removing them fails with.
    pub fn settle_all(&self) -> Result<(), PortError> {
        let what = format!("reading {}", self.store.directory().inbox().display());
        self.requests().map_err(PortError::io(what))?.iter().try_for_each(|request| self.settle(request))
    }

    /// Removes a request whose file was read to its end, and durably so.
    fn settle(&self, request: &Path) -> Result<(), PortError> {
        let Some(input) = self.input(request)? else { return Ok(()) };
        if input.position.is_all().unwrap_or(false) {
            remove(request)?;
        }
        Ok(())
    }
}

/// What the request to read a file is called.
fn request_name(path: &str) -> String {
    format!("{}.json", hex::encode(Sha256::digest(path)))
}

fn write_request(inbox: &Path, path: &str) -> io::Result<()> {
    let name = request_name(path);
    let request = serde_json::to_vec(&Request { path: path.to_owned() })?;
    // Two processes may ask for the same file at the same time.
    let temporary = inbox.join(format!("{name}.{}.new", std::process::id()));
    let mut file = fs::File::create(&temporary)?;
    file.write_all(&request)?;
    file.sync_all()?;
    fs::rename(temporary, inbox.join(name))
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
    fn look(&mut self) -> Result<Vec<Input>, PortError> {
        let what = || format!("reading {}", self.store.directory().inbox().display());
        let requests = self.requests().map_err(PortError::io(what()))?;
        let mut inputs = Vec::new();
        for request in requests {
            let Some(input) = self.input(&request)? else { continue };
            let length = fs::metadata(&*input.position.path).map_or(0, |metadata| metadata.len());
            if input.position.is_all().unwrap_or(false) {
                remove(&request)?;
            } else if self.begun.get(&request) != Some(&length) {
                tracing::info!(path = %Arc::clone(&input.position.path), "reading a file that was asked for");
                self.begun.insert(request, length);
                inputs.push(input);
            }
        }
        self.begun.retain(|request, _| request.exists());
        Ok(inputs)
    }
}
