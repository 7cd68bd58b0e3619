//! What the figures were taken on.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Debug, serde::Serialize)]
pub(crate) struct Machine {
    cores: usize,
    cpu: String,
    os: String,
    file_system: String,
}

impl Machine {
    pub(crate) fn at(directory: &Path) -> Self {
        let unknown = || "unknown".to_owned();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            cpu: cpu().unwrap_or_else(unknown),
            os: format!("{} {}", std::env::consts::OS, kernel.trim()).trim_end().to_owned(),
            file_system: file_system(directory).unwrap_or_else(unknown),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cores ({}), {}, {}", self.cores, self.cpu, self.os, self.file_system)
    }
}

fn cpu() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The type of the mount that holds the directory: the last of the longest mount points, as in
/// <https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html>.
fn file_system(directory: &Path) -> Option<String> {
    let directory = directory.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    mounts
        .lines()
        .filter_map(|line| {
            let point = line.split(' ').nth(4)?;
            let kind = line.split_once(" - ")?.1.split(' ').next()?;
            directory.starts_with(point).then(|| (point.len(), kind.to_owned()))
        })
        .max_by_key(|(length, _)| *length)
        .map(|(_, kind)| kind)
}

/// How much memory of its own this process has, in MiB. What it has mapped of files is left out: SQLite maps
/// its files, once for each connection, and those pages are the kernel's to take back.
fn memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}

/// Looks ten times a second at how much memory this process has.
#[derive(Default)]
pub(crate) struct PeakMemory(Arc<AtomicU64>);

impl PeakMemory {
    pub(crate) fn watch() -> Self {
        let peak = Self::default();
        let most = Arc::downgrade(&peak.0);
        std::thread::spawn(move || {
            while let (Some(most), Some(now)) = (most.upgrade(), memory()) {
                most.fetch_max(now, Ordering::Relaxed);
                drop(most);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        peak
    }

    /// The most so far, in MiB; 0 where the system does not say.
    pub(crate) fn mib(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
