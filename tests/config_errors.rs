//! Every message about a configuration, compared with `tests/config_errors/<case>.txt`. A broken
//! configuration ends in exit status 1 and writes nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;

use std::fs;

use common::{golden, npugen};

/// Name, configuration, further arguments.
type Case = (&'static str, &'static str, &'static [&'static str]);

const CASES: &[Case] = &[
    ("unknown_key", "array:\n  rows: 8\n  colums: 8\nfrequency: 3\n", &[]),
    (
        "wrong_types",
        "name: 5\narray: 16\nbuffers: []\nvector:\n  taps: three\n  lanes: 2.5\npost:\n  lookup: 1\n",
        &[],
    ),
    ("rows_zero", "array:\n  rows: 0\n  cols: 257\n", &[]),
    ("name", "name: My NPU\n", &[]),
    ("long_name", "name: abcdefghijklmnopqrstuvwxyz0123456789\n", &[]),
    ("not_yaml", "array:\n  rows: [16\n", &[]),
    ("duplicate_key", "array:\n  rows: 8\n  rows: 16\n", &[]),
    ("not_a_mapping", "- 1\n- 2\n", &[]),
    ("rows_and_cols", "array: {rows: 24, cols: 16}\n", &[]),
    ("bits", "array: {activation_bits: 5, weight_bits: 12}\n", &[]),
    ("dsp_needs_8_bits", "array: {activation_bits: 4, weight_bits: 16}\n", &[]),
    ("activation_word", "array: {rows: 5, cols: 5, activation_bits: 4, cell: generic}\n", &[]),
    (
        "ultra_ram",
        "array: {activation_bits: 4, cell: generic}\nbuffers:\n  ibuf: {ram: ultra}\n  vmem: {ram: fast}\n",
        &[],
    ),
    ("weight_row", "array: {rows: 2, cols: 1, weight_bits: 4, cell: generic}\n", &[]),
    ("lanes", "array: {rows: 24, cols: 12}\nvector: {lanes: 8}\n", &[]),
    ("packed", "array: {packed: false}\n", &[]),
    (
        "powers_of_two",
        "axi: {data_bits: 96, max_burst_beats: 12, read_fifo_beats: 500}\ncontrol: {queue_depth: 100, trace_depth: 17}\n",
        &[],
    ),
    (
        "units",
        "extensions:
  units:
    - name: unit0
      operands: 1
      parameters: [lane]
      states:
        - {name: sum, initial: \"0\", next: sum * a}
        - {name: sum, initial: lane * lane * lane, next: c + 1}
      outputs:
        - {name: x, value: sum / 0}
        - {name: x, value: a}
    - name: twice
      operands: 3
      states: []
      outputs: [{name: x}]
    - name: last
      operands: 2
      states: []
      outputs: []
      verilog: nowhere.v
    - name: last
      operands: 2
      states: [{name: s, initial: \"0\", next: s + t}]
      outputs: [{name: x, value: index}]
",
        &[],
    ),
    (
        "vector_ops",
        "vector: {float: false, segments: 0}
extensions:
  vector_ops:
    - name: twice
      operands: 1
      type: int
      expression: a + b
    - name: twice
      operands: 2
      type: float
      expression: a * b
    - name: add
      operands: 1
      type: int
      expression: |
        max(a, 1) +
          a / (3 - 3)
    - {name: custom7, operands: 1, type: int, expression: a * a * a, latency: 3}
    - {name: ping, operands: 1, type: int, expression: pong(a)}
    - {name: pong, operands: 1, type: int, expression: 'ping(a) + 2147483648'}
    - {name: no_text, operands: 4, type: real, expresion: a}
    - 5
",
        &[],
    ),
    (
        "vector_ops_verilog",
        "extensions:
  vector_ops:
    - {name: one, operands: 1, type: int, expression: a, verilog: no_such_file.v, latency: 1}
    - {name: two, operands: 1, type: int, expression: a, verilog: npu.yaml}
  functions:
    - {name: third, expression: 1 / x, range: 4}
    - {name: third, expression: x + y, range: 0}
    - {name: fourth, expression: exp(x, range: 4}
",
        &[],
    ),
    (
        "vector_ops_list",
        "extensions:
  vector_ops: {name: a}
",
        &[],
    ),
    ("burst", "axi: {data_bits: 512, max_burst_beats: 128}\n", &[]),
    ("read_fifo", "axi: {max_burst_beats: 64, read_fifo_beats: 32}\n", &[]),
    ("lookup", "array: {activation_bits: 16, cell: generic}\n", &[]),
    ("acc_depth", "vector: {taps: 7, acc_depth: 4}\n", &[]),
    ("interleaved_banks", "buffers: {ibuf: {banks: 6}}\n", &[]),
    ("sizes", "buffers:\n  ibuf: {size: 2 MB}\n  wbuf: {size: -1}\n  vmem: {size: 1 TiB}\n", &[]),
    (
        "buffers_too_small",
        "buffers:\n  ibuf: {size: 128 B}\n  wbuf: {size: 128 B}\n  vmem: {size: 0}\n",
        &[],
    ),
    (
        "buffers_too_large",
        "buffers:\n  ibuf: {size: 1 GiB}\n  wbuf: {size: 1 GiB}\n  vmem: {size: 4 GiB}\n",
        &[],
    ),
    ("flag_rows", "array: {rows: 16, cols: 16}\n", &["--rows", "24"]),
    ("flag_set", "", &["--set", "axi.data_bits=100", "--set", "buffers.ibuf.size=1 B"]),
    ("flag_unknown_key", "", &["--set", "array.row=4"]),
    ("flag_not_yaml", "", &["--set", "array.rows=[1"]),
    ("flag_through_a_value", "", &["--set", "array.rows.more=4"]),
    ("all_27", ALL_27, &[]),
];

/// One violation per line with a value.
const ALL_27: &str = "\
name: 27 Violations
array:
  rows: 300
  cols: 0
  activation_bits: 3
  weight_bits: 32
  cell: fpga
  packed: maybe
buffers:
  ibuf: {size: big, banks: 17}
  wbuf: {size: 3 KB}
  obuf: {depth: 1}
  pbuf: {channels: 0}
  vmem: {size: -4, banks: 0}
vector:
  lanes: 0
  taps: 9
  acc_depth: 2
post:
  residual: 2
  lookup: sure
axi:
  data_bits: 16
  addr_bits: 64
  id_bits: 0
  max_burst_beats: 0
  read_outstanding: 100
  write_outstanding: many
control:
  semaphores: 17
  semaphore_bits: 0
";

#[test]
fn every_message() {
    for (name, text, arguments) in CASES {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("npu.yaml"), text).unwrap();
        let mut all = vec!["build", "-c", "npu.yaml", "-o", "out"];
        all.extend(*arguments);
        let output = npugen(folder.path(), &all);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(output.stdout.is_empty(), "{name}");
        assert!(!folder.path().join("out").exists(), "{name} wrote something");
        golden(&format!("config_errors/{name}.txt"), &String::from_utf8(output.stderr).unwrap());
    }
}

#[test]
fn twenty_seven_violations_give_twenty_seven_messages() {
    let Err(errors) = npugen::design::Design::from_yaml(ALL_27, &[]) else {
        panic!("the configuration was accepted");
    };
    assert_eq!(errors.violations().len(), 27);
    let mut keys: Vec<&str> = errors.violations().iter().map(|one| one.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 27, "each names another key");
}

#[test]
fn every_committed_message_has_its_case() {
    let names: Vec<String> = CASES.iter().map(|(name, ..)| format!("{name}.txt")).collect();
    for file in common::files(&common::root().join("tests/config_errors")) {
        assert!(names.contains(&file.display().to_string()), "{}", file.display());
    }
}
