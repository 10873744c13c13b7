//! Operators with their parameters. What an operator computes is stated in `eval`; whether it
//! computes on binary32 or on activations follows from its tensors.

/// A function of one element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unary {
    /// The element itself; between activations of different quantization a requantization.
    Identity,
    /// max(x, 0).
    Relu,
    /// x where it is positive, else `slope` times it.
    Leaky {
        /// Factor of negative numbers.
        slope: f32,
    },
    /// x between the limits.
    Clip {
        /// Lower limit.
        min: f32,
        /// Upper limit.
        max: f32,
    },
    /// 1 / (1 + e^-x).
    Sigmoid,
    /// max(0, min(1, slope x + shift)).
    HardSigmoid {
        /// Factor.
        slope: f32,
        /// Summand.
        shift: f32,
    },
    /// x max(0, min(1, x / 6 + 1 / 2)).
    HardSwish,
    /// x / (1 + e^-(slope x)).
    Silu {
        /// Factor in the exponent; 1 for SiLU.
        slope: f32,
    },
    /// x (1 + erf(x / sqrt 2)) / 2.
    Gelu,
    /// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
    GeluTanh,
    /// Hyperbolic tangent.
    Tanh,
    /// Error function.
    Erf,
    /// e^x.
    Exp,
    /// Natural logarithm.
    Log,
    /// Square root.
    Sqrt,
    /// 1 / x.
    Reciprocal,
    /// -x.
    Neg,
    /// Magnitude.
    Abs,
    /// -1, 0 or 1.
    Sign,
    /// Next integer below.
    Floor,
    /// Next integer above.
    Ceil,
    /// Nearest integer, halves to even.
    Round,
    /// ln(1 + e^x).
    Softplus,
    /// x / (1 + |x|).
    Softsign,
    /// x tanh(ln(1 + e^x)).
    Mish,
    /// x where it is positive, else alpha (e^(x / beta) - 1), all times gamma: ELU, CELU, SELU.
    Elu {
        /// Height.
        alpha: f32,
        /// Width.
        beta: f32,
        /// Factor of both halves.
        gamma: f32,
    },
    /// x above the threshold, else 0.
    Threshold {
        /// The threshold.
        alpha: f32,
    },
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// Negation of truth values.
    Not,
}

/// A function of two elements; operands are broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// a + b.
    Add,
    /// a - b.
    Sub,
    /// a b.
    Mul,
    /// a / b, of integers towards zero.
    Div,
    /// a to the power of b.
    Pow,
    /// The smaller one.
    Min,
    /// The larger one.
    Max,
    /// Remainder with the sign of b, or with `fmod` of a.
    Mod {
        /// Sign of the dividend.
        fmod: bool,
    },
    /// a if it is positive, else a b.
    Prelu,
    /// Whether equal.
    Equal,
    /// Whether a < b.
    Less,
    /// Whether a <= b.
    LessEqual,
    /// Whether a > b.
    Greater,
    /// Whether a >= b.
    GreaterEqual,
    /// Both.
    And,
    /// One or both.
    Or,
    /// One of two.
    Xor,
}

/// Where a window lies: kernel, strides, padding, dilation in one to three spatial dimensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Extents of the kernel.
    pub kernel: Vec<usize>,
    /// Distances between windows.
    pub strides: Vec<usize>,
    /// Padding before the first element, per dimension.
    pub before: Vec<usize>,
    /// Padding behind the last one.
    pub after: Vec<usize>,
    /// Distances between the elements of a window.
    pub dilations: Vec<usize>,
}

/// What a pooling computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolKind {
    /// Largest element.
    Max,
    /// Mean of the elements in the picture.
    Average,
    /// Mean with padding counted as zeros.
    AveragePadded,
}

/// What a reduction computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReduceKind {
    /// Sum over count.
    Mean,
    /// Sum.
    Sum,
    /// Largest.
    Max,
    /// Smallest.
    Min,
    /// Product.
    Product,
    /// Sum of squares.
    SumSquare,
    /// Sum of magnitudes.
    SumAbs,
}

/// What is put around a tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Padding {
    /// A number; of activations, the real number it stands for.
    Constant(f32),
    /// The last element.
    Edge,
    /// The elements before the last one, mirrored.
    Reflect,
    /// The elements of the other end.
    Wrap,
}

/// An operator with its parameters; inputs are listed in the order of the node.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Convolution of `x` `[N][C][..]` with `w` `[M][C/groups][..]` and a bias `[M]` that may be
    /// left out.
    Conv {
        /// The window.
        window: Window,
        /// Groups of channels.
        groups: usize,
    },
    /// Transposed convolution of `x` `[N][C][..]` with `w` `[C][M/groups][..]` and a bias.
    ConvTranspose {
        /// The window; padding is cut from the result.
        window: Window,
        /// Groups of channels.
        groups: usize,
        /// Elements added at the end of each dimension.
        extra: Vec<usize>,
    },
    /// Product of matrices in the last two dimensions, others broadcast, and a bias that may be
    /// left out, broadcast to the result.
    MatMul {
        /// The last two dimensions of the first operand change places.
        transpose_a: bool,
        /// The last two dimensions of the second operand change places.
        transpose_b: bool,
    },
    /// A function of one element.
    Unary(Unary),
    /// A function of two elements.
    Binary(Binary),
    /// Elements of the second operand where the first is true, else of the third.
    Where,
    /// Pooling of `[N][C][..]`.
    Pool {
        /// What is computed.
        kind: PoolKind,
        /// The window.
        window: Window,
        /// The last window may begin in the picture and end behind the padding.
        ceil: bool,
    },
    /// Reduction over dimensions.
    Reduce {
        /// What is computed.
        kind: ReduceKind,
        /// The dimensions, ascending.
        axes: Vec<usize>,
        /// Whether they stay with extent 1.
        keep: bool,
    },
    /// e^x over its sum along a dimension.
    Softmax {
        /// The dimension.
        axis: usize,
        /// The logarithm of that.
        log: bool,
    },
    /// (x - mean) / sqrt(variance + epsilon) times a scale plus a bias that may be left out, over
    /// the last dimensions.
    LayerNorm {
        /// First dimension of those normalised.
        axis: usize,
        /// Added to the variance.
        epsilon: f32,
    },
    /// x / sqrt(mean of squares + epsilon) times a scale.
    RmsNorm {
        /// First dimension of those normalised.
        axis: usize,
        /// Added to the mean of squares.
        epsilon: f32,
    },
    /// Per channel (x - mean) / sqrt(variance + epsilon) * scale + bias; operands in the order of
    /// ONNX: scale, bias, mean, variance.
    BatchNorm {
        /// Added to the variance.
        epsilon: f32,
    },
    /// Layer norm of each channel (or group of them) of each picture, scale and bias per channel.
    GroupNorm {
        /// Groups of channels.
        groups: usize,
        /// Added to the variance.
        epsilon: f32,
    },
    /// Joined along a dimension.
    Concat {
        /// The dimension.
        axis: usize,
    },
    /// Elements `start`, `start + step`, ... of each dimension, as many as the output has.
    Slice {
        /// First ones.
        starts: Vec<usize>,
        /// Distances, which may be negative.
        steps: Vec<isize>,
    },
    /// Dimensions in another order: dimension i of the result is `order[i]` of the operand.
    Transpose {
        /// The order.
        order: Vec<usize>,
    },
    /// The same elements in another shape: a view.
    Reshape,
    /// Repeated where an extent is 1.
    Expand,
    /// Nearest-neighbour enlargement by whole factors.
    Upsample {
        /// Factor of each dimension.
        factors: Vec<usize>,
    },
    /// Elements around it.
    Pad {
        /// Before each dimension.
        before: Vec<usize>,
        /// Behind each dimension.
        after: Vec<usize>,
        /// What.
        padding: Padding,
    },
    /// Parts of the first operand along a dimension, by the indices in the second.
    Gather {
        /// The dimension.
        axis: usize,
    },
    /// Another element type.
    Cast,
    /// binary32 to activations.
    Quantize,
    /// Activations (or a bias) to binary32.
    Dequantize,
}

impl Op {
    /// Its name, as tables and dumps print it.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Conv { .. } => "conv",
            Op::ConvTranspose { .. } => "conv_transpose",
            Op::MatMul { .. } => "matmul",
            Op::Unary(unary) => unary.name(),
            Op::Binary(binary) => binary.name(),
            Op::Where => "where",
            Op::Pool { kind: PoolKind::Max, .. } => "max_pool",
            Op::Pool { .. } => "average_pool",
            Op::Reduce { kind, .. } => match kind {
                ReduceKind::Mean => "reduce_mean",
                ReduceKind::Sum => "reduce_sum",
                ReduceKind::Max => "reduce_max",
                ReduceKind::Min => "reduce_min",
                ReduceKind::Product => "reduce_product",
                ReduceKind::SumSquare => "reduce_sum_square",
                ReduceKind::SumAbs => "reduce_sum_abs",
            },
            Op::Softmax { log: false, .. } => "softmax",
            Op::Softmax { .. } => "log_softmax",
            Op::LayerNorm { .. } => "layer_norm",
            Op::RmsNorm { .. } => "rms_norm",
            Op::BatchNorm { .. } => "batch_norm",
            Op::GroupNorm { .. } => "group_norm",
            Op::Concat { .. } => "concat",
            Op::Slice { .. } => "slice",
            Op::Transpose { .. } => "transpose",
            Op::Reshape => "reshape",
            Op::Expand => "expand",
            Op::Upsample { .. } => "upsample",
            Op::Pad { .. } => "pad",
            Op::Gather { .. } => "gather",
            Op::Cast => "cast",
            Op::Quantize => "quantize",
            Op::Dequantize => "dequantize",
        }
    }

    /// Whether elements only move: the result holds elements of the first operand, and nothing
    /// else.
    pub fn only_moves(&self) -> bool {
        matches!(
            self,
            Op::Slice { .. }
                | Op::Transpose { .. }
                | Op::Reshape
                | Op::Expand
                | Op::Upsample { .. }
                | Op::Gather { .. }
        )
    }

    /// Parameters, as dumps print them; empty where there are none.
    pub fn parameters(&self) -> String {
        let list = |v: &[usize]| v.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
        let window = |w: &Window| {
            let mut text = list(&w.kernel);
            if w.strides.iter().any(|&s| s != 1) {
                text += &format!(" /{}", list(&w.strides));
            }
            if w.before.iter().chain(&w.after).any(|&p| p != 0) {
                text += &format!(" pad {}..{}", list(&w.before), list(&w.after));
            }
            if w.dilations.iter().any(|&d| d != 1) {
                text += &format!(" dilation {}", list(&w.dilations));
            }
            text
        };
        let grouped = |text: String, groups: usize| {
            if groups == 1 { text } else { format!("{text} groups {groups}") }
        };
        match self {
            Op::Conv { window: w, groups } => grouped(window(w), *groups),
            Op::ConvTranspose { window: w, groups, .. } => grouped(window(w), *groups),
            Op::MatMul { transpose_a, transpose_b } => {
                let side = |name: &str, turned: bool| match turned {
                    true => format!("{name}^T"),
                    false => name.to_owned(),
                };
                format!("{} {}", side("A", *transpose_a), side("B", *transpose_b))
            }
            Op::Unary(unary) => unary.parameters(),
            Op::Pool { kind, window: w, ceil } => {
                let mut text = window(w);
                if *kind == PoolKind::AveragePadded {
                    text += " counting padding";
                }
                if *ceil {
                    text += " ceil";
                }
                text
            }
            Op::Reduce { axes, .. } => format!("axes {axes:?}"),
            Op::Softmax { axis, .. } | Op::Concat { axis } | Op::Gather { axis } => {
                format!("axis {axis}")
            }
            Op::LayerNorm { axis, epsilon } | Op::RmsNorm { axis, epsilon } => {
                format!("axis {axis}, epsilon {epsilon:e}")
            }
            Op::BatchNorm { epsilon } => format!("epsilon {epsilon:e}"),
            Op::GroupNorm { groups, epsilon } => format!("groups {groups}, epsilon {epsilon:e}"),
            Op::Slice { starts, steps } => format!("from {starts:?} step {steps:?}"),
            Op::Transpose { order } => format!("{order:?}"),
            Op::Upsample { factors } => list(factors),
            Op::Pad { before, after, .. } => format!("{before:?}..{after:?}"),
            Op::Binary(_)
            | Op::Where
            | Op::Reshape
            | Op::Expand
            | Op::Cast
            | Op::Quantize
            | Op::Dequantize => String::new(),
        }
    }
}

impl Unary {
    fn name(self) -> &'static str {
        match self {
            Unary::Identity => "identity",
            Unary::Relu => "relu",
            Unary::Leaky { .. } => "leaky_relu",
            Unary::Clip { .. } => "clip",
            Unary::Sigmoid => "sigmoid",
            Unary::HardSigmoid { .. } => "hard_sigmoid",
            Unary::HardSwish => "hard_swish",
            Unary::Silu { .. } => "silu",
            Unary::Gelu => "gelu",
            Unary::GeluTanh => "gelu_tanh",
            Unary::Tanh => "tanh",
            Unary::Erf => "erf",
            Unary::Exp => "exp",
            Unary::Log => "log",
            Unary::Sqrt => "sqrt",
            Unary::Reciprocal => "reciprocal",
            Unary::Neg => "neg",
            Unary::Abs => "abs",
            Unary::Sign => "sign",
            Unary::Floor => "floor",
            Unary::Ceil => "ceil",
            Unary::Round => "round",
            Unary::Softplus => "softplus",
            Unary::Softsign => "softsign",
            Unary::Mish => "mish",
            Unary::Elu { .. } => "elu",
            Unary::Threshold { .. } => "threshold",
            Unary::Sin => "sin",
            Unary::Cos => "cos",
            Unary::Not => "not",
        }
    }

    fn parameters(self) -> String {
        match self {
            Unary::Leaky { slope } => format!("slope {slope}"),
            Unary::Clip { min, max } => format!("[{min}, {max}]"),
            Unary::HardSigmoid { slope, shift } => format!("slope {slope}, shift {shift}"),
            Unary::Silu { slope } if slope != 1.0 => format!("slope {slope}"),
            Unary::Elu { alpha, beta, gamma } => format!("{alpha}, {beta}, {gamma}"),
            Unary::Threshold { alpha } => format!("{alpha}"),
            _ => String::new(),
        }
    }
}

impl Binary {
    fn name(self) -> &'static str {
        match self {
            Binary::Add => "add",
            Binary::Sub => "sub",
            Binary::Mul => "mul",
            Binary::Div => "div",
            Binary::Pow => "pow",
            Binary::Min => "min",
            Binary::Max => "max",
            Binary::Mod { .. } => "mod",
            Binary::Prelu => "prelu",
            Binary::Equal => "equal",
            Binary::Less => "less",
            Binary::LessEqual => "less_equal",
            Binary::Greater => "greater",
            Binary::GreaterEqual => "greater_equal",
            Binary::And => "and",
            Binary::Or => "or",
            Binary::Xor => "xor",
        }
    }

    /// Whether the result is a truth value.
    pub fn is_test(self) -> bool {
        use Binary::{And, Equal, Greater, GreaterEqual, Less, LessEqual, Or, Xor};
        matches!(self, Equal | Less | LessEqual | Greater | GreaterEqual | And | Or | Xor)
    }
}

impl Window {
    /// Number of windows in a dimension of this extent, none where no window fits.
    pub fn outputs(&self, dimension: usize, extent: usize, ceil: bool) -> Option<usize> {
        let at = |v: &[usize], default| v.get(dimension).copied().unwrap_or(default);
        let (kernel, stride) = (at(&self.kernel, 1), at(&self.strides, 1));
        let (before, after) = (at(&self.before, 0), at(&self.after, 0));
        let reach = kernel.checked_sub(1)?.checked_mul(at(&self.dilations, 1))?.checked_add(1)?;
        let padded = extent.checked_add(before)?.checked_add(after)?;
        let room = padded.checked_sub(reach)?;
        if !ceil {
            return Some(room / stride.max(1) + 1);
        }
        let count = room.div_ceil(stride.max(1)) + 1;
        // A window that would begin in the padding at the end is none.
        let begins = (count - 1).checked_mul(stride)?;
        Some(if begins >= extent.checked_add(before)? { count - 1 } else { count })
    }

    /// Elements of a window.
    pub fn size(&self) -> usize {
        self.kernel.iter().product()
    }
}
