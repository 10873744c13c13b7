//! From a float network to a quantized one: an ONNX file with QuantizeLinear and DequantizeLinear
//! around the operators, which onnxruntime runs and the compiler takes.
//!
//! ```text
//! file -> Job (graph, plan) -> calibrate -> write -> file -> measure -> Report
//! ```
//!
//! The graph decides ([`plan`]) and computes; the file is changed node by node ([`write`]), so that
//! what is not quantized stays as it was written. Formulas are in [`parameters`],
//! `docs/quantize.md` tells the whole. Knows nothing of the machine.

pub mod measure;
mod opset;
pub mod parameters;
pub mod plan;
pub mod range;
mod write;

use std::collections::{HashMap, HashSet};

use crate::graph::import::{self, place};
use crate::graph::{Elements, Graph, Problem, TensorId, eval, passes};
use crate::onnx::proto::{GraphProto, ModelProto};
use crate::onnx::{self, Model};
pub use opset::OPSET;
use parameters::{Range, SCALES, activation};
use plan::{Plan, Role, plan};
use range::Seen;

/// Which operators are quantized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// All that can be, with their results.
    #[default]
    All,
    /// Products with constant matrices, whose results stay binary32.
    Gemm,
    /// Products with constant matrices and of two activations, whose results stay binary32.
    Products,
}

/// How ranges follow from values.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Method {
    /// From the smallest to the largest value.
    #[default]
    MinMax,
    /// This percentage of the values, as many left out on each side.
    Percentile(f64),
}

/// What the user asks for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which operators.
    pub scope: Scope,
    /// How ranges are found.
    pub method: Method,
    /// Nodes that stay float.
    pub exclude: Vec<String>,
    /// ONNX operators that alone are quantized; all where there is none.
    pub only: Vec<String>,
}

/// A network to be quantized.
#[derive(Debug, Clone)]
pub struct Job {
    proto: ModelProto,
    graph: Graph,
    plan: Plan,
    options: Options,
}

/// What the calibration found.
#[derive(Debug, Clone)]
pub struct Calibration {
    /// Ranges of the quantized tensors, by tensor.
    pub ranges: HashMap<TensorId, Range>,
    /// Scale and zero point of each group of tensors.
    pub groups: Vec<(f32, i32)>,
}

fn whole(message: impl Into<String>, remedy: impl Into<String>) -> Vec<Problem> {
    vec![Problem::new("the network", message, remedy)]
}

/// The ONNX element types that hold numbers in another width than binary32.
const OTHER_FLOATS: [i32; 3] = [10, 11, 16];

impl Job {
    /// Reads a file and decides what is quantized.
    pub fn new(
        file: &[u8],
        shapes: impl FnOnce(&Model, &mut import::Options) -> Result<(), Vec<Problem>>,
        options: Options,
    ) -> Result<Job, Vec<Problem>> {
        let unreadable = |error: onnx::OnnxError| {
            let remedy = "check the file with `onnx.checker.check_model`";
            vec![Problem::new("the file", error.to_string(), remedy)]
        };
        let mut proto = onnx::decode(file).map_err(unreadable)?;
        if let Some(graph) = &mut proto.graph {
            give_names(graph);
        }
        let model = Model::from_proto(proto.clone()).map_err(unreadable)?;
        let mut given = import::Options::default();
        shapes(&model, &mut given)?;
        refuse(&proto, &model)?;
        let mut graph = import::graph(&model, &given)?;
        opset::raise(&mut proto, &graph)?;
        passes::prepare(&mut graph).map_err(|fault| whole(fault.message, fault.remedy))?;
        let kinds: HashMap<String, String> =
            model.nodes.iter().map(|node| (node.name.clone(), node.op_type.clone())).collect();
        known(&options, &model)?;
        let plan = plan(&graph, &kinds, &options);
        if !plan.roles.iter().any(|&role| role.is_quantized() && role != Role::Moves) {
            return Err(whole(
                format!(
                    "none of its {} operators can be quantized with these options",
                    graph.nodes.len()
                ),
                "leave out --gemm-only, --only-types and --exclude",
            ));
        }
        fix_shapes(&mut proto, &graph);
        Ok(Job { proto, graph, plan, options })
    }

    /// The float network.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// What is quantized.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Runs inputs through the float network and chooses scales. `done` is told of every run.
    pub fn calibrate(
        &self,
        runs: &[Vec<Elements>],
        mut done: impl FnMut(),
    ) -> Result<Calibration, Vec<Problem>> {
        let histogram = matches!(self.options.method, Method::Percentile(_));
        let mut seen: Vec<(TensorId, Seen)> =
            self.plan.tensors.keys().map(|&id| (id, Seen::new(histogram))).collect();
        for (index, run) in runs.iter().enumerate() {
            let values = eval::run(&self.graph, run).map_err(|problem| vec![problem])?;
            for (id, seen) in &mut seen {
                // Constants are the same in every run.
                let once = self.graph.tensor(*id).is_constant() && index > 0;
                if let Some(Elements::F32(values)) = values.get(id).map(AsRef::as_ref)
                    && !once
                {
                    seen.add(values);
                }
            }
            done();
        }
        self.choose(&seen)
    }

    /// Scales and zero points from what was seen.
    fn choose(&self, seen: &[(TensorId, Seen)]) -> Result<Calibration, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut ranges = HashMap::new();
        let mut joined: Vec<Option<Range>> = vec![None; self.plan.symmetric.len()];
        for (id, seen) in seen {
            let tensor = self.graph.tensor(*id);
            let cut = match self.options.method {
                Method::Percentile(percentile) if !tensor.is_constant() => {
                    (1.0 - percentile / 100.0) / 2.0
                }
                _ => 0.0,
            };
            if seen.strange() > 0 {
                problems.push(self.at(
                    *id,
                    format!(
                        "{} of its values are infinite or no numbers, which int8 cannot hold",
                        seen.strange()
                    ),
                ));
                continue;
            }
            let Some(range) = seen.range(cut) else {
                problems.push(self.at(*id, "it has no values".to_owned()));
                continue;
            };
            ranges.insert(*id, range);
            if let Some(slot) = self.plan.tensors.get(id).and_then(|&group| joined.get_mut(group)) {
                let [low, high] = slot.unwrap_or(range);
                *slot = Some([low.min(range[0]), high.max(range[1])]);
            }
        }
        let mut groups = Vec::new();
        for (group, range) in joined.iter().enumerate() {
            let symmetric = self.plan.symmetric.get(group).copied().unwrap_or(false);
            let quant = activation(range.unwrap_or([0.0, 0.0]), symmetric);
            groups.push(quant);
            let member = self.plan.tensors.iter().find(|(_, g)| **g == group);
            if let (Some((id, _)), false) = (member, SCALES.contains(&f64::from(quant.0))) {
                let [low, high] = range.unwrap_or([0.0, 0.0]);
                let message = format!(
                    "its range [{low:e}, {high:e}] asks for a scale of {:e}, but 2^-100 to 2^64 are allowed",
                    quant.0
                );
                problems.push(self.at(*id, message));
            }
        }
        if problems.is_empty() { Ok(Calibration { ranges, groups }) } else { Err(problems) }
    }

    /// A problem of a tensor.
    fn at(&self, id: TensorId, message: String) -> Problem {
        let name = &self.graph.tensor(id).name;
        let uses = self.graph.uses();
        let maker = uses.producer(id).or_else(|| uses.readers(id).first().copied());
        let node = maker.and_then(|position| self.graph.nodes.get(position));
        match node {
            Some(node) => Problem::new(
                format!("node `{}` ({}), tensor `{name}`", node.name, node.op.name()),
                message,
                format!(
                    "leave it float with `--exclude {}`, or take other calibration data",
                    node.name
                ),
            ),
            None => Problem::new(
                format!("tensor `{name}`"),
                message,
                "take other calibration data".to_owned(),
            ),
        }
    }

    /// The quantized file.
    pub fn write(&self, calibration: &Calibration) -> Result<Vec<u8>, Vec<Problem>> {
        write::file(self, calibration).map(|proto| onnx::encode(&proto))
    }
}

/// Every node gets a name of its own, by which it is found again.
fn give_names(graph: &mut GraphProto) {
    let mut taken = HashSet::new();
    for (index, node) in graph.node.iter_mut().enumerate() {
        if node.name.is_empty() {
            node.name = format!("{}_{index}", node.op_type);
        }
        while !taken.insert(node.name.clone()) {
            node.name = format!("{}_{index}", node.name);
        }
    }
}

/// What cannot be quantized whatever its values.
fn refuse(proto: &ModelProto, model: &Model) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    for (index, node) in model.nodes.iter().enumerate() {
        let quantized = ["QuantizeLinear", "DequantizeLinear", "ConvInteger", "MatMulInteger"];
        if quantized.contains(&node.op_type.as_str()) || node.op_type.starts_with("QLinear") {
            problems.push(Problem::new(
                place(node, index),
                "the network is quantized already",
                "give the float network, or compile this one as it is",
            ));
            break;
        }
    }
    let constants = proto.graph.iter().flat_map(|graph| &graph.initializer);
    if let Some(other) = constants.into_iter().find(|t| OTHER_FLOATS.contains(&t.data_type)) {
        problems.push(Problem::new(
            format!("constant `{}`", other.name),
            format!(
                "its element type is {}, but float (binary32) is needed",
                onnx::tensor::type_name(other.data_type)
            ),
            "convert the model to float",
        ));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Refuses names that nothing has.
fn known(options: &Options, model: &Model) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    for name in &options.exclude {
        if !model.nodes.iter().any(|node| node.name == *name) {
            let near: Vec<&str> = model
                .nodes
                .iter()
                .map(|node| node.name.as_str())
                .filter(|known| known.contains(name.as_str()) || name.contains(known))
                .take(5)
                .collect();
            problems.push(Problem::new(
                format!("--exclude {name}"),
                "no node of the network has this name",
                match near.as_slice() {
                    [] => "`npugen graph MODEL --pass import` lists the names".to_owned(),
                    near => format!("alike are: {}", near.join(", ")),
                },
            ));
        }
    }
    for kind in &options.only {
        if !model.nodes.iter().any(|node| node.op_type == *kind) {
            let mut kinds: Vec<&str> =
                model.nodes.iter().map(|node| node.op_type.as_str()).collect();
            kinds.sort_unstable();
            kinds.dedup();
            problems.push(Problem::new(
                format!("--only-types {kind}"),
                "the network has no operator of this type",
                format!("it has: {}", kinds.join(", ")),
            ));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Writes the shapes the network was taken with into its inputs.
fn fix_shapes(proto: &mut ModelProto, graph: &Graph) {
    let Some(inner) = &mut proto.graph else { return };
    for &id in &graph.inputs {
        let tensor = graph.tensor(id);
        let input = inner.input.iter_mut().find(|input| input.name == tensor.name);
        let kind = input.and_then(|i| i.r#type.as_mut()).and_then(|t| t.tensor_type.as_mut());
        if let Some(kind) = kind {
            let dim = tensor.shape.iter().map(|&extent| onnx::proto::DimensionProto {
                dim_value: extent as i64,
                dim_param: String::new(),
            });
            kind.shape = Some(onnx::proto::TensorShapeProto { dim: dim.collect() });
        }
    }
}
