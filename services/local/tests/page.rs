//! The page's server: who may ask, what it serves, and files given to it over HTTP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use bpmonitor_test_support::observations::{CANARY, lines, observation, with};
use common::page::{Page, importing, quiet};
use common::process::{Running, finish};
use common::until;
use common::ward::Ward;
use serde_json::json;
use sha2::{Digest, Sha256};

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

/// A ward whose page others reach, and its token.
fn on_the_network() -> (Ward, Running, Page, String) {
    let ward = Ward::new();
    ward.set_spec(&json!({"patients": {"count": 0}}));
    let mut run = Running::start(ward.live().args(["--listen", "0.0.0.0:0"]));
    let page = Page::of(&mut run);
    let token = page.url.split_once("?token=").unwrap().1.to_owned();
    (ward, run, page, token)
}

/// An agent that follows nothing and fails at nothing.
fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build().into()
}

/// A connection to a page, with this sent.
fn connection(page: &Page, text: &str) -> TcpStream {
    let mut stream = page.connect();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

/// The status of the answer that a connection gets.
fn status(stream: &TcpStream) -> u16 {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.split_whitespace().nth(1).unwrap_or_else(|| panic!("{line:?}")).parse().unwrap()
}

#[test]
fn a_page_on_the_network_asks_for_the_token() {
    let (ward, run, page, token) = on_the_network();
    assert!(token.len() == 64 && !run.err().contains(&token) && !run.out().contains(&token));
    let file = ward.data().join("page.token");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let (bearer, wrong) = (format!("bearer {token}"), format!("Bearer {}", "0".repeat(64)));
    let port = page.origin().rsplit_once(':').unwrap().1;
    let cookie = format!("bpmonitor_token_{port}={token}");
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
    for known in ["", &cookie] {
        let request = agent().get(format!("{}/?token={token}", page.origin())).header("cookie", known);
        let answer = request.call().unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["location"]), (303, &"/".parse().unwrap()));
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let set = answer.headers()["set-cookie"].to_str().unwrap();
        for part in [cookie.as_str(), "HttpOnly", "SameSite=Lax", "Max-Age=2592000"] {
            assert!(set.contains(part), "{set}");
        }
    }

    let observations = ward.write("in.ndjson", lines([observation("a", "1", 150, 95)]));
    finish(&mut importing(page.origin(), &observations)).failed(2, &["token"]);
    assert_eq!(finish(&mut importing(&page.url, &observations)).good().count("anomalies"), Some(1));
    let again = finish(importing(page.origin(), &observations).env("BPMONITOR_TOKEN", &token)).good();
    assert_eq!(again.count("anomalies"), Some(1));
}

#[test]
fn whoever_has_no_token_is_told_in_their_way() {
    let (_ward, _run, page, _token) = on_the_network();
    for (accept, kind, says) in [
        ("text/html,application/xhtml+xml", "text/html", &["page.token", "jeton", "lang=\"fr\""][..]),
        ("*/*", "application/json", &["token_needed", "open the address that bpmonitor printed"]),
    ] {
        let mut answer = page.ask("/", &[("accept", accept)]);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(answer.status().as_u16(), 401);
        assert!(header("content-type").starts_with(kind));
        assert_eq!(
            (header("www-authenticate"), header("cache-control")),
            ("Bearer".into(), "no-store".into())
        );
        assert!(header("content-security-policy").contains("form-action 'self'"));
        let text = answer.body_mut().read_to_string().unwrap();
        assert!(says.iter().all(|part| text.contains(part)), "{text}");
    }
}

#[test]
fn a_token_that_cannot_be_had_ends_the_start() {
    let ward = Ward::new();
    ward.set_spec(&json!({"patients": {"count": 0}}));
    std::fs::create_dir(ward.data()).unwrap();
    std::fs::write(ward.data().join("page.token"), "").unwrap();
    finish(ward.live().args(["--listen", "0.0.0.0:0"])).failed(1, &["page.token", "holds no token"]);
}

#[test]
fn a_page_that_nobody_reads_about_panics_not() {
    let ward = Ward::new();
    ward.set_spec(&json!({"patients": {"count": 0}}));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let child = ward.live().args(["--for", "1s"]).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let err = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    assert!(!err.contains("panicked"), "{err}");
}

#[test]
fn another_sites_page_gets_nothing() {
    let (_ward, mut run) = quiet();
    let page = Page::of(&mut run);
    let url = format!("{}/api/v1/imports/{}", page.origin(), "0".repeat(64));
    for (site, status) in [("cross-site", 403), ("same-origin", 200), ("none", 200)] {
        assert_eq!(page.ask("/api/v1/ward", &[("sec-fetch-site", site)]).status().as_u16(), status);
    }
    // What is the page's own goes on, to be refused for its digest.
    for (origin, status) in [("http://evil.example", 403), ("null", 403), (page.origin(), 400)] {
        let answer = agent().put(&url).header("origin", origin).send("a").unwrap();
        assert_eq!(answer.status().as_u16(), status, "{origin}");
    }
}

#[test]
fn every_error_is_the_documented_one() {
    let (_ward, mut run) = quiet();
    let page = Page::of(&mut run);
    for (method, path, status, code, says) in [
        ("GET", "/api/v1/patients?limit=many", 400, "bad_request", "limit"),
        ("GET", "/api/v1/rejections?limit=-1", 400, "bad_request", "limit"),
        ("GET", "/api/v1/overview?range=1h&range=6h", 400, "bad_request", "range"),
        ("GET", "/api/v1/overview?range=2h", 400, "bad_request", "range"),
        ("GET", "/api/v1/patients/%FF/readings", 400, "bad_request", "UTF-8"),
        ("GET", "/api/v1/imports/%FF", 400, "bad_request", "UTF-8"),
        ("GET", "/api/v1/nothing", 404, "not_found", "docs/api.md"),
        ("GET", "/nothing", 404, "not_found", "file"),
        ("POST", "/api/v1/ward", 405, "method_not_allowed", "Allow"),
        ("DELETE", "/api/v1/imports/0", 405, "method_not_allowed", "Allow"),
        ("POST", "/", 405, "method_not_allowed", "Allow"),
    ] {
        let request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let mut text = String::new();
        connection(&page, &request).read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {path}: {head}");
        assert_eq!(head.contains("allow: "), status == 405, "{method} {path}: {head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let message = body["error"]["message"].as_str().unwrap();
        assert_eq!(body["error"]["code"], code, "{method} {path}: {body}");
        assert!(message.contains(says), "{method} {path}: {body}");
    }
}

#[test]
fn silent_connections_exhaust_nothing_and_end() {
    let (_ward, mut run) = quiet();
    let page = Page::of(&mut run);
    let silent: Vec<TcpStream> = (0..500).map(|_| connection(&page, "GET / HTTP/1.1\r\n")).collect();
    // Its turn comes behind theirs, when those that have a place were ended for their silence.
    assert_eq!(page.ask("/api/v1/status", &[]).status().as_u16(), 200);
    let files = std::fs::read_dir(format!("/proc/{}/fd", run.id())).unwrap().count();
    assert!(files < 400, "{files} files are open");
    let mut rest = Vec::new();
    (&silent[0]).read_to_end(&mut rest).unwrap();
    run.signal("INT");
    run.wait().good();
}

#[test]
fn streams_of_events_are_so_many() {
    let (_ward, mut run) = quiet();
    let page = Page::of(&mut run);
    let ask = "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let open: Vec<TcpStream> = (0..64).map(|_| connection(&page, ask)).collect();
    assert!(open.iter().all(|stream| status(stream) == 200));
    assert_eq!(status(&connection(&page, ask)), 503);
    assert_eq!(page.answer("/events").1["error"]["code"], "too_many_streams");
    drop(open);
    until("those that went made room", || status(&connection(&page, ask)) == 200);
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
        let output = finish(&mut importing(page.origin(), &file)).good();
        assert_eq!((output.count("entries"), output.count("rejected")), (Some(501), Some(1)), "{output:#?}");
    }
    page.until("they are on the page", "/overview?range=all", |it| it["totals"]["readings"] == 500);
    assert_eq!(page.get("/status")["entries"]["rejected"], 1);
    let rejections = page.get("/rejections");
    assert_eq!(rejections["latest"][0]["source"], "from the ward.ndjson");
    assert_eq!(rejections["latest"][0]["line"], 501);
    let uploads = ward.data().join("uploads");
    until("the file is removed", || std::fs::read_dir(&uploads).unwrap().next().is_none());
    let after = finish(&mut importing(page.origin(), &file)).good();
    assert_eq!(after.count("entries"), Some(501));
    assert_eq!(page.get("/status")["entries"]["rejected"], 1);
    let empty = ward.write("empty.ndjson", "");
    assert_eq!(finish(&mut importing(page.origin(), &empty)).good().count("entries"), Some(0));
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
    let output = finish(&mut importing(page.origin(), &file)).good();
    assert_eq!(output.count("anomalies"), Some(2000));
    page.until("all are there, once", "/overview?range=all", |it| it["totals"]["readings"] == 2000);
}

#[test]
fn whoever_is_no_ward_is_said_so() {
    let ward = Ward::new();
    let file = ward.write("in.ndjson", lines([observation("a", "1", 150, 95)]));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    finish(&mut importing(&format!("http://{free}"), &file)).failed(1, &["bpmonitor run"]);
    finish(&mut importing("https://ward.example", &file)).failed(2, &["https"]);
}

#[test]
fn a_withdrawn_reading_goes() {
    let (ward, mut run) = quiet();
    let page = Page::of(&mut run);
    let reading = observation("a", "1", 190, 95);
    let given = ward.write("in.ndjson", lines([reading.clone(), observation("b", "2", 118, 76)]));
    finish(&mut importing(page.origin(), &given)).good();
    let before = page.until("both are there", "/overview?range=all", |it| it["totals"]["readings"] == 2);
    assert_eq!(before["latest_critical"][0]["observation_id"], "a");
    let withdrawn = with(
        reading,
        &json!({"status": "entered-in-error", "meta": {"lastUpdated": "2024-03-02T08:00:00Z"}}),
    );
    let file = ward.write("withdrawn.json", withdrawn.to_string());
    finish(&mut importing(page.origin(), &file)).good();
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
    finish(&mut importing(page.origin(), &file)).good();
    page.until("it is there", "/overview?range=all", |it| it["totals"]["readings"] == 1);
    for path in ["/overview?range=all", "/patients", "/rejections", "/status", "/ward"] {
        assert!(!page.get(path).to_string().contains(CANARY), "{path}");
    }
    run.signal("INT");
    let output = run.wait().good();
    assert!(!output.out.contains(CANARY) && !output.err.contains(CANARY), "{output:#?}");
}
