//! The table as named numbers, for languages that are not Rust: plain data for the Verilog views,
//! and the C header.

use super::domain::CustomSpec;
use super::spec::{Bits, Engine, Field};
use super::table::{self, ENGINES, op};

/// A named number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constant {
    /// Upper-case name without a prefix, words separated by `_`.
    pub name: String,
    /// Bits a Verilog constant of this kind has.
    pub width: u8,
    /// The number.
    pub value: u64,
    /// What it is.
    pub doc: String,
}

impl Constant {
    /// The number as a sized Verilog literal.
    pub fn verilog(&self) -> String {
        format!("{}'d{}", self.width, self.value)
    }
}

/// Everything a decoder needs: opcodes, positions in the word, engines.
pub fn word_constants() -> Vec<Constant> {
    let mut constants = Vec::new();
    for spec in op::ALL {
        constants.push(Constant {
            name: format!("OP_{}", spec.name.to_uppercase()),
            width: table::OPCODE.width,
            value: u64::from(spec.number),
            doc: spec.doc.to_owned(),
        });
    }
    bits(&mut constants, "OPCODE", table::OPCODE);
    let fields = op::ALL.into_iter().flat_map(|spec| {
        let name = |field: &str| match field {
            "engine" => "ENGINE".to_owned(),
            _ => format!("{}_{}", spec.name, field).to_uppercase(),
        };
        spec.fields.iter().map(move |&(field, bits)| (name(field), bits))
    });
    let mut engine_seen = false;
    for (name, position) in fields {
        // SET, RUN and TAG share the position of the engine.
        if name == "ENGINE" && std::mem::replace(&mut engine_seen, true) {
            continue;
        }
        bits(&mut constants, &name, position);
    }
    for spec in ENGINES {
        constants.push(Constant {
            name: format!("ENGINE_{}", spec.name.to_uppercase()),
            width: op::ENGINE.width,
            value: u64::from(spec.engine.number()),
            doc: spec.doc.to_owned(),
        });
    }
    constants
}

/// Functions, flags, registers and fields of one engine.
pub fn engine_constants(engine: Engine) -> Vec<Constant> {
    let spec = engine.spec();
    let prefix = spec.name.to_uppercase();
    let mut constants = Vec::new();
    for function in spec.functions {
        constants.push(Constant {
            name: format!("{prefix}_FN_{}", function.name.to_uppercase()),
            width: op::RUN_FUNCTION.width,
            value: u64::from(function.number),
            doc: function.doc.to_owned(),
        });
    }
    for flag in spec.flags {
        field(&mut constants, &format!("{prefix}_FLAG"), flag);
    }
    for register in spec.registers {
        let name = format!("{prefix}_{}", register.name.to_uppercase());
        constants.push(Constant {
            name: name.clone(),
            width: op::SET_REGISTER.width,
            value: u64::from(register.number),
            doc: register.doc.to_owned(),
        });
        for part in register.fields {
            field(&mut constants, &name, part);
        }
    }
    constants
}

fn field(constants: &mut Vec<Constant>, prefix: &str, field: &Field) {
    let name = format!("{prefix}_{}", field.name.to_uppercase());
    let first = constants.len();
    bits(constants, &name, Bits::new(field.lo, field.width));
    if let Some(lowest) = constants.get_mut(first) {
        lowest.doc = format!("Lowest bit. {}", field.doc);
    }
}

fn bits(constants: &mut Vec<Constant>, name: &str, bits: Bits) {
    let entries = [("LO", bits.lo, "Lowest bit."), ("WIDTH", bits.width, "Number of bits.")];
    for (suffix, value, doc) in entries {
        constants.push(Constant {
            name: format!("{name}_{suffix}"),
            width: 7,
            value: u64::from(value),
            doc: doc.to_owned(),
        });
    }
}

/// The C header `npu_isa.h`, with the operations of a design's own.
pub fn c_header(custom: &[CustomSpec]) -> String {
    let mut text = String::from(HEADER_TOP);
    text.push_str(&format!("#define NPU_ISA_VERSION {}\n", table::ISA_VERSION));
    section(&mut text, "Instruction words", &word_constants());
    for spec in ENGINES {
        section(&mut text, &format!("{}: {}", spec.name, spec.doc), &engine_constants(spec.engine));
    }
    if !custom.is_empty() {
        section(&mut text, "Functions of the configuration", &custom_constants(custom));
    }
    text.push_str(HEADER_BOTTOM);
    text
}

/// Functions of a design's own.
fn custom_constants(custom: &[CustomSpec]) -> Vec<Constant> {
    let constant = |function: &CustomSpec| Constant {
        name: format!("{}_FN_{}", function.engine.name(), function.name).to_uppercase(),
        width: op::RUN_FUNCTION.width,
        value: u64::from(function.number),
        doc: function.doc.replace("*/", "* /"),
    };
    custom.iter().map(constant).collect()
}

fn section(text: &mut String, title: &str, constants: &[Constant]) {
    text.push_str(&format!("\n/* {title} */\n"));
    for constant in constants {
        text.push_str(&format!(
            "#define NPU_{} {} /* {} */\n",
            constant.name, constant.value, constant.doc
        ));
    }
}

const HEADER_TOP: &str = "\
/* Instruction set of the neural processing unit. Generated from the instruction table.
 *
 * NPU_<ENGINE>_<REGISTER> is the number of a register, NPU_<ENGINE>_<REGISTER>_<FIELD>_LO and _WIDTH
 * the place of a field in it, NPU_<ENGINE>_FN_<FUNCTION> the number of a function and
 * NPU_<ENGINE>_FLAG_<FLAG>_LO and _WIDTH the place of a launch flag.
 */
#ifndef NPU_ISA_H
#define NPU_ISA_H

#include <stdint.h>

";

const HEADER_BOTTOM: &str = "
/* A field's value moved to its place; for negative values of signed fields, too. */
#define NPU_PLACE(field, value) \\
    ((((uint64_t)(value)) & ((1ull << field##_WIDTH) - 1)) << field##_LO)

/* Instruction words. `value` and `flags` are put together with NPU_PLACE, masks have one bit per semaphore. */
static inline uint64_t npu_nop(void) { return NPU_PLACE(NPU_OPCODE, NPU_OP_NOP); }
static inline uint64_t npu_fence(void) { return NPU_PLACE(NPU_OPCODE, NPU_OP_FENCE); }
static inline uint64_t npu_end(void) { return NPU_PLACE(NPU_OPCODE, NPU_OP_END); }

static inline uint64_t npu_set(unsigned engine, unsigned reg, uint64_t value)
{
    return NPU_PLACE(NPU_OPCODE, NPU_OP_SET) | NPU_PLACE(NPU_ENGINE, engine)
         | NPU_PLACE(NPU_SET_REGISTER, reg) | NPU_PLACE(NPU_SET_VALUE, value);
}

static inline uint64_t npu_run(unsigned engine, unsigned function, unsigned wait, unsigned signal, uint64_t flags)
{
    return NPU_PLACE(NPU_OPCODE, NPU_OP_RUN) | NPU_PLACE(NPU_ENGINE, engine)
         | NPU_PLACE(NPU_RUN_FUNCTION, function) | NPU_PLACE(NPU_RUN_WAIT, wait)
         | NPU_PLACE(NPU_RUN_SIGNAL, signal) | NPU_PLACE(NPU_RUN_FLAGS, flags);
}

static inline uint64_t npu_tag(unsigned engine, uint32_t tag)
{
    return NPU_PLACE(NPU_OPCODE, NPU_OP_TAG) | NPU_PLACE(NPU_ENGINE, engine) | NPU_PLACE(NPU_TAG_VALUE, tag);
}

#endif
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Call, Flags, Instruction, SemMask};

    #[test]
    fn names_are_unique_and_numbers_fit() {
        let mut all = word_constants();
        for spec in ENGINES {
            all.extend(engine_constants(spec.engine));
        }
        let mut names: Vec<&str> = all.iter().map(|constant| constant.name.as_str()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        for constant in &all {
            assert!(constant.value < 1 << constant.width, "{}", constant.name);
            assert!(!constant.doc.contains("*/"), "{}", constant.name);
        }
        let find = |name: &str| all.iter().find(|constant| constant.name == name).unwrap();
        assert_eq!(find("GEMM_FN_FLOAT32").verilog(), "7'd2");
        assert_eq!(find("LOAD_DRAM_BASE_LO").verilog(), "7'd40");
        assert_eq!(find("GEMM_FLAG_TABLE_WIDTH").value, 3);
    }

    /// A C program that includes the header makes the same words as the encoder.
    #[test]
    fn c_header_compiles_and_agrees() {
        let Ok(cc) = which::which("cc") else {
            assert!(std::env::var_os("CI").is_none(), "no C compiler `cc` in CI");
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("npu_isa.h"), c_header(&[])).unwrap();
        let main = "#include \"npu_isa.h\"\n#include <stdio.h>\nint main(void) {\n\
            uint64_t w[] = {npu_nop(), npu_fence(), npu_end(), npu_tag(NPU_ENGINE_STORE, 77),\n\
            npu_set(NPU_ENGINE_LOAD, NPU_LOAD_LOOP1, NPU_PLACE(NPU_LOAD_LOOP1_COUNT, 9) | NPU_PLACE(NPU_LOAD_LOOP1_STRIDE, -3)),\n\
            npu_run(NPU_ENGINE_GEMM, NPU_GEMM_FN_INT32, 5, 2, NPU_PLACE(NPU_GEMM_FLAG_KEEP, 1))};\n\
            for (unsigned i = 0; i < 6; i++) printf(\"%llu\\n\", (unsigned long long)w[i]);\n return 0; }\n";
        std::fs::write(dir.path().join("main.c"), main).unwrap();
        let built = std::process::Command::new(cc)
            .current_dir(dir.path())
            .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "main.c", "-o", "main"])
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let out = std::process::Command::new(dir.path().join("main")).output().unwrap();
        let loop1 = table::load::loop1::COUNT.place(9) | table::load::loop1::STRIDE.place(-3);
        let expected = [
            Instruction::Nop,
            Instruction::Fence,
            Instruction::End,
            Instruction::Tag { engine: Engine::Store, tag: 77 },
            Instruction::Set {
                engine: Engine::Load,
                register: table::load::loop1::NUMBER,
                value: loop1,
            },
            Instruction::Run {
                call: Call::from(table::gemm::Function::Int32),
                wait: SemMask(5),
                signal: SemMask(2),
                flags: Flags::NONE.with(table::gemm::KEEP, 1).unwrap(),
            },
        ];
        let expected: String =
            expected.iter().map(|i| format!("{}\n", i.encode().unwrap())).collect();
        assert_eq!(String::from_utf8(out.stdout).unwrap(), expected);
    }
}
