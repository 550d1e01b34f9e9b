//! What a new data directory gets: a configuration to edit, and a secret of its own.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::config::error::ConfigError;
use crate::config::load::CONFIG_FILE;
use crate::model::secret::Secret;

/// The file as written by `imgctl init`.
const TEMPLATE: &str = include_str!("imgctl.toml");
/// Relative to the data directory; named in the template.
const KEY_FILE: &str = "keys/k1.key";
/// As [`KEY_FILE`].
const WEBHOOK_FILE: &str = "keys/webhook.key";

/// Where printed URLs start and nginx listens, in a new file.
#[derive(Clone, Debug)]
pub struct FirstSite<'a> {
    pub url: &'a str,
    pub listen: &'a str,
}

/// Writes the configuration, the signing key and the secret of callbacks, unless they are there. Answers whether the configuration is new.
pub fn ensure_files(data: &Path, site: &FirstSite<'_>) -> Result<bool, ConfigError> {
    ensure_key(&data.join(KEY_FILE))?;
    let path = data.join(CONFIG_FILE);
    if path.exists() {
        return Ok(false);
    }
    ensure_key(&data.join(WEBHOOK_FILE))?;
    let text = TEMPLATE
        .replace("@URL@", site.url)
        .replace("@LISTEN@", site.listen);
    write_new(&path, text.as_bytes(), 0o644)?;
    Ok(true)
}

/// Makes a secret of 32 random bytes, unless there is one.
pub fn ensure_key(path: &Path) -> Result<(), ConfigError> {
    if path.exists() {
        return Ok(());
    }
    let keys = path.parent().unwrap_or(path);
    fs::create_dir_all(keys).map_err(write_error(keys))?;
    write_new(path, Secret::generate().reveal().as_bytes(), 0o600)
}

fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<(), ConfigError> {
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(write_error(path))
}

fn write_error(path: &Path) -> impl Fn(io::Error) -> ConfigError + '_ {
    move |source| ConfigError::Write {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn the_first_configuration_is_valid_and_its_secret_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let site = FirstSite {
            url: "http://127.0.0.1:8081",
            listen: "127.0.0.1:8081",
        };

        assert!(ensure_files(dir.path(), &site).unwrap());
        assert!(!ensure_files(dir.path(), &site).unwrap());

        let config = Config::load(dir.path(), &dir.path().join(CONFIG_FILE)).unwrap();
        assert_eq!(config.site_url, site.url);
        assert!(!config.presets.is_empty());
        assert_eq!(config.load_signing_keys().unwrap().len(), 1);
        let mode = fs::metadata(dir.path().join(KEY_FILE)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
