//! Whether Secrets that users name hold what they must.

use super::Secrets;
use crate::finding::{Finding, Looked};
use crate::model::SecretEntry;

/// The entry of a Secret, which must be there; `field` names where it was asked for.
pub(crate) fn entry(secrets: &Secrets, name: &str, key: &str, field: &str) -> Looked<SecretEntry> {
    let Some(Some(data)) = secrets.get(name) else {
        return Err(Finding::no(
            "SecretMissing",
            format!(
                "{field} names the Secret {name}, which is not there: make it in the monitor's namespace"
            ),
        ));
    };
    if data.get(key).is_none_or(Vec::is_empty) {
        return Err(Finding::no(
            "SecretIncomplete",
            format!("the Secret {name}, which {field} names, has no entry {key}: add it"),
        ));
    }
    Ok(SecretEntry::new(name, key))
}

/// What an entry holds that was found to be there.
pub(crate) fn value(secrets: &Secrets, entry: &SecretEntry) -> Vec<u8> {
    let data = secrets.get(&entry.secret).and_then(Option::as_ref);
    data.and_then(|data| data.get(&entry.key)).cloned().unwrap_or_default()
}

/// What an entry holds as text; a line end behind it does not count.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches(['\r', '\n']).to_owned()
}
