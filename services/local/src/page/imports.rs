//! Files given over HTTP: kept under the hash of their content, and read through the ward's inbox.

use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use bpmonitor_pipeline::Tally;
use bpmonitor_pipeline::embedded::{Inbox, WardDirectory};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::fs::{self, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::Page;
use super::error::ApiError;

/// The directory, in the ward's, of files that are being read.
const UPLOADS: &str = "uploads";
/// What the name of a file begins with that is not all there yet.
const PART: &str = ".part-";
/// The largest file that is taken, in bytes.
const MOST_BYTES: usize = 1 << 30;
/// The longest name that a file keeps, in bytes.
const NAME_BYTES: usize = 128;

/// What the client calls the file.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    name: Option<String>,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ImportState {
    /// Kept, and waiting for its turn or being read.
    Reading,
    /// Read to its end, durably.
    Done,
}

/// An import, as the API says it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Import {
    pub(crate) state: ImportState,
    /// What became of its entries so far.
    pub(crate) tally: Tally,
}

/// Where an import is kept: below a directory that is named by its content.
struct Place {
    uploads: PathBuf,
    digest: String,
}

impl Place {
    fn of(ward: &WardDirectory, digest: &str) -> Result<Self, ApiError> {
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_digest {
            return Err(ApiError::bad_request("name the file by the SHA-256 of its content, in hexadecimal"));
        }
        let uploads = absolute(ward).map_err(|error| storing(&error))?.join(UPLOADS);
        Ok(Self { uploads, digest: digest.to_ascii_lowercase() })
    }

    fn directory(&self) -> PathBuf {
        self.uploads.join(&self.digest)
    }

    fn is_empty_file(&self) -> bool {
        self.digest == hex::encode(Sha256::digest(b""))
    }

    /// The file that is kept, under the name that it was given first.
    fn kept(&self) -> Option<String> {
        let file = std::fs::read_dir(self.directory()).ok()?.next()?.ok()?;
        Some(file.path().to_string_lossy().into_owned())
    }
}

fn absolute(ward: &WardDirectory) -> io::Result<PathBuf> {
    ward.path().canonicalize()
}

/// The last part of a name, without what a file system would take amiss.
fn file_name(name: Option<&str>) -> String {
    let name = name.unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = name.trim_start_matches('.').chars().filter(|character| !character.is_control());
    let mut plain: String = plain.collect();
    while plain.len() > NAME_BYTES {
        plain.pop();
    }
    if plain.is_empty() { "import.json".to_owned() } else { plain }
}

fn storing(error: &io::Error) -> ApiError {
    tracing::error!("keeping a file that was given: {error}");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ApiError::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "disk_full",
            "the ward's disk is full: free some space and give the file again",
        ),
        _ => ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the file could not be kept; the log of bpmonitor says why",
        ),
    }
}

/// How far an import is.
pub(super) async fn state(
    State(page): State<Arc<Page>>,
    Path(digest): Path<String>,
) -> Result<Json<Import>, ApiError> {
    let ward = page.store.directory();
    let import = import_at(ward, &Place::of(ward, &digest)?)?;
    import.map(Json).ok_or_else(|| ApiError::not_found("no such file was given to this ward"))
}

fn import_at(ward: &WardDirectory, place: &Place) -> Result<Option<Import>, ApiError> {
    if place.is_empty_file() {
        return Ok(Some(Import { state: ImportState::Done, tally: Tally::default() }));
    }
    // Asked first: a request that is gone by now has left its counts.
    let is_asked = place.kept().is_some_and(|path| Inbox::is_asked(ward, &path));
    let input = ward.input_below(&place.directory().to_string_lossy());
    let tally = input.map_err(|error| ApiError::internal(&error.into()))?.map(|input| input.tally);
    if is_asked {
        return Ok(Some(Import { state: ImportState::Reading, tally: tally.unwrap_or_default() }));
    }
    Ok(tally.map(|tally| Import { state: ImportState::Done, tally }))
}

/// Keeps a file, and asks the ward to read it.
pub(super) async fn put(
    State(page): State<Arc<Page>>,
    Path(digest): Path<String>,
    Query(named): Query<Named>,
    body: Body,
) -> Result<(StatusCode, Json<Import>), ApiError> {
    let ward = page.store.directory();
    let place = Place::of(ward, &digest)?;
    if let Some(import) = import_at(ward, &place)? {
        return Ok((StatusCode::ACCEPTED, Json(import)));
    }
    let part = receive(&place, body).await?;
    let _alone = page.placing.lock().await;
    // Asked again: somebody else may have given the same content meanwhile, and the ward may have read it and tidied it away.
    if let Some(import) = import_at(ward, &place)? {
        return Ok((StatusCode::ACCEPTED, Json(import)));
    }
    let name = file_name(named.name.as_deref());
    let path = tokio::task::block_in_place(|| put_in_place(part, &place, &name));
    let path = path.map_err(|error| storing(&error))?;
    Inbox::ask(ward, &path).map_err(|error| ApiError::internal(&error.into()))?;
    Ok((StatusCode::ACCEPTED, Json(Import { state: ImportState::Reading, tally: Tally::default() })))
}

/// Writes the content beside where it belongs, and sees that it is what it should be.
async fn receive(place: &Place, body: Body) -> Result<TempPath, ApiError> {
    fs::create_dir_all(&place.uploads).await.map_err(|error| storing(&error))?;
    let part = tempfile::Builder::new().prefix(PART).tempfile_in(&place.uploads);
    let part = part.map_err(|error| storing(&error))?.into_temp_path();
    let digest = write(&part, body).await?;
    if digest != place.digest {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "digest_mismatch",
            "the content has another SHA-256 than the path says: it was cut off or changed on the way; give it again",
        ));
    }
    Ok(part)
}

/// Names a file that is all there, durably; where the same content is there already, that one stays. Where it is then.
fn put_in_place(mut part: TempPath, place: &Place, name: &str) -> io::Result<String> {
    loop {
        std::fs::create_dir_all(place.directory())?;
        if let Some(path) = place.kept() {
            return Ok(path);
        }
        let path = place.directory().join(name);
        match part.persist(&path) {
            Ok(()) => {
                for directory in [&place.directory(), &place.uploads] {
                    std::fs::File::open(directory)?.sync_all()?;
                }
                return Ok(path.to_string_lossy().into_owned());
            }
            // The directory was empty until now, and was tidied away.
            Err(error) if error.error.kind() == io::ErrorKind::NotFound => part = error.path,
            Err(error) => return Err(error.error),
        }
    }
}

async fn write(path: &FilePath, body: Body) -> Result<String, ApiError> {
    let mut file = OpenOptions::new().write(true).open(path).await.map_err(|error| storing(&error))?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|_| ApiError::bad_request("the file was cut off on its way: give it again"))?;
        bytes += chunk.len();
        if bytes > MOST_BYTES {
            return Err(too_large());
        }
        hash.update(&chunk);
        file.write_all(&chunk).await.map_err(|error| storing(&error))?;
    }
    file.flush().await.map_err(|error| storing(&error))?;
    file.sync_all().await.map_err(|error| storing(&error))?;
    Ok(hex::encode(hash.finalize()))
}

fn too_large() -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        "a file given over HTTP may have 1 GiB: split it, or import it on the ward's machine",
    )
}

/// When files that were given are looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sweep {
    /// When nobody can give one: parts of files are left over from a kill.
    Alone,
    /// Parts of files are on their way.
    Serving,
}

/// Removes files that were read, and asks for those that were kept when a kill came before the asking. What cannot be
/// tidied is said, and left.
pub(crate) fn sweep(ward: &WardDirectory, sweep: Sweep) {
    let Ok(uploads) = absolute(ward).and_then(|ward| std::fs::read_dir(ward.join(UPLOADS))) else { return };
    for entry in uploads.flatten() {
        let path = entry.path();
        let swept = if path.is_dir() { sweep_directory(ward, &path) } else { sweep_part(&path, sweep) };
        if let Err(error) = swept {
            tracing::warn!(path = %path.display(), "tidying the uploads: {error:#}");
        }
    }
}

fn sweep_part(path: &FilePath, sweep: Sweep) -> anyhow::Result<()> {
    let is_part = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PART));
    if is_part && sweep == Sweep::Alone {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

fn sweep_directory(ward: &WardDirectory, directory: &FilePath) -> anyhow::Result<()> {
    for file in std::fs::read_dir(directory)? {
        let file = file?.path();
        let path = file.to_string_lossy();
        if Inbox::is_asked(ward, &path) {
            continue;
        }
        match ward.input(&path)? {
            Some(_) => std::fs::remove_file(&file)?,
            None => Inbox::ask(ward, &path)?,
        }
    }
    // Stays where something is left in it.
    let _ = std::fs::remove_dir(directory);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_only_the_last_part_of_a_path() {
        for (given, kept) in [
            (Some("a.ndjson"), "a.ndjson"),
            (Some("../../etc/passwd"), "passwd"),
            (Some("C:\\x\\b.json"), "b.json"),
            (Some(".."), "import.json"),
            (Some("a/"), "import.json"),
            (Some("a\u{0}\nb"), "ab"),
            (None, "import.json"),
        ] {
            assert_eq!(file_name(given), kept, "{given:?}");
        }
        let long = file_name(Some(&"é".repeat(200)));
        assert!(long.len() <= NAME_BYTES && long.starts_with('é'));
    }
}
