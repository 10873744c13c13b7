//! The schedule file: what the user decides about single layers, read from YAML, checked against the
//! network and written for the present schedule.
//!
//! Reading knows only the form of the file, [`Wishes::apply`] the network and the design. Every
//! rule that is broken is reported with its place, all of them at once.

use std::collections::BTreeSet;

use super::fuse;
use super::net::{Kind, Layer, Net, ValueId};
use crate::config::{ConfigErrors, Origin, Violation};
use crate::design::Design;
use crate::kernels::KernelError;
use crate::kernels::conv::LoopOrder;
use crate::program::Memory;

mod check_layer;
mod dump;
mod read;
mod select;

pub use dump::dump;

/// A text that may be wrong, and where it stands.
type Said<T> = Option<(T, Origin)>;

/// What is wished of a layer; what is missing is left to the compiler.
#[derive(Debug, Clone)]
struct LayerWish {
    name: String,
    origin: Origin,
    place: Said<Memory>,
    /// Set where the layer is to overlap with no other.
    interleave: Option<Origin>,
    order: Said<LoopOrder>,
    tile: Said<[usize; 2]>,
    channels: Said<usize>,
}

/// A schedule file.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    file: String,
    text: String,
    apart: Vec<(String, Origin)>,
    sequence: Vec<(String, Origin)>,
    layers: Vec<LayerWish>,
}

/// What the wishes mean for placement and order.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// Maps that are in DRAM.
    pub dram: BTreeSet<ValueId>,
    /// Maps that stay in IBUF.
    pub chip: BTreeSet<ValueId>,
    /// Layers that overlap with no other.
    pub alone: BTreeSet<usize>,
}

impl Wishes {
    /// Layers that are not to be moved into convolutions, of a network before anything is fused.
    pub fn apart(&self, net: &Net) -> Result<BTreeSet<String>, Box<ConfigErrors>> {
        let mut violations = Vec::new();
        let mut apart = BTreeSet::new();
        for (pattern, origin) in &self.apart {
            let fitting: Vec<&Layer> =
                net.layers.iter().filter(|layer| select::matches(pattern, &layer.name)).collect();
            let mut movable =
                fitting.iter().filter(|layer| fuse::could_move(&layer.kind)).peekable();
            let none = movable.peek().is_none();
            apart.extend(movable.map(|layer| layer.name.clone()));
            match fitting.first() {
                None => violations.push(select::unknown_layer(net, pattern, origin)),
                Some(layer) if none => violations.push(Violation::new(
                    format!("apart.{pattern}"),
                    format!(
                        "`{}` ({}) is a layer of its own anyway",
                        layer.name,
                        layer.kind.name()
                    ),
                    "only additions and functions of one operand move into convolutions",
                    origin.clone(),
                )),
                Some(_) => {}
            }
        }
        self.result(violations)?;
        Ok(apart)
    }

    /// Orders the layers and cuts them as wished.
    pub fn apply(&self, net: &mut Net, design: &Design) -> Result<Choices, Box<ConfigErrors>> {
        let mut violations = Vec::new();
        self.reorder(net, &mut violations);
        let mut choices = Choices::default();
        for (at, wish) in self.merged(net, &mut violations) {
            wish.check(net, at, design, &mut violations);
            let layer = &mut net.layers[at];
            if let Some((place, _)) = wish.place {
                let maps =
                    if place == Memory::Dram { &mut choices.dram } else { &mut choices.chip };
                maps.insert(layer.output);
            }
            if wish.interleave.is_some() {
                choices.alone.insert(at);
            }
            if let Kind::Conv(conv) = &mut layer.kind {
                conv.cut.order = wish.order.as_ref().map_or(conv.cut.order, |(order, _)| *order);
                if let Some(([rows, cols], _)) = wish.tile {
                    conv.cut.tile = [Some(rows), Some(cols)];
                }
                if let Some((channels, _)) = wish.channels {
                    conv.cut.channels = Some(channels);
                }
            }
        }
        self.result(violations)?;
        Ok(choices)
    }

    /// What stood against a layer while it was emitted, if the file has something on that layer,
    /// or, where IBUF is full, keeps others there.
    pub fn failure(&self, net: &Net, at: usize, error: &KernelError) -> Option<Box<ConfigErrors>> {
        let layer = &net.layers.get(at)?.name;
        let merged = self.merged(net, &mut Vec::new());
        let pins = |wish: &LayerWish| match &wish.place {
            Some((Memory::Ibuf, origin)) => Some((wish.name.clone(), origin.clone())),
            _ => None,
        };
        let pinned: Vec<(String, Origin)> = merged.values().filter_map(pins).collect();
        let mut violations = Vec::new();
        if matches!(error, KernelError::IbufFull { .. }) && !pinned.is_empty() {
            for (name, origin) in pinned {
                violations.push(Violation::new(
                    format!("{name}.place"),
                    format!("while `{name}` stays in IBUF, `{layer}` does not fit: {error}"),
                    "`auto` or `dram` for some of these results, or raise `buffers.ibuf.size`",
                    origin,
                ));
            }
        } else {
            let remedy = "change what the schedule says of this layer, or leave it out";
            let origin = merged.get(&at)?.origin.clone();
            violations.push(Violation::new(layer, error.to_string(), remedy, origin));
        }
        self.result(violations).err()
    }

    fn result(&self, mut violations: Vec<Violation>) -> Result<(), Box<ConfigErrors>> {
        // An entry for many layers may be wrong in the same way for several of them.
        let same = |a: &Violation, b: &Violation| a.message == b.message && a.origin == b.origin;
        violations.dedup_by(|later, earlier| same(later, earlier));
        if violations.is_empty() {
            return Ok(());
        }
        Err(Box::new(ConfigErrors::new(&self.file, &self.text, violations).about("schedule")))
    }
}
