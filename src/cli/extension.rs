//! `npugen test-extension`: custom operations of a configuration, on the RTL and in the golden model.

use serde_json::json;

use super::rtl_args::{RtlArgs, failed};
use super::{DesignArgs, print, say};
use crate::cosim::Rtl;
use crate::cosim::equivalence::{Proof, prove};
use crate::design::{Design, VectorOp};
use crate::error::Error;
use crate::exec::Executor;
use crate::golden::Golden;
use crate::tools::YOSYS;
use crate::workload::extension::{Trial, word};

/// Try out the custom operations of a configuration: what the Verilog computes against what the
/// expressions say, on random and on corner operands.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen test-extension -c configs/examples/custom_op.yaml
  npugen test-extension -c configs/examples/custom_op.yaml --vectors 100000 --json

Every operation runs on the simulated machine, as programs run it: operands come from VMEM and the
launch immediate, results go to VMEM. Where an operation has a Verilog file, Yosys, if it is there,
also tries to prove that it is the expression for all operands. Exit status 3 tells of a difference. For random programs that
use the operations among all others: npugen fuzz -c FILE.")]
pub struct Args {
    #[command(flatten)]
    design: DesignArgs,
    /// Sets of operands for each operation.
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

/// Sets of operands of one program.
const PART: usize = 1 << 18;

/// Tries all of them out.
pub fn run(args: &Args) -> Result<(), Error> {
    let design = args.design.design()?;
    if design.vector_ops().is_empty() {
        return Err(Error::Usage {
            message: format!("`{}` has no custom operations", design.name()),
            remedy: "list them under `extensions.vector_ops`; see docs/extensions.md".to_owned(),
        });
    }
    let mut rtl = Rtl::new(&design, args.rtl.options(&design)?)?;
    if let Some(seconds) = rtl.built().seconds {
        say(&format!("built the simulation model of {} in {seconds:.1} s", design.name()));
    }
    let mut golden = Golden::new(&design);
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (index, op) in design.vector_ops().iter().enumerate() {
        let mut sets = 0;
        let mut seed = args.seed;
        while sets < args.vectors as usize {
            let count = PART.min(args.vectors as usize - sets);
            let trial = Trial::new(&design, index, count, seed).map_err(Error::Kernel)?;
            attempt(op, &trial, &mut golden, &mut rtl)?;
            sets += trial.sets;
            seed = seed.wrapping_add(1);
        }
        let proof = proof(&design, op, args.solver)?;
        say(&format!("{}: {sets} operand sets are equal{proof}", op.name));
        rows.push((op, sets, proof));
    }
    print(&if args.json { as_json(&design, &rows) } else { as_table(&rows) })
}

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

/// Runs one program on both.
fn attempt(op: &VectorOp, trial: &Trial, golden: &mut Golden, rtl: &mut Rtl) -> Result<(), Error> {
    let length = 4 * trial.sets as u64;
    let mut results = Vec::new();
    let executors: [&mut dyn Executor; 2] = [golden, rtl];
    for executor in executors {
        executor.load(&trial.workload.program).map_err(failed)?;
        let report = executor.run().map_err(failed)?;
        if let Some(fault) = report.fault {
            return Err(Error::Fault { fault });
        }
        results.push(executor.read(trial.results, 0, length).map_err(failed)?);
    }
    let [expected, got] = [0, 1].map(|at| results.get(at).cloned().unwrap_or_default());
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

fn as_table(rows: &[Row<'_>]) -> String {
    let mut text = format!(
        "{:<26}{:<8}{:<10}{:<9}{:>12}\n",
        "operation", "type", "operands", "latency", "sets"
    );
    for (op, sets, proof) in rows {
        let domain = if op.float { "float" } else { "int" };
        let (name, operands, latency) = (&op.name, op.operands, op.latency);
        text +=
            &format!("{name:<26}{domain:<8}{operands:<10}{latency:<9}{sets:>12} equal{proof}\n");
    }
    text
}

fn as_json(design: &Design, rows: &[Row<'_>]) -> String {
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
    format!("{:#}\n", json!({ "design": design.name(), "operations": rows }))
}
