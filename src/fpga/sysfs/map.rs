//! Mapped memory: BARs of a card, and huge pages of the host. The only place with raw pointers.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{Ordering, fence};

use memmap2::{MmapMut, MmapOptions, MmapRaw};

use super::file;
use crate::fpga::error::Error;

/// Bytes of a huge page.
pub const HUGE: usize = 2 << 20;

/// Log2 of the same.
const HUGE_BITS: u8 = 21;

/// Bytes of an ordinary page, in which the page map counts.
const PAGE: u64 = 4096;

/// A BAR of a card.
#[derive(Debug)]
pub struct Bar {
    map: MmapRaw,
}

impl Bar {
    /// Maps the file of a BAR.
    pub fn open(path: &Path) -> Result<Bar, Error> {
        let bar =
            OpenOptions::new().read(true).write(true).open(path).map_err(file("open", path))?;
        let map = MmapRaw::map_raw(&bar).map_err(file("map", path))?;
        Ok(Bar { map })
    }

    /// Checks that an access lies inside; its place.
    fn place(&self, address: u64, length: usize) -> Result<*mut u8, Error> {
        let size = self.map.len() as u64;
        if address.checked_add(length as u64).is_none_or(|end| end > size) {
            return Err(Error::Outside { what: "BAR address", address, size });
        }
        // SAFETY: the access lies within the mapping.
        Ok(unsafe { self.map.as_mut_ptr().add(address as usize) })
    }

    /// Reads a register; the address is a multiple of 4.
    pub fn read32(&self, address: u64) -> Result<u32, Error> {
        let place = self.place(address & !3, 4)?;
        // SAFETY: inside the mapping and aligned, for a mapping begins with a page. Volatile, since
        // the card answers the access itself.
        Ok(u32::from_le(unsafe { place.cast::<u32>().read_volatile() }))
    }

    /// Writes a register; the address is a multiple of 4.
    pub fn write32(&mut self, address: u64, value: u32) -> Result<(), Error> {
        let place = self.place(address & !3, 4)?;
        // SAFETY: as in `read32`.
        unsafe { place.cast::<u32>().write_volatile(value.to_le()) }
        Ok(())
    }

    /// Writes bytes: stores of eight where the address allows, and single ones around them. They
    /// leave the processor's write-combining buffers before this returns.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Error> {
        let place = self.place(address, bytes.len())?;
        let head = (address.next_multiple_of(8) - address).min(bytes.len() as u64) as usize;
        let (first, rest) = bytes.split_at(head);
        let (words, last) = rest.as_chunks::<8>();
        // SAFETY: every store lies within the range that `place` has checked; stores of eight bytes
        // are aligned, since `head` bytes lead to a multiple of eight.
        unsafe {
            for (index, &byte) in first.iter().enumerate() {
                place.add(index).write_volatile(byte);
            }
            let middle = place.add(head).cast::<u64>();
            for (index, &word) in words.iter().enumerate() {
                middle.add(index).write_volatile(u64::from_ne_bytes(word));
            }
            let end = place.add(head + words.len() * 8);
            for (index, &byte) in last.iter().enumerate() {
                end.add(index).write_volatile(byte);
            }
        }
        fence(Ordering::SeqCst);
        Ok(())
    }

    /// Reads bytes, as [`Bar::write`] writes them.
    pub fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        let place = self.place(address, into.len())?;
        fence(Ordering::SeqCst);
        let head = (address.next_multiple_of(8) - address).min(into.len() as u64) as usize;
        let (first, rest) = into.split_at_mut(head);
        let (words, last) = rest.as_chunks_mut::<8>();
        let count = words.len();
        // SAFETY: as in `write`.
        unsafe {
            for (index, byte) in first.iter_mut().enumerate() {
                *byte = place.add(index).read_volatile();
            }
            let middle = place.add(head).cast::<u64>();
            for (index, word) in words.iter_mut().enumerate() {
                *word = middle.add(index).read_volatile().to_ne_bytes();
            }
            let end = place.add(head + count * 8);
            for (index, byte) in last.iter_mut().enumerate() {
                *byte = end.add(index).read_volatile();
            }
        }
        Ok(())
    }
}

/// A huge page of this process, which the kernel does not move.
#[derive(Debug)]
pub struct HugePage {
    map: MmapMut,
    address: u64,
}

impl HugePage {
    /// Gets a page and asks the page map where it is.
    pub fn new(pagemap: &Path) -> Result<HugePage, Error> {
        let mut map = MmapOptions::new()
            .len(HUGE)
            .huge(Some(HUGE_BITS))
            .populate()
            .map_anon()
            .map_err(|source| Error::NoHugePages { source })?;
        // A page exists once it was written.
        map.fill(0);
        let address = physical(pagemap, map.as_ptr() as u64)?;
        Ok(HugePage { map, address })
    }

    /// Physical address.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Its size.
    pub fn bytes(&self) -> usize {
        self.map.len()
    }

    /// Copies out what the card may have written; the range lies inside.
    pub fn read(&self, offset: usize, into: &mut [u8]) {
        let source = &self.map[offset..offset + into.len()];
        for (byte, place) in into.iter_mut().zip(source) {
            // SAFETY: a reference to a byte of the mapping. Volatile, since the card changes it
            // behind the compiler's back.
            *byte = unsafe { std::ptr::from_ref(place).read_volatile() };
        }
        // What is read after this was written before it.
        fence(Ordering::Acquire);
    }

    /// Copies in what the card may read; the range lies inside.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        for (place, &byte) in self.map[offset..offset + bytes.len()].iter_mut().zip(bytes) {
            // SAFETY: as in `read`.
            unsafe { std::ptr::from_mut(place).write_volatile(byte) }
        }
        fence(Ordering::SeqCst);
    }
}

/// Physical address of a page: an entry of eight bytes per page, frame number in bits 54 to 0,
/// bit 63 set when the page is there. Without the right to know them the frame numbers are zero.
pub(super) fn physical(pagemap: &Path, address: u64) -> Result<u64, Error> {
    let map = File::open(pagemap).map_err(file("open", pagemap))?;
    let mut entry = [0; 8];
    map.read_exact_at(&mut entry, address / PAGE * 8).map_err(file("read", pagemap))?;
    let entry = u64::from_le_bytes(entry);
    let frame = entry & ((1 << 55) - 1);
    if entry >> 63 == 0 || frame == 0 {
        return Err(Error::NoPhysical { path: pagemap.to_path_buf() });
    }
    Ok(frame * PAGE + address % PAGE)
}
