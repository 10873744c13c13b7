//! Benchmarks of operators on rows of binary32, from DRAM to DRAM.
//!
//! Parameters (factors of channels, masks) are tensors of the program that can be read back, so that a
//! check needs nothing but the program.

use super::operators::Setup;
use super::{Random, Workload};
use crate::arith::function::Table;
use crate::design::Design;
use crate::functions::Function;
use crate::kernels::conv::Requant;
use crate::kernels::rows::{Arithmetic, DramRows, Input, Mask, Output, RowOp, Vector};
use crate::kernels::stream::from_dram;
use crate::kernels::{DramTensor, Emitter, KernelError};
use crate::program::{Dtype, Layout, RegionKind, Tensor};

/// Random numbers with a standard deviation of about `spread`.
pub fn normal(random: &mut Random, count: usize, spread: f32) -> Vec<f32> {
    let mut uniform = || (random.bits() >> 40) as f32 / (1 << 24) as f32 - 0.5;
    // Twelve uniform numbers have the variance 1 and are nearly normal.
    (0..count).map(|_| (0..12).map(|_| uniform()).sum::<f32>() * spread).collect()
}

fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// A dense tensor of binary32 values.
fn floats(name: &str, region: u8, offset: usize, shape: &[usize]) -> Tensor {
    Tensor {
        name: name.to_owned(),
        region,
        offset: offset as u64,
        shape: shape.iter().map(|&size| size as u64).collect(),
        layout: Layout::Dense,
        dtype: Dtype::Float32,
        scale: 1.0,
        zero: 0,
        network: None,
    }
}

/// A program with one operator on rows in the making.
struct Rows<'d> {
    e: Emitter<'d>,
    random: Random,
    input: DramRows,
    /// The same as activations, where the operator reads those.
    activations: Option<DramTensor>,
    spread: f32,
    /// Rows of a head: the last dimension but one.
    queries: usize,
    quantized: bool,
    bits: usize,
}

impl<'d> Rows<'d> {
    /// A program with a random input of this spread.
    fn new(setup: &Setup<'d>, spread: f32) -> Result<Rows<'d>, KernelError> {
        let mut random = Random::new(setup.seed);
        let mut e = Emitter::new(setup.design)?;
        let (rows, channels) = (setup.rows(), setup.channels());
        let values = normal(&mut random, rows * channels, spread);
        let (input, activations) = match setup.activations {
            false => (operand(&mut e, "input", &values, channels), None),
            true => {
                let tensor = activations(&mut e, &values, channels, spread);
                let DramTensor { base, offset, .. } = tensor;
                (DramRows::dense((base, offset), rows, channels), Some(tensor))
            }
        };
        let queries = setup.shape.iter().rev().nth(1).copied().unwrap_or(1);
        let bits = setup.design.activation_bits();
        Ok(Rows {
            e,
            random,
            input,
            activations,
            spread,
            queries,
            quantized: setup.quantized,
            bits,
        })
    }

    /// Values of the channels, as a tensor that can be read back.
    fn vector(&mut self, name: &str, values: &[f32]) -> Vector {
        let (base, offset) = self.e.floats(values);
        self.e.builder().tensor(floats(name, base, offset, &[values.len()]));
        (base, offset)
    }

    /// gamma around 1 and beta around 0.
    fn parameters(&mut self) -> [Vector; 2] {
        let channels = self.input.channels;
        let gamma = normal(&mut self.random, channels, 0.2).iter().map(|v| 1.0 + v).collect();
        let gamma: Vec<f32> = gamma;
        let beta = normal(&mut self.random, channels, 0.3);
        [self.vector("gamma", &gamma), self.vector("beta", &beta)]
    }

    /// A second operand of as many channels.
    fn second(&mut self, rows: usize, spread: f32) -> DramRows {
        let values = normal(&mut self.random, rows * self.input.channels, spread);
        operand(&mut self.e, "second", &values, self.input.channels)
    }

    /// Emits the operator; quantized results have this scale and zero point.
    fn finish(
        mut self,
        op: &RowOp<'_>,
        (scale, zero): (f32, i32),
    ) -> Result<Workload, KernelError> {
        let (e, input) = (&mut self.e, &self.input);
        let DramRows { rows, channels, .. } = *input;
        let from = match &self.activations {
            None => Input::Float(input),
            Some(tensor) => Input::Quantized(tensor, step(self.spread), ACTIVATION_ZERO),
        };
        if self.quantized {
            let output = e.dram_tensor("output", RegionKind::Output, [rows, 1, channels], 0);
            let dtype = if e.geometry.activation_bytes == 1 { Dtype::Int8 } else { Dtype::Int16 };
            let dense = floats("output", output.base, 0, &[rows, channels]);
            e.builder().tensor(Tensor { dtype, scale, zero, ..dense });
            let to = Output::Quantized(&output, 1.0 / scale, Requant::full(zero, self.bits));
            from_dram(e, op, &from, &to)?;
        } else {
            let size = 4 * (rows * channels) as u64;
            let base = e.builder().region("output", RegionKind::Output, size, Vec::new());
            e.builder().tensor(floats("output", base, 0, &[rows, channels]));
            from_dram(e, op, &from, &Output::Float(&DramRows { base, offset: 0, ..*input }))?;
        }
        Ok(Workload { program: self.e.finish()?, macs: 0 })
    }
}

/// Zero point of inputs that are activations.
const ACTIVATION_ZERO: i32 = -9;

/// Scale of activations of which few are cut off.
fn step(spread: f32) -> f32 {
    spread / 40.0
}

/// A tensor of activations with these values, rounded.
fn activations(e: &mut Emitter, values: &[f32], channels: usize, spread: f32) -> DramTensor {
    let rows = values.len() / channels.max(1);
    let tensor = e.dram_tensor("input", RegionKind::Input, [rows, 1, channels], 0);
    let one = e.geometry.activation_bytes == 1;
    let round = |value: &f32| {
        let steps = (value / step(spread)).round_ties_even() as i32 + ACTIVATION_ZERO;
        steps.clamp(-128, 127) as i16
    };
    let bytes = values.iter().flat_map(|value| {
        let [low, high] = round(value).to_le_bytes();
        if one { vec![low] } else { vec![low, high] }
    });
    if let Some(region) = e.builder().region_mut(tensor.base) {
        region.data = bytes.collect();
    }
    let dtype = if one { Dtype::Int8 } else { Dtype::Int16 };
    let dense = floats("input", tensor.base, 0, &[rows, channels]);
    e.builder().tensor(Tensor { dtype, scale: step(spread), zero: ACTIVATION_ZERO, ..dense });
    tensor
}

/// Numbers to add to scores; a quarter takes away all that is there, but never of the first key.
pub(super) fn mask_numbers(random: &mut Random, [rows, keys]: [usize; 2], spread: f32) -> Vec<f32> {
    let mut values = normal(random, rows * keys, spread);
    for (index, value) in values.iter_mut().enumerate() {
        if random.bits().is_multiple_of(4) && index % keys > 0 {
            *value = if index % 2 == 0 { f32::NEG_INFINITY } else { -1e9 };
        }
    }
    values
}

/// A tensor of rows with its values.
pub(super) fn operand(e: &mut Emitter, name: &str, values: &[f32], channels: usize) -> DramRows {
    let bytes = to_bytes(values);
    let rows = values.len() / channels.max(1);
    let base = e.builder().region(name, RegionKind::Input, bytes.len() as u64, bytes);
    e.builder().tensor(floats(name, base, 0, &[rows, channels]));
    DramRows::dense((base, 0), rows, channels)
}

/// Which mask a softmax gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Masked {
    /// None.
    #[value(name = "none")]
    No,
    /// No later keys.
    Causal,
    /// A number for each key.
    Keys,
    /// A number for each score.
    Scores,
}

/// Softmax over the channels of a row.
pub fn softmax(setup: &Setup<'_>, masked: Masked) -> Result<Workload, KernelError> {
    let (exp2, reciprocal) =
        (table(setup.design, "exp2", 2)?, table(setup.design, "reciprocal", 2)?);
    let mut rows = Rows::new(setup, 2.0)?;
    let (queries, channels) = (rows.queries, rows.input.channels);
    let mask = match masked {
        Masked::No => Mask::None,
        Masked::Causal => Mask::Causal { queries, past: channels.saturating_sub(queries) },
        Masked::Keys => {
            let values = mask_numbers(&mut rows.random, [1, channels], 0.0);
            Mask::Keys(rows.vector("mask", &values))
        }
        Masked::Scores => {
            let values = mask_numbers(&mut rows.random, [queries, channels], 1.0);
            Mask::Scores(operand(&mut rows.e, "mask", &values, channels))
        }
    };
    let op = RowOp::Softmax { scale: 1.0, mask, exp2: &exp2, reciprocal: &reciprocal };
    rows.finish(&op, (1.0 / 256.0, -128))
}

/// Epsilon of the norms, as in BERT.
pub const EPSILON: f32 = 1e-12;

/// Scale of results without a range of their own.
const COARSE: (f32, i32) = (1.0 / 32.0, 0);

/// Layer norm over the channels of a row.
pub fn layer_norm(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    let rsqrt = table(setup.design, "rsqrt", 1)?;
    let mut rows = Rows::new(setup, 2.0)?;
    let [gamma, beta] = rows.parameters();
    rows.finish(&RowOp::LayerNorm { epsilon: EPSILON, gamma, beta, rsqrt: &rsqrt }, COARSE)
}

/// RMS norm over the channels of a row.
pub fn rms_norm(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    let rsqrt = table(setup.design, "rsqrt", 1)?;
    let mut rows = Rows::new(setup, 2.0)?;
    let [gamma, _] = rows.parameters();
    rows.finish(&RowOp::RmsNorm { epsilon: EPSILON, gamma, rsqrt: &rsqrt }, COARSE)
}

/// A factor and a summand for each channel.
pub fn batch_norm(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    let mut rows = Rows::new(setup, 2.0)?;
    let [gamma, beta] = rows.parameters();
    rows.finish(&RowOp::Affine { gamma, beta }, COARSE)
}

/// e^x, over most of the range it has in binary32.
pub fn exp(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    let exp2 = table(setup.design, "exp2", 1)?;
    let rows = Rows::new(setup, 20.0)?;
    rows.finish(&RowOp::Exp { exp2: &exp2 }, COARSE)
}

/// An operation on two tensors.
pub fn binary(setup: &Setup<'_>, op: Arithmetic) -> Result<Workload, KernelError> {
    let mut rows = Rows::new(setup, 2.0)?;
    let with = rows.second(rows.input.rows, 1.0);
    rows.finish(&RowOp::Binary { op, with }, COARSE)
}

/// The quotient of two tensors.
pub fn divide(setup: &Setup<'_>) -> Result<Workload, KernelError> {
    let reciprocal = table(setup.design, "reciprocal", 1)?;
    let mut rows = Rows::new(setup, 2.0)?;
    let by = rows.second(rows.input.rows, 3.0);
    rows.finish(&RowOp::Divide { by, reciprocal: &reciprocal }, COARSE)
}

/// A function of each value.
pub fn function(setup: &Setup<'_>, function: &Function) -> Result<Workload, KernelError> {
    let table = table(setup.design, &function.name, 1)?;
    // Where the function has a range, some values should lie beyond it.
    let spread = (function.range.1 / 3.0).clamp(1.0, 6.0) as f32;
    let rows = Rows::new(setup, spread)?;
    rows.finish(&RowOp::Function { table: &table }, COARSE)
}

/// The table of a function for a design, which must hold `together` of them.
pub(super) fn table(design: &Design, name: &str, together: usize) -> Result<Table, KernelError> {
    let segments = design.function_segments() / together;
    let table = Function::of(design, name).and_then(|function| function.table(segments));
    table.ok_or(KernelError::NoTable { name: name.to_owned(), segments })
}
