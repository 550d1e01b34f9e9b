//! From one frame of an animation to the next: which part of the canvas changes.

/// A part of a canvas, at least one pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_field_names,
    reason = "the unit belongs to each of the names"
)]
pub(super) struct Area {
    pub(super) left_px: u32,
    pub(super) top_px: u32,
    pub(super) width_px: u32,
    pub(super) height_px: u32,
}

impl Area {
    /// The smallest part that holds all changes between two canvases of RGBA; the first pixel if there is none.
    pub(super) fn of_changes(before: &[u8], after: &[u8], width_px: u32) -> Self {
        let row = width_px as usize * 4;
        let rows = || before.chunks_exact(row).zip(after.chunks_exact(row));
        let changed = |(one, other): (&[u8], &[u8])| one != other;
        let Some(top) = rows().position(changed) else {
            return Self {
                left_px: 0,
                top_px: 0,
                width_px: 1,
                height_px: 1,
            };
        };
        let bottom = rows().rposition(changed).unwrap_or(top);
        let (mut left, mut right) = (width_px as usize - 1, 0);
        for (one, other) in rows().skip(top).take(bottom - top + 1) {
            let mut pixels = one.chunks_exact(4).zip(other.chunks_exact(4));
            if let Some(first) = pixels.clone().position(changed) {
                left = left.min(first);
                right = right.max(pixels.rposition(changed).unwrap_or(first));
            }
        }
        // All four lie within the canvas, whose sides were u32.
        let px = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Self {
            left_px: px(left),
            top_px: px(top),
            width_px: px(right - left + 1),
            height_px: px(bottom - top + 1),
        }
    }

    /// The part of a canvas of RGBA, row by row.
    pub(super) fn cut(self, canvas: &[u8], canvas_width_px: u32) -> Vec<u8> {
        let row = canvas_width_px as usize * 4;
        let (start, len) = (self.left_px as usize * 4, self.width_px as usize * 4);
        let rows = canvas.chunks_exact(row).skip(self.top_px as usize);
        let parts = rows
            .take(self.height_px as usize)
            .map(|row| &row[start..start + len]);
        parts.flatten().copied().collect()
    }

    /// Moves the upper left corner to even numbers, which is all that WebP can name.
    pub(super) fn widened_to_even(self) -> Self {
        let (odd_left, odd_top) = (self.left_px % 2, self.top_px % 2);
        Self {
            left_px: self.left_px - odd_left,
            top_px: self.top_px - odd_top,
            width_px: self.width_px + odd_left,
            height_px: self.height_px + odd_top,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_part_holds_all_changes() {
        let before = vec![0; 6 * 5 * 4];
        let mut after = before.clone();
        for (x, y) in [(3, 1), (1, 3)] {
            after[(y * 6 + x) * 4] = 9;
        }
        let area = Area::of_changes(&before, &after, 6);
        let expected = Area {
            left_px: 1,
            top_px: 1,
            width_px: 3,
            height_px: 3,
        };
        assert_eq!(area, expected);
        let part = area.cut(&after, 6);
        assert_eq!(part.len(), 3 * 3 * 4);
        assert_eq!((part[2 * 4], part[2 * 3 * 4]), (9, 9));
        let even = area.widened_to_even();
        assert_eq!((even.left_px, even.width_px, even.height_px), (0, 4, 4));
        assert_eq!(Area::of_changes(&before, &before, 6).width_px, 1);
    }
}
