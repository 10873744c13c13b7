//! Expressions with which configurations and command lines say what an operation computes.
//!
//! A text becomes an [`Expr`]: a list of typed operations in which every operand stands before its
//! use, common parts are shared and constants are folded. `lex` and `parse` make a tree of the text,
//! `check` the list, `eval` computes, `schedule` says in which cycle hardware can have each value.
//! What the operators mean is listed once, in `functions`.
//!
//! Invariant: an `Expr` is sound. It has at most [`MAX_NODES`] operations, divides by nothing that
//! is zero, and evaluating it cannot fail. Knows nothing of Verilog.

mod check;
mod eval;
mod functions;
mod lex;
mod parse;
mod schedule;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub use functions::{Function, manual};
pub use schedule::{Build, PRODUCT_CYCLES, Schedule, build};

/// Most operations of an expression, calls inserted.
pub const MAX_NODES: usize = 256;

/// What an expression computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Domain {
    /// Two's complement integers of 32 bits; arithmetic wraps.
    Int,
    /// Binary32 as the lanes have it: [`crate::arith::float`].
    Float,
    /// Binary64, for functions that become tables.
    Real,
}

/// An operation that expressions may call.
#[derive(Debug, Clone, Copy)]
pub struct Definition<'a> {
    /// Name.
    pub name: &'a str,
    /// What it computes with.
    pub domain: Domain,
    /// Names of its operands.
    pub operands: &'a [&'a str],
    /// The expression.
    pub text: &'a str,
}

/// A text that is no expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExprError {
    /// The part of the text that is wrong, in bytes.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl ExprError {
    fn new(
        span: &Range<usize>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> ExprError {
        let remedy: String = remedy.into();
        let remedy = match remedy.is_empty() {
            true => "docs/extensions.md lists operators and functions".to_owned(),
            false => remedy,
        };
        ExprError { span: span.clone(), message: message.into(), remedy }
    }
}

/// An operation. Operands that are conditions are marked c, all others are numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// The operand with this position.
    Operand(usize),
    /// A constant: the bits of an integer, a binary32 or a binary64 number.
    Const(u64),
    /// A condition that is known.
    Known(bool),
    /// A function or operator of numbers.
    Call(Function),
    /// Both are equal: a condition.
    Eq,
    /// The first is below the second: a condition.
    Lt,
    /// The first is not above the second: a condition.
    Le,
    /// Not c.
    LogicNot,
    /// Both c.
    LogicAnd,
    /// One c or both.
    LogicOr,
    /// An integer is not zero: a condition.
    Truth,
    /// 1 where c holds, else 0: an integer.
    Number,
    /// The second where c, the first, holds, else the third.
    Select,
}

impl Op {
    /// Whether the result is a condition.
    pub const fn is_condition(self) -> bool {
        matches!(
            self,
            Op::Known(_)
                | Op::Eq
                | Op::Lt
                | Op::Le
                | Op::LogicNot
                | Op::LogicAnd
                | Op::LogicOr
                | Op::Truth
        )
    }
}

/// An operation and the positions of its operands in the list, which are all before it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    /// The operation.
    pub op: Op,
    /// Its operands, at most three.
    pub args: Vec<usize>,
}

/// A sound expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expr {
    domain: Domain,
    text: String,
    nodes: Vec<Node>,
}

impl Expr {
    /// Reads the definition number `index` of `definitions`, which may call the others.
    pub fn define(definitions: &[Definition<'_>], index: usize) -> Result<Expr, ExprError> {
        match definitions.get(index) {
            Some(definition) => check::check(definition, definitions),
            None => Err(ExprError::new(&(0..0), "there is no such definition", "")),
        }
    }

    /// Reads an expression of its own.
    pub fn parse(text: &str, domain: Domain, operands: &[&str]) -> Result<Expr, ExprError> {
        Expr::define(&[Definition { name: "", domain, operands, text }], 0)
    }

    /// What it computes with.
    pub const fn domain(&self) -> Domain {
        self.domain
    }

    /// The text it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The operations; the last one is the result.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// When hardware has each value.
    pub fn schedule(&self) -> Schedule {
        Schedule::of(self)
    }

    /// When hardware has each value, if the operands at the positions `late` and the result are
    /// those of cycle `latency`, which must not be before [`Expr::late_cycle`].
    pub fn schedule_with_late(&self, late: &[usize], latency: u32) -> Schedule {
        Schedule::with_late(self, late, latency)
    }

    /// The first cycle in which operands can come that are there last, like a state that the result
    /// replaces. `None` where the result is not logic of them: a product takes cycles.
    pub fn late_cycle(&self, late: &[usize]) -> Option<u32> {
        schedule::late_cycle(self, late)
    }

    /// The value, where it depends on no operand.
    pub fn constant(&self) -> Option<u64> {
        match self.nodes.last()?.op {
            Op::Const(bits) => Some(bits),
            _ => None,
        }
    }

    /// Fewest cycles from operands to result.
    pub fn latency(&self) -> u32 {
        self.schedule().latency()
    }
}
