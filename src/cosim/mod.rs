//! Co-simulation: the emitted Verilog, built by Verilator and run in this process, with the DRAM
//! and the host played by Rust.
//!
//! Owns the memory model, the register port's host, the build cache and the search for the first
//! divergence. Does not know what a program means: that is `golden`'s.
//! Start at [`dram`] for the memory.

pub mod dram;
pub mod error;
pub mod memory;
pub mod pins;
pub mod protocol;
pub mod rng;

#[cfg(test)]
mod dram_tests;

pub use error::Error;
