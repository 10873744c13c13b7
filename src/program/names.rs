//! Names of the functions a design has beyond the instruction table.

use super::Target;
use crate::isa::{CUSTOM, Call, MAX_CUSTOM};

/// Names of a design's custom operations. One whose name is not known is `custom0`, `custom1`, and
/// so on, which are names of all of them besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    custom: Vec<String>,
}

impl Names {
    /// The names in the configuration of a program's target.
    pub fn of(target: &Target) -> Names {
        // Most have none, and reading a configuration takes a while.
        if !target.config.contains("vector_ops") {
            return Names::default();
        }
        let config = serde_yaml::from_str::<serde_json::Value>(&target.config).unwrap_or_default();
        let operations = config.pointer("/extensions/vector_ops").and_then(|ops| ops.as_array());
        let name = |op: &serde_json::Value| op.get("name")?.as_str().map(str::to_owned);
        let custom = operations.into_iter().flatten();
        Names { custom: custom.map(|op| name(op).unwrap_or_default()).collect() }
    }

    /// All of them, by number.
    pub fn custom(&self) -> &[String] {
        &self.custom
    }

    /// The custom operation with this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        let numbered = || name.strip_prefix(CUSTOM)?.parse().ok().filter(|&i| i < MAX_CUSTOM);
        self.custom.iter().position(|known| known == name).or_else(numbered)
    }

    /// A function in assembly, `engine.function`.
    pub fn call(&self, call: Call) -> String {
        let function = match (call.spec(), call.custom()) {
            (Some(spec), _) => spec.name.to_owned(),
            (None, Some(index)) => match self.custom.get(index) {
                Some(name) if !name.is_empty() => name.clone(),
                _ => format!("{CUSTOM}{index}"),
            },
            (None, None) => "?".to_owned(),
        };
        format!("{}.{function}", call.engine.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_have_the_names_of_the_configuration() {
        let config = "extensions:\n  vector_ops:\n    - name: \"mish\"\n    - name: \"sat\"\n";
        let names = Names::of(&Target { config: config.to_owned(), ..Target::default() });
        let text = |index| names.call(Call::of_custom(index).unwrap());
        assert_eq!([text(0), text(1), text(2)], ["vector.mish", "vector.sat", "vector.custom2"]);
        assert_eq!(
            ["sat", "custom0", "custom63"].map(|name| names.find(name)),
            [Some(1), Some(0), Some(63)]
        );
        assert_eq!(
            ["custom64", "custom", "custom-1", "mis"].map(|name| names.find(name)),
            [None; 4]
        );
        assert_eq!(
            Names::of(&Target { config: "vector_ops: [".to_owned(), ..Target::default() }),
            Names::default()
        );
    }
}
