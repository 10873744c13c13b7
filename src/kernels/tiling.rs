//! How a convolution is cut: output pixels into tiles, output channels into chunks, reductions into
//! slices. Owns sizes only; what is launched is decided in [`super::conv`].

use std::ops::Range;

use super::{Geometry, KernelError};

/// A tile of output pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tile {
    /// Output rows.
    pub rows: Range<usize>,
    /// Output columns.
    pub cols: Range<usize>,
}

/// Which of a convolution's loops is outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoopOrder {
    /// Whichever waits less for the bus.
    #[default]
    Auto,
    /// A chunk of output channels stays in WBUF while all tiles of pixels pass it: weights come
    /// once, the input once for every chunk unless it is on chip.
    WeightsOutside,
    /// All chunks of output channels pass a tile of pixels: the input comes once, weights once for
    /// every tile unless all of them fit WBUF.
    TilesOutside,
}

impl LoopOrder {
    /// All orders.
    pub const ALL: [LoopOrder; 3] =
        [LoopOrder::Auto, LoopOrder::WeightsOutside, LoopOrder::TilesOutside];

    /// As it is written in schedule files: the loop that is outside.
    pub const fn name(self) -> &'static str {
        match self {
            LoopOrder::Auto => "auto",
            LoopOrder::WeightsOutside => "weights",
            LoopOrder::TilesOutside => "tiles",
        }
    }
}

/// How the caller wants a convolution cut. What is left open is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cut {
    /// Which loop is outside.
    pub order: LoopOrder,
    /// Rows and columns of a tile of output pixels; OBUF must hold their product.
    pub tile: [Option<usize>; 2],
    /// Output channels of a chunk; rounded up to whole words of IBUF and to whole columns of the
    /// array, and down to what PBUF holds.
    pub channels: Option<usize>,
}

/// Pixels of the first tile, so that it computes until the bus has brought the weights of the first
/// chunk, its parameters and the input of a second tile as large. None when weights cannot stay in
/// WBUF: then every launch brings its own and tiles should be as large as possible.
pub(super) fn start_tile(
    geometry: &Geometry,
    pixel_bytes: usize,
    words: &[usize],
    passes: usize,
    align: usize,
) -> Option<usize> {
    if words.chunks(align).any(|step| step.iter().sum::<usize>() > geometry.wbuf_words) {
        return None;
    }
    let total = words.iter().sum::<usize>();
    let resident = total.min(geometry.wbuf_words);
    let blocks = words.len();
    let passes = passes * blocks.min(geometry.wbuf_words * blocks / total.max(1)).max(1);
    let bytes = resident * geometry.wbuf_word_bytes + blocks * 8 * geometry.cols;
    // Bytes the bus can bring while a pixel computes, less those of a pixel. Where the input alone
    // takes nearly all of them the array waits for the bus whatever the tiles are.
    let brought = passes * geometry.bus_bytes;
    let spare = brought.saturating_sub(pixel_bytes).max(brought / 4).max(1);
    Some(bytes.div_ceil(spare).max(geometry.segment_rows))
}

/// Cuts the blocks of output channels into chunks whose weights fit WBUF: all at once when
/// possible, else in halves of the ring so that the next chunk loads behind the present one, else
/// in single steps of `align` blocks, whose weights are then brought launch by launch.
/// Chunks begin at multiples of `align` blocks, where a word of IBUF begins.
pub(super) fn chunk_blocks(
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

/// Cuts the output into tiles of at most `depth` pixels. The first two have about `first` pixels,
/// the following double, and the last one has about `last`, so that little is left to store, unless
/// that is zero.
pub(super) fn plan_tiles(size: [usize; 2], depth: usize, first: usize, last: usize) -> Vec<Tile> {
    let [height, width] = size;
    let parts = width.div_ceil(depth);
    let part = width.div_ceil(parts);
    let most = (depth / part).max(1);
    let tail = last.div_ceil(part).min(most);
    let first = first.div_ceil(part).clamp(1, most);
    let mut heights: Vec<usize> = Vec::new();
    let mut left = height;
    while left > 0 {
        let next = if heights.len() < 2 { first } else { heights[heights.len() - 1] * 2 };
        // Two tails are not worth cutting apart.
        let rows = if left < 2 * tail { left } else { next.min(left - tail) }.min(most);
        heights.push(rows);
        left -= rows;
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

/// Cuts the output into tiles of nearly the same size of at most `depth` pixels, as few as possible.
pub(super) fn even_tiles(size: [usize; 2], depth: usize) -> Vec<Tile> {
    let [height, width] = size;
    let part = width.div_ceil(width.div_ceil(depth));
    let rows = height.div_ceil(height.div_ceil((depth / part).max(1)));
    let row = |row: usize| {
        let rows = row..(row + rows).min(height);
        (0..width)
            .step_by(part)
            .map(move |col| Tile { rows: rows.clone(), cols: col..(col + part).min(width) })
    };
    (0..height).step_by(rows).flat_map(row).collect()
}

/// Part of a reduction: ranges of kh, kw and kc.
pub(super) type Slice = [Range<usize>; 3];

/// Cuts a reduction of kh x kw x kc passes into loop nests of at most `limit` passes each, in the
/// order of the passes, followed by one slice for each extra pass.
pub(super) fn slices(
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

#[cfg(test)]
#[path = "tiling_tests.rs"]
mod tests;
