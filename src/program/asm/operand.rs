//! Operands: numbers, names and the pairs of a statement.

use super::error::Fault;
use super::lex::{Item, Text};
use crate::isa::{Call, Engine, Field, RangeError, RegisterSpec, table};
use crate::program::Names;

/// The items of a statement, consumed one by one.
pub(super) struct Operands<'a> {
    statement: &'a Text,
    items: std::slice::Iter<'a, Item>,
    seen: Vec<String>,
}

impl<'a> Operands<'a> {
    pub(super) fn new(statement: &'a Text, items: &'a [Item]) -> Operands<'a> {
        Operands { statement, items: items.iter(), seen: Vec::new() }
    }

    /// The next item, which must be a word.
    pub(super) fn word(&mut self, what: &str) -> Result<&'a Text, Fault> {
        match self.items.next() {
            Some(Item::Word(text)) => Ok(text),
            Some(other) => Err(other.place().fault(format!("expected {what}"), self.usage())),
            None => Err(self.missing(what)),
        }
    }

    /// The next item, which must be a string.
    pub(super) fn string(&mut self, what: &str) -> Result<&'a Text, Fault> {
        match self.items.next() {
            Some(Item::String(text)) => Ok(text),
            Some(other) => {
                Err(other.place().fault(format!("expected {what} in quotes"), self.usage()))
            }
            None => Err(self.missing(&format!("{what} in quotes"))),
        }
    }

    /// The next item, if there is one.
    pub(super) fn any(&mut self) -> Option<&'a Item> {
        self.items.next()
    }

    /// The next item, which must be a pair whose key did not come before.
    pub(super) fn pair(&mut self) -> Result<Option<(&'a Text, &'a Text)>, Fault> {
        match self.items.next() {
            None => Ok(None),
            Some(Item::Pair(key, value)) => {
                self.once(key)?;
                Ok(Some((key, value)))
            }
            Some(other) => Err(other.place().fault("expected `key=value`", self.usage())),
        }
    }

    /// Refuses a key that came before.
    pub(super) fn once(&mut self, key: &Text) -> Result<(), Fault> {
        if self.seen.contains(&key.text) {
            return Err(key.fault(format!("`{}` is given twice", key.text), ""));
        }
        self.seen.push(key.text.clone());
        Ok(())
    }

    /// Nothing may follow.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        match self.items.next() {
            None => Ok(()),
            Some(extra) => {
                let message = format!("`{}` takes nothing more", self.statement.text);
                Err(extra.place().fault(message, self.usage()))
            }
        }
    }

    pub(super) fn missing(&self, what: &str) -> Fault {
        self.statement.fault(format!("`{}` needs {what}", self.statement.text), self.usage())
    }

    fn usage(&self) -> String {
        let usage = super::STATEMENTS.iter().find(|(name, _)| *name == self.statement.text);
        usage.map_or(String::new(), |(_, usage)| format!("usage: {usage}"))
    }
}

/// A whole number.
pub(super) fn number(text: &Text) -> Result<i128, Fault> {
    let digits = text.text.strip_prefix('-').unwrap_or(&text.text);
    let parsed = match (digits.strip_prefix("0x"), digits.strip_prefix("0b")) {
        (Some(hex), _) => unsigned(hex, 16),
        (_, Some(binary)) => unsigned(binary, 2),
        _ => unsigned(digits, 10),
    };
    let Some(magnitude) = parsed else {
        let help = "numbers: decimal, 0x hexadecimal or 0b binary, of at most 64 bits";
        return Err(text.fault(format!("`{}` is not a number", text.text), help));
    };
    let magnitude = i128::from(magnitude);
    Ok(if digits.len() < text.text.len() { -magnitude } else { magnitude })
}

/// A number without sign; `from_str_radix` alone would accept a `+`.
fn unsigned(digits: &str, radix: u32) -> Option<u64> {
    let legal = digits.chars().all(|digit| digit.is_digit(radix));
    legal.then(|| u64::from_str_radix(digits, radix).ok()).flatten()
}

/// A whole number of the type wanted.
pub(super) fn ranged<T: TryFrom<i128>>(text: &Text, what: &str, max: u64) -> Result<T, Fault> {
    let value = number(text)?;
    let out_of_range = || text.fault(format!("{what} is {value}, but it must be 0 to {max}"), "");
    if value < 0 || value > i128::from(max) {
        return Err(out_of_range());
    }
    T::try_from(value).map_err(|_| out_of_range())
}

/// Value of a register field or flag, in the notation of its unit.
pub(super) fn value(field: &Field, text: &Text) -> Result<i64, Fault> {
    if field.unit == "engine" && text.text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return engine(text).map(|engine| i64::from(engine.number()));
    }
    if field.unit == "binary32" && !text.text.starts_with("0x") {
        let is_float = text.text.contains(['.', 'e', 'E']);
        let float = text.text.parse::<f32>().ok().filter(|value| is_float && value.is_finite());
        let help = "write a decimal number with a point or exponent, such as 0.5, or its bits as 0x3f000000";
        return match float {
            Some(float) => Ok(i64::from(float.to_bits())),
            None => Err(text.fault(format!("`{}` is not a binary32 number", text.text), help)),
        };
    }
    let wide = number(text)?;
    let out_of_range = |value: i64| text.fault(RangeError::of(field, value).to_string(), field.doc);
    match i64::try_from(wide) {
        Ok(value) if field.holds(value) => Ok(value),
        Ok(value) => Err(out_of_range(value)),
        Err(_) => Err(out_of_range(i64::MAX)),
    }
}

/// An engine by name.
pub(super) fn engine(text: &Text) -> Result<Engine, Fault> {
    let engines = table::ENGINES;
    let found = engines.iter().find(|spec| spec.name == text.text).map(|spec| spec.engine);
    found.ok_or_else(|| unknown(text, "engine", engines.iter().map(|spec| spec.name)))
}

/// An engine's register, as `engine.register`.
pub(super) fn register(text: &Text) -> Result<(Engine, &'static RegisterSpec), Fault> {
    let (engine, name) = split(text, "engine.register")?;
    let registers = engine.spec().registers;
    let found = registers.iter().find(|register| register.name == name.text);
    let what = format!("register of `{}`", engine.name());
    let found = found.ok_or_else(|| unknown(&name, &what, registers.iter().map(|r| r.name)))?;
    Ok((engine, found))
}

/// An engine's function, as `engine.function`.
pub(super) fn call(text: &Text, names: &Names) -> Result<Call, Fault> {
    let (engine, name) = split(text, "engine.function")?;
    let functions = engine.spec().functions;
    if let Some(found) = functions.iter().find(|function| function.name == name.text) {
        return Ok(Call { engine, function: found.number });
    }
    if let Some(call) = names.find(engine, &name.text) {
        return Ok(call);
    }
    let what = format!("function of `{}`", engine.name());
    let known =
        functions.iter().map(|f| f.name).chain(names.of_engine(engine).iter().map(String::as_str));
    Err(unknown(&name, &what, known))
}

fn split(text: &Text, form: &str) -> Result<(Engine, Text), Fault> {
    let Some((owner, name)) = text.text.split_once('.') else {
        return Err(text.fault(format!("`{}` is not of the form `{form}`", text.text), ""));
    };
    let part = |part: &str, start| Text { text: part.to_owned(), start, length: part.len() };
    let owner = part(owner, text.start);
    let name = part(name, text.start + owner.length + 1);
    Ok((engine(&owner)?, name))
}

/// A field of `fields` by name.
pub(super) fn field<'f>(name: &Text, fields: &'f [Field], what: &str) -> Result<&'f Field, Fault> {
    let found = fields.iter().find(|field| field.name == name.text);
    found.ok_or_else(|| unknown(name, what, fields.iter().map(|field| field.name)))
}

/// A name that is none of those allowed.
pub(super) fn unknown<'n>(
    text: &Text,
    what: &str,
    allowed: impl Iterator<Item = &'n str>,
) -> Fault {
    let allowed: Vec<&str> = allowed.collect();
    let help = match allowed.is_empty() {
        true => "there is none".to_owned(),
        false => format!("allowed: {}", allowed.join(", ")),
    };
    text.fault(format!("unknown {what} `{}`", text.text), help)
}
