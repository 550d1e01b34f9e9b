//! One image in the making: from segment to segment.

use crate::plane::Plane;

use super::coding::{Coding, Lookups};
use super::definitions::Definitions;
use super::error::{DecodeError, Part, malformed, truncated};
use super::frame::Frame;
use super::header::{ColourHints, Header, Process, parse_frame};
use super::huffman::{Meaning, Table};
use super::idct::Quantisation;
use super::intervals::{Completeness, Layout, ScanEnd, Walk};
use super::output::Output;
use super::progressive::{Adds, Progressive};
use super::scan::{Scan, Units};
use super::segment::{Segments, end_of_coded_data, marker};
use super::sequential::Sequential;
use super::stored::{Rendering, Stored};
use super::survey::{Plan, Use, list_scans};
use super::{Decoded, Missing, Request};

pub(super) struct Decoder<'a> {
    request: &'a Request<'a>,
    segments: Segments<'a>,
    definitions: Definitions,
    hints: ColourHints,
    image: Option<Image>,
    scans: usize,
    completeness: Completeness,
}

struct Image {
    header: Header,
    frame: Frame,
    planes: Vec<Plane>,
    /// For each component that a scan has begun: its factors, as they were then.
    quantisations: [Option<Box<Quantisation>>; 4],
    /// Of progressive images.
    plan: Plan,
    stored: Option<Stored>,
}

/// Whether there is more to come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    More,
    EndOfImage,
    EndOfInput,
}

impl<'a> Decoder<'a> {
    pub(super) fn open(request: &'a Request<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            request,
            segments: Segments::open(request.bytes)?,
            definitions: Definitions::default(),
            hints: ColourHints::default(),
            image: None,
            scans: 0,
            completeness: Completeness::Whole,
        })
    }

    pub(super) fn run(mut self) -> Result<Decoded, DecodeError> {
        let mut walk = Walk::new(self.request);
        loop {
            match self.step(&mut walk) {
                Ok(Step::More) => {}
                Ok(Step::EndOfImage) => break,
                Ok(Step::EndOfInput) => {
                    self.end_without_marker()?;
                    break;
                }
                Err(DecodeError::Malformed { .. } | DecodeError::Truncated { .. })
                    if self.scans > 0 && self.request.missing == Missing::Accept =>
                {
                    self.completeness = Completeness::Partial;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        self.finish()
    }

    fn step(&mut self, walk: &mut Walk<'a>) -> Result<Step, DecodeError> {
        let Some(segment) = self.segments.next()? else {
            return Ok(Step::EndOfInput);
        };
        match segment.marker {
            marker::END_OF_IMAGE => return Ok(Step::EndOfImage),
            marker::START_OF_SCAN => self.scan(segment.body, walk)?,
            _ => {
                self.hints.note(&segment);
                self.definitions.note(&segment)?;
                if let Some(header) = parse_frame(&segment)? {
                    self.begin(header)?;
                }
            }
        }
        Ok(Step::More)
    }

    /// A sequential image is whole without its last marker if its samples are; a progressive one may lack scans.
    fn end_without_marker(&mut self) -> Result<(), DecodeError> {
        let process = self.image.as_ref().map(|image| image.header.process);
        if process == Some(Process::Progressive) {
            if self.request.missing == Missing::Refuse {
                return truncated(Part::EntropyCodedData);
            }
            self.completeness = Completeness::Partial;
        }
        Ok(())
    }

    /// Checks a frame against the limits, and takes memory for it.
    fn begin(&mut self, header: Header) -> Result<(), DecodeError> {
        let Request {
            bytes,
            scale,
            limits,
            ..
        } = *self.request;
        if self.image.is_some() {
            return malformed(Part::FrameHeader);
        }
        let (pixels, pixels_max) = (header.pixels(), limits.pixels_max);
        if pixels > pixels_max {
            return Err(DecodeError::TooManyPixels { pixels, pixels_max });
        }
        let frame = Frame::new(&header, scale);
        self.check_length(&frame)?;
        let mut plan = Plan::default();
        let mut stored = None;
        if header.process == Process::Progressive {
            let scans = list_scans(self.segments.clone(), bytes, &header, limits.scans_max)?;
            plan = Plan::new(&scans, scale, self.request.refinement);
            stored = Some(Stored::new(&frame, scale, plan.needs_history));
        }
        let plane = |channel: &super::frame::Channel| Plane::new(channel.width, channel.height);
        self.image = Some(Image {
            planes: frame.channels.iter().map(plane).collect(),
            header,
            frame,
            quantisations: Default::default(),
            plan,
            stored,
        });
        Ok(())
    }

    /// Refuses an image that the file is too short for, whatever it holds: a block takes a bit at least. If missing data
    /// are accepted, a sixteenth must be there, so that a few bytes never ask for much memory.
    fn check_length(&self, frame: &Frame) -> Result<(), DecodeError> {
        let bits = self.request.bytes.len() as u64 * 8;
        let bits_min = match self.request.missing {
            Missing::Refuse => frame.blocks(),
            Missing::Accept => frame.blocks() / 16,
        };
        if bits < bits_min {
            return truncated(Part::EntropyCodedData);
        }
        Ok(())
    }

    fn scan(&mut self, body: &[u8], walk: &mut Walk<'a>) -> Result<(), DecodeError> {
        let start = self.segments.position();
        let Some(image) = &mut self.image else {
            return malformed(Part::FrameHeader);
        };
        let index = self.scans;
        let scans_max = self.request.limits.scans_max;
        if index >= scans_max as usize {
            return Err(DecodeError::TooManyScans { scans_max });
        }
        let scan = Scan::parse(body, &image.header)?;
        image.latch_quantisation(&scan, &self.definitions)?;
        let units = Units::of(&scan, &image.frame);
        let layout = Layout {
            start,
            across: units.across,
            down: units.down,
            restart_interval: self.definitions.restart_interval,
        };
        self.scans += 1;
        let ScanEnd {
            position,
            completeness,
        } = match image.header.process {
            Process::Baseline | Process::Extended => {
                let lookups = Lookups::of(&scan, &self.definitions)?;
                image.decode_sequential(&units, &lookups, walk, (layout, self.request.scale))?
            }
            Process::Progressive if image.plan.uses.get(index) == Some(&Use::Decode) => {
                image.decode_progressive(&scan, &self.definitions, walk, (layout, &units))?
            }
            Process::Progressive => ScanEnd {
                position: end_of_coded_data(self.request.bytes, start),
                completeness: Completeness::Whole,
            },
        };
        self.segments.resume_at(position);
        self.note(completeness);
        Ok(())
    }

    fn note(&mut self, completeness: Completeness) {
        if completeness == Completeness::Partial {
            self.completeness = Completeness::Partial;
        }
    }

    fn finish(mut self) -> Result<Decoded, DecodeError> {
        let scale = self.request.scale;
        let Some(mut image) = self.image.take() else {
            return truncated(Part::FrameHeader);
        };
        if self.scans == 0 {
            return truncated(Part::ScanHeader);
        }
        for index in 0..image.planes.len() {
            if let Some(quantisation) = image.quantisations[index].take() {
                let rendering = Rendering {
                    quantisation: *quantisation,
                    bits_left_out: image.plan.bits_left_out[index],
                    stop: self.request.stop,
                };
                if let Some(stored) = &image.stored {
                    stored.channels[index].render(scale, &rendering, &mut image.planes[index])?;
                }
            } else if self.request.missing == Missing::Accept {
                image.planes[index].padded_samples_mut().fill(128);
                self.completeness = Completeness::Partial;
            } else {
                return truncated(Part::EntropyCodedData);
            }
        }
        image.header.colour = self.hints.colour(&image.header.components);
        Ok(Decoded {
            header: image.header,
            scale,
            planes: image.planes,
            completeness: self.completeness,
        })
    }
}

impl Image {
    /// Keeps the factors that are defined when the first scan of a component begins. Sequential frames have one scan of
    /// each component.
    fn latch_quantisation(
        &mut self,
        scan: &Scan,
        definitions: &Definitions,
    ) -> Result<(), DecodeError> {
        for member in &scan.members {
            let latched = &mut self.quantisations[member.component & 3];
            if latched.is_none() {
                let number = self.frame.channels[member.component].quantisation;
                *latched = Some(Box::new(definitions.quantisation(number)?));
            } else if self.header.process != Process::Progressive {
                return malformed(Part::ScanHeader);
            }
        }
        Ok(())
    }

    fn decode_sequential(
        &mut self,
        units: &Units,
        lookups: &Lookups,
        walk: &mut Walk<'_>,
        (layout, scale): (Layout, super::Scale),
    ) -> Result<ScanEnd, DecodeError> {
        let codings: Vec<Coding<'_>> = lookups.codings(&self.quantisations);
        let outputs: Vec<Output<'_>> = self.planes.iter_mut().map(Output::new).collect();
        let codings = &codings[..];
        match scale.eighths() {
            1 => walk.scan(layout, &mut Sequential::<1>::new(units, codings, outputs)),
            2 => walk.scan(layout, &mut Sequential::<2>::new(units, codings, outputs)),
            3 => walk.scan(layout, &mut Sequential::<3>::new(units, codings, outputs)),
            4 => walk.scan(layout, &mut Sequential::<4>::new(units, codings, outputs)),
            5 => walk.scan(layout, &mut Sequential::<5>::new(units, codings, outputs)),
            6 => walk.scan(layout, &mut Sequential::<6>::new(units, codings, outputs)),
            7 => walk.scan(layout, &mut Sequential::<7>::new(units, codings, outputs)),
            _ => walk.scan(layout, &mut Sequential::<8>::new(units, codings, outputs)),
        }
    }

    fn decode_progressive(
        &mut self,
        scan: &Scan,
        definitions: &Definitions,
        walk: &mut Walk<'_>,
        (layout, units): (Layout, &Units),
    ) -> Result<ScanEnd, DecodeError> {
        let Some(stored) = &mut self.stored else {
            return malformed(Part::FrameHeader);
        };
        let dc_tables: Vec<Table>;
        let ac_table: Table;
        let adds = match (scan.band.0, scan.is_refinement()) {
            (0, true) => Adds::MeanBits,
            (0, false) => {
                let table = |member: &super::scan::Member| {
                    Table::new(definitions.dc(member.dc_table)?, Meaning::Dc)
                };
                dc_tables = scan.members.iter().map(table).collect::<Result<_, _>>()?;
                Adds::Means(dc_tables.iter().collect())
            }
            (_, is_refinement) => {
                let code = definitions.ac(scan.members[0].ac_table)?;
                ac_table = Table::new(code, Meaning::AcProgressive)?;
                if is_refinement {
                    Adds::BandBits(&ac_table)
                } else {
                    Adds::Band(&ac_table)
                }
            }
        };
        walk.scan(layout, &mut Progressive::new(scan, units, adds, stored))
    }
}
