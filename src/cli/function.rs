//! `npugen function`: tables of the function unit.

use serde_json::json;

use super::print;
use crate::error::Error;
use crate::functions::{Function, manual};

/// List the functions the function unit can compute, with their errors, or print one's table.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen function                          all functions: range, segments, largest error
  npugen function gelu --segments 1024     the error of a table of at most 1024 segments
  npugen function exp2 --json > exp2.json  registers and coefficients as they are loaded

Errors are measured on the unit's own arithmetic against binary64, in units in the last place (ulp)
of the result; docs/numerics.md says more.")]
pub struct Args {
    /// Function to print; left out, all are listed.
    name: Option<String>,
    /// Most segments the table may have.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u16).range(1..))]
    segments: u16,
    /// Print registers and coefficients as one JSON object.
    #[arg(long, requires = "name")]
    json: bool,
}

/// Arguments at which the error is measured, for each sign.
const POINTS: u32 = 2_000_003;

/// Prints them.
pub fn run(args: &Args) -> Result<(), Error> {
    let Some(name) = &args.name else {
        return print(&manual());
    };
    let usage = |message: String, remedy: String| Error::Usage { message, remedy };
    let function = Function::named(name).ok_or_else(|| {
        usage(
            format!("`{name}` has no table"),
            format!("allowed: {}", Function::names().join(", ")),
        )
    })?;
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
