//! `npugen fuzz`: random programs on random designs, the golden model against the RTL.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::bench::On;
use super::rtl_args::{RtlArgs, failed};
use super::{print, program_args, say};
use crate::cosim::dram::{DramOptions, Stalls};
use crate::cosim::{Rtl, RtlOptions};
use crate::design::Design;
use crate::error::Error;
use crate::exec::compare::compare;
use crate::exec::fuzz::{Case, Rng, shrink};
use crate::exec::{ExecError, Executor};
use crate::files;
use crate::golden::Golden;
use crate::program::{Program, disasm, lint};

/// Run random programs on the golden model and on the RTL, and shrink those that differ.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen fuzz --programs 1000 --seed 1
  npugen fuzz --programs 50 -c tiny
  npugen fuzz --programs 10000 --on golden

Program number i has the seed `--seed` + i, and without `-c` the random design of its seed divided by
`--per-design`; so `--programs 1 --seed` with the seed of a failure repeats it. The memory's latency,
stalls and interleaving are drawn from the same seed. A program that fails is made smaller and kept
as assembly in `--save`; exit status 3 tells of it.")]
pub struct Args {
    /// How many programs.
    #[arg(long, value_name = "N", default_value_t = 100)]
    programs: u64,
    /// Seed of the first one.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Configuration file or preset [default: random designs].
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Programs for each random design.
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u64).range(1..))]
    per_design: u64,
    /// Most launches of a program, filling and dumping the buffers not counted.
    #[arg(long, value_name = "N", default_value_t = 20)]
    launches: usize,
    /// `golden` checks the programs alone: no finding of the linter, no fault.
    #[arg(long, value_enum, default_value_t = On::Rtl)]
    on: On,
    /// Directory for programs that fail.
    #[arg(long, value_name = "DIR", default_value = "rtl-tests/regressions")]
    save: PathBuf,
    /// Go on after a failure.
    #[arg(long)]
    keep_going: bool,
    /// Print the result as one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    rtl: RtlArgs,
}

/// What has been done so far.
#[derive(Debug, Default)]
struct Totals {
    designs: u64,
    programs: u64,
    launches: u64,
    cycles: u64,
    failures: Vec<String>,
}

/// Tries that shrinking may make.
const SHRINK_BUDGET: usize = 80;

/// Runs the campaign.
pub fn run(args: &Args) -> Result<(), Error> {
    let mut totals = Totals::default();
    let mut current: Option<(u64, Machine)> = None;
    for seed in args.seed..args.seed.saturating_add(args.programs) {
        let number = if args.config.is_some() { 0 } else { seed / args.per_design };
        let mut machine = match current.take() {
            Some((of, machine)) if of == number => machine,
            _ => {
                totals.designs += 1;
                Machine::new(args, number)?
            }
        };
        let case = Case::random(&machine.design, seed, args.launches);
        totals.programs += 1;
        if let Some(message) = machine.check(&case, seed, &mut totals)? {
            let small = shrink(&case, SHRINK_BUDGET, |case| {
                matches!(machine.check(case, seed, &mut Totals::default()), Ok(Some(_)))
            });
            let reason = machine.check(&small, seed, &mut Totals::default())?.unwrap_or(message);
            let path = save(&args.save, &small, seed, &reason)?;
            say(&format!("seed {seed}: {reason}\nkept as {}", path.display()));
            totals.failures.push(format!("seed {seed}: {}", path.display()));
            if !args.keep_going {
                break;
            }
        }
        current = Some((number, machine));
    }
    report(args, &totals)
}

/// The two executors of a design.
struct Machine {
    design: Design,
    golden: Golden,
    rtl: Option<Rtl>,
}

impl Machine {
    fn new(args: &Args, number: u64) -> Result<Machine, Error> {
        let design = match &args.config {
            Some(config) => program_args::design(config)?,
            None => Design::random(number)?,
        };
        let rtl = match args.on {
            On::Golden => None,
            On::Rtl => {
                let options = RtlOptions {
                    misalign: number % 2 == 1,
                    watchdog: 20_000,
                    progress: false,
                    ..args.rtl.options()?
                };
                let rtl = Rtl::new(&design, options)?;
                if let Some(seconds) = rtl.built().seconds {
                    say(&format!("built {} in {seconds:.1} s", design.name()));
                }
                Some(rtl)
            }
        };
        let golden = Golden::new(&design);
        Ok(Machine { design, golden, rtl })
    }

    /// Runs a case; says what is wrong with it, if anything.
    fn check(
        &mut self,
        case: &Case,
        seed: u64,
        totals: &mut Totals,
    ) -> Result<Option<String>, Error> {
        let program = case.program().map_err(Error::RandomProgram)?;
        totals.launches += case.launches.len() as u64;
        let Some(rtl) = &mut self.rtl else {
            return alone(&self.design, &program, &mut self.golden).map_err(failed);
        };
        // A fresh machine, so that a program fails or not whatever ran before it.
        rtl.power_cycle(memory(seed))?;
        match compare(&program, &[], &mut self.golden, rtl) {
            Ok(comparison) => {
                totals.cycles += comparison.candidate.cycles.unwrap_or(0);
                Ok(comparison.divergence.map(|divergence| divergence.to_string()))
            }
            // A hang or a breach of the bus protocol is a failure of the RTL like any other.
            Err(error @ ExecError::Backend(_)) => Ok(Some(error.to_string())),
            Err(error) => Err(failed(error)),
        }
    }
}

/// Checks of a program without RTL.
fn alone(
    design: &Design,
    program: &Program,
    golden: &mut Golden,
) -> Result<Option<String>, ExecError> {
    let findings = lint::lint(design, program);
    if !findings.findings.is_empty() {
        return Ok(Some(findings.to_string()));
    }
    golden.load(program)?;
    Ok(golden.run()?.fault.map(|fault| fault.to_string()))
}

/// The memory's behaviour for a seed.
fn memory(seed: u64) -> DramOptions {
    let mut rng = Rng::new(!seed);
    let stalls = rng.pick(&[0, 0, 20, 50, 80]);
    DramOptions {
        latency: rng.pick(&[2, 7, 30, 100]),
        stalls: Stalls::all(stalls),
        interleave: rng.chance(50),
        seed,
        ..DramOptions::default()
    }
}

/// Keeps a failing case as assembly, with what is wrong as a comment.
fn save(directory: &Path, case: &Case, seed: u64, reason: &str) -> Result<PathBuf, Error> {
    let path = directory.join(format!("{}_seed_{seed}.npuasm", case.design.name()));
    let program = case.program().map_err(Error::RandomProgram)?;
    let mut text: String = reason.lines().map(|line| format!("; {line}\n")).collect();
    text += &disasm::disassemble(&program, disasm::Options::default());
    files::write(&path, text.as_bytes())?;
    Ok(path)
}

fn report(args: &Args, totals: &Totals) -> Result<(), Error> {
    let on = match args.on {
        On::Golden => "golden",
        On::Rtl => "rtl",
    };
    print(&if args.json {
        let value = json!({
            "on": on,
            "seed": args.seed,
            "programs": totals.programs,
            "designs": totals.designs,
            "launches": totals.launches,
            "cycles": totals.cycles,
            "failures": totals.failures,
        });
        format!("{value:#}\n")
    } else {
        let what = if args.on == On::Golden { "legal" } else { "equal on golden and RTL" };
        let failed = totals.failures.len() as u64;
        format!(
            "{} of {} programs {what}: {} designs, {} launches, {} cycles\n",
            totals.programs - failed,
            totals.programs,
            totals.designs,
            totals.launches,
            totals.cycles
        )
    })?;
    if totals.failures.is_empty() {
        return Ok(());
    }
    let message = format!("random programs failed:\n{}", totals.failures.join("\n"));
    Err(Error::Mismatch { message })
}
