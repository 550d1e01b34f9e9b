//! One file for each resource.

pub(crate) mod miss; // what nginx did not find
pub(crate) mod upload; // bytes into images, by key
pub(crate) mod wish; // what an upload is to become
pub(crate) mod multipart; // forms with one file
#[expect(unused_qualifications, reason = "written by the macro of utoipa")]
pub(crate) mod image; // what is on record
pub(crate) mod alias; // public names
pub(crate) mod key; // API keys
#[expect(unused_qualifications, reason = "written by the macro of utoipa")]
pub(crate) mod ticket; // handed out
pub(crate) mod ticket_upload; // and used
pub(crate) mod session; // people
pub(crate) mod audit; // what was done
pub(crate) mod block; // what is not wanted
pub(crate) mod status; // health, metrics, how much there is
