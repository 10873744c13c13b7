//! Norms and softmax that exporters take apart.

use super::view::View;
use crate::graph::op::{Binary, Op, ReduceKind, Unary};
use crate::graph::tensor::{Elements, Tensor};
use crate::graph::{Graph, TensorId};

/// Replaces normalisations; then scales and biases behind them become theirs.
pub fn run(graph: &mut Graph) {
    let uses = graph.uses();
    for last in 0..graph.nodes.len() {
        let view = View { graph, uses: &uses };
        if let Some((axis, x, nodes)) = softmax(&view, last) {
            let origin = view.origin(&nodes, last);
            let node = &mut graph.nodes[last];
            (node.op, node.inputs, node.origin) =
                (Op::Softmax { axis, log: false }, vec![x], origin);
        } else if let Some(found) = normalised(&view, last) {
            let origin = view.origin(&found.nodes, last);
            let row = graph.tensor(found.x).shape[found.axis..].to_vec();
            let ones = Elements::F32(vec![1.0; row.iter().product()]);
            let name = format!("{}/scale", graph.nodes[last].name);
            let scale = graph.add(Tensor::constant(name, &row, ones));
            let (axis, epsilon) = (found.axis, found.epsilon as f32);
            let node = &mut graph.nodes[last];
            node.op = match found.centred {
                true => Op::LayerNorm { axis, epsilon },
                false => Op::RmsNorm { axis, epsilon },
            };
            (node.inputs, node.origin) = (vec![found.x, scale], origin);
        } else {
            absorb(graph, &uses, last);
        }
    }
}

/// The dimensions from one on, if these are all that remain.
fn trailing(axes: &[usize], rank: usize) -> Option<usize> {
    let &first = axes.first()?;
    axes.iter().copied().eq(first..rank).then_some(first)
}

/// Operand and dimensions of a reduction that keeps its dimensions.
fn reduction(view: &View, tensor: TensorId, wanted: ReduceKind) -> Option<(TensorId, Vec<usize>)> {
    let node = view.maker(tensor)?;
    match &node.op {
        Op::Reduce { kind, axes, keep: true } if *kind == wanted => {
            Some((*node.inputs.first()?, axes.clone()))
        }
        _ => None,
    }
}

/// e^(x - max x) / sum of that, or without the maximum.
fn softmax(view: &View, last: usize) -> Option<(usize, TensorId, Vec<usize>)> {
    let output = view.graph.nodes[last].output;
    let [above, below] = view.binary(output, Binary::Div)?;
    let inner = view.unary(above, Unary::Exp)?;
    let (summed, axes) = reduction(view, below, ReduceKind::Sum)?;
    let &[axis] = axes.as_slice() else { return None };
    if summed != above {
        return None;
    }
    let mut nodes = vec![view.position(above)?, view.position(below)?];
    if let Some([x, largest]) = view.binary(inner, Binary::Sub)
        && let Some((of, along)) = reduction(view, largest, ReduceKind::Max)
        && of == x
        && along == [axis]
    {
        nodes.extend([view.position(inner)?, view.position(largest)?]);
        return Some((axis, x, nodes));
    }
    Some((axis, inner, nodes))
}

struct Normalised {
    x: TensorId,
    axis: usize,
    epsilon: f64,
    centred: bool,
    nodes: Vec<usize>,
}

/// d / sqrt(mean of d^2 + epsilon), where d is x or x less its mean.
fn normalised(view: &View, last: usize) -> Option<Normalised> {
    let output = view.graph.nodes[last].output;
    let pairs: Vec<(TensorId, TensorId)> =
        match (view.binary(output, Binary::Div), view.binary(output, Binary::Mul)) {
            (Some([d, root]), _) => {
                let inner = view.unary(root, Unary::Sqrt)?;
                return with(view, d, inner, vec![view.position(root)?]);
            }
            (_, Some([a, b])) => vec![(a, b), (b, a)],
            _ => return None,
        };
    pairs.into_iter().find_map(|(d, factor)| {
        if let Some(root) = view.unary(factor, Unary::Reciprocal) {
            let inner = view.unary(root, Unary::Sqrt)?;
            return with(view, d, inner, vec![view.position(factor)?, view.position(root)?]);
        }
        if let Some([one, root]) = view.binary(factor, Binary::Div)
            && view.number(one) == Some(1.0)
        {
            let inner = view.unary(root, Unary::Sqrt)?;
            return with(view, d, inner, vec![view.position(factor)?, view.position(root)?]);
        }
        let (inner, exponent) = view.with_exponent(factor)?;
        let nodes = vec![view.position(factor)?];
        if exponent == -0.5 { with(view, d, inner, nodes) } else { None }
    })
}

/// `inner` is the mean of the squares of `d`, plus epsilon.
fn with(view: &View, d: TensorId, inner: TensorId, mut nodes: Vec<usize>) -> Option<Normalised> {
    let [a, b] = view.binary(inner, Binary::Add)?;
    let (mean, epsilon) = match (view.number(a), view.number(b)) {
        (_, Some(epsilon)) => (a, epsilon),
        (Some(epsilon), _) => (b, epsilon),
        _ => return None,
    };
    let (squares, axes) = reduction(view, mean, ReduceKind::Mean)?;
    let axis = trailing(&axes, view.graph.tensor(d).shape.len())?;
    let squared = |s: TensorId| match view.with_exponent(s) {
        Some((base, 2.0)) => Some(base),
        Some(_) => None,
        None => view.binary(s, Binary::Mul).filter(|[a, b]| a == b).map(|[a, _]| a),
    };
    let base = squared(squares)?;
    for tensor in [inner, mean, squares] {
        nodes.extend(view.position(tensor));
    }
    // The difference may be computed twice.
    let centre = |t: TensorId| -> Option<TensorId> {
        let [x, m] = view.binary(t, Binary::Sub)?;
        let (of, along) = reduction(view, m, ReduceKind::Mean)?;
        (of == x && along == axes).then_some(x)
    };
    if base != d && (centre(base).is_none() || centre(base) != centre(d)) {
        return None;
    }
    let Some(x) = centre(d) else {
        return Some(Normalised { x: d, axis, epsilon, centred: false, nodes });
    };
    for tensor in [d, base] {
        nodes.extend(view.position(tensor));
        nodes.extend(view.binary(tensor, Binary::Sub).and_then(|[_, m]| view.position(m)));
    }
    Some(Normalised { x, axis, epsilon, centred: true, nodes })
}

/// A constant factor or summand behind a norm becomes its own.
fn absorb(graph: &mut Graph, uses: &crate::graph::Uses, last: usize) {
    let node = &graph.nodes[last];
    let (Op::Binary(function @ (Binary::Mul | Binary::Add)), &[a, b]) =
        (&node.op, node.inputs.as_slice())
    else {
        return;
    };
    let function = *function;
    let view = View { graph, uses };
    for (normed, parameter) in [(a, b), (b, a)] {
        let Some(norm) = view.maker(normed).filter(|_| uses.is_single(normed)) else { continue };
        let (axis, centred) = match norm.op {
            Op::LayerNorm { axis, .. } => (axis, true),
            Op::RmsNorm { axis, .. } => (axis, false),
            _ => continue,
        };
        let row: Vec<usize> = graph.tensor(normed).shape[axis..].to_vec();
        let tensor = graph.tensor(parameter);
        // Of the row's shape, perhaps with ones in front.
        let missing = tensor.shape.len().saturating_sub(row.len());
        let fits = tensor.shape[missing..] == row
            && tensor.shape[..missing].iter().all(|&extent| extent == 1)
            && tensor.shape.len() <= graph.tensor(normed).shape.len();
        let Some(value) = tensor.value.clone().filter(|_| fits) else { continue };
        let mut inputs = norm.inputs.clone();
        let plain = inputs.get(1).is_some_and(|&s| graph.tensor(s).uniform() == Some(1.0));
        let takes = match function {
            Binary::Mul => inputs.len() == 2 && plain,
            _ => inputs.len() == 2 && centred,
        };
        if !takes {
            continue;
        }
        let (op, name) = (norm.op.clone(), tensor.name.clone());
        let origin = view.origin(&view.position(normed).into_iter().collect::<Vec<_>>(), last);
        let constant = graph.add(Tensor {
            shape: row,
            value: Some(value),
            ..Tensor::new(name, &[], crate::graph::Dtype::F32)
        });
        match function {
            Binary::Mul => inputs[1] = constant,
            _ => inputs.push(constant),
        }
        let node = &mut graph.nodes[last];
        (node.op, node.inputs, node.origin) = (op, inputs, origin);
        return;
    }
}
