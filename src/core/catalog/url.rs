//! Which database a catalog is in, from the text in the configuration.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use crate::catalog::CatalogError;

/// `sqlite:PATH` or `postgres://…`. Display and debug never show a password.
#[derive(Clone)]
pub enum CatalogUrl {
    Sqlite(PathBuf),
    Postgres(PostgresUrl),
}

/// The part that may hold a password stays in here.
#[derive(Clone)]
pub struct PostgresUrl(Box<PgConnectOptions>);

impl CatalogUrl {
    /// Makes a relative SQLite path one below the data directory.
    #[must_use]
    pub fn resolve(self, data: &Path) -> Self {
        match self {
            Self::Sqlite(path) => Self::Sqlite(data.join(path)),
            Self::Postgres(url) => Self::Postgres(url),
        }
    }
}

impl PostgresUrl {
    pub(super) fn options(&self) -> PgConnectOptions {
        (*self.0).clone()
    }
}

impl FromStr for CatalogUrl {
    type Err = CatalogError;

    fn from_str(text: &str) -> Result<Self, CatalogError> {
        let invalid = |reason: String| CatalogError::Url {
            url: redact(text),
            reason,
        };
        if let Some(path) = text.strip_prefix("sqlite:") {
            let fault = match path {
                "" => Some("it has no path"),
                ":memory:" => Some("a catalog in memory is lost with its process"),
                _ if path.starts_with("//") => Some("after sqlite: comes a path, without //"),
                _ if path.contains('\0') => Some("it has a NUL"),
                _ => None,
            };
            return match fault {
                None => Ok(Self::Sqlite(PathBuf::from(path))),
                Some(fault) => Err(invalid(fault.to_owned())),
            };
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(invalid("it has another scheme".to_owned()));
        }
        let options: PgConnectOptions = text.parse().map_err(|error| match error {
            sqlx::Error::Configuration(source) => invalid(source.to_string()),
            other => invalid(other.to_string()),
        })?;
        // Who holds a lock is the first question in pg_stat_activity.
        let options = match options.get_application_name() {
            None => options.application_name("imgctl"),
            Some(_) => options,
        };
        Ok(Self::Postgres(PostgresUrl(Box::new(options))))
    }
}

impl fmt::Display for CatalogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(PostgresUrl(options)) => {
                let user = options.get_username();
                let database = options.get_database().unwrap_or(user);
                let port = options.get_port();
                if let Some(socket) = options.get_socket() {
                    let socket = socket.display();
                    write!(
                        f,
                        "postgres:///{database}?host={socket}&port={port}&user={user}"
                    )
                } else {
                    let host = options.get_host();
                    write!(f, "postgres://{user}@{host}:{port}/{database}")
                }
            }
        }
    }
}

impl fmt::Debug for CatalogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CatalogUrl({self})")
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresUrl(…)")
    }
}

/// What did not parse may hold a password anywhere, so only its scheme is told.
fn redact(text: &str) -> String {
    if !text.contains("//") && !text.contains(['@', '?']) {
        return text.to_owned();
    }
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    let plain = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    format!("{}://…", if plain { scheme } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn display(text: &str) -> String {
        text.parse::<CatalogUrl>().unwrap().to_string()
    }

    #[test]
    fn sqlite_paths_are_below_the_data_directory() {
        let resolved = |text: &str| {
            let url: CatalogUrl = text.parse().unwrap();
            url.resolve(Path::new("/data")).to_string()
        };
        assert_eq!(resolved("sqlite:catalog.db"), "sqlite:/data/catalog.db");
        assert_eq!(resolved("sqlite:/var/c.db"), "sqlite:/var/c.db");
    }

    #[test]
    fn postgres_urls_name_a_host_or_a_socket() {
        assert_eq!(
            display("postgres://img@db.example:5433/origin"),
            "postgres://img@db.example:5433/origin"
        );
        assert_eq!(
            display("postgresql:///origin?host=/run/postgresql&user=img&port=5432"),
            "postgres:///origin?host=/run/postgresql&port=5432&user=img"
        );
    }

    #[test]
    fn other_urls_are_refused() {
        for bad in [
            "",
            "catalog.db",
            "sqlite:",
            "sqlite::memory:",
            "sqlite://catalog.db",
            "mysql://h/d",
            "postgres://h:port/d",
        ] {
            assert!(bad.parse::<CatalogUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for text in [
            "postgres://img:hunter2@db/origin",
            "postgres://img@db/origin?password=hunter2",
        ] {
            let url: CatalogUrl = text.parse().unwrap();
            let shown = format!("{url} {url:?} {:?}", url.clone().resolve(Path::new("/")));
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("img@db"), "{shown}");
        }
        for bad in [
            "postgre://img:hunter2@db/origin",
            "postgres://img:p@hunter2@db:x/origin",
            "postgres://img@db:x/origin?password=hunter2",
            "postgres://img:hunter2?x@db",
            "postgres://img:hunter2",
            "img:hunter2@db",
        ] {
            let error = bad.parse::<CatalogUrl>().unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("://…"), "{shown}");
        }
    }
}
