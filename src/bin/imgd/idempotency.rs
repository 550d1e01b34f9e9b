//! Idempotency-Key: a request that is repeated is answered as before, and done once.

use axum::http::StatusCode;
use axum::http::request::Parts;
use img_core::catalog::access::{Idempotent, IdempotentAnswer, IdempotentRequest};
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::problem::Problem;
use crate::who::Who;

/// A request that has no answer after this has lost its process.
const STALE_MS: i64 = 120_000;
/// UUIDs have 36.
const TOKEN_LEN_MAX: usize = 100;

/// A request that may be repeated.
pub(crate) struct Repeatable<'a> {
    pub(crate) app: &'a App,
    pub(crate) who: &'a Who,
    pub(crate) parts: &'a Parts,
    pub(crate) body: &'a [u8],
}

/// What `once` answers: to the client, and what is kept of it for a repetition.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    /// Without what is shown once only.
    pub(crate) kept: String,
}

impl Repeatable<'_> {
    /// Runs `once`, unless the answer to an earlier request with the same key and body is on record.
    pub(crate) async fn run(
        &self,
        once: impl Future<Output = Result<Answered, Problem>>,
    ) -> Result<(StatusCode, String), Problem> {
        let Some(token) = self.token()? else {
            return once.await.map(|answered| (answered.status, answered.body));
        };
        let (catalog, actor) = (&self.app.origin.catalog, self.who.caller.actor.to_string());
        let now_ms = self.app.origin.clock.now_ms();
        let begun = catalog
            .begin_idempotent(&IdempotentRequest {
                actor: &actor,
                token,
                fingerprint: &self.fingerprint(),
                now_ms,
                stale_ms: now_ms - STALE_MS,
            })
            .await?;
        match begun {
            Idempotent::First => {}
            Idempotent::Answered(answer) => {
                let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
                return Ok((status, answer.body));
            }
            Idempotent::InProgress => {
                let detail = "the same request is in progress";
                return Err(Problem::new(
                    StatusCode::CONFLICT,
                    "idempotency-in-progress",
                    detail,
                ));
            }
            Idempotent::Different => {
                let detail = "this Idempotency-Key was used for another request";
                return Err(Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "idempotency-mismatch",
                    detail,
                ));
            }
        }
        match once.await {
            Ok(answered) => {
                let answer = IdempotentAnswer {
                    status: answered.status.as_u16(),
                    body: answered.kept,
                };
                catalog.finish_idempotent(&actor, token, &answer).await?;
                Ok((answered.status, answered.body))
            }
            Err(problem) => {
                // Nothing was done, so the next try is the first again.
                catalog.abandon_idempotent(&actor, token).await?;
                Err(problem)
            }
        }
    }

    fn token(&self) -> Result<Option<&str>, Problem> {
        let Some(value) = self.parts.headers.get("idempotency-key") else {
            return Ok(None);
        };
        let token = value.to_str().ok();
        token
            .filter(|token| (1..=TOKEN_LEN_MAX).contains(&token.len()))
            .map(Some)
            .ok_or_else(|| {
                let detail = format!("Idempotency-Key has 1 to {TOKEN_LEN_MAX} ASCII characters");
                Problem::bad_request("idempotency-key", detail)
            })
    }

    fn fingerprint(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(self.parts.method.as_str());
        hasher.update([0]);
        hasher.update(self.parts.uri.path());
        hasher.update([0]);
        hasher.update(self.body);
        hasher.finalize().into()
    }
}
