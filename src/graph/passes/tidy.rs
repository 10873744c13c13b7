//! Constants computed, dead nodes removed.

use std::sync::Arc;

use crate::graph::Graph;
use crate::graph::eval::{self, Operand};

/// Most elements of a constant that is computed.
const MOST: usize = 1 << 26;

/// Computes what depends on constants alone; what has no value stays as it is.
pub fn fold(graph: &mut Graph) {
    let nodes = std::mem::take(&mut graph.nodes);
    for node in nodes {
        let operands: Option<Vec<Operand>> = node
            .inputs
            .iter()
            .map(|&id| {
                let tensor = graph.tensor(id);
                Some(Operand { tensor, value: tensor.value.as_deref()? })
            })
            .collect();
        let output = graph.tensor(node.output);
        let value = operands
            .filter(|_| output.len() <= MOST)
            .and_then(|operands| eval::apply(&node.op, node.clamp, &operands, output).ok());
        match value {
            Some(value) => graph.tensor_mut(node.output).value = Some(Arc::new(value)),
            None => graph.nodes.push(node),
        }
    }
}

/// Removes nodes whose result nothing needs.
pub fn dead(graph: &mut Graph) {
    let mut needed = vec![false; graph.tensors().count()];
    for output in &graph.outputs {
        needed[output.0] = true;
    }
    for node in graph.nodes.iter().rev() {
        if needed[node.output.0] {
            node.inputs.iter().for_each(|input| needed[input.0] = true);
        }
    }
    graph.nodes.retain(|node| needed[node.output.0]);
}
