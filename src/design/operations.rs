//! Operations that a configuration adds to the lanes of VECTOR.

use super::resolve::Rules;
use crate::config::{DomainConfig, RawConfig, VectorOpConfig, Violation};
use crate::expr::{Definition, Domain, Expr, ExprError};
use crate::files;
use crate::isa::table::vector::Function;
use crate::isa::{CUSTOM, CustomSpec, Engine, FIRST_CUSTOM};

/// Names of the operands.
pub const OPERANDS: [&str; 3] = ["a", "b", "c"];

/// An operation of the lanes that the configuration defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorOp {
    /// Name in assembly.
    pub name: String,
    /// What it does.
    pub doc: String,
    /// How many operands, 1 to 3: a, b, and the immediate.
    pub operands: usize,
    /// Whether operands and result are binary32; else integers of 32 bits.
    pub float: bool,
    /// The result.
    pub expr: Expr,
    /// The module, where it is not made from the expression.
    pub verilog: Option<String>,
    /// Cycles from operands to result.
    pub latency: u32,
}

impl VectorOp {
    /// Name of the module.
    pub fn module(&self) -> String {
        module_name(&self.name)
    }
}

fn module_name(name: &str) -> String {
    format!("npu_op_{name}")
}

impl VectorOp {
    /// The operation as programs see it; `index` is its position in the configuration.
    pub(super) fn spec(&self, index: usize) -> CustomSpec {
        let index = u8::try_from(index).unwrap_or(u8::MAX);
        CustomSpec {
            engine: Engine::Vector,
            name: self.name.clone(),
            number: FIRST_CUSTOM.saturating_add(index),
            doc: self.doc.clone(),
        }
    }
}

/// A function for tables of the function unit that the configuration defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFunction {
    /// Name on the command line.
    pub name: String,
    /// What it computes.
    pub doc: String,
    /// Its value for the operand x.
    pub expr: Expr,
    /// Arguments go from minus this to this; beyond, the function is a straight line.
    pub range: u32,
}

impl OwnFunction {
    /// A function of the operand x. Fails as well where it is not finite.
    pub fn new(name: &str, text: &str, range: u32) -> Result<OwnFunction, ExprError> {
        let expr = Expr::parse(text, Domain::Real, &["x"])?;
        let reach = f64::from(range);
        let at = (-4096..=4096).map(|step| f64::from(step) * reach / 2048.0);
        if let Some(x) = at.into_iter().find(|&x| !expr.real(x).is_finite()) {
            return Err(ExprError {
                span: 0..text.len(),
                message: format!("the function is not finite at {x}"),
                remedy: format!("it must have a value from {} to {}", -2.0 * reach, 2.0 * reach),
            });
        }
        let doc = expr.text().to_owned();
        Ok(OwnFunction { name: name.to_owned(), doc, expr, range })
    }
}

impl Rules<'_> {
    /// The functions, as far as they are sound.
    pub(super) fn functions(&mut self, config: &RawConfig) -> Vec<OwnFunction> {
        let entries = &config.extensions.functions;
        let places = self.sound_items("extensions.functions", entries.len());
        let mut functions: Vec<OwnFunction> = Vec::new();
        for (entry, place) in entries.iter().zip(places) {
            let path = format!("extensions.functions[{place}]");
            if functions.iter().any(|other| other.name == entry.name) {
                self.report(
                    &[&format!("{path}.name")],
                    format!("there are two functions `{}`", entry.name),
                    "give every function a name of its own".to_owned(),
                );
            }
            match OwnFunction::new(&entry.name, &entry.expression, entry.range) {
                Ok(function) => functions.push(function),
                Err(error) => {
                    let text = (entry.name.as_str(), entry.expression.as_str());
                    self.expression(text, &format!("{path}.expression"), &error);
                }
            }
        }
        functions
    }

    /// The operations, as far as they are sound; latencies that are left out are filled in.
    pub(super) fn vector_ops(&mut self, config: &mut RawConfig) -> Vec<VectorOp> {
        let float = config.vector.float;
        let entries = config.extensions.vector_ops.clone();
        let definitions: Vec<Definition<'_>> = entries.iter().map(definition).collect();
        let mut ops = Vec::new();
        let places = self.sound_items("extensions.vector_ops", entries.len());
        for ((index, entry), place) in entries.iter().enumerate().zip(&places) {
            let path = format!("extensions.vector_ops[{place}]");
            self.name(&entries, &places, index);
            if entry.domain == DomainConfig::Float && !float {
                self.report(
                    &[&format!("{path}.type"), "vector.float"],
                    format!("`{}` computes in binary32, but `vector.float` is false", entry.name),
                    "set `vector.float: true`, or `type: int`".to_owned(),
                );
            }
            let expr = match Expr::define(&definitions, index) {
                Ok(expr) => expr,
                Err(error) => {
                    let text = (entry.name.as_str(), entry.expression.as_str());
                    self.expression(text, &format!("{path}.expression"), &error);
                    continue;
                }
            };
            let needed = expr.latency();
            let latency = entry.latency.unwrap_or(needed);
            let verilog = self.verilog(entry, &path);
            if latency < needed && entry.verilog.is_none() {
                self.report(
                    &[&format!("{path}.latency")],
                    format!(
                        "`{}` has a latency of {latency}, but its expression takes {needed} cycles",
                        entry.name
                    ),
                    format!("set `latency: {needed}` or more, or leave it out"),
                );
            }
            if let Some(resolved) = config.extensions.vector_ops.get_mut(index) {
                resolved.latency = Some(latency);
                // Where `npugen build` puts it, beside the resolved configuration.
                let place = || format!("rtl/{}.v", module_name(&entry.name));
                resolved.verilog = entry.verilog.as_ref().map(|_| place());
            }
            ops.push(VectorOp {
                name: entry.name.clone(),
                doc: entry.doc.clone().unwrap_or_else(|| format!("`{}`", entry.expression.trim())),
                operands: operands(entry).len(),
                float: entry.domain == DomainConfig::Float,
                expr,
                verilog,
                latency,
            });
        }
        ops
    }

    /// Positions in the file of the items of a list that have no violation: the others are left out.
    pub(super) fn sound_items(&self, list: &str, count: usize) -> Vec<usize> {
        let sound = |item: &usize| !self.draft.is_bad_item(&format!("{list}[{item}]"));
        (0..).filter(sound).take(count).collect()
    }

    /// An expression that cannot be read, at its place.
    pub(super) fn expression(&mut self, (name, text): (&str, &str), key: &str, error: &ExprError) {
        let message = format!("expression of `{name}`: {}", error.message);
        let origin = self.draft.origin(key);
        let violation = Violation::new(key, message, error.remedy.clone(), origin);
        self.violations.push(violation.at_part(text, error.span.clone()));
    }

    /// The module of an operation from its file.
    fn verilog(&mut self, entry: &VectorOpConfig, path: &str) -> Option<String> {
        let file = entry.verilog.as_ref()?;
        let key = format!("{path}.verilog");
        if entry.latency.is_none() {
            self.report(
                &[&key],
                format!("`{}` has a Verilog file, but no `latency`", entry.name),
                "say how many cycles after the operands `out` stands".to_owned(),
            );
        }
        self.module_file(file, &entry.name, &module_name(&entry.name), &key, "extensions.md")
    }

    /// A file of the user's whose first module is `module`.
    pub(super) fn module_file(
        &mut self,
        file: &str,
        name: &str,
        module: &str,
        key: &str,
        page: &str,
    ) -> Option<String> {
        let text = match files::read_text(&self.draft.folder.join(file), files::CONFIG_LIMIT) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("`{name}`: {error}");
                let remedy = "the path begins at the folder of the configuration".to_owned();
                self.report(&[key], message, remedy);
                return None;
            }
        };
        let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let mut after = words.by_ref().skip_while(|word| *word != "module").skip(1);
        if after.find(|word| !word.is_empty()) != Some(module) {
            self.report(
                &[key],
                format!("the first module of `{file}` is not `{module}`"),
                format!("the file holds `module {module}`, with the ports of docs/{page}"),
            );
        }
        Some(text)
    }

    /// A name is new and can stand in assembly.
    fn name(&mut self, entries: &[VectorOpConfig], places: &[usize], index: usize) {
        let path = |index: usize| {
            format!("extensions.vector_ops[{}]", places.get(index).copied().unwrap_or(index))
        };
        let Some(entry) = entries.get(index) else { return };
        let name = entry.name.as_str();
        let key = format!("{}.name", path(index));
        if Function::ALL.iter().any(|function| function.name() == name) {
            self.report(
                &[&key],
                format!("`{name}` is a function of every machine"),
                "choose another name".to_owned(),
            );
        }
        let numbered = name.strip_prefix(CUSTOM).is_some_and(|rest| {
            !rest.is_empty() && rest.chars().all(|digit| digit.is_ascii_digit())
        });
        if numbered {
            self.report(
                &[&key],
                format!("`{name}` is how assembly calls an operation without a name"),
                "choose another name".to_owned(),
            );
        }
        if let Some(first) = entries.iter().take(index).position(|other| other.name == name) {
            self.report(
                &[&key],
                format!("`{name}` is the name of `{}` already", path(first)),
                "give every operation a name of its own".to_owned(),
            );
        }
    }
}

fn operands(entry: &VectorOpConfig) -> &'static [&'static str] {
    OPERANDS.get(..entry.operands as usize).unwrap_or(&OPERANDS)
}

fn domain(entry: &VectorOpConfig) -> Domain {
    match entry.domain {
        DomainConfig::Int => Domain::Int,
        DomainConfig::Float => Domain::Float,
    }
}

/// An operation as expressions see it.
pub(super) fn definition(entry: &VectorOpConfig) -> Definition<'_> {
    Definition {
        name: &entry.name,
        operands: operands(entry),
        domain: domain(entry),
        text: &entry.expression,
    }
}
