//! What patterns ask of a graph.

use crate::graph::op::{Binary, Op, Unary};
use crate::graph::{Graph, Node, TensorId, Uses};

/// A graph with its uses at the beginning of a pass. Nodes may be rewritten in place meanwhile, so
/// that tensors can appear to have more readers than they have.
pub struct View<'g> {
    pub graph: &'g Graph,
    pub uses: &'g Uses,
}

/// A product taken apart: a constant factor, the other factors, and the nodes in between.
#[derive(Debug, Clone, Default)]
pub struct Factors {
    pub constant: f64,
    pub others: Vec<TensorId>,
    pub nodes: Vec<usize>,
}

/// Nodes that a chain of multiplications may go through.
const DEPTH: usize = 6;

impl<'g> View<'g> {
    pub fn position(&self, tensor: TensorId) -> Option<usize> {
        self.uses.producer(tensor)
    }

    pub fn maker(&self, tensor: TensorId) -> Option<&'g Node> {
        self.graph.nodes.get(self.position(tensor)?)
    }

    /// The number that a constant is everywhere.
    pub fn number(&self, tensor: TensorId) -> Option<f64> {
        self.graph.tensor(tensor).uniform().map(f64::from)
    }

    /// Operand of the function that makes a tensor.
    pub fn unary(&self, tensor: TensorId, function: Unary) -> Option<TensorId> {
        let node = self.maker(tensor)?;
        match (&node.op, node.inputs.as_slice()) {
            (Op::Unary(found), &[x]) if *found == function => Some(x),
            _ => None,
        }
    }

    /// Operands of the function that makes a tensor.
    pub fn binary(&self, tensor: TensorId, function: Binary) -> Option<[TensorId; 2]> {
        let node = self.maker(tensor)?;
        match (&node.op, node.inputs.as_slice()) {
            (Op::Binary(found), &[a, b]) if *found == function => Some([a, b]),
            _ => None,
        }
    }

    /// The other operand of a function of which one operand is (nearly) this number.
    pub fn with_number(&self, tensor: TensorId, function: Binary, number: f64) -> Option<TensorId> {
        let [a, b] = self.binary(tensor, function)?;
        let is = |t: TensorId| self.number(t).is_some_and(|n| near(n, number));
        if is(b) { Some(a) } else { is(a).then_some(b) }
    }

    /// The product that makes a tensor, taken apart. Other tensors than this one are taken apart
    /// only where nothing else reads them.
    pub fn factors(&self, tensor: TensorId) -> Factors {
        let mut found = Factors { constant: 1.0, ..Factors::default() };
        self.collect(tensor, 0, &mut found);
        found
    }

    fn collect(&self, tensor: TensorId, depth: usize, found: &mut Factors) {
        if let Some(number) = self.number(tensor) {
            found.constant *= number;
            return;
        }
        if let Some(position) = self.position(tensor)
            && depth < DEPTH
            && (depth == 0 || self.uses.is_single(tensor))
        {
            if let Some([a, b]) = self.binary(tensor, Binary::Mul) {
                found.nodes.push(position);
                self.collect(a, depth + 1, found);
                self.collect(b, depth + 1, found);
                return;
            }
            if let Some([a, b]) = self.binary(tensor, Binary::Div)
                && let Some(number) = self.number(b)
            {
                found.nodes.push(position);
                found.constant /= number;
                self.collect(a, depth + 1, found);
                return;
            }
        }
        found.others.push(tensor);
    }

    /// The ONNX nodes behind the nodes at these positions and `last`, in order, each once.
    pub fn origin(&self, positions: &[usize], last: usize) -> Vec<String> {
        let mut positions: Vec<usize> = positions.iter().copied().chain([last]).collect();
        positions.sort_unstable();
        positions.dedup();
        merged(positions.iter().filter_map(|&p| self.graph.nodes.get(p)).map(|n| &n.origin))
    }
}

/// Lists of ONNX nodes joined, each name once.
pub fn merged<'a>(lists: impl IntoIterator<Item = &'a Vec<String>>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in lists.into_iter().flatten() {
        if !all.contains(name) {
            all.push(name.clone());
        }
    }
    all
}

/// Whether two numbers are the same up to the digits that exporters write.
pub fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-4 * b.abs()
}
