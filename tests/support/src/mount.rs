//! File systems in memory, of a size of their own: what a disk does that is full or cannot be written.

use std::path::Path;
use std::process::Command;

/// A file system in memory; gone when it is dropped. Mounting takes root.
#[derive(Debug)]
pub struct Mount(tempfile::TempDir);

impl Mount {
    /// With these options of tmpfs, such as `size=4m`.
    pub fn new(options: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("bpmonitor-mount-").tempdir().expect("a directory");
        mount(&["-t", "tmpfs", "-o", options, "bpmonitor-test"], directory.path());
        Self(directory)
    }

    /// Changes options, such as `ro`.
    pub fn remount(&self, options: &str) {
        mount(&["-o", &format!("remount,{options}")], self.path());
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

fn mount(arguments: &[&str], path: &Path) {
    let output = Command::new("mount").args(arguments).arg(path).output().expect("mount is there");
    assert!(output.status.success(), "this test mounts a tmpfs, which takes root: {output:?}");
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
