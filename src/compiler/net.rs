//! The network as the machine sees it: feature maps of height, width and channels, and layers that
//! each become one kernel. Constants are in the order kernels take them.

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
    /// Channels one after the other, each operand requantized.
    Concat(Vec<crate::kernels::maps::Change>),
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
        }
    }

    /// Engine that computes it.
    pub fn engine(&self) -> &'static str {
        match self {
            Kind::Conv(_) => "gemm",
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

    /// The layer that makes a map.
    pub fn producer(&self, id: ValueId) -> Option<usize> {
        self.layers.iter().position(|layer| layer.output == id)
    }
}
