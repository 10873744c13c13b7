//! A seeded generator of numbers, the same on every machine.

/// SplitMix64.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// Starts a sequence.
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// Next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`; `low` when there is none.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        if high <= low {
            return low;
        }
        let count = high.abs_diff(low) + 1;
        low.saturating_add_unsigned(self.bits() % count)
    }

    /// True in `percent` of the calls.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.bits() % 100 < percent
    }

    /// One of the choices; the default when there is none.
    pub fn pick<T: Copy + Default>(&mut self, choices: &[T]) -> T {
        self.one(choices).unwrap_or_default()
    }

    /// One of the choices, if there is one.
    pub fn one<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        let index = self.between(0, choices.len() as i64 - 1);
        usize::try_from(index).ok().and_then(|index| choices.get(index)).copied()
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.bits().to_le_bytes()[0]
    }

    /// Bits of a scale: mostly between 2^-12 and 2, sometimes negative, zero or extreme.
    pub fn scale(&mut self) -> u32 {
        let fraction = u32::try_from(self.bits() & 0x7f_ffff).unwrap_or(0);
        let exponent = match self.between(0, 19) {
            0 => return if self.chance(50) { 0 } else { 0x8000_0000 },
            1 => self.between(27, 190),
            2 => 127 - 8,
            _ => self.between(115, 127),
        };
        let fraction = if self.chance(15) { 0 } else { fraction };
        let sign = if self.chance(10) { 1 << 31 } else { 0 };
        sign | u32::try_from(exponent).unwrap_or(127) << 23 | fraction
    }
}
