//! A matrix product in blocks. Every sum takes its products in ascending order, each product and
//! each partial sum rounded by itself: what comes out depends neither on the size of blocks nor on
//! the number of threads.
//!
//! ```text
//! result[row][column] += sum over k of left[row][k] * right[k][column]
//! ```
//!
//! Integers are multiplied in binary32 as well, which is exact for [`DEPTH`] products of numbers
//! up to [`LARGEST`]; partial sums of that length are then added as integers.

use std::num::Wrapping;
use std::ops::{AddAssign, Mul};

use rayon::prelude::*;

/// Rows and columns of the result that stay in registers.
const ROWS: usize = 4;
const COLUMNS: usize = 8;
/// Columns of a block.
const PANEL: usize = 64;
/// Products between two visits of the result.
const DEPTH: usize = 256;
/// Largest magnitude of integers: `DEPTH * LARGEST * LARGEST` is below 2^24.
const LARGEST: i32 = 255;
/// Rows of a block where there are few columns.
const FEW_ROWS: usize = 128;

/// A number that products are summed of.
pub trait Number: Copy + Default + AddAssign + Mul<Output = Self> + Send + Sync {
    /// Whether the blocks compute what the definition says.
    fn fits(values: &[Self]) -> bool;
    /// The number in binary32.
    fn real(self) -> f32;
    /// What a partial sum begins with when this was summed so far.
    fn begin(self) -> f32;
    /// Takes a partial sum.
    fn end(&mut self, sum: f32);
}

impl Number for f32 {
    fn fits(_: &[f32]) -> bool {
        true
    }
    fn real(self) -> f32 {
        self
    }
    fn begin(self) -> f32 {
        self
    }
    fn end(&mut self, sum: f32) {
        *self = sum;
    }
}

impl Number for Wrapping<i32> {
    fn fits(values: &[Wrapping<i32>]) -> bool {
        values.iter().all(|v| (-LARGEST..=LARGEST).contains(&v.0))
    }
    fn real(self) -> f32 {
        self.0 as f32
    }
    fn begin(self) -> f32 {
        0.0
    }
    fn end(&mut self, sum: f32) {
        *self += Wrapping(sum as i32);
    }
}

/// The left matrix: panels of [`ROWS`] rows, in each the columns one after another.
pub struct Left {
    rows: usize,
    depth: usize,
    panels: Vec<f32>,
}

impl Left {
    /// Of a function of row and column.
    pub fn new<T: Number>(rows: usize, depth: usize, at: impl Fn(usize, usize) -> T) -> Left {
        let mut panels = vec![0.0; rows.div_ceil(ROWS) * ROWS * depth];
        for row in 0..rows {
            let panel = row / ROWS * ROWS * depth + row % ROWS;
            for k in 0..depth {
                panels[panel + k * ROWS] = at(row, k).real();
            }
        }
        Left { rows, depth, panels }
    }
}

/// Adds a product to `result`, row-major. `fill(k, column, row)` gives the right matrix: row `k`
/// from a column on.
pub fn product<T: Number>(
    left: &Left,
    columns: usize,
    fill: impl Fn(usize, usize, &mut [f32]) + Sync,
    result: &mut [T],
) {
    if columns == 0 || left.rows == 0 {
        return;
    }
    let across = columns.div_ceil(PANEL);
    let high = if across >= 4 { left.rows.next_multiple_of(ROWS) } else { FEW_ROWS };
    let down = left.rows.div_ceil(high);
    let blocks: Vec<Vec<T>> = (0..across * down)
        .into_par_iter()
        .map(|index| {
            let (first, top) = (index % across * PANEL, index / across * high);
            let width = PANEL.min(columns - first);
            let rows = high.min(left.rows - top);
            let mut block = vec![T::default(); rows * width];
            for row in 0..rows {
                let from = (top + row) * columns + first;
                block[row * width..][..width].copy_from_slice(&result[from..][..width]);
            }
            compute(left, top..top + rows, first..first + width, &fill, &mut block);
            block
        })
        .collect();
    result.par_chunks_mut(columns).enumerate().for_each(|(row, to)| {
        let (part, within) = (row / high, row % high);
        for (to, block) in to.chunks_mut(PANEL).zip(&blocks[part * across..]) {
            let width = to.len();
            to.copy_from_slice(&block[within * width..][..width]);
        }
    });
}

/// A block of the result.
fn compute<T: Number>(
    left: &Left,
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
    fill: &impl Fn(usize, usize, &mut [f32]),
    block: &mut [T],
) {
    let width = columns.len();
    let panels = width.div_ceil(COLUMNS);
    let mut line = [0.0_f32; PANEL];
    let mut right = vec![0.0_f32; panels * DEPTH * COLUMNS];
    for start in (0..left.depth).step_by(DEPTH) {
        let depth = DEPTH.min(left.depth - start);
        for k in 0..depth {
            fill(start + k, columns.start, &mut line[..width]);
            for (panel, part) in line.as_chunks::<COLUMNS>().0.iter().take(panels).enumerate() {
                right[(panel * depth + k) * COLUMNS..][..COLUMNS].copy_from_slice(part);
            }
        }
        for top in (0..rows.len()).step_by(ROWS) {
            let panel = (rows.start + top) * left.depth + start * ROWS;
            let l = &left.panels[panel..][..depth * ROWS];
            let high = ROWS.min(rows.len() - top);
            for (index, r) in right.chunks_exact(depth * COLUMNS).take(panels).enumerate() {
                let first = index * COLUMNS;
                let wide = COLUMNS.min(width - first);
                let mut sums = [[0.0_f32; COLUMNS]; ROWS];
                for (row, sums) in sums.iter_mut().enumerate().take(high) {
                    let from = &block[(top + row) * width + first..][..wide];
                    sums.iter_mut().zip(from).for_each(|(sum, v)| *sum = v.begin());
                }
                let sums = tile(l, r, sums);
                for (row, sums) in sums.iter().enumerate().take(high) {
                    let to = &mut block[(top + row) * width + first..][..wide];
                    to.iter_mut().zip(sums).for_each(|(v, &sum)| v.end(sum));
                }
            }
        }
    }
}

/// What stays in registers.
fn tile(left: &[f32], right: &[f32], mut sums: [[f32; COLUMNS]; ROWS]) -> [[f32; COLUMNS]; ROWS] {
    for (l, r) in left.as_chunks::<ROWS>().0.iter().zip(right.as_chunks::<COLUMNS>().0) {
        for (sums, &l) in sums.iter_mut().zip(l) {
            for (sum, &r) in sums.iter_mut().zip(r) {
                *sum += l * r;
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers whose sums depend on the order.
    fn number(index: usize) -> f32 {
        let mixed = (index as u32).wrapping_mul(2_654_435_761) >> 8;
        (mixed as f32 / 8_388_608.0 - 1.0) * 1.1_f32.powi((mixed % 50) as i32)
    }

    #[test]
    fn every_sum_is_in_ascending_order_whatever_the_blocks() {
        for (rows, columns, depth) in
            [(1, 1, 1), (3, 70, 5), (4, 8, 256), (130, 65, 257), (5, 300, 600), (9, 7, 0)]
        {
            let left = |row: usize, k: usize| number(row * depth + k);
            let right = |k: usize, column: usize| number(k * columns + column + 77);
            let fill = |k: usize, first: usize, row: &mut [f32]| {
                row.iter_mut().enumerate().for_each(|(i, v)| *v = right(k, first + i));
            };
            let packed = Left::new(rows, depth, left);
            let mut found: Vec<f32> = (0..rows * columns).map(number).collect();
            let started = found.clone();
            product(&packed, columns, fill, &mut found);
            for (i, (&found, &from)) in found.iter().zip(&started).enumerate() {
                let (row, column) = (i / columns, i % columns);
                let sum = (0..depth).fold(from, |sum, k| sum + left(row, k) * right(k, column));
                assert_eq!(found.to_bits(), sum.to_bits(), "{rows}x{columns}x{depth}: {i}");
            }
        }
    }

    #[test]
    fn integers_are_exact_at_their_limits() {
        let depth = 1000;
        let left =
            Left::new(2, depth, |row, _| Wrapping(if row == 0 { LARGEST } else { -LARGEST }));
        let mut found = vec![Wrapping(1); 18];
        product(&left, 9, |_, _, row| row.fill(LARGEST as f32), &mut found);
        let sum = depth as i32 * LARGEST * LARGEST;
        assert_eq!(found, [[Wrapping(sum + 1); 9], [Wrapping(1 - sum); 9]].concat());
        assert!(DEPTH as i32 * LARGEST * LARGEST < 1 << 24);
    }
}
