//! Places a loop nest inside a window: picks the base so that every address lies in it.

use super::rng::Rng;

/// A range of addresses, its end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First address.
    pub start: i64,
    /// One past the last.
    pub end: i64,
}

impl Window {
    /// A window.
    pub fn new(start: i64, end: i64) -> Window {
        Window { start, end }
    }

    /// Number of addresses.
    pub fn len(&self) -> i64 {
        self.end - self.start
    }

    /// The window cut in two at a random place, in random order: one to read, one to write.
    pub fn split(&self, rng: &mut Rng) -> [Window; 2] {
        let quarter = self.len() / 4;
        let cut = self.start + rng.between(quarter, self.len() - quarter);
        let (low, high) = (Window::new(self.start, cut), Window::new(cut, self.end));
        if rng.chance(50) { [low, high] } else { [high, low] }
    }

    /// The same window in smaller units.
    pub fn scaled(&self, factor: i64) -> Window {
        Window::new(self.start * factor, self.end * factor)
    }

    /// A base from which every address of the nest lies in the window, `tail` addresses from each
    /// included.
    pub fn fit(&self, rng: &mut Rng, nest: &[(i64, i64)], tail: i64) -> Option<i64> {
        let (mut low, mut high) = (0, tail - 1);
        for &(count, stride) in nest {
            let reach = (count - 1) * stride;
            low += reach.min(0);
            high += reach.max(0);
        }
        let (first, last) = (self.start - low, self.end - 1 - high);
        if first > last {
            return None;
        }
        // The edges are where mistakes are.
        Some(match rng.between(0, 9) {
            0 => first,
            1 => last,
            _ => rng.between(first, last),
        })
    }
}
