//! Custom operations of the lanes: each operator of an expression by what it takes of the device,
//! and the registers in which values wait. Measured operator by operator with
//! `scripts/measure_resources.py --top npu_vector_custom`; docs/implementation.md has the check.

use super::{Resources, alu_latency, own_latency, shallow};
use crate::design::{Design, VectorOp};
use crate::expr::{Build, Domain, Expr, Function, Node, Op, Schedule, build};

/// The operations in all lanes, and the choice between them.
pub(super) fn operations(design: &Design) -> Resources {
    let (ops, lanes) = (design.vector_ops(), design.lanes());
    let (base, last) = (own_latency(design), alu_latency(design));
    let mut total = Resources {
        lut: lanes * (82 + 23 * (ops.len() + 1) / 2),
        lut_memory: 14,
        ff: 32 * lanes,
        ..Resources::default()
    };
    // What is ready before the last stage waits in a small memory.
    let stages = ops.iter().map(|op| op.latency as usize).chain([base]);
    for waits in stages.filter(|&stage| stage < last).map(|stage| last - stage) {
        total.lut += 9;
        total.lut_memory += shallow(waits.min(64), 32 * lanes);
        total.ff += 16;
    }
    for op in ops {
        let Resources { dsp, lut, lut_memory, ff, ram18, uram } = operation(op);
        total = total.plus(Resources {
            dsp: lanes * dsp,
            lut: lanes * lut,
            lut_memory: lanes * lut_memory,
            ff: lanes * ff,
            ram18,
            uram,
        });
    }
    total
}

/// One operation in one lane. A module in the place of the expression's is taken to have the same
/// logic, and a result that waits for as long as it takes.
pub fn operation(op: &VectorOp) -> Resources {
    if op.verilog.is_some() {
        return logic(&op.expr).plus(wait(32, op.latency));
    }
    pipeline(&op.expr, &op.expr.schedule(), op.latency)
}

/// The operators of an expression, without registers between them.
pub(super) fn logic(expr: &Expr) -> Resources {
    let operators = expr.nodes().iter().zip(widths(expr));
    operators
        .fold(Resources::default(), |total, (node, width)| total.plus(operator(expr, node, width)))
}

/// An expression with the registers in which its values wait, up to a result after `latency`.
pub(super) fn pipeline(expr: &Expr, schedule: &Schedule, latency: u32) -> Resources {
    let mut total = logic(expr);
    let needed = needed(expr, schedule, latency);
    for ((at, width), needed) in widths(expr).into_iter().enumerate().zip(needed) {
        let mut from = schedule.ready(at).cycle;
        for cycle in needed {
            total = total.plus(wait(width, cycle.saturating_sub(from)));
            from = cycle;
        }
    }
    total
}

/// Bits of every value of which the hardware needs to know more than a constant.
fn widths(expr: &Expr) -> Vec<usize> {
    let mut widths = Vec::new();
    for (node, whole) in expr.nodes().iter().zip(whole_values(expr)) {
        let width = if whole { width(expr, node, &widths) } else { 1 };
        widths.push(width);
    }
    widths
}

/// Values of which more than the sign is needed.
fn whole_values(expr: &Expr) -> Vec<bool> {
    let nodes = expr.nodes();
    let mut whole = vec![false; nodes.len()];
    if let Some(result) = whole.last_mut() {
        *result = true;
    }
    for (at, node) in nodes.iter().enumerate().rev() {
        let bits = matches!(
            node.op,
            Op::Call(Function::And | Function::Or | Function::Xor | Function::Not)
        );
        let only_sign = match node.op {
            Op::Lt => constant(expr, node, 1) == Some(0),
            _ => bits && !whole.get(at).copied().unwrap_or(true),
        };
        for &arg in &node.args {
            if let Some(whole) = whole.get_mut(arg) {
                *whole |= !only_sign;
            }
        }
    }
    whole
}

/// Cycles in which each value is needed, in order.
fn needed(expr: &Expr, schedule: &Schedule, latency: u32) -> Vec<Vec<u32>> {
    let mut needed = vec![Vec::new(); expr.nodes().len()];
    for (at, node) in expr.nodes().iter().enumerate() {
        let start = match build(expr, node) {
            Build::Logic(_) => schedule.ready(at).cycle,
            Build::Pipeline(cycles) => schedule.ready(at).cycle - cycles,
        };
        for &arg in &node.args {
            if let Some(cycles) = needed.get_mut(arg) {
                cycles.push(start);
            }
        }
    }
    if let Some(cycles) = needed.last_mut() {
        cycles.push(latency);
    }
    for cycles in &mut needed {
        cycles.sort_unstable();
    }
    needed
}

/// Bits of a value that are not constant, given those of the values before it.
fn width(expr: &Expr, node: &Node, widths: &[usize]) -> usize {
    match node.op {
        Op::Const(_) | Op::Known(_) => 0,
        Op::Number => 1,
        Op::Call(Function::Popcount | Function::Clz) => 6,
        Op::Call(Function::Shl) if constant(expr, node, 1).is_some() => {
            node.args.first().and_then(|&arg| widths.get(arg)).copied().unwrap_or(32)
        }
        op if op.is_condition() => 1,
        _ => 32,
    }
}

/// Registers: three in a row or more become a shift register in a lookup table.
fn wait(width: usize, cycles: u32) -> Resources {
    match cycles {
        0..=2 => Resources { ff: width * cycles as usize, ..Resources::default() },
        _ => {
            let tables = width * cycles.div_ceil(32) as usize;
            Resources { lut_memory: tables, ..Resources::default() }
        }
    }
}

fn constant(expr: &Expr, node: &Node, arg: usize) -> Option<u64> {
    match expr.nodes().get(*node.args.get(arg)?)?.op {
        Op::Const(bits) => Some(bits),
        _ => None,
    }
}

/// An operator with the registers inside it, for a result of so many bits.
fn operator(expr: &Expr, node: &Node, width: usize) -> Resources {
    let lut = |lut| Resources { lut, ..Resources::default() };
    let float = expr.domain() == Domain::Float;
    let known = (0..node.args.len()).any(|arg| constant(expr, node, arg).is_some());
    match node.op {
        Op::Const(_) | Op::Known(_) | Op::Number => lut(0),
        Op::Operand(_) => lut(if float { 35 } else { 0 }),
        Op::LogicNot | Op::LogicAnd | Op::LogicOr => lut(1),
        Op::Truth => lut(7),
        Op::Eq => lut(if float { 38 } else { 18 }),
        Op::Lt if constant(expr, node, 1) == Some(0) && !float => lut(0),
        Op::Lt if float => lut(if known { 8 } else { 76 }),
        Op::Le if float => lut(if known { 12 } else { 114 }),
        Op::Lt | Op::Le => lut(if known { 4 } else { 22 }),
        Op::Select => {
            let fixed = constant(expr, node, 1).is_some() && constant(expr, node, 2).is_some();
            lut(if fixed { 1 } else { width })
        }
        Op::Call(function) if float => float_operator(function, known),
        Op::Call(function) => integer_operator(expr, node, function, width),
    }
}

fn float_operator(function: Function, known: bool) -> Resources {
    let lut = |lut| Resources { lut, ..Resources::default() };
    match function {
        Function::Add | Function::Sub => Resources { lut: 415, ff: 247, ..Resources::default() },
        Function::Mul => Resources { dsp: 2, lut: 122, ff: 178, ..Resources::default() },
        Function::Neg => lut(23),
        Function::Abs => lut(0),
        _ => lut(if known { 33 } else { 101 }),
    }
}

fn integer_operator(expr: &Expr, node: &Node, function: Function, width: usize) -> Resources {
    let lut = |lut| Resources { lut, ..Resources::default() };
    let factor = (0..node.args.len()).find_map(|arg| constant(expr, node, arg));
    let by = factor.map(|bits| (bits as u32).cast_signed().unsigned_abs());
    let power = by.is_some_and(u32::is_power_of_two);
    match function {
        // A constant needs no lookup table beside the carry chain.
        Function::Add | Function::Sub => lut(if factor.is_some() { 6 } else { 32 }),
        Function::Neg => lut(32),
        Function::Abs => lut(62),
        Function::Min | Function::Max => lut(if factor.is_some() { 9 } else { 54 }),
        Function::Not => lut(0),
        Function::And | Function::Or | Function::Xor => {
            lut(if factor.is_some() { 0 } else { width })
        }
        Function::Shl | Function::Shr | Function::Shru => {
            lut(if factor.is_some() { 0 } else { 106 })
        }
        Function::Popcount => lut(68),
        Function::Clz => lut(31),
        Function::Mul if power => wait(width, 3),
        Function::Mul => {
            let dsp = if by.is_some_and(|by| by < 1 << 17) { 2 } else { 3 };
            let sum = if dsp == 2 { 15 } else { 29 };
            Resources { dsp, lut: sum, lut_memory: 32, ..Resources::default() }
        }
        Function::Mulhi => Resources { dsp: 4, lut: 110, lut_memory: 32, ..Resources::default() },
        Function::Div if power => Resources { lut: 4, ff: 30, ..Resources::default() },
        Function::Rem if power => Resources { lut: 33, ff: 93, ..Resources::default() },
        // In half of them the dividend corrects the product.
        Function::Div => Resources { dsp: 4, lut: 127, lut_memory: 47, ff: 46, ram18: 0, uram: 0 },
        _ => Resources { dsp: 6, lut: 173, lut_memory: 109, ff: 77, ram18: 0, uram: 0 },
    }
}
