//! `npugen compare`: a program on the golden model and on the RTL.

use std::path::PathBuf;

use super::program_args::ProgramArgs;
use super::rtl_args::{RtlArgs, failed};
use super::{print, say};
use crate::cosim::{Rtl, lockstep};
use crate::error::Error;
use crate::exec::compare::compare;
use crate::golden::Golden;

/// Run a program on the golden model and on the RTL and tell the first difference.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen compare hello.npu                        (`npugen asm --help` makes hello.npu)
  npugen compare hello.npuasm -c tiny --stalls 30 --dram-seed 7 --vcd first.vcd

Compared are the fault (or its absence), what each engine retired, and every byte of every region.
On a difference the run is repeated in lock-step, word by word, and a waveform of the launch at
fault is written. Exit status 3 says that the two differ.")]
pub struct Args {
    #[command(flatten)]
    program: ProgramArgs,
    /// Waveform to write on a difference.
    #[arg(long, value_name = "FILE", default_value = "divergence.vcd")]
    vcd: PathBuf,
    /// Walk in lock-step at once, even without a difference in memory.
    #[arg(long)]
    lockstep: bool,
    #[command(flatten)]
    rtl: RtlArgs,
}

/// Runs both and compares.
pub fn run(args: &Args) -> Result<(), Error> {
    let (program, design) = args.program.open()?;
    let inputs = args.program.inputs(&program)?;
    let options = args.rtl.options(&design)?;
    let mut golden = Golden::new(&design);
    let mut rtl = Rtl::new(&design, options.clone())?;
    let comparison = compare(&program, &inputs, &mut golden, &mut rtl).map_err(failed)?;
    if let Some(divergence) = &comparison.divergence {
        say(&divergence.to_string());
    }
    if comparison.divergence.is_none() && !args.lockstep {
        return print(&format!(
            "equal: {} launches, {} bytes, {} cycles{}\n",
            comparison.candidate.retired.len(),
            comparison.bytes,
            comparison.candidate.cycles.unwrap_or_default(),
            comparison.candidate.fault.map_or(String::new(), |fault| format!(", {fault}")),
        ));
    }
    let outcome =
        lockstep::search(&design, &program, &inputs, &options, Some(&args.vcd)).map_err(failed)?;
    if comparison.divergence.is_none() && outcome == lockstep::Outcome::Equal {
        return print(&format!(
            "equal: {} launches, word by word\n",
            comparison.candidate.retired.len()
        ));
    }
    Err(Error::Mismatch { message: format!("golden and RTL differ\n{outcome}") })
}
