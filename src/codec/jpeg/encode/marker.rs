//! The segments of a file around its scans (T.81, annex B).

use super::bits::Table;
use super::blocks::Frame;
use super::huffman::Lengths;
use super::{Process, Request, Segment};
use crate::jpeg::tables::ZIGZAG;

/// One scan of some components (T.81, B.2.3).
#[derive(Clone, Debug)]
pub(super) struct Scan {
    /// Indices into the frame's components.
    pub(super) components: Vec<usize>,
    /// The first and the last coefficient in zigzag order.
    pub(super) band: (u8, u8),
    /// Bits that earlier scans left out, or 0 if this is the first one of its coefficients.
    pub(super) high: u8,
    /// Bits that this scan leaves out.
    pub(super) low: u8,
}

impl Scan {
    /// All of the coefficients of all components.
    pub(super) fn whole(frame: &Frame<'_>) -> Self {
        Self {
            components: (0..frame.components.len()).collect(),
            band: (0, 63),
            high: 0,
            low: 0,
        }
    }
}

/// SOI, JFIF without a density or thumbnail (ITU-T T.871, section 10.1), and what the caller adds.
pub(super) fn start(file: &mut Vec<u8>, segments: &[Segment<'_>]) {
    file.extend_from_slice(&[0xff, 0xd8]);
    segment(file, 0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    for added in segments {
        segment(file, added.marker, added.payload);
    }
}

/// DQT: those of luma, and of chroma if there is any.
pub(super) fn quantisation_tables(file: &mut Vec<u8>, frame: &Frame<'_>) {
    for (id, component) in (0..).zip(frame.components.iter().take(2)) {
        let mut payload = vec![id];
        let divisors = &component.quantiser.divisors;
        payload.extend(ZIGZAG.map(|at| divisors[usize::from(at)]));
        segment(file, 0xdb, &payload);
    }
}

/// SOF0 or SOF2, of components 1 to 3.
pub(super) fn frame(file: &mut Vec<u8>, request: &Request<'_>, frame: &Frame<'_>) {
    let marker = match request.process {
        Process::Sequential => 0xc0,
        Process::Progressive => 0xc2,
    };
    let mut payload = vec![8];
    payload.extend_from_slice(&request.height_px.to_be_bytes()[2..]);
    payload.extend_from_slice(&request.width_px.to_be_bytes()[2..]);
    payload.push(if frame.components.len() == 1 { 1 } else { 3 });
    for (id, component) in (1..).zip(&frame.components) {
        let sampling = if component.sampling == 2 { 0x22 } else { 0x11 };
        payload.extend_from_slice(&[id, sampling, u8::from(id > 1)]);
    }
    segment(file, marker, &payload);
}

/// DHT.
pub(super) fn huffman_table(file: &mut Vec<u8>, table: Table, lengths: &Lengths) {
    let mut payload = vec![table.id()];
    payload.extend_from_slice(&lengths.counts);
    payload.extend_from_slice(&lengths.symbols);
    segment(file, 0xc4, &payload);
}

/// SOS; the data of the scan follows.
pub(super) fn scan(file: &mut Vec<u8>, scan: &Scan) {
    let mut payload = vec![if scan.components.len() == 1 { 1 } else { 3 }];
    for &component in &scan.components {
        let (id, tables) = [(1, 0x00), (2, 0x11), (3, 0x11)][component];
        payload.extend_from_slice(&[id, tables]);
    }
    payload.extend_from_slice(&[scan.band.0, scan.band.1, scan.high << 4 | scan.low]);
    segment(file, 0xda, &payload);
}

/// EOI.
pub(super) fn end(file: &mut Vec<u8>) {
    file.extend_from_slice(&[0xff, 0xd9]);
}

fn segment(file: &mut Vec<u8>, marker: u8, payload: &[u8]) {
    let length = u16::try_from(payload.len() + 2).expect("payloads were checked");
    file.extend_from_slice(&[0xff, marker]);
    file.extend_from_slice(&length.to_be_bytes());
    file.extend_from_slice(payload);
}
