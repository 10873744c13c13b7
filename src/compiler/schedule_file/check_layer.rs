//! Whether what is wished of a layer can be.

use super::LayerWish;
use crate::compiler::net::{Kind, Net};
use crate::config::{Origin, Violation};
use crate::design::Design;
use crate::program::Memory;

impl LayerWish {
    /// Whether a layer can be as wished.
    pub(super) fn check(
        &self,
        net: &Net,
        at: usize,
        design: &Design,
        violations: &mut Vec<Violation>,
    ) {
        let layer = &net.layers[at];
        let name = &layer.name;
        let [height, width, channels] = net.value(layer.output).shape();
        let mut report = |key: &str, origin: &Origin, message: String, remedy: String| {
            violations.push(Violation::new(
                format!("{name}.{key}"),
                message,
                remedy,
                origin.clone(),
            ));
        };
        if !matches!(layer.kind, Kind::Conv(_)) {
            let cuts = [
                ("order", self.order.as_ref().map(|(_, origin)| origin)),
                ("tile", self.tile.as_ref().map(|(_, origin)| origin)),
                ("channels", self.channels.as_ref().map(|(_, origin)| origin)),
            ];
            for (key, origin) in cuts {
                if let Some(origin) = origin {
                    let kind = layer.kind.name();
                    let message =
                        format!("`{name}` ({kind}) is not cut into tiles: it has no `{key}`");
                    report(key, origin, message, "remove the key".to_owned());
                }
            }
        }
        if let Some(([rows, cols], origin)) = &self.tile {
            let depth = design.obuf_depth();
            if rows * cols > depth {
                let message = format!(
                    "a tile of {rows} x {cols} has {} pixels, but OBUF holds {depth}",
                    rows * cols
                );
                let remedy = format!(
                    "make it {} x {cols} or smaller, or raise `buffers.obuf.depth`",
                    (depth / cols).max(1)
                );
                report("tile", origin, message, remedy);
            } else if *rows > height || *cols > width {
                let message = format!(
                    "a tile of {rows} x {cols} is larger than the result of {height} x {width}"
                );
                report("tile", origin, message, format!("at most [{height}, {width}]"));
            }
        }
        if let Some((wanted, origin)) = &self.channels
            && *wanted > channels
        {
            let message = format!("{wanted} output channels at a time, but there are {channels}");
            report("channels", origin, message, format!("at most {channels}"));
        }
        if let (Some((Memory::Ibuf, origin)), true) = (&self.place, net.is_streamed(layer.output)) {
            let message = format!("the result of `{name}` streams from or to DRAM");
            let remedy = "remove the key: softmax, layer norm and products of two activations \
                          work on maps in DRAM";
            report("place", origin, message, remedy.to_owned());
        } else if let Some((Memory::Ibuf, origin)) = &self.place {
            let ibuf = design.ibuf();
            let words = height * width * channels.div_ceil(design.rows());
            if words > ibuf.words {
                let message = format!(
                    "the result of `{name}` has {} bytes in IBUF, which has {}",
                    words * ibuf.word_bytes,
                    ibuf.words * ibuf.word_bytes
                );
                report("place", origin, message, "`dram`, or raise `buffers.ibuf.size`".to_owned());
            }
        }
    }
}
