//! The digits network, its pictures, and running them.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]

use std::io::Cursor;

use ndarray::{Array2, Array4};
use ndarray_npy::NpzReader;
use npugen::exec::tensor::{self, Values};
use npugen::exec::{Executor, border};
use npugen::golden::Golden;
use npugen::graph::import::{self, Options as Shapes};
use npugen::graph::{Graph, passes};
use npugen::onnx::Model;
use npugen::program::Program;

const DIGITS: &[u8] = include_bytes!("../data/digits_int8.onnx");
const PICTURES: &[u8] = include_bytes!("../data/digits_test.npz");

pub fn digits() -> Graph {
    let model = Model::from_bytes(DIGITS).unwrap();
    let mut graph = import::graph(&model, &Shapes::default()).unwrap();
    passes::run(&mut graph, None).unwrap();
    graph
}

/// Pictures, 64 values each, and onnxruntime's ten logits.
pub fn pictures() -> Vec<(Vec<f32>, Vec<f32>)> {
    let mut npz = NpzReader::new(Cursor::new(PICTURES)).unwrap();
    let images: Array4<u8> = npz.by_name("images").unwrap();
    let logits: Array2<f32> = npz.by_name("onnxruntime_logits").unwrap();
    let images =
        images.outer_iter().map(|image| image.iter().map(|&p| f32::from(p) / 16.0).collect());
    images.zip(logits.outer_iter().map(|row| row.to_vec())).collect()
}

/// Runs one picture; the network's view of its outputs by name.
pub fn run(golden: &mut Golden, program: &Program, picture: &[f32]) -> Vec<(String, Values)> {
    let input = program.tensor("input").unwrap();
    let stored = border::store(input, &Values::Float(picture.to_vec())).unwrap();
    tensor::write(golden, input, &stored).unwrap();
    let report = golden.run().unwrap();
    assert!(report.fault.is_none(), "{:?}", report.fault);
    let outputs = program.tensors.iter().filter(|tensor| tensor.name != "input");
    outputs
        .map(|tensor| {
            let stored = tensor::read(golden, tensor).unwrap();
            (tensor.name.clone(), border::restore(tensor, &stored))
        })
        .collect()
}
