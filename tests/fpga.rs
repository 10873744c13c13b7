//! Kits for cards: what stands in them, without running anything of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;

use std::fs;

use common::npugen;
use npugen::config::Override;
use npugen::design::Design;
use npugen::fpga::kit::{CL, package};
use npugen::fpga::rtl::ClOptions;
use npugen::fpga::target::Target;
use npugen::rtl::OutputFile;

fn kit(target: Target, settings: &[(&str, &str)]) -> Vec<OutputFile> {
    let all = settings.iter().chain([&("axi.data_bits", "512")]);
    let overrides: Vec<Override> =
        all.map(|(key, value)| Override::flag(key, (*value).to_owned(), "--set")).collect();
    let design = Design::preset_with("tiny", &overrides).unwrap();
    package(&design, target, ClOptions::new(target, None).unwrap()).unwrap().files().to_vec()
}

fn text<'a>(files: &'a [OutputFile], path: &str) -> &'a str {
    &files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path}")).text
}

#[test]
fn the_same_kit_has_the_same_bytes() {
    for target in Target::ALL {
        assert_eq!(kit(target, &[]), kit(target, &[]));
    }
}

/// The kit copies a flat folder and knows these names only; its script names every file.
#[test]
fn the_design_folder_is_flat_and_named_by_the_encryption() {
    for target in Target::ALL {
        let files = kit(target, &[]);
        let script = text(&files, "cl_npu/build/scripts/encrypt.tcl");
        let prefix = format!("{CL}/design/");
        let mut count = 0;
        for file in files.iter().filter_map(|file| file.path.strip_prefix(&prefix)) {
            assert!(!file.contains('/'), "{file}");
            assert!(file.ends_with(".sv") || file.ends_with(".vh"), "{file}");
            assert!(script.contains(&format!("    {file}")), "{file} is not encrypted");
            count += 1;
        }
        assert!(count > 50, "{count} files");
    }
}

/// The build script of F2 strips the characters of `32'h` and splits at the underscore.
#[test]
fn ids_are_written_as_the_build_scripts_read_them() {
    for target in Target::ALL {
        let files = kit(target, &[]);
        let ids: Vec<&str> = text(&files, "cl_npu/design/cl_id_defines.vh")
            .lines()
            .filter_map(|line| line.strip_prefix("`define CL_SH_ID"))
            .filter_map(|rest| rest.split_once(" 32'h").map(|(_, id)| id))
            .collect();
        assert_eq!(ids.len(), 2);
        for id in ids {
            let (device, vendor) = id.split_once('_').unwrap();
            for half in [device, vendor] {
                let good = |c: char| c.is_ascii_digit() || ('A'..='F').contains(&c);
                assert!(half.len() == 4 && half.chars().all(good), "{id}");
                assert_ne!(half, "0000", "{id}");
            }
            assert!(!device.starts_with(['2', '3']), "{id}");
            assert_ne!(vendor, "8086", "{id}");
        }
    }
}

#[test]
fn constraints_follow_the_clock_and_leave_the_shells_alone() {
    for target in Target::ALL {
        for (mhz, crossing) in [("250", false), ("125", true)] {
            let files = kit(target, &[("clock_mhz", mhz)]);
            let constraints: String = files
                .iter()
                .filter(|file| file.path.ends_with(".xdc"))
                .map(|file| file.text.as_str())
                .collect();
            assert!(!constraints.contains("create_clock"));
            assert_eq!(constraints.contains("set_max_delay -datapath_only"), crossing, "{mhz}");
        }
    }
}

#[test]
fn f1_says_that_it_is_retired() {
    let retired = "AWS retired F1 on 2025-12-20";
    assert!(text(&kit(Target::AwsF1, &[]), "README.md").contains(retired));
    assert!(!text(&kit(Target::AwsF2, &[]), "README.md").contains(retired));
}

#[test]
fn refusals_name_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let large = ["aws-f1", "-c", "aws_f1", "--set", "buffers.ibuf.ram=block"];
    let cases: [(&[&str], i32, &str); 5] = [
        (&large, 1, "1603 RAM36 of 1680 are 96 %, more than 80 % (lower"),
        (&["aws-f2", "-c", "tiny"], 1, "axi.data_bits=512"),
        (&["aws-f2", "-c", "aws_f2", "--memory", "a"], 2, "no memory `a`"),
        (&["aws-f3", "-c", "aws_f2"], 2, "aws-f1 and aws-f2"),
        (&["aws-f2", "-c", "aws_f2", "--set", "clock_mhz=300"], 1, "clock_mhz"),
    ];
    for (arguments, status, words) in cases {
        let output = npugen(folder.path(), &[&["fpga"], arguments].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
