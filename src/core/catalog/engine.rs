//! What SQLite and PostgreSQL each do in their own way, below the trait that is written once.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;

use crate::catalog::batch::{Batch, Before};
use crate::catalog::rows::SqlRow;
use crate::catalog::{CatalogError, ImagePage};
use crate::model::image_id::ImageId;
use crate::model::record::Derivative;

#[async_trait]
pub(super) trait Engine: fmt::Debug + Send + Sync {
    type Row: SqlRow;

    async fn read(
        &self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Vec<Self::Row>, sqlx::Error>;

    /// Commits all of `writes` or none, and answers how many rows they changed.
    async fn write(&self, durability: Durability, writes: &[Write<'_>])
    -> Result<u64, sqlx::Error>;

    /// As [`Self::write`], if `first` changes anything; otherwise nothing is committed.
    async fn write_if(&self, first: Write<'_>, then: &[Write<'_>]) -> Result<bool, sqlx::Error>;

    /// Inserts what of `batch` is not on record, and answers what was.
    async fn insert_images(&self, batch: &Batch<'_>) -> Result<Before, CatalogError>;

    async fn find_images(&self, ids: &[ImageId]) -> Result<Vec<Self::Row>, sqlx::Error>;

    async fn find_blocked(&self, ids: &[ImageId]) -> Result<Vec<Self::Row>, sqlx::Error>;

    async fn list_images(&self, page: &ImagePage) -> Result<Vec<Self::Row>, sqlx::Error>;

    /// No two of `made` have the same key.
    async fn upsert_derivatives(&self, made: &[Derivative]) -> Result<(), sqlx::Error>;

    async fn close(&self);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// Survives power loss once acknowledged.
    Durable,
    /// Survives the end of the process, but not always that of the machine; costs no wait for the disk.
    Lazy,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Write<'a> {
    pub(super) sql: &'static str,
    pub(super) args: &'a [Arg<'a>],
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Arg<'a> {
    Int(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    MaybeInt(Option<i64>),
    MaybeText(Option<&'a str>),
}

/// Binds `$args` in order. A macro, because the two databases share no type of query.
macro_rules! bind_all {
    ($sql:expr, $args:expr) => {
        $args
            .iter()
            .fold(sqlx::query($sql), |query, arg| match *arg {
                Arg::Int(value) => query.bind(value),
                Arg::Text(value) => query.bind(value),
                Arg::Bytes(value) => query.bind(value),
                Arg::MaybeInt(value) => query.bind(value),
                Arg::MaybeText(value) => query.bind(value),
            })
    };
}
pub(super) use bind_all;

pub(super) fn query_error(action: &'static str) -> impl Fn(sqlx::Error) -> CatalogError {
    move |source| CatalogError::Query { action, source }
}

/// Sizes above 2^63 do not occur, and neither database could hold them.
pub(super) fn to_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// PostgreSQL refuses NUL in text, and messages of decoders quote what they found.
pub(super) fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Counts of an audit entry, as they stand in the database.
pub(super) fn counts_json(counts: &BTreeMap<String, u64>) -> String {
    serde_json::to_string(counts).expect("text and numbers have a JSON form")
}
