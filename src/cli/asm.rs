//! `npugen asm`: assembly to a program file.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{program_args, say};
use crate::error::Error;
use crate::program::{Target, asm};

/// Assemble a program.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen asm hello.npuasm -c tiny                 writes hello.npu
  npugen asm hello.npuasm -c tiny -o out/hello.npu

The notation is described in docs/isa.md. Text written by `npugen disasm` needs no configuration.")]
pub struct Args {
    /// Assembly text.
    file: PathBuf,
    /// Configuration to assemble for; left out, the one the text names by its fingerprint.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Program file; left out, the text's name with the ending `.npu`.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Assembles the text and writes the program.
pub fn run(args: &Args) -> Result<(), Error> {
    let design = args.config.as_deref().map(program_args::design).transpose()?;
    let target = design.as_ref().map(Target::of);
    let text =
        std::fs::read_to_string(&args.file).map_err(|error| Error::read(&args.file, error))?;
    let program = asm::assemble(&args.file.display().to_string(), &text, target.as_ref())
        .map_err(Error::Assembly)?;
    let output = args.output.clone().unwrap_or_else(|| args.file.with_extension("npu"));
    let bytes =
        program.to_bytes().map_err(|error| Error::Program { path: args.file.clone(), error })?;
    write(&output, &bytes)?;
    say(&format!(
        "wrote {}: {} instructions for {}, fingerprint {:016x}",
        output.display(),
        program.code.len(),
        program.target.name,
        program.target.fingerprint,
    ));
    Ok(())
}

/// Writes a file that appears complete or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |error| Error::write(path, error);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
