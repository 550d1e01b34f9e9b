//! Items of HEIF (ISO/IEC 23008-12) and MIAF: which is the primary one, how it is turned, where coded data lie.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::imaging::container::isobmff::{Boxes, find};
use crate::imaging::container::{be16, be32};
use crate::imaging::error::ImagingError;
use crate::imaging::orient::Orientation;
use crate::imaging::source::Window;

/// What is read of a box that lists items: 65,536 tiles take some 8 bytes each at least, and no image in use has 1,000.
const LIST_LEN_MAX: usize = 512 << 10;

/// The properties of one item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Primary {
    pub(crate) size: Option<(u32, u32)>,
    /// By `irot` and `imir`, which decide alone: EXIF in HEIF is for information.
    pub(crate) orientation: Orientation,
}

/// The properties of the primary item; `None` if it is not named, or has none.
pub(crate) fn primary(
    window: &mut Window<'_>,
    meta: Range<u64>,
) -> Result<Option<Primary>, ImagingError> {
    let Some(item) = primary_id(window, meta.clone())? else {
        return Ok(None);
    };
    let Some(properties) = find(window, meta, &[*b"iprp"])? else {
        return Ok(None);
    };
    let Some(indices) = associations(window, properties.clone(), item)? else {
        return Ok(None);
    };
    let Some(all) = find(window, properties, &[*b"ipco"])? else {
        return Ok(None);
    };
    let mut found = Turn::default();
    let mut size = None;
    let mut boxes = Boxes::within(all);
    let mut index = 0_u16;
    while let Some(property) = boxes.next(window)? {
        index = index.saturating_add(1);
        if !indices.contains(&index) {
            continue;
        }
        let data = window.start_of(property.data, 12)?;
        match &property.kind {
            b"ispe" => size = size.or(be32(data, 4).zip(be32(data, 8))),
            b"irot" => found.quarters = data.first().map_or(0, |angle| angle & 3),
            b"imir" => found.mirror = data.first().map(|axis| axis & 1),
            _ => {}
        }
    }
    Ok(Some(Primary {
        size,
        orientation: found.orientation(),
    }))
}

/// MIAF demands this order: first the rotation, then the mirroring.
#[derive(Default)]
struct Turn {
    /// Anti-clockwise.
    quarters: u8,
    /// 0 exchanges top and bottom, 1 left and right.
    mirror: Option<u8>,
}

impl Turn {
    fn orientation(&self) -> Orientation {
        match (self.quarters, self.mirror) {
            (0, None) => Orientation::Upright,
            (1, None) => Orientation::Rotate270,
            (2, None) => Orientation::Rotate180,
            (_, None) => Orientation::Rotate90,
            (0, Some(0)) | (2, Some(1)) => Orientation::FlipVertical,
            (0 | 2, Some(_)) => Orientation::FlipHorizontal,
            (1, Some(0)) | (3, Some(1)) => Orientation::Transpose,
            (_, Some(_)) => Orientation::Transverse,
        }
    }
}

fn primary_id(window: &mut Window<'_>, meta: Range<u64>) -> Result<Option<u32>, ImagingError> {
    let Some(pitm) = find(window, meta, &[*b"pitm"])? else {
        return Ok(None);
    };
    let data = window.start_of(pitm, 8)?;
    Ok(match data.first() {
        Some(0) => be16(data, 4).map(u32::from),
        Some(_) => be32(data, 4),
        None => None,
    })
}

/// Indices of the properties of an item, from 1.
fn associations(
    window: &mut Window<'_>,
    properties: Range<u64>,
    item: u32,
) -> Result<Option<Vec<u16>>, ImagingError> {
    let mut boxes = Boxes::within(properties);
    while let Some(found) = boxes.next(window)? {
        if found.kind != *b"ipma" {
            continue;
        }
        let data = window.start_of(found.data, LIST_LEN_MAX)?;
        if let Some(indices) = associations_of(data, item) {
            return Ok(Some(indices));
        }
    }
    Ok(None)
}

/// `None` if the item is not in this box.
fn associations_of(data: &[u8], item: u32) -> Option<Vec<u16>> {
    let mut fields = Fields { data, at: 0 };
    let head = fields.number(4)?;
    let (version, wide) = (head >> 24, head & 1 == 1);
    for _ in 0..fields.number(4)? {
        let id = fields.number(if version == 0 { 2 } else { 4 })?;
        let count = fields.number(1)?;
        let mut indices = Vec::new();
        for _ in 0..count {
            // The highest bit says whether the property is essential.
            let index = if wide {
                fields.number(2)? & 0x7fff
            } else {
                fields.number(1)? & 0x7f
            };
            indices.push(u16::try_from(index).ok()?);
        }
        if u64::from(item) == id {
            return Some(indices);
        }
    }
    None
}

/// Where the coded data of one item lie, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) parts: Vec<Range<u64>>,
}

/// The items of AV1 in a file that is in memory. `None` if its lists cannot be read.
pub(crate) fn av1_items(original: &[u8]) -> Option<Vec<Item>> {
    let mut window = Window::over(&original);
    let whole = 0..window.size_bytes();
    let meta = find(&mut window, whole, &[*b"meta"]).ok()??;
    let meta = meta.start.checked_add(4)?..meta.end;
    let mut child = |kind| find(&mut window, meta.clone(), &[kind]).ok().flatten();
    let (names, places, idat) = (child(*b"iinf")?, child(*b"iloc")?, child(*b"idat"));
    let slice = |range: &Range<u64>| {
        let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
        original.get(start.ok()?..end.ok()?)
    };
    let coded = av1_ids(original, &names)?;
    let places = slice(&places)?;
    if places.len() > LIST_LEN_MAX {
        return None;
    }
    let items = locations(places, idat.map_or(0, |found| found.start))?;
    let items = items.into_iter().filter(|(id, _)| coded.contains(id));
    Some(items.map(|(_, item)| item).collect())
}

fn av1_ids(original: &[u8], names: &Range<u64>) -> Option<BTreeSet<u64>> {
    let mut window = Window::over(&original);
    let version = window.byte(names.start).ok()??;
    let skipped = if version == 0 { 6 } else { 8 };
    let mut boxes = Boxes::within(names.start.checked_add(skipped)?..names.end);
    let mut ids = BTreeSet::new();
    while let Some(entry) = boxes.next(&mut window).ok()? {
        if entry.kind != *b"infe" {
            continue;
        }
        let data = window.start_of(entry.data, 16).ok()?;
        let mut fields = Fields { data, at: 0 };
        let version = fields.number(4)? >> 24;
        let id = fields.number(if version < 3 { 2 } else { 4 })?;
        fields.number(2)?;
        if version >= 2 && fields.number(4)? == u64::from(u32::from_be_bytes(*b"av01")) {
            ids.insert(id);
        }
    }
    Some(ids)
}

/// Of `iloc` (ISO/IEC 14496-12, 8.11.3).
fn locations(data: &[u8], idat_at: u64) -> Option<Vec<(u64, Item)>> {
    let mut fields = Fields { data, at: 0 };
    let version = fields.number(4)? >> 24;
    let widths = fields.number(2)?;
    let width = |shift: u32| usize::try_from(widths >> shift & 0xf).ok();
    let (offset_len, length_len, base_len) = (width(12)?, width(8)?, width(4)?);
    let index_len = if version == 0 { 0 } else { width(0)? };
    let count = fields.number(if version < 2 { 2 } else { 4 })?;
    let mut items = Vec::new();
    for _ in 0..count {
        let id = fields.number(if version < 2 { 2 } else { 4 })?;
        let method = if version == 0 {
            0
        } else {
            fields.number(2)? & 0xf
        };
        fields.number(2)?;
        let base = fields.number(base_len)?;
        let start = match method {
            0 => base,
            1 => base.checked_add(idat_at)?,
            _ => return None,
        };
        let mut parts = Vec::new();
        for _ in 0..fields.number(2)? {
            fields.number(index_len)?;
            let at = start.checked_add(fields.number(offset_len)?)?;
            parts.push(at..at.checked_add(fields.number(length_len)?)?);
            // Nothing is read of an item whose fields have no width, so its list would cost nothing to claim.
            if index_len + offset_len + length_len == 0 {
                break;
            }
        }
        items.push((id, Item { parts }));
    }
    Some(items)
}

/// Numbers of given widths, one after the other.
struct Fields<'a> {
    data: &'a [u8],
    at: usize,
}

impl Fields<'_> {
    /// Big-endian, of 0 to 8 bytes.
    fn number(&mut self, len: usize) -> Option<u64> {
        if len > 8 {
            return None;
        }
        let end = self.at.checked_add(len)?;
        let bytes = self.data.get(self.at..end)?;
        self.at = end;
        Some(
            bytes
                .iter()
                .fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    /// Turning anti-clockwise, then mirroring, in terms of where the top left and the top right pixel go.
    #[test]
    fn rotation_and_mirroring_together_are_one_of_eight() {
        for (quarters, mirror, exif) in [
            (0, None, 1),
            (0, Some(1), 2),
            (2, None, 3),
            (0, Some(0), 4),
            (1, Some(0), 5),
            (3, None, 6),
            (1, Some(1), 7),
            (1, None, 8),
            (2, Some(0), 2),
            (2, Some(1), 4),
            (3, Some(0), 7),
            (3, Some(1), 5),
        ] {
            let turn = Turn { quarters, mirror };
            assert_eq!(
                turn.orientation().exif_value(),
                exif,
                "{quarters} {mirror:?}"
            );
        }
    }

    #[test]
    fn associations_are_read_in_both_widths() {
        let narrow = [0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 1, 0x81, 0, 7, 2, 3, 0x84];
        assert_eq!(associations_of(&narrow, 7), Some(vec![3, 4]));
        assert_eq!(associations_of(&narrow, 1), Some(vec![1]));
        assert_eq!(associations_of(&narrow, 2), None);
        let wide = [1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 1, 0x80, 0x05];
        assert_eq!(associations_of(&wide, 9), Some(vec![5]));
        assert_eq!(associations_of(&wide[..14], 9), None);
    }

    #[test]
    fn locations_are_read_with_their_bases() {
        // Version 1: 4-byte offsets and lengths, no base, no index; one item in idat with one part.
        let iloc = [
            1, 0, 0, 0, 0x44, 0, 0, 1, 0, 2, 0, 1, 0, 0, 0, 1, 0, 0, 0, 10, 0, 0, 0, 5,
        ];
        let found = locations(&iloc, 100).unwrap();
        let item = Item {
            parts: iter::once(110..115).collect(),
        };
        assert_eq!(found, [(2, item)]);
        assert_eq!(locations(&iloc[..20], 0), None);
    }
}
