//! Programs that try out custom operations: one operation on many operands.

use super::{Random, Workload};
use crate::design::{Design, VectorOp};
use crate::isa::levels::vector::{DST, LOOPS, SRC2};
use crate::isa::table::{load, store, vector};
use crate::isa::{Call, Engine};
use crate::kernels::transfer::load_words;
use crate::kernels::{Emitter, KernelError};
use crate::program::RegionKind;

/// Words of a tile; every tile has another immediate.
const TILE: usize = 128;

/// Operands that are often where mistakes are.
const CORNERS: [i32; 10] = [0, 1, -1, 2, -2, i32::MAX, i32::MIN, i32::MIN + 1, 255, -128];
const FLOAT_CORNERS: [u32; 16] = [
    0x0000_0000, // 0
    0x8000_0000, // -0
    0x3f80_0000, // 1
    0xbf80_0000, // -1
    0x3f00_0000, // 0.5
    0x7f80_0000, // infinity
    0xff80_0000,
    0x7fc0_0000, // NaN
    0xff80_0001, // a signalling one
    0x0000_0001, // the least subnormal
    0x807f_ffff, // the largest
    0x0080_0000, // the least normal
    0x7f7f_ffff, // the largest
    0xff7f_ffff,
    0x4b80_0000, // 2^24
    0xcf00_0000, // -2^31
];

/// A program that applies one operation to operands.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The program, with its operands.
    pub workload: Workload,
    /// Base registers of the regions of a, b and the results, and the immediate of every tile.
    operands: [Vec<u8>; 2],
    immediates: Vec<i32>,
    lanes: usize,
    /// Base register of the results.
    pub results: u8,
    /// Sets of operands.
    pub sets: usize,
}

impl Trial {
    /// At least `sets` sets of operands for operation `index`: corners, small and random values.
    pub fn new(
        design: &Design,
        index: usize,
        sets: usize,
        seed: u64,
    ) -> Result<Trial, KernelError> {
        let (lanes, ops) = (design.lanes(), design.vector_ops());
        let none = KernelError::Unsupported {
            kernel: "trial of a custom operation",
            what: "its position",
            value: index,
            limit: format!("the design has {}", ops.len()),
        };
        let (Some(op), Some(call)) = (ops.get(index), Call::of_custom(index)) else {
            return Err(none);
        };
        let mut random = Random::new(seed);
        let tile = TILE.min(design.vmem().words / 3).max(1);
        let tiles = sets.div_ceil(tile * lanes);
        let bytes = tiles * tile * lanes * 4;
        let operands = [(); 2].map(|()| {
            let values = (0..bytes / 4).map(|_| operand(&mut random, op));
            values.flat_map(i32::to_le_bytes).collect::<Vec<u8>>()
        });
        let immediates: Vec<i32> = (0..tiles).map(|_| operand(&mut random, op)).collect();
        let mut e = Emitter::new(design)?;
        let size = bytes as u64;
        let bases = ["a", "b"]
            .into_iter()
            .zip(&operands)
            .map(|(name, data)| e.builder().region(name, RegionKind::Input, size, data.clone()));
        let bases: Vec<u8> = bases.collect();
        let results = e.builder().region("result", RegionKind::Output, size, Vec::new());
        let [a, b, result] = [0, tile, 2 * tile];
        for (at, &immediate) in immediates.iter().enumerate() {
            let (offset, run) = (at * tile * lanes * 4, tile * lanes * 4);
            for (&base, addr) in bases.iter().zip([a, b]) {
                load_words(&mut e, load::Function::Vmem, (base, offset), run, addr)?;
            }
            e.reset(Engine::Vector);
            e.set(LOOPS[0].0, tile as u64);
            e.set(LOOPS[0].1, 1);
            e.set(SRC2[0], 1);
            e.set(DST[0], 1);
            e.set(vector::src1::ADDR, a as u64);
            e.set(vector::src2::ADDR, b as u64);
            e.set(vector::dst::ADDR, result as u64);
            e.set(vector::imm::VALUE, immediate);
            let flags =
                [(vector::SRC1, 1), (vector::SRC2, 2), (vector::DST, 1), (vector::FORMAT, 1)];
            e.launch(call, &flags)?;
            e.reset(Engine::Store);
            e.set(store::dram::BASE, results);
            e.set(store::dram::OFFSET, offset as u64);
            e.set(store::src::ADDR, result as u64);
            e.set(store::shape::RUN_BYTES, run as u64);
            e.set(store::shape::GROUP_BYTES, run as u64);
            e.set(store::word0::COUNT, store::word0::COUNT.max());
            e.set(store::word0::STRIDE, 1);
            e.launch(store::Function::Vmem, &[])?;
        }
        let workload = Workload { program: e.finish()?, macs: 0 };
        let sets = bytes / 4;
        Ok(Trial { workload, operands, immediates, lanes, results, sets })
    }

    /// The operands of a set.
    pub fn operands(&self, set: usize) -> [i32; 3] {
        let [a, b] = [0, 1].map(|operand| word(&self.operands[operand], set));
        let tile = self.sets / self.immediates.len().max(1);
        let c = self.immediates.get(set / tile.max(1)).copied().unwrap_or(0);
        [a, b, c]
    }

    /// Whether results are those of operands some cycles earlier or later: by how many.
    pub fn shift(&self, expected: &[u8], got: &[u8]) -> Option<i64> {
        let tile = self.sets / self.immediates.len().max(1) / self.lanes;
        let word = self.lanes * 4;
        let of = |data: &[u8], at: usize| data.get(at * word..(at + 1) * word).map(<[u8]>::to_vec);
        (1..16_usize)
            .flat_map(|by| [by.cast_signed(), -by.cast_signed()])
            .find(|&by| {
                let inside = |at: usize| (0..tile).contains(&at);
                let pairs: Vec<(usize, usize)> = (0..tile)
                    .filter_map(|at| {
                        at.checked_add_signed(by)
                            .filter(|&from| inside(from))
                            .map(|from| (at, from))
                    })
                    .collect();
                pairs.len() > 1 && pairs.iter().all(|&(at, from)| of(got, at) == of(expected, from))
            })
            .map(|by| by as i64)
    }
}

/// Value number `index` of a region.
pub fn word(data: &[u8], index: usize) -> i32 {
    let bytes = data.get(4 * index..4 * index + 4).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, i32::from_le_bytes)
}

fn operand(random: &mut Random, op: &VectorOp) -> i32 {
    if op.float {
        let bits = random.bits();
        let [kind, pick, ..] = bits.to_le_bytes();
        let wide = (bits >> 32) as u32;
        let corner = FLOAT_CORNERS[usize::from(pick) % FLOAT_CORNERS.len()];
        let float = match kind % 8 {
            0 => corner,
            1 => wide,
            // Exponents near that of 1: sums and comparisons in which both operands count.
            _ => (wide & 0x807f_ffff) | (u32::from(pick % 24) + 115) << 23,
        };
        return float.cast_signed();
    }
    integer(random)
}

/// An integer: a corner, a small or any one.
pub(super) fn integer(random: &mut Random) -> i32 {
    let bits = random.bits();
    let [kind, pick, ..] = bits.to_le_bytes();
    let wide = (bits >> 32) as u32;
    match kind % 4 {
        0 => CORNERS[usize::from(pick) % CORNERS.len()],
        1 => i32::from(pick.cast_signed()),
        2 => wide.cast_signed() >> (pick % 32),
        _ => wide.cast_signed(),
    }
}
