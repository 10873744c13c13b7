//! The subcommands for programs: asm, disasm, lint.

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
use std::process::Output;

use common::{golden, npugen};

const TEXT: &str = ".npu \"tiny\"\n.region 0 input 64 \"picture\"\n.data 01 02 03\n.region 1 output 64 \"copy\"\n\
    .note \"in\"\nset load.shape run_bytes=4 group_bytes=4\nset ctrl.sem index=0 producer=load consumer=store\n\
    run load.ibuf signal=s0\n.note \"out\"\nset store.dram base=1\nset store.shape run_bytes=4 group_bytes=4\nrun store.ibuf wait=s0\nend\n";

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder with `copy.npuasm` and the program made of it.
fn assembled(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("copy.npuasm"), text).unwrap();
    let output = npugen(folder.path(), &["asm", "copy.npuasm", "-c", "tiny"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
    assert!(stderr(&output).starts_with("wrote copy.npu: 7 instructions for tiny, fingerprint "));
    folder
}

/// Status and stderr of a run in `folder`, which must not create anything.
fn failing(folder: &Path, arguments: &[&str], name: &str) {
    let before = common::files(folder);
    let output = npugen(folder, arguments);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    golden(&format!("messages/{name}.txt"), &stderr(&output));
    assert_eq!(common::files(folder), before);
}

#[test]
fn disasm_and_asm_undo_each_other() {
    let folder = assembled(TEXT);
    let shown = npugen(folder.path(), &["disasm", "copy.npu", "--no-data"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("\n; 3 bytes of data left out\n"), "{shown}");
    assert!(
        shown.contains("\n.note \"in\"\nset load.shape run_bytes=4 group_bytes=4\n"),
        "{shown}"
    );
    let output = npugen(folder.path(), &["disasm", "copy.npu", "-o", "again.npuasm"]);
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(0), true));
    // Without a configuration: the text carries its own.
    let output = npugen(folder.path(), &["asm", "again.npuasm"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let [first, again] =
        ["copy.npu", "again.npu"].map(|name| fs::read(folder.path().join(name)).unwrap());
    assert_eq!(first, again);
}

#[test]
fn lint_tells_findings_on_stdout() {
    let folder = assembled(TEXT);
    for file in ["copy.npu", "copy.npuasm"] {
        let arguments =
            if file == "copy.npu" { vec!["lint", file] } else { vec!["lint", file, "-c", "tiny"] };
        let output = npugen(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(output.stdout.is_empty());
        assert_eq!(stderr(&output), format!("{file}: 7 instructions, 2 launches, 0 warnings\n"));
    }
    let racing = assembled(&TEXT.replace(" signal=s0", "").replace(" wait=s0", ""));
    let output = npugen(racing.path(), &["lint", "copy.npu"]);
    assert_eq!(output.status.code(), Some(1));
    golden("messages/lint_findings.txt", &String::from_utf8(output.stdout.clone()).unwrap());
    golden("messages/lint_errors.txt", &stderr(&output));
}

#[test]
fn assembly_mistakes_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let text = TEXT.replace("group_bytes", "groupbytes").replace("wait=s0", "wait=0");
    fs::write(folder.path().join("bad.npuasm"), text).unwrap();
    failing(folder.path(), &["asm", "bad.npuasm", "-c", "tiny"], "assembly_mistakes");
    fs::write(folder.path().join("bare.npuasm"), "end\n").unwrap();
    failing(folder.path(), &["asm", "bare.npuasm"], "assembly_without_design");
    failing(folder.path(), &["asm", "absent.npuasm", "-c", "tiny"], "assembly_absent");
}

#[test]
fn unusable_program_files_are_told_apart() {
    let folder = assembled(TEXT);
    let path = |name: &str| folder.path().join(name);
    let bytes = fs::read(path("copy.npu")).unwrap();
    fs::write(path("short.npu"), &bytes[..bytes.len() / 2]).unwrap();
    failing(folder.path(), &["disasm", "short.npu"], "program_truncated");
    fs::write(path("foreign.npu"), "name: tiny\n").unwrap();
    failing(folder.path(), &["lint", "foreign.npu"], "program_foreign");
    let mut damaged = bytes.clone();
    damaged[100] ^= 1;
    fs::write(path("damaged.npu"), &damaged).unwrap();
    let output = npugen(folder.path(), &["disasm", "damaged.npu"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("damaged: the checksum of the content"),
        "{}",
        stderr(&output)
    );
    fs::write(path("other.yaml"), "name: other\narray: {rows: 8, cols: 8}\n").unwrap();
    let output = npugen(folder.path(), &["lint", "copy.npu", "-c", "other.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    assert!(told.contains("the program is made for `tiny`"), "{told}");
    assert!(told.contains("array.rows: hardware 8, program 4"), "{told}");
}

#[test]
fn the_manual_of_the_instructions_is_current() {
    golden("../docs/isa.md", &npugen::isa::manual(&[]));
    golden(
        "../docs/registers.md",
        &npugen::rtl::csr_text::manual(npugen::isa::Engine::QUEUED.len()),
    );
}
