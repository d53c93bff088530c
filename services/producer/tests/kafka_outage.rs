//! A Kafka that is away is waited for; what was due meanwhile is made up for.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bpmonitor_test_support::lab::OwnLab;
use common::{Bed, Running, each_once, until};
use serde_json::json;

const LISTEN: &str = "127.0.0.1:18473";

fn get(path: &str) -> String {
    let mut text = String::new();
    if let Ok(mut stream) = TcpStream::connect(LISTEN) {
        let _ = write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let _ = stream.read_to_string(&mut text);
    }
    text
}

fn is_ready() -> bool {
    get("/ready").starts_with("HTTP/1.1 200")
}

#[test]
fn a_broker_that_is_away_loses_nothing() {
    let own = OwnLab::up("producer", "kafka");
    let lab = own.lab();
    let bed = Bed::bare(lab.variable("BPMONITOR_TEST_KAFKA"));
    bed.make_topics(&[]);
    bed.manifest(&json!({"patients": {"count": 50, "history": {"days": 0}}, "rate": {"perSecond": 200}}));
    lab.signal("kafka", "KILL");
    let mut running = Running::start(bed.ward().env("BPMONITOR_LISTEN", LISTEN));
    until("it says what it waits for", || get("/ready").contains("KafkaUnavailable"));
    assert!(!running.has_ended());
    lab.up("kafka");
    until("it is ready", is_ready);
    bed.until(400);
    for signal in ["STOP", "KILL"] {
        let before = bed.count();
        lab.signal("kafka", signal);
        until("it says what it waits for", || !is_ready());
        assert!(get("/live").starts_with("HTTP/1.1 200"));
        std::thread::sleep(Duration::from_secs(3));
        if signal == "STOP" {
            lab.signal("kafka", "CONT");
        } else {
            lab.up("kafka");
        }
        until("it is ready", is_ready);
        bed.until(before + 1_000);
    }
    let metrics = get("/metrics");
    for metric in ["bpmonitor_produced_total", "bpmonitor_producer_lag_seconds", "bpmonitor_producer_queue"] {
        assert!(metrics.contains(metric), "{metrics}");
    }
    running.signal("TERM");
    let (code, text) = running.wait();
    assert_eq!(code, 0, "{text}");
    assert!(text.matches("waiting").count() + text.matches("KafkaUnavailable").count() < 20, "{text}");
    each_once(&bed.records());
}
