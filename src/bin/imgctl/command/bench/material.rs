//! The images that are worked on: the user's own, or drawn.

use std::fs;
use std::path::{Path, PathBuf};

use img_core::imaging::{Limits, inspect, photo};
use img_core::model::media::{MediaType, OutputFormat};
use img_core::model::recipe::{Encoding, Quality};
use img_core::origin::error::chain;

use crate::exit::Failure;
use crate::output::Output;
use crate::paths::shown;

#[derive(Debug, Default)]
pub(super) struct Material {
    pub(super) jpeg: Images,
    pub(super) png: Images,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Images {
    pub(super) paths: Vec<PathBuf>,
    /// Of all of them.
    pixels: u64,
}

impl Images {
    fn add(&mut self, path: PathBuf, (width_px, height_px): (u32, u32)) {
        self.paths.push(path);
        self.pixels += u64::from(width_px) * u64::from(height_px);
    }

    /// Of one of them, on average.
    pub(super) fn megapixels(&self) -> f64 {
        self.pixels as f64 / 1e6 / self.paths.len().max(1) as f64
    }
}

/// Copies of a drawn image, so that a process has more to do than to start.
const COPIES: usize = 4;
const JPEG_SIZE: (u32, u32) = (4000, 3000);
const PNG_SIZE: (u32, u32) = (2000, 1500);

impl Material {
    pub(super) fn draw(directory: &Path) -> Result<Self, Failure> {
        let mut material = Self::default();
        for (size, format) in [
            (JPEG_SIZE, OutputFormat::Jpeg),
            (PNG_SIZE, OutputFormat::Png),
        ] {
            // About what phones write.
            let encoding = Encoding::new(format, Quality::Fixed(92));
            let bytes = photo(size, encoding);
            for copy in 0..COPIES {
                let path = directory.join(format!("drawn-{copy}.{}", format.extension()));
                fs::write(&path, &bytes).map_err(Failure::io(format!("write {}", shown(&path))))?;
                material.images(format.media()).add(path, size);
            }
        }
        Ok(material)
    }

    /// Every file must be there; those of other types are told and left out.
    pub(super) fn read(paths: &[PathBuf], output: Output) -> Result<Self, Failure> {
        let mut material = Self::default();
        for path in paths {
            let absolute = std::path::absolute(path);
            let absolute = absolute.map_err(Failure::io(format!("find {}", shown(path))))?;
            let bytes = fs::read(path).map_err(Failure::io(format!("read {}", shown(path))))?;
            match inspect(&bytes, &Limits::default()) {
                Ok(seen) if matches!(seen.media, MediaType::Jpeg | MediaType::Png) => {
                    material
                        .images(seen.media)
                        .add(absolute, seen.upright_size());
                }
                Ok(seen) => output.note(&format!("left out: {}: {}", shown(path), seen.media)),
                Err(error) => {
                    output.note(&format!("left out: {}: {}", shown(path), chain(&error)));
                }
            }
        }
        if material.jpeg.paths.is_empty() && material.png.paths.is_empty() {
            return Err(Failure::new(
                "nothing-to-measure",
                "none of these is a JPEG or a PNG",
            ));
        }
        Ok(material)
    }

    fn images(&mut self, media: MediaType) -> &mut Images {
        if media == MediaType::Png {
            &mut self.png
        } else {
            &mut self.jpeg
        }
    }
}
