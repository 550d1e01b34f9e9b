//! The origin that a command works on: the one on this machine, or one behind the API of a server. Both answer with the
//! words of the API, so that a command prints in one way.

mod find; // what people call an image
mod images; // looked at, tagged, erased
mod lists; // many of them
mod aliases; // public names
mod keys; // API keys
mod tickets; // upload tickets
mod audit; // what was done
mod blocks; // what is not wanted
mod status; // how much there is

use std::sync::Arc;

use img_core::config::Config;
use img_core::origin::Origin;

use crate::args::Global;
use crate::context;
use crate::exit::Failure;
use crate::remote::Server;

pub(crate) use aliases::query as alias_query;
pub(crate) use find::unknown as unknown_image;
pub(crate) use images::{ImageShown, Stored, StoredDerivative};
pub(crate) use status::{HereStatus, SiteStatus};

#[derive(Debug)]
pub(crate) enum Site {
    Here(Box<Here>),
    There(Server),
}

/// The origin in the data directory.
#[derive(Debug)]
pub(crate) struct Here {
    pub(crate) config: Config,
    pub(crate) origin: Arc<Origin>,
}

impl Site {
    pub(crate) async fn open(global: &Global) -> Result<Self, Failure> {
        if let Some(server) = Server::from_flags(global)? {
            return Ok(Self::There(server));
        }
        Ok(Self::Here(Box::new(Here::open(global).await?)))
    }

    /// Waits until what was done is on record for good.
    pub(crate) async fn close(&self) {
        match self {
            Self::Here(here) => here.origin.close().await,
            Self::There(_) => {}
        }
    }
}

impl Here {
    pub(crate) async fn open(global: &Global) -> Result<Self, Failure> {
        let config = context::load_config(global)?;
        let origin = context::open_origin(&config).await?;
        Ok(Self { config, origin })
    }

    fn url(&self) -> &str {
        &self.config.site_url
    }
}
