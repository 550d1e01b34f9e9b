//! Images and their names on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use img_core::model::media::MediaType;
use img_core::model::tag::Tag;

use crate::args::plain::ConvertArgs;
use crate::args::value::{self, Reason};

#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    /// Files and directories; `-` is one image on standard input.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Read paths from a file, or from standard input with `-`.
    #[arg(long, value_name = "FILE")]
    pub(crate) files_from: Option<PathBuf>,
    /// Paths in --files-from end with NUL instead of newline.
    #[arg(long, short = '0', requires = "files_from")]
    pub(crate) null: bool,
    /// Follow symbolic links.
    #[arg(long)]
    pub(crate) follow_symlinks: bool,
    /// Give each image a stable public name: this prefix and its path below the directory given.
    #[arg(long, value_name = "P")]
    pub(crate) alias_prefix: Option<String>,
    /// Aliases answer on this host only.
    #[arg(long, value_name = "HOST", requires = "alias_prefix")]
    pub(crate) alias_host: Option<String>,
    /// Put a word on each image, to find it by; more with commas.
    #[arg(long, value_name = "TAG", num_args = 1, value_delimiter = ',')]
    pub(crate) tag: Vec<Tag>,
    /// Derive from each image by these presets, or `all`.
    #[arg(long, value_name = "PRESET", num_args = 1, value_delimiter = ',')]
    pub(crate) derive: Vec<String>,
    #[command(flatten)]
    pub(crate) metadata: MetadataArgs,
    /// Read, check and hash, but write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Files read at once [default: one for each core]; with --server, files sent at once [default: 8].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) jobs: usize,
    #[command(flatten)]
    pub(crate) why: Reason,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct MetadataArgs {
    /// Store the file as it is.
    #[arg(long)]
    pub(crate) keep_metadata: bool,
    /// Remove the place where a photo was taken (JPEG, PNG, WebP) [default].
    #[arg(long)]
    pub(crate) strip_gps: bool,
    /// Remove all that does not decide the pixels (JPEG, PNG, WebP).
    #[arg(long)]
    pub(crate) strip_all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeriveArgs {
    /// By these presets.
    #[arg(
        long,
        value_name = "PRESET",
        required_unless_present = "all",
        value_delimiter = ','
    )]
    pub(crate) preset: Vec<String>,
    /// By every preset.
    #[arg(long, conflicts_with = "preset")]
    pub(crate) all: bool,
    /// Only what is not on disk; otherwise everything is made again.
    #[arg(long)]
    pub(crate) missing: bool,
    /// Only images ingested since: 30m, 24h, 7d, or a date such as 2026-01-31.
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Images worked on at once [default: one for each core; with --server 8].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) jobs: usize,
    /// Begin anew, not where an earlier run was interrupted.
    #[arg(long)]
    pub(crate) restart: bool,
    /// Say what would be made, but make nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) why: Reason,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    #[command(flatten)]
    OnRecord(OnRecord),
    /// Make derivatives of plain files, without an origin.
    #[command(after_help = "\
Examples:
  imgctl image convert --width 320 cat.jpg cat-320.webp
  imgctl image convert --width 320 --height 320 --fit cover *.jpg thumbs/
  imgctl image convert --sizes 160,320,640 cat.jpg 'cat-{width}.jpg'       # one decoding
  imgctl image convert --options w=320,q=70 --format jpg - - < cat.png > cat.jpg

The options are those of URLs. Nothing is replaced without --force, and nothing half is ever seen. Without a size it stays
as it is. Exit code 3 when some of several images failed.")]
    Convert(ConvertArgs),
}

/// What needs an origin.
#[derive(Debug, Subcommand)]
pub(crate) enum OnRecord {
    /// Everything on record of one image.
    Show {
        /// An id, a URL or an alias.
        image: String,
    },
    /// Images, the newest first.
    #[command(after_help = "\
Examples:
  imgctl image list --since 7d --type png --min-bytes 1MB
  imgctl image list --alias-prefix /shop/                  # by name
  imgctl image list --tag summer --json | jq -r .id        # by id
  imgctl image list --after 0000000000000000000000000000000000000000 --limit 1000   # all, by id")]
    List(ListArgs),
    /// Every URL of one image, and a srcset for each format.
    Url {
        /// An id, a URL or an alias.
        image: String,
    },
    /// Put words on an image and take them off; without any, print them.
    #[command(after_help = "\
Examples:
  imgctl image tag /shop/shoe.jpg --add summer,sale --remove new
  imgctl image tag /shop/shoe.jpg --set summer             # this one and no other
  imgctl image tag /shop/shoe.jpg --set ''                 # none")]
    Tag(TagArgs),
    /// Remove images with all their names and derivatives, for good.
    #[command(after_help = "\
Examples:
  imgctl image erase --dry-run /shop/shoe.jpg
  imgctl image erase --yes --block --reason 'court order 17' 3fa2…40 digits…

All that would go is found out first, and nothing is erased if any of it cannot be. It asks before it begins; without a
terminal it wants --yes.")]
    Erase(EraseArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// At most this many.
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) limit: u32,
    /// By ascending id, strictly after this one.
    #[arg(
        long,
        value_name = "ID",
        conflicts_with_all = ["type", "min_bytes", "max_bytes", "until", "alias_prefix", "alias_host", "tag"]
    )]
    pub(crate) after: Option<String>,
    /// Only images ingested since: 30m, 24h, 7d, or a date such as 2026-01-31.
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Only images ingested before.
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,
    /// Only of this type: jpg, png, gif, webp, avif, tiff, bmp, heic, svg, jxl.
    #[arg(long = "type", id = "type", value_name = "TYPE")]
    pub(crate) media: Option<MediaType>,
    /// Only of this size or more: 20KB, 1MB.
    #[arg(long, value_name = "SIZE", value_parser = value::parse_bytes)]
    pub(crate) min_bytes: Option<u64>,
    /// Only of this size or less.
    #[arg(long, value_name = "SIZE", value_parser = value::parse_bytes)]
    pub(crate) max_bytes: Option<u64>,
    /// Only those named below this directory, by name.
    #[arg(long, value_name = "P")]
    pub(crate) alias_prefix: Option<String>,
    /// Names of this host [default: those of all hosts].
    #[arg(long, value_name = "HOST", requires = "alias_prefix")]
    pub(crate) alias_host: Option<String>,
    /// Only those with this tag.
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<Tag>,
}

#[derive(Debug, Args)]
pub(crate) struct TagArgs {
    /// An id, a URL or an alias.
    pub(crate) image: String,
    /// Put these on; more with commas.
    #[arg(long, value_name = "TAG", num_args = 1, value_delimiter = ',')]
    pub(crate) add: Vec<Tag>,
    /// Take these off.
    #[arg(long, value_name = "TAG", num_args = 1, value_delimiter = ',')]
    pub(crate) remove: Vec<Tag>,
    /// These and no others; an empty word for none.
    #[arg(
        long,
        value_name = "TAG",
        num_args = 1,
        value_delimiter = ',',
        conflicts_with_all = ["add", "remove"]
    )]
    pub(crate) set: Option<Vec<String>>,
    #[command(flatten)]
    pub(crate) why: Reason,
}

#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    /// Ids, URLs or aliases.
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// Say what would go, but remove nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Also refuse the same bytes from now on.
    #[arg(long)]
    pub(crate) block: bool,
    /// Do not ask.
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) why: Reason,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AliasCommand {
    /// Give an image a public name.
    #[command(after_help = "\
Examples:
  imgctl alias put /shop/shoe.jpg 3fa2…40 digits…
  imgctl alias put --host shop.example.com /shoe.jpg /shop/shoe.jpg

A name of another image is left as it is: remove it first.")]
    Put {
        /// Percent-encoded where it is not plain.
        path: String,
        /// An id, a URL or an alias.
        image: String,
        /// The name answers on this host only.
        #[arg(long, value_name = "HOST")]
        host: Option<String>,
        #[command(flatten)]
        why: Reason,
    },
    /// Take a public name away; the image stays.
    Remove {
        /// Percent-encoded where it is not plain.
        path: String,
        /// The name of this host [default: of all hosts].
        #[arg(long, value_name = "HOST")]
        host: Option<String>,
        #[command(flatten)]
        why: Reason,
    },
    /// Which image a name names.
    Show {
        /// Percent-encoded where it is not plain.
        path: String,
        /// The name of this host [default: of all hosts].
        #[arg(long, value_name = "HOST")]
        host: Option<String>,
    },
}
