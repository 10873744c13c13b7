//! Binary32 tensors in VMEM and the passes of VECTOR over them.
//!
//! A [`Wide`] tensor holds rows of channels (tokens of an embedding, queries of a score matrix),
//! blocked `[C/lanes][rows][lanes]` like a feature map: one word is a row's block of `lanes`
//! channels. A pass applies one operation to all words; what belongs to a row (its maximum, its
//! mean) stands in all lanes of one word and is broadcast over the row's blocks by a stride of zero.

use super::conv::Requant;
use super::{Emitter, Fmap, KernelError};
use crate::arith::function::Table;
use crate::isa::levels::vector::{DST, LOOPS, SRC2};
use crate::isa::table::load;
use crate::isa::table::vector::{self, Function, function as unit};
use crate::isa::{Engine, Needs};

/// Rows of binary32 channels in VMEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wide {
    /// Word address.
    pub addr: usize,
    /// Rows.
    pub rows: usize,
    /// Blocks of `lanes` channels.
    pub blocks: usize,
}

impl Wide {
    /// Words of the tensor.
    pub fn words(&self) -> usize {
        self.rows * self.blocks
    }

    /// One word per row, from `addr` on.
    pub fn column(&self, addr: usize) -> Wide {
        Wide { addr, rows: self.rows, blocks: 1 }
    }
}

/// Where operand a comes from.
#[derive(Debug, Clone, Copy)]
pub enum First<'a> {
    /// Binary32 in VMEM.
    Wide(&'a Wide),
    /// Activations: row `y * width + x` of the tensor is a pixel of the map.
    Map(&'a Fmap),
}

/// Operand b.
#[derive(Debug, Clone, Copy)]
pub enum Second<'a> {
    /// The same number everywhere.
    Number(f32),
    /// The same bits everywhere.
    Bits(u32),
    /// A word for every word.
    Wide(&'a Wide),
    /// A word per row, the same for all its blocks.
    Row(&'a Wide),
    /// A word per block, the same for all rows: words `addr + stride * block`.
    Block {
        /// Word of the first block.
        addr: usize,
        /// Distance of the words of consecutive blocks.
        stride: usize,
    },
}

/// Where results go, and as what.
#[derive(Debug, Clone, Copy)]
pub enum Result<'a> {
    /// The bits, to VMEM.
    Bits(&'a Wide),
    /// Times a scale, as binary32, to VMEM.
    Scaled(&'a Wide, f32),
    /// Times the scale of the channel, as binary32, to VMEM.
    PerChannel(&'a Wide, LaneScales),
    /// Times a scale, requantized, to a feature map.
    Map(&'a Fmap, f32, Requant),
}

/// Pairs of words in VMEM, one per block of channels: biases, then scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneScales {
    /// Word of the first pair.
    pub addr: usize,
}

/// How the blocks of a row are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// Sum.
    Sum,
    /// Largest.
    Max,
}

/// A table in the function unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loaded {
    base: usize,
    mode: u32,
    bits: u32,
    low: u32,
    octaves: u32,
}

/// Brings a table into the function unit, behind the tables already there, if it is not one of them.
pub fn load_table(e: &mut Emitter, table: &Table) -> std::result::Result<Loaded, KernelError> {
    let base = match e.table(table) {
        Some(base) => base,
        None => {
            let base = e.segments(table)?;
            let bytes: Vec<u8> = table
                .coefficients
                .iter()
                .flat_map(|&[c0, c1, c2]| [c0, c1, c2, 0.0])
                .flat_map(f32::to_le_bytes)
                .collect();
            let dram = e.constants(&bytes);
            super::transfer::load_words(e, load::Function::Coeff, dram, bytes.len(), 4 * base)?;
            base
        }
    };
    let form = &table.form;
    Ok(Loaded {
        base,
        mode: form.mode.number(),
        bits: form.bits,
        low: form.low,
        octaves: form.octaves,
    })
}

/// Words of a pass that is not worth dividing.
const SHORT: usize = 192;

/// One operation over a tensor.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// Operation.
    pub function: Function,
    /// Table of [`Function::Function`].
    pub table: Option<Loaded>,
    /// Operand a.
    pub a: First<'a>,
    /// Operand b.
    pub b: Second<'a>,
    /// Result.
    pub result: Result<'a>,
}

impl<'a> Pass<'a> {
    /// An operation with two operands.
    pub fn new(function: Function, a: First<'a>, b: Second<'a>, result: Result<'a>) -> Pass<'a> {
        Pass { function, table: None, a, b, result }
    }

    /// A function of one operand.
    pub fn of(table: Loaded, a: First<'a>, result: Result<'a>) -> Pass<'a> {
        let b = Second::Bits(0);
        Pass { function: Function::Function, table: Some(table), a, b, result }
    }

    /// Emits the pass over `rows` rows of `blocks` blocks, word by word.
    pub fn emit(
        &self,
        e: &mut Emitter,
        rows: usize,
        blocks: usize,
    ) -> std::result::Result<(), KernelError> {
        let slices = e.geometry.slices;
        if slices > 1 && matches!((self.a, self.result), (First::Map(_), Result::PerChannel(..))) {
            return Err(KernelError::Unsupported {
                kernel: "pass over a feature map",
                what: "lane words of an IBUF word",
                value: slices,
                limit: "scales per channel need 1: bring the map to VMEM first".into(),
            });
        }
        // Between VMEM and VMEM blocks follow each other; in IBUF every slice has its own nest.
        let maps = matches!(self.a, First::Map(_)) || matches!(self.result, Result::Map(..));
        let step = if maps { slices } else { 1 };
        for slice in 0..step.min(blocks) {
            let count = (blocks - slice).div_ceil(step);
            // In two launches, so that the next pass can begin on the first part while the second
            // is on its way through the lanes.
            let half = if rows * count < SHORT { count } else { count.div_ceil(2) };
            for start in (0..count).step_by(half) {
                let count = half.min(count - start);
                self.launch(e, [rows, count], slice + start * step, step, None)?;
            }
        }
        Ok(())
    }

    /// Emits the pass and joins the results of each row over blocks and lanes; the outcome stands
    /// in all lanes of the row's word of the result, which is a column.
    pub fn join(
        &self,
        e: &mut Emitter,
        rows: usize,
        blocks: usize,
        join: Join,
    ) -> std::result::Result<(), KernelError> {
        let (depth, slices) = (e.geometry.acc_depth, e.geometry.slices);
        if slices > 1 && matches!(self.a, First::Map(_)) {
            return Err(KernelError::Unsupported {
                kernel: "reduction of a feature map's channels",
                what: "lane words of an IBUF word",
                value: slices,
                limit: "it needs 1: bring the map to VMEM first".into(),
            });
        }
        if rows > depth {
            return Err(KernelError::Unsupported {
                kernel: "reduction of rows",
                what: "rows of a tile",
                value: rows,
                limit: format!("a lane has {depth} accumulators (`vector.acc_depth`)"),
            });
        }
        self.launch(e, [rows, blocks], 0, 1, Some(join))
    }

    /// One launch over the blocks `first`, `first + step`, ...
    fn launch(
        &self,
        e: &mut Emitter,
        [rows, blocks]: [usize; 2],
        first: usize,
        step: usize,
        join: Option<Join>,
    ) -> std::result::Result<(), KernelError> {
        let slices = e.geometry.slices;
        if !e.geometry.float && self.function.needs() != Needs::Nothing {
            return Err(KernelError::NoFloat { function: self.function.name() });
        }
        // loop5 carries the blocks, because the scales of `channel` go with it; a reduction spans
        // loop1.
        let outer = if join.is_some() { 1 } else { 5 };
        let wide = |tensor: &Wide| {
            let (at, distance) = if tensor.blocks > 1 { (first, step) } else { (0, 0) };
            (tensor.addr + at * tensor.rows, [1, distance * tensor.rows])
        };
        let map = |map: &Fmap| {
            let block = map.block_stride() * slices;
            let addr = map.addr * slices + first / slices * block + first % slices;
            (addr, [slices, step / slices * block])
        };
        e.reset(Engine::Vector);
        let mut flags = Vec::new();
        let (address, strides) = match self.a {
            First::Wide(tensor) => {
                flags.push((vector::SRC1, 1));
                wide(tensor)
            }
            First::Map(tensor) => map(tensor),
        };
        e.set(vector::src1::ADDR, address as u64);
        for (level, count, stride) in [(0, rows, strides[0]), (outer, blocks, strides[1])] {
            e.set(LOOPS[level].0, count as u64);
            e.set(LOOPS[level].1, stride as u64);
        }
        let second = match self.b {
            Second::Number(number) => {
                e.set(vector::imm::VALUE, number.to_bits().cast_signed());
                None
            }
            Second::Bits(bits) => {
                e.set(vector::imm::VALUE, bits.cast_signed());
                None
            }
            Second::Wide(tensor) => Some(wide(tensor)),
            Second::Row(tensor) => Some((tensor.addr, [1, 0])),
            Second::Block { addr, stride } => Some((addr + first * stride, [0, step * stride])),
        };
        if let Some((address, [row, block])) = second {
            flags.push((vector::SRC2, 2));
            e.set(vector::src2::ADDR, address as u64);
            e.set(SRC2[0], row as u64);
            e.set(SRC2[outer], block as u64);
        }
        if let Some(table) = self.table {
            e.set(unit::MODE, table.mode);
            e.set(unit::BASE, table.base as u64);
            e.set(unit::BITS, table.bits);
            e.set(unit::LOW, table.low);
            e.set(unit::OCTAVES, table.octaves);
        }
        let (address, strides) = match self.result {
            Result::Bits(tensor) => {
                flags.extend([(vector::DST, 1), (vector::FORMAT, 1)]);
                wide(tensor)
            }
            Result::Scaled(tensor, scale) => {
                flags.extend([(vector::DST, 1), (vector::FORMAT, 2)]);
                e.set(vector::scale::VALUE, scale.to_bits());
                wide(tensor)
            }
            Result::PerChannel(tensor, scales) => {
                flags.extend([(vector::DST, 1), (vector::FORMAT, 2), (vector::CHANNEL, 1)]);
                e.set(vector::param::ADDR, (scales.addr + 2 * first) as u64);
                wide(tensor)
            }
            Result::Map(tensor, scale, quant) => {
                e.set(vector::scale::VALUE, scale.to_bits());
                e.set(vector::quant::ZERO, quant.zero);
                e.set(vector::quant::MIN, quant.min);
                e.set(vector::quant::MAX, quant.max);
                map(tensor)
            }
        };
        e.set(vector::dst::ADDR, address as u64);
        e.set(DST[0], strides[0] as u64);
        e.set(DST[outer], strides[1] as u64);
        if let Some(join) = join {
            flags.push((vector::REDUCE, if join == Join::Sum { 1 } else { 2 }));
            e.set(vector::reduction::INTERLEAVE, 1);
            e.set(vector::reduction::ACROSS, 1);
        }
        e.launch(self.function, &flags)
    }
}
