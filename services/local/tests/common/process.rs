//! The binary: run to its end, or in the background.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;

use super::until;

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Output {
    /// The exit code; none where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Output {
    /// The same, which ended well.
    #[track_caller]
    pub(crate) fn good(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// The same, which ended with this code and says all of these.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, says: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for text in says {
            assert!(self.err.contains(text), "{text} is not said: {self:#?}");
        }
        assert!(!self.err.contains("panicked"), "{self:#?}");
        self
    }

    /// Each line of standard output, which is JSON.
    pub(crate) fn rows(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// A count of a summary on standard output; none where it is not there.
    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        self.out.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some(name)).then(|| words.next().unwrap().replace(',', "").parse().unwrap())
        })
    }
}

/// The binary, in no one's environment, with its page on any free port.
pub(crate) fn bpmonitor<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bpmonitor"));
    command.args(args).env_remove("BPMONITOR_DATA").env_remove("RUST_LOG").env_remove("BPMONITOR_TOKEN");
    command.env("BPMONITOR_LISTEN", "127.0.0.1:0").stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn finish(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    Output {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs a command to its end, with this on standard input.
pub(crate) fn finish_with(command: &mut Command, input: &[u8]) -> Output {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    finish(command.stdin(file))
}

/// Runs a command whose standard output is read by nobody.
pub(crate) fn finish_unread(command: &mut Command) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    Output { code: output.status.code(), out: String::new(), err }
}

/// A command in the background; killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    out: File,
    err: File,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        command.stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
        Self { child: command.spawn().unwrap(), out, err }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// What it has written so far to standard output.
    pub(crate) fn out(&self) -> String {
        read_all(&self.out)
    }

    /// What it has written so far to standard error.
    pub(crate) fn err(&self) -> String {
        read_all(&self.err)
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&mut self) -> ExitStatus {
        self.child.kill().unwrap();
        self.child.wait().unwrap()
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Output {
        until("a process ends", || !self.is_running());
        let status = self.child.wait().unwrap();
        Output { code: status.code(), out: self.out(), err: self.err() }
    }

    /// Asks it to end, and waits.
    pub(crate) fn stop(self) -> Output {
        self.signal("TERM");
        self.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_running() {
            self.kill();
        }
    }
}

/// All of a file that another process writes to, without moving where that one writes.
fn read_all(file: &File) -> String {
    let mut bytes = Vec::new();
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file));
    File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}
