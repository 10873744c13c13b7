//! The emitted Verilog under `verilator --lint-only -Wall` and `iverilog -g2005 -Wall`, without a
//! single message: whole designs, and every module alone as top. With `NPUGEN_SLOW=1` all presets,
//! the shapes that are easy to get wrong and 30 random designs; without, a few.
//! A missing simulator fails when `CI` is set and is reported otherwise.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use npugen::config::Override;
use npugen::design::{Design, PRESETS};
use npugen::rtl::package::Package;
use npugen::tools::{ICARUS, Tool, VERILATOR};

fn slow() -> bool {
    std::env::var_os("NPUGEN_SLOW").is_some()
}

fn find(tool: &Tool) -> Option<PathBuf> {
    match tool.find() {
        Ok(path) => Some(path),
        Err(error) if std::env::var_os("CI").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// Runs a tool and wants silence.
fn quiet(program: &Path, folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() && text.trim().is_empty() {
        return Ok(());
    }
    let command = arguments.join(" ");
    Err(format!("{} {command}\n{text}", program.display()))
}

fn lint(folder: &Path, top: &str) -> Vec<String> {
    let source = format!("rtl/{top}.v");
    let mut problems = Vec::new();
    if let Some(verilator) = find(&VERILATOR) {
        let arguments = [
            "--lint-only",
            "-Wall",
            "--language",
            "1364-2005",
            "--top-module",
            top,
            "-y",
            "rtl",
            "-y",
            "sim",
            &source,
        ];
        problems.extend(quiet(&verilator, folder, &arguments).err());
    }
    if let Some(iverilog) = find(&ICARUS) {
        let arguments =
            ["-g2005", "-Wall", "-s", top, "-o", "/dev/null", "-y", "rtl", "-y", "sim", &source];
        problems.extend(quiet(&iverilog, folder, &arguments).err());
    }
    problems
}

fn lint_design(design: &Design) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    Package::new(design).and_then(|package| package.write_to(&out)).unwrap();
    let shape = format!("{}: {} x {}", design.name(), design.rows(), design.cols());
    let problems = lint(&out, "npu_top");
    eprintln!("{shape} {}: {} problems", design.cell().name(), problems.len());
    problems.into_iter().map(|text| format!("{shape}\n{}\n{text}", design.canonical())).collect()
}

fn shaped(rows: u32, cols: u32, cell: &str) -> Design {
    let set = |key: &str, value: String| Override::flag(key, value, "--set");
    let overrides = [
        set("name", format!("shape_{rows}_{cols}")),
        set("array.rows", rows.to_string()),
        set("array.cols", cols.to_string()),
        set("array.cell", cell.to_owned()),
        set("vector.lanes", "null".to_owned()),
    ];
    Design::preset_with("default", &overrides).unwrap()
}

fn expect_none(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n\n"));
}

#[test]
fn every_module_alone_as_top() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    // A design with modules of its own besides.
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/examples/custom_op.yaml");
    let design = Design::from_file(&example, &[]).unwrap();
    Package::new(&design).and_then(|package| package.write_to(&out)).unwrap();
    let mut tops: Vec<String> = std::fs::read_dir(out.join("rtl"))
        .unwrap()
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    tops.sort();
    let problems: Vec<String> = tops.iter().flat_map(|top| lint(&out, top)).collect();
    expect_none(&problems);
}

#[test]
fn presets() {
    let chosen = PRESETS.iter().filter(|(name, _)| slow() || *name == "tiny");
    let problems: Vec<String> =
        chosen.flat_map(|(name, _)| lint_design(&Design::preset(name).unwrap())).collect();
    expect_none(&problems);
}

#[test]
fn shapes() {
    let all = [
        (7, 7, "dsp48e2"),
        (24, 12, "generic"),
        (1, 1, "simulation"),
        (16, 64, "dsp48e2"),
        (3, 48, "generic"),
        (1, 8, "simulation"),
        (8, 1, "dsp48e2"),
        (12, 24, "generic"),
        (32, 16, "simulation"),
        (256, 8, "simulation"),
        (8, 256, "simulation"),
    ];
    let chosen = if slow() { &all[..] } else { &all[..1] };
    let problems: Vec<String> = chosen
        .iter()
        .flat_map(|(rows, cols, cell)| lint_design(&shaped(*rows, *cols, cell)))
        .collect();
    expect_none(&problems);
}

#[test]
fn random_designs() {
    let problems: Vec<String> = (0..if slow() { 30 } else { 2 })
        .flat_map(|seed| lint_design(&Design::random(seed).unwrap()))
        .collect();
    expect_none(&problems);
}
