//! A TrueType font drawn by code, whose letters are rectangles.
//!
//! Layout of the tables: OpenType specification 1.9, chapters of their names.

/// 1,000 units to the em, 800 above the baseline and 200 below it.
pub(crate) const UNITS_PER_EM: i16 = 1000;
/// Of all letters.
pub(crate) const ADVANCE: i16 = 600;
/// Left, bottom, right and top of `I`.
pub(crate) const UPRIGHT: [i16; 4] = [200, 0, 300, 700];
/// And of `-`.
pub(crate) const DASH: [i16; 4] = [100, 300, 500, 400];
const MISSING: [i16; 4] = [50, 0, 550, 800];

/// Has `I`, `-` and a space, in the order of their glyphs from 2 on: the space is 1, and 0 is for what is missing.
pub(crate) fn drawn_font() -> Vec<u8> {
    let boxes = [Some(MISSING), None, Some(UPRIGHT), Some(DASH)];
    let count = i16::try_from(boxes.len()).unwrap();
    let (mut glyf, mut loca, mut hmtx) = (Vec::new(), words(&[0, 0]), Vec::new());
    for glyph in boxes {
        glyf.extend(glyph.map(rectangle).unwrap_or_default());
        loca.extend(u32::try_from(glyf.len()).unwrap().to_be_bytes());
        let left = glyph.map_or(0, |[left, ..]| left);
        hmtx.extend(words(&[ADVANCE, left]));
    }
    // Sorted by tag, as the directory has to be.
    file(&[
        (*b"cmap", cmap(&[(' ', 1), ('-', 3), ('I', 2)])),
        (*b"glyf", glyf),
        (*b"head", head()),
        (*b"hhea", hhea(count)),
        (*b"hmtx", hmtx),
        (*b"loca", loca),
        (*b"maxp", maxp(count)),
    ])
}

fn words(values: &[i16]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect()
}

/// One contour of four points, each coordinate a word of two bytes.
fn rectangle([left, bottom, right, top]: [i16; 4]) -> Vec<u8> {
    let mut glyph = words(&[1, left, bottom, right, top]);
    // The last point is 3, there are no instructions, and all points are on the curve.
    glyph.extend_from_slice(&[0, 3, 0, 0, 1, 1, 1, 1]);
    glyph.extend(words(&[left, 0, right - left, 0]));
    glyph.extend(words(&[bottom, top - bottom, 0, bottom - top]));
    glyph.resize(glyph.len().next_multiple_of(4), 0);
    glyph
}

/// Format 12, in one group for each letter; sorted.
fn cmap(letters: &[(char, u32)]) -> Vec<u8> {
    let groups = u32::try_from(letters.len()).unwrap();
    // Version 0, one encoding: Windows, all of Unicode.
    let mut table = words(&[0, 1, 3, 10]);
    table.extend(12_u32.to_be_bytes());
    table.extend(words(&[12, 0]));
    for value in [16 + 12 * groups, 0, groups] {
        table.extend(value.to_be_bytes());
    }
    for &(letter, glyph) in letters {
        let code = u32::from(letter);
        table.extend([code, code, glyph].map(u32::to_be_bytes).concat());
    }
    table
}

fn head() -> Vec<u8> {
    let mut table = words(&[1, 0, 1, 0, 0, 0]);
    table.extend(0x5f0f_3cf5_u32.to_be_bytes());
    table.extend(words(&[0, UNITS_PER_EM]));
    table.extend([0; 16]);
    // The box of all glyphs, style, smallest size, direction, long offsets in `loca`, format.
    table.extend(words(&[50, 0, 550, 800, 0, 8, 2, 1, 0]));
    table
}

fn hhea(count: i16) -> Vec<u8> {
    words(&[
        1, 0, 800, -200, 0, 600, 0, 0, 550, 1, 0, 0, 0, 0, 0, 0, 0, count,
    ])
}

fn maxp(count: i16) -> Vec<u8> {
    words(&[1, 0, count, 4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
}

/// Checksums are left at 0: nobody looks at them.
fn file(tables: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let count = i16::try_from(tables.len()).unwrap();
    let mut bytes = words(&[1, 0, count, 64, 2, 48]);
    let mut at = 12 + 16 * tables.len();
    for (tag, table) in tables {
        bytes.extend(tag);
        bytes.extend([0; 4]);
        bytes.extend(u32::try_from(at).unwrap().to_be_bytes());
        bytes.extend(u32::try_from(table.len()).unwrap().to_be_bytes());
        at += table.len().next_multiple_of(4);
    }
    for (_, table) in tables {
        bytes.extend(table);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}
