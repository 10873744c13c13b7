//! What the functions of VECTOR need of a design, and which of them give binary32.

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
