//! What the functions of VECTOR need of a design, which of them give binary32, and which are the
//! design's own.

use super::spec::{Call, Engine};
use super::table::vector::Function;

/// What a function needs of a design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: every design has it.
    Nothing,
    /// `vector.float`.
    Float,
    /// `vector.segments`.
    FunctionUnit,
}

impl Function {
    /// What a design must have for this function.
    pub const fn needs(self) -> Needs {
        match self {
            Function::Fadd
            | Function::Fsub
            | Function::Fmul
            | Function::Fmax
            | Function::Fmin
            | Function::Feq
            | Function::Flt
            | Function::Fle
            | Function::I2f
            | Function::F2i
            | Function::Fabs
            | Function::Fneg
            | Function::Fsqr => Needs::Float,
            Function::Function => Needs::FunctionUnit,
            _ => Needs::Nothing,
        }
    }

    /// Whether the result is binary32: it is reduced and post-processed as such.
    pub const fn gives_float(self) -> bool {
        match self.needs() {
            Needs::Nothing => false,
            Needs::FunctionUnit => true,
            Needs::Float => {
                !matches!(self, Function::Feq | Function::Flt | Function::Fle | Function::F2i)
            }
        }
    }
}

/// Number of the first custom operation: the operations of a design's `extensions.vector_ops` are
/// the functions of VECTOR from here on, in their order.
pub const FIRST_CUSTOM: u8 = 64;

/// Most custom operations of a design: the function numbers from [`FIRST_CUSTOM`] on.
pub const MAX_CUSTOM: usize = 64;

/// What stands before the number of a custom operation whose name is not known: `custom0`.
pub const CUSTOM: &str = "custom";

/// A custom operation as programs see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomSpec {
    /// Name in assembly, without the engine.
    pub name: String,
    /// Seven-bit number in the instruction word.
    pub number: u8,
    /// What it does.
    pub doc: String,
}

impl Call {
    /// The custom operation this is.
    pub fn custom(self) -> Option<usize> {
        let index = self.function.checked_sub(FIRST_CUSTOM).map(usize::from)?;
        (self.engine == Engine::Vector && index < MAX_CUSTOM).then_some(index)
    }

    /// The launch of a custom operation.
    pub fn of_custom(index: usize) -> Option<Call> {
        let index = u8::try_from(index).ok().filter(|&index| usize::from(index) < MAX_CUSTOM)?;
        Some(Call { engine: Engine::Vector, function: FIRST_CUSTOM + index })
    }
}
