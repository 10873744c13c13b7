//! Tensors of the graph: shape, element type, quantization, and the elements of constants.

use std::sync::Arc;

/// Element type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// binary32.
    F32,
    /// int8, also for uint8 less 128.
    I8,
    /// int32.
    I32,
    /// int64: shapes and indices.
    I64,
    /// Truth values: masks.
    Bool,
}

impl Dtype {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "float",
            Dtype::I8 => "int8",
            Dtype::I32 => "int32",
            Dtype::I64 => "int64",
            Dtype::Bool => "bool",
        }
    }
}

/// Affine quantization: real = scale * (stored - zero).
#[derive(Debug, Clone, PartialEq)]
pub struct Quantization {
    /// Scales: one, or one per index of the axis.
    pub scales: Vec<f32>,
    /// Zero points, as many.
    pub zeros: Vec<i32>,
    /// Dimension along which they differ; none when there is one for all.
    pub axis: Option<usize>,
}

impl Quantization {
    /// One scale for the whole tensor.
    pub fn whole(scale: f32, zero: i32) -> Quantization {
        Quantization { scales: vec![scale], zeros: vec![zero], axis: None }
    }

    /// Scale and zero point of the whole tensor, if there is one pair.
    pub fn single(&self) -> Option<(f32, i32)> {
        match (self.axis, self.scales.as_slice(), self.zeros.as_slice()) {
            (None, &[scale], &[zero]) => Some((scale, zero)),
            _ => None,
        }
    }

    /// Scale and zero point at an index of the axis.
    pub fn at(&self, index: usize) -> (f32, i32) {
        let index = if self.axis.is_some() { index } else { 0 };
        let scale = self.scales.get(index).copied().unwrap_or(1.0);
        (scale, self.zeros.get(index).copied().unwrap_or(0))
    }
}

/// Elements of a tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Elements {
    /// binary32.
    F32(Vec<f32>),
    /// int8.
    I8(Vec<i8>),
    /// int32.
    I32(Vec<i32>),
    /// int64.
    I64(Vec<i64>),
    /// Truth values.
    Bool(Vec<bool>),
}

impl Elements {
    /// Their type.
    pub fn dtype(&self) -> Dtype {
        match self {
            Elements::F32(_) => Dtype::F32,
            Elements::I8(_) => Dtype::I8,
            Elements::I32(_) => Dtype::I32,
            Elements::I64(_) => Dtype::I64,
            Elements::Bool(_) => Dtype::Bool,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Elements::F32(v) => v.len(),
            Elements::I8(v) => v.len(),
            Elements::I32(v) => v.len(),
            Elements::I64(v) => v.len(),
            Elements::Bool(v) => v.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Integers of any type as int64.
    pub fn integers(&self) -> Option<Vec<i64>> {
        match self {
            Elements::F32(_) | Elements::Bool(_) => None,
            Elements::I8(v) => Some(v.iter().map(|&x| x.into()).collect()),
            Elements::I32(v) => Some(v.iter().map(|&x| x.into()).collect()),
            Elements::I64(v) => Some(v.clone()),
        }
    }

    /// Binary32 elements.
    pub fn floats(&self) -> Option<&[f32]> {
        match self {
            Elements::F32(v) => Some(v),
            _ => None,
        }
    }

    /// The elements at these positions; positions beyond the end give zero.
    pub fn pick(&self, positions: impl Iterator<Item = usize>) -> Elements {
        fn of<T: Copy + Default>(v: &[T], positions: impl Iterator<Item = usize>) -> Vec<T> {
            positions.map(|i| v.get(i).copied().unwrap_or_default()).collect()
        }
        match self {
            Elements::F32(v) => Elements::F32(of(v, positions)),
            Elements::I8(v) => Elements::I8(of(v, positions)),
            Elements::I32(v) => Elements::I32(of(v, positions)),
            Elements::I64(v) => Elements::I64(of(v, positions)),
            Elements::Bool(v) => Elements::Bool(of(v, positions)),
        }
    }
}

/// A tensor of the graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Name, that of the ONNX graph where it comes from there.
    pub name: String,
    /// Names of tensors of the ONNX graph that are the same.
    pub aliases: Vec<String>,
    /// Extents, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// Element type.
    pub dtype: Dtype,
    /// Whether the file has it as uint8; elements here are less by 128.
    pub unsigned: bool,
    /// How integers stand for real numbers; none for binary32, shapes, indices and masks.
    pub quant: Option<Quantization>,
    /// Elements of a constant.
    pub value: Option<Arc<Elements>>,
}

impl Tensor {
    /// A tensor that is computed.
    pub fn new(name: impl Into<String>, shape: &[usize], dtype: Dtype) -> Tensor {
        Tensor {
            name: name.into(),
            aliases: Vec::new(),
            shape: shape.to_vec(),
            dtype,
            unsigned: false,
            quant: None,
            value: None,
        }
    }

    /// A constant.
    pub fn constant(name: impl Into<String>, shape: &[usize], value: Elements) -> Tensor {
        let dtype = value.dtype();
        Tensor { value: Some(Arc::new(value)), ..Tensor::new(name, shape, dtype) }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether its elements are known.
    pub fn is_constant(&self) -> bool {
        self.value.is_some()
    }

    /// Whether int8 elements stand for real numbers.
    pub fn is_quantized(&self) -> bool {
        self.dtype == Dtype::I8 && self.quant.is_some()
    }

    /// The only element of a binary32 constant, or what all its elements are.
    pub fn uniform(&self) -> Option<f32> {
        let values = self.value.as_ref()?.floats()?;
        let &first = values.first()?;
        values.iter().all(|&v| v == first).then_some(first)
    }
}
