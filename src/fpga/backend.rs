//! What a driver needs of a card: registers, memory, interrupts, memory of the host that the card
//! can reach, time.

use std::time::Duration;

use super::error::Error;

/// What came of waiting for an interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// It came.
    Raised,
    /// It did not.
    TimedOut,
    /// This way to the card carries no interrupts: look at the registers.
    Unavailable,
}

/// Memory of the host in one piece, that stays where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pinned {
    /// Physical address, a multiple of 4096.
    pub address: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A way to a card.
pub trait Backend {
    /// Name for messages.
    fn name(&self) -> &'static str;

    /// Reads a register on OCL.
    fn read32(&mut self, address: u32) -> Result<u32, Error>;

    /// Writes a register on OCL. The write may still be under way on return; a read does not pass
    /// it.
    fn write32(&mut self, address: u32, value: u32) -> Result<(), Error>;

    /// Writes the card's memory. The bytes may still be under way on return: they are there after
    /// the next [`Backend::read_card`].
    fn write_card(&mut self, address: u64, bytes: &[u8]) -> Result<(), Error>;

    /// Reads the card's memory.
    fn read_card(&mut self, address: u64, into: &mut [u8]) -> Result<(), Error>;

    /// Bytes of it that there are, where a simulation has less than the custom logic says.
    fn memory_limit(&self) -> Option<u64> {
        None
    }

    /// Waits for an interrupt.
    fn wait_interrupt(&mut self, vector: u32, timeout: Duration) -> Result<Wait, Error>;

    /// Memory of the host that the custom logic may read and write, so many bytes in all.
    fn pin(&mut self, bytes: u64) -> Result<Vec<Pinned>, Error>;

    /// Copies out of such memory, by physical address.
    fn read_pinned(&mut self, address: u64, into: &mut [u8]) -> Result<(), Error>;

    /// Copies into it.
    fn write_pinned(&mut self, address: u64, bytes: &[u8]) -> Result<(), Error>;

    /// Time since some beginning.
    fn now(&self) -> Duration;

    /// Lets about so much time pass.
    fn pause(&mut self, time: Duration) -> Result<(), Error>;
}

impl<B: Backend + ?Sized> Backend for Box<B> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn read32(&mut self, address: u32) -> Result<u32, Error> {
        (**self).read32(address)
    }

    fn write32(&mut self, address: u32, value: u32) -> Result<(), Error> {
        (**self).write32(address, value)
    }

    fn write_card(&mut self, address: u64, bytes: &[u8]) -> Result<(), Error> {
        (**self).write_card(address, bytes)
    }

    fn read_card(&mut self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        (**self).read_card(address, into)
    }

    fn memory_limit(&self) -> Option<u64> {
        (**self).memory_limit()
    }

    fn wait_interrupt(&mut self, vector: u32, timeout: Duration) -> Result<Wait, Error> {
        (**self).wait_interrupt(vector, timeout)
    }

    fn pin(&mut self, bytes: u64) -> Result<Vec<Pinned>, Error> {
        (**self).pin(bytes)
    }

    fn read_pinned(&mut self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        (**self).read_pinned(address, into)
    }

    fn write_pinned(&mut self, address: u64, bytes: &[u8]) -> Result<(), Error> {
        (**self).write_pinned(address, bytes)
    }

    fn now(&self) -> Duration {
        (**self).now()
    }

    fn pause(&mut self, time: Duration) -> Result<(), Error> {
        (**self).pause(time)
    }
}
