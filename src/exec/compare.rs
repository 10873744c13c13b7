//! Runs a program on two executors and finds the first difference.

use super::{Cause, ExecError, Executor, Fault, RunReport};
use crate::isa::{Engine, Instruction};
use crate::program::{Names, Program, RegionKind, disasm};

/// Launches of an engine that may overlap, at most.
const IN_FLIGHT: usize = 10;

/// Bytes a host writes before a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Base register of the region.
    pub region: u8,
    /// Offset in the region.
    pub offset: u64,
    /// Content.
    pub bytes: Vec<u8>,
}

/// In what two runs differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A byte of a region.
    Memory {
        /// Name of the region.
        buffer: String,
        /// Offset of the byte.
        element: u64,
        /// How many bytes of the region differ.
        count: u64,
        /// Where the launch took the byte from, when it is known.
        source: Option<String>,
    },
    /// An engine's sequence of retired launches.
    Trace {
        /// The engine.
        engine: Engine,
        /// How many launches agree before the difference.
        after: usize,
    },
    /// The fault, or its absence.
    Fault,
}

/// The first difference of two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// What differs.
    pub difference: Difference,
    /// Position of the launch it goes back to, when it is known.
    pub pc: Option<usize>,
    /// That launch in words.
    pub instruction: String,
    /// What it is for.
    pub provenance: String,
    /// What the reference says.
    pub expected: String,
    /// What the other says.
    pub got: String,
    /// When the launch retired in the other run.
    pub cycle: Option<u64>,
    /// Cycles worth looking at in a waveform.
    pub window: Option<(u64, u64)>,
}

impl std::fmt::Display for Divergence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.difference {
            Difference::Memory { buffer, element, count, .. } => write!(
                f,
                "first difference: byte {element} of region `{buffer}` ({count} bytes differ)"
            )?,
            Difference::Trace { engine, after } => write!(
                f,
                "first difference: what `{}` retires after {after} launches",
                engine.name()
            )?,
            Difference::Fault => write!(f, "first difference: how the run ends")?,
        }
        write!(f, "\n  expected     {}\n  got          {}", self.expected, self.got)?;
        if let Some(pc) = self.pc {
            write!(f, "\n  instruction  {pc}: {}", self.instruction)?;
        }
        if !self.provenance.is_empty() {
            write!(f, "\n  made for     {}", self.provenance)?;
        }
        if let Difference::Memory { source: Some(source), .. } = &self.difference {
            write!(f, "\n  source       {source}")?;
        }
        if let Some(cycle) = self.cycle {
            write!(f, "\n  retired at   cycle {cycle}")?;
        }
        if let Some((from, to)) = self.window {
            write!(f, "\n  window       cycles {from} to {to}")?;
        }
        Ok(())
    }
}

/// Two runs side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Run of the reference.
    pub reference: RunReport,
    /// Run of the other.
    pub candidate: RunReport,
    /// Bytes compared.
    pub bytes: u64,
    /// The first difference, if there is one.
    pub divergence: Option<Divergence>,
}

/// Loads and runs `program` on both and compares faults, retire traces and the content of every
/// region the program may write.
pub fn compare(
    program: &Program,
    inputs: &[Input],
    reference: &mut dyn Executor,
    candidate: &mut dyn Executor,
) -> Result<Comparison, ExecError> {
    let reference_report = run(program, inputs, reference)?;
    let candidate_report = run(program, inputs, candidate)?;
    let (divergence, bytes) =
        examine(program, reference, &reference_report, candidate, &candidate_report)?;
    Ok(Comparison { reference: reference_report, candidate: candidate_report, bytes, divergence })
}

/// Loads a program, writes its inputs and runs it.
pub fn run(
    program: &Program,
    inputs: &[Input],
    executor: &mut dyn Executor,
) -> Result<RunReport, ExecError> {
    executor.load(program)?;
    for input in inputs {
        executor.write(input.region, input.offset, &input.bytes)?;
    }
    executor.run()
}

/// Compares two runs that have taken place. Returns the number of bytes compared as well.
pub fn examine(
    program: &Program,
    reference: &dyn Executor,
    reference_report: &RunReport,
    candidate: &dyn Executor,
    candidate_report: &RunReport,
) -> Result<(Option<Divergence>, u64), ExecError> {
    if let Some(divergence) = fault_difference(program, reference_report, candidate_report) {
        return Ok((Some(divergence), 0));
    }
    if reference_report.fault.is_some() {
        // After a fault the content of memory is not defined.
        return Ok((None, 0));
    }
    if let Some(divergence) = trace_difference(program, reference_report, candidate_report) {
        return Ok((Some(divergence), 0));
    }
    let mut compared = 0;
    let kinds = [RegionKind::Output, RegionKind::Scratch, RegionKind::Input, RegionKind::Weights];
    for kind in kinds {
        for region in program.regions.iter().filter(|region| region.kind == kind) {
            let expected = reference.read(region.base, 0, region.size)?;
            let got = candidate.read(region.base, 0, region.size)?;
            compared += region.size;
            let differing = |(a, b): (&u8, &u8)| a != b;
            let Some(first) = expected.iter().zip(&got).position(differing) else {
                continue;
            };
            let count = expected.iter().zip(&got).filter(|&(a, b)| a != b).count();
            let blame = reference.blame(region.base, first as u64);
            let pc = blame.as_ref().map(|blame| blame.producer.unwrap_or(blame.pc));
            let byte = |bytes: &[u8]| {
                bytes.get(first).map_or_else(String::new, |&byte| {
                    format!("{byte:#04x} ({})", byte.cast_signed())
                })
            };
            let difference = Difference::Memory {
                buffer: region.name.clone(),
                element: first as u64,
                count: count as u64,
                source: blame.map(|blame| format!("{} (stored by {})", blame.source, blame.pc)),
            };
            let divergence =
                describe(program, difference, pc, byte(&expected), byte(&got), candidate_report);
            return Ok((Some(divergence), compared));
        }
    }
    Ok((None, compared))
}

fn fault_difference(
    program: &Program,
    reference: &RunReport,
    candidate: &RunReport,
) -> Option<Divergence> {
    let same = match (reference.fault, candidate.fault) {
        (None, None) => true,
        (Some(a), Some(b)) => same_fault(program, a, b),
        _ => false,
    };
    if same {
        return None;
    }
    let text = |fault: Option<Fault>| fault.map_or("no fault".to_owned(), |f| f.to_string());
    let pc = candidate.fault.or(reference.fault).map(|fault| fault.pc);
    let (expected, got) = (text(reference.fault), text(candidate.fault));
    Some(describe(program, Difference::Fault, pc, expected, got, candidate))
}

/// Whether two faults are one. The address is a help for people: which of several offending ones
/// comes first is a matter of time. So is, where launches overlap, which launch is the oldest: the
/// offending one or one of those before it that may be in flight. A machine that stands still
/// blames its decoder, where a model without time knows the launch that cannot start.
fn same_fault(program: &Program, reference: Fault, candidate: Fault) -> bool {
    if reference.cause != candidate.cause {
        return false;
    }
    if reference.cause == Cause::Watchdog {
        return true;
    }
    let exact = matches!(reference.cause, Cause::Configuration) || reference.engine == Engine::Ctrl;
    let launch = |pc: &usize| {
        let word = program.code.get(*pc).map(|&word| Instruction::decode(*pc, word));
        matches!(word, Some(Ok(Instruction::Run { call, .. })) if call.engine == reference.engine)
    };
    let older = (0..reference.pc).rev().filter(launch).take(IN_FLIGHT - 1);
    reference.engine == candidate.engine
        && (reference.pc == candidate.pc
            || !exact && older.into_iter().any(|pc| pc == candidate.pc))
}

fn trace_difference(
    program: &Program,
    reference: &RunReport,
    candidate: &RunReport,
) -> Option<Divergence> {
    for engine in Engine::QUEUED {
        let mut expected = reference.retired_by(engine);
        let mut got = candidate.retired_by(engine);
        let mut after = 0;
        loop {
            let (a, b) = (expected.next(), got.next());
            if a != b {
                let text = |pc: Option<usize>| {
                    pc.map_or("nothing".to_owned(), |pc| format!("instruction {pc}"))
                };
                let difference = Difference::Trace { engine, after };
                return Some(describe(program, difference, a.or(b), text(a), text(b), candidate));
            }
            if a.is_none() {
                break;
            }
            after += 1;
        }
    }
    None
}

fn describe(
    program: &Program,
    difference: Difference,
    pc: Option<usize>,
    expected: String,
    got: String,
    candidate: &RunReport,
) -> Divergence {
    let retired = pc.and_then(|pc| candidate.retired.iter().find(|r| r.pc == pc));
    let cycle = retired.and_then(|retirement| retirement.cycle);
    let before = retired.and_then(|retirement| {
        candidate
            .retired
            .iter()
            .take_while(|r| r.pc != retirement.pc)
            .filter(|r| r.engine == retirement.engine)
            .last()
            .and_then(|r| r.cycle)
    });
    Divergence {
        difference,
        pc,
        instruction: pc.map_or_else(String::new, |pc| instruction_text(program, pc)),
        provenance: pc.map_or("", |pc| program.provenance.at(pc)).to_owned(),
        expected,
        got,
        cycle,
        window: cycle.map(|to| (before.unwrap_or(0), to)),
    }
}

/// An instruction in words.
pub fn instruction_text(program: &Program, pc: usize) -> String {
    match program.code.get(pc) {
        Some(&word) => disasm::statement(&Names::of(&program.target), pc, word),
        None => "behind the end of the program".to_owned(),
    }
}
