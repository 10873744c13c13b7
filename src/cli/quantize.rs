//! `npugen quantize`: a float ONNX network to one of int8.

use std::path::PathBuf;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::{inputs, print, say};
use crate::error::Error;
use crate::files;
use crate::graph::{Problem, Problems};
use crate::quantize::measure::{Report, Row, measure};
use crate::quantize::{Job, Method, Options, Scope};

/// Quantize a float ONNX network to int8, with ranges from calibration inputs.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen quantize tests/data/digits_fp32.onnx --calib tests/data/digits_runs.npz -o out/digits.onnx
  npugen compile out/digits.onnx -o out/digits.npu
  npugen quantize tests/data/digits_fp32.onnx --calib tests/data/digits_runs.npz -o out/digits.onnx --method percentile --json
  npugen quantize tests/data/digits_fp32.onnx --calib tests/data/digits_runs.npz -o out/digits.onnx --exclude fc
  npugen quantize tests/data/digits_fp32.onnx --calib tests/data/digits_runs.npz -o out/digits.onnx --gemm-only

Calibration inputs are NumPy files: an archive has an array for each input of the network, by its
name; with one dimension more than the model has, an array is a list of inputs. A folder stands for
all `.npz` and `.npy` files in it.

What is printed compares the quantized network with the float one, tensor by tensor, over the
calibration inputs or those of --eval. The file is in QDQ form; onnxruntime computes it with integers
when the session has the entry `session.qdqisint8allowed` = 1. docs/quantize.md has the formulas.")]
pub struct Args {
    /// The float ONNX file.
    model: PathBuf,
    /// Calibration inputs: an archive, or a folder of them.
    #[arg(long, value_name = "FILE.npz|DIR")]
    calib: PathBuf,
    /// The quantized file; left out, the model's name with `_int8`.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Other inputs to compare both networks with.
    #[arg(long, value_name = "FILE.npz|DIR")]
    eval: Option<PathBuf>,
    /// How ranges follow from the values seen.
    #[arg(long, value_enum, default_value_t = Ranges::MinMax)]
    method: Ranges,
    /// Part of the values that a range holds with `--method percentile`, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 99.99)]
    percentile: f64,
    /// Quantize the operands of matrix products only; with `all` those of two activations too.
    #[arg(
        long,
        value_enum,
        value_name = "WHICH",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "constant"
    )]
    gemm_only: Option<Products>,
    /// A node that stays float. May be given again.
    #[arg(long, value_name = "NODE")]
    exclude: Vec<String>,
    /// Quantize these ONNX operators only.
    #[arg(long, value_name = "TYPE,...", value_delimiter = ',')]
    only_types: Vec<String>,
    /// Shape of an input, or extent of a dimension that the model names. May be given again.
    #[arg(long, value_name = "NAME=1x3x224x224")]
    shape: Vec<String>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// How ranges are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Ranges {
    /// From the smallest to the largest value.
    #[value(name = "minmax")]
    MinMax,
    /// Without the outermost values.
    Percentile,
}

/// Which matrix products are quantized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Products {
    /// Those with a constant matrix.
    Constant,
    /// Those of two activations as well.
    All,
}

fn options(args: &Args) -> Result<Options, Error> {
    if !(args.percentile > 0.0 && args.percentile <= 100.0) {
        return Err(Error::Usage {
            message: format!("--percentile is {}, not above 0 and at most 100", args.percentile),
            remedy: "99.99 is usual".to_owned(),
        });
    }
    Ok(Options {
        scope: match args.gemm_only {
            None => Scope::All,
            Some(Products::Constant) => Scope::Gemm,
            Some(Products::All) => Scope::Products,
        },
        method: match args.method {
            Ranges::MinMax => Method::MinMax,
            Ranges::Percentile => Method::Percentile(args.percentile),
        },
        exclude: args.exclude.clone(),
        only: args.only_types.clone(),
    })
}

/// Quantizes the network, writes it and prints how far it is from the float one.
pub fn run(args: &Args) -> Result<(), Error> {
    let options = options(args)?;
    let file = args.model.display().to_string();
    let problems = |problems| Error::Graph(Box::new(Problems { file: file.clone(), problems }));
    let float = files::read(&args.model, files::DATA_LIMIT)?;
    let shapes = |model: &crate::onnx::Model, given: &mut crate::graph::import::Options| {
        let told = |text: &String| {
            given.add(model, text).map_err(|fault| {
                let place = format!("--shape {text}");
                vec![Problem::new(place, fault.message, fault.remedy)]
            })
        };
        args.shape.iter().try_for_each(told)
    };
    let job = Job::new(&float, shapes, options).map_err(problems)?;
    let calibration = inputs::all(&args.calib, job.graph())?.runs;
    let other = args.eval.as_deref().map(|path| inputs::all(path, job.graph())).transpose()?;
    let evaluation = other.map_or_else(|| calibration.clone(), |inputs| inputs.runs);
    for (runs, what) in [(&calibration, "--calib"), (&evaluation, "--eval")] {
        if runs.is_empty() {
            return Err(Error::Data {
                message: format!("{what}: the arrays have no inputs in them"),
                remedy: "give at least one".to_owned(),
            });
        }
    }
    let bar = bar((calibration.len() + evaluation.len()) as u64);
    bar.set_message("calibrating");
    let found = job.calibrate(&calibration, || bar.inc(1)).map_err(problems)?;
    let quantized = job.write(&found).map_err(problems)?;
    bar.set_message("measuring");
    let report = measure(&job, &found, &quantized, &evaluation, || bar.inc(1)).map_err(problems)?;
    bar.finish_and_clear();
    let output = args.output.clone().unwrap_or_else(|| beside(args));
    files::write(&output, &quantized)?;
    let sizes = [float.len(), quantized.len()];
    print(&if args.json { as_json(&report, sizes) } else { table(&report) })?;
    say(&summary(&report));
    say(&format!("wrote {}: {} bytes, {} before", output.display(), sizes[1], sizes[0]));
    Ok(())
}

/// The model's name with `_int8`.
fn beside(args: &Args) -> PathBuf {
    let stem = args.model.file_stem().unwrap_or_default().to_string_lossy();
    args.model.with_file_name(format!("{stem}_int8.onnx"))
}

fn bar(count: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} inputs, {eta} left")
    {
        bar.set_style(style);
    }
    bar
}

/// Decibels as people read them.
fn decibels(row: &Row) -> String {
    match row.decibels {
        None => String::new(),
        Some(value) if value.is_infinite() => "exact".to_owned(),
        Some(value) => format!("{value:.1}"),
    }
}

/// A line for what was quantized, and how good the outputs are.
fn summary(report: &Report) -> String {
    let outputs: Vec<String> = report
        .rows
        .iter()
        .filter(|row| row.output)
        .map(|row| format!("`{}` {} dB", row.tensor, decibels(row)))
        .collect();
    let worst = report
        .rows
        .iter()
        .filter_map(|row| Some((row.decibels?, row)))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    let worst = worst
        .map_or_else(String::new, |(value, row)| format!("; worst `{}` {value:.1} dB", row.tensor));
    format!(
        "{} of {} operators quantized; over {} inputs: {}{worst}",
        report.quantized,
        report.quantized + report.kept.len(),
        report.inputs,
        outputs.join(", ")
    )
}

/// A line per tensor, and one per operator that stays float.
fn table(report: &Report) -> String {
    let head = ["tensor", "made by", "range", "scale", "zero", "dB", "saturated"];
    let mut rows = vec![head.map(String::from)];
    for row in &report.rows {
        let (scale, zero) =
            row.quant.map_or_else(Default::default, |(s, z)| (format!("{s:.4e}"), z.to_string()));
        rows.push([
            row.tensor.clone(),
            row.node.as_ref().map_or_else(|| "input".to_owned(), |(n, op)| format!("{n} ({op})")),
            row.range.map_or_else(String::new, |[low, high]| format!("{low:.4} .. {high:.4}")),
            scale,
            zero,
            decibels(row),
            if row.saturated > 0.0 {
                format!("{:.3} %", row.saturated * 100.0)
            } else {
                String::new()
            },
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..head.len()).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let cell =
                if column >= 3 { format!("{cell:>width$}") } else { format!("{cell:width$}") };
            line += &cell;
            line += "  ";
        }
        text += line.trim_end();
        text.push('\n');
    }
    for kept in &report.kept {
        text += &format!("float: {} ({}): {}\n", kept.node, kept.operator, kept.reason);
    }
    text
}

fn as_json(report: &Report, [before, after]: [usize; 2]) -> String {
    let rows = report.rows.iter().map(|row| {
        json!({
            "tensor": row.tensor,
            "node": row.node.as_ref().map(|(name, _)| name),
            "operator": row.node.as_ref().map(|(_, operator)| operator),
            "range": row.range,
            "scale": row.quant.map(|(scale, _)| scale),
            "zero_point": row.quant.map(|(_, zero)| zero),
            // JSON has no infinity: what is exact has none.
            "decibels": row.decibels.filter(|value| value.is_finite()),
            "exact": row.decibels.is_some_and(f64::is_infinite),
            "saturated": row.saturated,
            "output": row.output,
        })
    });
    let kept = report
        .kept
        .iter()
        .map(|kept| json!({ "node": kept.node, "operator": kept.operator, "reason": kept.reason }));
    let value = json!({
        "quantized_operators": report.quantized,
        "inputs": report.inputs,
        "bytes_before": before,
        "bytes_after": after,
        "tensors": rows.collect::<Vec<_>>(),
        "float_operators": kept.collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}
