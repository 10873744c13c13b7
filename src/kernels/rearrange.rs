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
        let blocks = (inner * self.element).div_ceil(e.geometry.rows * e.geometry.activation_bytes);
        // Tiles take turns in two places; of columns, where a row is too long.
        let most = e.ibuf.largest() / 2;
        let (rows, columns) = match most / (blocks * width) {
            0 => (1, most / blocks),
            rows => (rows.min(height), width),
        };
        let words = rows * columns * blocks;
        let full = KernelError::IbufFull {
            words: 2 * blocks,
            largest: 2 * most,
            total: e.geometry.ibuf_words,
        };
        if words == 0 {
            return Err(full);
        }
        let start = e.ibuf.take(words, &[]).ok_or(full.clone())?;
        let other = e.ibuf.take(words, &[(start, words)]).ok_or(full)?;
        let channels = inner * self.element / e.geometry.activation_bytes;
        let mut places = [start, other].into_iter().cycle();
        for y in (0..height).step_by(rows) {
            for x in (0..width).step_by(columns) {
                let addr = places.next().unwrap_or(start);
                let size = [rows.min(height - y), columns.min(width - x)];
                let map = Fmap { addr, channels, height: size[0], width: size[1] };
                self.load(e, [y, x], &map)?;
                store_rows(e, &map, 0..size[0], output, [y, x], 0)?;
            }
        }
        for place in [start, other] {
            e.ibuf.give(place, words);
        }
        Ok(())
    }

    /// Brings a rectangle of pixels into a map.
    fn load(&self, e: &mut Emitter, [y, x]: [usize; 2], map: &Fmap) -> Result<(), KernelError> {
        let geometry = e.geometry;
        let [_, _, inner] = self.shape;
        let element = signed(self.element);
        let [dy, dx, dc] = self.strides.map(|stride| stride * element);
        let at = |index: usize| signed(index);
        let offset = at(self.offset) + at(y) * dy + at(x) * dx;
        // Elements that follow each other are one run.
        let (run, single) = if dc == element { (inner, 1) } else { (1, inner) };
        e.reset(Engine::Load);
        e.set(load::dram::BASE, self.base);
        e.set(load::dram::OFFSET, offset);
        e.set(load::dst::ADDR, map.addr as u64);
        e.set(load::shape::RUN_BYTES, (run * self.element) as u64);
        e.set(load::shape::GROUP_BYTES, (inner * self.element) as u64);
        e.set(load::loop0::COUNT, single as u64);
        e.set(load::loop0::STRIDE, dc);
        e.set(load::loop1::COUNT, map.width as u64);
        e.set(load::loop1::STRIDE, dx);
        e.set(load::loop2::COUNT, map.height as u64);
        e.set(load::loop2::STRIDE, dy);
        e.set(load::word0::COUNT, map.blocks(&geometry) as u64);
        e.set(load::word0::STRIDE, map.block_stride() as u64);
        e.set(load::word1::COUNT, load::word1::COUNT.max());
        e.set(load::word1::STRIDE, 1);
        e.launch(load::Function::Ibuf, &[])
    }
}

/// Emits an embedding whose indices are known: row `indices[i]` of a table becomes pixel i of the
/// output. Indices in arithmetic progression share a launch; there are no indices in memory.
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
    let mut at = 0;
    while at < indices.len() {
        let (step, count) = progression(&indices[at..]);
        let range = Range { start: indices[at], step, count };
        let one = |count| Range { start: 0, step: 1, count };
        let part = whole.sliced([one(1), range, one(table.channels)])?;
        let skip = at * output.pixel_bytes(&e.geometry);
        let target =
            DramTensor { offset: output.offset + skip, height: 1, width: count, ..*output };
        part.gather(e, &target)?;
        at += count;
    }
    Ok(())
}

/// Step and length of the arithmetic progression at the start of a list.
fn progression(indices: &[usize]) -> (i64, usize) {
    let [first, second, ..] = indices else { return (1, indices.len()) };
    let step = signed(*second) - signed(*first);
    let follows = |pair: &&[usize]| {
        signed(pair[1]) - signed(pair[0]) == step
    };
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
