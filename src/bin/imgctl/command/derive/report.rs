//! What became of each image, and of all of them.

use std::collections::BTreeMap;
use std::time::Instant;

use img_core::model::image_id::ImageId;
use img_core::origin::bulk::BulkReport;
use img_core::origin::ingest::Rejection;
use serde_json::{Value, json};

use crate::exit::ExitStatus;
use crate::output::{Output, Progress, human_bytes};

/// What became of one image.
#[derive(Debug)]
pub(super) struct Derived {
    pub(super) id: ImageId,
    pub(super) made: u64,
    /// Not told by a server.
    pub(super) bytes: Option<u64>,
    pub(super) fault: Option<Rejection>,
}

pub(super) fn tell(output: Output, progress: &Progress, derived: &Derived) {
    let Derived {
        id,
        made,
        bytes,
        fault,
    } = derived;
    if output.is_json() {
        output.item(String::new, || {
            let fault = fault
                .as_ref()
                .map(|fault| json!({"code": fault.code, "message": fault.message}));
            json!({"id": id.to_string(), "made": made, "bytes": bytes, "error": fault})
        });
    } else if let Some(fault) = fault {
        progress.note(&format!("not derived: {id}: {}", fault.message));
    }
}

#[derive(Debug)]
pub(super) struct Report {
    started: Instant,
    images: u64,
    made: u64,
    /// Not told by a server.
    bytes: Option<u64>,
    failed: BTreeMap<String, u64>,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            images: 0,
            made: 0,
            bytes: Some(0),
            failed: BTreeMap::new(),
        }
    }
}

impl Report {
    pub(super) fn add(&mut self, outcome: &Derived) {
        self.images += 1;
        self.made += outcome.made;
        self.bytes = self.bytes.zip(outcome.bytes).map(|(sum, more)| sum + more);
        if let Some(fault) = &outcome.fault {
            *self.failed.entry(fault.code.clone()).or_default() += 1;
        }
    }

    pub(super) fn text(&self, ended: &BulkReport, dry_run: bool) -> String {
        let verb = if dry_run { "would be made" } else { "made" };
        let seconds = self.started.elapsed().as_secs_f64().max(1e-9);
        let bytes = self
            .bytes
            .map_or_else(String::new, |bytes| format!(" ({})", human_bytes(bytes)));
        let mut text = format!(
            "{} derivatives {verb}{bytes} of {} images; {:.1} images/s",
            self.made,
            self.images,
            self.images as f64 / seconds,
        );
        if let Some(id) = ended.resumed_after {
            text.push_str(&format!("\n  resumed after {id}"));
        }
        for (code, count) in &self.failed {
            text.push_str(&format!("\n  failed as {code}: {count}"));
        }
        if !ended.finished {
            text.push_str("\n  interrupted: the same command goes on from here");
        }
        text
    }

    pub(super) fn json(&self, ended: &BulkReport, dry_run: bool) -> Value {
        json!({"summary": {
            "dry_run": dry_run,
            "images": self.images,
            "made": self.made,
            "bytes": self.bytes,
            "failed_by_reason": self.failed,
            "resumed_after": ended.resumed_after.map(|id| id.to_string()),
            "finished": ended.finished,
            "duration_ms": (self.started.elapsed().as_secs_f64() * 1000.0).round(),
        }})
    }

    /// For the audit log.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        let counts = [
            ("images", self.images),
            ("made", self.made),
            ("failed", self.failed.values().sum()),
            ("bytes", self.bytes.unwrap_or_default()),
        ];
        counts.map(|(what, count)| (what.to_owned(), count)).into()
    }

    pub(super) fn status(&self, ended: &BulkReport) -> ExitStatus {
        match (ended.finished, self.failed.is_empty()) {
            (false, _) => ExitStatus::Interrupted,
            (true, false) => ExitStatus::Partial,
            (true, true) => ExitStatus::Success,
        }
    }
}
