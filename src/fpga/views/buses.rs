//! The shell's buses under the names the system has for them.

use super::Row;
use crate::fpga::ports::{ClPort, Direction};
use crate::fpga::target::Target;

/// Signals of AXI4 that the system has.
pub const AXI: [&str; 25] = [
    "awid", "awaddr", "awlen", "awvalid", "awready", "wdata", "wstrb", "wlast", "wvalid", "wready",
    "bid", "bresp", "bvalid", "bready", "arid", "araddr", "arlen", "arvalid", "arready", "rid",
    "rdata", "rresp", "rlast", "rvalid", "rready",
];

/// Signals of AXI4-Lite that the system has.
pub const LITE: [&str; 17] = [
    "awvalid", "awready", "awaddr", "wvalid", "wready", "wdata", "wstrb", "bvalid", "bready",
    "bresp", "arvalid", "arready", "araddr", "rvalid", "rready", "rdata", "rresp",
];

/// Signals of AXI4-Lite that a slave for nothing does not look at.
const LITE_PAYLOAD: [&str; 4] = ["awaddr", "wdata", "wstrb", "araddr"];

/// A bus of the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bus {
    /// Its name in the system and in the simulation.
    pub name: &'static str,
    /// Beginning of the names of its signals into the custom logic.
    pub inputs: &'static str,
    /// Beginning of the names of those out of it.
    pub outputs: &'static str,
    /// Signals the system has.
    pub signals: &'static [&'static str],
}

const fn bus(
    name: &'static str,
    inputs: &'static str,
    outputs: &'static str,
    signals: &'static [&'static str],
) -> Bus {
    Bus { name, inputs, outputs, signals }
}

const PCIS: Bus = bus("pcis", "sh_cl_dma_pcis_", "cl_sh_dma_pcis_", &AXI);
const PCIM: Bus = bus("pcim", "sh_cl_pcim_", "cl_sh_pcim_", &AXI);
const SDA: Bus = bus("sda", "sda_cl_", "cl_sda_", &LITE);

/// The bus of the DRAM channel whose controller is in the shell of F1.
pub const DDR_C: Bus = bus("ddr", "sh_cl_ddr_", "cl_sh_ddr_", &AXI);

const AWS_F1: [Bus; 5] = [
    bus("ocl", "sh_ocl_", "ocl_sh_", &LITE),
    SDA,
    bus("bar1", "sh_bar1_", "bar1_sh_", &LITE),
    PCIS,
    PCIM,
];
const AWS_F2: [Bus; 4] = [bus("ocl", "ocl_cl_", "cl_ocl_", &LITE), SDA, PCIS, PCIM];

/// All buses of a target but DRAM.
pub const fn of(target: Target) -> &'static [Bus] {
    match target {
        Target::AwsF1 => &AWS_F1,
        Target::AwsF2 => &AWS_F2,
    }
}

impl Bus {
    /// What the signal of a port is called on this bus, if it is one of it.
    pub fn signal<'a>(&self, port: &'a ClPort) -> Option<&'a str> {
        let prefix = match port.direction_at_cl {
            Direction::Input => self.inputs,
            Direction::Output => self.outputs,
            Direction::Inout => return None,
        };
        port.name.strip_prefix(prefix)
    }

    /// Whether the system has a signal.
    pub fn has(&self, signal: &str) -> bool {
        self.signals.contains(&signal)
    }
}

/// How the signals of a bus are treated by the wrapper.
#[derive(Debug, Default)]
pub struct Wiring {
    /// Port of the system and port of the shell.
    pub connected: Vec<Row>,
    /// Outputs with a constant.
    pub ties: Vec<Row>,
    /// Inputs nobody reads.
    pub unused: Vec<String>,
}

/// Connects the ports of a bus to an instance whose ports begin with `prefix`.
pub fn wire(bus: &Bus, ports: &[ClPort], prefix: &str, idle: bool) -> Wiring {
    let mut wiring = Wiring::default();
    for port in ports {
        let Some(signal) = bus.signal(port) else { continue };
        let wanted = bus.has(signal) && !(idle && LITE_PAYLOAD.contains(&signal));
        if wanted {
            wiring.connected.push(Row::new(format!("{prefix}{signal}"), port.name.clone()));
        } else if port.direction_at_cl == Direction::Output {
            wiring.ties.push(Row::new(port.name.clone(), constant(signal)));
        } else {
            wiring.unused.push(port.name.clone());
        }
    }
    wiring
}

/// What an output that the system does not have is driven with: full-width beats of INCR bursts.
pub fn constant(signal: &str) -> &'static str {
    match signal {
        "awsize" | "arsize" => "3'b110",
        "awburst" | "arburst" => "2'b01",
        _ => "'0",
    }
}
