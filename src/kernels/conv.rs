//! Convolution, fully connected layers and matrix products on the array.
//!
//! The output is cut into tiles of as many pixels as OBUF holds; the first tiles are small so that
//! the array starts early, and the last one is small so that little is left to store at the end.
//! Weights stay in WBUF for all tiles when they fit. Where they do not, [`super::conv_plan`] decides
//! whether chunks of output channels pass a tile or tiles pass a chunk.

use std::ops::Range;

use super::conv_launch::{Arriving, Job, next_group};
use super::conv_plan::{Chunk, Constants, Plan};
use super::tile_maps::{Inputs, Outputs, SkipWindow, Skips, TURNS, Target, Window};
use super::tiling::Tile;
pub use super::tiling::{Cut, LoopOrder};
use super::transfer::Lowering;
use super::weights::ConvWeights;
use super::{DramTensor, Emitter, Fmap, Geometry, KernelError};
use crate::arith::post::residual_offset;

/// Residual addition after requantization, exactly onnxruntime's QLinearAdd.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Residual {
    /// Scale of the requantized result over that of the sum.
    pub scale_a: f32,
    /// Scale of the other operand over that of the sum.
    pub scale_b: f32,
    /// Zero point of the other operand.
    pub zero_b: i32,
    /// Whether the requantized result is the second operand of the sum: the order decides where it
    /// is rounded.
    pub a_is_second: bool,
    /// Zero point and limits of the sum.
    pub sum: Requant,
}

impl Residual {
    /// Where the machine begins the sum; `zero_a` is the zero point of the requantized result.
    pub(super) fn offset(&self, zero_a: i32) -> f32 {
        let (a, b) = ((self.scale_a, zero_a), (self.scale_b, self.zero_b));
        let (first, second) = if self.a_is_second { (b, a) } else { (a, b) };
        residual_offset(first, second, self.sum.zero)
    }
}

/// Zero point and clamp limits of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requant {
    /// Zero point.
    pub zero: i32,
    /// Lower limit.
    pub min: i32,
    /// Upper limit.
    pub max: i32,
}

impl Requant {
    /// The whole range of an activation.
    pub fn full(zero: i32, activation_bits: usize) -> Requant {
        let half = 1 << (activation_bits - 1);
        Requant { zero, min: -half, max: half - 1 }
    }
}

/// A convolution layer.
#[derive(Debug, Clone)]
pub struct Conv<'a> {
    /// Weights, `[out][in][kh][kw]`.
    pub weights: ConvWeights<'a>,
    /// Vertical and horizontal stride.
    pub strides: [usize; 2],
    /// Padding at the top, left, bottom and right.
    pub pads: [usize; 4],
    /// Vertical and horizontal dilation.
    pub dilations: [usize; 2],
    /// Zero point of the input.
    pub input_zero: i32,
    /// Bias per output channel, before the input's zero point is folded in.
    pub bias: &'a [i32],
    /// Requantization scale per output channel.
    pub scales: &'a [f32],
    /// Output.
    pub output: Requant,
    /// Residual addition.
    pub residual: Option<Residual>,
    /// Lookup table for the result.
    pub table: Option<u8>,
    /// How it is cut, where that is not left to the kernel.
    pub cut: Cut,
}

impl Conv<'_> {
    /// Height and width of the output for an input of this height and width.
    pub fn output_size(&self, height: usize, width: usize) -> [usize; 2] {
        let size = |axis: usize, extent: usize| {
            let reach = (self.weights.kernel[axis] - 1) * self.dilations[axis] + 1;
            (extent + self.pads[axis] + self.pads[axis + 2]).saturating_sub(reach)
                / self.strides[axis]
                + 1
        };
        [size(0, height), size(1, width)]
    }

    /// Bias with the zero point of the input folded in: `bias - zero * sum of weights`.
    pub(super) fn folded_bias(&self) -> Vec<i32> {
        let per_channel = self.weights.values.len() / self.weights.out_channels.max(1);
        let sums =
            self.weights.values.chunks(per_channel.max(1)).map(|chunk| {
                chunk.iter().fold(0_i32, |sum, &weight| sum.wrapping_add(weight.into()))
            });
        let fold = |(bias, sum): (&i32, i32)| bias.wrapping_sub(sum.wrapping_mul(self.input_zero));
        self.bias.iter().zip(sums).map(fold).collect()
    }
}

/// Where the input comes from.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// On chip.
    Map(Fmap),
    /// Dense in DRAM; brought in tile by tile.
    Dram(DramTensor),
    /// A picture of few channels in DRAM, lowered on the way in. The layer is then the 1x1
    /// convolution of the lowered pixels.
    Lowered(DramTensor, Lowering),
}

/// Where the output goes.
#[derive(Debug, Clone, Copy)]
pub enum Sink {
    /// On chip.
    Map(Fmap),
    /// Dense in DRAM; stored tile by tile.
    Dram(DramTensor),
    /// Dense in DRAM, as binary32 (the accumulator and the bias times the scale of the channel, not
    /// requantized), by way of VMEM, whose space is the layer's while it runs.
    Wide(DramTensor),
}

/// Where the second operand of a residual addition is.
#[derive(Debug, Clone, Copy)]
pub enum Skip {
    /// On chip.
    Map(Fmap),
    /// Dense in DRAM; brought in tile by tile.
    Dram(DramTensor),
}

/// Part of a layer's output that a step made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Rows.
    pub rows: Range<usize>,
    /// Columns.
    pub cols: Range<usize>,
    /// Blocks of output channels.
    pub blocks: Range<usize>,
    /// Vectors that enter the array.
    pub vectors: usize,
}

/// How a convolution is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutting {
    /// Rows and columns of the largest tile of output pixels.
    pub tile: [usize; 2],
    /// Output channels of the largest chunk.
    pub channels: usize,
    /// The order of the loops.
    pub order: LoopOrder,
}

/// What the next step needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// Rows of the input.
    pub rows: Range<usize>,
    /// Rows of the output, which are also those of a residual operand.
    pub output_rows: Range<usize>,
    /// Words of WBUF and of PBUF that the step takes for itself and those after it.
    pub words: [usize; 2],
}

/// A tile that is being emitted.
struct Turn {
    window: Window,
    out: Target,
    skip: Option<SkipWindow>,
    /// Blocks of the chunk that are still to come.
    left: Range<usize>,
    coming: Option<Arriving>,
}

/// A convolution that is emitted step by step, so that other layers' launches can go in between.
pub struct Running<'a> {
    plan: Plan<'a>,
    constants: Constants,
    inputs: Inputs,
    outputs: Outputs,
    skips: Option<Skips>,
    chunk: Option<Chunk>,
    next_chunk: usize,
    next_tile: usize,
    turn: Option<Turn>,
    /// Residual operand of the turn to come.
    next_skip: Option<SkipWindow>,
    /// First word and number of words of WBUF and PBUF that are kept: for the chunk, or for all.
    held: Option<[(usize, usize); 2]>,
}

impl<'a> Running<'a> {
    /// Prepares a convolution; takes space in IBUF for tiles of what is in DRAM.
    pub fn new(
        e: &mut Emitter,
        layer: Conv<'a>,
        source: Source,
        sink: Sink,
        skip: Option<Skip>,
    ) -> Result<Running<'a>, KernelError> {
        let [height, width] = match source {
            Source::Map(map) => layer.output_size(map.height, map.width),
            Source::Dram(tensor) => layer.output_size(tensor.height, tensor.width),
            Source::Lowered(..) => match sink {
                Sink::Map(map) => [map.height, map.width],
                Sink::Dram(tensor) | Sink::Wide(tensor) => [tensor.height, tensor.width],
            },
        };
        let mut layer = layer;
        if matches!(sink, Sink::Wide(_)) {
            layer.cut = wide_cut(&e.geometry, &layer, [height, width]);
        }
        e.count_macs(height * width * layer.weights.values.len());
        let in_dram = [matches!(sink, Sink::Dram(_)), matches!(skip, Some(Skip::Dram(_)))];
        let (plan, constants) = Plan::new(e, layer, source, [height, width], in_dram)?;
        let mut inputs = Inputs::new(e, &plan.layer, source, &plan.tiles)?;
        let mut outputs = Outputs::new(e, &plan.layer, sink, &plan.tiles, &plan.chunks, &inputs)?;
        let mut skips =
            skip.map(|skip| Skips::new(e, skip, &plan.tiles, &plan.chunks)).transpose()?;
        // Each gets one buffer before any gets a second.
        for _ in 1..TURNS {
            inputs.grow(e);
            outputs.grow(e, &inputs);
            if let Some(skips) = &mut skips {
                skips.grow(e);
            }
        }
        Ok(Running {
            plan,
            constants,
            inputs,
            outputs,
            skips,
            chunk: None,
            next_chunk: 0,
            next_tile: 0,
            turn: None,
            next_skip: None,
            held: None,
        })
    }

    /// What the next step needs; nothing when all is emitted.
    pub fn needs(&self, e: &Emitter) -> Option<Needs> {
        let tile = self.plan.tiles.get(self.next_tile)?;
        let words = match self.held {
            Some(_) => [0, 0],
            None => self.kept(e),
        };
        let mut rows = self.inputs.rows(&self.plan.layer, tile);
        let mut output_rows = tile.rows.clone();
        if let Some((next, _)) = self.following().filter(|_| self.streams(e)) {
            let next = &self.plan.tiles[next];
            rows.end = rows.end.max(self.inputs.rows(&self.plan.layer, next).end);
            output_rows.end = output_rows.end.max(next.rows.end);
        }
        Some(Needs { rows, output_rows, words })
    }

    /// How it is cut.
    pub fn cutting(&self, e: &Emitter) -> Cutting {
        let pixels = |tile: &&Tile| tile.rows.len() * tile.cols.len();
        let largest = self.plan.tiles.iter().max_by_key(pixels);
        let channels = self.largest_chunk() * e.geometry.cols;
        Cutting {
            tile: largest.map_or([0; 2], |tile| [tile.rows.len(), tile.cols.len()]),
            channels: channels.min(self.plan.layer.weights.out_channels),
            order: match self.plan.tiles_outside {
                true => LoopOrder::TilesOutside,
                false => LoopOrder::WeightsOutside,
            },
        }
    }

    /// Number of tiles of output pixels.
    pub fn tiles(&self) -> usize {
        self.plan.tiles.len()
    }

    /// Number of blocks of output channels.
    pub fn blocks(&self) -> usize {
        self.constants.tiles.len()
    }

    /// Whether the weights of the next chunk do not stay in WBUF.
    fn streams(&self, e: &Emitter) -> bool {
        self.plan.tiles_outside
            || self.plan.chunks.get(self.next_chunk).is_some_and(|blocks| {
                self.constants.words(&e.geometry, blocks) > e.geometry.wbuf_words
            })
    }

    /// Words of WBUF and PBUF that are kept from the beginning of the next chunk on.
    fn kept(&self, e: &Emitter) -> [usize; 2] {
        let Some(blocks) = self.plan.chunks.get(self.next_chunk) else { return [0; 2] };
        let wbuf = if self.streams(e) {
            // Launches bring their weights all around the ring.
            e.geometry.wbuf_words
        } else {
            self.constants.words(&e.geometry, blocks)
        };
        let pbuf = match self.plan.tiles_outside {
            false => blocks.len(),
            true if self.params_stay(e) => self.blocks(),
            true => 2 * self.largest_chunk(),
        };
        [wbuf, pbuf]
    }

    /// Whether the parameters of all chunks have space in PBUF.
    fn params_stay(&self, e: &Emitter) -> bool {
        self.blocks() <= e.geometry.pbuf_words
    }

    /// Blocks of the largest chunk.
    fn largest_chunk(&self) -> usize {
        self.plan.chunks.iter().map(Range::len).max().unwrap_or(0)
    }

    /// The tile and the chunk after the present ones.
    fn following(&self) -> Option<(usize, usize)> {
        let (tile, chunk) = (self.next_tile, self.next_chunk);
        let (tiles, chunks) = (self.plan.tiles.len(), self.plan.chunks.len());
        let next = match self.plan.tiles_outside {
            true if chunk + 1 < chunks => (tile, chunk + 1),
            true => (tile + 1, 0),
            false if tile + 1 < tiles => (tile + 1, chunk),
            false => (0, chunk + 1),
        };
        (next.0 < tiles && next.1 < chunks).then_some(next)
    }

    /// Takes space for the next chunk's constants, if it has none, and asks for parameters of a
    /// chunk whose weights do not stay.
    fn begin_chunk(&mut self, e: &mut Emitter) -> Result<(), KernelError> {
        let Some(blocks) = self.plan.chunks.get(self.next_chunk).cloned() else { return Ok(()) };
        if self.chunk.is_some() {
            return Ok(());
        }
        let held = match self.held {
            Some(held) => held,
            None => {
                let [wbuf, pbuf] = self.kept(e);
                let held = [(e.wbuf_position(), wbuf), (e.pbuf(pbuf)?, pbuf)];
                e.hold(held[0], held[1]);
                self.held = Some(held);
                held
            }
        };
        let [_, (params, _)] = held;
        let pbuf = match self.plan.tiles_outside {
            false => params,
            true if self.params_stay(e) => params + blocks.start,
            true => params + self.next_chunk % 2 * self.largest_chunk(),
        };
        let stays = !self.streams(e);
        let there = self.plan.tiles_outside && self.params_stay(e) && self.next_tile > 0;
        if !stays && !there {
            self.constants.load_params(e, &blocks, pbuf)?;
        }
        self.chunk = Some(Chunk { blocks, stays, wbuf: Vec::new(), pbuf });
        Ok(())
    }

    /// The next chunk of a tile, or the next tile of a chunk.
    fn begin_turn(&mut self, e: &mut Emitter, tile: &Tile) -> Result<Option<Turn>, KernelError> {
        let Some(chunk) = &mut self.chunk else { return Ok(None) };
        let window = self.inputs.tile(e, &self.plan.layer, tile)?;
        let skip = match (&mut self.skips, self.next_skip.take()) {
            (Some(_), Some(skip)) => Some(skip),
            (Some(skips), None) => Some(skips.tile(e, tile, &chunk.blocks)?),
            (None, _) => None,
        };
        let out = self.outputs.tile(e, tile, &chunk.blocks);
        let coming = if self.next_tile == 0 && chunk.stays {
            Some(chunk.bring(e, &mut self.constants, self.plan.whole, 0)?)
        } else {
            None
        };
        Ok(Some(Turn { window, skip, out, left: 0..chunk.blocks.len(), coming }))
    }

    /// Asks early for what the turns to come read from DRAM: LOAD works in order, and would get to
    /// it only when nearly all weights of this turn have found space.
    fn look_ahead(&mut self, e: &mut Emitter) -> Result<(), KernelError> {
        if self.inputs.comes_early()
            && let Some(tile) = self.plan.tiles.get(self.next_tile + 1)
        {
            self.inputs.tile(e, &self.plan.layer, tile)?;
        }
        let following = self.following();
        if let (Some(skips), Some((tile, chunk))) = (&mut self.skips, following)
            && skips.comes_early()
        {
            let (tile, blocks) = (&self.plan.tiles[tile], &self.plan.chunks[chunk]);
            self.next_skip = Some(skips.tile(e, tile, blocks)?);
        }
        Ok(())
    }

    /// Emits the next launches: at most `most` blocks of output channels of a tile. Each block of a
    /// chunk's first tile is launched when its weights are there, the first ones even slice by
    /// slice; the next block's are asked for before. Most of what the last tile made is stored while
    /// its last block computes, so that is launched by block too.
    pub fn step(&mut self, e: &mut Emitter, most: usize) -> Result<Option<Done>, KernelError> {
        let Some(tile) = self.plan.tiles.get(self.next_tile).cloned() else { return Ok(None) };
        self.begin_chunk(e)?;
        let begun = self.turn.take();
        let fresh = begun.is_none();
        let begun = if fresh { self.begin_turn(e, &tile)? } else { begun };
        let (Some(chunk), Some(mut turn)) = (&mut self.chunk, begun) else { return Ok(None) };
        let Plan { ref layer, whole, align, .. } = self.plan;
        let count = chunk.blocks.len();
        let first = self.next_tile == 0 && chunk.stays;
        let last = self.next_tile + 1 == self.plan.tiles.len()
            && (!self.plan.tiles_outside || self.next_chunk + 1 == self.plan.chunks.len());
        let most = if first || last && self.outputs.stores() { 1 } else { most };
        let group = next_group(&e.geometry, &self.constants, chunk, &turn.left, most);
        let end = group.end;
        let next = if first && end < count {
            Some(chunk.bring(e, &mut self.constants, whole, end)?)
        } else {
            None
        };
        let Turn { window, ref out, skip, .. } = turn;
        let job = Job { layer, window, tile: &tile, out, chunk, skip };
        match std::mem::replace(&mut turn.coming, next) {
            Some(block) => job.launch_arriving(e, group.clone(), &block)?,
            None => job.launch(e, &mut self.constants, group.clone())?,
        }
        let early = if last { (count - 1) / align * align } else { 0 };
        if end == early {
            self.outputs.store(e, &turn.out, &tile, 0..early)?;
        }
        let blocks = chunk.blocks.start + group.start..chunk.blocks.start + end;
        let vectors = whole.iter().product::<usize>() * tile.rows.len() * tile.cols.len();
        let done = Done {
            vectors: vectors * group.len(),
            rows: tile.rows.clone(),
            cols: tile.cols.clone(),
            blocks,
        };
        if fresh && !chunk.stays {
            self.look_ahead(e)?;
        }
        turn.left.start = end;
        if end < count {
            self.turn = Some(turn);
            return Ok(Some(done));
        }
        self.outputs.store(e, &turn.out, &tile, early..count)?;
        self.end_turn(e);
        Ok(Some(done))
    }

    /// Goes on to the next chunk or tile.
    fn end_turn(&mut self, e: &mut Emitter) {
        let next = self.following();
        if self.plan.tiles_outside || next.is_none_or(|(_, chunk)| chunk != self.next_chunk) {
            self.chunk = None;
        }
        if (next.is_none() || self.chunk.is_none() && !self.plan.tiles_outside)
            && let Some([wbuf, pbuf]) = self.held.take()
        {
            e.give_back(wbuf, pbuf);
        }
        (self.next_tile, self.next_chunk) =
            next.unwrap_or((self.plan.tiles.len(), self.plan.chunks.len()));
    }

    /// Gives the space for tiles back.
    pub fn finish(self, e: &mut Emitter) {
        self.inputs.release(e);
        self.outputs.release(e);
        if let Some(skips) = self.skips {
            skips.release(e);
        }
    }
}

/// How a layer with results in binary32 is cut: two tiles of results have space in VMEM, and the
/// weights of a chunk take at most half of WBUF. What the caller wants smaller stays so.
fn wide_cut(geometry: &Geometry, layer: &Conv, [height, width]: [usize; 2]) -> Cut {
    let Geometry { rows, cols, lanes, .. } = *geometry;
    // Chunks begin at whole words of IBUF, so at whole words of VMEM.
    let least = rows.max(cols);
    let half = geometry.vmem_words / 2;
    let most = geometry.obuf_depth.min(half / least.div_ceil(lanes)).max(1);
    let [tall, wide] = layer.cut.tile;
    let columns = wide.unwrap_or(width).min(width).min(most).max(1);
    let lines = tall.unwrap_or(height).min(height).min(most / columns).max(1);
    let window: usize = layer.weights.kernel.iter().product();
    let passes = layer.weights.in_channels.div_ceil(rows) * window;
    let block = passes * geometry.segment_rows;
    let by_weights = geometry.wbuf_words / 2 / block.max(1) * cols;
    let by_space = half / (columns * lines) * lanes;
    let channels = by_weights.min(by_space).min(layer.cut.channels.unwrap_or(usize::MAX));
    let channels = (channels / least * least).max(least);
    Cut { tile: [Some(lines), Some(columns)], channels: Some(channels), ..layer.cut }
}

/// Emits a convolution. `skip` is the second operand when the layer has a residual addition.
pub fn conv(
    e: &mut Emitter,
    layer: &Conv,
    source: Source,
    sink: Sink,
    skip: Option<Skip>,
) -> Result<(), KernelError> {
    let mut running = Running::new(e, layer.clone(), source, sink, skip)?;
    while running.step(e, usize::MAX)?.is_some() {}
    running.finish(e);
    Ok(())
}
