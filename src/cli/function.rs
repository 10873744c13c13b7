//! `npugen function`: tables of the function unit.

use std::borrow::Cow;

use serde_json::json;

use super::{DesignArgs, print};
use crate::design::OwnFunction;
use crate::error::Error;
use crate::functions::{Function, manual};

/// List the functions the function unit can compute, with their errors, or print one's table.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen function                          all functions: range, segments, largest error
  npugen function gelu --segments 1024     the error of a table of at most 1024 segments
  npugen function exp2 --json > exp2.json  registers and coefficients as they are loaded
  npugen function --expr 'x * tanh(log1p(exp(x)))' --range 16
  npugen function -c configs/examples/custom_op.yaml mish

An expression of x is written as docs/extensions.md says; a configuration keeps functions under
`extensions.functions`, and every operator that takes a function by its name then knows them.

Errors are measured on the unit's own arithmetic against binary64, in units in the last place (ulp)
of the result; docs/numerics.md says more.")]
pub struct Args {
    /// Function to print; left out, all are listed.
    name: Option<String>,
    /// Make a table of this expression of x instead.
    #[arg(long, value_name = "EXPRESSION", conflicts_with = "name")]
    expr: Option<String>,
    /// Arguments of the expression's table go from minus this to this; beyond, the function goes on
    /// as a straight line.
    #[arg(long, value_name = "X", default_value_t = 8, requires = "expr",
          value_parser = clap::value_parser!(u32).range(1..=65536))]
    range: u32,
    #[command(flatten)]
    design: DesignArgs,
    /// Most segments the table may have.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u16).range(1..))]
    segments: u16,
    /// Print registers and coefficients as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Arguments at which the error is measured, for each sign.
const POINTS: u32 = 2_000_003;

/// Prints them.
pub fn run(args: &Args) -> Result<(), Error> {
    let usage = |message: String, remedy: String| Error::Usage { message, remedy };
    let function = match (&args.name, &args.expr) {
        (None, None) if args.json => {
            return Err(usage("`--json` prints one function".into(), "give its name".into()));
        }
        (None, None) => return print(&manual()),
        (Some(name), _) => {
            let design = args.design.design()?;
            let own = design.functions().iter().map(|own| own.name.as_str());
            let names: Vec<&str> = Function::names().into_iter().chain(own).collect();
            Function::of(&design, name).ok_or_else(|| {
                usage(format!("`{name}` has no table"), format!("allowed: {}", names.join(", ")))
            })?
        }
        (None, Some(text)) => {
            let own = OwnFunction::new("x", text, args.range).map_err(|error| {
                let place = text.get(error.span.clone()).unwrap_or_default();
                let message = format!("expression `{text}`, at `{place}`: {}", error.message);
                usage(message, error.remedy)
            })?;
            Cow::Owned(Function::own(&own))
        }
    };
    let name = &function.name;
    let table = function.table(args.segments.into()).ok_or_else(|| {
        usage(
            format!("no table of `{name}` has {} segments or fewer", args.segments),
            "give it more `--segments`".to_owned(),
        )
    })?;
    let report = function.measure(&table, POINTS);
    let form = &table.form;
    if args.json {
        let value = json!({
            "name": function.name,
            "formula": function.formula,
            "mode": form.mode.number(),
            "bits": form.bits,
            "low": form.low,
            "octaves": form.octaves,
            "ulp": report.ulp,
            "absolute": report.absolute,
            "coefficients": table.coefficients,
        });
        return print(&format!("{value:#}\n"));
    }
    let (low, high) = function.range;
    print(&format!(
        "{name}: {}\n  {} segments, mode {:?}, bits {}, low {}, octaves {}\n  on [{low}, {high}) at most {:.3} ulp (at {:e}), {:.3e} absolute\n",
        function.formula,
        table.coefficients.len(),
        form.mode,
        form.bits,
        form.low,
        form.octaves,
        report.ulp,
        report.at,
        report.absolute
    ))
}
