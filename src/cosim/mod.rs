//! Co-simulation: the emitted Verilog, built by Verilator and run in this process, with the DRAM
//! and the host played by Rust.
//!
//! Owns the memory model, the build cache, the search for the first
//! divergence and the look inside that [`probe`] gives. Does not know what a program means: that is `golden`'s.
//! Start at [`build`] for the way from text to a library, at [`dram`] for the memory.

pub mod build;
pub mod dram;
pub mod equivalence;
pub mod error;
pub mod executor;
pub mod lockstep;
pub mod memory;
pub mod model;
pub mod pins;
pub mod probe;
pub mod progress;
pub mod protocol;
pub mod rng;
pub mod session;
pub mod sparse;
pub mod wave;

#[cfg(test)]
mod dram_tests;
#[cfg(test)]
mod session_tests;

pub use error::Error;
pub use executor::{Rtl, RtlOptions};
