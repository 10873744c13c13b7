//! From a YAML document to wishes: the form alone, without the network.

use std::path::Path;

use super::{LayerWish, Wishes};
use crate::config::tree::{Entry, Node, Value};
use crate::config::{ConfigErrors, Origin, Violation, check, syntax};
use crate::error::Error;
use crate::files;
use crate::kernels::conv::LoopOrder;
use crate::program::Memory;

/// Keys of a file.
const KEYS: [&str; 3] = ["apart", "sequence", "layers"];

/// Keys of a layer.
const LAYER_KEYS: [&str; 5] = ["place", "interleave", "order", "tile", "channels"];

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
                "apart" => wishes.apart = reader.names(entry),
                "sequence" => wishes.sequence = reader.names(entry),
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

    fn names(&mut self, entry: &Entry) -> Vec<(String, Origin)> {
        let Entry { key, node, .. } = entry;
        let items: &[Node] = match &node.value {
            Value::List(items) => items,
            Value::Null => &[],
            other => {
                let message = format!("`{key}` is {other}, but must be a list of layers");
                self.report(key, message, &format!("write `{key}: [NAME, ...]`"), &node.origin);
                &[]
            }
        };
        let mut names = Vec::new();
        for item in items {
            match &item.value {
                Value::Text(name) => names.push((name.clone(), item.origin.clone())),
                other => {
                    let message = format!("{other} is not the name of a layer");
                    self.report(key, message, "put names in quotes", &item.origin);
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
                    let off = matches!(value, Value::Bool(false));
                    wish.interleave = off.then(|| origin.clone());
                    (!off).then_some("auto or false")
                }
                "order" => {
                    let order = match value {
                        Value::Text(text) => {
                            LoopOrder::ALL.into_iter().find(|known| known.name() == text)
                        }
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
