//! `npugen disasm`: a program file as assembly.

use std::path::PathBuf;

use super::{print, program_args};
use crate::error::Error;
use crate::files;
use crate::program::disasm::{Options, disassemble};

/// Show a program as assembly.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen disasm hello.npu                         (`npugen asm --help` makes hello.npu)
  npugen disasm hello.npu --words --no-data
  npugen disasm hello.npu -o again.npuasm         `npugen asm` makes the same file of it")]
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
    let program = program_args::read(&args.program)?;
    let text = disassemble(&program, Options { data: !args.no_data, words: args.words });
    match &args.output {
        Some(output) => files::write(output, text.as_bytes()),
        None => print(&text),
    }
}
