//! A YAML document as a tree in which every value knows where it came from: a place in the file
//! or a flag of the command line. Checks nothing; [`super::check`] does.

use std::fmt;

use miette::SourceSpan;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Location, Spanned};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A place in the file.
    File {
        /// Line, from 1.
        line: u64,
        /// Bytes of the value.
        span: Option<SourceSpan>,
    },
    /// A flag, as the user wrote it.
    Flag(String),
    /// Not written: the default.
    Default,
}

impl Origin {
    pub(super) fn at(location: Location) -> Origin {
        if location.line() == 0 {
            return Origin::Default;
        }
        let span = location.span();
        let span = span.byte_offset().and_then(|offset| {
            let offset = usize::try_from(offset).ok()?;
            let length = usize::try_from(span.byte_len().unwrap_or(1)).ok()?;
            Some(SourceSpan::new(offset.into(), length))
        });
        Origin::File { line: location.line(), span }
    }
}

/// A value and its origin.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
}

/// A value of a YAML document.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Another number.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and values in the order of the file.
    Map(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_origin: Origin,
    /// Its value.
    pub node: Node,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("empty"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value}"),
            Value::Text(value) => write!(f, "\"{}\"", excerpt(value)),
            Value::List(_) => f.write_str("a list"),
            Value::Map(_) => f.write_str("a group of keys"),
        }
    }
}

/// A text for a message: at most 60 characters, none of which moves the cursor.
pub(super) fn excerpt(text: &str) -> String {
    const MOST: usize = 60;
    let mut shown: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        shown.push_str("...");
    }
    shown
}

impl Node {
    /// Parses a document; an empty one is an empty mapping.
    pub fn parse(text: &str) -> Result<Node, serde_yaml::Error> {
        let root: Spanned<Value> = serde_yaml::from_str(text)?;
        let mut node = Node::from(root);
        if matches!(node.value, Value::Null) {
            node.value = Value::Map(Vec::new());
        }
        Ok(node)
    }

    /// Parses the value of a flag and marks every part of it with the flag.
    pub fn parse_flag(text: &str, flag: &str) -> Result<Node, serde_yaml::Error> {
        let value: Value = serde_yaml::from_str(text)?;
        let mut node = Node { value, origin: Origin::Default };
        node.mark(&Origin::Flag(flag.to_owned()));
        Ok(node)
    }

    fn mark(&mut self, origin: &Origin) {
        self.origin = origin.clone();
        match &mut self.value {
            Value::Map(entries) => {
                for entry in entries {
                    entry.key_origin = origin.clone();
                    entry.node.mark(origin);
                }
            }
            Value::List(items) => items.iter_mut().for_each(|item| item.mark(origin)),
            _ => {}
        }
    }

    /// Puts a value at a path of keys, making the groups on the way. What stands in its way and is
    /// not a group gives way.
    pub fn set(&mut self, path: &[&str], node: Node) {
        let Some((first, rest)) = path.split_first() else {
            *self = node;
            return;
        };
        if !matches!(self.value, Value::Map(_)) {
            self.value = Value::Map(Vec::new());
        }
        let Value::Map(entries) = &mut self.value else { return };
        let at = match entries.iter().position(|entry| entry.key == *first) {
            Some(at) => at,
            None => {
                let origin = node.origin.clone();
                entries.push(Entry {
                    key: (*first).to_owned(),
                    key_origin: origin.clone(),
                    node: Node { value: Value::Map(Vec::new()), origin },
                });
                entries.len() - 1
            }
        };
        if rest.is_empty() {
            entries[at].key_origin = node.origin.clone();
        }
        entries[at].node.set(rest, node);
    }

    /// Where the value at a dotted path came from. `ops[2].name` is the key `name` of the third
    /// item of the list `ops`.
    pub fn origin_of(&self, path: &str) -> Origin {
        self.find(path).map_or(Origin::Default, |node| node.origin.clone())
    }

    fn find(&self, path: &str) -> Option<&Node> {
        let mut node = self;
        for part in path.split('.') {
            let (key, indices) = part.split_once('[').unwrap_or((part, ""));
            let Value::Map(entries) = &node.value else { return None };
            node = &entries.iter().find(|entry| entry.key == key)?.node;
            for index in indices.split('[').filter(|index| !index.is_empty()) {
                let Value::List(items) = &node.value else { return None };
                node = items.get(index.trim_end_matches(']').parse::<usize>().ok()?)?;
            }
        }
        Some(node)
    }
}

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Node {
        Node { origin: Origin::at(spanned.referenced), value: spanned.value }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Value>>()? {
            nodes.push(Node::from(item));
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let node = Node::from(map.next_value::<Spanned<Value>>()?);
            entries.push(Entry { key_origin: Origin::at(key.referenced), key: key.value, node });
        }
        Ok(Value::Map(entries))
    }
}
