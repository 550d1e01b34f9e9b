//! A JPEG decoder as plain as can be, to compare with: bit by bit, all coefficients, cosines by the formula.

use std::collections::HashMap;
use std::f64::consts::PI;

const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Code words by length and bits.
type Words = HashMap<(u32, u32), u8>;

pub(crate) struct Component {
    id: u8,
    h: usize,
    v: usize,
    table: u8,
    pub(crate) width: usize,
    pub(crate) height: usize,
    across: usize,
    down: usize,
    stored_across: usize,
    /// In rows, as coded.
    blocks: Vec<[i32; 64]>,
    factors: [i32; 64],
}

#[derive(Default)]
struct Plain {
    factors: HashMap<u8, [i32; 64]>,
    words: HashMap<u8, Words>,
    interval: usize,
    progressive: bool,
    units: (usize, usize),
    components: Vec<Component>,
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    left: u32,
}

impl Bits<'_> {
    fn bit(&mut self) -> u32 {
        if self.left == 0 {
            self.left = 8;
            self.at += if self.bytes[self.at] == 0xff { 2 } else { 1 };
        }
        self.left -= 1;
        // The byte before `at`, which may be the zero after 0xff.
        let byte = match self.bytes[self.at - 2..self.at] {
            [0xff, 0] => 0xff,
            [_, byte] => byte,
            _ => unreachable!(),
        };
        u32::from(byte >> self.left & 1)
    }

    fn bits(&mut self, count: u32) -> i32 {
        (0..count).fold(0, |all, _| all << 1 | self.bit() as i32)
    }

    fn symbol(&mut self, words: &Words) -> u8 {
        let mut bits = 0;
        for length in 1..=16 {
            bits = bits << 1 | self.bit();
            if let Some(&symbol) = words.get(&(length, bits)) {
                return symbol;
            }
        }
        panic!("no such code word");
    }

    fn value(&mut self, size: u32) -> i32 {
        let bits = self.bits(size);
        if size > 0 && bits < 1 << (size - 1) {
            bits - (1 << size) + 1
        } else {
            bits
        }
    }

    fn restart(&mut self) {
        self.left = 0;
        while self.bytes[self.at] != 0xff || !(0xd0..=0xd7).contains(&self.bytes[self.at + 1]) {
            self.at += 1;
        }
        self.at += 2;
    }
}

/// Decodes a well-formed file; panics at others.
pub(crate) fn decode(bytes: &[u8]) -> Vec<Component> {
    let mut plain = Plain::default();
    let mut at = 2;
    loop {
        while bytes[at] != 0xff || matches!(bytes[at + 1], 0 | 0xff | 0xd0..=0xd7) {
            at += 1;
        }
        let marker = bytes[at + 1];
        if marker == 0xd9 {
            return plain.components;
        }
        let length = usize::from(bytes[at + 2]) << 8 | usize::from(bytes[at + 3]);
        let body = &bytes[at + 4..at + 2 + length];
        at += 2 + length;
        match marker {
            0xdb => plain.factors(body),
            0xc4 => plain.words(body),
            0xdd => plain.interval = usize::from(body[0]) << 8 | usize::from(body[1]),
            0xc0..=0xc2 => plain.frame(body, marker == 0xc2),
            0xda => plain.scan(body, Bits { bytes, at, left: 0 }),
            _ => {}
        }
    }
}

impl Plain {
    fn factors(&mut self, mut body: &[u8]) {
        while let [kind, rest @ ..] = body {
            let wide = usize::from(kind >> 4);
            let table = self.factors.entry(kind & 15).or_insert([0; 64]);
            for k in 0..64 {
                let at = k * (wide + 1);
                let value = rest[at..=at + wide]
                    .iter()
                    .fold(0, |all, &byte| all << 8 | i32::from(byte));
                table[ZIGZAG[k]] = value;
            }
            body = &rest[64 * (wide + 1)..];
        }
    }

    fn words(&mut self, mut body: &[u8]) {
        while let [kind, rest @ ..] = body {
            let (mut words, mut bits, mut next) = (Words::new(), 0, 16);
            for length in 1..=16_u32 {
                for _ in 0..rest[length as usize - 1] {
                    words.insert((length, bits), rest[next]);
                    bits += 1;
                    next += 1;
                }
                bits <<= 1;
            }
            self.words.insert(*kind, words);
            body = &rest[next..];
        }
    }

    fn frame(&mut self, body: &[u8], progressive: bool) {
        self.progressive = progressive;
        let size = |at: usize| usize::from(body[at]) << 8 | usize::from(body[at + 1]);
        let (height, width) = (size(1), size(3));
        let sampling = |c: &[u8]| (usize::from(c[1] >> 4), usize::from(c[1] & 15));
        let components = body[6..].chunks_exact(3);
        let h_max = components.clone().map(|c| sampling(c).0).max().unwrap();
        let v_max = components.clone().map(|c| sampling(c).1).max().unwrap();
        self.units = (width.div_ceil(8 * h_max), height.div_ceil(8 * v_max));
        for c in components {
            let (h, v) = sampling(c);
            let (width, height) = ((width * h).div_ceil(h_max), (height * v).div_ceil(v_max));
            self.components.push(Component {
                id: c[0],
                h,
                v,
                table: c[2],
                width,
                height,
                across: width.div_ceil(8),
                down: height.div_ceil(8),
                stored_across: self.units.0 * h,
                blocks: vec![[0; 64]; self.units.0 * h * self.units.1 * v],
                factors: [0; 64],
            });
        }
    }

    fn scan(&mut self, body: &[u8], mut bits: Bits<'_>) {
        let count = usize::from(body[0]);
        let mut members = Vec::new();
        for selector in body[1..=2 * count].chunks_exact(2) {
            let index = self.components.iter().position(|c| c.id == selector[0]);
            members.push((index.unwrap(), selector[1] >> 4, selector[1] & 15));
        }
        for &(index, ..) in &members {
            self.components[index].factors = self.factors[&self.components[index].table];
        }
        let parameters = &body[1 + 2 * count..];
        let (low, band) = if self.progressive {
            (parameters[2], (parameters[0], parameters[1]))
        } else {
            (0, (0, 63))
        };
        let order = self.order(&members);
        let units = order.len();
        let mut state = ([0; 4], 0);
        for (number, unit) in order.into_iter().enumerate() {
            if self.interval > 0 && number > 0 && number % self.interval == 0 {
                bits.restart();
                state = ([0; 4], 0);
            }
            for (member, block) in unit {
                let (index, dc, ac) = members[member];
                let none = Words::new();
                let dc = self.words.get(&dc).unwrap_or(&none);
                let ac = self.words.get(&(0x10 | ac)).unwrap_or(&none);
                let block = &mut self.components[index].blocks[block];
                let prediction = &mut state.0[index];
                if !self.progressive {
                    sequential(&mut bits, (dc, ac), prediction, block);
                } else if band.0 == 0 {
                    means(&mut bits, dc, prediction, (low, block));
                } else if low >> 4 == 0 {
                    first(&mut bits, ac, (band, low), (&mut state.1, block));
                } else {
                    refine(&mut bits, ac, (band, low & 15), (&mut state.1, block));
                }
            }
        }
        assert!(units > 0);
    }

    /// For each unit its blocks: the member, and the number of the block in its component.
    fn order(&self, members: &[(usize, u8, u8)]) -> Vec<Vec<(usize, usize)>> {
        let mut order = Vec::new();
        if let [(index, ..)] = members {
            let component = &self.components[*index];
            for y in 0..component.down {
                for x in 0..component.across {
                    order.push(vec![(0, y * component.stored_across + x)]);
                }
            }
            return order;
        }
        for (y, x) in (0..self.units.1).flat_map(|y| (0..self.units.0).map(move |x| (y, x))) {
            let mut unit = Vec::new();
            for (member, (index, ..)) in members.iter().enumerate() {
                let c = &self.components[*index];
                for (dy, dx) in (0..c.v).flat_map(|dy| (0..c.h).map(move |dx| (dy, dx))) {
                    unit.push((member, (y * c.v + dy) * c.stored_across + x * c.h + dx));
                }
            }
            order.push(unit);
        }
        order
    }
}

fn sequential(bits: &mut Bits<'_>, words: (&Words, &Words), mean: &mut i32, block: &mut [i32; 64]) {
    let size = bits.symbol(words.0);
    *mean += bits.value(u32::from(size));
    block[0] = *mean;
    let mut k = 1;
    while k < 64 {
        let symbol = bits.symbol(words.1);
        let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        match (run, size) {
            (15, 0) => k += 16,
            (_, 0) => break,
            (_, _) => {
                k += run;
                block[ZIGZAG[k]] = bits.value(size);
                k += 1;
            }
        }
    }
}

fn means(bits: &mut Bits<'_>, dc: &Words, mean: &mut i32, (low, block): (u8, &mut [i32; 64])) {
    if low >> 4 == 0 {
        let size = bits.symbol(dc);
        *mean += bits.value(u32::from(size));
        block[0] = *mean << (low & 15);
    } else {
        block[0] |= (bits.bit() << (low & 15)) as i32;
    }
}

fn first(
    bits: &mut Bits<'_>,
    ac: &Words,
    (band, low): ((u8, u8), u8),
    (run_left, block): (&mut u32, &mut [i32; 64]),
) {
    if *run_left > 0 {
        *run_left -= 1;
        return;
    }
    let mut k = usize::from(band.0);
    while k <= usize::from(band.1) {
        let symbol = bits.symbol(ac);
        let (run, size) = (symbol >> 4, u32::from(symbol & 15));
        if size == 0 && run < 15 {
            *run_left = (1 << run) - 1 + bits.bits(u32::from(run)) as u32;
            return;
        }
        k += usize::from(run);
        if size > 0 {
            block[ZIGZAG[k]] = bits.value(size) << low;
        }
        k += 1;
    }
}

fn refine(
    bits: &mut Bits<'_>,
    ac: &Words,
    (band, low): ((u8, u8), u8),
    (run_left, block): (&mut u32, &mut [i32; 64]),
) {
    let mut k = usize::from(band.0);
    let last = usize::from(band.1);
    let correct = |bits: &mut Bits<'_>, value: &mut i32| {
        if bits.bit() == 1 {
            *value += value.signum() << low;
        }
    };
    while *run_left == 0 && k <= last {
        let symbol = bits.symbol(ac);
        let (mut zeros, size) = (symbol >> 4, symbol & 15);
        if size == 0 && zeros < 15 {
            *run_left = (1 << zeros) + bits.bits(u32::from(zeros)) as u32;
            break;
        }
        let new = if size == 0 {
            0
        } else {
            (bits.bit() as i32 * 2 - 1) << low
        };
        while k <= last {
            let value = &mut block[ZIGZAG[k]];
            k += 1;
            if *value != 0 {
                correct(bits, value);
            } else if zeros == 0 {
                *value = new;
                break;
            } else {
                zeros -= 1;
            }
        }
    }
    if *run_left > 0 {
        for &place in &ZIGZAG[k..=last] {
            if block[place] != 0 {
                correct(bits, &mut block[place]);
            }
        }
        *run_left -= 1;
    }
}

impl Component {
    /// The samples at n eighths, not rounded: the n-point transform of the low n×n coefficients.
    pub(crate) fn samples(&self, n: usize) -> (usize, usize, Vec<f64>) {
        let (width, height) = ((self.width * n).div_ceil(8), (self.height * n).div_ceil(8));
        let mut samples = vec![0.0; width * height];
        for (index, block) in self.blocks.iter().enumerate() {
            let (left, top) = (
                index % self.stored_across * n,
                index / self.stored_across * n,
            );
            for (y, x) in (0..n).flat_map(|y| (0..n).map(move |x| (y, x))) {
                if left + x < width && top + y < height {
                    samples[(top + y) * width + left + x] = self.sample(block, n, (x, y));
                }
            }
        }
        (width, height, samples)
    }

    fn sample(&self, block: &[i32; 64], n: usize, (x, y): (usize, usize)) -> f64 {
        let wave = |place: usize, frequency: usize| {
            let scale = if frequency == 0 { 0.5_f64.sqrt() } else { 1.0 };
            let angle = (2 * place + 1) as f64 * frequency as f64 * PI / (2 * n) as f64;
            scale * angle.cos()
        };
        let mut sum = 0.0;
        for (v, u) in (0..n).flat_map(|v| (0..n).map(move |u| (v, u))) {
            let value = f64::from(block[8 * v + u] * self.factors[8 * v + u]);
            sum += value * wave(x, u) * wave(y, v);
        }
        (128.0 + sum / 4.0).clamp(0.0, 255.0)
    }
}
