//! Assembler: text to program. The notation is described in the manual, `docs/isa.md`.
//!
//! Reads every line even after a mistake, so that all mistakes are reported at once.

mod error;
mod layer;
pub(super) mod lex;
mod operand;
mod statement;

pub use error::{AsmError, AsmErrors};

use std::cell::OnceCell;

use super::{Names, Program, Target};
use error::{Fault, MOST_MISTAKES};
use lex::Item;

/// Every statement with its form.
const STATEMENTS: [(&str, &str); 14] = [
    (".npu", ".npu \"name\" [fingerprint=0x... semaphores=N]"),
    (".config", ".config \"text\""),
    (".region", ".region BASE input|output|weights|scratch BYTES \"name\""),
    (".data", ".data HEX... or .data HEX * COUNT"),
    (
        ".tensor",
        ".tensor \"name\" region=BASE offset=BYTES shape=N,N,... layout=LAYOUT dtype=TYPE scale=X zero=N [network=N,N,... walk=NxN,NxN,... float=BOOL]",
    ),
    (
        ".layer",
        ".layer \"name\" \"tensor\" \"remark\" [\"node\" ...] kernel=NAME engine=ENGINE macs=N shape=N,N,... place=MEMORY",
    ),
    (".note", ".note \"text\""),
    (".word", ".word NUMBER"),
    ("set", "set ENGINE.REGISTER [FIELD=VALUE ...]"),
    ("run", "run ENGINE.FUNCTION [wait=sN,...] [signal=sN,...] [FLAG[=VALUE] ...]"),
    ("tag", "tag ENGINE NUMBER"),
    ("nop", "nop"),
    ("fence", "fence"),
    ("end", "end"),
];

/// Longest line that is drawn in messages.
const WIDEST: usize = 1000;

/// Makes a program of assembly text. `name` is the source's name in pictures of mistakes; `target`
/// is the design to assemble for, which may be left out when the text carries one.
pub fn assemble(
    name: &str,
    text: &str,
    target: Option<&Target>,
) -> Result<Program, Box<AsmErrors>> {
    let mut assembler = Assembler { given: target, ..Assembler::default() };
    let mut errors = Vec::new();
    let mut offset = 0;
    for (index, line) in text.split('\n').enumerate() {
        if let Err(fault) = assembler.line(line) {
            errors.push(fault.at(index + 1, line, offset));
        }
        if errors.len() >= MOST_MISTAKES {
            break;
        }
        offset += line.len() + 1;
    }
    if errors.is_empty()
        && let Err(fault) = assembler.settle()
    {
        errors.push(fault.at(1, "", 0));
    }
    if errors.is_empty() {
        return Ok(assembler.program);
    }
    let drawn = text.lines().all(|line| line.len() <= WIDEST);
    let source_code = drawn.then(|| miette::NamedSource::new(name, text.to_owned()));
    Err(Box::new(AsmErrors { source_code, errors }))
}

/// The program so far.
#[derive(Debug, Default)]
struct Assembler<'t> {
    program: Program,
    named: bool,
    fingerprinted: bool,
    given: Option<&'t Target>,
    /// Of the design's own functions; read when the first one comes.
    names: OnceCell<Names>,
}

impl Assembler<'_> {
    fn line(&mut self, line: &str) -> Result<(), Fault> {
        let items = lex::items(line)?;
        let Some((first, rest)) = items.split_first() else {
            return Ok(());
        };
        let Item::Word(statement) = first else {
            return Err(first.place().fault("a line starts with a statement", statement_names()));
        };
        self.statement(statement, rest)
    }

    /// Names of the design's own functions.
    fn names(&self) -> &Names {
        self.names.get_or_init(|| Names::of(self.given.unwrap_or(&self.program.target)))
    }

    /// Joins the target of the text with the one given, and checks the whole.
    fn settle(&mut self) -> Result<(), Fault> {
        let fault =
            |message: String, help: &str| Fault { start: 0, length: 0, message, help: help.into() };
        let own = &mut self.program.target;
        match self.given {
            Some(given) if self.named && own.name != given.name => {
                let message = format!(
                    "the text is for `{}`, but the design given is `{}`",
                    own.name, given.name
                );
                return Err(fault(
                    message,
                    "change the `.npu` line or give the other configuration",
                ));
            }
            Some(given) if self.fingerprinted => {
                own.runs_on(given).map_err(|mismatch| {
                    fault(mismatch.to_string(), "remove `fingerprint` from the `.npu` line to assemble for the design given")
                })?;
            }
            Some(given) => *own = given.clone(),
            None if !self.fingerprinted => {
                let help = "give the configuration (`-c`), or name a design: .npu \"name\" fingerprint=0x... semaphores=N";
                return Err(fault("the design to assemble for is not known".into(), help));
            }
            None => {}
        }
        self.program.consistent().map_err(|message| fault(message, ""))
    }
}

fn statement_names() -> String {
    let names: Vec<&str> = STATEMENTS.iter().map(|(name, _)| *name).collect();
    format!("allowed: {}", names.join(", "))
}

#[cfg(test)]
mod tests;
