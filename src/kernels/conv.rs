//! Convolution, fully connected layers and matrix products on the array.
//!
//! The output is cut into tiles of as many pixels as OBUF holds; the first tiles are small so that
//! the array starts early, and the last one is small so that little is left to store at the end.
//! Weights stay in WBUF for all tiles when they fit; otherwise output channels are taken in chunks
//! of half the ring, and weights of the next chunk load while this one computes.

use std::ops::Range;

use super::tile_maps::{Inputs, Outputs, SkipWindow, Skips, TURNS, Target, Window};
use super::tiling::{Slice, Tile, chunk_blocks, plan_tiles, slices, start_tile};
use super::transfer::{Lowering, load_words};
use super::weights::{BlockTiles, ConvWeights, block_tiles, channel_params};
use super::{DramTensor, Emitter, Fmap, KernelError};
use crate::arith::post::residual_offset;
use crate::isa::table::{gemm, load};
use crate::isa::{Engine, Field};

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
    fn folded_bias(&self) -> Vec<i32> {
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
}

/// Where the second operand of a residual addition is.
#[derive(Debug, Clone, Copy)]
pub enum Skip {
    /// On chip.
    Map(Fmap),
    /// Dense in DRAM; brought in tile by tile.
    Dram(DramTensor),
}

/// Slices in which the weights of a layer's first block arrive; of the second half as many, and so
/// on, since each block that computes gives the next more time.
const START_SLICES: usize = 4;

/// Outputs of as many pixels as a few weight tiles have rows are one tile.
const SMALL_TILES: usize = 4;

/// Weights and parameters of a chunk of output channel blocks, in the buffers.
struct Chunk {
    blocks: Range<usize>,
    tiles: Vec<BlockTiles>,
    /// PBUF words of the blocks.
    params: Vec<u8>,
    /// WBUF address of each block brought so far. Stays empty when even one step of blocks does not
    /// fit, and every launch brings its own weights.
    wbuf: Vec<usize>,
    /// PBUF word of the first block.
    pbuf: usize,
    /// Slices in which the first block arrives.
    start_slices: usize,
}

/// A block whose weights have been asked for slice by slice.
struct Arriving {
    slices: Vec<Slice>,
    /// WBUF address of each slice.
    addrs: Vec<usize>,
}

impl Chunk {
    /// Whether the weights of all blocks fit WBUF and stay there for all tiles.
    fn fits(&self, e: &Emitter) -> bool {
        self.words(e) <= e.geometry.wbuf_words
    }

    /// Words of all weights.
    fn words(&self, e: &Emitter) -> usize {
        let bytes: usize = self.tiles.iter().map(|tiles| tiles.bytes.len()).sum();
        bytes / e.geometry.wbuf_word_bytes
    }

    /// Asks for the weights of a block and its parameters.
    fn bring(
        &mut self,
        e: &mut Emitter,
        whole: [usize; 3],
        block: usize,
    ) -> Result<Arriving, KernelError> {
        let wanted = self.start_slices.checked_shr(block.div_ceil(2) as u32).unwrap_or(0).max(1);
        let limit = whole.iter().product::<usize>().div_ceil(wanted);
        let slices = slices(whole, &self.tiles[block].extra, limit)?;
        let size = e.geometry.segment_rows * e.geometry.wbuf_word_bytes;
        let mut rest = self.tiles[block].bytes.as_slice();
        let mut addrs = Vec::new();
        for slice in &slices {
            let (bytes, left) = rest.split_at((passes(slice) * size).min(rest.len()));
            addrs.push(load_weights(e, bytes)?);
            rest = left;
        }
        self.wbuf.extend(addrs.first());
        self.load_params(e, block..block + 1)?;
        Ok(Arriving { slices, addrs })
    }

    fn load_params(&self, e: &mut Emitter, blocks: Range<usize>) -> Result<(), KernelError> {
        let size = self.params.len() / self.blocks.len();
        let bytes = &self.params[blocks.start * size..blocks.end * size];
        let dram = e.constants(bytes);
        load_words(e, load::Function::Pbuf, dram, bytes.len(), self.pbuf + blocks.start)
    }
}

/// Passes of a slice.
fn passes(slice: &Slice) -> usize {
    slice.iter().map(Range::len).product()
}

/// How a layer is cut.
struct Plan<'a> {
    layer: Conv<'a>,
    /// Passes of the whole reduction.
    whole: [usize; 3],
    /// Output blocks that share a word of IBUF.
    align: usize,
    tiles: Vec<Tile>,
    chunks: Vec<Range<usize>>,
    /// Constants of the chunks that are still to come, block by block.
    weights: std::vec::IntoIter<BlockTiles>,
    params: std::vec::IntoIter<u8>,
}

impl<'a> Plan<'a> {
    fn new(
        e: &Emitter,
        layer: Conv<'a>,
        source: Source,
        output: [usize; 2],
    ) -> Result<Plan<'a>, KernelError> {
        let geometry = e.geometry;
        let blocks = layer.weights.out_channels.div_ceil(geometry.cols);
        let weights: Vec<BlockTiles> =
            (0..blocks).map(|n| block_tiles(&geometry, &layer.weights, n)).collect();
        let words: Vec<usize> =
            weights.iter().map(|tiles| tiles.bytes.len() / geometry.wbuf_word_bytes).collect();
        let align = (geometry.rows / geometry.cols).max(1);
        let [kh, kw] = layer.weights.kernel;
        let whole = [kh, kw, layer.weights.in_channels.div_ceil(geometry.rows)];
        let pixel_bytes = match source {
            Source::Map(_) => 0,
            Source::Dram(_) | Source::Lowered(..) => {
                layer.weights.in_channels * geometry.activation_bytes
            }
        };
        let passes = whole.iter().product();
        let small = output.iter().product::<usize>() <= SMALL_TILES * geometry.segment_rows;
        let resident = matches!(source, Source::Map(_));
        let (first, last) = match start_tile(&geometry, pixel_bytes, &words, passes, align) {
            // Nothing has to be brought but weights, which come faster than they are used.
            Some(_) if small && resident => (geometry.obuf_depth, 0),
            Some(first) => (first, geometry.segment_rows),
            None => (geometry.obuf_depth, 0),
        };
        Ok(Plan {
            whole,
            align,
            tiles: plan_tiles(output, geometry.obuf_depth, first, last),
            chunks: chunk_blocks(&words, geometry.wbuf_words, geometry.pbuf_words, align)?,
            weights: weights.into_iter(),
            params: channel_params(&geometry, &layer.folded_bias(), layer.scales).into_iter(),
            layer,
        })
    }

    /// The next chunk, with space for its parameters.
    fn chunk(&mut self, e: &mut Emitter, blocks: Range<usize>) -> Result<Chunk, KernelError> {
        let size = 8 * e.geometry.cols;
        Ok(Chunk {
            tiles: self.weights.by_ref().take(blocks.len()).collect(),
            params: self.params.by_ref().take(blocks.len() * size).collect(),
            wbuf: Vec::new(),
            pbuf: e.pbuf(blocks.len())?,
            start_slices: if blocks.start == 0 { START_SLICES } else { 1 },
            blocks,
        })
    }
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
    inputs: Inputs,
    outputs: Outputs,
    skips: Option<Skips>,
    chunk: Option<Chunk>,
    next_chunk: usize,
    next_tile: usize,
    turn: Option<Turn>,
    /// First word and number of words of WBUF and PBUF that the chunk keeps.
    held: [(usize, usize); 2],
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
                Sink::Dram(tensor) => [tensor.height, tensor.width],
            },
        };
        e.count_macs(height * width * layer.weights.values.len());
        let plan = Plan::new(e, layer, source, [height, width])?;
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
        let (chunk, turn) = (None, None);
        let held = [(0, 0); 2];
        Ok(Running { plan, inputs, outputs, skips, chunk, next_chunk: 0, next_tile: 0, turn, held })
    }

    /// What the next step needs; nothing when all is emitted.
    pub fn needs(&self, e: &Emitter) -> Option<Needs> {
        let blocks = self.chunk.is_none().then(|| self.plan.chunks.get(self.next_chunk));
        let words = match blocks {
            None => [0, 0],
            Some(blocks) => {
                let blocks = blocks?;
                let tiles = self.plan.weights.as_slice().iter().take(blocks.len());
                let bytes: usize = tiles.map(|tiles| tiles.bytes.len()).sum();
                [bytes / e.geometry.wbuf_word_bytes, blocks.len()]
            }
        };
        let tile = self.plan.tiles.get(self.next_tile)?;
        let rows = self.inputs.rows(&self.plan.layer, tile);
        Some(Needs { rows, output_rows: tile.rows.clone(), words })
    }

    /// Number of tiles of output pixels.
    pub fn tiles(&self) -> usize {
        self.plan.tiles.len()
    }

    /// Number of blocks of output channels.
    pub fn blocks(&self) -> usize {
        self.plan.chunks.last().map_or(0, |chunk| chunk.end)
    }

    /// Emits the next launches: at most `most` blocks of output channels of a tile. Each block of a
    /// chunk's first tile is launched when its weights are there, the first ones even slice by
    /// slice; the next block's are asked for before. Most of what the last tile made is stored while
    /// its last block computes, so that is launched by block too.
    pub fn step(&mut self, e: &mut Emitter, most: usize) -> Result<Option<Done>, KernelError> {
        let Some(tile) = self.plan.tiles.get(self.next_tile).cloned() else { return Ok(None) };
        if self.chunk.is_none() {
            let Some(blocks) = self.plan.chunks.get(self.next_chunk).cloned() else {
                return Ok(None);
            };
            let chunk = self.plan.chunk(e, blocks)?;
            if chunk.fits(e) {
                self.held = [(e.wbuf_position(), chunk.words(e)), (chunk.pbuf, chunk.blocks.len())];
            } else {
                chunk.load_params(e, 0..chunk.blocks.len())?;
                // Every launch brings its weights anew, all around the ring.
                let all = e.geometry.wbuf_words;
                self.held = [(e.wbuf_position(), all), (chunk.pbuf, chunk.blocks.len())];
            }
            e.hold(self.held[0], self.held[1]);
            self.chunk = Some(chunk);
        }
        let Some(chunk) = &mut self.chunk else { return Ok(None) };
        let Plan { ref layer, whole, align, .. } = self.plan;
        let count = chunk.blocks.len();
        let first = self.next_tile == 0 && chunk.fits(e);
        let last = self.next_tile + 1 == self.plan.tiles.len();
        let mut turn = match self.turn.take() {
            Some(turn) => turn,
            None => Turn {
                window: self.inputs.tile(e, layer, &tile)?,
                skip: match &mut self.skips {
                    Some(skips) => Some(skips.tile(e, &tile, &chunk.blocks)?),
                    None => None,
                },
                out: self.outputs.tile(e, &tile, &chunk.blocks),
                left: 0..count,
                coming: if first { Some(chunk.bring(e, whole, 0)?) } else { None },
            },
        };
        let stored = self.outputs.stores();
        let group = next_group(chunk, &turn.left, if first || last && stored { 1 } else { most });
        let end = group.end;
        let next = if first && end < count { Some(chunk.bring(e, whole, end)?) } else { None };
        let Turn { window, ref out, skip, .. } = turn;
        let job = Job { layer, window, tile: &tile, out, chunk, skip };
        match std::mem::replace(&mut turn.coming, next) {
            Some(block) => job.launch_arriving(e, group.clone(), &block)?,
            None => job.launch(e, group.clone())?,
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
        turn.left.start = end;
        if end < count {
            self.turn = Some(turn);
            return Ok(Some(done));
        }
        self.outputs.store(e, &turn.out, &tile, early..count)?;
        self.next_tile += 1;
        if self.next_tile == self.plan.tiles.len() {
            self.next_chunk += 1;
            self.chunk = None;
            e.give_back(self.held[0], self.held[1]);
            if self.next_chunk < self.plan.chunks.len() {
                self.next_tile = 0;
            }
        }
        Ok(Some(done))
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

/// Brings weight tiles to the next place in the ring, and returns it.
fn load_weights(e: &mut Emitter, bytes: &[u8]) -> Result<usize, KernelError> {
    let addr = e.wbuf(bytes.len() / e.geometry.wbuf_word_bytes)?;
    let dram = e.constants(bytes);
    load_words(e, load::Function::Wbuf, dram, bytes.len(), addr)?;
    Ok(addr)
}

/// The next blocks of a chunk that one launch can take together, at most `most`: blocks with extra
/// tiles stand alone, and so do all when their weights do not stay.
fn next_group(chunk: &Chunk, left: &Range<usize>, most: usize) -> Range<usize> {
    let start = left.start;
    let plain = |block: &usize| chunk.tiles[*block].extra.is_empty();
    if chunk.wbuf.is_empty() || !plain(&start) {
        return start..start + 1;
    }
    let end = (start..left.end).take(most.max(1)).take_while(plain).count();
    start..start + end
}

/// One tile of one chunk.
struct Job<'a> {
    layer: &'a Conv<'a>,
    window: Window,
    tile: &'a Tile,
    out: &'a Target,
    chunk: &'a Chunk,
    skip: Option<SkipWindow>,
}

impl Job<'_> {
    /// Launches the blocks `group` of the chunk: one launch when the weights are resident and no
    /// block has extra tiles, else (then the group is one block) a launch per slice.
    fn launch(&self, e: &mut Emitter, group: Range<usize>) -> Result<(), KernelError> {
        let geometry = e.geometry;
        let tiles = &self.chunk.tiles[group.start];
        let Some(&start) = self.chunk.wbuf.get(group.start) else {
            return self.launch_alone(e, group);
        };
        if tiles.extra.is_empty() {
            self.configure(e, &group);
            e.set(gemm::w::ADDR, start as u64);
            return e.launch(gemm::Function::Act, &self.flags());
        }
        let slices = slices(self.whole(e), &tiles.extra, usize::MAX)?;
        let mut addr = start;
        let addrs = slices.iter().map(|slice| {
            let here = addr;
            addr = (addr + passes(slice) * geometry.segment_rows) % geometry.wbuf_words;
            here
        });
        let block = Arriving { addrs: addrs.collect(), slices };
        self.launch_arriving(e, group, &block)
    }

    /// Launches a block slice by slice.
    fn launch_arriving(
        &self,
        e: &mut Emitter,
        group: Range<usize>,
        block: &Arriving,
    ) -> Result<(), KernelError> {
        self.configure(e, &group);
        let count = block.slices.len();
        for (index, (slice, &addr)) in block.slices.iter().zip(&block.addrs).enumerate() {
            self.launch_slice(e, slice, addr, [index, count])?;
        }
        Ok(())
    }

    /// Launches a block whose weights do not stay: each slice behind its weights, which are no more
    /// than half the ring, so that the next slice loads behind this one.
    fn launch_alone(&self, e: &mut Emitter, group: Range<usize>) -> Result<(), KernelError> {
        let geometry = e.geometry;
        let tiles = &self.chunk.tiles[group.start];
        let slices =
            slices(self.whole(e), &tiles.extra, geometry.wbuf_words / 2 / geometry.segment_rows)?;
        let size = geometry.segment_rows * geometry.wbuf_word_bytes;
        let mut rest = tiles.bytes.as_slice();
        self.configure(e, &group);
        for (index, slice) in slices.iter().enumerate() {
            let (bytes, left) = rest.split_at((passes(slice) * size).min(rest.len()));
            let addr = load_weights(e, bytes)?;
            rest = left;
            self.launch_slice(e, slice, addr, [index, slices.len()])?;
        }
        Ok(())
    }

    /// Passes of the whole reduction.
    fn whole(&self, e: &Emitter) -> [usize; 3] {
        let [kh, kw] = self.layer.weights.kernel;
        [kh, kw, self.layer.weights.in_channels.div_ceil(e.geometry.rows)]
    }

    /// Launches slice number `index` of `count`; the last one ends in the post-processor.
    fn launch_slice(
        &self,
        e: &mut Emitter,
        slice: &Slice,
        addr: usize,
        [index, count]: [usize; 2],
    ) -> Result<(), KernelError> {
        self.select(e, slice);
        e.set(gemm::w::ADDR, addr as u64);
        let mut flags = if index + 1 == count { self.flags() } else { vec![(gemm::KEEP, 1)] };
        if index > 0 {
            flags.push((gemm::ACCUMULATE, 1));
        }
        e.launch(gemm::Function::Act, &flags)
    }

    /// Flags of a launch that ends in the post-processor.
    fn flags(&self) -> Vec<(Field, i64)> {
        let mut flags = Vec::new();
        if self.skip.is_some() {
            flags.push((gemm::RESIDUAL, 1));
        }
        if let Some(table) = self.layer.table {
            flags.extend([(gemm::LOOKUP, 1), (gemm::TABLE, table.into())]);
        }
        flags
    }

    /// Restricts the reduction to a slice.
    fn select(&self, e: &mut Emitter, [kh, kw, kc]: &Slice) {
        let map = &self.window.map;
        let [dilation_y, dilation_x] = self.layer.dilations;
        let [y, x] = self.origin();
        let (y, x) = (y + signed(kh.start * dilation_y), x + signed(kw.start * dilation_x));
        let channel = map.addr + kc.start * map.block_stride();
        e.set(gemm::x::ADDR, wrap(signed(channel) + y * signed(map.width) + x));
        e.set(gemm::window_y::START, y);
        e.set(gemm::window_x::START, x);
        for (count, range) in [(gemm::kh::COUNT, kh), (gemm::kw::COUNT, kw), (gemm::kc::COUNT, kc)]
        {
            e.set(count, range.len() as u64);
        }
    }

    /// Row and column in the window's map of the tile's first activation, padding included.
    fn origin(&self) -> [i64; 2] {
        let [stride_y, stride_x] = self.layer.strides;
        let [top, left, ..] = self.layer.pads;
        [
            signed(self.tile.rows.start * stride_y) - signed(top) - signed(self.window.first_row),
            signed(self.tile.cols.start * stride_x) - signed(left),
        ]
    }

    fn configure(&self, e: &mut Emitter, group: &Range<usize>) {
        let geometry = e.geometry;
        let Job { layer, tile, out, chunk, .. } = self;
        let map = &self.window.map;
        let [stride_y, stride_x] = layer.strides;
        let [dilation_y, dilation_x] = layer.dilations;
        let [kh, kw] = layer.weights.kernel;
        let [y, x] = self.origin();
        e.reset(Engine::Gemm);
        e.set(gemm::x::ADDR, wrap(signed(map.addr) + y * signed(map.width) + x));
        let loops: [(Field, usize, Field, usize); 6] = [
            (gemm::ow::COUNT, tile.cols.len(), gemm::ow::STRIDE, stride_x),
            (gemm::oh::COUNT, tile.rows.len(), gemm::oh::STRIDE, stride_y * map.width),
            (gemm::kc::COUNT, map.blocks(&geometry), gemm::kc::STRIDE, map.block_stride()),
            (gemm::kw::COUNT, kw, gemm::kw::STRIDE, dilation_x),
            (gemm::kh::COUNT, kh, gemm::kh::STRIDE, dilation_y * map.width),
            (gemm::n::COUNT, group.len(), gemm::n::STRIDE, 0),
        ];
        for (count, iterations, stride, distance) in loops {
            e.set(count, iterations as u64);
            e.set(stride, distance as u64);
        }
        e.set(gemm::window_y::START, y);
        e.set(gemm::window_y::LIMIT, map.height as u64);
        e.set(gemm::window_y::STEP_OH, stride_y as u64);
        e.set(gemm::window_y::STEP_KH, dilation_y as u64);
        e.set(gemm::window_x::START, x);
        e.set(gemm::window_x::LIMIT, map.width as u64);
        e.set(gemm::window_x::STEP_OW, stride_x as u64);
        e.set(gemm::window_x::STEP_KW, dilation_x as u64);
        e.set(gemm::pad::VALUE, layer.input_zero);
        let block = chunk.blocks.start + group.start;
        e.set(gemm::param::ADDR, (chunk.pbuf + group.start) as u64);

        let position = |map: &Fmap, row: usize, col: usize, element: usize| {
            (
                map.addr + element / geometry.rows * map.block_stride() + row * map.width + col,
                element % geometry.rows,
            )
        };
        let (addr, first) =
            position(&out.map, out.row, out.col, (block - out.first_block) * geometry.cols);
        e.set(gemm::out::ADDR, addr as u64);
        e.set(gemm::out::FIRST, first as u64);
        e.set(gemm::out_stride::OW, 1);
        e.set(gemm::out_stride::OH, out.map.width as u64);
        e.set(gemm::out_block::STRIDE, out.map.block_stride() as u64);
        e.set(gemm::quant::ZERO, layer.output.zero);
        e.set(gemm::quant::MIN, layer.output.min);
        e.set(gemm::quant::MAX, layer.output.max);
        if let (Some(skip), Some(residual)) = (self.skip, layer.residual) {
            let channel = (block - skip.first_block) * geometry.cols;
            let (addr, first) = position(&skip.map, skip.row, skip.col, channel);
            let skip = skip.map;
            e.set(gemm::res::ADDR, addr as u64);
            e.set(gemm::res::FIRST, first as u64);
            e.set(gemm::res_stride::OW, 1);
            e.set(gemm::res_stride::OH, skip.width as u64);
            e.set(gemm::res_block::STRIDE, skip.block_stride() as u64);
            e.set(gemm::res_clamp::MIN, residual.sum.min);
            e.set(gemm::res_clamp::MAX, residual.sum.max);
            e.set(gemm::res_scale_a::VALUE, residual.scale_a.to_bits());
            e.set(gemm::res_scale_b::VALUE, residual.scale_b.to_bits());
            e.set(gemm::res_offset::VALUE, residual.offset(layer.output.zero).to_bits());
            e.set(gemm::res_offset::INNER, u64::from(residual.a_is_second));
        }
    }
}

fn signed(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// An address in the machine's 24-bit arithmetic; it may lie in front of the buffer.
pub(super) fn wrap(addr: i64) -> i64 {
    addr & gemm::x::ADDR.max()
}
