//! The module that computes an expression.
//!
//! Values are wires in the cycle in which the expression's schedule has them and registers after
//! that, as long as something needs them. Owns the Verilog of every operator; when what happens is
//! decided in [`crate::expr`].

mod functions;
mod pipelines;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::design::OPERANDS;
use crate::expr::{Build, Domain, Expr, Function, Node, Op, Schedule, build};

/// When an operand has its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// In the first cycle; another one in the next.
    Stream,
    /// In the cycle of the result.
    Late,
    /// In all cycles the same.
    Steady,
    /// Never: the expression does not read it, and it is no port.
    Unread,
}

/// An operand: name of its port, and when it has its value.
pub type Operand<'a> = (&'a str, Arrival);

/// The module with this name of an expression: `out` stands `latency` cycles after the operands, which must not be
/// fewer than the expression needs.
pub fn module(name: &str, expr: &Expr, operands: &[Operand<'_>], latency: u32) -> String {
    let mut writer = Writer::new(expr, operands, latency);
    let body = writer.body();
    let mut text = String::new();
    for line in wrapped(expr.text(), 96) {
        let _ = writeln!(text, "// {line}");
    }
    let _ = writeln!(
        text,
        "//\n// A set of operands in every cycle; `out` stands {latency} {} after them. Values are named after\n// the order in which they are computed; _q and a cycle say until when they have waited.",
        if latency == 1 { "cycle" } else { "cycles" },
    );
    let arriving = |arrival: Arrival| {
        let ports = operands.iter().filter(|(_, other)| *other == arrival);
        ports.map(|(port, _)| *port).collect::<Vec<_>>().join(", ")
    };
    for (arrival, what) in
        [(Arrival::Late, "Beside `out`, in its cycle"), (Arrival::Steady, "The same in all cycles")]
    {
        let ports = arriving(arrival);
        if !ports.is_empty() {
            let _ = writeln!(text, "// {what}: {ports}.");
        }
    }
    let _ = writeln!(text, "`default_nettype none\n\nmodule {} (", name);
    text.push_str("    input  wire        clk,\n");
    for (port, _) in operands.iter().filter(|(_, arrival)| *arrival != Arrival::Unread) {
        let _ = writeln!(text, "    input  wire [31:0] {port},");
    }
    text.push_str("    output wire [31:0] out\n);\n");
    text.push_str(&writer.functions());
    text.push_str(&body);
    text.push_str(&writer.unused());
    text.push_str("\nendmodule\n\n`default_nettype wire\n");
    // An instance and what follows it bring an empty line each.
    text.replace("\n\n\n", "\n\n")
}

/// The module of a custom operation: its operands come together, one set a cycle.
pub fn operation(name: &str, expr: &Expr, operands: usize, latency: u32) -> String {
    let operands: Vec<Operand<'_>> =
        OPERANDS.iter().take(operands).map(|port| (*port, Arrival::Stream)).collect();
    module(name, expr, &operands, latency)
}

/// Lines of at most `width` characters, broken at blanks where there are any.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut word = word.to_owned();
        loop {
            let line = lines.last().map_or(0, String::len);
            if line > 0 && line + 1 + word.len() > width {
                lines.push(String::new());
                continue;
            }
            let rest = if word.len() > width { word.split_off(width) } else { String::new() };
            if let Some(line) = lines.last_mut() {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(&word);
            }
            if rest.is_empty() {
                break;
            }
            word = rest;
        }
    }
    lines
}

/// Cycles from which on a value waits in one vector, not in registers with names.
const LONG: u32 = 3;

/// What one cycle of the module says.
#[derive(Debug, Default)]
struct Cycle {
    /// Declarations and instances, in order.
    lines: Vec<String>,
    /// Registers that load at the end of the cycle, and what.
    assigns: Vec<(String, String)>,
}

/// Writes the body of a module.
struct Writer<'e> {
    expr: &'e Expr,
    operands: &'e [Operand<'e>],
    schedule: Schedule,
    latency: u32,
    /// Cycles in which each value is needed.
    needed: Vec<BTreeSet<u32>>,
    cycles: BTreeMap<u32, Cycle>,
    /// Verilog functions the body calls.
    called: BTreeSet<&'static str>,
    /// Bits that nothing reads.
    unread: Vec<String>,
}

impl<'e> Writer<'e> {
    fn new(expr: &'e Expr, operands: &'e [Operand<'e>], latency: u32) -> Writer<'e> {
        let of = |at: &usize| operands.get(*at).is_some_and(|(_, when)| *when == Arrival::Late);
        let late: Vec<usize> = (0..operands.len()).filter(of).collect();
        let schedule = match late.is_empty() {
            true => expr.schedule(),
            false => expr.schedule_with_late(&late, latency),
        };
        let mut needed: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); expr.nodes().len()];
        for (at, node) in expr.nodes().iter().enumerate() {
            let start = start(expr, &schedule, at, node);
            for &arg in &node.args {
                if let Some(needed) = needed.get_mut(arg) {
                    needed.insert(start);
                }
            }
        }
        if let Some(result) = needed.last_mut() {
            result.insert(latency);
        }
        Writer {
            expr,
            operands,
            schedule,
            latency,
            needed,
            cycles: BTreeMap::new(),
            called: BTreeSet::new(),
            unread: Vec::new(),
        }
    }

    fn cycle(&mut self, cycle: u32) -> &mut Cycle {
        self.cycles.entry(cycle).or_default()
    }

    /// The declarations, cycle by cycle, and the result.
    fn body(&mut self) -> String {
        let expr = self.expr;
        for (at, node) in expr.nodes().iter().enumerate() {
            let ready = self.schedule.ready(at).cycle;
            match (build(expr, node), node.op) {
                (_, Op::Const(_) | Op::Known(_)) => continue,
                (Build::Logic(_), Op::Operand(_)) if expr.domain() == Domain::Int => {}
                (Build::Logic(_), _) => {
                    let value = self.logic(node, ready);
                    let line = format!("    wire {} = {value};", self.declared(at));
                    self.cycle(ready).lines.push(line);
                }
                (Build::Pipeline(cycles), Op::Call(function)) => {
                    self.pipeline(at, node, function, ready - cycles);
                }
                (Build::Pipeline(_), _) => {}
            }
            self.keep(at, ready);
        }
        let result = expr.nodes().len().saturating_sub(1);
        let mut text = String::new();
        for (number, cycle) in &self.cycles {
            let _ = writeln!(text, "\n    // Cycle {number}.");
            for line in &cycle.lines {
                let _ = writeln!(text, "{line}");
            }
            let instance = cycle.lines.last().is_some_and(|line| line.ends_with('\n'));
            if !cycle.assigns.is_empty() {
                text.push_str(if instance { "" } else { "\n" });
                text.push_str("    always @(posedge clk) begin\n");
                let widest = cycle.assigns.iter().map(|(to, _)| to.len()).max().unwrap_or(0);
                for (to, from) in &cycle.assigns {
                    let _ = writeln!(text, "        {to:<widest$} <= {from};");
                }
                text.push_str("    end\n");
            }
        }
        let _ = writeln!(text, "\n    assign out = {};", self.name(result, self.latency));
        text
    }

    /// The operand that an operation is.
    fn operand(&self, at: usize) -> Option<Operand<'e>> {
        match self.expr.nodes().get(at)?.op {
            Op::Operand(index) => self.operands.get(index).copied(),
            _ => None,
        }
    }

    /// Whether a value is the same in all cycles, so that it need not wait.
    fn is_steady(&self, at: usize) -> bool {
        self.operand(at).is_some_and(|(_, arrival)| arrival == Arrival::Steady)
    }

    /// Registers for as long as something needs a value.
    fn keep(&mut self, at: usize, ready: u32) {
        if self.is_steady(at) {
            return;
        }
        let needed = self.needed.get(at).cloned().unwrap_or_default();
        let cycles = needed.last().copied().unwrap_or(ready) - ready;
        if cycles < LONG {
            for cycle in ready..ready + cycles {
                let (from, to) = (self.name(at, cycle), self.name(at, cycle + 1));
                let line = format!("    reg  {}{to};", self.range(at));
                let entry = self.cycle(cycle);
                entry.lines.push(line);
                entry.assigns.push((to, from));
            }
            return;
        }
        // In one vector, newest value first.
        let condition = self.expr.nodes().get(at).is_some_and(|node| node.op.is_condition());
        let width = if condition { 1 } else { 32 };
        let (base, top) = (self.name(at, ready), width * cycles - 1);
        let line = format!("    reg  [{top}:0] {base}_wait;");
        let entry = self.cycle(ready);
        entry.lines.push(line);
        let older = format!("{{{base}_wait[{}:0], {base}}}", top - width);
        entry.assigns.push((format!("{base}_wait"), older));
        for cycle in needed.into_iter().filter(|&cycle| cycle > ready) {
            let low = width * (cycle - ready - 1);
            let (range, name) = (self.range(at), self.name(at, cycle));
            let line = match condition {
                true => format!("    wire {range}{name} = {base}_wait[{low}];"),
                false => format!("    wire {range}{name} = {base}_wait[{}:{low}];", low + 31),
            };
            self.cycle(cycle).lines.push(line);
        }
    }

    /// Range of a value, with a blank behind it.
    fn range(&self, at: usize) -> &'static str {
        match self.expr.nodes().get(at) {
            Some(node) if node.op.is_condition() => "       ",
            _ => "[31:0] ",
        }
    }

    fn declared(&self, at: usize) -> String {
        format!("{}{}", self.range(at), self.name(at, self.schedule.ready(at).cycle))
    }

    /// The value of an operation in a cycle.
    fn name(&self, at: usize, cycle: u32) -> String {
        let base = match self.expr.nodes().get(at).map(|node| node.op) {
            Some(Op::Const(bits)) => return literal(bits),
            Some(Op::Known(holds)) => return format!("1'b{}", u8::from(holds)),
            Some(Op::Operand(_)) => {
                let (port, _) = self.operand(at).unwrap_or(("a", Arrival::Stream));
                let plain = self.expr.domain() == Domain::Int;
                if plain { port.to_owned() } else { format!("{port}_number") }
            }
            _ => format!("v{at}"),
        };
        let ready = self.schedule.ready(at).cycle;
        if cycle > ready && !self.is_steady(at) { format!("{base}_q{cycle}") } else { base }
    }

    /// A Verilog function applied to values.
    fn call(&mut self, function: &'static str, args: &[String]) -> String {
        self.called.insert(function);
        format!("{function}({})", args.join(", "))
    }

    /// The value of an operation that is logic, in a cycle.
    fn logic(&mut self, node: &Node, cycle: u32) -> String {
        let args: Vec<String> = node.args.iter().map(|&arg| self.name(arg, cycle)).collect();
        let get = |at: usize| args.get(at).cloned().unwrap_or_default();
        let (x, y, z) = (get(0), get(1), get(2));
        let float = self.expr.domain() == Domain::Float;
        match node.op {
            Op::Operand(index) => {
                let port = self.operands.get(index).map_or("a", |(port, _)| *port).to_owned();
                self.call("number", &[port])
            }
            Op::Const(_) | Op::Known(_) => x,
            Op::LogicNot => format!("!{x}"),
            Op::LogicAnd => format!("{x} && {y}"),
            Op::LogicOr => format!("{x} || {y}"),
            Op::Truth => format!("({x} != 32'd0)"),
            Op::Number => format!("{{31'd0, {x}}}"),
            Op::Select => format!("{x} ? {y} : {z}"),
            Op::Eq if float => self.call("equal", &[x, y]),
            Op::Lt if float => self.call("less", &[x, y]),
            Op::Le if float => {
                let less = self.call("less", &args);
                format!("{less} || {}", self.call("equal", &args))
            }
            Op::Eq => format!("({x} == {y})"),
            Op::Lt => format!("($signed({x}) < $signed({y}))"),
            Op::Le => format!("($signed({x}) <= $signed({y}))"),
            Op::Call(function) if float => match function {
                Function::Neg => self.call("negative", &[x]),
                Function::Abs => format!("{{1'b0, {x}[30:0]}}"),
                Function::Min => self.call("smaller", &[x, y]),
                _ => self.call("larger", &[x, y]),
            },
            Op::Call(function) => self.integer(function, node, [x, y]),
        }
    }

    fn integer(&mut self, function: Function, node: &Node, [x, y]: [String; 2]) -> String {
        let amount = |writer: &mut Writer<'_>| match writer.constant(node, 1) {
            Some(bits) => format!("5'd{}", bits % 32),
            None => {
                writer.unread.push(format!("{y}[31:5]"));
                format!("{y}[4:0]")
            }
        };
        match function {
            Function::Add => format!("{x} + {y}"),
            Function::Sub => format!("{x} - {y}"),
            Function::Neg => format!("-{x}"),
            Function::Abs => format!("{x}[31] ? -{x} : {x}"),
            Function::Min => format!("($signed({x}) < $signed({y})) ? {x} : {y}"),
            Function::Max => format!("($signed({x}) < $signed({y})) ? {y} : {x}"),
            Function::Not => format!("~{x}"),
            Function::And => format!("{x} & {y}"),
            Function::Or => format!("{x} | {y}"),
            Function::Xor => format!("{x} ^ {y}"),
            Function::Shl => format!("{x} << {}", amount(self)),
            Function::Shru => format!("{x} >> {}", amount(self)),
            Function::Shr => format!("$signed({x}) >>> {}", amount(self)),
            Function::Popcount => self.call("ones", &[x]),
            _ => self.call("leading_zeros", &[x]),
        }
    }

    fn constant(&self, node: &Node, arg: usize) -> Option<u64> {
        match self.expr.nodes().get(*node.args.get(arg)?)?.op {
            Op::Const(bits) => Some(bits),
            _ => None,
        }
    }

    fn functions(&self) -> String {
        functions::text(&self.called)
    }

    /// A sink for what nothing reads.
    fn unused(&self) -> String {
        let reads =
            |index: usize| self.expr.nodes().iter().any(|node| node.op == Op::Operand(index));
        let idle = self.operands.iter().enumerate();
        let idle = idle.filter(|(index, (_, when))| *when != Arrival::Unread && !reads(*index));
        let mut all: Vec<String> = idle.map(|(_, (port, _))| (*port).to_owned()).collect();
        if self.cycles.values().all(|cycle| cycle.assigns.is_empty()) {
            all.push("clk".to_owned());
        }
        all.extend(self.unread.iter().cloned());
        all.sort();
        all.dedup();
        if all.is_empty() {
            return String::new();
        }
        let lines = wrapped(&all.join(", "), 70).join("\n                     ");
        format!("\n    wire unused = &{{1'b0, {lines}}};\n")
    }
}

/// The cycle in which an operation takes its operands.
fn start(expr: &Expr, schedule: &Schedule, at: usize, node: &Node) -> u32 {
    let ready = schedule.ready(at).cycle;
    match build(expr, node) {
        Build::Logic(_) => ready,
        Build::Pipeline(cycles) => ready - cycles,
    }
}

/// A constant of 32 bits.
fn literal(bits: u64) -> String {
    if bits < 10_000 { format!("32'd{bits}") } else { format!("32'h{bits:08X}") }
}
