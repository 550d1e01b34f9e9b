//! The section `[presets]`: from text to definitions, collecting every fault.

use std::collections::BTreeMap;

use crate::config::file::PresetSection;
use crate::model::geometry::Enlarge;
use crate::model::media::OutputFormat;
use crate::model::options::Options;
use crate::model::preset::{PresetDefinition, PresetName};
use crate::model::recipe::{Encoding, Layout, quality_default};

pub(crate) fn definitions(
    sections: &BTreeMap<String, PresetSection>,
    faults: &mut Vec<String>,
) -> BTreeMap<PresetName, PresetDefinition> {
    let mut definitions = BTreeMap::new();
    for (name, section) in sections {
        let mut found = Vec::new();
        let parsed = name.parse::<PresetName>();
        let definition = definition(section, &mut found);
        match parsed {
            Ok(name) if found.is_empty() => {
                definitions.insert(name, definition);
            }
            Ok(_) => {}
            Err(error) => found.push(error.to_string()),
        }
        faults.extend(
            found
                .into_iter()
                .map(|fault| format!("  presets.{name}: {fault}")),
        );
    }
    definitions
}

fn definition(section: &PresetSection, faults: &mut Vec<String>) -> PresetDefinition {
    let layout = layout(section, faults);
    let mut encodings: Vec<Encoding> = Vec::new();
    for text in &section.formats {
        match text.parse::<OutputFormat>() {
            Ok(format) if encodings.iter().any(|encoding| encoding.format == format) => {
                faults.push(format!("format {format} is given twice"));
            }
            Ok(format) => encodings.push(Encoding {
                format,
                quality: quality_default(format),
            }),
            Err(error) => faults.push(error.to_string()),
        }
    }
    if section.formats.is_empty() {
        faults.push("formats is empty".to_owned());
    }
    for (text, &quality) in &section.quality {
        match encodings
            .iter_mut()
            .find(|encoding| encoding.format.extension() == text)
        {
            Some(_) if !(1..=100).contains(&quality) => {
                faults.push(format!("quality.{text} is {quality}, expected 1 to 100"));
            }
            Some(encoding) => encoding.quality = quality,
            None => faults.push(format!("quality.{text} is for none of its formats")),
        }
    }
    PresetDefinition { layout, encodings }
}

fn layout(section: &PresetSection, faults: &mut Vec<String>) -> Layout {
    let mut layout = Layout {
        width_px: section.width,
        height_px: section.height,
        enlarge: if section.enlarge {
            Enlarge::Yes
        } else {
            Enlarge::No
        },
        ..Layout::default()
    };
    for (name, side_px) in [("width", section.width), ("height", section.height)] {
        if side_px.is_some_and(|side_px| !(1..=Options::SIDE_PX_MAX).contains(&side_px)) {
            faults.push(format!(
                "{name} is not within 1 to {}",
                Options::SIDE_PX_MAX
            ));
        }
    }
    if section.width.is_none() && section.height.is_none() {
        faults.push("neither width nor height is given".to_owned());
    }
    let mut set = |error: Option<String>| faults.extend(error);
    set(parse_into(&mut layout.fit, section.fit.as_deref()));
    set(parse_into(&mut layout.gravity, section.gravity.as_deref()));
    set(parse_into(
        &mut layout.background,
        section.background.as_deref(),
    ));
    layout
}

/// Sets `target` if there is text for it; answers what is wrong with the text.
fn parse_into<T>(target: &mut T, text: Option<&str>) -> Option<String>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    match text?.parse() {
        Ok(value) => {
            *target = value;
            None
        }
        Err(error) => Some(error.to_string()),
    }
}
