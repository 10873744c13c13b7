//! Depthwise convolution, pooling and addition on the lanes.
//!
//! VECTOR addresses IBUF in words of `lanes` activations, `slices` of them to an IBUF word, so a
//! feature map's strides are multiplied by `slices` and a kernel is launched once per slice.

use super::conv::{Requant, Residual, wrap};
use super::transfer::{load_rows, load_words, store_rows};
use super::weights::{depthwise_words, lane_params};
use super::{DramTensor, Emitter, Fmap, KernelError};
use crate::isa::Engine;
use crate::isa::levels::vector::{DST, LOOPS, SRC2, STEP_X, STEP_Y};
use crate::isa::table::{load, vector};

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
struct Nest {
    counts: [usize; 6],
    src1: [usize; 6],
    dst: [usize; 6],
    step_y: [usize; 6],
    step_x: [usize; 6],
}

impl Nest {
    /// Sets the loops, with strides of `scale` lane words to a word.
    fn set(&self, e: &mut Emitter, scale: usize) {
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
fn window(e: &mut Emitter, map: &Fmap, y: i64, x: i64, zero: i32) {
    e.set(vector::window_y::START, y);
    e.set(vector::window_y::LIMIT, map.height as u64);
    e.set(vector::window_x::START, x);
    e.set(vector::window_x::LIMIT, map.width as u64);
    e.set(vector::pad::VALUE, zero);
}

fn requantize(e: &mut Emitter, output: Requant) {
    e.set(vector::quant::ZERO, output.zero);
    e.set(vector::quant::MIN, output.min);
    e.set(vector::quant::MAX, output.max);
}

fn signed(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Lane word of slice `slice` at pixel (y, x) of a map; the pixel may lie outside.
fn lane_word(e: &Emitter, map: &Fmap, y: i64, x: i64, slice: usize) -> i64 {
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
        let weights = e.fmap([kh, window_words, channels], apart)?;
        let dram = e.constants(&words);
        load_words(e, load::Function::Ibuf, dram, words.len(), weights.addr)?;

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
        let mut params = Vec::new();
        for slice in 0..geometry.slices {
            let bytes = lane_params(&geometry, &bias, layer.scales, slice, geometry.slices);
            let words = bytes.len() / (4 * geometry.lanes);
            let param = e
                .vmem
                .take(words, &[])
                .ok_or(KernelError::VmemFull { words, total: geometry.vmem_words })?;
            let dram = e.constants(&bytes);
            load_words(e, load::Function::Vmem, dram, bytes.len(), param)?;
            params.push((param, words));
        }
        Ok(DepthwiseConstants { weights, params })
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
    let geometry = e.geometry;
    let [kh, kw] = layer.kernel;
    let [stride_y, stride_x] = layer.strides;
    let segments = kw.div_ceil(geometry.taps);
    let window_words = segments * geometry.taps;
    e.count_macs(output.height * output.width * layer.weights.len());
    let weights = constants.weights;
    let part = output.width.div_ceil(output.width.div_ceil(geometry.acc_depth));

    for (slice, &(param, _)) in constants.params.iter().enumerate() {
        for col in (0..output.width).step_by(part) {
            let width = part.min(output.width - col);
            let y = -signed(layer.pads[0]);
            let x = signed(col * stride_x) - signed(layer.pads[1]);
            e.reset(Engine::Vector);
            let taps = geometry.taps;
            let nest = Nest {
                counts: [
                    (width - 1) * stride_x + taps,
                    segments,
                    kh,
                    output.height,
                    1,
                    input.blocks(&geometry),
                ],
                src1: [1, taps, input.width, stride_y * input.width, 0, input.block_stride()],
                dst: [0, 0, 0, output.width, 0, output.block_stride()],
                step_y: [0, 0, 1, stride_y, 0, 0],
                step_x: [1, taps, 0, 0, 0, 0],
            };
            nest.set(e, geometry.slices);
            for (level, distance) in [(1, taps), (2, window_words), (5, weights.block_stride())] {
                e.set(SRC2[level], (distance * geometry.slices) as u64);
            }
            let source = lane_word(e, input, y, x, slice);
            e.set(vector::src1::ADDR, source);
            let weight = lane_word(e, &weights, 0, 0, slice);
            e.set(vector::src2::ADDR, weight);
            let target = lane_word(e, output, 0, signed(col), slice);
            e.set(vector::dst::ADDR, target);
            window(e, input, y, x, layer.input_zero);
            e.set(vector::taps::STRIDE, stride_x as u64);
            e.set(vector::taps::TAP_STRIDE, geometry.slices as u64);
            e.set(vector::taps::OUT_STRIDE, geometry.slices as u64);
            e.set(vector::param::ADDR, param as u64);
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
    let (kh, stride, top) = (layer.kernel[0], layer.strides[0], layer.pads[0]);
    let constants = DepthwiseConstants::load(e, layer, input.channels, &[])?;
    // Input rows an output strip needs, and where the first lies against the picture.
    let span = |rows: usize| (rows - 1) * stride + kh;
    let blocks = input.channels.div_ceil(e.geometry.rows);
    let words =
        |rows: usize| blocks * (span(rows).min(input.height) * input.width + rows * output.width);
    // Strips take turns in two places; longer ones waste less on rows that are loaded twice.
    let most = e.ibuf.largest() / 2;
    let strip = (1..=output.height.min(16)).rev().find(|&rows| words(rows) <= most).ok_or(
        KernelError::IbufFull {
            words: 2 * words(1),
            largest: e.ibuf.largest(),
            total: e.geometry.ibuf_words,
        },
    )?;
    let place = words(strip);
    // One strip is computed while the other's banks are loaded and stored.
    let mut places: Vec<usize> = Vec::new();
    for _ in 0..2 {
        let apart: Vec<_> = places.iter().map(|&start| (start, place)).collect();
        let start = e.ibuf.take(place, &apart).ok_or(KernelError::IbufFull {
            words: place,
            largest: e.ibuf.largest(),
            total: e.geometry.ibuf_words,
        })?;
        places.push(start);
    }
    let mut start = 0;
    for (index, rows) in ramp(output.height, strip).into_iter().enumerate() {
        let addr = places[index % 2];
        let source = Fmap { addr, channels: input.channels, height: 0, width: input.width };
        let target = Fmap {
            addr: addr + blocks * span(strip).min(input.height) * input.width,
            channels: output.channels,
            height: rows,
            width: output.width,
        };
        let first = (start * stride).saturating_sub(top);
        let end = (start * stride + span(rows)).saturating_sub(top).min(input.height);
        let source = Fmap { height: end - first, ..source };
        load_rows(e, input, first..end, &source, 0)?;
        let pads = [(top + first) - start * stride, layer.pads[1]];
        let part = Depthwise { pads, ..layer.clone() };
        depthwise_with(e, &part, &constants, &source, &target)?;
        store_rows(e, &target, 0..rows, output, [start, 0], 0)?;
        start += rows;
    }
    for start in places {
        e.ibuf.give(start, place);
    }
    constants.release(e);
    Ok(())
}

/// Strips of at most `most` rows, short ones first and last: nothing is computed before the first
/// is loaded, and the last is stored when all is computed.
fn ramp(total: usize, most: usize) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut rest, mut size) = (total, 2);
    while size < most && rest > 2 * (size + most) {
        ends.push(size);
        rest -= 2 * size;
        size *= 2;
    }
    let parts = rest.div_ceil(most);
    let middle = (0..parts).map(|part| rest / parts + usize::from(part < rest % parts));
    let last = ends.iter().rev().copied();
    ends.iter().copied().chain(middle).chain(last).collect()
}

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
}

/// Emits a pooling of a map into a map.
pub fn pool(
    e: &mut Emitter,
    kind: Pool,
    kernel: [usize; 2],
    strides: [usize; 2],
    pads: [usize; 2],
    input: &Fmap,
    output: &Fmap,
) -> Result<(), KernelError> {
    let geometry = e.geometry;
    let [kh, kw] = kernel;
    let (y, x) = (-signed(pads[0]), -signed(pads[1]));
    let reduce = match kind {
        Pool::Max => 2,
        Pool::Average { .. } => 1,
    };
    for slice in 0..geometry.slices {
        e.reset(Engine::Vector);
        let nest = Nest {
            counts: [kw, kh, output.width, output.height, 1, input.blocks(&geometry)],
            src1: [1, input.width, strides[1], strides[0] * input.width, 0, input.block_stride()],
            dst: [0, 0, 1, output.width, 0, output.block_stride()],
            step_y: [0, 1, 0, strides[0], 0, 0],
            step_x: [1, 0, strides[1], 0, 0, 0],
        };
        nest.set(e, geometry.slices);
        let source = lane_word(e, input, y, x, slice);
        e.set(vector::src1::ADDR, source);
        let target = lane_word(e, output, 0, 0, slice);
        e.set(vector::dst::ADDR, target);
        match kind {
            Pool::Max => {
                let all = Requant::full(0, geometry.activation_bits);
                window(e, input, y, x, all.min);
                requantize(e, all);
            }
            Pool::Average { input_zero, scale, output } => {
                window(e, input, y, x, input_zero);
                e.set(vector::bias::VALUE, -signed(kh * kw) * i64::from(input_zero));
                e.set(vector::scale::VALUE, scale.to_bits());
                requantize(e, output);
            }
        }
        e.launch(vector::Function::Move, &[(vector::REDUCE, reduce), (vector::LEVELS, 1)])?;
    }
    Ok(())
}

/// Emits the addition of two maps of the same shape: `a` with zero point `zero_a` plays the part of
/// the requantized result of [`Residual`].
pub fn add(
    e: &mut Emitter,
    residual: &Residual,
    zero_a: i32,
    a: &Fmap,
    b: &Fmap,
    output: &Fmap,
) -> Result<(), KernelError> {
    let geometry = e.geometry;
    let words = output.size(&geometry) * geometry.slices;
    let row = output.width * geometry.slices;
    e.reset(Engine::Vector);
    let counts = [row, words / row];
    for (level, count) in counts.into_iter().enumerate() {
        let (field, stride) = LOOPS[level];
        let distance = if level == 0 { 1 } else { row };
        e.set(field, count as u64);
        e.set(stride, distance as u64);
        e.set(SRC2[level], distance as u64);
        e.set(DST[level], distance as u64);
    }
    for (field, map) in
        [(vector::src1::ADDR, a), (vector::src2::ADDR, b), (vector::dst::ADDR, output)]
    {
        let addr = lane_word(e, map, 0, 0, 0);
        e.set(field, addr);
    }
    // The first stage leaves the stored value as it is, but within the clamp, whose limits are all
    // an activation can be.
    let identity = Requant::full(zero_a, geometry.activation_bits);
    e.set(vector::bias::VALUE, -i64::from(zero_a));
    requantize(e, identity);
    e.set(vector::res_quant::ZERO, residual.sum.zero);
    e.set(vector::res_quant::MIN, residual.sum.min);
    e.set(vector::res_quant::MAX, residual.sum.max);
    e.set(vector::res_scale_a::VALUE, residual.scale_a.to_bits());
    e.set(vector::res_scale_b::VALUE, residual.scale_b.to_bits());
    e.set(vector::res_scale_b::ZERO, residual.zero_b);
    e.launch(vector::Function::Move, &[(vector::SRC2, 1), (vector::RESIDUAL, 1)])
}
