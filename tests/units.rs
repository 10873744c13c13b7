//! Compute units: the walk-through of docs/units.md, and Verilog files that break the contract. Needs
//! Verilator: where it is missing the parts that simulate are left out, unless `CI` is set.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;

use common::npugen;
use npugen::cosim::build::BuildOptions;
use npugen::cosim::executor::{Rtl, RtlOptions, sources};
use npugen::design::Design;
use npugen::exec::Executor;
use npugen::exec::fuzz::Case;
use npugen::golden::Golden;

fn simulates() -> bool {
    let found = which::which("verilator").is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "no verilator in CI");
    found
}

/// What docs/units.md promises, with its own configuration.
#[test]
fn the_walk_through_works() {
    let page = std::fs::read_to_string(common::root().join("docs/units.md")).unwrap();
    let block = |language: &str| {
        let fence = format!("```{language}\n");
        let rest = page.split(&fence).nth(1);
        rest.and_then(|rest| rest.split("```").next()).unwrap().to_owned()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let command = |line: &str| {
        let output = npugen(folder.path(), &line.split(' ').collect::<Vec<_>>());
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    std::fs::write(path("blocks.yaml"), block("yaml")).unwrap();
    std::fs::write(path("match.npuasm"), block("asm")).unwrap();
    command("build -c blocks.yaml -o out");
    let text = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    assert!(text("out/docs/isa.md").contains("`unit.sad` | 0"));
    assert!(text("out/sw/npu_isa.h").contains("#define NPU_UNIT_FN_SAD 0"));
    assert!(text("out/rtl/npu_unit_sad.v").contains("module npu_unit_sad"));
    assert!(text("out/rtl/npu_unit.v").contains("module npu_unit "));
    // The resolved configuration is the same machine.
    command("build -c out/config.yaml -o again");
    assert_eq!(text("out/manifest.json"), text("again/manifest.json"));
    command("asm match.npuasm -c blocks.yaml -o match.npu");
    let listing = command("disasm match.npu");
    assert!(listing.contains("run unit.argmin"), "{listing}");
    command("lint match.npu -c blocks.yaml");
    let matches = || -> Vec<i32> {
        let matches: ndarray::Array2<i32> = ndarray_npy::read_npy(path("m.npy")).unwrap();
        matches.iter().copied().collect()
    };
    command("run match.npu -c blocks.yaml --output matches=m.npy");
    assert_eq!(matches(), [16, 16, 16, 16, 101, 101, 101, 101]);
    if simulates() {
        std::fs::remove_file(path("m.npy")).unwrap();
        command("run match.npu -c blocks.yaml --output matches=m.npy --on rtl --quick-build");
        assert_eq!(matches(), [16, 16, 16, 16, 101, 101, 101, 101]);
        let table = command("test-extension -c blocks.yaml --vectors 20000 --quick-build");
        assert!(table.contains("argmin") && table.contains("equal"), "{table}");
    }
}

const CONFIG: &str = r#"name: own
array: {rows: 2, cols: 2, cell: generic}
buffers: {ibuf: {size: 1 KiB, banks: 1}, wbuf: {size: 256 B}, obuf: {depth: 16}, pbuf: {channels: 8}, vmem: {size: 4 KiB, banks: 2}}
vector: {float: false, segments: 0, acc_depth: 16}
axi: {data_bits: 64}
extensions:
  units:
    - name: sad
      operands: 2
      states: [{name: sum, initial: "0", next: "sum + (a < b ? b - a : a - b)"}]
      outputs: [{name: sum, value: sum}]
      verilog: sad.v
"#;

/// The example of a Verilog file, whole and with a mistake each.
#[test]
fn mistakes_of_a_verilog_file_are_named_with_signal_and_cycle() {
    if !simulates() {
        eprintln!("skipped: no verilator");
        return;
    }
    let sound = std::fs::read_to_string(common::root().join("configs/examples/sad.v")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("own.yaml"), CONFIG).unwrap();
    let attempt = |from: &str, to: &str| {
        assert!(sound.contains(from), "{from}");
        std::fs::write(folder.path().join("sad.v"), sound.replacen(from, to, 1)).unwrap();
        let line = "test-extension -c own.yaml --vectors 5000 --quick-build --watchdog 20000";
        let output = npugen(folder.path(), &line.split(' ').collect::<Vec<_>>());
        let told = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        let words = told.concat().replace('│', "");
        let told = words.split_whitespace().collect::<Vec<_>>().join(" ");
        (output.status.code(), told)
    };
    let (status, told) = attempt("out_ready", "out_ready");
    assert_eq!(status, Some(0), "{told}");
    for (from, to, expected) in [
        (
            "end else if (out_ready) begin",
            "end else begin",
            "`out_valid` fell before `out_ready` came, in cycle ",
        ),
        (
            "if (fire && in_last) begin\n            out_data",
            "if (fire) begin\n            out_data",
            "`out_data` changed before `out_ready` came, in cycle ",
        ),
        (
            "end else if (fire && in_last) begin",
            "end else if (fire) begin",
            "`out_valid` rose for a word more than the groups taken so far have, in cycle ",
        ),
        (
            "end else if (fire && in_last) begin",
            "end else if (fire && in_last && !in_index[0]) begin",
            "`sad` stands still since cycle ",
        ),
        ("b - a : a - b", "b - a : a - b + 1", "`sad`: output `sum` of group "),
    ] {
        let (status, told) = attempt(from, to);
        assert_eq!(status, Some(3), "{to}: {told}");
        assert!(told.contains(expected), "{to}: {told}");
    }
}

/// A design with units and custom operations of different latencies. Buffers of one bank make results
/// wait for those of other engines.
const PLANTED: &str = r#"name: planted
array: {rows: 4, cols: 4, cell: generic}
buffers: {ibuf: {size: 4 KiB, banks: 1}, wbuf: {size: 512 B}, obuf: {depth: 32}, pbuf: {channels: 16}, vmem: {size: 4 KiB, banks: 1}}
vector: {lanes: 2, float: false, segments: 0, acc_depth: 16}
axi: {data_bits: 64}
extensions:
  vector_ops:
    - {name: slow, operands: 2, type: int, expression: (a * b) * (a - b), latency: 9}
    - {name: quick, operands: 3, type: int, expression: a ^ b ^ c}
  units:
    - name: sum
      operands: 2
      parameters: [p]
      states: [{name: s, initial: p, next: "s + (a ^ b)"}, {name: m, initial: "-5", next: "max(m, a)"}]
      outputs: [{name: s, value: s + count}, {name: m, value: m}]
    - name: last
      operands: 1
      states: [{name: s, initial: lane * 3, next: a}]
      outputs: [{name: s, value: s}]
"#;

/// File, text and what a bug makes of it.
const BUGS: &[(&str, &str, &str)] = &[
    ("npu_unit_stream.v", "{24{spans[1]}}", "{24{spans[0]}}"),
    ("npu_unit_stream.v", "&(first_index[2:0] | ~spans_q)", "&first_index[2:0]"),
    ("npu_unit_stream.v", "lane_q <= wraps[0] ? {LANE_W{1'b0}} : lane_q", "lane_q <= lane_q"),
    ("npu_unit_stream.v", "offset_q <= word_last ? 24'd0 : offset_q", "offset_q <= offset_q"),
    ("npu_unit_stream.v", "value[31:ACT_W-1] == {(33-ACT_W){value[31]}}", "1'b1"),
    ("npu_unit_stream.v", ".req_vmem        (b_vmem_q)", ".req_vmem        (a_vmem_q)"),
    ("npu_unit.v", "selected_q <= selects;", "selected_q <= selects & ~selected_q;"),
    (
        "npu_unit.v",
        "params_q <= {p3_value",
        "params_q <= {p0_value, p0_value, p1_value, p2_value}; //",
    ),
    ("npu_unit_sum.v", "now_first ? 32'd1 : count_q + 32'd1", "count_q + 32'd1"),
    ("npu_unit_sum.v", "now_first ? s_s_first : s_s_q", "s_s_q"),
    ("npu_unit_last.v", "(groups_q != FULL)", "1'b1"),
    (
        "npu_core.v",
        ".ibuf_rd_valid     (ibuf_rd_valid[6:5])",
        ".ibuf_rd_valid     ({ibuf_rd_valid[5], ibuf_rd_valid[6]})",
    ),
    ("npu_vector_custom.v", "op_last == OP_QUICK", "op_last == OP_SLOW"),
    (
        "npu_vector_custom.v",
        "wire                 other      = !ops[7*BASE + 6];",
        "wire                 other      = 1'b1;",
    ),
    ("npu_op_slow.v", "= a - b;", "= a + b;"),
];

/// Random programs find every bug that is planted in UNIT and in the custom operations.
#[test]
#[ignore = "a campaign of some minutes: scripts/mutants.sh runs it"]
fn planted_bugs_are_found() {
    let design = Design::from_yaml(PLANTED, &[]).unwrap();
    let clean = sources(&design, None).unwrap();
    let mut golden = Golden::new(&design);
    let mut found = |plant: Option<&(&str, &str, &str)>| {
        let mut verilog = clean.clone();
        if let Some((name, from, to)) = plant {
            let file = verilog.iter_mut().find(|file| file.name == *name).unwrap();
            assert!(file.text.contains(from), "{name} has no `{from}`");
            file.text = file.text.replacen(from, to, 1);
        }
        let options = RtlOptions {
            build: BuildOptions { quick: true, ..BuildOptions::default() },
            sources: Some(verilog),
            watchdog: 20_000,
            ..RtlOptions::default()
        };
        let mut rtl = Rtl::new(&design, options).unwrap();
        (0..300).find(|&seed| {
            let case = Case::random(&design, seed, 20);
            let program = case.program().unwrap();
            let mut results = Vec::new();
            let executors: [&mut dyn Executor; 2] = [&mut golden, &mut rtl];
            for executor in executors {
                executor.load(&program).unwrap();
                let fault = executor.run().map(|report| report.fault);
                let dump = executor.read(2, 0, case.dump_bytes).unwrap();
                results.push((fault.is_ok_and(|fault| fault.is_none()), dump));
            }
            results[0] != results[1]
        })
    };
    assert_eq!(found(None), None);
    let missed: Vec<&(&str, &str, &str)> =
        BUGS.iter().filter(|bug| found(Some(bug)).is_none()).collect();
    assert!(missed.is_empty(), "not found: {missed:#?}");
}
