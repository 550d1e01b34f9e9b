//! The scan hook: someone else is asked before an image that is not here yet is taken in.

use crate::fetch::scan::{Decision, ScanBody, ScanSubject};
use crate::model::alias::AliasName;
use crate::origin::Origin;
use crate::origin::error::chain;
use crate::origin::ingest::prepare::{Ready, Rejection, Staged};

/// Waits for the answer; on a thread of its own, not of the runtime. While there is a hook, nothing is held in memory.
pub(crate) fn ask(
    origin: &Origin,
    ready: &Ready,
    alias: Option<&AliasName>,
) -> Result<(), Rejection> {
    // What stands here already was asked about when it came, and nothing is asked in a dry run.
    let (Some(hook), Some(Staged::File(staged))) = (&origin.scan, &ready.staged) else {
        return Ok(());
    };
    let fetcher = origin.fetcher();
    let fetcher = fetcher.map_err(|error| Rejection::new(error.code(), chain(&error)))?;
    let (id, alias) = (ready.image.id.to_string(), alias.map(ToString::to_string));
    let subject = ScanSubject {
        id: &id,
        media: ready.image.media,
        size_bytes: ready.image.size_bytes,
        actor: &ready.image.ingested_by,
        alias: alias.as_deref(),
        body: ScanBody::File(staged.path()),
    };
    let verdict = origin.runtime.block_on(hook.ask(fetcher, &subject));
    match hook.decide(verdict) {
        Decision::Accept => Ok(()),
        Decision::AcceptUnscanned { why } => {
            tracing::warn!(image.id = %id, "taken in without an answer of the scan hook: {}", chain(&why));
            Ok(())
        }
        Decision::Reject { reason } => {
            let reason = reason.unwrap_or_else(|| "it gave no reason".to_owned());
            let message = format!("the scan hook refused it: {reason}");
            Err(Rejection::new("scan-refused", message))
        }
        Decision::RejectUnscanned { why } => {
            tracing::warn!(image.id = %id, "refused without an answer of the scan hook: {}", chain(&why));
            let message = format!("the scan hook gave no answer ({})", why.code());
            Err(Rejection::new("scan-unanswered", message).with_hint("try again later"))
        }
    }
}
