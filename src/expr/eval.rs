//! What expressions compute. One function for each domain, used for constants as well.

use super::{Domain, Expr, Function, MAX_NODES, Op};
use crate::arith::{float, int};

impl Expr {
    /// The result for integers. Operands that are missing are zero.
    pub fn int(&self, operands: &[i32]) -> i32 {
        let operand = |index: usize| operands.get(index).map_or(0, |value| from_int(*value));
        to_int(self.evaluate(operand))
    }

    /// The result for binary32 numbers: no subnormal, and [`float::NAN`] is the only NaN.
    pub fn float(&self, operands: &[f32]) -> f32 {
        let operand = |index: usize| operands.get(index).map_or(0, |x| from_f32(*x));
        to_f32(self.evaluate(operand))
    }

    /// The result for a binary64 number.
    pub fn real(&self, x: f64) -> f64 {
        f64::from_bits(self.evaluate(|_| x.to_bits()))
    }

    fn evaluate(&self, operand: impl Fn(usize) -> u64) -> u64 {
        let mut values = [0_u64; MAX_NODES];
        let mut last = 0;
        for (at, node) in self.nodes.iter().enumerate().take(MAX_NODES) {
            let mut args = [0; 3];
            for (arg, &from) in args.iter_mut().zip(&node.args) {
                *arg = values.get(from).copied().unwrap_or(0);
            }
            last = match node.op {
                Op::Operand(index) => operand(index),
                op => apply(self.domain, op, args),
            };
            if let Some(value) = values.get_mut(at) {
                *value = last;
            }
        }
        last
    }
}

fn from_int(value: i32) -> u64 {
    value.cast_unsigned().into()
}

fn to_int(bits: u64) -> i32 {
    (bits as u32).cast_signed()
}

/// The lanes take no subnormals and one NaN.
fn from_f32(value: f32) -> u64 {
    float::canonical(value).to_bits().into()
}

fn to_f32(bits: u64) -> f32 {
    f32::from_bits(bits as u32)
}

/// An operation other than an operand; conditions are 0 or 1.
pub(super) fn apply(domain: Domain, op: Op, args: [u64; 3]) -> u64 {
    let [x, y, z] = args;
    match op {
        Op::Operand(_) => 0,
        Op::Const(bits) => bits,
        Op::Known(holds) => holds.into(),
        Op::LogicNot => u64::from(x == 0),
        Op::LogicAnd => u64::from(x != 0 && y != 0),
        Op::LogicOr => u64::from(x != 0 || y != 0),
        Op::Truth => u64::from(x != 0),
        Op::Number => x,
        Op::Select if x != 0 => y,
        Op::Select => z,
        Op::Eq | Op::Lt | Op::Le => u64::from(match domain {
            Domain::Int => ordered(op, to_int(x).partial_cmp(&to_int(y))),
            Domain::Float => ordered(op, to_f32(x).partial_cmp(&to_f32(y))),
            Domain::Real => ordered(op, f64::from_bits(x).partial_cmp(&f64::from_bits(y))),
        }),
        Op::Call(function) => match domain {
            Domain::Int => from_int(integer(function, to_int(x), to_int(y))),
            Domain::Float => from_f32(binary32(function, to_f32(x), to_f32(y))),
            Domain::Real => real(function, f64::from_bits(x), f64::from_bits(y)).to_bits(),
        },
    }
}

fn ordered(op: Op, order: Option<std::cmp::Ordering>) -> bool {
    order.is_some_and(|order| match op {
        Op::Eq => order.is_eq(),
        Op::Lt => order.is_lt(),
        _ => order.is_le(),
    })
}

fn integer(function: Function, x: i32, y: i32) -> i32 {
    match function {
        Function::Add => int::add(x, y),
        Function::Sub => int::sub(x, y),
        Function::Mul => int::mul(x, y),
        Function::Div => x.checked_div(y).unwrap_or(x),
        Function::Rem => x.checked_rem(y).unwrap_or(0),
        Function::Neg => int::neg(x),
        Function::Abs => int::abs(x),
        Function::Min => x.min(y),
        Function::Max => x.max(y),
        Function::Not => !x,
        Function::And => x & y,
        Function::Or => x | y,
        Function::Xor => x ^ y,
        Function::Shl => int::shl(x, y),
        Function::Shr => int::shr(x, y),
        Function::Shru => int::shru(x, y),
        Function::Mulhi => ((i64::from(x) * i64::from(y)) >> 32) as i32,
        Function::Popcount => x.count_ones().cast_signed(),
        Function::Clz => x.leading_zeros().cast_signed(),
        // Functions of binary64 alone.
        _ => 0,
    }
}

fn binary32(function: Function, x: f32, y: f32) -> f32 {
    match function {
        Function::Add => float::add(x, y),
        Function::Sub => float::sub(x, y),
        Function::Mul => float::mul(x, y),
        Function::Neg => float::neg(x),
        Function::Abs => float::abs(x),
        Function::Min => float::min(x, y),
        Function::Max => float::max(x, y),
        // A division by a power of two is a product; the others have no form in binary32.
        _ => 0.0,
    }
}

fn real(function: Function, x: f64, y: f64) -> f64 {
    match function {
        Function::Add => x + y,
        Function::Sub => x - y,
        Function::Mul => x * y,
        Function::Div => x / y,
        Function::Neg => -x,
        Function::Abs => x.abs(),
        Function::Min => x.min(y),
        Function::Max => x.max(y),
        Function::Pow => libm::pow(x, y),
        Function::Exp => libm::exp(x),
        Function::Exp2 => libm::exp2(x),
        Function::Log => libm::log(x),
        Function::Log2 => libm::log2(x),
        Function::Log1p => libm::log1p(x),
        Function::Sqrt => x.sqrt(),
        Function::Tanh => libm::tanh(x),
        Function::Sin => libm::sin(x),
        Function::Cos => libm::cos(x),
        Function::Erf => libm::erf(x),
        // Functions of integers alone.
        _ => 0.0,
    }
}
