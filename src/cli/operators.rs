//! `npugen operators`: what of ONNX is compiled.

use super::print;
use crate::compiler::operators;
use crate::error::Error;

/// List the ONNX operators that are compiled, with what computes them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen operators
  npugen operators Softmax QLinearConv
  npugen operators --json")]
pub struct Args {
    /// Only these, in any spelling; left out, the whole page docs/operators.md.
    #[arg(value_name = "OPERATOR")]
    names: Vec<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Prints them.
pub fn run(args: &Args) -> Result<(), Error> {
    if args.names.is_empty() && !args.json {
        return print(&operators::page());
    }
    let wanted = |name: &str| {
        args.names.is_empty() || args.names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
    };
    if let Some(unknown) = args.names.iter().find(|wanted| {
        !operators::all().iter().any(|support| support.name.eq_ignore_ascii_case(wanted))
    }) {
        return Err(Error::Usage {
            message: format!("ONNX operator `{unknown}` is not read, or there is none"),
            remedy: "`npugen operators` lists all that are".to_owned(),
        });
    }
    if args.json {
        return print(&format!("{:#}\n", operators::json(wanted)));
    }
    print(&operators::table(wanted))
}
