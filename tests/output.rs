//! The output directory: complete, the same every time, and written as a whole.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;

use std::fs;
use std::path::Path;

use common::{files, golden, npugen, root};
use npugen::config::Override;
use npugen::design::{Design, PRESETS};
use npugen::rtl::package::{Manifest, Package};
use sha2::{Digest, Sha256};

fn package(name: &str, set: &[&str]) -> Package {
    let overrides: Vec<Override> = set.iter().filter_map(|text| Override::set(text).ok()).collect();
    let design = Design::preset_with(name, &overrides);
    match design.and_then(|design| Package::new(&design)) {
        Ok(package) => package,
        Err(error) => unreachable!("{name}: {error:?}"),
    }
}

#[test]
fn the_same_design_gives_the_same_bytes() {
    for (name, _) in PRESETS {
        assert_eq!(package(name, &[]).files(), package(name, &[]).files(), "{name}");
    }
}

#[test]
fn two_runs_write_the_same_bytes_and_the_manifest_is_right() {
    let folder = tempfile::tempdir().unwrap();
    for out in ["one", "two"] {
        let output = npugen(folder.path(), &["build", "-c", "edge", "-o", out]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let names = files(&one);
    assert_eq!(names, files(&two));
    for name in &names {
        assert_eq!(fs::read(one.join(name)).unwrap(), fs::read(two.join(name)).unwrap());
    }
    let text = fs::read_to_string(one.join("manifest.json")).unwrap();
    let manifest: Manifest = serde_json::from_str(&text).unwrap();
    assert_eq!(manifest.files.len() + 1, names.len());
    for file in &manifest.files {
        let bytes = fs::read(one.join(&file.path)).unwrap();
        let digest = Sha256::digest(&bytes);
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((file.bytes, &file.sha256), (bytes.len(), &hash), "{}", file.path);
    }
}

#[test]
fn a_rebuild_replaces_its_own_files_and_keeps_others() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    package("tiny", &[]).write_to(&out).unwrap();
    fs::write(out.join("rtl/mine.v"), "// mine").unwrap();
    fs::create_dir_all(out.join("synthesis/run1")).unwrap();
    fs::write(out.join("synthesis/run1/report.txt"), "fine").unwrap();
    fs::write(out.join("files.f"), "damaged").unwrap();
    package("edge", &[]).write_to(&out).unwrap();
    assert_eq!(fs::read_to_string(out.join("rtl/mine.v")).unwrap(), "// mine");
    assert_eq!(fs::read_to_string(out.join("synthesis/run1/report.txt")).unwrap(), "fine");
    assert!(fs::read_to_string(out.join("files.f")).unwrap().contains("rtl/npu_fifo.v"));
    assert!(fs::read_to_string(out.join("config.yaml")).unwrap().contains("name: edge"));
    let rest: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(rest.len(), 1, "temporary files are left over");
}

#[test]
fn the_resolved_configuration_builds_the_same_machine() {
    for (name, _) in PRESETS {
        let design = Design::preset(name).unwrap();
        let package = Package::new(&design).unwrap();
        let config = package.files().iter().find(|file| file.path == "config.yaml").unwrap();
        assert_eq!(Design::from_yaml(&config.text, &[]).unwrap(), design);
    }
}

/// Two designs that differ only in sizes differ only in the files that hold sizes: everything
/// else is decided in Verilog, where simulators check it.
#[test]
fn sizes_change_few_files() {
    let may_differ = ["npu_top.v", "npu_core.v", "npu_csr.v", "npu_decoder.v"];
    let a = package("tiny", &[]);
    let b =
        package("tiny", &["array.rows=8", "array.cols=8", "vector.lanes=8", "axi.data_bits=128"]);
    let rtl = |package: &Package| -> Vec<(String, String)> {
        package
            .files()
            .iter()
            .filter(|file| file.path.starts_with("rtl/"))
            .map(|file| {
                (file.path.clone(), file.text.lines().skip(3).collect::<Vec<_>>().join("\n"))
            })
            .collect()
    };
    for ((path, one), (_, two)) in rtl(&a).into_iter().zip(rtl(&b)) {
        let name = Path::new(&path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        assert!(one == two || may_differ.contains(&name), "{path} depends on sizes");
    }
}

/// What is generated for `tiny` is committed, so that a change of it is read as Verilog. Plain
/// templates are not: their text is the template's, below three lines of banner.
#[test]
fn the_generated_text_of_tiny_is_the_committed_one() {
    let package = package("tiny", &[]);
    let mut expected = Vec::new();
    for file in package.files() {
        let template = fs::read_to_string(root().join("templates").join(&file.path));
        let body: String = file.text.lines().skip(3).map(|line| format!("{line}\n")).collect();
        match template {
            Ok(template) if !["[[ ", "[% ", "[%- "].iter().any(|tag| template.contains(tag)) => {
                assert_eq!(body, template, "{}", file.path);
            }
            // It holds a hash of every template.
            _ if file.path == "manifest.json" => {}
            _ => {
                golden(&format!("snapshots/tiny/{}", file.path), &file.text);
                expected.push(std::path::PathBuf::from(&file.path));
            }
        }
    }
    expected.sort();
    assert_eq!(files(&root().join("tests/snapshots/tiny")), expected, "files of another time");
}

/// The headers and the example of the manual compile as C and as C++, without a warning.
#[test]
fn the_headers_and_the_example_compile() {
    let folder = tempfile::tempdir().unwrap();
    package("tiny", &[]).write_to(&folder.path().join("out")).unwrap();
    let manual = fs::read_to_string(folder.path().join("out/docs/integration.md")).unwrap();
    let example = manual.split("```c\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(example.lines().count() <= 40, "the example grows");
    let both = format!(
        "#include \"npu_isa.h\"\n#include \"npu_regs.h\"\n#include \"npu_isa.h\"\n{example}"
    );
    fs::write(folder.path().join("example.c"), both).unwrap();
    for (compiler, language, standard) in [("cc", "c", "-std=c99"), ("c++", "c++", "-std=c++11")] {
        let Ok(compiler) = which::which(compiler) else {
            assert!(std::env::var_os("CI").is_none(), "no compiler `{compiler}` in CI");
            continue;
        };
        let output = std::process::Command::new(compiler)
            .args(["-x", language, standard, "-Wall", "-Wextra", "-pedantic", "-Werror"])
            .args(["-Iout/sw", "-c", "example.c", "-o", "example.o"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
