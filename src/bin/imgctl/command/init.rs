//! `imgctl init`: a data directory, its configuration, its catalog.

use std::path::Path;

use img_core::blobs::Tree;
use img_core::blobs::space::SpaceFloor;
use img_core::catalog::{self, SchemaReport};
use img_core::config::Config;
use img_core::config::init::{FirstSite, ensure_files};
use img_core::model::layout::ShardWidth;
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
    // With a configuration elsewhere, none is put into the data directory.
    if global.config.is_none() {
        ensure_files(&global.data, site)?;
    }
    let config = context::load_config(global)?;
    Tree::create(&global.data, shards, SpaceFloor::default())?;
    for dir in [config.nginx_dir(), config.run_dir(), config.log_dir()] {
        create_dir(&dir)?;
    }
    let _: SchemaReport = catalog::apply_schema(&config.catalog_url).await?;
    Ok(config)
}

pub(crate) fn create_dir(dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).map_err(Failure::io(format!("create {}", dir.display())))
}
