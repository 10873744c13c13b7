//! The content of a whole DRAM with error correction: sparse, and only as readable as it was
//! written.
//!
//! Such a memory keeps check bits for every word of eight bytes. A word that was never written has
//! none that fit: reading it is answered with an error, and so is changing a part of it, for which
//! the controller reads the rest.

use std::collections::HashMap;

/// Bytes of a page of the map.
const PAGE: usize = 4096;

/// Bytes that share check bits.
const WORD: usize = 8;

/// Why an access is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The address does not exist, or may not be written.
    Outside(u64),
    /// Nobody has written the word at this address.
    Unwritten(u64),
}

#[derive(Debug, Clone)]
struct Page {
    bytes: [u8; PAGE],
    /// A bit per word.
    written: [u64; PAGE / WORD / 64],
}

impl Page {
    const EMPTY: Page = Page { bytes: [0; PAGE], written: [0; PAGE / WORD / 64] };

    fn is_written(&self, word: usize) -> bool {
        self.written[word / 64] >> (word % 64) & 1 != 0
    }
}

/// Sparse bytes that know which of them were written.
#[derive(Debug, Clone)]
pub struct Sparse {
    size: u64,
    pages: HashMap<u64, Box<Page>>,
}

fn split(address: u64) -> (u64, usize) {
    (address / PAGE as u64, (address % PAGE as u64) as usize)
}

impl Sparse {
    /// A memory of this size in which nothing was written.
    pub fn new(size: u64) -> Sparse {
        Sparse { size, pages: HashMap::new() }
    }

    /// Whether these addresses exist.
    pub fn contains(&self, address: u64, length: u64) -> bool {
        address.checked_add(length).is_some_and(|end| end <= self.size)
    }

    /// Copies bytes out.
    pub fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Refusal> {
        if !self.contains(address, into.len() as u64) {
            return Err(Refusal::Outside(address));
        }
        for (at, byte) in (address..).zip(into) {
            let (number, offset) = split(at);
            let page = self.pages.get(&number).filter(|page| page.is_written(offset / WORD));
            *byte = page.ok_or(Refusal::Unwritten(at))?.bytes[offset];
        }
        Ok(())
    }

    /// Copies the enabled bytes in; bit i of byte i / 8 of `strobes` enables byte i.
    pub fn write(&mut self, address: u64, data: &[u8], strobes: &[u8]) -> Result<(), Refusal> {
        if !self.contains(address, data.len() as u64) {
            return Err(Refusal::Outside(address));
        }
        let enabled = |lane: usize| strobes[lane / 8] >> (lane % 8) & 1 != 0;
        let mut lane = 0;
        while lane < data.len() {
            let (number, offset) = split(address + lane as u64);
            let word = offset / WORD;
            let count = (WORD - offset % WORD).min(data.len() - lane);
            let taken = (lane..lane + count).filter(|&lane| enabled(lane)).count();
            if taken != 0 {
                let page = self.pages.entry(number).or_insert_with(|| Box::new(Page::EMPTY));
                if taken != WORD && !page.is_written(word) {
                    return Err(Refusal::Unwritten(address + lane as u64));
                }
                for index in (0..count).filter(|&index| enabled(lane + index)) {
                    page.bytes[offset + index] = data[lane + index];
                }
                page.written[word / 64] |= 1 << (word % 64);
            }
            lane += count;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_readable_once_it_was_written_whole() {
        let mut memory = Sparse::new(1 << 34);
        let mut beat = [0; 16];
        assert_eq!(memory.read(4088, &mut beat), Err(Refusal::Unwritten(4088)));
        memory.write(4080, &[7; 16], &[0, 0xff]).unwrap();
        assert_eq!(memory.read(4088, &mut beat), Err(Refusal::Unwritten(4096)));
        assert_eq!(memory.write(4096, &[1; 8], &[0x7f]), Err(Refusal::Unwritten(4096)));
        memory.write(4096, &[1; 8], &[0xff]).unwrap();
        memory.write(4096, &[2; 8], &[0x04]).unwrap();
        memory.read(4088, &mut beat).unwrap();
        assert_eq!(beat, [7, 7, 7, 7, 7, 7, 7, 7, 1, 1, 2, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn addresses_end_with_the_memory() {
        let mut memory = Sparse::new(64);
        assert_eq!(memory.write(60, &[0; 8], &[0]), Err(Refusal::Outside(60)));
        assert_eq!(memory.read(u64::MAX, &mut [0; 8]), Err(Refusal::Outside(u64::MAX)));
        memory.write(56, &[0; 8], &[0xff]).unwrap();
    }
}
