//! Four rows undone at once, each two pixels behind the one above it.
//!
//! A pixel needs its left neighbour done, which makes a row on its own a chain of waiting. Rows below one another are
//! chains side by side: a vector of 16 lanes holds four channels of one pixel of each of four rows.
#![cfg_attr(
    not(target_arch = "x86_64"),
    expect(
        dead_code,
        unused_imports,
        clippy::unused_self,
        reason = "what the kernel needs"
    )
)]

use fearless_simd::Level;

use super::unfilter::{Filter, ROOM, ROWS};

/// Pixels that each row is behind the one above: with two, the pixel above was done not in the last step but in the
/// one before it, so that moving it between rows delays nobody.
const BEHIND: usize = 2;

/// Steps after the first row until the last row is done.
const STEPS_MORE: usize = BEHIND * (ROWS - 1);

/// Rows of pixels of 3 or 4 bytes, at least two to a row.
pub(super) struct Wave {
    pub(super) pixel_bytes: usize,
    pub(super) row_bytes: usize,
    pub(super) filters: [Filter; ROWS],
}

/// Whether there is a kernel for this processor.
pub(super) fn serves(level: Level) -> bool {
    #[cfg(target_arch = "x86_64")]
    return level.as_avx2().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = level;
        false
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Wave {
    /// Never called where `serves` says no.
    pub(super) fn undo(&self, _: Level, _: &[u8], _: &mut [u8]) {
        unreachable!("no kernel serves this processor")
    }
}

#[cfg(target_arch = "x86_64")]
impl Wave {
    /// `filtered`: rows with their filter bytes, and `ROOM` after those that count; `lines`: five with `ROOM` on both
    /// sides, the first of them above the others. Lines of rows that are not in `filtered` end up with any value.
    pub(super) fn undo(&self, level: Level, filtered: &[u8], lines: &mut [u8]) {
        let Some(avx2) = level.as_avx2() else {
            return;
        };
        let back = BEHIND * self.pixel_bytes;
        let span = self.row_bytes + STEPS_MORE * self.pixel_bytes + 4;
        let x: [&[u8]; ROWS] = std::array::from_fn(|row| {
            let start = 1 + row * (self.row_bytes + 1 - back);
            // A row that is not there is any row that is.
            filtered
                .get(start..start + span)
                .unwrap_or(&filtered[..span])
        });
        let mut lines = lines.chunks_exact_mut(self.row_bytes + 2 * ROOM);
        let mut line = || lines.next().expect("five lines");
        let above = &line()[ROOM..][..span];
        let out = std::array::from_fn(|row| &mut line()[ROOM - row * back..][..span]);
        let rows = Rows { x, above, out };
        undo_four(avx2, rows, self.pixel_bytes, self.filters);
    }
}

/// Slices of one length: what index `i` of them means is two pixels further left in each row than in the one above.
#[cfg(target_arch = "x86_64")]
struct Rows<'a> {
    x: [&'a [u8]; ROWS],
    above: &'a [u8],
    out: [&'a mut [u8]; ROWS],
}

#[cfg(target_arch = "x86_64")]
fearless_simd::kernel!(
    /// Names as in the specification: x filtered, a left, b above, c above left. Values are 16 bits wide, 0 to 255.
    fn undo_four(avx2: Avx2, rows: Rows<'_>, pixel_bytes: usize, filters: [Filter; ROWS]) {
        use std::arch::x86_64::{
            _mm_cvtsi32_si128, _mm_cvtsi128_si32, _mm_extract_epi32, _mm_packus_epi16,
            _mm_set_epi32, _mm256_abs_epi16, _mm256_add_epi16, _mm256_and_si256,
            _mm256_blend_epi32, _mm256_blendv_epi8, _mm256_castsi256_si128, _mm256_cmpeq_epi16,
            _mm256_cvtepu8_epi16, _mm256_extracti128_si256, _mm256_min_epi16, _mm256_or_si256,
            _mm256_permute4x64_epi64, _mm256_set_epi64x, _mm256_set1_epi16, _mm256_setzero_si256,
            _mm256_srli_epi16, _mm256_sub_epi16,
        };

        let _ = avx2;
        let Rows { x, above, out } = rows;
        let [x0, x1, x2, x3] = x;
        let [out0, out1, out2, out3] = out;
        // Of one length, and no index beyond it: nothing is left to check in the loop.
        let span = above.len();
        let last = span.checked_sub(4).expect("two pixels to a row");
        let [x0, x1, x2, x3] = [&x0[..span], &x1[..span], &x2[..span], &x3[..span]];
        let (out0, out1) = (&mut out0[..span], &mut out1[..span]);
        let (out2, out3) = (&mut out2[..span], &mut out3[..span]);
        let load = |from: &[u8], at: usize| {
            i32::from_le_bytes(*from[at..at + 4].first_chunk().expect("four bytes"))
        };
        let rows_where = |row: &dyn Fn(usize) -> bool| {
            let lane = |index| if row(index) { -1 } else { 0 };
            _mm256_set_epi64x(lane(3), lane(2), lane(1), lane(0))
        };
        let is = |filter| rows_where(&|row| filters[row] == filter);
        let (is_sub, is_up) = (is(Filter::Sub), is(Filter::Up));
        let (is_average, is_paeth) = (is(Filter::Average), is(Filter::Paeth));
        let is_mixed = filters != [Filter::Paeth; ROWS];

        let low = _mm256_set1_epi16(0xff);
        let zero = _mm256_setzero_si256();
        // Of the step before, and the one before that.
        let (mut a, mut done_earlier, mut c) = (zero, zero, zero);
        let (mut step, mut at) = (0, 0);
        while at < last {
            let x = _mm256_cvtepu8_epi16(_mm_set_epi32(
                load(x3, at),
                load(x2, at),
                load(x1, at),
                load(x0, at),
            ));
            let first = _mm256_cvtepu8_epi16(_mm_cvtsi32_si128(load(above, at)));
            let moved = _mm256_permute4x64_epi64::<0b10_01_00_00>(done_earlier);
            let b = _mm256_blend_epi32::<0b0000_0011>(moved, first);

            let to_a = _mm256_abs_epi16(_mm256_sub_epi16(b, c));
            let to_b = _mm256_abs_epi16(_mm256_sub_epi16(a, c));
            let b_less_2c = _mm256_sub_epi16(b, _mm256_add_epi16(c, c));
            let to_c = _mm256_abs_epi16(_mm256_add_epi16(a, b_less_2c));
            let least = _mm256_min_epi16(to_c, _mm256_min_epi16(to_a, to_b));
            let nearest_b = _mm256_cmpeq_epi16(least, to_b);
            let nearest_a = _mm256_cmpeq_epi16(least, to_a);
            // Added before chosen, so that the sums need not wait for the choice.
            let x_and_a = _mm256_and_si256(_mm256_add_epi16(x, a), low);
            let x_and_b = _mm256_and_si256(_mm256_add_epi16(x, b), low);
            let x_and_c = _mm256_and_si256(_mm256_add_epi16(x, c), low);
            let by_b_or_c = _mm256_blendv_epi8(x_and_c, x_and_b, nearest_b);
            let mut done = _mm256_blendv_epi8(by_b_or_c, x_and_a, nearest_a);
            if is_mixed {
                let average = _mm256_srli_epi16::<1>(_mm256_add_epi16(a, b));
                let guess = _mm256_or_si256(
                    _mm256_and_si256(average, is_average),
                    _mm256_or_si256(_mm256_and_si256(a, is_sub), _mm256_and_si256(b, is_up)),
                );
                let by_others = _mm256_and_si256(_mm256_add_epi16(x, guess), low);
                done = _mm256_blendv_epi8(by_others, done, is_paeth);
            }
            if step < STEPS_MORE {
                // Left of its first pixel, a row is zero.
                done = _mm256_and_si256(done, rows_where(&|row| step >= BEHIND * row));
            }
            (done_earlier, c, a) = (a, b, done);

            let halves = [
                _mm256_castsi256_si128(done),
                _mm256_extracti128_si256::<1>(done),
            ];
            let bytes = _mm_packus_epi16(halves[0], halves[1]);
            let store = |to: &mut [u8], pixel: i32| {
                to[at..at + 4].copy_from_slice(&pixel.to_le_bytes());
            };
            store(out0, _mm_cvtsi128_si32(bytes));
            store(out1, _mm_extract_epi32::<1>(bytes));
            store(out2, _mm_extract_epi32::<2>(bytes));
            store(out3, _mm_extract_epi32::<3>(bytes));
            step += 1;
            at += pixel_bytes;
        }
    }
);
