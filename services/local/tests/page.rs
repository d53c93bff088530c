//! The page's server: who may ask, what it serves, and files given to it over HTTP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use common::observations::{CANARY, lines, observation, with};
use common::page::Page;
use common::process::{Running, bpmonitor, finish};
use common::until;
use common::ward::Ward;
use serde_json::json;
use sha2::{Digest, Sha256};

/// A ward whose page is open and which simulates nobody.
fn quiet() -> (Ward, Running) {
    let ward = Ward::new();
    ward.set_spec(&json!({"patients": {"count": 0}}));
    let run = Running::start(&mut ward.live());
    (ward, run)
}

fn import(into: &str, file: &std::path::Path) -> Command {
    let mut command = bpmonitor(["import", "--into", into]);
    command.arg(file);
    command
}

#[test]
fn a_loopback_page_answers_this_machine_only() {
    let (_ward, mut run) = quiet();
    let page = Page::of(&mut run);
    assert!(page.url.starts_with("http://127.0.0.1:"));
    for (host, status) in [("localhost", 200), ("evil.example", 403), ("evil.example:80", 403)] {
        for path in ["/", "/api/v1/ward", "/api/v1/events"] {
            assert_eq!(page.ask(path, &[("host", host)]).status().as_u16(), status, "{host} {path}");
        }
    }
}

#[test]
fn a_page_on_the_network_asks_for_the_token() {
    let ward = Ward::new();
    ward.set_spec(&json!({"patients": {"count": 0}}));
    let mut run = Running::start(ward.live().args(["--listen", "0.0.0.0:0"]));
    let page = Page::of(&mut run);
    let token = page.url.split_once("?token=").unwrap().1.to_owned();
    assert!(token.len() == 64 && !run.err().contains(&token));
    let file = ward.data().join("page.token");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let (bearer, wrong) = (format!("Bearer {token}"), format!("Bearer {}", "0".repeat(64)));
    let cookie = format!("bpmonitor_token={token}");
    for path in ["/", "/index.html", "/api/v1/ward", "/api/v1/status", "/api/v1/events", "/favicon.svg"] {
        for (headers, status) in [
            (&[][..], 401),
            (&[("authorization", wrong.as_str())], 401),
            (&[("authorization", bearer.as_str())], 200),
            (&[("cookie", cookie.as_str())], 200),
        ] {
            assert_eq!(page.ask(path, headers).status().as_u16(), status, "{path} {headers:?}");
        }
    }
    assert_eq!(page.ask("/?token=0", &[]).status().as_u16(), 401);
    // The client follows the redirect without the cookie that came with it.
    let agent: ureq::Agent =
        ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build().into();
    let answer = agent.get(format!("{}/?token={token}", page.origin())).call().unwrap();
    assert_eq!(answer.status().as_u16(), 303);
    let set = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(set.starts_with(&cookie) && set.contains("HttpOnly") && set.contains("SameSite"), "{set}");

    let observations = ward.write("in.ndjson", lines([observation("a", "1", 150, 95)]));
    finish(&mut import(page.origin(), &observations)).failed(2, &["token"]);
    assert_eq!(finish(&mut import(&page.url, &observations)).good().count("anomalies"), Some(1));
    let again = finish(import(page.origin(), &observations).env("BPMONITOR_TOKEN", &token)).good();
    assert_eq!(again.count("anomalies"), Some(1));
}

#[test]
fn every_answer_forbids_what_the_page_does_not_need() {
    let (_ward, mut run) = quiet();
    let page = Page::of(&mut run);
    for path in ["/", "/api/v1/ward", "/nothing"] {
        let answer = page.ask(path, &[]);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-security-policy").starts_with("default-src 'self'"), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
    }
    let first = page.ask("/", &[]);
    let tag = first.headers()["etag"].to_str().unwrap();
    assert_eq!(page.ask("/", &[("if-none-match", tag)]).status().as_u16(), 304);
}

#[test]
fn files_given_over_http_are_read_once_and_removed() {
    let (ward, mut run) = quiet();
    let page = Page::of(&mut run);
    let readings = (0..500).map(|number| observation(&format!("o{number}"), "1", 100 + number % 60, 70));
    let text = lines(readings) + "nonsense\n";
    let file = ward.write("from the ward.ndjson", &text);
    for _ in 0..2 {
        let output = finish(&mut import(page.origin(), &file)).good();
        assert_eq!((output.count("entries"), output.count("rejected")), (Some(501), Some(1)), "{output:#?}");
    }
    page.until("they are on the page", "/overview?range=all", |it| it["totals"]["readings"] == 500);
    assert_eq!(page.get("/status")["entries"]["rejected"], 1);
    let rejections = page.get("/rejections");
    assert_eq!(rejections["latest"][0]["source"], "from the ward.ndjson");
    assert_eq!(rejections["latest"][0]["line"], 501);
    let uploads = ward.data().join("uploads");
    until("the file is removed", || std::fs::read_dir(&uploads).unwrap().next().is_none());
    let after = finish(&mut import(page.origin(), &file)).good();
    assert_eq!(after.count("entries"), Some(501));
    assert_eq!(page.get("/status")["entries"]["rejected"], 1);
    let empty = ward.write("empty.ndjson", "");
    assert_eq!(finish(&mut import(page.origin(), &empty)).good().count("entries"), Some(0));
}

#[test]
fn an_import_that_is_cut_off_can_be_given_again() {
    let (ward, mut run) = quiet();
    let page = Page::of(&mut run);
    let text = lines((0..2000).map(|number| observation(&format!("o{number}"), "1", 150, 95)));
    let digest = hex::encode(Sha256::digest(&text));
    let url = format!("{}/api/v1/imports/{digest}?name=a.ndjson", page.origin());
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let cut = agent.put(&url).send(&text[..1000]).unwrap();
    assert_eq!(cut.status().as_u16(), 400);
    assert_eq!(agent.get(&url).call().unwrap().status().as_u16(), 404);

    // Kept, but killed before it was read.
    assert_eq!(agent.put(&url).send(&text).unwrap().status().as_u16(), 202);
    run.kill();
    let mut run = Running::start(&mut ward.live());
    let page = Page::of(&mut run);
    let file = ward.write("a.ndjson", &text);
    let output = finish(&mut import(page.origin(), &file)).good();
    assert_eq!(output.count("anomalies"), Some(2000));
    page.until("all are there, once", "/overview?range=all", |it| it["totals"]["readings"] == 2000);
}

#[test]
fn whoever_is_no_ward_is_said_so() {
    let ward = Ward::new();
    let file = ward.write("in.ndjson", lines([observation("a", "1", 150, 95)]));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    finish(&mut import(&format!("http://{free}"), &file)).failed(1, &["bpmonitor run"]);
    finish(&mut import("https://ward.example", &file)).failed(2, &["https"]);
}

#[test]
fn a_withdrawn_reading_goes() {
    let (ward, mut run) = quiet();
    let page = Page::of(&mut run);
    let reading = observation("a", "1", 190, 95);
    let given = ward.write("in.ndjson", lines([reading.clone(), observation("b", "2", 118, 76)]));
    finish(&mut import(page.origin(), &given)).good();
    let before = page.until("both are there", "/overview?range=all", |it| it["totals"]["readings"] == 2);
    assert_eq!(before["latest_critical"][0]["observation_id"], "a");
    let withdrawn = with(
        reading,
        &json!({"status": "entered-in-error", "meta": {"lastUpdated": "2024-03-02T08:00:00Z"}}),
    );
    let file = ward.write("withdrawn.json", withdrawn.to_string());
    finish(&mut import(page.origin(), &file)).good();
    let after = page.until("one is gone", "/overview?range=all", |it| it["totals"]["readings"] == 1);
    assert_eq!(after["latest_critical"], json!([]));
    assert_eq!(after["totals"]["critical"], 0);
}

#[test]
fn no_answer_and_no_log_quotes_content() {
    let (ward, mut run) = quiet();
    let page = Page::of(&mut run);
    let mut reading = observation("a", CANARY, 190, 95);
    reading["subject"]["display"] = json!(CANARY);
    let broken = format!("{{\"resourceType\": \"Observation\", \"note\": \"{CANARY}\"\n");
    let file = ward.write("in.ndjson", lines([reading]) + &broken);
    finish(&mut import(page.origin(), &file)).good();
    page.until("it is there", "/overview?range=all", |it| it["totals"]["readings"] == 1);
    for path in ["/overview?range=all", "/patients", "/rejections", "/status", "/ward"] {
        assert!(!page.get(path).to_string().contains(CANARY), "{path}");
    }
    run.signal("INT");
    let output = run.wait().good();
    assert!(!output.out.contains(CANARY) && !output.err.contains(CANARY), "{output:#?}");
}
