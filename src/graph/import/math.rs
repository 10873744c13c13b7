//! Functions of elements, reductions, conversions.

use super::context::{Context, Made};
use crate::graph::op::{Binary, Op, ReduceKind, Unary};
use crate::graph::tensor::{Dtype, Elements, Quantization};
use crate::graph::{Fault, TensorId};

/// Add, Mul and the like of older versions had an attribute for broadcasting.
pub fn binary(c: &mut Context, function: Binary) -> Made {
    c.binary(function)
}

/// Min, Max, Sum, Mean of any number of operands.
pub fn variadic(c: &mut Context, function: Binary, mean: bool) -> Made {
    let mut result = c.input(0)?;
    for index in 1..c.count() {
        let next = c.input(index)?;
        result = c.one(Op::Binary(function), &[result, next])?;
    }
    if mean {
        let count = c.number(c.count() as f32);
        result = c.one(Op::Binary(Binary::Div), &[result, count])?;
    } else if c.count() == 1 {
        result = c.one(Op::Unary(Unary::Identity), &[result])?;
    }
    Ok(vec![result])
}

pub fn pow(c: &mut Context) -> Made {
    let (x, y) = (c.input(0)?, c.input(1)?);
    let dtype = c.tensor(x).dtype;
    let y = c.cast(y, dtype)?;
    c.op(Op::Binary(Binary::Pow), &[x, y])
}

pub fn modulo(c: &mut Context) -> Made {
    let fmod = c.flag("fmod", false);
    if !fmod && c.tensor(c.input(0)?).dtype == Dtype::F32 {
        return Err(Fault::new("`fmod` is 0, but its operands are float", "set `fmod` to 1"));
    }
    c.binary(Binary::Mod { fmod })
}

pub fn prelu(c: &mut Context) -> Made {
    let (x, slope) = (c.input(0)?, c.input(1)?);
    c.op(Op::Binary(Binary::Prelu), &[x, slope])
}

pub fn select(c: &mut Context) -> Made {
    let operands = [c.input(0)?, c.input(1)?, c.input(2)?];
    c.op(Op::Where, &operands)
}

pub fn leaky(c: &mut Context) -> Made {
    let slope = c.float("alpha", 0.01);
    c.unary(Unary::Leaky { slope })
}

pub fn hard_sigmoid(c: &mut Context) -> Made {
    let (slope, shift) = (c.float("alpha", 0.2), c.float("beta", 0.5));
    c.unary(Unary::HardSigmoid { slope, shift })
}

pub fn elu(c: &mut Context) -> Made {
    let alpha = c.float("alpha", 1.0);
    c.unary(Unary::Elu { alpha, beta: 1.0, gamma: 1.0 })
}

pub fn celu(c: &mut Context) -> Made {
    let alpha = c.float("alpha", 1.0);
    c.unary(Unary::Elu { alpha, beta: alpha, gamma: 1.0 })
}

pub fn selu(c: &mut Context) -> Made {
    let alpha = c.float("alpha", 1.673_263_2);
    let gamma = c.float("gamma", 1.050_701);
    c.unary(Unary::Elu { alpha, beta: 1.0, gamma })
}

pub fn thresholded(c: &mut Context) -> Made {
    let alpha = c.float("alpha", 1.0);
    c.unary(Unary::Threshold { alpha })
}

pub fn swish(c: &mut Context) -> Made {
    let slope = c.float("alpha", 1.0);
    c.unary(Unary::Silu { slope })
}

pub fn quick_gelu(c: &mut Context) -> Made {
    let slope = c.float("alpha", 1.702);
    c.unary(Unary::Silu { slope })
}

/// Gelu of the standard operators.
pub fn gelu(c: &mut Context) -> Made {
    match c.text("approximate", "none").as_str() {
        "none" => c.unary(Unary::Gelu),
        "tanh" => c.unary(Unary::GeluTanh),
        other => Err(Fault::new(
            format!("its attribute `approximate` is `{other}`, which does not exist"),
            "allowed: none, tanh",
        )),
    }
}

/// Gelu, FastGelu and BiasGelu of onnxruntime: a bias may be added before.
pub fn biased_gelu(c: &mut Context, function: Unary) -> Made {
    let mut x = c.input(0)?;
    if let Some(bias) = c.optional(1) {
        x = c.one(Op::Binary(Binary::Add), &[x, bias])?;
    }
    c.op(Op::Unary(function), &[x])
}

pub fn clip(c: &mut Context) -> Made {
    let x = c.input(0)?;
    let attributes = [c.has("min"), c.has("max")];
    let limits = [c.float("min", f32::NEG_INFINITY), c.float("max", f32::INFINITY)];
    if attributes.contains(&true) || c.count() < 2 {
        let [min, max] = limits;
        return c.op(Op::Unary(Unary::Clip { min, max }), &[x]);
    }
    let bounds = [c.optional(1), c.optional(2)];
    let mut known = limits;
    let mut constant = true;
    for (limit, bound) in known.iter_mut().zip(bounds) {
        let Some(bound) = bound else { continue };
        let tensor = c.tensor(bound);
        match tensor.value.as_deref() {
            Some(value) if value.len() == 1 => {
                let number = value.floats().and_then(|v| v.first().copied());
                let integer = value.integers().and_then(|v| v.first().map(|&v| v as f32));
                *limit = number.or(integer).unwrap_or(*limit);
            }
            _ => constant = false,
        }
    }
    if constant {
        let [min, max] = known;
        return c.op(Op::Unary(Unary::Clip { min, max }), &[x]);
    }
    // Limits that are computed.
    let mut result = x;
    for (bound, function) in bounds.into_iter().zip([Binary::Max, Binary::Min]) {
        if let Some(bound) = bound {
            result = c.one(Op::Binary(function), &[result, bound])?;
        }
    }
    Ok(vec![result])
}

/// An operator that does nothing in inference.
pub fn identity(c: &mut Context) -> Made {
    Ok(vec![c.input(0)?])
}

pub fn dropout(c: &mut Context) -> Made {
    c.float("ratio", 0.5);
    c.int("seed", 0);
    if let Some(training) = c.optional(2)
        && c.tensor(training).value.as_deref() != Some(&Elements::Bool(vec![false]))
    {
        return Err(Fault::new(
            "its input `training_mode` is not the constant false",
            "export the model for inference",
        ));
    }
    identity(c)
}

pub fn cast(c: &mut Context) -> Made {
    let x = c.input(0)?;
    let kind = c.int("to", 0);
    c.only("saturate", 1)?;
    c.text("round_mode", "up");
    cast_to(c, x, i32::try_from(kind).unwrap_or(0))
}

fn cast_to(c: &mut Context, x: TensorId, kind: i32) -> Made {
    let (dtype, unsigned) = super::dtype(kind)?;
    let from = c.tensor(x);
    let (has, constant) = (from.dtype, from.is_constant());
    let from_unsigned = from.unsigned;
    match (has, dtype) {
        (Dtype::I8, Dtype::I8) if unsigned == from_unsigned => Ok(vec![x]),
        // A byte as a number is the activation of scale 1.
        (Dtype::I8, Dtype::F32) => {
            let zero = if from_unsigned { -128 } else { 0 };
            let x = c.quantize(x, Quantization::whole(1.0, zero))?;
            c.op(Op::Dequantize, &[x])
        }
        (_, Dtype::I8) if !unsigned && constant => Ok(vec![c.cast(x, dtype)?]),
        (_, Dtype::I8) => Err(Fault::new(
            "it makes bytes of other numbers, which wrap or are cut",
            "use QuantizeLinear",
        )),
        (Dtype::I8, _) if from_unsigned => Err(Fault::new(
            "it makes integers of uint8",
            "cast to float, or give the tensor in the type it is used with",
        )),
        _ => Ok(vec![c.cast(x, dtype)?]),
    }
}

pub fn cast_like(c: &mut Context) -> Made {
    let (x, like) = (c.input(0)?, c.input(1)?);
    c.only("saturate", 1)?;
    c.text("round_mode", "up");
    let kind = match (c.tensor(like).dtype, c.tensor(like).unsigned) {
        (Dtype::F32, _) => 1,
        (Dtype::I8, true) => 2,
        (Dtype::I8, false) => 3,
        (Dtype::I32, _) => 6,
        (Dtype::I64, _) => 7,
        (Dtype::Bool, _) => 9,
    };
    cast_to(c, x, kind)
}

/// What is done around a reduction.
#[derive(Clone, Copy)]
pub enum Around {
    Nothing,
    Root,
    Logarithm,
    LogarithmOfExponentials,
}

pub fn reduce(c: &mut Context, kind: ReduceKind, around: Around) -> Made {
    let mut x = c.input(0)?;
    let rank = c.tensor(x).shape.len();
    let keep = c.flag("keepdims", true);
    let idle = c.flag("noop_with_empty_axes", false);
    let list = match (c.ints("axes"), c.optional(1)) {
        (Some(list), _) => list,
        (None, Some(axes)) => c.integers(axes, "the list of axes")?,
        (None, None) => Vec::new(),
    };
    let mut axes: Vec<usize> =
        list.iter().map(|&axis| c.axis(axis, rank)).collect::<Result<_, _>>()?;
    axes.sort_unstable();
    axes.dedup();
    if axes.is_empty() && !idle {
        axes = (0..rank).collect();
    }
    if let Around::LogarithmOfExponentials = around {
        x = c.one(Op::Unary(Unary::Exp), &[x])?;
    }
    let mut result = c.one(Op::Reduce { kind, axes, keep }, &[x])?;
    match around {
        Around::Nothing => {}
        Around::Root => result = c.one(Op::Unary(Unary::Sqrt), &[result])?,
        Around::Logarithm | Around::LogarithmOfExponentials => {
            result = c.one(Op::Unary(Unary::Log), &[result])?;
        }
    }
    Ok(vec![result])
}
