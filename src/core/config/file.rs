//! `imgctl.toml` as it is written: untyped edges carry their unit in the name.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::blobs::space::SpaceFloor;
use crate::config::section::{PresetSection, WatermarkSection};
use crate::imaging::{DamagedPolicy, Limits, SvgPolicy};
use crate::nginx::settings::ApiLimits;
use crate::origin::{AccessSettings, OriginSettings};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConfigFile {
    pub site: SiteSection,
    pub catalog: CatalogSection,
    pub limits: LimitsSection,
    pub derive: DeriveSection,
    pub signing: SigningSection,
    pub imgd: ImgdSection,
    pub api: ApiSection,
    pub webhook: WebhookSection,
    pub scan: ScanSection,
    pub fetch: FetchSection,
    pub nginx: NginxSection,
    pub presets: BTreeMap<String, PresetSection>,
    pub watermarks: BTreeMap<String, WatermarkSection>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteSection {
    /// What printed URLs start with.
    pub url: String,
}

impl Default for SiteSection {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8080".to_owned(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CatalogSection {
    pub url: String,
    pub busy_timeout_ms: u64,
    pub connections_max: u32,
}

impl Default for CatalogSection {
    fn default() -> Self {
        Self {
            url: "sqlite:catalog.db".to_owned(),
            busy_timeout_ms: 10_000,
            connections_max: 8,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsSection {
    pub bytes_max: u64,
    pub pixels_max: u64,
    pub side_px_max: u32,
    pub frames_max: u32,
    pub frame_pixels_total_max: u64,
    pub metadata_bytes_max: u64,
    pub scans_max: u32,
    pub svg: SvgSection,
    pub damaged: DamagedSection,
    pub output_side_px_max: u32,
    pub free_bytes_min: u64,
    pub free_inodes_min: u64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SvgSection {
    Refuse,
    Accept,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DamagedSection {
    Refuse,
    Accept,
}

impl Default for LimitsSection {
    fn default() -> Self {
        let (limits, floor) = (Limits::default(), SpaceFloor::default());
        Self {
            bytes_max: limits.bytes_max,
            pixels_max: limits.pixels_max,
            side_px_max: limits.side_px_max,
            frames_max: limits.frames_max,
            frame_pixels_total_max: limits.frame_pixels_total_max,
            metadata_bytes_max: limits.metadata_bytes_max,
            scans_max: limits.scans_max,
            svg: match limits.svg {
                SvgPolicy::Refuse => SvgSection::Refuse,
                SvgPolicy::Accept => SvgSection::Accept,
            },
            damaged: match limits.damaged {
                DamagedPolicy::Refuse => DamagedSection::Refuse,
                DamagedPolicy::Accept => DamagedSection::Accept,
            },
            output_side_px_max: limits.output_side_px_max,
            free_bytes_min: floor.free_bytes_min,
            free_inodes_min: floor.free_inodes_min,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeriveSection {
    pub workers: usize,
    pub memory_bytes_max: u64,
    pub queue_max: usize,
    pub timeout_ms: u64,
    pub wait_timeout_ms: u64,
    pub failure_ttl_s: u64,
}

impl Default for DeriveSection {
    fn default() -> Self {
        let settings = OriginSettings::default();
        Self {
            workers: settings.workers,
            memory_bytes_max: settings.memory_bytes_max,
            queue_max: settings.queue_max,
            timeout_ms: settings.derive_timeout.as_secs() * 1000,
            wait_timeout_ms: settings.wait_timeout.as_secs() * 1000,
            failure_ttl_s: settings.failure_ttl.as_secs(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SigningSection {
    /// The first one signs; all of them verify.
    pub keys: Vec<KeySection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySection {
    pub id: String,
    /// Relative to the data directory. Holds the secret alone, as text or bytes.
    pub file: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImgdSection {
    /// Relative to the data directory.
    pub socket: PathBuf,
    /// Requests in progress, those that wait for a derivation included.
    pub requests_max: usize,
}

impl Default for ImgdSection {
    fn default() -> Self {
        Self {
            socket: "run/imgd.sock".into(),
            requests_max: 4096,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiSection {
    /// Requests to the API in progress, uploads included.
    pub requests_max: usize,
    pub uploads_max: usize,
    pub uploads_per_key_max: usize,
    /// Of a key that has no rate of its own.
    pub rate_per_min: u32,
    /// An upload that is slower, after the grace, is given up.
    pub upload_bytes_per_s_min: u64,
    pub upload_grace_s: u64,
    pub session_lifetime_s: u64,
    /// Who may upload by ticket from a browser; `*`: any site.
    pub ticket_origins: Vec<String>,
}

impl Default for ApiSection {
    fn default() -> Self {
        let access = AccessSettings::default();
        Self {
            requests_max: 1024,
            uploads_max: access.uploads_max,
            uploads_per_key_max: access.uploads_per_key_max,
            rate_per_min: access.rate_per_min,
            upload_bytes_per_s_min: 1024,
            upload_grace_s: 10,
            session_lifetime_s: access.session_lifetime.as_secs(),
            ticket_origins: vec!["*".to_owned()],
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookSection {
    /// A file with the secret that signs callbacks, relative to the data directory.
    pub secret: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScanSection {
    /// Asked before an image is taken in.
    pub url: Option<String>,
    pub timeout_ms: u64,
    /// What becomes of an image when there is no answer.
    pub on_failure: OnFailureSection,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailureSection {
    Reject,
    Accept,
}

impl Default for ScanSection {
    fn default() -> Self {
        Self {
            url: None,
            timeout_ms: 10_000,
            on_failure: OnFailureSection::Reject,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FetchSection {
    /// Addresses and ranges that are not public and may be called back all the same.
    pub allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NginxSection {
    pub mode: ModeSection,
    pub binary: PathBuf,
    pub listen: Vec<String>,
    pub server_names: Vec<String>,
    pub user: Option<String>,
    pub workers: u16,
    /// Where rendered releases go, relative to the data directory.
    pub dir: PathBuf,
    pub run_dir: PathBuf,
    pub log_dir: PathBuf,
    /// Of the distribution, when ours are included in it.
    pub main_config: PathBuf,
    /// Of an nginx that includes ours, such as /run/nginx.pid; ours has its own.
    pub pid_file: Option<PathBuf>,
    /// Of an nginx that includes ours, such as /var/log/nginx/error.log; ours has its own.
    pub error_log: Option<PathBuf>,
    /// Empty: the nginx whose pid file is in `run_dir` is signalled.
    pub reload_command: Vec<String>,
    pub real_ip_header: String,
    pub real_ip_from: Vec<String>,
    pub cache_tag_headers: Vec<String>,
    /// Whether presets answer to `.auto` by what a client accepts.
    pub auto_format: bool,
    pub miss_rate_per_s: u32,
    pub miss_burst: u32,
    pub miss_connections_max: u32,
    /// None: an original of `limits.bytes_max` in its multipart frame.
    pub api_body_bytes_max: Option<u64>,
    pub api_connections_max: u32,
    pub api_body_timeout_s: u64,
    pub api_read_timeout_s: u64,
    pub tls: Option<TlsSection>,
    pub open_file_cache: Option<OpenFileCacheSection>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModeSection {
    /// A whole nginx.conf of our own.
    Standalone,
    /// Files for the nginx of a distribution to include.
    Included,
}

impl Default for NginxSection {
    fn default() -> Self {
        let api = ApiLimits::default();
        Self {
            mode: ModeSection::Standalone,
            binary: "nginx".into(),
            listen: vec!["127.0.0.1:8080".to_owned()],
            server_names: Vec::new(),
            user: None,
            workers: 0,
            dir: "nginx".into(),
            run_dir: "run".into(),
            log_dir: "log".into(),
            main_config: "/etc/nginx/nginx.conf".into(),
            pid_file: None,
            error_log: None,
            reload_command: Vec::new(),
            real_ip_header: "X-Forwarded-For".to_owned(),
            real_ip_from: Vec::new(),
            cache_tag_headers: vec!["Cache-Tag".to_owned(), "Surrogate-Key".to_owned()],
            auto_format: false,
            // imgd bounds its own work; these keep one client from taking all of it.
            miss_rate_per_s: 200,
            miss_burst: 1000,
            miss_connections_max: 1024,
            api_body_bytes_max: None,
            api_connections_max: api.connections,
            api_body_timeout_s: api.body_timeout.as_secs(),
            api_read_timeout_s: api.read_timeout.as_secs(),
            tls: None,
            open_file_cache: None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    pub listen: Vec<String>,
    pub certificate: PathBuf,
    pub certificate_key: PathBuf,
    pub server_names: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenFileCacheSection {
    pub files_max: u32,
    pub inactive_s: u64,
    pub valid_s: u64,
}
