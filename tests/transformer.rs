//! Small transformers through the compiler: binary32 on rows, products of two activations, products
//! in binary32, a mask that a run gives. The networks and onnxruntime's results are made by
//! python/encoder_small.py.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

#[path = "common/rtl.rs"]
mod rtl;

use std::collections::HashMap;
use std::io::Cursor;

use ndarray::{ArrayD, Axis, Ix3, Ix4};
use ndarray_npy::NpzReader;
use npugen::compiler::{self, Options};
use npugen::config::Override;
use npugen::design::Design;
use npugen::exec::tensor::{self, Values};
use npugen::exec::{Executor, border};
use npugen::golden::Golden;
use npugen::graph::import::{self, Options as Shapes};
use npugen::graph::{Elements, Graph, eval, passes};
use npugen::onnx::Model;
use npugen::program::{Program, RegionKind, Tensor, lint};
use rtl::{machine, quick};

/// A network, and its runs.
struct Case {
    model: &'static [u8],
    runs: &'static [u8],
    /// Inputs in the order of the network.
    inputs: &'static [&'static str],
}

/// Products are requantized.
const NARROW: Case = Case {
    model: include_bytes!("data/encoder_int8.onnx"),
    runs: include_bytes!("data/encoder_runs.npz"),
    inputs: &["ids"],
};

/// Products give binary32, and a mask is an input.
const WIDE: Case = Case {
    model: include_bytes!("data/encoder_wide_int8.onnx"),
    runs: include_bytes!("data/encoder_wide_runs.npz"),
    inputs: &["ids", "mask"],
};

const CASES: [&Case; 2] = [&NARROW, &WIDE];

impl Case {
    fn graph(&self) -> Graph {
        let model = Model::from_bytes(self.model).unwrap();
        let mut graph = import::graph(&model, &Shapes::default()).unwrap();
        passes::run(&mut graph, None).unwrap();
        graph
    }

    /// Inputs of the runs, and onnxruntime's results.
    fn runs(&self) -> Vec<(Vec<Elements>, Vec<f32>)> {
        let mut npz = NpzReader::new(Cursor::new(self.runs)).unwrap();
        let results: ArrayD<f32> = npz.by_name::<_, ndarray::IxDyn>("output/y").unwrap();
        let results = results.into_dimensionality::<Ix4>().unwrap();
        let mut runs: Vec<(Vec<Elements>, Vec<f32>)> = results
            .axis_iter(Axis(0))
            .map(|run| (Vec::new(), run.iter().copied().collect()))
            .collect();
        for name in self.inputs {
            let name = format!("input/{name}");
            let values: ArrayD<i64> = npz.by_name::<_, ndarray::IxDyn>(&name).unwrap();
            let values = values.into_dimensionality::<Ix3>().unwrap();
            for (run, values) in runs.iter_mut().zip(values.axis_iter(Axis(0))) {
                run.0.push(Elements::I64(values.iter().copied().collect()));
            }
        }
        runs
    }
}

/// Every tensor of the graph by the evaluator, by name.
fn reference(graph: &Graph, inputs: &[Elements]) -> HashMap<String, Values> {
    let values = eval::run(graph, inputs).unwrap();
    let mut found = HashMap::new();
    for (id, tensor) in graph.tensors() {
        let value = match values.get(&id).map(AsRef::as_ref) {
            Some(Elements::I8(v)) => Values::Int(v.iter().map(|&v| v.into()).collect()),
            Some(Elements::F32(v)) => Values::Float(v.clone()),
            _ => continue,
        };
        for name in std::iter::once(&tensor.name).chain(&tensor.aliases) {
            found.insert(name.clone(), value.clone());
        }
    }
    found
}

/// Writes the inputs, runs, and reads all outputs in the network's order.
fn run(
    executor: &mut dyn Executor,
    program: &Program,
    values: &HashMap<String, Values>,
) -> Vec<(String, Values)> {
    let is = |tensor: &Tensor, kind| {
        program.region(tensor.region).is_some_and(|region| region.kind == kind)
    };
    for tensor in program.tensors.iter().filter(|tensor| is(tensor, RegionKind::Input)) {
        let stored = border::store(tensor, &values[&tensor.name]).unwrap();
        tensor::write(executor, tensor, &stored).unwrap();
    }
    let report = executor.run().unwrap();
    assert!(report.fault.is_none(), "{:?}", report.fault);
    let outputs = program.tensors.iter().filter(|tensor| is(tensor, RegionKind::Output));
    let read = |tensor: &Tensor| border::restore(tensor, &tensor::read(executor, tensor).unwrap());
    outputs.map(|tensor| (tensor.name.clone(), read(tensor))).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn the_encoder_agrees_with_onnxruntime_on_designs_with_binary32() {
    let all = [("tiny", "generic", &NARROW), ("tiny", "dsp48e2", &NARROW)];
    for (preset, cells, case) in
        all.into_iter().chain([("tiny", "generic", &WIDE), ("tiny", "dsp48e2", &WIDE)])
    {
        let graph = case.graph();
        let cell = Override::set(&format!("array.cell={cells}")).unwrap();
        let design = Design::preset_with(preset, &[cell]).unwrap();
        let compiled = compiler::compile(&graph, &design, Options::default()).unwrap();
        assert!(lint::lint(&design, &compiled.program).is_legal());
        let mut golden = Golden::new(&design);
        golden.load(&compiled.program).unwrap();
        for (inputs, expected) in case.runs() {
            let values = reference(&graph, &inputs);
            let outputs = run(&mut golden, &compiled.program, &values);
            let [(name, Values::Float(found))] = outputs.as_slice() else { panic!("{outputs:?}") };
            assert_eq!(name, "y");
            let alike = cosine(found, &expected);
            assert!(alike > 0.999, "{preset}, {cells}: {alike}");
        }
    }
}

/// Every tensor of the machine against the reference: activations differ at most where a quotient
/// lies between two steps, numbers of binary32 by the errors of tables and sums.
#[test]
fn every_tensor_is_that_of_the_reference() {
    let design = Design::preset("tiny").unwrap();
    for (case, tensors) in CASES.into_iter().zip([20, 24]) {
        let graph = case.graph();
        let options = Options { fuse: false, keep: true };
        let compiled = compiler::compile(&graph, &design, options).unwrap();
        let mut golden = Golden::new(&design);
        golden.load(&compiled.program).unwrap();
        let mut compared = 0;
        let mut steps = 0;
        for (inputs, _) in case.runs() {
            let values = reference(&graph, &inputs);
            for (name, found) in run(&mut golden, &compiled.program, &values) {
                compared += 1;
                match (&found, &values[&name]) {
                    (Values::Int(a), Values::Int(b)) => {
                        assert_eq!(a.len(), b.len(), "{name}");
                        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1), "{name}");
                        steps += a.iter().zip(b).filter(|(a, b)| a != b).count();
                    }
                    (Values::Float(a), Values::Float(b)) => {
                        assert_eq!(a.len(), b.len(), "{name}");
                        assert!(cosine(a, b) > 0.9999, "{name}: {}", cosine(a, b));
                    }
                    other => panic!("{name}: {other:?}"),
                }
            }
        }
        assert!(compared > 4 * tensors, "{compared}");
        assert!(steps < 10, "{steps} activations differ");
    }
}

#[test]
fn layers_describe_themselves() {
    let design = Design::preset("tiny").unwrap();
    let compiled = compiler::compile(&NARROW.graph(), &design, Options::default()).unwrap();
    let layers = &compiled.program.layers;
    let engine = |kernel: &str| {
        let layer = layers.iter().find(|layer| layer.kernel == kernel);
        layer.unwrap_or_else(|| panic!("no {kernel}")).engine.as_str()
    };
    assert_eq!(["product", "conv"].map(engine), ["gemm", "gemm"]);
    let vector = ["softmax", "layer_norm", "gelu", "affine", "binary"];
    assert_eq!(vector.map(engine), ["vector"; 5]);
    let notes = compiled.program.provenance.iter().map(|(_, note)| note);
    let unknown: Vec<&str> =
        notes.filter(|note| !layers.iter().any(|layer| layer.name == *note)).collect();
    assert_eq!(unknown, ["semaphores"]);
}

#[test]
fn designs_without_binary32_refuse_by_node_and_key() {
    for (key, value) in [("vector.float", "false"), ("vector.segments", "0")] {
        let set: Vec<Override> = [format!("{key}={value}"), "vector.segments=0".to_owned()]
            .iter()
            .map(|text| Override::set(text).unwrap())
            .collect();
        let design = Design::preset_with("tiny", &set).unwrap();
        let problems = compiler::compile(&NARROW.graph(), &design, Options::default()).unwrap_err();
        let softmax = problems.iter().map(ToString::to_string).find(|p| p.contains("softmax"));
        let softmax = softmax.unwrap();
        assert!(softmax.contains("`n_shares` (softmax)") && softmax.contains(key), "{softmax}");
    }
}

#[test]
fn the_rtl_computes_what_the_golden_model_does() {
    let design = Design::preset("tiny").unwrap();
    let Some(mut rtl) = machine(&design, quick()) else { return };
    for case in CASES {
        let graph = case.graph();
        let compiled = compiler::compile(&graph, &design, Options::default()).unwrap();
        let mut golden = Golden::new(&design);
        golden.load(&compiled.program).unwrap();
        rtl.load(&compiled.program).unwrap();
        let (inputs, _) = &case.runs()[0];
        let values = reference(&graph, inputs);
        let expected = run(&mut golden, &compiled.program, &values);
        assert_eq!(run(&mut rtl, &compiled.program, &values), expected);
    }
}
