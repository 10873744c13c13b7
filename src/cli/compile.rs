//! `npugen compile`: an ONNX network to a program.

use std::path::{Path, PathBuf};

use super::{DesignArgs, graph, print, say};
use crate::compiler::emit::Place;
use crate::compiler::schedule_file::{self, Wishes};
use crate::compiler::{self, Compiled, Options, Refusal, lower};
use crate::error::Error;
use crate::files;
use crate::graph::{Graph, Problems, show};
use crate::program::disasm::{Options as Show, disassemble};

/// Compile a quantized ONNX network to a program.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen compile tests/data/digits_int8.onnx -o out/digits.npu
  npugen run out/digits.npu --inputs tests/data/digits_runs.npz --expect tests/data/digits_runs.npz
  npugen compile tests/data/digits_int8.onnx -c genesys_03 --keep --no-fuse -o out/all.npu
  npugen compile tests/data/digits_int8.onnx --shape input=1x1x8x8 --json -o out/digits.npu
  npugen compile tests/data/digits_int8.onnx --dump-schedule out/digits.yaml -o out/digits.npu
  npugen compile tests/data/digits_int8.onnx --schedule out/digits.yaml --layer c5.order=tiles -o out/digits.npu

The network must be quantized to int8 (QDQ or QLinear operators). Inputs and outputs of the program
have the names and shapes of the network's; real numbers are quantized at the border. With --keep
every tensor that the machine makes can be read after a run; together with --no-fuse that is every
quantized tensor of the network.")]
pub struct Args {
    /// The ONNX file.
    model: PathBuf,
    #[command(flatten)]
    design: DesignArgs,
    /// Program file; left out, the model's name with the ending `.npu`.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Shape of an input, or extent of a dimension that the model names. May be given again.
    #[arg(long, value_name = "NAME=1x3x224x224")]
    shape: Vec<String>,
    /// Write every feature map to DRAM too, so that it can be looked at.
    #[arg(long)]
    keep: bool,
    /// Do not move additions and functions into convolutions.
    #[arg(long)]
    no_fuse: bool,
    /// Take decisions about single layers from a schedule file (docs/schedule.md).
    #[arg(long, value_name = "FILE")]
    schedule: Option<PathBuf>,
    /// Decide one thing about one layer, before what the schedule file says. May be given again.
    #[arg(long, value_name = "LAYER.KEY=VALUE")]
    layer: Vec<String>,
    /// Write the schedule that the program has, as a file to begin with.
    #[arg(long, value_name = "FILE")]
    dump_schedule: Option<PathBuf>,
    /// Write what the passes leave behind into this folder: the graph, layers before and after
    /// fusion, schedule and program.
    #[arg(long, value_name = "FOLDER")]
    dump_passes: Option<PathBuf>,
    /// Print the layers as one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// Compiles the network and writes the program.
pub fn run(args: &Args) -> Result<(), Error> {
    let design = args.design.design()?;
    let graph = graph::open(&args.model, &args.shape, None)?;
    let options = Options { fuse: !args.no_fuse, keep: args.keep };
    let wishes = Wishes::read(args.schedule.as_deref(), &args.layer)?;
    let compiled = compiler::compile_scheduled(&graph, &design, options, &wishes);
    let compiled = compiled.map_err(|refusal| match refusal {
        Refusal::Network(problems) => {
            let file = args.model.display().to_string();
            Error::Graph(Box::new(Problems { file, problems }))
        }
        Refusal::Schedule(errors) => Error::Config(errors),
    })?;
    if let Some(path) = &args.dump_schedule {
        files::write(path, schedule_file::dump(&compiled, &wishes).as_bytes())?;
    }
    if let Some(folder) = &args.dump_passes {
        dump(folder, &graph, &compiled, &wishes)?;
    }
    let output = args.output.clone().unwrap_or_else(|| args.model.with_extension("npu"));
    let bytes = compiled
        .program
        .to_bytes()
        .map_err(|error| Error::Program { path: output.clone(), error })?;
    files::write(&output, &bytes)?;
    print(&if args.json { json(&compiled) } else { table(&compiled) })?;
    say(&format!(
        "wrote {}: {} instructions for {}, {} multiply-accumulates",
        output.display(),
        compiled.program.code.len(),
        design.name(),
        compiled.macs,
    ));
    Ok(())
}

/// What the passes leave behind, a file each.
fn dump(folder: &Path, graph: &Graph, compiled: &Compiled, wishes: &Wishes) -> Result<(), Error> {
    let lowered = lower::lower(graph).map_err(|problems| {
        let file = folder.display().to_string();
        Error::Graph(Box::new(Problems { file, problems }))
    })?;
    for (name, text) in [
        ("1_graph.txt", show::table(graph)),
        ("2_layers.txt", lowered.to_string()),
        ("3_fused.txt", compiled.net.to_string()),
        ("4_schedule.yaml", schedule_file::dump(compiled, wishes)),
        ("5_program.npuasm", disassemble(&compiled.program, Show { data: false, words: true })),
    ] {
        files::write(&folder.join(name), text.as_bytes())?;
    }
    Ok(())
}

fn place(place: Place) -> &'static str {
    match place {
        Place::Chip(_) => "ibuf",
        Place::Dram(_) => "dram",
    }
}

/// A line per layer.
fn table(compiled: &Compiled) -> String {
    let mut rows = vec![["layer", "kernel", "engine", "result", "in", "MACs"].map(String::from)];
    for (layer, at) in compiled.net.layers.iter().zip(&compiled.places) {
        let [height, width, channels] = compiled.net.value(layer.output).shape();
        rows.push([
            layer.name.clone(),
            layer.kind.name().to_owned(),
            layer.kind.engine().to_owned(),
            format!("{height}x{width}x{channels}"),
            place(*at).to_owned(),
            if layer.macs > 0 { layer.macs.to_string() } else { String::new() },
        ]);
    }
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let cell =
                if column == 5 { format!("{cell:>width$}") } else { format!("{cell:width$}") };
            line += &cell;
            line += "  ";
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn json(compiled: &Compiled) -> String {
    let layers: Vec<serde_json::Value> = compiled
        .net
        .layers
        .iter()
        .zip(&compiled.places)
        .map(|(layer, at)| {
            let value = compiled.net.value(layer.output);
            serde_json::json!({
                "layer": layer.name,
                "nodes": layer.nodes,
                "kernel": layer.kind.name(),
                "engine": layer.kind.engine(),
                "result": value.shape(),
                "tensor": value.name(),
                "in": place(*at),
                "macs": layer.macs,
            })
        })
        .collect();
    let value = serde_json::json!({
        "instructions": compiled.program.code.len(),
        "macs": compiled.macs,
        "layers": layers,
    });
    format!("{value:#}\n")
}
