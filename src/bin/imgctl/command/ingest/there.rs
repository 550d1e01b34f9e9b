//! Through the API of a server: asked for by hash first, sent in parallel, each reported when it is durable there.

use futures_util::stream::{self, StreamExt};
use img_api::alias::{Alias, AliasTarget};
use img_api::image::{DeriveAhead, DerivedAhead, Known, Lookup, TagPatch, Tags, UploadOptions};
use img_core::imaging::MetadataMode;
use img_core::model::image_id::ImageId;
use img_core::origin::error::chain;
use img_core::origin::ingest::{Ingested, Outcome, Rejection, StopFlag};

use crate::args::IngestArgs;
use crate::command::ingest::batch::{Group, group, ids_of, next_batch, spawn_workers};
use crate::command::ingest::prepare::{Prepared, Ready};
use crate::command::ingest::{Run, metadata_mode};
use crate::exit::Failure;
use crate::paths::Listing;
use crate::remote::{Reasoned, RemoteError, Server};
use crate::site::alias_query;

/// Files sent at once.
const JOBS: usize = 8;
/// Of an image on standard input, which is held in memory.
const STDIN_BYTES_MAX: u64 = 512 << 20;

pub(super) async fn ingest(
    server: &Server,
    args: &IngestArgs,
    listing: &Listing,
    run: &mut Run,
) -> Result<(), Failure> {
    let candidates = listing.candidates(STDIN_BYTES_MAX);
    run.begin(listing);
    let prepared = spawn_workers(candidates, metadata_mode(&args.metadata), &run.stop);
    let sending = Sending {
        server,
        args,
        stop: run.stop.clone(),
    };
    let jobs = if args.jobs == 0 { JOBS } else { args.jobs };
    let batches = stream::unfold(prepared, next_batch);
    let sent = batches
        .then(|batch| sending.ask(batch))
        .flat_map(stream::iter)
        .map(|group| sending.send(group))
        .buffer_unordered(jobs);
    let mut sent = std::pin::pin!(sent);
    let mut failure = None;
    while let Some(done) = sent.next().await {
        for outcome in &done.outcomes {
            run.add(outcome);
        }
        // What has begun is finished all the same.
        if let Some(fatal) = done.failure {
            sending.stop.stop();
            failure.get_or_insert(fatal);
        }
    }
    failure.map_or(Ok(()), |error| Err(error.into()))
}

/// What became of a group.
#[derive(Default)]
struct Done {
    outcomes: Vec<Outcome>,
    /// Ends the run: no other image would fare better.
    failure: Option<RemoteError>,
}

struct Sending<'a> {
    server: &'a Server,
    args: &'a IngestArgs,
    stop: StopFlag,
}

impl Sending<'_> {
    /// Which of these are there already.
    async fn ask(&self, batch: Vec<Prepared>) -> Vec<Group> {
        if self.stop.is_set() {
            return Vec::new();
        }
        match self.find_known(&ids_of(&batch)).await {
            Ok(known) => group(batch, &known),
            Err(failure) => vec![Group::failed(failure)],
        }
    }

    async fn find_known(&self, ids: &[ImageId]) -> Result<Vec<ImageId>, RemoteError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = ids.iter().map(ToString::to_string).collect();
        let lookup = Lookup { ids };
        match self.server.post_idempotent("images/lookup", &lookup).await {
            Ok(Known { known }) => Ok(known.iter().filter_map(|id| id.parse().ok()).collect()),
            // A key that may write but not read: the server finds out by itself.
            Err(error) if error.is_forbidden() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn send(&self, group: Group) -> Done {
        let Group {
            mut known,
            members,
            failure,
        } = group;
        let mut done = Done {
            outcomes: Vec::new(),
            failure,
        };
        for Prepared { path, result } in members {
            let result = match result {
                Err(rejection) => Err(rejection),
                // Not begun, not reported.
                Ok(_) if self.stop.is_set() => return done,
                Ok(ready) => match self.deliver(ready, known).await {
                    Ok(result) => result,
                    Err(fatal) => {
                        done.failure = Some(fatal);
                        return done;
                    }
                },
            };
            known |= result.is_ok();
            if result.as_ref().is_err_and(|it| it.code == "disk-full") {
                self.stop.stop();
            }
            done.outcomes.push(Outcome { path, result });
        }
        done
    }

    /// An error ends the run.
    async fn deliver(
        &self,
        ready: Ready,
        known: bool,
    ) -> Result<Result<Ingested, Rejection>, RemoteError> {
        let error = match self.attempt(&ready, known).await {
            Err(error) if error.is_of_the_image() => error,
            sent => return sent.map(Ok),
        };
        if !error.is_of_the_name() {
            return Ok(Err(rejection(&error)));
        }
        // As on the machine itself, the image is kept without it.
        let id = ready.image.id;
        let nameless = Ready {
            alias: None,
            ..ready
        };
        if !self.args.dry_run {
            match self.attempt(&nameless, known).await {
                Ok(_) => {}
                Err(error) if error.is_of_the_image() => return Ok(Err(rejection(&error))),
                Err(error) => return Err(error),
            }
        }
        Ok(Err(nameless_rejection(&error, id)))
    }

    async fn attempt(&self, ready: &Ready, known: bool) -> Result<Ingested, RemoteError> {
        if self.args.dry_run {
            self.pretend(ready, known).await
        } else if known {
            self.name(ready).await
        } else {
            self.upload(ready).await
        }
    }

    async fn pretend(&self, ready: &Ready, known: bool) -> Result<Ingested, RemoteError> {
        if let Some(name) = &ready.alias {
            let query = alias_query(name, None);
            match self.server.get("aliases", &query).await {
                Ok(Alias { id, .. }) if id != ready.image.id.to_string() => {
                    let message = format!("alias {name} names image {id} already");
                    return Err(RemoteError::conflict("alias-taken", message));
                }
                Ok(_) => {}
                Err(error) if error.is_missing() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(ingested(ready, !known, Ok(0)))
    }

    async fn upload(&self, ready: &Ready) -> Result<Ingested, RemoteError> {
        let args = self.args;
        let joined = |words: Vec<String>| (!words.is_empty()).then(|| words.join(","));
        let options = UploadOptions {
            alias: ready.alias.as_ref().map(|name| name.path.to_string()),
            alias_host: ready
                .alias
                .as_ref()
                .and_then(|name| name.host.as_ref().map(ToString::to_string)),
            tags: joined(args.tag.iter().map(ToString::to_string).collect()),
            derive: joined(args.derive.clone()),
            metadata: Some(mode_word(metadata_mode(&args.metadata)).to_owned()),
            modified: Some(ready.modified),
            looks: Some(false),
            reason: args.why.reason.clone(),
        };
        let uploaded = self.server.upload(&ready.body, &options).await?;
        if uploaded.details.image.id != ready.image.id.to_string() {
            return Err(RemoteError::conflict(
                "changed-while-read",
                format!(
                    "its bytes changed while they were sent; the server has them as {}",
                    uploaded.details.image.id
                ),
            ));
        }
        let derived = match uploaded.derive_error {
            None => Ok(usize::try_from(uploaded.derived).unwrap_or(usize::MAX)),
            Some(message) => Err(Rejection::new("not-derived", message)),
        };
        Ok(ingested(ready, uploaded.status == "new", derived))
    }

    /// What is there already gets its name, tags and derivatives, and no bytes are sent, unless they are asked for.
    async fn name(&self, ready: &Ready) -> Result<Ingested, RemoteError> {
        let (server, args, id) = (self.server, self.args, ready.image.id);
        let reason = args.why.reason.clone();
        if let Some(name) = &ready.alias {
            let target = AliasTarget { id: id.to_string() };
            let query = alias_query(name, reason.clone());
            let _: Alias = server.put("aliases", &query, &target).await?;
        }
        if !args.tag.is_empty() {
            let add = args.tag.iter().map(ToString::to_string).collect();
            let patch = TagPatch {
                add,
                remove: Vec::new(),
            };
            let path = format!("images/{id}/tags");
            let reason = Reasoned { reason };
            match server.patch::<_, _, Tags>(&path, &reason, &patch).await {
                Ok(_) => {}
                // Whoever has the bytes may: that is what sending them shows.
                Err(error) if error.is_not_yours() => return self.upload(ready).await,
                Err(error) => return Err(error),
            }
        }
        let mut derived = Ok(0);
        if !args.derive.is_empty() {
            let wanted = DeriveAhead {
                presets: args.derive.clone(),
            };
            let path = format!("images/{id}/derivatives");
            derived = match server
                .post_idempotent::<_, DerivedAhead>(&path, &wanted)
                .await
            {
                Ok(ahead) => Ok(usize::try_from(ahead.made).unwrap_or(usize::MAX)),
                Err(error) if error.is_of_the_image() => Err(rejection(&error)),
                Err(error) => return Err(error),
            };
        }
        Ok(ingested(ready, false, derived))
    }
}

fn ingested(ready: &Ready, new: bool, derived: Result<usize, Rejection>) -> Ingested {
    Ingested {
        image: ready.image.clone(),
        new,
        metadata: ready.metadata,
        alias: ready.alias.clone(),
        tags: Vec::new(),
        derived,
    }
}

fn rejection(error: &RemoteError) -> Rejection {
    Rejection {
        code: error.code().to_owned(),
        message: chain(error),
        hint: error.hint(),
    }
}

/// In the words of an ingest on the machine itself.
fn nameless_rejection(error: &RemoteError, id: ImageId) -> Rejection {
    let rejection = rejection(error);
    if rejection.code == "alias-taken" {
        let kept = format!("; the image is kept as {id}");
        let message = rejection.message.trim_end_matches(&kept);
        return Rejection::new("alias-taken", format!("{message}{kept}"))
            .with_hint("choose another --alias-prefix");
    }
    rejection.with_hint("a file cannot be a directory too: choose another --alias-prefix")
}

fn mode_word(mode: MetadataMode) -> &'static str {
    match mode {
        MetadataMode::Keep => "keep",
        MetadataMode::StripGps => "strip-gps",
        MetadataMode::StripAll => "strip-all",
    }
}
