//! From the name of a preset to the recipe, in its current and in its older revisions.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use crate::catalog::{Catalog, CatalogError};
use crate::model::clock::UnixSeconds;
use crate::model::image_id::ImageId;
use crate::model::media::OutputFormat;
use crate::model::preset::{Preset, PresetDefinition, PresetName};
use crate::model::recipe::Recipe;
use crate::model::record::DerivativeKey;
use crate::model::variant::Variant;
use crate::origin::error::DeriveError;

/// The presets of the configuration, with the revisions that the catalog gave them.
#[derive(Debug)]
pub struct PresetBook {
    current: BTreeMap<PresetName, Preset>,
    /// Definitions of older revisions, as they are asked for. Bounded by what the catalog has.
    older: Mutex<HashMap<(PresetName, u32), PresetDefinition>>,
    catalog: Arc<dyn Catalog>,
}

impl PresetBook {
    /// Finds or raises the revision of each definition.
    pub async fn load(
        catalog: &Arc<dyn Catalog>,
        definitions: BTreeMap<PresetName, PresetDefinition>,
        now: UnixSeconds,
    ) -> Result<Self, CatalogError> {
        let mut current = BTreeMap::new();
        for (name, definition) in definitions {
            let revision = catalog.ensure_preset(&name, &definition, now).await?;
            current.insert(
                name.clone(),
                Preset {
                    name,
                    revision,
                    definition,
                },
            );
        }
        Ok(Self {
            current,
            older: Mutex::default(),
            catalog: Arc::clone(catalog),
        })
    }

    pub fn current(&self) -> impl Iterator<Item = &Preset> {
        self.current.values()
    }

    pub fn find(&self, name: &PresetName) -> Option<&Preset> {
        self.current.get(name)
    }

    /// What to make for a variant; an older revision is made by its own definition, so that old pages keep their images.
    pub async fn recipe(&self, key: &DerivativeKey) -> Result<Recipe, DeriveError> {
        let (name, revision) = match &key.variant {
            Variant::Options(options) => return Ok(options.recipe(key.format)),
            Variant::Preset { name, revision } => (name, *revision),
        };
        let definition = match self.current.get(name) {
            Some(preset) if preset.revision == revision => preset.definition.clone(),
            _ => self.find_older(name, revision).await?,
        };
        definition
            .recipe(key.format)
            .ok_or_else(|| DeriveError::FormatNotMade {
                name: name.clone(),
                format: key.format,
            })
    }

    async fn find_older(
        &self,
        name: &PresetName,
        revision: u32,
    ) -> Result<PresetDefinition, DeriveError> {
        let at = (name.clone(), revision);
        let known = self
            .older
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&at)
            .cloned();
        if let Some(definition) = known {
            return Ok(definition);
        }
        let definition = self
            .catalog
            .find_preset(name, revision)
            .await?
            .ok_or_else(|| DeriveError::UnknownRevision {
                name: name.clone(),
                revision,
            })?;
        let mut older = self.older.lock().unwrap_or_else(PoisonError::into_inner);
        older.insert(at, definition.clone());
        Ok(definition)
    }
}

impl Preset {
    /// The derivatives of one image by this preset, with their recipes.
    pub fn derivatives_of(&self, id: ImageId) -> Vec<(DerivativeKey, Recipe)> {
        let formats: Vec<OutputFormat> = self.definition.formats().collect();
        let derivative = |format| {
            let variant = Variant::Preset {
                name: self.name.clone(),
                revision: self.revision,
            };
            let recipe = self.definition.recipe(format)?;
            Some((
                DerivativeKey {
                    id,
                    variant,
                    format,
                },
                recipe,
            ))
        };
        formats.into_iter().filter_map(derivative).collect()
    }
}
