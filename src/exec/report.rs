//! What a run tells.

use indexmap::IndexMap;

use super::fault::Fault;
use crate::isa::Engine;

/// A launch that retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Retirement {
    /// Its engine.
    pub engine: Engine,
    /// Position of its instruction in the program.
    pub pc: usize,
    /// When, for executors that know time.
    pub cycle: Option<u64>,
}

/// A mark in the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TagRecord {
    /// Its engine.
    pub engine: Engine,
    /// The mark.
    pub tag: u32,
    /// When, for executors that know time.
    pub cycle: Option<u64>,
}

/// The launch that wrote a byte, and which byte of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blame {
    /// Position of the launch in the program.
    pub pc: usize,
    /// Where the byte came from, in words: "IBUF word 17, byte 3".
    pub source: String,
    /// The launch that wrote the source, when it is known.
    pub producer: Option<usize>,
}

/// What a run tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunReport {
    /// Launches in the order in which they retired.
    pub retired: Vec<Retirement>,
    /// Marks in the order in which they were recorded.
    pub tags: Vec<TagRecord>,
    /// Cycles from start to end, for executors that know time.
    pub cycles: Option<u64>,
    /// Counters by name, in the order of the machine's registers.
    pub counters: IndexMap<String, u64>,
    /// What stopped the machine, if anything did.
    pub fault: Option<Fault>,
}

impl RunReport {
    /// Positions of one engine's retired launches.
    pub fn retired_by(&self, engine: Engine) -> impl Iterator<Item = usize> {
        self.retired
            .iter()
            .filter(move |retirement| retirement.engine == engine)
            .map(|retirement| retirement.pc)
    }
}
