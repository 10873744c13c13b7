//! The pins of `cl_sim_top` as plain words, in the layout the C++ shim reads and writes.

use crate::cosim::build::Top;
use crate::cosim::model::Pins;
use crate::cosim::pins::{AxiRequest, AxiResponse, LiteRequest, LiteResponse};

/// AXI4-Lite buses of the shell.
pub const NUM_LITE: usize = 3;

/// A custom logic as the shell sees it.
pub const CL_TOP: Top =
    Top { module: "cl_sim_top", pins: include_str!("../pins.h"), language: "1800-2017" };

/// Everything driven into `cl_sim_top` but the clock.
#[repr(C)]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The host's accesses to the card's memory.
    pub pcis: AxiRequest,
    /// The host's memory.
    pub pcim: AxiResponse,
    /// The card's memory.
    pub ddr: AxiResponse,
    /// Registers: OCL, SDA, BAR1.
    pub lite: [LiteRequest; NUM_LITE],
    /// Reset, active low.
    pub rst_n: u32,
    /// The card's memory is calibrated.
    pub ddr_ready: u32,
    /// Interrupts taken, a bit per vector.
    pub irq_ack: u32,
    /// Function-level reset.
    pub flr_assert: u32,
    /// Virtual switches.
    pub vdip: u32,
}

/// Everything driven by `cl_sim_top`.
#[repr(C)]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outputs {
    /// The host's accesses to the card's memory.
    pub pcis: AxiResponse,
    /// The host's memory.
    pub pcim: AxiRequest,
    /// The card's memory.
    pub ddr: AxiRequest,
    /// Registers: OCL, SDA, BAR1.
    pub lite: [LiteResponse; NUM_LITE],
    /// Interrupts asked for, a bit per vector.
    pub irq_req: u32,
    /// The function-level reset is over.
    pub flr_done: u32,
    /// Virtual lights.
    pub vled: u32,
    /// PCI device and vendor.
    pub id0: u32,
    /// PCI subsystem and its vendor.
    pub id1: u32,
}

/// The pins of `cl_sim_top`.
#[derive(Debug, Clone, Copy)]
pub enum ClPins {}

// SAFETY: `src/fpga/pins.h` mirrors the structures above, field by field.
#[allow(unsafe_code, reason = "a promise about a layout, not a foreign call")]
unsafe impl Pins for ClPins {
    type Inputs = Inputs;
    type Outputs = Outputs;
}
