//! How fast the store is, beside a bare client that sends the same bodies over as many connections. Run it alone, in release:
//!
//!     cargo test --release -p bpmonitor-pipeline --features cluster --test elasticsearch throughput -- --ignored --nocapture
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use bpmonitor_pipeline::cluster::elasticsearch::whole_document;
use bpmonitor_pipeline::{AnomalyStore, AnomalyWrite};
use bpmonitor_test_support::lab;
use futures_util::{StreamExt, stream};

use super::common::{Ward, write};

const DOCUMENTS: u32 = 200_000;
const IN_A_BATCH: usize = 10_000;
const AT_ONCE: usize = 2;

/// What the classifier makes: without name and resource.
fn documents() -> Vec<AnomalyWrite> {
    let usual = |id| {
        let mut write = write(id, 1);
        write.document.patient_name = None;
        write.document.fhir_resource = None;
        write
    };
    (0..DOCUMENTS).map(usual).collect()
}

/// What is sent of a batch.
fn body(batch: &[AnomalyWrite]) -> Vec<u8> {
    let mut body = Vec::new();
    for write in batch {
        let (id, version) = (write.id, write.version.0);
        writeln!(body, r#"{{"index":{{"_id":"{id}","version":{version},"version_type":"external_gte"}}}}"#)
            .unwrap();
        whole_document(write, &mut body).unwrap();
        body.push(b'\n');
    }
    body
}

/// CPU time of this process, in all threads.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks =
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum::<u64>();
    Duration::from_millis(ticks * 10)
}

fn report(who: &str, started: Instant, before: Duration) -> f64 {
    let (seconds, used) = (started.elapsed().as_secs_f64(), cpu().saturating_sub(before).as_secs_f64());
    let documents = f64::from(DOCUMENTS);
    println!("{who}: {:.0} documents/s, {:.2} us CPU each", documents / seconds, used * 1e6 / documents);
    documents / seconds
}

fn send(stream: &mut TcpStream, head: &str, body: &[u8]) {
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let (mut answer, mut part) = (Vec::new(), [0; 8_192]);
    while !answer.ends_with(b"\r\n0\r\n\r\n") && !answer.ends_with(br#"{"errors":false}"#) {
        let read = stream.read(&mut part).unwrap();
        assert!(read > 0);
        answer.extend_from_slice(&part[..read]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

async fn bare(batches: &[Vec<u8>]) -> f64 {
    let ward = Ward::new().await;
    let address = lab::elasticsearch().replacen("http://", "", 1);
    let path = format!("/{}/_bulk?require_alias=true&filter_path=errors", ward.alias());
    let (started, before) = (Instant::now(), cpu());
    thread::scope(|scope| {
        for connection in 0..AT_ONCE {
            let (address, path) = (&address, &path);
            scope.spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_nodelay(true).unwrap();
                for body in batches.iter().skip(connection).step_by(AT_ONCE) {
                    let length = body.len();
                    let head = format!(
                        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-ndjson\r\ncontent-length: {length}\r\n\r\n"
                    );
                    send(&mut stream, &head, body);
                }
            });
        }
    });
    report("bare client", started, before)
}

async fn store(writes: &[AnomalyWrite]) -> f64 {
    let ward = Ward::new().await;
    let (store, _) = ward.store();
    let (started, before) = (Instant::now(), cpu());
    let write = |batch| {
        let mut store = store.clone();
        async move { assert_eq!(store.write(batch).await.unwrap(), []) }
    };
    stream::iter(writes.chunks(IN_A_BATCH)).for_each_concurrent(AT_ONCE, write).await;
    report("store", started, before)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn throughput() {
    let writes = documents();
    let batches: Vec<_> = writes.chunks(IN_A_BATCH).map(body).collect();
    let bytes: usize = batches.iter().map(Vec::len).sum();
    println!("{} bytes a document", bytes / writes.len());
    let started = Instant::now();
    let rendered = body(&writes).len();
    println!("rendering: {:?} a document, {rendered} bytes", started.elapsed() / DOCUMENTS);
    bare(&batches).await;
    for _ in 0..3 {
        let (store, bare) = (store(&writes).await, bare(&batches).await);
        println!("the store reaches {:.0} %", 100.0 * store / bare);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn latency() {
    let ward = Ward::new().await;
    let (mut store, _) = ward.store();
    let writes = documents();
    let before = cpu();
    let mut times = Vec::new();
    for write in writes.iter().take(3_000) {
        let started = Instant::now();
        store.write(std::slice::from_ref(write)).await.unwrap();
        times.push(started.elapsed());
    }
    times.sort_unstable();
    let (half, most) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("one document: p50 {half:?}, p99 {most:?}; {:?} CPU each", cpu().saturating_sub(before) / 3_000);
    let address = lab::elasticsearch().replacen("http://", "", 1);
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut times = Vec::new();
    for write in writes.iter().skip(3_000).take(3_000) {
        let body = body(std::slice::from_ref(write));
        let (path, length) =
            (format!("/{}/_bulk?require_alias=true&filter_path=errors", ward.alias()), body.len());
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-ndjson\r\ncontent-length: {length}\r\n\r\n"
        );
        let started = Instant::now();
        send(&mut stream, &head, &body);
        times.push(started.elapsed());
    }
    times.sort_unstable();
    println!("bare: p50 {:?}, p99 {:?}", times[times.len() / 2], times[times.len() * 99 / 100]);
}
