//! SVG: the size that its root element names.

use memchr::memmem;

use crate::imaging::error::ImagingError;
use crate::imaging::inspect::Inspected;
use crate::imaging::limits::{Limits, SvgPolicy};
use crate::imaging::sniff;
use crate::imaging::source::Window;
use crate::model::media::MediaType;

/// Canvases that rendering may take on top of each other: each group that is made transparent, cut or filtered takes one,
/// within the one it lies in.
pub(crate) const CANVASES_MAX: u32 = 12;

/// Bytes in memory for each byte of the file: `<g/>` takes most. Elements that are used several times take this for each
/// use; there are a million at most, by the parser.
const ELEMENT_FACTOR: u64 = 200;

/// Where the start of the root element has to end: it begins in what is sniffed, and may be as long again.
const HEAD_LEN: usize = 2 * sniff::HEAD_LEN;

/// How far before the end of the file the root element has to end: behind it, there are only comments.
const TAIL_LEN: usize = 64 << 10;

pub(crate) fn inspect(window: &mut Window<'_>, limits: &Limits) -> Result<Inspected, ImagingError> {
    match limits.svg {
        SvgPolicy::Refuse => return Err(ImagingError::SvgRefused),
        SvgPolicy::Accept => {}
    }
    let size_bytes = window.size_bytes();
    let root = root(window.start_of(0..size_bytes, HEAD_LEN)?).ok_or(truncated())?;
    let (width_px, height_px) = size(root).unwrap_or((0, 0));
    if !root.ends_with(b"/") {
        let tail_at = size_bytes.saturating_sub(TAIL_LEN as u64);
        let tail = window.start_of(tail_at..size_bytes, TAIL_LEN)?;
        memmem::rfind(tail, b"</svg")
            .filter(|&at| tail[at..].contains(&b'>'))
            .ok_or(truncated())?;
    }
    limits.check_frame(width_px, height_px)?;
    let canvas = u64::from(width_px) * u64::from(height_px) * 4;
    Ok(Inspected {
        has_alpha: Some(true),
        // Canvases on top of each other, the values given out, and elements.
        decoder_bytes: canvas * (u64::from(CANVASES_MAX) + 2)
            + size_bytes * ELEMENT_FACTOR
            + (16 << 20),
        ..Inspected::still(MediaType::Svg, width_px, height_px)
    })
}

/// The attributes of the root element.
fn root(bytes: &[u8]) -> Option<&[u8]> {
    // Only comments and an internal subset can hold `<svg` before the root does; a size from there harms nobody.
    let start = memmem::find(bytes, b"<svg")?;
    let end = memchr::memchr(b'>', &bytes[start..])?;
    Some(&bytes[start + 4..start + end])
}

/// Width and height in px, else those of the view box; none when in other units.
fn size(root: &[u8]) -> Option<(u32, u32)> {
    let side = |name| attribute(root, name).and_then(pixels);
    if let Some(size) = side(b"width").zip(side(b"height")) {
        return Some(size);
    }
    let mut numbers = attribute(root, b"viewBox")?
        .split(|byte| byte.is_ascii_whitespace() || *byte == b',')
        .filter(|number| !number.is_empty());
    numbers.nth(1)?;
    Some((pixels(numbers.next()?)?, pixels(numbers.next()?)?))
}

fn attribute<'a>(root: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let starts = memmem::find_iter(root, name);
    starts
        .filter(|&at| at > 0 && root[at - 1].is_ascii_whitespace())
        .find_map(|at| {
            let rest = root[at + name.len()..].trim_ascii_start();
            let value = rest.strip_prefix(b"=")?.trim_ascii_start();
            let (&quote, value) = value.split_first()?;
            let end = memchr::memchr(quote, value)?;
            matches!(quote, b'"' | b'\'').then(|| &value[..end])
        })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to lie between 0 and 2^31"
)]
fn pixels(value: &[u8]) -> Option<u32> {
    let text = str::from_utf8(value.trim_ascii()).ok()?;
    let number: f64 = text.strip_suffix("px").unwrap_or(text).parse().ok()?;
    (number > 0.0 && number < f64::from(i32::MAX)).then(|| number.ceil() as u32)
}

fn truncated() -> ImagingError {
    ImagingError::Truncated {
        media: MediaType::Svg,
        part: "no end of its root element",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_comes_from_the_root_element() {
        let size = |text: &str| size(root(text.as_bytes()).unwrap());
        assert_eq!(
            size("<svg xmlns='x' width=\"12.5px\" height='7'>"),
            Some((13, 7))
        );
        assert_eq!(
            size("<svg stroke-width='2' viewBox='0 0, 30 40'>"),
            Some((30, 40))
        );
        assert_eq!(size("<svg width='100%' height='1em'>"), None);
    }
}
