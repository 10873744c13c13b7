//! The DRAM's content: a few blocks of bytes at absolute addresses, or the whole memory of a card.

use super::error::Error;
use super::sparse::{Refusal, Sparse};

/// Blocks are padded to this size, so that a full-width beat that holds their first or last byte
/// stays inside.
const PAGE: u64 = 4096;

/// What bytes between a block's end and the end of its page read as. Not zero: a machine that
/// depends on bytes it was not given should compute something visibly wrong.
const POISON: u8 = 0xc3;

/// One block of memory.
#[derive(Debug, Clone)]
struct Block {
    /// Address of the first byte that belongs to the block.
    start: u64,
    /// Number of bytes that belong to it.
    length: u64,
    /// Whether the machine may write it.
    writable: bool,
    /// Address of `bytes[0]`: `start` rounded down to a page.
    base: u64,
    /// Whole pages.
    bytes: Vec<u8>,
}

/// Sparse memory.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    blocks: Vec<Block>,
    /// The memory of a card, in the place of blocks.
    card: Option<Sparse>,
}

impl Memory {
    /// The memory of a card, with so many bytes, none of them written.
    pub fn card(bytes: u64) -> Memory {
        Memory { blocks: Vec::new(), card: Some(Sparse::new(bytes)) }
    }

    /// Adds a block. Two blocks may not share a page.
    pub fn add(&mut self, start: u64, content: &[u8], writable: bool) -> Result<(), Error> {
        let base = start & !(PAGE - 1);
        let length = content.len() as u64;
        let end = (start + length).next_multiple_of(PAGE).max(base + PAGE);
        for block in &self.blocks {
            let block_end = block.base + block.bytes.len() as u64;
            if base < block_end && block.base < end {
                return Err(Error::MemoryOverlap { first: block.start, second: start });
            }
        }
        let size = usize::try_from(end - base).map_err(|_| Error::MemorySize { start, length })?;
        let mut bytes = vec![POISON; size];
        let offset = (start - base) as usize;
        bytes[offset..offset + content.len()].copy_from_slice(content);
        self.blocks.push(Block { start, length, writable, base, bytes });
        Ok(())
    }

    /// Content of the block that starts at this address.
    pub fn block(&self, start: u64) -> Option<&[u8]> {
        self.blocks.iter().find(|block| block.start == start).map(|block| {
            let offset = (block.start - block.base) as usize;
            &block.bytes[offset..offset + block.length as usize]
        })
    }

    /// Content of the block that starts at this address, to be changed.
    pub fn block_mut(&mut self, start: u64) -> Option<&mut [u8]> {
        self.blocks.iter_mut().find(|block| block.start == start).map(|block| {
            let offset = (block.start - block.base) as usize;
            &mut block.bytes[offset..offset + block.length as usize]
        })
    }

    /// Pages of the block that holds `address` to `address + length - 1`, from `address` on.
    fn find(&self, address: u64, length: u64) -> Option<(usize, usize)> {
        self.blocks.iter().enumerate().find_map(|(index, block)| {
            let offset = address.checked_sub(block.base)?;
            (offset + length <= block.bytes.len() as u64).then_some((index, offset as usize))
        })
    }

    /// Whether a read of these bytes touches known pages only.
    pub fn readable(&self, address: u64, length: u64) -> bool {
        match &self.card {
            Some(card) => card.contains(address, length),
            None => self.find(address, length).is_some(),
        }
    }

    /// Copies one beat out.
    pub fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Refusal> {
        if let Some(card) = &self.card {
            return card.read(address, into);
        }
        let (index, offset) =
            self.find(address, into.len() as u64).ok_or(Refusal::Outside(address))?;
        into.copy_from_slice(&self.blocks[index].bytes[offset..offset + into.len()]);
        Ok(())
    }

    /// Writes the enabled bytes of one beat; bit i of byte i / 8 of `strobes` enables byte i.
    pub fn write(&mut self, address: u64, data: &[u8], strobes: &[u8]) -> Result<(), Refusal> {
        if let Some(card) = &mut self.card {
            return card.write(address, data, strobes);
        }
        for (lane, &byte) in data.iter().enumerate() {
            let target = address + lane as u64;
            if strobes[lane / 8] >> (lane % 8) & 1 != 0 && !self.write_byte(target, byte) {
                return Err(Refusal::Outside(target));
            }
        }
        Ok(())
    }

    /// Writes one byte; false when it does not belong to a writable block.
    fn write_byte(&mut self, address: u64, byte: u8) -> bool {
        for block in &mut self.blocks {
            if block.writable && address >= block.start && address - block.start < block.length {
                block.bytes[(address - block.base) as usize] = byte;
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_keeps_its_bytes_and_poisons_its_padding() {
        let mut memory = Memory::default();
        memory.add(0x1010, &[1, 2, 3], true).unwrap();
        let mut beat = [0; 16];
        memory.read(0x1010, &mut beat).unwrap();
        assert_eq!(beat[..4], [1, 2, 3, POISON]);
        assert!(memory.write_byte(0x1012, 9));
        assert!(!memory.write_byte(0x1013, 9), "padding is not writable");
        assert_eq!(memory.block(0x1010), Some(&[1, 2, 9][..]));
        assert_eq!(memory.read(0x1ff8, &mut beat), Err(Refusal::Outside(0x1ff8)), "past the page");
    }

    #[test]
    fn blocks_may_not_share_a_page() {
        let mut memory = Memory::default();
        memory.add(0x1000, &[0; 4096], false).unwrap();
        let error = memory.add(0x1fff, &[0; 2], false).unwrap_err();
        assert_eq!(
            error.to_string(),
            "memory blocks at 0x1000 and 0x1fff share a 4 KiB page; place them apart"
        );
        memory.add(0x2000, &[0; 2], false).unwrap();
    }

    #[test]
    fn a_read_only_block_refuses_writes() {
        let mut memory = Memory::default();
        memory.add(0, &[5; 8], false).unwrap();
        assert!(!memory.write_byte(0, 1));
        assert_eq!(memory.block(0), Some(&[5; 8][..]));
    }
}
