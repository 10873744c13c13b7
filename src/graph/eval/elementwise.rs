//! Functions of one and two elements.

use libm::{ceil, cos, erf, exp, expm1, floor, fmod, log, log1p, pow, rint, sin, tanh};

use super::walk::{broadcast, positions};
use crate::graph::op::{Binary, Unary};
use crate::graph::tensor::{Dtype, Elements};

/// A function of a binary32 number: computed in binary64 and rounded once.
pub fn unary(op: Unary, x: f32) -> f32 {
    let wide = f64::from(x);
    let sigmoid = |x: f64| 1.0 / (1.0 + exp(-x));
    let softplus = |x: f64| x.max(0.0) + log1p(exp(-x.abs()));
    let result = match op {
        Unary::Identity => return x,
        // Comparisons keep what is no number.
        Unary::Relu => return if x < 0.0 { 0.0 } else { x },
        Unary::Leaky { slope } => return if x < 0.0 { slope * x } else { x },
        Unary::Clip { min, max } => {
            let low = if x < min { min } else { x };
            return if low > max { max } else { low };
        }
        Unary::Neg => return -x,
        Unary::Abs => return x.abs(),
        Unary::Sign if x > 0.0 => return 1.0,
        Unary::Sign => return if x < 0.0 { -1.0 } else { x },
        Unary::Threshold { alpha } => return if x > alpha { x } else { 0.0 },
        Unary::Not => return f32::from(u8::from(x == 0.0)),
        Unary::Sigmoid => sigmoid(wide),
        Unary::HardSigmoid { slope, shift } => {
            (f64::from(slope) * wide + f64::from(shift)).clamp(0.0, 1.0)
        }
        Unary::HardSwish => wide * (wide / 6.0 + 0.5).clamp(0.0, 1.0),
        Unary::Silu { slope } => wide * sigmoid(f64::from(slope) * wide),
        Unary::Gelu => 0.5 * wide * (1.0 + erf(wide * std::f64::consts::FRAC_1_SQRT_2)),
        Unary::GeluTanh => {
            let inner = wide + 0.044_715 * wide * wide * wide;
            0.5 * wide * (1.0 + tanh(std::f64::consts::FRAC_2_PI.sqrt() * inner))
        }
        Unary::Tanh => tanh(wide),
        Unary::Erf => erf(wide),
        Unary::Exp => exp(wide),
        Unary::Log => log(wide),
        Unary::Sqrt => wide.sqrt(),
        Unary::Reciprocal => 1.0 / wide,
        Unary::Floor => floor(wide),
        Unary::Ceil => ceil(wide),
        Unary::Round => rint(wide),
        Unary::Softplus => softplus(wide),
        Unary::Softsign => wide / (1.0 + wide.abs()),
        Unary::Mish => wide * tanh(softplus(wide)),
        Unary::Elu { alpha, beta, gamma } => {
            let (alpha, beta, gamma) = (f64::from(alpha), f64::from(beta), f64::from(gamma));
            if wide > 0.0 { gamma * wide } else { gamma * alpha * expm1(wide / beta) }
        }
        Unary::Sin => sin(wide),
        Unary::Cos => cos(wide),
    };
    result as f32
}

/// A function of an integer, where it is one; truth values are 0 and 1.
pub fn unary_integer(op: Unary, x: i64) -> Option<i64> {
    Some(match op {
        Unary::Identity | Unary::Floor | Unary::Ceil | Unary::Round => x,
        Unary::Relu => x.max(0),
        Unary::Neg => x.wrapping_neg(),
        Unary::Abs => x.wrapping_abs(),
        Unary::Sign => x.signum(),
        Unary::Not => i64::from(x == 0),
        // Limits of integers are integers, which binary32 holds as far as they occur.
        Unary::Clip { min, .. } if (x as f32) < min => min as i64,
        Unary::Clip { max, .. } if x as f32 > max => max as i64,
        Unary::Clip { .. } => x,
        _ => return None,
    })
}

/// A function of two binary32 numbers.
pub fn binary(op: Binary, a: f32, b: f32) -> f32 {
    let test = |truth: bool| f32::from(u8::from(truth));
    let choose = |first: bool| if first { a } else { b };
    match op {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Pow => pow(a.into(), b.into()) as f32,
        // What is no number wins.
        Binary::Min => choose(a.is_nan() || a < b),
        Binary::Max => choose(a.is_nan() || a > b),
        Binary::Mod { .. } => fmod(a.into(), b.into()) as f32,
        Binary::Prelu if a < 0.0 => a * b,
        Binary::Prelu => a,
        Binary::Equal => test(a == b),
        Binary::Less => test(a < b),
        Binary::LessEqual => test(a <= b),
        Binary::Greater => test(a > b),
        Binary::GreaterEqual => test(a >= b),
        Binary::And => test(a != 0.0 && b != 0.0),
        Binary::Or => test(a != 0.0 || b != 0.0),
        Binary::Xor => test((a != 0.0) != (b != 0.0)),
    }
}

/// A function of two integers; truth values are 0 and 1. None for a division by zero and for a
/// power that is no integer or beyond any.
pub fn binary_integer(op: Binary, a: i64, b: i64) -> Option<i64> {
    Some(match op {
        Binary::Add => a.wrapping_add(b),
        Binary::Sub => a.wrapping_sub(b),
        Binary::Mul => a.wrapping_mul(b),
        Binary::Div | Binary::Mod { .. } if b == 0 => return None,
        Binary::Div => a.wrapping_div(b),
        Binary::Mod { fmod } => {
            let rest = a.wrapping_rem(b);
            if !fmod && rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
        }
        Binary::Pow => a.wrapping_pow(u32::try_from(b).ok()?),
        Binary::Min => a.min(b),
        Binary::Max => a.max(b),
        Binary::Prelu if a < 0 => a.wrapping_mul(b),
        Binary::Prelu => a,
        Binary::Equal => (a == b).into(),
        Binary::Less => (a < b).into(),
        Binary::LessEqual => (a <= b).into(),
        Binary::Greater => (a > b).into(),
        Binary::GreaterEqual => (a >= b).into(),
        Binary::And => (a != 0 && b != 0).into(),
        Binary::Or => (a != 0 || b != 0).into(),
        Binary::Xor => ((a != 0) != (b != 0)).into(),
    })
}

/// The elements of an operand in the order of a result it is broadcast to.
pub fn spread<T: Copy>(shape: &[usize], values: &[T], out: &[usize]) -> Vec<T> {
    if shape == out {
        return values.to_vec();
    }
    positions(out, &broadcast(shape, out.len()), 0).map(|at| values[at]).collect()
}

/// Elements as int64, truth values as 0 and 1; none for binary32.
pub fn integers(elements: &Elements) -> Option<Vec<i64>> {
    match elements {
        Elements::Bool(v) => Some(v.iter().map(|&x| x.into()).collect()),
        other => other.integers(),
    }
}

/// int64 as elements of another type; what does not fit wraps.
pub fn narrowed(values: Vec<i64>, dtype: Dtype) -> Elements {
    match dtype {
        Dtype::F32 => Elements::F32(values.iter().map(|&x| x as f32).collect()),
        Dtype::I8 => Elements::I8(values.iter().map(|&x| x as i8).collect()),
        Dtype::I32 => Elements::I32(values.iter().map(|&x| x as i32).collect()),
        Dtype::I64 => Elements::I64(values),
        Dtype::Bool => Elements::Bool(values.iter().map(|&x| x != 0).collect()),
    }
}

/// Elements in another type; binary32 is cut towards zero.
pub fn cast(elements: &Elements, dtype: Dtype) -> Elements {
    match (elements, dtype) {
        (Elements::F32(v), Dtype::F32) => Elements::F32(v.clone()),
        (Elements::F32(v), Dtype::Bool) => Elements::Bool(v.iter().map(|&x| x != 0.0).collect()),
        (Elements::F32(v), _) => narrowed(v.iter().map(|&x| x as i64).collect(), dtype),
        (other, _) => narrowed(integers(other).unwrap_or_default(), dtype),
    }
}
