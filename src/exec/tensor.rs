//! Tensors at the border of a program: from values in the order of the shape to bytes of a region
//! and back.

use super::{ExecError, Executor};
use crate::program::{Dtype, Layout, Tensor};

/// Values of a tensor in the order of its shape, the last dimension fastest.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Integers, for every type but [`Dtype::Float32`].
    Int(Vec<i64>),
    /// Real numbers, for [`Dtype::Float32`].
    Float(Vec<f32>),
}

impl Values {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Values::Int(values) => values.len(),
            Values::Float(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Writes values into the region of the tensor.
pub fn write(
    executor: &mut dyn Executor,
    tensor: &Tensor,
    values: &Values,
) -> Result<(), ExecError> {
    executor.write(tensor.region, tensor.offset, &to_bytes(tensor, values)?)
}

/// Reads the values of a tensor from its region.
pub fn read(executor: &dyn Executor, tensor: &Tensor) -> Result<Values, ExecError> {
    let length = Place::new(tensor)?.bytes();
    from_bytes(tensor, &executor.read(tensor.region, tensor.offset, length)?)
}

/// Bytes a tensor occupies, its padding included.
pub fn size(tensor: &Tensor) -> Result<u64, ExecError> {
    Ok(Place::new(tensor)?.bytes())
}

/// The bytes of a tensor; positions no element has are zero.
pub fn to_bytes(tensor: &Tensor, values: &Values) -> Result<Vec<u8>, ExecError> {
    let place = Place::new(tensor)?;
    if values.len() as u64 != place.elements {
        return Err(ExecError::Elements {
            name: tensor.name.clone(),
            found: values.len(),
            shape: tensor.shape.clone(),
            expected: place.elements,
        });
    }
    let mut bytes = vec![0_u8; index(place.bytes())];
    match (values, tensor.dtype) {
        (Values::Float(values), Dtype::Float32) => {
            for (i, value) in (0..).zip(values) {
                put(&mut bytes, place.of(i), &value.to_le_bytes());
            }
        }
        (Values::Int(values), dtype) if dtype != Dtype::Float32 => {
            let (min, max) = range(dtype);
            for (i, &value) in (0..).zip(values) {
                if !(min..=max).contains(&value) {
                    return Err(ExecError::Value {
                        name: tensor.name.clone(),
                        index: index(i),
                        value,
                        dtype: dtype_name(dtype),
                        min,
                        max,
                    });
                }
                let le = value.to_le_bytes();
                match dtype {
                    Dtype::Int4 => {
                        let at = place.of(i);
                        if let Some(byte) = bytes.get_mut(index(at / 2)) {
                            *byte |= (le[0] & 15) << (4 * (at % 2));
                        }
                    }
                    Dtype::Uint8 => put(&mut bytes, place.of(i), &[le[0] ^ 0x80]),
                    Dtype::Int8 => put(&mut bytes, place.of(i), &le[..1]),
                    Dtype::Int16 => put(&mut bytes, place.of(i), &le[..2]),
                    Dtype::Int32 | Dtype::Float32 => put(&mut bytes, place.of(i), &le[..4]),
                }
            }
        }
        _ => {
            return Err(problem(
                tensor,
                format!("its elements are {}, other values were given", dtype_name(tensor.dtype)),
            ));
        }
    }
    Ok(bytes)
}

/// The values in a tensor's bytes.
pub fn from_bytes(tensor: &Tensor, bytes: &[u8]) -> Result<Values, ExecError> {
    let place = Place::new(tensor)?;
    if (bytes.len() as u64) < place.bytes() {
        let found = bytes.len();
        return Err(problem(tensor, format!("it has {} bytes, {found} were given", place.bytes())));
    }
    let take = |i: u64, width: usize| {
        let mut le = [0_u8; 8];
        let start = index(place.of(i)) * width;
        for (to, from) in le.iter_mut().zip(bytes.iter().skip(start).take(width)) {
            *to = *from;
        }
        i64::from_le_bytes(le)
    };
    let signed = |value: i64, bits: u32| (value << (64 - bits)) >> (64 - bits);
    let all = 0..place.elements;
    Ok(match tensor.dtype {
        Dtype::Float32 => Values::Float(
            all.map(|i| {
                let [a, b, c, d, ..] = take(i, 4).to_le_bytes();
                f32::from_le_bytes([a, b, c, d])
            })
            .collect(),
        ),
        Dtype::Int4 => Values::Int(
            all.map(|i| {
                let at = place.of(i);
                let byte = bytes.get(index(at / 2)).copied().unwrap_or(0);
                signed(i64::from(byte >> (4 * (at % 2))), 4)
            })
            .collect(),
        ),
        Dtype::Int8 => Values::Int(all.map(|i| signed(take(i, 1), 8)).collect()),
        Dtype::Uint8 => Values::Int(all.map(|i| take(i, 1) ^ 0x80).collect()),
        Dtype::Int16 => Values::Int(all.map(|i| signed(take(i, 2), 16)).collect()),
        Dtype::Int32 => Values::Int(all.map(|i| signed(take(i, 4), 32)).collect()),
    })
}

/// Where the elements of a tensor lie.
struct Place {
    elements: u64,
    bits: u64,
    /// Batch, height, width, channels and block of a blocked tensor.
    blocked: Option<[u64; 5]>,
}

impl Place {
    fn new(tensor: &Tensor) -> Result<Place, ExecError> {
        let elements = tensor
            .shape
            .iter()
            .try_fold(1_u64, |product, &extent| product.checked_mul(extent))
            .filter(|&count| count < 1 << 40)
            .ok_or_else(|| problem(tensor, format!("shape {:?} is too large", tensor.shape)))?;
        let blocked = match (tensor.layout, tensor.shape.as_slice()) {
            (Layout::Blocked(0), _) => {
                return Err(problem(tensor, "a block has no channels".to_owned()));
            }
            (Layout::Blocked(block), &[n, h, w, c]) => Some([n, h, w, c, u64::from(block)]),
            (Layout::Blocked(_), shape) => {
                let found = shape.len();
                return Err(problem(
                    tensor,
                    format!("a blocked tensor has 4 dimensions (N, H, W, C), not {found}"),
                ));
            }
            _ => None,
        };
        Ok(Place { elements, bits: u64::from(tensor.dtype.bits()), blocked })
    }

    fn bytes(&self) -> u64 {
        let stored = match self.blocked {
            Some([n, h, w, c, block]) => n * h * w * c.next_multiple_of(block),
            None => self.elements,
        };
        (stored * self.bits).div_ceil(8)
    }

    /// Position in memory, in elements, of the element with this position in the shape's order.
    fn of(&self, i: u64) -> u64 {
        let Some([_, height, width, channels, block]) = self.blocked else {
            return i;
        };
        let (pixel, c) = (i / channels, i % channels);
        let (n, yx) = (pixel / (height * width), pixel % (height * width));
        let blocks = channels.div_ceil(block);
        ((n * blocks + c / block) * height * width + yx) * block + c % block
    }
}

fn put(bytes: &mut [u8], element: u64, value: &[u8]) {
    let start = index(element) * value.len();
    for (to, from) in bytes.iter_mut().skip(start).zip(value) {
        *to = *from;
    }
}

/// Tensors are below 2^40 bytes, and memory is addressed with 64 bits where they are that large.
fn index(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn range(dtype: Dtype) -> (i64, i64) {
    if dtype == Dtype::Uint8 {
        return (0, 255);
    }
    let half = 1_i64 << (dtype.bits() - 1);
    (-half, half - 1)
}

/// Name of a type in messages.
pub fn dtype_name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::Int4 => "int4",
        Dtype::Int8 => "int8",
        Dtype::Uint8 => "uint8",
        Dtype::Int16 => "int16",
        Dtype::Int32 => "int32",
        Dtype::Float32 => "float32",
    }
}

fn problem(tensor: &Tensor, problem: String) -> ExecError {
    ExecError::Tensor { name: tensor.name.clone(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(shape: &[u64], layout: Layout, dtype: Dtype) -> Tensor {
        Tensor {
            name: "t".into(),
            region: 0,
            offset: 0,
            shape: shape.to_vec(),
            layout,
            dtype,
            scale: 1.0,
            zero: 0,
            network: None,
        }
    }

    #[test]
    fn blocked_tensors_are_stored_block_by_block() {
        let t = tensor(&[1, 1, 2, 3], Layout::Blocked(2), Dtype::Int8);
        let values = Values::Int(vec![1, 2, 3, 4, 5, 6]);
        let bytes = to_bytes(&t, &values).unwrap();
        assert_eq!(bytes, [1, 2, 4, 5, 3, 0, 6, 0]);
        assert_eq!(from_bytes(&t, &bytes).unwrap(), values);
    }

    #[test]
    fn every_type_comes_back() {
        for (dtype, values) in [
            (Dtype::Int4, vec![-8, 7, 0, -1, 3]),
            (Dtype::Int8, vec![-128, 127, 0, -1, 3]),
            (Dtype::Uint8, vec![0, 255, 128, 127, 3]),
            (Dtype::Int16, vec![-32768, 32767, 0, -1, 3]),
            (Dtype::Int32, vec![i64::from(i32::MIN), i64::from(i32::MAX), 0, -1, 3]),
        ] {
            let t = tensor(&[5], Layout::Dense, dtype);
            let values = Values::Int(values);
            let bytes = to_bytes(&t, &values).unwrap();
            assert_eq!(bytes.len() as u64, size(&t).unwrap());
            assert_eq!(from_bytes(&t, &bytes).unwrap(), values, "{dtype:?}");
        }
        let t = tensor(&[2], Layout::Dense, Dtype::Float32);
        let values = Values::Float(vec![1.5, -0.0]);
        assert_eq!(from_bytes(&t, &to_bytes(&t, &values).unwrap()).unwrap(), values);
    }

    #[test]
    fn uint8_is_shifted_by_128_inside() {
        let t = tensor(&[2], Layout::Dense, Dtype::Uint8);
        assert_eq!(to_bytes(&t, &Values::Int(vec![128, 0])).unwrap(), [0, 0x80]);
    }

    #[test]
    fn mistakes_are_named() {
        let t = tensor(&[2], Layout::Dense, Dtype::Int8);
        let told = |values: Vec<i64>| to_bytes(&t, &Values::Int(values)).unwrap_err().to_string();
        assert_eq!(told(vec![0]), "tensor `t`: 1 elements were given, but its shape [2] has 2");
        assert_eq!(
            told(vec![0, 200]),
            "tensor `t`: element 1 is 200, but type int8 holds -128 to 127"
        );
        let flat = tensor(&[6], Layout::Blocked(2), Dtype::Int8);
        assert_eq!(
            size(&flat).unwrap_err().to_string(),
            "tensor `t`: a blocked tensor has 4 dimensions (N, H, W, C), not 1"
        );
    }
}
