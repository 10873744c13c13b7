//! Where tensors are: feature maps in IBUF and dense tensors in DRAM.

use super::geometry::Geometry;

/// A feature map in IBUF, blocked `[C/rows][height][width][rows]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fmap {
    /// Word address.
    pub addr: usize,
    /// Channels.
    pub channels: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
}

impl Fmap {
    /// Blocks of `rows` channels.
    pub fn blocks(&self, geometry: &Geometry) -> usize {
        self.channels.div_ceil(geometry.rows)
    }

    /// Words between the same pixel of consecutive channel blocks.
    pub fn block_stride(&self) -> usize {
        self.height * self.width
    }

    /// Words of a map of this shape.
    pub fn words(geometry: &Geometry, channels: usize, height: usize, width: usize) -> usize {
        channels.div_ceil(geometry.rows) * height * width
    }

    /// Words of this map.
    pub fn size(&self, geometry: &Geometry) -> usize {
        Fmap::words(geometry, self.channels, self.height, self.width)
    }
}

/// A dense NHWC tensor of activations in DRAM, batch 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DramTensor {
    /// Base register of its region.
    pub base: u8,
    /// Offset in the region, in bytes.
    pub offset: usize,
    /// Channels.
    pub channels: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
}

impl DramTensor {
    /// Bytes of a pixel.
    pub fn pixel_bytes(&self, geometry: &Geometry) -> usize {
        self.channels * geometry.activation_bytes
    }

    /// Bytes of a row of pixels.
    pub fn row_bytes(&self, geometry: &Geometry) -> usize {
        self.width * self.pixel_bytes(geometry)
    }

    /// Bytes of the tensor.
    pub fn bytes(&self, geometry: &Geometry) -> usize {
        self.height * self.row_bytes(geometry)
    }
}

/// Space in IBUF, handed out and taken back.
#[derive(Debug, Clone)]
pub struct Arena {
    /// Free stretches, ascending, never adjacent.
    free: Vec<(usize, usize)>,
    bank_depth: usize,
}

impl Arena {
    /// All words of a buffer with banks of `bank_depth` words.
    pub fn new(words: usize, bank_depth: usize) -> Arena {
        Arena { free: vec![(0, words)], bank_depth }
    }

    /// Largest stretch left.
    pub fn largest(&self) -> usize {
        self.free.iter().map(|(start, end)| end - start).max().unwrap_or(0)
    }

    /// Takes `words` words, in banks that hold as little as possible of the stretches in `apart`:
    /// streams that run at the same time should not meet in a bank.
    pub fn take(&mut self, words: usize, apart: &[(usize, usize)]) -> Option<usize> {
        let depth = self.bank_depth;
        let banks =
            |start: usize, length: usize| start / depth..(start + length.max(1)).div_ceil(depth);
        let conflicts = |start: usize| {
            let own = banks(start, words);
            let shared = |&(other, length): &(usize, usize)| {
                let theirs = banks(other, length);
                own.end.min(theirs.end).saturating_sub(own.start.max(theirs.start))
            };
            apart.iter().map(shared).sum::<usize>()
        };
        let mut best: Option<(usize, usize)> = None;
        for &(start, end) in &self.free {
            if end - start < words {
                continue;
            }
            let last = end - words;
            let starts = (start.div_ceil(depth)..=last / depth).map(|bank| bank * depth);
            for candidate in
                [start, last].into_iter().chain(starts.filter(|at| (start..=last).contains(at)))
            {
                let rated = (conflicts(candidate), candidate);
                if best.is_none_or(|found| rated < found) {
                    best = Some(rated);
                }
            }
        }
        let (_, start) = best?;
        self.remove(start, start + words);
        Some(start)
    }

    /// Gives words back.
    pub fn give(&mut self, start: usize, words: usize) {
        self.free.push((start, start + words));
        self.free.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::with_capacity(self.free.len());
        for &(start, end) in &self.free {
            match merged.last_mut() {
                Some(previous) if previous.1 >= start => previous.1 = previous.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        self.free = merged;
    }

    fn remove(&mut self, start: usize, end: usize) {
        let cut = |&(from, to): &(usize, usize)| {
            [(from, to.min(start)), (from.max(end), to)]
                .into_iter()
                .filter(|(a, b)| a < b)
                .collect::<Vec<_>>()
        };
        self.free = self.free.iter().flat_map(cut).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arena_keeps_streams_in_different_banks() {
        let mut arena = Arena::new(64, 16);
        let input = arena.take(10, &[]).unwrap();
        assert_eq!(input, 0);
        let output = arena.take(10, &[(input, 10)]).unwrap();
        assert_eq!(output, 16);
        let skip = arena.take(20, &[(input, 10), (output, 10)]).unwrap();
        assert_eq!(skip, 32);
        assert_eq!(arena.take(20, &[]), None);
        arena.give(input, 10);
        arena.give(output, 10);
        assert_eq!(arena.largest(), 32);
        assert_eq!(arena.take(32, &[]), Some(0));
    }
}
