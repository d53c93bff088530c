//! Child processes: how long they took, and how much memory.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Result, bail};

/// How often memory is looked at; the kernel keeps the peak itself, so little is lost between the last look and the end.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What a process took.
pub(crate) struct Took {
    /// From its start to its end.
    pub(crate) time: Duration,
    /// The peak of its resident memory, in bytes.
    pub(crate) memory: u64,
}

/// A command on the first core only.
pub(crate) fn on_one_core(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<Took> {
    let start = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    finish(child, start, |_| Ok(()))
}

/// Waits for a process while `meanwhile` feeds it.
pub(crate) fn finish(
    mut child: Child,
    start: Instant,
    meanwhile: impl FnOnce(&mut Child) -> Result<()>,
) -> Result<Took> {
    let id = child.id();
    let ended = AtomicBool::new(false);
    let (fed, status, memory) = thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(id, &ended));
        let fed = meanwhile(&mut child);
        let status = child.wait();
        ended.store(true, Ordering::Relaxed);
        (fed, status, watcher.join().unwrap_or(0))
    });
    let time = start.elapsed();
    fed?;
    let status = status?;
    if !status.success() {
        bail!("a measured command ended with {status}");
    }
    Ok(Took { time, memory })
}

fn watch(process: u32, ended: &AtomicBool) -> u64 {
    let mut peak = 0;
    while !ended.load(Ordering::Relaxed) {
        peak = peak_memory(process).unwrap_or(0).max(peak);
        thread::park_timeout(LOOK_EVERY);
    }
    peak
}

/// The peak of a process's resident memory so far, in bytes.
pub(crate) fn peak_memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
