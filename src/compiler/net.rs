//! The network as the machine sees it: feature maps of height, width and channels, and layers that
//! each become one kernel. Constants are in the order kernels take them.

use std::fmt;

use crate::kernels::conv::{Cut, Requant, Residual};
use crate::program::NetworkView;

/// A feature map of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub usize);

/// What is known of a feature map.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// Tensors of the network with its content; it goes by the name of the first.
    pub tensors: Vec<Named>,
    /// Rows of pixels.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Value of one step.
    pub scale: f32,
    /// The number that stands for zero.
    pub zero: i32,
    /// Whether its elements are binary32, in DRAM, rather than activations.
    pub float: bool,
}

/// A tensor of the network that is a feature map.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its shape, and how it lies in the map.
    pub view: NetworkView,
    /// Whether it is uint8 there, which is 128 more than the map.
    pub unsigned: bool,
}

impl Value {
    /// Height, width and channels.
    pub fn shape(&self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }

    /// Name of its tensor.
    pub fn name(&self) -> &str {
        self.tensors.first().map_or("", |tensor| &tensor.name)
    }
}

/// A convolution, fully connected layer or product with a constant matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvLayer {
    /// Weights, `[out][in][kh][kw]`.
    pub weights: Vec<i8>,
    /// Output channels.
    pub out_channels: usize,
    /// Input channels.
    pub in_channels: usize,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Vertical and horizontal stride.
    pub strides: [usize; 2],
    /// Padding at the top, left, bottom and right.
    pub pads: [usize; 4],
    /// Vertical and horizontal dilation.
    pub dilations: [usize; 2],
    /// Zero point of the input.
    pub input_zero: i32,
    /// Bias per output channel.
    pub bias: Vec<i32>,
    /// Requantization scale per output channel.
    pub scales: Vec<f32>,
    /// Requantization of the sums.
    pub output: Requant,
    /// A second operand, added to the result.
    pub residual: Option<Residual>,
    /// Applied to the result: entry x at position x mod 256.
    pub table: Option<Box<[u8; 256]>>,
    /// How it is cut, where that is not left to the kernel.
    pub cut: Cut,
}

/// A depthwise convolution.
#[derive(Debug, Clone, PartialEq)]
pub struct DepthwiseLayer {
    /// Weights, `[channel][kh][kw]`.
    pub weights: Vec<i8>,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Vertical and horizontal stride.
    pub strides: [usize; 2],
    /// Padding at the top and at the left.
    pub pads: [usize; 2],
    /// Zero point of the input.
    pub input_zero: i32,
    /// Bias per channel.
    pub bias: Vec<i32>,
    /// Requantization scale per channel.
    pub scales: Vec<f32>,
    /// Requantization of the sums.
    pub output: Requant,
}

/// A pooling layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoolLayer {
    /// What is computed.
    pub kind: crate::kernels::vector::Pool,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Vertical and horizontal stride.
    pub strides: [usize; 2],
    /// Padding at the top and at the left.
    pub pads: [usize; 2],
}

/// What a layer computes.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// On the array; a residual is the second operand.
    Conv(Box<ConvLayer>),
    /// On the lanes.
    Depthwise(Box<DepthwiseLayer>),
    /// Pooling of windows, or of the whole picture.
    Pool(PoolLayer),
    /// Sum of two maps of the same shape.
    Add(Residual),
    /// Product of two maps; the second may be one pixel.
    Multiply(crate::kernels::maps::Product),
    /// Requantization.
    Change(crate::kernels::maps::Change),
    /// Lookup of every activation: entry x at position x mod 256.
    Lookup(Box<[u8; 256]>),
    /// Nearest-neighbour enlargement.
    Upsample([usize; 2]),
    /// Channels one after the other.
    Concat(ConcatLayer),
    /// In binary32 on rows of channels, from DRAM to DRAM.
    Rows(Box<RowsLayer>),
    /// Product of two maps.
    Product(ProductLayer),
}

/// A concatenation of channels.
#[derive(Debug, Clone, PartialEq)]
pub struct ConcatLayer {
    /// Requantization of each operand.
    pub changes: Vec<crate::kernels::maps::Change>,
    /// Whether an operand begins within a word of IBUF, so that STORE has to put them side by side.
    pub streams: bool,
}

/// What is computed of a row, in binary32. Vectors have a number for each channel.
#[derive(Debug, Clone, PartialEq)]
pub enum RowKind {
    /// `x * gamma + beta`.
    Affine {
        /// Factors.
        gamma: Vec<f32>,
        /// Summands.
        beta: Vec<f32>,
    },
    /// e^x over the sum of those of the row.
    Softmax,
    /// e^x of what x is above the largest of the row, so below 0.
    Above,
    /// Over the sum of the second operand's row. It has a row for each row and each of this many
    /// groups of channels, which lie in its rows of pixels.
    DivideBySum(usize),
    /// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`.
    LayerNorm {
        /// Added to the variance.
        epsilon: f32,
        /// Factors.
        gamma: Vec<f32>,
        /// Summands.
        beta: Vec<f32>,
    },
    /// A function with a table in [`crate::functions`].
    Function(&'static str),
    /// An operation with the second operand.
    Binary(crate::kernels::rows::Arithmetic),
    /// An operation with constants, whose rows repeat.
    Constant(crate::kernels::rows::Arithmetic, Vec<f32>),
}

/// An operator on rows.
#[derive(Debug, Clone, PartialEq)]
pub struct RowsLayer {
    /// What it computes.
    pub kind: RowKind,
    /// Factor of a quantized result, its scale not included; 1 for one of binary32.
    pub factor: f32,
    /// Limits of a quantized result.
    pub limits: [i32; 2],
}

/// How the matrices of an operand lie in its map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heads {
    /// There is one, all pixels.
    One,
    /// A group of channels each, of all pixels.
    Channels,
    /// A row of pixels each.
    Rows,
}

/// A product of two maps, or of as many pairs of matrices in them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProductLayer {
    /// How many.
    pub heads: usize,
    /// How they lie in the operands and in the result.
    pub places: [Heads; 3],
    /// Whether a pixel of the second operand is an output, rather than a step of the reduction.
    pub transposed: bool,
    /// Zero points of the operands.
    pub zeros: [i32; 2],
    /// Product of their scales over that of the result.
    pub scale: f32,
    /// Result.
    pub output: Requant,
}

impl Kind {
    /// Its name in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Conv(conv) if conv.residual.is_some() => "conv+add",
            Kind::Conv(_) => "conv",
            Kind::Depthwise(_) => "depthwise",
            Kind::Pool(pool) => match pool.kind {
                crate::kernels::vector::Pool::Max => "max_pool",
                _ => "average_pool",
            },
            Kind::Add(_) => "add",
            Kind::Multiply(_) => "mul",
            Kind::Change(_) => "requantize",
            Kind::Lookup(_) => "lookup",
            Kind::Upsample(_) => "upsample",
            Kind::Concat(_) => "concat",
            Kind::Rows(rows) => match rows.kind {
                RowKind::Affine { .. } => "affine",
                RowKind::Softmax => "softmax",
                RowKind::Above => "exp",
                RowKind::DivideBySum(_) => "div",
                RowKind::LayerNorm { .. } => "layer_norm",
                RowKind::Function(name) => name,
                RowKind::Binary(_) | RowKind::Constant(..) => "binary",
            },
            Kind::Product(_) => "product",
        }
    }

    /// Engine that computes it.
    pub fn engine(&self) -> &'static str {
        match self {
            Kind::Conv(_) | Kind::Product(_) => "gemm",
            _ => "vector",
        }
    }
}

/// A layer: one kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Name of the node that decides what it computes.
    pub name: String,
    /// Nodes whose work it does.
    pub nodes: Vec<String>,
    /// What it computes.
    pub kind: Kind,
    /// Operands.
    pub inputs: Vec<ValueId>,
    /// Result.
    pub output: ValueId,
    /// Useful multiply-accumulates.
    pub macs: u64,
}

/// The network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Net {
    /// Feature maps.
    pub values: Vec<Value>,
    /// Layers in the order of the graph.
    pub layers: Vec<Layer>,
    /// Maps that the host writes, each as the network's input.
    pub inputs: Vec<(ValueId, Named)>,
    /// Maps that the host reads, each as the network's output.
    pub outputs: Vec<(ValueId, Named)>,
}

impl Net {
    /// A feature map.
    pub fn value(&self, id: ValueId) -> &Value {
        // Identifiers come from `add`, which never removes.
        &self.values[id.0]
    }

    /// Adds a feature map.
    pub fn add(&mut self, value: Value) -> ValueId {
        self.values.push(value);
        ValueId(self.values.len() - 1)
    }

    /// The layers that read a map.
    pub fn readers(&self, id: ValueId) -> impl Iterator<Item = usize> + '_ {
        let reads = move |(at, layer): (usize, &Layer)| layer.inputs.contains(&id).then_some(at);
        self.layers.iter().enumerate().filter_map(reads)
    }

    /// Whether the host reads a map.
    pub fn is_output(&self, id: ValueId) -> bool {
        self.outputs.iter().any(|(output, _)| *output == id)
    }

    /// Whether a map has to be in DRAM: one of binary32, and one that streams from or to there.
    pub fn is_streamed(&self, id: ValueId) -> bool {
        let streams = |layer: &Layer| {
            let streamed = match &layer.kind {
                Kind::Rows(_) | Kind::Product(_) => true,
                Kind::Concat(concat) => concat.streams,
                _ => false,
            };
            streamed && (layer.output == id || layer.inputs.contains(&id))
        };
        self.value(id).float || self.layers.iter().any(streams)
    }

    /// The layer that makes a map.
    pub fn producer(&self, id: ValueId) -> Option<usize> {
        self.layers.iter().position(|layer| layer.output == id)
    }
}

/// A line per layer: what it reads and makes.
impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for layer in &self.layers {
            let operand = |value: &ValueId| {
                let [height, width, channels] = self.value(*value).shape();
                format!("{} {height}x{width}x{channels}", self.value(*value).name())
            };
            let operands: Vec<String> = layer.inputs.iter().map(operand).collect();
            let kind = layer.kind.name();
            writeln!(
                f,
                "{} = {kind}{}({}) -> {}",
                layer.name,
                details(&layer.kind),
                operands.join(", "),
                operand(&layer.output)
            )?;
        }
        Ok(())
    }
}

/// Sizes of a window, and what is fused.
fn details(kind: &Kind) -> String {
    let window = |kernel: [usize; 2], strides: [usize; 2]| {
        format!("[{}x{} / {}x{}]", kernel[0], kernel[1], strides[0], strides[1])
    };
    match kind {
        Kind::Conv(conv) => {
            let table = if conv.table.is_some() { " + lookup" } else { "" };
            format!("{}{table}", window(conv.kernel, conv.strides))
        }
        Kind::Depthwise(layer) => window(layer.kernel, layer.strides),
        Kind::Pool(pool) => window(pool.kernel, pool.strides),
        _ => String::new(),
    }
}
