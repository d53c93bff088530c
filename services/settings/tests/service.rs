//! Probes and metrics over HTTP.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bpmonitor_settings::SettingsError;
use bpmonitor_settings::service::{Probe, bind};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

#[derive(Clone, Default)]
struct Switches {
    is_dead: Arc<AtomicBool>,
    is_ready: Arc<AtomicBool>,
}

impl Probe for Switches {
    fn live(&self) -> Result<(), String> {
        if self.is_dead.load(Ordering::Relaxed) { Err("no progress for 60 s".to_owned()) } else { Ok(()) }
    }

    fn ready(&self) -> Result<(), String> {
        let is_ready = self.is_ready.load(Ordering::Relaxed);
        is_ready.then_some(()).ok_or_else(|| "Kafka is not reached:\nConnection refused".to_owned())
    }
}

struct Running {
    address: std::net::SocketAddr,
    switches: Switches,
    counter: Counter,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

async fn running() -> Running {
    let service = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let (address, switches, counter) = (service.address(), Switches::default(), Counter::default());
    let mut registry = Registry::with_prefix("bpmonitor");
    registry.register("observations", "Observations classified", counter.clone());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(service.serve(switches.clone(), registry, stop.clone()));
    Running { address, switches, counter, stop, serving }
}

impl Running {
    async fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(format!("{request} HTTP/1.1\r\nHost: pod\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(LONG, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_say_whether_and_why_not_in_one_line() {
    let running = running().await;
    let ok = |answer: &str| answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nok\n");
    assert!(ok(&running.ask("GET /live").await));
    assert!(ok(&running.ask("GET /health").await));
    let answer = running.ask("GET /ready").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nKafka is not reached: Connection refused\n"), "{answer}");
    running.switches.is_ready.store(true, Ordering::Relaxed);
    assert!(ok(&running.ask("GET /ready").await));
    running.switches.is_dead.store(true, Ordering::Relaxed);
    let answer = running.ask("GET /live").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("no progress for 60 s\n"), "{answer}");
    assert!(running.ask("GET /").await.starts_with("HTTP/1.1 404 "));
    assert!(running.ask("POST /live").await.starts_with("HTTP/1.1 405 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_open_metrics() {
    let running = running().await;
    running.counter.inc_by(7);
    let answer = running.ask("GET /metrics").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(answer.contains(kind), "{answer}");
    assert!(answer.contains("\nbpmonitor_observations_total 7\n"), "{answer}");
    assert!(answer.ends_with("# EOF\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_clients_hold_up_neither_others_nor_the_end() {
    let running = running().await;
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(TcpStream::connect(running.address).await.unwrap());
    }
    assert!(running.ask("GET /live").await.starts_with("HTTP/1.1 200 "));
    running.stop.cancel();
    timeout(LONG, running.serving).await.unwrap().unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
    for stream in &mut silent {
        let ended = timeout(LONG, stream.read(&mut [0; 16])).await.unwrap();
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_use_is_named() {
    let running = running().await;
    let error = bind(running.address).await.unwrap_err();
    assert!(matches!(error, SettingsError::Listen { .. }));
    let shown = error.to_string();
    assert!(shown.contains(&running.address.to_string()) && shown.contains("--listen"), "{shown}");
}
