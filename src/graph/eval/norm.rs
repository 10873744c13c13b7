//! Softmax and norms of binary32 numbers; sums are in binary64, results are rounded once.

use libm::{exp, log};

use super::walk::strides;

/// Softmax along a dimension, or its logarithm.
pub fn softmax(shape: &[usize], x: &[f32], axis: usize, logarithm: bool) -> Vec<f32> {
    let (extent, step) = (shape[axis], strides(shape)[axis].cast_unsigned());
    let mut result = vec![0.0; x.len()];
    if x.is_empty() {
        return result;
    }
    for start in (0..x.len()).filter(|i| i / step % extent == 0) {
        let lane = || (0..extent).map(|i| start + i * step);
        let largest = lane().map(|i| x[i]).fold(f32::NEG_INFINITY, f32::max);
        let above = |i: usize| f64::from(x[i]) - f64::from(largest);
        let sum: f64 = lane().map(|i| exp(above(i))).sum();
        for i in lane() {
            let value = if logarithm { above(i) - log(sum) } else { exp(above(i)) / sum };
            result[i] = value as f32;
        }
    }
    result
}

/// Softmax of activations as onnxruntime's QLinearSoftmax has it: exponentials from a table of
/// binary32 numbers, their sum in ascending order, and shares in steps of one over a *whole* number,
/// the reciprocal of the result's scale rounded down. `scale` is that of `x`, `to` scale and zero
/// point of the result.
///
/// What does not fit the result wraps in onnxruntime's int8 kernel; here it saturates.
pub fn softmax_activations(
    shape: &[usize],
    x: &[i8],
    axis: usize,
    scale: f32,
    to: (f32, i32),
) -> Vec<i8> {
    let (extent, step) = (shape[axis], strides(shape)[axis].cast_unsigned());
    let mut result = vec![0; x.len()];
    if x.is_empty() {
        return result;
    }
    // Entry 255 is that of the largest activation of a row: as large as sums allow.
    let scale = f64::from(scale);
    let largest_sum = log(f64::from(f32::MAX / extent as f32)) as f32;
    let shift = (f64::from(largest_sum) - 5.0).max(0.0) / scale;
    let table: Vec<f32> =
        (0..256).map(|i| exp((f64::from(i) - 255.0 + shift) * scale) as f32).collect();
    let steps = (1.0 / to.0).floor();
    for start in (0..x.len()).filter(|i| i / step % extent == 0) {
        let lane = || (0..extent).map(|i| start + i * step);
        let largest = lane().map(|i| i32::from(x[i])).max().unwrap_or(0);
        let power = |i: usize| table[(255 + i32::from(x[i]) - largest) as usize];
        let sum = lane().map(power).fold(0.0_f32, |sum, p| sum + p);
        for i in lane() {
            let share = (power(i) * steps / sum).round_ties_even() as i32;
            result[i] = share.saturating_add(to.1).clamp(-128, 127) as i8;
        }
    }
    result
}

/// Layer norm over rows of `row` elements; without `centre` the mean stays and counts: RMS norm.
pub fn layer(
    x: &[f32],
    row: usize,
    scale: Option<&[f32]>,
    bias: Option<&[f32]>,
    epsilon: f32,
    centre: bool,
) -> Vec<f32> {
    let mut result = Vec::with_capacity(x.len());
    for values in x.chunks(row.max(1)) {
        let count = values.len() as f64;
        let sum: f64 = values.iter().map(|&v| f64::from(v)).sum();
        let mean = if centre { sum / count } else { 0.0 };
        let squares: f64 = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum();
        let factor = 1.0 / (squares / count + f64::from(epsilon)).sqrt();
        let of = |list: Option<&[f32]>, i: usize, default: f64| {
            list.map_or(default, |list| f64::from(list[i % list.len()]))
        };
        result.extend(values.iter().enumerate().map(|(i, &v)| {
            ((f64::from(v) - mean) * factor * of(scale, i, 1.0) + of(bias, i, 0.0)) as f32
        }));
    }
    result
}

/// Norm of each group of channels of each picture, with a factor and a summand per channel.
pub fn group(
    shape: &[usize],
    x: &[f32],
    [scale, bias]: [&[f32]; 2],
    groups: usize,
    epsilon: f32,
) -> Vec<f32> {
    let channels = shape[1];
    let plane: usize = shape[2..].iter().product();
    let mut result = layer(x, channels / groups * plane, None, None, epsilon, true);
    for (i, value) in result.iter_mut().enumerate() {
        let channel = i / plane.max(1) % channels;
        *value = *value * scale[channel] + bias[channel];
    }
    result
}

/// Batch norm; parameters in the order scale, bias, mean, variance.
pub fn batch(shape: &[usize], x: &[f32], parameters: [&[f32]; 4], epsilon: f32) -> Vec<f32> {
    let channels = shape.get(1).copied().unwrap_or(1);
    let plane: usize = shape.iter().skip(2).product();
    x.iter()
        .enumerate()
        .map(|(i, &value)| {
            let channel = i / plane.max(1) % channels.max(1);
            let [scale, bias, mean, variance] = parameters.map(|p| f64::from(p[channel]));
            let factor = scale / (variance + f64::from(epsilon)).sqrt();
            ((f64::from(value) - mean) * factor + bias) as f32
        })
        .collect()
}
