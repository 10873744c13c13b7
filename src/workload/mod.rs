//! Whole programs made of kernels: benchmarks of single operators and the digits network.
//!
//! A [`Workload`] is a program with its input data inside and the count of useful
//! multiply-accumulates, from which utilisation follows. Data is a function of a seed.

pub mod attention;
pub mod bench;
pub mod digits;
pub mod extension;
pub mod maps;
pub mod operators;
pub mod units;
pub mod vector;

use crate::program::Program;

/// A program and what it computes.
#[derive(Debug, Clone)]
pub struct Workload {
    /// The program; its regions hold the inputs.
    pub program: Program,
    /// Useful multiply-accumulates of one run.
    pub macs: u64,
}

/// Pseudo-random numbers by the SplitMix64 generator (Steele, Lea, Flood, 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A sequence that depends on the seed alone.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// An activation, -128 to 127.
    pub fn activation(&mut self) -> u8 {
        self.bits().to_le_bytes()[0]
    }

    /// A symmetric weight, -127 to 127.
    pub fn weight(&mut self) -> i8 {
        (self.bits().to_le_bytes()[0].cast_signed()).max(-127)
    }

    /// `count` activations.
    pub fn activations(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.activation()).collect()
    }

    /// `count` weights.
    pub fn weights(&mut self, count: usize) -> Vec<i8> {
        (0..count).map(|_| self.weight()).collect()
    }
}
