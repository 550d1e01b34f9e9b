//! The few colours that make up most of an image, and how much of it each.

use std::cmp::Reverse;

use crate::imaging::look::histogram::{Bin, Histogram};
use crate::imaging::look::light::to_oklab;
use crate::model::record::Swatch;

/// What a page can use, and a row can hold.
pub(crate) const COLOURS_MAX: usize = 5;

/// More groups than colours are looked for: so one that turns out to be two shades of one colour costs no other.
const GROUPS: usize = 8;

/// By then hardly a bin changes its group.
const ROUNDS_MAX: usize = 10;

/// Closer than this in Oklab, two colours are one to whoever sees them apart; side by side a third of it is seen.
const NEAR: f64 = 0.06;

/// Less is what an edge between two other colours makes.
const SHARE_PERCENT_MIN: u8 = 3;

type Oklab = [f64; 3];

#[derive(Clone, Copy)]
struct Shade {
    bin: Bin,
    place: Oklab,
}

impl Shade {
    fn of(bin: Bin) -> Self {
        Self {
            place: to_oklab(bin.mean().0),
            bin,
        }
    }
}

/// At most [`COLOURS_MAX`], the most common first; none where nothing is opaque. The same histogram has the same palette:
/// nothing is drawn by lot.
pub(crate) fn palette(histogram: &Histogram) -> Vec<Swatch> {
    let shades: Vec<Shade> = histogram.filled().into_iter().map(Shade::of).collect();
    let total: u32 = shades.iter().map(|shade| shade.bin.count).sum();
    let mut groups = merged(grouped(&shades));
    groups.sort_by_key(|group| (Reverse(group.bin.count), group.bin.mean().0));
    let swatch = |group: Shade| Swatch {
        rgb: group.bin.mean().0,
        share_percent: percent(group.bin.count, total),
    };
    let swatches = groups.into_iter().map(swatch);
    swatches
        .filter(|swatch| swatch.share_percent >= SHARE_PERCENT_MIN)
        .collect()
}

fn percent(count: u32, total: u32) -> u8 {
    let (count, total) = (u64::from(count), u64::from(total));
    let percent = (count * 100 + total / 2).checked_div(total).unwrap_or(0);
    u8::try_from(percent).expect("a part of it is not more than all")
}

/// k-means, for whose beginning [`seeds`] are chosen.
fn grouped(shades: &[Shade]) -> Vec<Shade> {
    let mut centres = seeds(shades);
    let mut groups = Vec::new();
    let mut assigned = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let now: Vec<usize> = shades
            .iter()
            .map(|it| nearest(&centres, it.place))
            .collect();
        if now == assigned {
            break;
        }
        assigned = now;
        let mut bins = vec![Bin::default(); centres.len()];
        for (shade, &group) in shades.iter().zip(&assigned) {
            bins[group].add(shade.bin);
        }
        groups = bins.into_iter().map(Shade::of).collect();
        centres = groups.iter().map(|group: &Shade| group.place).collect();
    }
    groups.retain(|group| group.bin.count > 0);
    groups
}

/// The most common shade first, then what is most common and farthest from all that are chosen.
fn seeds(shades: &[Shade]) -> Vec<Oklab> {
    let mut seeds: Vec<Oklab> = Vec::new();
    let mut distances = vec![1.0; shades.len()];
    while seeds.len() < GROUPS {
        let mut best = (0.0, None);
        for (shade, distance) in shades.iter().zip(&distances) {
            let need = f64::from(shade.bin.count) * distance;
            if need > best.0 {
                best = (need, Some(shade.place));
            }
        }
        let Some(seed) = best.1 else {
            break;
        };
        let is_first = seeds.is_empty();
        seeds.push(seed);
        for (shade, distance) in shades.iter().zip(&mut distances) {
            let found = squared(shade.place, seed);
            *distance = if is_first {
                found
            } else {
                found.min(*distance)
            };
        }
    }
    seeds
}

/// The closest two become one, as long as they are near or there are too many.
fn merged(mut groups: Vec<Shade>) -> Vec<Shade> {
    while let Some((one, other, distance)) = closest(&groups)
        && (distance < NEAR * NEAR || groups.len() > COLOURS_MAX)
    {
        let mut bin = groups[one].bin;
        bin.add(groups.remove(other).bin);
        groups[one] = Shade::of(bin);
    }
    groups
}

/// Two groups, the earlier first, with the square of their distance.
fn closest(groups: &[Shade]) -> Option<(usize, usize, f64)> {
    let mut best: Option<(usize, usize, f64)> = None;
    for (other, right) in groups.iter().enumerate() {
        for (one, left) in groups[..other].iter().enumerate() {
            let distance = squared(left.place, right.place);
            if best.is_none_or(|best| distance < best.2) {
                best = Some((one, other, distance));
            }
        }
    }
    best
}

/// Of equals the first.
fn nearest(centres: &[Oklab], place: Oklab) -> usize {
    let mut best = (0, f64::INFINITY);
    for (at, &centre) in centres.iter().enumerate() {
        let distance = squared(centre, place);
        if distance < best.1 {
            best = (at, distance);
        }
    }
    best.0
}

fn squared(a: Oklab, b: Oklab) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::pixels::{Channels, Pixels};

    fn of(colours: &[([u8; 4], usize)]) -> Vec<Swatch> {
        let bytes: Vec<u8> = colours
            .iter()
            .flat_map(|(colour, count)| colour.repeat(*count))
            .collect();
        palette(&Histogram::of(&Pixels {
            width_px: u32::try_from(bytes.len() / 4).unwrap(),
            height_px: 1,
            channels: Channels::Rgba,
            bytes,
        }))
    }

    fn swatch(rgb: [u8; 3], share_percent: u8) -> Swatch {
        Swatch { rgb, share_percent }
    }

    const RED: [u8; 4] = [200, 20, 30, 255];
    const BLUE: [u8; 4] = [10, 20, 220, 255];
    const GREEN: [u8; 4] = [20, 160, 40, 255];

    #[test]
    fn colours_come_by_their_share() {
        let found = of(&[(BLUE, 30), (RED, 60), (GREEN, 10)]);
        let expected = [
            swatch([200, 20, 30], 60),
            swatch([10, 20, 220], 30),
            swatch([20, 160, 40], 10),
        ];
        assert_eq!(found, expected);
        assert_eq!(of(&[(RED, 1)]), [swatch([200, 20, 30], 100)]);
    }

    #[test]
    fn shades_of_one_colour_are_one() {
        let found = of(&[(RED, 40), ([208, 26, 36, 255], 40), (BLUE, 20)]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0], swatch([204, 23, 33], 80));
    }

    #[test]
    fn of_many_colours_five_stand_for_all() {
        let rainbow: Vec<([u8; 4], usize)> = (0..=255_u8)
            .map(|at| ([at, 255 - at, at.wrapping_mul(7), 255], 10))
            .collect();
        let found = of(&rainbow);
        assert_eq!(found.len(), COLOURS_MAX);
        let shares: Vec<u8> = found.iter().map(|swatch| swatch.share_percent).collect();
        assert!(shares.is_sorted_by(|a, b| a >= b), "{shares:?}");
        let sum: u32 = shares.iter().map(|&share| u32::from(share)).sum();
        assert!((98..=102).contains(&sum), "{shares:?}");
        let places: Vec<Shade> = found
            .iter()
            .map(|swatch| Shade {
                bin: Bin::default(),
                place: to_oklab(swatch.rgb),
            })
            .collect();
        assert!(closest(&places).unwrap().2 >= NEAR * NEAR * 0.9);
    }

    #[test]
    fn what_is_transparent_or_hardly_there_has_no_colour() {
        assert_eq!(of(&[([200, 20, 30, 0], 50)]), []);
        let found = of(&[([200, 20, 30, 10], 500), (BLUE, 980), (GREEN, 20)]);
        assert_eq!(found, [swatch([10, 20, 220], 98)]);
    }
}
