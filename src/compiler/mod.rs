//! From a quantized network to a program.
//!
//! - [`lower`] turns the operators of a [`Graph`] into layers of a [`net::Net`], each of which is one
//!   kernel, or says why it cannot.
//! - [`schedule_file`] reads what the user decides about single layers.
//! - [`fuse`] moves additions and functions into the convolutions before them.
//! - [`emit`] places feature maps in IBUF or DRAM and calls the kernels, in the order that
//!   `schedule` finds: layers of the array and of the lanes take turns.
//!
//! Start with [`compile`]. Nothing here emits an instruction itself: kernels do.

mod bounds;
pub mod emit;
pub mod fuse;
mod layers;
pub mod lower;
pub mod net;
pub mod operators;
mod schedule;
pub mod schedule_file;
pub mod streams;
mod strips;
pub mod view;

use crate::config::ConfigErrors;
use crate::design::Design;
use crate::graph::{Graph, Problem};
use crate::kernels::KernelError;
pub use crate::kernels::conv::Cutting;
use crate::program::Program;

use emit::Emitted;
use net::{Net, ValueId};
use schedule_file::Wishes;

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
    /// What was decided about each layer.
    pub decisions: Vec<emit::Decision>,
    /// What has moved into convolutions.
    pub fused: Vec<fuse::Moved>,
    /// Useful multiply-accumulates.
    pub macs: u64,
}

/// Why there is no program.
#[derive(Debug)]
pub enum Refusal {
    /// Something in the network or the design.
    Network(Vec<Problem>),
    /// Something in the schedule.
    Schedule(Box<ConfigErrors>),
}

impl From<Vec<Problem>> for Refusal {
    fn from(problems: Vec<Problem>) -> Refusal {
        Refusal::Network(problems)
    }
}

impl From<Box<ConfigErrors>> for Refusal {
    fn from(errors: Box<ConfigErrors>) -> Refusal {
        Refusal::Schedule(errors)
    }
}

/// Compiles a network for a design.
pub fn compile(graph: &Graph, design: &Design, options: Options) -> Result<Compiled, Vec<Problem>> {
    compile_scheduled(graph, design, options, &Wishes::default()).map_err(|refusal| match refusal {
        Refusal::Network(problems) => problems,
        // There is no schedule in which something could be wrong.
        Refusal::Schedule(errors) => vec![Problem::new("the schedule", errors.to_string(), "")],
    })
}

/// Compiles a network for a design as the user wishes.
pub fn compile_scheduled(
    graph: &Graph,
    design: &Design,
    options: Options,
    wishes: &Wishes,
) -> Result<Compiled, Refusal> {
    let mut net = lower::lower(graph)?;
    if design.activation_bits() != 8 || design.weight_bits() != 8 {
        let (a, w) = (design.activation_bits(), design.weight_bits());
        return Err(Refusal::Network(vec![Problem::new(
            "the design",
            format!("it has activations of {a} bits and weights of {w}, the network both of 8"),
            "set `array.activation_bits` and `array.weight_bits` to 8",
        )]));
    }
    bounds::check(&net)?;
    let abilities = fuse::Abilities { residual: design.residual(), lookup: design.lookup() };
    let apart = wishes.apart(&net)?;
    let fused = if options.fuse { fuse::fuse(&mut net, abilities, &apart) } else { Vec::new() };
    streams::adapt(&mut net, design)?;
    let choices = wishes.apply(&mut net, design)?;
    let mut spilled = choices.dram.clone();
    loop {
        let failure = match emit::emit(&net, design, options, &choices, &spilled) {
            Ok(Emitted { mut program, places, decisions, macs }) => {
                program.layers = layers::layers(&net, &places, abilities, options, &apart);
                return Ok(Compiled { program, net, places, decisions, fused, macs });
            }
            Err(failure) => failure,
        };
        let demoted = match *failure.error {
            KernelError::IbufFull { .. } => failure.candidate(&net),
            _ => None,
        };
        match demoted {
            Some(value) => spilled.insert(value),
            None => return Err(failure.refusal(&net, wishes)),
        };
    }
}

impl emit::Failure {
    /// The largest map on chip when there was no space.
    fn candidate(&self, net: &Net) -> Option<ValueId> {
        let size = |id: &ValueId| net.value(*id).shape().iter().product::<usize>();
        self.on_chip.iter().copied().max_by_key(size)
    }

    fn refusal(&self, net: &Net, wishes: &Wishes) -> Refusal {
        let layer = net.layers.get(self.layer);
        if let Some(errors) = wishes.failure(net, self.layer, &self.error) {
            return Refusal::Schedule(errors);
        }
        let place = layer.map_or_else(
            || "the program".to_owned(),
            |layer| format!("`{}` ({})", layer.name, layer.kind.name()),
        );
        let remedy = "change the design or the layer accordingly";
        Refusal::Network(vec![Problem::new(place, self.error.to_string(), remedy)])
    }
}
