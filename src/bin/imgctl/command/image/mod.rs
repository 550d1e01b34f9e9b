//! `imgctl image`: what is on record of images, and what can be made of plain files.

mod show; // one of them
mod list; // many
mod tag; // words on them
mod erase; // gone
mod convert; // plain files

use crate::args::{Global, ImageCommand, OnRecord};
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;
use crate::site::Site;

pub(crate) async fn run(
    global: &Global,
    command: ImageCommand,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let command = match command {
        ImageCommand::Convert(args) => return convert::run(global, &args, output),
        ImageCommand::OnRecord(command) => command,
    };
    let site = Site::open(global).await?;
    let done = match command {
        OnRecord::Show { image } => show::show(&site, &image, output).await,
        OnRecord::List(args) => list::run(&site, args, output).await,
        OnRecord::Url { image } => show::urls(&site, &image, output).await,
        OnRecord::Tag(args) => tag::run(&site, args, output).await,
        OnRecord::Erase(args) => erase::run(&site, args, output).await,
    };
    site.close().await;
    done
}
