//! Where a crop looks: the part of an image that draws the eye, or that holds most information.

use crate::imaging::op::saliency;
use crate::imaging::pixels::Pixels;

/// What makes a part of an image worth keeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Edges above the grain, colours unlike the rest, saturation and the hues of skin.
    Attention,
    /// Shannon entropy of the lightness within the crop.
    Entropy,
}

/// The best crop of one ratio, as large as the image allows: it moves along one axis only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Focus {
    /// Of the crop, as shares of the sides of the image, 0.0..=1.0.
    pub(crate) centre: (f64, f64),
    /// Of the room that the crop leaves, how much is before it, 0.0..=1.0 along each axis: what
    /// [`Gravity`](crate::model::geometry::Gravity) says of `cover`. 0.5 along the axis without room.
    pub(crate) before: (f64, f64),
}

impl Focus {
    const CENTRE: Self = Self {
        centre: (0.5, 0.5),
        before: (0.5, 0.5),
    };
}

/// `small` is the image shrunk to a longest side of at most 256 px; `ratio` is width / height of the crop, above 0.
///
/// The same for the same pixels. Among crops that are equally good, the middle of those that lie side by side.
///
/// Memory: 24 bytes per pixel of `small`.
pub(crate) fn focus(small: &Pixels, ratio: f64, interest: Interest) -> Focus {
    let (width, height) = (small.width_px as usize, small.height_px as usize);
    if small.bytes.is_empty() || !ratio.is_finite() || ratio <= 0.0 {
        return Focus::CENTRE;
    }
    let moves_across = ratio * height as f64 <= width as f64;
    let (side, len) = if moves_across {
        (width, whole(height as f64 * ratio).clamp(1, width))
    } else {
        (height, whole(width as f64 / ratio).clamp(1, height))
    };
    // Slices across the axis along which the crop moves.
    let slice_of = |at: usize| if moves_across { at % width } else { at / width };
    let starts = side - len + 1;
    let scores = match interest {
        Interest::Attention => {
            let mut profile = vec![0.0; side];
            for (at, score) in saliency::map(small).into_iter().enumerate() {
                profile[slice_of(at)] += f64::from(score);
            }
            (0..starts)
                .map(|start| centred(&profile[start..start + len]))
                .collect()
        }
        Interest::Entropy => {
            let mut slices = vec![[0_u32; BINS]; side];
            for (at, luma) in saliency::luma(small).enumerate() {
                slices[slice_of(at)][whole(f64::from(luma) / 255.0 * (BINS - 1) as f64)] += 1;
            }
            entropies(&slices, len)
        }
    };
    let start = best(&scores);
    let centre = (start + len as f64 / 2.0) / side as f64;
    let before = if starts > 1 {
        start / (starts - 1) as f64
    } else {
        0.5
    };
    if moves_across {
        Focus {
            centre: (centre, 0.5),
            before: (before, 0.5),
        }
    } else {
        Focus {
            centre: (0.5, centre),
            before: (0.5, before),
        }
    }
}

/// What is in the middle counts whole, what is at the edges a quarter, so that a subject is not only inside but
/// centred.
fn centred(window: &[f64]) -> f64 {
    let half = window.len() as f64 / 2.0;
    let weighted = window.iter().enumerate().map(|(at, score)| {
        let away = (at as f64 + 0.5 - half) / half;
        score * (1.0 - 0.75 * away * away)
    });
    weighted.sum()
}

/// Lightness in 64 levels: finer ones would count the grain.
const BINS: usize = 64;

/// In bits, for each place of a window of `len` slices.
fn entropies(slices: &[[u32; BINS]], len: usize) -> Vec<f64> {
    let mut window = [0_u32; BINS];
    let mut found = Vec::with_capacity(slices.len() + 1 - len);
    for (at, slice) in slices.iter().enumerate() {
        for (bin, count) in window.iter_mut().zip(slice) {
            *bin += count;
        }
        if at + 1 < len {
            continue;
        }
        found.push(entropy(&window));
        for (bin, count) in window.iter_mut().zip(&slices[at + 1 - len]) {
            *bin -= count;
        }
    }
    found
}

fn entropy(bins: &[u32; BINS]) -> f64 {
    let total = f64::from(bins.iter().sum::<u32>().max(1));
    let terms = bins.iter().filter(|&&count| count > 0).map(|&count| {
        let share = f64::from(count) / total;
        -share * share.log2()
    });
    terms.sum()
}

/// The middle of the run of best scores; of several runs the one nearest to the middle of all.
fn best(scores: &[f64]) -> f64 {
    let most = scores.iter().copied().fold(f64::MIN, f64::max);
    // Sums of the same values in another order differ in their last bits.
    let is_best = |score: f64| score >= most - most.abs() * 1e-6 - 1e-9;
    let middle = (scores.len() - 1) as f64 / 2.0;
    let mut nearest = None::<f64>;
    let mut at = 0;
    while at < scores.len() {
        let run = scores[at..]
            .iter()
            .take_while(|&&score| is_best(score))
            .count();
        if run > 0 {
            let candidate = at as f64 + (run - 1) as f64 / 2.0;
            let is_nearer = |found: f64| (candidate - middle).abs() < (found - middle).abs();
            if nearest.is_none_or(is_nearer) {
                nearest = Some(candidate);
            }
        }
        at += run + 1;
    }
    nearest.unwrap_or(middle)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive, and no longer than a side; the cast saturates"
)]
fn whole(value: f64) -> usize {
    value.round() as usize
}

#[cfg(test)]
#[expect(clippy::match_bool, reason = "drawings read as tables")]
mod tests;
