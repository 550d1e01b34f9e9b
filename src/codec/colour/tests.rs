//! Conversions against the formulas in `f64`, over all colours or enough of them.

use proptest::prelude::*;

use super::*;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped"
)]
fn rounded(exact: f64) -> u8 {
    // What is meant to be a half may be a little less in binary.
    (exact + 0.5 + 1e-9).floor().clamp(0.0, 255.0) as u8
}

/// Halves go up; what is within a thousandth of one may go either way.
#[track_caller]
fn check_rounded(ours: u8, exact: f64) {
    let exact = exact.clamp(0.0, 255.0);
    let off = (f64::from(ours) - exact).abs();
    assert!(off <= 0.501, "{ours} for {exact}");
}

fn exact_ycbcr(red: f64, green: f64, blue: f64) -> [f64; 3] {
    let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
    [
        luma,
        128.0 + (blue - luma) / 1.772,
        128.0 + (red - luma) / 1.402,
    ]
}

#[test]
fn colours_become_those_of_the_formula() {
    let steps: Vec<u8> = (0..=255).step_by(5).collect();
    let rgb: Vec<u8> = steps
        .iter()
        .flat_map(|&red| steps.iter().map(move |&green| (red, green)))
        .flat_map(|(red, green)| (0..=255).flat_map(move |blue| [red, green, blue]))
        .collect();
    let width = 256 * steps.len();
    let planes = ycbcr_from_rgb(&rgb, width, steps.len(), Chroma::Full);
    for (i, pixel) in rgb.as_chunks::<3>().0.iter().enumerate() {
        let [red, green, blue] = pixel.map(f64::from);
        let exact = exact_ycbcr(red, green, blue);
        for (plane, exact) in planes.iter().zip(exact) {
            let ours = plane.row(i / width)[i % width];
            assert_eq!(ours, rounded(exact), "{pixel:?}");
        }
    }
    let back = rgb_from_ycbcr(&planes);
    let worst = rgb.iter().zip(&back).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst <= Some(2), "there and back: {worst:?}");
}

#[test]
fn ycbcr_becomes_the_colour_of_the_formula() {
    let steps: Vec<u8> = (0..=255).step_by(3).collect();
    for &luma in &steps {
        let flat = vec![luma; steps.len() * 256];
        let cb: Vec<u8> = (0..flat.len()).map(|i| steps[i / 256]).collect();
        let cr: Vec<u8> = (0..=255).cycle().take(flat.len()).collect();
        let planes =
            [&flat, &cb, &cr].map(|samples| Plane::from_samples(256, steps.len(), samples));
        let rgb = rgb_from_ycbcr(&planes);
        for ((pixel, &cb), &cr) in rgb.as_chunks::<3>().0.iter().zip(&cb).zip(&cr) {
            let (luma, cb, cr) = (
                f64::from(luma),
                f64::from(cb) - 128.0,
                f64::from(cr) - 128.0,
            );
            let (red, blue) = (luma + 1.402 * cr, luma + 1.772 * cb);
            check_rounded(pixel[0], red);
            check_rounded(pixel[1], (luma - 0.299 * red - 0.114 * blue) / 0.587);
            check_rounded(pixel[2], blue);
        }
    }
}

#[test]
fn grey_has_no_colour_and_comes_back_as_it_was() {
    let rgb: Vec<u8> = (0..=255).flat_map(|grey| [grey; 3]).collect();
    for chroma in [Chroma::Full, Chroma::Half] {
        let planes = ycbcr_from_rgb(&rgb, 256, 1, chroma);
        assert!(
            planes[1]
                .rows()
                .chain(planes[2].rows())
                .flatten()
                .all(|&sample| sample == 128)
        );
        assert_eq!(planes[0].row(0), (0..=255).collect::<Vec<u8>>());
    }
}

#[test]
fn alpha_is_multiplied_in_and_out_to_the_nearest() {
    for alpha in 0..=255 {
        let colours: Vec<u8> = (0..=255).collect();
        let mut colour = Plane::from_samples(256, 1, &colours);
        let alphas = Plane::from_samples(256, 1, &[alpha; 256]);
        premultiply(&mut colour, &alphas);
        for (&before, &after) in colours.iter().zip(colour.row(0)) {
            let exact = f64::from(before) * f64::from(alpha) / 255.0;
            assert_eq!(after, rounded(exact), "{before} at {alpha}");
        }
        let mut colour = Plane::from_samples(256, 1, &colours);
        unpremultiply(&mut colour, &alphas);
        for (&before, &after) in colours.iter().zip(colour.row(0)) {
            let exact = f64::from(before) * 255.0 / f64::from(alpha);
            let expected = if alpha == 0 { 0 } else { rounded(exact) };
            assert_eq!(after, expected, "{before} at {alpha}");
        }
    }
}

#[test]
fn inks_take_their_share_of_the_light() {
    let ink = |samples: [u8; 5]| Plane::from_samples(5, 1, &samples);
    let light = rgb_from_cmyk(&[
        ink([0, 255, 0, 100, 7]),
        ink([0, 0, 0, 50, 7]),
        ink([0, 0, 0, 0, 7]),
        ink([0, 0, 255, 51, 7]),
    ]);
    assert_eq!(light[0].row(0), [255, 0, 0, 124, 241]);
    assert_eq!(light[1].row(0), [255, 255, 0, 164, 241]);
    assert_eq!(light[2].row(0), [255, 255, 0, 204, 241]);
}

proptest! {
    #[test]
    fn halved_chroma_is_the_mean_of_four(
        (width, height) in (1usize..40, 1usize..6),
        bytes in prop::collection::vec(any::<u8>(), 40 * 6 * 3),
    ) {
        let rgb = &bytes[..width * height * 3];
        let [luma, cb, cr] = ycbcr_from_rgb(rgb, width, height, Chroma::Half);
        let full = ycbcr_from_rgb(rgb, width, height, Chroma::Full);
        prop_assert_eq!(luma, full[0].clone());
        prop_assert_eq!((cb.width(), cb.height()), (width.div_ceil(2), height.div_ceil(2)));
        let pixel = |x: usize, y: usize| {
            let at = (y.min(height - 1) * width + x.min(width - 1)) * 3;
            exact_ycbcr(rgb[at].into(), rgb[at + 1].into(), rgb[at + 2].into())
        };
        for y in 0..cb.height() {
            for x in 0..cb.width() {
                let four = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| pixel(2 * x + dx, 2 * y + dy));
                for (plane, channel) in [(&cb, 1), (&cr, 2)] {
                    let mean = four.iter().map(|pixel| pixel[channel]).sum::<f64>() / 4.0;
                    check_rounded(plane.row(y)[x], mean);
                }
            }
        }
    }

    #[test]
    fn what_is_split_is_joined_again(
        (width, height, channels) in (0usize..50, 0usize..4, 1usize..7),
        bytes in prop::collection::vec(any::<u8>(), 50 * 4 * 7),
    ) {
        let interleaved = &bytes[..width * height * channels];
        let planes = split(interleaved, channels, width, height);
        prop_assert_eq!(planes.len(), channels);
        prop_assert_eq!(join(&planes), interleaved);
    }
}
