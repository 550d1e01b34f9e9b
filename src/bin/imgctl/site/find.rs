//! Which image is meant: an id, any URL of it, or an alias.

use img_core::model::alias::{AliasName, AliasPath};
use img_core::model::image_id::ImageId;
use img_core::model::image_name::ImageName;

use crate::exit::Failure;
use crate::site::Site;

impl Site {
    /// By id, by any URL below `/i/`, or by alias. An id is not looked up.
    pub(crate) async fn find_id(&self, text: &str) -> Result<ImageId, Failure> {
        let found = match Meant::by(text) {
            Meant::Id(id) => Some(id),
            Meant::Alias(name) => self.find_named(name).await?,
            Meant::Nothing => None,
        };
        found.ok_or_else(|| unknown(text))
    }

    /// As nginx answers: an alias of the host itself comes before one of every host.
    async fn find_named(&self, mut name: AliasName) -> Result<Option<ImageId>, Failure> {
        if name.host.is_some() {
            if let Some(id) = self.find_alias_id(&name).await? {
                return Ok(Some(id));
            }
            name.host = None;
        }
        self.find_alias_id(&name).await
    }
}

pub(crate) fn unknown(text: &str) -> Failure {
    Failure::new("unknown-image", format!("there is no image `{text}`"))
        .with_hint("name it by id, URL or alias; `imgctl image list` shows what there is")
}

/// What a text can mean.
#[derive(Debug, PartialEq, Eq)]
enum Meant {
    Id(ImageId),
    Alias(AliasName),
    Nothing,
}

impl Meant {
    fn by(text: &str) -> Self {
        let (host, path) = split_url(text);
        let name = path.strip_prefix("/i/").unwrap_or(path);
        let name = name.split('?').next().unwrap_or(name);
        match (name.parse::<ImageId>(), name.parse::<ImageName>()) {
            (Ok(id), _) => Self::Id(id),
            (_, Ok(name)) => Self::Id(name.id()),
            _ => match AliasPath::from_request_uri(path.as_bytes()) {
                Ok(path) => Self::Alias(AliasName {
                    host: host.and_then(|host| host.parse().ok()),
                    path,
                }),
                Err(_) => Self::Nothing,
            },
        }
    }
}

/// The host, if there is one, and the path of `https://host:port/path`, `//host/path` or `/path`.
fn split_url(text: &str) -> (Option<String>, &str) {
    let rest = text.split_once("://").map(|(_, rest)| rest);
    let Some(rest) = rest.or_else(|| text.strip_prefix("//")) else {
        return (None, text);
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.split(':').next().unwrap_or_default();
    (Some(host.to_ascii_lowercase()), path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_urls_and_aliases_are_told_apart() {
        let id = ImageId::of(b"");
        for text in [
            id.to_string(),
            format!("/i/{id}.jpg"),
            format!("https://img.example:8443/i/{id}.thumb~1.webp?x=1"),
        ] {
            assert_eq!(Meant::by(&text), Meant::Id(id), "{text}");
        }
        let Meant::Alias(name) = Meant::by("//B.example/shop/a%20b.jpg?v=2") else {
            panic!("an alias");
        };
        assert_eq!(name.to_string(), "b.example/shop/a%20b.jpg");
        assert_eq!(Meant::by("/../etc"), Meant::Nothing);
    }
}
