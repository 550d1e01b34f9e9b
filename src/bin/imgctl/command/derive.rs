//! `imgctl derive`: derivatives ahead of time.

use std::collections::BTreeMap;
use std::time::Instant;

use img_core::model::clock::{Clock, SystemClock};
use img_core::origin::bulk::{BulkOptions, BulkOutcome, BulkReport, Since, Start, Which};
use img_core::origin::ingest::{Effect, StopFlag};
use serde_json::{Value, json};

use crate::args::{DeriveArgs, Global};
use crate::context;
use crate::exit::{ExitStatus, Failure};
use crate::output::{Output, Progress, human_bytes};
use crate::{stop, when};

pub(crate) async fn run(
    global: &Global,
    args: &DeriveArgs,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let since = args.since.as_deref().map(parse_since).transpose()?;
    let config = context::load_config(global)?;
    let origin = context::open_origin(&config).await?;
    if !args.dry_run {
        origin.recover().await?;
    }
    let names = if args.all {
        vec!["all".to_owned()]
    } else {
        args.preset.clone()
    };
    let options = BulkOptions {
        presets: context::find_presets(&origin, &names)?,
        which: if args.missing {
            Which::Missing
        } else {
            Which::All
        },
        since,
        effect: if args.dry_run {
            Effect::DryRun
        } else {
            Effect::Apply
        },
        jobs: args.jobs,
        start: if args.restart || args.dry_run {
            Start::Anew
        } else {
            Start::Resume
        },
    };
    let stop = StopFlag::default();
    stop::on_interrupt(
        &stop,
        "finishing what has begun; the same command goes on from there",
    );
    let progress = output.progress("images");
    if progress.is_shown() && options.since.is_none() {
        progress.set_total(origin.catalog.totals().await?.images);
    }
    let mut report = Report {
        started: Instant::now(),
        ..Report::default()
    };
    let ran = origin
        .derive_all(&options, &stop, |outcome| {
            progress.step();
            report.add(&outcome);
            tell(output, &progress, &outcome);
        })
        .await;
    progress.finish();
    origin.close().await;
    let ended = ran?;
    output.summary(
        || report.text(&ended, args.dry_run),
        || report.json(&ended, args.dry_run),
    );
    Ok(report.status(&ended))
}

fn parse_since(asked: &str) -> Result<Since, Failure> {
    Ok(Since {
        at: when::parse_since(asked, SystemClock.now())?,
        asked: asked.to_owned(),
    })
}

fn tell(output: Output, progress: &Progress, outcome: &BulkOutcome) {
    let BulkOutcome {
        id,
        made,
        bytes,
        fault,
    } = outcome;
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
struct Report {
    started: Instant,
    images: u64,
    made: u64,
    bytes: u64,
    failed: BTreeMap<String, u64>,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            images: 0,
            made: 0,
            bytes: 0,
            failed: BTreeMap::new(),
        }
    }
}

impl Report {
    fn add(&mut self, outcome: &BulkOutcome) {
        self.images += 1;
        self.made += outcome.made as u64;
        self.bytes += outcome.bytes;
        if let Some(fault) = &outcome.fault {
            *self.failed.entry(fault.code.clone()).or_default() += 1;
        }
    }

    fn text(&self, ended: &BulkReport, dry_run: bool) -> String {
        let verb = if dry_run { "would be made" } else { "made" };
        let seconds = self.started.elapsed().as_secs_f64().max(1e-9);
        let mut text = format!(
            "{} derivatives {verb} ({}) of {} images; {:.1} images/s",
            self.made,
            human_bytes(self.bytes),
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

    fn json(&self, ended: &BulkReport, dry_run: bool) -> Value {
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

    fn status(&self, ended: &BulkReport) -> ExitStatus {
        match (ended.finished, self.failed.is_empty()) {
            (false, _) => ExitStatus::Interrupted,
            (true, false) => ExitStatus::Partial,
            (true, true) => ExitStatus::Success,
        }
    }
}
