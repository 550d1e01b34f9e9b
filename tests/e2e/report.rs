//! What `imgctl --json ingest` reports: a line for each file, then the summary.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::elsewhere::Remote;
use crate::harness::{Site, json_lines};

#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) items: Vec<Value>,
    /// Null when the run did not get that far.
    pub(crate) summary: Value,
    pub(crate) code: i32,
}

impl Report {
    #[track_caller]
    pub(crate) fn of(output: &Output) -> Self {
        let code = output.status.code().expect("it ended by itself");
        let mut report = Self {
            items: json_lines(&output.stdout),
            summary: Value::Null,
            code,
        };
        if let Some(at) = report
            .items
            .iter()
            .position(|line| line.get("summary").is_some())
        {
            report.summary = report.items.remove(at)["summary"].take();
        }
        report
    }

    /// `imgctl --json ingest FLAGS PATHS`
    #[track_caller]
    pub(crate) fn ingest<P: AsRef<Path>>(site: &Site, flags: &[&str], paths: &[P]) -> Self {
        let mut command = site.command(["--json", "ingest"]);
        command.args(flags).args(paths.iter().map(AsRef::as_ref));
        Self::of(&command.output().unwrap())
    }

    /// `imgctl --json --server … ingest FLAGS PATHS`
    #[track_caller]
    pub(crate) fn remote<P: AsRef<Path>>(remote: &Remote, flags: &[&str], paths: &[P]) -> Self {
        let mut command = remote.command(["--json", "ingest"]);
        command.args(flags).args(paths.iter().map(AsRef::as_ref));
        Self::of(&command.output().unwrap())
    }

    /// As [`Self::ingest`], where everything must go well.
    #[track_caller]
    pub(crate) fn ingest_ok<P: AsRef<Path>>(site: &Site, flags: &[&str], paths: &[P]) -> Self {
        let report = Self::ingest(site, flags, paths);
        assert_eq!(report.code, 0, "{report:#?}");
        report
    }

    pub(crate) fn count(&self, status: &str) -> usize {
        let of_status = |line: &&Value| line["status"] == status;
        self.items.iter().filter(of_status).count()
    }

    /// Why files were rejected, by their names.
    pub(crate) fn reasons(&self) -> BTreeMap<&str, &str> {
        let rejected = self
            .items
            .iter()
            .filter(|line| line["status"] == "rejected");
        rejected
            .map(|line| (name_of(line), line["reason"].as_str().unwrap()))
            .collect()
    }

    /// The line of the file with this name.
    #[track_caller]
    pub(crate) fn line(&self, name: &str) -> &Value {
        let found = self.items.iter().find(|line| name_of(line) == name);
        found.unwrap_or_else(|| panic!("no line for {name}: {self:#?}"))
    }
}

fn name_of(line: &Value) -> &str {
    let path = Path::new(line["path"].as_str().unwrap());
    path.file_name()
        .and_then(OsStr::to_str)
        .unwrap_or_else(|| path.to_str().unwrap())
}
