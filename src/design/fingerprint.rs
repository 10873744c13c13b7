//! The fingerprint: tells whether a program was made for a machine. Owns what goes into it.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::config::{CellConfig, RamConfig, RawConfig};
use crate::isa::table::{ENGINES, ISA_VERSION};

/// 64 bits of a hash over everything of a design that programs can see, and the instruction table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Fingerprint, Self::Err> {
        u64::from_str_radix(text, 16).map(Fingerprint)
    }
}

/// A resolved configuration as YAML with every key, always the same text for the same values.
pub(super) fn canonical(resolved: &RawConfig) -> String {
    serde_json::to_value(resolved).map(|value| yaml(&value, 0)).unwrap_or_default()
}

/// Serialization of the few kinds of values a configuration has. Written here because the text is
/// hashed: it must never change with the version of a library.
fn yaml(value: &serde_json::Value, indent: usize) -> String {
    use serde_json::Value;
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| match value {
                Value::Array(items) if items.is_empty() => format!("{:indent$}{key}: []\n", ""),
                Value::Object(_) | Value::Array(_) => {
                    format!("{:indent$}{key}:\n{}", "", yaml(value, indent + 2))
                }
                _ => format!("{:indent$}{key}: {}\n", "", yaml(value, indent)),
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| {
                // The first key of an item stands behind its dash.
                let text = yaml(item, indent + 2);
                format!("{:indent$}- {}\n", "", text.trim())
            })
            .collect(),
        // JSON's quoting is YAML's.
        Value::String(text) if !is_plain(text) => value.to_string(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether a text can stand without quotes: a name, or a size such as `2 MiB`.
fn is_plain(text: &str) -> bool {
    let harmless = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ' ';
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    text.chars().all(harmless)
        && text.trim() == text
        && !text.is_empty()
        && !reserved.contains(&text.to_ascii_lowercase().as_str())
}

/// Keys that programs cannot tell, and all below them: [`of`] leaves them out.
pub const INVISIBLE: [&str; 6] = [
    "name",
    "clock_mhz",
    "array.cell",
    "buffers.ibuf.ram",
    "buffers.vmem.ram",
    "extensions.functions",
];

/// The fingerprint of a resolved configuration. Name, clock, cell and kind of memory stay out of it, functions,
/// whose tables are data, and the Verilog of operations and units: programs cannot tell them.
pub(super) fn of(resolved: &RawConfig) -> Fingerprint {
    let mut seen = resolved.clone();
    seen.name = String::new();
    seen.clock_mhz = 0;
    seen.array.cell = CellConfig::Generic;
    seen.buffers.ibuf.ram = RamConfig::Auto;
    seen.buffers.vmem.ram = RamConfig::Auto;
    seen.extensions.functions.clear();
    seen.extensions.vector_ops.iter_mut().for_each(|op| op.verilog = None);
    seen.extensions.units.iter_mut().for_each(|unit| unit.verilog = None);
    let isa = format!("{ENGINES:?}");
    hash(&[canonical(&seen).as_bytes(), &ISA_VERSION.to_le_bytes(), isa.as_bytes()])
}

/// The first 64 bits of the SHA-256 of all parts.
pub(super) fn hash(parts: &[&[u8]]) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let digest = hash.finalize();
    let (first, _) = digest.split_at(8);
    Fingerprint(first.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte)))
}
