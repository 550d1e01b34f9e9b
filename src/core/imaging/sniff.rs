//! Tells the media type of bytes by their content, never by a name.

use memchr::memmem;

use crate::model::media::MediaType;

/// Brands of HEIF files (ISO/IEC 23008-12) that hold HEVC, or that leave the codec to the other brands.
const HEIF_BRANDS: [&[u8; 4]; 10] = [
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1",
];

const AVIF_BRANDS: [&[u8; 4]; 2] = [b"avif", b"avis"];

/// Sizes of BMP headers in use; without them, any text starting with `BM` would pass.
const BMP_HEADER_SIZES: [u8; 7] = [12, 40, 52, 56, 64, 108, 124];

/// All that is looked at: only an SVG may have so much before its root element, and none in use has.
pub(crate) const HEAD_LEN: usize = 64 << 10;

/// The beginning of the bytes is enough; what follows its first 64 KiB changes nothing.
pub fn sniff(bytes: &[u8]) -> Option<MediaType> {
    let bytes = &bytes[..bytes.len().min(HEAD_LEN)];
    let media = match bytes {
        [0xff, 0xd8, 0xff, ..] => MediaType::Jpeg,
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => MediaType::Png,
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => MediaType::Gif,
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => MediaType::Webp,
        // 43 is BigTIFF, refused with a word of its own when inspected.
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => MediaType::Tiff,
        [0xff, 0x0a, ..]
        | [
            0,
            0,
            0,
            12,
            b'J',
            b'X',
            b'L',
            b' ',
            0x0d,
            0x0a,
            0x87,
            0x0a,
            ..,
        ] => MediaType::Jxl,
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => return sniff_brands(bytes),
        [b'B', b'M', ..] => return sniff_bmp(bytes),
        _ => return is_svg(bytes).then_some(MediaType::Svg),
    };
    Some(media)
}

/// A file of the generic brand `mif1` is AVIF if a compatible brand says so.
fn sniff_brands(bytes: &[u8]) -> Option<MediaType> {
    let size = u32::from_be_bytes(*bytes.first_chunk()?);
    let end = usize::try_from(size).ok()?.min(bytes.len());
    let brands = bytes.get(8..end)?;
    // The second group of four is the minor version, not a brand.
    let mut all = brands
        .chunks_exact(4)
        .enumerate()
        .filter_map(|(index, brand)| (index != 1).then_some(brand));
    if all
        .clone()
        .any(|brand| AVIF_BRANDS.iter().any(|known| known.as_slice() == brand))
    {
        return Some(MediaType::Avif);
    }
    all.any(|brand| HEIF_BRANDS.iter().any(|known| known.as_slice() == brand))
        .then_some(MediaType::Heic)
}

fn sniff_bmp(bytes: &[u8]) -> Option<MediaType> {
    match *bytes.get(14..18)? {
        [size, 0, 0, 0] if BMP_HEADER_SIZES.contains(&size) => Some(MediaType::Bmp),
        _ => None,
    }
}

/// Whether the root element is `svg`, after byte order mark, XML declaration, comments and doctype.
fn is_svg(bytes: &[u8]) -> bool {
    let mut rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    loop {
        rest = rest.trim_ascii_start();
        rest = if rest.starts_with(b"<?") {
            after(rest, b"?>")
        } else if rest.starts_with(b"<!--") {
            after(rest, b"-->")
        } else if rest
            .get(..9)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"<!doctype"))
        {
            after_doctype(rest)
        } else {
            break;
        };
    }
    let name = rest
        .strip_prefix(b"<svg:svg")
        .or_else(|| rest.strip_prefix(b"<svg"));
    matches!(name, Some([b' ' | b'\t' | b'\r' | b'\n' | b'>' | b'/', ..]))
}

fn after<'a>(bytes: &'a [u8], end: &[u8]) -> &'a [u8] {
    match memmem::find(bytes, end) {
        Some(at) => &bytes[at + end.len()..],
        None => &[],
    }
}

/// An internal subset stands in brackets and holds `>` of its own.
fn after_doctype(bytes: &[u8]) -> &[u8] {
    match memchr::memchr2(b'[', b'>', bytes) {
        Some(at) if bytes[at] == b'[' => after(after(bytes, b"]"), b">"),
        _ => after(bytes, b">"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Option<MediaType>) {
        assert_eq!(sniff(bytes), expected, "{}", bytes.escape_ascii());
    }

    #[test]
    fn heif_brands_tell_avif_from_heic() {
        check(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", Some(MediaType::Avif));
        check(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", Some(MediaType::Heic));
        check(b"\0\0\0\x10ftypavis\0\0\0\0", Some(MediaType::Avif));
        check(b"\0\0\0\x14ftypisom\0\0\0\0mp42", None);
        // A brand beyond the end of the box is none.
        check(b"\0\0\0\x10ftypisom\0\0\0\0avif", None);
    }

    #[test]
    fn svg_may_start_with_xml_comments_and_doctype() {
        for text in [
            "<svg xmlns='x'/>",
            "\u{feff}<?xml version='1.0'?>\n<!-- a > b --><svg>",
            "<!DOCTYPE svg [<!ENTITY a 'b'>]>\n<svg\n>",
            "<!doctype svg PUBLIC 'a' 'b'><svg:svg >",
        ] {
            check(text.as_bytes(), Some(MediaType::Svg));
        }
        for text in [
            "<html><svg></html>",
            "<svgfoo>",
            "<!-- <svg>",
            "<?xml?>",
            "",
            "<!doctype",
        ] {
            check(text.as_bytes(), None);
        }
    }

    #[test]
    fn what_is_no_image_is_none() {
        for bytes in [
            &b"hello"[..],
            b"<!doctype html><html></html>",
            b"PK\x03\x04",
            b"\x7fELF\x02\x01\x01",
            b"BM is how a text may start, too",
            b"%PDF-1.7",
            b"RIFF\0\0\0\0WAVE",
        ] {
            check(bytes, None);
        }
    }
}
