//! Keeps a failing program, so that it can be repeated and becomes a test.

use std::path::{Path, PathBuf};

use super::machine::{Kind, Machine, memory};
use crate::error::Error;
use crate::exec::fuzz::Case;
use crate::files;
use crate::program::disasm;

/// Writes the program as assembly and its configuration beside it. The first line is the command
/// that repeats it, then comes what was wrong.
pub fn save(
    directory: &Path,
    machine: &Machine,
    case: &Case,
    kind: &Kind,
    seed: u64,
    reason: &str,
) -> Result<PathBuf, Error> {
    let design = &machine.design;
    let name = design.name();
    let configuration = directory.join(format!("{name}.yaml"));
    files::write(&configuration, design.canonical().as_bytes())?;
    let dram = memory(design, seed);
    let mut command = format!(
        "npugen compare {name}_seed_{seed}.npuasm -c {name}.yaml --latency {} --stalls {} \
         --dram-seed {seed}",
        dram.latency, dram.stalls.r
    );
    for (holds, flag) in [(dram.interleave, "--interleave"), (machine.misaligned(), "--misalign")] {
        if holds {
            command = format!("{command} {flag}");
        }
    }
    let mut text = format!("; {command}\n");
    if let Kind::BusError(_) = kind {
        text += "; fails with an error on the bus only\n";
    }
    text.extend(reason.lines().map(|line| format!("; {}\n", line.trim_end())));
    let program = machine.program(case, kind)?;
    // The configuration is in its own file and the fingerprint follows from it.
    for line in disasm::disassemble(&program, disasm::Options::default()).lines() {
        if line.starts_with(".config ") {
            continue;
        }
        if line.starts_with(".npu ") {
            text += &format!(".npu \"{name}\"\n");
        } else {
            text += line;
            text.push('\n');
        }
    }
    let path = directory.join(format!("{name}_seed_{seed}.npuasm"));
    files::write(&path, text.as_bytes())?;
    Ok(path)
}
