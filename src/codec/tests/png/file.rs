//! PNG files written by hand: of every kind, with every filter, interlaced or not.

use img_codec::png::{ColourType, Interlacing};
use zlib_rs::adler32::adler32;
use zlib_rs::crc32::crc32;

/// Bytes without order, the same each time.
pub(crate) fn noise(bytes: usize, seed: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..bytes).map(|_| next()).collect()
}

/// What a file is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) colour: ColourType,
    pub(crate) bit_depth: u8,
    pub(crate) interlacing: Interlacing,
    pub(crate) transparency: bool,
}

impl Kind {
    pub(crate) const RGB: Self = Self {
        colour: ColourType::Rgb,
        bit_depth: 8,
        interlacing: Interlacing::None,
        transparency: false,
    };

    /// All that the specification has.
    pub(crate) fn all() -> Vec<Self> {
        let colours: [(ColourType, &[u8], &[bool]); 5] = [
            (ColourType::Grey, &[1, 2, 4, 8, 16], &[false, true]),
            (ColourType::Rgb, &[8, 16], &[false, true]),
            (ColourType::Palette, &[1, 2, 4, 8], &[false, true]),
            (ColourType::GreyAlpha, &[8, 16], &[false]),
            (ColourType::Rgba, &[8, 16], &[false]),
        ];
        let mut kinds = Vec::new();
        for (colour, depths, transparencies) in colours {
            for bit_depth in depths {
                for transparency in transparencies {
                    for interlacing in [Interlacing::None, Interlacing::Adam7] {
                        kinds.push(Self {
                            colour,
                            bit_depth: *bit_depth,
                            interlacing,
                            transparency: *transparency,
                        });
                    }
                }
            }
        }
        kinds
    }

    fn samples(self) -> usize {
        match self.colour {
            ColourType::Grey | ColourType::Palette => 1,
            ColourType::GreyAlpha => 2,
            ColourType::Rgb => 3,
            ColourType::Rgba => 4,
        }
    }

    fn row_bytes(self, width: usize) -> usize {
        (width * self.samples() * usize::from(self.bit_depth)).div_ceil(8)
    }

    /// IHDR.
    pub(crate) fn header(self, [width, height]: [u32; 2]) -> Vec<u8> {
        let colour = match self.colour {
            ColourType::Grey => 0,
            ColourType::Rgb => 2,
            ColourType::Palette => 3,
            ColourType::GreyAlpha => 4,
            ColourType::Rgba => 6,
        };
        let mut content = Vec::new();
        content.extend(width.to_be_bytes());
        content.extend(height.to_be_bytes());
        content.extend([self.bit_depth, colour, 0, 0]);
        content.push(match self.interlacing {
            Interlacing::None => 0,
            Interlacing::Adam7 => 1,
        });
        content
    }

    /// Filtered rows without order, with filters in no order: any bytes are an image.
    pub(crate) fn rows(self, [width, height]: [u32; 2], seed: usize) -> Vec<u8> {
        let passes: &[[u32; 4]] = match self.interlacing {
            Interlacing::None => &[[0, 0, 1, 1]],
            Interlacing::Adam7 => &[
                [0, 0, 8, 8],
                [4, 0, 8, 8],
                [0, 4, 4, 8],
                [2, 0, 4, 4],
                [0, 2, 2, 4],
                [1, 0, 2, 2],
                [0, 1, 1, 2],
            ],
        };
        let mut rows = Vec::new();
        for [x, y, step_x, step_y] in passes {
            let across = width.saturating_sub(*x).div_ceil(*step_x) as usize;
            let down = height.saturating_sub(*y).div_ceil(*step_y) as usize;
            if across == 0 {
                continue;
            }
            for row in 0..down {
                let mut bytes = noise(1 + self.row_bytes(across), seed + rows.len() + row);
                bytes[0] %= 5;
                rows.append(&mut bytes);
            }
        }
        rows
    }

    /// The chunks between IHDR and IDAT that the kind calls for.
    pub(crate) fn tables(self) -> Vec<([u8; 4], Vec<u8>)> {
        let mut tables = Vec::new();
        let entries = 1 << self.bit_depth.min(8);
        if self.colour == ColourType::Palette {
            tables.push((*b"PLTE", noise(3 * entries, 77)));
        }
        if self.transparency {
            let mask = u16::MAX >> (16 - self.bit_depth);
            let key = (0x5a5b_u16 & mask).to_be_bytes();
            tables.push((
                *b"tRNS",
                match self.colour {
                    ColourType::Palette => noise(entries - entries / 3, 99),
                    ColourType::Rgb => [key; 3].concat(),
                    ColourType::Grey | ColourType::GreyAlpha | ColourType::Rgba => key.to_vec(),
                },
            ));
        }
        tables
    }

    /// A whole file.
    pub(crate) fn file(self, size: [u32; 2], seed: usize) -> Vec<u8> {
        let mut file = File::new(&self.header(size));
        for (name, content) in self.tables() {
            file.chunk(name, &content);
        }
        file.pixels(&self.rows(size, seed));
        file.end()
    }
}

/// A file as it grows, chunk by chunk.
pub(crate) struct File(Vec<u8>);

impl File {
    pub(crate) fn new(header: &[u8]) -> Self {
        let mut file = Self(b"\x89PNG\r\n\x1a\n".to_vec());
        file.chunk(*b"IHDR", header);
        file
    }

    pub(crate) fn chunk(&mut self, name: [u8; 4], content: &[u8]) {
        self.0
            .extend(u32::try_from(content.len()).unwrap().to_be_bytes());
        self.0.extend(name);
        self.0.extend(content);
        self.0.extend(crc32(crc32(0, &name), content).to_be_bytes());
    }

    /// IDAT chunks of odd lengths.
    pub(crate) fn pixels(&mut self, rows: &[u8]) {
        for part in zlib(rows).chunks(1000) {
            self.chunk(*b"IDAT", part);
            self.chunk(*b"IDAT", &[]);
        }
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        self.chunk(*b"IEND", &[]);
        self.0
    }
}

/// A zlib stream of stored blocks.
pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    for part in bytes.chunks(0xffff) {
        let length = u16::try_from(part.len()).unwrap();
        stream.push(0);
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(part);
    }
    stream.extend([1, 0, 0, 0xff, 0xff]);
    stream.extend(adler32(1, bytes).to_be_bytes());
    stream
}
