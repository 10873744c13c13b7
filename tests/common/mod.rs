//! What several test files share: running the program and comparing with committed files.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stop at the first surprise"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs npugen in a directory.
pub fn npugen(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_npugen"))
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

/// Compares a text with a committed file; `scripts/bless.sh` rewrites the file instead.
pub fn golden(path: &str, text: &str) {
    let file = root().join("tests").join(path);
    if std::env::var_os("NPUGEN_BLESS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    if expected != text {
        let line = expected.lines().zip(text.lines()).take_while(|(a, b)| a == b).count();
        panic!(
            "tests/{path} differs from line {}:\n expected {:?}\n got      {:?}\nscripts/bless.sh accepts the new text",
            line + 1,
            expected.lines().nth(line),
            text.lines().nth(line),
        );
    }
}

/// All files below a folder, sorted, as paths relative to it.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(&current).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}
