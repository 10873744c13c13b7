//! Whether the Verilog of an operation is what its expression says, by a SAT solver. Yosys unrolls
//! the module of the user and the one made from the expression for as many cycles as the slower one
//! takes, from any state, and looks for operands that make a difference.

use std::process::Command;

use super::Error;
use super::build::{Source, run};
use super::error::file;
use crate::design::{Design, OPERANDS, VectorOp};
use crate::rtl;
use crate::tools::YOSYS;

/// What the solver found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// There is no difference.
    Equal {
        /// Cycles of both that were unrolled.
        cycles: u32,
    },
    /// Operands of a difference, as the solver prints them.
    Different(String),
    /// No answer within the time.
    Undecided,
    /// No Yosys is installed.
    NoTool,
}

/// Compares the file of an operation with its expression, for at most `seconds`.
pub fn prove(design: &Design, op: &VectorOp, seconds: u32) -> Result<Proof, Error> {
    let Some(own) = &op.verilog else {
        return Ok(Proof::Equal { cycles: 0 });
    };
    let Ok(yosys) = YOSYS.find() else {
        return Ok(Proof::NoTool);
    };
    let needed = op.expr.latency();
    let cycles = needed.max(op.latency);
    let reference = rtl::expr::operation("npu_reference", &op.expr, op.operands, needed);
    let mut files = vec![
        Source { name: "reference.v".to_owned(), text: reference },
        Source { name: "own.v".to_owned(), text: own.clone() },
        Source { name: "both.v".to_owned(), text: both(op, needed) },
    ];
    // What modules made from expressions are built of.
    let emitted = rtl::emit(design)?;
    files.extend(emitted.into_iter().filter(|file| file.path.contains("npu_f32_")).map(|file| {
        Source { name: file.path.trim_start_matches("rtl/").to_owned(), text: file.text }
    }));
    let folder =
        tempfile::tempdir().map_err(file("create a directory in", &std::env::temp_dir()))?;
    for source in &files {
        let path = folder.path().join(&source.name);
        std::fs::write(&path, &source.text).map_err(file("write", &path))?;
    }
    let names: Vec<&str> = files.iter().map(|source| source.name.as_str()).collect();
    let script = format!(
        "read_verilog {}; hierarchy -check -top npu_both; proc; flatten; opt -full; \
         sat -seq {} -prove-skip {cycles} -prove same 1 -timeout {seconds} -show-ports npu_both",
        names.join(" "),
        cycles + 1,
    );
    let mut command = Command::new(yosys);
    let output = run(command.args(["-Q", "-T", "-p", &script]), folder.path())?;
    Ok(match output {
        text if text.contains("no model found: SUCCESS") => Proof::Equal { cycles },
        text if text.contains("model found: FAIL") => Proof::Different(model(&text)),
        _ => Proof::Undecided,
    })
}

/// Both modules side by side, the results of the faster one delayed.
fn both(op: &VectorOp, needed: u32) -> String {
    let cycles = needed.max(op.latency);
    let ports: Vec<&str> = OPERANDS.iter().take(op.operands).copied().collect();
    let inputs: String = ports.iter().map(|port| format!(", input wire [31:0] {port}")).collect();
    let mut text = format!("module npu_both (input wire clk{inputs}, output wire same);\n");
    for (module, result, latency) in
        [("npu_reference", "expected", needed), (op.module().as_str(), "got", op.latency)]
    {
        let operands: String = ports.iter().map(|port| format!(".{port}({port}), ")).collect();
        text += &format!(
            "wire [31:0] {result}_0;\n{module} u_{result} (.clk(clk), {operands}.out({result}_0));\n"
        );
        for wait in 0..cycles - latency {
            text += &format!(
                "reg [31:0] {result}_{0}; always @(posedge clk) {result}_{0} <= {result}_{wait};\n",
                wait + 1
            );
        }
    }
    let (expected, got) = (cycles - needed, cycles - op.latency);
    text + &format!("assign same = (expected_{expected} == got_{got});\nendmodule\n")
}

/// The operands of the first cycle in the solver's table.
fn model(text: &str) -> String {
    let mut found = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["1", name, decimal, hexadecimal, ..] = words.as_slice()
            && let Some(port) = name.strip_prefix('\\')
            && OPERANDS.contains(&port)
        {
            found.push(format!("{port} = {decimal} (0x{hexadecimal:0>8})"));
        }
    }
    found.join(", ")
}
