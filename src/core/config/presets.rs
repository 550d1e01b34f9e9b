//! The section `[presets]`: from text to definitions, collecting every fault.

use std::collections::BTreeMap;

use crate::config::file::ConfigFile;
use crate::config::section::PresetSection;
use crate::model::geometry::Enlarge;
use crate::model::media::OutputFormat;
use crate::model::options::Options;
use crate::model::preset::{PresetDefinition, PresetName};
use crate::model::recipe::{Layout, Quality, quality_default};
use crate::model::watermark::{WatermarkRef, Watermarks};
use crate::model::words::{InvalidWord, Words};

pub(super) fn definitions(
    file: &ConfigFile,
    watermarks: &Watermarks,
    faults: &mut Vec<String>,
) -> BTreeMap<PresetName, PresetDefinition> {
    let mut definitions = BTreeMap::new();
    for (name, section) in &file.presets {
        let mut found = Vec::new();
        let parsed = name.parse::<PresetName>();
        let mut definition = definition(section, &mut found);
        let watermark = definition.effects.watermark;
        if let Some(WatermarkRef { name, .. }) = watermark {
            // With its fingerprint, so that a preset changes when its watermark does.
            definition.effects.watermark = watermarks.find_ref(name);
            // One that is declared with a fault is a fault already.
            if !file.watermarks.contains_key(name.as_str()) {
                found.push(format!(
                    "there is no watermark `{name}`: declare it in [watermarks.{name}]"
                ));
            }
        }
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
    let mut words = Words::default();
    words.layout = layout(section, faults);
    for (name, value) in section.words() {
        if let Err(error) = words.set(name, &value) {
            faults.push(error.to_string());
        }
    }
    let mut qualities = fixed_qualities(section, faults);
    match words.target() {
        Ok(None) => {}
        Ok(Some(_)) if !section.quality.is_empty() => {
            faults.push(InvalidWord::TargetAndQuality.to_string());
        }
        Ok(Some(target)) => {
            for (_, quality) in &mut qualities {
                *quality = Quality::Target(target);
            }
        }
        // A fault of its own already, if `ssim2` is given and wrong.
        Err(InvalidWord::NoTarget { .. }) if section.ssim2.is_some() => {}
        Err(error) => faults.push(error.to_string()),
    }
    PresetDefinition {
        layout: words.layout,
        effects: words.effects,
        finish: words.finish,
        qualities,
    }
}

fn fixed_qualities(
    section: &PresetSection,
    faults: &mut Vec<String>,
) -> Vec<(OutputFormat, Quality)> {
    let mut qualities: Vec<(OutputFormat, Quality)> = Vec::new();
    for text in &section.formats {
        match text.parse::<OutputFormat>() {
            Ok(format) if qualities.iter().any(|&(given, _)| given == format) => {
                faults.push(format!("format {format} is given twice"));
            }
            Ok(format) => qualities.push((format, Quality::Fixed(quality_default(format)))),
            Err(error) => faults.push(error.to_string()),
        }
    }
    if section.formats.is_empty() {
        faults.push("formats is empty".to_owned());
    }
    for (text, &quality) in &section.quality {
        match qualities
            .iter_mut()
            .find(|(format, _)| format.extension() == text)
        {
            Some(_) if !(1..=100).contains(&quality) => {
                faults.push(format!("quality.{text} is {quality}, expected 1 to 100"));
            }
            Some((_, chosen)) => *chosen = Quality::Fixed(quality),
            None => faults.push(format!("quality.{text} is for none of its formats")),
        }
    }
    qualities
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

#[cfg(test)]
mod tests;
