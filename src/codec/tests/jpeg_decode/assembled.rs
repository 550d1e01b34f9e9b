//! Files that no encoder at hand writes, put together segment by segment: rare samplings, wide factors, tables that change.

use crate::check;

/// One component of a file: where its blocks are, and what is in them.
struct Component {
    h: usize,
    v: usize,
    /// Destination of its quantisation table.
    table: u8,
    /// Size in blocks, as stored: whole units.
    across: usize,
    down: usize,
    blocks: Vec<[i32; 64]>,
    /// Size in blocks without those that only fill a unit.
    seen_across: usize,
    seen_down: usize,
}

struct File {
    bytes: Vec<u8>,
    size: (usize, usize),
    units: (usize, usize),
    components: Vec<Component>,
}

/// How symbols are coded: each word has eight bits.
#[derive(Clone, Copy)]
enum Words {
    Ascending,
    /// The same symbols, last first.
    Descending,
}

impl Words {
    /// Sizes of differences of means.
    fn dc(self) -> Vec<u8> {
        self.order((0..=11).collect())
    }

    /// Runs and sizes: the end, sixteen zeros, and up to ten bits behind any run.
    fn ac(self) -> Vec<u8> {
        let values = (0..=15_u8).flat_map(|run| (1..=10).map(move |size| run << 4 | size));
        self.order([0x00, 0xf0].into_iter().chain(values).collect())
    }

    fn order(self, mut symbols: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Ascending => {}
            Self::Descending => symbols.reverse(),
        }
        symbols
    }
}

/// Coded data: bits from the top, a zero behind each 0xff.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        for bit in (0..count).rev() {
            self.held = self.held << 1 | value >> bit & 1;
            self.count += 1;
            if self.count == 8 {
                let byte = self.held as u8;
                self.bytes.push(byte);
                if byte == 0xff {
                    self.bytes.push(0);
                }
                (self.held, self.count) = (0, 0);
            }
        }
    }

    fn symbol(&mut self, symbols: &[u8], symbol: u8) {
        let word = symbols.iter().position(|&other| other == symbol).unwrap();
        self.put(word as u32, 8);
    }

    /// As T.81 has it (F.1.2.1): negative values less one.
    fn value(&mut self, value: i32, size: u32) {
        let bits = if value < 0 { value - 1 } else { value };
        self.put(bits as u32 & ((1 << size) - 1), size);
    }

    fn finish(mut self) -> Vec<u8> {
        while self.count > 0 {
            self.put(1, 1);
        }
        self.bytes
    }
}

fn size_of_value(value: i32) -> u32 {
    32 - value.unsigned_abs().leading_zeros()
}

/// Numbers that look unrelated: a linear congruence, its upper bits.
struct Noise(u32);

impl Noise {
    fn below(&mut self, end: i32) -> i32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 16) as i32 % end
    }

    /// Few coefficients, most of them low, now and then one behind a run of more than 16 zeros.
    fn block(&mut self) -> [i32; 64] {
        let mut block = [0; 64];
        block[0] = self.below(120) - 60;
        for _ in 0..self.below(7) {
            let place = match self.below(6) {
                0 => 1 + self.below(63),
                1..=5 => 1 + self.below(9),
                _ => unreachable!("below 6"),
            };
            block[place as usize] = self.below(41) - 20;
        }
        block
    }
}

impl File {
    /// `samplings` of each component; all of them use the quantisation table 0.
    fn new(size: (usize, usize), samplings: &[(usize, usize)]) -> Self {
        let h_max = samplings.iter().map(|(h, _)| *h).max().unwrap();
        let v_max = samplings.iter().map(|(_, v)| *v).max().unwrap();
        let units = (size.0.div_ceil(8 * h_max), size.1.div_ceil(8 * v_max));
        let mut noise = Noise(7);
        let components = samplings.iter().map(|&(h, v)| {
            let (across, down) = (units.0 * h, units.1 * v);
            Component {
                h,
                v,
                table: 0,
                across,
                down,
                blocks: (0..across * down).map(|_| noise.block()).collect(),
                seen_across: (size.0 * h).div_ceil(h_max).div_ceil(8),
                seen_down: (size.1 * v).div_ceil(v_max).div_ceil(8),
            }
        });
        Self {
            bytes: vec![0xff, 0xd8],
            size,
            units,
            components: components.collect(),
        }
    }

    fn segment(&mut self, marker: u8, payload: &[u8]) {
        let length = payload.len() as u16 + 2;
        self.bytes.extend([0xff, marker]);
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend(payload);
    }

    fn factors(&mut self, destination: u8, factor: impl Fn(u16) -> u16) {
        let bytes = (0..64).map(|k| factor(k).to_be_bytes()[1]);
        let payload: Vec<u8> = std::iter::once(destination).chain(bytes).collect();
        self.segment(0xdb, &payload);
    }

    fn wide_factors(&mut self, destination: u8, factor: impl Fn(u16) -> u16) {
        let bytes = (0..64).flat_map(|k| factor(k).to_be_bytes());
        let payload: Vec<u8> = std::iter::once(0x10 | destination).chain(bytes).collect();
        self.segment(0xdb, &payload);
    }

    fn words(&mut self, words: Words) {
        for (kind, symbols) in [(0x00, words.dc()), (0x10, words.ac())] {
            let mut payload = vec![kind];
            payload.extend((1..=16).map(|bits| if bits == 8 { symbols.len() as u8 } else { 0 }));
            payload.extend(symbols);
            self.segment(0xc4, &payload);
        }
    }

    /// `marker` is that of a baseline or an extended frame.
    fn frame(&mut self, marker: u8) {
        let (width, height) = (self.size.0 as u16, self.size.1 as u16);
        let mut payload = vec![8];
        payload.extend(height.to_be_bytes());
        payload.extend(width.to_be_bytes());
        payload.push(self.components.len() as u8);
        for (id, component) in (1..).zip(&self.components) {
            payload.extend([id, (component.h << 4 | component.v) as u8, component.table]);
        }
        self.segment(marker, &payload);
    }

    fn scan(&mut self, members: &[usize], words: Words) {
        let mut payload = vec![members.len() as u8];
        for &member in members {
            payload.extend([member as u8 + 1, 0]);
        }
        payload.extend([0, 63, 0]);
        self.segment(0xda, &payload);
        let (dc, ac) = (words.dc(), words.ac());
        let mut bits = Bits::default();
        let mut means = [0; 4];
        for (member, block) in self.order(members) {
            let block = &self.components[member].blocks[block];
            put_block(&mut bits, (&dc, &ac), &mut means[member], block);
        }
        self.bytes.extend(bits.finish());
    }

    /// Blocks in the order of a scan: in rows if it has one member, else in units.
    fn order(&self, members: &[usize]) -> Vec<(usize, usize)> {
        let mut order = Vec::new();
        if let [member] = *members {
            let component = &self.components[member];
            for y in 0..component.seen_down {
                order
                    .extend((0..component.seen_across).map(|x| (member, y * component.across + x)));
            }
            return order;
        }
        for unit in 0..self.units.0 * self.units.1 {
            let (x, y) = (unit % self.units.0, unit / self.units.0);
            for &member in members {
                let Component { h, v, across, .. } = self.components[member];
                for inner in 0..h * v {
                    let (dx, dy) = (inner % h, inner / h);
                    order.push((member, (y * v + dy) * across + x * h + dx));
                }
            }
        }
        order
    }

    fn end(mut self) -> Vec<u8> {
        assert!(
            self.components
                .iter()
                .all(|c| c.blocks.len() == c.across * c.down)
        );
        self.bytes.extend([0xff, 0xd9]);
        self.bytes
    }
}

/// T.81, F.1.2: the difference of means, then runs of zeros and values; `block` is in the order of the file.
fn put_block(bits: &mut Bits, words: (&[u8], &[u8]), mean: &mut i32, block: &[i32; 64]) {
    let difference = block[0] - *mean;
    *mean = block[0];
    let size = size_of_value(difference);
    bits.symbol(words.0, size as u8);
    bits.value(difference, size);
    let mut run = 0;
    for &value in &block[1..] {
        if value == 0 {
            run += 1;
            continue;
        }
        while run > 15 {
            bits.symbol(words.1, 0xf0);
            run -= 16;
        }
        let size = size_of_value(value);
        bits.symbol(words.1, run << 4 | size as u8);
        bits.value(value, size);
        run = 0;
    }
    if run > 0 {
        bits.symbol(words.1, 0x00);
    }
}

/// Coarser for higher frequencies.
fn slope(k: u16) -> u16 {
    3 + k / 4
}

#[test]
fn units_three_blocks_wide_or_high_decode_at_every_scale() {
    for samplings in [
        [(3, 1), (1, 1), (1, 1)],
        [(1, 3), (1, 1), (1, 1)],
        [(3, 2), (1, 1), (1, 2)],
        [(2, 3), (1, 1), (2, 1)],
        [(3, 1), (2, 1), (1, 1)],
        [(1, 2), (3, 1), (1, 1)],
    ] {
        for size in [(61, 37), (24, 24), (5, 3)] {
            let mut file = File::new(size, &samplings);
            file.factors(0, slope);
            file.words(Words::Ascending);
            file.frame(0xc0);
            file.scan(&[0, 1, 2], Words::Ascending);
            check(&file.end());
        }
    }
}

#[test]
fn factors_of_sixteen_bits_are_read() {
    // The low coefficients are as fine as ever; the high ones show the upper byte.
    for factor in [|k| 2 + k * 11, |k| if k == 0 { 300 } else { 1 }] {
        let mut file = File::new((40, 24), &[(1, 1)]);
        file.wide_factors(0, factor);
        file.words(Words::Ascending);
        file.frame(0xc1);
        file.scan(&[0], Words::Ascending);
        check(&file.end());
    }
}

#[test]
fn components_in_scans_of_their_own_decode_at_every_scale() {
    for scans in [
        &[&[0][..], &[1], &[2]][..],
        &[&[2], &[1], &[0]],
        &[&[0], &[1, 2]],
        &[&[0, 2], &[1]],
    ] {
        for samplings in [[(2, 2), (1, 1), (1, 1)], [(3, 1), (1, 1), (1, 1)]] {
            let mut file = File::new((61, 37), &samplings);
            file.factors(0, slope);
            file.words(Words::Ascending);
            file.frame(0xc0);
            for members in scans {
                file.scan(members, Words::Ascending);
            }
            check(&file.end());
        }
    }
}

#[test]
fn codes_may_change_between_scans() {
    let mut file = File::new((61, 37), &[(2, 1), (1, 1), (1, 1)]);
    file.factors(0, slope);
    file.words(Words::Ascending);
    file.frame(0xc0);
    file.scan(&[0], Words::Ascending);
    file.words(Words::Descending);
    file.scan(&[1, 2], Words::Descending);
    check(&file.end());
}

#[test]
fn factors_may_change_between_scans() {
    let mut file = File::new((61, 37), &[(2, 2), (1, 1), (1, 1)]);
    file.factors(0, slope);
    file.words(Words::Ascending);
    file.frame(0xc0);
    file.scan(&[0], Words::Ascending);
    // The component keeps what its scan began with.
    file.factors(0, |k| 9 + k);
    file.scan(&[1], Words::Ascending);
    file.wide_factors(0, |k| 1 + k * 5);
    file.scan(&[2], Words::Ascending);
    check(&file.end());
}

#[test]
fn tables_may_come_between_the_frame_and_the_scan() {
    let mut file = File::new((30, 20), &[(1, 1), (1, 1), (1, 1)]);
    file.components[1].table = 3;
    file.components[2].table = 2;
    file.factors(2, |_| 40);
    file.frame(0xc0);
    file.words(Words::Descending);
    file.factors(0, slope);
    file.factors(3, |k| 20 - k / 4);
    file.scan(&[0, 1, 2], Words::Descending);
    check(&file.end());
}
