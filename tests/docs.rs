//! What the documents say: links lead somewhere, and every example of the help texts and of the
//! README works when it is pasted. Quick ones are run; those that need a simulator are run where
//! there is none, which shows that everything before the simulator is right.

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
use std::process::Command;

use common::{files, npugen, root};

/// Every Markdown file of the project.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    for folder in ["docs", "rtl-tests", "examples", "configs", "python"] {
        let folder = root().join(folder);
        if folder.is_dir() {
            pages.extend(files(&folder).into_iter().map(|name| folder.join(name)));
        }
    }
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    assert!(pages.len() >= 5, "{pages:?}");
    pages
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut count = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for rest in text.split("](").skip(1) {
            let target = rest.split(')').next().unwrap();
            let path = target.split('#').next().unwrap();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let full = page.parent().unwrap().join(path);
            assert!(full.exists(), "{}: `{target}` leads nowhere", page.display());
            count += 1;
        }
    }
    assert!(count >= 10, "only {count} links were found");
}

/// Paths in backquotes, such as `docs/isa.md`, in the README and the pages beside it.
#[test]
fn files_that_pages_name_exist() {
    let folders = ["docs/", "scripts/", "src/", "configs/", "templates/", "tests/", "examples/"];
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for quoted in text.split('`').skip(1).step_by(2) {
            let path = quoted.split([' ', ':']).next().unwrap_or_default();
            let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
            let generated = path == "docs/resources.md" || path == "docs/integration.md";
            if plain && !generated && folders.iter().any(|folder| path.starts_with(folder)) {
                assert!(root().join(path).exists(), "{}: there is no `{path}`", page.display());
            }
        }
    }
}

/// What is between the markers of a generated section is what the library writes today.
#[test]
fn generated_sections_are_current() {
    let sections = [
        ("docs/numerics.md", "functions", npugen::functions::manual()),
        ("docs/extensions.md", "expressions", npugen::expr::manual()),
        ("docs/graph.md", "passes", npugen::graph::passes::manual()),
    ];
    for (page, name, expected) in sections {
        let path = root().join(page);
        let page = fs::read_to_string(&path).unwrap();
        let (start, end) =
            (format!("<!-- generated: {name} -->\n"), format!("<!-- end: {name} -->"));
        let (before, rest) = page.split_once(&start).unwrap();
        let (found, after) = rest.split_once(&end).unwrap();
        if std::env::var_os("NPUGEN_BLESS").is_some() {
            fs::write(&path, [before, &start, &expected, &end, after].concat()).unwrap();
        } else {
            assert_eq!(found, expected, "{}: run scripts/bless.sh", path.display());
        }
    }
}

/// The commands of a text: its lines that begin with `npugen`, without remarks behind them.
fn commands(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim_start();
            let line = line.strip_prefix("cargo run --release -- ").map_or_else(
                || line.strip_prefix("npugen ").map(str::to_owned),
                |rest| Some(rest.to_owned()),
            )?;
            Some(line.split("  ").next().unwrap_or_default().trim_end().to_owned())
        })
        .collect()
}

/// Whether a command needs a simulator or would write outside its folder.
fn kind(command: &str) -> Kind {
    let simulated = ["bench", "compare", "explain", "fuzz", "test-extension"]
        .iter()
        .any(|name| command.starts_with(name))
        || command.starts_with("demo") && !command.contains("--golden-only")
        || command.contains("--on rtl");
    if command.contains("~/") {
        Kind::Print
    } else if simulated && !command.contains("--on golden") {
        Kind::Simulated
    } else {
        Kind::Quick
    }
}

enum Kind {
    Quick,
    Simulated,
    /// Printed to a place that is not ours.
    Print,
}

fn run(folder: &Path, command: &str) {
    let program = env!("CARGO_BIN_EXE_npugen");
    let (line, path, expected) = match kind(command) {
        Kind::Quick => (command.to_owned(), None, 0),
        Kind::Simulated => (command.to_owned(), Some(""), 4),
        Kind::Print => (command.split('>').next().unwrap().to_owned(), None, 0),
    };
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("{program} {line}")]).current_dir(folder).env("NO_COLOR", "1");
    if let Some(path) = path {
        shell.env("PATH", path);
    }
    let output = shell.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    // The doctor may find something missing here.
    let doctor = line.starts_with("doctor") && output.status.code() == Some(4);
    assert!(output.status.code() == Some(expected) || doctor, "npugen {line}: {told}");
}

/// An empty folder but for the configurations of the project.
#[cfg(unix)]
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("configs"), folder.path().join("configs")).unwrap();
    std::os::unix::fs::symlink(root().join("tests"), folder.path().join("tests")).unwrap();
    folder
}

#[cfg(unix)]
#[test]
fn examples_of_the_help_texts_work() {
    let folder = folder();
    // Programs are made first.
    let names = "asm build compile run explain compare disasm lint demo bench fuzz function graph quantize test-extension operators schema doctor completions fpga";
    let help =
        |name: &str| String::from_utf8(npugen(folder.path(), &[name, "--help"]).stdout).unwrap();
    let mut count = 0;
    for name in names.split(' ') {
        let text = help(name);
        let examples = text.split_once("Examples:\n").unwrap().1.split("\n\n").next().unwrap();
        for command in commands(examples) {
            run(folder.path(), &command);
            count += 1;
        }
    }
    assert!(count >= 30, "only {count} examples");
    let top = String::from_utf8(npugen(folder.path(), &["--help"]).stdout).unwrap();
    for line in top.lines().skip_while(|line| *line != "Commands:").skip(1) {
        let Some(name) = line.split_whitespace().next() else { break };
        let tried = name == "help" || names.split(' ').any(|known| known == name);
        assert!(tried, "`{name}` is not among those tried");
    }
}

#[cfg(unix)]
#[test]
fn commands_of_the_readme_work() {
    let folder = folder();
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let mut all: Vec<String> = text.split("```").skip(1).step_by(2).flat_map(commands).collect();
    let plain = text.split("```").step_by(2).collect::<String>();
    all.extend(plain.split('`').skip(1).step_by(2).flat_map(commands));
    let mut count = 0;
    for command in all {
        // Placeholders and names of subcommands alone.
        if command.contains("PROGRAM") || command.contains("...") || !command.contains(' ') {
            continue;
        }
        run(folder.path(), &command);
        count += 1;
    }
    assert!(count >= 7, "only {count} commands");
    for name in ["scripts/test.sh", "scripts/regress.sh"] {
        assert!(text.contains(name));
        let mode = fs::metadata(root().join(name)).unwrap().permissions();
        assert_ne!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o111, 0, "{name}");
    }
}

/// Completion scripts are accepted by the shells that are here.
#[cfg(unix)]
#[test]
fn completions_load() {
    let folder = tempfile::tempdir().unwrap();
    for (shell, arguments) in [
        ("bash", &["--norc", "-c", "source ./bash && complete -p npugen"][..]),
        ("zsh", &["-f", "-c", "autoload -U compinit && compinit -D && source ./zsh"]),
        ("fish", &["--no-config", "-c", "source ./fish; complete -C 'npugen bu' | grep build"]),
    ] {
        let Ok(program) = which::which(shell) else {
            eprintln!("skipped: no {shell} here");
            continue;
        };
        let script = npugen(folder.path(), &["completions", shell]).stdout;
        fs::write(folder.path().join(shell), script).unwrap();
        let mut command = Command::new(program);
        let output = command.args(arguments).current_dir(folder.path()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && told.is_empty(), "{shell}: {told}");
    }
}
