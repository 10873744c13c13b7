//! `npugen asm`: assembly to a program file.

use std::path::PathBuf;

use super::{print, program_args, say};
use crate::error::Error;
use crate::files;
use crate::program::{Target, asm};

/// Assemble a program.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen asm --example > hello.npuasm             a text to begin with
  npugen asm hello.npuasm -c tiny                 writes hello.npu
  npugen asm hello.npuasm -c tiny -o out/hello.npu

The notation is described in docs/isa.md. Text written by `npugen disasm` needs no configuration.")]
pub struct Args {
    /// Assembly text.
    #[arg(required_unless_present = "example")]
    file: Option<PathBuf>,
    /// Print an example instead: a small program that uses every engine of the machine `tiny`.
    #[arg(long, exclusive = true)]
    example: bool,
    /// Configuration to assemble for; left out, the one the text names by its fingerprint.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Program file; left out, the text's name with the ending `.npu`.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A program that uses every engine.
const EXAMPLE: &str = include_str!("../../examples/hello.npuasm");

/// Assembles the text and writes the program.
pub fn run(args: &Args) -> Result<(), Error> {
    let Some(file) = &args.file else {
        return print(EXAMPLE);
    };
    let design = args.config.as_deref().map(program_args::design).transpose()?;
    let target = design.as_ref().map(Target::of);
    let text = files::read_text(file, files::DATA_LIMIT)?;
    let program = asm::assemble(&file.display().to_string(), &text, target.as_ref())
        .map_err(Error::Assembly)?;
    let output = args.output.clone().unwrap_or_else(|| file.with_extension("npu"));
    let bytes = program.to_bytes().map_err(|error| Error::Program { path: file.clone(), error })?;
    files::write(&output, &bytes)?;
    say(&format!(
        "wrote {}: {} instructions for {}, fingerprint {:016x}",
        output.display(),
        program.code.len(),
        program.target.name,
        program.target.fingerprint,
    ));
    Ok(())
}
