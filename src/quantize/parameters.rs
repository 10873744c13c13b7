//! Scales, zero points and the integers of constants.
//!
//! The formulas are those of onnxruntime's quantizer (`docs/quantize.md`); everything is computed
//! in binary64 and rounded once, scales to binary32.

/// Smallest and largest value of a tensor.
pub type Range = [f32; 2];

/// Scales that the machine computes with (`docs/numerics.md`).
pub const SCALES: std::ops::Range<f64> = 7.888_609_052_210_118e-31..18_446_744_073_709_551_616.0;

/// Largest magnitude of a product of a weight and an activation less its zero point.
const PRODUCT: f64 = 127.0 * 255.0;

/// Largest magnitude of a bias to which `depth` products are added in 32 bits.
fn most(depth: usize) -> f64 {
    (f64::from(i32::MAX) - depth as f64 * PRODUCT).max(f64::from(1_u32 << 24))
}

/// How far the scale of a channel may lie below the largest one of its layer. Weights that are
/// smaller contribute nothing that is left of the others' rounding.
const SPREAD: f64 = 4_294_967_296.0;

/// Scale and zero point of a tensor with values in a range; zero is always a value.
///
/// ```text
/// scale = (max - min) / 255, zero = round(-128 - min / scale)      asymmetric
/// scale = max(|min|, |max|) / 127, zero = 0                        symmetric
/// ```
pub fn activation([min, max]: Range, symmetric: bool) -> (f32, i32) {
    let (min, max) = (f64::from(min).min(0.0), f64::from(max).max(0.0));
    let span = if symmetric { (-min).max(max) / 127.0 } else { (max - min) / 255.0 };
    let scale = span as f32;
    if scale == 0.0 {
        return (1.0, 0);
    }
    if symmetric {
        return (scale, 0);
    }
    let zero = (-128.0 - min / f64::from(scale)).round_ties_even();
    (scale, zero.clamp(-128.0, 127.0) as i32)
}

/// A constant with a scale and a zero point.
pub fn bytes(values: &[f32], quant: (f32, i32)) -> Vec<i8> {
    values.iter().map(|&v| crate::graph::passes::step(v, quant) as i8).collect()
}

/// Weights and bias of a layer as integers.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Weights, in the order of the constant.
    pub bytes: Vec<i8>,
    /// Scales: one per channel, or one.
    pub scales: Vec<f32>,
    /// Bias in steps of input scale times weight scale.
    pub bias: Option<Vec<i32>>,
    /// Scale of the bias in each channel.
    pub bias_scales: Vec<f32>,
}

/// How weights lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Channels with a scale each; 1 where all weights have one.
    pub channels: usize,
    /// Elements from one channel to the next.
    pub step: usize,
    /// Products that are summed for a result.
    pub depth: usize,
}

/// Quantizes weights and bias; `input` is the scale of what they are multiplied with.
///
/// ```text
/// scale[c] = max |w[c]| / 127, w -> round(w / scale[c]) in [-127, 127]
/// bias[c] -> round(bias[c] / (input * scale[c]))
/// ```
pub fn weights(values: &[f32], layout: Layout, bias: Option<&[f32]>, input: f32) -> Weights {
    let Layout { channels, step, depth } = layout;
    let (channels, step) = (channels.max(1), step.max(1));
    let channel = |i: usize| i / step % channels;
    let mut largest = vec![0.0_f64; channels];
    for (i, &v) in values.iter().enumerate() {
        let slot = &mut largest[channel(i)];
        *slot = slot.max(f64::from(v).abs());
    }
    let mut spans: Vec<f64> = largest.iter().map(|v| v / 127.0).collect();
    let top = spans.iter().copied().fold(0.0, f64::max);
    for (i, &b) in bias.unwrap_or_default().iter().enumerate() {
        let least = f64::from(b).abs() / (f64::from(input) * most(depth));
        // With one scale for all channels it must do for every bias.
        let slot = &mut spans[i % channels];
        *slot = slot.max(least);
    }
    let floor = top / SPREAD;
    let scale = |span: &f64| match span.max(floor) as f32 {
        scale if scale > 0.0 => scale,
        _ => 1.0,
    };
    let scales: Vec<f32> = spans.iter().map(scale).collect();
    let whole = |(i, &v): (usize, &f32)| {
        (f64::from(v) / f64::from(scales[channel(i)])).round_ties_even().clamp(-127.0, 127.0) as i8
    };
    let bytes = values.iter().enumerate().map(whole).collect();
    let count = bias.map_or(0, <[f32]>::len);
    let bias_scales: Vec<f32> = scales.iter().map(|&scale| input * scale).collect();
    let step_of = |i: usize| f64::from(bias_scales[i % channels]);
    let bias = bias.map(|bias| {
        let whole = |i: usize| (f64::from(bias[i]) / step_of(i)).round_ties_even() as i32;
        (0..count).map(whole).collect()
    });
    Weights { bytes, scales, bias, bias_scales }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_become_scales_with_zero_among_the_values() {
        // Relu: the zero point is the smallest integer.
        assert_eq!(activation([0.0, 25.5], false), (0.1, -128));
        assert_eq!(activation([-25.5, 0.0], false), (0.1, 127));
        // A range without zero is extended to it.
        assert_eq!(activation([10.0, 25.5], false), (0.1, -128));
        // Half a step below zero, but for the rounding of the scale.
        assert_eq!(activation([-1.0, 1.0], false), (2.0 / 255.0, -1));
        assert_eq!(activation([-1.0, 2.0], false), (3.0 / 255.0, -43));
        assert_eq!(activation([-3.0, 12.7], true), (0.1, 0));
        assert_eq!(activation([0.0, 0.0], false), (1.0, 0));
    }

    #[test]
    fn weights_have_a_scale_per_channel_and_biases_fit() {
        let rows = Layout { channels: 2, step: 2, depth: 2 };
        let made = weights(&[1.27, -0.5, 0.0, 0.0], rows, Some(&[0.1, -0.2]), 0.5);
        assert_eq!(made.bytes, [127, -50, 0, 0]);
        assert_eq!(made.scales[0], 0.01);
        assert_eq!(made.bias_scales[0], 0.5 * 0.01_f32);
        let bias = made.bias.unwrap();
        assert_eq!(bias[0], 20);
        // The second channel has no weights: its scale is as small as lets the bias fit.
        assert!(f64::from(made.scales[1]) >= 0.01 / SPREAD && bias[1] < -(1 << 29), "{bias:?}");
        let real = f64::from(bias[1]) * f64::from(made.bias_scales[1]);
        assert!((real + 0.2).abs() < 1e-6, "{real}");
        // A bias far beyond the weights makes the scale larger; products still fit beside it.
        let one = Layout { channels: 1, step: 1, depth: 9 };
        let bias = weights(&[1e-6], one, Some(&[1e6]), 1.0).bias.unwrap()[0];
        assert!(bias > 1 << 30 && bias.checked_add(9 * 127 * 255).is_some(), "{bias}");
        assert_eq!(weights(&[0.0; 3], one, None, 1.0).scales, [1.0]);
    }
}
