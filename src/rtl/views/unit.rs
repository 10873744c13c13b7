//! `npu_unit`: the compute units of a configuration, and the modules made from their expressions.

use askama::Template;

use super::custom::comment;
use crate::design::{ComputeUnit, Design};
use crate::expr::{Expr, Op};
use crate::rtl::expr::{Arrival, Operand, module};
use crate::rtl::{OutputFile, verilog};

/// The engine.
#[derive(Debug, Template)]
#[template(path = "rtl/npu_unit.v")]
pub(super) struct UnitView {
    units: Vec<Unit>,
    /// One bit a unit: it has an operand b.
    second: String,
    /// Four bits a unit: words of a group.
    words: String,
    /// Whether handshakes are watched: those of modules that others wrote.
    check: u8,
}

#[derive(Debug)]
struct Unit {
    line: String,
    module: String,
    instance: String,
    /// Its bit of a vector over units.
    bit: String,
    second: bool,
    /// Ports of parameters, and where they stand.
    params: Vec<(String, String)>,
    /// Where its words stand.
    data: String,
}

impl UnitView {
    /// The engine of a design that has units.
    pub fn new(design: &Design) -> Option<UnitView> {
        let units = design.units();
        if units.is_empty() {
            return None;
        }
        let bits = |of: &dyn Fn(&ComputeUnit) -> u64, width: usize| {
            let one = |(index, unit): (usize, &ComputeUnit)| of(unit) << (width * index);
            verilog::hex(width * units.len(), units.iter().enumerate().map(one).sum())
        };
        Some(UnitView {
            second: bits(&|unit| unit.second.into(), 1),
            words: bits(&|unit| unit.outputs.len() as u64, 4),
            check: units.iter().any(|unit| unit.verilog.is_some()).into(),
            units: units.iter().enumerate().map(|(index, unit)| Unit::new(index, unit)).collect(),
        })
    }
}

impl Unit {
    fn new(index: usize, unit: &ComputeUnit) -> Unit {
        let port = |(at, name): (usize, &String)| {
            (parameter_port(name), format!("[{}:{}]", 32 * at + 31, 32 * at))
        };
        Unit {
            line: comment(&format!("{index} {}: {}", unit.name, unit.doc)),
            module: unit.module(),
            instance: format!("u_{}", unit.name),
            bit: format!("[{index}]"),
            second: unit.second,
            params: unit.parameters.iter().enumerate().map(port).collect(),
            data: format!("[LANES_W*{index} +: LANES_W]"),
        }
    }
}

/// A unit from its expressions.
#[derive(Debug, Template)]
#[template(path = "rtl/npu_unit_made.v")]
pub(super) struct MadeView {
    /// Name of the module.
    pub module: String,
    line: String,
    second: bool,
    parameters: Vec<String>,
    states: Vec<StateView>,
    outputs: Vec<String>,
    state_latency: String,
    state_cycles: String,
    output_latency: String,
    output_cycles: String,
    instances: Vec<Instance>,
    unused: String,
}

#[derive(Debug)]
struct StateView {
    port: String,
    /// What stands behind the declaration of its initial value.
    first: String,
}

#[derive(Debug)]
struct Instance {
    module: String,
    name: String,
    ports: Vec<String>,
}

fn parameter_port(name: &str) -> String {
    format!("p_{name}")
}

fn cycles(count: u32) -> String {
    format!("{count} {}", if count == 1 { "cycle" } else { "cycles" })
}

fn state_port(name: &str) -> String {
    format!("s_{name}")
}

/// A module of an expression, and its instance in a lane.
struct Part<'a> {
    unit: &'a ComputeUnit,
    what: String,
    expr: &'a Expr,
    /// Names of operands, their ports, when they arrive, and what drives them.
    operands: Vec<(String, Arrival, String)>,
    latency: u32,
    out: String,
}

impl Part<'_> {
    fn module(&self) -> String {
        format!("{}_{}", self.unit.module(), self.what)
    }

    fn file(&self) -> OutputFile {
        let operands: Vec<Operand<'_>> =
            self.operands.iter().map(|(port, arrival, _)| (port.as_str(), *arrival)).collect();
        let text = module(&self.module(), self.expr, &operands, self.latency);
        OutputFile::new(format!("rtl/{}.v", self.module()), text)
    }

    fn instance(&self) -> Instance {
        let mut ports = vec![("clk", "clk")];
        let read = self.operands.iter().filter(|(_, arrival, _)| *arrival != Arrival::Unread);
        ports.extend(read.map(|(port, _, value)| (port.as_str(), value.as_str())));
        ports.push(("out", &self.out));
        let widest = ports.iter().map(|(port, _)| port.len()).max().unwrap_or(0);
        let line = |(port, value): &(&str, &str)| format!(".{port:<widest$} ({value})");
        Instance {
            module: self.module(),
            name: format!("u_{}", self.what),
            ports: ports.iter().map(line).collect(),
        }
    }
}

/// Steady operands: the lane and the parameters.
fn steady(unit: &ComputeUnit) -> Vec<(String, Arrival, String)> {
    let lane = ("lane".to_owned(), Arrival::Steady, "lane".to_owned());
    let parameters = unit.parameters.iter().map(|name| {
        let port = parameter_port(name);
        (port.clone(), Arrival::Steady, port)
    });
    std::iter::once(lane).chain(parameters).collect()
}

fn states(unit: &ComputeUnit, arrival: Arrival, suffix: &str) -> Vec<(String, Arrival, String)> {
    let ports = unit.states.iter().map(|state| state_port(&state.name));
    ports.map(|port| (port.clone(), arrival, format!("{port}{suffix}"))).collect()
}

fn stream(port: &str, value: &str) -> (String, Arrival, String) {
    (port.to_owned(), Arrival::Stream, value.to_owned())
}

/// Operands, those marked that an expression does not read.
fn read(
    expr: &Expr,
    mut operands: Vec<(String, Arrival, String)>,
) -> Vec<(String, Arrival, String)> {
    for (index, (_, arrival, _)) in operands.iter_mut().enumerate() {
        if !expr.nodes().iter().any(|node| node.op == Op::Operand(index)) {
            *arrival = Arrival::Unread;
        }
    }
    operands
}

/// The expressions of a unit, in the order in which their values come up.
fn parts(unit: &ComputeUnit) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for state in &unit.states {
        if state.initial.constant().is_none() {
            parts.push(Part {
                unit,
                what: format!("first_{}", state.name),
                expr: &state.initial,
                operands: read(&state.initial, steady(unit)),
                latency: state.initial.latency(),
                out: format!("{}_first", state_port(&state.name)),
            });
        }
        let mut operands = vec![stream("a", "in_a[32*i +: 32]")];
        if unit.second {
            operands.push(stream("b", "in_b[32*i +: 32]"));
        }
        operands.push(stream("index", "in_index"));
        operands.extend(steady(unit));
        operands.extend(states(unit, Arrival::Late, ""));
        parts.push(Part {
            unit,
            what: format!("next_{}", state.name),
            expr: &state.next,
            operands: read(&state.next, operands),
            latency: unit.state_latency(),
            out: format!("{}_next", state_port(&state.name)),
        });
    }
    for (at, output) in unit.outputs.iter().enumerate() {
        let mut operands = vec![stream("count", "count_q")];
        operands.extend(steady(unit));
        operands.extend(states(unit, Arrival::Stream, "_q"));
        parts.push(Part {
            unit,
            what: format!("out_{}", output.name),
            expr: &output.value,
            operands: read(&output.value, operands),
            latency: unit.output_latency(),
            out: format!("results[LANES_W*{at} + 32*i +: 32]"),
        });
    }
    parts
}

impl MadeView {
    /// A unit without a file of its own, and the modules it is made of.
    pub fn new(unit: &ComputeUnit) -> (MadeView, Vec<OutputFile>) {
        let parts = parts(unit);
        let state = |state: &crate::design::State| StateView {
            port: state_port(&state.name),
            first: match state.initial.constant() {
                Some(bits) => format!(" = {}", verilog::hex(32, bits & 0xffff_ffff)),
                None => String::new(),
            },
        };
        let mut sinks = vec!["in_a[32*i +: 32]".to_owned()];
        if unit.second {
            sinks.push("in_b[32*i +: 32]".to_owned());
        }
        sinks.extend(unit.parameters.iter().map(|name| parameter_port(name)));
        sinks.extend(unit.states.iter().map(|state| state_port(&state.name)));
        let view = MadeView {
            module: unit.module(),
            line: comment(&unit.doc),
            state_cycles: cycles(unit.state_latency()),
            output_cycles: cycles(unit.output_latency()),
            second: unit.second,
            parameters: unit.parameters.iter().map(|name| parameter_port(name)).collect(),
            states: unit.states.iter().map(state).collect(),
            outputs: unit.outputs.iter().map(|output| output.name.clone()).collect(),
            state_latency: format!("{:<23}", format!("{};", unit.state_latency())),
            output_latency: format!("{:<23}", format!("{};", unit.output_latency())),
            instances: parts.iter().map(Part::instance).collect(),
            unused: sinks.join(", "),
        };
        (view, parts.iter().map(Part::file).collect())
    }
}
