//! `imgctl image`: what is on record of images.

mod show; // one of them
mod list; // many
mod tag; // words on them
mod erase; // gone

use crate::args::{Global, ImageCommand};
use crate::exit::{ExitStatus, Failure};
use crate::output::Output;
use crate::site::Site;

pub(crate) async fn run(
    global: &Global,
    command: ImageCommand,
    output: Output,
) -> Result<ExitStatus, Failure> {
    let site = Site::open(global).await?;
    let done = match command {
        ImageCommand::Show { image } => show::show(&site, &image, output).await,
        ImageCommand::List(args) => list::run(&site, args, output).await,
        ImageCommand::Url { image } => show::urls(&site, &image, output).await,
        ImageCommand::Tag(args) => tag::run(&site, args, output).await,
        ImageCommand::Erase(args) => erase::run(&site, args, output).await,
    };
    site.close().await;
    done
}
