//! What became of each file, and of all of them.

use std::collections::BTreeMap;
use std::time::Instant;

use img_api::image::metadata_word;
use img_core::imaging::MetadataOutcome;
use img_core::origin::ingest::{Ingested, Outcome, Rejection, StopFlag};
use serde_json::{Value, json};

use crate::exit::ExitStatus;
use crate::output::{Output, Progress, human_bytes};
use crate::paths::{self, shown};

/// JSON for every file; for people only what went wrong, since a million lines of success hide it.
pub(super) fn tell(output: Output, progress: &Progress, outcome: &Outcome, dry_run: bool) {
    if output.is_json() {
        output.item(String::new, || line(outcome, dry_run));
        return;
    }
    let path = shown(&outcome.path);
    match &outcome.result {
        Ok(Ingested {
            derived: Err(fault),
            ..
        }) => {
            progress.note(&format!("not derived: {path}: {}", with_hint(fault)));
        }
        Ok(_) => {}
        Err(rejection) => progress.note(&format!("rejected: {path}: {}", with_hint(rejection))),
    }
}

fn with_hint(rejection: &Rejection) -> String {
    match &rejection.hint {
        Some(hint) => format!("{} ({hint})", rejection.message),
        None => rejection.message.clone(),
    }
}

fn line(outcome: &Outcome, dry_run: bool) -> Value {
    let mut line = match &outcome.result {
        Ok(Ingested {
            image,
            new,
            metadata,
            alias,
            derived,
            ..
        }) => json!({
            "status": match (new, dry_run) {
                (true, false) => "new",
                (true, true) => "would-be-new",
                (false, _) => "known",
            },
            "id": image.id.to_string(),
            "type": image.media.extension(),
            "bytes": image.size_bytes,
            "width": image.width_px,
            "height": image.height_px,
            "frames": image.frames,
            "metadata": metadata_word(*metadata),
            "alias": alias.as_ref().map(ToString::to_string),
            "derived": derived.as_ref().ok(),
            "derive_error": derived.as_ref().err().map(|fault| fault.message.clone()),
        }),
        Err(Rejection {
            code,
            message,
            hint,
        }) => json!({
            "status": "rejected", "reason": code, "message": message, "hint": hint,
        }),
    };
    line["path"] = json!(outcome.path.to_string_lossy());
    if outcome.path.to_str().is_none() {
        line["path_hex"] = json!(paths::hex(&outcome.path));
    }
    line
}

/// Counts for the summary.
#[derive(Debug)]
pub(crate) struct Report {
    started: Instant,
    pub(super) dry_run: bool,
    new: u64,
    known: u64,
    bytes_new: u64,
    derived: u64,
    not_derived: u64,
    metadata_unsupported: u64,
    rejected: BTreeMap<String, u64>,
}

impl Report {
    pub(crate) fn new(dry_run: bool) -> Self {
        Self {
            started: Instant::now(),
            dry_run,
            new: 0,
            known: 0,
            bytes_new: 0,
            derived: 0,
            not_derived: 0,
            metadata_unsupported: 0,
            rejected: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, outcome: &Outcome) {
        match &outcome.result {
            Ok(ingested) => {
                if ingested.new {
                    self.new += 1;
                    self.bytes_new += ingested.image.size_bytes;
                } else {
                    self.known += 1;
                }
                match &ingested.derived {
                    Ok(count) => self.derived += *count as u64,
                    Err(_) => self.not_derived += 1,
                }
                let unsupported = ingested.metadata == MetadataOutcome::Unsupported;
                self.metadata_unsupported += u64::from(unsupported);
            }
            Err(rejection) => *self.rejected.entry(rejection.code.clone()).or_default() += 1,
        }
    }

    fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    fn files_per_s(&self) -> f64 {
        let files = self.new + self.known + self.rejected_total();
        files as f64 / self.started.elapsed().as_secs_f64().max(1e-9)
    }

    pub(super) fn brief(&self) -> String {
        format!(
            "{} new, {} known, {} rejected",
            self.new,
            self.known,
            self.rejected_total()
        )
    }

    pub(super) fn text(&self) -> String {
        let verb = if self.dry_run { "would be new" } else { "new" };
        let mut text = format!(
            "{} {verb} ({}), {} there already, {} rejected; {:.0} files/s",
            self.new,
            human_bytes(self.bytes_new),
            self.known,
            self.rejected_total(),
            self.files_per_s(),
        );
        for (code, count) in &self.rejected {
            text.push_str(&format!("\n  rejected as {code}: {count}"));
        }
        if self.derived + self.not_derived > 0 {
            text.push_str(&format!("\n  derivatives made: {}", self.derived));
        }
        if self.not_derived > 0 {
            text.push_str(&format!(
                "\n  images that could not be derived from: {}",
                self.not_derived
            ));
        }
        if self.metadata_unsupported > 0 {
            let count = self.metadata_unsupported;
            text.push_str(&format!(
                "\n  of types whose metadata is stored as it is: {count}"
            ));
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        json!({"summary": {
            "dry_run": self.dry_run,
            "new": self.new,
            "known": self.known,
            "rejected": self.rejected_total(),
            "rejected_by_reason": self.rejected,
            "bytes_new": self.bytes_new,
            "derived": self.derived,
            "not_derived": self.not_derived,
            "metadata_unsupported": self.metadata_unsupported,
            "duration_ms": (self.started.elapsed().as_secs_f64() * 1000.0).round(),
            "files_per_s": self.files_per_s().round(),
        }})
    }

    /// For the audit log.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        let counts = [
            ("new", self.new),
            ("known", self.known),
            ("rejected", self.rejected_total()),
            ("bytes", self.bytes_new),
            ("derived", self.derived),
        ];
        counts.map(|(what, count)| (what.to_owned(), count)).into()
    }

    pub(super) fn status(&self, stop: &StopFlag) -> ExitStatus {
        if self.rejected.contains_key("disk-full") {
            ExitStatus::BlobsUnavailable
        } else if stop.is_set() {
            ExitStatus::Interrupted
        } else if self.rejected_total() + self.not_derived > 0 {
            ExitStatus::Partial
        } else {
            ExitStatus::Success
        }
    }
}
