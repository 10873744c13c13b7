//! The reference: what every operator computes, stated once. Quantized operators are in
//! onnxruntime's arithmetic (`arith`, `docs/numerics.md`), others in binary32 with functions and
//! sums that are rounded once. Straightforward rather than fast; nothing here is scheduled.
//!
//! Start with [`run`] for a network and [`apply`] for an operator.

mod elementwise;
mod linear;
mod movement;
mod norm;
mod pool;
pub mod quantized;
mod sums;
mod walk;

use std::borrow::Cow;
use std::num::Wrapping;
use std::sync::Arc;

use indexmap::IndexMap;

use super::op::{Op, PoolKind, ReduceKind, Unary};
use super::tensor::{Dtype, Elements, Quantization, Tensor};
use super::{Graph, Problem, TensorId, requantization};
use crate::arith::post::{Quant, requantize, scaled};

/// Why an operator has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fail {
    /// What is wrong.
    pub message: String,
}

impl Fail {
    /// A failure.
    pub fn new(message: impl Into<String>) -> Fail {
        Fail { message: message.into() }
    }
}

/// An operand: what it is and its elements.
#[derive(Debug, Clone, Copy)]
pub struct Operand<'a> {
    /// Shape, type, quantization.
    pub tensor: &'a Tensor,
    /// Elements.
    pub value: &'a Elements,
}

impl<'a> Operand<'a> {
    fn shape(&self) -> &'a [usize] {
        &self.tensor.shape
    }

    fn floats(&self) -> Result<&'a [f32], Fail> {
        self.value.floats().ok_or_else(|| wrong_type(self))
    }

    fn quant(&self) -> Result<&'a Quantization, Fail> {
        let missing = || Fail::new(format!("`{}` is not quantized", self.tensor.name));
        self.tensor.quant.as_ref().ok_or_else(missing)
    }
}

fn wrong_type(operand: &Operand) -> Fail {
    let kind = operand.value.dtype().name();
    Fail::new(format!(
        "`{}` has elements of type {kind}, which it cannot take",
        operand.tensor.name
    ))
}

fn operand<'o, 'a>(operands: &'o [Operand<'a>], index: usize) -> Result<&'o Operand<'a>, Fail> {
    operands.get(index).ok_or_else(|| Fail::new(format!("operand {index} is missing")))
}

/// The result of an operator with this output; `clamp` limits a quantized one.
pub fn apply(
    op: &Op,
    clamp: Option<[i32; 2]>,
    operands: &[Operand],
    output: &Tensor,
) -> Result<Elements, Fail> {
    let x = operand(operands, 0)?;
    let out = output.shape.as_slice();
    match op {
        Op::Quantize => {
            let quant =
                output.quant.as_ref().ok_or_else(|| Fail::new("its result is not quantized"))?;
            Ok(quantized::quantize_all(x.floats()?, out, quant, clamp))
        }
        Op::Dequantize => Ok(Elements::F32(quantized::dequantize_all(x)?)),
        Op::Cast => Ok(elementwise::cast(x.value, output.dtype)),
        Op::Conv { .. } | Op::ConvTranspose { .. } | Op::MatMul { .. }
            if x.value.dtype() == Dtype::I8 =>
        {
            integer_sums(op, clamp, operands, output)
        }
        _ if output.is_quantized() || operands.iter().any(|o| o.tensor.is_quantized()) => {
            quantized::apply(op, clamp, operands, output)
        }
        _ => plain(op, operands, output),
    }
}

/// Convolutions and products of activations and weights.
fn integer_sums(
    op: &Op,
    clamp: Option<[i32; 2]>,
    operands: &[Operand],
    output: &Tensor,
) -> Result<Elements, Fail> {
    let (x, w) = (operand(operands, 0)?, operand(operands, 1)?);
    let (qx, qw) = (x.quant()?, w.quant()?);
    let out = output.shape.as_slice();
    let centred = |operand: &Operand, quant: &Quantization| -> Result<Vec<Wrapping<i32>>, Fail> {
        quantized::centred(operand, quant).map(|v| v.into_iter().map(Wrapping).collect())
    };
    let (a, b) = (centred(x, qx)?, centred(w, qw)?);
    let sums = sums(op, (x.shape(), &a), (w.shape(), &b), out)?;
    // Elements of an output channel are next to each other in a convolution, last in a product.
    let (channels, run) = match op {
        Op::MatMul { .. } => (out.last().copied().unwrap_or(1), 1),
        _ => (out.get(1).copied().unwrap_or(1), out.iter().skip(2).product()),
    };
    let channel = |i: usize| i / run.max(1) % channels.max(1);
    let bias: Cow<[i32]> = match operands.get(2) {
        None => Cow::Borrowed(&[]),
        Some(bias) => match (bias.value, op) {
            (Elements::I32(v), Op::MatMul { .. }) => {
                Cow::Owned(elementwise::spread(bias.shape(), v, out))
            }
            (Elements::I32(v), _) => Cow::Borrowed(v),
            _ => return Err(wrong_type(bias)),
        },
    };
    let per_element = bias.len() == sums.len() && matches!(op, Op::MatMul { .. });
    let biased = sums.iter().enumerate().map(|(i, sum)| {
        let at = if per_element { i } else { channel(i) };
        sum.0.wrapping_add(bias.get(at).copied().unwrap_or(0))
    });
    if output.dtype == Dtype::I32 {
        return Ok(Elements::I32(biased.collect()));
    }
    let quant = output.quant.as_ref();
    let scales = requantization(qx, qw, quant);
    let scale = |i: usize| match scales.as_slice() {
        [one] => *one,
        many => many.get(channel(i)).copied().unwrap_or(1.0),
    };
    Ok(match quant {
        Some(quant) => {
            let [min, max] = clamp.unwrap_or(quantized::FULL);
            let to = Quant { zero: quant.at(0).1, min, max };
            let step = |(i, t): (usize, i32)| requantize(t, scale(i), to) as i8;
            Elements::I8(biased.enumerate().map(step).collect())
        }
        None => Elements::F32(biased.enumerate().map(|(i, t)| scaled(t, scale(i))).collect()),
    })
}

fn sums<T: sums::Number>(
    op: &Op,
    x: (&[usize], &[T]),
    w: (&[usize], &[T]),
    out: &[usize],
) -> Result<Vec<T>, Fail> {
    match op {
        Op::Conv { window, groups } => Ok(linear::convolution(x, w, window, *groups, out)),
        Op::ConvTranspose { window, groups, .. } => {
            Ok(linear::transposed(x, w, window, *groups, out))
        }
        Op::MatMul { transpose_a, transpose_b } => {
            Ok(linear::product((x.0, x.1, *transpose_a), (w.0, w.1, *transpose_b), out))
        }
        _ => Err(Fail::new("the operator sums no products")),
    }
}

/// Operators on binary32, shapes, indices and masks.
fn plain(op: &Op, operands: &[Operand], output: &Tensor) -> Result<Elements, Fail> {
    let x = operand(operands, 0)?;
    let out = output.shape.as_slice();
    let floats = |index: usize| operand(operands, index)?.floats();
    let optional = |index: usize| operands.get(index).map(Operand::floats).transpose();
    Ok(match op {
        Op::Conv { .. } | Op::ConvTranspose { .. } | Op::MatMul { .. } => {
            let w = operand(operands, 1)?;
            let mut y = sums(op, (x.shape(), x.floats()?), (w.shape(), w.floats()?), out)?;
            if let Some(bias) = operands.get(2) {
                let shape = match op {
                    Op::MatMul { .. } => bias.shape().to_vec(),
                    _ => [bias.shape(), &vec![1; out.len().saturating_sub(2)]].concat(),
                };
                let bias = elementwise::spread(&shape, bias.floats()?, out);
                y.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
            }
            Elements::F32(y)
        }
        Op::Unary(function) => match x.value {
            Elements::F32(v) => {
                Elements::F32(v.iter().map(|&v| elementwise::unary(*function, v)).collect())
            }
            other => {
                let values = elementwise::integers(other).ok_or_else(|| wrong_type(x))?;
                let values: Option<Vec<i64>> =
                    values.iter().map(|&v| elementwise::unary_integer(*function, v)).collect();
                elementwise::narrowed(values.ok_or_else(|| wrong_type(x))?, other.dtype())
            }
        },
        Op::Binary(function) => {
            let y = operand(operands, 1)?;
            if x.value.dtype() != y.value.dtype() {
                return Err(Fail::new("its operands have different element types"));
            }
            match (x.value, y.value) {
                (Elements::F32(a), Elements::F32(b)) => {
                    let a = elementwise::spread(x.shape(), a, out);
                    let b = elementwise::spread(y.shape(), b, out);
                    let of = |(a, b)| elementwise::binary(*function, a, b);
                    let values = a.into_iter().zip(b).map(of);
                    match function.is_test() {
                        true => Elements::Bool(values.map(|v| v != 0.0).collect()),
                        false => Elements::F32(values.collect()),
                    }
                }
                (a, b) => {
                    let of = |elements, shape| {
                        elementwise::integers(elements)
                            .map(|values| elementwise::spread(shape, &values, out))
                            .ok_or_else(|| wrong_type(x))
                    };
                    let (a, b) = (of(a, x.shape())?, of(b, y.shape())?);
                    let of = |(a, b)| elementwise::binary_integer(*function, a, b);
                    let values: Option<Vec<i64>> = a.into_iter().zip(b).map(of).collect();
                    let undefined = || Fail::new("it divides by zero, or takes a negative power");
                    elementwise::narrowed(values.ok_or_else(undefined)?, output.dtype)
                }
            }
        }
        Op::Where => {
            let Elements::Bool(mask) = x.value else { return Err(wrong_type(x)) };
            let (a, b) = (operand(operands, 1)?, operand(operands, 2)?);
            let mask = elementwise::spread(x.shape(), mask, out);
            // Positions in both operands, one behind the other.
            let both =
                movement::concat(&[&[a.value.len()], &[b.value.len()]], &[a.value, b.value], 0)?;
            let first = walk::positions(out, &walk::broadcast(a.shape(), out.len()), 0);
            let second = walk::positions(out, &walk::broadcast(b.shape(), out.len()), 0);
            let behind = a.value.len();
            both.pick(
                mask.into_iter()
                    .zip(first.zip(second))
                    .map(|(m, (f, s))| if m { f } else { behind + s }),
            )
        }
        Op::Pool { kind, window, .. } => {
            let x = (x.shape(), x.floats()?);
            Elements::F32(pool::windows(x, window, out, |inside, counted| {
                let sum = || inside.iter().map(|&v| f64::from(v)).sum::<f64>();
                match kind {
                    PoolKind::Max => inside.iter().copied().fold(f32::NEG_INFINITY, f32::max),
                    PoolKind::Average => (sum() / inside.len() as f64) as f32,
                    PoolKind::AveragePadded => (sum() / counted as f64) as f32,
                }
            }))
        }
        Op::Reduce { kind, axes, .. } => match x.value {
            Elements::F32(v) => {
                Elements::F32(pool::reduced((x.shape(), v), axes, |v| reduce(*kind, v)))
            }
            other => {
                let values = elementwise::integers(other).ok_or_else(|| wrong_type(x))?;
                let of = |v: &[i64]| reduce_integer(*kind, v);
                elementwise::narrowed(pool::reduced((x.shape(), &values), axes, of), other.dtype())
            }
        },
        Op::Softmax { axis, log } => {
            Elements::F32(norm::softmax(x.shape(), x.floats()?, *axis, *log))
        }
        Op::LayerNorm { axis, epsilon } | Op::RmsNorm { axis, epsilon } => {
            let row = x.shape().iter().skip(*axis).product();
            let centre = matches!(op, Op::LayerNorm { .. });
            Elements::F32(norm::layer(
                x.floats()?,
                row,
                optional(1)?,
                optional(2)?,
                *epsilon,
                centre,
            ))
        }
        Op::BatchNorm { epsilon } => {
            let parameters = [floats(1)?, floats(2)?, floats(3)?, floats(4)?];
            Elements::F32(norm::batch(x.shape(), x.floats()?, parameters, *epsilon))
        }
        Op::GroupNorm { groups, epsilon } => {
            let parameters = [floats(1)?, floats(2)?];
            Elements::F32(norm::group(x.shape(), x.floats()?, parameters, *groups, *epsilon))
        }
        Op::Concat { axis } => {
            let shapes: Vec<&[usize]> = operands.iter().map(Operand::shape).collect();
            let parts: Vec<&Elements> = operands.iter().map(|o| o.value).collect();
            movement::concat(&shapes, &parts, *axis)?
        }
        Op::Pad { before, padding, .. } => {
            let value = if let Padding::Constant(value) = padding { *value } else { 0.0 };
            let filler = elementwise::cast(&Elements::F32(vec![value]), x.value.dtype());
            movement::pad(x.shape(), x.value, before, *padding, out, &filler)?
        }
        Op::Slice { .. }
        | Op::Transpose { .. }
        | Op::Reshape
        | Op::Expand
        | Op::Upsample { .. }
        | Op::Gather { .. } => {
            movement::moved(op, x.shape(), x.value, operands.get(1).map(|o| o.value), out)?
        }
        Op::Cast | Op::Quantize | Op::Dequantize => {
            return Err(Fail::new("the conversion is not of these types"));
        }
    })
}

use super::op::Padding;

fn reduce(kind: ReduceKind, values: &[f32]) -> f32 {
    let wide = || values.iter().map(|&v| f64::from(v));
    match kind {
        ReduceKind::Mean => (wide().sum::<f64>() / values.len() as f64) as f32,
        ReduceKind::Sum => wide().sum::<f64>() as f32,
        ReduceKind::Max => values.iter().copied().fold(f32::NEG_INFINITY, f32::max),
        ReduceKind::Min => values.iter().copied().fold(f32::INFINITY, f32::min),
        ReduceKind::Product => wide().product::<f64>() as f32,
        ReduceKind::SumSquare => wide().map(|v| v * v).sum::<f64>() as f32,
        ReduceKind::SumAbs => wide().map(f64::abs).sum::<f64>() as f32,
    }
}

fn reduce_integer(kind: ReduceKind, values: &[i64]) -> i64 {
    let all = || values.iter().copied();
    let sum = || all().fold(0, i64::wrapping_add);
    match kind {
        ReduceKind::Mean => sum().checked_div(values.len() as i64).unwrap_or(0),
        ReduceKind::Sum => sum(),
        ReduceKind::Max => all().max().unwrap_or(i64::MIN),
        ReduceKind::Min => all().min().unwrap_or(i64::MAX),
        ReduceKind::Product => all().fold(1, i64::wrapping_mul),
        ReduceKind::SumSquare => all().fold(0, |s, v| s.wrapping_add(v.wrapping_mul(v))),
        ReduceKind::SumAbs => all().fold(0, |s, v| s.wrapping_add(v.wrapping_abs())),
    }
}

/// Elements of all tensors of a network, by identifier.
pub type Values = IndexMap<TensorId, Arc<Elements>>;

/// Computes a network. Inputs are given in the order of the graph.
pub fn run(graph: &Graph, inputs: &[Elements]) -> Result<Values, Problem> {
    let mut values = Values::new();
    for (&id, value) in graph.inputs.iter().zip(inputs) {
        let tensor = graph.tensor(id);
        if value.dtype() != tensor.dtype || value.len() != tensor.len() {
            return Err(Problem::new(
                format!("input `{}`", tensor.name),
                format!(
                    "{} elements of type {} were given, but it has shape {:?} and type {}",
                    value.len(),
                    value.dtype().name(),
                    tensor.shape,
                    tensor.dtype.name()
                ),
                "give it as the model has it",
            ));
        }
        values.insert(id, Arc::new(value.clone()));
    }
    for (id, tensor) in graph.tensors() {
        if let Some(value) = &tensor.value {
            values.insert(id, Arc::clone(value));
        }
    }
    for node in &graph.nodes {
        let failed = |fail: Fail| {
            Problem::new(
                format!("node `{}` ({})", node.name, node.op.name()),
                fail.message,
                "correct the model or its inputs",
            )
        };
        let operands: Option<Vec<Operand>> = node
            .inputs
            .iter()
            .map(|&id| Some(Operand { tensor: graph.tensor(id), value: values.get(&id)? }))
            .collect();
        let operands =
            operands.ok_or_else(|| failed(Fail::new("an input of the network was not given")))?;
        let value = apply(&node.op, node.clamp, &operands, graph.tensor(node.output));
        let value = value.map_err(failed)?;
        values.insert(node.output, Arc::new(value));
    }
    Ok(values)
}

/// The table that a function of one activation is: results for activations -128 to 127.
pub fn table(op: Unary, clamp: Option<[i32; 2]>, x: &Quantization, y: &Quantization) -> Vec<i8> {
    quantized::table(op, clamp, x, y)
}
