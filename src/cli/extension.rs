//! `npugen test-extension`: custom operations and compute units of a configuration, on the RTL and
//! in the golden model.

use serde_json::json;

use super::rtl_args::{RtlArgs, failed};
use super::{DesignArgs, print, say};
use crate::cosim::build::Source;
use crate::cosim::equivalence::{Proof, prove};
use crate::cosim::executor::{Rtl, RtlOptions, sources};
use crate::design::{ComputeUnit, Design, VectorOp};
use crate::error::Error;
use crate::exec::{Cause, Executor, Fault};
use crate::golden::Golden;
use crate::program::Program;
use crate::tools::YOSYS;
use crate::workload::extension::{Trial, word};
use crate::workload::units::UnitTrial;

/// Try out the custom operations and compute units of a configuration: what the Verilog computes
/// against what the expressions say, on random and on corner operands.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen test-extension -c configs/examples/custom_op.yaml
  npugen test-extension -c configs/examples/custom_op.yaml --vectors 100000 --json

Every operation and unit runs on the simulated machine, as programs run it: operands come from VMEM and the
launch immediate, results go to VMEM. Units get groups of random shapes; one that breaks the
handshake is stopped, and the message names the signal and the cycle. Where an operation has a Verilog file, Yosys, if it is there,
also tries to prove that it is the expression for all operands. Exit status 3 tells of a difference. For random programs that
use the operations among all others: npugen fuzz -c FILE.")]
pub struct Args {
    #[command(flatten)]
    design: DesignArgs,
    /// Sets of operands for each operation, elements in all lanes for each unit.
    #[arg(long, value_name = "N", default_value_t = 1_000_000,
          value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    vectors: u32,
    /// Seed of the operands.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds a SAT solver may take over an operation with a Verilog file.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    solver: u32,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    rtl: RtlArgs,
}

/// The Verilog of a design whose streams stall now and then, which units must bear.
fn stalling(design: &Design, options: &RtlOptions) -> Result<Vec<Source>, Error> {
    let mut sources = sources(design, options.cell)?;
    for source in &mut sources {
        source.text = source.text.replace("parameter STALLS     = 0,", "parameter STALLS     = 1,");
    }
    Ok(sources)
}

/// Sets of operands of one program.
const PART: usize = 1 << 18;

/// Tries all of them out.
pub fn run(args: &Args) -> Result<(), Error> {
    let design = args.design.design()?;
    if design.vector_ops().is_empty() && design.units().is_empty() {
        return Err(Error::Usage {
            message: format!("`{}` has no custom operations or compute units", design.name()),
            remedy: "list them under `extensions.vector_ops` or `extensions.units`; see docs/extensions.md and docs/units.md".to_owned(),
        });
    }
    let mut options = args.rtl.options(&design)?;
    if !design.units().is_empty() {
        options.sources = Some(stalling(&design, &options)?);
    }
    let watchdog = options.watchdog.into();
    let rtl = Rtl::new(&design, options)?;
    if let Some(seconds) = rtl.built().seconds {
        say(&format!("built the simulation model of {} in {seconds:.1} s", design.name()));
    }
    let mut both = Both { golden: Golden::new(&design), rtl, watchdog };
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (index, op) in design.vector_ops().iter().enumerate() {
        let mut sets = 0;
        let mut seed = args.seed;
        while sets < args.vectors as usize {
            let count = PART.min(args.vectors as usize - sets);
            let trial = Trial::new(&design, index, count, seed).map_err(Error::Kernel)?;
            attempt(op, &trial, &mut both)?;
            sets += trial.sets;
            seed = seed.wrapping_add(1);
        }
        let proof = proof(&design, op, args.solver)?;
        say(&format!("{}: {sets} operand sets are equal{proof}", op.name));
        rows.push((op, sets, proof));
    }
    let mut units: Vec<UnitRow<'_>> = Vec::new();
    for (index, unit) in design.units().iter().enumerate() {
        let (mut elements, mut groups) = (0, 0);
        let mut seed = args.seed;
        while elements < args.vectors as usize {
            let count = PART.min(args.vectors as usize - elements);
            let trial = UnitTrial::new(&design, index, count, seed).map_err(Error::Kernel)?;
            attempt_unit(unit, &trial, design.lanes(), &mut both)?;
            elements += trial.elements;
            groups += trial.places.len() / unit.outputs.len().max(1);
            seed = seed.wrapping_add(1);
        }
        say(&format!("{}: {elements} elements in {groups} groups are equal", unit.name));
        units.push((unit, elements, groups));
    }
    print(&if args.json { as_json(&design, &rows, &units) } else { as_table(&rows, &units) })
}

/// A unit, how many elements and groups were tried.
type UnitRow<'a> = (&'a ComputeUnit, usize, usize);

/// An operation, how many operands were tried, what the solver said.
type Row<'a> = (&'a VectorOp, usize, String);

/// What the solver says of a Verilog file; nothing for modules made from their expression.
fn proof(design: &Design, op: &VectorOp, seconds: u32) -> Result<String, Error> {
    if op.verilog.is_none() {
        return Ok(String::new());
    }
    Ok(match prove(design, op, seconds)? {
        Proof::Equal { cycles } => format!(", proved for all operands ({cycles} cycles)"),
        Proof::Undecided => format!(", no proof within {seconds} s"),
        Proof::NoTool => format!(", no proof without Yosys ({})", YOSYS.install),
        Proof::Different(operands) => {
            let message = format!("`{}` differs from its expression for {operands}", op.name);
            return Err(Error::Mismatch { message });
        }
    })
}

/// The golden model and the simulated machine.
struct Both {
    golden: Golden,
    rtl: Rtl,
    /// Cycles after which the machine's watchdog stops it.
    watchdog: u64,
}

impl Both {
    /// Runs a program on both; the words of a region afterwards, expected and got.
    fn run(
        &mut self,
        program: &Program,
        (base, words): (u8, usize),
        unit: Option<&ComputeUnit>,
    ) -> Result<[Vec<u8>; 2], Error> {
        let mut results = Vec::new();
        let executors: [&mut dyn Executor; 2] = [&mut self.golden, &mut self.rtl];
        for executor in executors {
            executor.load(program).map_err(failed)?;
            let report = executor.run().map_err(failed)?;
            if let Some(fault) = report.fault {
                let cycle = report.counters.get("cycles").copied().unwrap_or(0);
                return Err(stopped(fault, cycle, unit, self.watchdog));
            }
            results.push(executor.read(base, 0, 4 * words as u64).map_err(failed)?);
        }
        Ok([0, 1].map(|at| results.get(at).cloned().unwrap_or_default()))
    }
}

/// A fault in words: a unit that breaks the contract is named with signal and cycle.
fn stopped(fault: Fault, cycle: u64, unit: Option<&ComputeUnit>, watchdog: u64) -> Error {
    let message = match (unit, fault.cause) {
        (Some(_), Cause::UnitHandshake) => {
            format!("{fault}, in cycle {cycle}; {}", fault.cause.remedy())
        }
        (Some(unit), Cause::Watchdog) => format!(
            "`{}` stands still since cycle {} or so: `in_ready` stays low, or `out_valid` does although a group has ended; words it must give for a group: {}",
            unit.name,
            cycle.saturating_sub(watchdog),
            unit.outputs.len()
        ),
        _ => return Error::Fault { fault },
    };
    Error::Mismatch { message }
}

/// One program of a unit on both.
fn attempt_unit(
    unit: &ComputeUnit,
    trial: &UnitTrial,
    lanes: usize,
    both: &mut Both,
) -> Result<(), Error> {
    let words = trial.places.len() * lanes;
    let region = (trial.results, words);
    let [expected, got] = both.run(&trial.workload.program, region, Some(unit))?;
    let differs = |at: &usize| word(&expected, *at) != word(&got, *at);
    let Some(at) = (0..words).find(differs) else { return Ok(()) };
    let Some(place) = trial.places.get(at / lanes) else { return Ok(()) };
    let output = unit.outputs.get(place.output).map_or("?", |output| output.name.as_str());
    let [c0, c1, c2, c3] = place.counts;
    Err(Error::Mismatch {
        message: format!(
            "`{}`: output `{output}` of group {} in lane {}: expected {}, got {}; launch {} has loops of {c0}, {c1}, {c2} and {c3}, of which {} are a group{}",
            unit.name,
            place.number,
            at % lanes,
            word(&expected, at),
            word(&got, at),
            place.launch,
            place.group,
            if place.spread { ", with `spread`" } else { "" },
        ),
    })
}

/// One program of an operation on both.
fn attempt(op: &VectorOp, trial: &Trial, both: &mut Both) -> Result<(), Error> {
    let region = (trial.results, trial.sets);
    let [expected, got] = both.run(&trial.workload.program, region, None)?;
    match (0..trial.sets).find(|&set| word(&expected, set) != word(&got, set)) {
        None => Ok(()),
        Some(set) => Err(Error::Mismatch { message: difference(op, trial, set, &expected, &got) }),
    }
}

/// The first difference in words.
fn difference(op: &VectorOp, trial: &Trial, set: usize, expected: &[u8], got: &[u8]) -> String {
    let operands = trial.operands(set);
    let told: Vec<String> = crate::design::OPERANDS
        .iter()
        .zip(operands)
        .take(op.operands)
        .map(|(name, value)| format!("{name} = {}", text(op, value)))
        .collect();
    let hint = match trial.shift(expected, got) {
        Some(by) => format!(
            "; results come {} cycles too {}: the operation must take {} cycles",
            by.abs(),
            if by < 0 { "late" } else { "early" },
            op.latency
        ),
        None => String::new(),
    };
    format!(
        "`{}` of {}: expected {}, got {}{hint}",
        op.name,
        told.join(", "),
        text(op, word(expected, set)),
        text(op, word(got, set)),
    )
}

/// A value and its bits.
fn text(op: &VectorOp, value: i32) -> String {
    if op.float {
        let float = f32::from_bits(value.cast_unsigned());
        format!("{float:e} ({value:#010x})")
    } else {
        format!("{value} ({value:#010x})")
    }
}

fn as_table(rows: &[Row<'_>], units: &[UnitRow<'_>]) -> String {
    let mut text = String::new();
    if !rows.is_empty() {
        text += &format!(
            "{:<26}{:<8}{:<10}{:<9}{:>12}\n",
            "operation", "type", "operands", "latency", "sets"
        );
    }
    for (op, sets, proof) in rows {
        let domain = if op.float { "float" } else { "int" };
        let (name, operands, latency) = (&op.name, op.operands, op.latency);
        text +=
            &format!("{name:<26}{domain:<8}{operands:<10}{latency:<9}{sets:>12} equal{proof}\n");
    }
    if !units.is_empty() {
        text += &format!(
            "{:<26}{:<10}{:<8}{:<9}{:>10}{:>12}\n",
            "unit", "operands", "states", "outputs", "groups", "elements"
        );
    }
    for (unit, elements, groups) in units {
        let operands = 1 + u32::from(unit.second);
        let (name, states, outputs) = (&unit.name, unit.states.len(), unit.outputs.len());
        text += &format!(
            "{name:<26}{operands:<10}{states:<8}{outputs:<9}{groups:>10}{elements:>12} equal\n"
        );
    }
    text
}

fn as_json(design: &Design, rows: &[Row<'_>], units: &[UnitRow<'_>]) -> String {
    let units: Vec<_> = units
        .iter()
        .map(|(unit, elements, groups)| {
            json!({
                "name": unit.name,
                "operands": 1 + u32::from(unit.second),
                "elements": elements,
                "groups": groups,
                "equal": true,
            })
        })
        .collect();
    let rows: Vec<_> = rows
        .iter()
        .map(|(op, sets, proof)| {
            json!({
                "name": op.name,
                "type": if op.float { "float" } else { "int" },
                "operands": op.operands,
                "latency": op.latency,
                "operand_sets": sets,
                "equal": true,
                "proof": proof.trim_start_matches(", "),
            })
        })
        .collect();
    format!("{:#}\n", json!({ "design": design.name(), "operations": rows, "units": units }))
}
