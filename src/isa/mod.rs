//! The instruction set. [`table`] is the only definition; [`spec`] is the vocabulary it is written
//! in; everything else here is derived from the two. Knows nothing of a particular design: what is
//! legal for one is decided by [`crate::program::lint`].
//!
//! Invariant: every word that [`Instruction::decode`] accepts is the word [`Instruction::encode`]
//! makes of the result, so no two words mean the same.

pub mod constants;
pub mod domain;
pub mod instruction;
pub mod levels;
pub mod manual;
pub mod registers;
pub mod spec;
pub mod table;

pub use constants::{Constant, c_header, engine_constants, word_constants};
pub use domain::{CUSTOM, CustomSpec, FIRST_CUSTOM, MAX_CUSTOM, MAX_UNITS, Needs, UNIT};
pub use instruction::{DecodeError, EncodeError, Instruction, SemMask};
pub use manual::manual;
pub use registers::{Flags, RangeError, Registers};
pub use spec::{
    Bits, Call, Engine, EngineSpec, Field, FunctionSpec, Home, OpcodeSpec, RegisterSpec,
};
pub use table::ISA_VERSION;

#[cfg(test)]
pub(crate) mod tests;
