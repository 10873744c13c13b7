//! Activation functions that exporters take apart.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};

use super::view::{Factors, View, near};
use crate::graph::op::{Binary, Op, Unary};
use crate::graph::{Graph, TensorId};

/// Replaces every product that is an activation function of a tensor.
pub fn run(graph: &mut Graph) {
    let uses = graph.uses();
    for last in 0..graph.nodes.len() {
        let view = View { graph, uses: &uses };
        let node = &graph.nodes[last];
        if !matches!(node.op, Op::Unary(_) | Op::Binary(Binary::Mul | Binary::Div)) {
            continue;
        }
        let factors = view.factors(node.output);
        let Some((function, x, inner)) = function(&view, &factors) else { continue };
        let origin = view.origin(&[factors.nodes, inner].concat(), last);
        let node = &mut graph.nodes[last];
        node.op = Op::Unary(function);
        node.inputs = vec![x];
        node.origin = origin;
    }
}

type Found = Option<(Unary, TensorId, Vec<usize>)>;

fn function(view: &View, factors: &Factors) -> Found {
    match *factors.others.as_slice() {
        [a] => hard_sigmoid(view, factors.constant, a),
        [a, b] => {
            let of = |x, other| of_pair(view, factors.constant, x, other);
            of(a, b).or_else(|| of(b, a))
        }
        _ => None,
    }
}

/// Positions of the nodes that make these tensors.
fn makers(view: &View, tensors: &[TensorId]) -> Vec<usize> {
    tensors.iter().filter_map(|&t| view.position(t)).collect()
}

/// Clip(x + 3, 0, 6) / 6.
fn hard_sigmoid(view: &View, constant: f64, clipped: TensorId) -> Found {
    let inner = six(view, clipped).filter(|_| near(constant, 1.0 / 6.0))?;
    let x = view.with_number(inner, Binary::Add, 3.0)?;
    let function = Unary::HardSigmoid { slope: 1.0 / 6.0, shift: 0.5 };
    Some((function, x, makers(view, &[clipped, inner])))
}

/// Operand of a clip between 0 and 6.
fn six(view: &View, tensor: TensorId) -> Option<TensorId> {
    view.unary(tensor, Unary::Clip { min: 0.0, max: 6.0 })
}

/// constant * x * other, where other is a function of x.
fn of_pair(view: &View, constant: f64, x: TensorId, other: TensorId) -> Found {
    let found = |function, inner: &[TensorId]| Some((function, x, makers(view, inner)));
    if near(constant, 1.0) {
        if let Some(inner) = view.unary(other, Unary::Sigmoid) {
            if inner == x {
                return found(Unary::Silu { slope: 1.0 }, &[other]);
            }
            let scaled = view.factors(inner);
            if scaled.others == [x] {
                let slope = scaled.constant as f32;
                return found(Unary::Silu { slope }, &[other, inner]);
            }
        }
        if let Some(node) = view.maker(other)
            && let Op::Unary(Unary::HardSigmoid { slope, shift }) = node.op
            && node.inputs == [x]
            && near(slope.into(), 1.0 / 6.0)
            && near(shift.into(), 0.5)
        {
            return found(Unary::HardSwish, &[other]);
        }
        if let Some(inner) = view.unary(other, Unary::Tanh)
            && view.unary(inner, Unary::Softplus) == Some(x)
        {
            return found(Unary::Mish, &[other, inner]);
        }
    }
    if near(constant, 1.0 / 6.0)
        && let Some(inner) = six(view, other)
        && view.with_number(inner, Binary::Add, 3.0) == Some(x)
    {
        return found(Unary::HardSwish, &[other, inner]);
    }
    // Half of x times 1 + erf or 1 + tanh.
    let bell = view.with_number(other, Binary::Add, 1.0).filter(|_| near(constant, 0.5))?;
    if let Some(inner) = view.unary(bell, Unary::Erf) {
        let scaled = view.factors(inner);
        if scaled.others == [x] && near(scaled.constant, FRAC_1_SQRT_2) {
            return found(Unary::Gelu, &[other, bell, inner]);
        }
    }
    let inner = view.unary(bell, Unary::Tanh)?;
    let nodes = cubic(view, x, inner)?;
    let mut all = makers(view, &[other, bell]);
    all.extend(nodes);
    Some((Unary::GeluTanh, x, all))
}

/// Nodes of sqrt(2 / pi) (x + 0.044715 x^3), in either form, if that makes the tensor.
fn cubic(view: &View, x: TensorId, tensor: TensorId) -> Option<Vec<usize>> {
    let scaled = view.factors(tensor);
    let mut nodes = scaled.nodes.clone();
    nodes.extend(view.position(tensor));
    if !near(scaled.constant, FRAC_2_PI.sqrt()) {
        return None;
    }
    let power = |t: TensorId, degree: usize| -> Option<Vec<usize>> {
        let term = view.factors(t);
        let cube = term.others.as_slice();
        let exponent = degree as f64;
        let plain = cube.len() == degree && cube.iter().all(|&f| f == x);
        let pow = match cube {
            &[p] => view.with_exponent(p) == Some((x, exponent)),
            _ => false,
        };
        let inner = cube.iter().filter(|&&f| f != x).filter_map(|&f| view.position(f));
        (near(term.constant, 0.044_715) && (plain || pow))
            .then(|| inner.chain(term.nodes.iter().copied()).collect())
    };
    match *scaled.others.as_slice() {
        [sum] => {
            let [a, b] = view.binary(sum, Binary::Add)?;
            nodes.extend(view.position(sum));
            nodes.extend(if a == x { power(b, 3) } else { power(a, 3).filter(|_| b == x) }?);
        }
        [a, b] => {
            let sum = if a == x { b } else { a };
            let square = view.with_number(sum, Binary::Add, 1.0)?;
            if a != x && b != x {
                return None;
            }
            nodes.extend(view.position(sum));
            nodes.extend(power(square, 2)?);
        }
        _ => return None,
    }
    Some(nodes)
}

impl View<'_> {
    /// Base and exponent of a power with a constant exponent.
    pub fn with_exponent(&self, tensor: TensorId) -> Option<(TensorId, f64)> {
        let [base, exponent] = self.binary(tensor, Binary::Pow)?;
        Some((base, self.number(exponent)?))
    }
}
