//! Depthwise convolution on the lanes, and what all kernels on feature maps share.
//!
//! VECTOR addresses IBUF in words of `lanes` activations, `slices` of them to an IBUF word, so a
//! feature map's strides are multiplied by `slices` and a kernel is launched once per slice.

use std::ops::Range;

use super::conv::Requant;
use super::conv_launch::wrap;
use super::strips::{Rows, strips};
use super::transfer::load_words;
use super::weights::{depthwise_words, lane_params};
use super::{DramTensor, Emitter, Fmap, KernelError};
use crate::isa::Engine;
use crate::isa::levels::vector::{DST, LOOPS, SRC2, STEP_X, STEP_Y};
use crate::isa::table::{load, vector};

pub use super::maps::add;
pub use super::pool::{Pool, pool};

/// A depthwise convolution.
#[derive(Debug, Clone)]
pub struct Depthwise<'a> {
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Weights, `[channel][kh][kw]`.
    pub weights: &'a [i8],
    /// Vertical and horizontal stride.
    pub strides: [usize; 2],
    /// Padding at the top and at the left.
    pub pads: [usize; 2],
    /// Zero point of the input.
    pub input_zero: i32,
    /// Bias per channel, before the input's zero point is folded in.
    pub bias: &'a [i32],
    /// Requantization scale per channel.
    pub scales: &'a [f32],
    /// Output.
    pub output: Requant,
}

/// Strides of the operands over the six loops.
#[derive(Debug, Default)]
pub(super) struct Nest {
    pub counts: [usize; 6],
    pub src1: [usize; 6],
    pub dst: [usize; 6],
    pub step_y: [usize; 6],
    pub step_x: [usize; 6],
}

impl Nest {
    /// Sets the loops, with strides of `scale` lane words to a word.
    pub(super) fn set(&self, e: &mut Emitter, scale: usize) {
        for level in 0..6 {
            let (count, stride) = LOOPS[level];
            e.set(count, self.counts[level] as u64);
            e.set(stride, (self.src1[level] * scale) as u64);
            e.set(DST[level], (self.dst[level] * scale) as u64);
            e.set(STEP_Y[level], self.step_y[level] as u64);
            e.set(STEP_X[level], self.step_x[level] as u64);
        }
    }
}

/// Sets the window of a map: its size and the coordinate of the first operand.
pub(super) fn window(e: &mut Emitter, map: &Fmap, y: i64, x: i64, zero: i32) {
    e.set(vector::window_y::START, y);
    e.set(vector::window_y::LIMIT, map.height as u64);
    e.set(vector::window_x::START, x);
    e.set(vector::window_x::LIMIT, map.width as u64);
    e.set(vector::pad::VALUE, zero);
}

pub(super) fn requantize(e: &mut Emitter, output: Requant) {
    e.set(vector::quant::ZERO, output.zero);
    e.set(vector::quant::MIN, output.min);
    e.set(vector::quant::MAX, output.max);
}

pub(super) fn signed(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Lane word of slice `slice` at pixel (y, x) of a map; the pixel may lie outside.
pub(super) fn lane_word(e: &Emitter, map: &Fmap, y: i64, x: i64, slice: usize) -> i64 {
    let word = signed(map.addr) + y * signed(map.width) + x;
    wrap(word * signed(e.geometry.slices) + signed(slice))
}

/// Constants of a depthwise convolution on chip.
#[derive(Debug)]
pub struct DepthwiseConstants {
    weights: Fmap,
    /// First VMEM word and number of words of the parameters of each slice.
    params: Vec<(usize, usize)>,
}

impl DepthwiseConstants {
    /// Brings weights into IBUF, apart from maps that are used with them, and parameters into VMEM.
    pub fn load(
        e: &mut Emitter,
        layer: &Depthwise,
        channels: usize,
        apart: &[&Fmap],
    ) -> Result<DepthwiseConstants, KernelError> {
        let geometry = e.geometry;
        let [kh, kw] = layer.kernel;
        let words = depthwise_words(&geometry, channels, layer.kernel, layer.weights);
        let window_words = kw.next_multiple_of(geometry.taps);
        let sums = layer
            .weights
            .chunks(kh * kw)
            .map(|taps| taps.iter().map(|&tap| i32::from(tap)).sum::<i32>());
        let bias: Vec<i32> = layer
            .bias
            .iter()
            .zip(sums)
            .map(|(bias, sum)| bias.wrapping_sub(sum.wrapping_mul(layer.input_zero)))
            .collect();
        // Space for everything before anything is loaded.
        let weights = e.fmap([kh, window_words, channels], apart)?;
        let mut constants = DepthwiseConstants { weights, params: Vec::new() };
        let mut images = Vec::new();
        for slice in 0..geometry.slices {
            let bytes = lane_params(&geometry, &bias, layer.scales, slice, geometry.slices);
            let words = bytes.len() / (4 * geometry.lanes);
            let Some(param) = e.vmem.take(words, &[]) else {
                constants.release(e);
                return Err(KernelError::VmemFull { words, total: geometry.vmem_words });
            };
            constants.params.push((param, words));
            images.push((param, bytes));
        }
        let dram = e.constants(&words);
        load_words(e, load::Function::Ibuf, dram, words.len(), weights.addr)?;
        for (param, bytes) in images {
            let dram = e.constants(&bytes);
            load_words(e, load::Function::Vmem, dram, bytes.len(), param)?;
        }
        Ok(constants)
    }

    /// Gives their space back.
    pub fn release(self, e: &mut Emitter) {
        for (start, words) in self.params {
            e.vmem.give(start, words);
        }
        e.release(&self.weights);
    }
}

/// Emits a depthwise convolution of a map into a map.
pub fn depthwise(
    e: &mut Emitter,
    layer: &Depthwise,
    input: &Fmap,
    output: &Fmap,
) -> Result<(), KernelError> {
    let constants = DepthwiseConstants::load(e, layer, input.channels, &[input, output])?;
    depthwise_with(e, layer, &constants, input, output)?;
    constants.release(e);
    Ok(())
}

/// The same with constants that are on chip.
pub fn depthwise_with(
    e: &mut Emitter,
    layer: &Depthwise,
    constants: &DepthwiseConstants,
    input: &Fmap,
    output: &Fmap,
) -> Result<(), KernelError> {
    let blocks = 0..input.blocks(&e.geometry);
    depthwise_part(e, layer, constants, [input, output], 0..output.height, blocks)
}

/// Emits some rows of the output and some blocks of channels.
pub fn depthwise_part(
    e: &mut Emitter,
    layer: &Depthwise,
    constants: &DepthwiseConstants,
    [input, output]: [&Fmap; 2],
    rows: Range<usize>,
    blocks: Range<usize>,
) -> Result<(), KernelError> {
    let geometry = e.geometry;
    let [kh, kw] = layer.kernel;
    let [stride_y, stride_x] = layer.strides;
    let segments = kw.div_ceil(geometry.taps);
    let window_words = segments * geometry.taps;
    let channels = (blocks.end * geometry.rows).min(input.channels) - blocks.start * geometry.rows;
    e.count_macs(rows.len() * output.width * channels * kh * kw);
    let from = |map: &Fmap| Fmap { addr: map.addr + blocks.start * map.block_stride(), ..*map };
    let [input, output, weights] = [input, output, &constants.weights].map(from);
    let part = output.width.div_ceil(output.width.div_ceil(geometry.acc_depth));

    for (slice, &(param, _)) in constants.params.iter().enumerate() {
        for col in (0..output.width).step_by(part) {
            let width = part.min(output.width - col);
            let y = signed(rows.start * stride_y) - signed(layer.pads[0]);
            let x = signed(col * stride_x) - signed(layer.pads[1]);
            e.reset(Engine::Vector);
            let taps = geometry.taps;
            let nest = Nest {
                counts: [(width - 1) * stride_x + taps, segments, kh, rows.len(), 1, blocks.len()],
                src1: [1, taps, input.width, stride_y * input.width, 0, input.block_stride()],
                dst: [0, 0, 0, output.width, 0, output.block_stride()],
                step_y: [0, 0, 1, stride_y, 0, 0],
                step_x: [1, taps, 0, 0, 0, 0],
            };
            nest.set(e, geometry.slices);
            for (level, distance) in [(1, taps), (2, window_words), (5, weights.block_stride())] {
                e.set(SRC2[level], (distance * geometry.slices) as u64);
            }
            let source = lane_word(e, &input, y, x, slice);
            e.set(vector::src1::ADDR, source);
            let weight = lane_word(e, &weights, 0, 0, slice);
            e.set(vector::src2::ADDR, weight);
            let target = lane_word(e, &output, signed(rows.start), signed(col), slice);
            e.set(vector::dst::ADDR, target);
            window(e, &input, y, x, layer.input_zero);
            e.set(vector::taps::STRIDE, stride_x as u64);
            e.set(vector::taps::TAP_STRIDE, geometry.slices as u64);
            e.set(vector::taps::OUT_STRIDE, geometry.slices as u64);
            // A bias and a scale word for every block.
            e.set(vector::param::ADDR, (param + 2 * blocks.start) as u64);
            requantize(e, layer.output);
            e.launch(vector::Function::Depthwise, &[(vector::SRC2, 1), (vector::CHANNEL, 1)])?;
        }
    }
    Ok(())
}

/// Emits a depthwise convolution of a tensor in DRAM into another: strips of output rows, loaded,
/// computed and stored at the same time.
pub fn depthwise_from_dram(
    e: &mut Emitter,
    layer: &Depthwise,
    input: &DramTensor,
    output: &DramTensor,
) -> Result<(), KernelError> {
    let constants = DepthwiseConstants::load(e, layer, input.channels, &[])?;
    let rows = Rows {
        kernel: layer.kernel[0],
        stride: layer.strides[0],
        pad: layer.pads[0],
        ..Rows::default()
    };
    strips(e, rows, &[input], output, |e, strip| {
        let part = Depthwise { pads: [strip.pad, layer.pads[1]], ..layer.clone() };
        depthwise_with(e, &part, &constants, &strip.inputs[0], &strip.output)
    })?;
    constants.release(e);
    Ok(())
}
