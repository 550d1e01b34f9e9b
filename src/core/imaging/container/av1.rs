//! AV1 (version 1.0.0 with errata 1): the largest frame that a coded image may have, by its sequence headers.
//!
//! Decoders allocate by these headers, whatever the container says.

const SEQUENCE_HEADER: u8 = 1;

/// Width and height, each the largest of all sequence headers. `None` if there is none, or one that cannot be read.
pub(crate) fn frame_max(data: &[u8]) -> Option<(u32, u32)> {
    let mut largest = None;
    let mut rest = data;
    while let Some((&head, tail)) = rest.split_first() {
        // Between units, libaom passes over zeros.
        if head == 0 {
            rest = tail;
            continue;
        }
        let extended = usize::from(head >> 2 & 1);
        // Units in files state their size; a decoder refuses others.
        if head >> 1 & 1 == 0 {
            return None;
        }
        let tail = tail.get(extended..)?;
        let (len, tail) = leb128(tail)?;
        let unit = &tail[..len.min(tail.len())];
        if head >> 3 & 0xf == SEQUENCE_HEADER {
            let (width, height) = sequence(unit)?;
            let (wide, high) = largest.unwrap_or((0, 0));
            largest = Some((width.max(wide), height.max(high)));
        }
        rest = &tail[unit.len()..];
    }
    largest
}

fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (index * 7);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, &bytes[index + 1..]));
        }
    }
    None
}

/// `sequence_header_obu` (5.5.1), up to the size.
fn sequence(unit: &[u8]) -> Option<(u32, u32)> {
    let mut bits = Bits { bytes: unit, at: 0 };
    // Profile, and whether it is a still picture.
    bits.take(4)?;
    let reduced = bits.flag()?;
    if reduced {
        bits.take(5)?;
    } else {
        operating_points(&mut bits)?;
    }
    let (width_bits, height_bits) = (bits.take(4)? + 1, bits.take(4)? + 1);
    Some((bits.take(width_bits)? + 1, bits.take(height_bits)? + 1))
}

fn operating_points(bits: &mut Bits<'_>) -> Option<()> {
    let mut delay_bits = None;
    // timing_info
    if bits.flag()? {
        bits.take(32)?;
        bits.take(32)?;
        if bits.flag()? {
            bits.skip_uvlc()?;
        }
        // decoder_model_info
        if bits.flag()? {
            delay_bits = Some(bits.take(5)? + 1);
            bits.take(32)?;
            bits.take(10)?;
        }
    }
    let has_display_delay = bits.flag()?;
    for _ in 0..=bits.take(5)? {
        bits.take(12)?;
        let level = bits.take(5)?;
        if level > 7 {
            bits.take(1)?;
        }
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.take(delay_bits)?;
            bits.take(delay_bits)?;
            bits.take(1)?;
        }
        if has_display_delay && bits.flag()? {
            bits.take(4)?;
        }
    }
    Some(())
}

/// Bits from the highest of each byte on.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// Up to 32.
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.take(1)? == 1)
    }

    fn skip_uvlc(&mut self) -> Option<()> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
        }
        // 32 zeros and more stand for the largest value, without further bits.
        if zeros < 32 {
            self.take(zeros)?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reduced still picture header: profile 0, level 0, 9 bits for each side.
    fn header(width: u32, height: u32) -> Vec<u8> {
        let bits = u64::from(0b0_0011_u8) << 31
            | 8 << 22
            | 8 << 18
            | u64::from(width - 1) << 9
            | u64::from(height - 1);
        // 36 bits in all, from the highest on.
        let payload = (bits << 28).to_be_bytes();
        [&[0x0a, 5][..], &payload[..5]].concat()
    }

    #[test]
    fn the_largest_sequence_header_counts() {
        assert_eq!(frame_max(&header(300, 20)), Some((300, 20)));
        let delimiter = [0x12, 0];
        let both = [&delimiter[..], &header(300, 20), &[0, 0], &header(40, 512)].concat();
        assert_eq!(frame_max(&both), Some((300, 512)));
    }

    #[test]
    fn what_cannot_be_read_has_no_size() {
        assert_eq!(frame_max(&[]), None);
        assert_eq!(frame_max(&[0x12, 0]), None);
        assert_eq!(frame_max(&header(300, 20)[..6]), None);
        // A unit without a size, and a size that does not end.
        assert_eq!(frame_max(&[0x08, 0, 0]), None);
        assert_eq!(
            frame_max(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            None
        );
    }
}
