//! Benchmarks of VECTOR's operators on rows of binary32, from DRAM to DRAM.

use super::{Random, Workload};
use crate::arith::function::Table;
use crate::design::Design;
use crate::functions::Function;
use crate::kernels::attention::{Scales, head};
use crate::kernels::conv::Requant;
use crate::kernels::rows::{DramRows, Output, RowOp, from_dram};
use crate::kernels::transfer::{load_rows, store_rows};
use crate::kernels::{DramTensor, Emitter, Fmap, KernelError};
use crate::program::{Dtype, Layout, RegionKind, Tensor};

/// Rows and channels of a benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowShape {
    /// Rows: tokens, or queries of all heads.
    pub rows: usize,
    /// Channels, over which softmax and norms go.
    pub channels: usize,
}

impl RowShape {
    /// Words of `lanes` values of the result.
    pub fn words(&self, lanes: usize) -> usize {
        self.rows * self.channels.div_ceil(lanes)
    }
}

/// Random numbers with a standard deviation of about `spread`.
pub fn normal(random: &mut Random, count: usize, spread: f32) -> Vec<f32> {
    let mut uniform = || (random.bits() >> 40) as f32 / (1 << 24) as f32 - 0.5;
    // Twelve uniform numbers have the variance 1 and are nearly normal.
    (0..count).map(|_| (0..12).map(|_| uniform()).sum::<f32>() * spread).collect()
}

/// What is done with the result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Results {
    /// Kept as binary32.
    Float,
    /// Divided by a scale and rounded to activations.
    Quantized {
        /// Value of a step.
        scale: f32,
        /// Activation of zero.
        zero: i32,
    },
}

/// An operator over given rows.
pub fn on_rows(
    design: &Design,
    op: &RowOp<'_>,
    shape: RowShape,
    data: &[f32],
    results: Results,
) -> Result<Workload, KernelError> {
    let RowShape { rows, channels } = shape;
    let mut e = Emitter::new(design)?;
    let bytes: Vec<u8> = data.iter().flat_map(|value| value.to_le_bytes()).collect();
    let size = 4 * (rows * channels) as u64;
    let base = e.builder().region("input", RegionKind::Input, size, bytes);
    let input = DramRows { base, offset: 0, rows, channels };
    let declared = |name: &str, region, dtype, scale, zero| Tensor {
        name: name.to_owned(),
        region,
        offset: 0,
        shape: vec![1, rows as u64, 1, channels as u64],
        layout: Layout::Nhwc,
        dtype,
        scale,
        zero,
    };
    e.builder().tensor(declared("input", base, Dtype::Float32, 1.0, 0));
    match results {
        Results::Float => {
            let base = e.builder().region("output", RegionKind::Output, size, Vec::new());
            e.builder().tensor(declared("output", base, Dtype::Float32, 1.0, 0));
            let output = DramRows { base, ..input };
            from_dram(&mut e, op, &input, &Output::Float(&output))?;
        }
        Results::Quantized { scale, zero } => {
            let output = e.dram_tensor("output", RegionKind::Output, [rows, 1, channels], 0);
            let dtype = if e.geometry.activation_bytes == 1 { Dtype::Int8 } else { Dtype::Int16 };
            e.builder().tensor(declared("output", output.base, dtype, scale, zero));
            let quant = Requant::full(zero, design.activation_bits());
            let to = Output::Quantized(&output, 1.0 / scale, quant);
            from_dram(&mut e, op, &input, &to)?;
        }
    }
    Ok(Workload { program: e.finish()?, macs: 0 })
}

/// An operator that can be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Softmax over the channels of a row.
    Softmax,
    /// Layer norm over the channels of a row.
    LayerNorm,
    /// RMS norm over the channels of a row.
    RmsNorm,
    /// A function of each value, by its name.
    Function(String),
}

impl std::str::FromStr for Op {
    type Err = String;

    fn from_str(name: &str) -> Result<Op, String> {
        match name {
            "softmax" => Ok(Op::Softmax),
            "layernorm" => Ok(Op::LayerNorm),
            "rmsnorm" => Ok(Op::RmsNorm),
            _ if Function::names().contains(&name) => Ok(Op::Function(name.to_owned())),
            _ => Err(format!(
                "`{name}` is no operator; allowed: softmax, layernorm, rmsnorm, {}",
                Function::names().join(", ")
            )),
        }
    }
}

impl std::fmt::Display for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Op::Softmax => "softmax",
            Op::LayerNorm => "layernorm",
            Op::RmsNorm => "rmsnorm",
            Op::Function(name) => name,
        })
    }
}

/// Epsilon of the norms, as in BERT.
pub const EPSILON: f32 = 1e-12;

/// The operator on random rows, from DRAM to DRAM.
pub fn operator(
    design: &Design,
    op: &Op,
    shape: RowShape,
    quantized: bool,
    seed: u64,
) -> Result<Workload, KernelError> {
    let mut random = Random::new(seed);
    let data = normal(&mut random, shape.rows * shape.channels, 2.0);
    let gamma: Vec<f32> =
        normal(&mut random, shape.channels, 0.2).iter().map(|value| 1.0 + value).collect();
    let beta = normal(&mut random, shape.channels, 0.3);
    let results = |scale: f32, zero: i32| match quantized {
        true => Results::Quantized { scale, zero },
        false => Results::Float,
    };
    match op {
        Op::Softmax => {
            let (exp2, reciprocal) = (table(design, "exp2", 2)?, table(design, "reciprocal", 2)?);
            let op = RowOp::Softmax { scale: 1.0, exp2: &exp2, reciprocal: &reciprocal };
            on_rows(design, &op, shape, &data, results(1.0 / 256.0, -128))
        }
        Op::LayerNorm => {
            let rsqrt = table(design, "rsqrt", 1)?;
            let op =
                RowOp::LayerNorm { epsilon: EPSILON, gamma: &gamma, beta: &beta, rsqrt: &rsqrt };
            on_rows(design, &op, shape, &data, results(1.0 / 32.0, 0))
        }
        Op::RmsNorm => {
            let rsqrt = table(design, "rsqrt", 1)?;
            let op = RowOp::RmsNorm { epsilon: EPSILON, gamma: &gamma, rsqrt: &rsqrt };
            on_rows(design, &op, shape, &data, results(1.0 / 32.0, 0))
        }
        Op::Function(name) => {
            let table = table(design, name, 1)?;
            let op = RowOp::Function { table: &table };
            on_rows(design, &op, shape, &data, results(1.0 / 32.0, 0))
        }
    }
}

/// One attention head on random activations, from DRAM to DRAM; the scales spread the results over
/// the range of an activation.
pub fn attention(
    design: &Design,
    tokens: usize,
    channels: usize,
    seed: u64,
) -> Result<Workload, KernelError> {
    let mut random = Random::new(seed);
    let mut e = Emitter::new(design)?;
    let scales = attention_scales(tokens);
    let (exp2, reciprocal) = (table(design, "exp2", 2)?, table(design, "reciprocal", 2)?);
    let softmax = RowOp::Softmax { scale: 1.0, exp2: &exp2, reciprocal: &reciprocal };
    let shape = [tokens, 1, channels];
    let activation = |name: &str, tensor: &DramTensor, scale: f32| Tensor {
        name: name.to_owned(),
        region: tensor.base,
        offset: tensor.offset as u64,
        shape: vec![1, tokens as u64, 1, channels as u64],
        layout: Layout::Nhwc,
        dtype: Dtype::Int8,
        scale,
        zero: 0,
    };
    let mut maps = Vec::new();
    for (name, scale) in [("key", scales.key), ("query", scales.query), ("value", scales.value)] {
        let tensor = e.dram_tensor(name, RegionKind::Input, shape, 0);
        let declared = activation(name, &tensor, scale);
        e.builder().tensor(declared);
        if let Some(region) = e.builder().region_mut(tensor.base) {
            // Symmetric, as packed cells want the stationary operands.
            region.data =
                random.weights(tokens * channels).iter().map(|v| v.cast_unsigned()).collect();
        }
        let apart: Vec<&Fmap> = maps.iter().collect();
        let map = e.fmap(shape, &apart)?;
        e.note(name);
        load_rows(&mut e, &tensor, 0..tokens, &map, 0)?;
        maps.push(map);
    }
    let tensor = e.dram_tensor("output", RegionKind::Output, shape, 0);
    let declared = activation("output", &tensor, scales.output);
    e.builder().tensor(declared);
    let output = e.fmap(shape, &[])?;
    head(&mut e, &softmax, [&maps[1], &maps[0], &maps[2]], &scales, &output)?;
    store_rows(&mut e, &output, 0..tokens, &tensor, [0, 0], 0)?;
    let macs = e.macs();
    Ok(Workload { program: e.finish()?, macs })
}

/// Scales with which scores have a standard deviation of about one and results fill their range.
pub fn attention_scales(tokens: usize) -> Scales {
    let step = 1.0 / 73.0;
    let spread = (tokens as f32).sqrt() / 2.0;
    Scales { query: step, key: step, value: step, probability: 1.0 / 127.0, output: step / spread }
}

/// The table of a function for a design, which must hold `together` of them.
fn table(design: &Design, name: &str, together: usize) -> Result<Table, KernelError> {
    let segments = design.function_segments() / together;
    let table = Function::named(name).and_then(|function| function.table(segments));
    table.ok_or(KernelError::NoTable { name: name.to_owned(), segments })
}
