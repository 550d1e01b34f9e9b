//! Public names: given, taken, asked for.

use img_api::alias::{Alias, AliasQuery, AliasTarget};
use img_api::image::alias_url;
use img_core::model::alias::AliasName;
use img_core::model::image_id::ImageId;
use img_core::origin::act::ActError;

use crate::context::local_act;
use crate::exit::Failure;
use crate::site::{Here, Site};

impl Site {
    pub(crate) async fn put_alias(
        &self,
        name: &AliasName,
        id: ImageId,
        reason: Option<String>,
    ) -> Result<Alias, Failure> {
        match self {
            Self::Here(here) => {
                let act = local_act(reason);
                let is_new = here.origin.put_alias(&act, name, id).await?;
                Ok(here.alias(name, id, if is_new { "new" } else { "same" }))
            }
            Self::There(server) => {
                let target = AliasTarget { id: id.to_string() };
                Ok(server.put("aliases", &query(name, reason), &target).await?)
            }
        }
    }

    pub(crate) async fn remove_alias(
        &self,
        name: &AliasName,
        reason: Option<String>,
    ) -> Result<Alias, Failure> {
        match self {
            Self::Here(here) => {
                let id = here.origin.remove_alias(&local_act(reason), name).await?;
                Ok(here.alias(name, id, "removed"))
            }
            Self::There(server) => Ok(server.delete("aliases", &query(name, reason)).await?),
        }
    }

    pub(crate) async fn get_alias(&self, name: &AliasName) -> Result<Alias, Failure> {
        match self {
            Self::Here(here) => {
                let found = here.origin.catalog.find_alias(name).await?;
                let id = found.ok_or_else(|| ActError::UnknownAlias { name: name.clone() })?;
                Ok(here.alias(name, id, "named"))
            }
            Self::There(server) => Ok(server.get("aliases", &query(name, None)).await?),
        }
    }

    pub(super) async fn find_alias_id(&self, name: &AliasName) -> Result<Option<ImageId>, Failure> {
        match self {
            Self::Here(here) => Ok(here.origin.catalog.find_alias(name).await?),
            Self::There(server) => {
                let query = query(name, None);
                match server.get::<_, Alias>("aliases", &query).await {
                    Ok(alias) => Ok(alias.id.parse().ok()),
                    Err(error) if error.is_missing() => Ok(None),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }
}

impl Here {
    fn alias(&self, name: &AliasName, id: ImageId, status: &str) -> Alias {
        Alias {
            path: name.path.to_string(),
            host: name.host.as_ref().map(ToString::to_string),
            url: alias_url(self.url(), name),
            id: id.to_string(),
            status: status.to_owned(),
        }
    }
}

pub(crate) fn query(name: &AliasName, reason: Option<String>) -> AliasQuery {
    AliasQuery {
        path: name.path.to_string(),
        host: name.host.as_ref().map(ToString::to_string),
        reason,
    }
}
