//! Random programs: legal for their design, without races or deadlocks, the same for a seed on every
//! machine; and the shrinking of those that fail.
//!
//! [`Case::random`] draws launches that stay inside a window of every buffer; [`Case::program`]
//! puts them in order: it finds which launches touch the same addresses and connects them with
//! semaphores or fences. Because the order is found anew for any subset of the launches,
//! [`shrink`] may drop whatever it likes. Start reading at `case`.
//!
//! Invariant: a program reads nothing that was not written before, and every scale it uses is one.

mod assemble;
mod case;
mod coverage;
mod extent;
mod features;
mod gemm;
mod rng;
mod shrink;
mod spoil;
mod transfer;
mod unit;
mod vector;
mod window;

pub use assemble::{FuzzError, Overlaps};
pub use case::{Case, Launch};
pub use coverage::Coverage;
pub use rng::Rng;
pub use shrink::shrink;
pub use spoil::spoil_program;

#[cfg(test)]
mod tests;
