//! Checks a tree against the schema of [`RawConfig`]: unknown keys, types, ranges and choices.
//! Reports every violation and hands on what is sound. Rules between keys are in
//! [`crate::design`].

use serde_json::{Map, Value as Json};

use super::raw::RawConfig;
use super::tree::{Entry, Node, Value, excerpt};
use super::violation::Violation;
use crate::units::Bytes;

/// The JSON schema of a configuration, with all groups written out in place.
pub fn schema() -> Json {
    let mut settings = schemars::generate::SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.into_generator().into_root_schema_for::<RawConfig>().to_value()
}

/// The sound part of the tree as JSON, and what is wrong with the rest.
pub fn check(root: &Node) -> (Json, Vec<Violation>) {
    let mut violations = Vec::new();
    let sound = group(&schema(), root, "", &mut violations);
    (sound.unwrap_or_else(|| Json::Object(Map::new())), violations)
}

fn group(schema: &Json, node: &Node, path: &str, out: &mut Vec<Violation>) -> Option<Json> {
    let Some(properties) = schema.get("properties").and_then(Json::as_object) else {
        return match schema.get("items") {
            Some(items) => list(schema, items, node, path, out),
            None => leaf(schema, node, path, out),
        };
    };
    let Value::Map(entries) = &node.value else {
        let what = if path.is_empty() { "the document".to_owned() } else { format!("`{path}`") };
        out.push(Violation::new(
            path,
            format!("{what} is {}, but must be a group of keys", node.value),
            format!("write its keys below it, indented: {}", known(properties)),
            node.origin.clone(),
        ));
        return None;
    };
    let mut sound = Map::new();
    for entry in entries {
        let key = join(path, &entry.key);
        match properties.get(&entry.key) {
            None => out.push(unknown(entry, &key, properties)),
            Some(schema) => {
                if let Some(value) = group(schema, &entry.node, &key, out) {
                    sound.insert(entry.key.clone(), value);
                }
            }
        }
    }
    let required = schema.get("required").and_then(Json::as_array).into_iter().flatten();
    let mut complete = true;
    for key in required.filter_map(Json::as_str) {
        if !entries.iter().any(|entry| entry.key == key) {
            out.push(Violation::new(
                join(path, key),
                format!("`{path}` has no `{key}`"),
                format!("write `{key}`; keys here: {}", known(properties)),
                node.origin.clone(),
            ));
            complete = false;
        }
    }
    // A group that must have all its keys is of no use without one, or with an unsound one.
    let whole = schema.get("required").is_none() || entries.len() == sound.len() && complete;
    whole.then_some(Json::Object(sound))
}

fn known(properties: &Map<String, Json>) -> String {
    properties.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// A list of groups of the same keys.
fn list(
    schema: &Json,
    items: &Json,
    node: &Node,
    path: &str,
    out: &mut Vec<Violation>,
) -> Option<Json> {
    let Value::List(nodes) = &node.value else {
        out.push(Violation::new(
            path,
            format!("`{path}` is {}, but must be a list", node.value),
            "write its items below it, each behind `- `".to_owned(),
            node.origin.clone(),
        ));
        return None;
    };
    let most = schema.get("maxItems").and_then(Json::as_u64).unwrap_or(u64::MAX);
    if nodes.len() as u64 > most {
        out.push(Violation::new(
            path,
            format!("`{path}` has {} items, but at most {most} are allowed", nodes.len()),
            format!("remove {} of them", nodes.len() as u64 - most),
            node.origin.clone(),
        ));
        return None;
    }
    let sound = nodes.iter().enumerate();
    let sound = sound.filter_map(|(i, node)| group(items, node, &format!("{path}[{i}]"), out));
    Some(Json::Array(sound.collect()))
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The known name that looks most like another one, if any does.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .filter(|known| name.len() <= 2 * known.len())
        .map(|known| (edit_distance(known, name), known))
        .min()
        .filter(|(distance, known)| *distance * 2 <= known.len())
        .map(|(_, known)| known)
}

fn unknown(entry: &Entry, key: &str, properties: &Map<String, Json>) -> Violation {
    let nearest = nearest(&entry.key, properties.keys().map(String::as_str));
    let known: Vec<&str> = properties.keys().map(String::as_str).collect();
    let remedy = match nearest {
        Some(nearest) => format!("did you mean `{nearest}`? Keys here: {}", known.join(", ")),
        None => format!("remove it; keys here: {}", known.join(", ")),
    };
    Violation::new(
        key,
        format!("`{}` is not a key", excerpt(key)),
        remedy,
        entry.key_origin.clone(),
    )
}

fn leaf(schema: &Json, node: &Node, path: &str, out: &mut Vec<Violation>) -> Option<Json> {
    let Rule { sound, expected } = rule(schema, &node.value);
    if sound.is_none() {
        out.push(Violation::new(
            path,
            format!("`{path}` is {}, but must be {expected}", node.value),
            format!("change `{path}` to {expected}"),
            node.origin.clone(),
        ));
    }
    sound
}

/// A value as JSON if it obeys its schema, and the schema in words.
struct Rule {
    sound: Option<Json>,
    expected: String,
}

fn rule(schema: &Json, value: &Value) -> Rule {
    let types: Vec<&str> = match schema.get("type") {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    };
    if matches!(value, Value::Null) && types.contains(&"null") {
        return Rule { sound: Some(Json::Null), expected: String::new() };
    }
    if schema.get("format").and_then(Json::as_str) == Some("size") {
        return size(value);
    }
    if let Some(choices) = choices(schema) {
        let sound = match value {
            Value::Text(text) if choices.contains(text) => Some(Json::from(text.as_str())),
            _ => None,
        };
        return Rule { sound, expected: format!("one of {}", choices.join(", ")) };
    }
    if types.contains(&"integer") {
        return integer(schema, value);
    }
    if types.contains(&"boolean") {
        let sound = match value {
            Value::Bool(flag) => Some(Json::from(*flag)),
            _ => None,
        };
        return Rule { sound, expected: "true or false".to_owned() };
    }
    let longest = schema.get("maxLength").and_then(Json::as_u64).unwrap_or(u64::MAX);
    if let Some(what) = schema.get("x-text").and_then(Json::as_str) {
        let sound = match value {
            Value::Text(text) if !text.trim().is_empty() && text.len() as u64 <= longest => {
                Some(Json::from(text.as_str()))
            }
            Value::Int(number) => Some(Json::from(number.to_string())),
            _ => None,
        };
        let expected = format!("text of at most {longest} characters: {what}");
        return Rule { sound, expected };
    }
    let sound = match value {
        Value::Text(text) if is_name(text) && text.len() as u64 <= longest => {
            Some(Json::from(text.as_str()))
        }
        _ => None,
    };
    let expected = format!(
        "a name of at most {longest} characters: a lower-case letter, then a-z, 0-9 and `_`"
    );
    Rule { sound, expected }
}

fn integer(schema: &Json, value: &Value) -> Rule {
    let min = schema.get("minimum").and_then(Json::as_i64).unwrap_or(0);
    let max = schema.get("maximum").and_then(Json::as_i64).unwrap_or(i64::MAX);
    let sound = match value {
        Value::Int(number) => i64::try_from(*number).ok().filter(|n| (min..=max).contains(n)),
        _ => None,
    };
    let expected = format!("a whole number from {min} to {max}");
    Rule { sound: sound.map(Json::from), expected }
}

fn size(value: &Value) -> Rule {
    let bytes = match value {
        Value::Int(number) => u64::try_from(*number).ok().map(Bytes),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    };
    let bytes = bytes.filter(|bytes: &Bytes| bytes.0 <= 1 << 34);
    let expected = "a size of at most 16 GiB, such as `64 KiB`".to_owned();
    Rule { sound: bytes.map(|bytes| Json::from(bytes.to_string())), expected }
}

/// The values an enumeration may take, whether its members are documented or not.
pub(super) fn choices(schema: &Json) -> Option<Vec<String>> {
    let text = |value: &Json| value.as_str().map(str::to_owned);
    if let Some(list) = schema.get("enum").and_then(Json::as_array) {
        return Some(list.iter().filter_map(text).collect());
    }
    let variants = schema.get("oneOf").and_then(Json::as_array)?;
    Some(variants.iter().filter_map(|variant| variant.get("const").and_then(text)).collect())
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Levenshtein distance.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
