//! Loop nests: index tuples, addresses, windows.

use super::Stop;

/// A value as an index; registers and counts are never negative where this is used.
pub fn to_index(value: i64) -> usize {
    usize::try_from(value).unwrap_or(0)
}

/// A word address: 24 bits.
pub fn wrap(address: i64) -> usize {
    to_index(address & 0xff_ffff)
}

/// `base + sum index * stride`, not wrapped.
pub fn address<const L: usize>(base: i64, index: &[i64; L], stride: &[i64; L]) -> i64 {
    index.iter().zip(stride).fold(base, |sum, (i, s)| sum + i * s)
}

/// Whether a window's coordinate is inside.
pub fn inside(coordinate: i64, limit: i64) -> bool {
    (0..limit).contains(&coordinate)
}

/// Runs through all index tuples of a nest, level 0 innermost.
#[derive(Debug, Clone)]
pub struct Nest<const L: usize> {
    counts: [i64; L],
    index: [i64; L],
    done: bool,
}

impl<const L: usize> Nest<L> {
    /// A nest with these counts; a count of zero is a fault.
    pub fn new(counts: [i64; L]) -> Result<Nest<L>, Stop> {
        if counts.iter().any(|&count| count < 1) {
            return Err(Stop::configuration());
        }
        Ok(Nest { counts, index: [0; L], done: false })
    }
}

impl<const L: usize> Iterator for Nest<L> {
    type Item = [i64; L];

    fn next(&mut self) -> Option<[i64; L]> {
        if self.done {
            return None;
        }
        let current = self.index;
        self.done = true;
        for (index, &count) in self.index.iter_mut().zip(&self.counts) {
            *index += 1;
            if *index < count {
                self.done = false;
                break;
            }
            *index = 0;
        }
        Some(current)
    }
}

/// The word addresses of LOAD and STORE: three counted loops in a fourth without end.
#[derive(Debug, Clone)]
pub struct Words {
    base: i64,
    strides: [i64; 4],
    outer: i64,
    inner: Nest<3>,
    again: Nest<3>,
}

impl Words {
    /// The addresses from `base` on.
    pub fn new(base: i64, counts: [i64; 3], strides: [i64; 4]) -> Result<Words, Stop> {
        let again = Nest::new(counts)?;
        Ok(Words { base, strides, outer: 0, inner: again.clone(), again })
    }

    /// The next address, 24 bits.
    pub fn next_address(&mut self) -> usize {
        let [a, b, c] = match self.inner.next() {
            Some(index) => index,
            None => {
                self.outer += 1;
                self.inner = self.again.clone();
                self.inner.next().unwrap_or([0; 3])
            }
        };
        wrap(address(self.base, &[a, b, c, self.outer], &self.strides))
    }
}
