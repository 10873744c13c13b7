//! Disassembler: program to text that [`super::asm`] turns into the same program.

use super::asm::lex::quoted;
use super::{LayerInfo, Layout, Names, NetworkView, Program, Region, Tensor};
use crate::isa::{Engine, Field, Flags, Instruction, SemMask};

/// What to write besides the instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The content of the regions; without it the text does not give the same program back.
    pub data: bool,
    /// Position and word of each instruction, as a comment.
    pub words: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { data: true, words: false }
    }
}

/// Bytes of data in a line.
const LINE: usize = 32;

/// The program as assembly.
pub fn disassemble(program: &Program, options: Options) -> String {
    let mut text = String::new();
    let target = &program.target;
    let (name, fingerprint) = (quoted(&target.name), target.fingerprint);
    text.push_str(&format!(
        ".npu {name} fingerprint={fingerprint:#018x} semaphores={}\n",
        target.semaphores
    ));
    for line in target.config.split_inclusive('\n') {
        text.push_str(&format!(".config {}\n", quoted(line)));
    }
    for region in &program.regions {
        write_region(&mut text, region, options.data);
    }
    for tensor in &program.tensors {
        write_tensor(&mut text, tensor);
    }
    for layer in &program.layers {
        write_layer(&mut text, layer);
    }
    let names = Names::of(target);
    let mut notes = program.provenance.iter().peekable();
    for (pc, &word) in program.code.iter().enumerate() {
        while let Some((_, note)) = notes.next_if(|(start, _)| *start <= pc) {
            text.push_str(&format!(".note {}\n", quoted(note)));
        }
        text.push_str(&statement(&names, pc, word));
        if options.words {
            text.push_str(&format!(" ; {pc}: {word:#018x}"));
        }
        text.push('\n');
    }
    for (_, note) in notes {
        text.push_str(&format!(".note {}\n", quoted(note)));
    }
    text
}

/// One word as a statement.
pub fn statement(names: &Names, pc: usize, word: u64) -> String {
    match Instruction::decode(pc, word) {
        Ok(instruction) => Statement { names, instruction }.to_string(),
        Err(error) => format!(".word {word:#018x} ; {error}"),
    }
}

/// An instruction in assembly.
struct Statement<'a> {
    names: &'a Names,
    instruction: Instruction,
}

impl std::fmt::Display for Statement<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.instruction.opcode().name)?;
        match self.instruction {
            Instruction::Nop | Instruction::Fence | Instruction::End => Ok(()),
            Instruction::Tag { engine, tag } => write!(f, " {} {tag}", engine.name()),
            Instruction::Set { engine, register, value } => {
                let Some(spec) = engine.spec().register(register) else {
                    return write!(f, " {}.?{register} {value:#x}", engine.name());
                };
                write!(f, " {}.{}", engine.name(), spec.name)?;
                for field in spec.fields {
                    write!(f, " {}={}", field.name, value_text(field, field.extract(value)))?;
                }
                Ok(())
            }
            Instruction::Run { call, wait, signal, flags } => {
                write!(f, " {}", self.names.call(call))?;
                write_semaphores(f, "wait", wait)?;
                write_semaphores(f, "signal", signal)?;
                write_flags(f, call.engine, flags)
            }
        }
    }
}

fn write_semaphores(f: &mut std::fmt::Formatter<'_>, key: &str, mask: SemMask) -> std::fmt::Result {
    if mask == SemMask::NONE {
        return Ok(());
    }
    let names: Vec<String> = mask.iter().map(|index| format!("s{index}")).collect();
    write!(f, " {key}={}", names.join(","))
}

fn write_flags(f: &mut std::fmt::Formatter<'_>, engine: Engine, flags: Flags) -> std::fmt::Result {
    for flag in engine.spec().flags {
        match flags.get(*flag) {
            0 => {}
            1 if flag.width == 1 => write!(f, " {}", flag.name)?,
            value => write!(f, " {}={value}", flag.name)?,
        }
    }
    Ok(())
}

/// A field's value in the notation of its unit.
fn value_text(field: &Field, value: i64) -> String {
    match field.unit {
        "engine" => {
            let engine = u8::try_from(value).ok().and_then(Engine::from_number);
            engine.map_or(value.to_string(), |engine| engine.name().to_owned())
        }
        "binary32" => {
            let float = u32::try_from(value).ok().map(f32::from_bits);
            match float.filter(|float| float.is_finite()) {
                Some(float) => format!("{float:?}"),
                None => format!("{value:#x}"),
            }
        }
        "bytes" if value >= 4096 => format!("{value:#x}"),
        _ => value.to_string(),
    }
}

fn write_region(text: &mut String, region: &Region, data: bool) {
    let Region { base, kind, size, name, data: bytes } = region;
    text.push_str(&format!(".region {base} {} {size} {}\n", kind.name(), quoted(name)));
    if !data {
        if !bytes.is_empty() {
            text.push_str(&format!("; {} bytes of data left out\n", bytes.len()));
        }
        return;
    }
    for run in bytes.chunk_by(|a, b| a == b).fold(Vec::new(), join_short_runs) {
        match run {
            Run::Same(byte, count) => text.push_str(&format!(".data {byte:02x} * {count}\n")),
            Run::Mixed(bytes) => {
                for line in bytes.chunks(LINE) {
                    let digits: Vec<String> =
                        line.iter().map(|byte| format!("{byte:02x}")).collect();
                    text.push_str(&format!(".data {}\n", digits.join(" ")));
                }
            }
        }
    }
}

/// Bytes to be written in one way.
enum Run {
    Same(u8, usize),
    Mixed(Vec<u8>),
}

fn join_short_runs(mut runs: Vec<Run>, equal: &[u8]) -> Vec<Run> {
    match (runs.last_mut(), equal) {
        (_, [byte, ..]) if equal.len() > LINE => runs.push(Run::Same(*byte, equal.len())),
        (Some(Run::Mixed(bytes)), _) => bytes.extend_from_slice(equal),
        _ => runs.push(Run::Mixed(equal.to_vec())),
    }
    runs
}

fn shape_text(shape: &[u64]) -> String {
    let sizes: Vec<String> = shape.iter().map(u64::to_string).collect();
    if sizes.is_empty() { "scalar".to_owned() } else { sizes.join(",") }
}

fn write_layer(text: &mut String, layer: &LayerInfo) {
    let texts = [&layer.name, &layer.tensor, &layer.remark].into_iter().chain(&layer.nodes);
    let texts: Vec<String> = texts.map(|text| quoted(text)).collect();
    text.push_str(&format!(
        ".layer {} kernel={} engine={} macs={} shape={} place={}\n",
        texts.join(" "),
        layer.kernel,
        layer.engine,
        layer.macs,
        shape_text(&layer.shape),
        layer.place.name(),
    ));
}

fn write_tensor(text: &mut String, tensor: &Tensor) {
    let layout = match tensor.layout {
        Layout::Dense => "dense".to_owned(),
        Layout::Nhwc => "nhwc".to_owned(),
        Layout::Nchw => "nchw".to_owned(),
        Layout::Blocked(block) => format!("blocked:{block}"),
    };
    text.push_str(&format!(
        ".tensor {} region={} offset={} shape={} layout={layout} dtype={} scale={:?} zero={}",
        quoted(&tensor.name),
        tensor.region,
        tensor.offset,
        shape_text(&tensor.shape),
        tensor.dtype.name(),
        tensor.scale,
        tensor.zero,
    ));
    if let Some(NetworkView { shape, walk, float }) = &tensor.network {
        let steps: Vec<String> =
            walk.iter().map(|[extent, distance]| format!("{extent}x{distance}")).collect();
        let walk = if steps.is_empty() { "scalar".to_owned() } else { steps.join(",") };
        text.push_str(&format!(" network={} walk={walk} float={float}", shape_text(shape)));
    }
    text.push('\n');
}
