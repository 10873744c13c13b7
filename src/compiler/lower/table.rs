//! Which operators of the graph become what: the table that lowering works by and that the page of
//! supported operators is made from.

use super::{Known, Lowered, Lowering, Refusal};
use crate::graph::{Dtype, Node, Op, ReduceKind};

/// What an entry needs of its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Result {
    /// Activations of 8 bits.
    Quantized,
    /// Binary32.
    Real,
    /// Either.
    Any,
}

/// How operators of the graph are compiled.
pub struct Operator {
    /// Their names, as the graph prints them.
    names: &'static [&'static str],
    result: Result,
    /// What computes them.
    kernel: &'static str,
    /// Where.
    engine: &'static str,
    /// What of them is compiled.
    limits: &'static str,
    /// Adds a node's layers.
    pub(super) lower: fn(&mut Lowering<'_>, &Node) -> Lowered<Known>,
}

const ARRAY: &str = "array";
const LANES: &str = "lanes";
const EITHER: &str = "post-processor or lanes";
/// Views cost nothing.
const NONE: &str = "";

/// Functions of one activation, which become tables of 256 entries.
const FUNCTIONS: &[&str] = &[
    "abs",
    "ceil",
    "clip",
    "cos",
    "elu",
    "erf",
    "exp",
    "floor",
    "gelu",
    "gelu_tanh",
    "hard_sigmoid",
    "hard_swish",
    "identity",
    "leaky_relu",
    "log",
    "mish",
    "neg",
    "reciprocal",
    "relu",
    "round",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "softplus",
    "softsign",
    "sqrt",
    "tanh",
    "threshold",
];

/// Functions with a table for binary32.
const REAL_FUNCTIONS: &[&str] =
    &["erf", "gelu", "gelu_tanh", "hard_swish", "identity", "sigmoid", "silu", "softplus", "tanh"];

/// All of them; the first that fits a node is the one.
const ALL: &[Operator] = &[
    Operator {
        names: &["conv"],
        result: Result::Any,
        kernel: "convolution",
        engine: "array; lanes with a group per channel",
        limits: "1 or 2 dimensions; operands activations, weights constant; other groups are \
                 filled up with zeros; depthwise with quantized results only",
        lower: |l, node| match &node.op {
            Op::Conv { window, groups } => l.conv(node, window, *groups),
            _ => not_taken(),
        },
    },
    Operator {
        names: &["matmul"],
        result: Result::Any,
        kernel: "convolution, or product of two activations",
        engine: ARRAY,
        limits: "operands activations; constant weights of 2 dimensions; a flattened picture becomes a kernel as large as \
                 the picture. Of two activations matrices are whole maps, rows of one, or groups \
                 of channels, and sizes of the second are multiples of the array's rows",
        lower: |l, node| match &node.op {
            Op::MatMul { transpose_a, transpose_b } => l.matmul(node, [*transpose_a, *transpose_b]),
            _ => not_taken(),
        },
    },
    Operator {
        names: &["max_pool", "average_pool"],
        result: Result::Quantized,
        kernel: "pooling",
        engine: LANES,
        limits: "1 or 2 dimensions; a largest element is quantized like its operand; padding is \
                 counted only without `ceil_mode`",
        lower: |l, node| match &node.op {
            Op::Pool { kind, window, ceil } => l.pool(node, *kind, window, *ceil),
            _ => not_taken(),
        },
    },
    Operator {
        names: &["reduce_max", "reduce_sum"],
        result: Result::Real,
        kernel: "softmax in parts, of rows",
        engine: LANES,
        limits: "over the last dimension, which is that of channels, and which stays with extent 1; \
                 the largest to be subtracted from its row, the sum to divide by",
        lower: |l, node| match &node.op {
            Op::Reduce { kind, axes, keep: true } => l.row_reduction(node, *kind, axes),
            _ => not_taken(),
        },
    },
    Operator {
        names: &["exp"],
        result: Result::Real,
        kernel: "softmax in parts, of rows",
        engine: LANES,
        limits: "of rows less their largest",
        lower: |l, node| match node.op {
            Op::Unary(function) => l.float_unary(node, function),
            _ => not_taken(),
        },
    },
    Operator {
        names: &["div"],
        result: Result::Real,
        kernel: "softmax in parts, of rows",
        engine: LANES,
        limits: "by sums of rows, also behind a product",
        lower: |l, node| match node.op {
            Op::Binary(op) => l.float_binary(node, op),
            _ => not_taken(),
        },
    },
    Operator {
        names: &["reduce_mean"],
        result: Result::Quantized,
        kernel: "pooling",
        engine: LANES,
        limits: "over height and width",
        lower: |l, node| match &node.op {
            Op::Reduce { kind: ReduceKind::Mean, axes, .. } => l.global_average(node, axes),
            _ => not_taken(),
        },
    },
    Operator {
        names: &["add"],
        result: Result::Quantized,
        kernel: "addition",
        engine: EITHER,
        limits: "two maps of one shape",
        lower: |l, node| l.add(node),
    },
    Operator {
        names: &["mul"],
        result: Result::Quantized,
        kernel: "product",
        engine: LANES,
        limits: "two maps of one shape, or the second one pixel",
        lower: |l, node| l.multiply(node),
    },
    Operator {
        names: &["upsample"],
        result: Result::Quantized,
        kernel: "copies",
        engine: LANES,
        limits: "height and width",
        lower: |l, node| match &node.op {
            Op::Upsample { factors } => l.upsample(node, factors),
            _ => not_taken(),
        },
    },
    Operator {
        names: &["concat"],
        result: Result::Quantized,
        kernel: "copies",
        engine: LANES,
        limits: "channels; where one does not begin at a multiple of the array's rows, all of it \
                 streams through DRAM",
        lower: |l, node| match &node.op {
            Op::Concat { axis } => l.concat(node, *axis),
            _ => not_taken(),
        },
    },
    Operator {
        names: FUNCTIONS,
        result: Result::Quantized,
        kernel: "lookup",
        engine: EITHER,
        limits: "",
        lower: |l, node| match node.op {
            Op::Unary(function) => l.unary(node, function),
            _ => not_taken(),
        },
    },
    Operator {
        names: REAL_FUNCTIONS,
        result: Result::Real,
        kernel: "function of rows",
        engine: LANES,
        limits: "",
        lower: |l, node| match node.op {
            Op::Unary(function) => l.float_unary(node, function),
            _ => not_taken(),
        },
    },
    Operator {
        names: &["add", "max", "min", "mul", "sub"],
        result: Result::Real,
        kernel: "arithmetic on rows",
        engine: LANES,
        limits: "operands of one shape, or the second one row (a mask of keys); of constants one \
                 number, one a channel, or all of the last dimensions",
        lower: |l, node| match node.op {
            Op::Binary(op) => l.float_binary(node, op),
            _ => not_taken(),
        },
    },
    Operator {
        names: &["layer_norm"],
        result: Result::Any,
        kernel: "layer norm of rows",
        engine: LANES,
        limits: "over the last dimension, which is that of channels; parameters constant",
        lower: |l, node| match node.op {
            Op::LayerNorm { axis, epsilon } => l.layer_norm(node, axis, epsilon),
            _ => not_taken(),
        },
    },
    Operator {
        names: &["softmax"],
        result: Result::Any,
        kernel: "softmax of rows",
        engine: LANES,
        limits: "over the last dimension, which is that of channels",
        lower: |l, node| match node.op {
            Op::Softmax { axis, log: false } => l.softmax(node, axis),
            _ => not_taken(),
        },
    },
    Operator {
        names: &["quantize"],
        result: Result::Quantized,
        kernel: "part of the layer before it, or arithmetic on rows",
        engine: LANES,
        limits: "per tensor; the host quantizes inputs that nothing reads in binary32",
        lower: |l, node| l.quantize(node),
    },
    Operator {
        names: &["dequantize"],
        result: Result::Real,
        kernel: "part of the layers behind it",
        engine: LANES,
        limits: "per tensor",
        lower: |l, node| l.dequantize(node),
    },
    Operator {
        names: &["reshape", "transpose"],
        result: Result::Any,
        kernel: "a view",
        engine: NONE,
        limits: "rows, pixels and channels stay together; channels may be split into heads and \
                 joined again",
        lower: |l, node| match &node.op {
            Op::Transpose { order } => l.transpose(node, order),
            _ => l.reshape(node),
        },
    },
];

/// What an entry says of a node that its names do not fit.
fn not_taken() -> Lowered<Known> {
    Err(Refusal::new(
        "no kernel is compiled for it",
        "`npugen operators` lists the operators that are; replace it, or cut the model here",
    ))
}

/// Lowers a node by the first entry that fits.
pub(super) fn lower(lowering: &mut Lowering<'_>, node: &Node) -> Lowered<Known> {
    let real = lowering.is_real(node);
    let dtype = lowering.tensor(node.output).dtype;
    if real && dtype != Dtype::F32 {
        return Err(Refusal::new(
            format!("its result has elements of {}", dtype.name()),
            "quantize the result, or multiply it by its scale as the network goes on",
        ));
    }
    let name = node.op.name();
    let fits = |operator: &&Operator| {
        operator.names.contains(&name)
            && match operator.result {
                Result::Quantized => !real,
                Result::Real => real,
                Result::Any => true,
            }
    };
    match ALL.iter().find(fits) {
        Some(operator) => (operator.lower)(lowering, node),
        None if real && takes(name) => Err(Refusal::new(
            "no kernel on real numbers is compiled for it",
            "quantize its operands and its result",
        )),
        None => not_taken(),
    }
}

/// Whether an operator of the graph is compiled at all.
fn takes(name: &str) -> bool {
    ALL.iter().any(|operator| operator.names.contains(&name))
}

/// An entry as a page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Operators of the graph.
    pub names: &'static [&'static str],
    /// Whether results may be activations of 8 bits, and binary32.
    pub results: [bool; 2],
    /// What computes them.
    pub kernel: &'static str,
    /// Where.
    pub engine: &'static str,
    /// What of them is compiled; empty for all.
    pub limits: &'static str,
}

/// All entries.
pub fn rows() -> impl Iterator<Item = Row> {
    ALL.iter().map(|operator| {
        let Operator { names, result, kernel, engine, limits, .. } = *operator;
        let results = [result != Result::Real, result != Result::Quantized];
        Row { names, results, kernel, engine, limits }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No entry hides behind another one.
    #[test]
    fn every_entry_can_be_found() {
        for (index, row) in rows().enumerate() {
            for before in rows().take(index) {
                let both = [0, 1].map(|kind| row.results[kind] && before.results[kind]);
                let shared = row.names.iter().find(|name| before.names.contains(name));
                assert!(both == [false; 2] || shared.is_none(), "{shared:?}");
            }
        }
    }
}
