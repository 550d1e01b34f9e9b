//! Ports for the servers that tests start, each of them nobody else's.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below those that the system gives to outgoing connections and to port 0 (from 32,768 on), so that nothing takes one of
/// them between its choice and the start of whatever is to listen.
const FIRST: u32 = 10_000;
const PORTS: u32 = 20_000;

/// A free port of the loopback interface; a process is given each only once.
///
/// # Panics
///
/// If none is free.
#[must_use]
pub fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Two runs of the tests beside each other start apart.
    let start = std::process::id().wrapping_mul(97);
    let mut ports = (0..PORTS).filter_map(|_| {
        let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
        u16::try_from(FIRST + start.wrapping_add(taken) % PORTS).ok()
    });
    ports
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("one of 20,000 ports is free")
}
