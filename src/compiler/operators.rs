//! The page of supported operators, from the tables that import and lowering work by.

use std::collections::BTreeSet;

use super::lower::table;
use crate::graph::import;

/// Operators of the graph without a kernel that passes make part of others (`graph::passes`).
const ABSORBED: &[(&str, &str)] = &[
    ("batch_norm", "in the convolution or product beside it"),
    ("pad", "zeros: in the convolution behind it"),
];

/// Between operators of which an ONNX operator becomes one.
const OR: &str = " or ";

/// What becomes of an ONNX operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// Its name.
    pub name: &'static str,
    /// Whether it is one of `com.microsoft`.
    pub runtime: bool,
    /// Operators of the graph, or in words what it becomes.
    pub becomes: Vec<&'static str>,
    /// Whether it becomes one of them, not all.
    pub one_of: bool,
    /// What of it is imported; empty for all.
    pub limits: &'static str,
    /// What computes it on activations of 8 bits, and on binary32; empty where nothing does.
    pub computed: [String; 2],
}

impl Support {
    /// Whether it is taken only where it depends on constants.
    pub fn is_folded(&self) -> bool {
        self.computed.iter().all(String::is_empty)
    }
}

/// All ONNX operators that are imported, in alphabetical order.
pub fn all() -> Vec<Support> {
    let support = |row: import::Row| {
        let one_of = row.becomes.contains(OR);
        let becomes: Vec<&str> = row.becomes.split(if one_of { OR } else { ", " }).collect();
        let computed = [0, 1].map(|kind| {
            if one_of {
                let mut each = becomes.iter().map(|name| computed(&[*name], kind));
                each.find(|how| !how.is_empty()).unwrap_or_default()
            } else {
                computed(&becomes, kind)
            }
        });
        Support {
            name: row.name,
            runtime: row.runtime,
            becomes,
            one_of,
            limits: row.limits,
            computed,
        }
    };
    import::rows().map(support).collect()
}

/// What computes operators of the graph; `kind` as in [`table::Row::results`].
fn computed(names: &[&str], kind: usize) -> String {
    let mut parts = BTreeSet::new();
    for name in names {
        let row = table::rows().find(|row| row.names.contains(name) && row.results[kind]);
        let absorbed = ABSORBED.iter().find(|(absorbed, _)| absorbed == name);
        parts.insert(match (*name, row, absorbed) {
            ("nothing", ..) => "nothing".to_owned(),
            (_, Some(row), _) if row.engine.is_empty() => row.kernel.to_owned(),
            (_, Some(row), _) => format!("{} ({})", row.kernel, row.engine),
            (_, None, Some((_, how))) if kind == 0 => (*how).to_owned(),
            _ => return String::new(),
        });
    }
    parts.into_iter().collect::<Vec<_>>().join("; ")
}

/// The page in Markdown.
pub fn page() -> String {
    let mut text = "\
# Supported operators

Written by `npugen operators`; do not edit. What of ONNX is compiled, from the tables by which \
import and compiler work. Whatever is refused is refused by name, with the node, the reason and \
what would help.

## Kernels

Operators of the graph ([graph.md](graph.md)) and what computes them: on activations of 8 bits \
where the result is quantized, on binary32 where it is not ([compiler.md](compiler.md)).

| operators | of | kernel | where | conditions |
|---|---|---|---|---|
"
    .to_owned();
    for row in table::rows() {
        let names: Vec<String> = row.names.iter().map(|name| format!("`{name}`")).collect();
        let of = match row.results {
            [true, false] => "activations",
            [false, true] => "binary32",
            _ => "either",
        };
        let place = if row.engine.is_empty() { "none" } else { row.engine };
        text += &format!(
            "| {} | {of} | {} | {place} | {} |\n",
            names.join(", "),
            row.kernel,
            row.limits
        );
    }
    let everything = all();
    let folded = everything.iter().filter(|support| support.is_folded()).count();
    text += &format!(
        "
## ONNX operators

Versions {} to {}, {} operators, of which the {folded} without a kernel are computed when the model \
is read: they may depend on constants, shapes and integer inputs only. Operators marked * are those \
of `com.microsoft`. Functions and norms made of elementary operators are recognised \
([graph.md](graph.md#passes)).

",
        import::OPSETS.start(),
        import::OPSETS.end(),
        everything.len()
    );
    text + &table(|_| true)
}

/// The table of ONNX operators in Markdown, for those whose name is wanted.
pub fn table(wanted: impl Fn(&str) -> bool) -> String {
    let mut text =
        "| ONNX operator | becomes | of activations | of binary32 | what of it |\n".to_owned();
    text += "|---|---|---|---|---|\n";
    for support in all().iter().filter(|support| wanted(support.name)) {
        let mark = if support.runtime { " *" } else { "" };
        let words = |name: &str| matches!(name, "nothing" | "a constant");
        let becomes: Vec<String> = support
            .becomes
            .iter()
            .map(|name| if words(name) { (*name).to_owned() } else { format!("`{name}`") })
            .collect();
        let limits = if support.limits.is_empty() { "all" } else { support.limits };
        let [quantized, real] = &support.computed;
        let quantized = if support.is_folded() { "constants only" } else { quantized };
        text += &format!(
            "| {}{mark} | {} | {quantized} | {real} | {limits} |\n",
            support.name,
            becomes.join(if support.one_of { OR } else { ", " }),
        );
    }
    text
}

/// Kernels, and those ONNX operators whose name is wanted, as JSON.
pub fn json(wanted: impl Fn(&str) -> bool) -> serde_json::Value {
    let kernels: Vec<serde_json::Value> = table::rows()
        .map(|row| {
            serde_json::json!({
                "operators": row.names,
                "activations": row.results[0],
                "binary32": row.results[1],
                "kernel": row.kernel,
                "where": row.engine,
                "conditions": row.limits,
            })
        })
        .collect();
    let operators: Vec<serde_json::Value> = all()
        .iter()
        .filter(|support| wanted(support.name))
        .map(|support| {
            serde_json::json!({
                "name": support.name,
                "domain": if support.runtime { "com.microsoft" } else { "" },
                "becomes": support.becomes,
                "activations": support.computed[0],
                "binary32": support.computed[1],
                "imported": support.limits,
            })
        })
        .collect();
    serde_json::json!({ "kernels": kernels, "operators": operators })
}
