//! The statement that declares a layer.

use super::error::Fault;
use super::lex::Item;
use super::operand::{self, Operands, ranged};
use super::statement::shape;
use crate::program::{LayerInfo, Memory};

const KEYS: [&str; 5] = ["kernel", "engine", "macs", "shape", "place"];

/// Reads the operands: texts first, then pairs.
pub(super) fn read(operands: &mut Operands<'_>) -> Result<LayerInfo, Fault> {
    let mut layer = LayerInfo {
        name: operands.string("a name")?.text.clone(),
        tensor: operands.string("a tensor")?.text.clone(),
        remark: operands.string("a remark")?.text.clone(),
        nodes: Vec::new(),
        kernel: String::new(),
        engine: String::new(),
        macs: 0,
        shape: Vec::new(),
        place: Memory::Ibuf,
    };
    let mut seen = 0;
    while let Some(item) = operands.any() {
        let (key, value) = match item {
            Item::String(text) if seen == 0 => {
                layer.nodes.push(text.text.clone());
                continue;
            }
            Item::Pair(key, value) => (key, value),
            other => return Err(other.place().fault("expected `key=value`", "")),
        };
        operands.once(key)?;
        seen += 1;
        match key.text.as_str() {
            "kernel" => layer.kernel.clone_from(&value.text),
            "engine" => layer.engine = operand::engine(value)?.name().to_owned(),
            "macs" => layer.macs = ranged(value, "the number", u64::MAX)?,
            "shape" => layer.shape = shape(value)?,
            "place" => {
                let found = Memory::ALL.into_iter().find(|known| known.name() == value.text);
                let names = Memory::ALL.iter().map(|memory| memory.name());
                layer.place = found.ok_or_else(|| operand::unknown(value, "memory", names))?;
            }
            _ => return Err(operand::unknown(key, "key", KEYS.into_iter())),
        }
    }
    if seen < KEYS.len() {
        return Err(operands.missing("kernel, engine, macs, shape and place"));
    }
    Ok(layer)
}
