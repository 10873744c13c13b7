//! Operators on activations.

use super::{Fail, Operand, elementwise, movement, norm, operand, plain, pool, wrong_type};
use crate::arith::post::{Quant, Residual, add_residual, requantize, residual_offset};
use crate::graph::op::{Binary, Op, PoolKind, ReduceKind, Unary};
use crate::graph::tensor::{Dtype, Elements, Quantization, Tensor};

/// The addition of activations, that of onnxruntime's kernel.
#[derive(Debug, Clone, Copy)]
struct Addition(Residual);

impl Addition {
    fn new(a: (f32, i32), b: (f32, i32), y: (f32, i32), [min, max]: [i32; 2]) -> Addition {
        let (scale_a, scale_b) = (a.0 / y.0, b.0 / y.0);
        let offset = residual_offset((scale_a, a.1), (scale_b, b.1), y.1);
        Addition(Residual { scale_a, scale_b, offset, a_is_inner: false, min, max })
    }

    fn of(self, a: i8, b: i8) -> i8 {
        // The limits are those of an activation or within.
        add_residual(a.into(), b.into(), self.0) as i8
    }
}

/// Limits of an activation.
pub const FULL: [i32; 2] = [-128, 127];

/// Which index of the quantized axis an element has, as step and extent of it.
fn lane(shape: &[usize], quant: &Quantization) -> (usize, usize) {
    match quant.axis {
        Some(axis) => {
            (shape.iter().skip(axis + 1).product(), shape.get(axis).copied().unwrap_or(1))
        }
        None => (1, 1),
    }
}

/// QuantizeLinear: divides, rounds half to even, adds the zero point, saturates.
fn quantize(value: f32, (scale, zero): (f32, i32), [min, max]: [i32; 2]) -> i8 {
    let shifted = f64::from((value / scale).round_ties_even()) + f64::from(zero);
    // What is no number becomes 0 by the conversion.
    (shifted.clamp(f64::from(min), f64::from(max)) as i32) as i8
}

/// All of a tensor quantized.
pub fn quantize_all(
    values: &[f32],
    shape: &[usize],
    quant: &Quantization,
    clamp: Option<[i32; 2]>,
) -> Elements {
    let ((step, extent), limits) = (lane(shape, quant), clamp.unwrap_or(FULL));
    let of =
        |(i, &v): (usize, &f32)| quantize(v, quant.at(i / step.max(1) % extent.max(1)), limits);
    Elements::I8(values.iter().enumerate().map(of).collect())
}

/// Integers less their zero points.
pub fn centred(operand: &Operand, quant: &Quantization) -> Result<Vec<i32>, Fail> {
    let (step, extent) = lane(operand.shape(), quant);
    let zero = |i: usize| quant.at(i / step.max(1) % extent.max(1)).1;
    Ok(match operand.value {
        Elements::I8(v) => {
            v.iter().enumerate().map(|(i, &v)| i32::from(v).wrapping_sub(zero(i))).collect()
        }
        Elements::I32(v) => v.iter().enumerate().map(|(i, &v)| v.wrapping_sub(zero(i))).collect(),
        _ => return Err(wrong_type(operand)),
    })
}

/// All of a tensor in binary32.
pub fn dequantize_all(operand: &Operand) -> Result<Vec<f32>, Fail> {
    let quant = operand.quant()?;
    let (step, extent) = lane(operand.shape(), quant);
    let steps = centred(operand, quant)?;
    let scale = |i: usize| quant.at(i / step.max(1) % extent.max(1)).0;
    Ok(steps.iter().enumerate().map(|(i, &v)| v as f32 * scale(i)).collect())
}

/// A function of one activation as a table.
pub fn table(op: Unary, clamp: Option<[i32; 2]>, x: &Quantization, y: &Quantization) -> Vec<i8> {
    let (scale, zero) = x.at(0);
    (-128..128)
        .map(|v: i32| {
            let real = v.wrapping_sub(zero) as f32 * scale;
            quantize(elementwise::unary(op, real), y.at(0), clamp.unwrap_or(FULL))
        })
        .collect()
}

fn limited(values: Elements, clamp: Option<[i32; 2]>) -> Elements {
    match (values, clamp) {
        (Elements::I8(v), Some([min, max])) => {
            Elements::I8(v.into_iter().map(|v| i32::from(v).clamp(min, max) as i8).collect())
        }
        (values, _) => values,
    }
}

/// An operator with a quantized operand or result.
pub fn apply(
    op: &Op,
    clamp: Option<[i32; 2]>,
    operands: &[Operand],
    output: &Tensor,
) -> Result<Elements, Fail> {
    let x = operand(operands, 0)?;
    let out = output.shape.as_slice();
    let bytes = |o: &Operand| match o.value {
        Elements::I8(v) => Some(v.clone()),
        _ => None,
    };
    let single = |tensor: &Tensor| tensor.quant.as_ref().and_then(Quantization::single);
    let same = x.tensor.quant == output.quant;
    let second = operands.get(1);
    let quants = (single(x.tensor), second.and_then(|o| single(o.tensor)), single(output));
    let [min, max] = clamp.unwrap_or(FULL);
    match (op, quants) {
        _ if op.only_moves() && same => {
            let moved = movement::moved(op, x.shape(), x.value, second.map(|o| o.value), out)?;
            return Ok(limited(moved, clamp));
        }
        (Op::Unary(function), (Some(_), _, Some(_))) => {
            let (Some(from), Some(to), Some(v)) = (&x.tensor.quant, &output.quant, bytes(x)) else {
                return Err(wrong_type(x));
            };
            let table = table(*function, clamp, from, to);
            let entry = |v: i8| table[(i32::from(v) + 128) as usize];
            return Ok(Elements::I8(v.into_iter().map(entry).collect()));
        }
        (Op::Binary(function @ (Binary::Add | Binary::Mul)), (Some(a), Some(b), Some(y))) => {
            let spread = |o: &Operand| {
                bytes(o)
                    .map(|v| elementwise::spread(o.shape(), &v, out))
                    .ok_or_else(|| wrong_type(o))
            };
            let pairs = spread(x)?.into_iter().zip(spread(operand(operands, 1)?)?);
            let quant = Quant { zero: y.1, min, max };
            let addition = Addition::new(a, b, y, [min, max]);
            let scale = a.0 * b.0 / y.0;
            let of = |(l, r): (i8, i8)| match function {
                Binary::Add => addition.of(l, r),
                _ => {
                    let (l, r) = (i32::from(l), i32::from(r));
                    let product = l.wrapping_sub(a.1).wrapping_mul(r.wrapping_sub(b.1));
                    requantize(product, scale, quant) as i8
                }
            };
            return Ok(Elements::I8(pairs.map(of).collect()));
        }
        (Op::Pool { kind: PoolKind::Max, window, .. }, _) if same => {
            let v = bytes(x).ok_or_else(|| wrong_type(x))?;
            let largest = |inside: &[i8], _| inside.iter().copied().max().unwrap_or(i8::MIN);
            let values = pool::windows((x.shape(), &v), window, out, largest);
            return Ok(limited(Elements::I8(values), clamp));
        }
        (Op::Pool { kind, window, .. }, (Some(from), _, Some(to))) if *kind != PoolKind::Max => {
            let v = bytes(x).ok_or_else(|| wrong_type(x))?;
            let average = |inside: &[i8], counted: usize| {
                let count = if *kind == PoolKind::Average { inside.len() } else { counted };
                mean(inside, count, from, to, [min, max])
            };
            return Ok(Elements::I8(pool::windows((x.shape(), &v), window, out, average)));
        }
        (Op::Reduce { kind: ReduceKind::Mean, axes, .. }, (Some(from), _, Some(to))) => {
            let v = bytes(x).ok_or_else(|| wrong_type(x))?;
            let average = |inside: &[i8]| mean(inside, inside.len(), from, to, [min, max]);
            return Ok(Elements::I8(pool::reduced((x.shape(), &v), axes, average)));
        }
        (&Op::Softmax { axis, log: false }, (Some((scale, _)), _, Some(to))) => {
            let v = bytes(x).ok_or_else(|| wrong_type(x))?;
            let values = norm::softmax_activations(x.shape(), &v, axis, scale, to);
            return Ok(limited(Elements::I8(values), clamp));
        }
        _ => {}
    }
    by_way_of_floats(op, clamp, operands, output)
}

/// One requantization of the sum.
fn mean(inside: &[i8], count: usize, from: (f32, i32), to: (f32, i32), [min, max]: [i32; 2]) -> i8 {
    let sum = inside.iter().fold(0_i32, |sum, &v| sum.wrapping_add(i32::from(v) - from.1));
    let scale = from.0 / (to.0 * count as f32);
    requantize(sum, scale, Quant { zero: to.1, min, max }) as i8
}

/// Dequantized, computed in binary32, quantized.
fn by_way_of_floats(
    op: &Op,
    clamp: Option<[i32; 2]>,
    operands: &[Operand],
    output: &Tensor,
) -> Result<Elements, Fail> {
    let mut wide = Vec::new();
    for o in operands {
        let float = o.tensor.is_quantized();
        let tensor = Tensor::new(
            o.tensor.name.clone(),
            o.shape(),
            if float { Dtype::F32 } else { o.tensor.dtype },
        );
        let value = if float { Elements::F32(dequantize_all(o)?) } else { o.value.clone() };
        wide.push((tensor, value));
    }
    let operands: Vec<Operand> =
        wide.iter().map(|(tensor, value)| Operand { tensor, value }).collect();
    let dtype = if output.is_quantized() { Dtype::F32 } else { output.dtype };
    let result = Tensor::new(output.name.clone(), &output.shape, dtype);
    let value = plain(op, &operands, &result)?;
    Ok(match (&output.quant, &value) {
        (Some(quant), Elements::F32(v)) if output.is_quantized() => {
            quantize_all(v, &output.shape, quant, clamp)
        }
        _ => value,
    })
}
