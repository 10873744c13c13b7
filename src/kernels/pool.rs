//! Pooling: maximum, average over the window or over what of it lies in the picture, global average.

use super::conv::Requant;
use super::strips::{Rows, strips};
use super::vector::{Nest, lane_word, requantize, signed, window};
use super::{DramTensor, Emitter, Fmap, KernelError};
use crate::isa::Engine;
use crate::isa::table::vector;

/// What a pooling window computes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pool {
    /// Largest activation; padding never wins. Input and output have the same quantization.
    Max,
    /// Mean over the whole window, padding counted as zero: the integer sum is requantized once by
    /// `scale` (input scale over output scale and window size).
    Average {
        /// Zero point of the input.
        input_zero: i32,
        /// Requantization scale of the sum.
        scale: f32,
        /// Output.
        output: Requant,
    },
    /// Mean over the part of the window that lies in the picture: the integer sum is requantized
    /// once by the input scale over the output scale times the number of pixels.
    AverageInside {
        /// Zero point of the input.
        input_zero: i32,
        /// Input scale.
        input_scale: f32,
        /// Output scale.
        output_scale: f32,
        /// Output.
        output: Requant,
    },
}

/// Outputs next to each other in one direction whose windows have as many pixels in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    start: usize,
    count: usize,
    pixels: usize,
}

/// Cuts `outputs` outputs where the number of pixels inside changes.
fn stretches(
    outputs: usize,
    size: usize,
    kernel: usize,
    stride: usize,
    pad: usize,
) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    for start in 0..outputs {
        let from = (start * stride).max(pad) - pad;
        let to = (start * stride + kernel).saturating_sub(pad).min(size);
        let pixels = to.saturating_sub(from);
        match found.last_mut() {
            Some(last) if last.pixels == pixels => last.count += 1,
            _ => found.push(Stretch { start, count: 1, pixels }),
        }
    }
    found
}

/// Emits a pooling of a map into a map; padding is given at the top and at the left, at the other
/// sides it follows from the size of the output.
pub fn pool(
    e: &mut Emitter,
    kind: Pool,
    kernel: [usize; 2],
    strides: [usize; 2],
    pads: [usize; 2],
    input: &Fmap,
    output: &Fmap,
) -> Result<(), KernelError> {
    let whole = |count| vec![Stretch { start: 0, count, pixels: 0 }];
    let sizes = [(output.height, input.height), (output.width, input.width)];
    let [rows, cols] = match kind {
        Pool::Max | Pool::Average { .. } => sizes.map(|(outputs, _)| whole(outputs)),
        Pool::AverageInside { .. } => [0, 1].map(|axis| {
            let (outputs, size) = sizes[axis];
            stretches(outputs, size, kernel[axis], strides[axis], pads[axis])
        }),
    };
    for slice in 0..e.geometry.slices {
        for row in &rows {
            for col in &cols {
                let part = Part { kernel, strides, pads, row: *row, col: *col, slice };
                part.emit(e, kind, input, output)?;
            }
        }
    }
    Ok(())
}

/// A rectangle of outputs in one launch.
struct Part {
    kernel: [usize; 2],
    strides: [usize; 2],
    pads: [usize; 2],
    row: Stretch,
    col: Stretch,
    slice: usize,
}

impl Part {
    fn emit(
        &self,
        e: &mut Emitter,
        kind: Pool,
        input: &Fmap,
        output: &Fmap,
    ) -> Result<(), KernelError> {
        let geometry = e.geometry;
        let Part { kernel: [kh, kw], strides, pads, row, col, slice } = *self;
        let y = signed(row.start * strides[0]) - signed(pads[0]);
        let x = signed(col.start * strides[1]) - signed(pads[1]);
        e.reset(Engine::Vector);
        let nest = Nest {
            counts: [kw, kh, col.count, row.count, 1, input.blocks(&geometry)],
            src1: [1, input.width, strides[1], strides[0] * input.width, 0, input.block_stride()],
            dst: [0, 0, 1, output.width, 0, output.block_stride()],
            step_y: [0, 1, 0, strides[0], 0, 0],
            step_x: [1, 0, strides[1], 0, 0, 0],
        };
        nest.set(e, geometry.slices);
        let source = lane_word(e, input, y, x, slice);
        e.set(vector::src1::ADDR, source);
        let target = lane_word(e, output, signed(row.start), signed(col.start), slice);
        e.set(vector::dst::ADDR, target);
        let average = match kind {
            Pool::Max => None,
            Pool::Average { input_zero, scale, output } => Some((input_zero, scale, output)),
            Pool::AverageInside { input_zero, input_scale, output_scale, output } => {
                let pixels = (row.pixels * col.pixels).max(1) as f32;
                Some((input_zero, input_scale / (output_scale * pixels), output))
            }
        };
        let reduce = if average.is_some() { 1 } else { 2 };
        match average {
            None => {
                let all = Requant::full(0, geometry.activation_bits);
                window(e, input, y, x, all.min);
                requantize(e, all);
            }
            Some((input_zero, scale, output)) => {
                window(e, input, y, x, input_zero);
                e.set(vector::bias::VALUE, -signed(kh * kw) * i64::from(input_zero));
                e.set(vector::scale::VALUE, scale.to_bits());
                requantize(e, output);
            }
        }
        e.launch(vector::Function::Move, &[(vector::REDUCE, reduce), (vector::LEVELS, 1)])
    }
}

/// Emits a pooling of a tensor in DRAM into another, in strips.
pub fn pool_from_dram(
    e: &mut Emitter,
    kind: Pool,
    kernel: [usize; 2],
    strides: [usize; 2],
    pads: [usize; 2],
    [input, output]: [&DramTensor; 2],
) -> Result<(), KernelError> {
    let rows = Rows { kernel: kernel[0], stride: strides[0], pad: pads[0], ..Rows::default() };
    strips(e, rows, &[input], output, |e, strip| {
        pool(e, kind, kernel, strides, [strip.pad, pads[1]], &strip.inputs[0], &strip.output)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_at_the_border_have_fewer_pixels() {
        let parts = stretches(4, 8, 3, 2, 1);
        let expected = [(0, 1, 2), (1, 3, 3)];
        assert_eq!(parts, expected.map(|(start, count, pixels)| Stretch { start, count, pixels }));
    }
}
