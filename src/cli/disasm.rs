//! `npugen disasm`: a program file as assembly.

use std::path::PathBuf;

use super::{asm, print};
use crate::error::Error;
use crate::program::Program;
use crate::program::disasm::{Options, disassemble};

/// Show a program as assembly.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen disasm net.npu --no-data | less
  npugen disasm net.npu --words --no-data
  npugen disasm net.npu -o net.npuasm             `npugen asm` makes the same file of it")]
pub struct Args {
    /// Program file.
    program: PathBuf,
    /// Leave the content of memory regions out.
    #[arg(long)]
    no_data: bool,
    /// Add position and word of each instruction.
    #[arg(long)]
    words: bool,
    /// Write to a file instead of stdout.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes the text.
pub fn run(args: &Args) -> Result<(), Error> {
    let path = &args.program;
    let bytes = std::fs::read(path).map_err(|error| Error::read(path, error))?;
    let program = Program::from_bytes(&bytes)
        .map_err(|error| Error::Program { path: path.clone(), error })?;
    let text = disassemble(&program, Options { data: !args.no_data, words: args.words });
    match &args.output {
        Some(output) => asm::write(output, text.as_bytes()),
        None => print(&text),
    }
}
