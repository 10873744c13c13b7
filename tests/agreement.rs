//! Programs at and beyond the edge of what is legal: the golden model and the RTL end in the same
//! fault at the same launch, or in the same memory. Needs Verilator: where it is missing the tests
//! say so and pass, unless `CI` is set.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

#[path = "common/rtl.rs"]
mod rtl;

use npugen::cosim::dram::DramOptions;
use npugen::cosim::executor::RtlOptions;
use npugen::design::Design;
use npugen::exec::compare::compare;
use npugen::exec::{Cause, Executor};
use npugen::golden::Golden;
use npugen::program::{Program, Target, asm};
use rtl::{machine, quick};

/// Fills the first words of every buffer. Weights and parameters are small numbers, so that results
/// are not all clamped.
const FILL: &str = "
set load.dram base=0
set load.shape run_bytes=256 group_bytes=4
set load.word3 stride=1
run load.ibuf
set load.dram base=0 offset=256
run load.wbuf
set load.dram base=0 offset=512
set load.shape run_bytes=128 group_bytes=32
run load.pbuf
set load.dram base=0
set load.shape run_bytes=512 group_bytes=16
run load.vmem
set load.shape run_bytes=512 group_bytes=4
run load.table
fence
";

/// Stores what can be stored.
const DUMP: &str = "
fence
set store.dram base=1
set store.loop0 count=1
set store.shape run_bytes=1024 group_bytes=4
set store.src addr=0
set store.word0 count=1 stride=0
set store.word3 stride=1
run store.ibuf
set store.dram base=1 offset=1024
set store.shape run_bytes=4096 group_bytes=16
run store.vmem
end
";

/// The registers of a small convolution, of an operation and of a transfer, all legal.
const READY: &str = "
set gemm.ow count=8 stride=1
set gemm.kc count=2 stride=8
set gemm.out addr=64
set vector.loop0 count=8 stride=1
set vector.src1 addr=0
set vector.dst addr=96
set vector.dst_01 s0=1
set vector.imm value=3
set load.dram base=0
set load.shape run_bytes=16 group_bytes=4
set load.dst addr=128
set store.dram base=1 offset=6144
set store.shape run_bytes=16 group_bytes=4
set store.word3 stride=1
";

fn design() -> Design {
    Design::preset("tiny").unwrap()
}

fn program(design: &Design, body: &str) -> Program {
    let mut data = Vec::new();
    for at in 0..640_u32 {
        data.push(match at {
            0..256 => (at * 37 + 11) % 251,
            256..512 => (at * 7 + 3) % 13 + 250,
            // Four biases, then four scales of 2^-7 to 2^-4.
            _ if at % 32 < 16 => u32::from(at % 4 == 0) * at,
            _ => [0, 0, 0x80 * (at / 4 % 2), 0x3c + at / 8 % 2][at as usize % 4],
        });
    }
    let bytes: Vec<String> = data.iter().map(|byte| format!("{:02x}", byte & 0xff)).collect();
    let text = format!(
        ".npu \"tiny\"\n.region 0 input 640 \"data\"\n.data {}\n.region 1 output 8192 \"out\"\n{FILL}{READY}{body}{DUMP}",
        bytes.join(" ")
    );
    match asm::assemble("test", &text, Some(&Target::of(design))) {
        Ok(program) => program,
        Err(error) => panic!("{body}: {error:?}"),
    }
}

/// Simulations here have a memory that answers soon.
fn options() -> RtlOptions {
    RtlOptions { dram: DramOptions { latency: 20, ..DramOptions::default() }, ..quick() }
}

/// Runs all cases on both machines and reports those that do not end as they should.
fn check(cases: &[(&str, Option<Cause>)]) {
    let design = design();
    let Some(mut rtl) = machine(&design, options()) else { return };
    let mut wrong = Vec::new();
    for (body, cause) in cases {
        let program = program(&design, body);
        // Fresh machines: after a fault the buffers hold whatever was written by then.
        let mut golden = Golden::new(&design);
        rtl.power_cycle(DramOptions { latency: 20, ..DramOptions::default() }).unwrap();
        match compare(&program, &[], &mut golden, &mut rtl) {
            Err(error) => wrong.push(format!("{body}: {error}")),
            Ok(done) => {
                let got = done.reference.fault.map(|fault| fault.cause);
                if got != *cause {
                    wrong.push(format!("{body}: golden ends with {got:?}, not {cause:?}"));
                }
                if let Some(divergence) = done.divergence {
                    wrong.push(format!("{body}: {divergence}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn first_channels_beyond_the_word() {
    check(&[
        ("run gemm.act", None),
        ("set gemm.out addr=64 first=4\nrun gemm.act", Some(Cause::Configuration)),
        ("set gemm.out addr=64 first=1\nrun gemm.act", Some(Cause::Configuration)),
        ("set gemm.out addr=64 first=65532\nrun gemm.int32", Some(Cause::Configuration)),
        ("set gemm.out addr=64 first=4\nrun gemm.act keep", None),
        ("set gemm.res addr=8 first=4\nrun gemm.act", None),
        ("set gemm.res addr=8 first=4\nrun gemm.act residual", Some(Cause::Configuration)),
        ("set gemm.res addr=8 first=4\nrun gemm.act residual keep", None),
    ]);
}

#[test]
fn limits_of_the_clamp() {
    check(&[
        ("set gemm.quant zero=0 min=5 max=-5\nrun gemm.act", None),
        ("set gemm.quant zero=9 min=127 max=-128\nrun gemm.act", None),
        ("set gemm.quant zero=32767 min=-128 max=127\nrun gemm.act", None),
        ("set gemm.quant zero=-32768 min=-128 max=127\nrun gemm.act", None),
        ("set gemm.quant min=-129 max=127\nrun gemm.act", Some(Cause::Configuration)),
        ("set gemm.quant min=-128 max=128\nrun gemm.act", Some(Cause::Configuration)),
        ("set gemm.quant min=-128 max=128\nrun gemm.act keep", Some(Cause::Configuration)),
        ("set gemm.quant min=-128 max=128\nrun gemm.int32", None),
        ("set gemm.res_clamp min=20 max=-20\nrun gemm.act residual", None),
        ("set gemm.res_clamp min=-500 max=0\nrun gemm.act residual", Some(Cause::Configuration)),
        ("set gemm.res_clamp min=-500 max=0\nrun gemm.act", None),
        ("set gemm.res_offset value=0x5f7fffff\nrun gemm.act residual", None),
        ("set gemm.res_offset value=0xc0600000 inner=1\nrun gemm.act residual", None),
        ("set vector.quant zero=0 min=5 max=-5\nrun vector.add", None),
        ("set vector.quant min=-128 max=200\nrun vector.add", Some(Cause::Configuration)),
        ("set vector.quant min=-128 max=200\nrun vector.add dst=1 format=1", None),
        (
            "set vector.res_clamp min=-128 max=200\nrun vector.move src2=1 residual",
            Some(Cause::Configuration),
        ),
        ("set vector.res_clamp min=7 max=2\nrun vector.move src2=1 residual", None),
    ]);
}

#[test]
fn windows_at_the_ends_of_their_fields() {
    check(&[
        ("set gemm.window_x start=32767 limit=65535 step_ow=255\nrun gemm.act", None),
        ("set gemm.window_x start=-32768 limit=65535 step_ow=255\nrun gemm.act", None),
        ("set gemm.window_x start=-1 limit=0\nrun gemm.act", None),
        (
            "set gemm.ow count=1\nset gemm.kc count=1\nset gemm.kw count=600 stride=0
set gemm.window_x start=-7 limit=20 step_kw=255\nset gemm.w addr=0\nrun gemm.act",
            None,
        ),
        (
            "set gemm.ow count=1\nset gemm.kc count=1\nset gemm.kh count=1030 stride=0
set gemm.window_y start=3 limit=65535 step_kh=255\nrun gemm.act",
            None,
        ),
        // From one lap of 17 bits into the next.
        (
            "set vector.loop0 count=1200 stride=0\nset vector.dst_01 s0=0
set vector.window_x start=-50 limit=100\nset vector.step_x s0=127
set vector.pad value=1\nrun vector.move reduce=1 format=1 dst=1",
            None,
        ),
        (
            "set vector.loop0 count=1200 stride=0\nset vector.dst_01 s0=0
set vector.window_y start=-5 limit=65535\nset vector.step_y s0=-128
set vector.pad value=1\nrun vector.move reduce=1 format=1 dst=1",
            None,
        ),
        (
            "set vector.window_x start=32767 limit=65535\nset vector.step_x s0=127\nrun vector.move",
            None,
        ),
        (
            "set vector.window_x start=-32768 limit=65535\nset vector.step_x s0=-128\nrun vector.move",
            None,
        ),
        (
            "set load.clip_x start=8388607 limit=16777215\nset load.step_x s0=2047
set load.loop0 count=3 stride=16\nrun load.ibuf clip",
            None,
        ),
        (
            "set load.clip_x start=-8388608 limit=16777215\nset load.step_x s0=-2048
set load.loop0 count=3 stride=16\nrun load.ibuf clip",
            None,
        ),
        (
            "set load.clip_y start=32767 limit=65535\nset load.step_y s0=2047 s1=-2048
set load.loop0 count=20 stride=0\nset load.loop1 count=18 stride=0\nset load.fill value=0x1234
set load.shape run_bytes=1 group_bytes=4\nrun load.ibuf clip",
            None,
        ),
    ]);
}

#[test]
fn ends_of_the_buffers() {
    let range = Some(Cause::BufferRange);
    check(&[
        ("set gemm.out addr=8184\nrun gemm.act", None),
        ("set gemm.out addr=8185\nrun gemm.act", range),
        ("set gemm.out addr=248\nrun gemm.int32", None),
        ("set gemm.out addr=249\nrun gemm.float32", range),
        ("set gemm.out addr=7\nset gemm.out_stride ow=-1\nrun gemm.act", None),
        ("set gemm.out addr=6\nset gemm.out_stride ow=-1\nrun gemm.act", range),
        ("set gemm.x addr=8176\nrun gemm.act", None),
        ("set gemm.x addr=8177\nrun gemm.act", range),
        ("set gemm.x addr=16777215\nrun gemm.act", range),
        // The pixel before the tensor is outside the window and is not asked for.
        (
            "set gemm.x addr=16777215\nset gemm.window_x start=-1 limit=9 step_ow=1\nrun gemm.act",
            None,
        ),
        ("set gemm.res addr=8184\nrun gemm.act residual", None),
        ("set gemm.res addr=8185\nrun gemm.act residual", range),
        ("set gemm.res addr=8185\nrun gemm.act", None),
        ("set gemm.param addr=63\nrun gemm.act", None),
        ("set gemm.param addr=64\nrun gemm.act", range),
        ("set gemm.param addr=65535\nrun gemm.act", range),
        ("set gemm.param addr=65535\nrun gemm.act keep", None),
        (
            "set gemm.param addr=62\nset gemm.n count=3\nset gemm.out_block stride=8\nrun gemm.act",
            range,
        ),
        ("set gemm.w addr=16777212\nrun gemm.act", None),
        ("set gemm.obuf addr=56\nrun gemm.act", None),
        ("set gemm.obuf addr=57\nrun gemm.act", Some(Cause::Configuration)),
        ("set gemm.obuf addr=65535\nrun gemm.act", Some(Cause::Configuration)),
        ("set vector.src1 addr=8184\nrun vector.add", None),
        ("set vector.src1 addr=8185\nrun vector.add", range),
        ("set vector.src1 addr=249\nrun vector.add src1", range),
        ("set vector.src2 addr=256\nrun vector.add src2=2", range),
        ("set vector.src2 addr=8192\nrun vector.add src2=1", range),
        ("set vector.src2 addr=8192\nrun vector.add", None),
        ("set vector.dst addr=8185\nrun vector.add", range),
        ("set vector.dst addr=248\nrun vector.add dst=1 format=1", None),
        ("set vector.dst addr=249\nrun vector.add dst=1 format=1", range),
        ("set vector.dst addr=16777215\nrun vector.add", range),
        ("set vector.param addr=254\nrun vector.add channel", None),
        ("set vector.param addr=255\nrun vector.add channel", range),
        ("set vector.dst addr=100000\nset vector.src1 addr=0\nrun vector.move dst=2", None),
        ("set load.dst addr=8188\nrun load.ibuf", None),
        ("set load.dst addr=8189\nrun load.ibuf", range),
        ("set load.dst addr=16777215\nset load.word3 stride=0\nrun load.wbuf", None),
        ("set load.dst addr=64\nset load.shape run_bytes=1 group_bytes=1\nrun load.pbuf", range),
        ("set load.dst addr=256\nrun load.vmem", range),
        ("set load.dst addr=127\nset load.shape run_bytes=4 group_bytes=4\nrun load.table", None),
        ("set load.dst addr=128\nset load.shape run_bytes=4 group_bytes=4\nrun load.table", range),
        ("set store.src addr=8188\nrun store.ibuf", None),
        ("set store.src addr=8189\nrun store.ibuf", range),
        (
            "set store.src addr=255\nset store.shape run_bytes=16 group_bytes=16\nrun store.vmem",
            None,
        ),
        ("set store.src addr=256\nrun store.vmem", range),
    ]);
}

#[test]
fn ends_of_the_regions() {
    let range = Some(Cause::RegionRange);
    check(&[
        ("set load.dram base=0 offset=624\nrun load.ibuf", None),
        ("set load.dram base=0 offset=625\nrun load.ibuf", range),
        ("set load.dram base=0 offset=0xffffffffff\nrun load.ibuf", range),
        ("set load.dram base=7\nrun load.ibuf", range),
        ("set load.loop0 count=2 stride=-16\nrun load.ibuf", range),
        ("set load.dram base=0 offset=16\nset load.loop0 count=2 stride=-16\nrun load.ibuf", None),
        (
            "set load.loop0 count=3 stride=-2147483648\nset load.clip_y limit=1\nset load.step_y s0=1\nrun load.ibuf clip",
            None,
        ),
        // What is clipped may lie anywhere.
        ("set load.dram base=7\nset load.clip_y start=-1 limit=9\nrun load.ibuf clip", None),
        ("set load.dram base=0 offset=636\nset load.clip_x limit=4\nrun load.ibuf clip", None),
        ("set load.dram base=0 offset=637\nset load.clip_x limit=4\nrun load.ibuf clip", range),
        ("set store.dram base=1 offset=8176\nrun store.ibuf", None),
        ("set store.dram base=1 offset=8177\nrun store.ibuf", range),
        ("set store.dram base=2\nrun store.ibuf", range),
        ("set store.loop0 count=2 stride=-2147483648\nrun store.ibuf", range),
    ]);
}

#[test]
fn zeros_and_combinations_without_meaning() {
    let bad = Some(Cause::Configuration);
    let mut cases = Vec::new();
    for (engine, function, counts) in [
        ("gemm", "act", &["ow", "oh", "kc", "kw", "kh", "n"][..]),
        ("vector", "add", &["loop0", "loop1", "loop2", "loop3", "loop4", "loop5"]),
        ("load", "ibuf", &["loop0", "loop1", "loop2", "loop3", "word0", "word1", "word2"]),
        ("store", "ibuf", &["loop0", "loop1", "loop2", "loop3", "word0", "word1", "word2"]),
    ] {
        for count in counts {
            cases.push((format!("set {engine}.{count} count=0\nrun {engine}.{function}"), bad));
        }
    }
    for engine in ["load", "store"] {
        for shape in ["run_bytes=0 group_bytes=4", "run_bytes=16 group_bytes=0"] {
            cases.push((format!("set {engine}.shape {shape}\nrun {engine}.ibuf"), bad));
        }
    }
    for (launch, cause) in [
        ("set gemm.n count=2\nrun gemm.act keep", bad),
        ("set gemm.n count=2\nrun gemm.act accumulate", bad),
        ("run gemm.int32 residual", bad),
        ("run gemm.float32 lookup", bad),
        ("run gemm.int32 residual keep", bad),
        ("run gemm.act lookup table=1", None),
        ("run gemm.act lookup table=2", bad),
        ("run gemm.act lookup table=7", bad),
        ("run gemm.act table=7", None),
        ("run vector.add format=1", bad),
        ("run vector.add format=3", bad),
        ("run vector.add format=3 dst=1", bad),
        ("run vector.add dst=1", bad),
        ("run vector.add src2=3", bad),
        ("run vector.add residual", bad),
        ("run vector.add src2=2 residual", bad),
        ("run vector.add src2=1 residual format=1 dst=1", bad),
        ("run vector.add lookup table=2", bad),
        ("run vector.add lookup format=1 dst=1", bad),
        ("run vector.add lookup table=1", None),
        ("run vector.depthwise", None),
        ("run vector.depthwise src2=3 src1 reduce=3 levels=2", None),
        ("set vector.loop0 count=2\nrun vector.depthwise", bad),
        ("set vector.taps stride=0\nrun vector.depthwise", bad),
        ("run vector.depthwise residual src2=1", bad),
        ("set vector.loop0 count=66\nrun vector.depthwise", None),
        ("set vector.loop0 count=67\nrun vector.depthwise", bad),
        (
            "set vector.loop0 count=194 stride=0\nset vector.taps stride=3\nrun vector.depthwise",
            None,
        ),
        (
            "set vector.loop0 count=195 stride=0\nset vector.taps stride=3\nrun vector.depthwise",
            bad,
        ),
        (
            "set vector.loop0 count=65535 stride=0\nset vector.taps stride=15\nrun vector.depthwise",
            bad,
        ),
    ] {
        cases.push((launch.to_owned(), cause));
    }
    let cases: Vec<(&str, Option<Cause>)> =
        cases.iter().map(|(text, cause)| (text.as_str(), *cause)).collect();
    check(&cases);
}

#[test]
fn semaphores_and_the_transposer() {
    let declared = "set ctrl.sem index=0 producer=load consumer=gemm\n";
    let many = |count: usize| format!("{declared}{}", "run load.ibuf signal=s0\n".repeat(count));
    let owner = Some(Cause::SemaphoreOwner);
    let texts = [
        (many(255), None),
        (many(256), Some(Cause::SemaphoreOverflow)),
        (format!("{declared}run vector.add wait=s0"), owner),
        (format!("{declared}run gemm.act signal=s0"), owner),
        ("run gemm.act signal=s3".to_owned(), owner),
        ("run gemm.act wait=s3".to_owned(), owner),
        ("set ctrl.sem index=1 producer=ctrl consumer=gemm".to_owned(), Some(Cause::FieldRange)),
        (format!("{declared}run gemm.act wait=s0"), Some(Cause::Watchdog)),
        ("set vector.loop0 count=4\nset vector.dst addr=0\nrun vector.move dst=3".to_owned(), None),
        (
            "set vector.loop0 count=4\nset vector.dst addr=1\nrun vector.move dst=3".to_owned(),
            Some(Cause::TransposerOrder),
        ),
        (
            "set vector.loop0 count=3\nset vector.dst addr=0\nrun vector.move dst=3
set vector.dst addr=7\nset vector.loop0 count=1\nrun vector.move dst=3"
                .to_owned(),
            Some(Cause::TransposerOrder),
        ),
    ];
    let cases: Vec<(&str, Option<Cause>)> =
        texts.iter().map(|(text, cause)| (text.as_str(), *cause)).collect();
    check(&cases);
}

/// The illegal launch follows others of its engine that are still under way.
#[test]
fn faults_behind_launches_in_flight() {
    let bad = Some(Cause::Configuration);
    let before = |launch: &str| format!("{launch}\n").repeat(3);
    let texts = [
        (before("run gemm.act") + "set gemm.ow count=0\nrun gemm.act", bad),
        (before("run vector.add") + "run vector.add format=3", bad),
        (before("run load.ibuf") + "set load.loop2 count=0\nrun load.ibuf", bad),
        (before("run store.ibuf") + "set store.loop2 count=0\nrun store.ibuf", bad),
        (before("run gemm.act") + "set gemm.x addr=8190\nrun gemm.act", Some(Cause::BufferRange)),
        (before("run load.ibuf") + "set load.dram base=4\nrun load.ibuf", Some(Cause::RegionRange)),
        (
            before("run store.ibuf") + "set store.dram base=4\nrun store.ibuf",
            Some(Cause::RegionRange),
        ),
        (before("run load.ibuf") + "run load.ibuf wait=s9", Some(Cause::SemaphoreOwner)),
    ];
    let cases: Vec<(&str, Option<Cause>)> =
        texts.iter().map(|(text, cause)| (text.as_str(), *cause)).collect();
    check(&cases);
}

/// A fault leaves the machine usable: after a soft reset a legal program runs as ever.
#[test]
fn after_a_fault_the_machine_runs_again() {
    let design = design();
    let Some(mut rtl) = machine(&design, options()) else { return };
    let good = program(&design, "run gemm.act\nrun vector.add\nrun store.ibuf");
    let bad = program(&design, "set load.dram base=4\nrun load.ibuf\nrun gemm.act");
    let mut golden = Golden::new(&design);
    // Every buffer that `good` stores has been written before.
    for _ in 0..3 {
        rtl.load(&bad).unwrap();
        assert_eq!(rtl.run().unwrap().fault.map(|fault| fault.cause), Some(Cause::RegionRange));
        rtl.load(&good).unwrap();
        assert_eq!(rtl.run().unwrap().fault, None);
    }
    golden.load(&good).unwrap();
    assert_eq!(golden.run().unwrap().fault, None);
}
