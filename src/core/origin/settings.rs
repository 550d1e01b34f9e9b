//! What an operator can set about the use cases.

use std::sync::Arc;
use std::time::Duration;

use crate::imaging::Limits;
use crate::model::watermark::Watermarks;

#[derive(Clone, Debug)]
pub struct OriginSettings {
    pub limits: Limits,
    /// Threads of the image pool; 0 means one for each core.
    pub workers: usize,
    /// Decoded bytes that all images being worked on may take together.
    pub memory_bytes_max: u64,
    /// Derivations that may wait for a worker; more are refused.
    pub queue_max: usize,
    /// A derivation is stopped after this.
    pub derive_timeout: Duration,
    /// A request waits at most this long for a derivation, whoever makes it.
    pub wait_timeout: Duration,
    /// A failed derivation is not tried again for this long.
    pub failure_ttl: Duration,
    pub access: AccessSettings,
    /// What recipes name.
    pub watermarks: Arc<Watermarks>,
}

/// What those who come over the wire may take.
#[derive(Clone, Copy, Debug)]
pub struct AccessSettings {
    /// Uploads in progress, of all together.
    pub uploads_max: usize,
    /// Uploads in progress by one key.
    pub uploads_per_key_max: usize,
    /// Requests in a minute by a key that has no rate of its own.
    pub rate_per_min: u32,
    /// How long a person stays signed in.
    pub session_lifetime: Duration,
}

impl Default for AccessSettings {
    fn default() -> Self {
        Self {
            // About 1 MiB of each, with the buffers of its connection: 256 MiB at most.
            uploads_max: 256,
            // Half, so that no key shuts out all others.
            uploads_per_key_max: 128,
            rate_per_min: 60_000,
            session_lifetime: Duration::from_secs(12 * 3600),
        }
    }
}

impl Default for OriginSettings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            workers: 0,
            memory_bytes_max: 1 << 30,
            queue_max: 64,
            derive_timeout: Duration::from_secs(15),
            wait_timeout: Duration::from_secs(20),
            failure_ttl: Duration::from_secs(600),
            access: AccessSettings::default(),
            watermarks: Arc::default(),
        }
    }
}
