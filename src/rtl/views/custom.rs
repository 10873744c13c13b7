//! `npu_vector_custom`: the operations a configuration adds to the lanes.

use askama::Template;

use crate::design::{Design, VectorOp};
use crate::isa::FIRST_CUSTOM;

/// The operations of all lanes.
#[derive(Debug, Template)]
#[template(path = "rtl/npu_vector_custom.v")]
pub(super) struct CustomView {
    slowest: u32,
    ops: Vec<Op>,
}

#[derive(Debug)]
struct Op {
    /// Number, name, and what it does.
    line: String,
    module: String,
    /// Name for constants.
    upper: String,
    wire: String,
    wire_last: String,
    instance: String,
    number: usize,
    operands: usize,
    latency: u32,
}

impl CustomView {
    /// The operations of a design that has some.
    pub fn new(design: &Design) -> Option<CustomView> {
        let ops = design.vector_ops();
        let slowest = slowest(design)?;
        let ops = ops.iter().enumerate().map(|(index, op)| Op::new(index, op)).collect();
        Some(CustomView { slowest, ops })
    }
}

/// Cycles of the slowest operation.
pub(super) fn slowest(design: &Design) -> Option<u32> {
    design.vector_ops().iter().map(|op| op.latency).max()
}

/// Bit i: whether operation i gives binary32.
pub(super) fn float_mask(design: &Design) -> u64 {
    let float = |(index, op): (usize, &VectorOp)| u64::from(op.float) << index;
    design.vector_ops().iter().enumerate().map(float).sum()
}

impl Op {
    fn new(index: usize, op: &VectorOp) -> Op {
        let name = &op.name;
        let number = usize::from(FIRST_CUSTOM) + index;
        Op {
            line: comment(&format!("{number} {name}: {}", op.doc)),
            module: op.module(),
            upper: name.to_uppercase(),
            wire: format!("op_{name}"),
            wire_last: format!("op_{name}_last"),
            instance: format!("u_{name}"),
            number,
            operands: op.operands,
            latency: op.latency,
        }
    }
}

/// One line of a comment.
pub(super) fn comment(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(90) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
