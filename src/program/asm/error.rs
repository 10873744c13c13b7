//! What can be wrong with assembly, with the place it stands at.

use miette::{LabeledSpan, SourceSpan};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct AsmError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What is allowed; empty when the message says it.
    pub help: String,
    /// The text in question, in bytes of the whole source.
    pub span: SourceSpan,
}

impl miette::Diagnostic for AsmError {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new("asm"))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(match self.help.as_str() {
            "" => Box::new("docs/isa.md has the notation and the range of every field"),
            help => Box::new(help),
        })
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::underline(self.span))))
    }
}

/// Mistakes after which the assembler stops reading.
pub(super) const MOST_MISTAKES: usize = 50;

/// Every mistake in a source, at most one a line; of a text with many, the first ones.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{}", summary(.errors))]
pub struct AsmErrors {
    /// The source, for pictures of the places; absent when its lines are too long to draw.
    #[source_code]
    pub source_code: Option<miette::NamedSource<String>>,
    /// The mistakes, in order.
    #[related]
    pub errors: Vec<AsmError>,
}

fn summary(errors: &[AsmError]) -> String {
    match errors.len() {
        1 => "1 mistake in the assembly".into(),
        count if count >= MOST_MISTAKES => {
            format!("{count} mistakes in the assembly, and no further ones were looked for")
        }
        count => format!("{count} mistakes in the assembly"),
    }
}

/// A mistake before its line is known: columns in bytes of the line.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) start: usize,
    pub(super) length: usize,
    pub(super) message: String,
    pub(super) help: String,
}

impl Fault {
    /// The fault as an error of the line that starts at byte `offset`.
    pub(super) fn at(self, number: usize, line: &str, offset: usize) -> AsmError {
        let before = line.get(..self.start).unwrap_or(line);
        AsmError {
            line: number,
            column: before.chars().count() + 1,
            message: clipped(self.message),
            help: self.help,
            span: SourceSpan::new((offset + self.start).into(), self.length),
        }
    }
}

/// A message of a readable length, whatever the text it quotes.
fn clipped(message: String) -> String {
    const MOST: usize = 2000;
    match message.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", message.get(..end).unwrap_or_default()),
        None => message,
    }
}
