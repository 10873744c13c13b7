//! Programs that try out compute units: one unit on many groups of random shapes.

use super::extension::integer;
use super::{Random, Workload};
use crate::design::Design;
use crate::isa::levels::unit::{DST, LOOPS, PARAMETERS, SRC2};
use crate::isa::table::{load, store, unit};
use crate::isa::{Call, Engine};
use crate::kernels::transfer::load_words;
use crate::kernels::{Emitter, KernelError};
use crate::program::RegionKind;

/// Most words of an operand in VMEM.
const TILE: usize = 128;

/// A word of the results: the output of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Launch of the unit, from 0.
    pub launch: usize,
    /// Shape of its nest, and how many loops are a group.
    pub counts: [usize; 4],
    /// Loops of a group.
    pub group: usize,
    /// Whether lanes of a are spread.
    pub spread: bool,
    /// Number of the group in the launch.
    pub number: usize,
    /// Number of the output.
    pub output: usize,
}

/// A program that streams random groups through one unit.
#[derive(Debug, Clone)]
pub struct UnitTrial {
    /// The program, with its operands.
    pub workload: Workload,
    /// Base register of the results.
    pub results: u8,
    /// What every word of the results is.
    pub places: Vec<Place>,
    /// Elements streamed, in all lanes.
    pub elements: usize,
}

/// A launch: counts, loops of a group, whether a is spread.
struct Shape {
    counts: [usize; 4],
    group: usize,
    spread: bool,
}

impl Shape {
    /// A nest of at most `most` elements and groups that give at most `most` words.
    fn random(random: &mut Random, lanes: usize, outputs: usize, most: usize) -> Shape {
        let spread = random.bits().is_multiple_of(4);
        let group = (random.bits() % 4) as usize;
        let mut counts = [1; 4];
        let (mut elements, mut words) = (1, outputs);
        for (level, count) in counts.iter_mut().enumerate() {
            let limit = [12, 6, 4, 3].get(level).copied().unwrap_or(1);
            let mut room = limit.min(most / elements);
            if level >= group {
                room = room.min(most / words);
            }
            if spread && level == 0 {
                room = room.min(lanes);
            }
            *count = 1 + (random.bits() % room.max(1) as u64) as usize;
            elements *= *count;
            if level >= group {
                words *= *count;
            }
        }
        Shape { counts, group, spread }
    }

    fn elements(&self) -> usize {
        self.counts.iter().product()
    }

    fn groups(&self) -> usize {
        self.counts.iter().skip(self.group).product()
    }
}

impl UnitTrial {
    /// At least `sets` elements per lane set for unit `index`: corners, small and random values in
    /// groups of random shapes.
    pub fn new(
        design: &Design,
        index: usize,
        sets: usize,
        seed: u64,
    ) -> Result<UnitTrial, KernelError> {
        let (lanes, units) = (design.lanes(), design.units());
        let none = || KernelError::Unsupported {
            kernel: "trial of a compute unit",
            what: "its position",
            value: index,
            limit: format!("the design has {}", units.len()),
        };
        let unit = units.get(index).ok_or_else(none)?;
        let call = Call::of_unit(index).ok_or_else(none)?;
        let outputs = unit.outputs.len();
        let mut random = Random::new(seed);
        let tile = TILE.min(design.vmem().words / 3);
        if tile < outputs.max(1) {
            return Err(KernelError::VmemFull { words: 3 * outputs, total: design.vmem().words });
        }
        let mut shapes = Vec::new();
        let (mut elements, mut words) = (0, 0);
        while elements * lanes < sets {
            let shape = Shape::random(&mut random, lanes, outputs, tile);
            elements += shape.elements();
            words += shape.groups() * outputs;
            shapes.push(shape);
        }
        let bytes = tile * lanes * 4;
        let mut e = Emitter::new(design)?;
        let size = (shapes.len() * bytes) as u64;
        let bases = ["a", "b"].map(|name| {
            let values = (0..shapes.len() * bytes / 4).map(|_| integer(&mut random));
            let data: Vec<u8> = values.flat_map(i32::to_le_bytes).collect();
            e.builder().region(name, RegionKind::Input, size, data)
        });
        let results = (words * lanes * 4) as u64;
        let results = e.builder().region("result", RegionKind::Output, results, Vec::new());
        let mut places = Vec::new();
        for (launch, shape) in shapes.iter().enumerate() {
            let [a, b, result] = [0, tile, 2 * tile];
            let run = shape.elements() * lanes * 4;
            for (base, addr) in bases.into_iter().zip([a, b]) {
                let from = (base, launch * bytes);
                load_words(&mut e, load::Function::Vmem, from, run, addr)?;
            }
            e.reset(Engine::Unit);
            let (mut apart, mut next) = (1, outputs);
            for (level, &count) in shape.counts.iter().enumerate() {
                let all = LOOPS.get(level).zip(SRC2.get(level)).zip(DST.get(level));
                let Some(((&(loops, a), &b), &dst)) = all else { continue };
                e.set(loops, count as u64);
                e.set(a, apart as u64);
                e.set(b, apart as u64);
                apart *= count;
                if level >= shape.group {
                    e.set(dst, next as u64);
                    next *= count;
                }
            }
            e.set(unit::src1::ADDR, a as u64);
            e.set(unit::src2::ADDR, b as u64);
            e.set(unit::dst::ADDR, result as u64);
            for parameter in PARAMETERS {
                e.set(parameter, integer(&mut random));
            }
            let group = i64::try_from(shape.group).unwrap_or(0);
            let flags = [
                (unit::SRC1, 1),
                (unit::SRC2, 1),
                (unit::DST, 1),
                (unit::GROUP, group),
                (unit::SPREAD, i64::from(shape.spread)),
            ];
            e.launch(call, &flags)?;
            let run = shape.groups() * outputs * lanes * 4;
            e.reset(Engine::Store);
            e.set(store::dram::BASE, results);
            e.set(store::dram::OFFSET, (places.len() * lanes * 4) as u64);
            e.set(store::src::ADDR, result as u64);
            e.set(store::shape::RUN_BYTES, run as u64);
            e.set(store::shape::GROUP_BYTES, run as u64);
            e.set(store::word0::COUNT, store::word0::COUNT.max());
            e.set(store::word0::STRIDE, 1);
            e.launch(store::Function::Vmem, &[])?;
            let word = |number: usize, output: usize| Place {
                launch,
                counts: shape.counts,
                group: shape.group,
                spread: shape.spread,
                number,
                output,
            };
            places.extend(
                (0..shape.groups())
                    .flat_map(|n| (0..outputs).map(move |o| (n, o)))
                    .map(|(n, o)| word(n, o)),
            );
        }
        let workload = Workload { program: e.finish()?, macs: 0 };
        Ok(UnitTrial { workload, results, places, elements: elements * lanes })
    }
}
