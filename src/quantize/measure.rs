//! How far the quantized network is from the float one: every quantized tensor and every output,
//! over the same inputs, with the reference.

use std::collections::HashMap;

use super::plan::Role;
use super::{Calibration, Job};
use crate::graph::{Elements, Graph, Problem, Quantization, TensorId, eval, import, passes};
use crate::onnx::{self, Model};

/// A tensor of the network, quantized or result of a quantized operator.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name.
    pub tensor: String,
    /// The operator that makes it, as name and kind; none for an input.
    pub node: Option<(String, &'static str)>,
    /// Range that the calibration found; none where it stays binary32.
    pub range: Option<[f32; 2]>,
    /// Scale and zero point; none where it stays binary32.
    pub quant: Option<(f32, i32)>,
    /// Signal to noise in decibels; infinite where there is no difference, none where it was not
    /// measured.
    pub decibels: Option<f64>,
    /// Fraction of its values beyond what the quantized tensor can express.
    pub saturated: f64,
    /// Whether it is an output of the network.
    pub output: bool,
}

/// An operator that stays float.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub node: String,
    /// What it computes.
    pub operator: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// What the quantization did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// Tensors in the order of the graph.
    pub rows: Vec<Row>,
    /// Operators on real numbers that stay float.
    pub kept: Vec<Kept>,
    /// Number of operators that are quantized.
    pub quantized: usize,
    /// Inputs measured with.
    pub inputs: usize,
}

/// Sums of squares.
#[derive(Debug, Clone, Copy, Default)]
struct Squares {
    signal: f64,
    noise: f64,
    values: usize,
    beyond: usize,
    measured: bool,
}

impl Squares {
    fn add(&mut self, float: &[f32], found: &[f32], quant: Option<(f32, i32)>) {
        for (&a, &b) in float.iter().zip(found) {
            let (a, b) = (f64::from(a), f64::from(b));
            self.signal += a * a;
            self.noise += (a - b) * (a - b);
        }
        self.values += float.len();
        self.measured = true;
        if let Some((scale, zero)) = quant {
            // Half a step beyond the ends.
            let end = |step: f64| (step - f64::from(zero)) * f64::from(scale);
            let (low, high) = (end(-128.5), end(127.5));
            let outside = |v: &&f32| !(low..=high).contains(&f64::from(**v));
            self.beyond += float.iter().filter(outside).count();
        }
    }

    fn decibels(self) -> Option<f64> {
        self.measured.then(|| 10.0 * (self.signal / self.noise).log10())
    }
}

/// The tensors of a graph by all their names.
fn by_name(graph: &Graph) -> HashMap<&str, TensorId> {
    let mut found = HashMap::new();
    for (id, tensor) in graph.tensors() {
        for name in [&tensor.name].into_iter().chain(&tensor.aliases) {
            found.insert(name.as_str(), id);
        }
    }
    found
}

/// Real numbers of elements.
fn real(elements: &Elements, quant: Option<&Quantization>) -> Option<Vec<f32>> {
    match (elements, quant.and_then(Quantization::single)) {
        (Elements::F32(v), _) => Some(v.clone()),
        (Elements::I8(v), Some((scale, zero))) => {
            Some(v.iter().map(|&v| (i32::from(v) - zero) as f32 * scale).collect())
        }
        _ => None,
    }
}

/// The graph of a quantized file, as the compiler takes it.
pub fn read(file: &[u8]) -> Result<Graph, Vec<Problem>> {
    let broken = |message: String, remedy: String| {
        vec![Problem::new("the quantized network", message, remedy)]
    };
    let model = Model::from_bytes(file).map_err(|error: onnx::OnnxError| {
        broken(error.to_string(), "this is a mistake in npugen: report it".to_owned())
    })?;
    let mut graph = import::graph(&model, &import::Options::default())?;
    passes::run(&mut graph, None).map_err(|fault| broken(fault.message, fault.remedy))?;
    let remaining = passes::remaining(&graph);
    if remaining.is_empty() { Ok(graph) } else { Err(remaining) }
}

/// Runs inputs through both networks. `done` is told of every run.
pub fn measure(
    job: &Job,
    calibration: &Calibration,
    file: &[u8],
    runs: &[Vec<Elements>],
    mut done: impl FnMut(),
) -> Result<Report, Vec<Problem>> {
    let (float, quantized) = (job.graph(), read(file)?);
    let names = by_name(&quantized);
    let mut rows = rows(job, calibration);
    // A quantized tensor goes by the name of its bytes, others by their own.
    let twin = |row: &Row| {
        let bytes = format!("{}_QuantizeLinear_Output", row.tensor);
        let found = row.quant.and_then(|_| names.get(bytes.as_str()));
        found.or_else(|| names.get(row.tensor.as_str())).copied()
    };
    let twins: Vec<Option<TensorId>> = rows.iter().map(|(_, row)| twin(row)).collect();
    let mut squares = vec![Squares::default(); rows.len()];
    for run in runs {
        let expected = eval::run(float, run).map_err(|problem| vec![problem])?;
        let found = eval::run(&quantized, run).map_err(|problem| vec![problem])?;
        for (((id, row), twin), squares) in rows.iter().zip(&twins).zip(&mut squares) {
            let Some(twin) = twin else { continue };
            let quant = quantized.tensor(*twin).quant.as_ref();
            let value = found.get(twin).and_then(|value| real(value, quant));
            let (Some(Elements::F32(signal)), Some(value)) =
                (expected.get(id).map(AsRef::as_ref), value)
            else {
                continue;
            };
            if signal.len() == value.len() {
                squares.add(signal, &value, row.quant);
            }
        }
        done();
    }
    for ((_, row), squares) in rows.iter_mut().zip(&squares) {
        row.decibels = squares.decibels();
        row.saturated = squares.beyond as f64 / (squares.values.max(1)) as f64;
    }
    let nodes = float.nodes.iter().zip(&job.plan().roles);
    let kept = nodes.clone().filter_map(|(node, role)| match role {
        Role::Float(reason) => {
            Some(Kept { node: node.name.clone(), operator: node.op.name(), reason })
        }
        _ => None,
    });
    Ok(Report {
        kept: kept.collect(),
        quantized: nodes.filter(|(_, role)| role.is_quantized()).count(),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        inputs: runs.len(),
    })
}

/// What is reported on: quantized tensors, results of quantized operators, outputs.
fn rows(job: &Job, calibration: &Calibration) -> Vec<(TensorId, Row)> {
    let (graph, plan) = (job.graph(), job.plan());
    let uses = graph.uses();
    let row = |id: TensorId| {
        let tensor = graph.tensor(id);
        let quant = plan.tensors.get(&id).and_then(|&group| calibration.groups.get(group));
        let node = uses.producer(id).and_then(|position| graph.nodes.get(position));
        Row {
            tensor: tensor.name.clone(),
            node: node.map(|node| (node.name.clone(), node.op.name())),
            range: calibration.ranges.get(&id).copied(),
            quant: quant.copied(),
            decibels: None,
            saturated: 0.0,
            output: uses.is_output(id),
        }
    };
    let inputs = graph.inputs.iter().filter(|id| plan.tensors.contains_key(id)).copied();
    let made = graph.nodes.iter().zip(&plan.roles).filter_map(|(node, role)| {
        let computed = role.is_quantized() && *role != Role::Absorbed;
        let absorbed = uses.readers(node.output).iter().any(|&r| plan.roles[r] == Role::Absorbed);
        let reported = plan.tensors.contains_key(&node.output)
            || computed && !absorbed
            || uses.is_output(node.output);
        (reported && import::is_named(graph.tensor(node.output))).then_some(node.output)
    });
    inputs.chain(made).map(|id| (id, row(id))).collect()
}
