//! What stands around the custom logic in a simulation: the shell's port list, its DRAM
//! controllers, and a top with the same ports for all shells.

use askama::Template;

use super::buses::{self, DDR_C};
use super::{Row, Signal, align, memory, range};
use crate::fpga::ports::{ClPort, Direction, ShDdrPort};
use crate::fpga::rtl::{ClError, ClOptions};
use crate::fpga::target::Target;

/// The port list.
#[derive(Debug, Template)]
#[template(path = "fpga/sim/cl_ports.vh")]
pub(in crate::fpga) struct Ports {
    ports: Vec<String>,
}

impl Ports {
    pub fn new(target: Target) -> Result<Ports, ClError> {
        let ports = target.cl_ports()?;
        let rows =
            ports.iter().map(|port| declare(port.direction_at_cl, port.width, &port.name, ""));
        Ok(Ports { ports: listed(rows.collect()) })
    }
}

/// A declaration in a port list.
fn declare(direction: Direction, width: u32, name: &str, dimension: &str) -> String {
    let kind = if direction == Direction::Inout { "wire" } else { "logic" };
    let parts = [direction.keyword(), kind, &range(width), name, dimension];
    let words: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    words.join(" ")
}

/// Commas behind all but the last.
fn listed(mut rows: Vec<String>) -> Vec<String> {
    let last = rows.len().saturating_sub(1);
    for row in &mut rows[..last] {
        row.push(',');
    }
    rows
}

/// The controllers.
#[derive(Debug, Template)]
#[template(path = "fpga/sim/sh_ddr.sv")]
pub(in crate::fpga) struct ShDdr {
    parameters: Vec<&'static str>,
    ports: Vec<String>,
    model: Vec<Signal>,
    outputs: Vec<Row>,
    unused: Vec<String>,
}

impl ShDdr {
    pub fn new(target: Target, options: ClOptions) -> Result<ShDdr, ClError> {
        let ports = target.sh_ddr_ports()?;
        let place = place(target, options);
        let mut outputs = Vec::new();
        let mut unused = Vec::new();
        for port in &ports {
            if port.direction_at_sh_ddr != Direction::Output {
                // A simulation reads the bus from outside; all else is not read at all.
                let elements = if port.unpacked_dim.is_empty() { 1 } else { 3 };
                let names = (0..elements).map(|index| match elements {
                    1 => port.name.clone(),
                    _ => format!("{}[{index}]", port.name),
                });
                unused.extend(names);
                continue;
            }
            outputs.extend(output(target, port, place));
        }
        let parameters: &[&str] = match target {
            Target::AwsF1 => &["DDR_A_PRESENT", "DDR_B_PRESENT", "DDR_D_PRESENT"],
            Target::AwsF2 => &["DDR_PRESENT"],
        };
        unused.extend(parameters.iter().map(|name| format!("{name} != 0")));
        // None where the channel's controller is in the shell.
        let mut model: Vec<Signal> = memory::answers();
        model.push(Signal::new("model_ready", 1));
        if place.is_none() {
            model.clear();
        }
        let rows = ports.iter().map(|port| {
            declare(port.direction_at_sh_ddr, port.width, &port.name, &port.unpacked_dim)
        });
        Ok(ShDdr {
            parameters: parameters.to_vec(),
            ports: listed(rows.collect()),
            model,
            outputs,
            unused,
        })
    }
}

/// What an output of the controllers is driven with, element by element.
fn output(target: Target, port: &ShDdrPort, place: Option<usize>) -> Vec<Row> {
    let name = &port.name;
    let model = match memory::signal(target, port) {
        Some(signal) => Some(format!("model_{signal}")),
        None if name == "sh_cl_ddr_is_ready" => Some("model_ready".to_owned()),
        None => None,
    };
    let Some(model) = model else {
        let value = if name.contains("stat") && name.contains("ack") { "1'b1" } else { "'0" };
        return vec![Row::new(name.clone(), value)];
    };
    if target == Target::AwsF2 {
        let value = if place.is_some() { model } else { "'0".to_owned() };
        return vec![Row::new(name.clone(), value)];
    }
    (0..3)
        .map(|index| {
            let value = if place == Some(index) { model.clone() } else { "'0".to_owned() };
            Row::new(format!("{name}[{index}]"), value)
        })
        .collect()
}

fn place(target: Target, options: ClOptions) -> Option<usize> {
    memory::controller(target, options.name(target))
}

/// A bus of the top: its name and the directions towards and from the custom logic.
#[derive(Debug)]
struct TopBus {
    name: &'static str,
    to_cl: &'static str,
    from_cl: &'static str,
}

/// The top.
#[derive(Debug, Template)]
#[template(path = "fpga/sim/cl_sim_top.sv")]
pub(in crate::fpga) struct Top {
    lites: [&'static str; 3],
    buses: [TopBus; 3],
    wires: Vec<Signal>,
    pins: Vec<Row>,
    joined: Vec<Row>,
    unused: Vec<String>,
}

/// Ports under other names.
const RENAMED: [(&str, &str); 11] = [
    // Slower on a card; one clock is enough for a simulation.
    ("clk_hbm_ref", "clk"),
    ("clk_main_a0", "clk"),
    ("rst_main_n", "rst_n"),
    ("sh_cl_flr_assert", "flr_assert"),
    ("cl_sh_flr_done", "flr_done"),
    ("cl_sh_status_vled", "vled"),
    ("sh_cl_status_vdip", "vdip"),
    ("cl_sh_apppf_irq_req", "irq_req"),
    ("sh_cl_apppf_irq_ack", "irq_ack"),
    ("cl_sh_id0", "id0"),
    ("cl_sh_id1", "id1"),
];

/// Signals of a bus that every bus of the top has.
const FULL: [&str; 4] = ["awsize", "arsize", "awburst", "arburst"];

impl Top {
    pub fn new(target: Target, options: ClOptions) -> Result<Top, ClError> {
        let out = |name| TopBus { name, to_cl: "output", from_cl: "input " };
        let pcis = TopBus { name: "pcis", to_cl: "input ", from_cl: "output" };
        let mut top = Top {
            lites: ["ocl", "sda", "bar1"],
            buses: [pcis, out("pcim"), out("ddr")],
            wires: Vec::new(),
            pins: Vec::new(),
            joined: Vec::new(),
            unused: Vec::new(),
        };
        let ports = target.cl_ports()?;
        let place = place(target, options);
        let in_shell = target == Target::AwsF1 && place.is_none();
        for port in ports.iter().filter(|port| port.name != "cl_sh_id1") {
            let pin = top.pin(target, port, in_shell);
            top.pins.push(Row::new(port.name.clone(), pin));
        }
        top.fill_gaps(target, &ports);
        if options.hbm_ports(target).is_some() {
            top.leave_memory();
        } else if !in_shell {
            top.join_controller(target, place, &target.sh_ddr_ports()?);
        }
        align(&mut top.pins);
        align(&mut top.joined);
        Ok(top)
    }

    /// What is connected to a port of the custom logic.
    fn pin(&mut self, target: Target, port: &ClPort, in_shell: bool) -> String {
        if let Some((_, name)) = RENAMED.iter().find(|(from, _)| *from == port.name) {
            return (*name).to_owned();
        }
        if in_shell && port.name == "sh_cl_ddr_is_ready" {
            return "ddr_ready".to_owned();
        }
        let memory_bus = (in_shell && port.group == "DDR_C_AXI").then_some(&DDR_C);
        for bus in buses::of(target).iter().chain(memory_bus) {
            let Some(signal) = bus.signal(port) else { continue };
            if bus.has(signal) || (bus.signals.len() > 20 && FULL.contains(&signal)) {
                return self.of_bus(bus.name, signal, port);
            }
        }
        if port.direction_at_cl == Direction::Input {
            return "'0".to_owned();
        }
        let name = format!("open_{}", port.name);
        self.wires.push(Signal::new(name.clone(), port.width));
        self.unused.push(name.clone());
        name
    }

    /// F1 has six bits of ID on PCIS, the top sixteen.
    fn of_bus(&mut self, bus: &str, signal: &str, port: &ClPort) -> String {
        let name = format!("{bus}_{signal}");
        if !signal.ends_with("id") || signal.ends_with("valid") || port.width == 16 {
            return name;
        }
        let width = port.width;
        if port.direction_at_cl == Direction::Input {
            self.unused.push(format!("{name}[15:{width}]"));
        } else {
            self.joined.push(Row::new(format!("{name}[15:{width}]"), "'0"));
        }
        format!("{name}[{}:0]", width - 1)
    }

    /// Signals of the top that a shell does not have.
    fn fill_gaps(&mut self, target: Target, ports: &[ClPort]) {
        if target == Target::AwsF2 {
            for signal in buses::LITE {
                let name = format!("bar1_{signal}");
                match memory::ANSWERS.contains(&signal) {
                    true => self.joined.push(Row::new(name, "'0")),
                    false => self.unused.push(name),
                }
            }
        }
        for bus in buses::of(target).iter().filter(|bus| matches!(bus.name, "pcis" | "pcim")) {
            for signal in FULL {
                if ports.iter().any(|port| bus.signal(port) == Some(signal)) {
                    continue;
                }
                let name = format!("{}_{signal}", bus.name);
                match bus.name {
                    "pcim" => self.joined.push(Row::new(name, buses::constant(signal))),
                    _ => self.unused.push(name),
                }
            }
        }
    }

    /// The HBM's stand-in has its own memory: the top's stays idle.
    fn leave_memory(&mut self) {
        for signal in buses::AXI.into_iter().chain(FULL) {
            let name = format!("ddr_{signal}");
            match memory::ANSWERS.contains(&signal) {
                true => self.unused.push(name),
                false => self.joined.push(Row::new(name, "'0")),
            }
        }
        self.unused.push("ddr_ready".to_owned());
    }

    /// The memory behind a controller inside the custom logic, reached through its instance.
    fn join_controller(&mut self, target: Target, place: Option<usize>, ports: &[ShDdrPort]) {
        for port in ports {
            let Some(signal) = memory::signal(target, port) else { continue };
            if memory::ANSWERS.contains(&signal) {
                let name = format!("CL.SH_DDR.model_{signal}");
                self.joined.push(Row::new(name, format!("ddr_{signal}")));
            } else if buses::AXI.contains(&signal) || FULL.contains(&signal) {
                let index = match (target, place) {
                    (Target::AwsF1, Some(place)) => format!("[{place}]"),
                    _ => String::new(),
                };
                let value = format!("CL.SH_DDR.{}{index}", port.name);
                self.joined.push(Row::new(format!("ddr_{signal}"), value));
            }
        }
        self.joined.push(Row::new("CL.SH_DDR.model_ready", "ddr_ready"));
    }
}
