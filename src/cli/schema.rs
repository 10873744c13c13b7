//! `npugen schema`: what a configuration may say.

use super::print;
use crate::config;
use crate::error::Error;

/// Print the JSON schema of the configuration, for editors and for checking.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen schema > npugen.schema.json
  npugen schema --markdown > config.md

In an editor with a YAML language server, start the file with
  # yaml-language-server: $schema=npugen.schema.json")]
pub struct Args {
    /// The same as a page of the manual.
    #[arg(long)]
    markdown: bool,
}

/// Prints it.
pub fn run(args: &Args) -> Result<(), Error> {
    if args.markdown {
        return print(&config::manual());
    }
    print(&format!("{:#}\n", config::schema()))
}
