//! What the functions of VECTOR need of a design, which of them give binary32, and which functions
//! are a design's own.

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

/// Most compute units of a design. The units of `extensions.units` are the functions of UNIT from 0
/// on, in their order.
pub const MAX_UNITS: usize = 16;

/// What stands before the number of a unit whose name is not known: `unit0`.
pub const UNIT: &str = "unit";

/// A custom operation or a unit as programs see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomSpec {
    /// VECTOR or UNIT.
    pub engine: Engine,
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

    /// The unit this is a launch of.
    pub fn unit(self) -> Option<usize> {
        let index = usize::from(self.function);
        (self.engine == Engine::Unit && index < MAX_UNITS).then_some(index)
    }

    /// The launch of a unit.
    pub fn of_unit(index: usize) -> Option<Call> {
        let function = u8::try_from(index).ok().filter(|&index| usize::from(index) < MAX_UNITS)?;
        Some(Call { engine: Engine::Unit, function })
    }

    /// Whether a design can have such a function: one of the table, or one of its own.
    pub fn is_known(self) -> bool {
        self.spec().is_some() || self.custom().is_some() || self.unit().is_some()
    }

    /// The launch of a custom operation.
    pub fn of_custom(index: usize) -> Option<Call> {
        let index = u8::try_from(index).ok().filter(|&index| usize::from(index) < MAX_CUSTOM)?;
        Some(Call { engine: Engine::Vector, function: FIRST_CUSTOM + index })
    }
}
