//! The schedule file: what the user decides about single layers, read from YAML, checked against the
//! network and written for the present schedule.
//!
//! Reading knows only the form of the file, [`Wishes::apply`] the network and the design. Every
//! rule that is broken is reported with its place, all of them at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use super::emit::Place;
use super::fuse;
use super::net::{Kind, Net, ValueId};
use super::{Compiled, Cutting};
use crate::config::tree::{Entry, Node, Value};
use crate::config::{ConfigErrors, Origin, Violation, check, syntax};
use crate::design::Design;
use crate::error::Error;
use crate::files;
use crate::kernels::conv::LoopOrder;
use crate::program::Memory;

/// Keys of a file.
const KEYS: [&str; 2] = ["apart", "layers"];

/// Keys of a layer.
const LAYER_KEYS: [&str; 5] = ["place", "interleave", "order", "tile", "channels"];

/// A text that may be wrong, and where it stands.
type Said<T> = Option<(T, Origin)>;

/// What is wished of a layer; what is missing is left to the compiler.
#[derive(Debug, Clone)]
struct LayerWish {
    name: String,
    origin: Origin,
    place: Said<Memory>,
    interleave: Said<bool>,
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
    /// Reads a schedule; each of `flags` is `LAYER.KEY=VALUE` and replaces what the file says.
    pub fn read(path: Option<&Path>, flags: &[String]) -> Result<Wishes, Error> {
        let (file, text) = match path {
            Some(path) => {
                (path.display().to_string(), files::read_text(path, files::CONFIG_LIMIT)?)
            }
            None => ("--layer".to_owned(), String::new()),
        };
        Wishes::parse(&file, &text, flags).map_err(Error::Config)
    }

    /// The same from a text.
    pub fn parse(file: &str, text: &str, flags: &[String]) -> Result<Wishes, Box<ConfigErrors>> {
        let broken =
            |violations| Box::new(ConfigErrors::new(file, text, violations).about("schedule"));
        let remedy = "correct the YAML; `--dump-schedule` writes a file to begin with";
        let mut root = Node::parse(text).map_err(|error| broken(vec![syntax(&error, remedy)]))?;
        let mut reader = Reader { violations: Vec::new() };
        for flag in flags {
            reader.flag(&mut root, flag);
        }
        let mut wishes =
            Wishes { file: file.to_owned(), text: text.to_owned(), ..Wishes::default() };
        for entry in reader.group(&root, "the schedule") {
            match entry.key.as_str() {
                "apart" => wishes.apart = reader.names(&entry.node),
                "layers" => {
                    for layer in reader.group(&entry.node, "`layers`") {
                        wishes.layers.push(reader.layer(layer));
                    }
                }
                _ => reader.unknown(entry, &KEYS),
            }
        }
        if reader.violations.is_empty() { Ok(wishes) } else { Err(broken(reader.violations)) }
    }

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
            let Some(at) = net.layers.iter().position(|layer| layer.name == wish.name) else {
                let fused = net.layers.iter().find(|layer| layer.nodes.contains(&wish.name));
                violations.push(match fused {
                    Some(layer) => Violation::new(
                        &wish.name,
                        format!("`{}` has moved into `{}`", wish.name, layer.name),
                        format!("write it under `{}`, or list it under `apart`", layer.name),
                        wish.origin.clone(),
                    ),
                    None => unknown_layer(net, &wish.name, &wish.origin),
                });
                continue;
            };
            wish.check(net, at, design, &mut violations);
            let layer = &mut net.layers[at];
            if let Some((place, _)) = wish.place {
                let maps =
                    if place == Memory::Dram { &mut choices.dram } else { &mut choices.chip };
                maps.insert(layer.output);
            }
            if matches!(wish.interleave, Some((false, _))) {
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

    /// What stood against a layer while it was emitted, if the file has something on that layer.
    pub fn failure(&self, layer: &str, message: String) -> Option<Box<ConfigErrors>> {
        let wish = self.layers.iter().find(|wish| wish.name == layer)?;
        let remedy = "change what the schedule says of this layer, or leave it out";
        let violation = Violation::new(layer, message, remedy, wish.origin.clone());
        self.result(vec![violation]).err()
    }

    fn result(&self, violations: Vec<Violation>) -> Result<(), Box<ConfigErrors>> {
        if violations.is_empty() {
            return Ok(());
        }
        Err(Box::new(ConfigErrors::new(&self.file, &self.text, violations).about("schedule")))
    }

    /// The layers of the file take the places they have together in the network, in its order.
    fn reorder(&self, net: &mut Net, violations: &mut Vec<Violation>) {
        let position: BTreeMap<&str, usize> =
            net.layers.iter().enumerate().map(|(at, layer)| (layer.name.as_str(), at)).collect();
        let listed: Vec<usize> = self
            .layers
            .iter()
            .filter_map(|wish| position.get(wish.name.as_str()).copied())
            .collect();
        let mut places = listed.clone();
        places.sort_unstable();
        if places == listed {
            return;
        }
        let mut order: Vec<usize> = (0..net.layers.len()).collect();
        for (place, from) in places.into_iter().zip(listed) {
            order[place] = from;
        }
        let layers = order.iter().map(|&from| net.layers[from].clone()).collect();
        let old = std::mem::replace(&mut net.layers, layers);
        let mut made: BTreeSet<ValueId> = net.inputs.iter().map(|(value, _)| *value).collect();
        for layer in &net.layers {
            for input in layer.inputs.iter().filter(|input| !made.contains(input)) {
                let producer = old.iter().find(|other| other.output == *input);
                let producer = producer.map_or("", |producer| producer.name.as_str());
                let wish = self.layers.iter().find(|wish| wish.name == layer.name);
                violations.push(Violation::new(
                    &layer.name,
                    format!("`{}` comes before `{producer}`, whose result it reads", layer.name),
                    format!("put it behind `{producer}`"),
                    wish.map_or(Origin::Default, |wish| wish.origin.clone()),
                ));
            }
            made.insert(layer.output);
        }
    }
}

impl LayerWish {
    /// Whether a layer can be as wished.
    fn check(&self, net: &Net, at: usize, design: &Design, violations: &mut Vec<Violation>) {
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
            if let (Some((true, origin)), false) =
                (&self.interleave, matches!(layer.kind, Kind::Depthwise(_)))
            {
                let message = format!("`{name}` ({}) cannot be interleaved", layer.kind.name());
                let remedy =
                    "only convolutions and depthwise layers can: remove the key".to_owned();
                report("interleave", origin, message, remedy);
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
        if let Some((Memory::Ibuf, origin)) = &self.place {
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

fn unknown_layer(net: &Net, name: &str, origin: &Origin) -> Violation {
    let names = net.layers.iter().map(|layer| layer.name.as_str());
    let near = check::nearest(name, names);
    let remedy = match near {
        Some(near) => format!("did you mean `{near}`? `--dump-schedule` lists all layers"),
        None => "`--dump-schedule` lists all layers".to_owned(),
    };
    Violation::new(name, format!("the network has no layer `{name}`"), remedy, origin.clone())
}

/// From the tree of a YAML document to wishes.
struct Reader {
    violations: Vec<Violation>,
}

impl Reader {
    fn report(&mut self, key: &str, message: String, remedy: &str, origin: &Origin) {
        self.violations.push(Violation::new(key, message, remedy, origin.clone()));
    }

    /// Puts `LAYER.KEY=VALUE` into the tree.
    fn flag(&mut self, root: &mut Node, flag: &str) {
        let said = format!("--layer {flag}");
        let parts = flag.split_once('=').and_then(|(path, value)| {
            let (layer, key) = path.rsplit_once('.')?;
            Some((layer, key, Node::parse_flag(value, &said).ok()?))
        });
        match parts {
            Some((layer, key, node)) => root.set(&["layers", layer, key], node),
            None => self.report(
                "--layer",
                format!("`{flag}` is not a layer's key and its value"),
                "write it like `conv1.tile=[8, 56]`",
                &Origin::Flag(said),
            ),
        }
    }

    fn group<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Entry] {
        match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            other => {
                let message = format!("{what} is {other}, but must be a group of keys");
                self.report("", message, "write `key: value` lines", &node.origin);
                &[]
            }
        }
    }

    fn unknown(&mut self, entry: &Entry, known: &[&str]) {
        let near = check::nearest(&entry.key, known.iter().copied());
        let near = near.map_or(String::new(), |near| format!("did you mean `{near}`? "));
        let remedy = format!("{near}known are {}", known.join(", "));
        let message = format!("there is no key `{}`", entry.key);
        self.report(&entry.key, message, &remedy, &entry.key_origin);
    }

    fn names(&mut self, node: &Node) -> Vec<(String, Origin)> {
        let items: &[Node] = match &node.value {
            Value::List(items) => items,
            Value::Null => &[],
            other => {
                let message = format!("`apart` is {other}, but must be a list of layers");
                self.report("apart", message, "write `apart: [NAME, ...]`", &node.origin);
                &[]
            }
        };
        let mut names = Vec::new();
        for item in items {
            match &item.value {
                Value::Text(name) => names.push((name.clone(), item.origin.clone())),
                other => {
                    let message = format!("{other} is not the name of a layer");
                    self.report("apart", message, "put names in quotes", &item.origin);
                }
            }
        }
        names
    }

    fn layer(&mut self, entry: &Entry) -> LayerWish {
        let mut wish = LayerWish {
            name: entry.key.clone(),
            origin: entry.key_origin.clone(),
            place: None,
            interleave: None,
            order: None,
            tile: None,
            channels: None,
        };
        for part in self.group(&entry.node, &format!("`{}`", entry.key)) {
            let Node { value, origin } = &part.node;
            if matches!(value, Value::Null) || matches!(value, Value::Text(text) if text == "auto")
            {
                continue;
            }
            let said = Some(origin.clone());
            let allowed = match part.key.as_str() {
                "place" => {
                    let place = match value {
                        Value::Text(text) => {
                            Memory::ALL.into_iter().find(|known| known.name() == text)
                        }
                        _ => None,
                    };
                    wish.place = place.zip(said);
                    (place.is_none()).then_some("auto, ibuf or dram")
                }
                "interleave" => {
                    let flag = if let Value::Bool(flag) = value { Some(*flag) } else { None };
                    wish.interleave = flag.zip(said);
                    flag.is_none().then_some("auto, true or false")
                }
                "order" => {
                    let order = match value {
                        Value::Text(text) if text == "weights" => Some(LoopOrder::WeightsOutside),
                        Value::Text(text) if text == "tiles" => Some(LoopOrder::TilesOutside),
                        _ => None,
                    };
                    wish.order = order.zip(said);
                    order.is_none().then_some("auto, weights or tiles: the loop that is outside")
                }
                "tile" => {
                    let tile = match value {
                        Value::List(sides) => {
                            sides.iter().map(size).collect::<Option<Vec<usize>>>()
                        }
                        _ => None,
                    };
                    let tile = tile.and_then(|sides| <[usize; 2]>::try_from(sides).ok());
                    wish.tile = tile.zip(said);
                    tile.is_none().then_some("auto or [rows, columns], each 1 to 65536")
                }
                "channels" => {
                    let channels = size(&part.node);
                    wish.channels = channels.zip(said);
                    channels.is_none().then_some("auto, or 1 to 65536 output channels")
                }
                _ => {
                    self.unknown(part, &LAYER_KEYS);
                    None
                }
            };
            if let Some(allowed) = allowed {
                let key = format!("{}.{}", entry.key, part.key);
                let message = format!("`{}` of `{}` is {value}", part.key, entry.key);
                self.report(&key, message, &format!("it may be {allowed}"), origin);
            }
        }
        wish
    }
}

/// A size of a tile or a chunk.
fn size(node: &Node) -> Option<usize> {
    let Value::Int(value) = node.value else { return None };
    usize::try_from(value).ok().filter(|value| (1..=65536).contains(value))
}

/// The schedule of a compiled network as a file, from which the same program is made.
pub fn dump(compiled: &Compiled, wishes: &Wishes) -> String {
    let net = &compiled.net;
    let mut text = "\
# What the compiler decided. `auto` leaves a decision to it, the comment says what it was; an entry
# without a comment is fixed. Layers are computed in this order; those left out keep their places.
"
    .to_owned();
    let apart = wishes.apart.iter().map(|(name, _)| quoted(name)).collect::<Vec<_>>();
    let _ = writeln!(text, "apart: [{}]", apart.join(", "));
    text += "layers:\n";
    for (at, layer) in net.layers.iter().enumerate() {
        let wish = wishes.layers.iter().find(|wish| wish.name == layer.name);
        let moved = layer.nodes.iter().filter(|node| **node != layer.name);
        let moved: Vec<String> = moved.cloned().collect();
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
        let place = match compiled.places.get(at) {
            Some(Place::Chip(_)) => Memory::Ibuf.name(),
            _ => Memory::Dram.name(),
        };
        let fixed = wish.and_then(|wish| wish.place.as_ref());
        line("place", fixed.map(|(place, _)| place.name().to_owned()), place.to_owned());
        if let Some(Cutting { tile, channels, tiles_outside }) =
            compiled.cuts.get(at).and_then(Option::as_ref)
        {
            let order = |outside: bool| if outside { "tiles" } else { "weights" };
            let fixed = wish.and_then(|wish| wish.order.as_ref());
            let fixed =
                fixed.map(|(wished, _)| order(*wished == LoopOrder::TilesOutside).to_owned());
            line("order", fixed, order(*tiles_outside).to_owned());
            let fixed = wish.and_then(|wish| wish.tile.as_ref());
            let fixed = fixed.map(|([rows, cols], _)| format!("[{rows}, {cols}]"));
            line("tile", fixed, format!("up to [{}, {}]", tile[0], tile[1]));
            let fixed = wish.and_then(|wish| wish.channels.as_ref());
            line("channels", fixed.map(|(wished, _)| wished.to_string()), channels.to_string());
        }
        if matches!(layer.kind, Kind::Conv(_) | Kind::Depthwise(_)) {
            let fixed = wish.and_then(|wish| wish.interleave.as_ref());
            let near = "true next to a depthwise layer".to_owned();
            line("interleave", fixed.map(|(wished, _)| wished.to_string()), near);
        }
    }
    text
}

/// A text that YAML reads as it is.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
