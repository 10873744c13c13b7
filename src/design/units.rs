//! Compute units that a configuration adds as the engine UNIT.

use super::resolve::Rules;
use crate::config::{DomainConfig, OutputConfig, RawConfig, UnitConfig};
use crate::expr::{Definition, Domain, Expr};
use crate::isa::{CustomSpec, Engine, UNIT};

/// Names that expressions of units have for what is not theirs.
const RESERVED: [&str; 5] = ["a", "b", "index", "count", "lane"];

/// Cycles from a launch's parameters to its first element.
const INITIAL_CYCLES: u32 = 4;

/// A compute unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComputeUnit {
    /// Name in assembly.
    pub name: String,
    /// What it does.
    pub doc: String,
    /// Whether elements have an operand b.
    pub second: bool,
    /// Names of the registers p0 to p3.
    pub parameters: Vec<String>,
    /// What a lane remembers.
    pub states: Vec<State>,
    /// The words given for a group.
    pub outputs: Vec<Output>,
    /// The module, where it is not made from the expressions.
    pub verilog: Option<String>,
}

/// A state of every lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Name in expressions.
    pub name: String,
    /// Before the first element, of [`ComputeUnit::initial_operands`].
    pub initial: Expr,
    /// After an element, of [`ComputeUnit::element_operands`].
    pub next: Expr,
}

/// A word given for a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Name in reports.
    pub name: String,
    /// Its value, of [`ComputeUnit::group_operands`].
    pub value: Expr,
}

impl ComputeUnit {
    /// Name of the module.
    pub fn module(&self) -> String {
        module_name(&self.name)
    }

    /// Operands of initial values.
    pub fn initial_operands(&self) -> Vec<&str> {
        Names::of(&self.parameters, &[]).initial()
    }

    /// Operands of what happens to an element.
    pub fn element_operands(&self) -> Vec<&str> {
        let states: Vec<&str> = self.states.iter().map(|state| state.name.as_str()).collect();
        Names::of(&self.parameters, &states).element(self.second)
    }

    /// Operands of outputs.
    pub fn group_operands(&self) -> Vec<&str> {
        let states: Vec<&str> = self.states.iter().map(|state| state.name.as_str()).collect();
        Names::of(&self.parameters, &states).group()
    }

    /// Positions of the states among the operands of elements.
    pub fn late(&self) -> Vec<usize> {
        let all = self.element_operands().len();
        (all - self.states.len()..all).collect()
    }

    /// Cycles from an element to the states behind it, at least one.
    pub fn state_latency(&self) -> u32 {
        let late = self.late();
        let cycle = |state: &State| state.next.late_cycle(&late).unwrap_or(0);
        self.states.iter().map(cycle).max().unwrap_or(0).max(1)
    }

    /// Cycles from the states behind the last element to the outputs.
    pub fn output_latency(&self) -> u32 {
        self.outputs.iter().map(|output| output.value.latency()).max().unwrap_or(1)
    }

    /// The unit as programs see it; `index` is its position in the configuration.
    pub(super) fn spec(&self, index: usize) -> CustomSpec {
        CustomSpec {
            engine: Engine::Unit,
            name: self.name.clone(),
            number: u8::try_from(index).unwrap_or(u8::MAX),
            doc: self.doc.clone(),
        }
    }
}

fn module_name(name: &str) -> String {
    format!("npu_unit_{name}")
}

/// The names that the expressions of a unit may use.
struct Names<'a> {
    parameters: Vec<&'a str>,
    states: Vec<&'a str>,
}

impl<'a> Names<'a> {
    fn of(parameters: &'a [String], states: &[&'a str]) -> Names<'a> {
        Names {
            parameters: parameters.iter().map(String::as_str).collect(),
            states: states.to_vec(),
        }
    }

    fn initial(&self) -> Vec<&'a str> {
        [&["lane"][..], &self.parameters].concat()
    }

    fn element(&self, second: bool) -> Vec<&'a str> {
        let operands: &[&str] = if second { &["a", "b"] } else { &["a"] };
        [operands, &["index", "lane"], &self.parameters, &self.states].concat()
    }

    fn group(&self) -> Vec<&'a str> {
        [&["count", "lane"][..], &self.parameters, &self.states].concat()
    }
}

impl Rules<'_> {
    /// The units, as far as they are sound.
    pub(super) fn units(&mut self, config: &mut RawConfig) -> Vec<ComputeUnit> {
        let entries = config.extensions.units.clone();
        let places = self.sound_items("extensions.units", entries.len());
        let mut units: Vec<ComputeUnit> = Vec::new();
        for ((index, entry), place) in entries.iter().enumerate().zip(places) {
            let path = format!("extensions.units[{place}]");
            // What is wrong inside has been said, and the positions of the rest are not known.
            let inside = format!("{path}.");
            if self.violations.iter().any(|violation| violation.key.starts_with(&inside)) {
                continue;
            }
            self.unit_names(&units, entry, &path);
            let unit = self.unit(config, entry, &path);
            if let Some(resolved) = config.extensions.units.get_mut(index) {
                // Where `npugen build` puts it, beside the resolved configuration.
                let place = || format!("rtl/{}.v", module_name(&entry.name));
                resolved.verilog = entry.verilog.as_ref().map(|_| place());
            }
            units.extend(unit);
        }
        units
    }

    fn unit(&mut self, config: &RawConfig, entry: &UnitConfig, path: &str) -> Option<ComputeUnit> {
        let state_names: Vec<&str> = entry.states.iter().map(|state| state.name.as_str()).collect();
        let names = Names::of(&entry.parameters, &state_names);
        let second = entry.operands > 1;
        let (initial, element, group) = (names.initial(), names.element(second), names.group());
        if entry.outputs.is_empty() {
            self.report(
                &[&format!("{path}.outputs")],
                format!("`{}` has no outputs", entry.name),
                "list at least one, with `name` and `value`".to_owned(),
            );
        }
        let late: Vec<usize> = (element.len() - state_names.len()..element.len()).collect();
        let mut states = Vec::new();
        for (at, state) in entry.states.iter().enumerate() {
            let name = format!("{}.{}", entry.name, state.name);
            let key = format!("{path}.states[{at}].initial");
            let start = self.value(config, (&name, &state.initial), &initial, &key);
            if let Some(start) = start.as_ref().filter(|start| start.latency() > INITIAL_CYCLES) {
                self.report(
                    &[&key],
                    format!(
                        "the initial value of `{name}` takes {} cycles, but it must be there {INITIAL_CYCLES} cycles after the launch",
                        start.latency()
                    ),
                    "compute it before and pass it as a parameter".to_owned(),
                );
            }
            let key = format!("{path}.states[{at}].next");
            let next = self.value(config, (&name, &state.next), &element, &key);
            if next.as_ref().is_some_and(|next| next.late_cycle(&late).is_none()) {
                self.report(
                    &[&key],
                    format!("`next` of `{name}` takes the product or quotient of a state"),
                    "products and quotients take cycles, but a state must be there for the next element: use shifts and sums, or move the product to `outputs`".to_owned(),
                );
            }
            if let (Some(initial), Some(next)) = (start, next) {
                states.push(State { name: state.name.clone(), initial, next });
            }
        }
        let mut outputs = Vec::new();
        for (at, output) in entry.outputs.iter().enumerate() {
            let name = format!("{}.{}", entry.name, output.name);
            let key = format!("{path}.outputs[{at}].value");
            if let Some(value) = self.value(config, (&name, &output.value), &group, &key) {
                outputs.push(Output { name: output.name.clone(), value });
            }
        }
        let verilog = entry.verilog.as_ref().and_then(|file| {
            let key = format!("{path}.verilog");
            self.module_file(file, &entry.name, &module_name(&entry.name), &key, "units.md")
        });
        let value = |output: &OutputConfig| format!("`{}`", output.value.trim());
        let shown = || entry.outputs.iter().map(value).collect::<Vec<_>>().join(", ");
        Some(ComputeUnit {
            name: entry.name.clone(),
            doc: entry.doc.clone().unwrap_or_else(shown),
            second,
            parameters: entry.parameters.clone(),
            states,
            outputs,
            verilog,
        })
    }

    /// An expression over integers, which may call integer operations of the configuration.
    fn value(
        &mut self,
        config: &RawConfig,
        (name, text): (&str, &str),
        operands: &[&str],
        key: &str,
    ) -> Option<Expr> {
        let mut definitions = vec![Definition { name: "", domain: Domain::Int, operands, text }];
        let ops = &config.extensions.vector_ops;
        let ops = ops.iter().filter(|op| op.domain == DomainConfig::Int);
        definitions.extend(ops.map(super::operations::definition));
        match Expr::define(&definitions, 0) {
            Ok(expr) => Some(expr),
            Err(error) => {
                self.expression((name, text), key, &error);
                None
            }
        }
    }

    /// Names are new and mean nothing else.
    fn unit_names(&mut self, units: &[ComputeUnit], entry: &UnitConfig, path: &str) {
        let name = entry.name.as_str();
        let key = format!("{path}.name");
        if units.iter().any(|other| other.name == name) {
            self.report(
                &[&key],
                format!("there are two units `{name}`"),
                "give every unit a name of its own".to_owned(),
            );
        }
        let numbered = name.strip_prefix(UNIT).is_some_and(|rest| {
            !rest.is_empty() && rest.chars().all(|digit| digit.is_ascii_digit())
        });
        let taken = ["stream", "check", "regs", "lanes"].contains(&name);
        if numbered || taken {
            self.report(
                &[&key],
                match numbered {
                    true => format!("`{name}` is how assembly calls a unit without a name"),
                    false => format!("`npu_unit_{name}` is a module of every such machine"),
                },
                "choose another name".to_owned(),
            );
        }
        let parameters = entry.parameters.iter().enumerate();
        let parameters =
            parameters.map(|(at, name)| (name.as_str(), format!("{path}.parameters[{at}]")));
        let states = entry.states.iter().enumerate();
        let states =
            states.map(|(at, state)| (state.name.as_str(), format!("{path}.states[{at}].name")));
        let mut known: Vec<&str> = RESERVED.to_vec();
        for (name, key) in parameters.chain(states) {
            if known.contains(&name) {
                self.report(
                    &[&key],
                    format!("`{name}` has another meaning in the expressions of `{}`", entry.name),
                    format!("choose a name that is none of {}", known.join(", ")),
                );
            } else {
                known.push(name);
            }
        }
        let mut known: Vec<&str> = Vec::new();
        for (at, output) in entry.outputs.iter().enumerate() {
            if known.contains(&output.name.as_str()) {
                self.report(
                    &[&format!("{path}.outputs[{at}].name")],
                    format!("`{}` has two outputs `{}`", entry.name, output.name),
                    "give every output a name of its own".to_owned(),
                );
            }
            known.push(&output.name);
        }
    }
}
