//! Plain files on the command line, without an origin: what to make of them, and how fast that is.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use img_core::model::media::OutputFormat;

use crate::args::value;

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// Images; `-` is one on standard input.
    #[arg(required = true, value_name = "IN")]
    pub(crate) inputs: Vec<PathBuf>,
    /// A file, a directory, a pattern with {name} and {width}, or `-` for standard output.
    #[arg(value_name = "OUT")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) look: LookArgs,
    /// One file for each of these widths, from one decoding; more with commas.
    #[arg(
        long,
        value_name = "N",
        num_args = 1,
        value_delimiter = ',',
        value_parser = clap::value_parser!(u32).range(1..=65_535),
        conflicts_with_all = ["width", "height"]
    )]
    pub(crate) sizes: Vec<u32>,
    /// jpg, png or webp [default: by the name of OUT, else that of IN].
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<OutputFormat>,
    /// Replace what is there already.
    #[arg(long, short)]
    pub(crate) force: bool,
    /// Say what would be made, but make nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Images worked on at once [default: one for each core].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) jobs: usize,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// Decode JPEG and PNG files that are cut off or damaged as far as they go.
    #[arg(long)]
    pub(crate) accept_damaged: bool,
}

/// The options of URLs, word by word.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of the derivative")]
pub(crate) struct LookArgs {
    /// As in URLs, such as w=320,h=240,fit=cover; the flags below say the same in words.
    #[arg(long, value_name = "TEXT")]
    pub(crate) options: Option<String>,
    /// In pixels.
    #[arg(long, value_name = "N", value_parser = one_value)]
    pub(crate) width: Option<String>,
    /// In pixels.
    #[arg(long, value_name = "N", value_parser = one_value)]
    pub(crate) height: Option<String>,
    /// Pixels of the screen for each pixel of the page: 1 to 4.
    #[arg(long, value_name = "N", value_parser = one_value)]
    pub(crate) dpr: Option<String>,
    /// contain, cover, inside, pad or fill.
    #[arg(long, value_name = "FIT", value_parser = one_value)]
    pub(crate) fit: Option<String>,
    /// What stays when something is cut off: centre, top, bottom-left, 0.5x0.25.
    #[arg(long, value_name = "WHERE", value_parser = one_value)]
    pub(crate) gravity: Option<String>,
    /// 1 to 100.
    #[arg(long, value_name = "N", value_parser = one_value)]
    pub(crate) quality: Option<String>,
    /// Behind transparent pixels and around the image, such as ffffff.
    #[arg(long, value_name = "COLOUR", value_parser = one_value)]
    pub(crate) background: Option<String>,
    /// Also make an image larger than it is.
    #[arg(long)]
    pub(crate) enlarge: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits, else those of --config or the defaults")]
pub(crate) struct LimitArgs {
    /// Largest file read: 40MiB, 1GB.
    #[arg(long = "limit-bytes", value_name = "SIZE", value_parser = value::parse_bytes)]
    pub(crate) file_bytes: Option<u64>,
    /// Most pixels of an image that is read.
    #[arg(long = "limit-pixels", value_name = "N")]
    pub(crate) pixels: Option<u64>,
    /// Longest side of an image that is made, in pixels.
    #[arg(long = "limit-side", value_name = "N")]
    pub(crate) side_px: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Measure making thumbnails on this machine, beside the other tools that are found on it.
    #[command(after_help = "\
Examples:
  imgctl bench imaging                             # images drawn by code
  imgctl bench imaging ~/Pictures/*.jpg
  imgctl bench imaging --rounds 7 --json | jq -r 'select(.task) | [.task, .tool, .ratio] | @tsv'

Looks for vipsthumbnail, vips, magick or convert, gm, node with sharp and python3 with Pillow. Each runs as a program of its own, as
imgctl does; the time of its start is part of what is shown. One core; everything is written to a temporary directory.")]
    Imaging(BenchImagingArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BenchImagingArgs {
    /// JPEG and PNG files [default: images drawn by code, of 12 megapixels].
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Widths of the task that makes several; more with commas.
    #[arg(
        long,
        value_name = "N",
        num_args = 1,
        value_delimiter = ',',
        default_values_t = [160, 320, 640, 1024, 1600],
        value_parser = clap::value_parser!(u32).range(1..=4096)
    )]
    pub(crate) sizes: Vec<u32>,
    /// How often each tool does each task.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
}

/// A comma would begin another option.
fn one_value(text: &str) -> Result<String, String> {
    if text.contains(',') {
        return Err("one value, without a comma".to_owned());
    }
    Ok(text.to_owned())
}
