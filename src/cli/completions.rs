//! `npugen completions`: scripts for shells.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, print};
use crate::error::Error;

/// Print the completion script of a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen completions bash > ~/.local/share/bash-completion/completions/npugen
  npugen completions zsh > ~/.zfunc/_npugen
  npugen completions fish > ~/.config/fish/completions/npugen.fish")]
pub struct Args {
    /// Which shell.
    shell: Shell,
}

/// Prints it.
pub fn run(args: &Args) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "npugen", &mut script);
    print(&String::from_utf8_lossy(&script))
}
