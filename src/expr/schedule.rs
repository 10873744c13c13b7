//! When hardware has each value: pipeline stages from a simple model of logic depth.
//!
//! A stage may hold [`MOST`] units of logic, about one carry chain and two lookup tables. Products
//! and binary32 arithmetic have registers of their own and start at a register.

use super::{Domain, Expr, Function, Node, Op};

/// Units of logic between two registers.
const MOST: u32 = 6;

/// How an operation is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// Wires, or logic of so many units.
    Logic(u32),
    /// A pipeline of so many cycles, from registers to a register.
    Pipeline(u32),
}

/// Cycles of a product of integers: those of the multiplier in the ALU.
pub const PRODUCT_CYCLES: u32 = 3;

/// Cycles of a binary32 product: `npu_f32_mul`.
pub const FLOAT_PRODUCT_CYCLES: u32 = 3;

/// Cycles of a binary32 sum: `npu_f32_add`.
pub const FLOAT_SUM_CYCLES: u32 = 5;

/// When a value is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// Cycle, counted from the one in which the operands are presented.
    pub cycle: u32,
    /// Units of logic behind the registers of that cycle.
    pub depth: u32,
}

/// The stages of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    ready: Vec<Ready>,
}

impl Schedule {
    pub(super) fn of(expr: &Expr) -> Schedule {
        let mut ready: Vec<Ready> = Vec::new();
        for node in expr.nodes() {
            let inputs = node.args.iter().filter_map(|&arg| ready.get(arg).copied());
            let start = inputs
                .max_by_key(|ready| (ready.cycle, ready.depth))
                .unwrap_or(Ready { cycle: 0, depth: 0 });
            ready.push(match build(expr, node) {
                Build::Logic(units) if start.depth + units <= MOST => {
                    Ready { cycle: start.cycle, depth: start.depth + units }
                }
                Build::Logic(units) => Ready { cycle: start.cycle + 1, depth: units },
                Build::Pipeline(cycles) => {
                    let first = start.cycle + u32::from(start.depth > 0);
                    Ready { cycle: first + cycles, depth: 0 }
                }
            });
        }
        Schedule { ready }
    }

    /// The stages of an expression some of whose operands arrive late, in cycle `latency`: what
    /// depends on them is logic of that cycle, and so is the result.
    pub(super) fn with_late(expr: &Expr, late: &[usize], latency: u32) -> Schedule {
        let mut schedule = Schedule::of(expr);
        let of_late = of_late(expr, late);
        for (ready, late) in schedule.ready.iter_mut().zip(of_late) {
            if late {
                *ready = Ready { cycle: latency, depth: 0 };
            }
        }
        schedule
    }

    /// When the value of the operation number `at` is there.
    pub fn ready(&self, at: usize) -> Ready {
        self.ready.get(at).copied().unwrap_or(Ready { cycle: 0, depth: 0 })
    }

    /// Cycles from the operands to a register with the result.
    pub fn latency(&self) -> u32 {
        let last = self.ready.last().copied().unwrap_or(Ready { cycle: 0, depth: 0 });
        (last.cycle + u32::from(last.depth > 0)).max(1)
    }
}

/// Which operations depend on late operands.
fn of_late(expr: &Expr, late: &[usize]) -> Vec<bool> {
    let mut of_late: Vec<bool> = Vec::new();
    for node in expr.nodes() {
        let depends = node.args.iter().any(|&arg| of_late.get(arg) == Some(&true));
        of_late.push(depends || matches!(node.op, Op::Operand(index) if late.contains(&index)));
    }
    of_late
}

/// In which cycle late operands can arrive at the earliest; `None` where something that takes
/// cycles of its own depends on them.
pub(super) fn late_cycle(expr: &Expr, late: &[usize]) -> Option<u32> {
    let (schedule, of_late) = (Schedule::of(expr), of_late(expr, late));
    let is_late = |at: usize| of_late.get(at) == Some(&true);
    let mut cycle = 0;
    let mut await_value = |at: usize| {
        let ready = schedule.ready(at);
        cycle = cycle.max(ready.cycle + u32::from(ready.depth > 0));
    };
    for (at, node) in expr.nodes().iter().enumerate() {
        if is_late(at) {
            if let Build::Pipeline(_) = build(expr, node) {
                return None;
            }
            node.args.iter().filter(|&&arg| !is_late(arg)).for_each(|&arg| await_value(arg));
        } else if at + 1 == expr.nodes().len() {
            await_value(at);
        }
    }
    Some(cycle)
}

/// The constant an operand is.
fn constant(expr: &Expr, at: usize) -> Option<u64> {
    match expr.nodes().get(at)?.op {
        Op::Const(bits) => Some(bits),
        _ => None,
    }
}

/// How an operation is built.
pub fn build(expr: &Expr, node: &Node) -> Build {
    let float = expr.domain() == Domain::Float;
    let by_constant = node.args.get(1).and_then(|&arg| constant(expr, arg));
    let power_of_two = by_constant
        .is_some_and(|bits| (bits as u32).cast_signed().unsigned_abs().is_power_of_two());
    match node.op {
        Op::Const(_) | Op::Known(_) | Op::Number => Build::Logic(0),
        // Subnormal numbers and NaN are replaced.
        Op::Operand(_) => Build::Logic(if float { 2 } else { 0 }),
        Op::LogicNot | Op::LogicAnd | Op::LogicOr | Op::Select => Build::Logic(1),
        Op::Truth => Build::Logic(3),
        Op::Eq | Op::Lt | Op::Le => Build::Logic(if float { 5 } else { 4 }),
        Op::Call(function) => match function {
            Function::Add | Function::Sub if float => Build::Pipeline(FLOAT_SUM_CYCLES),
            Function::Mul if float => Build::Pipeline(FLOAT_PRODUCT_CYCLES),
            Function::Min | Function::Max => Build::Logic(if float { 6 } else { 5 }),
            Function::Neg | Function::Abs if float => Build::Logic(1),
            Function::Mul | Function::Mulhi => Build::Pipeline(PRODUCT_CYCLES),
            Function::Div if power_of_two => Build::Pipeline(1),
            Function::Rem if power_of_two => Build::Pipeline(2),
            // A product with the reciprocal and its correction; then the product with the divisor
            // and the difference.
            Function::Div => Build::Pipeline(PRODUCT_CYCLES + 2),
            Function::Rem => Build::Pipeline(2 * PRODUCT_CYCLES + 3),
            Function::Shl | Function::Shr | Function::Shru if by_constant.is_some() => {
                Build::Logic(0)
            }
            Function::Not | Function::And | Function::Or | Function::Xor => Build::Logic(1),
            Function::Popcount | Function::Clz => Build::Logic(6),
            _ => Build::Logic(4),
        },
    }
}
