//! The host's side of the machine: what software does with its registers and its memory, on a
//! simulation as on a card.
//!
//! Owns the order of register accesses ([`machine`]), the hang report ([`hang`]) and the placement
//! of a program in DRAM ([`place`]). Does not know how an access reaches the machine: whoever does
//! implements [`Registers`].

pub mod hang;
pub mod machine;
pub mod place;

pub use hang::{HangReport, hang_report};
pub use machine::{
    Events, Job, counters, drain_trace, fault, identify, soft_reset, start, take_events,
};
pub use place::{Layout, Loaded};

/// Access to the machine's registers, by their offset in the window.
pub trait Registers {
    /// Why an access fails.
    type Error: From<Error>;

    /// Reads a register.
    fn read(&mut self, offset: u32) -> Result<u32, Self::Error>;

    /// Writes a register.
    fn write(&mut self, offset: u32, value: u32) -> Result<(), Self::Error>;
}

/// What registers say that cannot be, and programs that have no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another machine answers.
    #[error("the machine is not the one this program drives: found {found}; expected {expected}")]
    Identity {
        /// What its registers say.
        found: String,
        /// What they should say.
        expected: String,
    },
    /// A register holds what it cannot.
    #[error("the machine reports {what} {value}, which does not exist")]
    Register {
        /// What the value stands for.
        what: &'static str,
        /// The value.
        value: u32,
    },
    /// Tags were lost.
    #[error("{dropped} tags found no room in the trace: raise `control.trace_depth`")]
    TraceOverflow {
        /// How many.
        dropped: u32,
    },
    /// A region has more bytes than its place.
    #[error("region `{name}` of {size} bytes does not fit: {room} bytes are left for it")]
    Room {
        /// Its name.
        name: String,
        /// Its size.
        size: u64,
        /// The room.
        room: u64,
    },
}

impl Error {
    /// Who is at fault, as the program's exit status says it.
    pub fn exit_status(&self) -> u8 {
        match self {
            Error::Room { .. } | Error::TraceOverflow { .. } => 1,
            Error::Identity { .. } | Error::Register { .. } => 5,
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Error::Identity { .. } => "give the configuration the hardware was made from",
            Error::Register { .. } => {
                "the hardware is at fault: `npugen run --on rtl --vcd FILE` shows the cycles before"
            }
            Error::TraceOverflow { .. } => "raise `control.trace_depth`, or use fewer tags",
            Error::Room { .. } => "declare a smaller region, or split the network",
        }
    }
}
