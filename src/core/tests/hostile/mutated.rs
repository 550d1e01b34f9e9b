//! Thousands of damaged files of every kind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use img_core::imaging::{DamagedPolicy, Limits, inspect, memory_needed};
use img_core::model::media::OutputFormat;
use img_core::model::recipe::Recipe;

use crate::damage::{Dice, damage};
use crate::memory::taken_by;
use crate::{alone, derive_one, limits, originals, recipe};

/// For one file, on any machine and beside any other work; most take some milliseconds.
const TIME_MAX: Duration = Duration::from_secs(10);

/// What allocators and lazily set tables take beside what was announced.
const SLACK_BYTES: u64 = 16 << 20;

/// Each takes another way through the pipeline.
fn recipes() -> Vec<Recipe> {
    vec![
        recipe(OutputFormat::Jpeg, "w=20"),
        recipe(OutputFormat::Jpeg, "w=90,enlarge=1,sharpen=1"),
        recipe(OutputFormat::Png, "w=30,h=30,fit=cover,gravity=auto"),
        recipe(OutputFormat::Webp, "w=30,h=40,fit=pad,background=ff8800"),
        recipe(OutputFormat::Webp, "w=30,anim=1"),
        recipe(OutputFormat::Gif, "w=40,h=10,fit=cover,gravity=entropy"),
        recipe(OutputFormat::Jpeg, "h=30,trim=20,rotate=90"),
        recipe(OutputFormat::Jpeg, "w=40,metadata=copyright,profile=keep"),
        recipe(OutputFormat::Avif, "w=24"),
    ]
}

fn policy(number: usize) -> Limits {
    Limits {
        // An image that claims more is refused, which is no news.
        pixels_max: 4_000_000,
        frame_pixels_total_max: 8_000_000,
        damaged: if number.is_multiple_of(2) {
            DamagedPolicy::Accept
        } else {
            DamagedPolicy::Refuse
        },
        ..limits()
    }
}

/// Says how many files became derivatives.
fn check(count: usize, seed: u64) -> usize {
    let _alone = alone();
    let (originals, recipes) = (originals::all(), recipes());
    let mut dice = Dice::new(seed);
    let mut derivatives = 0;
    let mut faults = Vec::new();
    for number in 0..count {
        let (name, original) = &originals[number % originals.len()];
        let other = &originals[dice.roll(originals.len())].1;
        let bytes = damage(original, other, &mut dice);
        let recipe = recipes[dice.roll(recipes.len())];
        let limits = policy(dice.roll(2));
        let announced = inspect(&bytes, &limits).map_or(0, |inspected| {
            memory_needed(&bytes, &inspected, &[recipe], &limits)
        });
        let started = Instant::now();
        let (outcome, taken) =
            taken_by(|| catch_unwind(AssertUnwindSafe(|| derive_one(&bytes, recipe, &limits))));
        let took = started.elapsed();
        let fault = match outcome {
            Err(_) => Some("a panic".to_owned()),
            Ok(_) if took > TIME_MAX => Some(format!("{took:?}")),
            Ok(_) if taken > announced + SLACK_BYTES => {
                Some(format!("{taken} bytes taken, {announced} announced"))
            }
            Ok(derived) => {
                derivatives += usize::from(derived.is_ok());
                None
            }
        };
        if let Some(fault) = fault {
            faults.push(format!("{fault}: file {number}, {name}, {recipe:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    derivatives
}

#[test]
fn whole_files_of_every_kind_become_derivatives() {
    let _alone = alone();
    for (name, original) in originals::all() {
        for recipe in recipes() {
            let derived = derive_one(&original, recipe, &policy(1));
            assert!(derived.is_ok(), "{name}: {derived:?}");
        }
    }
}

#[test]
fn ten_thousand_damaged_files_neither_panic_nor_hang_nor_take_more_memory_than_announced() {
    let derivatives = check(10_000, 2);
    // Else nothing but refusals would have been looked at.
    assert!(derivatives > 1_000, "{derivatives}");
}
