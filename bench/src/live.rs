//! A live ward and a client that asks for all that its page asks for: the rate at which readings become durable, and how fast a year of them opens.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{Figure, process};

/// What is promised of the highest rate that a manifest may ask for, in readings a second on two cores.
const PROMISED_RATE: f64 = 50_000.0;
/// What is promised of a ward of 1,000 patients and a year, in seconds.
const PROMISED_OPEN: f64 = 1.0;
/// What is promised, in bytes.
const PROMISED_MEMORY: u64 = 256 * 1024 * 1024;
/// How long the rate is measured.
const MEASURED: Duration = Duration::from_secs(30);
/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often the page asks anew while readings come in.
const PAGE_ASKS_EVERY: Duration = Duration::from_secs(1);

/// A running ward.
struct Ward {
    child: Child,
    address: String,
    /// Held open: the ward prints its summary there.
    _out: BufReader<ChildStdout>,
}

impl Ward {
    fn start(bpmonitor: &Path, manifest: &Path, data: &Path) -> Result<Self> {
        let mut command = Command::new(bpmonitor);
        command.arg("run").arg("-f").arg(manifest).arg("--data").arg(data).args(["--listen", "127.0.0.1:0"]);
        let mut child = command.env("RUST_LOG", "warn").stdout(Stdio::piped()).spawn()?;
        let mut out = BufReader::new(child.stdout.take().context("its standard output")?);
        let mut line = String::new();
        out.read_line(&mut line)?;
        let address = line.trim().strip_prefix("the page: ").context("the page's address")?;
        Ok(Self { child, address: address.trim_end_matches('/').to_owned(), _out: out })
    }

    fn get(&self, path: &str) -> Result<Value> {
        get(&self.address, path)
    }

    /// Entries that are durable.
    fn entries(&self) -> Result<f64> {
        let status = self.get("/status")?;
        let count = |name: &str| status["entries"][name].as_f64().unwrap_or(0.0);
        Ok(count("anomaly") + count("normal"))
    }

    fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Result<()> {
        let begun = Instant::now();
        while !is_so(&self.get("/status")?) {
            if begun.elapsed() > PATIENCE {
                bail!("waited in vain until {what}");
            }
            thread::park_timeout(Duration::from_millis(100));
        }
        Ok(())
    }

    fn memory(&self) -> u64 {
        process::peak_memory(self.child.id()).unwrap_or(0)
    }
}

impl Drop for Ward {
    fn drop(&mut self) {
        // What was committed is safe, and nothing more is asked of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(address: &str, path: &str) -> Result<Value> {
    let mut answer = ureq::get(format!("{address}/api/v1{path}")).call()?;
    Ok(serde_json::from_reader(answer.body_mut().as_reader())?)
}

/// Does what the page does, until the ward ends: it listens to the events, and asks for everything it shows.
fn look(address: &str) -> [JoinHandle<()>; 2] {
    let events = address.to_owned();
    let listening = thread::spawn(move || {
        if let Ok(mut answer) = ureq::get(format!("{events}/api/v1/events")).call() {
            // Ends with the ward.
            let _ = std::io::copy(&mut answer.body_mut().as_reader(), &mut std::io::sink());
        }
    });
    let address = address.to_owned();
    let asking = thread::spawn(move || {
        while get(&address, "/overview?range=24h").and_then(|_| get(&address, "/rejections")).is_ok() {
            thread::park_timeout(PAGE_ASKS_EVERY);
        }
    });
    [listening, asking]
}

/// Fails where a page was not open all the time.
fn check(page: &[JoinHandle<()>; 2]) -> Result<()> {
    if page.iter().any(JoinHandle::is_finished) {
        bail!("the page stopped asking while the ward was measured");
    }
    Ok(())
}

fn write_manifest(path: &Path, patients: &str, rate: u32) -> Result<()> {
    let manifest = format!(
        "{{apiVersion: bpmonitor.dev/v1alpha1, kind: BpMonitor, metadata: {{name: bench}}, spec: {{patients: {patients}, rate: {{perSecond: {rate}}}}}}}"
    );
    Ok(fs::write(path, manifest)?)
}

/// Measures wards that simulate their patients.
pub(crate) fn measure(bpmonitor: &Path, directory: &Path) -> Result<Vec<Figure>> {
    let mut figures = rate(bpmonitor, directory)?;
    figures.extend(year(bpmonitor, directory)?);
    Ok(figures)
}

fn rate(bpmonitor: &Path, directory: &Path) -> Result<Vec<Figure>> {
    let manifest = directory.join("live.yaml");
    write_manifest(&manifest, "{count: 200, history: {days: 0}}", 100_000)?;
    let ward = Ward::start(bpmonitor, &manifest, &directory.join("live"))?;
    let page = look(&ward.address);
    ward.until("readings come in", |status| status["entries"]["normal"].as_u64() > Some(10_000))?;
    let (begun, before) = (Instant::now(), ward.entries()?);
    thread::sleep(MEASURED);
    let rate = (ward.entries()? - before) / begun.elapsed().as_secs_f64();
    check(&page)?;
    Ok(vec![
        Figure {
            name: "live ward asked for 100,000 /s, page asked, to durable",
            value: format!("{rate:.0} /s"),
            promised: "at least 50,000 /s",
            kept: rate >= PROMISED_RATE,
        },
        memory("live ward, peak memory", &ward),
    ])
}

fn year(bpmonitor: &Path, directory: &Path) -> Result<Vec<Figure>> {
    let manifest = directory.join("year.yaml");
    write_manifest(&manifest, "{count: 1000, history: {days: 365, readingsPerDay: 4}}", 5)?;
    let (data, begun) = (directory.join("year"), Instant::now());
    let ward = Ward::start(bpmonitor, &manifest, &data)?;
    let page = look(&ward.address);
    ward.until("the history is there", |status| status["phase"] == "live")?;
    let history = ward.entries()? / begun.elapsed().as_secs_f64();
    check(&page)?;
    let memory = memory("1,000 patients and a year, peak memory", &ward);
    drop(ward);

    let begun = Instant::now();
    let ward = Ward::start(bpmonitor, &manifest, &data)?;
    let page = ureq::get(&ward.address).call()?.body_mut().as_reader().read_to_end(&mut Vec::new());
    page.context("the page")?;
    ward.get("/overview?range=24h")?;
    let first = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    ward.get("/overview?range=all")?;
    let all = begun.elapsed().as_secs_f64();
    Ok(vec![
        Figure {
            name: "1,000 patients and a year: history to durable, page asked",
            value: format!("{history:.0} /s"),
            promised: "at least 50,000 /s",
            kept: history >= PROMISED_RATE,
        },
        Figure {
            name: "1,000 patients and a year: start to first figures",
            value: format!("{first:.2} s"),
            promised: "below 1 s",
            kept: first < PROMISED_OPEN,
        },
        Figure {
            name: "1,000 patients and a year: all of it",
            value: format!("{all:.2} s"),
            promised: "below 1 s",
            kept: all < PROMISED_OPEN,
        },
        memory,
    ])
}

fn memory(name: &'static str, ward: &Ward) -> Figure {
    let memory = ward.memory();
    Figure {
        name,
        value: format!("{} MB", memory / 1024 / 1024),
        promised: "below 256 MB",
        kept: memory < PROMISED_MEMORY,
    }
}
