//! Changes at random, the same each time.

/// Numbers without order: Marsaglia's xorshift64.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// 0 to `sides` − 1.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % sides.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.roll(256)).unwrap()
    }
}

/// One to six changes: of bits and bytes, of numbers to extreme ones; pieces cut out, doubled, or taken from `other`.
pub(crate) fn damage(original: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..=dice.roll(6) {
        if bytes.is_empty() {
            break;
        }
        let at = if dice.roll(2) == 0 {
            // Headers are small, and say most.
            dice.roll(bytes.len().min(200))
        } else {
            dice.roll(bytes.len())
        };
        let length = 1 + dice.roll(40.min(bytes.len() - at));
        match dice.roll(8) {
            0 => bytes[at] ^= 1 << dice.roll(8),
            1 => bytes[at] = dice.byte(),
            2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][dice.roll(5)],
            3 => {
                let number = [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX][dice.roll(5)];
                let end = bytes.len().min(at + 4);
                bytes[at..end].copy_from_slice(&number.to_be_bytes()[..end - at]);
            }
            4 => bytes.truncate(at),
            5 => {
                bytes.drain(at..at + length);
            }
            6 => {
                let piece = bytes[at..at + length].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let from = dice.roll(other.len());
                let to = other.len().min(from + length);
                bytes.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    bytes
}
