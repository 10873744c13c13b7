//! House rules, checked on the sources and on the emitted text.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{files, root};
use npugen::config::Override;
use npugen::design::{Design, PRESETS};
use npugen::fpga::rtl::{ClOptions, emit, simulation};
use npugen::fpga::target::Target;
use npugen::rtl::package::Package;

/// Source folders and files of this repository.
const SOURCES: &[&str] = &[
    "src",
    "templates",
    "tests",
    "rtl-tests",
    "scripts",
    "configs",
    "examples",
    "docs",
    "python",
    "fpga",
    "build.rs",
];

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for source in SOURCES {
        let path = root().join(source);
        let below = if path.is_dir() { files(&path) } else { vec![PathBuf::new()] };
        for name in below {
            let full = if name.as_os_str().is_empty() { path.clone() } else { path.join(name) };
            if let Ok(text) = fs::read_to_string(&full) {
                let short = full.strip_prefix(root()).map(Path::to_owned).unwrap_or(full);
                found.push((short, text));
            }
        }
    }
    assert!(found.len() > 50, "the sources were not found");
    found
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.contains(&e))
}

#[test]
fn no_source_file_is_longer_than_800_lines() {
    for (path, text) in sources() {
        if has_extension(&path, &["rs", "v", "py", "cpp", "h", "sh", "tcl", "xdc"])
            && !path.starts_with("tests/snapshots")
        {
            assert!(
                text.lines().count() <= 800,
                "{} has {} lines",
                path.display(),
                text.lines().count()
            );
        }
    }
}

#[test]
fn no_postponed_work_and_no_waivers() {
    // Written in two parts, so that this file does not contain them.
    let words = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["lint_", "off"].concat(),
        ["-Wno", "-"].concat(),
        ["#[ign", "ore]"].concat(),
        ["should_", "panic"].concat(),
    ];
    for (path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            for word in &words {
                assert!(!line.contains(word.as_str()), "{}:{}: {word}", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn templates_have_at_most_100_columns_and_no_tabs() {
    for (path, text) in sources() {
        // Pages have a line for each paragraph, as in docs/.
        if path.starts_with("templates") && !has_extension(&path, &["md"]) {
            check_lines(&path.display().to_string(), &text);
        }
    }
}

/// Configurations with extensions.
const EXAMPLES: [&str; 2] = ["custom_op", "custom_unit"];

fn example(name: &str) -> Design {
    let path = root().join(format!("configs/examples/{name}.yaml"));
    Design::from_file(&path, &[]).unwrap()
}

#[test]
fn emitted_verilog_has_at_most_100_columns_and_no_empty_stretches() {
    let presets = PRESETS.iter().map(|(name, _)| Design::preset(name).unwrap());
    let examples = EXAMPLES.map(example);
    for design in presets.chain(examples) {
        let (name, package) = (design.name(), Package::new(&design).unwrap());
        for file in package.files() {
            if file.path.ends_with(".v") {
                let place = format!("{name}: {}", file.path);
                check_lines(&place, &file.text);
                assert!(!file.text.contains("\n\n\n"), "{place}: two empty lines in a row");
                assert!(file.text.ends_with('\n'), "{place}: no line end at the end");
                for tag in ["[[ ", "[% ", "[%- ", "[# "] {
                    assert!(!file.text.contains(tag), "{place}: a tag was left");
                }
            }
        }
    }
}

fn check_lines(place: &str, text: &str) {
    let bad: Vec<String> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| {
            line.chars().count() > 100 || line.contains('\t') || line.ends_with(' ')
        })
        .map(|(number, line)| format!("{place}:{}: {line:?}", number + 1))
        .collect();
    assert!(bad.is_empty(), "over 100 columns, tabs or spaces at the end:\n{}", bad.join("\n"));
}

/// Modules that are mostly tables or ports.
const MANY_TAGS: &[&str] = &[
    "npu_top.v",
    "npu_core.v",
    "npu_csr.v",
    "npu_decoder.v",
    "npu_engine_regs.v",
    "npu_unit.v",
    "npu_unit_made.v",
    "npu_vector_custom.v",
];

#[test]
fn tags_stay_within_their_budget() {
    for (path, text) in sources() {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !path.starts_with("templates/rtl") || MANY_TAGS.contains(&name) {
            continue;
        }
        let tags = text.lines().filter(|line| line.contains("[[ ") || line.contains("[%")).count();
        assert!(tags * 10 <= text.lines().count(), "{}: {tags} lines with tags", path.display());
    }
}

#[test]
fn every_template_reaches_the_output() {
    let examples = EXAMPLES.map(|name| Package::new(&example(name)).unwrap());
    let files = examples.iter().flat_map(|package| package.files());
    let emitted: Vec<&str> = files.map(|file| file.path.as_str()).collect();
    let custom_logic = custom_logic();
    for (path, _) in sources() {
        let Ok(name) = path.strip_prefix("templates") else { continue };
        // These become a module for each engine, and for each unit.
        let many = ["npu_engine_regs.v", "npu_unit_made.v"];
        if !has_extension(name, &["v"]) || many.iter().any(|many| name.ends_with(many)) {
            continue;
        }
        let name = name.display().to_string();
        let stem = Path::new(&name).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let reached = match name.starts_with("fpga/") {
            true => custom_logic.iter().any(|known| known == stem),
            false => emitted.contains(&name.as_str()),
        };
        assert!(reached, "{name} is not in the output of any design");
    }
}

/// Names of the modules around a machine with a clock of its own and the HBM of F2, and of its
/// simulation.
fn custom_logic() -> Vec<String> {
    let set = |key: &str, value: &str| Override::flag(key, value.to_owned(), "--set");
    let overrides = [set("clock_mhz", "125"), set("axi.data_bits", "512")];
    let design = Design::preset_with("tiny", &overrides).unwrap();
    let options = ClOptions::new(Target::AwsF2, Some("hbm2")).unwrap();
    let mut files = emit(&design, Target::AwsF2, options).unwrap();
    files.extend(simulation(&design, Target::AwsF2, options).unwrap());
    let stem = |path: &str| Path::new(path).file_stem().map(|stem| stem.display().to_string());
    files.iter().filter_map(|file| stem(&file.path)).collect()
}

#[test]
fn modules_are_named_after_their_files() {
    let package = Package::new(&Design::preset("default").unwrap()).unwrap();
    for file in package.files().iter().filter(|file| file.path.starts_with("rtl/")) {
        let stem = Path::new(&file.path).file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
        let modules: Vec<&str> = file
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("module "))
            .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())
            .collect();
        assert_eq!(modules, [stem], "{}", file.path);
        let lines: Vec<&str> = file.text.lines().collect();
        assert!(lines.contains(&"`default_nettype none"), "{}", file.path);
        assert_eq!(lines.last(), Some(&"`default_nettype wire"), "{}", file.path);
    }
}

#[test]
fn emitted_verilog_avoids_what_synthesis_and_other_projects_stumble_over() {
    let words = ["`timescale", "`include", "`ifdef", "`define", "$display", "initial ", "casex"];
    let package = Package::new(&Design::preset("default").unwrap()).unwrap();
    for file in package.files().iter().filter(|file| file.path.starts_with("rtl/")) {
        for (number, line) in file.text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in words {
                assert!(!code.contains(word), "{}:{}: {word}", file.path, number + 1);
            }
        }
    }
}
