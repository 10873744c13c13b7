//! Programs that once failed, or that catch a planted bug: see rtl-tests/regressions/. Each begins with the
//! command that repeats it; here all run on the golden model, and on the RTL those of the design
//! that other tests build as well. Where Verilator is missing the RTL is left out, unless `CI` is set.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use npugen::tools::VERILATOR;

/// Designs whose simulation is built for other tests anyway.
const SHARED: &[&str] = &["tiny"];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rtl-tests/regressions")
}

/// The stored programs: file and the arguments of `npugen` that repeat it.
fn programs() -> Vec<(PathBuf, Vec<String>)> {
    let mut found: Vec<(PathBuf, Vec<String>)> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "npuasm"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let first = text.lines().next().unwrap_or_default();
            let Some(arguments) = first.strip_prefix("; npugen compare ") else {
                panic!("{}: the first line is not the command that repeats it", path.display());
            };
            let arguments = arguments.split(' ').map(str::to_owned).collect();
            (path, arguments)
        })
        .collect();
    found.sort();
    found
}

fn npugen(command: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_npugen"))
        .arg(command)
        .args(arguments)
        .current_dir(directory())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&all).into_owned()
}

/// The first three arguments: the program, `-c` and its configuration.
fn program_of(arguments: &[String]) -> Vec<&str> {
    arguments.iter().take(3).map(String::as_str).collect()
}

#[test]
fn all_are_legal_and_run_on_the_golden_model() {
    let programs = programs();
    assert!(!programs.is_empty());
    for (path, arguments) in programs {
        let program = program_of(&arguments);
        assert_eq!(program[0], path.file_name().unwrap().to_str().unwrap());
        assert_eq!(program[1], "-c");
        let lint = npugen("lint", &program);
        assert!(lint.status.success(), "{}", text(&lint));
        let run = npugen("run", &[&program[..], &["--on", "golden"]].concat());
        assert!(run.status.success(), "{}", text(&run));
    }
}

#[test]
fn those_of_shared_designs_are_equal_on_the_rtl() {
    if VERILATOR.find().is_err() && std::env::var_os("CI").is_none() {
        eprintln!("skipped: Verilator is missing");
        return;
    }
    let mut run = 0;
    for (path, arguments) in programs() {
        let name = path.file_name().unwrap().to_str().unwrap();
        if !SHARED.iter().any(|shared| name.starts_with(&format!("{shared}_"))) {
            continue;
        }
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let wave = std::env::temp_dir().join(format!("npugen_{name}.vcd"));
        let wave = wave.to_str().unwrap().to_owned();
        arguments.extend(["--quick-build", "--vcd", &wave]);
        let compared = npugen("compare", &arguments);
        assert!(compared.status.success(), "{name}: {}", text(&compared));
        run += 1;
    }
    assert!(run > 0);
}
