//! npugen turns a description of a neural processing unit into Verilog and into everything that
//! makes the hardware useful. `docs/architecture.md` has the map and the invariants.

pub mod arith;
pub mod cli;
pub mod compiler;
pub mod config;
pub mod cosim;
pub mod design;
pub mod error;
pub mod exec;
pub mod explain;
pub mod expr;
pub mod files;
pub mod fpga;
pub mod functions;
pub mod golden;
pub mod graph;
pub mod host;
pub mod isa;
pub mod kernels;
pub mod onnx;
pub mod program;
pub mod quantize;
pub mod rtl;
pub mod tools;
pub mod units;
pub mod workload;
