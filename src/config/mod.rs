//! The configuration: YAML in, a [`RawConfig`] whose keys, types and ranges are sound out. Rules
//! between keys are not here but in [`crate::design`], which turns a `RawConfig` into a `Design`.
//! Invariant: every violation of a file is reported at once. Start reading at [`RawConfig`].

pub(crate) mod check;
mod docs;
mod raw;
pub(crate) mod tree;
mod violation;

pub use check::schema;
pub use docs::manual;
pub use raw::{
    AccumulatorConfig, ArrayConfig, AxiConfig, BankedConfig, BufferConfig, CellConfig,
    ControlConfig, DomainConfig, ExtensionConfig, FunctionConfig, OutputConfig, ParameterConfig,
    PostConfig, RamConfig, RawConfig, StateConfig, UnitConfig, VectorConfig, VectorOpConfig,
    WeightConfig,
};
pub use tree::Origin;
pub use violation::{ConfigErrors, Violation};

use std::path::PathBuf;

use serde_json::Value as Json;
use tree::Node;

/// A key set by a flag instead of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Dotted path, `array.rows`.
    pub key: String,
    /// Value, as YAML.
    pub value: String,
    /// The flag as the user wrote it, for messages.
    pub flag: String,
}

impl Override {
    /// An override by a flag of its own, such as `--rows 8`.
    pub fn flag(key: &str, value: impl ToString, flag: &str) -> Override {
        let value = value.to_string();
        Override { key: key.to_owned(), flag: format!("{flag} {value}"), value }
    }

    /// Gives a key back to derivation from others, because of a flag.
    pub fn derived(key: &str, flag: &str) -> Override {
        Override { key: key.to_owned(), value: "null".to_owned(), flag: flag.to_owned() }
    }

    /// An override from the text `key=value` of `--set`.
    pub fn set(text: &str) -> Result<Override, String> {
        match text.split_once('=') {
            Some((key, value)) if key.split('.').all(|part| !part.trim().is_empty()) => {
                Ok(Override {
                    key: key.trim().to_owned(),
                    value: value.trim().to_owned(),
                    flag: format!("--set {text}"),
                })
            }
            _ => Err(format!("`{text}` is not of the form key=value, such as `array.rows=8`")),
        }
    }
}

/// A configuration read so far: the sound part, what is wrong, and where each key came from.
pub(crate) struct Draft {
    /// The sound part; keys with violations have their defaults.
    pub raw: RawConfig,
    /// Violations of types, ranges and spelling.
    pub violations: Vec<Violation>,
    /// Folder of the file, where files that it names are.
    pub folder: PathBuf,
    origins: Node,
}

impl Draft {
    /// Where the value of a key came from.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.origin_of(key)
    }

    /// Whether an item of a list, or a key of it, has a violation, so that it was left out.
    pub fn is_bad_item(&self, item: &str) -> bool {
        let within = |key: &str| key.strip_prefix(item).is_some_and(|rest| !rest.starts_with('['));
        self.violations.iter().any(|violation| within(&violation.key))
    }

    /// Whether a key has a violation of its own, so that rules about it can say nothing.
    pub fn is_bad(&self, key: &str) -> bool {
        self.violations.iter().any(|violation| {
            key == violation.key
                || key.strip_prefix(&violation.key).is_some_and(|rest| rest.starts_with(['.', '[']))
        })
    }
}

/// Reads a text and applies overrides. Fails only where the text is not YAML at all.
pub(crate) fn read(
    file: &str,
    text: &str,
    overrides: &[Override],
) -> Result<Draft, Box<ConfigErrors>> {
    let broken = |violation| Box::new(ConfigErrors::new(file, text, vec![violation]));
    let mut root = Node::parse(text)
        .map_err(|error| broken(syntax(&error, "see docs/config.md for an example")))?;
    for item in overrides {
        let path: Vec<&str> = item.key.split('.').collect();
        let node = Node::parse_flag(&item.value, &item.flag).map_err(|error| {
            let origin = Origin::Flag(item.flag.clone());
            let message =
                format!("the value of `{}` cannot be read as YAML: {}", item.key, reason(&error));
            broken(Violation::new(&item.key, message, "quote the value", origin))
        })?;
        root.set(&path, node);
    }
    let (sound, violations) = check::check(&root);
    let raw = over_defaults(sound).map_err(|error| {
        let message = format!("the configuration cannot be read: {error}");
        broken(Violation::new("", message, "compare it with `npugen schema`", Origin::Default))
    })?;
    Ok(Draft { raw, violations, folder: PathBuf::new(), origins: root })
}

/// The defaults with the given values in their place.
fn over_defaults(given: Json) -> Result<RawConfig, serde_json::Error> {
    let mut all = serde_json::to_value(RawConfig::default())?;
    merge(&mut all, given);
    serde_json::from_value(all)
}

fn merge(into: &mut Json, from: Json) {
    match (into, from) {
        (Json::Object(into), Json::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Json::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

pub(crate) fn syntax(error: &serde_yaml::Error, remedy: &str) -> Violation {
    let origin = match error.location() {
        Some(location) => Origin::at(location),
        None => Origin::Default,
    };
    let message = format!("this cannot be read as YAML: {}", reason(error));
    Violation::new("", message, remedy, origin)
}

/// What the parser says, without the place, which the violation tells itself, and in the words of
/// someone who writes YAML, not of someone who programs its parser.
fn reason(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let reason = match line.split_once(": ") {
        Some((place, reason)) if place.starts_with("line ") => reason,
        _ => line,
    };
    let plain = [
        ("recursion limit", "groups and lists are nested too deeply"),
        ("budget breached: Depth", "groups and lists are nested too deeply"),
        ("budget breached", "it is far larger than any configuration"),
        ("multiple YAML documents", "`---` begins a second document, but there can be only one"),
        ("use Option<String>", "a key is empty"),
        ("expected string scalar", "a key is not a word"),
    ];
    if let Some((_, words)) = plain.iter().find(|(part, _)| reason.contains(part)) {
        return (*words).to_owned();
    }
    let asides = [", set DuplicateKeyPolicy", " rejected by reject_non_finite"];
    let end = asides.iter().filter_map(|aside| reason.find(aside)).min().unwrap_or(reason.len());
    reason.get(..end).unwrap_or(reason).to_owned()
}
