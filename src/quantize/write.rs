//! The quantized file: the float one with nodes added, changed and removed.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::parameters::{self, Layout, Weights};
use super::plan::{Role, operands};
use super::{Calibration, Job, OPSET, Scope};
use crate::graph::import::is_named;
use crate::graph::{Graph, Node, Op, Problem, TensorId, Unary, passes};
use crate::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
};

/// Oldest version of the file format that goes with [`OPSET`].
const IR_VERSION: i64 = 7;

/// Element types and kinds of attributes, as ONNX numbers them.
const FLOAT: i32 = 1;
const INT8: i32 = 3;
const INT32: i32 = 6;
const ATTRIBUTE_INT: i32 = 2;
const ATTRIBUTE_INTS: i32 = 7;

/// The quantized network.
pub fn file(job: &Job, calibration: &Calibration) -> Result<ModelProto, Vec<Problem>> {
    let mut proto = job.proto.clone();
    let Some(graph) = proto.graph.take() else { return Ok(proto) };
    let mut writer = Writer::new(job, calibration, graph);
    let mut problems = Vec::new();
    for (position, node) in job.graph.nodes.iter().enumerate() {
        let role = job.plan.roles[position];
        let done = match role {
            Role::Weights(axis) => writer.layer(node, axis),
            Role::Norm => writer.norm(node),
            Role::Absorbed => writer.activation(node),
            _ => Some(()),
        };
        if done.is_none() {
            problems.push(Problem::new(
                format!("node `{}` ({})", node.name, node.op.name()),
                "the file has no node of this name with these operands",
                format!("leave it float with `--exclude {}`", node.name),
            ));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    writer.activations();
    proto.graph = Some(writer.finish());
    proto.ir_version = proto.ir_version.max(IR_VERSION);
    env!("CARGO_PKG_NAME").clone_into(&mut proto.producer_name);
    let standard = |set: &&mut OperatorSetIdProto| ["", "ai.onnx"].contains(&set.domain.as_str());
    match proto.opset_import.iter_mut().find(standard) {
        Some(set) => set.version = set.version.max(OPSET),
        None => {
            let set = OperatorSetIdProto { domain: String::new(), version: OPSET };
            proto.opset_import.push(set);
        }
    }
    Ok(proto)
}

struct Writer<'j> {
    job: &'j Job,
    graph: &'j Graph,
    calibration: &'j Calibration,
    proto: GraphProto,
    /// The nodes of the file, those removed as none.
    nodes: Vec<Option<NodeProto>>,
    /// Nodes to be put in front of those of the file and behind them; the first ones behind inputs
    /// and constants.
    before: HashMap<usize, Vec<NodeProto>>,
    behind: HashMap<usize, Vec<NodeProto>>,
    first: Vec<NodeProto>,
    /// Names in use.
    names: HashSet<String>,
}

impl<'j> Writer<'j> {
    fn new(job: &'j Job, calibration: &'j Calibration, mut proto: GraphProto) -> Writer<'j> {
        let nodes: Vec<Option<NodeProto>> =
            std::mem::take(&mut proto.node).into_iter().map(Some).collect();
        let mut names: HashSet<String> =
            proto.initializer.iter().map(|tensor| tensor.name.clone()).collect();
        names.extend(proto.input.iter().map(|input| input.name.clone()));
        for node in nodes.iter().flatten() {
            names.extend(node.output.iter().cloned());
            names.insert(node.name.clone());
        }
        Writer {
            job,
            graph: &job.graph,
            calibration,
            proto,
            nodes,
            before: HashMap::new(),
            behind: HashMap::new(),
            first: Vec::new(),
            names,
        }
    }

    /// A name that nothing has.
    fn unique(&mut self, base: &str) -> String {
        let mut name = base.to_owned();
        let mut count = 1;
        while !self.names.insert(name.clone()) {
            count += 1;
            name = format!("{base}_{count}");
        }
        name
    }

    fn constant(&mut self, base: &str, kind: i32, dims: &[usize], raw_data: Vec<u8>) -> String {
        let name = self.unique(base);
        self.proto.initializer.push(TensorProto {
            name: name.clone(),
            data_type: kind,
            dims: dims.iter().map(|&extent| extent as i64).collect(),
            raw_data,
            ..TensorProto::default()
        });
        name
    }

    /// Scales and zero points as constants; one pair is a scalar.
    fn steps(&mut self, base: &str, scales: &[f32], zeros: (i32, Vec<u8>)) -> [String; 2] {
        let dims = if scales.len() == 1 { vec![] } else { vec![scales.len()] };
        let raw = scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
        let scale = self.constant(&format!("{base}_scale"), FLOAT, &dims, raw);
        [scale, self.constant(&format!("{base}_zero_point"), zeros.0, &dims, zeros.1)]
    }

    /// Position of the node that makes a tensor.
    fn maker(&self, tensor: &str) -> Option<usize> {
        let makes = |node: &NodeProto| node.output.iter().any(|name| name == tensor);
        self.nodes.iter().position(|node| node.as_ref().is_some_and(makes))
    }

    fn named(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.as_ref().is_some_and(|node| node.name == name))
    }

    fn quant(&self, id: TensorId) -> Option<(f32, i32)> {
        self.calibration.groups.get(*self.job.plan.tensors.get(&id)?).copied()
    }

    fn floats(&self, id: TensorId) -> Option<&'j [f32]> {
        self.graph.tensor(id).value.as_ref()?.floats()
    }

    /// A convolution or a product with constant weights.
    fn layer(&mut self, node: &Node, axis: Option<usize>) -> Option<()> {
        let at = self.named(&node.name)?;
        let (x, w) = (*node.inputs.first()?, *node.inputs.get(1)?);
        let weights = self.graph.tensor(w);
        let layout = match axis {
            Some(axis) => {
                let channels = weights.shape[axis];
                let step = weights.shape[axis + 1..].iter().product();
                Layout { channels, step, depth: weights.len() / channels.max(1) }
            }
            None => {
                let depth = weights.shape.iter().rev().take(2).copied().max().unwrap_or(1);
                Layout { channels: 1, step: 1, depth }
            }
        };
        let columns = self.graph.tensor(node.output).shape.last().copied().unwrap_or(1);
        let bias = match node.inputs.get(2) {
            // A bias of one number is one for every column.
            Some(&bias) => Some(match (self.floats(bias)?, &node.op) {
                (&[one], Op::MatMul { .. }) => vec![one; columns],
                (values, _) => values.to_vec(),
            }),
            None => None,
        };
        let (scale, _) = self.quant(x)?;
        let made = parameters::weights(self.floats(w)?, layout, bias.as_deref(), scale);
        // A product of more dimensions has no bias in ONNX: the addition behind it stays.
        let flat = self.graph.tensor(node.output).shape.len() == 2;
        let kind = self.nodes[at].as_ref()?.op_type.clone();
        let separate = kind == "MatMul" && !flat;
        let base = match is_named(weights) {
            true => weights.name.clone(),
            false => format!("{}_weight", node.name),
        };
        let w = self.weights(at, &base, &weights.shape, axis, &made);
        let mut inputs = vec![self.graph.tensor(x).name.clone(), w];
        if let (Some(bias), false) = (&made.bias, separate) {
            inputs.push(self.bias(at, &format!("{}_bias", node.name), bias, &made.bias_scales));
        }
        let output = self.graph.tensor(node.output).name.clone();
        let biased = inputs.len() == 3;
        let changed = self.nodes[at].as_mut()?;
        match &node.op {
            Op::Conv { window, .. } => {
                let pads = window.before.iter().chain(&window.after).map(|&p| p as i64).collect();
                changed.attribute.retain(|a| a.name != "pads" && a.name != "auto_pad");
                changed.attribute.push(ints("pads", pads));
            }
            Op::MatMul { transpose_a, transpose_b } if biased || kind == "Gemm" => {
                "Gemm".clone_into(&mut changed.op_type);
                changed.domain.clear();
                changed.attribute = [("transA", transpose_a), ("transB", transpose_b)]
                    .into_iter()
                    .filter(|(_, turned)| **turned)
                    .map(|(name, _)| int(name, 1))
                    .collect();
            }
            _ => {}
        }
        changed.input = inputs;
        if !separate {
            self.rename_output(at, output);
        }
        Some(())
    }

    /// Lets a node make a tensor that another one made.
    fn rename_output(&mut self, at: usize, output: String) {
        if let Some(other) = self.maker(&output).filter(|&other| other != at) {
            self.nodes[other] = None;
        }
        if let Some(slot) = self.nodes[at].as_mut().and_then(|node| node.output.first_mut()) {
            *slot = output;
        }
    }

    /// Adds weights and their dequantization in front of a node; the name of the result.
    fn weights(
        &mut self,
        at: usize,
        base: &str,
        shape: &[usize],
        axis: Option<usize>,
        made: &Weights,
    ) -> String {
        let raw = made.bytes.iter().map(|v| v.cast_unsigned()).collect();
        let name = self.constant(&format!("{base}_quantized"), INT8, shape, raw);
        let zeros = (INT8, vec![0; made.scales.len()]);
        let [scale, zero] = self.steps(base, &made.scales, zeros);
        let axis = axis.filter(|_| made.scales.len() > 1);
        self.dequantize(at, base, [name, scale, zero], axis)
    }

    fn bias(&mut self, at: usize, base: &str, values: &[i32], scales: &[f32]) -> String {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let name = self.constant(&format!("{base}_quantized"), INT32, &[values.len()], raw);
        let zeros = (INT32, vec![0; scales.len() * 4]);
        let [scale, zero] = self.steps(base, scales, zeros);
        self.dequantize(at, base, [name, scale, zero], (scales.len() > 1).then_some(0))
    }

    fn dequantize(
        &mut self,
        at: usize,
        base: &str,
        inputs: [String; 3],
        axis: Option<usize>,
    ) -> String {
        let mut node = self.conversion("DequantizeLinear", base, inputs);
        node.attribute.extend(axis.map(|axis| int("axis", axis as i64)));
        let output = node.output[0].clone();
        self.before.entry(at).or_default().push(node);
        output
    }

    /// A node that quantizes or dequantizes, named after the tensor.
    fn conversion(&mut self, kind: &str, base: &str, inputs: [String; 3]) -> NodeProto {
        NodeProto {
            name: self.unique(&format!("{base}_{kind}")),
            output: vec![self.unique(&format!("{base}_{kind}_Output"))],
            op_type: kind.to_owned(),
            input: inputs.to_vec(),
            ..NodeProto::default()
        }
    }

    /// A batch norm by itself becomes a convolution with one weight per channel.
    fn norm(&mut self, node: &Node) -> Option<()> {
        let at = self.named(&node.name)?;
        let &[x, scale, shift, mean, variance] = node.inputs.as_slice() else { return None };
        let Op::BatchNorm { epsilon } = node.op else { return None };
        let (gain, shift) = (self.floats(scale)?, self.floats(shift)?);
        let (mean, variance) = (self.floats(mean)?, self.floats(variance)?);
        let mut weights = Vec::new();
        let mut bias = Vec::new();
        for c in 0..gain.len() {
            let spread = (f64::from(variance[c]) + f64::from(epsilon)).sqrt();
            let factor = f64::from(gain[c]) / spread;
            weights.push(factor as f32);
            bias.push((f64::from(shift[c]) - f64::from(mean[c]) * factor) as f32);
        }
        let channels = weights.len();
        let layout = Layout { channels, step: 1, depth: 1 };
        let made = parameters::weights(&weights, layout, Some(&bias), self.quant(x)?.0);
        let spatial = self.graph.tensor(x).shape.len() - 2;
        let shape = [vec![channels, 1], vec![1; spatial]].concat();
        let name = node.name.clone();
        let w = self.weights(at, &format!("{name}_weight"), &shape, Some(0), &made);
        let bias = made.bias.unwrap_or_default();
        let bias = self.bias(at, &format!("{name}_bias"), &bias, &made.bias_scales);
        let changed = self.nodes[at].as_mut()?;
        "Conv".clone_into(&mut changed.op_type);
        changed.attribute =
            vec![int("group", channels as i64), ints("kernel_shape", vec![1; spatial])];
        changed.input = vec![self.graph.tensor(x).name.clone(), w, bias];
        changed.output.truncate(1);
        Some(())
    }

    /// Relu or Clip: nothing where the quantization behind it gives the same.
    fn activation(&mut self, node: &Node) -> Option<()> {
        let quant = self.quant(node.output)?;
        let (min, max) = match node.op {
            Op::Unary(Unary::Relu) => (0.0, f32::INFINITY),
            Op::Unary(Unary::Clip { min, max }) => (min, max),
            _ => return None,
        };
        if passes::step(min, quant) > -128 || passes::step(max, quant) < 127 {
            return Some(());
        }
        let x = &self.graph.tensor(*node.inputs.first()?).name;
        let at = self.maker(x)?;
        let output = self.graph.tensor(node.output).name.clone();
        self.rename_output(at, output);
        Some(())
    }

    /// Quantizes tensors and lets their readers read what is dequantized.
    fn activations(&mut self) {
        // What is read instead, by name; of constants by node and name.
        let mut instead: HashMap<String, String> = HashMap::new();
        let mut within: HashMap<(String, String), String> = HashMap::new();
        // Nodes of the file that compute with integers.
        let mut quantized: HashSet<String> = HashSet::new();
        for (position, node) in self.graph.nodes.iter().enumerate() {
            if self.job.plan.roles[position].is_quantized() {
                quantized.extend(node.origin.iter().chain([&node.name]).cloned());
            }
        }
        let everywhere = self.job.options.scope == Scope::All;
        let tensors: Vec<TensorId> = self.job.plan.tensors.keys().copied().collect();
        for id in tensors {
            let Some(quant) = self.quant(id) else { continue };
            let tensor = self.graph.tensor(id);
            if let Some(values) = self.floats(id) {
                self.operand(id, values, quant, &mut within);
                continue;
            }
            if !is_named(tensor) {
                continue;
            }
            let known: Vec<String> =
                [&tensor.name].into_iter().chain(&tensor.aliases).cloned().collect();
            let results: Vec<String> = known
                .iter()
                .filter(|name| everywhere && self.proto.output.iter().any(|o| o.name == **name))
                .cloned()
                .collect();
            let at = self.maker(&tensor.name);
            let mut source = tensor.name.clone();
            if let (true, Some(at)) = (results.contains(&source), at) {
                source = self.unique(&format!("{source}_float"));
                let renamed = source.clone();
                let node = self.nodes[at].as_mut();
                let outputs = node.into_iter().flat_map(|node| &mut node.output);
                outputs.filter(|name| **name == tensor.name).for_each(|name| {
                    name.clone_from(&renamed);
                });
            }
            let zero = vec![(quant.1 as i8).cast_unsigned()];
            let [scale, zero] = self.steps(&tensor.name, &[quant.0], (INT8, zero));
            let inputs = [source, scale.clone(), zero.clone()];
            let bytes = self.conversion("QuantizeLinear", &tensor.name, inputs);
            let mut added = vec![bytes.clone()];
            let inputs = [bytes.output[0].clone(), scale, zero];
            for result in &results {
                // An input that is an output as well stays as it is.
                if at.is_none() && *result == tensor.name {
                    continue;
                }
                let mut real = self.conversion("DequantizeLinear", &tensor.name, inputs.clone());
                if let Some(other) = self.maker(result) {
                    self.nodes[other] = None;
                }
                real.output = vec![result.clone()];
                added.push(real);
            }
            let real = match added.get(1) {
                Some(real) => real.output[0].clone(),
                None => {
                    let real = self.conversion("DequantizeLinear", &tensor.name, inputs);
                    let output = real.output[0].clone();
                    added.push(real);
                    output
                }
            };
            match at {
                Some(at) => self.behind.entry(at).or_default().extend(added),
                None => self.first.extend(added),
            }
            instead.extend(known.into_iter().map(|name| (name, real.clone())));
        }
        for node in self.nodes.iter_mut().flatten() {
            let takes = everywhere || quantized.contains(&node.name);
            for input in &mut node.input {
                let key = (node.name.clone(), input.clone());
                let other = within.get(&key).or_else(|| instead.get(input).filter(|_| takes));
                if let Some(other) = other {
                    input.clone_from(other);
                }
            }
        }
    }

    /// A constant that is an operand of quantized nodes.
    fn operand(
        &mut self,
        id: TensorId,
        values: &[f32],
        quant: (f32, i32),
        within: &mut HashMap<(String, String), String>,
    ) {
        let tensor = self.graph.tensor(id);
        let raw = parameters::bytes(values, quant).into_iter().map(i8::cast_unsigned).collect();
        let base = match is_named(tensor) {
            true => tensor.name.clone(),
            false => format!("constant_{}", id.0),
        };
        let name = self.constant(&format!("{base}_quantized"), INT8, &tensor.shape, raw);
        let zero = vec![(quant.1 as i8).cast_unsigned()];
        let [scale, zero] = self.steps(&base, &[quant.0], (INT8, zero));
        let node = self.conversion("DequantizeLinear", &base, [name, scale, zero]);
        let real = node.output[0].clone();
        self.first.push(node);
        for (position, node) in self.graph.nodes.iter().enumerate() {
            let role = self.job.plan.roles[position];
            if !operands(node, role).contains(&id) {
                continue;
            }
            for label in node.origin.iter().chain([&node.name]) {
                for known in [&tensor.name].into_iter().chain(&tensor.aliases) {
                    within.insert((label.clone(), known.clone()), real.clone());
                }
            }
        }
    }

    /// The graph with what is still needed.
    fn finish(mut self) -> GraphProto {
        let mut nodes = self.first;
        for (position, node) in self.nodes.into_iter().enumerate() {
            nodes.extend(self.before.remove(&position).unwrap_or_default());
            nodes.extend(node);
            nodes.extend(self.behind.remove(&position).unwrap_or_default());
        }
        let mut needed: BTreeSet<String> =
            self.proto.output.iter().map(|output| output.name.clone()).collect();
        // Repeated, as nodes of a file need not be in order.
        loop {
            let before = needed.len();
            for node in nodes.iter().rev() {
                if node.output.iter().any(|name| needed.contains(name)) {
                    needed.extend(node.input.iter().cloned());
                }
            }
            if needed.len() == before {
                break;
            }
        }
        nodes.retain(|node| node.output.iter().any(|name| needed.contains(name)));
        let constants: HashSet<String> =
            self.proto.initializer.iter().map(|tensor| tensor.name.clone()).collect();
        self.proto.initializer.retain(|tensor| needed.contains(&tensor.name));
        self.proto
            .input
            .retain(|input| !constants.contains(&input.name) || needed.contains(&input.name));
        self.proto.node = nodes;
        self.proto
    }
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i, r#type: ATTRIBUTE_INT, ..AttributeProto::default() }
}

fn ints(name: &str, ints: Vec<i64>) -> AttributeProto {
    let r#type = ATTRIBUTE_INTS;
    AttributeProto { name: name.to_owned(), ints, r#type, ..AttributeProto::default() }
}
