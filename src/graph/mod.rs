//! The compiler's view of a network: tensors with static shapes, element types and quantization;
//! typed operators without strings; and for each the nodes of the ONNX graph it came from.
//!
//! - [`import`] makes a graph of an ONNX file: shapes become static, what is constant is computed.
//! - [`passes`] rewrite it: norms and activations recognised, quantization pulled into operators.
//! - [`eval`] computes it: the only definition of what operators mean, in onnxruntime's arithmetic.
//! - [`show`] prints it.
//!
//! Knows nothing of the machine. Invariants, which [`Graph::check`] verifies: nodes are in
//! topological order, every tensor has at most one producer, constants have none, and shapes and
//! types of results are those that [`infer`] finds.

pub mod eval;
pub mod import;
pub mod infer;
pub mod op;
pub mod passes;
pub mod problem;
pub mod show;
pub mod tensor;

pub use op::{Binary, Op, Padding, PoolKind, ReduceKind, Unary, Window};
pub use problem::{Fault, Problem, Problems};
pub use tensor::{Dtype, Elements, Quantization, Tensor};

/// A tensor of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorId(pub usize);

/// An operator at work.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Name: that of the ONNX node which decides what it computes.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// Operands.
    pub inputs: Vec<TensorId>,
    /// Result.
    pub output: TensorId,
    /// Limits of a quantized result, in its steps, where an activation function was absorbed that
    /// the type's own limits do not make superfluous.
    pub clamp: Option<[i32; 2]>,
    /// The ONNX nodes that it does the work of, in the order of the file.
    pub origin: Vec<String>,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// Operators in topological order.
    pub nodes: Vec<Node>,
    /// Inputs.
    pub inputs: Vec<TensorId>,
    /// Outputs.
    pub outputs: Vec<TensorId>,
    tensors: Vec<Tensor>,
}

/// Who makes and who reads each tensor, as positions in [`Graph::nodes`].
#[derive(Debug, Clone)]
pub struct Uses {
    producers: Vec<Option<usize>>,
    readers: Vec<Vec<usize>>,
    outputs: Vec<bool>,
}

impl Uses {
    /// The node that makes a tensor.
    pub fn producer(&self, tensor: TensorId) -> Option<usize> {
        self.producers.get(tensor.0).copied().flatten()
    }

    /// The nodes that read a tensor, one entry per operand.
    pub fn readers(&self, tensor: TensorId) -> &[usize] {
        self.readers.get(tensor.0).map_or(&[], Vec::as_slice)
    }

    /// Whether one operand of one node is all that reads a tensor.
    pub fn is_single(&self, tensor: TensorId) -> bool {
        self.readers(tensor).len() == 1 && !self.is_output(tensor)
    }

    /// Whether a tensor is an output of the network.
    pub fn is_output(&self, tensor: TensorId) -> bool {
        self.outputs.get(tensor.0).copied().unwrap_or(false)
    }
}

impl Graph {
    /// A tensor.
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        // Identifiers come from `add`, which never removes.
        &self.tensors[id.0]
    }

    /// A tensor to be changed.
    pub fn tensor_mut(&mut self, id: TensorId) -> &mut Tensor {
        &mut self.tensors[id.0]
    }

    /// All tensors, also those that nothing uses any more.
    pub fn tensors(&self) -> impl Iterator<Item = (TensorId, &Tensor)> {
        self.tensors.iter().enumerate().map(|(index, tensor)| (TensorId(index), tensor))
    }

    /// Adds a tensor.
    pub fn add(&mut self, tensor: Tensor) -> TensorId {
        self.tensors.push(tensor);
        TensorId(self.tensors.len() - 1)
    }

    /// The tensors a node reads.
    pub fn operands(&self, node: &Node) -> Vec<&Tensor> {
        node.inputs.iter().map(|&id| self.tensor(id)).collect()
    }

    /// Who makes and reads what.
    pub fn uses(&self) -> Uses {
        let count = self.tensors.len();
        let mut uses = Uses {
            producers: vec![None; count],
            readers: vec![Vec::new(); count],
            outputs: vec![false; count],
        };
        for (position, node) in self.nodes.iter().enumerate() {
            uses.producers[node.output.0] = Some(position);
            for input in &node.inputs {
                uses.readers[input.0].push(position);
            }
        }
        for output in &self.outputs {
            uses.outputs[output.0] = true;
        }
        uses
    }

    /// Lets everything that reads `old` read `new` instead; `new` takes over its names.
    pub fn replace(&mut self, old: TensorId, new: TensorId) {
        for node in &mut self.nodes {
            for input in &mut node.inputs {
                if *input == old {
                    *input = new;
                }
            }
        }
        for output in &mut self.outputs {
            if *output == old {
                *output = new;
            }
        }
        let names = {
            let old = self.tensor(old);
            [vec![old.name.clone()], old.aliases.clone()].concat()
        };
        let tensor = self.tensor_mut(new);
        for name in names {
            if name != tensor.name && !tensor.aliases.contains(&name) {
                tensor.aliases.push(name);
            }
        }
    }

    /// Verifies the invariants; an error is a mistake of a pass.
    pub fn check(&self) -> Result<(), Problem> {
        let mut known = vec![false; self.tensors.len()];
        for (id, tensor) in self.tensors() {
            known[id.0] = tensor.is_constant();
            if tensor.value.as_ref().is_some_and(|value| value.len() != tensor.len()) {
                return Err(broken(&tensor.name, "its elements do not fill its shape"));
            }
        }
        for input in &self.inputs {
            known[input.0] = true;
        }
        for node in &self.nodes {
            if node.inputs.iter().any(|input| !known[input.0]) {
                return Err(broken(&node.name, "it reads what is computed later"));
            }
            if known[node.output.0] {
                return Err(broken(&node.name, "its result is made twice"));
            }
            known[node.output.0] = true;
            let (shape, dtype) = infer::result(&node.op, &self.operands(node), None)
                .map_err(|fault| broken(&node.name, &fault.message))?;
            let output = self.tensor(node.output);
            let free = matches!(
                node.op,
                Op::Reshape | Op::Expand | Op::Slice { .. } | Op::Cast | Op::ConvTranspose { .. }
            );
            if !free && shape != output.shape {
                return Err(broken(&node.name, "its result has another shape than inferred"));
            }
            let quantized =
                output.is_quantized() || self.operands(node).iter().any(|t| t.is_quantized());
            if !free && !quantized && dtype != output.dtype {
                return Err(broken(&node.name, "its result has another type than inferred"));
            }
            if node.clamp.is_some() && !output.is_quantized() {
                return Err(broken(&node.name, "limits on a result that is not quantized"));
            }
        }
        match self.outputs.iter().find(|output| !known[output.0]) {
            Some(&output) => Err(broken(&self.tensor(output).name, "nothing computes this output")),
            None => Ok(()),
        }
    }
}

fn broken(place: &str, what: &str) -> Problem {
    Problem::new(
        format!("`{place}`"),
        format!("the graph is broken: {what}"),
        "this is a mistake in npugen: report it with the model",
    )
}

/// Requantization scale per output channel of a convolution or matrix product with a quantized
/// result, or its scale to binary32: in binary32, in onnxruntime's order.
pub fn requantization(x: &Quantization, w: &Quantization, y: Option<&Quantization>) -> Vec<f32> {
    let (sx, _) = x.at(0);
    let sy = y.map_or(1.0, |y| y.at(0).0);
    w.scales.iter().map(|&sw| sx * sw / sy).collect()
}
