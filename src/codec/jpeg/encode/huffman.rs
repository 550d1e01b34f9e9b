//! Huffman codes: those of the standard, and the best ones for given counts.

use super::bits::{Counts, Table};

/// A code as DHT writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lengths {
    /// How many codes are of 1 to 16 bits.
    pub(super) counts: [u8; 16],
    /// Symbols by rising length of their codes.
    pub(super) symbols: Vec<u8>,
}

/// The code of each symbol.
#[derive(Debug)]
pub(super) struct Codes {
    /// The code, and its length in the low 8 bits; 0 for symbols without one.
    entries: [u32; 256],
}

impl Codes {
    pub(super) fn new(lengths: &Lengths) -> Self {
        let mut entries = [0; 256];
        let mut symbols = lengths.symbols.iter();
        let mut code = 0;
        for (length, &count) in (1..).zip(&lengths.counts) {
            for &symbol in symbols.by_ref().take(usize::from(count)) {
                entries[usize::from(symbol)] = code << 8 | length;
                code += 1;
            }
            code <<= 1;
        }
        Self { entries }
    }

    #[inline]
    pub(super) fn get(&self, symbol: u8) -> (u32, u32) {
        let entry = self.entries[usize::from(symbol)];
        (entry >> 8, entry & 0xff)
    }
}

/// Of each table of [`Table::ALL`].
pub(super) fn codes(lengths: &[Lengths; 4]) -> [Codes; 4] {
    [0, 1, 2, 3].map(|i| Codes::new(&lengths[i]))
}

/// Tables K.3 to K.6.
pub(super) fn standard() -> [Lengths; 4] {
    Table::ALL.map(|table| match table {
        Table::LumaDc => Lengths {
            counts: [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0],
            symbols: (0..=11).collect(),
        },
        Table::LumaAc => Lengths {
            counts: [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d],
            symbols: ac_symbols(&LUMA_AC_SHORT),
        },
        Table::ChromaDc => Lengths {
            counts: [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
            symbols: (0..=11).collect(),
        },
        Table::ChromaAc => Lengths {
            counts: [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77],
            symbols: ac_symbols(&CHROMA_AC_SHORT),
        },
    })
}

/// Symbols of table K.5 with codes shorter than 16 bits; the others follow by their value.
const LUMA_AC_SHORT: [u8; 37] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
    0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0,
    0x24, 0x33, 0x62, 0x72, 0x82,
];

/// Of table K.6.
const CHROMA_AC_SHORT: [u8; 43] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
    0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0,
    0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1,
];

/// Runs of 0 to 15 zeros before values of 1 to 10 bits, the end of a block and 16 zeros.
fn ac_symbols(short: &[u8]) -> Vec<u8> {
    let all =
        (0..=255).filter(|symbol| matches!(symbol & 15, 1..=10) || matches!(symbol, 0 | 0xf0));
    let long = all.filter(|symbol| !short.contains(symbol));
    short.iter().copied().chain(long).collect()
}

/// The best code for each table.
pub(super) fn optimal(counts: &Counts) -> [Lengths; 4] {
    counts.0.each_ref().map(best)
}

/// The shortest code of at most 16 bits without one of all ones (T.81, K.2).
fn best(counts: &[u32; 256]) -> Lengths {
    let mut leaves: Vec<(u64, Option<u8>)> = (0..=255)
        .map(|symbol: u8| (u64::from(counts[usize::from(symbol)]), Some(symbol)))
        .filter(|(count, _)| *count > 0)
        .collect();
    if leaves.is_empty() {
        // A table that no symbol uses must still be one.
        leaves.push((1, Some(0)));
    }
    // Stands for the code of all ones: the rarest, before others as rare, so that its code is of the longest.
    leaves.push((0, None));
    leaves.sort_unstable();
    let depths = depths(leaves.iter().map(|(count, _)| *count).collect());

    let mut of_length = limited(&depths);
    let longest = of_length.iter().rposition(|&count| count > 0).unwrap_or(0);
    of_length[longest] -= 1;
    let mut symbols: Vec<(usize, u8)> = depths
        .into_iter()
        .zip(&leaves)
        .filter_map(|(depth, (_, symbol))| Some((depth, (*symbol)?)))
        .collect();
    symbols.sort_unstable();
    Lengths {
        counts: std::array::from_fn(|i| {
            u8::try_from(of_length[i + 1]).expect("at most 256 codes, and not all of one length")
        }),
        symbols: symbols.into_iter().map(|(_, symbol)| symbol).collect(),
    }
}

/// How deep each leaf lies in the Huffman tree over leaves of rising weight.
fn depths(weights: Vec<u64>) -> Vec<usize> {
    let leaves = weights.len();
    let mut weights = weights;
    let mut parents = vec![0; 2 * leaves - 1];
    // Both leaves and joined nodes come in rising order, so the two lightest are at the head of one or the other.
    let (mut leaf, mut joined) = (0, leaves);
    while weights.len() < 2 * leaves - 1 {
        let mut lightest = || {
            let take_leaf =
                leaf < leaves && (joined >= weights.len() || weights[leaf] <= weights[joined]);
            let next = if take_leaf { &mut leaf } else { &mut joined };
            *next += 1;
            *next - 1
        };
        let (a, b) = (lightest(), lightest());
        parents[a] = weights.len();
        parents[b] = weights.len();
        weights.push(weights[a] + weights[b]);
    }
    let mut depths = vec![0; 2 * leaves - 1];
    for node in (0..2 * leaves - 2).rev() {
        depths[node] = depths[parents[node]] + 1;
    }
    depths.truncate(leaves);
    depths
}

/// How many codes are of each length, none above 16 bits (T.81, figure K.3): of two codes too long one moves to half
/// their prefix, and another shorter one makes room for the other.
fn limited(depths: &[usize]) -> Vec<usize> {
    let longest = depths.iter().copied().max().unwrap_or(0).max(16);
    let mut of_length = vec![0; longest + 1];
    for &depth in depths {
        of_length[depth] += 1;
    }
    for length in (17..=longest).rev() {
        while of_length[length] > 0 {
            let shorter = (1..length - 1)
                .rev()
                .find(|&shorter| of_length[shorter] > 0)
                .expect("a tree has leaves above its two deepest levels");
            of_length[length] -= 2;
            of_length[length - 1] += 1;
            of_length[shorter + 1] += 2;
            of_length[shorter] -= 1;
        }
    }
    of_length.truncate(17);
    of_length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kraft(lengths: &Lengths) -> u32 {
        let sums = (1..).zip(&lengths.counts);
        sums.map(|(length, &count)| u32::from(count) << (16 - length))
            .sum()
    }

    #[test]
    fn the_standard_codes_have_all_symbols_once() {
        for (lengths, symbols) in standard().iter().zip([12, 162, 12, 162]) {
            let total: u32 = lengths.counts.iter().map(|&count| u32::from(count)).sum();
            assert_eq!((total as usize, lengths.symbols.len()), (symbols, symbols));
            let mut sorted = lengths.symbols.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), symbols);
        }
    }

    #[test]
    fn a_best_code_leaves_the_one_of_all_ones_and_is_never_above_16_bits() {
        let mut fibonacci = [0_u32; 256];
        let (mut a, mut b) = (1, 1);
        for count in &mut fibonacci[..40] {
            *count = a;
            (a, b) = (b, a + b);
        }
        let mut one = [0; 256];
        one[7] = 9;
        let even = [1; 256];
        for counts in [fibonacci, one, even, [0; 256]] {
            let lengths = best(&counts);
            let used = counts.iter().filter(|&&count| count > 0).count().max(1);
            assert_eq!(lengths.symbols.len(), used);
            assert!(kraft(&lengths) < 1 << 16, "{lengths:?}");
            let total: usize = lengths.counts.iter().map(|&count| usize::from(count)).sum();
            assert_eq!(total, used);
        }
    }

    #[test]
    fn what_is_frequent_has_a_shorter_code() {
        let mut counts = [1; 256];
        counts[3] = 1000;
        counts[200] = 500;
        let codes = Codes::new(&best(&counts));
        assert!(codes.get(3).1 < codes.get(200).1 && codes.get(200).1 < codes.get(9).1);
    }
}
