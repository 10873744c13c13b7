//! What the lanes of VECTOR compute: one operation, and its reduction.

use super::Stop;
use super::memory::Memory;
use super::nest::to_index;
use super::shape::Shape;
use super::vector::low32;
use crate::arith::float::{self, abs, add, at_most, equal, less, mul, neg, rint, sub};
use crate::arith::function::{Mode, Unit};
use crate::arith::int;
use crate::design::VectorOp;
use crate::isa::table::vector::{self, Function, function as unit, imm, reduction};
use crate::isa::{Flags, Needs, Registers};

/// What a launch does with its operands.
#[derive(Debug, Clone, Copy)]
pub enum Operation<'a> {
    /// A function of the instruction table.
    Table(Function),
    /// One that the design adds.
    Custom(&'a VectorOp),
}

impl Operation<'_> {
    /// Whether the result is binary32.
    pub fn gives_float(&self) -> bool {
        match self {
            Operation::Table(function) => function.gives_float(),
            Operation::Custom(op) => op.float,
        }
    }

    /// Whether the design has what it needs.
    pub fn exists(&self, shape: &Shape) -> bool {
        match self {
            Operation::Custom(_) => true,
            Operation::Table(function) => match function.needs() {
                Needs::Nothing => true,
                Needs::Float => shape.float,
                Needs::FunctionUnit => shape.function_segments > 0,
            },
        }
    }
}

/// The operation of a launch.
pub struct Lanes<'a> {
    operation: Operation<'a>,
    immediate: i32,
    unit: Option<Unit>,
}

impl<'a> Lanes<'a> {
    /// Reads the registers of the operation.
    pub fn new(
        shape: &Shape,
        registers: &Registers,
        operation: Operation<'a>,
    ) -> Result<Lanes<'a>, Stop> {
        let get = |field| registers.get(field);
        let unit = if matches!(operation, Operation::Table(Function::Function)) {
            let small = |field| u32::try_from(get(field)).unwrap_or(0);
            let mode = Mode::from_number(small(unit::MODE)).ok_or_else(Stop::configuration)?;
            if small(unit::BITS) > Unit::MAX_BITS {
                return Err(Stop::configuration());
            }
            Some(Unit {
                mode,
                base: to_index(get(unit::BASE)),
                bits: small(unit::BITS),
                low: small(unit::LOW),
                octaves: small(unit::OCTAVES),
                segments: shape.function_segments,
            })
        } else {
            None
        };
        Ok(Lanes { operation, immediate: low32(get(imm::VALUE)), unit })
    }

    /// The operation in one lane; without b, on the immediate.
    pub fn operate(&self, memory: &Memory, a: i32, b: Option<i32>) -> i32 {
        let b = b.unwrap_or(self.immediate);
        match self.operation {
            Operation::Table(function) => self.table(memory, function, a, b),
            Operation::Custom(op) if op.float => {
                bits(op.expr.float(&[real(a), real(b), real(self.immediate)]))
            }
            Operation::Custom(op) => op.expr.int(&[a, b, self.immediate]),
        }
    }

    fn table(&self, memory: &Memory, function: Function, a: i32, b: i32) -> i32 {
        let (x, y) = (real(a), real(b));
        match function {
            Function::Move | Function::Depthwise => a,
            Function::Add => int::add(a, b),
            Function::Sub => int::sub(a, b),
            Function::Mul => int::mul(a, b),
            Function::Max => a.max(b),
            Function::Min => a.min(b),
            Function::Abs => int::abs(a),
            Function::Neg => int::neg(a),
            Function::And => a & b,
            Function::Or => a | b,
            Function::Xor => a ^ b,
            Function::Not => !a,
            Function::Shl => int::shl(a, b),
            Function::Shr => int::shr(a, b),
            Function::Shru => int::shru(a, b),
            Function::Eq => int::truth(a == b),
            Function::Lt => int::truth(a < b),
            Function::Le => int::truth(a <= b),
            Function::Select => {
                if a != 0 {
                    b
                } else {
                    self.immediate
                }
            }
            Function::Fadd => bits(add(x, y)),
            Function::Fsub => bits(sub(x, y)),
            Function::Fmul => bits(mul(x, y)),
            Function::Fmax => bits(float::max(x, y)),
            Function::Fmin => bits(float::min(x, y)),
            Function::Feq => int::truth(equal(x, y)),
            Function::Flt => int::truth(less(x, y)),
            Function::Fle => int::truth(at_most(x, y)),
            Function::I2f => bits(float::from_int(a)),
            Function::F2i => rint(x),
            Function::Fabs => bits(abs(x)),
            Function::Fneg => bits(neg(x)),
            Function::Fsqr => bits(mul(x, x)),
            Function::Function => match &self.unit {
                Some(unit) => bits(unit.apply(x, |segment| memory.coefficients(segment))),
                None => a,
            },
        }
    }
}

/// How two values are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Sum,
    Max,
    Min,
}

/// The reduction of a launch.
#[derive(Debug, Clone, Copy)]
pub struct Reduction {
    kind: Kind,
    float: bool,
    across: bool,
    /// Counts of the loops that stay outside; one for the others.
    pub outer: [i64; 6],
    /// Counts of the loops that are reduced; one for the others.
    pub inner: [i64; 6],
    /// Iterations of loop0 that are innermost and not reduced; 1 without interleaving.
    pub free: i64,
}

impl Reduction {
    /// Reads and checks the flags and registers of the reduction.
    pub fn new(
        shape: &Shape,
        registers: &Registers,
        operation: Operation<'_>,
        flags: Flags,
        counts: &[i64; 6],
    ) -> Result<Reduction, Stop> {
        let kind = match flags.get(vector::REDUCE) {
            0 => Kind::None,
            1 => Kind::Sum,
            2 => Kind::Max,
            _ => Kind::Min,
        };
        let (across, interleave) =
            (registers.get(reduction::ACROSS) != 0, registers.get(reduction::INTERLEAVE) != 0);
        let float = operation.gives_float();
        let illegal = (across || interleave) && (kind == Kind::None || !shape.float)
            || kind == Kind::Sum && float && !interleave
            || interleave && to_index(counts[0]) > shape.acc_depth;
        if illegal {
            return Err(Stop::configuration());
        }
        let (mut inner, mut outer) = ([1; 6], *counts);
        let mut free = 1;
        if kind != Kind::None {
            let first = usize::from(interleave);
            for level in first..=first + to_index(flags.get(vector::LEVELS)) {
                inner[level] = std::mem::replace(&mut outer[level], 1);
            }
        }
        if interleave {
            free = std::mem::replace(&mut outer[0], 1);
        }
        Ok(Reduction { kind, float, across, outer, inner, free })
    }

    /// Joins a value to the sum so far.
    fn combine(&self, sum: i32, value: i32) -> i32 {
        let (x, y) = (real(sum), real(value));
        match (self.kind, self.float) {
            (Kind::None, _) => value,
            (Kind::Sum, false) => int::add(sum, value),
            (Kind::Max, false) => sum.max(value),
            (Kind::Min, false) => sum.min(value),
            (Kind::Sum, true) => bits(add(x, y)),
            (Kind::Max, true) => bits(float::max(x, y)),
            (Kind::Min, true) => bits(float::min(x, y)),
        }
    }

    /// Joins a word of values to the accumulators, lane by lane.
    pub fn join(&self, sums: &mut [i32], values: &[i32]) {
        for (sum, &value) in sums.iter_mut().zip(values) {
            *sum = self.combine(*sum, value);
        }
    }

    /// Joins the lanes of a result, neighbours first; every lane gets the outcome.
    pub fn across(&self, result: &mut [i32]) {
        if !self.across {
            return;
        }
        let mut level = result.to_vec();
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|pair| match *pair {
                    [left, right] => self.combine(left, right),
                    ref alone => alone.first().copied().unwrap_or(0),
                })
                .collect();
        }
        result.fill(level.first().copied().unwrap_or(0));
    }
}

fn real(bits: i32) -> f32 {
    f32::from_bits(bits.cast_unsigned())
}

fn bits(value: f32) -> i32 {
    value.to_bits().cast_signed()
}
