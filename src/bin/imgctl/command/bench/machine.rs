//! The machine, as its owner would name it.

use std::fs;
use std::thread;

/// Model of the processor, or what kind of processor it is.
pub(super) fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim().to_owned())
    });
    model.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// Cores of the machine, though only one of them is used.
pub(super) fn cores() -> usize {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let listed = text
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    listed.max(thread::available_parallelism().map_or(1, usize::from))
}

pub(super) fn system() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("Linux {}", release.trim())
}
