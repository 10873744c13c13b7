//! Quantized operators: QuantizeLinear, DequantizeLinear, the QLinear forms of ONNX and of
//! onnxruntime. All become the operators of the graph with quantized tensors.

use super::context::{Context, Made};
use super::nn::{convolution, pool_op};
use crate::graph::op::{Binary, Op, ReduceKind, Unary};
use crate::graph::tensor::{Dtype, Quantization, Tensor};
use crate::graph::{Fault, TensorId};

/// Quantization from inputs `scale` and `zero`, which may be left out. `unsigned` says what is
/// quantized, `shape` and `axis` along what it may differ.
fn quantization(
    c: &Context,
    scale: usize,
    zero: usize,
    unsigned: bool,
    along: Option<(&[usize], i64)>,
) -> Result<Quantization, Fault> {
    let scales = c.numbers(c.input(scale)?, "the scale")?;
    let bad = |s: &f32| !(s.is_finite() && *s > 0.0);
    if let Some(scale) = scales.iter().find(|s| bad(s)) {
        return Err(Fault::new(
            format!("a scale is {scale}, but must be positive"),
            "quantize again",
        ));
    }
    let zeros: Vec<i32> = match c.optional(zero) {
        None => vec![if unsigned { -128 } else { 0 }; scales.len()],
        Some(id) => {
            let tensor = c.tensor(id);
            if tensor.dtype == Dtype::I8 && tensor.unsigned != unsigned {
                return Err(Fault::new(
                    "int8 and uint8 are mixed in values and zero points",
                    "give both the same type",
                ));
            }
            c.integers(id, "the zero point")?.iter().map(|&z| z as i32).collect()
        }
    };
    if zeros.len() != scales.len() {
        return Err(Fault::new(
            format!("there are {} scales, but {} zero points", scales.len(), zeros.len()),
            "give as many of both",
        ));
    }
    let per_axis = c.tensor(c.input(scale)?).shape.len() == 1 && scales.len() > 1;
    if !per_axis {
        return match scales.as_slice() {
            [_] => Ok(Quantization { scales, zeros, axis: None }),
            _ => Err(Fault::new(
                format!("the scale has shape {:?}", c.tensor(c.input(scale)?).shape),
                "give one scale, or one for each index of an axis; blocks are not supported",
            )),
        };
    }
    let (shape, axis) = along.ok_or_else(|| {
        Fault::new(
            format!("there are {} scales, but activations have one", scales.len()),
            "quantize activations per tensor",
        )
    })?;
    let axis = c.axis(axis, shape.len())?;
    if shape.get(axis) != Some(&scales.len()) {
        return Err(Fault::new(
            format!(
                "there are {} scales, but axis {axis} of {shape:?} has another extent",
                scales.len()
            ),
            "give one for each index",
        ));
    }
    Ok(Quantization { scales, zeros, axis: Some(axis) })
}

/// States the quantization of input `index` from the inputs `scale` and `zero`.
fn stated(
    c: &mut Context,
    index: usize,
    scale: usize,
    zero: usize,
    axis: Option<i64>,
) -> Result<TensorId, Fault> {
    let id = c.input(index)?;
    let tensor = c.tensor(id);
    if tensor.dtype != Dtype::I8 {
        return Err(Fault::new(
            format!(
                "`{}` has element type {}, but must be int8 or uint8",
                tensor.name,
                tensor.dtype.name()
            ),
            "quantize to 8 bits",
        ));
    }
    let (unsigned, shape) = (tensor.unsigned, tensor.shape.clone());
    let along = axis.map(|axis| (shape.as_slice(), axis));
    let quant = quantization(c, scale, zero, unsigned, along)?;
    c.quantize(id, quant)
}

/// The type of a result, by its zero point; uint8 where that is left out.
fn result_unsigned(c: &Context, zero: usize) -> bool {
    c.optional(zero).is_none_or(|id| c.tensor(id).unsigned)
}

/// Adds an operator with a quantized result.
fn quantized(
    c: &mut Context,
    op: Op,
    inputs: &[TensorId],
    shape: &[usize],
    quant: Quantization,
    unsigned: bool,
) -> Made {
    let tensor = Tensor { unsigned, quant: Some(quant), ..Tensor::new("", shape, Dtype::I8) };
    c.result(op, inputs, tensor).map(|id| vec![id])
}

fn inferred(c: &Context, op: &Op, inputs: &[TensorId]) -> Result<Vec<usize>, Fault> {
    let operands: Vec<&Tensor> = inputs.iter().map(|&id| c.tensor(id)).collect();
    Ok(crate::graph::infer::result(op, &operands, None)?.0)
}

/// Adds a quantized operator whose result is quantized by the inputs `scale` and `zero`.
fn with_result(c: &mut Context, op: Op, inputs: &[TensorId], scale: usize, zero: usize) -> Made {
    let shape = inferred(c, &op, inputs)?;
    let unsigned = result_unsigned(c, zero);
    let quant = quantization(c, scale, zero, unsigned, None)?;
    quantized(c, op, inputs, &shape, quant, unsigned)
}

pub fn quantize(c: &mut Context) -> Made {
    let x = c.input(0)?;
    if c.tensor(x).dtype != Dtype::F32 {
        return Err(Fault::new("it quantizes numbers that are not float", "insert a Cast"));
    }
    let axis = c.int("axis", 1);
    c.only("saturate", 1)?;
    c.only("block_size", 0)?;
    c.int("precision", 0);
    let kind = c.int("output_dtype", 0);
    let unsigned = match (kind, c.optional(2)) {
        (0, zero) => zero.is_none() || result_unsigned(c, 2),
        (2, _) => true,
        (3, _) => false,
        (other, _) => {
            let name = crate::onnx::tensor::type_name(i32::try_from(other).unwrap_or(-1));
            return Err(Fault::new(
                format!("its attribute `output_dtype` is {name}, but uint8 and int8 are allowed"),
                "quantize to 8 bits",
            ));
        }
    };
    if let Some(zero) = c.optional(2)
        && c.tensor(zero).dtype != Dtype::I8
    {
        let name = c.tensor(zero).dtype.name();
        return Err(Fault::new(format!("it quantizes to {name}"), "quantize to 8 bits"));
    }
    let shape = c.shape(x);
    let quant = quantization(c, 1, 2, unsigned, Some((&shape, axis)))?;
    quantized(c, Op::Quantize, &[x], &shape, quant, unsigned)
}

pub fn dequantize(c: &mut Context) -> Made {
    let x = c.input(0)?;
    let axis = c.int("axis", 1);
    c.only("block_size", 0)?;
    // The result is float, said (1) or not (0).
    let float = i64::from(c.int("output_dtype", 0) != 0);
    c.only("output_dtype", float)?;
    let tensor = c.tensor(x);
    let (dtype, shape, unsigned) = (tensor.dtype, tensor.shape.clone(), tensor.unsigned);
    if !matches!(dtype, Dtype::I8 | Dtype::I32) {
        return Err(Fault::new(format!("it dequantizes {}", dtype.name()), "quantize to 8 bits"));
    }
    let quant = quantization(c, 1, 2, unsigned && dtype == Dtype::I8, Some((&shape, axis)))?;
    let x = c.quantize(x, quant)?;
    c.op(Op::Dequantize, &[x])
}

pub fn qlinear_conv(c: &mut Context) -> Made {
    let x = stated(c, 0, 1, 2, None)?;
    let w = stated(c, 3, 4, 5, Some(0))?;
    let op = convolution(c, x, w)?;
    let operands: Vec<TensorId> = [Some(x), Some(w), c.optional(8)].into_iter().flatten().collect();
    with_result(c, op, &operands, 6, 7)
}

/// A product of the inputs 0 and 3; vectors are refused.
pub fn qlinear_matmul(c: &mut Context) -> Made {
    let a = stated(c, 0, 1, 2, None)?;
    let b = stated(c, 3, 4, 5, Some(-1))?;
    let op = Op::MatMul { transpose_a: false, transpose_b: false };
    with_result(c, op, &[a, b], 6, 7)
}

pub fn qgemm(c: &mut Context) -> Made {
    let alpha = c.float("alpha", 1.0);
    if alpha != 1.0 {
        return Err(Fault::new(format!("its attribute `alpha` is {alpha}"), "give 1"));
    }
    let (transpose_a, transpose_b) = (c.flag("transA", false), c.flag("transB", false));
    let a = stated(c, 0, 1, 2, None)?;
    let b = stated(c, 3, 4, 5, Some(if transpose_b { 0 } else { 1 }))?;
    let op = Op::MatMul { transpose_a, transpose_b };
    let operands: Vec<TensorId> = [Some(a), Some(b), c.optional(6)].into_iter().flatten().collect();
    if c.optional(7).is_some() {
        return with_result(c, op, &operands, 7, 8);
    }
    let shape = inferred(c, &op, &operands)?;
    c.result(op, &operands, Tensor::new("", &shape, Dtype::F32)).map(|id| vec![id])
}

/// ConvInteger and MatMulInteger: sums as they are, int32.
pub fn integer(c: &mut Context, conv: bool) -> Made {
    let mut operands = Vec::new();
    for (index, zero) in [(0, 2), (1, 3)] {
        let id = c.input(index)?;
        let tensor = c.tensor(id);
        if tensor.dtype != Dtype::I8 {
            return Err(Fault::new("its operands are not of 8 bits", "quantize to 8 bits"));
        }
        let shift = if tensor.unsigned { -128 } else { 0 };
        let zeros = match c.optional(zero) {
            Some(zero) => c.integers(zero, "the zero point")?,
            None => vec![shift],
        };
        let &[zero] = zeros.as_slice() else {
            return Err(Fault::new("it has several zero points", "give one per operand"));
        };
        operands.push(c.quantize(id, Quantization::whole(1.0, zero as i32))?);
    }
    let op = match conv {
        true => convolution(c, operands[0], operands[1])?,
        false => Op::MatMul { transpose_a: false, transpose_b: false },
    };
    let shape = inferred(c, &op, &operands)?;
    c.result(op, &operands, Tensor::new("", &shape, Dtype::I32)).map(|id| vec![id])
}

/// QLinearAdd and QLinearMul.
pub fn qlinear_binary(c: &mut Context, function: Binary) -> Made {
    let a = stated(c, 0, 1, 2, None)?;
    let b = stated(c, 3, 4, 5, None)?;
    with_result(c, Op::Binary(function), &[a, b], 6, 7)
}

pub fn qlinear_sigmoid(c: &mut Context) -> Made {
    let x = stated(c, 0, 1, 2, None)?;
    with_result(c, Op::Unary(Unary::Sigmoid), &[x], 3, 4)
}

/// `opset` is the version of Softmax whose rules for `axis` it follows.
pub fn qlinear_softmax(c: &mut Context) -> Made {
    let old = c.int("opset", 0) < 13;
    let axis = c.int("axis", if old { 1 } else { -1 });
    let x = stated(c, 0, 1, 2, None)?;
    let rank = c.shape(x).len();
    let axis = c.axis(axis, rank)?;
    if old && axis + 1 != rank {
        return Err(Fault::new(
            "up to `opset` 12 its `axis` takes all dimensions behind it as one",
            "export with opset 13 or later, or give the last axis",
        ));
    }
    with_result(c, Op::Softmax { axis, log: false }, &[x], 3, 4)
}

pub fn qlinear_leaky(c: &mut Context) -> Made {
    let slope = c.float("alpha", 0.01);
    let x = stated(c, 0, 1, 2, None)?;
    with_result(c, Op::Unary(Unary::Leaky { slope }), &[x], 3, 4)
}

pub fn qlinear_pool(c: &mut Context) -> Made {
    c.only("channels_last", 0)?;
    let x = stated(c, 0, 1, 2, None)?;
    let op = pool_op(c, x, false)?;
    with_result(c, op, &[x], 3, 4)
}

pub fn qlinear_global(c: &mut Context) -> Made {
    c.only("channels_last", 0)?;
    let x = stated(c, 0, 1, 2, None)?;
    let axes = (2..c.shape(x).len()).collect();
    with_result(c, Op::Reduce { kind: ReduceKind::Mean, axes, keep: true }, &[x], 3, 4)
}

/// Scale and zero point of the result come first, then three inputs for each operand.
pub fn qlinear_concat(c: &mut Context) -> Made {
    let axis = c.int("axis", 1);
    let mut operands = Vec::new();
    for index in (2..c.count()).step_by(3) {
        operands.push(stated(c, index, index + 1, index + 2, None)?);
    }
    let first = operands.first().copied();
    let first = first.ok_or_else(|| Fault::new("it has no operands", "give it some"))?;
    let axis = c.axis(axis, c.shape(first).len())?;
    with_result(c, Op::Concat { axis }, &operands, 0, 1)
}
