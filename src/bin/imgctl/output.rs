//! The only writer: data to stdout, talk to stderr, progress to a terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::Global;
use crate::exit::Failure;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            json: global.json,
            quiet: global.quiet,
        }
    }

    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// For a step of a larger command, which reports by itself.
    pub(crate) const SILENT: Self = Self {
        json: false,
        quiet: true,
    };

    /// One line of data: as text for people, as JSON for programs.
    pub(crate) fn item(self, text: impl FnOnce() -> String, json: impl FnOnce() -> Value) {
        if self.json {
            print(&json().to_string());
        } else {
            print(&text());
        }
    }

    /// As [`Self::item`], of what is serialised as it is.
    pub(crate) fn record<T: Serialize>(self, record: &T, text: impl FnOnce(&T) -> String) {
        self.item(|| text(record), || json!(record));
    }

    /// A line of data that is the same for everybody.
    pub(crate) fn line(text: &str) {
        print(text);
    }

    /// What was done, for people; programs get it as the last JSON line.
    pub(crate) fn summary(self, text: impl FnOnce() -> String, json: impl FnOnce() -> Value) {
        if self.json {
            print(&json().to_string());
        } else if !self.quiet {
            say(&text());
        }
    }

    /// Something worth knowing that is no data.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            say(text);
        }
    }

    pub(crate) fn failure(self, failure: &Failure) {
        if self.json {
            let Failure {
                code,
                message,
                hint,
                request_id,
                ..
            } = failure;
            let mut error = json!({"code": code, "message": message, "hint": hint});
            if let Some(id) = request_id {
                error["request_id"] = json!(id);
            }
            print(&json!({"error": error}).to_string());
        }
        say(&format!("error: {}", failure.message));
        if let Some(id) = &failure.request_id {
            say(&format!("request: {id}"));
        }
        if let Some(hint) = &failure.hint {
            say(&format!("hint: {hint}"));
        }
    }

    /// A question, with the cursor behind it.
    pub(crate) fn prompt(text: &str) {
        let mut stderr = io::stderr().lock();
        let written = stderr.write_all(text.as_bytes());
        // Whoever cannot be asked does not answer either.
        let _ = written.and_then(|()| stderr.flush());
    }

    /// A bar on a terminal, nothing anywhere else.
    pub(crate) fn progress(self, unit: &'static str) -> Progress {
        let shown = !self.quiet && !self.json && io::stderr().is_terminal();
        Progress::new(unit, shown)
    }
}

/// Set when data could not be written for another reason than a reader that left.
static STDOUT_FAILED: AtomicBool = AtomicBool::new(false);

/// Whether everything printed so far has arrived, or nobody wants it.
pub(crate) fn stdout_is_whole() -> bool {
    !STDOUT_FAILED.load(Ordering::Relaxed)
}

fn print(line: &str) {
    match writeln!(io::stdout().lock(), "{line}") {
        // With `| head` the work goes on, unseen.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            if !STDOUT_FAILED.swap(true, Ordering::Relaxed) {
                say(&format!("error: write standard output: {error}"));
            }
        }
        Ok(()) | Err(_) => {}
    }
}

fn say(text: &str) {
    // Nothing can be said about not being able to say something.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A bar with rate and, once the total is known, the time left.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    unit: &'static str,
}

impl Progress {
    fn new(unit: &'static str, shown: bool) -> Self {
        let target = if shown {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.enable_steady_tick(Duration::from_millis(200));
        let template = format!("{{spinner}} {{pos}} {unit} · {{per_sec}} · {{elapsed}} · {{msg}}");
        bar.set_style(style(&template));
        Self { bar, unit }
    }

    pub(crate) fn is_shown(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// The total is known: from now on there is a bar and an ETA.
    pub(crate) fn set_total(&self, total: u64) {
        let unit = self.unit;
        let template = format!(
            "{{bar:30}} {{pos}}/{{len}} {unit} · {{per_sec}} · {{elapsed}}, {{eta}} left · {{msg}}"
        );
        self.bar.set_length(total);
        self.bar.set_style(style(&template));
    }

    pub(crate) fn message(&self, text: String) {
        self.bar.set_message(text);
    }

    pub(crate) fn step(&self) {
        self.bar.inc(1);
    }

    /// Prints a line of talk above the bar.
    pub(crate) fn note(&self, text: &str) {
        self.bar.suspend(|| say(text));
    }

    /// Lets something else write to the terminal.
    pub(crate) fn suspended(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// A second handle to the same bar.
    pub(crate) fn handle(&self) -> Self {
        Self {
            bar: self.bar.clone(),
            unit: self.unit,
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are valid")
}

/// `1.4 GB`
pub(crate) fn human_bytes(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}
