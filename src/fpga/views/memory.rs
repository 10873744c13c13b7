//! The DRAM: how the system's one bus meets the controllers of a shell.

use super::buses::{AXI, constant};
use super::{Row, Signal};
use crate::fpga::ports::{Direction, ShDdrPort};
use crate::fpga::target::Target;

/// Signals that the memory answers with; all others go to it.
pub const ANSWERS: [&str; 11] = [
    "awready", "wready", "bid", "bresp", "bvalid", "arready", "rid", "rdata", "rresp", "rlast",
    "rvalid",
];

/// Bits of an ID towards the memory, of which the system has the lowest two.
const ID_BITS: u32 = 16;

/// Bits of an address towards the memory.
const ADDRESS_BITS: u32 = 64;

/// Width of a signal of the bus between the system and the memory; IDs from the memory are whole.
fn width(signal: &str, memory_w: u32) -> u32 {
    match signal {
        "awid" | "arid" => 2,
        "bid" | "rid" => ID_BITS,
        "awaddr" | "araddr" => memory_w,
        "awlen" | "arlen" => 8,
        "wdata" | "rdata" => 512,
        "wstrb" => 64,
        "bresp" | "rresp" => 2,
        _ => 1,
    }
}

/// Declarations of the bus.
pub fn wires(memory_w: u32) -> Vec<Signal> {
    AXI.iter().map(|signal| Signal::new(format!("ddr_{signal}"), width(signal, memory_w))).collect()
}

/// Declarations of what a model of the memory answers with.
pub fn answers() -> Vec<Signal> {
    ANSWERS.iter().map(|signal| Signal::new(format!("model_{signal}"), width(signal, 0))).collect()
}

/// Connections of the system, or of what stands behind it, to the bus.
pub fn connect(prefix: &str) -> Vec<Row> {
    let wire = |signal: &str| match signal {
        "bid" | "rid" => format!("ddr_{signal}[1:0]"),
        _ => format!("ddr_{signal}"),
    };
    AXI.iter().map(|signal| Row::new(format!("{prefix}{signal}"), wire(signal))).collect()
}

/// What drives a signal towards the memory, widened.
pub fn drive(signal: &str, memory_w: u32) -> String {
    match signal {
        "awid" | "arid" => format!("{{{}'d0, ddr_{signal}}}", ID_BITS - 2),
        "awaddr" | "araddr" => format!("{{{}'d0, ddr_{signal}}}", ADDRESS_BITS - memory_w),
        _ if AXI.contains(&signal) => format!("ddr_{signal}"),
        _ => constant(signal).to_owned(),
    }
}

/// Bits of answers that nobody reads.
pub fn unread() -> Vec<String> {
    ["bid", "rid"].iter().map(|id| format!("ddr_{id}[{}:2]", ID_BITS - 1)).collect()
}

/// What `sh_ddr` calls a signal of a port of its AXI bus, if it is one.
pub fn signal(target: Target, port: &ShDdrPort) -> Option<&str> {
    let name = port.name.as_str();
    if name == "sh_cl_ddr_is_ready" {
        return None;
    }
    match target {
        Target::AwsF2 => name.strip_prefix("cl_sh_ddr_axi_"),
        Target::AwsF1 => match port.direction_at_sh_ddr {
            Direction::Input => name.strip_prefix("cl_sh_ddr_"),
            _ => name.strip_prefix("sh_cl_ddr_"),
        },
    }
}

/// Place of a channel among the controllers inside `sh_ddr`, if it is one of them.
pub fn controller(target: Target, channel: &str) -> Option<usize> {
    match target {
        Target::AwsF1 => ["a", "b", "d"].iter().position(|name| *name == channel),
        Target::AwsF2 => (channel == "ddr").then_some(0),
    }
}
