//! What holds for every command: help, completions, closed pipes, the environment.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use bpmonitor_test_support::observations::{lines, observation};
use common::process::{bpmonitor, finish, finish_unread};
use common::ward::Ward;

const COMMANDS: [&[&str]; 11] = [
    &["run"],
    &["classify"],
    &["import"],
    &["tail"],
    &["archive"],
    &["archive", "export"],
    &["rejected"],
    &["rejected", "list"],
    &["rejected", "replay"],
    &["pseudonym"],
    &["erase"],
];

#[test]
fn every_command_has_help_and_a_version() {
    for command in COMMANDS {
        let help = finish(bpmonitor(command).arg("--help")).good();
        assert!(help.out.contains("Usage: bpmonitor"), "{help:#?}");
    }
    let help = finish(&mut bpmonitor(["--help"])).good();
    assert!(COMMANDS.iter().all(|command| help.out.contains(command[0])), "{help:#?}");
    assert!(finish(&mut bpmonitor(["--version"])).good().out.starts_with("bpmonitor "));
    finish(&mut bpmonitor([""; 0])).failed(2, &["Usage"]);
    finish(&mut bpmonitor(["nonsense"])).failed(2, &["nonsense"]);
}

#[test]
fn completions_are_there_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let completions = finish(&mut bpmonitor(["completions", shell])).good().out;
        for word in ["classify", "follow", "export", "replay"] {
            assert!(completions.contains(word), "{shell}: {word}");
        }
    }
    finish(&mut bpmonitor(["completions", "cmd"])).failed(2, &["bash", "zsh", "fish"]);
}

#[test]
fn nobody_reads_the_output() {
    let ward = Ward::new();
    let many = lines((0..500).map(|n| observation(&format!("o{n}"), "1", 110 + n % 50, 76)));
    let input = ward.write("in.ndjson", many + &"nonsense\n".repeat(500));
    ward.run(&[&input]).good();
    let target = ward.path("out");
    for command in [
        &["classify", "-o", "json", input.to_str().unwrap()][..],
        &["tail", "--all", "--once", "-o", "json"],
        &["tail", "--all", "--once", "-o", "table"],
        &["archive", "export", "--by", "day", target.to_str().unwrap()],
        &["rejected", "list", "-o", "json"],
        &["rejected", "list", "-o", "table"],
        &["rejected", "show", "1000"],
        &["rejected", "replay"],
        &["pseudonym", "1"],
        &["erase", "--patient", "1"],
    ] {
        let output = finish_unread(&mut ward.command(command));
        if command[1] == "show" && output.code == Some(2) {
            continue; // whatever its number is
        }
        assert_eq!((output.code, output.err.as_str()), (Some(0), ""), "{command:?}");
    }
    for command in [&["completions", "bash"][..], &["--help"], &["--version"]] {
        let output = finish_unread(&mut bpmonitor(command));
        assert_eq!((output.code, output.err.as_str()), (Some(0), ""), "{command:?}");
    }
    let output = finish_unread(&mut ward.running(&[&input]));
    assert_eq!((output.code, output.err.as_str()), (Some(0), ""), "run");
    let output = finish_unread(&mut ward.importing(&[&input]));
    assert!(output.code == Some(0) && !output.err.contains(['\u{1b}', '!']), "{output:#?}");
}

#[test]
fn the_data_directory_may_come_from_the_environment() {
    let ward = Ward::new();
    let input = ward.write("in.json", observation("o", "1", 118, 76).to_string());
    let mut run = bpmonitor(["run", "-f"]);
    run.arg(ward.manifest()).arg("--input").arg(&input).env("BPMONITOR_DATA", ward.data());
    finish(&mut run).good();
    assert_eq!(ward.exported_ids(), ["o"]);
}

#[test]
fn the_default_data_directory_is_in_the_working_directory() {
    let ward = Ward::new();
    let input = ward.write("in.json", observation("o", "1", 118, 76).to_string());
    let mut run = bpmonitor(["run", "-f"]);
    run.arg(ward.manifest()).arg("--input").arg(&input).current_dir(ward.path(""));
    finish(&mut run).good();
    assert!(ward.path("bpmonitor-data/ward.db").exists());
}
