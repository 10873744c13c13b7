//! `npugen doctor`: which tools are here.

use super::print;
use crate::error::Error;
use crate::tools;

/// Name the tools that are missing, and the commands that install them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen doctor            exit status 4 if a tool is missing that npugen itself runs

`build`, `asm`, `lint` and everything on the golden model need no tool at all.")]
pub struct Args {}

/// Prints one line per tool.
pub fn run(_: &Args) -> Result<(), Error> {
    let mut missing = None;
    for tool in tools::ALL {
        match tool.find() {
            Ok(path) => {
                print(&format!("{:<14} {:<34} {}\n", tool.name, tool.purpose, path.display()))?;
            }
            Err(error) => {
                print(&format!(
                    "{:<14} {:<34} MISSING: {}\n",
                    tool.name, tool.purpose, tool.install
                ))?;
                if tool.required {
                    missing.get_or_insert(error);
                }
            }
        }
    }
    missing.map_or(Ok(()), Err)
}
