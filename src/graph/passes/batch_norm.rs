//! Batch norms, summands per channel and padding with zeros, taken into the convolution or matrix
//! product beside them.

use super::view::{View, merged};
use crate::graph::op::{Binary, Op, Padding};
use crate::graph::tensor::{Elements, Tensor};
use crate::graph::{Graph, TensorId, Uses};

/// Folds what can be folded.
pub fn run(graph: &mut Graph) {
    let uses = graph.uses();
    for last in 0..graph.nodes.len() {
        match graph.nodes[last].op {
            Op::BatchNorm { epsilon } => norm(graph, &uses, last, epsilon),
            Op::Binary(Binary::Add) => summand(graph, &uses, last),
            Op::Conv { .. } => padding(graph, &uses, last),
            _ => None,
        };
    }
}

/// Node and weights of the convolution or product that makes a tensor which nothing else reads,
/// with the dimension of its weights along which outputs lie.
fn linear(graph: &Graph, uses: &Uses, tensor: TensorId) -> Option<(usize, usize)> {
    let position = uses.producer(tensor).filter(|_| uses.is_single(tensor))?;
    let node = &graph.nodes[position];
    let rank = graph.tensor(*node.inputs.get(1)?).shape.len();
    let axis = match &node.op {
        Op::Conv { .. } => 0,
        Op::MatMul { transpose_b: true, .. } if rank == 2 => 0,
        Op::MatMul { .. } if rank == 2 => 1,
        _ => return None,
    };
    Some((position, axis))
}

fn floats(graph: &Graph, id: TensorId) -> Option<Vec<f32>> {
    graph.tensor(id).value.as_ref()?.floats().map(<[f32]>::to_vec)
}

/// Replaces node `last` by the linear one in front of it, with these weights and bias.
fn replace(graph: &mut Graph, position: usize, last: usize, weights: TensorId, bias: Vec<f32>) {
    let name = format!("{}/bias", graph.nodes[position].name);
    let bias = graph.add(Tensor::constant(name, &[bias.len()], Elements::F32(bias)));
    let before = graph.nodes[position].clone();
    let origin = merged([&before.origin, &graph.nodes[last].origin]);
    let node = &mut graph.nodes[last];
    node.op = before.op;
    node.inputs = vec![before.inputs[0], weights, bias];
    (node.name, node.origin) = (before.name, origin);
}

fn norm(graph: &mut Graph, uses: &Uses, last: usize, epsilon: f32) -> Option<()> {
    let inputs = graph.nodes[last].inputs.clone();
    let &[x, scale, shift, mean, variance] = inputs.as_slice() else { return None };
    let (position, axis) = linear(graph, uses, x)?;
    let old = graph.nodes[position].inputs.clone();
    // A product's channels are its last dimension, a norm's the second.
    if axis != 0 && graph.tensor(x).shape.len() != 2 {
        return None;
    }
    let (scale, shift) = (floats(graph, scale)?, floats(graph, shift)?);
    let (mean, variance) = (floats(graph, mean)?, floats(graph, variance)?);
    let mut weights = floats(graph, old[1])?;
    let factor: Vec<f64> = scale
        .iter()
        .zip(&variance)
        .map(|(&s, &v)| f64::from(s) / (f64::from(v) + f64::from(epsilon)).sqrt())
        .collect();
    let bias = match old.get(2) {
        Some(&bias) => floats(graph, bias).filter(|bias| bias.len() == factor.len())?,
        None => vec![0.0; factor.len()],
    };
    let tensor = graph.tensor(old[1]).clone();
    let step: usize = tensor.shape[axis + 1..].iter().product();
    for (i, w) in weights.iter_mut().enumerate() {
        *w = (f64::from(*w) * factor[i / step.max(1) % factor.len()]) as f32;
    }
    let bias = (0..factor.len())
        .map(|c| {
            let centred = f64::from(bias[c]) - f64::from(mean[c]);
            (centred * factor[c] + f64::from(shift[c])) as f32
        })
        .collect();
    let weights = graph.add(Tensor::constant(tensor.name, &tensor.shape, Elements::F32(weights)));
    replace(graph, position, last, weights, bias);
    Some(())
}

/// A constant summand per output channel becomes the bias of a layer without one.
fn summand(graph: &mut Graph, uses: &Uses, last: usize) -> Option<()> {
    let &[a, b] = graph.nodes[last].inputs.as_slice() else { return None };
    for (x, constant) in [(a, b), (b, a)] {
        let Some((position, _)) = linear(graph, uses, x) else { continue };
        let node = &graph.nodes[position];
        let (out, tensor) = (graph.tensor(x), graph.tensor(constant));
        let along = match node.op {
            Op::Conv { .. } => 1,
            _ => out.shape.len() - 1,
        };
        // One number per channel: every other extent is 1.
        let shape = &tensor.shape;
        let missing = out.shape.len().checked_sub(shape.len());
        let fits = missing.is_some_and(|missing| {
            shape.iter().enumerate().all(|(d, &extent)| {
                extent == if d + missing == along { out.shape[along] } else { 1 }
            }) && shape.len() + along >= out.shape.len()
        });
        let Some(bias) = floats(graph, constant).filter(|_| fits && node.inputs.len() == 2) else {
            continue;
        };
        if bias.len() != out.shape[along] {
            continue;
        }
        let weights = node.inputs[1];
        replace(graph, position, last, weights, bias);
        return Some(());
    }
    None
}

/// Zeros around the picture become padding of the convolution.
fn padding(graph: &mut Graph, uses: &Uses, last: usize) -> Option<()> {
    let view = View { graph, uses };
    let x = *graph.nodes[last].inputs.first()?;
    let pad = view.maker(x).filter(|_| uses.is_single(x))?;
    let Op::Pad { before, after, padding: Padding::Constant(0.0) } = &pad.op else { return None };
    if before[..2].iter().chain(&after[..2]).any(|&p| p != 0) {
        return None;
    }
    let (before, after, from) = (before[2..].to_vec(), after[2..].to_vec(), pad.inputs[0]);
    let origin = merged([&pad.origin, &graph.nodes[last].origin]);
    let node = &mut graph.nodes[last];
    let Op::Conv { window, .. } = &mut node.op else { return None };
    for (own, more) in [(&mut window.before, before), (&mut window.after, after)] {
        own.iter_mut().zip(more).for_each(|(own, more)| *own += more);
    }
    node.inputs[0] = from;
    node.origin = origin;
    Some(())
}
