//! The command line: one file per subcommand, each with `Args` and `run`. Owns what users see:
//! stdout is data, stderr is talk, and the exit status says who is at fault
//! ([`crate::error::EXIT_STATUS`]). A new subcommand is a line in [`Command`], one in [`dispatch`]
//! and a file.

mod archive;
mod asm;
mod bench;
mod build;
mod card_args;
mod compare;
mod compile;
mod completions;
mod demo;
mod design_args;
mod disasm;
mod doctor;
mod explain;
mod extension;
mod fpga;
mod function;
mod fuzz;
mod graph;
mod inputs;
mod lint;
mod operators;
mod program_args;
mod quantize;
mod rtl_args;
mod run;
mod schema;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

pub use design_args::DesignArgs;

use crate::error::{EXIT_STATUS, Error};

/// Generates neural processing units: a YAML description in, synthesizable Verilog and its
/// software out.
#[derive(Debug, Parser)]
#[command(name = "npugen", version, arg_required_else_help = true, after_help = after_help())]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Where to begin, and the exit statuses.
fn after_help() -> String {
    let mut text = "\
Examples:
  npugen build --rows 16 --cols 16 -o out/npu16
  npugen demo --golden-only
  npugen help run

Exit status:
"
    .to_owned();
    for (status, meaning) in EXIT_STATUS {
        text += &format!("  {status}  {meaning}\n");
    }
    text
}

#[derive(Debug, Subcommand)]
enum Command {
    Build(build::Args),
    Run(run::Args),
    Compare(compare::Args),
    Compile(compile::Args),
    Explain(explain::Args),
    Asm(asm::Args),
    Disasm(disasm::Args),
    Lint(lint::Args),
    Bench(bench::Args),
    Fuzz(fuzz::Args),
    Function(function::Args),
    Graph(graph::Args),
    Operators(operators::Args),
    Quantize(quantize::Args),
    #[command(name = "test-extension")]
    TestExtension(extension::Args),
    Schema(schema::Args),
    Fpga(fpga::Args),
    Demo(demo::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
}

fn dispatch(command: &Command) -> Result<(), Error> {
    match command {
        Command::Build(args) => build::run(args),
        Command::Run(args) => run::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Compile(args) => compile::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Asm(args) => asm::run(args),
        Command::Disasm(args) => disasm::run(args),
        Command::Lint(args) => lint::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Fuzz(args) => fuzz::run(args),
        Command::Function(args) => function::run(args),
        Command::Graph(args) => graph::run(args),
        Command::Operators(args) => operators::run(args),
        Command::Quantize(args) => quantize::run(args),
        Command::TestExtension(args) => extension::run(args),
        Command::Schema(args) => schema::run(args),
        Command::Fpga(args) => fpga::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Completions(args) => completions::run(args),
    }
}

/// Runs the program with the given arguments, the first of which is its name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()) * 2);
        }
    };
    match dispatch(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&render(&error));
            ExitCode::from(error.exit_status())
        }
    }
}

/// Writes data to stdout. A reader that has left is no error.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::write("stdout".as_ref(), error))
        }
        _ => Ok(()),
    }
}

/// Writes a line to stderr. Nobody can be told if that fails.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", text.trim_end());
}

/// A diagnostic as text, in colour only on a terminal.
fn render(error: &dyn Diagnostic) -> String {
    let theme = match io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        true => GraphicalTheme::unicode(),
        false => GraphicalTheme::unicode_nocolor(),
    };
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
    match handler.render_report(&mut text, error) {
        Ok(()) => text,
        Err(_) => error.to_string(),
    }
}
