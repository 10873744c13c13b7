//! What is known of a tensor's values once the calibration has run: limits, and where percentiles
//! are asked for a histogram. None of it depends on the order of the runs.

use super::parameters::Range;

/// Bins of a histogram on each side of zero.
const BINS: usize = 4096;

/// Values seen.
#[derive(Debug, Clone)]
pub struct Seen {
    min: f32,
    max: f32,
    /// How many were infinite or no numbers.
    strange: u64,
    histogram: Option<Histogram>,
}

impl Seen {
    /// Nothing seen yet.
    pub fn new(histogram: bool) -> Seen {
        let histogram = histogram.then(Histogram::default);
        Seen { min: f32::INFINITY, max: f32::NEG_INFINITY, strange: 0, histogram }
    }

    /// Takes the values of a run.
    pub fn add(&mut self, values: &[f32]) {
        let mut magnitude = 0.0_f32;
        for &v in values {
            if v.is_finite() {
                self.min = self.min.min(v);
                self.max = self.max.max(v);
                magnitude = magnitude.max(v.abs());
            } else {
                self.strange += 1;
            }
        }
        if let Some(histogram) = &mut self.histogram {
            histogram.add(values, magnitude);
        }
    }

    /// How many values were infinite or no numbers.
    pub fn strange(&self) -> u64 {
        self.strange
    }

    /// The range of all values but `cut`, a fraction, on each side; none where there was no value.
    pub fn range(&self, cut: f64) -> Option<Range> {
        if self.min > self.max {
            return None;
        }
        let Some(histogram) = &self.histogram else { return Some([self.min, self.max]) };
        let [low, high] = histogram.range(cut);
        Some([low.clamp(self.min, self.max), high.clamp(self.min, self.max)])
    }
}

/// Counts in bins of width 2^exponent, one border of which is zero. Where values are too large for
/// it, pairs of bins become one, so that the counts are those of a histogram that had these bins
/// from the beginning.
#[derive(Debug, Clone)]
struct Histogram {
    exponent: i32,
    counts: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { exponent: f32::MIN_EXP, counts: vec![0; 2 * BINS] }
    }
}

impl Histogram {
    fn width(&self) -> f64 {
        2.0_f64.powi(self.exponent)
    }

    fn add(&mut self, values: &[f32], magnitude: f32) {
        while f64::from(magnitude) >= BINS as f64 * self.width() {
            self.exponent += 1;
            let mut merged = vec![0; 2 * BINS];
            for (i, pair) in self.counts.chunks_exact(2).enumerate() {
                merged[BINS / 2 + i] = pair[0] + pair[1];
            }
            self.counts = merged;
        }
        let inverse = 1.0 / self.width();
        for v in values.iter().filter(|v| v.is_finite()) {
            let bin = (f64::from(*v) * inverse).floor() as i64 + BINS as i64;
            if let Some(count) = usize::try_from(bin).ok().and_then(|bin| self.counts.get_mut(bin))
            {
                *count += 1;
            }
        }
    }

    /// The borders of the bins that remain when this fraction is cut off on each side.
    fn range(&self, cut: f64) -> Range {
        let most = self.counts.iter().sum::<u64>() as f64 * cut;
        let cut_off = |counts: &mut dyn Iterator<Item = &u64>| {
            let mut sum = 0;
            counts
                .take_while(|&&count| {
                    sum += count;
                    sum as f64 <= most
                })
                .count()
        };
        let below = cut_off(&mut self.counts.iter());
        let above = cut_off(&mut self.counts.iter().rev());
        let border = |bin: usize| ((bin as f64 - BINS as f64) * self.width()) as f32;
        [border(below), border(2 * BINS - above)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_cut_both_sides_whatever_the_order() {
        let small: Vec<f32> = (0..10_000).map(|i| i as f32 / 10_000.0 - 0.25).collect();
        let range = |runs: &[&[f32]], cut: f64| {
            let mut seen = Seen::new(true);
            runs.iter().for_each(|run| seen.add(run));
            seen.range(cut).unwrap()
        };
        assert_eq!(range(&[&small], 0.0), [-0.25, small[9_999]]);
        let [low, high] = range(&[&small], 0.01);
        assert!((low + 0.24).abs() < 1e-3 && (high - 0.74).abs() < 1e-3, "{low} {high}");
        // One value far away is cut off, be it seen first or last.
        let first = range(&[&[1000.0], &small], 0.001);
        assert_eq!(first, range(&[&small, &[1000.0]], 0.001));
        assert!(first[1] < 1.0, "{first:?}");
        assert_eq!(range(&[&[0.0; 5]], 0.1), [0.0, 0.0]);
        assert_eq!(Seen::new(true).range(0.1), None);
        let mut seen = Seen::new(false);
        seen.add(&[1.0, f32::NAN, f32::INFINITY]);
        assert_eq!((seen.strange(), seen.range(0.0)), (2, Some([1.0, 1.0])));
    }
}
