//! Where the cycles of a network go, on the machine in simulation. Needs Verilator: where it is
//! missing these tests say so and pass, unless `CI` is set.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

#[path = "common/digits.rs"]
mod digits;
#[path = "common/rtl.rs"]
mod rtl;

use std::collections::BTreeSet;

use digits::digits;
use npugen::compiler::{self, Options};
use npugen::cosim::executor::{RtlOptions, sources};
use npugen::design::{Cell, Design};
use npugen::exec::Executor;
use npugen::explain::plan::{GEMM, LOAD, VECTOR};
use npugen::explain::{Class, ExplainError, Report, explain, html, json, observe};
use npugen::program::{Memory, Program};
use rtl::{machine, quick};

fn unhurried() -> RtlOptions {
    RtlOptions { build: quick().build, ..RtlOptions::default() }
}

fn program(design: &Design) -> Program {
    compiler::compile(&digits(), design, Options::default()).unwrap().program
}

#[test]
fn the_cycles_of_the_digits_network_are_those_the_machine_counts() {
    let design = Design::preset("tiny").unwrap();
    let program = program(&design);
    let options = RtlOptions { probe: true, ..unhurried() };
    let Some(mut rtl) = machine(&design, options) else { return };
    rtl.load(&program).unwrap();
    let (plan, trace, run) = observe(&mut rtl, &program).unwrap();
    let report = Report::new(&program, &design, plan, trace);
    report.check(&run.counters).unwrap();
    let total = report.total();
    assert_eq!(Some(total.cycles()), run.cycles);
    assert_eq!(total.launches.iter().sum::<u64>(), run.retired.len() as u64);
    // Cycles of the retirements are those of the retire port, but for the moment they begin with.
    let mut offsets = BTreeSet::new();
    for (launch, spent) in &report.launches {
        let same = run.retired.iter().find(|retirement| retirement.pc == launch.pc).unwrap();
        offsets.insert(same.cycle.unwrap() - spent.retire.unwrap());
    }
    assert!(offsets.len() == 1 && offsets.iter().all(|&offset| offset < 10), "{offsets:?}");

    let names: Vec<&str> = report.layers.iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!(names, ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "gap", "fc"]);
    assert_eq!(report.macs(), Some(1_268_864));
    let of = |layer: usize, class: Class| report.layers[layer].classes[class.index()];
    // 3x3 convolutions of 64 channels fill the array; the last layer has 10 outputs and one vector.
    assert_eq!((of(5, Class::Useful), of(5, Class::Shape)), (36_864, 0));
    assert_eq!(of(8, Class::Useful) + of(8, Class::Shape), 48);
    assert!(of(8, Class::Weights) > of(5, Class::Weights));
    // Layers of the lanes cost what the lanes take.
    assert!(of(1, Class::Vector) > 1000 && report.layers[1].engines[VECTOR].busy > 1000);
    assert!(of(0, Class::Start) + of(1, Class::Start) > 100 && of(8, Class::End) > 100);
    // What the engines did is with the layer that they did it for.
    let [first, last] = [&report.layers[0], &report.layers[8]];
    assert!(first.engines[GEMM].wait[LOAD] > 1000 && last.engines[GEMM].wait[VECTOR] > 0);
    assert_eq!(last.info.as_ref().unwrap().place, Memory::Dram);

    let page = html::page(&report, "digits");
    assert!(page.len() < 100_000 && !page.contains("http"), "{}", page.len());
    let value = json::json(&report);
    assert_eq!(value["cycles"], total.cycles());
    let layers = value["layers"].as_array().unwrap();
    let sum: u64 = layers.iter().map(|layer| layer["cycles"].as_u64().unwrap()).sum();
    assert_eq!(sum, total.cycles());

    // Watching changes nothing, and the same run is explained in the same way.
    rtl.load(&program).unwrap();
    let again = explain(&mut rtl, &program, &design).unwrap();
    assert_eq!(again, report);
    rtl.load(&program).unwrap();
    assert_eq!(rtl.run().unwrap().cycles, run.cycles);

    // A counter that counts something else is seen.
    let mut counters = run.counters.clone();
    counters["array.wait_weights"] += 1;
    let error = report.check(&counters).unwrap_err();
    assert_eq!(error.counter, "array.wait_weights");
    assert_eq!(error.found + 1, error.counted);
}

#[test]
fn a_machine_that_counts_wrongly_is_noticed() {
    let design = Design::preset("tiny").unwrap();
    let program = program(&design);
    let mut verilog = sources(&design, Some(Cell::Simulation)).unwrap();
    let csr = verilog.iter_mut().find(|source| source.name == "npu_csr.v").unwrap();
    let right = "= {7'd0, array_active};";
    assert!(csr.text.contains(right));
    // Vectors without weights in place count as active, too.
    csr.text = csr.text.replace(right, "= {7'd0, array_active || array_wait_weights};");
    let options = RtlOptions { probe: true, sources: Some(verilog), ..unhurried() };
    let Some(mut rtl) = machine(&design, options) else { return };
    rtl.load(&program).unwrap();
    let error = explain(&mut rtl, &program, &design).unwrap_err();
    let ExplainError::Disagreement(error) = error else { panic!("{error}") };
    assert_eq!(error.counter, "array.active");
    assert!(error.counted > error.found, "{error}");
}

#[test]
fn a_machine_that_cannot_be_watched_says_so() {
    let design = Design::preset("tiny").unwrap();
    let program = program(&design);
    let Some(mut rtl) = machine(&design, unhurried()) else { return };
    rtl.load(&program).unwrap();
    let error = explain(&mut rtl, &program, &design).unwrap_err().to_string();
    assert_eq!(
        error,
        "the simulated Verilog has no signal `TOP.npu_top.u_csr.running`, from which times are read"
    );
}
