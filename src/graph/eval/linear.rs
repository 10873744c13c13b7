//! Convolutions and matrix products, on integers and on binary32 alike: sums of products in
//! ascending order of the reduction. Elements outside the picture are zeros.

use std::ops::Range;

use rayon::prelude::*;

use super::sums::{self, Left, Number};
use super::walk::{broadcast, positions, strides};
use crate::graph::op::Window;

/// A window in three spatial dimensions, the first ones of extent 1 where there are fewer.
#[derive(Debug, Clone, Copy)]
pub struct Cube {
    /// Extents of the kernel.
    pub kernel: [usize; 3],
    /// Strides.
    pub strides: [usize; 3],
    /// Padding in front.
    pub before: [usize; 3],
    /// Dilations.
    pub dilations: [usize; 3],
}

/// The last three of a list, filled up in front.
pub fn three(list: &[usize], fill: usize) -> [usize; 3] {
    let mut result = [fill; 3];
    for (to, &from) in result.iter_mut().rev().zip(list.iter().rev()) {
        *to = from;
    }
    result
}

/// The spatial extents of `[N][C][..]`.
pub fn spatial(shape: &[usize]) -> [usize; 3] {
    three(shape.get(2..).unwrap_or_default(), 1)
}

impl Cube {
    /// Of a window.
    pub fn new(window: &Window) -> Cube {
        Cube {
            kernel: three(&window.kernel, 1),
            strides: three(&window.strides, 1),
            before: three(&window.before, 0),
            dilations: three(&window.dilations, 1),
        }
    }

    /// Element of the operand under kernel element `k` of output `o`, if it is in the picture.
    pub fn under(&self, d: usize, o: usize, k: usize, extent: usize) -> Option<usize> {
        let at = (o * self.strides[d] + k * self.dilations[d]).checked_sub(self.before[d])?;
        (at < extent).then_some(at)
    }

    /// Outputs whose element under kernel element `k` is in the picture.
    fn inside(&self, d: usize, k: usize, extent: usize, outputs: usize) -> Range<usize> {
        let offset = k * self.dilations[d];
        let first = self.before[d].saturating_sub(offset).div_ceil(self.strides[d]);
        let end = (extent + self.before[d]).saturating_sub(offset).div_ceil(self.strides[d]);
        first.min(outputs)..end.min(outputs)
    }
}

/// Sums of a convolution of `x` (shape `[N][C][..]`) with `w` (`[M][C / groups][..]`), from zero;
/// elements outside the picture are zero.
pub fn convolution<T: Number>(
    x: (&[usize], &[T]),
    w: (&[usize], &[T]),
    window: &Window,
    groups: usize,
    out: &[usize],
) -> Vec<T> {
    let cube = Cube::new(window);
    let [id, ih, iw] = spatial(x.0);
    let [od, oh, ow] = spatial(out);
    let (channels, outputs) = (x.0[1], out[1]);
    let (in_plane, out_plane) = (id * ih * iw, od * oh * ow);
    let (per_group, out_group) = (w.0[1], outputs / groups);
    let taps: usize = cube.kernel.iter().product();
    let mut result = vec![T::default(); out[0] * outputs * out_plane];
    if out_plane == 0 || outputs == 0 {
        return result;
    }
    if out_group >= BLOCKED && T::fits(x.1) && T::fits(w.1) {
        let picture = Picture { cube, extents: [id, ih, iw], outputs: [od, oh, ow] };
        let depth = per_group * taps;
        for (index, sums) in result.chunks_mut(out_group * out_plane).enumerate() {
            let (n, group) = (index / groups, index % groups);
            let weights = &w.1[group * out_group * depth..][..out_group * depth];
            let planes = &x.1[(n * channels + group * per_group) * in_plane..];
            let left = Left::new(out_group, depth, |m, k| weights[m * depth + k]);
            let fill = |k: usize, first: usize, row: &mut [f32]| {
                picture.line(&planes[k / taps * in_plane..][..in_plane], k % taps, first, row);
            };
            sums::product(&left, out_plane, fill, sums);
        }
        return result;
    }
    result.par_chunks_mut(out_plane).enumerate().for_each(|(index, sums)| {
        let (n, m) = (index / outputs, index % outputs);
        let first = n * channels + m / out_group * per_group;
        for c in 0..per_group {
            let plane = &x.1[(first + c) * in_plane..][..in_plane];
            let weights = &w.1[(m * per_group + c) * taps..][..taps];
            for (tap, &weight) in weights.iter().enumerate() {
                let kw = tap % cube.kernel[2];
                let kh = tap / cube.kernel[2] % cube.kernel[1];
                let kd = tap / (cube.kernel[2] * cube.kernel[1]);
                let columns = cube.inside(2, kw, iw, ow);
                if columns.is_empty() {
                    continue;
                }
                let Some(start) = cube.under(2, columns.start, kw, iw) else { continue };
                for d in cube.inside(0, kd, id, od) {
                    let Some(y) = cube.under(0, d, kd, id) else { continue };
                    for h in cube.inside(1, kh, ih, oh) {
                        let Some(z) = cube.under(1, h, kh, ih) else { continue };
                        let row = &plane[(y * ih + z) * iw..][..iw];
                        let sums = &mut sums[(d * oh + h) * ow..][..ow][columns.clone()];
                        accumulate(sums, &row[start..], cube.strides[2], weight);
                    }
                }
            }
        }
    });
    result
}

/// Outputs of a group from which on a convolution is a product of matrices in blocks.
const BLOCKED: usize = 4;

/// The picture as a matrix: a row per channel and element of the kernel, a column per output.
struct Picture {
    cube: Cube,
    extents: [usize; 3],
    outputs: [usize; 3],
}

impl Picture {
    /// The elements of a plane under an element of the kernel, for outputs `first` and following.
    fn line<T: Number>(&self, plane: &[T], tap: usize, first: usize, row: &mut [f32]) {
        let [_, kh, kw] = self.cube.kernel;
        let k = [tap / (kw * kh), tap / kw % kh, tap % kw];
        let [id, ih, iw] = self.extents;
        let [_, oh, ow] = self.outputs;
        let columns = self.cube.inside(2, k[2], iw, ow);
        let stride = self.cube.strides[2];
        let mut done = 0;
        while done < row.len() {
            let at = first + done;
            let [d, h, v] = [at / (ow * oh), at / ow % oh, at % ow];
            let run = (ow - v).min(row.len() - done);
            let part = &mut row[done..done + run];
            done += run;
            let start = columns.start.clamp(v, v + run);
            let end = columns.end.clamp(start, v + run);
            let source = self.cube.under(0, d, k[0], id).zip(self.cube.under(1, h, k[1], ih));
            let from = self.cube.under(2, start, k[2], iw);
            let (Some((y, z)), Some(from), true) = (source, from, start < end) else {
                part.fill(0.0);
                continue;
            };
            part[..start - v].fill(0.0);
            part[end - v..].fill(0.0);
            let elements = plane[(y * ih + z) * iw..][..iw][from..].iter();
            let part = &mut part[start - v..end - v];
            if stride == 1 {
                part.iter_mut().zip(elements).for_each(|(to, x)| *to = x.real());
            } else {
                part.iter_mut().zip(elements.step_by(stride)).for_each(|(to, x)| *to = x.real());
            }
        }
    }
}

fn accumulate<T: Number>(sums: &mut [T], row: &[T], stride: usize, weight: T) {
    if stride == 1 {
        for (sum, &x) in sums.iter_mut().zip(row) {
            *sum += x * weight;
        }
    } else {
        for (sum, &x) in sums.iter_mut().zip(row.iter().step_by(stride)) {
            *sum += x * weight;
        }
    }
}

/// Sums of a transposed convolution of `x` with `w` (`[C][M / groups][..]`).
pub fn transposed<T: Number>(
    x: (&[usize], &[T]),
    w: (&[usize], &[T]),
    window: &Window,
    groups: usize,
    out: &[usize],
) -> Vec<T> {
    let cube = Cube::new(window);
    let (input, output) = (spatial(x.0), spatial(out));
    let (channels, outputs, per_group) = (x.0[1], out[1], w.0[1]);
    let (in_plane, out_plane) = (input.iter().product::<usize>(), output.iter().product::<usize>());
    let taps: usize = cube.kernel.iter().product();
    let mut result = vec![T::default(); out[0] * outputs * out_plane];
    let grid = |extents: [usize; 3]| {
        (0..extents.iter().product::<usize>()).map(move |i| {
            [i / (extents[1] * extents[2]), i / extents[2] % extents[1], i % extents[2]]
        })
    };
    for plane in 0..out[0] * channels {
        let (n, c) = (plane / channels, plane % channels);
        let group = c / (channels / groups);
        for (from, i) in grid(input).enumerate() {
            let value = x.1[plane * in_plane + from];
            for (tap, k) in grid(cube.kernel).enumerate() {
                let at = |d: usize| {
                    let full = i[d] * cube.strides[d] + k[d] * cube.dilations[d];
                    full.checked_sub(cube.before[d]).filter(|&o| o < output[d])
                };
                let (Some(d), Some(h), Some(v)) = (at(0), at(1), at(2)) else { continue };
                for m in 0..per_group {
                    let plane = (n * outputs + group * per_group + m) * out_plane;
                    result[plane + (d * output[1] + h) * output[2] + v] +=
                        value * w.1[(c * per_group + m) * taps + tap];
                }
            }
        }
    }
    result
}

/// Sums of a matrix product; outer dimensions are broadcast.
pub fn product<T: Number>(
    a: (&[usize], &[T], bool),
    b: (&[usize], &[T], bool),
    out: &[usize],
) -> Vec<T> {
    let rank = out.len();
    let (m, n) = (out[rank - 2], out[rank - 1]);
    let k = if a.2 { a.0[a.0.len() - 2] } else { a.0[a.0.len() - 1] };
    // Strides over the outer dimensions, rows and columns of an operand.
    let operand = |shape: &[usize], turned: bool| {
        let own = strides(shape);
        let [row, column] = [own[own.len() - 2], own[own.len() - 1]];
        let outer = broadcast(shape, rank)[..rank - 2].to_vec();
        (outer, if turned { [column, row] } else { [row, column] })
    };
    let (outer_a, [am, ak]) = operand(a.0, a.2);
    let (outer_b, [bk, bn]) = operand(b.0, b.2);
    let starts: Vec<(usize, usize)> = positions(&out[..rank - 2], &outer_a, 0)
        .zip(positions(&out[..rank - 2], &outer_b, 0))
        .collect();
    let at = |index: usize, stride: isize| index * stride.cast_unsigned();
    let mut result = vec![T::default(); starts.len() * m * n];
    if n == 0 || m == 0 {
        return result;
    }
    if n >= BLOCKED && T::fits(a.1) && T::fits(b.1) {
        result.par_chunks_mut(m * n).zip(&starts).for_each(|(sums, &(from_a, from_b))| {
            let left = Left::new(m, k, |row, i| a.1[from_a + at(row, am) + at(i, ak)]);
            let fill = |i: usize, first: usize, row: &mut [f32]| {
                let elements = b.1[from_b + at(i, bk) + at(first, bn)..].iter();
                let elements = elements.step_by(at(1, bn).max(1));
                row.iter_mut().zip(elements).for_each(|(to, x)| *to = x.real());
            };
            sums::product(&left, n, fill, sums);
        });
        return result;
    }
    result.par_chunks_mut(n).enumerate().for_each(|(index, sums)| {
        let (from_a, from_b) = starts[index / m];
        for i in 0..k {
            let left = a.1[from_a + at(index % m, am) + at(i, ak)];
            let right = b.1[from_b + at(i, bk)..].iter().step_by(at(1, bn).max(1));
            for (sum, &x) in sums.iter_mut().zip(right) {
                *sum += left * x;
            }
        }
    });
    result
}
