//! The `npugen` program; everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    npugen::cli::main(std::env::args_os())
}
