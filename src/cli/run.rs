//! `npugen run`: a program on one executor.

use std::path::PathBuf;

use serde_json::json;

use super::archive::{Archive, Comparison};
use super::card_args::{self, CardArgs, Place};
use super::program_args::{ProgramArgs, outputs, write_outputs};
use super::rtl_args::{RtlArgs, failed};
use super::{print, say};
use crate::cosim::Rtl;
use crate::cosim::executor::TraceWindow;
use crate::design::Design;
use crate::error::Error;
use crate::exec::compare::Input;
use crate::exec::{Executor, RunReport};
use crate::golden::Golden;
use crate::program::{Program, RegionKind};

/// Run a program on the golden model, on the simulated RTL or on a card.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen run hello.npu --output y=y.npy                  (`npugen asm --help` makes hello.npu)
  npugen run hello.npu --input x=y.npy --on rtl --json
  npugen run hello.npuasm -c tiny --on rtl --vcd run.vcd --from 100 --to 300
  npugen run hello.npu --on rtl --read-error 2           the bus answers with an error
  npugen run out/digits.npu --inputs tests/data/digits_runs.npz --index 3 --on rtl --check

Times are in cycles of `clk`. Arrays are NumPy files. A fault of the machine ends the run with exit
status 5 and is told in words.")]
pub struct Args {
    #[command(flatten)]
    program: ProgramArgs,
    /// Where to run.
    #[arg(long, value_enum, default_value_t = Place::Golden)]
    on: Place,
    #[command(flatten)]
    card: CardArgs,
    /// Write a tensor to a NumPy file after the run. May be given again.
    #[arg(short, long, value_name = "TENSOR=FILE.npy")]
    output: Vec<String>,
    /// Content of all inputs, a NumPy archive with arrays of their names (or `input/NAME`).
    #[arg(long, value_name = "FILE.npz", conflicts_with = "input")]
    inputs: Option<PathBuf>,
    /// Compare the outputs with the arrays of the same names (or `tensor/NAME`, `output/NAME`) in a
    /// NumPy archive; the exit status is 3 if one differs.
    #[arg(long, value_name = "FILE.npz")]
    expect: Option<PathBuf>,
    /// With `--expect`: numbers that the machine computes in binary32 may differ by this share of
    /// the largest of their tensor. Activations may never differ.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "expect")]
    within: f32,
    /// Which run of archives whose arrays are lists.
    #[arg(long, value_name = "N", default_value_t = 0)]
    index: usize,
    /// Compare all outputs with those of the golden model too.
    #[arg(long)]
    check: bool,
    /// Print the report as one JSON object.
    #[arg(long)]
    json: bool,
    /// Write a waveform of the RTL (time in the file is twice the cycle).
    #[arg(long, value_name = "FILE")]
    vcd: Option<PathBuf>,
    /// First cycle of the waveform.
    #[arg(long, value_name = "CYCLE", default_value_t = 0, requires = "vcd")]
    from: u64,
    /// Last cycle of the waveform.
    #[arg(long, value_name = "CYCLE", default_value_t = 20_000, requires = "vcd")]
    to: u64,
    #[command(flatten)]
    rtl: RtlArgs,
}

/// Runs the program.
pub fn run(args: &Args) -> Result<(), Error> {
    let (program, design) = args.program.open()?;
    let inputs = match &args.inputs {
        Some(path) => Archive::open(path, args.index)?.inputs(&program)?,
        None => args.program.inputs(&program)?,
    };
    let mut expected =
        args.expect.as_ref().map(|path| Archive::open(path, args.index)).transpose()?;
    let outputs = outputs(&program, &args.output)?;
    check_window(args)?;
    let mut speed = None;
    let mut executor: Box<dyn Executor> = match (args.on.card(), args.on) {
        (Some(card), _) => {
            let executor = card_args::open(&design, card, &args.rtl, &args.card, false)?;
            let (_, simulated) = card;
            speed = simulated.then(std::time::Instant::now);
            executor
        }
        (None, Place::Rtl) => {
            let mut options = args.rtl.options(&design)?;
            options.trace = args.vcd.as_ref().map(|path| TraceWindow {
                from: args.from,
                to: args.to,
                path: path.clone(),
            });
            let rtl = Rtl::new(&design, options)?;
            if let Some(seconds) = rtl.built().seconds {
                say(&format!("built the simulation model of {} in {seconds:.1} s", design.name()));
            }
            speed = Some(std::time::Instant::now());
            Box::new(rtl)
        }
        (None, _) => Box::new(Golden::new(&design)),
    };
    executor.load(&program).map_err(failed)?;
    for input in &inputs {
        executor.write(input.region, input.offset, &input.bytes).map_err(failed)?;
    }
    let report = executor.run().map_err(failed)?;
    let seconds = speed.map(|start| start.elapsed().as_secs_f64());
    print(&if args.json { json_report(&report, seconds) } else { text_report(&report, seconds) })?;
    if let Some(fault) = report.fault {
        return Err(Error::Fault { fault });
    }
    write_outputs(executor.as_ref(), &outputs)?;
    if args.check {
        check(&program, &design, &inputs, executor.as_ref())?;
    }
    match &mut expected {
        Some(archive) => {
            report_comparison(&archive.compare(&program, executor.as_ref(), args.within)?)
        }
        None => Ok(()),
    }
}

/// Compares all outputs with those of the golden model.
fn check(
    program: &Program,
    design: &Design,
    inputs: &[Input],
    executor: &dyn Executor,
) -> Result<(), Error> {
    let mut golden = Golden::new(design);
    golden.load(program).map_err(failed)?;
    for input in inputs {
        golden.write(input.region, input.offset, &input.bytes).map_err(failed)?;
    }
    golden.run().map_err(failed)?;
    let mut bytes = 0;
    for region in program.regions.iter().filter(|region| region.kind == RegionKind::Output) {
        let [found, expected] = [executor, &golden as &dyn Executor]
            .map(|executor| executor.read(region.base, 0, region.size).map_err(failed));
        let (found, expected) = (found?, expected?);
        if let Some(at) = found.iter().zip(&expected).position(|(a, b)| a != b) {
            return Err(Error::Mismatch {
                message: format!(
                    "byte {at} of region `{}`: {} on {}, {} on the golden model",
                    region.name,
                    found[at],
                    executor.name(),
                    expected[at]
                ),
            });
        }
        bytes += found.len();
    }
    say(&format!(
        "{}: all {bytes} bytes of outputs are those of the golden model",
        executor.name()
    ));
    Ok(())
}

fn report_comparison(comparison: &Comparison) -> Result<(), Error> {
    let Comparison { tensors, elements, differences } = comparison;
    let equal = tensors - differences.len();
    say(&format!("{equal} of {tensors} tensors as expected, {elements} elements compared"));
    match differences.first() {
        None => Ok(()),
        Some(first) => {
            differences.iter().for_each(|line| say(line));
            Err(Error::Mismatch { message: first.clone() })
        }
    }
}

/// Whether the waveform asked for can be had.
fn check_window(args: &Args) -> Result<(), Error> {
    let usage =
        |message: String, remedy: &str| Err(Error::Usage { message, remedy: remedy.to_owned() });
    if args.vcd.is_some() && args.on != Place::Rtl {
        let what = if args.on == Place::Golden { "the golden model" } else { "a card" };
        return usage(format!("{what} has no waveform"), "give `--on rtl`");
    }
    if args.from > args.to {
        let message =
            format!("the waveform would end in cycle {} and begin in cycle {}", args.to, args.from);
        return usage(message, "give a `--to` that is not before `--from`");
    }
    Ok(())
}

/// Launches that retired; cards only count them.
fn launches(report: &RunReport) -> u64 {
    let counted = report.counters.iter().filter(|(name, _)| name.ends_with(".retired"));
    match report.retired.len() as u64 {
        0 => counted.map(|(_, count)| count).sum(),
        seen => seen,
    }
}

fn json_report(report: &RunReport, seconds: Option<f64>) -> String {
    let counters: serde_json::Map<String, serde_json::Value> =
        report.counters.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let tags: Vec<serde_json::Value> = report
        .tags
        .iter()
        .map(|tag| json!({"engine": tag.engine.name(), "tag": tag.tag, "cycle": tag.cycle}))
        .collect();
    let value = json!({
        "launches": launches(report),
        "cycles": report.cycles,
        "seconds": seconds,
        "fault": report.fault.map(|fault| fault.to_string()),
        "counters": counters,
        "tags": tags,
    });
    format!("{value:#}\n")
}

fn text_report(report: &RunReport, seconds: Option<f64>) -> String {
    let mut text = format!("{} launches retired\n", launches(report));
    if let Some(cycles) = report.cycles {
        text += &format!("{cycles} cycles\n");
        for (name, value) in report.counters.iter().filter(|(_, value)| **value != 0) {
            text += &format!("  {name:<24} {value:>12}\n");
        }
        if let Some(seconds) = seconds {
            text += &format!("simulated at {:.0} cycles/s\n", cycles as f64 / seconds.max(1e-9));
        }
    }
    for tag in &report.tags {
        let cycle = tag.cycle.map_or(String::new(), |cycle| format!(" at cycle {cycle}"));
        text += &format!("tag {} of {}{cycle}\n", tag.tag, tag.engine.name());
    }
    text
}
