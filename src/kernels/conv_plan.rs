//! How a convolution is cut, which of its loops is outside, and where its constants are.
//!
//! Weights that fit WBUF come once and stay. Of those that do not, either a chunk stays while all
//! tiles of pixels pass it, so that the input may have to come again for every chunk; or all chunks
//! pass a tile of pixels, so that weights come again for every tile. Whatever waits less for the
//! bus is taken, unless the caller decided. Launches are emitted in [`super::conv`].

use std::ops::Range;

use super::conv::{Conv, Source};
use super::conv_launch::{Arriving, passes};
use super::tile_maps::{TURNS, fits_whole, input_rows};
use super::tiling::{LoopOrder, Tile, chunk_blocks, even_tiles, plan_tiles, slices, start_tile};
use super::transfer::load_words;
use super::weights::{BlockTiles, block_tiles, channel_params};
use super::{Emitter, Geometry, KernelError};
use crate::isa::table::load;

/// Slices in which the weights of a layer's first block arrive; of the second half as many, and so
/// on, since each block that computes gives the next more time.
const START_SLICES: usize = 4;

/// Outputs of as many pixels as a few weight tiles have rows are one tile.
const SMALL_TILES: usize = 4;

/// Most bytes of a pixel that are stored at a time where tiles are outside and the output is in
/// DRAM: runs of as many bytes take hardly more cycles than the bytes alone.
const STORED_BYTES: usize = 256;

/// Weight tiles and parameters of all blocks of output channels.
pub(super) struct Constants {
    pub(super) tiles: Vec<BlockTiles>,
    params: Vec<u8>,
    /// First byte of each block's tiles, and the end of the last one.
    starts: Vec<usize>,
    /// Where weights and parameters are in DRAM, once they are used.
    dram: Option<[(u8, usize); 2]>,
}

impl Constants {
    fn new(geometry: &Geometry, layer: &Conv) -> Constants {
        let blocks = layer.weights.out_channels.div_ceil(geometry.cols);
        let tiles: Vec<BlockTiles> =
            (0..blocks).map(|n| block_tiles(geometry, &layer.weights, n)).collect();
        let mut starts = vec![0];
        for block in &tiles {
            starts.push(starts[starts.len() - 1] + block.bytes.len());
        }
        let params = channel_params(geometry, &layer.folded_bias(), layer.scales);
        Constants { tiles, params, starts, dram: None }
    }

    /// Words of WBUF for the weights of some blocks.
    pub(super) fn words(&self, geometry: &Geometry, blocks: &Range<usize>) -> usize {
        (self.starts[blocks.end] - self.starts[blocks.start]) / geometry.wbuf_word_bytes
    }

    /// The constants' places in DRAM: they are put there when first used.
    fn place(&mut self, e: &mut Emitter) -> [(u8, usize); 2] {
        if let Some(dram) = self.dram {
            return dram;
        }
        let bytes: Vec<u8> = self.tiles.iter().flat_map(|block| &block.bytes).copied().collect();
        let dram = [e.constants(&bytes), e.constants(&self.params)];
        self.dram = Some(dram);
        dram
    }

    /// Brings the bytes `part` of the weights from block `block` on to the next place in the ring,
    /// which it returns.
    pub(super) fn load_weights(
        &mut self,
        e: &mut Emitter,
        block: usize,
        part: Range<usize>,
    ) -> Result<usize, KernelError> {
        let addr = e.wbuf(part.len() / e.geometry.wbuf_word_bytes)?;
        let [(base, offset), _] = self.place(e);
        let dram = (base, offset + self.starts[block] + part.start);
        load_words(e, load::Function::Wbuf, dram, part.len(), addr)?;
        Ok(addr)
    }

    /// Brings the parameters of some blocks to PBUF from word `addr` on.
    pub(super) fn load_params(
        &mut self,
        e: &mut Emitter,
        blocks: &Range<usize>,
        addr: usize,
    ) -> Result<(), KernelError> {
        let size = 8 * e.geometry.cols;
        let [_, (base, offset)] = self.place(e);
        let dram = (base, offset + blocks.start * size);
        load_words(e, load::Function::Pbuf, dram, blocks.len() * size, addr)
    }
}

/// A chunk of output channel blocks.
pub(super) struct Chunk {
    pub(super) blocks: Range<usize>,
    /// Whether its weights stay in WBUF for all tiles; otherwise every launch brings its own.
    pub(super) stays: bool,
    /// WBUF address of each block brought so far, of weights that stay.
    pub(super) wbuf: Vec<usize>,
    /// PBUF word of the first block.
    pub(super) pbuf: usize,
}

impl Chunk {
    /// Asks for the weights of a block, counted from the chunk's first, and its parameters.
    pub(super) fn bring(
        &mut self,
        e: &mut Emitter,
        constants: &mut Constants,
        whole: [usize; 3],
        block: usize,
    ) -> Result<Arriving, KernelError> {
        let at = self.blocks.start + block;
        let start = if self.blocks.start == 0 { START_SLICES } else { 1 };
        let wanted = start.checked_shr(block.div_ceil(2) as u32).unwrap_or(0).max(1);
        let limit = whole.iter().product::<usize>().div_ceil(wanted);
        let slices = slices(whole, &constants.tiles[at].extra, limit)?;
        let size = e.geometry.segment_rows * e.geometry.wbuf_word_bytes;
        let mut addrs = Vec::new();
        let mut from = 0;
        for slice in &slices {
            let to = (from + passes(slice) * size).min(constants.tiles[at].bytes.len());
            addrs.push(constants.load_weights(e, at, from..to)?);
            from = to;
        }
        self.wbuf.extend(addrs.first());
        constants.load_params(e, &(at..at + 1), self.pbuf + block)?;
        Ok(Arriving { slices, addrs })
    }
}

/// How a layer is cut.
pub(super) struct Plan<'a> {
    pub(super) layer: Conv<'a>,
    /// Passes of the whole reduction.
    pub(super) whole: [usize; 3],
    /// Output blocks that share a word of IBUF.
    pub(super) align: usize,
    pub(super) tiles: Vec<Tile>,
    pub(super) chunks: Vec<Range<usize>>,
    /// Whether all chunks pass a tile before the next tile is begun.
    pub(super) tiles_outside: bool,
}

/// Tiles and chunks for one order of the loops.
struct Way {
    tiles: Vec<Tile>,
    chunks: Vec<Range<usize>>,
    /// Cycles that the bus takes.
    bus: usize,
    /// Cycles of them in which the array cannot work.
    stall: usize,
}

impl<'a> Plan<'a> {
    /// Decides for an output of this height and width, that goes to DRAM and has a residual operand
    /// in DRAM, or not.
    pub(super) fn new(
        e: &Emitter,
        layer: Conv<'a>,
        source: Source,
        output: [usize; 2],
        in_dram: [bool; 2],
    ) -> Result<(Plan<'a>, Constants), KernelError> {
        let geometry = e.geometry;
        let constants = Constants::new(&geometry, &layer);
        let blocks = constants.tiles.len();
        let words: Vec<usize> =
            (0..blocks).map(|n| constants.words(&geometry, &(n..n + 1))).collect();
        let align = (geometry.rows / geometry.cols).max(1);
        let [kh, kw] = layer.weights.kernel;
        let whole = [kh, kw, layer.weights.in_channels.div_ceil(geometry.rows)];
        let cutter =
            Cutter { e, layer: &layer, source, output, in_dram, words: &words, whole, align };
        let total: usize = words.iter().sum();
        let order = layer.cut.order;
        let inside = match order {
            LoopOrder::TilesOutside => None,
            _ => Some(cutter.weights_outside()?),
        };
        let outside = match order {
            LoopOrder::WeightsOutside => None,
            LoopOrder::Auto if total <= geometry.wbuf_words => None,
            _ => Some(cutter.tiles_outside()?),
        };
        let compute = whole.iter().product::<usize>() * blocks * output[0] * output[1];
        // Of two ways in which the array never waits, the one with less traffic.
        let cost = |way: &Way| way.bus.max(compute + way.stall) + way.bus / 4;
        let (way, tiles_outside) = match (inside, outside) {
            (Some(a), Some(b)) if cost(&b) < cost(&a) => (b, true),
            (Some(a), _) => (a, false),
            (None, Some(b)) => (b, true),
            (None, None) => return Err(KernelError::NoQueue),
        };
        let Way { tiles, chunks, .. } = way;
        // With a single chunk nothing is to be told apart, but whether its weights stay.
        let tiles_outside = tiles_outside && (chunks.len() > 1 || total > geometry.wbuf_words);
        Ok((Plan { whole, align, tiles, chunks, tiles_outside, layer }, constants))
    }
}

/// What the ways of cutting a layer depend on.
struct Cutter<'c, 'd> {
    e: &'c Emitter<'d>,
    layer: &'c Conv<'c>,
    source: Source,
    output: [usize; 2],
    /// Whether the result goes to DRAM, and whether a residual operand comes from there.
    in_dram: [bool; 2],
    /// Words of WBUF of each block.
    words: &'c [usize],
    whole: [usize; 3],
    align: usize,
}

impl Cutter<'_, '_> {
    /// Chunks that stay while all tiles pass.
    fn weights_outside(&self) -> Result<Way, KernelError> {
        let Cutter { layer, words, align, .. } = *self;
        let geometry = &self.e.geometry;
        let pixel_bytes = match self.source {
            Source::Map(_) => 0,
            _ => layer.weights.in_channels * geometry.activation_bytes,
        };
        let passes = self.whole.iter().product();
        let small = self.output.iter().product::<usize>() <= SMALL_TILES * geometry.segment_rows;
        let resident = matches!(self.source, Source::Map(_));
        let (first, last) = match start_tile(geometry, pixel_bytes, words, passes, align) {
            // Nothing has to be brought but weights, which come faster than they are used.
            Some(_) if small && resident => (geometry.obuf_depth, 0),
            Some(first) => (first, geometry.segment_rows),
            None => (geometry.obuf_depth, 0),
        };
        let chunks = match self.forced_chunks(geometry.pbuf_words) {
            Some(chunks) => chunks,
            None => chunk_blocks(words, geometry.wbuf_words, geometry.pbuf_words, align)?,
        };
        let largest = chunks.iter().map(Range::len).max().unwrap_or(1);
        let tiles = match self.forced_tiles()? {
            Some(tiles) => tiles,
            None => {
                self.tiles(largest, |depth| plan_tiles(self.output, depth, first.min(depth), last))
            }
        };
        let stays = |chunk: &Range<usize>| {
            words[chunk.clone()].iter().sum::<usize>() <= geometry.wbuf_words
        };
        let times = if chunks.iter().all(stays) { 1 } else { tiles.len() };
        // Tiles that all have a buffer stay there.
        let buffers = tiles.len() * self.input_words(&tiles);
        let there = tiles.len() <= TURNS && buffers <= self.e.ibuf.largest() / 2;
        let again = if there || self.fits_whole() { 1 } else { chunks.len() };
        let bus = self.weight_cycles() * times + self.input_cycles(&tiles) * again;
        // Weights of more than half the ring load when those before them are not needed any more.
        let alone = |chunk: &&Range<usize>| {
            chunks.len() > 1
                && times == 1
                && words[(*chunk).clone()].iter().sum::<usize>() > geometry.wbuf_words / 2
        };
        let stall = self.weight_cycles() * chunks.iter().filter(alone).count() / chunks.len();
        Ok(Way { tiles, chunks, bus, stall })
    }

    /// Tiles that stay while all chunks pass.
    fn tiles_outside(&self) -> Result<Way, KernelError> {
        let Cutter { words, align, .. } = *self;
        let geometry = &self.e.geometry;
        let tiles = match self.forced_tiles()? {
            Some(tiles) => tiles,
            None => self.tiles(align, |depth| even_tiles(self.output, depth)),
        };
        // Parameters of two chunks have space in PBUF, if not those of all.
        let all = words.len();
        let most = if all <= geometry.pbuf_words { all } else { geometry.pbuf_words / 2 };
        let chunks = match self.forced_chunks(most) {
            Some(chunks) => chunks,
            None => {
                // Two tiles of the input, and two buffers for results and for residual operands.
                let pixels = tiles.iter().map(|tile| tile.rows.len() * tile.cols.len());
                let pixels = pixels.max().unwrap_or(1);
                let free = self.free().saturating_sub(2 * self.input_words(&tiles));
                let users = 2 * self.users();
                let most = match free.checked_div(users * pixels) {
                    Some(words) => {
                        let wanted = STORED_BYTES.div_ceil(geometry.activation_bytes);
                        let words = words.min(wanted.div_ceil(geometry.rows));
                        most.min(words * geometry.rows / geometry.cols)
                    }
                    None => most,
                };
                let size = (most / align * align).max(align);
                (0..all).step_by(size).map(|start| start..(start + size).min(all)).collect()
            }
        };
        let bus = self.weight_cycles() * tiles.len() + self.input_cycles(&tiles);
        if align > geometry.pbuf_words {
            return Err(KernelError::PbufFull { words: align, total: geometry.pbuf_words });
        }
        Ok(Way { tiles, chunks, bus, stall: 0 })
    }

    /// Words of IBUF for tiles.
    fn free(&self) -> usize {
        let whole = match self.source {
            Source::Dram(tensor) if self.fits_whole() => {
                self.whole[2] * tensor.height * tensor.width
            }
            _ => 0,
        };
        self.e.ibuf.largest() - whole
    }

    /// How many of result and residual operand have buffers in IBUF.
    fn users(&self) -> usize {
        self.in_dram.iter().filter(|buffered| **buffered).count()
    }

    /// The largest tiles of which two of everything fit, with chunks of some blocks, where banks are
    /// not filled to the last word.
    fn tiles(&self, blocks: usize, cut: impl Fn(usize) -> Vec<Tile>) -> Vec<Tile> {
        let geometry = &self.e.geometry;
        let space = self.free() / 4 * 3;
        let words = (blocks * geometry.cols).div_ceil(geometry.rows) * self.users();
        let mut depth = geometry.obuf_depth;
        loop {
            let tiles = cut(depth);
            let pixels = tiles.iter().map(|tile| tile.rows.len() * tile.cols.len()).max();
            let needed = 2 * (self.input_words(&tiles) + words * pixels.unwrap_or(0));
            // Two of very small tiles would not be worth their weights.
            let small = depth < 4 * geometry.segment_rows && needed / 2 <= space;
            if needed <= space || small || depth <= 1 {
                return tiles;
            }
            depth /= 2;
        }
    }

    /// Tiles of the size that the caller wants.
    fn forced_tiles(&self) -> Result<Option<Vec<Tile>>, KernelError> {
        let [rows, cols] = self.layer.cut.tile;
        if rows.is_none() && cols.is_none() {
            return Ok(None);
        }
        let [height, width] = self.output;
        let depth = self.e.geometry.obuf_depth;
        let cols = cols.unwrap_or(width.min(depth)).clamp(1, width.max(1));
        let rows = rows.unwrap_or((depth / cols).max(1)).clamp(1, height.max(1));
        if rows * cols > depth {
            return Err(KernelError::Unsupported {
                kernel: "convolution",
                what: "pixels of a tile",
                value: rows * cols,
                limit: format!("OBUF holds {depth}: fewer rows or columns"),
            });
        }
        let mut tiles = Vec::new();
        for row in (0..height).step_by(rows) {
            for col in (0..width).step_by(cols) {
                tiles.push(Tile {
                    rows: row..(row + rows).min(height),
                    cols: col..(col + cols).min(width),
                });
            }
        }
        Ok(Some(tiles))
    }

    /// Chunks of as many channels as the caller wants, in whole words, of at most `most` blocks.
    fn forced_chunks(&self, most: usize) -> Option<Vec<Range<usize>>> {
        let size = self.layer.cut.channels?.div_ceil(self.e.geometry.cols);
        let size = size.next_multiple_of(self.align).min(most / self.align * self.align);
        let (size, all) = (size.max(self.align), self.words.len());
        Some((0..all).step_by(size).map(|start| start..(start + size).min(all)).collect())
    }

    /// Whether the whole input gets space and is brought once.
    fn fits_whole(&self) -> bool {
        match self.source {
            Source::Map(_) => true,
            Source::Dram(tensor) => fits_whole(self.e, &tensor),
            Source::Lowered(..) => false,
        }
    }

    /// Words of IBUF that a tile of the input takes.
    fn input_words(&self, tiles: &[Tile]) -> usize {
        let blocks = self.whole[2];
        if self.fits_whole() {
            return 0;
        }
        let (rows, width): (&dyn Fn(&Tile) -> usize, usize) = match self.source {
            Source::Map(_) => return 0,
            Source::Dram(tensor) => {
                (&move |tile| input_rows(self.layer, tile, tensor.height).len(), tensor.width)
            }
            Source::Lowered(..) => (&|tile| tile.rows.len(), self.output[1]),
        };
        tiles.iter().map(rows).max().unwrap_or(0) * width * blocks
    }

    /// Cycles in which the bus brings all weights and parameters.
    fn weight_cycles(&self) -> usize {
        let geometry = &self.e.geometry;
        let weights = self.words.iter().sum::<usize>() * geometry.wbuf_word_bytes;
        (weights + self.words.len() * 8 * geometry.cols).div_ceil(geometry.bus_bytes)
    }

    /// Cycles in which the bus brings the input of all tiles.
    fn input_cycles(&self, tiles: &[Tile]) -> usize {
        let geometry = &self.e.geometry;
        let pixel = self.layer.weights.in_channels * geometry.activation_bytes;
        let bytes = match self.source {
            Source::Map(_) => 0,
            Source::Dram(tensor) if self.fits_whole() => tensor.bytes(geometry),
            Source::Dram(tensor) => {
                let rows = |tile: &Tile| input_rows(self.layer, tile, tensor.height).len();
                tiles.iter().map(rows).sum::<usize>() * tensor.row_bytes(geometry)
            }
            Source::Lowered(..) => self.output[0] * self.output[1] * pixel,
        };
        bytes.div_ceil(geometry.bus_bytes)
    }
}
