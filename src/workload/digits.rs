//! A real quantized network, written out by hand: handwritten digits of 8x8 pixels, two
//! depthwise-separable blocks, two residual blocks, global average pooling and a fully connected
//! layer. Weights and quantization come from the ONNX file.

use std::io::Cursor;

use ndarray::{Array1, Array2, Array4};
use ndarray_npy::{NpzReader, ReadNpzError};

use super::Workload;
use crate::design::Design;
use crate::kernels::conv::{Conv, Requant, Residual, Sink, Skip, Source, conv};
use crate::kernels::transfer::Lowering;
use crate::kernels::vector::{Depthwise, Pool, depthwise, pool};
use crate::kernels::weights::ConvWeights;
use crate::kernels::{Emitter, Fmap, KernelError};
use crate::onnx::qdq::{self, QConv, Quant};
use crate::onnx::{Model, OnnxError};
use crate::program::{Dtype, Layout, RegionKind, Tensor};

/// Why the network cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum DigitsError {
    /// The file is not the expected network.
    #[error("digits network: {0}")]
    Onnx(#[from] OnnxError),
    /// The machine cannot run it.
    #[error("digits network: {0}")]
    Kernel(#[from] KernelError),
    /// The pictures cannot be read.
    #[error("digits network, held-out pictures: {0}")]
    Pictures(#[from] ReadNpzError),
}

/// The network as a program for one picture.
#[derive(Debug, Clone)]
pub struct Digits {
    /// The program, with tensors `input` (1x8x8x1) and `logits` (1x1x1x10).
    pub workload: Workload,
    /// Quantization of the input.
    pub input: Quant,
    /// Quantization of the logits.
    pub logits: Quant,
}

/// Pixels on a side.
pub const SIZE: usize = 8;
/// Classes.
pub const CLASSES: usize = 10;

struct Net<'m, 'd> {
    model: &'m Model,
    e: Emitter<'d>,
    bits: usize,
}

impl Net<'_, '_> {
    fn requant(&self, output: Quant) -> Requant {
        Requant::full(output.zero, self.bits)
    }

    fn layer<'a>(&self, q: &'a QConv) -> Conv<'a> {
        Conv {
            weights: ConvWeights {
                out_channels: q.out_channels,
                in_channels: q.in_channels,
                kernel: q.kernel,
                values: &q.weights,
            },
            strides: q.strides,
            pads: q.pads,
            dilations: [1, 1],
            input_zero: q.input.zero,
            bias: &q.bias,
            scales: &q.scales,
            output: self.requant(q.output),
            residual: None,
            table: None,
        }
    }

    fn conv(&mut self, name: &str, input: &Fmap) -> Result<Fmap, DigitsError> {
        let q = qdq::conv(self.model, name)?;
        let layer = self.layer(&q);
        let [height, width] = layer.output_size(input.height, input.width);
        let output = self.e.fmap([height, width, q.out_channels], &[input])?;
        self.e.note(name);
        conv(&mut self.e, &layer, Source::Map(*input), Sink::Map(output), None)?;
        self.e.release(input);
        Ok(output)
    }

    /// Convolution `name` whose result is added to its input by node `sum`.
    fn residual(&mut self, name: &str, sum: &str, input: &Fmap) -> Result<Fmap, DigitsError> {
        let q = qdq::conv(self.model, name)?;
        let add = qdq::add(self.model, sum)?;
        let mut layer = self.layer(&q);
        layer.residual = Some(Residual {
            scale_a: add.a.scale / add.sum.scale,
            scale_b: add.b.scale / add.sum.scale,
            zero_b: add.b.zero,
            a_is_second: false,
            sum: self.requant(add.sum),
        });
        let output = self.e.fmap([input.height, input.width, q.out_channels], &[input])?;
        self.e.note(format!("{name}, {sum}"));
        conv(&mut self.e, &layer, Source::Map(*input), Sink::Map(output), Some(Skip::Map(*input)))?;
        self.e.release(input);
        Ok(output)
    }

    fn depthwise(&mut self, name: &str, input: &Fmap) -> Result<Fmap, DigitsError> {
        let q = qdq::conv(self.model, name)?;
        let [height, width] = self.layer(&q).output_size(input.height, input.width);
        let output = self.e.fmap([height, width, q.out_channels], &[input])?;
        let layer = Depthwise {
            kernel: q.kernel,
            weights: &q.weights,
            strides: q.strides,
            pads: [q.pads[0], q.pads[1]],
            input_zero: q.input.zero,
            bias: &q.bias,
            scales: &q.scales,
            output: self.requant(q.output),
        };
        self.e.note(name);
        depthwise(&mut self.e, &layer, input, &output)?;
        self.e.release(input);
        Ok(output)
    }

    fn global_average(&mut self, name: &str, input: &Fmap) -> Result<Fmap, DigitsError> {
        let (from, to) = qdq::unary(self.model, name)?;
        let output = self.e.fmap([1, 1, input.channels], &[input])?;
        let size = [input.height, input.width];
        let count = (input.height * input.width) as f32;
        let kind = Pool::Average {
            input_zero: from.zero,
            scale: from.scale / (to.scale * count),
            output: self.requant(to),
        };
        self.e.note(name);
        pool(&mut self.e, kind, size, [1, 1], [0, 0], input, &output)?;
        self.e.release(input);
        Ok(output)
    }
}

/// Builds the network for a design.
pub fn program(design: &Design, model: &Model) -> Result<Digits, DigitsError> {
    let mut net = Net { model, e: Emitter::new(design)?, bits: design.activation_bits() };
    let input_quant = qdq::network_input(model)?;

    let first = qdq::conv(model, "c0")?;
    let reduction = first.in_channels * first.kernel[0] * first.kernel[1];
    // One input channel: the reduction in the order kh, kw is the order of the weights.
    let mut flat = net.layer(&first);
    flat.weights = ConvWeights {
        out_channels: first.out_channels,
        in_channels: reduction,
        kernel: [1, 1],
        values: &first.weights,
    };
    flat.pads = [0; 4];
    let lowering = Lowering {
        kernel: first.kernel,
        strides: first.strides,
        pads: [first.pads[0], first.pads[1]],
        zero: first.input.zero,
    };
    let input =
        net.e.dram_tensor("input", RegionKind::Input, [SIZE, SIZE, 1], lowering.margin(SIZE, 1));
    let logits = net.e.dram_tensor("logits", RegionKind::Output, [1, 1, CLASSES], 0);
    let map = net.e.fmap([SIZE, SIZE, first.out_channels], &[])?;
    net.e.note("c0");
    conv(&mut net.e, &flat, Source::Lowered(input, lowering), Sink::Map(map), None)?;

    let map = net.depthwise("c1", &map)?;
    let map = net.conv("c2", &map)?;
    let map = net.depthwise("c3", &map)?;
    let map = net.conv("c4", &map)?;
    let map = net.residual("c5", "a5", &map)?;
    let map = net.residual("c6", "a6", &map)?;
    let map = net.global_average("gap", &map)?;
    let last = qdq::fully_connected(model, "fc")?;
    let layer = net.layer(&last);
    net.e.note("fc");
    conv(&mut net.e, &layer, Source::Map(map), Sink::Dram(logits), None)?;

    for (name, tensor, quant, shape) in [
        ("input", &input, input_quant, [1, SIZE as u64, SIZE as u64, 1]),
        ("logits", &logits, last.output, [1, 1, 1, CLASSES as u64]),
    ] {
        net.e.builder().tensor(Tensor {
            name: name.to_owned(),
            region: tensor.base,
            offset: tensor.offset as u64,
            shape: shape.to_vec(),
            layout: Layout::Nhwc,
            dtype: Dtype::Int8,
            scale: quant.scale,
            zero: quant.zero,
            network: None,
        });
    }
    let macs = net.e.macs();
    let workload = Workload { program: net.e.finish()?, macs };
    Ok(Digits { workload, input: input_quant, logits: last.output })
}

/// QuantizeLinear: divides, rounds half to even, adds the zero point, saturates to int8.
pub fn quantize(value: f32, quant: Quant) -> i8 {
    let rounded = (value / quant.scale).round_ties_even() + quant.zero as f32;
    // A float-to-integer cast saturates, which is what the operator does.
    rounded.clamp(-128.0, 127.0) as i8
}

/// The model file.
const MODEL: &[u8] = include_bytes!("../../tests/data/digits_int8.onnx");
/// Pictures held out from training, their labels and onnxruntime's logits.
const HELD_OUT: &[u8] = include_bytes!("../../tests/data/digits_test.npz");

/// The network that comes with the program.
pub fn model() -> Result<Model, OnnxError> {
    Model::from_bytes(MODEL)
}

/// Pictures the network was not trained on, quantized, and what onnxruntime makes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldOut {
    /// Input bytes per picture.
    pub pictures: Vec<Vec<u8>>,
    /// Digit per picture.
    pub labels: Vec<usize>,
    /// onnxruntime's quantized logits per picture.
    pub logits: Vec<Vec<u8>>,
}

/// Reads the held-out pictures for a network.
pub fn held_out(digits: &Digits) -> Result<HeldOut, DigitsError> {
    let mut npz = NpzReader::new(Cursor::new(HELD_OUT))?;
    let images: Array4<u8> = npz.by_name("images")?;
    let labels: Array1<u8> = npz.by_name("labels")?;
    let logits: Array2<f32> = npz.by_name("onnxruntime_logits")?;
    let bytes = |values: &mut dyn Iterator<Item = f32>, quant: Quant| -> Vec<u8> {
        values.map(|value| quantize(value, quant).cast_unsigned()).collect()
    };
    Ok(HeldOut {
        pictures: images
            .outer_iter()
            .map(|image| bytes(&mut image.iter().map(|&p| f32::from(p) / 16.0), digits.input))
            .collect(),
        labels: labels.iter().map(|&label| usize::from(label)).collect(),
        logits: logits
            .outer_iter()
            .map(|row| bytes(&mut row.iter().copied(), digits.logits))
            .collect(),
    })
}

/// The class with the largest logit, the first of equals.
pub fn class(logits: &[u8]) -> usize {
    let signed = |index: &usize| logits[*index].cast_signed();
    (0..logits.len()).rev().max_by_key(signed).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_becomes_a_program_for_every_preset() {
        let model = model().unwrap();
        for preset in ["default", "edge", "tiny", "aws_f1", "aws_f2", "genesys_03"] {
            let design = Design::preset(preset).unwrap();
            let digits = program(&design, &model).unwrap();
            // 64 x 16 x 9, twice; 64 x 32 x 16; 16 x 32 x 9; 16 x 64 x 32; 16 x 64 x 64 x 9, twice; 640.
            assert_eq!(digits.workload.macs, 1_268_864, "{preset}");
        }
    }
}
