//! `npu_decoder`: rows made from the instruction table.

use askama::Template;

use super::row::Named;
use crate::isa::Field;
use crate::isa::table::{ENGINES, OPCODE, ctrl, op};
use crate::rtl::verilog;

/// The decoder. The same for every design: what differs arrives as a parameter.
#[derive(Debug, Template)]
#[template(path = "rtl/npu_decoder.v")]
pub(super) struct DecoderView {
    opcodes: Vec<Named>,
    registers: Vec<Register>,
    functions: Vec<Function>,
    sem_index: String,
    sem_producer: String,
    sem_consumer: String,
}

#[derive(Debug)]
struct Register {
    /// Engine and number, as a case label.
    label: String,
    mask: String,
    name: String,
}

#[derive(Debug)]
struct Function {
    /// Engine and number, as a case label.
    label: String,
    flags: String,
    name: String,
}

impl DecoderView {
    /// All words of the instruction table.
    pub fn new() -> DecoderView {
        DecoderView {
            opcodes: op::ALL
                .iter()
                .map(|spec| Named {
                    name: format!("OP_{}", spec.name.to_uppercase()),
                    value: format!("{}'d{}", OPCODE.width, spec.number),
                })
                .collect(),
            registers: ENGINES
                .iter()
                .flat_map(|spec| {
                    spec.registers.iter().map(|register| Register {
                        label: format!("{{3'd{}, 9'd{}}}", spec.engine.number(), register.number),
                        mask: verilog::hex(48, register.mask()),
                        name: format!("{}.{}", spec.name, register.name),
                    })
                })
                .collect(),
            functions: ENGINES
                .iter()
                .flat_map(|spec| {
                    spec.functions.iter().map(|function| Function {
                        label: format!("{{3'd{}, 7'd{}}}", spec.engine.number(), function.number),
                        flags: verilog::hex(18, spec.flag_mask()),
                        name: format!("{}.{}", spec.name, function.name),
                    })
                })
                .collect(),
            sem_index: slice(ctrl::sem::INDEX),
            sem_producer: slice(ctrl::sem::PRODUCER),
            sem_consumer: slice(ctrl::sem::CONSUMER),
        }
    }
}

fn slice(field: Field) -> String {
    format!("[{}:{}]", field.lo + field.width - 1, field.lo)
}
