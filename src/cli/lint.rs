//! `npugen lint`: checks of a program before it runs.

use std::path::PathBuf;

use super::{print, program_args, say};
use crate::error::Error;
use crate::program::Target;
use crate::program::lint::{MOST_FINDINGS, Severity, lint};

/// Check a program without running it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen lint hello.npu                           (`npugen asm --help` makes hello.npu)
  npugen lint hello.npuasm -c tiny

Finds illegal words and configurations, addresses out of range, deadlocks under any timing,
semaphores that overflow or end unbalanced, and data races between launches. Findings go to stdout;
the exit status is 1 when one of them is an error.")]
pub struct Args {
    /// Program file, or assembly text (.npuasm).
    program: PathBuf,
    /// Configuration of the machine; left out, the one the program was made for.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Checks the program.
pub fn run(args: &Args) -> Result<(), Error> {
    let path = &args.program;
    let (program, design) = program_args::open(path, args.config.as_deref())?;
    program
        .target
        .runs_on(&Target::of(&design))
        .map_err(|mismatch| Error::Target { path: path.clone(), mismatch })?;
    let report = lint(&design, &program);
    print(&report.to_string())?;
    let is_error = |severity| severity == Severity::Error;
    let errors = report.findings.iter().filter(|finding| is_error(finding.severity)).count();
    if report.findings.len() >= MOST_FINDINGS {
        say(&format!("stopped after {MOST_FINDINGS} findings"));
    }
    if errors > 0 {
        return Err(Error::Lint { path: path.clone(), errors });
    }
    say(&format!(
        "{}: {} instructions, {} launches, {} warnings",
        path.display(),
        program.code.len(),
        report.launches,
        report.findings.len(),
    ));
    Ok(())
}
