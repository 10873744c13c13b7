//! The command line: help texts, exit statuses, and what goes where.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;

use std::fs;
use std::process::Command;

use common::{golden, npugen};

fn code(arguments: &[&str]) -> Option<i32> {
    let folder = std::env::temp_dir();
    npugen(&folder, arguments).status.code()
}

#[test]
fn help_of_every_subcommand_has_an_example() {
    let folder = std::env::temp_dir();
    let top = String::from_utf8_lossy(&npugen(&folder, &["--help"]).stdout).into_owned();
    let names = top
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help");
    let mut count = 0;
    for name in names {
        let output = npugen(&folder, &[name, "--help"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{name}");
        assert!(text.contains("Examples:\n  npugen "), "{name} has no example:\n{text}");
        golden(&format!("help/{name}.txt"), &text);
        count += 1;
    }
    assert!(count >= 4, "{top}");
}

#[test]
fn wrong_usage_is_status_2() {
    assert_eq!(code(&[]), Some(2));
    assert_eq!(code(&["make"]), Some(2));
    assert_eq!(code(&["build", "--row", "4"]), Some(2));
    assert_eq!(code(&["build", "--rows", "many"]), Some(2));
    assert_eq!(code(&["build", "--set", "array.rows"]), Some(2));
    assert_eq!(code(&["--version"]), Some(0));
}

#[test]
fn a_missing_file_is_status_1_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = npugen(folder.path(), &["build", "-c", "absent.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    golden("messages/missing_file.txt", &String::from_utf8(output.stderr).unwrap());
}

#[test]
fn an_override_without_a_value_is_explained() {
    let output = npugen(&std::env::temp_dir(), &["build", "--set", "array.rows"]);
    golden("messages/set_without_value.txt", &String::from_utf8(output.stderr).unwrap());
}

#[test]
fn a_foreign_directory_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("mine")).unwrap();
    fs::write(folder.path().join("mine/thesis.txt"), "words").unwrap();
    let output = npugen(folder.path(), &["build", "-c", "tiny", "-o", "mine"]);
    assert_eq!(output.status.code(), Some(6));
    golden("messages/foreign_directory.txt", &String::from_utf8(output.stderr).unwrap());
    assert_eq!(common::files(folder.path()), [std::path::Path::new("mine/thesis.txt")]);
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let output = npugen(folder.path(), &["build", "-c", "tiny", "-o", "file/out"]);
    assert_eq!(output.status.code(), Some(6));
    golden("messages/cannot_write.txt", &String::from_utf8(output.stderr).unwrap());
}

#[test]
fn doctor_without_tools_is_status_4_and_tells_how_to_install() {
    let output = Command::new(env!("CARGO_BIN_EXE_npugen"))
        .arg("doctor")
        .env("PATH", "")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    golden("messages/doctor.txt", &String::from_utf8(output.stdout).unwrap());
    golden("messages/missing_tool.txt", &String::from_utf8(output.stderr).unwrap());
}

#[test]
fn schema_and_completions_go_to_stdout() {
    let folder = std::env::temp_dir();
    let schema = npugen(&folder, &["schema"]);
    let value: serde_json::Value = serde_json::from_slice(&schema.stdout).unwrap();
    assert_eq!(value["properties"]["array"]["properties"]["rows"]["maximum"], 256);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = npugen(&folder, &["completions", shell]);
        assert!(String::from_utf8_lossy(&output.stdout).contains("npugen"), "{shell}");
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn manuals_that_commands_write_are_current() {
    let page = npugen(&std::env::temp_dir(), &["schema", "--markdown"]);
    golden("../docs/config.md", &String::from_utf8(page.stdout).unwrap());
    let page = npugen(&std::env::temp_dir(), &["operators"]);
    golden("../docs/operators.md", &String::from_utf8(page.stdout).unwrap());
    let some = npugen(&std::env::temp_dir(), &["operators", "resize", "Or", "QLINEARCONV"]);
    golden("help/operators_some.txt", &String::from_utf8(some.stdout).unwrap());
    let json = npugen(&std::env::temp_dir(), &["operators", "Resize", "--json"]);
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(value["operators"][0]["activations"], "copies (lanes)");
    assert_eq!(value["operators"].as_array().unwrap().len(), 1);
    let unknown = npugen(&std::env::temp_dir(), &["operators", "Resiz"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("`Resiz` is not read"));
}

#[test]
fn an_unknown_preset_names_the_known_ones() {
    let error = npugen::design::Design::preset("huge").map(|_| ()).unwrap_err();
    assert_eq!(error.exit_status(), 2);
    assert_eq!(error.to_string(), "there is no configuration `huge`");
    let help = miette::Diagnostic::help(&error).map(|text| text.to_string());
    assert!(help.is_some_and(|text| text.contains("default, edge, tiny")));
}

#[test]
fn demo_is_bit_equal_to_onnxruntime_on_the_golden_model() {
    let output = npugen(&std::env::temp_dir(), &["demo", "--golden-only", "--json"]);
    assert!(output.status.success());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["golden"]["pictures"], 359);
    assert_eq!(report["golden"]["bit_equal_to_onnxruntime"], 359);
    assert_eq!(report["golden"]["right"], 355);
}
