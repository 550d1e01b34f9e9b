//! The memory that this process has, and the most that it has had, by Linux (`man 5 proc`).

use std::fs;

/// What some work took at once beyond what there was before, in bytes.
pub(crate) fn taken_by<T>(work: impl FnOnce() -> T) -> (T, u64) {
    // Sets the most there was to what there is.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status_bytes("VmRSS:");
    let result = work();
    (result, status_bytes("VmHWM:").saturating_sub(before))
}

fn status_bytes(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kibibytes.parse::<u64>().unwrap() * 1024
}

#[test]
fn what_is_taken_is_seen() {
    let _alone = crate::alone();
    // The kernel counts pages in batches for each core.
    let (bytes, taken) = taken_by(|| vec![1_u8; 40 << 20].len());
    assert!((38 << 20..60 << 20).contains(&taken), "{taken} of {bytes}");
    let ((), taken) = taken_by(|| ());
    assert!(taken < 10 << 20, "{taken}");
}
