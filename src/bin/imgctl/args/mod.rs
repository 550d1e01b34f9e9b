//! The command line: every noun, verb and flag.

mod access; // keys, tickets, people, the audit log, the block list
mod image; // images and their names
mod plain; // files without an origin
mod value; // sizes, rates, spans

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::exit::ExitStatus;

pub(crate) use access::{
    AuditCommand, BlockCommand, KeyCommand, LogArgs, NewKeyArgs, NewTicketArgs, PasswordArgs,
    TicketCommand, UserCommand,
};
pub(crate) use image::{
    AliasCommand, DeriveArgs, EraseArgs, ImageCommand, IngestArgs, ListArgs, MetadataArgs,
    OnRecord, TagArgs,
};
pub(crate) use plain::{BenchCommand, BenchImagingArgs, ConvertArgs, LookArgs};

#[derive(Debug, Parser)]
#[command(
    name = "imgctl",
    version,
    about = "Manages an image origin: nginx serves it, imgctl fills it.",
    after_help = ExitStatus::TABLE,
    propagate_version = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// The data directory.
    #[arg(
        long,
        global = true,
        env = "IMGCTL_DATA",
        default_value = "data",
        value_name = "DIR"
    )]
    pub(crate) data: PathBuf,
    /// The configuration [default: imgctl.toml in the data directory].
    #[arg(long, global = true, env = "IMGCTL_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Work through the API of this server, such as `https://img.example.com`, not on the data directory.
    #[arg(
        long,
        global = true,
        env = "IMGCTL_SERVER",
        value_name = "URL",
        help_heading = "Server"
    )]
    pub(crate) server: Option<String>,
    /// Holds the API key for --server, and nothing else; closed to other users.
    #[arg(
        long,
        global = true,
        env = "IMGCTL_KEY_FILE",
        value_name = "FILE",
        help_heading = "Server"
    )]
    pub(crate) key_file: Option<PathBuf>,
    /// Send the key over http:// to a server that is not this machine.
    #[arg(long, global = true, help_heading = "Server")]
    pub(crate) insecure_http: bool,
    /// Print JSON: one line for each item, one object for everything else.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No progress bar and no summary.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole origin on this machine: make what is missing, start imgd and nginx, ingest, print URLs.
    #[command(after_help = "\
Examples:
  imgctl up                                 # data in ./data, on 127.0.0.1:8080, with sample images
  imgctl up --data /srv/img ~/Pictures
  imgctl up --port 9000 cat.jpg dog.png

Ctrl-C stops everything that it started. Run it again: the same data, no harm.")]
    Up(UpArgs),
    /// Make a data directory with its configuration, a signing key and an empty catalog.
    Init(InitArgs),
    /// Take images in: files, directories, standard input.
    #[command(after_help = "\
Examples:
  imgctl ingest photos/                                # every image below photos/
  imgctl ingest --alias-prefix shop/ --derive all photos/
  find old -name '*.jpg' -print0 | imgctl ingest --files-from - --null
  curl -s https://example.com/cat.jpg | imgctl ingest -
  imgctl ingest --dry-run --json photos/ | jq 'select(.status == \"rejected\")'
  imgctl --server https://img.example.com --key-file ~/.imgctl.key ingest --tag summer photos/

With --server, metadata is removed before anything is sent, and only what the server does not have is sent.
The type is found by content, never by name. An image that is there already is not stored twice. Exit code 3 when some
were rejected.")]
    Ingest(IngestArgs),
    /// Make derivatives ahead of time.
    #[command(after_help = "\
Examples:
  imgctl derive --all --missing             # what is not on disk, of every preset
  imgctl derive --preset thumb --since 7d   # again, of images of the last week
  imgctl derive --all --missing --dry-run
  imgctl --server https://img.example.com --key-file ~/.imgctl.key derive --all --missing

A run that was interrupted goes on where it stopped when it is given the same options; --restart begins anew.")]
    Derive(DeriveArgs),
    /// Images on record: look at them, find them, tag them, erase them. And plain files: convert them.
    #[command(subcommand)]
    Image(ImageCommand),
    /// Public names of images.
    #[command(subcommand)]
    Alias(AliasCommand),
    /// Sign the URL of a derivative by free options.
    #[command(after_help = "\
Examples:
  imgctl sign 3fa2…40 digits… w=320,h=240,fit=cover webp
  imgctl sign --expires 7d 3fa2…40 digits… w=1200 jpg")]
    Sign(SignArgs),
    /// API keys, with which applications read and write.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Upload tickets: URLs with which a browser or a phone uploads a little, for a while.
    #[command(subcommand)]
    Ticket(TicketCommand),
    /// People who sign in.
    #[command(subcommand)]
    User(UserCommand),
    /// What was done, by whom and why.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Images that are not taken in here, by whomever.
    #[command(subcommand)]
    Block(BlockCommand),
    /// What nginx is told.
    #[command(subcommand)]
    Nginx(NginxCommand),
    /// The tables of the catalog.
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// How much of everything there is.
    Status,
    /// Check everything that an origin stands on.
    #[command(
        after_help = "Exit code 1 when something is wrong, 0 when there are warnings at most."
    )]
    Doctor,
    /// Measure this machine.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Print completions for a shell.
    Completions {
        /// Such as bash; put what is printed where your shell looks for completions.
        shell: clap_complete::Shell,
    },
    /// Write manual pages into a directory.
    Manual {
        /// Made if it is missing.
        #[arg(value_name = "DIR")]
        into: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Listen on 127.0.0.1 at this port, or the next free one [default: as configured, else 8080].
    #[arg(long, value_name = "N")]
    pub(crate) port: Option<u16>,
    /// Images and directories to ingest [default: samples, if the origin is empty].
    #[arg(value_name = "IMAGE or DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// Stop after everything is up and the URLs are printed.
    #[arg(long, hide = true)]
    pub(crate) once: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Directories that images are spread over: 3 (4,096; up to some 10 M images) or 2/2 (65,536).
    #[arg(long, default_value = "3", value_name = "3|2/2")]
    pub(crate) shards: img_core::model::layout::ShardWidth,
}

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// An image id.
    pub(crate) id: String,
    /// Such as w=320,h=240,fit=cover; any order.
    pub(crate) options: String,
    /// jpg, png, webp, avif or gif.
    pub(crate) format: String,
    /// The signature ends after: 30m, 24h, 7d. What was made by then goes on being served.
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<String>,
    /// Sign with this key [default: the first configured].
    #[arg(long, value_name = "ID")]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NginxCommand {
    /// Print the configuration, or write it into a directory.
    Render {
        /// Write the files here instead of printing them.
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
        /// Render for this nginx [default: as configured].
        #[arg(long, value_enum)]
        mode: Option<NginxMode>,
    },
    /// Render, and let nginx and the linter test it; nothing is changed.
    Check,
    /// Render, test, put in force, reload; roll back if nginx refuses.
    Apply {
        /// Render and test only.
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NginxMode {
    /// A whole nginx.conf.
    Standalone,
    /// Files for a distribution's nginx to include.
    Included,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Which schema the catalog has, and which this build needs.
    Status,
    /// Make or raise the tables to what this build needs.
    Apply,
}
