//! Rows into model values, the same for both databases.

use std::str::FromStr;

use data_encoding::HEXLOWER;
use sqlx::Row;

use crate::catalog::{CatalogError, Failure, Totals};
use crate::model::alias::{AliasName, AliasPath, HostName};
use crate::model::image_id::ImageId;
use crate::model::record::{Appearance, Derivative, DerivativeKey, Image, Swatch};

/// The types of column that the schema uses.
pub(super) trait SqlRow: Send + Sync {
    fn int(&self, column: &str) -> Result<Option<i64>, sqlx::Error>;
    fn text(&self, column: &str) -> Result<String, sqlx::Error>;
    fn text_or_null(&self, column: &str) -> Result<Option<String>, sqlx::Error>;
    fn bytes(&self, column: &str) -> Result<Vec<u8>, sqlx::Error>;
    fn bytes_or_null(&self, column: &str) -> Result<Option<Vec<u8>>, sqlx::Error>;
}

macro_rules! sql_row {
    ($row:ty) => {
        impl SqlRow for $row {
            fn int(&self, column: &str) -> Result<Option<i64>, sqlx::Error> {
                self.try_get(column)
            }

            fn text(&self, column: &str) -> Result<String, sqlx::Error> {
                self.try_get(column)
            }

            fn text_or_null(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
                self.try_get(column)
            }

            fn bytes(&self, column: &str) -> Result<Vec<u8>, sqlx::Error> {
                self.try_get(column)
            }

            fn bytes_or_null(&self, column: &str) -> Result<Option<Vec<u8>>, sqlx::Error> {
                self.try_get(column)
            }
        }
    };
}
sql_row!(sqlx::sqlite::SqliteRow);
sql_row!(sqlx::postgres::PgRow);

pub(super) fn image(action: &'static str, row: &impl SqlRow) -> Result<Image, CatalogError> {
    let fields = Fields { action, row };
    Ok(Image {
        id: fields.id("id")?,
        media: fields.parsed("media")?,
        size_bytes: fields.unsigned("size_bytes")?,
        width_px: fields.unsigned("width_px")?,
        height_px: fields.unsigned("height_px")?,
        frames: fields.unsigned("frames")?,
        recorded_at: fields.int("recorded_at")?,
        ingested_at: fields.int("ingested_at")?,
        ingested_by: fields.text("ingested_by")?,
    })
}

pub(super) fn alias(action: &'static str, row: &impl SqlRow) -> Result<AliasName, CatalogError> {
    let fields = Fields { action, row };
    let host = fields.host("host")?;
    let path = AliasPath::from_decoded(fields.bytes("path")?)
        .map_err(|invalid| fields.fault("path", invalid.to_string()))?;
    Ok(AliasName { host, path })
}

pub(super) fn derivative(
    action: &'static str,
    row: &impl SqlRow,
) -> Result<Derivative, CatalogError> {
    let fields = Fields { action, row };
    Ok(Derivative {
        key: DerivativeKey {
            id: fields.id("image_id")?,
            variant: fields.parsed("variant")?,
            format: fields.parsed("format")?,
        },
        size_bytes: fields.unsigned_or_null("size_bytes")?,
        recorded_at: fields.int("recorded_at")?,
    })
}

pub(super) fn failure(action: &'static str, row: &impl SqlRow) -> Result<Failure, CatalogError> {
    let fields = Fields { action, row };
    Ok(Failure {
        code: fields.text("code")?,
        detail: fields.text("detail")?,
        until_ms: fields.int("until_ms")?,
    })
}

pub(super) fn appearance(
    action: &'static str,
    row: &impl SqlRow,
) -> Result<Appearance, CatalogError> {
    let fields = Fields { action, row };
    let dominant = fields.text("dominant")?;
    let palette = fields.text("palette")?;
    let swatches = palette.split_ascii_whitespace().map(parse_swatch);
    let swatches: Option<Vec<Swatch>> = swatches.collect();
    Ok(Appearance {
        blurhash: fields.text("blurhash")?,
        thumbhash: fields.bytes("thumbhash")?,
        dominant_rgb: parse_rgb(&dominant).ok_or_else(|| fields.fault("dominant", dominant))?,
        palette: swatches.ok_or_else(|| fields.fault("palette", palette))?,
        perceptual_hash: fields.parsed("phash")?,
        sharpness: fields.unsigned("sharpness")?,
    })
}

/// `rrggbb:percent`, by space.
pub(super) fn palette_text(palette: &[Swatch]) -> String {
    let text = |it: &Swatch| format!("{}:{}", HEXLOWER.encode(&it.rgb), it.share_percent);
    palette.iter().map(text).collect::<Vec<_>>().join(" ")
}

fn parse_swatch(text: &str) -> Option<Swatch> {
    let (rgb, percent) = text.split_once(':')?;
    Some(Swatch {
        rgb: parse_rgb(rgb)?,
        share_percent: percent.parse().ok()?,
    })
}

fn parse_rgb(text: &str) -> Option<[u8; 3]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

pub(super) fn totals(action: &'static str, row: &impl SqlRow) -> Result<Totals, CatalogError> {
    let fields = Fields { action, row };
    Ok(Totals {
        images: fields.unsigned("images")?,
        image_bytes: fields.unsigned("image_bytes")?,
        aliases: fields.unsigned("aliases")?,
        derivatives: fields.unsigned("derivatives")?,
        derivative_bytes: fields.unsigned("derivative_bytes")?,
        failures: fields.unsigned("failures")?,
    })
}

/// The fields of one row, whose faults say what was being done.
pub(super) struct Fields<'r, R> {
    pub(super) action: &'static str,
    pub(super) row: &'r R,
}

impl<R: SqlRow> Fields<'_, R> {
    pub(super) fn int(&self, column: &'static str) -> Result<i64, CatalogError> {
        self.int_or_null(column)?
            .ok_or_else(|| self.fault(column, "NULL".to_owned()))
    }

    pub(super) fn unsigned<T: TryFrom<i64>>(
        &self,
        column: &'static str,
    ) -> Result<T, CatalogError> {
        let value = self.int(column)?;
        T::try_from(value).map_err(|_| self.fault(column, value.to_string()))
    }

    pub(super) fn unsigned_or_null<T: TryFrom<i64>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, CatalogError> {
        match self.int_or_null(column)? {
            None => Ok(None),
            Some(_) => self.unsigned(column).map(Some),
        }
    }

    pub(super) fn text_or_null(
        &self,
        column: &'static str,
    ) -> Result<Option<String>, CatalogError> {
        let text = self.row.text_or_null(column);
        text.map_err(|source| self.query(source))
    }

    pub(super) fn bytes_or_null(
        &self,
        column: &'static str,
    ) -> Result<Option<Vec<u8>>, CatalogError> {
        let bytes = self.row.bytes_or_null(column);
        bytes.map_err(|source| self.query(source))
    }

    pub(super) fn text(&self, column: &'static str) -> Result<String, CatalogError> {
        self.row.text(column).map_err(|source| self.query(source))
    }

    pub(super) fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, CatalogError> {
        let text = self.text(column)?;
        text.parse().map_err(|_| self.fault(column, text))
    }

    /// An empty text stands for every host: NULL cannot be part of a primary key.
    pub(super) fn host(&self, column: &'static str) -> Result<Option<HostName>, CatalogError> {
        let text = self.text(column)?;
        if text.is_empty() {
            return Ok(None);
        }
        let host = text.parse().map_err(|_| self.fault(column, text));
        host.map(Some)
    }

    pub(super) fn bytes(&self, column: &'static str) -> Result<Vec<u8>, CatalogError> {
        self.row.bytes(column).map_err(|source| self.query(source))
    }

    pub(super) fn id(&self, column: &'static str) -> Result<ImageId, CatalogError> {
        let bytes = self.bytes(column)?;
        ImageId::try_from(&bytes[..]).map_err(|_| self.fault(column, HEXLOWER.encode(&bytes)))
    }

    pub(super) fn int_or_null(&self, column: &'static str) -> Result<Option<i64>, CatalogError> {
        self.row.int(column).map_err(|source| self.query(source))
    }

    fn query(&self, source: sqlx::Error) -> CatalogError {
        CatalogError::Query {
            action: self.action,
            source,
        }
    }

    pub(super) fn fault(&self, column: &'static str, found: String) -> CatalogError {
        CatalogError::Row {
            action: self.action,
            column,
            found,
        }
    }
}
