//! Operators on rows of channels in binary32: softmax, layer norm, RMS norm, and any function.
//!
//! An operator is a list of *steps*, each one pass over a tile of rows. [`from_dram`] streams rows
//! through VMEM: it gives every bank a tile, works on two tiles in turn so that one tile's passes
//! hide the latency of the other's, and loads the next ones meanwhile.

use std::ops::Range;

use super::conv::Requant;
use super::transfer::{load_words, store_rows};
use super::weights::lane_params;
use super::wide::{First, Join, LaneScales, Loaded, Pass, Result as To, Second, Wide, load_table};
use super::{DramTensor, Emitter, Fmap, KernelError};
use crate::arith::function::Table;
use crate::isa::Engine;
use crate::isa::table::vector::Function;
use crate::isa::table::{load, store};

/// Added to a sum, or compared as the lowest number, these leave a binary32 value as it is.
const MINUS_ZERO: Second<'static> = Second::Bits(0x8000_0000);
const MINUS_INFINITY: Second<'static> = Second::Number(f32::NEG_INFINITY);

/// What stands in channels that do not exist: of softmax a number that loses against every other,
/// of sums a zero. LOAD fills 16 bits at a time.
const LOWEST_FILL: u64 = 0xff7f;

/// An operator on rows. Tables come from [`crate::functions`].
#[derive(Debug, Clone)]
pub enum RowOp<'a> {
    /// `exp(scale (x - max)) / sum exp(scale (x - max))`.
    Softmax {
        /// Factor of the operand.
        scale: f32,
        /// 2^x.
        exp2: &'a Table,
        /// 1 / x.
        reciprocal: &'a Table,
    },
    /// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`; the variance is that of the row.
    LayerNorm {
        /// Added to the variance.
        epsilon: f32,
        /// Factor of each channel.
        gamma: &'a [f32],
        /// Summand of each channel.
        beta: &'a [f32],
        /// 1 / sqrt(x).
        rsqrt: &'a Table,
    },
    /// `x / sqrt(mean of squares + epsilon) * gamma`.
    RmsNorm {
        /// Added to the mean of squares.
        epsilon: f32,
        /// Factor of each channel.
        gamma: &'a [f32],
        /// 1 / sqrt(x).
        rsqrt: &'a Table,
    },
    /// `f(x)`.
    Function {
        /// f.
        table: &'a Table,
    },
}

/// An operator whose tables are on chip.
#[derive(Debug, Clone, Copy)]
pub struct Ready {
    first: Loaded,
    /// The same where an operator has one table.
    second: Loaded,
}

/// A tile of rows at work.
#[derive(Debug, Clone, Copy)]
struct Slot {
    data: Wide,
    /// Two columns for what belongs to a row.
    columns: [usize; 2],
    /// Copy of gamma and beta in another bank than the data.
    params: LaneScales,
    /// Channels that exist: one for each, else zero.
    mask: LaneScales,
}

/// One tile of rows in VMEM for an operator without constants, as a part of a larger kernel.
#[derive(Debug)]
pub struct Tile {
    slot: Slot,
}

impl Tile {
    /// Space for rows of `blocks` words and their columns, in different banks where there are any.
    pub fn new(e: &mut Emitter, rows: usize, blocks: usize) -> Result<Tile, KernelError> {
        let (words, total) = (rows * blocks, e.geometry.vmem_words);
        let full = |words| KernelError::VmemFull { words, total };
        let addr = e.vmem.take(words, &[]).ok_or(full(words))?;
        let columns = e.vmem.take(2 * rows, &[(addr, words)]).ok_or(full(2 * rows))?;
        let none = LaneScales { addr: 0 };
        let data = Wide { addr, rows, blocks };
        let slot = Slot { data, columns: [columns, columns + rows], params: none, mask: none };
        Ok(Tile { slot })
    }

    /// The rows.
    pub fn data(&self) -> Wide {
        self.slot.data
    }

    /// Emits all passes of softmax or a function; results go to a map, times a factor.
    pub fn run(
        &self,
        e: &mut Emitter,
        op: &RowOp<'_>,
        ready: &Ready,
        channels: usize,
        (map, factor, quant): (&Fmap, f32, Requant),
    ) -> Result<(), KernelError> {
        for step in 0..op.steps() {
            op.step(e, ready, step, &self.slot, channels, To::Map(map, factor, quant))?;
        }
        Ok(())
    }

    /// Gives the space back.
    pub fn release(self, e: &mut Emitter) {
        let Wide { addr, rows, .. } = self.slot.data;
        e.vmem.give(addr, self.slot.data.words());
        e.vmem.give(self.slot.columns[0], 2 * rows);
    }
}

/// Rows of binary32 channels in DRAM, dense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DramRows {
    /// Base register of their region.
    pub base: u8,
    /// Offset in the region, in bytes.
    pub offset: usize,
    /// Rows.
    pub rows: usize,
    /// Channels.
    pub channels: usize,
}

/// Where an operator's results go.
#[derive(Debug, Clone, Copy)]
pub enum Output<'a> {
    /// Times the factor, requantized, to a tensor of as many pixels as there are rows.
    Quantized(&'a DramTensor, f32, Requant),
    /// As binary32.
    Float(&'a DramRows),
}

impl RowOp<'_> {
    /// Passes over a tile; those over columns count.
    fn steps(&self) -> usize {
        match self {
            RowOp::Softmax { .. } => 6,
            RowOp::LayerNorm { .. } => 7,
            RowOp::RmsNorm { .. } => 4,
            RowOp::Function { .. } => 1,
        }
    }

    /// Steps by which a second tile should lag behind the first: then its passes over columns, too
    /// short to cover the latency of the lanes, fall between passes that need not wait for each
    /// other.
    fn delay(&self) -> usize {
        match self {
            RowOp::Softmax { .. } => 3,
            RowOp::LayerNorm { .. } | RowOp::RmsNorm { .. } => 2,
            RowOp::Function { .. } => 0,
        }
    }

    /// Brings the operator's tables into the function unit.
    pub fn load(&self, e: &mut Emitter) -> Result<Ready, KernelError> {
        match self {
            RowOp::Softmax { exp2, reciprocal, .. } => {
                Ok(Ready { first: load_table(e, exp2)?, second: load_table(e, reciprocal)? })
            }
            RowOp::LayerNorm { rsqrt: table, .. }
            | RowOp::RmsNorm { rsqrt: table, .. }
            | RowOp::Function { table } => {
                let first = load_table(e, table)?;
                Ok(Ready { first, second: first })
            }
        }
    }

    /// Factors and summands of the channels, if the operator has any.
    fn params(&self) -> Option<(&[f32], &[f32])> {
        match self {
            RowOp::LayerNorm { gamma, beta, .. } => Some((gamma, beta)),
            RowOp::RmsNorm { gamma, .. } => Some((gamma, &[])),
            _ => None,
        }
    }

    fn fill(&self) -> u64 {
        if matches!(self, RowOp::Softmax { .. }) { LOWEST_FILL } else { 0 }
    }

    /// Whether channels that do not exist must be cleared after the mean is subtracted.
    fn needs_mask(&self, channels: usize, lanes: usize) -> bool {
        matches!(self, RowOp::LayerNorm { .. }) && !channels.is_multiple_of(lanes)
    }

    /// One pass over a tile of `channels` channels.
    fn step(
        &self,
        e: &mut Emitter,
        ready: &Ready,
        step: usize,
        slot: &Slot,
        channels: usize,
        last: To<'_>,
    ) -> Result<(), KernelError> {
        let data = &slot.data;
        let (rows, blocks) = (data.rows, data.blocks);
        let [one, two] = slot.columns.map(|addr| data.column(addr));
        let a = First::Wide(data);
        let all = |e: &mut Emitter, pass: Pass<'_>| pass.emit(e, rows, blocks);
        let single = |e: &mut Emitter, pass: Pass<'_>| pass.emit(e, rows, 1);
        let mean = 1.0 / channels as f32;
        match (self, step) {
            (RowOp::Softmax { .. }, 0) => {
                let pass = Pass::new(Function::Fmax, a, MINUS_INFINITY, To::Bits(&one));
                pass.join(e, rows, blocks, Join::Max)
            }
            (RowOp::Softmax { scale, .. }, 1) => {
                let factor = scale * std::f32::consts::LOG2_E;
                let to = To::Scaled(data, factor);
                all(e, Pass::new(Function::Fsub, a, Second::Row(&one), to))
            }
            (RowOp::Softmax { .. }, 2) => all(e, Pass::of(ready.first, a, To::Bits(data))),
            (RowOp::Softmax { .. }, 3) => {
                let pass = Pass::new(Function::Fadd, a, MINUS_ZERO, To::Bits(&one));
                pass.join(e, rows, blocks, Join::Sum)
            }
            (RowOp::Softmax { .. }, 4) => {
                single(e, Pass::of(ready.second, First::Wide(&one), To::Bits(&two)))
            }
            (RowOp::Softmax { .. }, _) => {
                all(e, Pass::new(Function::Fmul, a, Second::Row(&two), last))
            }
            (RowOp::LayerNorm { .. }, 0) => {
                let pass = Pass::new(Function::Fadd, a, MINUS_ZERO, To::Scaled(&one, mean));
                pass.join(e, rows, blocks, Join::Sum)
            }
            (RowOp::LayerNorm { .. }, 1) => {
                let to = match self.needs_mask(channels, e.geometry.lanes) {
                    true => To::PerChannel(data, slot.mask),
                    false => To::Bits(data),
                };
                all(e, Pass::new(Function::Fsub, a, Second::Row(&one), to))
            }
            (RowOp::LayerNorm { .. }, 2) | (RowOp::RmsNorm { .. }, 0) => {
                let pass = Pass::new(Function::Fsqr, a, Second::Bits(0), To::Scaled(&one, mean));
                pass.join(e, rows, blocks, Join::Sum)
            }
            (RowOp::LayerNorm { epsilon, .. }, 3) | (RowOp::RmsNorm { epsilon, .. }, 1) => {
                let epsilon = Second::Number(*epsilon);
                single(e, Pass::new(Function::Fadd, First::Wide(&one), epsilon, To::Bits(&two)))
            }
            (RowOp::LayerNorm { .. }, 4) | (RowOp::RmsNorm { .. }, 2) => {
                single(e, Pass::of(ready.first, First::Wide(&two), To::Bits(&one)))
            }
            (RowOp::LayerNorm { .. }, 5) => {
                let to = To::PerChannel(data, slot.params);
                all(e, Pass::new(Function::Fmul, a, Second::Row(&one), to))
            }
            (RowOp::LayerNorm { .. }, _) => {
                let beta = Second::Block { addr: slot.params.addr, stride: 2 };
                all(e, Pass::new(Function::Fadd, a, beta, last))
            }
            (RowOp::RmsNorm { .. }, _) => {
                // The factors stand where the summands of a layer norm do: they are operand b.
                let gamma = Second::Block { addr: slot.params.addr + 1, stride: 2 };
                all(e, Pass::new(Function::Fmul, a, Second::Row(&one), To::Bits(data)))?;
                all(e, Pass::new(Function::Fmul, a, gamma, last))
            }
            (RowOp::Function { .. }, _) => all(e, Pass::of(ready.first, a, last)),
        }
    }
}

/// Emits an operator over rows in DRAM.
pub fn from_dram(
    e: &mut Emitter,
    op: &RowOp<'_>,
    input: &DramRows,
    output: &Output<'_>,
) -> Result<(), KernelError> {
    let plan = Plan::new(e, op, input)?;
    let total = e.geometry.vmem_words;
    let whole = e.vmem.take(total, &[]).ok_or(KernelError::VmemFull { words: total, total })?;
    let maps = match output {
        Output::Quantized(..) => (0..plan.slots)
            .map(|_| e.fmap([plan.rows, 1, input.channels], &[]))
            .collect::<Result<Vec<_>, _>>()?,
        Output::Float(_) => Vec::new(),
    };
    let tiles = plan.tiles(input.rows);
    // Tiles worked on at the same time; as many are loaded meanwhile.
    let streams = (plan.slots / 2).max(1);
    for (tile, rows) in tiles.iter().enumerate().take(streams) {
        plan.load(e, op, input, tile, rows)?;
    }
    let ready = op.load(e)?;
    let images = plan.constants(e, op, input.channels);
    for slot in 0..streams {
        plan.load_constants(e, &images, slot)?;
    }
    let steps = op.steps();
    for (tile, step) in schedule(tiles.len(), streams, steps, op.delay()) {
        let Some(range) = tiles.get(tile) else { continue };
        let (start, rows) = (range.start, range.len());
        let next = tile + streams;
        if let Some(rows) = tiles.get(next).filter(|_| step == 0 && plan.slots > 1) {
            plan.load(e, op, input, next, rows)?;
            if next < plan.slots {
                plan.load_constants(e, &images, next)?;
            }
        }
        let slot = plan.slot(tile, rows);
        let map = maps.get(tile % plan.slots).map(|map| Fmap { height: rows, ..*map });
        let last = match (output, &map) {
            (Output::Quantized(_, scale, quant), Some(map)) => To::Map(map, *scale, *quant),
            _ => To::Bits(&slot.data),
        };
        op.step(e, &ready, step, &slot, input.channels, last)?;
        if step + 1 < steps {
            continue;
        }
        match (output, &map) {
            (Output::Quantized(tensor, ..), Some(map)) => {
                store_rows(e, map, 0..rows, tensor, [start, 0], 0)?;
            }
            (Output::Float(to), _) => store_wide(e, &slot.data, to, start)?,
            (Output::Quantized(..), None) => {}
        }
        if let Some(rows) = tiles.get(next).filter(|_| plan.slots == 1) {
            plan.load(e, op, input, next, rows)?;
        }
    }
    for map in &maps {
        e.release(map);
    }
    e.vmem.give(whole, total);
    Ok(())
}

/// The order of the passes: tiles go in `streams`, each stream some steps behind the one before.
fn schedule(tiles: usize, streams: usize, steps: usize, delay: usize) -> Vec<(usize, usize)> {
    let rounds = tiles.div_ceil(streams) * steps + (streams - 1) * delay;
    let mut order = Vec::new();
    for round in 0..rounds {
        for stream in 0..streams {
            let Some(turn) = round.checked_sub(stream * delay) else { continue };
            let tile = turn / steps * streams + stream;
            if tile < tiles {
                order.push((tile, turn % steps));
            }
        }
    }
    order
}

/// How VMEM is divided: a tile in every bank, its columns in the next one and its constants in the
/// one after that, so that the operands of a pass never meet in a bank.
#[derive(Debug, Clone, Copy)]
struct Plan {
    slots: usize,
    rows: usize,
    blocks: usize,
    bank: usize,
    /// Words of gamma and beta, and of the mask.
    params: usize,
    mask: usize,
}

impl Plan {
    fn new(e: &Emitter, op: &RowOp<'_>, input: &DramRows) -> Result<Plan, KernelError> {
        let geometry = &e.geometry;
        let (bank, lanes) = (geometry.vmem_bank_depth, geometry.lanes);
        let blocks = input.channels.div_ceil(lanes);
        let params = if op.params().is_some() { 2 * blocks } else { 0 };
        let mask = if op.needs_mask(input.channels, lanes) { 2 * blocks } else { 0 };
        let most = bank.saturating_sub(params + mask) / (blocks + 2);
        let most = most.min(geometry.acc_depth).min(input.rows);
        if most == 0 {
            return Err(KernelError::Unsupported {
                kernel: "operator on rows",
                what: "channels of a row",
                value: input.channels,
                limit: format!(
                    "a bank of VMEM ({bank} words of {lanes} values) must hold a row and its constants; raise `buffers.vmem.size` or use fewer banks"
                ),
            });
        }
        let slots = (geometry.vmem_words / bank).clamp(1, 4);
        // Tiles of equal size, as many in every stream.
        let tiles = input.rows.div_ceil(most).next_multiple_of((slots / 2).max(1));
        let rows = input.rows.div_ceil(tiles).max(1);
        Ok(Plan { slots, rows, blocks, bank, params, mask })
    }

    /// The rows of each tile.
    fn tiles(&self, rows: usize) -> Vec<Range<usize>> {
        (0..rows).step_by(self.rows).map(|start| start..(start + self.rows).min(rows)).collect()
    }

    fn slot(&self, tile: usize, rows: usize) -> Slot {
        let slot = tile % self.slots;
        let (own, other) = (slot * self.bank, (slot + 1) % self.slots * self.bank);
        let columns = other + self.rows * self.blocks;
        let end = self.end_of_constants(slot);
        Slot {
            data: Wide { addr: own, rows, blocks: self.blocks },
            columns: [columns, columns + self.rows],
            params: LaneScales { addr: end - self.params - self.mask },
            mask: LaneScales { addr: end - self.mask },
        }
    }

    fn load(
        &self,
        e: &mut Emitter,
        op: &RowOp<'_>,
        input: &DramRows,
        tile: usize,
        rows: &Range<usize>,
    ) -> Result<(), KernelError> {
        load_wide(e, input, rows.start, &self.slot(tile, rows.len()).data, op.fill())
    }

    /// Places gamma, beta and the mask in DRAM: region, bytes and distance from the end of a bank.
    fn constants(&self, e: &mut Emitter, op: &RowOp<'_>, channels: usize) -> Vec<Image> {
        let geometry = e.geometry;
        let padded = self.blocks * geometry.lanes;
        let mut images = Vec::new();
        let mut image = |bytes: Vec<u8>, from_end: usize| {
            images.push(Image { dram: e.constants(&bytes), bytes: bytes.len(), from_end });
        };
        if let Some((gamma, beta)) = op.params() {
            let mut bias: Vec<i32> =
                beta.iter().map(|value| value.to_bits().cast_signed()).collect();
            bias.resize(padded, 0);
            image(lane_params(&geometry, &bias, gamma, 0, 1), self.params + self.mask);
        }
        if self.mask > 0 {
            let ones = vec![1.0; channels];
            image(lane_params(&geometry, &vec![0; padded], &ones, 0, 1), self.mask);
        }
        images
    }

    /// Brings constants into the bank where the tiles of a slot look for them.
    fn load_constants(
        &self,
        e: &mut Emitter,
        images: &[Image],
        slot: usize,
    ) -> Result<(), KernelError> {
        let end = self.end_of_constants(slot);
        for image in images {
            let addr = end - image.from_end;
            load_words(e, load::Function::Vmem, image.dram, image.bytes, addr)?;
        }
        Ok(())
    }

    fn end_of_constants(&self, slot: usize) -> usize {
        (slot + 2) % self.slots * self.bank + self.bank
    }
}

/// Constants in DRAM.
#[derive(Debug, Clone, Copy)]
struct Image {
    dram: (u8, usize),
    bytes: usize,
    from_end: usize,
}

/// Brings rows into VMEM; channels that do not exist get `fill` in both halves.
fn load_wide(
    e: &mut Emitter,
    input: &DramRows,
    start: usize,
    wide: &Wide,
    fill: u64,
) -> Result<(), KernelError> {
    let row = 4 * input.channels;
    e.reset(Engine::Load);
    e.set(load::dram::BASE, input.base);
    e.set(load::dram::OFFSET, (input.offset + start * row) as u64);
    e.set(load::dst::ADDR, wide.addr as u64);
    e.set(load::shape::RUN_BYTES, (wide.rows * row) as u64);
    e.set(load::shape::GROUP_BYTES, row as u64);
    e.set(load::word0::COUNT, wide.blocks as u64);
    e.set(load::word0::STRIDE, wide.rows as u64);
    e.set(load::word1::COUNT, load::word1::COUNT.max());
    e.set(load::word1::STRIDE, 1);
    e.set(load::fill::VALUE, fill);
    e.launch(load::Function::Vmem, &[])
}

/// Writes rows of a tensor in VMEM behind `start` rows of one in DRAM.
fn store_wide(
    e: &mut Emitter,
    wide: &Wide,
    output: &DramRows,
    start: usize,
) -> Result<(), KernelError> {
    let row = 4 * output.channels;
    e.reset(Engine::Store);
    e.set(store::dram::BASE, output.base);
    e.set(store::dram::OFFSET, (output.offset + start * row) as u64);
    e.set(store::src::ADDR, wide.addr as u64);
    e.set(store::shape::RUN_BYTES, (wide.rows * row) as u64);
    e.set(store::shape::GROUP_BYTES, row as u64);
    e.set(store::word0::COUNT, wide.blocks as u64);
    e.set(store::word0::STRIDE, wide.rows as u64);
    e.set(store::word1::COUNT, store::word1::COUNT.max());
    e.set(store::word1::STRIDE, 1);
    e.launch(store::Function::Vmem, &[])
}
