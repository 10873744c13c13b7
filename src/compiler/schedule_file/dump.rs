//! The schedule of a compiled network as a file.

use std::fmt::Write as _;

use super::Wishes;
use crate::compiler::Compiled;
use crate::compiler::emit::Place;
use crate::config::Origin;
use crate::kernels::conv::Cutting;
use crate::program::Memory;

/// The schedule of a compiled network as a file, from which the same program is made.
pub fn dump(compiled: &Compiled, wishes: &Wishes) -> String {
    let net = &compiled.net;
    let merged = wishes.merged(net, &mut Vec::new());
    let mut text = "\
# What the compiler decided. `auto` leaves a decision to it, the comment says what it was; an entry
# without a comment is fixed. Whatever is left out is `auto`. See docs/schedule.md.
"
    .to_owned();
    let list = |names: &[(String, Origin)]| {
        names.iter().map(|(name, _)| quoted(name)).collect::<Vec<_>>().join(", ")
    };
    text += "# Additions and functions that do not move into convolutions.\n";
    let _ = writeln!(text, "apart: [{}]", list(&wishes.apart));
    text += "# Layers that are computed in this order, in the places they have together.\n";
    let _ = writeln!(text, "sequence: [{}]", list(&wishes.sequence));
    text += "layers:\n";
    for (at, layer) in net.layers.iter().enumerate() {
        let wish = merged.get(&at);
        let moved = compiled.fused.iter().filter(|moved| moved.into == layer.name);
        let moved: Vec<&str> = moved.map(|moved| moved.layer.as_str()).collect();
        let with =
            if moved.is_empty() { String::new() } else { format!(", with {}", moved.join(", ")) };
        let [height, width, channels] = net.value(layer.output).shape();
        let kind = layer.kind.name();
        let _ = writeln!(text, "  # {kind} to {height} x {width} x {channels}{with}");
        let _ = writeln!(text, "  {}:", quoted(&layer.name));
        let mut line = |key: &str, fixed: Option<String>, chosen: String| match fixed {
            Some(fixed) => {
                let _ = writeln!(text, "    {key}: {fixed}");
            }
            None => {
                let _ = writeln!(text, "    {key}: auto  # {chosen}");
            }
        };
        if !net.is_streamed(layer.output) {
            let place = match compiled.places.get(at) {
                Some(Place::Chip(_)) => Memory::Ibuf.name(),
                _ => Memory::Dram.name(),
            };
            let fixed = wish.and_then(|wish| wish.place.as_ref());
            line("place", fixed.map(|(place, _)| place.name().to_owned()), place.to_owned());
        }
        let Some(decision) = compiled.decisions.get(at) else { continue };
        if let Some(Cutting { tile, channels, order }) = &decision.cut {
            let fixed = wish.and_then(|wish| wish.order.as_ref());
            let fixed = fixed.map(|(wished, _)| wished.name().to_owned());
            line("order", fixed, order.name().to_owned());
            let fixed = wish.and_then(|wish| wish.tile.as_ref());
            let fixed = fixed.map(|([rows, cols], _)| format!("[{rows}, {cols}]"));
            line("tile", fixed, format!("up to [{}, {}]", tile[0], tile[1]));
            let fixed = wish.and_then(|wish| wish.channels.as_ref());
            line("channels", fixed.map(|(wished, _)| wished.to_string()), channels.to_string());
        }
        let fixed = wish.and_then(|wish| wish.interleave.as_ref());
        if fixed.is_some() || decision.interleaved {
            line("interleave", fixed.map(|_| "false".to_owned()), "true".to_owned());
        }
    }
    text
}

/// A text that YAML reads as it is.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
