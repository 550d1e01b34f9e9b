//! From flags to an open origin, in the order in which things can be missing.

use std::path::PathBuf;
use std::sync::Arc;

use img_core::blobs::Tree;
use img_core::catalog::{self, Catalog};
use img_core::config::{CONFIG_FILE, Config};
use img_core::model::preset::Preset;
use img_core::origin::Origin;
use img_core::origin::act::{Act, Caller};

use crate::args::Global;
use crate::exit::Failure;

pub(crate) fn config_path(global: &Global) -> PathBuf {
    global
        .config
        .clone()
        .unwrap_or_else(|| global.data.join(CONFIG_FILE))
}

pub(crate) fn load_config(global: &Global) -> Result<Config, Failure> {
    Ok(Config::load(&global.data, &config_path(global))?)
}

pub(crate) fn open_tree(config: &Config) -> Result<Tree, Failure> {
    Ok(Tree::open(&config.data, config.floor)?)
}

pub(crate) async fn open_catalog(config: &Config) -> Result<Arc<dyn Catalog>, Failure> {
    Ok(catalog::open(&config.catalog_url, &config.catalog).await?)
}

pub(crate) async fn open_origin(config: &Config) -> Result<Arc<Origin>, Failure> {
    Ok(config.open_origin().await?)
}

/// Presets by name, or every preset for `all`.
pub(crate) fn find_presets(origin: &Origin, names: &[String]) -> Result<Vec<Preset>, Failure> {
    if names.iter().any(|name| name == "all") {
        return Ok(origin.presets.current().cloned().collect());
    }
    let known = || {
        let names: Vec<&str> = origin
            .presets
            .current()
            .map(|preset| preset.name.as_str())
            .collect();
        format!("configured are {}", names.join(", "))
    };
    let find = |name: &String| {
        let preset = name
            .parse()
            .ok()
            .and_then(|name| origin.presets.find(&name));
        preset.cloned().ok_or_else(|| {
            Failure::usage(format!("there is no preset `{name}`")).with_hint(known())
        })
    };
    names.iter().map(find).collect()
}

/// The user of a local run, as recorded with what it does.
pub(crate) fn local_actor() -> String {
    local_caller().actor.to_string()
}

/// Whoever runs this program may do everything: they could change the files by hand as well.
pub(crate) fn local_caller() -> Caller {
    Caller::local(account())
}

pub(crate) fn local_act(reason: Option<String>) -> Act {
    Act {
        caller: local_caller(),
        reason,
        request_id: None,
    }
}

fn account() -> String {
    let uid = rustix::process::getuid().as_raw();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| uid.to_string())
}
