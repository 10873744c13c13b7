//! A real quantized network: handwritten digits of 8x8 pixels, two depthwise-separable blocks, two
//! residual blocks, global average pooling and a fully connected layer; with pictures that it was
//! not trained on.

use std::io::Cursor;

use ndarray::{Array1, Array2, Array4};
use ndarray_npy::{NpzReader, ReadNpzError};

use super::Workload;
use crate::compiler::{self, Options};
use crate::design::Design;
use crate::exec::tensor::{self, Values};
use crate::exec::{ExecError, border};
use crate::graph::import::{self, Options as Shapes};
use crate::graph::{Fault, Graph, Problem, passes};
use crate::onnx::{Model, OnnxError};
use crate::program::{Program, Tensor};

/// Why the network cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum DigitsError {
    /// The file is not a network.
    #[error("digits network: {0}")]
    Onnx(#[from] OnnxError),
    /// The machine cannot run it.
    #[error("digits network: {0}")]
    Compiler(Problem),
    /// The program does not have the tensors of the network.
    #[error("digits network: {0}")]
    Tensor(#[from] ExecError),
    /// The pictures cannot be read.
    #[error("digits network, held-out pictures: {0}")]
    Pictures(#[from] ReadNpzError),
}

impl From<Vec<Problem>> for DigitsError {
    fn from(problems: Vec<Problem>) -> DigitsError {
        let unknown = || Problem::new("the network", "it cannot be compiled", "change the design");
        DigitsError::Compiler(problems.into_iter().next().unwrap_or_else(unknown))
    }
}

impl From<Fault> for DigitsError {
    fn from(fault: Fault) -> DigitsError {
        DigitsError::Compiler(Problem::new("the network", fault.message, fault.remedy))
    }
}

/// The network.
pub fn graph() -> Result<Graph, DigitsError> {
    let mut graph = import::graph(&Model::from_bytes(MODEL)?, &Shapes::default())?;
    passes::run(&mut graph, None)?;
    Ok(graph)
}

/// The network as a program for one picture, with tensors `input` (1x1x8x8) and `logits` (1x10).
pub fn program(design: &Design) -> Result<Workload, DigitsError> {
    let compiled = compiler::compile(&graph()?, design, Options::default())?;
    Ok(Workload { program: compiled.program, macs: compiled.macs })
}

/// The model file.
const MODEL: &[u8] = include_bytes!("../../tests/data/digits_int8.onnx");
/// Pictures held out from training, their labels and onnxruntime's logits.
const HELD_OUT: &[u8] = include_bytes!("../../tests/data/digits_test.npz");

/// Pictures the network was not trained on, quantized, and what onnxruntime makes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldOut {
    /// Input bytes per picture.
    pub pictures: Vec<Vec<u8>>,
    /// Digit per picture.
    pub labels: Vec<usize>,
    /// onnxruntime's quantized logits per picture.
    pub logits: Vec<Vec<u8>>,
}

/// Reads the held-out pictures for a program of the network.
pub fn held_out(program: &Program) -> Result<HeldOut, DigitsError> {
    let mut npz = NpzReader::new(Cursor::new(HELD_OUT))?;
    let images: Array4<u8> = npz.by_name("images")?;
    let labels: Array1<u8> = npz.by_name("labels")?;
    let logits: Array2<f32> = npz.by_name("onnxruntime_logits")?;
    let bytes = |name: &str, values: Vec<f32>| -> Result<Vec<u8>, DigitsError> {
        let tensor = find(program, name)?;
        let stored = border::store(tensor, &Values::Float(values))?;
        Ok(tensor::to_bytes(tensor, &stored)?)
    };
    let pictures = images
        .outer_iter()
        .map(|image| bytes("input", image.iter().map(|&pixel| f32::from(pixel) / 16.0).collect()));
    Ok(HeldOut {
        pictures: pictures.collect::<Result<_, _>>()?,
        labels: labels.iter().map(|&label| usize::from(label)).collect(),
        logits: logits
            .outer_iter()
            .map(|row| bytes("logits", row.to_vec()))
            .collect::<Result<_, _>>()?,
    })
}

fn find<'p>(program: &'p Program, name: &str) -> Result<&'p Tensor, ExecError> {
    program.tensor(name).ok_or_else(|| ExecError::Tensor {
        name: name.to_owned(),
        problem: "the program does not have it".to_owned(),
    })
}

/// The class with the largest logit, the first of equals.
pub fn class(logits: &[u8]) -> usize {
    let signed = |index: &usize| logits[*index].cast_signed();
    (0..logits.len()).rev().max_by_key(signed).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_becomes_a_program_for_every_preset() {
        for preset in ["default", "edge", "tiny", "aws_f1", "aws_f2", "genesys_03"] {
            let design = Design::preset(preset).unwrap();
            // 64 x 16 x 9, twice; 64 x 32 x 16; 16 x 32 x 9; 16 x 64 x 32; 16 x 64 x 64 x 9, twice; 640.
            assert_eq!(program(&design).unwrap().macs, 1_268_864, "{preset}");
        }
    }
}
