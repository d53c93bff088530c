//! `bpmonitor classify`: FHIR in, one line out per entry.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use bpmonitor_test_support::observations::{CANARY, at, bundle_with_urls, lines, observation, with};
use common::process::{Output, bpmonitor, finish, finish_unread, finish_with};
use common::ward::{Ward, manifest};
use common::{fhir_files, repository};
use fastrand::Rng;
use serde_json::{Value, json};

/// The files of the corpus, in the order of its `expected.json`.
const CORPUS: [&str; 3] = ["tricky.ndjson", "bundle-pretty.json", "mixed.json"];

fn corpus() -> PathBuf {
    repository().join("tests/real-data/corpus")
}

fn classify(args: &[&str], input: &str) -> Output {
    finish_with(bpmonitor(["classify"]).args(args), input.as_bytes())
}

/// The rows for this input, of a run that ends well and says nothing on standard error.
#[track_caller]
fn rows(args: &[&str], input: &str) -> Vec<Value> {
    let output = classify(args, input).good();
    assert_eq!(output.err, "");
    output.rows()
}

fn category(args: &[&str], systolic: f64, diastolic: f64) -> String {
    let row = &rows(args, &observation("o", "1", systolic, diastolic).to_string())[0];
    format!("{} {}", row["outcome"].as_str().unwrap(), row["category"].as_str().unwrap())
}

/// Where an entry stands, as a key.
type At = (String, u64, Option<u64>);

fn sorted(list: &Value) -> Vec<String> {
    let mut names: Vec<String> =
        list.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// What the corpus tests of an entry, for the two programs to agree on.
///
/// The rules do not say what of an id is left of an entry whose shape was rejected, nor how many zeros at the end are kept
/// beyond 28 digits.
fn judged(row: &Value, pressure: impl Fn(&Value) -> Option<String>) -> Value {
    let is_misshapen = ["not_fhir", "too_deep"].map(Value::from).contains(&row["reason"]);
    let id = if is_misshapen { &Value::Null } else { &row["observation_id"] };
    let pressure = |value| {
        let digits: Option<String> = pressure(value);
        digits.map(
            |digits| if digits.len() > 29 { digits.trim_end_matches(['0', '.']).to_owned() } else { digits },
        )
    };
    json!({
        "outcome": row["outcome"], "category": row["category"], "anomalies": row["anomalies"], "reasons": row["reasons"],
        "systolic": pressure(&row["systolic"]), "diastolic": pressure(&row["diastolic"]), "flags": sorted(&row["flags"]),
        "observation_id": id, "effective": row["effective"], "reason": row["reason"],
    })
}

fn expected_of_corpus() -> BTreeMap<At, Vec<Value>> {
    let text = fs::read_to_string(corpus().join("expected.json")).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    by_place(rows.filter(|row| row["file"].is_string()).map(|row| {
        let file = row["file"].as_str().unwrap().to_owned();
        let at = (file, row["line"].as_u64().unwrap(), row["entry"].as_u64());
        (at, judged(&row, |value| value.as_str().map(str::to_owned)))
    }))
}

/// Several documents may stand on one line.
fn by_place(rows: impl Iterator<Item = (At, Value)>) -> BTreeMap<At, Vec<Value>> {
    let mut places: BTreeMap<At, Vec<Value>> = BTreeMap::new();
    for (at, row) in rows {
        places.entry(at).or_default().push(row);
    }
    places
}

/// A JSON row with the pressures' digits as they stand in it.
fn found_in(line: &str) -> (At, Value) {
    let row: Value = serde_json::from_str(line).unwrap();
    let at = &row["at"];
    let key = (at["file"].as_str().unwrap().to_owned(), at["line"].as_u64().unwrap(), at["entry"].as_u64());
    let digits = |side: &str| {
        let (_, rest) = line.split_once(&format!("\"{side}\":")).unwrap();
        Value::from(rest.split(',').next().unwrap())
    };
    let mut row = row.clone();
    for side in ["systolic", "diastolic"] {
        row[side] = digits(side);
    }
    let pressure = |value: &Value| value.as_str().filter(|text| *text != "null").map(str::to_owned);
    (key, judged(&row, pressure))
}

fn differences(expected: &[Value], found: &[Value]) -> String {
    let ([expected], [found]) = (expected, found) else {
        return format!(" {} entries expected, {} found", expected.len(), found.len());
    };
    let mut text = String::new();
    for (name, wanted) in expected.as_object().unwrap() {
        if wanted != &found[name] {
            let _ = write!(text, " {name}: expected {wanted}, found {};", found[name]);
        }
    }
    text
}

#[test]
fn the_corpus_is_read_as_an_independent_program_reads_it() {
    let output = finish(bpmonitor(["classify", "-o", "json"]).args(CORPUS).current_dir(corpus())).good();
    assert_eq!(output.err, "");
    let expected = expected_of_corpus();
    let found = by_place(output.out.lines().map(found_in));
    let mut wrong = String::new();
    for (at, wanted) in &expected {
        match found.get(at) {
            Some(row) if row == wanted => {}
            Some(row) => {
                let _ =
                    writeln!(wrong, "{at:?} {}:{}", wanted[0]["observation_id"], differences(wanted, row));
            }
            None => drop(writeln!(wrong, "{at:?} {} is not there", wanted[0]["observation_id"])),
        }
    }
    for at in found.keys().filter(|at| !expected.contains_key(at)) {
        let _ = writeln!(wrong, "{at:?} is too much");
    }
    assert!(wrong.is_empty(), "{} differences:\n{wrong}", wrong.lines().count());
}

#[test]
fn nothing_of_a_rejected_entry_shows() {
    for output in ["json", "table", "summary"] {
        let output = finish(bpmonitor(["classify", "-o", output]).args(CORPUS).current_dir(corpus())).good();
        assert_eq!(output.err, "");
        for line in output.out.lines() {
            let text = match serde_json::from_str::<Value>(line) {
                Ok(mut row) => {
                    // Ids are asked for; they are all that is quoted.
                    row["observation_id"].take();
                    row["patient"].take();
                    row.to_string()
                }
                Err(_) => line.to_owned(),
            };
            assert!(!text.contains(CANARY), "{text}");
        }
    }
}

#[test]
fn rows_stand_in_the_order_of_the_input() {
    let ward = Ward::new();
    let one =
        ward.write("one.ndjson", lines([observation("a", "1", 118, 76), observation("b", "1", 150, 95)]));
    let two =
        bundle_with_urls(&[("", observation("c", "1", 118, 76)), ("", json!({"resourceType": "Patient"}))]);
    let two = ward.write("two.json", format!("{two:#}\n{}", observation("d", "1", 118, 76)));
    let mut command = bpmonitor(["classify", "-o", "json"]);
    let stdin = lines([observation("e", "1", 118, 76)]);
    let output = finish_with(command.args([&one, &two]).arg("-").arg(&one), stdin.as_bytes()).good();
    let found: Vec<String> =
        output.rows().iter().map(|row| format!("{} {}", row["observation_id"], row["at"])).collect();
    let (one, two) = (one.display(), two.display());
    let last_line = fs::read_to_string(ward.path("two.json")).unwrap().lines().count();
    assert_eq!(
        found,
        [
            format!(r#""a" {{"entry":null,"file":"{one}","line":1}}"#),
            format!(r#""b" {{"entry":null,"file":"{one}","line":2}}"#),
            format!(r#""c" {{"entry":0,"file":"{two}","line":1}}"#),
            format!(r#"null {{"entry":1,"file":"{two}","line":1}}"#),
            format!(r#""d" {{"entry":null,"file":"{two}","line":{last_line}}}"#),
            r#""e" {"entry":null,"file":"-","line":1}"#.to_owned(),
            format!(r#""a" {{"entry":null,"file":"{one}","line":1}}"#),
            format!(r#""b" {{"entry":null,"file":"{one}","line":2}}"#),
        ]
    );
}

#[test]
fn a_row_says_everything_and_absent_values_are_null() {
    let anomaly = with(observation("o-1", "42", 162, 58), &json!({"status": "preliminary"}));
    let row = rows(&[], &anomaly.to_string()).remove(0);
    assert_eq!(
        row,
        json!({
            "outcome": "anomaly", "category": "hypertension_stage2", "severity": "high", "systolic": 162.0, "diastolic": 58.0,
            "anomalies": ["hypertension_stage2", "hypotension"],
            "reasons": ["systolic_hypertension", "diastolic_hypotension", "isolated_systolic_hypertension", "wide_pulse_pressure"],
            "flags": ["preliminary"], "patient": "Patient/42", "observation_id": "o-1", "effective": "2024-03-01T08:00:00Z",
            "reason": null, "at": {"file": "-", "line": 1, "entry": null},
        })
    );
    let row = rows(&[], "{}").remove(0);
    assert_eq!(
        row,
        json!({
            "outcome": "rejected", "category": null, "severity": null, "systolic": null, "diastolic": null, "anomalies": [],
            "reasons": [], "flags": [], "patient": null, "observation_id": null, "effective": null, "reason": "not_fhir",
            "at": {"file": "-", "line": 1, "entry": null},
        })
    );
}

#[test]
fn standard_input_is_read_where_no_file_is_named_or_a_hyphen() {
    let input = observation("o", "1", 118, 76).to_string();
    assert_eq!(rows(&[], &input), rows(&["-"], &input));
    assert_eq!(rows(&[], ""), Vec::<Value>::new());
    assert_eq!(rows(&[], "\n \r\n\t\n"), Vec::<Value>::new());
}

#[test]
fn a_summary_counts_and_a_table_has_columns() {
    let input = lines([
        observation("a", "1", 118, 76),
        observation("b", "1", 185, 125),
        observation("c", "1", 76, 118),
        json!({"resourceType": "Patient"}),
        with(observation("a", "1", 118, 76), &json!({"status": "cancelled"})),
    ]);
    let summary = classify(&["-o", "summary"], &input).good();
    let counts = ["entries", "anomalies", "normal", "withdrawn", "skipped", "rejected", "implausible"];
    assert_eq!(counts.map(|name| summary.count(name).unwrap()), [5, 1, 1, 1, 1, 1, 1]);
    let table = classify(&["-o", "table"], &input).good();
    let table: Vec<&str> = table.out.lines().collect();
    assert_eq!(table.len(), 6, "{table:#?}");
    let category_at = table[0].find("CATEGORY").unwrap();
    let categories: Vec<&str> =
        table[1..].iter().map(|row| row[category_at..].split_whitespace().next().unwrap()).collect();
    assert_eq!(categories[..4], ["normal", "hypertensive_crisis", "implausible", "not_observation"]);
    assert!(table[5].starts_with("withdrawn"), "{}", table[5]);
}

#[test]
fn rejections_end_well_and_bad_usage_with_2() {
    let ward = Ward::new();
    let missing = ward.path("missing.json");
    let missing = missing.to_str().unwrap();
    classify(&[], "nonsense").good();
    classify(&[missing], "").failed(2, &[missing, "No such file"]);
    classify(&[ward.path("").to_str().unwrap()], "").failed(2, &["directory"]);
    classify(&["--nonsense"], "").failed(2, &["--nonsense"]);
    classify(&["-o", "yaml"], "").failed(2, &["yaml", "summary"]);
    classify(&["-f", missing], "").failed(2, &[missing]);
    classify(&["--pseudonymise", "--data", missing], "").failed(2, &["key", missing]);
}

#[test]
fn what_was_read_before_an_unreadable_file_is_printed() {
    let ward = Ward::new();
    let file = ward.write("one.json", observation("a", "1", 118, 76).to_string());
    let output = finish(bpmonitor(["classify", "-o", "json"]).arg(file).arg(ward.path("missing.json")));
    assert_eq!(output.failed(2, &["missing.json"]).rows()[0]["observation_id"], "a");
}

#[test]
fn a_manifest_says_by_which_thresholds() {
    let ward = Ward::new();
    let path = ward.manifest();
    let manifest_args = ["-f", path.to_str().unwrap()];
    let table = [
        (json!({"profile": "esc-2024"}), (118.0, 70.0), "anomaly elevated"),
        (json!({"profile": "esc-2024"}), (180.0, 90.0), "anomaly hypertensive_crisis"),
        (json!({"profile": "esc-2024"}), (135.0, 69.0), "anomaly elevated"),
        (json!({"profile": "simple-140-90"}), (140.0, 90.0), "normal normal"),
        (json!({"profile": "simple-140-90"}), (140.1, 80.0), "anomaly hypertension_stage2"),
        (json!({"stage2": {"systolic": 150}}), (149.0, 79.0), "anomaly hypertension_stage1"),
        (json!({"anomalies": ["hypertensive_crisis"]}), (170.0, 100.0), "normal hypertension_stage2"),
        (json!({"anomalies": ["hypotension"]}), (162.0, 58.0), "anomaly hypertension_stage2"),
        (json!({}), (180.0, 120.0), "anomaly hypertension_stage2"),
    ];
    for (thresholds, (systolic, diastolic), expected) in table {
        ward.set_spec(&json!({"thresholds": thresholds}));
        assert_eq!(
            category(&manifest_args, systolic, diastolic),
            expected,
            "{thresholds}: {systolic}/{diastolic}"
        );
    }
    assert_eq!(category(&[], 118.0, 70.0), "normal normal");
}

#[test]
fn per_patient_thresholds_and_pseudonyms_take_the_wards_key() {
    let ward = Ward::new();
    let input = ward.write("in.json", observation("a", "42", 118, 76).to_string());
    ward.run(&[&input]).good();
    let pseudonym = ward.does(&["pseudonym", "42"]).good().out.trim().to_owned();
    let data = ward.data().to_str().unwrap().to_owned();
    ward.set_spec(
        &json!({"thresholds": {"perPatient": [{"patient": pseudonym, "stage2": {"systolic": 150}}]}}),
    );
    let path = ward.manifest();
    let args = ["-f", path.to_str().unwrap(), "--data", &data];
    let both = lines([observation("a", "42", 145, 79), observation("b", "43", 145, 79)]);
    let found = rows(&args, &both);
    assert_eq!(
        (&found[0]["category"], &found[0]["patient"]),
        (&"hypertension_stage1".into(), &"Patient/42".into())
    );
    assert_eq!(
        (&found[1]["category"], &found[1]["patient"]),
        (&"hypertension_stage2".into(), &"Patient/43".into())
    );
    assert_eq!(rows(&["--pseudonymise", "--data", &data], &both)[0]["patient"], *pseudonym);
}

#[test]
fn settings_of_the_source_take_effect() {
    let ward = Ward::new();
    let manifest_path = ward.manifest();
    let args = ["-f", manifest_path.to_str().unwrap()];
    let ahead = at(observation("o", "1", 118, 76), "2100-01-01T00:00:00Z").to_string();
    assert_eq!(rows(&[], &ahead)[0]["reason"], "future");
    ward.set_spec(&json!({"source": {"maxSkew": "40000d", "baseUrl": "https://fhir.example/r4/"}}));
    let row = &rows(&args, &ahead)[0];
    assert_eq!(
        (&row["outcome"], &row["patient"]),
        (&"normal".into(), &"https://fhir.example/r4/Patient/1".into())
    );
}

#[test]
fn whoever_reads_the_output_may_stop_at_any_line() {
    let ward = Ward::new();
    let many = lines((0..20_000).map(|number| observation(&format!("o{number}"), "1", 118, 76)));
    let file = ward.write("many.ndjson", many);
    for output in ["json", "table"] {
        let mut command = bpmonitor(["classify", "-o", output]);
        let mut child = command.arg(&file).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(!first.is_empty());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""), "{output}");
    }
    let output = finish_unread(bpmonitor(["classify", "-o", "summary"]).arg(&file));
    assert_eq!((output.code, output.err.as_str()), (Some(0), ""));
}

/// Every line is one Rejection, and neither rows nor messages quote any of it.
#[track_caller]
fn check_garbage(what: &str, garbage: &[u8], rejections: usize) {
    for format in ["json", "table", "summary"] {
        let output = finish_with(&mut bpmonitor(["classify", "-o", format]), garbage).good();
        assert_eq!(output.err, "", "{what}");
        assert!(!output.out.contains(CANARY), "{what}: {format}");
        match format {
            "json" => {
                let rows = output.rows();
                assert_eq!(rows.len(), rejections, "{what}");
                assert!(rows.iter().all(|row| row["outcome"] == "rejected"), "{what}");
            }
            "table" => assert_eq!(output.out.lines().count(), rejections + 1, "{what}"),
            _ => assert_eq!(output.count("rejected"), Some(rejections as u64), "{what}"),
        }
    }
}

#[test]
fn garbage_is_a_rejection_a_line() {
    const LENGTH: usize = 10_000_000;
    let canary = CANARY.as_bytes();
    let mut random = Rng::with_seed(7);
    for seed in 0..20 {
        random.seed(seed);
        let byte = |random: &mut Rng| random.u8(..);
        // Where a brace follows a value, another document begins.
        let mut garbage: Vec<u8> = (0..200_000)
            .map(|_| byte(&mut random))
            .map(|byte| if byte == b'{' { b'[' } else { byte })
            .collect();
        for place in 0..200 {
            garbage[place * 1000..][..canary.len()].copy_from_slice(canary);
        }
        let says_something = |line: &&[u8]| !line.iter().all(|byte| b" \t\r".contains(byte));
        let lines = garbage.split(|byte| *byte == b'\n').filter(says_something).count();
        check_garbage("random bytes", &garbage, lines);
    }
    check_garbage("one line of letters", &canary.repeat(LENGTH / canary.len()), 1);
    check_garbage("one line of brackets", &vec![b'['; LENGTH], 1);
    check_garbage("one line of deep objects", &b"{\"a\":".repeat(LENGTH / 5), 1);
    check_garbage("one line of quotes", &vec![b'"'; LENGTH], 1);
    check_garbage("one line of zeros", &vec![0; LENGTH], 1);
    let deep = |levels: usize| {
        let resource = with(observation(CANARY, "1", 118, 76), &json!({"extension": "DEEP"})).to_string();
        let nested = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        resource.replace("\"DEEP\"", &nested).replace(CANARY, "o")
    };
    check_garbage("a closed nest of 100,000 levels", deep(100_000).as_bytes(), 1);
    let reason = |levels| rows(&[], &deep(levels))[0]["reason"].clone();
    assert_eq!((reason(127), reason(128)), (Value::Null, "too_deep".into()));
}

#[test]
fn a_bad_line_costs_that_line() {
    let good = observation("o", "1", 118, 76);
    for bad in
        ["{", "[", "\"", "{\"a\": \"", "{\"resourceType\":\"Observation\",", "\u{0}", "]}", "{}}", "tru"]
    {
        let found = rows(&[], &format!("{good}\n{bad}\n{good}\n{bad}\n{good}\n"));
        let outcomes: Vec<String> = found
            .iter()
            .map(|row| format!("{} {}", row["at"]["line"], row["outcome"].as_str().unwrap()))
            .collect();
        assert_eq!(outcomes, ["1 normal", "2 rejected", "3 normal", "4 rejected", "5 normal"], "{bad:?}");
    }
}

#[test]
fn a_long_line_is_read_before_the_next_one_comes() {
    let mut command = bpmonitor(["classify", "-o", "json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let long = with(observation("o", "1", 118, 76), &json!({"text": "x".repeat(1_500_000)}));
    input.write_all(format!("{long}\n").as_bytes()).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut row = String::new();
        output.read_line(&mut row).unwrap();
        let _ = sender.send(row);
    });
    let row = receiver.recv_timeout(Duration::from_secs(20));
    drop(input);
    child.wait().unwrap();
    assert!(row.is_ok_and(|row| row.contains("\"normal\"")), "nothing came before the end of the input");
}

#[test]
fn only_an_object_is_followed_by_another_on_its_line() {
    let reasons =
        |line: &str| -> Vec<Value> { rows(&[], line).iter().map(|row| row["reason"].clone()).collect() };
    let good = observation("o", "1", 118, 76);
    assert_eq!(
        reasons(&format!("{good}{good} {good}\n{good}")),
        [Value::Null, Value::Null, Value::Null, Value::Null]
    );
    for line in ["0{nonsense", "true {}", "\"text\"{}", "[]{}", "{}[]", "{}0"] {
        assert_eq!(reasons(line), ["not_json"], "{line}");
    }
}

#[test]
fn a_line_that_is_too_large_is_one_rejection() {
    let good = observation("o", "1", 118, 76).to_string();
    let ward = Ward::new();
    let mut text = format!("{good}\n").into_bytes();
    text.extend(format!("{{\"resourceType\":\"{CANARY}\",\"text\":\"").bytes());
    text.resize(text.len() + 257 * 1024 * 1024, b'x');
    text.extend(format!("\"}}\n{good}\n").bytes());
    let file = ward.write("large.ndjson", &text);
    drop(text);
    let output = finish(bpmonitor(["classify", "-o", "json"]).arg(file)).good();
    let row = |row: &Value| format!("{} {} {}", row["at"]["line"], row["outcome"], row["reason"]);
    let found: Vec<String> = output.rows().iter().map(row).collect();
    assert_eq!(found, [r#"1 "normal" null"#, r#"2 "rejected" "too_large""#, r#"3 "normal" null"#]);
    assert!(!output.out.contains(CANARY));
}

#[test]
fn a_large_bundle_is_read_entry_by_entry() {
    const ENTRIES: usize = 40_000;
    let ward = Ward::new();
    let entries: Vec<(&str, Value)> = (0..ENTRIES).map(|_| ("", observation("o", "1", 118, 76))).collect();
    let large = bundle_with_urls(&entries);
    for (name, text) in [("line", large.to_string()), ("pretty", format!("{large:#}"))] {
        assert!(name == "line" || text.len() > 33 * 1024 * 1024, "{} bytes", text.len());
        let file = ward.write(name, format!("{text}\n"));
        let output = finish(bpmonitor(["classify", "-o", "summary"]).arg(file)).good();
        assert_eq!((output.count("entries"), output.count("normal")), (Some(40_000), Some(40_000)), "{name}");
    }
}

#[test]
fn a_manifest_is_checked_before_anything_is_read() {
    let ward = Ward::new();
    fs::write(ward.manifest(), manifest("ward-3", &json!({"rate": {"perSecond": 0}}))).unwrap();
    let path = ward.manifest();
    let output = classify(&["-f", path.to_str().unwrap()], &observation("o", "1", 118, 76).to_string());
    assert_eq!(output.failed(2, &["spec.rate.perSecond"]).out, "");
}

#[test]
fn the_example_is_read() {
    let files = fhir_files(&repository().join("examples/fhir"));
    let output = finish(bpmonitor(["classify", "-o", "summary"]).args(&files)).good();
    assert!(output.count("readings") > Some(100), "{output:#?}");
}
