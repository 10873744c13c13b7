//! Checks of a program for a design, before anything runs.
//!
//! A program without errors here does not fault on its own account, does not deadlock whatever the
//! timing, and has one result: no two launches race. Faults that depend on data (a weight of
//! -2^(B-1) in a packed cell) and on the host (AXI errors) remain.
//!
//! Order of the checks: words and form, then semaphores, registers and addresses of every launch,
//! then the token simulation, and, when that ends, the order of all accesses. Start reading at
//! [`lint`].

mod finding;
mod form;
mod in_place;
mod launch;
mod races;
#[cfg(test)]
mod tests;
mod tokens;
mod vectors;

pub use finding::{Finding, Rule, Severity};

use crate::design::Design;
use crate::isa::{Call, Flags, Registers, SemMask};
use crate::program::Program;
use crate::program::footprint::{self, Detail, Footprint};
use finding::Findings;

/// What the checks found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Mistakes, at most [`MOST_FINDINGS`].
    pub findings: Vec<Finding>,
    /// Number of launches.
    pub launches: usize,
    /// Largest count each semaphore can reach under any timing.
    pub peaks: [u64; 16],
}

impl Report {
    /// Whether no finding is an error.
    pub fn is_legal(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        Ok(())
    }
}

/// After so many findings the checks stop.
pub const MOST_FINDINGS: usize = 50;

/// Checks a program for a design.
pub fn lint(design: &Design, program: &Program) -> Report {
    let mut findings = Findings::new(program);
    let mut peaks = [0; 16];
    let mut count = 0;
    if let Some(form) = form::check(design, program, &mut findings) {
        count = form.launches.len();
        launch::check(design, program, &form.launches, &mut findings);
        // Beyond this point the program must at least be able to run.
        if findings.list.is_empty() || findings.list.iter().all(|f| f.severity == Severity::Warning)
        {
            in_place::check(design, &form.launches, &mut findings);
            let order = tokens::check(design, program, &form, &mut findings, &mut peaks);
            if let Some(order) = order {
                races::check(design, program, &form.launches, &order, &mut findings);
            }
        }
    }
    findings.list.truncate(MOST_FINDINGS);
    Report { findings: findings.list, launches: count, peaks }
}

/// A launch with everything that decides what it does.
#[derive(Debug)]
struct Launch {
    pc: usize,
    call: Call,
    /// Position of the engine among those with a queue.
    engine: usize,
    wait: SemMask,
    signal: SemMask,
    flags: Flags,
    registers: Registers,
    coarse: Footprint,
}

impl Launch {
    fn exact(&self, design: &Design) -> Footprint {
        footprint::of(design, self.call, self.flags, &self.registers, Detail::Exact)
    }
}

/// What the decoder and the queues see of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Executed by the decoder at once.
    Decoder,
    /// Waits for everything before it.
    Fence,
    /// The end.
    End,
    /// A place in an engine's queue, and the launch when it is one.
    Queue(usize, Option<usize>),
}

/// A program with legal words.
#[derive(Debug)]
struct Form {
    steps: Vec<Step>,
    launches: Vec<Launch>,
    /// Who may use each semaphore.
    owners: [Option<form::Owner>; 16],
}
