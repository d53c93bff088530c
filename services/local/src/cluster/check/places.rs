//! What lies on this machine: the pseudonym key and the archive.

use std::path::Path;

use anyhow::Result;
use bpmonitor_clinical::PseudonymKey;
use bpmonitor_settings::ArchiveTarget;

use super::Check;
use super::report::Report;

/// Looks for the pseudonym key.
pub(super) fn key(check: &Check<'_>, report: &mut Report) -> Result<Option<PseudonymKey>> {
    const CHECK: &str = "pseudonym key";
    if !check.settings.privacy.pseudonymise {
        report.warning(
            CHECK,
            "patients are stored under their identities: spec.privacy.pseudonymise is false",
        )?;
        return Ok(check.args.key.key().ok());
    }
    match check.args.key.key() {
        Ok(key) => report.ok(CHECK, "it is there").map(|()| Some(key)),
        Err(error) => report.failure(CHECK, error.to_string()).map(|()| None),
    }
}

/// Tries to write to the archive, where one is given.
pub(super) fn archive(check: &Check<'_>, report: &mut Report) -> Result<()> {
    const CHECK: &str = "archive";
    let is_given = check.args.archive.archive.is_some() || check.settings.resource.spec.archive.s3.is_some();
    if !is_given {
        return Ok(());
    }
    match check.args.archive.target(Some(check.settings)) {
        Ok(ArchiveTarget::Directory(directory)) => match try_writing(&directory) {
            Ok(true) => report.ok(CHECK, format!("{} can be written", directory.display())),
            Ok(false) => {
                report.ok(CHECK, format!("{} is not there yet, and can be made", directory.display()))
            }
            Err(error) => report.failure(
                CHECK,
                format!(
                    "{} cannot be written: {error}: is it mounted, and whose is it?",
                    directory.display()
                ),
            ),
        },
        Ok(ArchiveTarget::S3(_)) => report.warning(CHECK, "it is in a bucket, which is not looked at here"),
        Err(error) => report.failure(CHECK, error.to_string()),
    }
}

/// Makes a file and removes it; whether the directory is there itself.
fn try_writing(directory: &Path) -> std::io::Result<bool> {
    if directory.exists() {
        return tempfile::tempfile_in(directory).map(|_| true);
    }
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::tempfile_in(parent).map(|_| false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_tried_or_the_one_above_it() {
        let directory = tempfile::tempdir().unwrap();
        assert!(try_writing(directory.path()).unwrap());
        assert!(!try_writing(&directory.path().join("new")).unwrap());
        assert!(try_writing(&directory.path().join("new/below")).is_err());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
