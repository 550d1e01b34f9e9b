//! Who made an image and who owns it, in EXIF, XMP or IPTC; and a minimal EXIF block that says only this.

use std::ops::Range;

use memchr::memmem;

use crate::imaging::container::ifd::Tiff;
use crate::imaging::container::{be16, jpeg, png, webp};
use crate::imaging::error::ImagingError;
use crate::imaging::limits::DamagedPolicy;
use crate::imaging::metadata::exif;
use crate::imaging::source::{Source, Window};
use crate::model::media::MediaType;

/// Tags of TIFF 6.0: text of ASCII, in practice UTF-8.
const ARTIST: u16 = 0x013b;
const COPYRIGHT: u16 = 0x8298;
/// Tags of XMP and of IPTC within TIFF.
const TIFF_XMP: u16 = 0x02bc;
const TIFF_IPTC: u16 = 0x83bb;

/// Of either text, in bytes: an address and a licence fit, a contract does not.
const TEXT_MAX: usize = 1_024;

/// XMP and IPTC that are looked at, in bytes.
const BLOCK_MAX: usize = 256 << 10;

/// Trimmed, not empty, of [`TEXT_MAX`] bytes at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Credit {
    pub(crate) artist: Option<String>,
    pub(crate) copyright: Option<String>,
}

/// EXIF before XMP before IPTC, each text by itself. What is broken is passed over.
///
/// Looks into JPEG, PNG, WebP and TIFF, which inspection has accepted; of other types, nothing is known.
pub(crate) fn load(source: &dyn Source, media: MediaType) -> Result<Credit, ImagingError> {
    let mut window = Window::over(source);
    let mut found = Found::default();
    match media {
        MediaType::Jpeg => of_jpeg(&mut window, &mut found)?,
        MediaType::Png => of_png(&mut window, &mut found)?,
        MediaType::Webp => of_webp(&mut window, &mut found)?,
        MediaType::Tiff => of_tiff(&mut window, &mut found)?,
        MediaType::Gif
        | MediaType::Avif
        | MediaType::Bmp
        | MediaType::Heic
        | MediaType::Svg
        | MediaType::Jxl => {}
    }
    Ok(found.exif.or(found.xmp).or(found.iptc))
}

impl Credit {
    /// A TIFF structure that holds nothing else; `None` if there is nothing to say.
    pub(crate) fn to_exif(&self) -> Option<Vec<u8>> {
        /// Byte order, number, and where the directory is.
        const HEADER: &[u8] = b"MM\0\x2a\0\0\0\x08";
        let texts = [(ARTIST, &self.artist), (COPYRIGHT, &self.copyright)];
        let texts: Vec<(u16, &str)> = texts
            .into_iter()
            .filter_map(|(tag, text)| Some((tag, text.as_deref()?)))
            .collect();
        if texts.is_empty() {
            return None;
        }
        let mut tiff = HEADER.to_vec();
        tiff.extend(u16::try_from(texts.len()).ok()?.to_be_bytes());
        let mut values_at = HEADER.len() + 2 + texts.len() * 12 + 4;
        let mut values = Vec::new();
        for (tag, text) in texts {
            // With the zero at its end. Short ones stand in the entry itself.
            let mut value = [text.as_bytes(), &[0]].concat();
            tiff.extend(tag.to_be_bytes());
            tiff.extend([0, 2]);
            tiff.extend(u32::try_from(value.len()).ok()?.to_be_bytes());
            if value.len() <= 4 {
                value.resize(4, 0);
                tiff.extend(value);
            } else {
                tiff.extend(u32::try_from(values_at).ok()?.to_be_bytes());
                // Values start at even places.
                if value.len() % 2 == 1 {
                    value.push(0);
                }
                values_at += value.len();
                values.extend(value);
            }
        }
        tiff.extend([0; 4]);
        tiff.extend(values);
        Some(tiff)
    }

    fn or(self, other: Self) -> Self {
        Self {
            artist: self.artist.or(other.artist),
            copyright: self.copyright.or(other.copyright),
        }
    }
}

#[derive(Default)]
struct Found {
    exif: Credit,
    xmp: Credit,
    iptc: Credit,
}

fn of_jpeg(window: &mut Window<'_>, found: &mut Found) -> Result<(), ImagingError> {
    const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
    const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";
    const APP13: u8 = 0xed;
    let mut segments = jpeg::Segments::new(DamagedPolicy::Accept);
    while let Some(segment) = segments.next(window)? {
        // Metadata stand before the image.
        if segment.marker == jpeg::SOS {
            break;
        }
        if let Some(tiff) = segment.exif(window)? {
            found.add_exif(window, tiff)?;
        } else if segment.marker == jpeg::APP1 && segment.starts_with(window, XMP)? {
            found.add_xmp(segment.load(window)?);
        } else if segment.marker == APP13 && segment.starts_with(window, PHOTOSHOP)? {
            let resources = &segment.load(window)?[PHOTOSHOP.len()..];
            found.add_iptc(iptc_resource(resources).unwrap_or_default());
        }
    }
    Ok(())
}

fn of_png(window: &mut Window<'_>, found: &mut Found) -> Result<(), ImagingError> {
    /// Keyword, neither compressed nor with a method, no language.
    const XMP: &[u8] = b"XML:com.adobe.xmp\0\0\0\0\0";
    let mut chunks = png::Chunks::new(DamagedPolicy::Accept);
    while let Some(chunk) = chunks.next(window)? {
        match &chunk.kind {
            b"eXIf" => found.add_exif(window, chunk.data)?,
            b"iTXt" => {
                let data = window.start_of(chunk.data, BLOCK_MAX)?;
                found.add_xmp(data.strip_prefix(XMP).unwrap_or_default());
            }
            _ => {}
        }
    }
    Ok(())
}

fn of_webp(window: &mut Window<'_>, found: &mut Found) -> Result<(), ImagingError> {
    let mut chunks = webp::Chunks::open(window)?;
    while let Some(chunk) = chunks.next(window)? {
        match &chunk.kind {
            b"EXIF" => {
                let tiff = chunk.exif(window)?;
                found.add_exif(window, tiff)?;
            }
            b"XMP " => found.add_xmp(window.start_of(chunk.data, BLOCK_MAX)?),
            _ => {}
        }
    }
    Ok(())
}

/// The directory may stand at the end of the file, behind all pixels.
fn of_tiff(window: &mut Window<'_>, found: &mut Found) -> Result<(), ImagingError> {
    let size_bytes = window.size_bytes();
    let whole = window.start_of(0..size_bytes, usize::MAX)?;
    let Some(tiff) = Tiff::parse(whole) else {
        return Ok(());
    };
    found.exif = in_tiff(tiff);
    let xmp = bytes_of(tiff, TIFF_XMP).unwrap_or_default();
    let iptc = bytes_of(tiff, TIFF_IPTC).unwrap_or_default();
    found.add_xmp(xmp);
    found.add_iptc(iptc);
    Ok(())
}

impl Found {
    fn add_exif(&mut self, window: &mut Window<'_>, tiff: Range<u64>) -> Result<(), ImagingError> {
        let bytes = window.start_of(tiff, exif::LEN_MAX)?;
        if let Some(tiff) = Tiff::parse(bytes) {
            self.exif = std::mem::take(&mut self.exif).or(in_tiff(tiff));
        }
        Ok(())
    }

    fn add_xmp(&mut self, packet: &[u8]) {
        let packet = &packet[..packet.len().min(BLOCK_MAX)];
        self.xmp = std::mem::take(&mut self.xmp).or(Credit {
            artist: in_xmp(packet, b"dc:creator"),
            copyright: in_xmp(packet, b"dc:rights"),
        });
    }

    fn add_iptc(&mut self, records: &[u8]) {
        let records = &records[..records.len().min(BLOCK_MAX)];
        self.iptc = std::mem::take(&mut self.iptc).or(in_iptc(records));
    }
}

fn in_tiff(tiff: Tiff<'_>) -> Credit {
    let text_of = |tag| text(bytes_of(tiff, tag)?);
    Credit {
        artist: text_of(ARTIST),
        copyright: text_of(COPYRIGHT),
    }
}

/// The values of a tag of the first directory.
fn bytes_of(tiff: Tiff<'_>, tag: u16) -> Option<&[u8]> {
    let entry = tiff
        .entries(tiff.first_directory()?)
        .find(|entry| entry.tag == tag)?;
    tiff.part.get(tiff.values(entry)?)
}

/// The text of the first list item within an element, or of the element itself.
fn in_xmp(packet: &[u8], name: &[u8]) -> Option<String> {
    let start = memmem::find(packet, &[b"<", name].concat())? + 1 + name.len();
    let rest = &packet[start..];
    let inside = &rest[memchr::memchr(b'>', rest)? + 1..];
    let inside = &inside[..memmem::find(inside, &[b"</", name].concat())?];
    let item = match memmem::find(inside, b"<rdf:li") {
        Some(at) => {
            let item = &inside[at..];
            let item = &item[memchr::memchr(b'>', item)? + 1..];
            &item[..memmem::find(item, b"</rdf:li")?]
        }
        None => inside,
    };
    let written = str::from_utf8(item).ok()?;
    let plain = written
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#169;", "©")
        .replace("&#xA9;", "©")
        .replace("&amp;", "&");
    text(plain.as_bytes())
}

/// The block 0x0404 of Photoshop's resources: `8BIM`, number, name (padded), length, data (padded).
fn iptc_resource(mut rest: &[u8]) -> Option<&[u8]> {
    const IPTC: u16 = 0x0404;
    loop {
        let block = rest.strip_prefix(b"8BIM")?;
        let number = be16(block, 0)?;
        let name_len = usize::from(*block.get(2)?) + 1;
        let block = block.get(2 + name_len.next_multiple_of(2)..)?;
        let len = usize::try_from(crate::imaging::container::be32(block, 0)?).ok()?;
        let data = block.get(4..4_usize.checked_add(len)?)?;
        if number == IPTC {
            return Some(data);
        }
        rest = block.get(4_usize.checked_add(len.checked_next_multiple_of(2)?)?..)?;
    }
}

/// IIM 4.2: 0x1c, record, number, length, value. Record 2 has the by-line (80) and the copyright notice (116).
fn in_iptc(mut rest: &[u8]) -> Credit {
    let mut credit = Credit::default();
    while let [0x1c, record, number, high, low, tail @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        // Longer values have their length elsewhere; texts are not so long.
        let Some((value, next)) = tail.split_at_checked(len) else {
            break;
        };
        match (record, number) {
            (2, 80) if credit.artist.is_none() => credit.artist = text(value),
            (2, 116) if credit.copyright.is_none() => credit.copyright = text(value),
            _ => {}
        }
        rest = next;
    }
    credit
}

/// Up to the first zero, without control characters; what is no UTF-8 is taken for Latin-1.
fn text(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.split(|&byte| byte == 0).next()?;
    let bytes = &bytes[..bytes.len().min(4 * TEXT_MAX)];
    let decoded = match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // Cut within a character.
        Err(fault) if fault.error_len().is_none() => {
            String::from_utf8_lossy(&bytes[..fault.valid_up_to()]).into_owned()
        }
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    };
    let mut clean = String::new();
    for character in decoded.trim().chars().filter(|found| !found.is_control()) {
        if clean.len() + character.len_utf8() > TEXT_MAX {
            break;
        }
        clean.push(character);
    }
    (!clean.is_empty()).then_some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::fixture::{
        exif_segment, jpeg_segment, jpeg_with, png_chunk, png_with, quadrants, riff_chunk,
        webp_with, write,
    };
    use image::ImageFormat;

    fn credit(artist: &str, copyright: &str) -> Credit {
        Credit {
            artist: Some(artist.to_owned()),
            copyright: Some(copyright.to_owned()),
        }
    }

    fn file(format: ImageFormat) -> Vec<u8> {
        write(&quadrants(8, 8), format)
    }

    #[test]
    fn a_block_of_our_own_is_read_from_every_container() {
        let wanted = credit("Ada", "© 2026 Ada & Söhne");
        let exif = wanted.to_exif().unwrap();
        let jpeg = jpeg_with(&file(ImageFormat::Jpeg), &[exif_segment(&exif)]);
        let png = png_with(&file(ImageFormat::Png), &[png_chunk(*b"eXIf", &exif)]);
        let exif_chunk = riff_chunk(*b"EXIF", &exif);
        let webp = webp_with(&file(ImageFormat::WebP), 8, &[], &[exif_chunk]);
        for (media, bytes) in [
            (MediaType::Jpeg, jpeg),
            (MediaType::Png, png),
            (MediaType::Webp, webp),
            (MediaType::Tiff, exif),
        ] {
            assert_eq!(load(&&bytes[..], media).unwrap(), wanted, "{media}");
        }
        let jpeg = file(ImageFormat::Jpeg);
        assert_eq!(load(&&jpeg[..], MediaType::Jpeg).unwrap().to_exif(), None);
    }

    #[test]
    fn exif_goes_before_xmp_before_iptc() {
        let xmp = b"http://ns.adobe.com/xap/1.0/\0<x><dc:creator><rdf:Seq><rdf:li>From XMP</rdf:li></rdf:Seq>\
            </dc:creator><dc:rights><rdf:Alt><rdf:li xml:lang='x-default'>A &amp; B</rdf:li></rdf:Alt></dc:rights></x>";
        let records = b"\x1c\x02\x50\0\x04Iptc\x1c\x02\x74\0\x03all\x1c\x02";
        let mut resources = b"Photoshop 3.0\0".to_vec();
        resources.extend(b"8BIM\x04\x25\0\0\0\0\0\x01x\0");
        resources.extend(b"8BIM\x04\x04\0\0\0\0\0");
        resources.push(u8::try_from(records.len()).unwrap());
        resources.extend(records);
        let (xmp, iptc) = (jpeg_segment(0xe1, xmp), jpeg_segment(0xed, &resources));
        let plain = file(ImageFormat::Jpeg);
        let of = |segments: &[Vec<u8>]| {
            let bytes = jpeg_with(&plain, segments);
            load(&&bytes[..], MediaType::Jpeg).unwrap()
        };
        assert_eq!(of(std::slice::from_ref(&iptc)), credit("Iptc", "all"));
        assert_eq!(
            of(&[iptc.clone(), xmp.clone()]),
            credit("From XMP", "A & B")
        );
        let exif = Credit {
            artist: None,
            copyright: Some("me".to_owned()),
        };
        let exif = exif_segment(&exif.to_exif().unwrap());
        assert_eq!(of(&[iptc, xmp, exif]), credit("From XMP", "me"));
    }

    #[test]
    fn texts_are_bounded_and_clean() {
        assert_eq!(text(b"  \0later"), None);
        assert_eq!(text(b"a\x07b\n\0c").as_deref(), Some("ab"));
        assert_eq!(text(b"\xa9 2026").as_deref(), Some("© 2026"));
        assert_eq!(text(&vec![b'x'; 1 << 20]).unwrap().len(), TEXT_MAX);
        assert_eq!(text("é".repeat(5_000).as_bytes()).unwrap().len(), TEXT_MAX);
        let long = credit(&"x".repeat(TEXT_MAX), &"y".repeat(TEXT_MAX));
        assert!(long.to_exif().unwrap().len() < 2 * TEXT_MAX + 100);
    }

    #[test]
    fn broken_metadata_say_nothing() {
        let whole = credit("Somebody", "Something").to_exif().unwrap();
        for len in 0..whole.len() {
            let jpeg = jpeg_with(&file(ImageFormat::Jpeg), &[exif_segment(&whole[..len])]);
            load(&&jpeg[..], MediaType::Jpeg).unwrap();
            load(&&whole[..len], MediaType::Tiff).unwrap();
        }
        for resources in [
            &b"Photoshop 3.0\x008BIM\x04\x04\0\0\xff\xff\xff\xff"[..],
            b"Photoshop 3.0\x008BIM\x04",
        ] {
            let jpeg = jpeg_with(&file(ImageFormat::Jpeg), &[jpeg_segment(0xed, resources)]);
            assert_eq!(
                load(&&jpeg[..], MediaType::Jpeg).unwrap(),
                Credit::default()
            );
        }
        assert_eq!(in_xmp(b"<dc:rights><rdf:li>", b"dc:rights"), None);
        assert_eq!(in_xmp(b"<dc:rights></dc:rights>", b"dc:rights"), None);
    }
}
