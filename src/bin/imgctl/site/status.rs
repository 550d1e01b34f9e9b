//! How much of everything there is, and what the machine itself can tell besides.

use std::path::PathBuf;

use img_api::status::Status;
use img_core::nginx::running;
use serde::Serialize;

use crate::args::Global;
use crate::context;
use crate::exit::Failure;
use crate::remote::Server;

#[derive(Debug, Serialize)]
pub(crate) struct SiteStatus {
    #[serde(flatten)]
    pub(crate) status: Status,
    #[serde(flatten)]
    pub(crate) here: Option<HereStatus>,
    /// The server that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
}

/// Of the machine and its data directory.
#[derive(Debug, Serialize)]
pub(crate) struct HereStatus {
    pub(crate) data: PathBuf,
    pub(crate) catalog: String,
    pub(crate) free_bytes: u64,
    pub(crate) total_bytes: u64,
    pub(crate) free_inodes: u64,
    pub(crate) total_inodes: u64,
    pub(crate) imgd_runs: bool,
    pub(crate) nginx_release: Option<String>,
}

impl SiteStatus {
    pub(crate) async fn load(global: &Global) -> Result<Self, Failure> {
        if let Some(server) = Server::from_flags(global)? {
            return Ok(Self {
                status: server.get("status", &()).await?,
                here: None,
                server: Some(server.shown()),
            });
        }
        let config = context::load_config(global)?;
        let tree = context::open_tree(&config)?;
        let catalog = context::open_catalog(&config).await?;
        let totals = catalog.totals().await?;
        catalog.close().await;
        let space = tree.space()?;
        let settings = config.nginx_settings(tree.layout());
        let here = HereStatus {
            free_bytes: space.free_bytes,
            total_bytes: space.total_bytes,
            free_inodes: space.free_inodes,
            total_inodes: space.total_inodes,
            imgd_runs: std::os::unix::net::UnixStream::connect(&config.imgd_socket).is_ok(),
            nginx_release: running::find_release(&settings.status_socket()),
            catalog: config.catalog_url.to_string(),
            data: config.data,
        };
        Ok(Self {
            status: Status::of(env!("CARGO_PKG_VERSION"), &totals),
            here: Some(here),
            server: None,
        })
    }
}
