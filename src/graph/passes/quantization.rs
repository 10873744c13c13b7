//! Quantizations and dequantizations moved to where they cost least, until they meet.

use std::collections::HashMap;

use super::view::merged;
use crate::graph::op::{Op, Padding, PoolKind, Unary};
use crate::graph::tensor::{Dtype, Quantization, Tensor};
use crate::graph::{Graph, Node, TensorId};

/// Limits that no activation exceeds.
const FULL: [i32; 2] = [-128, 127];

/// The step that stands for a number, as QuantizeLinear has it.
pub fn step(value: f32, (scale, zero): (f32, i32)) -> i32 {
    let shifted = f64::from((value / scale).round_ties_even()) + f64::from(zero);
    shifted.clamp(-128.0, 127.0) as i32
}

/// Both limits; none where they are the type's own.
pub fn both(a: Option<[i32; 2]>, b: Option<[i32; 2]>) -> Option<[i32; 2]> {
    let ([a_min, a_max], [b_min, b_max]) = (a.unwrap_or(FULL), b.unwrap_or(FULL));
    // The later one, `b`, has the last word where they exclude each other.
    let limits = [a_min.clamp(b_min, b_max), a_max.clamp(b_min, b_max)];
    (limits != FULL).then_some(limits)
}

/// Limits of an activation function in front of a quantization. Quantizing is monotonic, so that
/// limits may be taken afterwards.
pub fn limits(graph: &mut Graph) {
    let uses = graph.uses();
    for last in 0..graph.nodes.len() {
        loop {
            let node = &graph.nodes[last];
            let quant = graph.tensor(node.output).quant.as_ref().and_then(Quantization::single);
            let (Op::Quantize, Some(quant), &[x]) = (&node.op, quant, node.inputs.as_slice())
            else {
                break;
            };
            let Some(before) = uses.producer(x).filter(|_| uses.is_single(x)) else { break };
            let function = &graph.nodes[before];
            let (min, max) = match function.op {
                Op::Unary(Unary::Relu) => (0.0, f32::INFINITY),
                Op::Unary(Unary::Clip { min, max }) => (min, max),
                Op::Unary(Unary::Identity) => (f32::NEG_INFINITY, f32::INFINITY),
                _ => break,
            };
            // Clip lets the upper limit win.
            let high = step(max, quant);
            let limits = [step(min, quant).min(high), high];
            let (inputs, origin) =
                (function.inputs.clone(), merged([&function.origin, &node.origin]));
            let node = &mut graph.nodes[last];
            node.clamp = both(Some(limits), node.clamp);
            (node.inputs, node.origin) = (inputs, origin);
        }
    }
}

/// Quantize(move(x)) becomes move(Quantize(x)).
pub fn hoist(graph: &mut Graph) {
    let uses = graph.uses();
    for last in (0..graph.nodes.len()).rev() {
        let node = graph.nodes[last].clone();
        let quant = graph.tensor(node.output).quant.clone();
        let (Op::Quantize, Some(quant), &[x]) = (&node.op, quant, node.inputs.as_slice()) else {
            continue;
        };
        let Some(before) = uses.producer(x).filter(|_| uses.is_single(x)) else { continue };
        let moving = graph.nodes[before].clone();
        let source = moving.inputs[0];
        let cheap = match moving.op {
            Op::Reshape | Op::Transpose { .. } | Op::Expand | Op::Upsample { .. } => true,
            // A table of constants becomes one of bytes.
            Op::Gather { .. } => graph.tensor(source).is_constant(),
            _ => false,
        };
        if !cheap || quant.axis.is_some() {
            continue;
        }
        let from = graph.tensor(source);
        let bytes = Tensor {
            quant: Some(quant),
            unsigned: graph.tensor(node.output).unsigned,
            ..Tensor::new(format!("{}/quantized", from.name), &from.shape, Dtype::I8)
        };
        let bytes = graph.add(bytes);
        graph.nodes[before] = Node { inputs: vec![source], output: bytes, ..node.clone() };
        graph.nodes[last] = Node {
            inputs: [&[bytes], &moving.inputs[1..]].concat(),
            output: node.output,
            ..moving
        };
    }
}

/// move(Dequantize(x)) becomes Dequantize(move(x)); so do largest elements, joins of equal
/// quantization and padding with a number that activations can express.
pub fn sink(graph: &mut Graph) {
    // The quantized tensor behind each dequantized one, and where it comes from.
    let mut behind: HashMap<TensorId, (TensorId, Vec<String>)> = HashMap::new();
    for node in std::mem::take(&mut graph.nodes) {
        if node.op == Op::Dequantize {
            if graph.tensor(node.inputs[0]).is_quantized() {
                behind.insert(node.output, (node.inputs[0], node.origin.clone()));
            }
            graph.nodes.push(node);
            continue;
        }
        let Some((quant, unsigned, inputs)) = moved(graph, &behind, &node) else {
            graph.nodes.push(node);
            continue;
        };
        let float = graph.tensor(node.output).clone();
        let bytes = graph.add(Tensor {
            quant: Some(quant),
            unsigned,
            ..Tensor::new(format!("{}/quantized", float.name), &float.shape, Dtype::I8)
        });
        let origin = node.inputs.first().and_then(|x| behind.get(x)).map(|b| b.1.clone());
        let origin = origin.unwrap_or_default();
        behind.insert(node.output, (bytes, origin.clone()));
        let output = node.output;
        let name = node.name.clone();
        graph.nodes.push(Node { inputs, output: bytes, ..node });
        graph.nodes.push(Node {
            name,
            op: Op::Dequantize,
            inputs: vec![bytes],
            output,
            clamp: None,
            origin,
        });
    }
}

/// Quantization of the result and operands of a node that may work on bytes as well.
fn moved(
    graph: &Graph,
    behind: &HashMap<TensorId, (TensorId, Vec<String>)>,
    node: &Node,
) -> Option<(Quantization, bool, Vec<TensorId>)> {
    let (bytes, _) = behind.get(node.inputs.first()?)?;
    let tensor = graph.tensor(*bytes);
    let mut quant = tensor.quant.clone()?;
    let mut inputs = node.inputs.clone();
    inputs[0] = *bytes;
    match (&node.op, quant.axis) {
        (Op::Transpose { order }, Some(axis)) => {
            quant.axis = Some(order.iter().position(|&d| d == axis)?);
        }
        (_, Some(_)) => return None,
        (op, None) if op.only_moves() => {}
        (Op::Pool { kind: PoolKind::Max, .. }, None) => {}
        (Op::Pad { padding, .. }, None) => {
            let (scale, zero) = quant.single()?;
            if let Padding::Constant(value) = *padding
                && (step(value, (scale, zero)) - zero) as f32 * scale != value
            {
                return None;
            }
        }
        (Op::Concat { .. }, None) => {
            for (input, old) in inputs.iter_mut().zip(&node.inputs) {
                let (bytes, _) = behind.get(old)?;
                let other = graph.tensor(*bytes);
                if other.quant.as_ref() != Some(&quant) || other.unsigned != tensor.unsigned {
                    return None;
                }
                *input = *bytes;
            }
        }
        _ => return None,
    }
    Some((quant, tensor.unsigned, inputs))
}

/// A quantization of what was just dequantized: nothing where nothing changes, limits of what made
/// it where only limits are new, else a requantization. Equal quantizations of one tensor are one.
pub fn pairs(graph: &mut Graph) {
    let mut first: Vec<(TensorId, Option<[i32; 2]>, TensorId)> = Vec::new();
    for last in 0..graph.nodes.len() {
        let node = &graph.nodes[last];
        let (Op::Quantize, &[x]) = (&node.op, node.inputs.as_slice()) else { continue };
        let (output, clamp) = (node.output, node.clamp);
        let quant = graph.tensor(output).quant.clone();
        let twin = first.iter().find(|(from, limits, to)| {
            *from == x && *limits == clamp && graph.tensor(*to).quant == quant
        });
        if let Some(&(_, _, twin)) = twin {
            graph.replace(output, twin);
            continue;
        }
        first.push((x, clamp, output));
        let uses = graph.uses();
        let Some(before) = uses.producer(x) else { continue };
        let node = graph.nodes[before].clone();
        let bytes = node.inputs[0];
        if node.op != Op::Dequantize || !graph.tensor(bytes).is_quantized() {
            continue;
        }
        let same = graph.tensor(bytes).quant == quant;
        if same && clamp.is_none() {
            graph.replace(output, bytes);
            continue;
        }
        // Only this quantization reads what was made, by way of this dequantization.
        let alone = uses.is_single(bytes) && uses.is_single(x);
        if let Some(maker) = uses.producer(bytes).filter(|_| same && alone) {
            let limits = both(graph.nodes[maker].clamp, clamp);
            let origin = merged([&graph.nodes[maker].origin, &graph.nodes[last].origin]);
            let maker = &mut graph.nodes[maker];
            (maker.clamp, maker.origin) = (limits, origin);
            graph.replace(output, bytes);
            // Of the two the later tensor is the one that the ONNX graph has with these limits.
            let name = graph.tensor(output).name.clone();
            let kept = graph.tensor_mut(bytes);
            kept.aliases.retain(|alias| *alias == name);
            continue;
        }
        let single = |tensor: TensorId| {
            graph.tensor(tensor).quant.as_ref().is_some_and(|quant| quant.axis.is_none())
        };
        if single(bytes) && single(output) {
            let origin = merged([&node.origin, &graph.nodes[last].origin]);
            let node = &mut graph.nodes[last];
            node.op = Op::Unary(Unary::Identity);
            node.inputs = vec![bytes];
            node.origin = origin;
        }
    }
}
