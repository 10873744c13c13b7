//! From a quantized network to a program.
//!
//! - [`lower`] turns the operators of a [`Graph`] into layers of a [`net::Net`], each of which is one
//!   kernel, or says why it cannot.
//! - [`fuse`] moves additions and functions into the convolutions before them.
//! - [`emit`] places feature maps in IBUF or DRAM and calls the kernels, in the order that
//!   `schedule` finds: layers of the array and of the lanes take turns.
//!
//! Start with [`compile`]. Nothing here emits an instruction itself: kernels do.

pub mod emit;
pub mod fuse;
mod layers;
pub mod lower;
pub mod net;
mod schedule;
pub mod streams;
pub mod view;

use std::collections::BTreeSet;

use crate::design::Design;
use crate::graph::{Graph, Problem};
use crate::kernels::KernelError;
use crate::program::Program;

use net::{Net, ValueId};

/// What the user decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Additions and functions move into convolutions.
    pub fuse: bool,
    /// Every feature map is also written to DRAM, where the host can read it.
    pub keep: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { fuse: true, keep: false }
    }
}

/// A compiled network.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The program.
    pub program: Program,
    /// The layers it consists of.
    pub net: Net,
    /// Where each layer's result lies.
    pub places: Vec<emit::Place>,
    /// Useful multiply-accumulates.
    pub macs: u64,
}

/// Compiles a network for a design.
pub fn compile(graph: &Graph, design: &Design, options: Options) -> Result<Compiled, Vec<Problem>> {
    let mut net = lower::lower(graph)?;
    if design.activation_bits() != 8 || design.weight_bits() != 8 {
        let (a, w) = (design.activation_bits(), design.weight_bits());
        return Err(vec![Problem::new(
            "the design",
            format!("it has activations of {a} bits and weights of {w}, the network both of 8"),
            "set `array.activation_bits` and `array.weight_bits` to 8",
        )]);
    }
    let abilities = fuse::Abilities { residual: design.residual(), lookup: design.lookup() };
    if options.fuse {
        fuse::fuse(&mut net, abilities);
    }
    streams::adapt(&mut net, design)?;
    let mut spilled = BTreeSet::new();
    loop {
        let failure = match emit::emit(&net, design, options, &spilled) {
            Ok((mut program, places, macs)) => {
                program.layers = layers::layers(&net, &places, abilities, options);
                return Ok(Compiled { program, net, places, macs });
            }
            Err(failure) => failure,
        };
        let demoted = match *failure.error {
            KernelError::IbufFull { .. } => failure.candidate(&net),
            _ => None,
        };
        match demoted {
            Some(value) => spilled.insert(value),
            None => return Err(vec![failure.problem(&net)]),
        };
    }
}

impl emit::Failure {
    /// The largest map on chip when there was no space.
    fn candidate(&self, net: &Net) -> Option<ValueId> {
        let size = |id: &ValueId| net.value(*id).shape().iter().product::<usize>();
        self.on_chip.iter().copied().max_by_key(size)
    }

    fn problem(&self, net: &Net) -> Problem {
        let layer = net.layers.get(self.layer);
        let place = layer.map_or_else(
            || "the program".to_owned(),
            |layer| format!("`{}` ({})", layer.name, layer.kind.name()),
        );
        Problem::new(place, self.error.to_string(), "change the design or the layer accordingly")
    }
}
