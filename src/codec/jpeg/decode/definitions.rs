//! Tables and intervals, as defined up to a place of the file; any of them may be defined anew between scans.

use crate::jpeg::tables::ZIGZAG;

use super::error::{DecodeError, Part, malformed};
use super::huffman::Code;
use super::idct::Quantisation;
use super::segment::{Segment, marker};

#[derive(Clone, Default)]
pub(super) struct Definitions {
    quantisation: [Option<Box<Quantisation>>; 4],
    dc: [Option<Box<Code>>; 4],
    ac: [Option<Box<Code>>; 4],
    /// Units from one restart marker to the next; 0 if there are none.
    pub(super) restart_interval: usize,
}

impl Definitions {
    /// Takes note of a segment, if it defines something.
    pub(super) fn note(&mut self, segment: &Segment<'_>) -> Result<(), DecodeError> {
        match segment.marker {
            marker::QUANTISATION_TABLES => self.note_quantisation(segment.body),
            marker::HUFFMAN_TABLES => self.note_codes(segment.body),
            marker::RESTART_INTERVAL => match *segment.body {
                [high, low, ..] => {
                    self.restart_interval = usize::from(u16::from_be_bytes([high, low]));
                    Ok(())
                }
                _ => malformed(Part::Segment),
            },
            _ => Ok(()),
        }
    }

    pub(super) fn quantisation(&self, number: usize) -> Result<Quantisation, DecodeError> {
        match self.quantisation.get(number) {
            Some(Some(table)) => Ok(**table),
            Some(None) | None => malformed(Part::QuantisationTable),
        }
    }

    pub(super) fn dc(&self, number: usize) -> Result<&Code, DecodeError> {
        find_code(&self.dc, number)
    }

    pub(super) fn ac(&self, number: usize) -> Result<&Code, DecodeError> {
        find_code(&self.ac, number)
    }

    fn note_quantisation(&mut self, mut body: &[u8]) -> Result<(), DecodeError> {
        const PART: Part = Part::QuantisationTable;
        while let Some((&kind, rest)) = body.split_first() {
            let (bytes_each, number) = (usize::from(kind >> 4) + 1, usize::from(kind & 15));
            let (Some(slot), 1 | 2) = (self.quantisation.get_mut(number), bytes_each) else {
                return malformed(PART);
            };
            let Some((factors, rest)) = rest.split_at_checked(64 * bytes_each) else {
                return malformed(PART);
            };
            let mut table = Box::new([0.0; 64]);
            for (place, factor) in ZIGZAG.iter().zip(factors.chunks_exact(bytes_each)) {
                let factor = factor
                    .iter()
                    .fold(0, |all, &byte| all << 8 | u16::from(byte));
                table[usize::from(*place)] = f32::from(factor);
            }
            *slot = Some(table);
            body = rest;
        }
        Ok(())
    }

    fn note_codes(&mut self, mut body: &[u8]) -> Result<(), DecodeError> {
        while let Some((&kind, rest)) = body.split_first() {
            let codes = match kind >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return malformed(Part::HuffmanTable),
            };
            let Some(slot) = codes.get_mut(usize::from(kind & 15)) else {
                return malformed(Part::HuffmanTable);
            };
            let (code, length) = Code::parse(rest)?;
            *slot = Some(Box::new(code));
            body = &rest[length..];
        }
        Ok(())
    }
}

fn find_code(codes: &[Option<Box<Code>>; 4], number: usize) -> Result<&Code, DecodeError> {
    match codes.get(number) {
        Some(Some(code)) => Ok(code),
        Some(None) | None => malformed(Part::HuffmanTable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(marker: u8, body: &[u8]) -> Result<Definitions, DecodeError> {
        let mut definitions = Definitions::default();
        definitions.note(&Segment { marker, body })?;
        Ok(definitions)
    }

    #[test]
    fn factors_of_16_bits_are_read_in_the_order_of_the_file() {
        let mut body = vec![0x12];
        body.extend((0..64_u16).flat_map(|k| (1000 + k).to_be_bytes()));
        let table = note(0xdb, &body).unwrap().quantisation(2).unwrap();
        let whole = |place: usize| table[place] as u32;
        assert_eq!([0, 1, 8, 63].map(whole), [1000, 1001, 1002, 1063]);
    }

    #[test]
    fn definitions_that_end_early_are_malformed() {
        assert!(note(0xdb, &[0; 64]).is_err());
        assert!(note(0xdb, &[0x04; 65]).is_err());
        assert!(note(0xc4, &[0; 16]).is_err());
        assert!(note(0xdd, &[1]).is_err());
        assert!(note(0xdb, &[0; 65]).is_ok());
    }

    #[test]
    fn a_table_never_defined_is_malformed() {
        let none = Definitions::default();
        assert!(none.quantisation(0).is_err());
        assert!(none.dc(3).is_err());
        assert!(none.ac(1).is_err());
    }
}
