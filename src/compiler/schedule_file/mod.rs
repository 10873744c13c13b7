//! The schedule file: what the user decides about single layers, read from YAML, checked against the
//! network and written for the present schedule.
//!
//! Reading knows only the form of the file, [`Wishes::apply`] the network and the design. Every
//! rule that is broken is reported with its place, all of them at once.

use std::collections::BTreeSet;

use super::fuse;
use super::net::{Kind, Net, ValueId};
use crate::config::{ConfigErrors, Origin, Violation, check};
use crate::design::Design;
use crate::kernels::KernelError;
use crate::kernels::conv::LoopOrder;
use crate::program::Memory;

mod check_layer;
mod dump;
mod read;

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
    /// Layers that are not to be moved into convolutions.
    pub fn apart(&self) -> BTreeSet<String> {
        self.apart.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Checks the names in `apart` against the network before anything is fused.
    pub fn check_apart(&self, net: &Net) -> Result<(), Box<ConfigErrors>> {
        let mut violations = Vec::new();
        for (name, origin) in &self.apart {
            let layer = net.layers.iter().find(|layer| layer.name == *name);
            match layer {
                None => violations.push(unknown_layer(net, name, origin)),
                Some(layer) if !fuse::could_move(&layer.kind) => violations.push(Violation::new(
                    format!("apart.{name}"),
                    format!("`{name}` ({}) is a layer of its own anyway", layer.kind.name()),
                    "only additions and functions of one operand move into convolutions",
                    origin.clone(),
                )),
                Some(_) => {}
            }
        }
        self.result(violations)
    }

    /// Orders the layers and cuts them as wished.
    pub fn apply(&self, net: &mut Net, design: &Design) -> Result<Choices, Box<ConfigErrors>> {
        let mut violations = Vec::new();
        self.reorder(net, &mut violations);
        let mut choices = Choices::default();
        for wish in &self.layers {
            let at = match self.position(net, &wish.name, &wish.origin) {
                Ok(at) => at,
                Err(violation) => {
                    violations.push(*violation);
                    continue;
                }
            };
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
    pub fn failure(&self, layer: &str, error: &KernelError) -> Option<Box<ConfigErrors>> {
        let full = matches!(error, KernelError::IbufFull { .. });
        let pins = |wish: &&LayerWish| matches!(wish.place, Some((Memory::Ibuf, _)));
        let mut pinned = self.layers.iter().filter(pins).peekable();
        let mut violations = Vec::new();
        if full && pinned.peek().is_some() {
            for wish in pinned {
                violations.push(Violation::new(
                    format!("{}.place", wish.name),
                    format!("while this result stays in IBUF, `{layer}` does not fit: {error}"),
                    "`auto` or `dram` for some of these results, or raise `buffers.ibuf.size`",
                    wish.place.as_ref().map_or(Origin::Default, |(_, origin)| origin.clone()),
                ));
            }
        } else {
            let wish = self.layers.iter().find(|wish| wish.name == layer)?;
            let remedy = "change what the schedule says of this layer, or leave it out";
            violations.push(Violation::new(layer, error.to_string(), remedy, wish.origin.clone()));
        }
        self.result(violations).err()
    }

    fn result(&self, violations: Vec<Violation>) -> Result<(), Box<ConfigErrors>> {
        if violations.is_empty() {
            return Ok(());
        }
        Err(Box::new(ConfigErrors::new(&self.file, &self.text, violations).about("schedule")))
    }

    /// The layers of `sequence` take the places they have together in the network, in its order.
    fn reorder(&self, net: &mut Net, violations: &mut Vec<Violation>) {
        let mut listed: Vec<usize> = Vec::new();
        for (name, origin) in &self.sequence {
            match self.position(net, name, origin) {
                Ok(at) if listed.contains(&at) => violations.push(Violation::new(
                    "sequence",
                    format!("`{name}` is listed twice"),
                    "list every layer once",
                    origin.clone(),
                )),
                Ok(at) => listed.push(at),
                Err(violation) => violations.push(*violation),
            }
        }
        let mut places = listed.clone();
        places.sort_unstable();
        let mut order: Vec<usize> = (0..net.layers.len()).collect();
        for (place, from) in places.into_iter().zip(listed) {
            order[place] = from;
        }
        let layers = order.iter().map(|&from| net.layers[from].clone()).collect();
        let old = std::mem::replace(&mut net.layers, layers);
        let origin = |name: &str| self.sequence.iter().find(|(listed, _)| listed == name);
        let mut made: BTreeSet<ValueId> = net.inputs.iter().map(|(value, _)| *value).collect();
        for layer in &net.layers {
            for input in layer.inputs.iter().filter(|input| !made.contains(input)) {
                let Some(producer) = old.iter().find(|other| other.output == *input) else {
                    continue;
                };
                let (reader, producer) = (&layer.name, &producer.name);
                let (_, origin) = match origin(reader).or_else(|| origin(producer)) {
                    Some(listed) => listed.clone(),
                    None => continue,
                };
                violations.push(Violation::new(
                    "sequence",
                    format!("`{reader}` comes before `{producer}`, whose result it reads"),
                    format!("put `{reader}` behind `{producer}`"),
                    origin,
                ));
            }
            made.insert(layer.output);
        }
    }

    /// Where the layer of a name stands, or why there is none.
    fn position(&self, net: &Net, name: &str, origin: &Origin) -> Result<usize, Box<Violation>> {
        if let Some(at) = net.layers.iter().position(|layer| layer.name == name) {
            return Ok(at);
        }
        let into = net.layers.iter().find(|layer| layer.nodes.iter().any(|node| node == name));
        Err(Box::new(match into {
            Some(layer) => Violation::new(
                name,
                format!("`{name}` has moved into `{}`", layer.name),
                format!("write it under `{}`, or list it under `apart`", layer.name),
                origin.clone(),
            ),
            None => unknown_layer(net, name, origin),
        }))
    }
}

fn unknown_layer(net: &Net, name: &str, origin: &Origin) -> Violation {
    let names = net.layers.iter().map(|layer| layer.name.as_str());
    let near = check::nearest(name, names);
    let remedy = match near {
        Some(near) => format!("did you mean `{near}`? `--dump-schedule` lists all layers"),
        None => "`--dump-schedule` lists all layers".to_owned(),
    };
    Violation::new(name, format!("the network has no layer `{name}`"), remedy, origin.clone())
}
