//! The search for the first wrong word: the RTL runs in a debug build while the golden model
//! executes launches in the order in which the RTL retires them. After each retirement the words
//! the launch wrote are compared.
//!
//! A later launch of the same engine may already have written over a word when its writer retires.
//! A difference therefore counts only if no launch that can have been under way writes that word.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::executor::{Rtl, RtlOptions, TraceWindow};
use super::model::RamArray;
use super::session::Session;
use super::wave::Wave;
use crate::design::{BankedBuffer, Design};
use crate::exec::compare::{Input, instruction_text};
use crate::exec::{ExecError, Executor};
use crate::golden::{Machine, Memory, Place};
use crate::isa::Engine;
use crate::program::Program;

/// Cycles between a retirement and the moment its words must stand in the RAM arrays.
const SETTLE: u64 = 8;

/// Cycles of waveform before the launch's predecessor retired, and after the difference.
const MARGIN: u64 = 50;

/// Longest waveform, in cycles.
const LONGEST: u64 = 20_000;

/// The first wrong word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Position of the launch.
    pub pc: usize,
    /// The launch in words.
    pub instruction: String,
    /// What it is for.
    pub provenance: String,
    /// Where the word is: "IBUF word 17".
    pub place: String,
    /// Which element of the word.
    pub element: usize,
    /// What the golden model has.
    pub expected: i64,
    /// What the RTL has.
    pub got: i64,
    /// When the launch retired.
    pub cycle: u64,
    /// Waveform around the launch.
    pub wave: Option<(PathBuf, u64, u64)>,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "first wrong word: {}, element {}\n  expected     {}\n  got          {}\n  instruction  {}: {}",
            self.place, self.element, self.expected, self.got, self.pc, self.instruction
        )?;
        if !self.provenance.is_empty() {
            write!(f, "\n  made for     {}", self.provenance)?;
        }
        write!(f, "\n  retired at   cycle {}", self.cycle)?;
        if let Some((path, from, to)) = &self.wave {
            write!(
                f,
                "\n  waveform     {}, cycles {from} to {to} (time is twice the cycle)",
                path.display()
            )?;
        }
        Ok(())
    }
}

/// How the search ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every word of every retired launch was right.
    Equal,
    /// A word was wrong.
    Wrong(Finding),
    /// The RTL retired a launch the golden model could not.
    Refused {
        /// Position of the launch.
        pc: usize,
        /// When it retired.
        cycle: u64,
        /// Why.
        reason: String,
    },
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Equal => f.write_str("every word written on chip was right"),
            Outcome::Wrong(finding) => finding.fmt(f),
            Outcome::Refused { pc, cycle, reason } => {
                write!(f, "instruction {pc} retired at cycle {cycle}, but {reason}")
            }
        }
    }
}

/// Words of a buffer with what they should hold.
#[derive(Debug)]
struct Check {
    due: u64,
    cycle: u64,
    engine: Engine,
    pc: usize,
    words: Vec<(Place, usize, Vec<i64>)>,
}

/// A difference that a later launch may explain.
#[derive(Debug)]
struct Suspect {
    finding: Finding,
    engine: Engine,
    place: Place,
    word: usize,
    /// Retirements of the engine until the difference counts.
    left: usize,
}

/// Runs the RTL and the golden model side by side and writes a waveform of the first difference.
pub fn search(
    design: &Design,
    program: &Program,
    inputs: &[Input],
    options: &RtlOptions,
    wave: Option<&Path>,
) -> Result<Outcome, ExecError> {
    let mut outcome = walk(design, program, inputs, options, None)?;
    if let (Outcome::Wrong(finding), Some(path)) = (&mut outcome, wave) {
        let to = finding.cycle + MARGIN;
        let from = finding.wave.as_ref().map_or(0, |window| window.1);
        let from = from.saturating_sub(MARGIN).max(to.saturating_sub(LONGEST));
        let window = TraceWindow { from, to, path: path.to_path_buf() };
        walk(design, program, inputs, options, Some(window))?;
        let written = Wave::read(path, &[])?;
        finding.wave = Some((path.to_path_buf(), written.first, written.last));
    } else if let Outcome::Wrong(finding) = &mut outcome {
        finding.wave = None;
    }
    Ok(outcome)
}

fn walk(
    design: &Design,
    program: &Program,
    inputs: &[Input],
    options: &RtlOptions,
    trace: Option<TraceWindow>,
) -> Result<Outcome, ExecError> {
    let mut options = options.clone();
    options.build.flavour = super::build::Flavour::Debug;
    let last_cycle = trace.as_ref().map(|window| window.to);
    options.trace = trace;
    let mut rtl = Rtl::new(design, options)?;
    let mut machine = Machine::new(design);
    rtl.load(program)?;
    machine.load(program)?;
    for input in inputs {
        rtl.write(input.region, input.offset, &input.bytes)?;
        let offset = i64::try_from(input.offset).unwrap_or(i64::MAX);
        if let Ok(bytes) = machine.memory_mut().region_mut(input.region, offset, input.bytes.len())
        {
            bytes.copy_from_slice(&input.bytes);
        }
    }
    machine.start();
    let origin = rtl.session().cycle();
    let mut walker = Walker::new(design, program, machine, rtl.session());
    rtl.run_observed(&mut |session| match last_cycle {
        Some(last) => session.cycle() <= origin + last + MARGIN * 20,
        None => walker.look(session),
    })?;
    Ok(walker.end(rtl.session()))
}

struct Walker<'p> {
    program: &'p Program,
    machine: Machine,
    arrays: Arrays,
    seen: usize,
    /// Cycle of the first retirement's origin, found at the first look.
    origin: Option<u64>,
    /// When each engine last retired a launch.
    before: [u64; Engine::QUEUED.len()],
    checks: VecDeque<Check>,
    suspects: Vec<Suspect>,
    max_launches: usize,
    outcome: Option<Outcome>,
}

impl<'p> Walker<'p> {
    fn new(design: &Design, program: &'p Program, machine: Machine, session: &Session) -> Self {
        Self {
            program,
            machine,
            arrays: Arrays::find(design, session),
            seen: 0,
            origin: None,
            before: [0; Engine::QUEUED.len()],
            checks: VecDeque::new(),
            suspects: Vec::new(),
            max_launches: design.max_launches(),
            outcome: None,
        }
    }

    /// After every cycle; false ends the run.
    fn look(&mut self, session: &Session) -> bool {
        let origin = *self.origin.get_or_insert(session.cycle() - 1);
        while let Some(event) = session.retired().get(self.seen) {
            self.seen += 1;
            let cycle = event.cycle - origin;
            if !self.retire(Engine::QUEUED[event.engine], event.pc as usize, cycle) {
                return false;
            }
        }
        self.check(session, session.cycle().saturating_sub(origin));
        self.outcome.is_none()
    }

    /// Lets the golden model execute a launch and notes what it wrote.
    fn retire(&mut self, engine: Engine, pc: usize, cycle: u64) -> bool {
        let spans = match self.machine.retire(pc) {
            Ok(executed) => executed.writes.spans().to_vec(),
            Err(error) => {
                self.outcome = Some(Outcome::Refused { pc, cycle, reason: error.to_string() });
                return false;
            }
        };
        for suspect in &mut self.suspects {
            if suspect.engine == engine {
                suspect.left = suspect.left.saturating_sub(1);
            }
        }
        self.suspects.retain(|suspect| {
            let rewritten = spans.iter().any(|span| {
                span.place == suspect.place && (span.start..span.end).contains(&suspect.word)
            });
            !(suspect.engine == engine && rewritten)
        });
        let memory = self.machine.memory();
        let mut words = Vec::new();
        for span in spans.iter().filter(|span| self.arrays.knows(span.place)) {
            for word in span.start..span.end {
                if let Some(values) = golden_word(memory, span.place, word) {
                    words.push((span.place, word, values));
                }
            }
        }
        self.checks.push_back(Check { due: cycle + SETTLE, cycle, engine, pc, words });
        true
    }

    /// Compares what is due.
    fn check(&mut self, session: &Session, now: u64) {
        while self.checks.front().is_some_and(|check| check.due <= now) {
            let Some(check) = self.checks.pop_front() else { break };
            self.compare(session, &check);
        }
        if let Some(index) = self.suspects.iter().position(|suspect| suspect.left == 0) {
            let finding = self.suspects.swap_remove(index).finding;
            self.outcome = Some(Outcome::Wrong(finding));
        }
    }

    fn compare(&mut self, session: &Session, check: &Check) {
        let index = check.engine.queue_index().unwrap_or(0);
        let before = std::mem::replace(&mut self.before[index], check.cycle);
        for (place, word, expected) in &check.words {
            let bits = self.arrays.element_bits(*place);
            let Some(got) = self.arrays.word(session, *place, *word, expected.len(), bits) else {
                continue;
            };
            let Some(element) = expected.iter().zip(&got).position(|(a, b)| a != b) else {
                continue;
            };
            // A launch that has retired since may have written the word: its own check will tell.
            let rewritten = self.checks.iter().any(|later| {
                later.engine == check.engine
                    && later.words.iter().any(|w| w.0 == *place && w.1 == *word)
            });
            if rewritten {
                continue;
            }
            let finding = Finding {
                pc: check.pc,
                instruction: instruction_text(self.program, check.pc),
                provenance: self.program.provenance.at(check.pc).to_owned(),
                place: format!("{place} word {word}"),
                element,
                expected: expected[element],
                got: got[element],
                cycle: check.cycle,
                wave: Some((PathBuf::new(), before, check.cycle)),
            };
            let left = self.max_launches;
            let (place, word, engine) = (*place, *word, check.engine);
            self.suspects.push(Suspect { finding, engine, place, word, left });
            return;
        }
    }

    /// At the end of the run nothing is left that could explain a difference.
    fn end(mut self, session: &Session) -> Outcome {
        if let Some(outcome) = self.outcome.take() {
            return outcome;
        }
        self.check(session, u64::MAX);
        match self.outcome.take() {
            Some(outcome) => outcome,
            None if self.suspects.is_empty() => Outcome::Equal,
            None => Outcome::Wrong(self.suspects.swap_remove(0).finding),
        }
    }
}

/// Elements of a word in the golden model. Accumulators are left out: they are defined only
/// between launches that keep them.
fn golden_word(memory: &Memory, place: Place, word: usize) -> Option<Vec<i64>> {
    let wide = |values: &[i32]| values.iter().map(|&value| i64::from(value)).collect();
    let narrow = |values: &[i16]| values.iter().map(|&value| i64::from(value)).collect();
    match place {
        Place::Ibuf => memory.ibuf_word(word).ok().map(narrow),
        Place::Wbuf => memory.wbuf_word(word).ok().map(narrow),
        Place::Vmem => memory.vmem_word(word).ok().map(wide),
        Place::Pbuf => memory
            .pbuf_word(word)
            .ok()
            .map(|(bias, scale)| bias.iter().chain(scale).map(|&value| i64::from(value)).collect()),
        Place::Table | Place::Coeff | Place::Obuf | Place::Region(_) => None,
    }
}

/// Which RAM arrays hold which buffer.
#[derive(Debug)]
struct Arrays {
    ibuf: Vec<RamArray>,
    vmem: Vec<RamArray>,
    wbuf: Vec<RamArray>,
    pbuf: Vec<RamArray>,
    ibuf_layout: BankedBuffer,
    activation_bits: usize,
    weight_bits: usize,
}

impl Arrays {
    fn find(design: &Design, session: &Session) -> Arrays {
        let all = session.model().ram_arrays();
        let banks = |instance: &str| {
            let part = format!(".{instance}.");
            let mut found: Vec<(usize, RamArray)> = all
                .iter()
                .filter(|array| array.path.contains(&part))
                .map(|array| (bank_number(&array.path), array.clone()))
                .collect();
            found.sort_by_key(|entry| entry.0);
            found.into_iter().map(|entry| entry.1).collect()
        };
        Arrays {
            ibuf: banks("u_ibuf"),
            vmem: banks("u_vmem"),
            wbuf: banks("u_wbuf"),
            pbuf: banks("u_pbuf"),
            ibuf_layout: *design.ibuf(),
            activation_bits: design.activation_bits(),
            weight_bits: design.weight_bits(),
        }
    }

    fn banks(&self, place: Place) -> &[RamArray] {
        match place {
            Place::Ibuf => &self.ibuf,
            Place::Vmem => &self.vmem,
            Place::Wbuf => &self.wbuf,
            Place::Pbuf => &self.pbuf,
            Place::Table | Place::Coeff | Place::Obuf | Place::Region(_) => &[],
        }
    }

    fn knows(&self, place: Place) -> bool {
        !self.banks(place).is_empty()
    }

    fn element_bits(&self, place: Place) -> usize {
        match place {
            Place::Ibuf => self.activation_bits,
            Place::Wbuf => self.weight_bits,
            _ => 32,
        }
    }

    /// Elements of a word as they stand in the RTL.
    fn word(
        &self,
        session: &Session,
        place: Place,
        word: usize,
        elements: usize,
        bits: usize,
    ) -> Option<Vec<i64>> {
        let banks = self.banks(place);
        let (bank, row) = match place {
            Place::Ibuf => self.ibuf_layout.place(word),
            _ => {
                let depth = banks.first()?.depth as usize;
                (word / depth, word % depth)
            }
        };
        let bytes = session.model().ram_word(banks.get(bank)?, row as u32)?;
        Some((0..elements).map(|element| signed(&bytes, element * bits, bits)).collect())
    }
}

/// Number behind `gen_bank` in an instance path, whatever stands between.
fn bank_number(path: &str) -> usize {
    let Some((_, rest)) = path.split_once("gen_bank") else { return 0 };
    let digits: String =
        rest.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// A field of a word, in two's complement; fields never straddle more than four bytes.
fn signed(bytes: &[u8], low: usize, bits: usize) -> i64 {
    let mut value = 0_i64;
    for bit in 0..bits {
        let at = low + bit;
        let set = bytes.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 != 0);
        value |= i64::from(set) << bit;
    }
    (value << (64 - bits)) >> (64 - bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_words() {
        let bytes = [0x7f, 0x80, 0x21];
        assert_eq!(signed(&bytes, 0, 8), 127);
        assert_eq!(signed(&bytes, 8, 8), -128);
        assert_eq!(signed(&bytes, 16, 4), 1);
        assert_eq!(signed(&bytes, 20, 4), 2);
        assert_eq!(signed(&bytes, 4, 8), 7);
    }

    #[test]
    fn banks_are_found_by_number() {
        assert_eq!(bank_number("TOP.npu_top.u_core.u_ibuf.gen_bank[12].u_ram"), 12);
        assert_eq!(bank_number("TOP.npu_top.u_core.u_ibuf.gen_bank__BRA__3__KET__.u_ram"), 3);
        assert_eq!(bank_number("TOP.npu_top.u_core.u_wbuf.u_ram"), 0);
    }
}
