//! Names of the functions a design has beyond the instruction table.

use super::Target;
use crate::isa::{CUSTOM, Call, Engine, MAX_CUSTOM, MAX_UNITS, UNIT};

/// Names of a design's custom operations and units. One whose name is not known is `custom0`,
/// `custom1`, or `unit0`, `unit1`, and so on, which are names of all of them besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    custom: Vec<String>,
    units: Vec<String>,
}

impl Names {
    /// The names in the configuration of a program's target.
    pub fn of(target: &Target) -> Names {
        // Most have none, and reading a configuration takes a while.
        if !target.config.contains("extensions") {
            return Names::default();
        }
        let config = serde_yaml::from_str::<serde_json::Value>(&target.config).unwrap_or_default();
        let list = |key: &str| {
            let entries = config.pointer(key).and_then(|entries| entries.as_array());
            let name = |entry: &serde_json::Value| entry.get("name")?.as_str().map(str::to_owned);
            let entries = entries.into_iter().flatten();
            entries.map(|entry| name(entry).unwrap_or_default()).collect()
        };
        Names { custom: list("/extensions/vector_ops"), units: list("/extensions/units") }
    }

    /// Those of an engine, by number.
    pub fn of_engine(&self, engine: Engine) -> &[String] {
        match engine {
            Engine::Vector => &self.custom,
            Engine::Unit => &self.units,
            Engine::Ctrl | Engine::Load | Engine::Gemm | Engine::Store => &[],
        }
    }

    /// The custom operation or unit of an engine with this name.
    pub fn find(&self, engine: Engine, name: &str) -> Option<Call> {
        let numbered = |prefix: &str, most: usize| {
            name.strip_prefix(prefix)?.parse().ok().filter(|&index| index < most)
        };
        let known = || self.of_engine(engine).iter().position(|known| known == name);
        match engine {
            Engine::Vector => Call::of_custom(known().or_else(|| numbered(CUSTOM, MAX_CUSTOM))?),
            Engine::Unit => Call::of_unit(known().or_else(|| numbered(UNIT, MAX_UNITS))?),
            Engine::Ctrl | Engine::Load | Engine::Gemm | Engine::Store => None,
        }
    }

    /// A function in assembly, `engine.function`.
    pub fn call(&self, call: Call) -> String {
        let custom = call.custom().map(|index| (CUSTOM, index));
        let own = custom.or_else(|| call.unit().map(|index| (UNIT, index)));
        let function = match (call.spec(), own) {
            (Some(spec), _) => spec.name.to_owned(),
            (None, Some((prefix, index))) => match self.of_engine(call.engine).get(index) {
                Some(name) if !name.is_empty() => name.clone(),
                _ => format!("{prefix}{index}"),
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
        let config = "extensions:\n  vector_ops:\n    - name: \"mish\"\n    - name: \"sat\"\n  units:\n    - name: \"top\"\n";
        let names = Names::of(&Target { config: config.to_owned(), ..Target::default() });
        let text = |index| names.call(Call::of_custom(index).unwrap());
        assert_eq!([text(0), text(1), text(2)], ["vector.mish", "vector.sat", "vector.custom2"]);
        assert_eq!(
            ["sat", "custom0", "custom63"].map(|name| names.find(Engine::Vector, name)),
            [1, 0, 63].map(Call::of_custom)
        );
        assert_eq!(
            ["custom64", "custom", "custom-1", "mis"].map(|name| names.find(Engine::Vector, name)),
            [None; 4]
        );
        let text = |index| names.call(Call::of_unit(index).unwrap());
        assert_eq!([text(0), text(1)], ["unit.top", "unit.unit1"]);
        assert_eq!(
            ["top", "unit15", "unit16", "sat"].map(|name| names.find(Engine::Unit, name)),
            [Call::of_unit(0), Call::of_unit(15), None, None]
        );
        assert_eq!(names.find(Engine::Store, "sat"), None);
        assert_eq!(
            Names::of(&Target { config: "extensions: [".to_owned(), ..Target::default() }),
            Names::default()
        );
    }
}
