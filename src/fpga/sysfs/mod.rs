//! Real cards, through what the kernel shows of them: BARs as files of sysfs, the character devices
//! of AWS' XDMA driver on F1, huge pages on F2. Needs no library and no licence, but most of it
//! needs root.
//!
//! Owns the search for the card ([`device`]), mapped memory ([`map`], the only unsafe code) and the
//! back end itself. All paths begin at the roots of [`Places`], so that tests run on a tree of their
//! own.

pub mod device;
pub mod map;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::backend::{Backend, Pinned, Wait};
use super::error::Error;
use super::target::Target;
use device::Device;
use map::{Bar, HugePage};

/// Where the kernel shows things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Its view of devices.
    pub sysfs: PathBuf,
    /// Character devices.
    pub dev: PathBuf,
    /// The physical address of every page of this process.
    pub pagemap: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Places { sysfs: "/sys".into(), dev: "/dev".into(), pagemap: "/proc/self/pagemap".into() }
    }
}

/// Why a file cannot be used, in words a user can act on.
pub(super) fn file<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> Error + 'a {
    move |source| match source.kind() {
        ErrorKind::PermissionDenied => Error::Permission { action, path: path.to_path_buf() },
        _ => Error::File { action, path: path.to_path_buf(), source },
    }
}

/// Character devices of the XDMA driver.
#[derive(Debug)]
struct Xdma {
    to_card: (File, PathBuf),
    from_card: (File, PathBuf),
    instance: u32,
}

/// How bytes get to the card's memory.
#[derive(Debug)]
enum Memory {
    Xdma(Xdma),
    Bar(Bar),
}

/// A real card.
#[derive(Debug)]
pub struct Sysfs {
    places: Places,
    device: Device,
    registers: Bar,
    memory: Memory,
    pages: Vec<HugePage>,
    started: Instant,
}

impl Sysfs {
    /// Finds the card and opens what it is reached by; `choice` is the PCI address of one card
    /// among several.
    pub fn open(target: Target, choice: Option<&str>, places: Places) -> Result<Sysfs, Error> {
        let device = Device::find(target, choice, &places.sysfs)?;
        let registers = Bar::open(&device.path.join("resource0"))?;
        let memory = if target.facts().shell_has_dma {
            Memory::Xdma(Xdma::open(&device, &places)?)
        } else {
            let combining = device.path.join("resource4_wc");
            let plain = device.path.join("resource4");
            Memory::Bar(Bar::open(if combining.exists() { &combining } else { &plain })?)
        };
        let started = Instant::now();
        Ok(Sysfs { places, device, registers, memory, pages: Vec::new(), started })
    }

    /// The card.
    pub fn device(&self) -> &Device {
        &self.device
    }

    fn page(&mut self, address: u64, length: usize) -> Result<(&mut HugePage, usize), Error> {
        let found = self.pages.iter_mut().find_map(|page| {
            let offset = address.checked_sub(page.address())?;
            let end = offset.checked_add(length as u64)?;
            (end <= page.bytes() as u64).then_some((page, offset as usize))
        });
        found.ok_or(Error::Outside { what: "pinned memory at", address, size: 0 })
    }
}

impl Xdma {
    fn open(device: &Device, places: &Places) -> Result<Xdma, Error> {
        let instance = device.xdma_instance()?;
        let open = |way: &str, write: bool| {
            let path = places.dev.join(format!("xdma{instance}_{way}_0"));
            match OpenOptions::new().read(!write).write(write).open(&path) {
                Ok(file) => Ok((file, path)),
                Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::NoDriver { path }),
                Err(error) => Err(file("open", &path)(error)),
            }
        };
        Ok(Xdma { to_card: open("h2c", true)?, from_card: open("c2h", false)?, instance })
    }
}

impl Backend for Sysfs {
    fn name(&self) -> &'static str {
        "card"
    }

    fn read32(&mut self, address: u32) -> Result<u32, Error> {
        self.registers.read32(address.into())
    }

    fn write32(&mut self, address: u32, value: u32) -> Result<(), Error> {
        self.registers.write32(address.into(), value)
    }

    fn write_card(&mut self, address: u64, bytes: &[u8]) -> Result<(), Error> {
        match &mut self.memory {
            Memory::Xdma(xdma) => {
                let (channel, path) = &xdma.to_card;
                channel.write_all_at(bytes, address).map_err(file("write", path))
            }
            Memory::Bar(bar) => bar.write(address, bytes),
        }
    }

    fn read_card(&mut self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        match &mut self.memory {
            Memory::Xdma(xdma) => {
                let (channel, path) = &xdma.from_card;
                channel.read_exact_at(into, address).map_err(file("read", path))
            }
            Memory::Bar(bar) => bar.read(address, into),
        }
    }

    /// On F1 by the driver's event file; on F2, where interrupts need a kernel module of the user's
    /// own, never.
    fn wait_interrupt(&mut self, vector: u32, timeout: Duration) -> Result<Wait, Error> {
        let Memory::Xdma(xdma) = &self.memory else { return Ok(Wait::Unavailable) };
        let path = self.places.dev.join(format!("xdma{}_events_{vector}", xdma.instance));
        let Ok(mut events) = File::open(&path) else { return Ok(Wait::Unavailable) };
        let limit =
            Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() };
        let mut waiting = [PollFd::from_borrowed_fd(events.as_fd(), PollFlags::IN)];
        let ready = poll(&mut waiting, Some(&limit))
            .map_err(|error| file("wait for", &path)(error.into()))?;
        if ready == 0 {
            return Ok(Wait::TimedOut);
        }
        // Reading takes the event back.
        events.read_exact(&mut [0; 4]).map_err(file("read", &path))?;
        Ok(Wait::Raised)
    }

    fn pin(&mut self, bytes: u64) -> Result<Vec<Pinned>, Error> {
        self.device.check_bus_master()?;
        let mut pinned = Vec::new();
        for _ in 0..bytes.div_ceil(map::HUGE as u64) {
            let page = HugePage::new(&self.places.pagemap)?;
            pinned.push(Pinned { address: page.address(), bytes: page.bytes() as u64 });
            self.pages.push(page);
        }
        Ok(pinned)
    }

    fn read_pinned(&mut self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        let (page, offset) = self.page(address, into.len())?;
        page.read(offset, into);
        Ok(())
    }

    fn write_pinned(&mut self, address: u64, bytes: &[u8]) -> Result<(), Error> {
        let (page, offset) = self.page(address, bytes.len())?;
        page.write(offset, bytes);
        Ok(())
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn pause(&mut self, time: Duration) -> Result<(), Error> {
        // Shorter than what the scheduler can do.
        if time > Duration::from_micros(100) {
            std::thread::sleep(time);
            return Ok(());
        }
        let end = Instant::now() + time;
        while Instant::now() < end {
            std::hint::spin_loop();
        }
        Ok(())
    }
}
