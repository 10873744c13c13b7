//! No sum of products of a network can leave the 32 bits of an accumulator, whatever the activations
//! are. The bias is left out: it is added modulo 2^32, as onnxruntime does, and quantizers give
//! channels with next to no weights a bias at the limit of its type.

use super::net::{Kind, Layer, Net};
use crate::graph::Problem;

/// Largest magnitude of an activation, and of a weight.
const LARGEST: i64 = 128;

/// Checks every layer that sums products.
pub(super) fn check(net: &Net) -> Result<(), Vec<Problem>> {
    let problems: Vec<Problem> =
        net.layers.iter().filter_map(|layer| problem(net, layer)).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn problem(net: &Net, layer: &Layer) -> Option<Problem> {
    let (channel, reached) = match &layer.kind {
        Kind::Conv(conv) => worst(&conv.weights, conv.bias.len(), conv.input_zero),
        Kind::Depthwise(conv) => worst(&conv.weights, conv.bias.len(), conv.input_zero),
        Kind::Product(product) => {
            let zeros: i64 = product.zeros.iter().map(|zero| i64::from(*zero).abs()).sum();
            let [height, width, channels] = net.value(*layer.inputs.first()?).shape();
            let steps = i64::try_from(channels.max(height * width)).unwrap_or(i64::MAX);
            (0, steps.saturating_mul(LARGEST * (LARGEST + zeros) + zeros * zeros))
        }
        _ => return None,
    };
    (reached > i64::from(i32::MAX)).then(|| {
        Problem::new(
            format!("`{}` ({})", layer.name, layer.kind.name()),
            format!(
                "its sums can reach {reached}, in channel {channel}, but an accumulator holds at most {}",
                i32::MAX
            ),
            "split the layer into several over parts of the input channels, and add their results",
        )
    })
}

/// The channel with the largest possible sum, zero point included, and the sum. Weights have the
/// output channel first.
fn worst(weights: &[i8], channels: usize, zero: i32) -> (usize, i64) {
    let taps = weights.len().checked_div(channels).unwrap_or(0).max(1);
    let sum = |(channel, filter): (usize, &[i8])| {
        let magnitude: i64 = filter.iter().map(|&w| i64::from(w).abs()).sum();
        let total: i64 = filter.iter().map(|&w| i64::from(w)).sum();
        (channel, magnitude * LARGEST + (i64::from(zero) * total).abs())
    };
    weights.chunks(taps).enumerate().map(sum).max_by_key(|(_, reached)| *reached).unwrap_or((0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_bounded_from_above() {
        assert_eq!(worst(&[1, -2, 3, 100, 0, 0], 2, 0), (1, 12_800));
        assert_eq!(worst(&[1, -2, 3, 4], 2, 10), (1, 7 * 128 + 70));
        assert_eq!(worst(&[-128; 4], 1, 0), (0, 4 * 128 * 128));
    }
}
