//! The manual page of the configuration, `docs/config.md`, made from the schema.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::check::{choices, schema};

/// The page: one table per group, every key with type, limits, default and meaning.
pub fn manual() -> String {
    let mut page = String::from(
        "# Configuration\n\nMade by `npugen schema --markdown` from the types in `src/config/raw.rs`.\n\n",
    );
    let root = schema();
    let _ = writeln!(page, "{}", text(&root, "description"));
    table(&root, "", "", &root["default"], &mut page);
    page
}

/// The keys of a group. `path` stands before them, `heading` before the groups among them.
fn table(group: &Json, path: &str, heading: &str, defaults: &Json, page: &mut String) {
    let Some(properties) = group["properties"].as_object() else { return };
    let (groups, leaves): (Vec<_>, Vec<_>) =
        properties.iter().partition(|(_, schema)| is_group(schema));
    if !leaves.is_empty() {
        page.push_str("\n| key | value | default | meaning |\n|---|---|---|---|\n");
    }
    for (name, schema) in leaves {
        let required = group["required"].as_array().is_some_and(|list| list.contains(&json!(name)));
        let default = match required {
            true => "must be given".to_owned(),
            false => default_text(inherited(schema, defaults, name)),
        };
        let meaning = text(schema, "description").replace('\n', " ");
        let _ = writeln!(page, "| `{path}{name}` | {} | {default} | {meaning} |", values(schema));
    }
    for (name, schema) in groups {
        if let Some(items) = schema.get("items") {
            let heading = format!("{heading}{name}[]");
            let _ = writeln!(page, "\n## `{heading}`\n\n{}", text(schema, "description"));
            table(items, "", &format!("{heading}."), &Json::Null, page);
            continue;
        }
        let _ = writeln!(page, "\n## `{heading}{name}`\n\n{}", text(schema, "description"));
        let below = format!("{path}{name}.");
        let heading = format!("{heading}{name}.");
        table(schema, &below, &heading, inherited(schema, defaults, name), page);
    }
}

/// Whether a key has keys below it, by itself or in each item of a list.
fn is_group(schema: &Json) -> bool {
    [schema, &schema["items"]].into_iter().any(|schema| schema.get("properties").is_some())
}

/// The default of a key: what its group says where the group as a whole has one.
fn inherited<'a>(schema: &'a Json, defaults: &'a Json, name: &str) -> &'a Json {
    defaults.get(name).or_else(|| schema.get("default")).unwrap_or(&Json::Null)
}

fn text<'a>(schema: &'a Json, key: &str) -> &'a str {
    schema.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn default_text(value: &Json) -> String {
    match value {
        Json::Null => "derived".to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn values(schema: &Json) -> String {
    if let Some(choices) = choices(schema) {
        return choices.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    }
    if text(schema, "format") == "size" {
        return "size".to_owned();
    }
    match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        _ if schema["type"].to_string().contains("boolean") => "`true`, `false`".to_owned(),
        _ => "text".to_owned(),
    }
}
