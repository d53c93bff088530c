//! From a file's text to its one document.

use serde_json::Value;
use serde_saphyr::UserMessageFormatter;

use super::ManifestError;

/// The one document of a YAML or JSON file (JSON is YAML too).
pub(super) fn read_one(text: &str) -> Result<Value, ManifestError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| syntax(&error))?;
    match <[Value; 1]>::try_from(documents) {
        Ok([document]) => Ok(document),
        Err(none) if none.is_empty() => {
            Err(ManifestError::new("", "the file is empty; it must hold one BpMonitor"))
        }
        Err(several) => Err(ManifestError::new(
            "",
            format!(
                "the file holds {} documents; it must hold one BpMonitor and nothing else",
                several.len()
            ),
        )),
    }
}

fn syntax(error: &serde_saphyr::Error) -> ManifestError {
    let what = error.without_snippet().render_with_formatter(&UserMessageFormatter);
    let Some(at) = error.location() else { return ManifestError::new("", what) };
    let place = format!("line {}, column {}", at.line(), at.column());
    let told_twice = format!(" at {place}");
    let what = what.strip_suffix(&told_twice).unwrap_or(&what);
    ManifestError::new(place, what)
}
