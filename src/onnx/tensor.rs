//! Constant tensors of a file, with every inconsistency reported.

use super::{OnnxError, proto};

/// Elements of a constant tensor.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// binary32 (ONNX type 1); binary16 and bfloat16 (types 10, 16), which it holds exactly.
    F32(Vec<f32>),
    /// binary64 (type 11).
    F64(Vec<f64>),
    /// Unsigned bytes (type 2).
    U8(Vec<u8>),
    /// Signed bytes (type 3).
    I8(Vec<i8>),
    /// 32-bit integers (type 6).
    I32(Vec<i32>),
    /// 64-bit integers (type 7).
    I64(Vec<i64>),
    /// Truth values (type 9).
    Bool(Vec<bool>),
}

impl Data {
    /// Number of the type in ONNX, the first where several are held alike.
    pub fn kind(&self) -> i32 {
        match self {
            Data::F32(_) => 1,
            Data::U8(_) => 2,
            Data::I8(_) => 3,
            Data::I32(_) => 6,
            Data::I64(_) => 7,
            Data::Bool(_) => 9,
            Data::F64(_) => 11,
        }
    }
}

/// The name of an element type's number.
pub fn type_name(kind: i32) -> &'static str {
    match kind {
        0 => "undefined",
        1 => "float",
        2 => "uint8",
        3 => "int8",
        4 => "uint16",
        5 => "int16",
        6 => "int32",
        7 => "int64",
        8 => "string",
        9 => "bool",
        10 => "float16",
        11 => "double",
        12 => "uint32",
        13 => "uint64",
        14 => "complex64",
        15 => "complex128",
        16 => "bfloat16",
        17..=20 => "float8",
        21 => "uint4",
        22 => "int4",
        23 => "float4",
        _ => "unknown",
    }
}

/// A constant tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Name in the graph.
    pub name: String,
    /// Extents, outermost first; empty for a scalar.
    pub dims: Vec<usize>,
    /// Elements.
    pub data: Data,
}

impl Tensor {
    /// Reads a tensor of a file.
    pub fn from_proto(tensor: &proto::TensorProto) -> Result<Tensor, OnnxError> {
        let name = tensor.name.clone();
        if tensor.data_location == 1 {
            return Err(OnnxError::External(name));
        }
        let dims: Vec<usize> = tensor
            .dims
            .iter()
            .map(|&extent| usize::try_from(extent))
            .collect::<Result<_, _>>()
            .map_err(|_| OnnxError::Malformed(format!("tensor `{name}` has a negative extent")))?;
        let count = dims
            .iter()
            .try_fold(1_usize, |product, &extent| product.checked_mul(extent))
            .ok_or_else(|| OnnxError::Malformed(format!("tensor `{name}` is too large")))?;
        let reader = Reader { tensor, count };
        let data = match tensor.data_type {
            1 => Data::F32(reader.read(&tensor.float_data, |&v| v, f32::from_le_bytes)?),
            2 => Data::U8(reader.read(&tensor.int32_data, |v| v.to_le_bytes()[0], |[b]| b)?),
            3 => Data::I8(reader.read(
                &tensor.int32_data,
                |v| v.to_le_bytes()[0].cast_signed(),
                i8::from_le_bytes,
            )?),
            6 => Data::I32(reader.read(&tensor.int32_data, |&v| v, i32::from_le_bytes)?),
            7 => Data::I64(reader.read(&tensor.int64_data, |&v| v, i64::from_le_bytes)?),
            9 => Data::Bool(reader.read(&tensor.int32_data, |&v| v != 0, |[b]| b != 0)?),
            10 => Data::F32(reader.read(
                &tensor.int32_data,
                |v| half(low16(*v)),
                |b| half(u16::from_le_bytes(b)),
            )?),
            11 => Data::F64(reader.read(&tensor.double_data, |&v| v, f64::from_le_bytes)?),
            16 => Data::F32(reader.read(
                &tensor.int32_data,
                |v| brain(low16(*v)),
                |b| brain(u16::from_le_bytes(b)),
            )?),
            found => {
                return Err(OnnxError::ElementType {
                    tensor: name,
                    found,
                    expected: "float, float16, bfloat16, double, int8, uint8, int32, int64 or bool",
                });
            }
        };
        Ok(Tensor { name, dims, data })
    }
}

struct Reader<'t> {
    tensor: &'t proto::TensorProto,
    count: usize,
}

impl Reader<'_> {
    fn size_error(&self, found: usize, width: usize) -> OnnxError {
        OnnxError::Size {
            tensor: self.tensor.name.clone(),
            dims: self.tensor.dims.clone(),
            found,
            expected: self.count.saturating_mul(width),
        }
    }

    /// Elements from the typed field, or from the raw bytes where there are any.
    fn read<F, T, const N: usize>(
        &self,
        typed: &[F],
        from: impl Fn(&F) -> T,
        le: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, OnnxError> {
        let raw = &self.tensor.raw_data;
        if raw.is_empty() {
            if typed.len() != self.count {
                return Err(self.size_error(typed.len().saturating_mul(N), N));
            }
            return Ok(typed.iter().map(from).collect());
        }
        if raw.len() != self.count.saturating_mul(N) {
            return Err(self.size_error(raw.len(), N));
        }
        let (chunks, _) = raw.as_chunks::<N>();
        Ok(chunks.iter().map(|&chunk| le(chunk)).collect())
    }
}

fn low16(value: i32) -> u16 {
    let [a, b, _, _] = value.to_le_bytes();
    u16::from_le_bytes([a, b])
}

/// bfloat16: the upper half of a binary32.
fn brain(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// binary16.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10) & 31;
    let fraction = u32::from(bits) & 1023;
    let magnitude = match exponent {
        // Subnormal: steps of 2^-24.
        0 => (fraction as f32 * 2.0_f32.powi(-24)).to_bits(),
        31 => 0x7f80_0000 | (fraction << 13),
        _ => ((exponent + 112) << 23) | (fraction << 13),
    };
    f32::from_bits(sign | magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_read_from_both_fields() {
        let read = |data_type: i32, raw: &[u8], ints: &[i32]| {
            let tensor = proto::TensorProto {
                data_type,
                dims: vec![1],
                raw_data: raw.to_vec(),
                int32_data: ints.to_vec(),
                ..Default::default()
            };
            Tensor::from_proto(&tensor).map(|tensor| tensor.data)
        };
        let cases: [(i32, &[u8], i32, Data); 9] = [
            (2, &[200], 200, Data::U8(vec![200])),
            (3, &[200], -56, Data::I8(vec![-56])),
            (6, &[1, 0, 0, 128], -0x7fff_ffff, Data::I32(vec![-0x7fff_ffff])),
            (9, &[1], 1, Data::Bool(vec![true])),
            (10, &[0, 0x3c], 0x3c00, Data::F32(vec![1.0])),
            (10, &[0xff, 0x7b], 0x7bff, Data::F32(vec![65504.0])),
            (10, &[1, 0x80], 0x8001, Data::F32(vec![-(2.0_f32.powi(-24))])),
            (10, &[0, 0xfc], 0xfc00, Data::F32(vec![f32::NEG_INFINITY])),
            (16, &[0x80, 0xbf], 0xbf80, Data::F32(vec![-1.0])),
        ];
        for (kind, raw, int, expected) in cases {
            assert_eq!(read(kind, raw, &[]).unwrap(), expected, "{kind} raw");
            assert_eq!(read(kind, &[], &[int]).unwrap(), expected, "{kind} typed");
        }
        let double = read(11, &1.5_f64.to_le_bytes(), &[]).unwrap();
        assert_eq!(double, Data::F64(vec![1.5]));
        for kind in [8, 14, 15, 21, 22, 99] {
            let message = read(kind, &[0], &[]).unwrap_err().to_string();
            assert!(message.contains(type_name(kind)), "{message}");
        }
    }
}
