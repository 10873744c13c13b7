//! `npugen demo`: a real network on the golden model and on the RTL, against onnxruntime.

use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::card_args::{self, CardArgs, Place, preset};
use super::rtl_args::{RtlArgs, failed};
use super::{DesignArgs, print, say};
use crate::cosim::Rtl;
use crate::design::Design;
use crate::error::Error;
use crate::exec::{Executor, RunReport};
use crate::files;
use crate::golden::Golden;
use crate::program::lint::lint;
use crate::workload::Workload;
use crate::workload::digits::{self, HeldOut};

/// Run a real quantized network on the golden model and on the RTL, and compare every quantized
/// output with onnxruntime's.
///
/// The network recognises handwritten digits of 8x8 pixels: two depthwise-separable blocks, two
/// residual blocks, global average pooling, a fully connected layer, with weights and quantization
/// from an ONNX file. The pictures were held out from its training; onnxruntime's outputs for them
/// come with the program.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen demo
  npugen demo --full
  npugen demo -c tiny --pictures 5 --json
  npugen demo --on aws-f2-sim -c tiny --set axi.data_bits=512 --pictures 2
  npugen demo --golden-only --save digits.npu     for `run`, `compare`, `lint` and `disasm`")]
pub struct Args {
    #[command(flatten)]
    design: DesignArgs,
    /// Where to run besides the golden model. A card takes the configuration made for it, unless
    /// `--config` names another.
    #[arg(long, value_enum, default_value_t = Place::Rtl)]
    on: Place,
    #[command(flatten)]
    card: CardArgs,
    /// Pictures to run there; the golden model runs all.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pictures: usize,
    /// Run all pictures there.
    #[arg(long)]
    full: bool,
    /// Leave the RTL out; needs no other tools.
    #[arg(long, conflicts_with_all = ["full", "pictures", "on"])]
    golden_only: bool,
    /// Keep the program, with tensors `input` and `logits`.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    rtl: RtlArgs,
}

/// Pictures run on one executor.
struct Outcome {
    pictures: usize,
    /// Pictures whose ten logits all equal onnxruntime's.
    equal: usize,
    /// Pictures with the right digit.
    right: usize,
    /// Report of the last picture.
    last: RunReport,
    /// Cycles of all pictures, where the executor knows time.
    cycles: u64,
}

impl Outcome {
    fn accuracy(&self) -> f64 {
        percent(self.right as f64, self.pictures as f64)
    }
}

/// Runs the demonstration.
pub fn run(args: &Args) -> Result<(), Error> {
    let card = args.on.card();
    let design = match card {
        Some((target, _)) => args.design.design_or(preset(target))?,
        None => args.design.design()?,
    };
    let digits = digits::program(&design).map_err(Error::Digits)?;
    let held_out = digits::held_out(&digits.program).map_err(Error::Digits)?;
    let report = lint(&design, &digits.program);
    if !report.is_legal() {
        return Err(Error::Mismatch { message: format!("the program is not legal:\n{report}") });
    }
    if let Some(path) = &args.save {
        let bytes = digits.program.to_bytes();
        files::write(path, &bytes.map_err(|error| Error::Program { path: path.clone(), error })?)?;
    }

    let golden = classify(&mut Golden::new(&design), &digits, &held_out, held_out.pictures.len())?;
    let count = if args.full { usize::MAX } else { args.pictures };
    let count = count.min(held_out.pictures.len());
    let rtl = if args.golden_only || args.on == Place::Golden {
        None
    } else {
        let mut executor = machine(args, &design)?;
        Some(classify(executor.as_mut(), &digits, &held_out, count)?)
    };
    let name = if card.is_some() { "card" } else { "RTL" };

    if args.json {
        print(&format!("{:#}\n", as_json(&design, &digits, &golden, (name, rtl.as_ref()))))?;
    } else {
        print(&as_text(&design, &digits, &golden, (name, rtl.as_ref())))?;
    }
    for (name, outcome) in [("golden model", Some(&golden)), (name, rtl.as_ref())] {
        if let Some(outcome) = outcome
            && outcome.equal < outcome.pictures
        {
            let wrong = outcome.pictures - outcome.equal;
            return Err(Error::Mismatch {
                message: format!(
                    "{wrong} of {} pictures differ between the {name} and onnxruntime",
                    outcome.pictures
                ),
            });
        }
    }
    Ok(())
}

/// The machine, by itself or on a card.
fn machine(args: &Args, design: &Design) -> Result<Box<dyn Executor>, Error> {
    let card = args.on.card();
    if !matches!(card, Some((_, false))) {
        say(&format!("building the simulation of {} (cached for the next run)", design.name()));
    }
    if let Some(card) = card {
        return card_args::open(design, card, &args.rtl, &args.card, !args.full);
    }
    let mut options = args.rtl.options(design)?;
    options.progress = false;
    Ok(Box::new(Rtl::new(design, options)?))
}

/// Runs the first `count` pictures.
fn classify(
    executor: &mut dyn Executor,
    digits: &Workload,
    held_out: &HeldOut,
    count: usize,
) -> Result<Outcome, Error> {
    let program = &digits.program;
    executor.load(program).map_err(failed)?;
    let (Some(input), Some(logits)) = (program.tensor("input"), program.tensor("logits")) else {
        return Err(Error::Mismatch {
            message: "the program has no input or no logits".to_owned(),
        });
    };
    let bar = ProgressBar::new(count as u64).with_prefix(executor.name());
    if let Ok(style) =
        ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} pictures, {eta} left")
    {
        bar.set_style(style);
    }
    let mut outcome =
        Outcome { pictures: count, equal: 0, right: 0, last: RunReport::default(), cycles: 0 };
    let samples = held_out.pictures.iter().zip(&held_out.labels).zip(&held_out.logits);
    for ((picture, label), expected) in samples.take(count) {
        executor.write(input.region, input.offset, picture).map_err(failed)?;
        let report = executor.run().map_err(failed)?;
        if let Some(fault) = report.fault {
            return Err(Error::Fault { fault });
        }
        let found = executor
            .read(logits.region, logits.offset, held_out.logits.first().map_or(0, Vec::len) as u64)
            .map_err(failed)?;
        outcome.equal += usize::from(found == *expected);
        outcome.right += usize::from(digits::class(&found) == *label);
        outcome.cycles += report.cycles.unwrap_or(0);
        outcome.last = report;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(outcome)
}

/// Figures that follow from cycles.
struct Speed {
    cycles: f64,
    pictures_per_second: f64,
    utilisation: f64,
}

fn speed(design: &Design, digits: &Workload, outcome: &Outcome) -> Speed {
    let cycles = outcome.cycles as f64 / outcome.pictures.max(1) as f64;
    let peak = (design.rows() * design.cols()) as f64;
    Speed {
        cycles,
        pictures_per_second: f64::from(design.clock_mhz()) * 1e6 / cycles.max(1.0),
        utilisation: percent(digits.macs as f64, peak * cycles.max(1.0)),
    }
}

fn percent(part: f64, whole: f64) -> f64 {
    100.0 * part / whole.max(1.0)
}

fn as_text(
    design: &Design,
    digits: &Workload,
    golden: &Outcome,
    (name, rtl): (&str, Option<&Outcome>),
) -> String {
    let mut text = format!(
        "digits network, {} multiply-accumulates a picture, on {} ({}x{}, {} bit bus)\n",
        digits.macs,
        design.name(),
        design.rows(),
        design.cols(),
        design.axi().data_bits
    );
    let line = |name: &str, outcome: &Outcome| {
        format!(
            "{name}  accuracy {:.2} % ({}/{}), bit-equal to onnxruntime {}/{}\n",
            outcome.accuracy(),
            outcome.right,
            outcome.pictures,
            outcome.equal,
            outcome.pictures
        )
    };
    text += &line("golden", golden);
    if let Some(rtl) = rtl {
        text += &line(&format!("{name:<6}"), rtl);
        let Speed { cycles, pictures_per_second, utilisation } = speed(design, digits, rtl);
        text += &format!(
            "        {cycles:.0} cycles a picture: {pictures_per_second:.0} pictures per second at {} MHz, utilisation {utilisation:.1} %\n",
            design.clock_mhz()
        );
    }
    text
}

fn as_json(
    design: &Design,
    digits: &Workload,
    golden: &Outcome,
    (name, rtl): (&str, Option<&Outcome>),
) -> serde_json::Value {
    let counts = |outcome: &Outcome| {
        json!({
            "pictures": outcome.pictures,
            "bit_equal_to_onnxruntime": outcome.equal,
            "right": outcome.right,
            "accuracy_percent": outcome.accuracy(),
        })
    };
    let mut value = json!({
        "design": design.name(),
        "rows": design.rows(),
        "cols": design.cols(),
        "macs_per_picture": digits.macs,
        "golden": counts(golden),
    });
    if let Some(rtl) = rtl {
        let Speed { cycles, pictures_per_second, utilisation } = speed(design, digits, rtl);
        let mut figures = counts(rtl);
        figures["cycles_per_picture"] = json!(cycles);
        figures["clock_mhz"] = json!(design.clock_mhz());
        figures["pictures_per_second"] = json!(pictures_per_second);
        figures["utilisation_percent"] = json!(utilisation);
        figures["counters_of_last_picture"] = json!(rtl.last.counters);
        value[name.to_ascii_lowercase()] = figures;
    }
    value
}
