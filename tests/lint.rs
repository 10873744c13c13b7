//! The emitted Verilog under `verilator --lint-only -Wall` and `iverilog -g2005 -Wall`, without a
//! single message. A missing simulator fails when `CI` is set and is reported otherwise.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use npugen::design::Design;
use npugen::rtl::package::Package;
use npugen::tools::{ICARUS, Tool, VERILATOR};

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

fn expect_none(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n\n"));
}

#[test]
fn every_module_alone_as_top() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let design = Design::preset("tiny").unwrap();
    Package::new(&design).and_then(|package| package.write_to(&out)).unwrap();
    let mut tops: Vec<String> = std::fs::read_dir(out.join("rtl"))
        .unwrap()
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    tops.sort();
    let problems: Vec<String> = tops.iter().flat_map(|top| lint(&out, top)).collect();
    expect_none(&problems);
}
