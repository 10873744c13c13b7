//! The only definition of rounding, saturation and requantization; `docs/numerics.md` states each
//! rule with examples that are tested.
//!
//! [`float`] holds the binary32 operations, [`function`] the function unit, [`post`] the post-processing lane built from them, and
//! [`int`] the wrapping integer operations of the VECTOR engine. Nothing here knows of buffers,
//! instructions or designs.
//!
//! Invariant: every function is total. For any bits it is given it returns a value, and the same
//! value on every machine.

pub mod float;
pub mod function;
pub mod int;
pub mod post;

pub use post::{Quant, Residual};

#[cfg(test)]
mod float_tests;
#[cfg(test)]
mod function_tests;
#[cfg(test)]
mod tests;
