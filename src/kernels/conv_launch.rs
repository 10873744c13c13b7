//! Launches of a convolution: one tile of pixels, one chunk of output channels.

use std::ops::Range;

use super::conv::Conv;
use super::conv_plan::{Chunk, Constants};
use super::tile_maps::{SkipWindow, Target, Window};
use super::tiling::{Slice, Tile, slices};
use super::{Emitter, Fmap, Geometry, KernelError};
use crate::isa::table::gemm;
use crate::isa::{Engine, Field};

/// A block whose weights have been asked for slice by slice.
pub(super) struct Arriving {
    pub(super) slices: Vec<Slice>,
    /// WBUF address of each slice.
    pub(super) addrs: Vec<usize>,
}

/// Passes of a slice.
pub(super) fn passes(slice: &Slice) -> usize {
    slice.iter().map(Range::len).product()
}

/// Most words of weights of a launch whose weights do not stay.
fn stream_words(geometry: &Geometry) -> usize {
    geometry.wbuf_words / 2
}

/// The next blocks of a chunk that one launch can take together, at most `most`: blocks with extra
/// tiles stand alone, and weights that do not stay must be few enough.
pub(super) fn next_group(
    geometry: &Geometry,
    constants: &Constants,
    chunk: &Chunk,
    left: &Range<usize>,
    most: usize,
) -> Range<usize> {
    let (start, first) = (left.start, chunk.blocks.start);
    let plain = |block: &usize| constants.tiles[first + block].extra.is_empty();
    if !plain(&start) {
        return start..start + 1;
    }
    let few = |block: &usize| {
        let words = constants.words(geometry, &(first + start..first + block + 1));
        chunk.stays || words <= stream_words(geometry)
    };
    let count = (start..left.end).take(most.max(1)).take_while(|b| plain(b) && few(b)).count();
    start..start + count.max(1)
}

/// One tile of one chunk.
pub(super) struct Job<'a> {
    pub(super) layer: &'a Conv<'a>,
    pub(super) window: Window,
    pub(super) tile: &'a Tile,
    pub(super) out: &'a Target,
    pub(super) chunk: &'a Chunk,
    pub(super) skip: Option<SkipWindow>,
}

impl Job<'_> {
    /// Launches the blocks `group` of the chunk: one launch when no block has extra tiles, else
    /// (then the group is one block) a launch per slice. Weights that do not stay are brought.
    pub(super) fn launch(
        &self,
        e: &mut Emitter,
        constants: &mut Constants,
        group: Range<usize>,
    ) -> Result<(), KernelError> {
        let geometry = e.geometry;
        let Some(&start) = self.chunk.wbuf.get(group.start) else {
            return self.launch_alone(e, constants, group);
        };
        let tiles = &constants.tiles[self.chunk.blocks.start + group.start];
        if tiles.extra.is_empty() {
            self.configure(e, &group);
            e.set(gemm::w::ADDR, start as u64);
            return e.launch(self.function(), &self.flags());
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
    pub(super) fn launch_arriving(
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

    /// Launches blocks whose weights do not stay: behind their weights, which are no more than half
    /// the ring, so that those of the next launch load behind this one. A block with more of them
    /// is launched slice by slice.
    pub(super) fn launch_alone(
        &self,
        e: &mut Emitter,
        constants: &mut Constants,
        group: Range<usize>,
    ) -> Result<(), KernelError> {
        let geometry = e.geometry;
        let first = self.chunk.blocks.start + group.start;
        let count = constants.words(&geometry, &(first..first + group.len()));
        self.configure(e, &group);
        if group.len() > 1 {
            let bytes = count * geometry.wbuf_word_bytes;
            let addr = constants.load_weights(e, first, 0..bytes)?;
            e.set(gemm::w::ADDR, addr as u64);
            return e.launch(self.function(), &self.flags());
        }
        let tiles = &constants.tiles[first];
        let (size, bytes) = (geometry.segment_rows * geometry.wbuf_word_bytes, tiles.bytes.len());
        let slices =
            slices(self.whole(e), &tiles.extra, stream_words(&geometry) / geometry.segment_rows)?;
        let mut from = 0;
        for (index, slice) in slices.iter().enumerate() {
            let to = (from + passes(slice) * size).min(bytes);
            let addr = constants.load_weights(e, first, from..to)?;
            from = to;
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
        e.launch(self.function(), &flags)
    }

    /// What becomes of the sums.
    fn function(&self) -> gemm::Function {
        if self.out.wide { gemm::Function::Float32 } else { gemm::Function::Act }
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

        // `word`: elements of a word.
        let position = |map: &Fmap, word: usize, row: usize, col: usize, element: usize| {
            (map.addr + element / word * map.block_stride() + row * map.width + col, element % word)
        };
        let element = (block - out.first_block) * geometry.cols;
        let (addr, first) = position(&out.map, out.word(&geometry), out.row, out.col, element);
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
            let (addr, first) = position(&skip.map, geometry.rows, skip.row, skip.col, channel);
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
