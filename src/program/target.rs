//! Which design a program is for, and how two designs differ.

use std::collections::BTreeMap;

use crate::design::{Design, INVISIBLE};

/// The design a program is made for.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Name of the configuration.
    pub name: String,
    /// Canonical configuration text (YAML), from which differences are told.
    pub config: String,
    /// Hash of the canonical configuration and of the instruction table's version.
    #[serde(with = "hexadecimal")]
    pub fingerprint: u64,
    /// Number of semaphores.
    pub semaphores: u8,
}

/// One key of the configuration that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Path of the key, such as `array.rows`.
    pub key: String,
    /// Value in the hardware's configuration, if it has the key.
    pub hardware: Option<String>,
    /// Value in the program's configuration, if it has the key.
    pub program: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let or_absent = |value: &Option<String>| value.clone().unwrap_or_else(|| "absent".into());
        write!(
            f,
            "{}: hardware {}, program {}",
            self.key,
            or_absent(&self.hardware),
            or_absent(&self.program)
        )
    }
}

/// A program made for another design.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the program is made for `{program}` (fingerprint {program_fingerprint:016x}), the hardware is `{hardware}` ({hardware_fingerprint:016x}):{}", list(.differences))]
pub struct Mismatch {
    /// Name of the hardware's configuration.
    pub hardware: String,
    /// Its fingerprint.
    pub hardware_fingerprint: u64,
    /// Name of the program's configuration.
    pub program: String,
    /// Its fingerprint.
    pub program_fingerprint: u64,
    /// What differs, by key.
    pub differences: Vec<Difference>,
}

fn list(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return " the configurations agree, so the programs that made them differ in version"
            .into();
    }
    differences.iter().map(|difference| format!("\n  {difference}")).collect()
}

impl Target {
    /// The target a design is.
    pub fn of(design: &Design) -> Target {
        Target {
            name: design.name().to_owned(),
            config: design.canonical().to_owned(),
            fingerprint: design.fingerprint().0,
            // At most 16, which the design guarantees.
            semaphores: u8::try_from(design.semaphores().count).unwrap_or(16),
        }
    }

    /// Whether a program for this target runs on that hardware.
    pub fn runs_on(&self, hardware: &Target) -> Result<(), Box<Mismatch>> {
        if self.fingerprint == hardware.fingerprint {
            return Ok(());
        }
        Err(Box::new(Mismatch {
            hardware: hardware.name.clone(),
            hardware_fingerprint: hardware.fingerprint,
            program: self.name.clone(),
            program_fingerprint: self.fingerprint,
            differences: differences(&hardware.config, &self.config)
                .into_iter()
                .filter(|difference| !is_invisible(&difference.key))
                .collect(),
        }))
    }
}

/// Whether programs cannot tell a key.
fn is_invisible(key: &str) -> bool {
    let below = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
    INVISIBLE.iter().any(|hidden| key.strip_prefix(hidden).is_some_and(below))
}

/// Keys in which two configuration texts differ, in alphabetical order.
pub fn differences(hardware: &str, program: &str) -> Vec<Difference> {
    let (hardware, program) = (flatten(hardware), flatten(program));
    let keys: std::collections::BTreeSet<&String> = hardware.keys().chain(program.keys()).collect();
    keys.into_iter()
        .filter(|key| hardware.get(*key) != program.get(*key))
        .map(|key| Difference {
            key: key.clone(),
            hardware: hardware.get(key).cloned(),
            program: program.get(key).cloned(),
        })
        .collect()
}

fn flatten(text: &str) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    match serde_yaml::from_str::<serde_json::Value>(text) {
        Ok(value) => collect(&value, String::new(), &mut flat),
        // A text that is no YAML differs as a whole.
        Err(_) => drop(flat.insert("configuration".to_owned(), format!("{text:?}"))),
    }
    flat
}

fn collect(value: &serde_json::Value, path: String, flat: &mut BTreeMap<String, String>) {
    match value {
        serde_json::Value::Object(entries) => {
            for (key, value) in entries {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                collect(value, path, flat);
            }
        }
        serde_json::Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, format!("{path}[{index}]"), flat);
            }
        }
        serde_json::Value::String(text) => drop(flat.insert(path, text.clone())),
        serde_json::Value::Null if path.is_empty() => {}
        other => drop(flat.insert(path, other.to_string())),
    }
}

/// A number as a string of 16 hexadecimal digits: JSON numbers hold only 53 bits safely.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{value:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map_err(|_| {
            D::Error::custom(format!("fingerprint `{text}` is not a hexadecimal number of 64 bits"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(fingerprint: u64, config: &str) -> Target {
        Target {
            name: format!("n{fingerprint}"),
            config: config.into(),
            fingerprint,
            semaphores: 16,
        }
    }

    #[test]
    fn a_mismatch_is_told_key_by_key() {
        let hardware = target(
            1,
            "array: {rows: 16, cols: 16, cell: dsp48e2, packed: true}\nvector: {taps: 3}\nlist: [1, 2]\n",
        );
        let program = target(
            2,
            "array: {rows: 32, cols: 16, cell: generic, packed: false}\nvector: {}\nlist: [1]\nnew: true\n",
        );
        assert_eq!(program.runs_on(&program), Ok(()));
        assert_eq!(
            program.runs_on(&hardware).unwrap_err().to_string(),
            "the program is made for `n2` (fingerprint 0000000000000002), the hardware is `n1` (0000000000000001):\
             \n  array.packed: hardware true, program false\
             \n  array.rows: hardware 16, program 32\
             \n  list[1]: hardware 2, program absent\
             \n  new: hardware absent, program true\
             \n  vector.taps: hardware 3, program absent"
        );
    }

    #[test]
    fn what_programs_cannot_tell_is_no_difference() {
        let design = |text: &str| Target::of(&Design::from_yaml(text, &[]).unwrap());
        let one = design("name: one\nclock_mhz: 100\narray: {cell: generic, packed: true}\n");
        let two = design("name: two\nclock_mhz: 200\narray: {cell: simulation, packed: true}\n");
        let keys: Vec<String> = differences(&one.config, &two.config)
            .into_iter()
            .map(|difference| difference.key)
            .collect();
        assert_eq!(keys, ["array.cell", "clock_mhz", "name"]);
        assert_eq!(one.runs_on(&two), Ok(()));
        let three = design("name: three\narray: {cell: generic, packed: false}\n");
        let mismatch = three.runs_on(&two).unwrap_err();
        let keys: Vec<&str> =
            mismatch.differences.iter().map(|difference| difference.key.as_str()).collect();
        assert_eq!(keys, ["array.packed"]);
    }

    #[test]
    fn equal_texts_with_different_fingerprints_differ_in_version() {
        let message = target(1, "a: 1").runs_on(&target(2, "a: 1")).unwrap_err().to_string();
        assert!(
            message.ends_with(
                ": the configurations agree, so the programs that made them differ in version"
            ),
            "{message}"
        );
    }

    #[test]
    fn a_text_that_is_no_yaml_differs_as_a_whole() {
        let found = differences("a: [", "a: 1");
        let keys: Vec<&str> = found.iter().map(|difference| difference.key.as_str()).collect();
        assert_eq!(keys, ["a", "configuration"]);
    }
}
