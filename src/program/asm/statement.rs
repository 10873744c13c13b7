//! One method per statement.

use super::Assembler;
use super::error::Fault;
use super::layer;
use super::lex::{Item, Text};
use super::operand::{self, Operands, ranged};
use crate::isa::{Flags, Instruction, SemMask};
use crate::program::{
    Dtype, Layout, MAX_REGIONS, MAX_SEMAPHORES, NetworkView, Region, RegionKind, Tensor,
};

/// Most bytes of content a region can be given, so that a few characters cannot use up all memory.
const MAX_DATA: u64 = 1 << 30;

impl Assembler<'_> {
    pub(super) fn statement(&mut self, statement: &Text, items: &[Item]) -> Result<(), Fault> {
        let mut operands = Operands::new(statement, items);
        let operands = &mut operands;
        match statement.text.as_str() {
            ".npu" => self.npu(operands)?,
            ".config" => self.program.target.config.push_str(&operands.string("text")?.text),
            ".region" => self.region(operands)?,
            ".data" => self.data(statement, operands)?,
            ".tensor" => self.tensor(operands)?,
            ".layer" => self.program.layers.push(layer::read(operands)?),
            ".note" => {
                let note = &operands.string("text")?.text;
                self.program.provenance.push(self.program.code.len(), note);
            }
            ".word" => {
                let word = ranged(operands.word("a number")?, "the word", u64::MAX)?;
                self.program.code.push(word);
            }
            "set" => self.set(operands)?,
            "run" => self.run(operands)?,
            "tag" => {
                let engine = operand::engine(operands.word("an engine")?)?;
                let tag = ranged(operands.word("a number")?, "the tag", u32::MAX.into())?;
                self.emit(statement, Instruction::Tag { engine, tag })?;
            }
            "nop" => self.emit(statement, Instruction::Nop)?,
            "fence" => self.emit(statement, Instruction::Fence)?,
            "end" => self.emit(statement, Instruction::End)?,
            other => {
                return Err(statement
                    .fault(format!("unknown statement `{other}`"), super::statement_names()));
            }
        }
        operands.end()
    }

    fn emit(&mut self, statement: &Text, instruction: Instruction) -> Result<(), Fault> {
        let word = instruction.encode().map_err(|error| statement.fault(error.to_string(), ""))?;
        self.program.code.push(word);
        Ok(())
    }

    fn set(&mut self, operands: &mut Operands<'_>) -> Result<(), Fault> {
        let place = operands.word("a register")?;
        let (engine, register) = operand::register(place)?;
        let what = format!("field of `{}`", place.text);
        let mut word = register.reset();
        while let Some((key, value)) = operands.pair()? {
            let field = operand::field(key, register.fields, &what)?;
            word = (word & !field.mask()) | field.place(operand::value(field, value)?);
        }
        self.emit(place, Instruction::Set { engine, register: register.number, value: word })
    }

    fn run(&mut self, operands: &mut Operands<'_>) -> Result<(), Fault> {
        let place = operands.word("a function")?;
        let call = operand::call(place, self.names())?;
        let spec = call.engine.spec();
        let what = format!("flag of `{}`", spec.name);
        let (mut wait, mut signal, mut flags) = (SemMask::NONE, SemMask::NONE, Flags::NONE);
        while let Some(item) = operands.any() {
            let (key, value) = match item {
                Item::Word(key) => (key, None),
                Item::Pair(key, value) => (key, Some(value)),
                Item::String(text) => return Err(text.fault("expected a flag", "")),
            };
            operands.once(key)?;
            match (key.text.as_str(), value) {
                ("wait", Some(value)) => wait = semaphores(value)?,
                ("signal", Some(value)) => signal = semaphores(value)?,
                _ => {
                    let flag = operand::field(key, spec.flags, &what)?;
                    let value = value.map_or(Ok(1), |value| operand::value(flag, value))?;
                    flags = flags
                        .with(*flag, value)
                        .map_err(|error| key.fault(error.to_string(), ""))?;
                }
            }
        }
        self.emit(place, Instruction::Run { call, wait, signal, flags })
    }

    fn npu(&mut self, operands: &mut Operands<'_>) -> Result<(), Fault> {
        let name = operands.string("a name")?;
        if self.named {
            return Err(name.fault("the design is named twice", "keep one `.npu` line"));
        }
        self.named = true;
        self.program.target.name.clone_from(&name.text);
        while let Some((key, value)) = operands.pair()? {
            match key.text.as_str() {
                "fingerprint" => {
                    self.program.target.fingerprint = ranged(value, "the fingerprint", u64::MAX)?;
                    self.fingerprinted = true;
                }
                "semaphores" => {
                    self.program.target.semaphores =
                        ranged(value, "the number of semaphores", MAX_SEMAPHORES.into())?
                }
                _ => {
                    return Err(operand::unknown(
                        key,
                        "key",
                        ["fingerprint", "semaphores"].into_iter(),
                    ));
                }
            }
        }
        Ok(())
    }

    fn region(&mut self, operands: &mut Operands<'_>) -> Result<(), Fault> {
        let base =
            ranged(operands.word("a base register")?, "the base register", MAX_REGIONS as u64 - 1)?;
        let kind = operands.word("a kind")?;
        let found = RegionKind::ALL.into_iter().find(|known| known.name() == kind.text);
        let kinds = RegionKind::ALL.iter().map(|kind| kind.name());
        let kind = found.ok_or_else(|| operand::unknown(kind, "kind of region", kinds))?;
        let size = ranged(operands.word("a size")?, "the size", u64::MAX)?;
        let name = operands.string("a name")?.text.clone();
        self.program.regions.push(Region { base, name, kind, size, data: Vec::new() });
        Ok(())
    }

    fn data(&mut self, statement: &Text, operands: &mut Operands<'_>) -> Result<(), Fault> {
        let Some(region) = self.program.regions.last_mut() else {
            return Err(statement
                .fault("there is no region for the data", "put a `.region` line before it"));
        };
        let mut bytes = bytes(operands.word("bytes")?)?;
        while let Some(item) = operands.any() {
            match item {
                Item::Word(star) if star.text == "*" => {
                    let room = region.size.min(MAX_DATA).saturating_sub(region.data.len() as u64);
                    let count: u64 = ranged(operands.word("a count")?, "the count", room)?;
                    let [byte] = bytes.as_slice() else {
                        return Err(star.fault(
                            "only a single byte can be repeated",
                            "write `.data HEX * COUNT`",
                        ));
                    };
                    bytes = vec![*byte; usize::try_from(count).unwrap_or_default()];
                    operands.end()?;
                }
                Item::Word(word) => bytes.append(&mut self::bytes(word)?),
                other => return Err(other.place().fault("expected hexadecimal bytes", "")),
            }
        }
        region.data.append(&mut bytes);
        if region.data.len() as u64 > region.size {
            let message = format!(
                "region `{}` has {} bytes, but its content has {} already",
                region.name,
                region.size,
                region.data.len()
            );
            return Err(statement.fault(message, ""));
        }
        Ok(())
    }

    fn tensor(&mut self, operands: &mut Operands<'_>) -> Result<(), Fault> {
        let mut tensor = Tensor {
            name: operands.string("a name")?.text.clone(),
            region: 0,
            offset: 0,
            shape: Vec::new(),
            layout: Layout::Dense,
            dtype: Dtype::Int8,
            scale: 1.0,
            zero: 0,
            network: None,
        };
        const KEYS: [&str; 10] = [
            "region", "offset", "shape", "layout", "dtype", "scale", "zero", "network", "walk",
            "float",
        ];
        let mut shaped = false;
        let (mut network, mut walk, mut float) = (None, None, None);
        while let Some((key, value)) = operands.pair()? {
            match key.text.as_str() {
                "region" => {
                    tensor.region = ranged(value, "the base register", MAX_REGIONS as u64 - 1)?
                }
                "offset" => tensor.offset = ranged(value, "the offset", u64::MAX)?,
                "shape" => {
                    shaped = true;
                    tensor.shape = shape(value)?;
                }
                "layout" => tensor.layout = layout(value)?,
                "dtype" => {
                    let found = Dtype::ALL.into_iter().find(|known| known.name() == value.text);
                    let types = Dtype::ALL.iter().map(|dtype| dtype.name());
                    tensor.dtype = found.ok_or_else(|| operand::unknown(value, "type", types))?;
                }
                "scale" => {
                    let scale = value.text.parse().ok().filter(|scale: &f32| scale.is_finite());
                    let message = || format!("`{}` is not a finite number", value.text);
                    tensor.scale = scale.ok_or_else(|| value.fault(message(), ""))?;
                }
                "zero" => {
                    let zero = operand::number(value)?;
                    let message = || {
                        format!(
                            "the zero point is {zero}, but it must be {} to {}",
                            i32::MIN,
                            i32::MAX
                        )
                    };
                    tensor.zero = i32::try_from(zero).map_err(|_| value.fault(message(), ""))?;
                }
                "network" => network = Some(shape(value)?),
                "walk" => walk = Some(self::walk(value)?),
                "float" => {
                    let found =
                        [true, false].into_iter().find(|known| known.to_string() == value.text);
                    let known = ["true", "false"].into_iter();
                    float =
                        Some(found.ok_or_else(|| operand::unknown(value, "truth value", known))?);
                }
                _ => return Err(operand::unknown(key, "key", KEYS.into_iter())),
            }
        }
        if !shaped {
            return Err(operands.missing("a shape"));
        }
        tensor.network = match (network, walk, float) {
            (Some(shape), Some(walk), Some(float)) => Some(NetworkView { shape, walk, float }),
            (None, None, None) => None,
            _ => return Err(operands.missing("`network`, `walk` and `float` together")),
        };
        self.program.tensors.push(tensor);
        Ok(())
    }
}

/// Extents and distances, `64x1,8x64`, or `scalar` for none.
fn walk(text: &Text) -> Result<Vec<[u64; 2]>, Fault> {
    if text.text == "scalar" {
        return Ok(Vec::new());
    }
    let step = |part: Text| {
        let Some((extent, distance)) = part.text.split_once('x') else {
            let message = format!("`{}` is not an extent and a distance", part.text);
            return Err(part.fault(message, "write them like `8x64`"));
        };
        let piece = |text: &str, start: usize| Text {
            text: text.to_owned(),
            start: part.start + start,
            length: text.len(),
        };
        let distance = piece(distance, extent.len() + 1);
        Ok([
            ranged(&piece(extent, 0), "the extent", u64::MAX)?,
            ranged(&distance, "the distance", u64::MAX)?,
        ])
    };
    parts(text).map(step).collect()
}

/// Extents, or `scalar` for none.
pub(super) fn shape(text: &Text) -> Result<Vec<u64>, Fault> {
    if text.text == "scalar" {
        return Ok(Vec::new());
    }
    parts(text).map(|size| ranged(&size, "the size", u64::MAX)).collect()
}

fn layout(text: &Text) -> Result<Layout, Fault> {
    match (text.text.as_str(), text.text.strip_prefix("blocked:")) {
        ("dense", _) => Ok(Layout::Dense),
        ("nhwc", _) => Ok(Layout::Nhwc),
        ("nchw", _) => Ok(Layout::Nchw),
        (_, Some(block)) => {
            let start = text.start + "blocked:".len();
            let block = Text { text: block.to_owned(), start, length: block.len() };
            ranged(&block, "the block", u32::MAX.into()).map(Layout::Blocked)
        }
        _ => Err(operand::unknown(
            text,
            "layout",
            ["dense", "nhwc", "nchw", "blocked:N"].into_iter(),
        )),
    }
}

/// A list of semaphores, `s0,s3`.
fn semaphores(text: &Text) -> Result<SemMask, Fault> {
    let mut mask = SemMask::NONE;
    for part in parts(text) {
        let index = part.text.strip_prefix('s').and_then(|digits| digits.parse::<u8>().ok());
        let Some(index) = index.filter(|&index| index < MAX_SEMAPHORES) else {
            return Err(part.fault(
                format!("`{}` is not a semaphore", part.text),
                "allowed: s0 to s15, separated by commas without spaces",
            ));
        };
        if mask.contains(index) {
            return Err(part.fault(format!("`s{index}` is listed twice"), ""));
        }
        mask = mask.with(SemMask::only(index));
    }
    Ok(mask)
}

/// The parts of a list, each with its place.
fn parts(text: &Text) -> impl Iterator<Item = Text> {
    let mut start = text.start;
    text.text.split(',').map(move |part| {
        let part = Text { text: part.to_owned(), start, length: part.len() };
        start += part.length + 1;
        part
    })
}

/// Bytes in hexadecimal, two digits each.
fn bytes(text: &Text) -> Result<Vec<u8>, Fault> {
    let digits: Option<Vec<u8>> = text
        .text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok()))
        .collect();
    match digits.as_deref().map(<[u8]>::as_chunks::<2>) {
        Some((pairs, [])) => Ok(pairs.iter().map(|[high, low]| high * 16 + low).collect()),
        _ => Err(text.fault(
            format!("`{}` is not hexadecimal bytes", text.text),
            "write two digits a byte, such as 00 7f ff",
        )),
    }
}
