//! Rows of binary32 on their way from DRAM through VMEM and back, in tiles.
//!
//! Every bank gets a tile; two tiles are worked on in turn, so that one tile's passes hide the
//! latency of the other's, and the next ones are loaded meanwhile.

use std::ops::Range;

use super::rows::{DramRows, Input, Output, Ready, RowOp, Slot, Vector};
use super::transfer::{load_filled, load_words, store_rows};
use super::weights::lane_params;
use super::wide::{First, LaneScales, Pass, Result as To, Second, Wide};
use super::{DramTensor, Emitter, Fmap, KernelError};
use crate::isa::Engine;
use crate::isa::table::vector::Function;
use crate::isa::table::{load, store};

/// Emits an operator over rows in DRAM.
pub fn from_dram(
    e: &mut Emitter,
    op: &RowOp<'_>,
    input: &Input<'_>,
    output: &Output<'_>,
) -> Result<(), KernelError> {
    let [all, channels] = input.size();
    check(e, op, input)?;
    let plan = Plan::new(e, op, [all, channels])?;
    let total = e.geometry.vmem_words;
    let whole = e.vmem.take(total, &[]).ok_or(KernelError::VmemFull { words: total, total })?;
    let quantized =
        [matches!(input, Input::Quantized(..)), matches!(output, Output::Quantized(..))];
    let mut maps = [Vec::new(), Vec::new()];
    for (maps, needed) in maps.iter_mut().zip(quantized) {
        for _ in 0..if needed { plan.slots } else { 0 } {
            maps.push(e.fmap([plan.rows, 1, channels], &[])?);
        }
    }
    let [sources, targets] = maps;
    let tiles = plan.tiles(all);
    // Tiles worked on at the same time; as many are loaded meanwhile.
    let streams = (plan.slots / 2).max(1);
    for (tile, rows) in tiles.iter().enumerate().take(streams) {
        plan.load(e, op, input, &sources, tile, rows)?;
    }
    let ready = op.load(e)?;
    let mask = plan.mask_image(e, channels);
    for slot in 0..streams {
        plan.load_constants(e, op, channels, mask, slot)?;
    }
    let work = Work { op, input, output, plan, ready, sources, targets };
    let steps = work.steps(e);
    for (tile, step) in schedule(tiles.len(), streams, steps, op.delay()) {
        let Some(rows) = tiles.get(tile) else { continue };
        let next = tile + streams;
        let coming = tiles.get(next);
        if let Some(rows) = coming.filter(|_| step == 0 && plan.slots > 1) {
            plan.load(e, op, input, &work.sources, next, rows)?;
            if next < plan.slots {
                plan.load_constants(e, op, channels, mask, next)?;
            }
        }
        work.step(e, tile, step, rows)?;
        if step + 1 < steps {
            continue;
        }
        work.store(e, tile, rows)?;
        if let Some(rows) = coming.filter(|_| plan.slots == 1) {
            plan.load(e, op, input, &work.sources, next, rows)?;
        }
    }
    for map in work.sources.iter().chain(&work.targets) {
        e.release(map);
    }
    e.vmem.give(whole, total);
    Ok(())
}

/// An operator on its way over the tiles.
struct Work<'a> {
    op: &'a RowOp<'a>,
    input: &'a Input<'a>,
    output: &'a Output<'a>,
    plan: Plan,
    ready: Ready,
    /// A map for each slot where the input, or the output, consists of activations.
    sources: Vec<Fmap>,
    targets: Vec<Fmap>,
}

impl Work<'_> {
    /// Steps before those of the operator.
    fn before(&self) -> usize {
        usize::from(!self.sources.is_empty())
    }

    /// Channels, and lanes.
    fn sizes(&self, e: &Emitter) -> [usize; 2] {
        [self.input.size()[1], e.geometry.lanes]
    }

    /// Steps of a tile.
    fn steps(&self, e: &Emitter) -> usize {
        let slot = self.plan.slot(0, self.plan.rows);
        let steps = self.op.steps(&self.ready, &slot, self.sizes(e), To::Bits(&slot.data));
        self.before() + steps.len()
    }

    fn step(
        &self,
        e: &mut Emitter,
        tile: usize,
        step: usize,
        rows: &Range<usize>,
    ) -> Result<(), KernelError> {
        let slot = self.plan.slot(tile, rows.len());
        let source = self.plan.map(&self.sources, tile, rows.len());
        let target = self.plan.map(&self.targets, tile, rows.len());
        if let (0, Some(map), Input::Quantized(_, scale, zero)) = (step, source, self.input) {
            return dequantize(e, &map, *scale, *zero, &slot.data);
        }
        let last = match (self.output, &target) {
            (Output::Quantized(_, scale, quant), Some(map)) => To::Map(map, *scale, *quant),
            _ => To::Bits(&slot.data),
        };
        let steps = self.op.steps(&self.ready, &slot, self.sizes(e), last);
        match steps.get(step - self.before()) {
            Some(step) => step.emit(e, &slot.data),
            None => Ok(()),
        }
    }

    fn store(&self, e: &mut Emitter, tile: usize, rows: &Range<usize>) -> Result<(), KernelError> {
        let target = self.plan.map(&self.targets, tile, rows.len());
        match (self.output, target) {
            (Output::Quantized(tensor, ..), Some(map)) => {
                store_rows(e, &map, 0..rows.len(), &column(tensor), [rows.start, 0], 0)
            }
            (Output::Float(to), _) => {
                store_wide(e, &self.plan.slot(tile, rows.len()).data, to, rows.start)
            }
            (Output::Quantized(..), None) => Ok(()),
        }
    }
}

/// A tensor as a column of pixels.
fn column(tensor: &DramTensor) -> DramTensor {
    DramTensor { height: tensor.height * tensor.width, width: 1, ..*tensor }
}

/// Emits `(x - zero) * scale` of activations, as binary32.
fn dequantize(
    e: &mut Emitter,
    map: &Fmap,
    scale: f32,
    zero: i32,
    data: &Wide,
) -> Result<(), KernelError> {
    let zero = Second::Bits(zero.cast_unsigned());
    Pass::new(Function::Sub, First::Map(map), zero, To::Scaled(data, scale)).emit(
        e,
        data.rows,
        data.blocks,
    )
}

/// Whether the operator's other operands go with the input.
fn check(e: &Emitter, op: &RowOp<'_>, input: &Input<'_>) -> Result<(), KernelError> {
    let [rows, channels] = input.size();
    let unsupported = |what, value, limit| {
        Err(KernelError::Unsupported { kernel: "operator on rows", what, value, limit })
    };
    if let Some(second) = op.second().filter(|_| !matches!(op, RowOp::DivideBySum { .. }))
        && second.channels != channels
    {
        let limit = format!("the first operand has {channels}");
        return unsupported("channels of the second operand", second.channels, limit);
    }
    if let Some(second) = op.second()
        && (second.rows == 0 || !rows.is_multiple_of(second.rows))
    {
        let limit = format!("it must divide the {rows} rows of the first");
        return unsupported("rows of the second operand", second.rows, limit);
    }
    if let Some((queries, past)) = op.causal()
        && (queries == 0 || queries + past > channels)
    {
        let limit = format!("at least 1 query, and not more than the {channels} keys");
        return unsupported("queries and earlier keys of a causal mask", queries + past, limit);
    }
    // Of activations every value is a possible score, so none can stand for a key that is not there
    // or not seen.
    let lanes = e.geometry.lanes;
    if op.compares() && matches!(input, Input::Quantized(..)) {
        if !channels.is_multiple_of(lanes) {
            let limit = format!("softmax of activations needs a multiple of the {lanes} lanes");
            return unsupported("channels", channels, limit);
        }
        if let Some((queries, _)) = op.causal() {
            let limit = "softmax of activations has no causal mask; bring scores as binary32";
            return unsupported("queries of a causal mask", queries, limit.to_owned());
        }
    }
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

/// How VMEM is divided: a tile in every bank, its columns and first extra space in the next one, its
/// constants in the one after that and its second extra space in the last, so that the operands of
/// a pass do not meet in a bank where there are four.
#[derive(Debug, Clone, Copy)]
struct Plan {
    slots: usize,
    rows: usize,
    blocks: usize,
    bank: usize,
    extras: usize,
    /// Blocks of the second operand.
    second: usize,
    /// Words of the channels' values, and of the mask.
    params: usize,
    mask: usize,
}

impl Plan {
    fn new(e: &Emitter, op: &RowOp<'_>, [all, channels]: [usize; 2]) -> Result<Plan, KernelError> {
        let geometry = &e.geometry;
        let (bank, lanes) = (geometry.vmem_bank_depth, geometry.lanes);
        let blocks = channels.div_ceil(lanes);
        let params = if op.params() == [None; 2] { 0 } else { 2 * blocks };
        let mask = if op.needs_mask(channels, lanes) { 2 * blocks } else { 0 };
        let extras = op.extras();
        let second = op.second().map_or(blocks, |second| second.channels.div_ceil(lanes));
        let most = bank.saturating_sub(params + mask) / (blocks + extras * second + 2);
        let most = most.min(geometry.acc_depth).min(all);
        if most == 0 {
            return Err(KernelError::Unsupported {
                kernel: "operator on rows",
                what: "channels of a row",
                value: channels,
                limit: format!(
                    "a bank of VMEM ({bank} words of {lanes} values) must hold {} rows and their constants; raise `buffers.vmem.size` or use fewer banks",
                    1 + extras
                ),
            });
        }
        let slots = (geometry.vmem_words / bank).clamp(1, 4);
        // Tiles of equal size, as many in every stream.
        let tiles = all.div_ceil(most).next_multiple_of((slots / 2).max(1));
        let rows = all.div_ceil(tiles).max(1);
        Ok(Plan { slots, rows, blocks, bank, extras, second, params, mask })
    }

    /// The rows of each tile.
    fn tiles(&self, rows: usize) -> Vec<Range<usize>> {
        (0..rows).step_by(self.rows).map(|start| start..(start + self.rows).min(rows)).collect()
    }

    /// First word of the bank `distance` banks after that of a tile.
    fn bank_of(&self, tile: usize, distance: usize) -> usize {
        (tile + distance) % self.slots * self.bank
    }

    fn slot(&self, tile: usize, rows: usize) -> Slot {
        let words = self.rows * self.blocks;
        let data = Wide { addr: self.bank_of(tile, 0), rows, blocks: self.blocks };
        let columns = self.bank_of(tile, 1) + words;
        // The first extra space lies behind the columns, the second behind that of another tile.
        let others = words + self.rows * self.second;
        let extra = [columns + 2 * self.rows, self.bank_of(tile, 3) + others + 2 * self.rows];
        let end = self.end_of_constants(tile);
        Slot {
            data,
            extra: extra.map(|addr| Wide { addr, blocks: self.second, ..data }),
            columns: [columns, columns + self.rows].map(|addr| data.column(addr)),
            params: LaneScales { addr: end - self.params - self.mask },
            mask: LaneScales { addr: end - self.mask },
        }
    }

    fn load(
        &self,
        e: &mut Emitter,
        op: &RowOp<'_>,
        input: &Input<'_>,
        sources: &[Fmap],
        tile: usize,
        rows: &Range<usize>,
    ) -> Result<(), KernelError> {
        let slot = self.slot(tile, rows.len());
        match (input, op.causal(), self.map(sources, tile, rows.len())) {
            (Input::Quantized(tensor, _, zero), _, Some(map)) => {
                load_filled(e, &column(tensor), rows.clone(), &map, 0, *zero)?;
            }
            (Input::Float(input), Some(sizes), _) => {
                load_causal(e, input, rows.start, &slot.data, op.fill(), sizes)?;
            }
            (Input::Float(input), None, _) => {
                load_wide(e, input, rows.start, &slot.data, op.fill())?;
            }
            (Input::Quantized(..), _, None) => {}
        }
        let Some(second) = op.second().filter(|_| self.extras > 0) else { return Ok(()) };
        let target = &slot.extra[0];
        for part in segments(rows.start, rows.len(), second.rows) {
            load_part(e, second, &part, target, 0)?;
            e.launch(load::Function::Vmem, &[])?;
        }
        Ok(())
    }

    /// The map of a tile.
    fn map(&self, maps: &[Fmap], tile: usize, rows: usize) -> Option<Fmap> {
        maps.get(tile % self.slots).map(|map| Fmap { height: rows, ..*map })
    }

    /// Ones for the channels that exist, zeros for the others, in DRAM.
    fn mask_image(&self, e: &mut Emitter, channels: usize) -> Option<(Vector, usize)> {
        if self.mask == 0 {
            return None;
        }
        let geometry = e.geometry;
        let zeros = vec![0; self.blocks * geometry.lanes];
        let bytes = lane_params(&geometry, &zeros, &vec![1.0; channels], 0, 1);
        Some((e.constants(&bytes), bytes.len()))
    }

    /// Brings constants into the bank where the tiles of a slot look for them.
    fn load_constants(
        &self,
        e: &mut Emitter,
        op: &RowOp<'_>,
        channels: usize,
        mask: Option<(Vector, usize)>,
        slot: usize,
    ) -> Result<(), KernelError> {
        let end = self.end_of_constants(slot);
        let [summands, factors] = op.params();
        for (vector, place) in [(summands, 0), (factors, 1)] {
            if let Some(vector) = vector {
                load_vector(e, vector, channels, end - self.params - self.mask + place)?;
            }
        }
        if let Some((dram, bytes)) = mask {
            load_words(e, load::Function::Vmem, dram, bytes, end - self.mask)?;
        }
        Ok(())
    }

    fn end_of_constants(&self, tile: usize) -> usize {
        self.bank_of(tile, 2) + self.bank
    }
}

/// Brings one value a channel to every second word from `addr` on; channels that do not exist are 0.
pub(super) fn load_vector(
    e: &mut Emitter,
    (base, offset): Vector,
    channels: usize,
    addr: usize,
) -> Result<(), KernelError> {
    e.reset(Engine::Load);
    e.set(load::dram::BASE, base);
    e.set(load::dram::OFFSET, offset as u64);
    e.set(load::dst::ADDR, addr as u64);
    e.set(load::shape::RUN_BYTES, (4 * channels) as u64);
    e.set(load::shape::GROUP_BYTES, (4 * channels) as u64);
    e.set(load::word0::COUNT, load::word0::COUNT.max());
    e.set(load::word0::STRIDE, 2);
    e.launch(load::Function::Vmem, &[])
}

/// Rows of a tile that lie in one period of `period` rows.
struct Part {
    /// Row of the tile.
    at: usize,
    /// Row of the period.
    row: usize,
    rows: usize,
}

/// Cuts rows at the ends of periods.
fn segments(start: usize, rows: usize, period: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < rows {
        let row = (start + at) % period;
        let part = Part { at, row, rows: (period - row).min(rows - at) };
        at += part.rows;
        parts.push(part);
    }
    parts
}

/// Sets a LOAD of some rows from row `part.row` on into a tile.
fn load_part(
    e: &mut Emitter,
    input: &DramRows,
    part: &Part,
    wide: &Wide,
    fill: u64,
) -> Result<(), KernelError> {
    let row = 4 * input.channels;
    e.reset(Engine::Load);
    e.set(load::dram::BASE, input.base);
    e.set(load::dram::OFFSET, (input.offset + part.row * input.pitch) as u64);
    e.set(load::dst::ADDR, (wide.addr + part.at) as u64);
    if input.pitch == row {
        e.set(load::shape::RUN_BYTES, (part.rows * row) as u64);
    } else {
        e.set(load::shape::RUN_BYTES, row as u64);
        e.set(load::loop0::COUNT, part.rows as u64);
        e.set(load::loop0::STRIDE, input.pitch as u64);
    }
    e.set(load::shape::GROUP_BYTES, row as u64);
    e.set(load::word0::COUNT, wide.blocks as u64);
    e.set(load::word0::STRIDE, wide.rows as u64);
    e.set(load::word1::COUNT, load::word1::COUNT.max());
    e.set(load::word1::STRIDE, 1);
    e.set(load::fill::VALUE, fill);
    Ok(())
}

/// Brings rows into VMEM; channels that do not exist get `fill` in both halves.
pub(super) fn load_wide(
    e: &mut Emitter,
    input: &DramRows,
    start: usize,
    wide: &Wide,
    fill: u64,
) -> Result<(), KernelError> {
    load_part(e, input, &Part { at: 0, row: start, rows: wide.rows }, wide, fill)?;
    e.launch(load::Function::Vmem, &[])
}

/// The same, of each row only the keys its query sees.
fn load_causal(
    e: &mut Emitter,
    input: &DramRows,
    start: usize,
    wide: &Wide,
    fill: u64,
    (queries, past): (usize, usize),
) -> Result<(), KernelError> {
    let row = 4 * input.channels;
    for part in segments(start, wide.rows, queries) {
        let place = Part { at: part.at, row: start + part.at, rows: part.rows };
        load_part(e, input, &place, wide, fill)?;
        // A run is a row; its bytes lie so that the last one seen is the last inside.
        e.set(load::shape::RUN_BYTES, row as u64);
        e.set(load::loop0::COUNT, part.rows as u64);
        e.set(load::loop0::STRIDE, input.pitch as u64);
        e.set(load::clip_x::START, (row - 4 * (part.row + past + 1)) as u64);
        e.set(load::clip_x::LIMIT, row as u64);
        e.set(load::step_x::S0, -4);
        e.launch(load::Function::Vmem, &[(load::CLIP, 1)])?;
    }
    Ok(())
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
    e.set(store::dram::OFFSET, (output.offset + start * output.pitch) as u64);
    e.set(store::src::ADDR, wide.addr as u64);
    if output.pitch == row {
        e.set(store::shape::RUN_BYTES, (wide.rows * row) as u64);
    } else {
        e.set(store::shape::RUN_BYTES, row as u64);
        e.set(store::loop0::COUNT, wide.rows as u64);
        e.set(store::loop0::STRIDE, output.pitch as u64);
    }
    e.set(store::shape::GROUP_BYTES, row as u64);
    e.set(store::word0::COUNT, wide.blocks as u64);
    e.set(store::word0::STRIDE, wide.rows as u64);
    e.set(store::word1::COUNT, store::word1::COUNT.max());
    e.set(store::word1::STRIDE, 1);
    e.launch(store::Function::Vmem, &[])
}
