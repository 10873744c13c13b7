//! From a network's arrays to the tensors of a compiled program and back: order of dimensions,
//! quantization of real numbers.

use super::ExecError;
use super::tensor::Values;
use crate::program::{Dtype, NetworkView, Tensor};

/// Stored position of every element of the network's array, in its order.
fn positions(view: &NetworkView) -> Vec<usize> {
    let mut positions = vec![0_u64];
    for [extent, stride] in &view.walk {
        positions = positions
            .iter()
            .flat_map(|start| (0..*extent).map(move |step| start + step * stride))
            .collect();
    }
    positions.into_iter().map(|at| usize::try_from(at).unwrap_or(usize::MAX)).collect()
}

/// QuantizeLinear: divides, rounds half to even, adds the zero point, saturates.
fn quantize(value: f32, tensor: &Tensor) -> i64 {
    let steps = f64::from((value / tensor.scale).round_ties_even()) + f64::from(tensor.zero);
    let (min, max) = if tensor.dtype == Dtype::Uint8 { (0.0, 255.0) } else { (-128.0, 127.0) };
    // What is no number becomes 0 by the conversion.
    steps.clamp(min, max) as i64
}

/// Values in the network's order as the tensor stores them. Real numbers are quantized.
pub fn store(tensor: &Tensor, values: &Values) -> Result<Values, ExecError> {
    let Some(view) = &tensor.network else { return Ok(values.clone()) };
    let places = positions(view);
    if values.len() != places.len() {
        return Err(ExecError::Elements {
            name: tensor.name.clone(),
            found: values.len(),
            shape: view.shape.clone(),
            expected: places.len() as u64,
        });
    }
    let steps: Vec<i64> = match values {
        Values::Float(values) if tensor.dtype == Dtype::Float32 => {
            return Ok(Values::Float(scattered(places, values)));
        }
        Values::Int(values) => values.clone(),
        Values::Float(values) => values.iter().map(|&value| quantize(value, tensor)).collect(),
    };
    Ok(Values::Int(scattered(places, &steps)))
}

/// Values at their stored positions.
fn scattered<T: Copy + Default>(places: Vec<usize>, values: &[T]) -> Vec<T> {
    let mut stored = vec![T::default(); values.len()];
    for (place, value) in places.into_iter().zip(values) {
        if let Some(slot) = stored.get_mut(place) {
            *slot = *value;
        }
    }
    stored
}

/// Stored values in the network's order; real numbers where it has such.
pub fn restore(tensor: &Tensor, stored: &Values) -> Values {
    let Some(view) = &tensor.network else { return stored.clone() };
    let stored = match stored {
        Values::Int(stored) => stored,
        Values::Float(stored) => {
            let at = |at: usize| stored.get(at).copied().unwrap_or(0.0);
            return Values::Float(positions(view).into_iter().map(at).collect());
        }
    };
    let steps = positions(view).into_iter().map(|at| stored.get(at).copied().unwrap_or(0));
    if !view.float {
        return Values::Int(steps.collect());
    }
    let real = |step: i64| (step - i64::from(tensor.zero)) as f32 * tensor.scale;
    Values::Float(steps.map(real).collect())
}

/// Shape of the array that stands for the tensor outside.
pub fn shape(tensor: &Tensor) -> &[u64] {
    tensor.network.as_ref().map_or(&tensor.shape, |view| &view.shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Layout;

    fn picture() -> Tensor {
        Tensor {
            name: "x".to_owned(),
            region: 0,
            offset: 0,
            shape: vec![1, 1, 3, 2],
            layout: Layout::Nhwc,
            dtype: Dtype::Int8,
            scale: 0.5,
            zero: 1,
            network: Some(NetworkView {
                shape: vec![1, 2, 1, 3],
                walk: vec![[2, 1], [3, 2]],
                float: true,
            }),
        }
    }

    #[test]
    fn channels_move_behind_pixels_and_real_numbers_become_steps() {
        let network = Values::Float(vec![0.0, 0.5, 1.0, -0.5, 100.0, 0.25]);
        let stored = store(&picture(), &network).unwrap();
        // Channel 0: 1, 2, 3; channel 1: 0, 127 (saturated), 1 (a half goes to the even 0, plus 1).
        assert_eq!(stored, Values::Int(vec![1, 0, 2, 127, 3, 1]));
        let back = restore(&picture(), &stored);
        assert_eq!(back, Values::Float(vec![0.0, 0.5, 1.0, -0.5, 63.0, 0.0]));
    }

    #[test]
    fn a_wrong_number_of_elements_is_told_with_the_networks_shape() {
        let error = store(&picture(), &Values::Int(vec![1])).unwrap_err().to_string();
        assert_eq!(error, "tensor `x`: 1 elements were given, but its shape [1, 2, 1, 3] has 6");
    }
}
