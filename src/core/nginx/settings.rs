//! What an operator may choose about nginx, already typed; `render` refuses what cannot be written safely.

use std::path::PathBuf;
use std::time::Duration;

use crate::model::layout::TreeLayout;
use crate::model::media::OutputFormat;
use crate::model::preset::PresetName;

/// Which files are rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One whole `nginx.conf`, for an nginx that serves nothing else; runs as root or not. `daemon` is left to the
    /// command line.
    Standalone,
    /// `imgctl-http.conf` and `imgctl-server.conf`, to be included by the nginx of a distribution.
    Included,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NginxPaths {
    /// The tree: `original/`, `derived/` and `alias/` are below it.
    pub data_dir: PathBuf,
    /// Pid file, status socket and temporary files; must exist.
    pub run_dir: PathBuf,
    /// Must exist.
    pub log_dir: PathBuf,
    /// Where imgd listens.
    pub imgd_socket: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NginxSettings {
    pub mode: Mode,
    pub paths: NginxPaths,
    pub layout: TreeLayout,
    /// `8080`, `127.0.0.1:8080`, `[::1]:8080`, `*:80` or `unix:/path`.
    pub listen: Vec<String>,
    pub tls: Option<TlsSettings>,
    /// Empty: whatever host is asked for.
    pub server_names: Vec<String>,
    /// Who the workers are, if nginx is started as root. Standalone only.
    pub user: Option<String>,
    pub worker_processes: WorkerProcesses,
    pub real_ip: Option<RealIp>,
    pub cache_tags: Vec<CacheTagHeader>,
    pub miss_limits: MissLimits,
    pub miss_timeouts: MissTimeouts,
    /// Off unless chosen: it makes removed images linger for `valid`.
    pub open_file_cache: Option<OpenFileCache>,
    pub api_limits: ApiLimits,
    /// Presets that answer to `.auto`; empty: none does.
    pub auto_formats: Vec<AutoFormats>,
}

impl NginxSettings {
    /// A standalone nginx on loopback, everything else at its default.
    pub fn new(paths: NginxPaths, layout: TreeLayout) -> Self {
        Self {
            mode: Mode::Standalone,
            paths,
            layout,
            listen: vec!["127.0.0.1:8080".to_owned()],
            tls: None,
            server_names: Vec::new(),
            user: None,
            worker_processes: WorkerProcesses::Auto,
            real_ip: None,
            cache_tags: vec![
                CacheTagHeader {
                    name: "Cache-Tag".to_owned(),
                    separator: TagSeparator::Comma,
                },
                CacheTagHeader {
                    name: "Surrogate-Key".to_owned(),
                    separator: TagSeparator::Space,
                },
            ],
            miss_limits: MissLimits::default(),
            miss_timeouts: MissTimeouts::default(),
            open_file_cache: None,
            api_limits: ApiLimits::default(),
            auto_formats: Vec::new(),
        }
    }

    /// Answers `/release` and `/status`.
    pub fn status_socket(&self) -> PathBuf {
        self.paths.run_dir.join("nginx-status.sock")
    }

    /// Written in standalone mode; a distribution's nginx has its own.
    pub fn pid_file(&self) -> PathBuf {
        self.paths.run_dir.join("nginx.pid")
    }

    /// Written in standalone mode; a distribution's nginx has its own.
    pub fn error_log(&self) -> PathBuf {
        self.paths.log_dir.join("nginx-error.log")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// As in [`NginxSettings::listen`].
    pub listen: Vec<String>,
    pub certificate: PathBuf,
    pub certificate_key: PathBuf,
    pub server_names: Vec<String>,
}

/// What `/i/<id>.<preset>~<revision>.auto` can be answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoFormats {
    pub preset: PresetName,
    /// As the preset lists them; the last is for those who name neither AVIF nor WebP.
    pub formats: Vec<OutputFormat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerProcesses {
    /// One for each core.
    Auto,
    Count(u16),
}

/// Whose word about the client's address is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealIp {
    pub header: String,
    /// Addresses or CIDR ranges of the CDN.
    pub trusted: Vec<String>,
}

/// A response header in which a CDN looks for the tags that purges name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheTagHeader {
    pub name: String,
    pub separator: TagSeparator,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagSeparator {
    /// Cloudflare, Akamai, Google.
    Comma,
    /// Fastly, Varnish.
    Space,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissLimits {
    /// Misses of one client address.
    pub rate_per_s: u32,
    /// How many misses one client may be ahead of its rate.
    pub burst: u32,
    /// Misses in progress, of all clients together.
    pub connections: u32,
}

impl Default for MissLimits {
    /// A page of 100 new thumbnails is one burst; 256 in progress is far above what imgd works on at once.
    fn default() -> Self {
        Self {
            rate_per_s: 20,
            burst: 100,
            connections: 256,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissTimeouts {
    pub connect: Duration,
    pub send: Duration,
    /// Longest silence of imgd: the time it may take to make one derivative.
    pub read: Duration,
}

impl Default for MissTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            send: Duration::from_secs(5),
            read: Duration::from_secs(30),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiLimits {
    pub body_bytes_max: u64,
    /// Requests in progress of one client address.
    pub connections: u32,
    /// Longest silence of a client within a body.
    pub body_timeout: Duration,
    /// Longest silence of imgd: the time it may take to answer once it has the body, or to read on before.
    pub read_timeout: Duration,
}

impl ApiLimits {
    /// Boundaries, part headers and text fields of `multipart/form-data` around one original.
    pub const FRAME_BYTES_MAX: u64 = 1024 * 1024;
}

impl Default for ApiLimits {
    /// An original of 40 MiB in its frame. 1,024 in progress is an application that sends its whole stock; 90 s are a scan
    /// of a minute and a derivation.
    fn default() -> Self {
        Self {
            body_bytes_max: 40 * 1024 * 1024 + Self::FRAME_BYTES_MAX,
            // A fraction of what imgd takes altogether, so that no address takes all of it.
            connections: 256,
            body_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(90),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFileCache {
    pub files_max: u32,
    /// A file not asked for in this time is closed.
    pub inactive: Duration,
    /// How long a worker trusts what it knows of a file.
    pub valid: Duration,
}
