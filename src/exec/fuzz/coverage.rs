//! What random programs exercise: how often every function, flag and register field differs from its
//! reset value, which faults occur, which engines may overlap, and the special cases of the
//! machine's description.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::assemble::Overlaps;
use super::case::{Case, Launch};
use super::features::{FEATURES, View};
use crate::exec::Cause;
use crate::isa::{Engine, Field, Home};

/// Distinct values of a field that are counted.
const MOST_VALUES: usize = 999;

/// Key of a field: register (flags behind all of them) and lowest bit.
type Key = (Engine, u16, u8);

/// Counts over many programs.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    programs: u64,
    functions: BTreeMap<(Engine, u8), u64>,
    launches: BTreeMap<Engine, u64>,
    changed: BTreeMap<Key, u64>,
    values: BTreeMap<Key, BTreeSet<i64>>,
    features: BTreeMap<&'static str, u64>,
    causes: BTreeMap<Cause, u64>,
    overlaps: Overlaps,
}

fn key(field: &Field) -> Key {
    let register = match field.home {
        Home::Register(number) => number,
        Home::Launch => u16::MAX,
    };
    (field.engine, register, field.lo)
}

impl Coverage {
    /// Counts a case.
    pub fn add(&mut self, case: &Case) {
        self.programs += 1;
        for launch in case.launches.iter().filter(|launch| !launch.frame) {
            self.launch(case, launch);
        }
        if let Ok((_, overlaps)) = case.assemble() {
            let pairs = self.overlaps.iter_mut().flatten().zip(overlaps.iter().flatten());
            pairs.for_each(|(sum, &one)| *sum += one);
        }
    }

    /// Counts a fault.
    pub fn fault(&mut self, cause: Cause) {
        *self.causes.entry(cause).or_default() += 1;
    }

    fn launch(&mut self, case: &Case, launch: &Launch) {
        let (Some(registers), Some(flags)) = (launch.registers(), launch.immediate()) else {
            return;
        };
        let engine = launch.call.engine;
        *self.launches.entry(engine).or_default() += 1;
        *self.functions.entry((engine, launch.call.function)).or_default() += 1;
        let spec = engine.spec();
        let fields = spec.registers.iter().flat_map(|register| register.fields);
        let values = fields
            .map(|field| (field, registers.get(*field)))
            .chain(spec.flags.iter().map(|flag| (flag, flags.get(*flag))));
        for (field, value) in values {
            if value != field.reset {
                *self.changed.entry(key(field)).or_default() += 1;
            }
            let seen = self.values.entry(key(field)).or_default();
            if seen.len() < MOST_VALUES {
                seen.insert(value);
            }
        }
        let view = View { design: &case.design, call: launch.call, registers, flags };
        for (name, holds) in FEATURES {
            *self.features.entry(name).or_default() += u64::from(holds(&view));
        }
    }

    /// Names of everything that never occurred.
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        for engine in Engine::QUEUED {
            let spec = engine.spec();
            for function in spec.functions {
                if !self.functions.contains_key(&(engine, function.number)) {
                    gaps.push(format!("{}.{}", spec.name, function.name));
                }
            }
            let fields = spec.registers.iter().flat_map(|register| register.fields);
            for field in fields.chain(spec.flags) {
                if !self.changed.contains_key(&key(field)) {
                    gaps.push(field.to_string());
                }
            }
        }
        let missing =
            FEATURES.iter().filter(|(name, _)| self.features.get(name).is_none_or(|&n| n == 0));
        gaps.extend(missing.map(|(name, _)| (*name).to_owned()));
        for (a, row) in Engine::QUEUED.iter().zip(&self.overlaps) {
            for (b, count) in Engine::QUEUED.iter().zip(row) {
                if *count == 0 {
                    gaps.push(format!("{} beside {}", a.name(), b.name()));
                }
            }
        }
        gaps
    }

    /// All counts as tables.
    pub fn table(&self) -> String {
        let mut text = format!("coverage of {} programs\n\n", self.programs);
        // Writing to a string does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "{:<34}{:>9}", "function", "launches")?;
        for engine in Engine::QUEUED {
            for function in engine.spec().functions {
                let count = self.functions.get(&(engine, function.number)).copied().unwrap_or(0);
                let name = format!("{}.{}", engine.name(), function.name);
                writeln!(text, "{name:<34}{count:>9}")?;
            }
        }
        writeln!(text, "\n{:<34}{:>9}{:>8}{:>8}", "field", "changed", "%", "values")?;
        for engine in Engine::QUEUED {
            let spec = engine.spec();
            let all = self.launches.get(&engine).copied().unwrap_or(0).max(1);
            let fields = spec.registers.iter().flat_map(|register| register.fields);
            for field in fields.chain(spec.flags) {
                let count = self.changed.get(&key(field)).copied().unwrap_or(0);
                let percent = 100.0 * count as f64 / all as f64;
                let values = self.values.get(&key(field)).map_or(0, BTreeSet::len);
                let more = if values == MOST_VALUES { "+" } else { "" };
                let name = field.to_string();
                writeln!(text, "{name:<34}{count:>9}{percent:>8.1}{values:>8}{more}")?;
            }
        }
        writeln!(text, "\n{:<60}{:>9}", "special case", "launches")?;
        for (name, _) in FEATURES {
            let count = self.features.get(name).copied().unwrap_or(0);
            writeln!(text, "{name:<60}{count:>9}")?;
        }
        write!(text, "\n{:<34}", "pairs without order: later, earlier")?;
        for engine in Engine::QUEUED {
            write!(text, "{:>9}", engine.name())?;
        }
        for (engine, row) in Engine::QUEUED.iter().zip(&self.overlaps) {
            write!(text, "\n{:<35}", engine.name())?;
            for count in row {
                write!(text, "{count:>9}")?;
            }
        }
        writeln!(text, "\n\n{:<60}{:>9}", "fault", "programs")?;
        for cause in Cause::ALL {
            let count = self.causes.get(cause).copied().unwrap_or(0);
            writeln!(text, "{:<60}{count:>9}", cause.text())?;
        }
        writeln!(
            text,
            "semaphore overflow, watchdog and fingerprint: tests/agreement.rs, tests/cosim.rs"
        )?;
        let gaps = self.gaps();
        if gaps.is_empty() {
            return writeln!(text, "\nno gaps");
        }
        writeln!(text, "\nnever: {}", gaps.join(", "))
    }
}
