//! Benchmarks of single operators, from DRAM to DRAM.

use super::{Random, Workload};
use crate::design::Design;
use crate::kernels::conv::{Conv, Cut, Requant, Residual, Sink, Skip, Source, conv};
use crate::kernels::transfer::{Lowering, load_rows, store_rows};
use crate::kernels::vector::{Depthwise, depthwise_from_dram};
use crate::kernels::weights::ConvWeights;
use crate::kernels::{DramTensor, Emitter, Fmap, KernelError};
use crate::program::{Dtype, Layout, RegionKind, Tensor};

/// A convolution benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Height of the input.
    pub height: usize,
    /// Width of the input.
    pub width: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Kernel height and width.
    pub kernel: usize,
    /// Stride in both directions.
    pub stride: usize,
    /// Padding on all sides.
    pub pad: usize,
    /// Layers in a row, each with a residual addition of its input when there is more than one.
    pub layers: usize,
}

/// Channels up to which a first layer is lowered on the way in, as a fraction of the rows.
const FEW_CHANNELS: usize = 4;

/// Random constants of a layer.
struct Constants {
    weights: Vec<i8>,
    bias: Vec<i32>,
    scales: Vec<f32>,
}

impl Constants {
    /// Results spread over the range of an activation: the standard deviation of a sum of
    /// `reduction` products of uniform bytes is about 74 * 74 * sqrt(reduction).
    fn new(random: &mut Random, out_channels: usize, reduction: usize) -> Constants {
        let spread = 74.0 * 74.0 * (reduction as f32).sqrt();
        Constants {
            weights: random.weights(out_channels * reduction),
            bias: (0..out_channels).map(|_| i32::from(random.weight()) * 16).collect(),
            scales: (0..out_channels)
                .map(|_| (40.0 + f32::from(random.weight()) / 16.0) / spread)
                .collect(),
        }
    }
}

/// C = requantize(A * B) with A of m x k and B of k x n, all int8; A and C dense in DRAM.
pub fn gemm(
    design: &Design,
    m: usize,
    n: usize,
    k: usize,
    seed: u64,
) -> Result<Workload, KernelError> {
    conv_from_dram(
        design,
        ConvShape {
            height: m,
            width: 1,
            in_channels: k,
            out_channels: n,
            kernel: 1,
            stride: 1,
            pad: 0,
            layers: 1,
        },
        seed,
    )
}

/// A convolution, or a chain of them with residual additions whose maps stay on chip.
pub fn convolution(design: &Design, shape: ConvShape, seed: u64) -> Result<Workload, KernelError> {
    if shape.layers > 1 {
        return chain(design, shape, seed);
    }
    if shape.kernel > 1 && shape.in_channels * FEW_CHANNELS <= design.rows() {
        return lowered(design, shape, seed);
    }
    conv_from_dram(design, shape, seed)
}

/// Declares the tensors of a program and puts random data into the input.
fn border(e: &mut Emitter, random: &mut Random, input: &DramTensor, output: &DramTensor) {
    let bytes = input.bytes(&e.geometry);
    let data = random.activations(bytes);
    if let Some(region) = e.builder().region_mut(input.base) {
        region.data = vec![0; input.offset];
        region.data.extend(data);
    }
    for (name, tensor) in [("input", input), ("output", output)] {
        let declared = activation_tensor(e, name, tensor);
        e.builder().tensor(declared);
    }
}

fn activation_tensor(e: &Emitter, name: &str, tensor: &DramTensor) -> Tensor {
    Tensor {
        name: name.to_owned(),
        region: tensor.base,
        offset: tensor.offset as u64,
        shape: vec![1, tensor.height as u64, tensor.width as u64, tensor.channels as u64],
        layout: Layout::Nhwc,
        dtype: if e.geometry.activation_bytes == 1 { Dtype::Int8 } else { Dtype::Int16 },
        scale: 1.0,
        zero: 0,
        network: None,
    }
}

fn layer<'a>(
    shape: &ConvShape,
    in_channels: usize,
    constants: &'a Constants,
    bits: usize,
) -> Conv<'a> {
    Conv {
        weights: ConvWeights {
            out_channels: shape.out_channels,
            in_channels,
            kernel: [shape.kernel; 2],
            values: &constants.weights,
        },
        strides: [shape.stride; 2],
        pads: [shape.pad; 4],
        dilations: [1; 2],
        input_zero: 3,
        bias: &constants.bias,
        scales: &constants.scales,
        output: Requant::full(-5, bits),
        residual: None,
        table: None,
        cut: Cut::default(),
    }
}

/// A depthwise convolution with `same` padding, from DRAM to DRAM.
pub fn depthwise(
    design: &Design,
    [height, width, channels]: [usize; 3],
    kernel: usize,
    stride: usize,
    seed: u64,
) -> Result<Workload, KernelError> {
    let mut random = Random::new(seed);
    let mut e = Emitter::new(design)?;
    let constants = Constants::new(&mut random, channels, kernel * kernel);
    let layer = Depthwise {
        kernel: [kernel; 2],
        weights: &constants.weights,
        strides: [stride; 2],
        pads: [kernel / 2; 2],
        input_zero: 3,
        bias: &constants.bias,
        scales: &constants.scales,
        output: Requant::full(-5, design.activation_bits()),
    };
    let input = e.dram_tensor("input", RegionKind::Input, [height, width, channels], 0);
    let size = [height.div_ceil(stride), width.div_ceil(stride), channels];
    let output = e.dram_tensor("output", RegionKind::Output, size, 0);
    border(&mut e, &mut random, &input, &output);
    e.note("depthwise");
    depthwise_from_dram(&mut e, &layer, &input, &output)?;
    let macs = e.macs();
    Ok(Workload { program: e.finish()?, macs })
}

fn conv_from_dram(design: &Design, shape: ConvShape, seed: u64) -> Result<Workload, KernelError> {
    let mut random = Random::new(seed);
    let mut e = Emitter::new(design)?;
    let reduction = shape.in_channels * shape.kernel * shape.kernel;
    let constants = Constants::new(&mut random, shape.out_channels, reduction);
    let layer = layer(&shape, shape.in_channels, &constants, design.activation_bits());
    let [height, width] = layer.output_size(shape.height, shape.width);
    let input = e.dram_tensor(
        "input",
        RegionKind::Input,
        [shape.height, shape.width, shape.in_channels],
        0,
    );
    let output =
        e.dram_tensor("output", RegionKind::Output, [height, width, shape.out_channels], 0);
    border(&mut e, &mut random, &input, &output);
    e.note("conv");
    conv(&mut e, &layer, Source::Dram(input), Sink::Dram(output), None)?;
    let macs = e.macs();
    Ok(Workload { program: e.finish()?, macs })
}

fn lowered(design: &Design, shape: ConvShape, seed: u64) -> Result<Workload, KernelError> {
    let mut random = Random::new(seed);
    let mut e = Emitter::new(design)?;
    let reduction = shape.in_channels * shape.kernel * shape.kernel;
    let constants = Constants::new(&mut random, shape.out_channels, reduction);
    let direct = layer(&shape, shape.in_channels, &constants, design.activation_bits());
    let [height, width] = direct.output_size(shape.height, shape.width);
    // The lowered pixel is the reduction in the order kh, kw, channel; with random weights any
    // order is as good.
    let mut flat = layer(
        &ConvShape { kernel: 1, stride: 1, pad: 0, ..shape },
        reduction,
        &constants,
        design.activation_bits(),
    );
    flat.weights.in_channels = reduction;
    let lowering = Lowering {
        kernel: [shape.kernel; 2],
        strides: [shape.stride; 2],
        pads: [shape.pad; 2],
        zero: flat.input_zero,
    };
    let pixel = shape.in_channels * e.geometry.activation_bytes;
    let margin = lowering.margin(shape.width * pixel, pixel);
    let input = e.dram_tensor(
        "input",
        RegionKind::Input,
        [shape.height, shape.width, shape.in_channels],
        margin,
    );
    let output =
        e.dram_tensor("output", RegionKind::Output, [height, width, shape.out_channels], 0);
    border(&mut e, &mut random, &input, &output);
    e.note("first layer, lowered");
    conv(&mut e, &flat, Source::Lowered(input, lowering), Sink::Dram(output), None)?;
    let macs = e.macs();
    Ok(Workload { program: e.finish()?, macs })
}

fn chain(design: &Design, shape: ConvShape, seed: u64) -> Result<Workload, KernelError> {
    if shape.in_channels != shape.out_channels
        || shape.stride != 1
        || 2 * shape.pad + 1 != shape.kernel
    {
        return Err(KernelError::Unsupported {
            kernel: "chain of convolutions",
            what: "layers",
            value: shape.layers,
            limit:
                "a chain with residual additions needs equal channels, stride 1 and `same` padding"
                    .into(),
        });
    }
    let mut random = Random::new(seed);
    let mut e = Emitter::new(design)?;
    let size = [shape.height, shape.width, shape.in_channels];
    let input = e.dram_tensor("input", RegionKind::Input, size, 0);
    let output = e.dram_tensor("output", RegionKind::Output, size, 0);
    border(&mut e, &mut random, &input, &output);
    let mut map: Fmap = e.fmap(size, &[])?;
    e.note("input");
    let strip = (shape.height / 8).max(1);
    for start in (0..shape.height).step_by(strip) {
        load_rows(&mut e, &input, start..(start + strip).min(shape.height), &map, start)?;
    }
    let reduction = shape.in_channels * shape.kernel * shape.kernel;
    for index in 0..shape.layers {
        let constants = Constants::new(&mut random, shape.out_channels, reduction);
        let mut layer = layer(&shape, shape.in_channels, &constants, design.activation_bits());
        layer.residual = Some(Residual {
            scale_a: 0.7,
            scale_b: 0.6,
            zero_b: 3,
            a_is_second: false,
            sum: Requant::full(3, design.activation_bits()),
        });
        let next = e.fmap(size, &[&map])?;
        e.note(format!("layer {}", index + 1));
        conv(&mut e, &layer, Source::Map(map), Sink::Map(next), Some(Skip::Map(map)))?;
        e.release(&map);
        map = next;
    }
    e.note("output");
    for start in (0..shape.height).step_by(strip) {
        let rows = strip.min(shape.height - start);
        store_rows(&mut e, &map, start..start + rows, &output, [start, 0], 0)?;
    }
    let macs = e.macs();
    Ok(Workload { program: e.finish()?, macs })
}
