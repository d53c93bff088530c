//! The key that pseudonyms are made with: from a file or the environment, never made anew.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::fs;

use bpmonitor_clinical::PatientIdentity;
use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::secret::make_secret;
use bpmonitor_settings::{KeyArgs, SettingsError};

use common::{Files, refusal};

const DIGITS: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn given(file: Option<&str>, value: Option<&str>, files: &Files) -> KeyArgs {
    KeyArgs {
        pseudonym_key_file: file.map(|name| files.path(name)),
        pseudonym_key: value.map(|value| SecretSource::Value(value.to_owned())),
    }
}

/// A key shows itself only by what it makes of a patient.
fn pseudonym(args: &KeyArgs) -> String {
    let patient = PatientIdentity::from_user_input("Patient/42", "https://ward.example").unwrap();
    args.key().unwrap().pseudonym(&patient)
}

#[test]
fn it_is_the_files_else_the_environments() {
    let files = Files::new(&[]);
    fs::write(files.path("key"), format!("{DIGITS}\n")).unwrap();
    make_secret(&files.path("other")).unwrap();
    let of_file = pseudonym(&given(Some("key"), None, &files));
    assert_eq!(pseudonym(&given(None, Some(DIGITS), &files)), of_file);
    let other = pseudonym(&given(Some("other"), None, &files));
    assert_ne!(other, of_file);
    assert_eq!(pseudonym(&given(Some("other"), Some(DIGITS), &files)), other);
}

#[test]
fn where_it_is_missing_or_damaged_it_is_said_how_to_make_one_and_none_is_made() {
    let files = Files::new(&["damaged"]);
    for (file, value, says) in [
        (None, None, "no key"),
        (Some("gone"), None, "No such file"),
        (Some("gone"), Some(DIGITS), "No such file"),
        (Some("damaged"), None, "64 hexadecimal digits"),
        (None, Some("hunter2"), "BPMONITOR_PSEUDONYM_KEY does not hold 64 hexadecimal digits"),
        (None, Some(&DIGITS[2..]), "64 hexadecimal digits"),
    ] {
        let error = given(file, value, &files).key().unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, SettingsError::PseudonymKeyMissing(_)), "{text}");
        for piece in ["PseudonymKeyMissing", says, "openssl rand -hex 32 > FILE", "--pseudonym-key-file"] {
            assert!(text.contains(piece), "{text}\nlacks {piece}");
        }
        assert!(!text.contains("hunter2") && !text.contains(&DIGITS[2..]), "{text}");
    }
    assert!(!files.path("gone").exists());
    let error = given(Some("."), None, &files).key().unwrap_err();
    assert!(matches!(error, SettingsError::Unreadable { .. }), "{error}");
}

#[test]
fn it_is_never_a_flag_and_never_shown() {
    let says = refusal::<KeyArgs>(&["--pseudonym-key", DIGITS]);
    assert!(says.contains("unexpected argument '--pseudonym-key'"), "{says}");
    assert!(!format!("{:?}", given(None, Some(DIGITS), &Files::new(&[]))).contains(DIGITS));
}
