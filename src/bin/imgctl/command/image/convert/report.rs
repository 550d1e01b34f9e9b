//! What became of each image, and of all of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use img_core::origin::ingest::Rejection;
use serde_json::json;

use crate::args::ConvertArgs;
use crate::exit::{ExitStatus, Failure};
use crate::output::{Output, Progress, human_bytes};
use crate::paths::shown;

use super::naming::Naming;
use super::work::Made;

#[derive(Debug)]
pub(super) struct Report {
    output: Output,
    progress: Progress,
    started: Instant,
    dry_run: bool,
    /// Standard output is the image.
    to_stdout: bool,
    asked: usize,
    images: u64,
    made: u64,
    bytes: u64,
    failed: BTreeMap<String, u64>,
    /// Of the only image, which is why the command fails.
    fault: Option<Failure>,
}

impl Report {
    pub(super) fn new(output: Output, naming: &Naming, args: &ConvertArgs) -> Self {
        let progress = output.progress("images");
        progress.set_total(args.inputs.len() as u64);
        Self {
            output,
            progress,
            started: Instant::now(),
            dry_run: args.dry_run,
            to_stdout: naming.is_stdout(),
            asked: args.inputs.len(),
            images: 0,
            made: 0,
            bytes: 0,
            failed: BTreeMap::new(),
            fault: None,
        }
    }

    pub(super) fn add(&mut self, input: &Path, result: Result<Vec<Made>, Rejection>) {
        match result {
            Ok(made) => {
                self.images += 1;
                for made in made {
                    self.made += 1;
                    self.bytes += made.bytes.unwrap_or_default();
                    self.tell(input, &made);
                }
            }
            // Not a fault of the image: it was begun before the interrupt.
            Err(fault) if fault.code == "timed-out" => return,
            Err(fault) => self.fail(input, fault),
        }
        self.progress.step();
    }

    fn tell(&self, input: &Path, made: &Made) {
        let Some(out) = &made.path else { return };
        let (width, height) = (made.width_px, made.height_px);
        let text = || {
            let size = made.bytes.map_or_else(String::new, human_bytes);
            format!("{}  {width}x{height}  {size}", shown(out))
                .trim_end()
                .to_owned()
        };
        let json = || {
            json!({
                "status": if self.dry_run { "would-be-made" } else { "made" },
                "in": input.to_string_lossy(),
                "out": out.to_string_lossy(),
                "type": made.format.extension(),
                "width": width,
                "height": height,
                "bytes": made.bytes,
            })
        };
        self.progress.suspended(|| self.output.item(text, json));
    }

    fn fail(&mut self, input: &Path, fault: Rejection) {
        *self.failed.entry(fault.code.clone()).or_default() += 1;
        let Rejection {
            code,
            message,
            hint,
        } = fault;
        let path = shown(input);
        if self.asked == 1 {
            let failure = Failure::new(&code, format!("{path}: {message}"));
            self.fault = Some(Failure { hint, ..failure });
        } else if self.output.is_json() {
            self.output.item(String::new, || {
                json!({
                    "status": "failed", "in": input.to_string_lossy(),
                    "reason": code, "message": message, "hint": hint,
                })
            });
        } else {
            let hint = hint.map_or_else(String::new, |hint| format!(" ({hint})"));
            self.progress
                .note(&format!("not converted: {path}: {message}{hint}"));
        }
    }

    pub(super) fn finish(self, interrupted: bool) -> Result<ExitStatus, Failure> {
        self.progress.finish();
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if self.asked > 1 || self.output.is_json() {
            self.output
                .summary(|| self.text(), || self.json(interrupted));
        } else if self.to_stdout && self.dry_run {
            self.output
                .note("one image would be written to standard output");
        }
        Ok(match (interrupted, self.failed.is_empty()) {
            (true, _) => ExitStatus::Interrupted,
            (false, false) => ExitStatus::Partial,
            (false, true) => ExitStatus::Success,
        })
    }

    fn text(&self) -> String {
        let verb = if self.dry_run {
            "would be made"
        } else {
            "made"
        };
        let seconds = self.started.elapsed().as_secs_f64().max(1e-9);
        let failed: u64 = self.failed.values().sum();
        let mut text = format!(
            "{} {verb} ({}) of {} images, {failed} failed; {:.1} images/s",
            self.made,
            human_bytes(self.bytes),
            self.images,
            self.images as f64 / seconds,
        );
        for (code, count) in &self.failed {
            text.push_str(&format!("\n  failed as {code}: {count}"));
        }
        text
    }

    fn json(&self, interrupted: bool) -> serde_json::Value {
        json!({"summary": {
            "dry_run": self.dry_run,
            "images": self.images,
            "made": self.made,
            "bytes": self.bytes,
            "failed_by_reason": self.failed,
            "finished": !interrupted,
            "duration_ms": (self.started.elapsed().as_secs_f64() * 1000.0).round(),
        }})
    }
}
