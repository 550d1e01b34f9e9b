//! Settings → the files nginx reads. Pure: same settings, same bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior, context};

use crate::model::layout::ShardWidth;
use crate::model::media::{MediaType, OutputFormat};
use crate::model::options::Options;
use crate::nginx::error::NginxError;
use crate::nginx::settings::{Mode, NginxSettings, TagSeparator, WorkerProcesses};
use crate::nginx::value;

/// Open connections of one worker: 8,192 keep-alive connections of CDN nodes and browsers.
const WORKER_CONNECTIONS: u32 = 8192;

/// Response headers that nginx adds to what imgd answers, so that imgd cannot double them: `nginx/snippet/open.conf.j2`
/// and the policy of SVG.
const OPEN_HEADERS: [&str; 5] = [
    "Access-Control-Allow-Origin",
    "Timing-Allow-Origin",
    "Cross-Origin-Resource-Policy",
    "X-Content-Type-Options",
    "Content-Security-Policy",
];

/// Cause as nginx knows it, status, title and stable code of its problem documents. The titles are those of imgd.
const PROBLEMS: [(&str, u16, &str, &str); 15] = [
    ("400", 400, "Bad Request", "bad-request"),
    ("400?headers", 400, "Bad Request", "headers-too-large"),
    ("403", 403, "Forbidden", "forbidden"),
    ("404", 404, "Not Found", "not-found"),
    ("405", 405, "Method Not Allowed", "method-not-allowed"),
    ("408", 408, "Request Timeout", "request-timeout"),
    ("411", 411, "Length Required", "length-required"),
    ("413", 413, "Payload Too Large", "body-too-large"),
    ("414", 414, "URI Too Long", "uri-too-long"),
    ("416", 416, "Range Not Satisfiable", "range-not-satisfiable"),
    ("421", 421, "Misdirected Request", "misdirected"),
    ("429", 429, "Too Many Requests", "rate-limited"),
    ("500", 500, "Internal Server Error", "internal"),
    ("501", 501, "Not Implemented", "not-implemented"),
    ("503", 503, "Service Unavailable", "unavailable"),
];

/// How long nginx goes on reading what a client sends although it has its answer: the default body of the API at
/// 4 Mbit/s. Closed earlier, the client may be told of a reset instead of the answer.
const LINGER_S: u32 = 90;

const TEMPLATES: [(&str, &str); 16] = [
    (
        STANDALONE,
        include_str!("../../../nginx/standalone.conf.j2"),
    ),
    (HTTP, include_str!("../../../nginx/included-http.conf.j2")),
    (
        SERVER,
        include_str!("../../../nginx/included-server.conf.j2"),
    ),
    ("http", include_str!("../../../nginx/snippet/http.conf.j2")),
    (
        "servers",
        include_str!("../../../nginx/snippet/servers.conf.j2"),
    ),
    ("site", include_str!("../../../nginx/snippet/site.conf.j2")),
    (
        "errors",
        include_str!("../../../nginx/snippet/errors.conf.j2"),
    ),
    ("own", include_str!("../../../nginx/snippet/own.conf.j2")),
    (
        "failed",
        include_str!("../../../nginx/snippet/failed.conf.j2"),
    ),
    (
        "api_log",
        include_str!("../../../nginx/snippet/api_log.conf.j2"),
    ),
    ("open", include_str!("../../../nginx/snippet/open.conf.j2")),
    (
        "immutable",
        include_str!("../../../nginx/snippet/immutable.conf.j2"),
    ),
    (
        "original",
        include_str!("../../../nginx/snippet/original.conf.j2"),
    ),
    (
        "options",
        include_str!("../../../nginx/snippet/options.conf.j2"),
    ),
    (
        "preset",
        include_str!("../../../nginx/snippet/preset.conf.j2"),
    ),
    (
        "alias",
        include_str!("../../../nginx/snippet/alias.conf.j2"),
    ),
];
const STANDALONE: &str = "standalone";
const HTTP: &str = "included-http";
const SERVER: &str = "included-server";

/// One state of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// 16 hex digits of the BLAKE3 of the files; nginx answers it at `/release` of the status socket.
    pub id: String,
    pub mode: Mode,
    pub files: Vec<RenderedFile>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedFile {
    /// A plain file name.
    pub path: &'static str,
    pub content: String,
}

pub fn render(settings: &NginxSettings) -> Result<Release, NginxError> {
    let values = values(settings)?;
    let environment = environment()?;
    let files = |id: &str| -> Result<Vec<RenderedFile>, NginxError> {
        let names: &[(&'static str, &'static str)] = match settings.mode {
            Mode::Standalone => &[(STANDALONE, "nginx.conf")],
            Mode::Included => &[(HTTP, "imgctl-http.conf"), (SERVER, "imgctl-server.conf")],
        };
        names
            .iter()
            .map(|&(name, path)| {
                let text = environment
                    .get_template(name)
                    .and_then(|template| {
                        template.render(context! { release => id, ..values.clone() })
                    })
                    .map_err(|source| NginxError::Template { name, source })?;
                Ok(RenderedFile {
                    path,
                    content: indented(&text),
                })
            })
            .collect()
    };
    // The files name their release, so its id is that of the same files with the name left blank.
    let mut hasher = blake3::Hasher::new();
    for file in files("")? {
        hasher.update(file.path.as_bytes());
        hasher.update(b"\0");
        hasher.update(file.content.as_bytes());
    }
    let id: String = hasher.finalize().to_hex().chars().take(16).collect();
    Ok(Release {
        files: files(&id)?,
        mode: settings.mode,
        id,
    })
}

fn environment() -> Result<Environment<'static>, NginxError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let plain_lines = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .map_err(|source| NginxError::Template {
            name: "syntax",
            source,
        })?;
    environment.set_syntax(plain_lines);
    for (name, text) in TEMPLATES {
        environment
            .add_template(name, text)
            .map_err(|source| NginxError::Template { name, source })?;
    }
    Ok(environment)
}

fn values(settings: &NginxSettings) -> Result<Value, NginxError> {
    // nginx reads no `listen` as `listen 80` on every address.
    let tls_deaf = settings
        .tls
        .as_ref()
        .is_some_and(|tls| tls.listen.is_empty());
    if tls_deaf || (settings.listen.is_empty() && settings.tls.is_none()) {
        return Err(NginxError::InvalidSetting {
            setting: "listen",
            found: String::new(),
            reason: "at least one address is needed",
        });
    }
    let paths = &settings.paths;
    let user = settings.user.as_deref();
    let limits = settings.miss_limits;
    let timeouts = settings.miss_timeouts;
    let api = settings.api_limits;
    let cached_files_max = settings.open_file_cache.map_or(0, |cache| cache.files_max);
    let (id, shard, shard_path) = shard_patterns(settings.layout.shards);
    // Checked here for both modes: the status socket is a name below the run directory.
    value::socket("run_dir", &settings.status_socket())?;
    Ok(context! {
        data_dir => value::path("data_dir", &paths.data_dir)?,
        run_dir => value::path("run_dir", &paths.run_dir)?,
        log_dir => value::path("log_dir", &paths.log_dir)?,
        imgd_socket => value::socket("imgd_socket", &paths.imgd_socket)?,
        user => user.map(|name| value::user("user", name)).transpose()?,
        worker_processes => match settings.worker_processes {
            WorkerProcesses::Auto => "auto".to_owned(),
            WorkerProcesses::Count(count) => value::positive("worker_processes", count.into())?.to_string(),
        },
        worker_connections => WORKER_CONNECTIONS,
        // A connection may hold its socket and a file.
        worker_files_max => u64::from(WORKER_CONNECTIONS) * 2 + u64::from(cached_files_max),
        listen => listen("listen", &settings.listen)?,
        server_names => value::server_names("server_names", &settings.server_names)?,
        tls => tls(settings)?,
        real_ip => real_ip(settings)?,
        open_file_cache => open_file_cache(settings)?,
        cache_tags => cache_tags(settings)?,
        miss_rate_per_s => value::positive("miss_limits.rate_per_s", limits.rate_per_s.into())?,
        miss_burst => limits.burst,
        miss_connections => value::positive("miss_limits.connections", limits.connections.into())?,
        miss_connect_ms => value::whole_ms("miss_timeouts.connect", timeouts.connect)?,
        miss_send_ms => value::whole_ms("miss_timeouts.send", timeouts.send)?,
        miss_read_ms => value::whole_ms("miss_timeouts.read", timeouts.read)?,
        api_body_bytes_max => value::positive("api_limits.body_bytes_max", api.body_bytes_max)?,
        api_connections => value::positive("api_limits.connections", api.connections.into())?,
        api_body_ms => value::whole_ms("api_limits.body_timeout", api.body_timeout)?,
        api_read_ms => value::whole_ms("api_limits.read_timeout", api.read_timeout)?,
        linger_s => LINGER_S,
        failed => "/__failed",
        problems => PROBLEMS.map(|(cause, status, title, code)| context! { cause, status, title, code }).to_vec(),
        open_headers => OPEN_HEADERS.to_vec(),
        log_formats => [
            ("imgctl", "$img_served", "$request_uri", "$http_referer"),
            ("imgctl_own", "$img_served", "$img_asked_path", ""),
            ("imgctl_api", "api", "$img_asked_path", ""),
        ]
        .map(|(name, served, uri, referer)| context! { name, served, uri, referer })
        .to_vec(),
        media_types => MediaType::ALL.map(|media| {
            context! { mime => media.mime(), extensions => spellings(media) }
        }).to_vec(),
        auto_formats => auto_formats(settings),
        id, shard, shard_path,
        preset => "[a-z][a-z0-9_-]{0,31}",
        options => format!("[A-Za-z][A-Za-z0-9_~=,.#-]{{0,{}}}", Options::TEXT_LEN_MAX - 1),
        extensions => MediaType::ALL.map(MediaType::extension).join("|"),
        formats => OutputFormat::ALL.map(OutputFormat::extension).join("|"),
    })
}

/// Patterns of what is asked, as `<preset>:<a if AVIF is taken><w if WebP is taken>`, each with the format that answers it;
/// the first that matches counts.
///
/// Patterns over many presets instead of an entry for each: the names would outgrow nginx's hashes, whose size is for the
/// whole of `http` and may be another's business.
fn auto_formats(settings: &NginxSettings) -> Vec<Value> {
    /// A word of nginx's configuration has 4,096 bytes at most; a name with its bar has 33.
    const NAMES_MAX: usize = 100;
    let mut presets: BTreeMap<&[OutputFormat], Vec<&str>> = BTreeMap::new();
    for auto in &settings.auto_formats {
        let alike = presets.entry(&auto.formats).or_default();
        alike.push(auto.preset.as_str());
    }
    let mut entries = Vec::new();
    for (formats, names) in presets {
        let takes = |flags, format| formats.contains(&format).then_some((flags, format));
        let answers = [
            takes("a", OutputFormat::Avif),
            takes("a?w", OutputFormat::Webp),
            formats.last().map(|&format| ("", format)),
        ];
        for names in names.chunks(NAMES_MAX) {
            let names = names.join("|");
            entries.extend(answers.into_iter().flatten().map(|(flags, format)| {
                context! { asked => format!("~^(?:{names}):{flags}"), format => format.extension() }
            }));
        }
    }
    entries
}

/// The pattern of an id with its shard captured, the pattern of a shard, and the shard made of the captures.
fn shard_patterns(shards: ShardWidth) -> (&'static str, &'static str, &'static str) {
    match shards {
        ShardWidth::Three => (
            "(?<img_id>(?<img_shard>[0-9a-f]{3})[0-9a-f]{37})",
            "[0-9a-f]{3}",
            "$img_shard",
        ),
        ShardWidth::TwoTwo => (
            "(?<img_id>(?<img_shard>[0-9a-f]{2})(?<img_subshard>[0-9a-f]{2})[0-9a-f]{36})",
            "[0-9a-f]{2}/[0-9a-f]{2}",
            "$img_shard/$img_subshard",
        ),
    }
}

/// Extensions served as this type. Canonical names have one; aliases keep what the old system called them.
fn spellings(media: MediaType) -> &'static str {
    match media {
        MediaType::Jpeg => "jpg jpeg jpe jfif",
        MediaType::Tiff => "tiff tif",
        MediaType::Bmp => "bmp dib",
        MediaType::Heic => "heic heif",
        MediaType::Png => "png",
        MediaType::Gif => "gif",
        MediaType::Webp => "webp",
        MediaType::Avif => "avif",
        MediaType::Svg => "svg",
        MediaType::Jxl => "jxl",
    }
}

fn listen(setting: &'static str, addresses: &[String]) -> Result<Vec<String>, NginxError> {
    addresses
        .iter()
        .map(|address| value::listen(setting, address))
        .collect()
}

fn tls(settings: &NginxSettings) -> Result<Option<Value>, NginxError> {
    let Some(tls) = &settings.tls else {
        return Ok(None);
    };
    Ok(Some(context! {
        listen => listen("tls.listen", &tls.listen)?,
        server_names => value::server_names("tls.server_names", &tls.server_names)?,
        certificate => value::path("tls.certificate", &tls.certificate)?,
        certificate_key => value::path("tls.certificate_key", &tls.certificate_key)?,
    }))
}

fn real_ip(settings: &NginxSettings) -> Result<Option<Value>, NginxError> {
    let Some(real_ip) = &settings.real_ip else {
        return Ok(None);
    };
    let trusted: Result<Vec<_>, _> = real_ip
        .trusted
        .iter()
        .map(|range| value::trusted_range("real_ip.trusted", range))
        .collect();
    Ok(Some(context! {
        header => value::header("real_ip.header", &real_ip.header)?,
        trusted => trusted?,
    }))
}

fn open_file_cache(settings: &NginxSettings) -> Result<Option<Value>, NginxError> {
    let Some(cache) = settings.open_file_cache else {
        return Ok(None);
    };
    Ok(Some(context! {
        max => value::positive("open_file_cache.files_max", cache.files_max.into())?,
        inactive_s => value::whole_s("open_file_cache.inactive", cache.inactive)?,
        valid_s => value::whole_s("open_file_cache.valid", cache.valid)?,
    }))
}

fn cache_tags(settings: &NginxSettings) -> Result<Vec<Value>, NginxError> {
    let tag = |tag: &crate::nginx::settings::CacheTagHeader| {
        Ok(context! {
            header => value::header("cache_tags", &tag.name)?,
            separator => match tag.separator {
                TagSeparator::Comma => ",",
                TagSeparator::Space => " ",
            },
        })
    };
    settings.cache_tags.iter().map(tag).collect()
}

/// Indents by braces, so that snippets can be included at any depth; runs of blank lines become one.
fn indented(text: &str) -> String {
    let mut out = String::new();
    let mut depth = 0_usize;
    let mut continued = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            if !out.is_empty() && !out.ends_with("\n\n") && !out.ends_with("{\n") {
                out.push('\n');
            }
            continue;
        }
        if line.starts_with('}') {
            depth = depth.saturating_sub(1);
            if out.ends_with("\n\n") {
                out.pop();
            }
        }
        let width = 4 * (depth + usize::from(continued));
        let written = writeln!(out, "{:width$}{line}", "");
        debug_assert!(written.is_ok(), "a string takes any text");
        if line.ends_with('{') {
            depth += 1;
        }
        continued = !line.starts_with('#') && !line.ends_with(['{', '}', ';']);
    }
    out
}
