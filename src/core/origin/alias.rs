//! Public names of an image: every URL it answers to.

use crate::catalog::CatalogError;
use crate::imaging::{can_decode, place};
use crate::model::alias::AliasName;
use crate::model::geometry::Fit;
use crate::model::image_name::ImageName;
use crate::model::recipe::Layout;
use crate::model::record::{Derivative, Image};
use crate::origin::Origin;

/// Every URL of one image, as paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageUrls {
    pub original: String,
    /// By the current presets, made or not, in the order of presets and formats. None where nothing can be derived.
    pub presets: Vec<PresetUrl>,
    /// On the ledger beyond those: older revisions and free options.
    pub others: Vec<String>,
    pub aliases: Vec<AliasName>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresetUrl {
    pub preset: String,
    pub format: &'static str,
    pub path: String,
    /// Width in pixels that the derivative has or will have; `None` where the original's size is not known.
    pub width_px: Option<u32>,
    /// Whether it shows all of the image and nothing else, so that it can stand in a `srcset` with others.
    pub keeps_ratio: bool,
    /// Whether it is on the ledger.
    pub emitted: bool,
}

impl Origin {
    pub async fn list_urls(&self, image: &Image) -> Result<ImageUrls, CatalogError> {
        let ledger = self.catalog.list_derivatives_of(image.id).await?;
        let aliases = self.catalog.list_aliases_of(image.id).await?;
        Ok(self.urls_of(image, ledger, aliases))
    }

    /// The URLs of an image whose ledger and aliases are known.
    pub(crate) fn urls_of(
        &self,
        image: &Image,
        ledger: Vec<Derivative>,
        aliases: Vec<AliasName>,
    ) -> ImageUrls {
        let path = |key| ImageName::Derivative(key).url_path();
        let mut presets = Vec::new();
        let derivable = can_decode(image.media);
        for preset in self.presets.current().filter(|_| derivable) {
            for (key, recipe) in preset.derivatives_of(image.id) {
                presets.push(PresetUrl {
                    preset: preset.name.to_string(),
                    format: key.format.extension(),
                    width_px: derived_width_px(image, &recipe.layout),
                    keeps_ratio: matches!(recipe.layout.fit, Fit::Contain | Fit::Inside),
                    emitted: ledger.iter().any(|derivative| derivative.key == key),
                    path: path(key),
                });
            }
        }
        let is_current = |path: &String| presets.iter().any(|url| url.path == *path);
        let others = ledger
            .into_iter()
            .map(|Derivative { key, .. }| path(key))
            .filter(|path| !is_current(path))
            .collect();
        let original = ImageName::Original {
            id: image.id,
            media: image.media,
        }
        .url_path();
        ImageUrls {
            original,
            presets,
            others,
            aliases,
        }
    }
}

/// `None` where only looking at the pixels would tell.
fn derived_width_px(image: &Image, layout: &Layout) -> Option<u32> {
    let known = image.width_px > 0 && image.height_px > 0 && layout.trim.is_none();
    let turned = layout.rotation.turn_size((image.width_px, image.height_px));
    known.then(|| place(layout, turned).size().0)
}
