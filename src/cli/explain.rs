//! `npugen explain`: where the cycles of a program go.

use std::path::PathBuf;

use super::archive::Archive;
use super::program_args::ProgramArgs;
use super::rtl_args::{RtlArgs, failed};
use super::{print, say};
use crate::cosim::Rtl;
use crate::error::Error;
use crate::exec::Executor;
use crate::explain::{self, ExplainError, Report};
use crate::files;

/// What is asked for times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Source {
    /// The emitted Verilog, simulated and watched in every cycle.
    Rtl,
}

/// Say where every cycle of a program goes, layer by layer.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen explain hello.npu                        (`npugen asm --help` makes hello.npu)
  npugen explain hello.npu --engines --html explain.html
  npugen explain hello.npu --json --latency 200

Every cycle is of one class and belongs to one layer (docs/explain.md defines them); the sums are
compared with the machine's own counters. Times do not depend on data, so inputs can be left out.")]
pub struct Args {
    #[command(flatten)]
    program: ProgramArgs,
    /// Where times come from.
    #[arg(long, value_enum, default_value_t = Source::Rtl)]
    on: Source,
    /// Content of all inputs, a NumPy archive with arrays of their names (or `input/NAME`).
    #[arg(long, value_name = "FILE.npz", conflicts_with = "input")]
    inputs: Option<PathBuf>,
    /// Which run of an archive whose arrays are lists.
    #[arg(long, value_name = "N", default_value_t = 0)]
    index: usize,
    /// Add what each engine did, by layer.
    #[arg(long)]
    engines: bool,
    /// Print the report as one JSON object.
    #[arg(long)]
    json: bool,
    /// Write the report with a timeline of all launches as a page for a browser.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    rtl: RtlArgs,
}

/// Runs the program and explains the run.
pub fn run(args: &Args) -> Result<(), Error> {
    let Source::Rtl = args.on;
    let (program, design) = args.program.open()?;
    let inputs = match &args.inputs {
        Some(path) => Archive::open(path, args.index)?.inputs(&program)?,
        None => args.program.inputs(&program)?,
    };
    let mut options = args.rtl.options(&design)?;
    options.probe = true;
    let mut rtl = Rtl::new(&design, options)?;
    if let Some(seconds) = rtl.built().seconds {
        say(&format!("built the simulation model of {} in {seconds:.1} s", design.name()));
    }
    rtl.load(&program).map_err(failed)?;
    for input in &inputs {
        rtl.write(input.region, input.offset, &input.bytes).map_err(failed)?;
    }
    let report = explain::explain(&mut rtl, &program, &design).map_err(refused)?;
    let figures = rtl.figures();
    say(&format!(
        "{} cycles simulated at {:.0} cycles/s",
        report.cycles,
        figures.cycles as f64 / figures.seconds.max(1e-9)
    ));
    if let Some(path) = &args.html {
        let title = format!("{} on {}", args.program.program.display(), design.name());
        files::write(path, explain::html::page(&report, &title).as_bytes())?;
        say(&format!("wrote {}", path.display()));
    }
    print(&if args.json { json(&report) } else { text(&report, args.engines) })
}

fn refused(error: ExplainError) -> Error {
    match error {
        ExplainError::Run(error) => failed(error),
        ExplainError::Fault(fault) => Error::Fault { fault },
        ExplainError::Disagreement(error) => Error::Mismatch { message: error.to_string() },
    }
}

fn json(report: &Report) -> String {
    format!("{:#}\n", explain::json::json(report))
}

fn text(report: &Report, engines: bool) -> String {
    let mut text = explain::text::layers(report);
    if engines {
        text += &format!("\n{}", explain::text::engines(report));
    }
    text
}
