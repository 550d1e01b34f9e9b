//! The sizes of a frame: blocks, units and planes at a scale.

use crate::plane::Plane;

use super::header::{Header, Process};
use super::stored::Stored;
use super::workspace_bytes;

/// How many eighths of its size an image is decoded at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scale(u8);

impl Scale {
    pub const FULL: Self = Self(8);

    /// From 1 to 8 eighths.
    pub fn from_eighths(eighths: u8) -> Option<Self> {
        (1..=8).contains(&eighths).then_some(Self(eighths))
    }

    /// The smallest that is at least a ratio of wanted to original size; full size if none is, or it is not a number.
    pub fn smallest_for(ratio: f64) -> Self {
        if ratio.is_nan() {
            return Self::FULL;
        }
        Self((ratio * 8.0).ceil().clamp(1.0, 8.0) as u8)
    }

    pub fn eighths(self) -> u8 {
        self.0
    }

    /// A length in samples at this scale.
    pub fn of(self, length: u32) -> u32 {
        (length * u32::from(self.0)).div_ceil(8)
    }
}

/// One component of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Channel {
    pub(super) h: usize,
    pub(super) v: usize,
    pub(super) quantisation: usize,
    /// Blocks that hold samples of the image; what a scan of this component alone codes.
    pub(super) blocks_x: usize,
    pub(super) blocks_y: usize,
    /// Blocks with those that only fill up the last units.
    pub(super) stored_x: usize,
    pub(super) stored_y: usize,
    /// Of its plane, in samples at the scale.
    pub(super) width: usize,
    pub(super) height: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Units (T.81: MCU) of a scan of several components.
    pub(super) units_x: usize,
    pub(super) units_y: usize,
    pub(super) channels: Vec<Channel>,
}

impl Frame {
    pub(super) fn new(header: &Header, scale: Scale) -> Self {
        let (h_max, v_max) = header.sampling_max();
        let (h_max, v_max) = (u32::from(h_max), u32::from(v_max));
        let units_x = header.width_px.div_ceil(8 * h_max) as usize;
        let units_y = header.height_px.div_ceil(8 * v_max) as usize;
        let channel = |component: &super::header::Component| {
            let (h, v) = (usize::from(component.h), usize::from(component.v));
            let width = (header.width_px * u32::from(component.h)).div_ceil(h_max);
            let height = (header.height_px * u32::from(component.v)).div_ceil(v_max);
            Channel {
                h,
                v,
                quantisation: usize::from(component.quantisation),
                blocks_x: width.div_ceil(8) as usize,
                blocks_y: height.div_ceil(8) as usize,
                stored_x: units_x * h,
                stored_y: units_y * v,
                width: scale.of(width) as usize,
                height: scale.of(height) as usize,
            }
        };
        Self {
            units_x,
            units_y,
            channels: header.components.iter().map(channel).collect(),
        }
    }

    /// Blocks that all scans of the image code at least once, each in a bit or more.
    pub(super) fn blocks(&self) -> u64 {
        let blocks = |channel: &Channel| channel.blocks_x as u64 * channel.blocks_y as u64;
        self.channels.iter().map(blocks).sum()
    }
}

/// The bytes that [`decode`](super::decode) takes at most besides its input.
pub fn memory_needed(header: &Header, scale: Scale) -> u64 {
    let frame = Frame::new(header, scale);
    let planes: u64 = frame
        .channels
        .iter()
        .map(|channel| Plane::bytes_needed(channel.width, channel.height))
        .sum();
    let stored = match header.process {
        Process::Baseline | Process::Extended => 0,
        Process::Progressive => Stored::bytes_needed(&frame, scale),
    };
    planes + stored + workspace_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smallest_scale_is_never_below_the_ratio() {
        for (ratio, eighths) in [
            (0.0, 1),
            (0.1, 1),
            (0.125, 1),
            (0.126, 2),
            (0.5, 4),
            (0.9, 8),
            (1.0, 8),
            (7.0, 8),
            (f64::NAN, 8),
        ] {
            assert_eq!(Scale::smallest_for(ratio).eighths(), eighths, "{ratio}");
        }
    }
}
