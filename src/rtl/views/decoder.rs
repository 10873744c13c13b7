//! `npu_decoder`: rows made from the instruction table.

use askama::Template;

use super::row::Named;
use crate::design::Design;
use crate::isa::table::{ENGINES, OPCODE, ctrl, op};
use crate::isa::{CustomSpec, EngineSpec, Field};
use crate::rtl::verilog;

/// The decoder. What differs between designs arrives as a parameter, but for functions of its own.
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
    pub fn new(design: &Design) -> DecoderView {
        let exists = |spec: &EngineSpec| {
            spec.engine.queue_index().is_none() || design.engines().contains(&spec.engine)
        };
        let engines = ENGINES.iter().copied().filter(|spec| exists(spec));
        DecoderView {
            opcodes: op::ALL
                .iter()
                .map(|spec| Named {
                    name: format!("OP_{}", spec.name.to_uppercase()),
                    value: format!("{}'d{}", OPCODE.width, spec.number),
                })
                .collect(),
            registers: engines
                .clone()
                .flat_map(|spec| {
                    spec.registers.iter().map(|register| Register {
                        label: format!("{{3'd{}, 9'd{}}}", spec.engine.number(), register.number),
                        mask: verilog::hex(48, register.mask()),
                        name: format!("{}.{}", spec.name, register.name),
                    })
                })
                .collect(),
            functions: engines
                .flat_map(|spec| {
                    spec.functions.iter().map(|function| Function {
                        label: format!("{{3'd{}, 7'd{}}}", spec.engine.number(), function.number),
                        flags: verilog::hex(18, spec.flag_mask()),
                        name: format!("{}.{}", spec.name, function.name),
                    })
                })
                .chain(custom(design))
                .collect(),
            sem_index: slice(ctrl::sem::INDEX),
            sem_producer: slice(ctrl::sem::PRODUCER),
            sem_consumer: slice(ctrl::sem::CONSUMER),
        }
    }
}

/// The functions a design adds.
fn custom(design: &Design) -> Vec<Function> {
    let specs = design.custom_specs();
    let row = |function: &CustomSpec| {
        let engine = function.engine;
        Function {
            label: format!("{{3'd{}, 7'd{}}}", engine.number(), function.number),
            flags: verilog::hex(18, engine.spec().flag_mask()),
            name: format!("{}.{}", engine.name(), function.name),
        }
    };
    specs.iter().map(row).collect()
}

fn slice(field: Field) -> String {
    format!("[{}:{}]", field.lo + field.width - 1, field.lo)
}
