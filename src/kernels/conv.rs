//! Convolution, fully connected layers and matrix products on the array.
//!
//! The output is cut into tiles of as many pixels as OBUF holds; the first tiles are small so that
//! the array starts early, and the last one is small so that little is left to store at the end.
//! Weights stay in WBUF for all tiles when they fit; otherwise output channels are taken in chunks
//! of half the ring, and weights of the next chunk load while this one computes.

use std::ops::Range;

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

/// A tile of output pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tile {
    rows: Range<usize>,
    cols: Range<usize>,
}

/// Weights and parameters of a chunk of output channel blocks, in the buffers.
struct Chunk {
    blocks: Range<usize>,
    tiles: Vec<BlockTiles>,
    /// WBUF address of each block while the chunk's weights are resident; empty when even one step
    /// of blocks does not fit, and every launch brings its own.
    wbuf: Vec<usize>,
    /// PBUF word of the first block.
    pbuf: usize,
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
    let weight_bytes: usize = all_tiles.iter().map(|tiles| tiles.bytes.len()).sum();
    let passes = kh * kw * layer.weights.in_channels.div_ceil(geometry.rows) * blocks;
    let load_vectors = weight_bytes.div_ceil(geometry.bus_bytes).div_ceil(passes.max(1));
    let small = load_vectors.max(geometry.segment_rows);
    // Weights that every launch brings again want the largest tiles.
    let streamed = words.chunks(align).any(|step| step.iter().sum::<usize>() > geometry.wbuf_words);
    let small = if streamed { geometry.obuf_depth } else { small };
    let tiles = plan_tiles([height, width], geometry.obuf_depth, small);

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
            wbuf: Vec::new(),
            pbuf: 0,
            blocks: range,
        };
        for (index, tile) in tiles.iter().enumerate() {
            let first = index == 0;
            let last = index + 1 == tiles.len();
            let resident = words[chunk.blocks.clone()].iter().sum::<usize>() <= geometry.wbuf_words;
            if first && resident {
                load_block_weights(e, &mut chunk, 0)?;
            }
            let window = inputs.tile(e, layer, tile)?;
            if first {
                let words: Vec<u8> = params.by_ref().take(chunk.blocks.len()).flatten().collect();
                chunk.pbuf = e.pbuf(chunk.blocks.len())?;
                let dram = e.constants(&words);
                load_words(e, load::Function::Pbuf, dram, words.len(), chunk.pbuf)?;
                if resident {
                    for block in 1..chunk.blocks.len() {
                        load_block_weights(e, &mut chunk, block)?;
                    }
                }
            }
            let out = outputs.tile(e, tile, &chunk);
            // The first tile starts with the first block's weights, and most of what the last tile
            // made is stored while its last block computes: both are launched block by block.
            let job = Job { layer, window, tile, out: &out, chunk: &chunk, residual };
            let count = chunk.blocks.len();
            let early = if last { (count - 1) / align * align } else { 0 };
            for group in launch_groups(&chunk, first || last) {
                let end = group.end;
                job.launch(e, group)?;
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

/// Cuts the blocks of output channels into chunks whose weights fit WBUF: all at once when
/// possible, else in halves of the ring so that the next chunk loads behind the present one, else
/// in single steps of `align` blocks, whose weights are then brought launch by launch.
/// Chunks begin at multiples of `align` blocks, where a word of IBUF begins.
fn chunk_blocks(
    words: &[usize],
    wbuf: usize,
    pbuf: usize,
    align: usize,
) -> Result<Vec<Range<usize>>, KernelError> {
    let steps: Vec<usize> = words.chunks(align).map(|step| step.iter().sum()).collect();
    if align > pbuf {
        return Err(KernelError::PbufFull { words: align, total: pbuf });
    }
    let total: usize = words.iter().sum();
    let largest = steps.iter().copied().max().unwrap_or(0);
    let limit = if total <= wbuf { wbuf } else { (wbuf / 2).max(largest) };
    let most = if words.len() <= pbuf { pbuf } else { (pbuf / 2).max(align) };
    let mut chunks = Vec::new();
    let mut chunk = 0..0;
    let mut filled = 0;
    for size in steps {
        let end = (chunk.end + align).min(words.len());
        if chunk.end > chunk.start && (filled + size > limit || end - chunk.start > most) {
            chunks.push(chunk.clone());
            chunk = chunk.end..end;
            filled = size;
        } else {
            chunk.end = end;
            filled += size;
        }
    }
    chunks.push(chunk);
    Ok(chunks)
}

/// Cuts the output into tiles of at most `depth` pixels. Tiles start with about `first` pixels and
/// double; the last one is as small as the first.
fn plan_tiles(size: [usize; 2], depth: usize, first: usize) -> Vec<Tile> {
    let [height, width] = size;
    let parts = width.div_ceil(depth);
    let part = width.div_ceil(parts);
    let most = (depth / part).max(1);
    let small = first.div_ceil(part).clamp(1, most);
    let mut heights = Vec::new();
    let mut left = height;
    let mut next = small;
    while left > 0 {
        let tail = if left > small && heights.len() > 1 { small } else { 0 };
        let rows = next.min(left - tail).max(1);
        heights.push(rows);
        left -= rows;
        next = (next * 2).min(most);
    }
    let mut tiles = Vec::new();
    let mut row = 0;
    for rows in heights {
        for col in (0..width).step_by(part) {
            tiles.push(Tile { rows: row..row + rows, cols: col..(col + part).min(width) });
        }
        row += rows;
    }
    tiles
}

fn load_block_weights(e: &mut Emitter, chunk: &mut Chunk, block: usize) -> Result<(), KernelError> {
    let addr = load_weights(e, &chunk.tiles[block].bytes)?;
    chunk.wbuf.push(addr);
    Ok(())
}

/// Brings weight tiles to the next place in the ring, and returns it.
fn load_weights(e: &mut Emitter, bytes: &[u8]) -> Result<usize, KernelError> {
    let addr = e.wbuf(bytes.len() / e.geometry.wbuf_word_bytes)?;
    let dram = e.constants(bytes);
    load_words(e, load::Function::Wbuf, dram, bytes.len(), addr)?;
    Ok(addr)
}

/// Part of a reduction: ranges of kh, kw and kc.
type Slice = [Range<usize>; 3];

/// Cuts a reduction of kh x kw x kc passes into loop nests of at most `limit` passes each, in the
/// order of the passes, followed by one slice for each extra pass.
fn slices(
    whole: [usize; 3],
    extra: &[[usize; 3]],
    limit: usize,
) -> Result<Vec<Slice>, KernelError> {
    if limit == 0 {
        return Err(KernelError::Unsupported {
            kernel: "convolution",
            what: "weight tiles in half of WBUF",
            value: limit,
            limit: "two tiles must fit: raise `buffers.wbuf.size`".to_owned(),
        });
    }
    let [kh, kw, kc] = whole;
    let cut = |count: usize, each: usize| {
        let step = (limit / each).max(1);
        (0..count).step_by(step).map(move |start| start..(start + step).min(count))
    };
    let mut slices: Vec<Slice> = Vec::new();
    if kw * kc <= limit {
        slices.extend(cut(kh, kw * kc).map(|rows| [rows, 0..kw, 0..kc]));
    } else {
        for row in 0..kh {
            if kc <= limit {
                slices.extend(cut(kw, kc).map(|cols| [row..row + 1, cols, 0..kc]));
            } else {
                for col in 0..kw {
                    slices.extend(cut(kc, 1).map(|part| [row..row + 1, col..col + 1, part]));
                }
            }
        }
    }
    slices
        .extend(extra.iter().map(|&[row, col, part]| [row..row + 1, col..col + 1, part..part + 1]));
    Ok(slices)
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
        let block = group.start;
        let resident = self.chunk.wbuf.get(block).copied();
        self.configure(e, &group);
        let mut flags: Vec<(Field, i64)> = Vec::new();
        if self.residual.is_some() {
            flags.push((gemm::RESIDUAL, 1));
        }
        if let Some(table) = self.layer.table {
            flags.extend([(gemm::LOOKUP, 1), (gemm::TABLE, table.into())]);
        }
        let tiles = &self.chunk.tiles[block];
        if let (Some(addr), true) = (resident, tiles.extra.is_empty()) {
            e.set(gemm::w::ADDR, addr as u64);
            return e.launch(gemm::Function::Act, &flags);
        }
        let blocks = self.layer.weights.in_channels.div_ceil(geometry.rows);
        let whole = [self.layer.weights.kernel[0], self.layer.weights.kernel[1], blocks];
        let limit = if resident.is_some() { usize::MAX } else { geometry.wbuf_words / 2 };
        let slices = slices(whole, &tiles.extra, limit / geometry.segment_rows)?;
        let count = slices.len();
        let mut tile = 0;
        for (index, slice) in slices.into_iter().enumerate() {
            let passes: usize = slice.iter().map(Range::len).product();
            let words = tile * geometry.segment_rows..(tile + passes) * geometry.segment_rows;
            tile += passes;
            let addr = match resident {
                Some(addr) => (addr + words.start) % geometry.wbuf_words,
                None => {
                    let size = geometry.wbuf_word_bytes;
                    load_weights(e, &tiles.bytes[words.start * size..words.end * size])?
                }
            };
            self.select(e, &slice);
            e.set(gemm::w::ADDR, addr as u64);
            let mut flags = if index + 1 == count { flags.clone() } else { vec![(gemm::KEEP, 1)] };
            if index > 0 {
                flags.push((gemm::ACCUMULATE, 1));
            }
            e.launch(gemm::Function::Act, &flags)?;
        }
        Ok(())
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

#[cfg(test)]
#[path = "conv_tests.rs"]
mod tests;
