//! Convolution, fully connected layers and matrix products on the array.
//!
//! The output is cut into tiles of as many pixels as OBUF holds; the first tiles are small so that
//! the array starts early, and the last one is small so that little is left to store at the end.
//! Weights stay in WBUF for all tiles when they fit; otherwise output channels are taken in chunks
//! of half the ring, and weights of the next chunk load while this one computes.

use std::ops::Range;

use super::tiling::{Slice, Tile, chunk_blocks, plan_tiles, slices, start_tile};
use super::transfer::{Lowering, load_rows, load_words, store_rows};
use super::weights::{BlockTiles, ConvWeights, block_tiles, channel_params};
use super::{DramTensor, Emitter, Fmap, KernelError};
use crate::isa::table::{gemm, load};
use crate::isa::{Engine, Field};

/// Residual addition after requantization, in onnxruntime's QLinearAdd arithmetic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Residual {
    /// Scale of the requantized result over that of the sum.
    pub scale_a: f32,
    /// Scale of the other operand over that of the sum.
    pub scale_b: f32,
    /// Zero point of the other operand.
    pub zero_b: i32,
    /// Requantization of the sum.
    pub sum: Requant,
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
pub enum Source<'a> {
    /// On chip.
    Map(&'a Fmap),
    /// Dense in DRAM; brought in tile by tile.
    Dram(&'a DramTensor),
    /// A picture of few channels in DRAM, lowered on the way in. The layer is then the 1x1
    /// convolution of the lowered pixels.
    Lowered(&'a DramTensor, Lowering),
}

/// Where the output goes.
#[derive(Debug, Clone, Copy)]
pub enum Sink<'a> {
    /// On chip.
    Map(&'a Fmap),
    /// Dense in DRAM; stored tile by tile.
    Dram(&'a DramTensor),
}

/// Slices in which the weights of a layer's first block arrive; of the second half as many, and so
/// on, since each block that computes gives the next more time.
const START_SLICES: usize = 4;

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

/// Input of one tile: a map, and the input row its first row is.
#[derive(Clone, Copy)]
struct Window {
    map: Fmap,
    first_row: usize,
}

/// Emits a convolution. `residual` is the map to add when the layer has a residual addition.
pub fn conv(
    e: &mut Emitter,
    layer: &Conv,
    source: Source,
    sink: Sink,
    residual: Option<&Fmap>,
) -> Result<(), KernelError> {
    let geometry = e.geometry;
    let [height, width] = match source {
        Source::Map(map) => layer.output_size(map.height, map.width),
        Source::Dram(tensor) => layer.output_size(tensor.height, tensor.width),
        Source::Lowered(..) => match sink {
            Sink::Map(map) => [map.height, map.width],
            Sink::Dram(tensor) => [tensor.height, tensor.width],
        },
    };
    let channels = layer.weights.out_channels;
    let blocks = channels.div_ceil(geometry.cols);
    let [kh, kw] = layer.weights.kernel;
    e.count_macs(height * width * layer.weights.values.len());

    let all_tiles: Vec<BlockTiles> =
        (0..blocks).map(|n| block_tiles(&geometry, &layer.weights, n)).collect();
    let words: Vec<usize> =
        all_tiles.iter().map(|tiles| tiles.bytes.len() / geometry.wbuf_word_bytes).collect();
    let align = (geometry.rows / geometry.cols).max(1);
    let chunks = chunk_blocks(&words, geometry.wbuf_words, geometry.pbuf_words, align)?;
    let whole = [kh, kw, layer.weights.in_channels.div_ceil(geometry.rows)];
    let pixel_bytes = match source {
        Source::Map(_) => 0,
        Source::Dram(_) | Source::Lowered(..) => {
            layer.weights.in_channels * geometry.activation_bytes
        }
    };
    let tiles = match start_tile(&geometry, pixel_bytes, &words, whole.iter().product(), align) {
        Some(first) => {
            plan_tiles([height, width], geometry.obuf_depth, first, geometry.segment_rows)
        }
        None => plan_tiles([height, width], geometry.obuf_depth, geometry.obuf_depth, 0),
    };

    let bias = layer.folded_bias();
    let mut params = channel_params(&geometry, &bias, layer.scales)
        .chunks(8 * geometry.cols)
        .map(<[u8]>::to_vec)
        .collect::<Vec<_>>()
        .into_iter();
    let mut inputs = Inputs::new(e, layer, source, &tiles)?;
    let mut outputs = Outputs::new(e, layer, sink, &tiles, &chunks, &inputs)?;
    let mut remaining = all_tiles.into_iter();

    for range in chunks {
        let mut chunk = Chunk {
            tiles: remaining.by_ref().take(range.len()).collect(),
            params: params.by_ref().take(range.len()).flatten().collect(),
            wbuf: Vec::new(),
            pbuf: e.pbuf(range.len())?,
            start_slices: if range.start == 0 { START_SLICES } else { 1 },
            blocks: range,
        };
        let count = chunk.blocks.len();
        let resident = words[chunk.blocks.clone()].iter().sum::<usize>() <= geometry.wbuf_words;
        if !resident {
            chunk.load_params(e, 0..count)?;
        }
        for (index, tile) in tiles.iter().enumerate() {
            let window = inputs.tile(e, layer, tile)?;
            let out = outputs.tile(e, tile, &chunk);
            // In the first tile each block is launched when its weights are there, the first ones
            // even slice by slice; the next block's are asked for before. Most of what the last
            // tile made is stored while its last block computes, so that is launched by block too.
            let first = resident && index == 0;
            let last = index + 1 == tiles.len();
            let early = if last { (count - 1) / align * align } else { 0 };
            let mut coming = if first { Some(chunk.bring(e, whole, 0)?) } else { None };
            for group in launch_groups(&chunk, first || last) {
                let end = group.end;
                let next =
                    if first && end < count { Some(chunk.bring(e, whole, end)?) } else { None };
                let job = Job { layer, window, tile, out: &out, chunk: &chunk, residual };
                match std::mem::replace(&mut coming, next) {
                    Some(block) => job.launch_arriving(e, group, &block)?,
                    None => job.launch(e, group)?,
                }
                if end == early {
                    outputs.store(e, &out, tile, 0..early)?;
                }
            }
            outputs.store(e, &out, tile, early..count)?;
        }
    }
    inputs.release(e);
    outputs.release(e);
    Ok(())
}

/// Brings weight tiles to the next place in the ring, and returns it.
fn load_weights(e: &mut Emitter, bytes: &[u8]) -> Result<usize, KernelError> {
    let addr = e.wbuf(bytes.len() / e.geometry.wbuf_word_bytes)?;
    let dram = e.constants(bytes);
    load_words(e, load::Function::Wbuf, dram, bytes.len(), addr)?;
    Ok(addr)
}

/// Blocks of a chunk that one launch can take together: blocks with extra tiles stand alone.
fn launch_groups(chunk: &Chunk, by_block: bool) -> Vec<Range<usize>> {
    let count = chunk.tiles.len();
    if by_block || chunk.wbuf.is_empty() {
        return (0..count).map(|block| block..block + 1).collect();
    }
    let mut groups: Vec<Range<usize>> = Vec::new();
    for block in 0..count {
        let plain = |index: usize| chunk.tiles[index].extra.is_empty();
        match groups.last_mut() {
            Some(group) if plain(block) && plain(group.start) => group.end = block + 1,
            _ => groups.push(block..block + 1),
        }
    }
    groups
}

/// Input maps of the tiles.
enum Inputs<'a> {
    Resident(&'a Fmap),
    /// The whole tensor has space: rows load when first needed and stay.
    Whole {
        tensor: DramTensor,
        map: Fmap,
        loaded: usize,
    },
    /// A few tile buffers in turn.
    Turns {
        source: Source<'a>,
        maps: Vec<Fmap>,
        next: usize,
        held: Option<(Range<usize>, Window)>,
    },
}

/// Tile buffers in turn where a tensor does not fit as a whole.
const TURNS: usize = 3;

impl<'a> Inputs<'a> {
    fn new(
        e: &mut Emitter,
        layer: &Conv,
        source: Source<'a>,
        tiles: &[Tile],
    ) -> Result<Inputs<'a>, KernelError> {
        match source {
            Source::Map(map) => Ok(Inputs::Resident(map)),
            Source::Dram(tensor) => {
                let shape = [tensor.height, tensor.width, tensor.channels];
                let words = Fmap::words(&e.geometry, shape[2], shape[0], shape[1]);
                if words <= e.ibuf.largest() * 3 / 4 {
                    let map = e.fmap(shape, &[])?;
                    return Ok(Inputs::Whole { tensor: *tensor, map, loaded: 0 });
                }
                let rows = |tile: &Tile| input_rows(layer, tile, tensor.height).len();
                let most = tiles.iter().map(rows).max().unwrap_or(1);
                Inputs::turns(e, source, [most, tensor.width, tensor.channels])
            }
            Source::Lowered(_, _) => {
                let most = tiles.iter().map(|tile| tile.rows.len()).max().unwrap_or(1);
                let width = tiles.iter().map(|tile| tile.cols.end).max().unwrap_or(1);
                Inputs::turns(e, source, [most, width, layer.weights.in_channels])
            }
        }
    }

    fn turns(
        e: &mut Emitter,
        source: Source<'a>,
        shape: [usize; 3],
    ) -> Result<Inputs<'a>, KernelError> {
        let mut maps: Vec<Fmap> = Vec::new();
        for _ in 0..TURNS {
            let apart: Vec<&Fmap> = maps.iter().collect();
            match e.fmap(shape, &apart) {
                Ok(map) => maps.push(map),
                Err(error) if maps.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(Inputs::Turns { source, maps, next: 0, held: None })
    }

    fn maps(&self) -> Vec<&Fmap> {
        match self {
            Inputs::Resident(map) => vec![map],
            Inputs::Whole { map, .. } => vec![map],
            Inputs::Turns { maps, .. } => maps.iter().collect(),
        }
    }

    /// Input of a tile, loaded if it is not there yet.
    fn tile(&mut self, e: &mut Emitter, layer: &Conv, tile: &Tile) -> Result<Window, KernelError> {
        match self {
            Inputs::Resident(map) => Ok(Window { map: **map, first_row: 0 }),
            Inputs::Whole { tensor, map, loaded } => {
                let rows = input_rows(layer, tile, tensor.height);
                if rows.end > *loaded {
                    load_rows(e, tensor, *loaded..rows.end, map, *loaded)?;
                    *loaded = rows.end;
                }
                Ok(Window { map: *map, first_row: 0 })
            }
            Inputs::Turns { source, maps, next, held } => {
                let rows = match source {
                    Source::Dram(tensor) => input_rows(layer, tile, tensor.height),
                    _ => tile.rows.clone(),
                };
                if let Some((present, window)) = held
                    && *present == rows
                {
                    return Ok(*window);
                }
                let mut map = maps[*next];
                *next = (*next + 1) % maps.len();
                map.height = rows.len();
                match source {
                    Source::Dram(tensor) => load_rows(e, tensor, rows.clone(), &map, 0)?,
                    Source::Lowered(tensor, lowering) => {
                        lowering.load(e, tensor, rows.clone(), &map)?
                    }
                    Source::Map(_) => {}
                }
                let window = Window { map, first_row: rows.start };
                *held = Some((rows, window));
                Ok(window)
            }
        }
    }

    fn release(&self, e: &mut Emitter) {
        match self {
            Inputs::Resident(_) => {}
            Inputs::Whole { map, .. } => e.release(map),
            Inputs::Turns { maps, .. } => maps.iter().for_each(|map| e.release(map)),
        }
    }
}

/// Input rows a tile reads.
fn input_rows(layer: &Conv, tile: &Tile, height: usize) -> Range<usize> {
    let reach = (layer.weights.kernel[0] - 1) * layer.dilations[0] + 1;
    let start = (tile.rows.start * layer.strides[0]).saturating_sub(layer.pads[0]);
    let end = ((tile.rows.end - 1) * layer.strides[0] + reach).saturating_sub(layer.pads[0]);
    start.min(height)..end.min(height)
}

/// Output maps of the tiles.
enum Outputs<'a> {
    Resident(&'a Fmap),
    Turns { tensor: &'a DramTensor, addrs: Vec<usize>, words: usize, next: usize },
}

/// Where a tile's results go.
struct Target {
    map: Fmap,
    /// Position in the map of the tile's first pixel.
    row: usize,
    col: usize,
    /// Block of output channels with which the map begins.
    first_block: usize,
}

impl<'a> Outputs<'a> {
    fn new(
        e: &mut Emitter,
        layer: &Conv,
        sink: Sink<'a>,
        tiles: &[Tile],
        chunks: &[Range<usize>],
        inputs: &Inputs,
    ) -> Result<Outputs<'a>, KernelError> {
        let tensor = match sink {
            Sink::Map(map) => return Ok(Outputs::Resident(map)),
            Sink::Dram(tensor) => tensor,
        };
        let most = chunks.iter().map(Range::len).max().unwrap_or(1);
        let channels = (most * e.geometry.cols).min(layer.weights.out_channels);
        let pixels = |tile: &Tile| tile.rows.len() * tile.cols.len();
        let shape = [1, tiles.iter().map(pixels).max().unwrap_or(1), channels];
        let mut maps: Vec<Fmap> = Vec::new();
        for _ in 0..TURNS.min(tiles.len() * chunks.len()) {
            let apart: Vec<&Fmap> = inputs.maps().into_iter().chain(&maps).collect();
            match e.fmap(shape, &apart) {
                Ok(map) => maps.push(map),
                Err(error) if maps.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        let words = maps.first().map_or(0, |map| map.size(&e.geometry));
        Ok(Outputs::Turns {
            tensor,
            addrs: maps.iter().map(|map| map.addr).collect(),
            words,
            next: 0,
        })
    }

    fn tile(&mut self, e: &Emitter, tile: &Tile, chunk: &Chunk) -> Target {
        match self {
            Outputs::Resident(map) => {
                Target { map: **map, row: tile.rows.start, col: tile.cols.start, first_block: 0 }
            }
            Outputs::Turns { tensor, addrs, next, .. } => {
                let addr = addrs[*next];
                *next = (*next + 1) % addrs.len();
                let cols = e.geometry.cols;
                let first_block = chunk.blocks.start;
                let channels =
                    (chunk.blocks.len() * cols).min(tensor.channels - first_block * cols);
                let map = Fmap { addr, channels, height: tile.rows.len(), width: tile.cols.len() };
                Target { map, row: 0, col: 0, first_block }
            }
        }
    }

    /// Stores the channel blocks `blocks` (counted from the target's first) of a tile.
    fn store(
        &self,
        e: &mut Emitter,
        out: &Target,
        tile: &Tile,
        blocks: Range<usize>,
    ) -> Result<(), KernelError> {
        let Outputs::Turns { tensor, .. } = self else { return Ok(()) };
        let geometry = e.geometry;
        let start = blocks.start * geometry.cols;
        let end = (blocks.end * geometry.cols).min(out.map.channels);
        let addr = out.map.addr + start / geometry.rows * out.map.block_stride();
        let map = Fmap { addr, channels: end - start, ..out.map };
        let channel = out.first_block * geometry.cols + start;
        store_rows(e, &map, 0..map.height, tensor, [tile.rows.start, tile.cols.start], channel)
    }

    fn release(&self, e: &mut Emitter) {
        if let Outputs::Turns { addrs, words, .. } = self {
            addrs.iter().for_each(|&addr| e.ibuf.give(addr, *words));
        }
    }
}

/// One tile of one chunk.
struct Job<'a> {
    layer: &'a Conv<'a>,
    window: Window,
    tile: &'a Tile,
    out: &'a Target,
    chunk: &'a Chunk,
    residual: Option<&'a Fmap>,
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
        if self.residual.is_some() {
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
        if let (Some(skip), Some(residual)) = (self.residual, layer.residual) {
            let (addr, first) =
                position(skip, tile.rows.start, tile.cols.start, block * geometry.cols);
            e.set(gemm::res::ADDR, addr as u64);
            e.set(gemm::res::FIRST, first as u64);
            e.set(gemm::res_stride::OW, 1);
            e.set(gemm::res_stride::OH, skip.width as u64);
            e.set(gemm::res_block::STRIDE, skip.block_stride() as u64);
            e.set(gemm::res_quant::ZERO, residual.sum.zero);
            e.set(gemm::res_quant::MIN, residual.sum.min);
            e.set(gemm::res_quant::MAX, residual.sum.max);
            e.set(gemm::res_scale_a::VALUE, residual.scale_a.to_bits());
            e.set(gemm::res_scale_b::VALUE, residual.scale_b.to_bits());
            e.set(gemm::res_scale_b::ZERO, residual.zero_b);
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
