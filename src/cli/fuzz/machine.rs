//! The two executors of a design, and what is run on them.

use super::Args;
use crate::cli::bench::On;
use crate::cli::program_args;
use crate::cli::rtl_args::failed;
use crate::cosim::dram::{DramOptions, ErrorResponse, InjectedError, Stalls};
use crate::cosim::{Rtl, RtlOptions, lockstep};
use crate::design::Design;
use crate::error::Error;
use crate::exec::compare::compare;
use crate::exec::fuzz::{Case, Launch, Rng, shrink, spoil_program};
use crate::exec::{Cause, ExecError, Executor};
use crate::golden::Golden;
use crate::isa::Engine;
use crate::isa::table::vector;
use crate::program::{Program, lint};

/// Tries that shrinking may make.
const SHRINK_BUDGET: usize = 150;

/// Tries to meet a fault of the cause wanted.
const SPOIL_TRIES: usize = 60;

/// What is special about a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Legal.
    Legal,
    /// A launch is a fault.
    Launch,
    /// A word of the program, changed with this seed, is a fault.
    Word(u64),
    /// Legal, but a burst is answered with an error; decided by this number.
    BusError(u64),
}

/// What became of a program.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What is wrong, if anything.
    pub failure: Option<String>,
    /// Cycles simulated.
    pub cycles: u64,
    /// The fault in which it ended.
    pub cause: Option<Cause>,
}

/// The executors.
pub struct Machine {
    pub design: Design,
    golden: Golden,
    rtl: Option<Rtl>,
    options: RtlOptions,
}

impl Machine {
    /// The machine of a number, or the one asked for.
    pub fn new(args: &Args, number: u64) -> Result<Machine, Error> {
        let design = match &args.config {
            Some(config) => program_args::design(config)?,
            None => Design::random(number)?,
        };
        let options = RtlOptions {
            misalign: args.rtl.misalign || number % 2 == 1,
            watchdog: 1_000_000,
            progress: false,
            ..args.rtl.options(&design)?
        };
        let rtl = match args.on {
            On::Golden => None,
            On::Rtl => Some(Rtl::new(&design, options.clone())?),
        };
        let golden = Golden::new(&design);
        Ok(Machine { design, golden, rtl, options })
    }

    /// Time the build of the simulation took.
    pub fn build_seconds(&self) -> f64 {
        self.rtl.as_ref().and_then(|rtl| rtl.built().seconds).unwrap_or(0.0)
    }

    /// Whether regions lie at odd addresses.
    pub fn misaligned(&self) -> bool {
        self.options.misalign
    }

    /// The case of a seed, and what is special about it.
    pub fn draw(&mut self, seed: u64, launches: usize) -> Result<(Case, Kind), Error> {
        let case = Case::random(&self.design, seed, launches);
        let mut rng = Rng::new(seed ^ 0x0066_6175_6c74);
        match rng.between(0, 99) {
            0..=7 => self.spoiled_launch(&case, &mut rng),
            8..=11 => self.spoiled_word(case, &mut rng),
            12..=14 if self.rtl.is_some() => Ok((case, Kind::BusError(rng.bits()))),
            _ => Ok((case, Kind::Legal)),
        }
    }

    /// A case in which a launch is a fault, if possible with a cause chosen before. Not every change
    /// is a fault, and a program without one would no longer be in order.
    fn spoiled_launch(&mut self, case: &Case, rng: &mut Rng) -> Result<(Case, Kind), Error> {
        let columns = |launch: &Launch| launch.flags.contains(&(vector::DST, 3));
        let wanted = if case.launches.iter().any(columns) {
            Some(Cause::TransposerOrder)
        } else {
            rng.one(&[
                Cause::Configuration,
                Cause::BufferRange,
                Cause::RegionRange,
                Cause::PackedWeight,
            ])
        };
        let mut found = (case.clone(), Kind::Legal);
        for _ in 0..SPOIL_TRIES {
            let Some(spoiled) = case.spoiled(rng) else { break };
            let Ok(program) = spoiled.program() else { continue };
            let cause = self.expected(&program)?;
            if cause.is_some_and(|cause| cause != Cause::Watchdog) {
                found = (spoiled, Kind::Launch);
            }
            if cause == wanted {
                break;
            }
        }
        Ok(found)
    }

    /// A case with a word that is a fault of the decoder or of a semaphore's owner; other changes
    /// of a word may break the order of the launches as well.
    fn spoiled_word(&mut self, case: Case, rng: &mut Rng) -> Result<(Case, Kind), Error> {
        const PLAIN: [Cause; 4] = [
            Cause::IllegalInstruction,
            Cause::IllegalRegister,
            Cause::FieldRange,
            Cause::SemaphoreOwner,
        ];
        let wanted = rng.one(&PLAIN);
        let program = case.program().map_err(Error::RandomProgram)?;
        let mut kind = Kind::Legal;
        for _ in 0..SPOIL_TRIES {
            let seed = rng.bits();
            let cause = self.expected(&spoil_program(&program, &mut Rng::new(seed)))?;
            if cause.is_some_and(|cause| PLAIN.contains(&cause)) {
                kind = Kind::Word(seed);
            }
            if cause == wanted {
                break;
            }
        }
        Ok((case, kind))
    }

    /// The fault in which the golden model ends.
    fn expected(&mut self, program: &Program) -> Result<Option<Cause>, Error> {
        self.golden.load(program).map_err(failed)?;
        Ok(self.golden.run().map_err(failed)?.fault.map(|fault| fault.cause))
    }

    /// The program as it is run.
    pub fn program(&self, case: &Case, kind: &Kind) -> Result<Program, Error> {
        let program = case.program().map_err(Error::RandomProgram)?;
        Ok(match kind {
            Kind::Word(seed) => spoil_program(&program, &mut Rng::new(*seed)),
            _ => program,
        })
    }

    /// Runs a case.
    pub fn check(&mut self, case: &Case, kind: &Kind, seed: u64) -> Result<Outcome, Error> {
        let program = self.program(case, kind)?;
        let Some(rtl) = &mut self.rtl else {
            return alone(&self.design, &program, kind, &mut self.golden).map_err(failed);
        };
        // Fresh machines, so that a program fails or not whatever ran before it.
        let dram = memory(&self.design, seed);
        rtl.power_cycle(dram.clone())?;
        let mut golden = Golden::new(&self.design);
        let mut outcome = both(&program, &mut golden, rtl).map_err(failed)?;
        if let Kind::BusError(number) = kind
            && outcome.failure.is_none()
        {
            let (failure, cause) = bus_error(&program, &mut golden, rtl, dram, *number)?;
            (outcome.failure, outcome.cause) = (failure, Some(cause));
        }
        Ok(outcome)
    }

    /// The smallest case found that fails like this one.
    pub fn shrink(&mut self, case: &Case, kind: &Kind, seed: u64) -> Case {
        if matches!(kind, Kind::Word(_)) {
            // Another program has other words.
            return case.clone();
        }
        shrink(case, SHRINK_BUDGET, |case| {
            matches!(self.check(case, kind, seed), Ok(Outcome { failure: Some(_), .. }))
        })
    }

    /// Walks through a legal case in lock-step: the first word that differs and its instruction.
    pub fn explain(&self, case: &Case, kind: &Kind, seed: u64) -> Option<String> {
        if *kind != Kind::Legal || self.rtl.is_none() {
            return None;
        }
        let program = self.program(case, kind).ok()?;
        let options = RtlOptions { dram: memory(&self.design, seed), ..self.options.clone() };
        match lockstep::search(&self.design, &program, &[], &options, None) {
            Ok(lockstep::Outcome::Wrong(found)) => Some(found.to_string()),
            _ => None,
        }
    }
}

/// Runs a program on both. A hang or a breach of the bus protocol is a failure of the RTL like any
/// other.
fn both(program: &Program, golden: &mut Golden, rtl: &mut Rtl) -> Result<Outcome, ExecError> {
    match compare(program, &[], golden, rtl) {
        Ok(comparison) => Ok(Outcome {
            failure: comparison.divergence.map(|divergence| divergence.to_string()),
            cycles: comparison.candidate.cycles.unwrap_or(0),
            cause: comparison.reference.fault.map(|fault| fault.cause),
        }),
        Err(ExecError::Backend(error)) => {
            Ok(Outcome { failure: Some(error.to_string()), ..Outcome::default() })
        }
        Err(error) => Err(error),
    }
}

/// Runs a legal program that has just run once more, with an error on one of its bursts: it ends in
/// a fault that names a launch, and after a soft reset everything is as before.
fn bus_error(
    program: &Program,
    golden: &mut Golden,
    rtl: &mut Rtl,
    dram: DramOptions,
    number: u64,
) -> Result<(Option<String>, Cause), Error> {
    let counts = rtl.figures().dram;
    let burst = number >> 1;
    let (writing, bursts) = match number % 2 {
        1 if counts.write_bursts > 0 => (true, counts.write_bursts),
        _ => (false, counts.read_bursts),
    };
    let error = Some(InjectedError {
        burst: burst % bursts.max(1),
        response: if number & 2 == 0 { ErrorResponse::Slave } else { ErrorResponse::Decode },
    });
    let dram = if writing {
        DramOptions { write_error: error, ..dram }
    } else {
        DramOptions { read_error: error, ..dram }
    };
    rtl.power_cycle(dram)?;
    let (what, cause) = if writing { ("write", Cause::AxiWrite) } else { ("read", Cause::AxiRead) };
    let engines: &[Engine] = if writing { &[Engine::Store] } else { &[Engine::Load, Engine::Ctrl] };
    rtl.load(program).map_err(failed)?;
    let fault = match rtl.run() {
        Ok(report) => report.fault,
        Err(ExecError::Backend(error)) => {
            return Ok((Some(format!("after a {what} error: {error}")), cause));
        }
        Err(error) => return Err(failed(error)),
    };
    let right = fault.is_some_and(|f| engines.contains(&f.engine) && f.cause == cause);
    if !right {
        let got = fault.map_or("no fault".to_owned(), |fault| fault.to_string());
        let failure = format!("an error on {what} burst {} ends in {got}", burst % bursts.max(1));
        return Ok((Some(failure), cause));
    }
    // The same machine, after the soft reset that the next start makes.
    let again = both(program, golden, rtl).map_err(failed)?;
    let told = |failure| format!("after a {what} error and a soft reset: {failure}");
    Ok((again.failure.map(told), cause))
}

/// Checks of a program without RTL.
fn alone(
    design: &Design,
    program: &Program,
    kind: &Kind,
    golden: &mut Golden,
) -> Result<Outcome, ExecError> {
    golden.load(program)?;
    let fault = golden.run()?.fault;
    let mut outcome = Outcome { cause: fault.map(|fault| fault.cause), ..Outcome::default() };
    let findings = lint::lint(design, program);
    if *kind == Kind::Legal {
        if !findings.findings.is_empty() {
            outcome.failure = Some(findings.to_string());
        } else {
            outcome.failure = fault.map(|fault| fault.to_string());
        }
    }
    Ok(outcome)
}

/// The memory's behaviour for a seed. Designs that keep little in flight get a quick one: with a
/// slow one they would spend millions of cycles waiting.
pub fn memory(design: &Design, seed: u64) -> DramOptions {
    let mut rng = Rng::new(!seed);
    let stalls = rng.pick(&[0, 0, 20, 50, 80]);
    let axi = design.axi();
    let bursts = axi.read_outstanding.min(axi.write_outstanding);
    let in_flight = bursts * axi.max_burst_beats.min(axi.read_fifo_beats) * axi.beat_bytes();
    let quick = in_flight < 512;
    DramOptions {
        latency: if quick { rng.pick(&[1, 2, 7]) } else { rng.pick(&[2, 7, 30, 100]) },
        stalls: Stalls::all(stalls),
        interleave: rng.chance(50),
        seed,
        ..DramOptions::default()
    }
}
