//! `imgctl nginx`: rendered, checked, put in force.

use std::path::Path;

use img_core::config::Config;
use img_core::nginx::apply::{self, ApplyTarget, Outcome};
use img_core::nginx::check::{self, CheckReport};
use img_core::nginx::lint::Finding;
use img_core::nginx::render::{Release, render};
use img_core::nginx::running::Reload;
use img_core::nginx::settings::{Mode, NginxSettings};
use serde_json::{Value, json};

use crate::args::{Global, NginxCommand, NginxMode};
use crate::context;
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;

pub(crate) fn run(
    global: &Global,
    command: NginxCommand,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let config = context::load_config(global)?;
    let mut settings = config.nginx_settings(context::open_tree(&config)?.layout());
    match command {
        NginxCommand::Render { into, mode } => {
            if let Some(mode) = mode {
                settings.mode = match mode {
                    NginxMode::Standalone => Mode::Standalone,
                    NginxMode::Included => Mode::Included,
                };
            }
            print_release(&render(&settings)?, into.as_deref(), output)
        }
        NginxCommand::Check | NginxCommand::Apply { dry_run: true } => {
            let report = check::check(config.nginx_binary(), &render(&settings)?)?;
            Ok(print_report(&report, output))
        }
        NginxCommand::Apply { dry_run: false } => {
            apply(&config, &settings, output)?;
            Ok(ExitStatus::Success)
        }
    }
}

fn print_release(
    release: &Release,
    into: Option<&Path>,
    output: Output,
) -> Result<ExitStatus, Failure> {
    if let Some(dir) = into {
        super::init::create_dir(dir)?;
    }
    for file in &release.files {
        match into {
            Some(dir) => {
                let path = dir.join(file.path);
                std::fs::write(&path, &file.content)
                    .map_err(Failure::io(format!("write {}", path.display())))?;
                output.item(|| path.display().to_string(), || json!({"written": path}));
            }
            None => output.item(
                || file.content.trim_end().to_owned(),
                || json!({"file": file.path, "content": file.content}),
            ),
        }
    }
    Ok(ExitStatus::Success)
}

fn print_report(report: &CheckReport, output: Output) -> ExitStatus {
    let verdict = if report.accepted {
        "nginx accepts it"
    } else {
        "nginx refuses it"
    };
    output.item(
        || {
            let mut text = format!("{}\n{verdict}", report.nginx_said.trim_end());
            for finding in &report.findings {
                text.push_str(&format!("\nlint: {}", describe(finding)));
            }
            text
        },
        || {
            json!({
                "accepted": report.accepted,
                "nginx": report.nginx_said,
                "findings": report.findings.iter().map(finding_json).collect::<Value>(),
            })
        },
    );
    match (report.accepted, report.is_clean()) {
        (false, _) => ExitStatus::NginxRefused,
        (true, false) => ExitStatus::Partial,
        (true, true) => ExitStatus::Success,
    }
}

fn describe(Finding { lint, file, at }: &Finding) -> String {
    format!("{lint}: {at} ({file})")
}

fn finding_json(Finding { lint, file, at }: &Finding) -> Value {
    json!({"lint": lint, "file": file, "at": at})
}

/// Puts the configuration in force and says so.
pub(crate) fn apply(
    config: &Config,
    settings: &NginxSettings,
    output: Output,
) -> Result<(), Failure> {
    let command = config.nginx_reload_command();
    let reload = Reload {
        pid_file: config.nginx_pid_file(settings),
        command: (!command.is_empty()).then(|| command.to_vec()),
    };
    let target = ApplyTarget {
        nginx_dir: config.nginx_dir(),
        binary: config.nginx_binary().to_owned(),
        main_config: config.nginx_main_config(),
        reload,
        status_socket: settings.status_socket(),
        error_log: config.nginx_error_log(settings),
        timeout: ApplyTarget::TIMEOUT,
        releases_max: ApplyTarget::RELEASES_MAX,
    };
    let applied = apply::apply(&render(settings)?, &target)?;
    let (word, text) = match applied.outcome {
        Outcome::Unchanged => ("unchanged", "is in force already"),
        Outcome::Reloaded => ("reloaded", "is in force"),
        Outcome::NotRunning => (
            "not-running",
            "is in place; no nginx runs that could be told",
        ),
    };
    for finding in &applied.findings {
        output.note(&format!("lint: {}", describe(finding)));
    }
    output.summary(
        || format!("release {} {text}", applied.release),
        || {
            json!({
                "release": applied.release,
                "previous": applied.previous,
                "outcome": word,
                "findings": applied.findings.iter().map(finding_json).collect::<Value>(),
            })
        },
    );
    Ok(())
}
