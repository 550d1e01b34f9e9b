//! How often each colour occurs, and which one the most.

use std::array;

use crate::imaging::pixels::{Channels, Pixels};
use crate::model::geometry::Rgb;

/// The most significant bits of a channel that tell one bin of the histogram from another: 16 levels are one colour to
/// the eye.
const BIN_BITS: u32 = 4;
const BINS_PER_CHANNEL: usize = 1 << BIN_BITS;

/// Below half of it, a pixel shows more of what is behind it.
const ALPHA_MIN: u8 = 128;

pub(crate) struct Histogram {
    bins: Vec<Bin>,
}

/// Pixels of about one colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bin {
    pub(crate) count: u32,
    sum: [u32; 3],
}

impl Bin {
    /// White if there is no pixel in it.
    pub(crate) fn mean(self) -> Rgb {
        let Self { count, sum } = self;
        if count == 0 {
            return Rgb::WHITE;
        }
        Rgb(sum.map(|sum| {
            let mean = (sum + count / 2) / count;
            u8::try_from(mean).expect("a mean of bytes is a byte")
        }))
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        for (sum, value) in self.sum.iter_mut().zip(other.sum) {
            *sum += value;
        }
    }
}

impl Histogram {
    /// `pixels` are coloured, and at most 2^24, lest sums overflow.
    pub(crate) fn of(pixels: &Pixels) -> Self {
        let mut bins = vec![Bin::default(); BINS_PER_CHANNEL.pow(3)];
        for pixel in pixels.bytes.chunks_exact(pixels.channels.count()) {
            if pixels.channels == Channels::Rgba && pixel[3] < ALPHA_MIN {
                continue;
            }
            let coordinates =
                array::from_fn(|channel| usize::from(pixel[channel] >> (8 - BIN_BITS)));
            bins[index(coordinates)].add(Bin {
                count: 1,
                sum: array::from_fn(|channel| u32::from(pixel[channel])),
            });
        }
        Self { bins }
    }

    /// Those that are not empty, in a fixed order.
    pub(crate) fn filled(&self) -> Vec<Bin> {
        let filled = self.bins.iter().filter(|bin| bin.count > 0);
        filled.copied().collect()
    }

    /// The mean of the fullest bin.
    pub(crate) fn dominant(&self) -> Rgb {
        let mut best = (0, Bin::default());
        for (at, &bin) in self.bins.iter().enumerate() {
            if bin.count == 0 {
                continue;
            }
            let score = self.score(at);
            // Of equals the first: the same original always has the same colour.
            if score > best.0 {
                best = (score, bin);
            }
        }
        best.1.mean()
    }

    /// A colour that varies a little lies in several bins: neighbours count too, but half, since each of them is less
    /// like it than its own pixels are.
    fn score(&self, at: usize) -> u32 {
        let [red, green, blue] = coordinates(at).map(|coordinate| {
            coordinate.saturating_sub(1)..=(coordinate + 1).min(BINS_PER_CHANNEL - 1)
        });
        let mut score = self.bins[at].count;
        for red in red {
            for green in green.clone() {
                for blue in blue.clone() {
                    score += self.bins[index([red, green, blue])].count;
                }
            }
        }
        score
    }
}

fn index([red, green, blue]: [usize; 3]) -> usize {
    (red * BINS_PER_CHANNEL + green) * BINS_PER_CHANNEL + blue
}

fn coordinates(index: usize) -> [usize; 3] {
    let rest = index / BINS_PER_CHANNEL;
    [
        rest / BINS_PER_CHANNEL,
        rest % BINS_PER_CHANNEL,
        index % BINS_PER_CHANNEL,
    ]
}
