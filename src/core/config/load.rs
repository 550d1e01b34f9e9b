//! From the file to a configuration that the rest can trust.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::blobs::space::SpaceFloor;
use crate::catalog::{CatalogSettings, CatalogUrl};
use crate::config::check::check;
use crate::config::error::ConfigError;
use crate::config::file::{
    ApiSection, ConfigFile, DamagedSection, LimitsSection, ModeSection, OnFailureSection,
    SvgSection,
};
use crate::config::{presets, watermarks};
use crate::fetch::AddressGuard;
use crate::fetch::scan::{OnFailure, ScanHook};
use crate::fetch::webhook::WebhookSecret;
use crate::imaging::{DamagedPolicy, Limits, SvgPolicy};
use crate::model::layout::TreeLayout;
use crate::model::preset::{PresetDefinition, PresetName};
use crate::model::signature::SigningKey;
use crate::nginx::settings::{
    ApiLimits, AutoFormats, CacheTagHeader, MissLimits, MissTimeouts, Mode, NginxPaths,
    NginxSettings, OpenFileCache, RealIp, TagSeparator, TlsSettings, WorkerProcesses,
};
use crate::origin::{AccessSettings, OriginSettings};

/// The name of the file, in the data directory unless said otherwise.
pub const CONFIG_FILE: &str = "imgctl.toml";

/// What imgd asks of those who speak to its API.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// Requests in progress; more are refused.
    pub requests_max: usize,
    /// An upload that is slower, once the grace is over, is given up.
    pub upload_bytes_per_s_min: u64,
    pub upload_grace: Duration,
    /// Sites whose pages may upload by ticket; `*` for any.
    pub ticket_origins: Vec<String>,
}

/// A configuration without faults.
#[derive(Debug)]
pub struct Config {
    pub path: PathBuf,
    pub data: PathBuf,
    /// What printed URLs start with, without a slash at the end.
    pub site_url: String,
    pub catalog_url: CatalogUrl,
    pub catalog: CatalogSettings,
    pub origin: OriginSettings,
    pub floor: SpaceFloor,
    pub presets: BTreeMap<PresetName, PresetDefinition>,
    pub imgd_socket: PathBuf,
    pub imgd_requests_max: usize,
    pub api: ApiSettings,
    file: ConfigFile,
}

impl Config {
    /// Reads and checks the file; an error lists every fault.
    pub fn load(data: &Path, path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(data, path, &text)
    }

    pub fn parse(data: &Path, path: &Path, text: &str) -> Result<Self, ConfigError> {
        let file: ConfigFile =
            toml::from_str(text).map_err(|error| syntax_error(path, text, &error))?;
        let mut faults = Vec::new();
        let limits = limits(&file.limits);
        let watermarks = watermarks::load(&file.watermarks, data, &limits, &mut faults);
        let presets = presets::definitions(&file, &watermarks, &mut faults);
        let catalog_url = file.catalog.url.parse::<CatalogUrl>();
        check(&file, &mut faults);
        for (name, definition) in &presets {
            if let Err(error) = limits.check_box(&definition.layout) {
                faults.push(format!(
                    "  presets.{name}: {error} (limits.output_side_px_max)"
                ));
            }
        }
        match catalog_url {
            Ok(url) if faults.is_empty() => {
                // Programs change directory for nobody, but nginx wants whole paths.
                let data = std::path::absolute(data).map_err(|source| ConfigError::Read {
                    path: data.to_owned(),
                    source,
                })?;
                let mut config = Self::build(&data, path, url, presets, file);
                config.origin.watermarks = Arc::new(watermarks);
                Ok(config)
            }
            Ok(_) => Err(ConfigError::Invalid {
                path: path.to_owned(),
                faults,
            }),
            Err(error) => {
                faults.push(format!("  catalog.url: {error}"));
                Err(ConfigError::Invalid {
                    path: path.to_owned(),
                    faults,
                })
            }
        }
    }

    fn build(
        data: &Path,
        path: &Path,
        catalog_url: CatalogUrl,
        presets: BTreeMap<PresetName, PresetDefinition>,
        file: ConfigFile,
    ) -> Self {
        let derive = &file.derive;
        Self {
            path: path.to_owned(),
            data: data.to_owned(),
            site_url: file.site.url.trim_end_matches('/').to_owned(),
            catalog_url: catalog_url.resolve(data),
            catalog: CatalogSettings {
                busy_timeout: Duration::from_millis(file.catalog.busy_timeout_ms),
                connections_max: file.catalog.connections_max,
            },
            origin: OriginSettings {
                limits: limits(&file.limits),
                workers: derive.workers,
                memory_bytes_max: derive.memory_bytes_max,
                queue_max: derive.queue_max,
                derive_timeout: Duration::from_millis(derive.timeout_ms),
                wait_timeout: Duration::from_millis(derive.wait_timeout_ms),
                failure_ttl: Duration::from_secs(derive.failure_ttl_s),
                access: access(&file.api),
                ..OriginSettings::default()
            },
            api: api(&file.api),
            floor: SpaceFloor {
                free_bytes_min: file.limits.free_bytes_min,
                free_inodes_min: file.limits.free_inodes_min,
            },
            presets,
            imgd_socket: data.join(&file.imgd.socket),
            imgd_requests_max: file.imgd.requests_max,
            file,
        }
    }

    /// Reads the secret that signs callbacks, if there is one.
    pub fn load_webhook_secret(&self) -> Result<Option<WebhookSecret>, ConfigError> {
        let Some(file) = &self.file.webhook.secret else {
            return Ok(None);
        };
        let path = self.data.join(file);
        let secret = fs::read(&path).map_err(|source| ConfigError::Key {
            id: "webhook".to_owned(),
            path: path.clone(),
            source,
        })?;
        let secret = WebhookSecret::new(secret.trim_ascii().to_vec());
        let secret = secret.map_err(|fault| ConfigError::Invalid {
            path,
            faults: vec![format!("  {fault}")],
        })?;
        Ok(Some(secret))
    }

    /// Who is asked before an image is taken in.
    pub fn scan_hook(&self) -> Option<ScanHook> {
        let scan = &self.file.scan;
        Some(ScanHook {
            url: scan.url.as_ref()?.parse().ok()?,
            timeout: Duration::from_millis(scan.timeout_ms),
            on_failure: match scan.on_failure {
                OnFailureSection::Reject => OnFailure::Reject,
                OnFailureSection::Accept => OnFailure::Accept,
            },
        })
    }

    /// Which addresses may be called back.
    pub fn address_guard(&self) -> AddressGuard {
        let allow = self.file.fetch.allow.iter();
        AddressGuard {
            allow: allow.filter_map(|range| range.parse().ok()).collect(),
        }
    }

    /// Reads the secrets that sign free options; the first one signs.
    pub fn load_signing_keys(&self) -> Result<Vec<SigningKey>, ConfigError> {
        let load = |(id, file): (PresetName, PathBuf)| {
            let path = self.data.join(file);
            let secret = fs::read(&path).map_err(|source| ConfigError::Key {
                id: id.to_string(),
                path: path.clone(),
                source,
            })?;
            // A key made with a text editor ends with a newline that its owner does not see.
            let secret = secret.trim_ascii().to_vec();
            SigningKey::new(id, secret).map_err(|fault| ConfigError::Invalid {
                path,
                faults: vec![format!("  {fault}")],
            })
        };
        let keys = self
            .file
            .signing
            .keys
            .iter()
            .filter_map(|key| Some((key.id.parse().ok()?, key.file.clone())));
        keys.map(load).collect()
    }

    pub fn signing_key_files(&self) -> Vec<PathBuf> {
        self.file
            .signing
            .keys
            .iter()
            .map(|key| self.data.join(&key.file))
            .collect()
    }

    pub fn run_dir(&self) -> PathBuf {
        self.data.join(&self.file.nginx.run_dir)
    }

    pub fn log_dir(&self) -> PathBuf {
        self.data.join(&self.file.nginx.log_dir)
    }

    /// The port, if nginx listens on 127.0.0.1 and nowhere else.
    pub fn loopback_port(&self) -> Option<u16> {
        match (self.file.nginx.listen.as_slice(), &self.file.nginx.tls) {
            ([listen], None) => listen.strip_prefix("127.0.0.1:")?.parse().ok(),
            _ => None,
        }
    }

    /// Listens on 127.0.0.1 at this port, and nowhere else, until the program ends.
    pub fn listen_on_loopback(&mut self, port: u16) {
        let before = self.loopback_port();
        if before.is_some_and(|before| self.site_url == format!("http://127.0.0.1:{before}")) {
            self.site_url = format!("http://127.0.0.1:{port}");
        }
        self.file.nginx.listen = vec![format!("127.0.0.1:{port}")];
    }

    /// The distribution's nginx.conf that includes ours, if it does.
    pub fn nginx_main_config(&self) -> Option<PathBuf> {
        let included = self.file.nginx.mode == ModeSection::Included;
        included.then(|| self.file.nginx.main_config.clone())
    }

    /// Where the nginx that is to be reloaded names itself.
    pub fn nginx_pid_file(&self, settings: &NginxSettings) -> PathBuf {
        self.file
            .nginx
            .pid_file
            .clone()
            .unwrap_or_else(|| settings.pid_file())
    }

    /// Where the nginx that is to be reloaded complains.
    pub fn nginx_error_log(&self, settings: &NginxSettings) -> PathBuf {
        self.file
            .nginx
            .error_log
            .clone()
            .unwrap_or_else(|| settings.error_log())
    }

    /// The program; Debian keeps it where the PATH of an ordinary user does not look.
    pub fn nginx_binary(&self) -> &Path {
        let system = Path::new("/usr/sbin/nginx");
        let binary = self.file.nginx.binary.as_path();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).any(|dir| dir.join(binary).exists());
        if binary == Path::new("nginx") && !found && system.exists() {
            system
        } else {
            binary
        }
    }

    /// Where releases of the nginx configuration are kept.
    pub fn nginx_dir(&self) -> PathBuf {
        self.data.join(&self.file.nginx.dir)
    }

    pub fn nginx_reload_command(&self) -> &[String] {
        &self.file.nginx.reload_command
    }

    /// The directory that keeps nginx's workers out, if they would be another user: root's own home, mostly.
    pub fn closed_to_others(&self) -> Option<&Path> {
        let others = rustix::process::getuid().is_root() && self.file.nginx.user.is_none();
        let is_closed = |path: &Path| {
            path.metadata()
                .is_ok_and(|metadata| metadata.mode() & 0o001 == 0)
        };
        self.data.ancestors().find(|path| others && is_closed(path))
    }

    /// What nginx is to be told; needs the tree for its shards.
    pub fn nginx_settings(&self, layout: TreeLayout) -> NginxSettings {
        let nginx = &self.file.nginx;
        let paths = NginxPaths {
            data_dir: self.data.clone(),
            run_dir: self.data.join(&nginx.run_dir),
            log_dir: self.data.join(&nginx.log_dir),
            imgd_socket: self.imgd_socket.clone(),
        };
        let mut settings = NginxSettings::new(paths, layout);
        settings.mode = match nginx.mode {
            ModeSection::Standalone => Mode::Standalone,
            ModeSection::Included => Mode::Included,
        };
        settings.listen.clone_from(&nginx.listen);
        settings.server_names.clone_from(&nginx.server_names);
        settings.user = nginx.user.clone().or_else(|| {
            // Whoever else the workers became could not reach the files.
            self.closed_to_others().map(|_| "root".to_owned())
        });
        settings.worker_processes = match nginx.workers {
            0 => WorkerProcesses::Auto,
            count => WorkerProcesses::Count(count),
        };
        if !nginx.real_ip_from.is_empty() {
            settings.real_ip = Some(RealIp {
                header: nginx.real_ip_header.clone(),
                trusted: nginx.real_ip_from.clone(),
            });
        }
        settings.cache_tags = nginx
            .cache_tag_headers
            .iter()
            .map(|name| cache_tag(name))
            .collect();
        if nginx.auto_format {
            let presets = self.presets.iter();
            let auto_formats = presets.map(|(preset, definition)| AutoFormats {
                preset: preset.clone(),
                formats: definition.formats().collect(),
            });
            settings.auto_formats = auto_formats.collect();
        }
        settings.miss_limits = MissLimits {
            rate_per_s: nginx.miss_rate_per_s,
            burst: nginx.miss_burst,
            connections: nginx.miss_connections_max,
        };
        settings.miss_timeouts = MissTimeouts {
            // imgd answers 503 by itself before nginx would lose its patience.
            read: self.origin.wait_timeout + Duration::from_secs(5),
            ..MissTimeouts::default()
        };
        settings.api_limits = ApiLimits {
            body_bytes_max: nginx.api_body_bytes_max.unwrap_or_else(|| {
                let original = self.file.limits.bytes_max;
                original.saturating_add(ApiLimits::FRAME_BYTES_MAX)
            }),
            connections: nginx.api_connections_max,
            body_timeout: Duration::from_secs(nginx.api_body_timeout_s),
            read_timeout: Duration::from_secs(nginx.api_read_timeout_s),
        };
        settings.tls = nginx.tls.as_ref().map(|tls| TlsSettings {
            listen: tls.listen.clone(),
            certificate: self.data.join(&tls.certificate),
            certificate_key: self.data.join(&tls.certificate_key),
            server_names: tls.server_names.clone(),
        });
        settings.open_file_cache = nginx.open_file_cache.as_ref().map(|cache| OpenFileCache {
            files_max: cache.files_max,
            inactive: Duration::from_secs(cache.inactive_s),
            valid: Duration::from_secs(cache.valid_s),
        });
        settings
    }
}

/// As the parser tells it, but without what stands in the file: that may be a password.
fn syntax_error(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or_default();
    let message = error.message();
    let fault = match (message.split_once("string \""), message.rsplit_once('"')) {
        (Some((what, _)), Some((_, expected))) => format!("{what}string{expected}"),
        _ => message.to_owned(),
    };
    ConfigError::Syntax {
        path: path.to_owned(),
        line: 1 + before.matches('\n').count(),
        fault,
    }
}

/// Fastly and Varnish separate keys by spaces, everyone else tags by commas.
fn cache_tag(name: &str) -> CacheTagHeader {
    let spaced = ["surrogate-key", "xkey"].contains(&name.to_ascii_lowercase().as_str());
    let separator = if spaced {
        TagSeparator::Space
    } else {
        TagSeparator::Comma
    };
    CacheTagHeader {
        name: name.to_owned(),
        separator,
    }
}

fn access(section: &ApiSection) -> AccessSettings {
    AccessSettings {
        uploads_max: section.uploads_max,
        uploads_per_key_max: section.uploads_per_key_max,
        rate_per_min: section.rate_per_min,
        session_lifetime: Duration::from_secs(section.session_lifetime_s),
    }
}

fn api(section: &ApiSection) -> ApiSettings {
    ApiSettings {
        requests_max: section.requests_max,
        upload_bytes_per_s_min: section.upload_bytes_per_s_min,
        upload_grace: Duration::from_secs(section.upload_grace_s),
        ticket_origins: section.ticket_origins.clone(),
    }
}

fn limits(section: &LimitsSection) -> Limits {
    Limits {
        bytes_max: section.bytes_max,
        pixels_max: section.pixels_max,
        side_px_max: section.side_px_max,
        frames_max: section.frames_max,
        frame_pixels_total_max: section.frame_pixels_total_max,
        metadata_bytes_max: section.metadata_bytes_max,
        scans_max: section.scans_max,
        svg: match section.svg {
            SvgSection::Refuse => SvgPolicy::Refuse,
            SvgSection::Accept => SvgPolicy::Accept,
        },
        damaged: match section.damaged {
            DamagedSection::Refuse => DamagedPolicy::Refuse,
            DamagedSection::Accept => DamagedPolicy::Accept,
        },
        output_side_px_max: section.output_side_px_max,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::layout::ShardWidth;
    use crate::model::media::OutputFormat;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(
            Path::new("/srv/img"),
            Path::new("/srv/img/imgctl.toml"),
            text,
        )
    }

    #[test]
    fn a_scan_hook_bounds_uploads() {
        let text = "scan.url = \"http://127.0.0.1:1/\"\napi.uploads_max = 401";
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains("api.uploads_max: 400 at most"), "{error}");
        assert!(parse("api.uploads_max = 401").is_ok());
    }

    #[test]
    fn an_empty_file_is_a_whole_configuration() {
        let config = parse("").unwrap();
        assert_eq!(config.imgd_socket, Path::new("/srv/img/run/imgd.sock"));
        assert_eq!(config.catalog_url.to_string(), "sqlite:/srv/img/catalog.db");
    }

    #[test]
    fn the_api_takes_the_largest_original_in_its_frame_unless_told_otherwise() {
        let limits = |text: &str| {
            let layout = TreeLayout {
                shards: ShardWidth::Three,
            };
            parse(text).unwrap().nginx_settings(layout).api_limits
        };
        assert_eq!(limits(""), ApiLimits::default());
        let larger = limits("limits.bytes_max = 100_000_000");
        assert_eq!(larger.body_bytes_max, 100_000_000 + 1024 * 1024);
        let told = limits(
            "[nginx]
            api_body_bytes_max = 5
            api_connections_max = 6
            api_body_timeout_s = 7
            api_read_timeout_s = 8",
        );
        let expected = ApiLimits {
            body_bytes_max: 5,
            connections: 6,
            body_timeout: Duration::from_secs(7),
            read_timeout: Duration::from_secs(8),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn presets_answer_to_auto_if_that_is_chosen() {
        let preset = "presets.card = { width = 640, formats = ['webp', 'jpg'] }\n";
        let auto_formats = |text: &str| {
            let layout = TreeLayout {
                shards: ShardWidth::Three,
            };
            parse(text).unwrap().nginx_settings(layout).auto_formats
        };
        assert!(auto_formats(preset).is_empty());
        let chosen = auto_formats(&format!("{preset}nginx.auto_format = true"));
        let expected = AutoFormats {
            preset: "card".parse().unwrap(),
            formats: vec![OutputFormat::Webp, OutputFormat::Jpeg],
        };
        assert_eq!(chosen, [expected]);
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let text = "
            site.url = 'example.com'
            limits.pixels_max = 0
            nginx.api_body_bytes_max = 0
            nginx.api_connections_max = 0
            nginx.api_body_timeout_s = 0
            nginx.api_read_timeout_s = 0
            [presets.vast]
            width = 5000
            formats = ['jpg']
            [presets.Bad]
            width = 1
            formats = ['jpg']
            [presets.thumb]
            fit = 'squeeze'
            formats = ['jpg', 'jpg', 'bmp']
            quality.png = 5
        ";
        let error = parse(text).unwrap_err().to_string();
        for part in [
            "site.url",
            "limits.pixels_max",
            "nginx.api_body_bytes_max",
            "nginx.api_connections_max",
            "nginx.api_body_timeout_s",
            "nginx.api_read_timeout_s",
            "presets.vast",
            "presets.Bad",
            "squeeze",
            "twice",
            "`bmp`",
            "quality.png",
            "neither width nor height",
        ] {
            assert!(error.contains(part), "{part} is not in:\n{error}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = crate::origin::error::chain(&parse("[limits]\npixel_max = 1").unwrap_err());
        assert!(
            error.contains("pixel_max") && error.contains("pixels_max"),
            "{error}"
        );
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn a_password_in_a_line_with_a_fault_is_not_shown() {
        for bad in [
            "[catalog]\nurl = \"postgres://img:hunter2@db/origin",
            "[catalog]\nurl = postgres://img:hunter2@db/origin",
            "[catalog]\nuri = \"postgres://img:hunter2@db/origin\"",
            "\ncatalog = \"postgres://img:hunter2@db/origin\"",
            "[catalog]\nconnections_max = \"postgres://img:hunter2@db/origin\"",
        ] {
            let error = parse(bad).unwrap_err();
            let shown = format!("{} {error:?}", crate::origin::error::chain(&error));
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("line 2"), "{shown}");
        }
    }
}
