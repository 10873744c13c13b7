//! The estimate of docs/resources.md against what Yosys counted: the tables of
//! docs/implementation.md, written by scripts/measure_resources.py, are the only copy of the
//! measured numbers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::root;
use npugen::config::Override;
use npugen::design::Design;
use npugen::rtl::resources::{self, ERROR_PERCENT, Resources};

/// Largest error of a unit: this many percent, or what `SLACK` allows.
const UNIT_PERCENT: usize = 20;
const SLACK: Resources =
    Resources { dsp: 0, lut: 100, lut_memory: 320, ff: 320, ram18: 4, uram: 0 };

/// A column of the tables: its name, and its number.
type Column = (&'static str, fn(&Resources) -> usize);
const COLUMNS: [Column; 6] = [
    ("DSP48E2", |r| r.dsp),
    ("LUT", |r| r.lut),
    ("LUT as memory", |r| r.lut_memory),
    ("FF", |r| r.ff),
    ("RAM18", |r| r.ram18),
    ("URAM", |r| r.uram),
];

/// Measured units by configuration.
fn measured() -> BTreeMap<String, BTreeMap<String, Resources>> {
    let page = fs::read_to_string(root().join("docs/implementation.md")).unwrap();
    let (_, section) = page.split_once("<!-- generated: resources -->").unwrap();
    let (section, _) = section.split_once("<!-- end: resources -->").unwrap();
    let mut found = BTreeMap::new();
    for part in section.split("\n### `").skip(1) {
        let (name, rest) = part.split_once('`').unwrap();
        let (_, rows) = rest
            .split_once("\n| unit | DSP48E2 | LUT | LUT as memory | FF | RAM36 | URAM |\n")
            .unwrap();
        let units = rows.lines().skip(1).take_while(|line| line.starts_with("| ")).map(row);
        found.insert(name.to_owned(), units.collect());
    }
    found
}

fn row(line: &str) -> (String, Resources) {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let number = |index: usize| cells[index].parse::<f64>().unwrap();
    let whole = |index: usize| number(index) as usize;
    let resources = Resources {
        dsp: whole(1),
        lut: whole(2),
        lut_memory: whole(3),
        ff: whole(4),
        ram18: (2.0 * number(5)) as usize,
        uram: whole(6),
    };
    (cells[0].to_owned(), resources)
}

fn percent(error: usize, of: usize) -> usize {
    (100 * error).div_ceil(of.max(1))
}

#[test]
fn estimates_agree_with_measurements() {
    let measured = measured();
    assert!(measured.contains_key("tiny"), "{:?}", measured.keys());
    let mut wrong = Vec::new();
    for (name, units) in &measured {
        let estimate = resources::estimate(&Design::preset(name).unwrap());
        // `others` and `total` are not units.
        assert_eq!(estimate.len() + 2, units.len(), "{name}");
        for (column, value) in COLUMNS {
            let mut sum = 0;
            for unit in &estimate {
                let (guess, actual) = (value(&unit.resources), value(&units[unit.module]));
                sum += guess;
                let error = guess.abs_diff(actual);
                if error > value(&SLACK) && percent(error, actual) > UNIT_PERCENT {
                    wrong.push(format!(
                        "{name}: {} {column} {guess}, measured {actual}",
                        unit.module
                    ));
                }
            }
            let actual = value(&units["total"]);
            if percent(sum.abs_diff(actual), actual) > value(&ERROR_PERCENT) {
                wrong.push(format!("{name}: total {column} {sum}, measured {actual}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rows of the section of a module that was synthesised alone: LUTRAM and shift registers together.
fn measured_alone(module: &str) -> BTreeMap<String, Resources> {
    let page = fs::read_to_string(root().join("docs/implementation.md")).unwrap();
    let (_, section) = page.split_once(&format!("<!-- generated: {module} -->")).unwrap();
    let (section, _) = section.split_once("<!-- end: ").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let number = |index: usize| cells[index].parse::<usize>().unwrap();
        let resources = Resources {
            dsp: number(1),
            lut: number(2),
            lut_memory: number(3) + number(4),
            ff: number(5),
            ram18: 0,
            uram: 0,
        };
        (cells[0].trim_matches('`').to_owned(), resources)
    })
    .collect()
}

/// Differences between an estimate and what was measured, larger than so many percent and more
/// than `slack`; DSP slices are exact.
fn differences(
    name: &str,
    guess: &Resources,
    actual: &Resources,
    percents: usize,
    slack: usize,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (column, value) in COLUMNS {
        let (guess, actual) = (value(guess), value(actual));
        let error = guess.abs_diff(actual);
        let slack = if column == "DSP48E2" { 0 } else { slack };
        if error > slack && percent(error, actual) > percents {
            wrong.push(format!("{name}: {column} {guess}, measured {actual}"));
        }
    }
    wrong
}

/// The row of a unit in the estimate.
fn estimated(design: &Design, module: &str) -> Option<Resources> {
    let units = resources::estimate(design);
    units.iter().find(|unit| unit.module == module).map(|unit| unit.resources)
}

/// Custom operations: each within 25 % or 20 of what it takes, all of them within 10 %.
#[test]
fn estimates_of_custom_operations_agree_with_measurements() {
    let measured = measured_alone("npu_vector_custom");
    let file = root().join("configs/examples/custom_op.yaml");
    let design = Design::from_file(&file, &[Override::set("vector.lanes=4").unwrap()]).unwrap();
    let mut wrong = Vec::new();
    for op in design.vector_ops() {
        let name = op.module();
        wrong.extend(differences(&name, &resources::operation(op), &measured[&name], 25, 20));
    }
    let all = "npu_vector_custom";
    wrong.extend(differences(all, &estimated(&design, all).unwrap(), &measured[all], 10, 0));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A machine without such operations has no row for them.
    assert_eq!(estimated(&Design::preset("tiny").unwrap(), all), None);
}

/// Compute units: each within 25 % or 20 of what it takes (a Verilog file, of which only the
/// meaning is known, within 30 %), the engine within 10 %.
#[test]
fn estimates_of_compute_units_agree_with_measurements() {
    let measured = measured_alone("npu_unit");
    let file = root().join("configs/examples/custom_unit.yaml");
    let design = Design::from_file(&file, &[]).unwrap();
    let mut wrong = Vec::new();
    for unit in design.units() {
        let name = unit.module();
        let guess = resources::compute_unit(unit, design.lanes());
        let percents = if unit.verilog.is_some() { 30 } else { 25 };
        wrong.extend(differences(&name, &guess, &measured[&name], percents, 20));
    }
    let engine = Resources { ram18: 0, ..estimated(&design, "npu_unit").unwrap() };
    wrong.extend(differences("npu_unit", &engine, &measured["npu_unit"], 10, 0));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(estimated(&Design::preset("tiny").unwrap(), "npu_unit"), None);
}

/// The budget of the 16 x 16 array of dsp48e2 cells.
#[test]
fn the_array_stays_within_its_budget() {
    let array = &measured_alone("npu_array")["npu_array"];
    assert!(array.dsp <= 130 && array.ff <= 2000, "{array:?}");
    assert!(array.lut + array.lut_memory <= 1000, "{array:?}");
}

/// The page says how good the estimate is; this file decides it.
#[test]
fn the_page_names_the_tolerances() {
    let page = fs::read_to_string(root().join("docs/implementation.md")).unwrap();
    let sums = format!(
        "within {} % of these sums for LUT and FF, {} % for LUT as memory and {} % for block RAM, \
         and exact for DSP48E2",
        ERROR_PERCENT.lut, ERROR_PERCENT.lut_memory, ERROR_PERCENT.ram18
    );
    let units = format!(
        "a single unit within {UNIT_PERCENT} %, or {} LUT, {} LUT as memory, {} FF and {} RAM36",
        SLACK.lut,
        SLACK.lut_memory,
        SLACK.ff,
        SLACK.ram18 / 2
    );
    for text in [sums, units] {
        assert!(page.contains(&text), "docs/implementation.md does not say: {text}");
    }
}
