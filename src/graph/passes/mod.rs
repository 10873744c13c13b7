//! Rewriting passes: each is a function on a graph, leaves a correct graph of the same meaning, and
//! can be looked at by itself (`npugen graph MODEL --pass NAME`). [`ALL`] has them in their order.
//!
//! What changes results in their last bits: batch norms folded into weights, and a bias of float
//! that becomes int32 where the result is quantized. Everything else computes what the ONNX graph says, quantized operators in
//! the way onnxruntime fuses them.

mod activations;
mod batch_norm;
mod fuse;
mod norms;
mod quantization;
mod tidy;
mod view;

use super::{Fault, Graph, Problem};

pub use quantization::step;

/// A pass.
#[derive(Debug, Clone, Copy)]
pub struct Pass {
    /// Name.
    pub name: &'static str,
    /// What it does.
    pub does: &'static str,
    run: fn(&mut Graph),
}

/// All passes in the order in which they run.
pub const ALL: &[Pass] = &[
    Pass {
        name: "norms",
        does: "layer norm, RMS norm and softmax made of elementary operators become one operator",
        run: norms::run,
    },
    Pass {
        name: "activations",
        does: "GELU, SiLU, hard-swish, hard-sigmoid and mish made of elementary operators become one operator",
        run: activations::run,
    },
    Pass {
        name: "batch-norm",
        does: "batch norms, summands per channel and zero padding go into the convolution or product beside them",
        run: batch_norm::run,
    },
    Pass {
        name: "limits",
        does: "Relu and Clip before a quantization become limits of it, or nothing where the type saturates already",
        run: quantization::limits,
    },
    Pass {
        name: "hoist",
        does: "quantizations move in front of views, transpositions and the like, which then move bytes",
        run: quantization::hoist,
    },
    Pass {
        name: "sink",
        does: "dequantizations move behind operators that only move or compare elements",
        run: quantization::sink,
    },
    Pass {
        name: "fuse",
        does: "operators between dequantization and quantization become quantized ones",
        run: fuse::run,
    },
    Pass {
        name: "pairs",
        does: "a dequantization followed by a quantization becomes nothing, or a requantization",
        run: quantization::pairs,
    },
    Pass { name: "fold", does: "what depends on constants alone is computed", run: tidy::fold },
    Pass { name: "dead", does: "what nothing reads is removed", run: tidy::dead },
];

/// The name under which the graph before all passes is shown.
pub const IMPORT: &str = "import";

/// Runs all passes, or those up to `last`. The graph is verified after each.
pub fn run(graph: &mut Graph, last: Option<&str>) -> Result<(), Fault> {
    let known = ALL.iter().map(|pass| pass.name);
    if let Some(last) = last
        && !known.clone().chain([IMPORT]).any(|name| name == last)
    {
        let names: Vec<&str> = [IMPORT].into_iter().chain(known).collect();
        return Err(Fault::new(
            format!("there is no pass `{last}`"),
            format!("allowed: {}", names.join(", ")),
        ));
    }
    let sound = |graph: &Graph| -> Result<(), Fault> {
        let told = |p: Problem| Fault::new(p.to_string(), p.remedy);
        graph.check().map_err(told)
    };
    sound(graph)?;
    if last == Some(IMPORT) {
        return Ok(());
    }
    for pass in ALL {
        one(graph, pass)?;
        if last == Some(pass.name) {
            return Ok(());
        }
    }
    Ok(())
}

/// Runs a pass and verifies the graph.
fn one(graph: &mut Graph, pass: &Pass) -> Result<(), Fault> {
    (pass.run)(graph);
    graph.check().map_err(|problem| {
        Fault::new(format!("after pass `{}`: {problem}", pass.name), problem.remedy)
    })
}

/// The passes that a float network wants before it is quantized.
const FLOAT: [&str; 5] = ["norms", "activations", "batch-norm", "fold", "dead"];

/// Runs the passes that do not look at quantization.
pub fn prepare(graph: &mut Graph) -> Result<(), Fault> {
    ALL.iter().filter(|pass| FLOAT.contains(&pass.name)).try_for_each(|pass| one(graph, pass))
}

/// The problems that remain when all passes have run: what the machine has no way to compute
/// whatever its size.
pub fn remaining(graph: &Graph) -> Vec<Problem> {
    fuse::weights(graph)
}

/// The table of passes in the documentation.
pub fn manual() -> String {
    let mut text = "| pass | what it does |\n|---|---|\n".to_owned();
    for pass in ALL {
        text += &format!("| `{}` | {} |\n", pass.name, pass.does);
    }
    text
}
