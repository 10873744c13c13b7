//! Which addresses a launch reads and writes. Follows `docs/machine.md`; the checks before a run
//! and the comparison of executors rely on it.
//!
//! Expects a legal launch: counts of zero and the like are found by [`super::lint`] first, and
//! give meaningless (but no harmful) footprints here.

mod nest;
mod spans;
#[cfg(test)]
mod tests;
mod units;

pub use spans::Spans;

use crate::design::Design;
use crate::isa::{Call, Engine, Flags, Registers};
use std::fmt;
use std::ops::Range;

/// A memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Activations; addresses count elements, `rows` a word.
    Ibuf,
    /// Weights; addresses count words.
    Wbuf,
    /// Accumulators; addresses count vectors.
    Obuf,
    /// Per-channel parameters; addresses count words.
    Pbuf,
    /// Wide values; addresses count elements, `lanes` a word.
    Vmem,
    /// Lookup tables; addresses count words.
    Table,
    /// Coefficients of the function unit; addresses count words, four a segment.
    Coeff,
    /// The region of a base register; addresses count bytes.
    Dram(u8),
}

impl Space {
    /// Addresses of a word: an address divided by this is a word's.
    pub fn per_word(self, design: &Design) -> i64 {
        match self {
            Space::Ibuf => signed(design.rows()),
            Space::Vmem => signed(design.lanes()),
            Space::Wbuf
            | Space::Obuf
            | Space::Pbuf
            | Space::Table
            | Space::Coeff
            | Space::Dram(_) => 1,
        }
    }

    /// Words of an on-chip buffer; `None` for DRAM, whose regions belong to the program.
    pub fn words(self, design: &Design) -> Option<i64> {
        match self {
            Space::Ibuf => Some(signed(design.ibuf().words)),
            Space::Wbuf => Some(signed(design.wbuf().words)),
            Space::Obuf => Some(signed(design.obuf_depth())),
            Space::Pbuf => Some(signed(design.pbuf_words())),
            Space::Vmem => Some(signed(design.vmem().words)),
            Space::Table => Some(signed(design.tables()) * TABLE_WORDS),
            Space::Coeff => Some(signed(design.function_segments()) * SEGMENT_WORDS),
            Space::Dram(_) => None,
        }
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Space::Ibuf => f.write_str("IBUF"),
            Space::Wbuf => f.write_str("WBUF"),
            Space::Obuf => f.write_str("OBUF"),
            Space::Pbuf => f.write_str("PBUF"),
            Space::Vmem => f.write_str("VMEM"),
            Space::Table => f.write_str("TABLE"),
            Space::Coeff => f.write_str("COEFF"),
            Space::Dram(base) => write!(f, "DRAM region {base}"),
        }
    }
}

/// Words of a lookup table.
pub(super) const TABLE_WORDS: i64 = 64;

/// Words of a segment of the function unit.
pub(super) const SEGMENT_WORDS: i64 = 4;

/// Word addresses are computed modulo this.
const WORD_MODULUS: i64 = 1 << 24;

/// Addresses of one operand of a launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The memory.
    pub space: Space,
    /// What the addresses are for, in words of the manual: `x`, `dst`, ...
    pub operand: &'static str,
    /// The addresses.
    pub spans: Spans,
}

/// Everything a launch touches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Footprint {
    /// Operands read.
    pub reads: Vec<Access>,
    /// Operands written.
    pub writes: Vec<Access>,
}

/// The addresses of several operands, space by space.
pub fn ranges(accesses: &[Access]) -> Vec<(Space, Range<u64>)> {
    let ranges = |access: &Access| {
        let space = access.space;
        let range = move |&(start, end): &(i64, i64)| {
            (space, start.max(0).unsigned_abs()..end.max(0).unsigned_abs())
        };
        access.spans.intervals().iter().map(range).collect::<Vec<_>>()
    };
    accesses.iter().flat_map(ranges).collect()
}

impl Footprint {
    fn read(&mut self, space: Space, operand: &'static str, spans: Spans) {
        if !spans.is_empty() {
            self.reads.push(Access { space, operand, spans });
        }
    }

    fn write(&mut self, space: Space, operand: &'static str, spans: Spans) {
        if !spans.is_empty() {
            self.writes.push(Access { space, operand, spans });
        }
    }
}

/// How many intervals an operand's addresses may fall into before a superset takes their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Millions: in effect every address.
    Exact,
    /// Thousands: every address of what kernels usually do.
    Fine,
    /// Dozens.
    Coarse,
}

impl Detail {
    const fn limit(self) -> usize {
        match self {
            Detail::Exact => 1 << 22,
            Detail::Fine => 1 << 14,
            Detail::Coarse => 64,
        }
    }
}

/// What a launch reads and writes, with the registers as they are when it starts.
pub fn of(
    design: &Design,
    call: Call,
    flags: Flags,
    registers: &Registers,
    detail: Detail,
) -> Footprint {
    let limit = detail.limit();
    let launch = units::Launch { design, function: call.function, flags, registers, limit };
    match call.engine {
        Engine::Load => launch.load(),
        Engine::Gemm => launch.gemm(),
        Engine::Vector => launch.vector(),
        Engine::Store => launch.store(),
        Engine::Unit => launch.unit(),
        Engine::Ctrl => Footprint::default(),
    }
}

/// A size of the design as a number to compute with; they are far below 2^63.
pub(super) fn signed(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
