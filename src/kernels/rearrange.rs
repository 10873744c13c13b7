//! Tensors rearranged on their way through LOAD: slices, transposes, gathered rows, concatenation.
//!
//! Nothing here computes, so values may be of any type of whole bytes: a tensor of binary32 is one of
//! activations with four times the channels, or, where single values move, has elements of 4 bytes.
//! Runs of single elements cost a bus access each; runs along the channels move at the bus's pace.

use super::maps::{Change, change};
use super::strips::{Rows, strips};
use super::transfer::store_rows;
use super::vector::signed;
use super::{DramTensor, Emitter, Fmap, KernelError};
use crate::isa::Engine;
use crate::isa::table::load;

/// A tensor of three dimensions that reads another's elements with strides of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Base register of the source's region.
    pub base: u8,
    /// Byte of the first element.
    pub offset: usize,
    /// Sizes, outermost first.
    pub shape: [usize; 3],
    /// Distances in elements; they may be negative or zero.
    pub strides: [i64; 3],
    /// Bytes of an element.
    pub element: usize,
}

/// Elements `start`, `start + step`, ... of a dimension, `count` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First element.
    pub start: usize,
    /// Distance.
    pub step: i64,
    /// How many.
    pub count: usize,
}

impl View {
    /// All of a dense tensor of elements of `element` bytes.
    pub fn of(base: u8, offset: usize, shape: [usize; 3], element: usize) -> View {
        let [_, columns, channels] = shape.map(signed);
        View { base, offset, shape, strides: [columns * channels, channels, 1], element }
    }

    /// Its dimensions in another order: dimension i of the result is `order[i]` of this one.
    pub fn permuted(self, order: [usize; 3]) -> View {
        let shape = order.map(|from| self.shape[from % 3]);
        View { shape, strides: order.map(|from| self.strides[from % 3]), ..self }
    }

    /// Part of it.
    pub fn sliced(self, ranges: [Range; 3]) -> Result<View, KernelError> {
        let mut view = self;
        let mut offset = signed(self.offset);
        for (dimension, range) in ranges.into_iter().enumerate() {
            let size = self.shape[dimension];
            let start = signed(range.start);
            let last = start + range.step * (signed(range.count) - 1);
            let inside = |at: i64| usize::try_from(at).is_ok_and(|at| at < size);
            if range.count == 0 || !inside(start) || !inside(last) {
                return Err(KernelError::Unsupported {
                    kernel: "slice",
                    what: "first element",
                    value: range.start,
                    limit: format!(
                        "{} elements in steps of {} must lie in a dimension of {size}",
                        range.count, range.step
                    ),
                });
            }
            offset += start * self.strides[dimension] * signed(self.element);
            view.shape[dimension] = range.count;
            view.strides[dimension] = self.strides[dimension] * range.step;
        }
        view.offset = usize::try_from(offset).unwrap_or(0);
        Ok(view)
    }

    /// Emits the gathering of the view into a dense tensor in DRAM, of which a pixel has as many
    /// bytes as the innermost dimension.
    pub fn gather(&self, e: &mut Emitter, output: &DramTensor) -> Result<(), KernelError> {
        let [height, width, inner] = self.shape;
        let channels = inner * self.element / e.geometry.activation_bytes;
        let tiles = Tiles::take(e, channels, height, width)?;
        for y in (0..height).step_by(tiles.rows) {
            for x in (0..width).step_by(tiles.columns) {
                let size = [tiles.rows.min(height - y), tiles.columns.min(width - x)];
                let index = y / tiles.rows + x / tiles.columns;
                let map = tiles.map(index, size);
                self.load(e, [y, x], size, &map, 0)?;
                store_rows(e, &map, 0..size[0], output, [y, x], 0)?;
            }
        }
        tiles.release(e);
        Ok(())
    }

    /// Brings the rectangle of `rows` and `columns` at pixel (y, x) to the pixels of a map from `at`
    /// on.
    fn load(
        &self,
        e: &mut Emitter,
        [y, x]: [usize; 2],
        [rows, columns]: [usize; 2],
        map: &Fmap,
        at: usize,
    ) -> Result<(), KernelError> {
        let geometry = e.geometry;
        let [_, _, inner] = self.shape;
        let element = signed(self.element);
        let [dy, dx, dc] = self.strides.map(|stride| stride * element);
        let offset = signed(self.offset) + signed(y) * dy + signed(x) * dx;
        // Elements that follow each other are one run.
        let (run, single) = if dc == element { (inner, 1) } else { (1, inner) };
        e.reset(Engine::Load);
        e.set(load::dram::BASE, self.base);
        e.set(load::dram::OFFSET, offset);
        e.set(load::dst::ADDR, (map.addr + at) as u64);
        e.set(load::shape::RUN_BYTES, (run * self.element) as u64);
        e.set(load::shape::GROUP_BYTES, (inner * self.element) as u64);
        e.set(load::loop0::COUNT, single as u64);
        e.set(load::loop0::STRIDE, dc);
        e.set(load::loop1::COUNT, columns as u64);
        e.set(load::loop1::STRIDE, dx);
        e.set(load::loop2::COUNT, rows as u64);
        e.set(load::loop2::STRIDE, dy);
        e.set(load::word0::COUNT, map.blocks(&geometry) as u64);
        e.set(load::word0::STRIDE, map.block_stride() as u64);
        e.set(load::word1::COUNT, load::word1::COUNT.max());
        e.set(load::word1::STRIDE, 1);
        e.launch(load::Function::Ibuf, &[])
    }
}

/// Space for tiles of a tensor that take turns in four places: of some rows, or of some columns of
/// one row where a row is too long.
#[derive(Debug)]
struct Tiles {
    places: Vec<usize>,
    words: usize,
    channels: usize,
    rows: usize,
    columns: usize,
}

impl Tiles {
    fn take(
        e: &mut Emitter,
        channels: usize,
        height: usize,
        width: usize,
    ) -> Result<Tiles, KernelError> {
        const PLACES: usize = 4;
        let blocks = channels.div_ceil(e.geometry.rows);
        // Enough of them that one is loaded while another is stored, of a size worth a launch.
        let most =
            (e.ibuf.largest() / PLACES).min((height * width * blocks).div_ceil(PLACES).max(256));
        let (rows, columns) = match most / (blocks * width) {
            0 => (1, (most / blocks).min(width)),
            rows => (rows.min(height), width),
        };
        let full = |e: &Emitter| KernelError::IbufFull {
            words: PLACES * blocks,
            largest: e.ibuf.largest(),
            total: e.geometry.ibuf_words,
        };
        if columns == 0 {
            return Err(full(e));
        }
        let words = rows * columns * blocks;
        let mut places: Vec<usize> = Vec::new();
        for _ in 0..PLACES {
            let apart: Vec<_> = places.iter().map(|&start| (start, words)).collect();
            places.push(e.ibuf.take(words, &apart).ok_or_else(|| full(e))?);
        }
        Ok(Tiles { places, words, channels, rows, columns })
    }

    /// The map of a tile of this size.
    fn map(&self, index: usize, [height, width]: [usize; 2]) -> Fmap {
        let addr = self.places.get(index % self.places.len()).copied().unwrap_or(0);
        Fmap { addr, channels: self.channels, height, width }
    }

    fn release(self, e: &mut Emitter) {
        for place in self.places {
            e.ibuf.give(place, self.words);
        }
    }
}

/// Emits an embedding whose indices are known: row `indices[i]` of a table becomes pixel i of the
/// output. Indices in arithmetic progression share a launch. LOAD takes no indices from memory, so
/// those of a run must be known when the program is made.
pub fn gather_rows(
    e: &mut Emitter,
    table: &DramTensor,
    indices: &[usize],
    output: &DramTensor,
) -> Result<(), KernelError> {
    let rows = table.height * table.width;
    if let Some(&index) = indices.iter().find(|&&index| index >= rows) {
        return Err(KernelError::Unsupported {
            kernel: "embedding",
            what: "index",
            value: index,
            limit: format!("the table has {rows} rows"),
        });
    }
    let whole = View::of(table.base, table.offset, [1, rows, table.channels], 1);
    let whole = View { element: e.geometry.activation_bytes, ..whole };
    let tiles = Tiles::take(e, table.channels, 1, indices.len())?;
    for (number, part) in indices.chunks(tiles.columns).enumerate() {
        let map = tiles.map(number, [1, part.len()]);
        let mut at = 0;
        while at < part.len() {
            let (step, count) = progression(&part[at..]);
            let range = Range { start: part[at], step, count };
            let all = |count| Range { start: 0, step: 1, count };
            let run = whole.sliced([all(1), range, all(table.channels)])?;
            run.load(e, [0, 0], [1, count], &map, at)?;
            at += count;
        }
        let skip = number * tiles.columns * output.pixel_bytes(&e.geometry);
        let width = part.len();
        let target = DramTensor { offset: output.offset + skip, height: 1, width, ..*output };
        store_rows(e, &map, 0..1, &target, [0, 0], 0)?;
    }
    tiles.release(e);
    Ok(())
}

/// Step and length of the arithmetic progression at the start of a list.
fn progression(indices: &[usize]) -> (i64, usize) {
    let [first, second, ..] = indices else { return (1, indices.len()) };
    let step = signed(*second) - signed(*first);
    let follows = |pair: &&[usize]| signed(pair[1]) - signed(pair[0]) == step;
    (step, 1 + indices.windows(2).take_while(follows).count())
}

/// Where a concatenation puts its next operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Below the one before.
    Rows,
    /// Behind its channels.
    Channels,
}

/// Emits a concatenation of tensors, each requantized to the output's scale.
pub fn concat(
    e: &mut Emitter,
    axis: Axis,
    inputs: &[(&DramTensor, Change)],
    output: &DramTensor,
) -> Result<(), KernelError> {
    let mut at = [0, 0];
    for &(input, quantization) in inputs {
        strips(e, Rows { at, ..Rows::default() }, &[input], output, |e, strip| {
            change(e, quantization, &strip.inputs[0], &strip.output)
        })?;
        match axis {
            Axis::Rows => at[0] += input.height,
            Axis::Channels => at[1] += input.channels,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progressions_end_where_the_step_changes() {
        assert_eq!(progression(&[7]), (1, 1));
        assert_eq!(progression(&[3, 5, 7, 8]), (2, 3));
        assert_eq!(progression(&[4, 4, 4]), (0, 3));
        assert_eq!(progression(&[9, 2]), (-7, 2));
    }
}
