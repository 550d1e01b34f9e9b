//! Keys, tickets, people, the audit log and the block list on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use img_core::model::access::{AliasPrefix, KeyId, Role, TicketId, UserName, Verb};
use img_core::model::image_id::ImageId;
use img_core::model::media::MediaType;
use img_core::model::tag::Tag;

use crate::args::value::{self, Reason};

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print its token, which is shown this once.
    #[command(after_help = "\
Examples:
  imgctl key create --name shop --verbs ingest,read,alias --prefix shop/ --expires 90d > shop.key
  imgctl key create --name importer --verbs ingest,read --max-bytes 10GB --max-images 100000 --rate 50/s

Verbs: read, ingest, alias, erase, admin (all of them). With --prefix, the key sees and touches names below it only.")]
    Create(NewKeyArgs),
    /// All keys, also those that are over.
    List,
    /// End a key now.
    Revoke {
        /// As `imgctl key list` shows it.
        id: KeyId,
        #[command(flatten)]
        why: Reason,
    },
    /// Give a key another token; the one before stays valid for a while.
    #[command(after_help = "\
Examples:
  imgctl key rotate 3fa2…16 digits… > shop.key
  imgctl key rotate --overlap 0s 3fa2…16 digits…     # the old one ends now")]
    Rotate {
        /// As `imgctl key list` shows it.
        id: KeyId,
        /// How long the token before stays valid: 30m, 24h, 7d.
        #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = value::parse_span)]
        overlap: u64,
        #[command(flatten)]
        why: Reason,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewKeyArgs {
    /// For people.
    #[arg(long, value_name = "N")]
    pub(crate) name: String,
    /// What it may do: read, ingest, alias, erase, admin; more with commas.
    #[arg(
        long,
        value_name = "VERB",
        required = true,
        num_args = 1,
        value_delimiter = ','
    )]
    pub(crate) verbs: Vec<Verb>,
    /// The only directory of aliases that it may touch [default: all].
    #[arg(long, value_name = "P")]
    pub(crate) prefix: Option<AliasPrefix>,
    /// How much it may store: 500MB, 10GB, 1TiB.
    #[arg(long, value_name = "SIZE", value_parser = value::parse_bytes)]
    pub(crate) max_bytes: Option<u64>,
    /// How many images it may store.
    #[arg(long, value_name = "N")]
    pub(crate) max_images: Option<u64>,
    /// Requests that it may send: 10/s, 600/m [default: as configured].
    #[arg(long, value_name = "RATE", value_parser = value::parse_rate)]
    pub(crate) rate: Option<u32>,
    /// It ends after a span such as 90d, or on a date [default: never].
    #[arg(long, value_name = "WHEN", value_parser = value::parse_lifetime)]
    pub(crate) expires: Option<u64>,
    #[command(flatten)]
    pub(crate) why: Reason,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TicketCommand {
    /// Make a ticket and print its URL: whoever has it can upload.
    #[command(after_help = "\
Examples:
  imgctl ticket create                                     # one image, within an hour
  imgctl ticket create --expires 7d --uses 100 --types jpg,png --max-bytes 20MB --alias-prefix /event/
  imgctl ticket create --alias /team/ana.jpg --derive all --callback https://app.example.com/uploaded

POST a form or PUT the bytes to it; opened in a browser, it shows a form.")]
    Create(NewTicketArgs),
    /// Tickets, also those that are over.
    List,
    /// One ticket, with its URL.
    Show {
        /// As `imgctl ticket list` shows it.
        id: TicketId,
    },
    /// End a ticket now.
    Revoke {
        /// As `imgctl ticket list` shows it.
        id: TicketId,
        #[command(flatten)]
        why: Reason,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewTicketArgs {
    /// It ends after a span such as 1h, or on a date; within 30 days [default: 1h].
    #[arg(long, value_name = "WHEN", value_parser = value::parse_lifetime)]
    pub(crate) expires: Option<u64>,
    /// How many images it takes [default: 1].
    #[arg(long, value_name = "N")]
    pub(crate) uses: Option<u32>,
    /// The largest image that it takes: 500KB, 20MB [default: as configured].
    #[arg(long, value_name = "SIZE", value_parser = value::parse_bytes)]
    pub(crate) max_bytes: Option<u64>,
    /// The types that it takes, such as jpg,png [default: all].
    #[arg(long, value_name = "TYPE", num_args = 1, value_delimiter = ',')]
    pub(crate) types: Vec<MediaType>,
    /// The public name that the image gets.
    #[arg(long, value_name = "PATH", conflicts_with = "alias_prefix")]
    pub(crate) alias: Option<String>,
    /// The uploader may choose a public name below this directory.
    #[arg(long, value_name = "P")]
    pub(crate) alias_prefix: Option<AliasPrefix>,
    /// The name answers on this host only.
    #[arg(long, value_name = "HOST")]
    pub(crate) alias_host: Option<String>,
    /// Put a word on each image; more with commas.
    #[arg(long, value_name = "TAG", num_args = 1, value_delimiter = ',')]
    pub(crate) tag: Vec<Tag>,
    /// Derive from each image by these presets, or `all`.
    #[arg(long, value_name = "PRESET", num_args = 1, value_delimiter = ',')]
    pub(crate) derive: Vec<String>,
    /// Told of every image: https://…
    #[arg(long, value_name = "URL")]
    pub(crate) callback: Option<String>,
    #[command(flatten)]
    pub(crate) why: Reason,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Let someone sign in.
    #[command(after_help = "\
Examples:
  imgctl user add ana --role editor                        # asks for the password
  imgctl user add ana --role viewer --password-file ana.password

Roles: viewer (sees), editor (also takes in, names, erases), admin (everything).")]
    Add {
        /// Lower-case letters, digits, `.`, `_`, `@`, `-`.
        name: UserName,
        /// viewer, editor or admin.
        #[arg(long)]
        role: Role,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        why: Reason,
    },
    /// Everyone who can sign in.
    List,
    /// Set another password; whoever is signed in is signed out.
    Password {
        /// As `imgctl user list` shows it.
        name: UserName,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        why: Reason,
    },
    /// Give someone another role, from the next request on.
    Role {
        /// As `imgctl user list` shows it.
        name: UserName,
        /// viewer, editor or admin.
        role: Role,
        #[command(flatten)]
        why: Reason,
    },
    /// Let someone sign in no more.
    Remove {
        /// As `imgctl user list` shows it.
        name: UserName,
        #[command(flatten)]
        why: Reason,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PasswordArgs {
    /// Read the password from the first line of a file [default: ask, or standard input].
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Print entries, the latest first.
    #[command(after_help = "\
Examples:
  imgctl audit log --since 7d --action key                 # all that was done to keys
  imgctl audit log --target 3fa2…40 digits… --json")]
    Log(LogArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// Since: 30m, 24h, 7d, or a date such as 2026-01-31.
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Before.
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,
    /// By whom: local:root, key:3fa2…, user:ana.
    #[arg(long, value_name = "WHO")]
    pub(crate) actor: Option<String>,
    /// What: key.create, or key for all that is done to keys.
    #[arg(long, value_name = "WHAT")]
    pub(crate) action: Option<String>,
    /// To what: an id, an alias, a name.
    #[arg(long, value_name = "WHICH")]
    pub(crate) target: Option<String>,
    /// At most this many.
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) limit: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BlockCommand {
    /// Refuse bytes from now on, by id or by file.
    #[command(after_help = "\
Examples:
  imgctl block add --reason 'not ours' 3fa2…40 digits…
  imgctl block add leaked.jpg                              # also what is left of it without metadata

Images that are here already stay: `imgctl image erase --block` removes them.")]
    Add {
        /// Image ids, or files; ./NAME for a file that is named like an id.
        #[arg(required = true, value_name = "ID or FILE")]
        what: Vec<PathBuf>,
        #[command(flatten)]
        why: Reason,
    },
    /// Refuse an image no more.
    Remove {
        /// As `imgctl block list` shows it.
        id: ImageId,
        #[command(flatten)]
        why: Reason,
    },
    /// All that is refused, by id.
    List,
}
