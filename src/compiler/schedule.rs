//! In which order the parts of layers are emitted. Engines work in the order of the program, so a
//! depthwise layer overlaps with convolutions on the array only if its parts stand between theirs.
//!
//! A list schedule: of all parts whose operands are already emitted, the one that can start first by
//! an estimate of the engines' times is next; of several, the one furthest down the network. Only
//! layers around a depthwise one are taken apart like that; any others follow each other, so that
//! no more feature maps than necessary are on chip.

use std::ops::Range;

use super::emit::{Begun, Emission, Place, depthwise_layer};
use super::net::{DepthwiseLayer, Kind, Layer};
use crate::kernels::conv::{Done, Running};
use crate::kernels::vector::{DepthwiseConstants, depthwise_part};
use crate::kernels::{Fmap, KernelError};

/// Layers that are looked at besides the first one that is not complete.
const WINDOW: usize = 6;

/// Parts of the channels in which a map of a single tile is made, for a depthwise layer to follow.
const PARTS: usize = 8;

/// Pixels that a part of a depthwise layer makes, or a little more.
const BATCH: usize = 64;

/// Cycles between the last operand of a part and the moment others can use its result.
const LATENCY: u64 = 150;

/// What of a feature map is emitted: when which rows of which blocks of channels are there.
#[derive(Debug, Clone, Default)]
struct Progress {
    parts: Vec<(Range<usize>, Range<usize>, u64)>,
    /// Rows from the first on that are complete, per block.
    rows: Vec<usize>,
}

impl Progress {
    fn add(&mut self, rows: Range<usize>, blocks: Range<usize>, time: u64) {
        if self.rows.len() < blocks.end {
            self.rows.resize(blocks.end, 0);
        }
        for block in blocks.clone() {
            self.rows[block] = self.rows[block].max(rows.end);
        }
        self.parts.push((rows, blocks, time));
    }

    /// Blocks from `first` on, of `count`, of which `rows` rows are there.
    fn blocks(&self, first: usize, count: usize, rows: usize) -> usize {
        let there = |block: &usize| self.rows.get(*block).is_some_and(|&have| have >= rows);
        (first..count).take_while(there).count()
    }

    /// When the first `rows` rows of some blocks are there.
    fn time(&self, rows: usize, blocks: &Range<usize>) -> u64 {
        let part = |(r, b, time): &(Range<usize>, Range<usize>, u64)| {
            (r.start < rows && b.start < blocks.end && blocks.start < b.end).then_some(*time)
        };
        self.parts.iter().filter_map(part).max().unwrap_or(0)
    }
}

/// A depthwise layer, in batches of rows and groups of blocks.
struct Batches<'n> {
    layer: &'n DepthwiseLayer,
    constants: DepthwiseConstants,
    maps: [Fmap; 2],
    /// Rows of a batch.
    batch: usize,
    row: usize,
    block: usize,
}

enum Task<'n> {
    Conv(Box<Running<'n>>),
    Depthwise(Box<Batches<'n>>),
    /// All at once.
    Whole(Vec<Place>),
}

struct Active<'n> {
    at: usize,
    layer: &'n Layer,
    place: Place,
    task: Task<'n>,
}

/// A part that could be next.
struct Candidate {
    active: usize,
    start: u64,
    engine: usize,
}

/// Positions of the engines' clocks.
const GEMM: usize = 0;
const VECTOR: usize = 1;

struct Schedule<'s, 'd, 'n> {
    emission: &'s mut Emission<'d, 'n>,
    progress: Vec<Progress>,
    /// When each engine has finished what was emitted.
    clocks: [u64; 2],
    active: Vec<Active<'n>>,
    next: usize,
    /// Places of the layers' results.
    made: Vec<Option<Place>>,
}

/// Emits all layers; the places of their results, or the layer that stands against it.
pub(super) fn run(emission: &mut Emission<'_, '_>) -> Result<Vec<Place>, (usize, KernelError)> {
    let net = emission.net;
    let mut schedule = Schedule {
        progress: vec![Progress::default(); net.values.len()],
        clocks: [0; 2],
        active: Vec::new(),
        next: 0,
        made: vec![None; net.layers.len()],
        emission,
    };
    for (value, _) in &net.inputs {
        let map = net.value(*value);
        let blocks = map.channels.div_ceil(schedule.emission.e.geometry.rows);
        schedule.progress[value.0].add(0..map.height, 0..blocks, 0);
    }
    while schedule.next < net.layers.len() || !schedule.active.is_empty() {
        schedule.activate()?;
        schedule.step()?;
    }
    Ok(schedule.made.into_iter().flatten().collect())
}

impl<'n> Schedule<'_, '_, 'n> {
    /// Whether a layer may begin while others are not complete.
    fn overlaps(&self, at: usize) -> bool {
        let layers = &self.emission.net.layers;
        let depthwise =
            |layer: Option<&Layer>| layer.is_some_and(|l| matches!(l.kind, Kind::Depthwise(_)));
        let apart = |layer: &Layer| matches!(layer.kind, Kind::Conv(_) | Kind::Depthwise(_));
        let first = self.active.first().map_or(at, |active| active.at);
        let alone = &self.emission.choices.alone;
        let stands_alone = |at: usize| alone.contains(&at);
        !stands_alone(at)
            && !self.active.iter().any(|active| stands_alone(active.at))
            && apart(&layers[at])
            && self.active.iter().all(|active| apart(active.layer))
            && at < first + WINDOW
            && (first..at + 2).any(|near| depthwise(layers.get(near)))
    }

    /// Lets further layers begin.
    fn activate(&mut self) -> Result<(), (usize, KernelError)> {
        while let Some(layer) = self.emission.net.layers.get(self.next) {
            if !self.active.is_empty() && !self.overlaps(self.next) {
                return Ok(());
            }
            let at = self.next;
            match self.begin(at, layer) {
                Ok(active) => {
                    self.active.push(active);
                    if let [_, .., _] = self.active[..] {
                        for active in &self.active {
                            self.emission.decisions[active.at].interleaved = true;
                        }
                    }
                }
                // There will be space when others are complete.
                Err(KernelError::IbufFull { .. } | KernelError::VmemFull { .. })
                    if !self.active.is_empty() =>
                {
                    return Ok(());
                }
                Err(error) => return Err((at, error)),
            }
            self.next += 1;
        }
        Ok(())
    }

    fn begin(&mut self, at: usize, layer: &'n Layer) -> Result<Active<'n>, KernelError> {
        self.emission.e.note(&layer.name);
        let begun = self.emission.begin(layer)?;
        match self.task(at, layer, &begun) {
            Ok(task) => Ok(Active { at, layer, place: begun.place, task }),
            Err(error) => {
                self.emission.cancel(layer, &begun);
                Err(error)
            }
        }
    }

    fn task(
        &mut self,
        at: usize,
        layer: &'n Layer,
        begun: &Begun,
    ) -> Result<Task<'n>, KernelError> {
        match (&layer.kind, begun.operands.as_slice(), begun.place) {
            (Kind::Conv(conv), operands, place) => {
                Ok(Task::Conv(Box::new(self.emission.conv(at, conv, operands, place)?)))
            }
            (Kind::Depthwise(depthwise), [Place::Chip(from)], Place::Chip(to)) => {
                let e = &mut self.emission.e;
                let kernel = depthwise_layer(depthwise);
                let constants = DepthwiseConstants::load(e, &kernel, from.channels, &[from, &to])?;
                let batch = BATCH.div_ceil(to.width.max(1)).clamp(1, to.height);
                let maps = [*from, to];
                let batches =
                    Batches { layer: depthwise, constants, maps, batch, row: 0, block: 0 };
                Ok(Task::Depthwise(Box::new(batches)))
            }
            (_, operands, _) => Ok(Task::Whole(operands.to_vec())),
        }
    }

    /// Emits the part that can start first.
    fn step(&mut self) -> Result<(), (usize, KernelError)> {
        let mut best: Option<Candidate> = None;
        for index in 0..self.active.len() {
            if let Some(candidate) = self.candidate(index)
                && best.as_ref().is_none_or(|best| candidate.start <= best.start)
            {
                best = Some(candidate);
            }
        }
        let Some(Candidate { active, start, engine }) = best else {
            // The first layer that is not complete can always go on.
            let at = self.active.first().map_or(self.next, |active| active.at);
            return Err((at, KernelError::NoQueue));
        };
        let at = self.active[active].at;
        let complete = self.emit(active, start, engine).map_err(|error| (at, error))?;
        if complete {
            let done = self.active.remove(active);
            self.made[at] = Some(done.place);
            match done.task {
                Task::Conv(running) => running.finish(&mut self.emission.e),
                Task::Depthwise(batches) => batches.constants.release(&mut self.emission.e),
                Task::Whole(_) => {}
            }
            self.emission.end(done.layer, done.place).map_err(|error| (at, error))?;
        }
        Ok(())
    }

    /// When the next part of a layer could start; nothing if its operands are not emitted yet.
    fn candidate(&self, index: usize) -> Option<Candidate> {
        let active = &self.active[index];
        let geometry = &self.emission.e.geometry;
        let operand = |index: usize| active.layer.inputs.get(index);
        let (ready, engine) = match &active.task {
            Task::Conv(running) => {
                let needs = running.needs(&self.emission.e)?;
                let [wbuf, pbuf] = needs.words;
                if (wbuf, pbuf) != (0, 0) && !self.emission.e.is_free(wbuf, pbuf) {
                    return None;
                }
                let mut ready = 0;
                for (index, rows) in [needs.rows.end, needs.output_rows.end].into_iter().enumerate()
                {
                    let Some(value) = operand(index) else { continue };
                    let map = self.emission.net.value(*value);
                    let blocks = map.channels.div_ceil(geometry.rows);
                    let rows = rows.min(map.height);
                    let progress = &self.progress[value.0];
                    if progress.blocks(0, blocks, rows) < blocks {
                        return None;
                    }
                    ready = ready.max(progress.time(rows, &(0..blocks)));
                }
                (ready, GEMM)
            }
            Task::Depthwise(batches) => {
                let (rows, blocks) = self.depthwise_part(batches, operand(0)?.0)?;
                (self.progress[operand(0)?.0].time(batches.needed(&rows), &blocks), VECTOR)
            }
            Task::Whole(_) => {
                let mut ready = 0;
                for value in &active.layer.inputs {
                    let map = self.emission.net.value(*value);
                    let blocks = map.channels.div_ceil(geometry.rows);
                    let progress = &self.progress[value.0];
                    if progress.blocks(0, blocks, map.height) < blocks {
                        return None;
                    }
                    ready = ready.max(progress.time(map.height, &(0..blocks)));
                }
                (ready, VECTOR)
            }
        };
        Some(Candidate { active: index, start: ready.max(self.clocks[engine]), engine })
    }

    /// Rows and blocks of the next part of a depthwise layer, as far as its operand is emitted: some
    /// blocks, and those that are there as soon as the lanes or the first ones are.
    fn depthwise_part(
        &self,
        batches: &Batches,
        operand: usize,
    ) -> Option<(Range<usize>, Range<usize>)> {
        let [from, to] = &batches.maps;
        let rows = batches.row..(batches.row + batches.batch).min(to.height);
        let all = from.blocks(&self.emission.e.geometry);
        let progress = &self.progress[operand];
        let needed = batches.needed(&rows);
        let there = progress.blocks(batches.block, all, needed);
        let least = all.div_ceil(PARTS).min(all - batches.block);
        if there < least {
            return None;
        }
        let first = batches.block;
        let time = |count: usize| progress.time(needed, &(first..first + count));
        let soon = time(least).max(self.clocks[VECTOR]);
        let count = (least..=there).rev().find(|&count| time(count) <= soon).unwrap_or(least);
        Some((rows, first..first + count))
    }

    /// Emits the next part of a layer; whether the layer is complete.
    fn emit(&mut self, index: usize, start: u64, engine: usize) -> Result<bool, KernelError> {
        let layer = self.active[index].layer;
        self.emission.e.note(&layer.name);
        let output = layer.output.0;
        let geometry = self.emission.e.geometry;
        let part = match &self.active[index].task {
            Task::Depthwise(batches) => self.depthwise_part(batches, layer.inputs[0].0),
            _ => None,
        };
        let followed = self.followed(index);
        let active = &mut self.active[index];
        let (duration, complete) = match &mut active.task {
            Task::Conv(running) => {
                let few = followed && running.tiles() == 1;
                let most = if few { running.blocks().div_ceil(PARTS) } else { usize::MAX };
                let Some(done) = running.step(&mut self.emission.e, most)? else {
                    return Ok(true);
                };
                let Done { rows, cols, blocks, vectors } = done;
                let duration = vectors as u64;
                if cols.end == self.emission.net.value(layer.output).width {
                    let ends = blocks.start * geometry.cols / geometry.rows
                        ..(blocks.end * geometry.cols).div_ceil(geometry.rows);
                    self.progress[output].add(rows, ends, start + duration + LATENCY);
                }
                (duration, running.needs(&self.emission.e).is_none())
            }
            Task::Depthwise(batches) => {
                let Some((rows, blocks)) = part else { return Ok(false) };
                let kernel = depthwise_layer(batches.layer);
                let [from, to] = &batches.maps;
                depthwise_part(
                    &mut self.emission.e,
                    &kernel,
                    &batches.constants,
                    [from, to],
                    rows.clone(),
                    blocks.clone(),
                )?;
                let positions = (to.width - 1) * kernel.strides[1] + geometry.taps;
                let window = kernel.kernel[0] * kernel.kernel[1].div_ceil(geometry.taps);
                let duration =
                    (rows.len() * blocks.len() * geometry.slices * window * positions) as u64;
                self.progress[output].add(rows.clone(), blocks.clone(), start + duration + LATENCY);
                batches.block = blocks.end;
                if blocks.end == from.blocks(&geometry) {
                    batches.block = 0;
                    batches.row = rows.end;
                }
                (duration, batches.row == to.height)
            }
            Task::Whole(operands) => {
                let operands = std::mem::take(operands);
                self.emission.kernel(layer, &operands, active.place)?;
                let map = self.emission.net.value(layer.output);
                let blocks = map.channels.div_ceil(geometry.rows);
                let window = match &layer.kind {
                    Kind::Pool(pool) => pool.kernel.iter().product(),
                    _ => 1,
                };
                let words = map.height * map.width * blocks * geometry.slices * window;
                let duration = words as u64;
                self.progress[output].add(0..map.height, 0..blocks, start + duration + LATENCY);
                (duration, true)
            }
        };
        self.clocks[engine] = start + duration;
        Ok(complete)
    }

    /// Whether a depthwise layer that has begun reads a layer's result.
    fn followed(&self, index: usize) -> bool {
        let output = self.active[index].layer.output;
        let reads = |active: &Active| {
            matches!(active.task, Task::Depthwise(_)) && active.layer.inputs.contains(&output)
        };
        self.active.iter().any(reads)
    }
}

impl Batches<'_> {
    /// Rows of the input that some rows of the output need, from the first on.
    fn needed(&self, rows: &Range<usize>) -> usize {
        let [kernel, _] = self.layer.kernel;
        let last = (rows.end - 1) * self.layer.strides[0] + kernel;
        last.saturating_sub(self.layer.pads[0]).min(self.maps[0].height)
    }
}
