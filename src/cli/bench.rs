//! `npugen bench`: how many cycles an operator takes, and where they go.

use std::path::PathBuf;

use serde_json::json;

use super::rtl_args::{RtlArgs, failed};
use super::{DesignArgs, print, say};
use crate::cosim::Rtl;
use crate::design::Design;
use crate::error::Error;
use crate::exec::{Executor, RunReport, compare};
use crate::golden::Golden;
use crate::program::{Names, disasm::statement};
use crate::workload::Workload;
use crate::workload::attention::attention;
use crate::workload::bench::{ConvShape, convolution, depthwise, gemm};
use crate::workload::operators::{Op, Setup, list};
use crate::workload::vector::Masked;

/// Measure an operator on the RTL: cycles, utilisation of the array, where the cycles go.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen bench gemm --m 512 --n 512 --k 512 --on rtl --json
  npugen bench conv --size 56 --channels 64 --filters 64 --kernel 3 --pad 1
  npugen bench conv --size 28 --channels 128 --filters 128 --kernel 3 --pad 1 --layers 10
  npugen bench depthwise --shape 112x112x96 --kernel 3 --on rtl --json
  npugen bench vector --op softmax --shape 12x128x128 --on rtl --json
  npugen bench attention --tokens 128 --channels 64
  npugen bench simulator --rows 64 --cols 64

Data is random, from a seed; results are compared with the golden model, byte for byte.")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// A matrix product, from DRAM to DRAM.
    Gemm(GemmArgs),
    /// A convolution from DRAM to DRAM, or a chain of them on chip.
    Conv(ConvArgs),
    /// A depthwise convolution on the lanes, from DRAM to DRAM.
    Depthwise(DepthwiseArgs),
    /// An operator on the lanes, from DRAM to DRAM: `npugen bench vector --help` lists them.
    Vector(VectorArgs),
    /// One attention head with softmax in binary32, from DRAM to DRAM.
    Attention(AttentionArgs),
    /// The simulator itself: build time and cycles per second.
    Simulator(Common),
}

/// What all benchmarks share.
#[derive(Debug, clap::Args)]
struct Common {
    #[command(flatten)]
    design: DesignArgs,
    /// Where to run.
    #[arg(long, value_enum, default_value_t = On::Rtl)]
    on: On,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// List every launch with the cycle in which it retired.
    #[arg(long)]
    timeline: bool,
    /// Seed of the data.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the program, for `npugen run`, `compare` and `disasm`.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Leave out the comparison with the golden model.
    #[arg(long)]
    no_check: bool,
    #[command(flatten)]
    rtl: RtlArgs,
}

/// An executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum On {
    /// The functional model: no cycles.
    Golden,
    /// The emitted Verilog, simulated.
    Rtl,
}

#[derive(Debug, clap::Args)]
struct GemmArgs {
    /// Rows of A and C.
    #[arg(long, default_value_t = 512)]
    m: usize,
    /// Columns of B and C.
    #[arg(long, default_value_t = 512)]
    n: usize,
    /// Columns of A, rows of B.
    #[arg(long, default_value_t = 512)]
    k: usize,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct ConvArgs {
    /// Height and width of the input.
    #[arg(long, default_value_t = 56)]
    size: usize,
    /// Channels of the input.
    #[arg(long, default_value_t = 64)]
    channels: usize,
    /// Channels of the output.
    #[arg(long, default_value_t = 64)]
    filters: usize,
    /// Height and width of the kernel.
    #[arg(long, default_value_t = 3)]
    kernel: usize,
    /// Stride in both directions.
    #[arg(long, default_value_t = 1)]
    stride: usize,
    /// Padding on all sides.
    #[arg(long, default_value_t = 0)]
    pad: usize,
    /// Layers in a row with residual additions, on chip.
    #[arg(long, default_value_t = 1)]
    layers: usize,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct DepthwiseArgs {
    /// Height, width and channels of the input.
    #[arg(long, value_name = "HxWxC", default_value = "112x112x96")]
    shape: Sizes<3>,
    /// Height and width of the kernel.
    #[arg(long, default_value_t = 3)]
    kernel: usize,
    /// Stride in both directions.
    #[arg(long, default_value_t = 1)]
    stride: usize,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct AttentionArgs {
    /// Queries, and as many keys.
    #[arg(long, default_value_t = 128)]
    tokens: usize,
    /// Channels of the head.
    #[arg(long, default_value_t = 64)]
    channels: usize,
    /// What a query does not see.
    #[arg(long, value_enum, default_value_t = Masked::No)]
    mask: Masked,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = list())]
struct VectorArgs {
    /// Operator, see below.
    #[arg(long, value_name = "NAME")]
    op: String,
    /// Sizes of the tensor, channels last; for pictures height, width and channels.
    #[arg(long, value_name = "AxB...", default_value = "12x128x128")]
    shape: Shape,
    /// Keep results of binary32 operators instead of rounding them to activations.
    #[arg(long)]
    float: bool,
    /// Let binary32 operators read activations instead of binary32.
    #[arg(long)]
    activations: bool,
    /// Height and width of a pooling window.
    #[arg(long, default_value_t = 3)]
    kernel: usize,
    /// Step of a pooling window; factor of upsampling.
    #[arg(long, default_value_t = 2)]
    stride: usize,
    /// Padding of a pooling window on all sides.
    #[arg(long, default_value_t = 1)]
    pad: usize,
    #[command(flatten)]
    common: Common,
}

/// Sizes of a tensor of any rank, written `12x128x128`.
#[derive(Debug, Clone)]
struct Shape(Vec<usize>);

impl std::str::FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Shape, String> {
        let size = |size: &str| size.parse().ok().filter(|&size| size > 0);
        text.split('x').map(size).collect::<Option<Vec<usize>>>().map(Shape).ok_or_else(|| {
            format!("`{text}` is not a list of sizes of at least 1, such as 12x128x128")
        })
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sizes: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&sizes.join("x"))
    }
}

/// Sizes of a tensor, written `12x128x128`.
#[derive(Debug, Clone, Copy)]
struct Sizes<const N: usize>([usize; N]);

impl<const N: usize> std::str::FromStr for Sizes<N> {
    type Err = String;

    fn from_str(text: &str) -> Result<Sizes<N>, String> {
        let sizes: Option<Vec<usize>> =
            text.split('x').map(|size| size.parse().ok().filter(|&size| size > 0)).collect();
        let sizes = sizes.and_then(|sizes| <[usize; N]>::try_from(sizes).ok());
        sizes.map(Sizes).ok_or_else(|| {
            let example = ["112"; N].join("x");
            format!("`{text}` is not {N} sizes of at least 1, such as {example}")
        })
    }
}

impl<const N: usize> std::fmt::Display for Sizes<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.map(|size| size.to_string()).join("x"))
    }
}

/// What cycles are compared with.
#[derive(Debug, Clone, Copy)]
enum Measure {
    /// Multipliers of the array.
    Array,
    /// Lanes of VECTOR: products per lane and cycle.
    Lanes,
    /// Words of `lanes` values of the result.
    Words,
}

impl Measure {
    fn name(self) -> &'static str {
        match self {
            Measure::Array => "utilisation",
            Measure::Lanes => "macs_per_lane_and_cycle",
            Measure::Words => "cycles_per_word",
        }
    }

    fn value(self, design: &Design, workload: &Workload, cycles: u64) -> f64 {
        let width = match self {
            Measure::Array => design.rows() * design.cols(),
            Measure::Lanes => design.lanes(),
            Measure::Words => {
                return cycles as f64 / words(workload, design.lanes()).max(1) as f64;
            }
        };
        workload.macs as f64 / (width as f64 * cycles.max(1) as f64)
    }

    fn text(self, value: f64) -> String {
        match self {
            Measure::Array => format!("utilisation {:.2} %", 100.0 * value),
            Measure::Lanes => format!("{value:.3} multiply-accumulates per lane and cycle"),
            Measure::Words => format!("{value:.3} cycles per output word"),
        }
    }
}

/// Words of the result: a row of channels is a whole number of words.
fn words(workload: &Workload, lanes: usize) -> u64 {
    let shape = workload.program.tensor("output").map_or(&[][..], |tensor| &tensor.shape);
    let Some((channels, rows)) = shape.split_last() else { return 0 };
    rows.iter().product::<u64>() * channels.div_ceil(lanes as u64)
}

/// Runs the benchmark.
pub fn run(args: &Args) -> Result<(), Error> {
    match &args.what {
        What::Gemm(args) => {
            let (m, n, k) = (args.m, args.n, args.k);
            let macs = product(&[m, n, k]);
            let name = format!("gemm {m}x{n}x{k}");
            measure(&args.common, &name, Measure::Array, macs, |design| {
                gemm(design, m, n, k, args.common.seed)
            })
        }
        What::Conv(args) => {
            let shape = ConvShape {
                height: args.size,
                width: args.size,
                in_channels: args.channels,
                out_channels: args.filters,
                kernel: args.kernel,
                stride: args.stride,
                pad: args.pad,
                layers: args.layers,
            };
            // One product a filter tap; the stride only makes it less.
            let size = args.size.saturating_add(args.pad.saturating_mul(2));
            let kernel = args.kernel;
            let fits = args.stride > 0 && args.size > 0 && kernel <= size;
            let work = [size, size, args.channels, args.filters, kernel, kernel, args.layers];
            let macs = if fits { product(&work) } else { 0 };
            let name = format!(
                "conv {0}x{0}x{1} -> {2}, {3}x{3} stride {4} pad {5}, layers {6}",
                args.size,
                args.channels,
                args.filters,
                args.kernel,
                args.stride,
                args.pad,
                args.layers
            );
            measure(&args.common, &name, Measure::Array, macs, |design| {
                convolution(design, shape, args.common.seed)
            })
        }
        What::Depthwise(args) => {
            let DepthwiseArgs { shape, kernel, stride, common } = args;
            let [height, width, channels] = shape.0;
            let fits = *stride > 0 && *kernel <= height.min(width);
            let macs = product(&[height, width, channels, *kernel, *kernel]);
            let name = format!("depthwise {shape}, {kernel}x{kernel} stride {stride}");
            let macs = if fits { macs } else { 0 };
            measure(common, &name, Measure::Lanes, macs, |design| {
                depthwise(design, shape.0, *kernel, *stride, common.seed)
            })
        }
        What::Vector(args) => {
            let VectorArgs { op, shape, float, activations, kernel, stride, pad, common } = args;
            let op = Op::find(&common.design.design()?, op).map_err(|names| Error::Usage {
                message: format!("`{op}` is no operator"),
                remedy: format!("allowed: {names}"),
            })?;
            let values = product(&shape.0);
            let name = format!("{op} {shape}");
            measure(common, &name, Measure::Words, values, |design| {
                op.workload(&Setup {
                    design,
                    shape: &shape.0,
                    quantized: !float,
                    activations: *activations,
                    kernel: *kernel,
                    stride: *stride,
                    pad: *pad,
                    seed: common.seed,
                })
            })
        }
        What::Attention(AttentionArgs { tokens, channels, mask, common }) => {
            let macs = product(&[2, *tokens, *tokens, *channels]);
            let name = format!("attention head, {tokens} tokens, {channels} channels");
            measure(common, &name, Measure::Array, macs, |design| {
                attention(design, *tokens, *channels, *mask, common.seed)
            })
        }
        What::Simulator(common) => simulator(common),
    }
}

/// Most work of a benchmark: half an hour of simulation on a machine of 16x16.
const MOST_MACS: u128 = 1 << 36;

/// Product of sizes; the largest number when it does not fit.
fn product(sizes: &[usize]) -> u128 {
    sizes.iter().fold(1, |product: u128, &size| product.saturating_mul(size as u128))
}

/// What was measured.
struct Measurement {
    what: Measure,
    report: RunReport,
    /// Bit-equal to the golden model; `None` when that was not asked.
    equal: Option<bool>,
    build_seconds: Option<f64>,
    cycles_per_second: f64,
}

fn measure(
    common: &Common,
    name: &str,
    what: Measure,
    macs: u128,
    make: impl Fn(&Design) -> Result<Workload, crate::kernels::KernelError>,
) -> Result<(), Error> {
    if macs > MOST_MACS {
        return Err(Error::Usage {
            message: format!("{name}: {macs} multiply-accumulates, but the limit is {MOST_MACS}"),
            remedy: "measure a part of it: cycles grow with the work".to_owned(),
        });
    }
    if macs == 0 {
        return Err(Error::Usage {
            message: format!(
                "{name}: sizes must be positive and the kernel not larger than the padded input"
            ),
            remedy: "see `npugen bench --help`".to_owned(),
        });
    }
    let design = common.design.design()?;
    let workload = make(&design).map_err(Error::Kernel)?;
    if let Some(path) = &common.save {
        let bytes = workload
            .program
            .to_bytes()
            .map_err(|error| Error::Program { path: path.clone(), error })?;
        crate::files::write(path, &bytes)?;
        say(&format!("wrote {}", path.display()));
    }
    let measurement = match common.on {
        On::Golden => on_golden(&design, &workload, what)?,
        On::Rtl => on_rtl(common, &design, &workload, what)?,
    };
    show(common, name, &design, &workload, &measurement)?;
    if let Some(fault) = measurement.report.fault {
        return Err(Error::Fault { fault });
    }
    Ok(())
}

fn on_golden(design: &Design, workload: &Workload, what: Measure) -> Result<Measurement, Error> {
    let mut golden = Golden::new(design);
    golden.load(&workload.program).map_err(failed)?;
    let report = golden.run().map_err(failed)?;
    Ok(Measurement { what, report, equal: None, build_seconds: None, cycles_per_second: 0.0 })
}

fn on_rtl(
    common: &Common,
    design: &Design,
    workload: &Workload,
    what: Measure,
) -> Result<Measurement, Error> {
    let mut rtl = build(common, design)?;
    let build_seconds = rtl.built().seconds;
    rtl.load(&workload.program).map_err(failed)?;
    let report = rtl.run().map_err(failed)?;
    let figures = rtl.figures();
    let mut equal = None;
    if !common.no_check {
        let mut golden = Golden::new(design);
        golden.load(&workload.program).map_err(failed)?;
        let expected = golden.run().map_err(failed)?;
        let (divergence, _) =
            compare::examine(&workload.program, &golden, &expected, &rtl, &report)
                .map_err(failed)?;
        if let Some(divergence) = divergence {
            return Err(Error::Mismatch { message: divergence.to_string() });
        }
        equal = Some(true);
    }
    let cycles_per_second = figures.cycles as f64 / figures.seconds.max(1e-9);
    Ok(Measurement { what, report, equal, build_seconds, cycles_per_second })
}

fn build(common: &Common, design: &Design) -> Result<Rtl, Error> {
    let rtl = Rtl::new(design, common.rtl.options(design)?)?;
    if let Some(seconds) = rtl.built().seconds {
        say(&format!("built the simulation model of {} in {seconds:.1} s", design.name()));
    }
    Ok(rtl)
}

/// Launches in the order of retirement.
fn timeline(workload: &Workload, report: &RunReport) -> String {
    let program = &workload.program;
    let names = Names::of(&program.target);
    let mut text = String::new();
    for retirement in &report.retired {
        let word = program.code.get(retirement.pc).copied().unwrap_or(0);
        text += &format!(
            "  {:>10}  {:>6}  {}  ; {}\n",
            retirement.cycle.unwrap_or(0),
            retirement.pc,
            statement(&names, retirement.pc, word),
            program.provenance.at(retirement.pc)
        );
    }
    text
}

fn show(
    common: &Common,
    name: &str,
    design: &Design,
    workload: &Workload,
    measurement: &Measurement,
) -> Result<(), Error> {
    let report = &measurement.report;
    let cycles = report.cycles;
    let share = cycles.map(|cycles| measurement.what.value(design, workload, cycles));
    if common.json {
        let counters: serde_json::Map<String, serde_json::Value> =
            report.counters.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let mut value = json!({
            "benchmark": name,
            "design": design.name(),
            "rows": design.rows(),
            "cols": design.cols(),
            "bus_bits": design.axi().data_bits,
            "latency": common.rtl.latency,
            "instructions": workload.program.code.len(),
            "launches": report.retired.len(),
            "macs": workload.macs,
            "cycles": cycles,
            "equal_to_golden": measurement.equal,
            "fault": report.fault.map(|fault| fault.to_string()),
            "counters": counters,
            "build_seconds": measurement.build_seconds,
            "cycles_per_second": measurement.cycles_per_second,
        });
        value[measurement.what.name()] = json!(share);
        return print(&format!("{value:#}\n"));
    }
    let mut text = format!("{name} on {} ({} x {})\n", design.name(), design.rows(), design.cols());
    text += &format!(
        "  {} instructions, {} launches, {} multiply-accumulates\n",
        workload.program.code.len(),
        report.retired.len(),
        workload.macs
    );
    if let (Some(cycles), Some(share)) = (cycles, share) {
        let ms = cycles as f64 / (f64::from(design.clock_mhz().max(1)) * 1e3);
        text += &format!(
            "  {cycles} cycles ({ms:.3} ms at {} MHz), {}\n",
            design.clock_mhz(),
            measurement.what.text(share)
        );
        text += &format!("  simulated at {:.0} cycles/s\n", measurement.cycles_per_second);
        if common.timeline {
            text += &timeline(workload, report);
        }
        for (counter, value) in report.counters.iter().filter(|(_, value)| **value != 0) {
            let percent = 100.0 * *value as f64 / cycles.max(1) as f64;
            text += &format!("  {counter:<24} {value:>12}  {percent:>6.2} %\n");
        }
    }
    match measurement.equal {
        Some(_) => text += "  equal to the golden model in every byte\n",
        None => text += "  not compared with the golden model\n",
    }
    print(&text)
}

/// Builds the model anew and runs a matrix product that keeps the array busy.
fn simulator(common: &Common) -> Result<(), Error> {
    let design = common.design.design()?;
    let fresh = tempfile::tempdir().map_err(|error| Error::write(&std::env::temp_dir(), error))?;
    let mut options = common.rtl.options(&design)?;
    options.build.cache = Some(fresh.path().to_owned());
    let mut rtl = Rtl::new(&design, options)?;
    let build_seconds = rtl.built().seconds;
    let size = 16 * design.rows().max(design.cols()).max(16);
    let workload = gemm(&design, size, size, size, common.seed).map_err(Error::Kernel)?;
    rtl.load(&workload.program).map_err(failed)?;
    let report = rtl.run().map_err(failed)?;
    let figures = rtl.figures();
    let cycles_per_second = figures.cycles as f64 / figures.seconds.max(1e-9);
    let what = Measure::Array;
    let measurement = Measurement { what, report, equal: None, build_seconds, cycles_per_second };
    if !common.json {
        print(&format!(
            "simulator of {} ({} x {}): built in {:.1} s, {cycles_per_second:.0} cycles/s\n",
            design.name(),
            design.rows(),
            design.cols(),
            build_seconds.unwrap_or_default(),
        ))?;
    }
    show(common, &format!("simulator, gemm {size}x{size}x{size}"), &design, &workload, &measurement)
}
