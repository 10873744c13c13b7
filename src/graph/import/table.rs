//! Every ONNX operator that is taken, with the function that takes it.

use super::context::{Context, Made};
use super::math::Around;
use super::{math, movement, nn, quant, resize};
use crate::graph::op::{Binary, ReduceKind, Unary};

/// How an operator of ONNX is taken.
pub struct Operator {
    name: &'static str,
    domain: &'static str,
    /// What it becomes.
    becomes: &'static str,
    /// What of it is taken.
    limits: &'static str,
    /// Adds it to the graph.
    pub import: fn(&mut Context) -> Made,
}

/// onnxruntime's own operators.
const RUNTIME: &str = "com.microsoft";

const fn operator(
    name: &'static str,
    import: fn(&mut Context) -> Made,
    becomes: &'static str,
    limits: &'static str,
) -> Operator {
    Operator { name, domain: "", becomes, limits, import }
}

const fn runtime(
    name: &'static str,
    import: fn(&mut Context) -> Made,
    becomes: &'static str,
    limits: &'static str,
) -> Operator {
    Operator { name, domain: RUNTIME, becomes, limits, import }
}

/// All of them, in alphabetical order in each domain.
const ALL: &[Operator] = &[
    operator("Abs", |c| c.unary(Unary::Abs), "abs", ""),
    operator("Add", |c| math::binary(c, Binary::Add), "add", ""),
    operator("And", |c| math::binary(c, Binary::And), "and", ""),
    operator("AveragePool", |c| nn::pool(c, false), "average_pool", "1 to 3 dimensions"),
    operator(
        "BatchNormalization",
        nn::batch_norm,
        "batch_norm",
        "folded into a convolution before it",
    ),
    operator(
        "Cast",
        math::cast,
        "cast",
        "between float, int32, int64 and bool; from int8 and uint8 to float",
    ),
    operator("CastLike", math::cast_like, "cast", "as Cast"),
    operator("Ceil", |c| c.unary(Unary::Ceil), "ceil", ""),
    operator("Celu", math::celu, "elu", ""),
    operator("Clip", math::clip, "clip", ""),
    operator("Concat", movement::concat, "concat", ""),
    operator("Constant", movement::constant, "a constant", "dense numbers"),
    operator("ConstantOfShape", movement::constant_of_shape, "a constant", "shape constant"),
    operator(
        "Conv",
        nn::conv,
        "conv",
        "1 to 3 dimensions, groups, any strides, padding, dilations",
    ),
    operator("ConvInteger", |c| quant::integer(c, true), "conv", "zero points constant"),
    operator(
        "ConvTranspose",
        nn::conv_transpose,
        "conv_transpose",
        "without `auto_pad` and `output_shape`",
    ),
    operator("Cos", |c| c.unary(Unary::Cos), "cos", ""),
    operator("DepthToSpace", |c| movement::blocks(c, true), "reshape, transpose", ""),
    operator(
        "DequantizeLinear",
        quant::dequantize,
        "dequantize",
        "of 8-bit values, or int32; per tensor or axis",
    ),
    operator("Div", |c| math::binary(c, Binary::Div), "div", ""),
    operator("Dropout", math::dropout, "nothing", "in inference"),
    operator("Elu", math::elu, "elu", ""),
    operator("Equal", |c| math::binary(c, Binary::Equal), "equal", ""),
    operator("Erf", |c| c.unary(Unary::Erf), "erf", ""),
    operator("Exp", |c| c.unary(Unary::Exp), "exp", ""),
    operator("Expand", movement::expand, "expand", "shape constant"),
    operator("Flatten", movement::flatten, "reshape", ""),
    operator("Floor", |c| c.unary(Unary::Floor), "floor", ""),
    operator("Gather", movement::gather, "gather", ""),
    operator("Gelu", math::gelu, "gelu or gelu_tanh", ""),
    operator("Gemm", nn::gemm, "matmul", ""),
    operator("GlobalAveragePool", |c| nn::global_pool(c, ReduceKind::Mean), "reduce_mean", ""),
    operator("GlobalMaxPool", |c| nn::global_pool(c, ReduceKind::Max), "reduce_max", ""),
    operator("Greater", |c| math::binary(c, Binary::Greater), "greater", ""),
    operator("GreaterOrEqual", |c| math::binary(c, Binary::GreaterEqual), "greater_equal", ""),
    operator("GroupNormalization", |c| nn::group_norm(c, false), "group_norm", ""),
    operator("HardSigmoid", math::hard_sigmoid, "hard_sigmoid", ""),
    operator("HardSwish", |c| c.unary(Unary::HardSwish), "hard_swish", ""),
    operator("Identity", math::identity, "nothing", ""),
    operator("InstanceNormalization", |c| nn::group_norm(c, true), "group_norm", ""),
    operator("LayerNormalization", |c| nn::layer_norm(c, false), "layer_norm", "one output"),
    operator("LeakyRelu", math::leaky, "leaky_relu", ""),
    operator("Less", |c| math::binary(c, Binary::Less), "less", ""),
    operator("LessOrEqual", |c| math::binary(c, Binary::LessEqual), "less_equal", ""),
    operator("Log", |c| c.unary(Unary::Log), "log", ""),
    operator("LogSoftmax", |c| nn::softmax(c, true), "log_softmax", ""),
    operator("MatMul", nn::matmul, "matmul", "of weights or of two activations"),
    operator(
        "MatMulInteger",
        |c| quant::integer(c, false),
        "matmul",
        "zero points constant, one per operand",
    ),
    operator("Max", |c| math::variadic(c, Binary::Max, false), "max", ""),
    operator("MaxPool", |c| nn::pool(c, true), "max_pool", "1 to 3 dimensions, without indices"),
    operator("Mean", |c| math::variadic(c, Binary::Add, true), "add, div", ""),
    operator("Min", |c| math::variadic(c, Binary::Min, false), "min", ""),
    operator("Mish", |c| c.unary(Unary::Mish), "mish", ""),
    operator("Mod", math::modulo, "mod", ""),
    operator("Mul", |c| math::binary(c, Binary::Mul), "mul", ""),
    operator("Neg", |c| c.unary(Unary::Neg), "neg", ""),
    operator("Not", |c| c.unary(Unary::Not), "not", ""),
    operator("Or", |c| math::binary(c, Binary::Or), "or", ""),
    operator("PRelu", math::prelu, "prelu", ""),
    operator("Pad", movement::pad, "pad", "padding constant; all modes"),
    operator("Pow", math::pow, "pow", ""),
    operator("QLinearConv", quant::qlinear_conv, "conv", "scales and zero points constant"),
    operator("QLinearMatMul", quant::qlinear_matmul, "matmul", "scales and zero points constant"),
    operator("QuantizeLinear", quant::quantize, "quantize", "to 8 bits; per tensor or axis"),
    operator("RMSNormalization", |c| nn::layer_norm(c, true), "rms_norm", ""),
    operator("Range", movement::range, "a constant", "limits constant"),
    operator("Reciprocal", |c| c.unary(Unary::Reciprocal), "reciprocal", ""),
    operator(
        "ReduceL1",
        |c| math::reduce(c, ReduceKind::SumAbs, Around::Nothing),
        "reduce_sum_abs",
        "axes constant",
    ),
    operator(
        "ReduceL2",
        |c| math::reduce(c, ReduceKind::SumSquare, Around::Root),
        "reduce_sum_square, sqrt",
        "axes constant",
    ),
    operator(
        "ReduceLogSum",
        |c| math::reduce(c, ReduceKind::Sum, Around::Logarithm),
        "reduce_sum, log",
        "axes constant",
    ),
    operator(
        "ReduceLogSumExp",
        |c| math::reduce(c, ReduceKind::Sum, Around::LogarithmOfExponentials),
        "exp, reduce_sum, log",
        "axes constant",
    ),
    operator(
        "ReduceMax",
        |c| math::reduce(c, ReduceKind::Max, Around::Nothing),
        "reduce_max",
        "axes constant",
    ),
    operator(
        "ReduceMean",
        |c| math::reduce(c, ReduceKind::Mean, Around::Nothing),
        "reduce_mean",
        "axes constant",
    ),
    operator(
        "ReduceMin",
        |c| math::reduce(c, ReduceKind::Min, Around::Nothing),
        "reduce_min",
        "axes constant",
    ),
    operator(
        "ReduceProd",
        |c| math::reduce(c, ReduceKind::Product, Around::Nothing),
        "reduce_product",
        "axes constant",
    ),
    operator(
        "ReduceSum",
        |c| math::reduce(c, ReduceKind::Sum, Around::Nothing),
        "reduce_sum",
        "axes constant",
    ),
    operator(
        "ReduceSumSquare",
        |c| math::reduce(c, ReduceKind::SumSquare, Around::Nothing),
        "reduce_sum_square",
        "axes constant",
    ),
    operator("Relu", |c| c.unary(Unary::Relu), "relu", ""),
    operator("Reshape", movement::reshape, "reshape", "shape constant"),
    operator(
        "Resize",
        |c| resize::resize(c, false),
        "upsample or gather",
        "nearest neighbour; sizes constant",
    ),
    operator("Round", |c| c.unary(Unary::Round), "round", ""),
    operator("Selu", math::selu, "elu", ""),
    operator("Shape", movement::shape, "a constant", ""),
    operator("Sigmoid", |c| c.unary(Unary::Sigmoid), "sigmoid", ""),
    operator("Sign", |c| c.unary(Unary::Sign), "sign", ""),
    operator("Sin", |c| c.unary(Unary::Sin), "sin", ""),
    operator("Size", movement::size_of, "a constant", ""),
    operator("Slice", movement::slice, "slice", "limits constant"),
    operator("Softmax", |c| nn::softmax(c, false), "softmax", ""),
    operator("Softplus", |c| c.unary(Unary::Softplus), "softplus", ""),
    operator("Softsign", |c| c.unary(Unary::Softsign), "softsign", ""),
    operator("SpaceToDepth", |c| movement::blocks(c, false), "reshape, transpose", ""),
    operator("Split", movement::split, "slice", "sizes constant"),
    operator("Sqrt", |c| c.unary(Unary::Sqrt), "sqrt", ""),
    operator("Squeeze", movement::squeeze, "reshape", "axes constant"),
    operator("Sub", |c| math::binary(c, Binary::Sub), "sub", ""),
    operator("Sum", |c| math::variadic(c, Binary::Add, false), "add", ""),
    operator("Swish", math::swish, "silu", ""),
    operator("Tanh", |c| c.unary(Unary::Tanh), "tanh", ""),
    operator("ThresholdedRelu", math::thresholded, "threshold", ""),
    operator("Tile", movement::tile, "reshape, expand", "repeats constant"),
    operator("Transpose", movement::transpose, "transpose", ""),
    operator("Unsqueeze", movement::unsqueeze, "reshape", "axes constant"),
    operator(
        "Upsample",
        |c| resize::resize(c, true),
        "upsample or gather",
        "nearest neighbour; scales constant",
    ),
    operator("Where", math::select, "where", ""),
    operator("Xor", |c| math::binary(c, Binary::Xor), "xor", ""),
    runtime("BiasGelu", |c| math::biased_gelu(c, Unary::Gelu), "add, gelu", ""),
    runtime("DequantizeLinear", quant::dequantize, "dequantize", "as the standard one"),
    runtime("FastGelu", |c| math::biased_gelu(c, Unary::GeluTanh), "add, gelu_tanh", ""),
    runtime("FusedMatMul", nn::fused_matmul, "matmul, mul", "without batches transposed"),
    runtime("Gelu", |c| math::biased_gelu(c, Unary::Gelu), "gelu", ""),
    runtime("LayerNormalization", |c| nn::layer_norm(c, false), "layer_norm", "one output"),
    runtime("QGemm", quant::qgemm, "matmul", "scales and zero points constant, `alpha` 1"),
    runtime(
        "QLinearAdd",
        |c| quant::qlinear_binary(c, Binary::Add),
        "add",
        "scales and zero points constant",
    ),
    runtime("QLinearAveragePool", quant::qlinear_pool, "average_pool", "channels first"),
    runtime("QLinearConcat", quant::qlinear_concat, "concat", "scales and zero points constant"),
    runtime("QLinearGlobalAveragePool", quant::qlinear_global, "reduce_mean", "channels first"),
    runtime(
        "QLinearLeakyRelu",
        quant::qlinear_leaky,
        "leaky_relu",
        "scales and zero points constant",
    ),
    runtime(
        "QLinearMul",
        |c| quant::qlinear_binary(c, Binary::Mul),
        "mul",
        "scales and zero points constant",
    ),
    runtime("QLinearSigmoid", quant::qlinear_sigmoid, "sigmoid", "scales and zero points constant"),
    runtime("QLinearSoftmax", quant::qlinear_softmax, "softmax", "as opset 13, or the last axis"),
    runtime("QuantizeLinear", quant::quantize, "quantize", "as the standard one"),
    runtime("QuickGelu", math::quick_gelu, "silu", ""),
    runtime("SkipLayerNormalization", nn::skip_layer_norm, "add, layer_norm", "one output"),
];

/// The operator of this name, if it is taken.
pub fn find(domain: &str, name: &str) -> Option<&'static Operator> {
    ALL.iter().find(|operator| operator.domain == domain && operator.name == name)
}

/// An operator as a page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Whether it is one of `com.microsoft`.
    pub runtime: bool,
    /// Operators of the graph that it becomes, separated by commas, `or` between those of which one
    /// is enough; or in words what it becomes.
    pub becomes: &'static str,
    /// What of it is taken; empty for all.
    pub limits: &'static str,
}

/// All operators.
pub fn rows() -> impl Iterator<Item = Row> {
    ALL.iter().map(|operator| {
        let Operator { name, domain, becomes, limits, .. } = *operator;
        Row { name, runtime: domain == RUNTIME, becomes, limits }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_stand_in_order_once() {
        assert!(ALL.windows(2).all(|w| (w[0].domain, w[0].name) < (w[1].domain, w[1].name)));
    }
}
