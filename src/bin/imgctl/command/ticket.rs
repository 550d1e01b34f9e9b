//! `imgctl ticket`: URLs with which others upload.

use img_api::ticket::{NewTicket, Ticket};
use serde_json::json;

use crate::args::{Global, NewTicketArgs, TicketCommand};
use crate::exit::{ExitStatus, Failure};
use crate::output::{Output, human_bytes};
use crate::paths::parse_host;
use crate::site::Site;

pub(crate) async fn run(
    global: &Global,
    command: TicketCommand,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let site = Site::open(global).await?;
    let done = act(&site, command, output).await;
    site.close().await;
    done.map(|()| ExitStatus::Success)
}

async fn act(site: &Site, command: TicketCommand, output: Output) -> Result<(), Failure> {
    match command {
        TicketCommand::Create(args) => {
            let ticket = site.create_ticket(&new_ticket(args)?).await?;
            output.record(&ticket, |ticket| ticket.url.clone().unwrap_or_default());
            if !output.is_json() {
                let (id, until) = (&ticket.id, &ticket.expires_at);
                output.note(&format!(
                    "whoever has this URL can upload until {until}; `imgctl ticket revoke {id}` ends it"
                ));
            }
            Ok(())
        }
        TicketCommand::List => {
            site.list_tickets(|ticket| output.record(ticket, line))
                .await
        }
        TicketCommand::Show { id } => {
            output.record(&site.get_ticket(id).await?, page);
            Ok(())
        }
        TicketCommand::Revoke { id, why } => {
            site.revoke_ticket(id, why.reason).await?;
            output.summary(
                || format!("ticket {id} is revoked"),
                || json!({"id": id.to_string(), "status": "revoked"}),
            );
            Ok(())
        }
    }
}

fn new_ticket(args: NewTicketArgs) -> Result<NewTicket, Failure> {
    if args.alias_host.is_some() && args.alias.is_none() && args.alias_prefix.is_none() {
        return Err(Failure::usage(
            "--alias-host wants --alias or --alias-prefix",
        ));
    }
    let host = args.alias_host.as_deref();
    let host = host.map(|host| parse_host(host, "--alias-host"));
    Ok(NewTicket {
        expires_in_s: args.expires,
        uses: args.uses,
        bytes_max: args.max_bytes,
        types: args.types.iter().map(ToString::to_string).collect(),
        alias: args.alias,
        alias_prefix: args.alias_prefix.map(|prefix| prefix.to_string()),
        alias_host: host.transpose()?.map(|host| host.to_string()),
        tags: args.tag.iter().map(ToString::to_string).collect(),
        derive: args.derive,
        callback_url: args.callback,
        reason: args.why.reason,
    })
}

fn line(ticket: &Ticket) -> String {
    let state = match &ticket.revoked_at {
        Some(at) => format!("revoked {at}"),
        None => format!("until {}", ticket.expires_at),
    };
    let (left, max) = (ticket.uses_left, ticket.uses_max);
    let mut line = format!("{}  {left} of {max} left  {state}", ticket.id);
    if let Some(name) = named(ticket) {
        line.push_str(&format!("  {name}"));
    }
    line.push_str(&format!("  by {}", ticket.created_by));
    line
}

fn named(ticket: &Ticket) -> Option<String> {
    let host = ticket.alias_host.as_deref().unwrap_or_default();
    let exact = ticket.alias.as_ref().map(|path| format!("as {host}{path}"));
    let below = ticket.alias_prefix.as_ref();
    exact.or_else(|| below.map(|prefix| format!("below {host}{prefix}")))
}

fn page(ticket: &Ticket) -> String {
    let list = |words: &[String]| match words {
        [] => "any".to_owned(),
        words => words.join(", "),
    };
    let mut lines = vec![
        format!("id          {}", ticket.id),
        format!(
            "url         {}",
            ticket.url.as_deref().unwrap_or("not told")
        ),
        format!("created     {} by {}", ticket.created_at, ticket.created_by),
        format!("expires     {}", ticket.expires_at),
        format!("uses left   {} of {}", ticket.uses_left, ticket.uses_max),
        format!("types       {}", list(&ticket.types)),
    ];
    let more = [
        ("revoked   ", ticket.revoked_at.clone()),
        ("at most   ", ticket.bytes_max.map(human_bytes)),
        ("named     ", named(ticket)),
        ("tags      ", joined(&ticket.tags)),
        ("derive    ", joined(&ticket.derive)),
        ("callback  ", ticket.callback_url.clone()),
    ];
    for (what, value) in more {
        lines.extend(value.map(|value| format!("{what}  {value}")));
    }
    lines.join("\n")
}

fn joined(words: &[String]) -> Option<String> {
    (!words.is_empty()).then(|| words.join(", "))
}
