//! `imgctl key`: what applications come with.

use img_api::key::{IssuedKey, Key, KeyRotation, NewKey};
use serde_json::json;

use crate::args::{Global, KeyCommand, NewKeyArgs};
use crate::exit::{ExitStatus, Failure};
use crate::output::{Output, human_bytes};
use crate::site::Site;

pub(crate) async fn run(
    global: &Global,
    command: KeyCommand,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let site = Site::open(global).await?;
    let done = act(&site, command, output).await;
    site.close().await;
    done.map(|()| ExitStatus::Success)
}

async fn act(site: &Site, command: KeyCommand, output: Output) -> Result<(), Failure> {
    match command {
        KeyCommand::Create(args) => {
            let issued = site.create_key(&new_key(args)).await?;
            show_issued(&issued, output)
        }
        KeyCommand::List => {
            for key in site.list_keys().await? {
                output.record(&key, line);
            }
            Ok(())
        }
        KeyCommand::Revoke { id, why } => {
            site.revoke_key(id, why.reason).await?;
            output.summary(
                || format!("key {id} is revoked"),
                || json!({"id": id.to_string(), "status": "revoked"}),
            );
            Ok(())
        }
        KeyCommand::Rotate { id, overlap, why } => {
            let rotation = KeyRotation {
                overlap_s: Some(overlap),
                reason: why.reason,
            };
            let issued = site.rotate_key(id, &rotation).await?;
            show_issued(&issued, output)
        }
    }
}

fn new_key(args: NewKeyArgs) -> NewKey {
    NewKey {
        name: args.name,
        verbs: args.verbs.iter().map(ToString::to_string).collect(),
        prefix: args.prefix.map(|prefix| prefix.to_string()),
        bytes_max: args.max_bytes,
        images_max: args.max_images,
        rate_per_min: args.rate,
        expires_in_s: args.expires,
        reason: args.why.reason,
    }
}

/// The token alone is data: it goes into a file as it is.
fn show_issued(issued: &IssuedKey, output: Output) -> Result<(), Failure> {
    let id = &issued.key.id;
    let Some(token) = &issued.token else {
        let message = format!("key {id} was made, but its token was lost on the way");
        return Err(Failure::new("token-lost", message)
            .with_hint(format!("`imgctl key rotate {id}` gives it another one")));
    };
    output.record(issued, |_| token.clone());
    if !output.is_json() {
        let until = issued.key.previous_until.as_deref();
        let before = until.map_or_else(String::new, |until| {
            format!("; the token before is valid until {until}")
        });
        output.note(&format!(
            "this is the token of key {id}; it is not shown again{before}"
        ));
    }
    Ok(())
}

fn line(key: &Key) -> String {
    let mut line = format!("{}  {}  {}", key.id, key.name, key.verbs.join(","));
    if let Some(prefix) = &key.prefix {
        line.push_str(&format!("  below {prefix}"));
    }
    let of = |max: Option<String>| max.map_or_else(String::new, |max| format!(" of {max}"));
    line.push_str(&format!(
        "  {}{} in {}{} images",
        human_bytes(key.bytes_used),
        of(key.bytes_max.map(human_bytes)),
        key.images_used,
        of(key.images_max.map(|max| max.to_string())),
    ));
    if let Some(rate) = key.rate_per_min {
        line.push_str(&format!("  {rate}/m"));
    }
    let used = key.last_used_at.as_deref().unwrap_or("never");
    line.push_str(&format!("  last used {used}"));
    match (&key.revoked_at, &key.expires_at) {
        (Some(at), _) => line.push_str(&format!("  revoked {at}")),
        (None, Some(at)) => line.push_str(&format!("  until {at}")),
        (None, None) => {}
    }
    line
}
