//! `imgctl alias`: public names of images.

use img_api::alias::{Alias, parse_alias};
use img_core::model::alias::AliasName;

use crate::args::{AliasCommand, Global};
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;
use crate::site::Site;

pub(crate) async fn run(
    global: &Global,
    command: AliasCommand,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let site = Site::open(global).await?;
    let done = act(&site, command, output).await;
    site.close().await;
    done.map(|()| ExitStatus::Success)
}

async fn act(site: &Site, command: AliasCommand, output: Output) -> Result<(), Failure> {
    match command {
        AliasCommand::Put {
            path,
            image,
            host,
            why,
        } => {
            let name = parse(&path, host.as_deref())?;
            let id = site.find_id(&image).await?;
            let alias = site.put_alias(&name, id, why.reason).await?;
            output.record(&alias, |alias| alias.url.clone());
        }
        AliasCommand::Remove { path, host, why } => {
            let name = parse(&path, host.as_deref())?;
            let alias = site.remove_alias(&name, why.reason).await?;
            output.summary(
                || format!("{} named {} and is free now", alias.url, alias.id),
                || serde_json::json!(alias),
            );
        }
        AliasCommand::Show { path, host } => {
            let alias = site.get_alias(&parse(&path, host.as_deref())?).await?;
            output.record(&alias, line);
        }
    }
    Ok(())
}

fn parse(path: &str, host: Option<&str>) -> Result<AliasName, Failure> {
    parse_alias(path, host).map_err(|error| Failure::usage(error.to_string()))
}

fn line(alias: &Alias) -> String {
    format!("{}  {}", alias.id, alias.url)
}
