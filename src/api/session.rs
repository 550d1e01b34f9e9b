//! People on the wire: signing in, and who one is.

use img_core::origin::act::Caller;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    pub name: String,
    #[schema(format = Password)]
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Who one is, and what one may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Identity {
    /// `key:…` or `user:…`.
    pub actor: String,
    pub verbs: Vec<String>,
    #[serde(default)]
    pub prefix: Option<String>,
    /// Of the session, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

impl Identity {
    pub fn of(caller: &Caller) -> Self {
        Self {
            actor: caller.actor.to_string(),
            verbs: caller.verbs.iter().map(|verb| verb.to_string()).collect(),
            prefix: caller.prefix.as_ref().map(ToString::to_string),
            expires_at: None,
        }
    }
}
