//! `imgctl audit`: what was done, by whom and why.

use img_api::audit::{AuditEntry, AuditQuery};
use img_core::model::clock::{Clock, SystemClock};

use crate::args::{AuditCommand, Global, LogArgs};
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;
use crate::site::Site;
use crate::when;

pub(crate) async fn run(
    global: &Global,
    command: AuditCommand,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let AuditCommand::Log(args) = command;
    let (query, limit) = query(args)?;
    let site = Site::open(global).await?;
    let listed = site.list_audit(&query, limit, |entry| output.record(entry, line));
    let listed = listed.await;
    site.close().await;
    listed.map(|()| ExitStatus::Success)
}

fn query(args: LogArgs) -> Result<(AuditQuery, u32), Failure> {
    if args.limit == 0 {
        return Err(Failure::usage("--limit must be 1 or more"));
    }
    // Told before anything is asked for.
    let now = SystemClock.now();
    for time in [&args.since, &args.until].into_iter().flatten() {
        when::parse_since(time, now)?;
    }
    let query = AuditQuery {
        cursor: None,
        limit: None,
        since: args.since,
        until: args.until,
        actor: args.actor,
        action: args.action,
        target: args.target,
    };
    Ok((query, args.limit))
}

fn line(entry: &AuditEntry) -> String {
    let mut line = format!("{}  {}  {}", entry.at, entry.actor, entry.action);
    if !entry.target.is_empty() {
        line.push_str(&format!("  {}", entry.target));
    }
    for (what, count) in &entry.counts {
        line.push_str(&format!("  {what}={count}"));
    }
    if let Some(reason) = &entry.reason {
        line.push_str(&format!("  ({reason})"));
    }
    if let Some(id) = &entry.request_id {
        line.push_str(&format!("  request {id}"));
    }
    line
}
