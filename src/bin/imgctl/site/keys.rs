//! API keys: made, listed, ended, given another token.

use img_api::key::{IssuedKey, Key, KeyList, KeyRotation, NewKey};
use img_core::model::access::{KeyId, Verb, Verbs};
use img_core::model::clock::{Clock, SystemClock, UnixSeconds};
use img_core::model::grant::Quota;
use img_core::origin::keys;

use crate::context::local_act;
use crate::exit::Failure;
use crate::remote::Reasoned;
use crate::site::Site;

/// As long as one day takes to roll a new token out.
const OVERLAP_S: i64 = 24 * 3600;

impl Site {
    pub(crate) async fn create_key(&self, new: &NewKey) -> Result<IssuedKey, Failure> {
        match self {
            Self::Here(here) => {
                let act = local_act(new.reason.clone());
                let issued = here.origin.create_key(&act, parse_new(new)?).await?;
                Ok(IssuedKey::of(&issued))
            }
            Self::There(server) => Ok(server.post("keys", new).await?),
        }
    }

    pub(crate) async fn list_keys(&self) -> Result<Vec<Key>, Failure> {
        match self {
            Self::Here(here) => {
                let keys = here.origin.list_keys(&local_act(None)).await?;
                Ok(keys.iter().map(Key::of).collect())
            }
            Self::There(server) => {
                let KeyList { keys } = server.get("keys", &()).await?;
                Ok(keys)
            }
        }
    }

    pub(crate) async fn revoke_key(
        &self,
        id: KeyId,
        reason: Option<String>,
    ) -> Result<(), Failure> {
        match self {
            Self::Here(here) => Ok(here.origin.revoke_key(&local_act(reason), id).await?),
            Self::There(server) => {
                let path = format!("keys/{id}");
                Ok(server.delete_only(&path, &Reasoned { reason }).await?)
            }
        }
    }

    pub(crate) async fn rotate_key(
        &self,
        id: KeyId,
        rotation: &KeyRotation,
    ) -> Result<IssuedKey, Failure> {
        match self {
            Self::Here(here) => {
                let act = local_act(rotation.reason.clone());
                let overlap_s = rotation.overlap_s.map(i64::try_from);
                let overlap_s = overlap_s.map_or(OVERLAP_S, |span| span.unwrap_or(i64::MAX));
                let issued = here.origin.rotate_key(&act, id, overlap_s).await?;
                Ok(IssuedKey::of(&issued))
            }
            Self::There(server) => Ok(server.post(&format!("keys/{id}/rotate"), rotation).await?),
        }
    }
}

fn parse_new(new: &NewKey) -> Result<keys::NewKey, Failure> {
    let usage = |error: &dyn std::error::Error| Failure::usage(error.to_string());
    let verbs: Result<Vec<Verb>, _> = new.verbs.iter().map(|verb| verb.parse()).collect();
    let verbs = verbs.map_err(|error| usage(&error))?;
    let prefix = new.prefix.as_deref().map(str::parse).transpose();
    Ok(keys::NewKey {
        name: new.name.clone(),
        verbs: Verbs::of(&verbs),
        prefix: prefix.map_err(|error| usage(&error))?,
        quota: Quota {
            bytes_max: new.bytes_max,
            images_max: new.images_max,
        },
        rate_per_min: new.rate_per_min,
        expires_at: new.expires_in_s.map(end_of),
    })
}

/// The time after that many seconds from now.
pub(super) fn end_of(span_s: u64) -> UnixSeconds {
    let span_s = i64::try_from(span_s).unwrap_or(i64::MAX);
    SystemClock.now().saturating_add(span_s)
}
