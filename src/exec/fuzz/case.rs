//! A random case: what is launched, before it is put in order.

use super::rng::Rng;
use super::window::{SCRATCH_BYTES, Windows};
use super::{gemm, transfer, unit, vector};
use crate::design::Design;
use crate::isa::table::gemm as fields;
use crate::isa::{Call, Engine, Field, Flags, Registers};
use crate::program::footprint::{self, Detail, Footprint, Space};

/// Base register of the constants.
pub const DATA: u8 = 0;
/// Base register of what launches store and load again.
pub const SCRATCH: u8 = 1;
/// Base register of the buffers' final content.
pub const DUMP: u8 = 2;

/// One launch.
#[derive(Debug, Clone, PartialEq)]
pub struct Launch {
    /// What is started.
    pub call: Call,
    /// Fields of its registers that differ from their reset values.
    pub values: Vec<(Field, i64)>,
    /// Flags.
    pub flags: Vec<(Field, i64)>,
    /// Part of the frame that fills the buffers before and dumps them after: stays when a case is
    /// shrunk.
    pub frame: bool,
}

impl Launch {
    /// A launch that may be dropped.
    pub fn new(
        call: impl Into<Call>,
        values: Vec<(Field, i64)>,
        flags: Vec<(Field, i64)>,
    ) -> Launch {
        Launch { call: call.into(), values, flags, frame: false }
    }

    /// The registers it sees; `None` when a value fits no field.
    pub fn registers(&self) -> Option<Registers> {
        let mut registers = Registers::new(self.call.engine);
        for &(field, value) in &self.values {
            registers.set(field, value).ok()?;
        }
        Some(registers)
    }

    /// The immediate; `None` when a value fits no flag.
    pub fn immediate(&self) -> Option<Flags> {
        let with = |flags: Flags, &(field, value): &(Field, i64)| flags.with(field, value).ok();
        self.flags.iter().try_fold(Flags::NONE, with)
    }

    /// What it touches.
    pub fn footprint(&self, design: &Design) -> Option<Footprint> {
        let (registers, flags) = (self.registers()?, self.immediate()?);
        Some(footprint::of(design, self.call, flags, &registers, Detail::Exact))
    }

    /// Vectors of OBUF a launch of GEMM uses: first and number.
    fn accumulators(&self) -> Option<(i64, i64)> {
        let registers = self.registers()?;
        let count = registers.get(fields::ow::COUNT) * registers.get(fields::oh::COUNT);
        Some((registers.get(fields::obuf::ADDR), count))
    }

    fn has(&self, flag: Field) -> bool {
        self.flags.iter().any(|&(field, value)| field == flag && value != 0)
    }
}

/// A random case.
#[derive(Debug, Clone)]
pub struct Case {
    /// The machine.
    pub design: Design,
    /// Content of the data region.
    pub data: Vec<u8>,
    /// Size of the dump region.
    pub dump_bytes: u64,
    /// Launches, in the order of the program.
    pub launches: Vec<Launch>,
    /// Decides everything left open when the launches are put in order.
    pub order_seed: u64,
}

impl Case {
    /// The case of a seed, with at most `most` launches between filling and dumping.
    pub fn random(design: &Design, seed: u64, most: usize) -> Case {
        let mut rng = Rng::new(seed);
        let (windows, data) = Windows::random(design, &mut rng);
        let mut launches = transfer::fill(design, &windows);
        let (dump, dump_bytes) = transfer::dump(design, &windows);
        let wanted = rng.between(1, i64::try_from(most).unwrap_or(i64::MAX).max(1));
        let mut kept = Vec::new();
        for _ in 0..wanted {
            // Drawing may fail where a design has little room; a few attempts usually find some.
            let drawn = (0..40).find_map(|_| draw(design, &windows, &kept, &mut rng));
            if let Some(launch) = drawn {
                track(&launch, &mut kept);
                launches.push(launch);
            }
        }
        launches.extend(dump);
        Case { design: design.clone(), data, dump_bytes, launches, order_seed: rng.bits() }
    }

    /// Whether every accumulation finds what it adds to.
    pub fn is_sound(&self) -> bool {
        let mut kept = Vec::new();
        self.launches.iter().all(|launch| {
            let sound = !launch.has(fields::ACCUMULATE)
                || launch.call.engine != Engine::Gemm
                || launch.accumulators().is_some_and(|range| covered(&kept, range));
            track(launch, &mut kept);
            sound
        })
    }
}

/// Ranges of OBUF whose content is defined, as first and number.
pub type Kept = Vec<(i64, i64)>;

fn covered(kept: &Kept, (first, count): (i64, i64)) -> bool {
    kept.iter().any(|&(start, length)| start <= first && first + count <= start + length)
}

/// Follows what a launch does to OBUF.
fn track(launch: &Launch, kept: &mut Kept) {
    if launch.call.engine != Engine::Gemm {
        return;
    }
    let Some((first, count)) = launch.accumulators() else { return };
    kept.retain(|&(start, length)| start + length <= first || first + count <= start);
    if launch.has(fields::KEEP) {
        kept.push((first, count));
    }
}

fn draw(design: &Design, windows: &Windows, kept: &Kept, rng: &mut Rng) -> Option<Launch> {
    let launch = match rng.between(0, 99) {
        5..=24 if !design.units().is_empty() => unit::launch(design, windows, rng),
        25..=59 => gemm::launch(design, windows, kept, rng),
        60..=86 => vector::launch(design, windows, rng),
        0..=24 => transfer::load(design, windows, rng),
        _ => transfer::store(design, windows, rng),
    }?;
    let footprint = launch.footprint(design)?;
    let reads = footprint
        .reads
        .iter()
        .all(|access| inside(design, windows, access.space, &access.spans, true));
    let writes = footprint
        .writes
        .iter()
        .all(|access| inside(design, windows, access.space, &access.spans, false));
    let overlap = footprint.writes.iter().any(|write| {
        footprint.reads.iter().any(|read| {
            write.space == read.space
                && write.space != Space::Obuf
                && write.spans.overlap(&read.spans).is_some()
        })
    });
    (reads && writes && !overlap).then_some(launch)
}

/// Whether all addresses lie in the window of their memory.
fn inside(
    design: &Design,
    windows: &Windows,
    space: Space,
    spans: &footprint::Spans,
    reading: bool,
) -> bool {
    let unit = space.per_word(design);
    let within = |start: i64, end: i64| {
        spans.intervals().iter().all(|&(first, last)| start <= first && last <= end)
    };
    let window = match space {
        Space::Ibuf => windows.ibuf,
        // A ring: its window was used to place the launch.
        Space::Wbuf => return true,
        Space::Obuf => windows.obuf,
        Space::Pbuf => windows.pbuf,
        Space::Vmem if reading => {
            return within(windows.parameters.start * unit, windows.vmem.end * unit);
        }
        Space::Vmem => {
            let parameters = windows.parameters.scaled(unit);
            // LOAD renews parameters whole; nothing else reaches them.
            return within(windows.vmem.start * unit, windows.vmem.end * unit)
                || within(parameters.start, parameters.end);
        }
        Space::Table => windows.table,
        Space::Coeff => windows.coefficients,
        Space::Dram(SCRATCH) => return within(0, SCRATCH_BYTES),
        Space::Dram(_) => return reading && within(0, windows.data_bytes()),
    };
    within(window.start * unit, window.end * unit)
}
