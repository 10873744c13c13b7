//! `npugen fuzz`: random programs on random designs, the golden model against the RTL.

mod keep;
mod machine;
mod pace;

use std::path::PathBuf;

use serde_json::json;

use self::machine::{Kind, Machine, Outcome};
use self::pace::Pace;
use super::bench::On;
use super::rtl_args::RtlArgs;
use super::{print, say};
use crate::error::Error;
use crate::exec::fuzz::Coverage;

/// Run random programs on the golden model and on the RTL, and shrink those that differ.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen fuzz --programs 1000 --seed 1
  npugen fuzz --programs 50 -c tiny
  npugen fuzz --programs 2000 --on golden --coverage

Program number i has the seed `--seed` + i, and without `-c` the random design of its seed divided by
`--per-design`; so `--programs 1 --seed` with the seed of a failure repeats it. The memory's latency,
stalls and interleaving are drawn from the same seed. Most programs are legal; of a hundred, eight
have a launch and four a word that is a fault, and three meet an error on the bus. A program that fails is
made smaller and kept in `--save`, as assembly whose first line is the command that repeats it, with its
configuration; exit status 3 tells of it.")]
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
    /// Print what the programs exercised: functions, flags, fields, special cases, faults.
    #[arg(long)]
    coverage: bool,
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
    faults: u64,
    bus_errors: u64,
    build_seconds: f64,
    failures: Vec<String>,
    coverage: Coverage,
}

/// Runs the campaign.
pub fn run(args: &Args) -> Result<(), Error> {
    let mut totals = Totals::default();
    let pace = Pace::new(args.programs);
    let mut current: Option<(u64, Machine)> = None;
    for seed in args.seed..args.seed.saturating_add(args.programs) {
        let number = if args.config.is_some() { 0 } else { seed / args.per_design };
        let mut machine = match current.take() {
            Some((of, machine)) if of == number => machine,
            _ => {
                pace.tell(&totals);
                let machine = Machine::new(args, number)?;
                totals.designs += 1;
                totals.build_seconds += machine.build_seconds();
                machine
            }
        };
        let failed = one(args, &mut machine, seed, &mut totals)?;
        if failed && !args.keep_going {
            break;
        }
        current = Some((number, machine));
    }
    report(args, &totals, pace.seconds())
}

/// Runs the program of a seed; whether it failed.
fn one(args: &Args, machine: &mut Machine, seed: u64, totals: &mut Totals) -> Result<bool, Error> {
    let (case, kind) = machine.draw(seed, args.launches)?;
    totals.programs += 1;
    totals.launches += case.launches.len() as u64;
    totals.coverage.add(&case);
    let outcome = machine.check(&case, &kind, seed)?;
    totals.cycles += outcome.cycles;
    if let Some(cause) = outcome.cause {
        totals.coverage.fault(cause);
        match kind {
            Kind::BusError(_) => totals.bus_errors += 1,
            _ => totals.faults += 1,
        }
    }
    let Some(message) = outcome.failure else { return Ok(false) };
    say(&format!("seed {seed}: {}, a smaller one is looked for", first_line(&message)));
    let small = machine.shrink(&case, &kind, seed);
    let reason = match machine.check(&small, &kind, seed)? {
        Outcome { failure: Some(reason), .. } => reason,
        _ => message,
    };
    let reason = machine.explain(&small, &kind, seed).unwrap_or(reason);
    let path = keep::save(&args.save, machine, &small, &kind, seed, &reason)?;
    say(&format!("seed {seed}: {reason}\nkept as {}", path.display()));
    totals.failures.push(format!("seed {seed}: {}", path.display()));
    Ok(true)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn report(args: &Args, totals: &Totals, seconds: f64) -> Result<(), Error> {
    let on = match args.on {
        On::Golden => "golden",
        On::Rtl => "rtl",
    };
    if args.coverage {
        print(&totals.coverage.table())?;
    }
    print(&if args.json {
        let value = json!({
            "on": on,
            "seed": args.seed,
            "programs": totals.programs,
            "designs": totals.designs,
            "launches": totals.launches,
            "cycles": totals.cycles,
            "faults": totals.faults,
            "bus_errors": totals.bus_errors,
            "seconds": seconds,
            "build_seconds": totals.build_seconds,
            "failures": totals.failures,
        });
        format!("{value:#}\n")
    } else {
        let what =
            if args.on == On::Golden { "as they should be" } else { "equal on golden and RTL" };
        let failed = totals.failures.len() as u64;
        format!(
            "{} of {} programs {what}: {} designs, {} launches, {} cycles, {} ended in a fault and {} \
             met a bus error; {}, of which builds {}\n",
            totals.programs - failed,
            totals.programs,
            totals.designs,
            totals.launches,
            totals.cycles,
            totals.faults,
            totals.bus_errors,
            pace::time(seconds),
            pace::time(totals.build_seconds),
        )
    })?;
    if totals.failures.is_empty() {
        return Ok(());
    }
    let message = format!("random programs failed:\n{}", totals.failures.join("\n"));
    Err(Error::Mismatch { message })
}
