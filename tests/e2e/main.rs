//! End to end: the real imgctl, imgd and nginx, on free ports, in temporary directories.
#![expect(clippy::unwrap_used, reason = "a failing step is a failing test")]

mod harness; // a site to test, and an HTTP client that sends exactly what it is told
mod api; // a client of the API
mod daemon; // an imgd beside it, with a log to read
mod elsewhere; // imgctl on another machine, with a key

mod specimen; // images built byte by byte
mod report; // what `imgctl --json ingest` says
mod audit; // what must hold of a data directory at any time

mod smoke;

mod ingest;
mod ingest_paths;
mod ingest_alias;
mod ingest_runs;
mod bad_input;
mod metadata;
mod disk_full;
mod kill;

mod cli;
mod schema;
mod looking;
mod convert; // plain files
mod bench_imaging; // how fast
mod doctor;
mod derive_ahead;
mod on_postgres;
mod serving; // what stands on disk
mod misses; // what does not, yet
mod flight; // made once, however many ask
mod options; // signed resizing
mod nginx; // its configuration, put in force
mod up; // all of it in one command

mod api_upload; // images over HTTP
mod keys; // applications that may come in
mod people; // who signs in
mod tickets_local; // uploads by whoever has a URL
mod audit_log; // what was done
mod blocks; // what is not taken in
mod erase_local; // tags, names, erasures
mod server_flags; // where a key may be sent
mod api_upload_rights; // aliases, prefixes, quotas
mod api_bodies; // of every size and speed
mod api_multipart; // forms
mod api_tickets; // uploads without a key
mod api_ticket_pages; // in browsers
mod api_callbacks; // who is told of them
mod api_scan; // what is not taken in
mod api_flood; // too many, too large
mod api_durable; // killed, at once, on a full disk

mod beside; // what others do beside imgd
mod api_keys; // which are taken, and what they open
mod api_scopes; // and not beyond their prefix
mod api_lists; // page by page
mod api_erase; // for good
mod api_erase_races; // whatever happens meanwhile
mod api_aliases; // public names
mod api_tags; // words on images
mod api_people; // who signs in
mod api_audit; // what was done
mod api_idempotency; // what is asked twice
mod api_openapi; // what is promised
mod api_health; // how imgd stands, and what errors say
mod api_on_postgres; // and with another catalog
mod remote; // the command line through the API
mod remote_changes; // as on the machine itself
mod remote_server; // which URL, which key
mod remote_ingest; // the same report, the same catalog
mod remote_faults; // servers that stop, refuse, or are full
mod remote_limits; // rates, quotas, revoked keys
