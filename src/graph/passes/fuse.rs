//! Operators between dequantization and quantization become quantized operators.

use super::view::merged;
use crate::graph::op::{Binary, Op, PoolKind, ReduceKind};
use crate::graph::tensor::{Dtype, Elements, Quantization, Tensor};
use crate::graph::{Graph, Node, Problem, TensorId, Uses};

/// Fuses operators with the quantizations around them. A convolution or product of quantized
/// operands whose result stays in binary32 multiplies integers as well.
pub fn run(graph: &mut Graph) {
    let uses = graph.uses();
    let mut summands = Vec::new();
    for last in 0..graph.nodes.len() {
        let node = graph.nodes[last].clone();
        match node.op {
            // The QLinear forms are quantized already, but for their weights' zero points.
            Op::Conv { .. } | Op::MatMul { .. } if graph.tensor(node.inputs[1]).is_quantized() => {
                let w = symmetric(graph, node.inputs[1]);
                graph.nodes[last].inputs[1] = w;
            }
            Op::Quantize => {
                let x = node.inputs[0];
                let Some(position) = uses.producer(x).filter(|_| uses.is_single(x)) else {
                    continue;
                };
                if graph.tensor(node.output).quant.as_ref().is_none_or(|q| q.axis.is_some()) {
                    continue;
                }
                let result = node.output;
                let Some((inputs, origin)) = operands(graph, &uses, position, result) else {
                    continue;
                };
                let inner = graph.nodes[position].clone();
                let fused = &mut graph.nodes[last];
                fused.op = inner.op;
                fused.inputs = inputs;
                fused.origin = merged([&origin, &inner.origin, &node.origin]);
                fused.name = inner.name;
                // Nothing reads it any more; the float form must not be taken again.
            }
            Op::Conv { .. } | Op::MatMul { .. }
                if graph.tensor(node.output).dtype == Dtype::F32 =>
            {
                let readers = uses.readers(node.output);
                let fuses = uses.is_single(node.output)
                    && readers.iter().all(|&r| graph.nodes[r].op == Op::Quantize);
                if fuses {
                    continue;
                }
                let Some((inputs, origin)) = operands(graph, &uses, last, node.output) else {
                    continue;
                };
                let fused = &mut graph.nodes[last];
                fused.inputs = inputs;
                fused.origin = merged([&origin, &node.origin]);
                summands.extend(summand(graph, &uses, last, &node));
            }
            _ => {}
        }
    }
    for (behind, node) in summands.into_iter().rev() {
        graph.nodes.insert(behind + 1, node);
    }
}

/// The addition of a float bias behind a layer whose result stays in binary32: it is not in steps
/// of the sums, and rounding it to them would change the result by more than roundings do.
fn summand(graph: &mut Graph, uses: &Uses, last: usize, old: &Node) -> Option<(usize, Node)> {
    let bias = *old.inputs.get(2).filter(|&&bias| behind(graph, uses, bias).is_none())?;
    let (constant, shape) = (graph.tensor(bias).clone(), graph.tensor(old.output).shape.clone());
    let bias = match old.op {
        // A number per channel.
        Op::Conv { .. } => {
            let ones = vec![1; shape.len().saturating_sub(2)];
            graph.add(Tensor { shape: [constant.shape.as_slice(), &ones].concat(), ..constant })
        }
        _ => bias,
    };
    let name = format!("{}/product", graph.tensor(old.output).name);
    let product = graph.add(Tensor::new(name, &shape, Dtype::F32));
    graph.nodes[last].output = product;
    let node = Node {
        name: format!("{}/bias", old.name),
        op: Op::Binary(Binary::Add),
        inputs: vec![product, bias],
        output: old.output,
        clamp: None,
        origin: old.origin.clone(),
    };
    Some((last, node))
}

/// The quantized tensor behind a dequantized one, and the ONNX nodes in between.
fn behind(graph: &Graph, uses: &Uses, tensor: TensorId) -> Option<(TensorId, Vec<String>)> {
    let node = &graph.nodes[uses.producer(tensor)?];
    let &[bytes] = node.inputs.as_slice() else { return None };
    (node.op == Op::Dequantize).then(|| (bytes, node.origin.clone()))
}

/// The quantized operands of a node, if it can work on them; `result` is what it is to make. The
/// bias of a float one is left to [`summand`] where it is float itself.
fn operands(
    graph: &mut Graph,
    uses: &Uses,
    position: usize,
    result: TensorId,
) -> Option<(Vec<TensorId>, Vec<String>)> {
    let node = graph.nodes[position].clone();
    let mut origins = Vec::new();
    let mut take = |graph: &Graph, index: usize| -> Option<TensorId> {
        let (bytes, origin) = behind(graph, uses, *node.inputs.get(index)?)?;
        let tensor = graph.tensor(bytes);
        tensor.is_quantized().then(|| {
            origins.push(origin);
            bytes
        })
    };
    let whole = |graph: &Graph, id: TensorId| {
        graph.tensor(id).quant.as_ref().is_some_and(|quant| quant.axis.is_none())
    };
    let inputs = match &node.op {
        Op::Conv { .. } | Op::MatMul { .. } => {
            let x = take(graph, 0).filter(|&x| whole(graph, x))?;
            let w = take(graph, 1)?;
            let rank = graph.tensor(w).shape.len();
            let axis = match &node.op {
                Op::MatMul { transpose_b, .. } => rank - 1 - usize::from(*transpose_b),
                _ => 0,
            };
            let quant = graph.tensor(w).quant.clone()?;
            if quant.axis.is_some_and(|found| found != axis) {
                return None;
            }
            let w = symmetric(graph, w);
            let mut inputs = vec![x, w];
            let wide = graph.tensor(result).dtype == Dtype::F32;
            let apart = |bias: &&TensorId| wide && behind(graph, uses, **bias).is_none();
            if let Some(&bias) = node.inputs.get(2).filter(apart) {
                graph.tensor(bias).value.as_ref()?;
            } else if let Some(&bias) = node.inputs.get(2) {
                let scale = graph.tensor(x).quant.as_ref()?.at(0).0;
                inputs.push(integer_bias(graph, uses, bias, scale, &quant)?);
            }
            inputs
        }
        Op::Binary(
            Binary::Add | Binary::Sub | Binary::Mul | Binary::Div | Binary::Min | Binary::Max,
        ) => {
            let both = [take(graph, 0)?, take(graph, 1)?];
            if !both.iter().all(|&id| whole(graph, id)) {
                return None;
            }
            both.to_vec()
        }
        Op::Unary(_)
        | Op::Pool { kind: PoolKind::Average | PoolKind::AveragePadded | PoolKind::Max, .. }
        | Op::Reduce { kind: ReduceKind::Mean | ReduceKind::Max | ReduceKind::Min, .. }
        | Op::Pad { .. } => {
            vec![take(graph, 0).filter(|&x| whole(graph, x))?]
        }
        // onnxruntime's kernel has one element type.
        Op::Softmax { log: false, .. } => {
            let x = take(graph, 0).filter(|&x| whole(graph, x))?;
            if graph.tensor(x).unsigned != graph.tensor(result).unsigned {
                return None;
            }
            vec![x]
        }
        Op::BatchNorm { .. } => {
            let x = take(graph, 0).filter(|&x| whole(graph, x))?;
            if !node.inputs[1..].iter().all(|&id| graph.tensor(id).is_constant()) {
                return None;
            }
            [&[x], &node.inputs[1..]].concat()
        }
        Op::Concat { .. } => {
            let all: Option<Vec<TensorId>> =
                (0..node.inputs.len()).map(|index| take(graph, index)).collect();
            all.filter(|all| all.iter().all(|&id| whole(graph, id)))?
        }
        _ => return None,
    };
    Some((inputs, merged(&origins)))
}

/// Zero points of constant weights go into them where they stay bytes.
fn symmetric(graph: &mut Graph, w: TensorId) -> TensorId {
    let tensor = graph.tensor(w);
    let (Some(quant), Some(Elements::I8(values))) = (&tensor.quant, tensor.value.as_deref()) else {
        return w;
    };
    if quant.zeros.iter().all(|&zero| zero == 0) {
        return w;
    }
    let step: usize = quant.axis.map_or(1, |axis| tensor.shape[axis + 1..].iter().product());
    let zero = |i: usize| quant.at(i / step.max(1) % quant.zeros.len()).1;
    let folded: Option<Vec<i8>> = values
        .iter()
        .enumerate()
        .map(|(i, &v)| i8::try_from(i32::from(v) - zero(i)).ok())
        .collect();
    let Some(folded) = folded else { return w };
    let quant = Quantization { zeros: vec![0; quant.zeros.len()], ..quant.clone() };
    let symmetric = Tensor::constant(tensor.name.clone(), &tensor.shape, Elements::I8(folded));
    graph.add(Tensor { quant: Some(quant), ..symmetric })
}

/// How far the scale of a bias may be from that of the sums it is added to.
const TOLERANCE: f32 = 1e-3;

/// The bias in steps of the sums: as it is stored, or rounded where it is float.
fn integer_bias(
    graph: &mut Graph,
    uses: &Uses,
    bias: TensorId,
    scale: f32,
    weights: &Quantization,
) -> Option<TensorId> {
    let steps = |i: usize| scale * weights.at(i).0;
    if let Some((stored, _)) = behind(graph, uses, bias) {
        let tensor = graph.tensor(stored);
        let quant = tensor.quant.as_ref().filter(|_| tensor.dtype == Dtype::I32)?;
        let channels = tensor.shape.last().copied().unwrap_or(1);
        let fits = (0..channels).all(|i| {
            let (found, zero) = quant.at(i);
            zero == 0 && (found - steps(i)).abs() <= TOLERANCE * steps(i)
        });
        return fits.then_some(stored);
    }
    let tensor = graph.tensor(bias).clone();
    let values = tensor.value.as_ref()?.floats()?;
    let channels = tensor.shape.last().copied().unwrap_or(1);
    if weights.axis.is_some() && channels != weights.scales.len() {
        return None;
    }
    let whole = |(i, &v): (usize, &f32)| (v / steps(i % channels.max(1))).round_ties_even() as i32;
    let values = values.iter().enumerate().map(whole).collect();
    Some(graph.add(Tensor::constant(tensor.name, &tensor.shape, Elements::I32(values))))
}

/// Quantized layers whose weights are beyond int8 once their zero point is taken off.
pub fn weights(graph: &Graph) -> Vec<Problem> {
    let beyond = |node: &&Node| {
        let w = node.inputs.get(1).map(|&id| graph.tensor(id));
        matches!(node.op, Op::Conv { .. } | Op::MatMul { .. })
            && w.is_some_and(|w| {
                let zeros = w.quant.as_ref().map_or(&[][..], |quant| &quant.zeros);
                w.is_constant() && zeros.iter().any(|&zero| zero != 0)
            })
    };
    let problem = |node: &Node| {
        let name = &graph.tensor(node.inputs[1]).name;
        Problem::new(
            format!("node `{}` ({})", node.name, node.op.name()),
            format!("the weights `{name}` less their zero point do not fit int8"),
            "quantize weights symmetrically (`weight_type=QInt8`, zero point 0)",
        )
    };
    graph.nodes.iter().filter(beyond).map(problem).collect()
}
