//! Operators of older versions in the form of version 13, the first that has scales per channel.
//! Operators that did not change, and those whose attributes became inputs, are taken; others are
//! refused.

use crate::graph::import::place;
use crate::graph::{Graph, Problem};
use crate::onnx::proto::{AttributeProto, ModelProto, NodeProto, TensorProto};

/// Oldest version of the operators that has scales per channel.
pub const OPSET: i64 = 13;

/// Operators that mean the same in versions 7 to 13, but for element types.
const SAME: &[&str] = &[
    "Abs",
    "Add",
    "And",
    "AveragePool",
    "Cast",
    "Ceil",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Conv",
    "ConvTranspose",
    "Cos",
    "DepthToSpace",
    "Div",
    "Elu",
    "Equal",
    "Erf",
    "Exp",
    "Expand",
    "Flatten",
    "Floor",
    "Gather",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Greater",
    "HardSigmoid",
    "Identity",
    "InstanceNormalization",
    "LeakyRelu",
    "Less",
    "Log",
    "MatMul",
    "Max",
    "MaxPool",
    "Mean",
    "Min",
    "Mod",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "PRelu",
    "Pow",
    "Reciprocal",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSumSquare",
    "Relu",
    "Reshape",
    "Round",
    "Selu",
    "Shape",
    "Sigmoid",
    "Sign",
    "Sin",
    "Size",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Sqrt",
    "Sub",
    "Sum",
    "Tanh",
    "ThresholdedRelu",
    "Tile",
    "Transpose",
    "Where",
    "Xor",
];

/// Rewrites the nodes of a file whose operators are older than [`OPSET`].
pub fn raise(proto: &mut ModelProto, graph: &Graph) -> Result<(), Vec<Problem>> {
    let standard = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    let set = proto.opset_import.iter_mut().find(|set| standard(&set.domain));
    let Some(set) = set.filter(|set| set.version < OPSET) else { return Ok(()) };
    let version = set.version;
    set.version = OPSET;
    let Some(inner) = &mut proto.graph else { return Ok(()) };
    let mut problems = Vec::new();
    for (index, node) in inner.node.iter_mut().enumerate() {
        if standard(&node.domain) && !node_raised(node, version, graph, &mut inner.initializer) {
            problems.push(Problem::new(
                place(node, index),
                format!(
                    "its operator changed between version {version}, which the network uses, and \
                     {OPSET}, which scales per channel need"
                ),
                format!("convert it with `onnx.version_converter.convert_version(model, {OPSET})`"),
            ));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Brings a node to the newer version, if it can.
fn node_raised(
    node: &mut NodeProto,
    version: i64,
    graph: &Graph,
    constants: &mut Vec<TensorProto>,
) -> bool {
    match node.op_type.as_str() {
        "Dropout" => {
            node.attribute.clear();
            node.output.truncate(1);
        }
        "BatchNormalization" => node.attribute.retain(|a| a.name != "spatial"),
        "Clip" if version < 11 => {
            let limit = |name, default| number(node, name).unwrap_or(default);
            let limits = [("min", limit("min", f32::MIN)), ("max", limit("max", f32::MAX))];
            node.attribute.clear();
            for (name, limit) in limits {
                let raw = limit.to_le_bytes().to_vec();
                input(node, constants, name, (1, vec![]), raw);
            }
        }
        "Squeeze" | "Unsqueeze" | "ReduceSum" => {
            let axes = taken(node, "axes");
            if let Some(axes) = axes {
                integers(node, constants, "axes", &axes.ints);
            }
        }
        "Split" => {
            let sizes = taken(node, "split");
            if let Some(sizes) = sizes {
                integers(node, constants, "split", &sizes.ints);
            }
        }
        "Pad" if version < 11 => {
            let Some(pads) = taken(node, "pads") else { return false };
            let value = taken(node, "value").map_or(0.0, |a| a.f);
            integers(node, constants, "pads", &pads.ints);
            input(node, constants, "value", (1, vec![]), value.to_le_bytes().to_vec());
        }
        "Slice" if version < 10 => {
            let (Some(starts), Some(ends)) = (taken(node, "starts"), taken(node, "ends")) else {
                return false;
            };
            let axes = taken(node, "axes");
            integers(node, constants, "starts", &starts.ints);
            integers(node, constants, "ends", &ends.ints);
            if let Some(axes) = axes {
                integers(node, constants, "axes", &axes.ints);
            }
        }
        "Softmax" | "LogSoftmax" => {
            // Up to version 12 all dimensions from the axis on were one.
            let axis = node.attribute.iter().find(|a| a.name == "axis").map_or(1, |a| a.i);
            let rank = node.output.first().and_then(|name| {
                let found =
                    graph.tensors().find(|(_, t)| t.name == *name || t.aliases.contains(name));
                found.map(|(_, tensor)| tensor.shape.len() as i64)
            });
            if axis != -1 && rank.is_none_or(|rank| axis + 1 != rank) {
                return false;
            }
            node.attribute.retain(|a| a.name != "axis");
        }
        "Clip" | "Pad" | "Slice" => {}
        "Resize" => return version >= 11,
        other => return SAME.contains(&other),
    }
    true
}

/// An attribute, taken off.
fn taken(node: &mut NodeProto, name: &str) -> Option<AttributeProto> {
    let at = node.attribute.iter().position(|a| a.name == name)?;
    Some(node.attribute.remove(at))
}

fn number(node: &NodeProto, name: &str) -> Option<f32> {
    node.attribute.iter().find(|a| a.name == name).map(|a| a.f)
}

fn integers(node: &mut NodeProto, constants: &mut Vec<TensorProto>, name: &str, values: &[i64]) {
    let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    input(node, constants, name, (7, vec![values.len() as i64]), raw);
}

/// A constant as the next input.
fn input(
    node: &mut NodeProto,
    constants: &mut Vec<TensorProto>,
    what: &str,
    (data_type, dims): (i32, Vec<i64>),
    raw_data: Vec<u8>,
) {
    // Names of nodes are unique; this one is unlikely to be that of a tensor.
    let name = format!("{}/{what}", node.name);
    constants.push(TensorProto {
        name: name.clone(),
        data_type,
        dims,
        raw_data,
        ..TensorProto::default()
    });
    node.input.push(name);
}
