//! The functional model of docs/machine.md. Knows nothing of time or RTL.
//!
//! [`Machine`] holds the state and executes launches one at a time: in an order of its own
//! ([`Machine::run`]) or in the order another executor retired them ([`Machine::retire`]). The
//! engines are in `load`, `store`, `gemm` and `vector`, each a function from registers and memory to
//! memory; `flow` is fetch, decoder, queues and semaphores. [`Golden`] is the executor.
//!
//! Invariant: a launch sees the registers as they stood at its instruction, and whatever legal
//! order launches are executed in, a program without races ends in the same memory.

mod depthwise;
mod executor;
mod flow;
mod gemm;
mod lanes;
mod load;
mod machine;
mod memory;
mod nest;
mod post;
mod shape;
mod store;
mod unit;
mod vector;
mod writes;

pub use executor::Golden;
pub use machine::{Machine, RetireError};
pub use memory::Memory;
pub use shape::Shape;
pub use writes::{Place, Span, Writes};

use crate::exec::Cause;

#[cfg(test)]
mod tests;

/// Why a launch stopped: cause and address of the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// Why.
    pub cause: Cause,
    /// Word address, region offset or semaphore.
    pub address: u64,
}

impl Stop {
    fn new(cause: Cause, address: usize) -> Stop {
        Stop { cause, address: address as u64 }
    }

    /// The launch's registers make no sense.
    fn configuration() -> Stop {
        Stop::new(Cause::Configuration, 0)
    }

    /// A word address that is not below the depth.
    fn buffer(address: usize) -> Stop {
        Stop::new(Cause::BufferRange, address)
    }
}
