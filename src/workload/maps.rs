//! Benchmarks of operators on activations, from DRAM to DRAM.
//!
//! Scales and zero points are those of the program's tensors.

use super::operators::Setup;
use super::vector::normal;
use super::{Random, Workload};
use crate::functions::Function;
use crate::kernels::conv::{Requant, Residual};
use crate::kernels::maps::{self, Affine, AffineConstants, Change, Product};
use crate::kernels::pool::{Pool, pool_from_dram};
use crate::kernels::rearrange::{self, Axis, Range, View, gather_rows};
use crate::kernels::strips::{Rows, Strip, strips};
use crate::kernels::transfer::load_rows;
use crate::kernels::{DramTensor, Emitter, KernelError};
use crate::program::{Dtype, Layout, Program, RegionKind, Tensor};

/// Scale and zero point. Ratios of small whole numbers would make many exact halves.
type Quant = (f32, i32);

const INPUT: Quant = (0.0537, 7);
const SECOND: Quant = (0.0311, -11);
const OUTPUT: Quant = (0.0713, 5);

/// A program on activations in the making.
struct Maps<'d> {
    e: Emitter<'d>,
    random: Random,
    /// Height, width and channels of the input.
    size: [usize; 3],
    bits: usize,
}

impl<'d> Maps<'d> {
    fn new(setup: &Setup<'d>) -> Result<Maps<'d>, KernelError> {
        let size = match *setup.shape {
            [] => [1, 1, 1],
            [channels] => [1, 1, channels],
            [rows, channels] => [rows, 1, channels],
            [.., width, channels] => [setup.rows() / width.max(1), width, channels],
        };
        let e = Emitter::new(setup.design)?;
        let bits = setup.design.activation_bits();
        Ok(Maps { e, random: Random::new(setup.seed), size, bits })
    }

    fn tensor(&mut self, name: &str, kind: RegionKind, size: [usize; 3], q: Quant) -> DramTensor {
        let tensor = self.e.dram_tensor(name, kind, size, 0);
        let [height, width, channels] = size.map(|size| size as u64);
        let one = self.e.geometry.activation_bytes == 1;
        let declared = Tensor {
            name: name.to_owned(),
            region: tensor.base,
            offset: 0,
            shape: vec![1, height, width, channels],
            layout: Layout::Nhwc,
            dtype: if one { Dtype::Int8 } else { Dtype::Int16 },
            scale: q.0,
            zero: q.1,
            network: None,
        };
        self.e.builder().tensor(declared);
        tensor
    }

    /// A tensor of random activations.
    fn operand(&mut self, name: &str, size: [usize; 3], q: Quant) -> DramTensor {
        let tensor = self.tensor(name, RegionKind::Input, size, q);
        let data = self.random.activations(tensor.bytes(&self.e.geometry));
        if let Some(region) = self.e.builder().region_mut(tensor.base) {
            region.data = data;
        }
        tensor
    }

    fn input(&mut self) -> DramTensor {
        self.operand("input", self.size, INPUT)
    }

    fn output(&mut self, size: [usize; 3], q: Quant) -> DramTensor {
        self.tensor("output", RegionKind::Output, size, q)
    }

    /// Constants that can be read back.
    fn constants(&mut self, name: &str, bytes: &[u8], dtype: Dtype) -> (u8, usize) {
        let (region, offset) = self.e.constants(bytes);
        let declared = Tensor {
            name: name.to_owned(),
            region,
            offset: offset as u64,
            shape: vec![8 * bytes.len() as u64 / u64::from(dtype.bits())],
            layout: Layout::Dense,
            dtype,
            scale: 1.0,
            zero: 0,
            network: None,
        };
        self.e.builder().tensor(declared);
        (region, offset)
    }

    fn quant(&self, zero: i32) -> Requant {
        Requant::full(zero, self.bits)
    }

    fn finish(self) -> Result<Workload, KernelError> {
        let program: Program = self.e.finish()?;
        Ok(Workload { program, macs: 0 })
    }
}

fn windowed(
    setup: &Setup<'_>,
    output: Quant,
    kind: impl Fn(&Maps<'_>) -> Pool,
) -> Result<Workload, KernelError> {
    let mut m = Maps::new(setup)?;
    let Setup { kernel, stride, pad, .. } = *setup;
    let [height, width, channels] = m.size;
    let unfit = height.min(width) + 2 * pad < kernel || stride == 0 || kernel <= pad;
    if unfit {
        return Err(KernelError::Unsupported {
            kernel: "pooling",
            what: "kernel",
            value: kernel,
            limit: format!(
                "more than the padding of {pad} and at most the padded {height}x{width}, with a stride of at least 1"
            ),
        });
    }
    let size = |size: usize| (size + 2 * pad - kernel) / stride + 1;
    let input = m.input();
    let result = m.output([size(height), size(width), channels], output);
    let kind = kind(&m);
    pool_from_dram(&mut m.e, kind, [kernel; 2], [stride; 2], [pad; 2], [&input, &result])?;
    m.finish()
}

/// Largest of a window.
pub fn max_pool(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    windowed(setup, INPUT, |_| Pool::Max)
}

/// Mean of a window, padding counted as zero.
pub fn average_pool(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    let size = (setup.kernel * setup.kernel) as f32;
    windowed(setup, OUTPUT, |m| Pool::Average {
        input_zero: INPUT.1,
        scale: INPUT.0 / (OUTPUT.0 * size),
        output: m.quant(OUTPUT.1),
    })
}

/// Mean of what of a window lies in the picture.
pub fn average_inside(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    windowed(setup, OUTPUT, |m| Pool::AverageInside {
        input_zero: INPUT.1,
        input_scale: INPUT.0,
        output_scale: OUTPUT.0,
        output: m.quant(OUTPUT.1),
    })
}

/// Mean of each channel; scales so that the results fill a part of their range.
pub fn global_average(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    let mut m = Maps::new(setup)?;
    let [height, width, channels] = m.size;
    let q = (INPUT.0 / 4.0, OUTPUT.1);
    let input = m.input();
    let output = m.output([1, 1, channels], q);
    let scale = INPUT.0 / (q.0 * (height * width) as f32);
    let kind = Pool::Average { input_zero: INPUT.1, scale, output: m.quant(q.1) };
    pool_from_dram(&mut m.e, kind, [height, width], [1; 2], [0; 2], [&input, &output])?;
    m.finish()
}

/// Sum of two tensors, in onnxruntime's arithmetic.
pub fn add(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    let mut m = Maps::new(setup)?;
    let (input, second) = (m.input(), m.operand("second", m.size, SECOND));
    let output = m.output(m.size, OUTPUT);
    let residual = Residual {
        scale_a: INPUT.0 / OUTPUT.0,
        scale_b: SECOND.0 / OUTPUT.0,
        zero_b: SECOND.1,
        a_is_second: false,
        sum: m.quant(OUTPUT.1),
    };
    strips(&mut m.e, Rows::default(), &[&input, &second], &output, |e, strip| {
        maps::add(e, &residual, INPUT.1, &strip.inputs[0], &strip.inputs[1], &strip.output)
    })?;
    m.finish()
}

fn product(m: &Maps<'_>, zeros: [i32; 2]) -> (Product, Quant) {
    let q = (0.0617, OUTPUT.1);
    (Product { zeros, scale: INPUT.0 * SECOND.0 / q.0, output: m.quant(q.1) }, q)
}

/// Product of two tensors.
pub fn multiply(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    let mut m = Maps::new(setup)?;
    let (input, second) = (m.input(), m.operand("second", m.size, SECOND));
    let (product, q) = product(&m, [INPUT.1, SECOND.1]);
    let output = m.output(m.size, q);
    strips(&mut m.e, Rows::default(), &[&input, &second], &output, |e, strip| {
        maps::multiply(e, &product, &strip.inputs[0], &strip.inputs[1], &strip.output)
    })?;
    m.finish()
}

/// Product with a factor for each channel, as of squeeze and excitation; the input is symmetric.
pub fn multiply_channels(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    let mut m = Maps::new(setup)?;
    let input = m.operand("input", m.size, (INPUT.0, 0));
    let size = [1, 1, setup.channels()];
    let factors = m.operand("second", size, SECOND);
    let (product, q) = product(&m, [0, SECOND.1]);
    let output = m.output(m.size, q);
    let map = m.e.fmap(size, &[])?;
    load_rows(&mut m.e, &factors, 0..1, &map, 0)?;
    strips(&mut m.e, Rows::default(), &[&input], &output, |e, strip| {
        maps::multiply(e, &product, &strip.inputs[0], &map, &strip.output)
    })?;
    m.e.release(&map);
    m.finish()
}

fn change_of(m: &Maps<'_>, from: Quant, to: Quant) -> Change {
    Change { zero: from.1, ratio: from.0 / to.0, output: m.quant(to.1) }
}

/// An operator on one map of the same shape.
fn pointwise(
    mut m: Maps<'_>,
    output: Quant,
    mut emit: impl FnMut(&mut Emitter, &Strip) -> Result<(), KernelError>,
) -> Result<Workload, KernelError> {
    let input = m.input();
    let output = m.output(m.size, output);
    strips(&mut m.e, Rows::default(), &[&input], &output, |e, strip| emit(e, strip))?;
    m.finish()
}

/// Another scale and zero point.
pub fn requantize(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    let m = Maps::new(setup)?;
    let change = change_of(&m, INPUT, OUTPUT);
    pointwise(m, OUTPUT, |e, strip| maps::change(e, change, &strip.inputs[0], &strip.output))
}

/// A factor and a summand for each channel.
pub fn batch_norm(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    let mut m = Maps::new(setup)?;
    let channels = setup.channels();
    let gamma: Vec<f32> =
        normal(&mut m.random, channels, 0.3).iter().map(|value| 1.0 + value).collect();
    let beta = normal(&mut m.random, channels, 1.0);
    for (name, values) in [("gamma", &gamma), ("beta", &beta)] {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        m.constants(name, &bytes, Dtype::Float32);
    }
    let steps = |values: &[f32], scale: f32| -> Vec<f32> {
        values.iter().map(|value| value * scale).collect()
    };
    let (factors, summands) = (steps(&gamma, INPUT.0 / OUTPUT.0), steps(&beta, 1.0 / OUTPUT.0));
    let output = m.quant(OUTPUT.1);
    let layer = Affine { zero: INPUT.1, factors: &factors, summands: &summands, output };
    let constants = AffineConstants::load(&mut m.e, &layer)?;
    pointwise(m, OUTPUT, |e, strip| {
        maps::affine(e, &layer, &constants, &strip.inputs[0], &strip.output)
    })
}

/// A function from a lookup table.
pub fn lookup(setup: &Setup<'_>, function: &Function) -> Result<Workload, KernelError> {
    let mut m = Maps::new(setup)?;
    let output = (1.0 / 64.0, -3);
    let bytes: Vec<u8> =
        function.lookup(INPUT, output).iter().map(|value| value.cast_unsigned()).collect();
    let dram = m.constants("table", &bytes, Dtype::Int8);
    maps::load_lookup(&mut m.e, 0, dram)?;
    pointwise(m, output, |e, strip| maps::lookup(e, 0, &strip.inputs[0], &strip.output))
}

/// Nearest neighbour by the stride.
pub fn upsample(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    let mut m = Maps::new(setup)?;
    let factor = setup.stride.max(1);
    let [height, width, channels] = m.size;
    let input = m.input();
    let output = m.output([height * factor, width * factor, channels], INPUT);
    let rows = Rows { grow: factor, ..Rows::default() };
    strips(&mut m.e, rows, &[&input], &output, |e, strip| {
        maps::upsample(e, [factor; 2], &strip.inputs[0], &strip.output)
    })?;
    m.finish()
}

/// Two tensors of different scales side by side; the second has about half the channels or rows.
pub fn concat(setup: &Setup<'_>, axis: Axis) -> Result<Workload, KernelError> {
    let mut m = Maps::new(setup)?;
    let [height, width, channels] = m.size;
    let (other, whole) = match axis {
        Axis::Channels => {
            let more = channels / 2 + 1;
            ([height, width, more], [height, width, channels + more])
        }
        Axis::Rows => {
            let more = height / 2 + 1;
            ([more, width, channels], [height + more, width, channels])
        }
    };
    let (input, second) = (m.input(), m.operand("second", other, SECOND));
    let output = m.output(whole, OUTPUT);
    let changes = [INPUT, SECOND].map(|from| change_of(&m, from, OUTPUT));
    let parts = [(&input, changes[0]), (&second, changes[1])];
    rearrange::concat(&mut m.e, axis, &parts, &output)?;
    m.finish()
}

fn view(m: &mut Maps<'_>) -> View {
    let input = m.input();
    View::of(input.base, input.offset, m.size, m.e.geometry.activation_bytes)
}

/// `[1::2, ::-1, c/3:]`.
pub fn slice(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    let mut m = Maps::new(setup)?;
    let [height, width, channels] = m.size;
    let row = height.saturating_sub(1).min(1);
    let ranges = [
        Range { start: row, step: 2, count: (height - row).div_ceil(2) },
        Range { start: width - 1, step: -1, count: width },
        Range { start: channels / 3, step: 1, count: channels - channels / 3 },
    ];
    let part = view(&mut m).sliced(ranges)?;
    let output = m.output(part.shape, INPUT);
    part.gather(&mut m.e, &output)?;
    m.finish()
}

/// Dimensions in another order; a tensor of two dimensions is one row of columns and channels.
pub fn transpose(setup: &Setup<'_>, order: [usize; 3]) -> Result<Workload, KernelError> {
    let mut m = Maps::new(setup)?;
    if let [rows, channels] = *setup.shape {
        m.size = [1, rows, channels];
    }
    let turned = view(&mut m).permuted(order);
    let output = m.output(turned.shape, INPUT);
    turned.gather(&mut m.e, &output)?;
    m.finish()
}

/// As many rows of a table as it has, by random indices with a few in a row.
pub fn gather(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    let mut m = Maps::new(setup)?;
    let [height, width, channels] = m.size;
    let rows = height * width;
    let mut indices: Vec<usize> = Vec::new();
    while indices.len() < rows {
        let first = (m.random.bits() % rows as u64) as usize;
        let run = (m.random.bits() % 3) as usize;
        indices.extend((first..=first + run).take_while(|&index| index < rows));
    }
    indices.truncate(rows);
    let numbers: Vec<u8> = indices.iter().flat_map(|&index| (index as u32).to_le_bytes()).collect();
    m.constants("indices", &numbers, Dtype::Int32);
    let table = m.operand("input", [rows, 1, channels], INPUT);
    let output = m.output([1, rows, channels], INPUT);
    gather_rows(&mut m.e, &table, &indices, &output)?;
    m.finish()
}
