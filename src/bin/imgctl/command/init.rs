//! `imgctl init`: a data directory, its configuration, its catalog.

use std::path::Path;

use img_core::blobs::space::SpaceFloor;
use img_core::blobs::{BlobError, Tree};
use img_core::catalog::{self, SchemaReport};
use img_core::config::init::{FirstSite, ensure_files, ensure_key};
use img_core::config::{CONFIG_FILE, Config};
use img_core::model::layout::{LAYOUT_FILE, STAGING_DIR, ShardWidth};
use serde_json::json;

use crate::args::{Global, InitArgs};
use crate::context;
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;

pub(crate) async fn run(
    global: &Global,
    args: &InitArgs,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let site = FirstSite {
        url: "http://127.0.0.1:8080",
        listen: "127.0.0.1:8080",
    };
    let config = ensure(global, args.shards, &site).await?;
    let data = config.data.display().to_string();
    let tree = context::open_tree(&config)?;
    if tree.layout().shards != args.shards {
        output.note(&format!(
            "{data} has shards {} already; they cannot be changed by init",
            tree.layout().shards
        ));
    }
    output.summary(
        || {
            format!(
                "{data} is ready; its configuration is {}",
                config.path.display()
            )
        },
        || json!({"data": data, "config": config.path, "shards": tree.layout().shards.to_string()}),
    );
    Ok(ExitStatus::Success)
}

/// Makes what is missing: directory, configuration, tree, catalog.
pub(crate) async fn ensure(
    global: &Global,
    shards: ShardWidth,
    site: &FirstSite<'_>,
) -> Result<Config, Failure> {
    create_dir(&global.data)?;
    refuse_foreign(&global.data)?;
    // With a configuration elsewhere, none is put into the data directory.
    if global.config.is_none() {
        ensure_files(&global.data, site)?;
    }
    let config = context::load_config(global)?;
    for key in config.signing_key_files() {
        ensure_key(&key)?;
    }
    Tree::create(&global.data, shards, SpaceFloor::default())?;
    for dir in [config.nginx_dir(), config.run_dir(), config.log_dir()] {
        create_dir(&dir)?;
    }
    let _: SchemaReport = catalog::apply_schema(&config.catalog_url).await?;
    Ok(config)
}

/// What an interrupted run may have left where there is no configuration yet, and what a new file system has.
const NOT_FOREIGN: [&str; 3] = ["keys", STAGING_DIR, "lost+found"];

/// Leaves a directory alone that holds something and is neither an origin nor prepared to be one: someone's photos.
fn refuse_foreign(data: &Path) -> Result<(), Failure> {
    if data.join(LAYOUT_FILE).exists() || data.join(CONFIG_FILE).exists() {
        return Ok(());
    }
    let reading = format!("read {}", data.display());
    let entries = std::fs::read_dir(data).map_err(Failure::io(&reading))?;
    for entry in entries {
        let entry = entry.map_err(Failure::io(&reading))?;
        let name = entry.file_name();
        let is_empty_dir =
            || std::fs::read_dir(entry.path()).is_ok_and(|mut inner| inner.next().is_none());
        if !NOT_FOREIGN.iter().any(|known| name == *known) && !is_empty_dir() {
            let path = data.to_owned();
            return Err(BlobError::NotEmpty { path }.into());
        }
    }
    Ok(())
}

pub(crate) fn create_dir(dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).map_err(Failure::io(format!("create {}", dir.display())))
}
