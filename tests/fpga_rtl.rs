//! The custom logic for the shells: every top under `verilator --lint-only -Wall`, without a single
//! message, between the shell's ports and inside the simulation's top.
//! A missing simulator fails when `CI` is set and is reported otherwise.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use npugen::config::Override;
use npugen::design::Design;
use npugen::fpga::rtl::{ClOptions, emit, simulation};
use npugen::fpga::target::Target;
use npugen::rtl::OutputFile;
use npugen::tools::VERILATOR;

fn design(settings: &[(&str, &str)]) -> Design {
    let bus = ("axi.data_bits", "512");
    let all = settings.iter().chain([&bus]);
    let overrides: Vec<Override> =
        all.map(|(key, value)| Override::flag(key, (*value).to_owned(), "--set")).collect();
    Design::preset_with("tiny", &overrides).unwrap()
}

/// The files of definitions that the kit adds.
const DEFINITIONS: [(&str, &str); 3] = [
    ("cl_common_defines.vh", ""),
    ("cl_id_defines.vh", "`define CL_SH_ID0 32'hF000_1D0F\n`define CL_SH_ID1 32'h1D51_FEDD\n"),
    ("cl_npu_defines.vh", "`define CL_NAME cl_npu\n"),
];

fn write(folder: &Path, files: &[OutputFile]) {
    for file in files {
        let path = folder.join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &file.text).unwrap();
    }
}

/// Messages of Verilator about the simulation's top and all inside it.
fn lint(folder: &Path) -> Option<String> {
    let verilator = match VERILATOR.find() {
        Ok(path) => path,
        Err(error) if std::env::var_os("CI").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("skipped: {error}");
            return None;
        }
    };
    let output = Command::new(verilator)
        .args(["--lint-only", "-Wall", "--top-module", "cl_sim_top", "-Isim", "-Idesign"])
        .args(["-y", "design", "-y", "sim", "+libext+.sv+.v", "sim/cl_sim_top.sv"])
        .current_dir(folder)
        .output()
        .unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Some(text)
}

/// Lints both tops of a kit.
fn check(target: Target, memory: Option<&str>, settings: &[(&str, &str)]) {
    let design = design(settings);
    let options = ClOptions::new(target, memory).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("NPUGEN_KEEP").map_or(folder.path().to_owned(), |place| {
        Path::new(&place).join(format!(
            "{}-{}-{}",
            target.facts().name,
            options.memory,
            settings.len()
        ))
    });
    write(&folder, &emit(&design, target, options).unwrap());
    write(&folder, &simulation(&design, target, options).unwrap());
    for (name, text) in DEFINITIONS {
        fs::write(folder.join("design").join(name), text).unwrap();
    }
    let Some(text) = lint(&folder) else { return };
    let place = format!("{} {memory:?} {settings:?}", target.facts().name);
    assert!(text.trim().is_empty(), "{place}:\n{text}");
}

#[test]
fn f2_is_clean() {
    check(Target::AwsF2, None, &[("clock_mhz", "250")]);
}

#[test]
fn f2_is_clean_with_every_number_of_hbm_ports() {
    for memory in Target::AwsF2.facts().memories.iter().skip(1) {
        check(Target::AwsF2, Some(memory), &[("clock_mhz", "250")]);
    }
}

#[test]
fn f2_with_a_clock_of_its_own_is_clean() {
    check(Target::AwsF2, None, &[("clock_mhz", "125")]);
}

#[test]
fn f1_is_clean_with_every_channel() {
    for memory in Target::AwsF1.facts().memories {
        check(Target::AwsF1, Some(memory), &[("clock_mhz", "250")]);
    }
}
