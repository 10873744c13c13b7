//! The DMA engine of the custom logic: copies between the card's memory and pages of the host, a
//! descriptor per page.

use std::time::Duration;

use super::backend::{Backend, Pinned};
use super::error::Error;
use super::registers::{
    CL_WINDOW, DMA_QUEUE, dma_card_hi, dma_card_lo, dma_control, dma_done, dma_host_hi,
    dma_host_lo, dma_length, dma_notify_hi, dma_notify_lo, dma_push, dma_status,
};
use crate::rtl::csr::Csr;

/// Addresses on both sides are multiples of this.
pub const ALIGN: u64 = 64;

/// Bytes in front of the buffers that hold the count of descriptors done.
const NOTIFY: u64 = 4096;

/// Looks at the count between two looks at the engine's state.
const LOOKS: u32 = 64;

/// How long to wait between looks.
const PAUSE: Duration = Duration::from_nanos(200);

/// Memory of the host for a transfer, in all.
const BUFFERS: u64 = 4 << 20;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ToHost,
    ToCard,
}

/// The engine and the host's memory it works with.
#[derive(Debug)]
pub struct Dma {
    notify: u64,
    buffers: Vec<Pinned>,
    done: u32,
    patience: Duration,
}

fn read<B: Backend>(backend: &mut B, register: &Csr) -> Result<u32, Error> {
    backend.read32(CL_WINDOW + u32::from(register.offset))
}

fn write<B: Backend>(backend: &mut B, register: &Csr, value: u32) -> Result<(), Error> {
    backend.write32(CL_WINDOW + u32::from(register.offset), value)
}

/// Takes back an error. The engine only hears it once nothing is under way.
fn clear<B: Backend>(backend: &mut B) -> Result<(), Error> {
    for _ in 0..LOOKS {
        write(backend, &dma_control::REG, dma_control::CLEAR.place(1))?;
        let status = read(backend, &dma_status::REG)?;
        if dma_status::ERROR.extract(status) == 0 {
            break;
        }
        backend.pause(PAUSE)?;
    }
    Ok(())
}

impl Dma {
    /// Gets memory and tells the engine where to count.
    pub fn new<B: Backend>(backend: &mut B, patience: Duration) -> Result<Dma, Error> {
        let mut buffers = backend.pin(BUFFERS + NOTIFY)?;
        let mut notify = 0;
        if let Some(first) = buffers.first_mut() {
            notify = first.address;
            first.address += NOTIFY;
            first.bytes -= NOTIFY;
        }
        buffers.retain(|buffer| buffer.bytes > 0);
        clear(backend)?;
        write(backend, &dma_notify_hi::REG, (notify >> 32) as u32)?;
        write(backend, &dma_notify_lo::REG, notify as u32 | dma_notify_lo::ENABLE.place(1))?;
        let done = read(backend, &dma_done::REG)?;
        Ok(Dma { notify, buffers, done, patience })
    }

    /// Copies from the card; `card` is a multiple of [`ALIGN`].
    pub fn read<B: Backend>(
        &mut self,
        backend: &mut B,
        mut card: u64,
        mut into: &mut [u8],
    ) -> Result<(), Error> {
        while !into.is_empty() {
            let parts = self.parts(into.len() as u64);
            let total = parts.iter().map(|part| part.bytes).sum::<u64>();
            self.transfer(backend, Way::ToHost, card, &parts)?;
            let (mut now, later) = into.split_at_mut(total as usize);
            for part in &parts {
                let (piece, rest) = now.split_at_mut(part.bytes as usize);
                backend.read_pinned(part.address, piece)?;
                now = rest;
            }
            into = later;
            card += total;
        }
        Ok(())
    }

    /// Copies to the card; `card` is a multiple of [`ALIGN`].
    pub fn write<B: Backend>(
        &mut self,
        backend: &mut B,
        mut card: u64,
        mut bytes: &[u8],
    ) -> Result<(), Error> {
        while !bytes.is_empty() {
            let parts = self.parts(bytes.len() as u64);
            let total = parts.iter().map(|part| part.bytes).sum::<u64>();
            let (mut now, later) = bytes.split_at(total as usize);
            for part in &parts {
                let (piece, rest) = now.split_at(part.bytes as usize);
                backend.write_pinned(part.address, piece)?;
                now = rest;
            }
            self.transfer(backend, Way::ToCard, card, &parts)?;
            bytes = later;
            card += total;
        }
        Ok(())
    }

    /// The buffers for the next so many bytes, or for as many as one round takes.
    fn parts(&self, bytes: u64) -> Vec<Pinned> {
        let mut left = bytes;
        let longest = u64::from(dma_length::BYTES.mask()) / ALIGN * ALIGN;
        let mut parts = Vec::new();
        for buffer in self.buffers.iter().take(DMA_QUEUE as usize) {
            let bytes = left.min(buffer.bytes).min(longest);
            if bytes > 0 {
                parts.push(Pinned { address: buffer.address, bytes });
            }
            left -= bytes;
        }
        parts
    }

    fn transfer<B: Backend>(
        &mut self,
        backend: &mut B,
        way: Way,
        mut card: u64,
        parts: &[Pinned],
    ) -> Result<(), Error> {
        let last = self.done.wrapping_add(parts.len() as u32);
        // Not what the engine will write.
        backend.write_pinned(self.notify, &(!last).to_le_bytes())?;
        let push = match way {
            Way::ToHost => dma_push::TO_HOST,
            Way::ToCard => dma_push::TO_CARD,
        };
        for part in parts {
            write(backend, &dma_card_lo::REG, card as u32)?;
            write(backend, &dma_card_hi::REG, (card >> 32) as u32)?;
            write(backend, &dma_host_lo::REG, part.address as u32)?;
            write(backend, &dma_host_hi::REG, (part.address >> 32) as u32)?;
            write(backend, &dma_length::REG, part.bytes as u32)?;
            write(backend, &dma_push::REG, push.place(1))?;
            card += part.bytes;
        }
        self.wait(backend, last)
    }

    /// Waits until the engine has counted so far.
    fn wait<B: Backend>(&mut self, backend: &mut B, last: u32) -> Result<(), Error> {
        let start = backend.now();
        let mut looks = 0;
        loop {
            let mut word = [0; 4];
            backend.read_pinned(self.notify, &mut word)?;
            if u32::from_le_bytes(word) == last {
                self.done = last;
                return Ok(());
            }
            looks += 1;
            if looks % LOOKS == 0 {
                self.look(backend, start)?;
            }
            backend.pause(PAUSE)?;
        }
    }

    /// Whether the engine has stopped, or takes too long.
    fn look<B: Backend>(&mut self, backend: &mut B, start: Duration) -> Result<(), Error> {
        let status = read(backend, &dma_status::REG)?;
        if status == u32::MAX {
            return Err(Error::NoAnswer { what: "`dma_status`".to_owned() });
        }
        if dma_status::ERROR.extract(status) != 0 {
            clear(backend)?;
            self.done = read(backend, &dma_done::REG)?;
            let sides = [
                "read of the card",
                "write of the card",
                "read of the host's memory",
                "write of the host's memory",
            ];
            return Err(Error::Dma {
                side: sides[dma_status::SIDE.extract(status) as usize & 3],
                response: match dma_status::RESPONSE.extract(status) {
                    2 => "SLVERR",
                    3 => "DECERR",
                    _ => "no error",
                },
            });
        }
        if backend.now().saturating_sub(start) > self.patience {
            let waited = self.patience;
            return Err(Error::Hang { what: "a DMA transfer", waited, report: String::new() });
        }
        Ok(())
    }
}
