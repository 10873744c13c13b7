//! Every operator of the lanes on the simulated machine against the golden model. Needs Verilator:
//! where it is missing the test says so and passes, unless `CI` is set. What the operators compute is
//! checked in `python/test_kernels.py`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

#[path = "common/rtl.rs"]
mod rtl;

use npugen::config::Override;
use npugen::cosim::dram::{DramOptions, Stalls};
use npugen::design::Design;
use npugen::exec::Executor;
use npugen::exec::compare::examine;
use npugen::golden::Golden;
use npugen::program::lint::lint;
use npugen::workload::Workload;
use npugen::workload::attention::attention;
use npugen::workload::operators::{Form, Op, Setup};
use npugen::workload::vector::Masked;
use rtl::{machine, quick};

fn setup<'a>(design: &'a Design, shape: &'a [usize], quantized: bool) -> Setup<'a> {
    Setup { design, shape, quantized, activations: false, kernel: 3, stride: 2, pad: 1, seed: 3 }
}

/// All operators, binary32 ones with both kinds of results, and attention.
fn workloads(design: &Design) -> Vec<(String, Workload)> {
    let mut all = Vec::new();
    for op in Op::all() {
        for quantized in [true, false] {
            if op.form() == Form::Int8 && !quantized {
                continue;
            }
            // Channels fill no whole number of words of 4.
            let made = op.workload(&setup(design, &[5, 6, 11], quantized));
            all.push((format!("{op}, quantized {quantized}"), made.unwrap()));
        }
    }
    for masked in [Masked::No, Masked::Causal, Masked::Keys, Masked::Scores] {
        all.push((
            format!("attention, mask {masked:?}"),
            attention(design, 12, 8, masked, 5).unwrap(),
        ));
    }
    all
}

#[test]
fn every_operator_gives_the_same_on_the_simulated_machine() {
    let design = Design::preset("tiny").unwrap();
    let Some(mut rtl) = machine(&design, quick()) else { return };
    for (index, (name, Workload { program, .. })) in workloads(&design).iter().enumerate() {
        let report = lint(&design, program);
        assert!(report.is_legal(), "{name}: {report:?}");
        // Half of them on a bus that stalls.
        if index % 2 == 0 {
            let stalls = Stalls::all(40);
            rtl.power_cycle(DramOptions { stalls, latency: 30, ..DramOptions::default() }).unwrap();
        }
        let mut golden = Golden::new(&design);
        golden.load(program).unwrap();
        let expected = golden.run().unwrap();
        assert!(expected.fault.is_none(), "{name}: {:?}", expected.fault);
        rtl.load(program).unwrap();
        let report = rtl.run().unwrap();
        let (divergence, bytes) = examine(program, &golden, &expected, &rtl, &report).unwrap();
        assert_eq!(divergence.map(|found| found.to_string()), None, "{name}");
        assert!(bytes > 0, "{name}");
    }
}

#[test]
fn what_does_not_fit_says_what_the_limit_is() {
    let design = Design::preset("tiny").unwrap();
    let message = |op: &str, shape: &[usize]| {
        let op = Op::find(&design, op).unwrap();
        op.workload(&setup(&design, shape, true)).unwrap_err().to_string()
    };
    let text = message("softmax", &[2, 4096]);
    assert!(text.contains("a bank of VMEM (128 words of 4 values) must hold 1 rows"), "{text}");
    let text = message("softmax_causal", &[9, 4]);
    assert!(text.contains("is 9, but at least 1 query, and not more than the 4 keys"), "{text}");
    let text = message("max_pool", &[1, 9000, 4]);
    assert!(text.contains("does not fit: the largest free stretch of IBUF has"), "{text}");
    let text = message("average_pool", &[1, 0, 4]);
    assert!(text.contains("kernel is 3, but more than the padding of 1"), "{text}");
    let text = message("gather", &[2, 40_000]);
    assert!(text.contains("does not fit"), "{text}");
    let overrides = [Override::set("vector.float=false").unwrap()];
    let overrides = [&overrides[..], &[Override::set("vector.segments=0").unwrap()]].concat();
    let integers = Design::preset_with("tiny", &overrides).unwrap();
    let add = Op::find(&integers, "add").unwrap();
    let text = add.workload(&setup(&integers, &[3, 3], true)).unwrap_err().to_string();
    assert!(text.contains("`vector.fadd` needs binary32 on the lanes"), "{text}");
    assert!(Op::find(&design, "soft").unwrap_err().starts_with("softmax, softmax_causal"));
}
