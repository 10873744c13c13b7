//! What is wrong with a configuration: all of it at once, each with key, value, limit, remedy and
//! place.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode, SourceSpan};

use super::tree::Origin;

/// One rule that a configuration breaks.
#[derive(Debug, Clone)]
pub struct Violation {
    /// Dotted path of the key.
    pub key: String,
    /// What is wrong, with value and limit.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// Where the value came from.
    pub origin: Origin,
    source: Option<Arc<NamedSource<String>>>,
    /// The value as text and the part of it that is wrong, in bytes.
    part: Option<(String, Range<usize>)>,
    /// Name of the kind of problem.
    about: &'static str,
}

impl Violation {
    /// A violation whose place is found later.
    pub fn new(
        key: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
        origin: Origin,
    ) -> Violation {
        let (key, message, remedy) = (key.into(), message.into(), remedy.into());
        Violation { key, message, remedy, origin, source: None, part: None, about: "config" }
    }

    /// Points at a part of the value, whose text is `whole`.
    pub fn at_part(self, whole: &str, part: Range<usize>) -> Violation {
        Violation { part: Some((whole.to_owned(), part)), ..self }
    }

    /// Moves the place from the value to its wrong part, where the text of the file has it as it is.
    fn narrow(&mut self, file: &str) {
        let (Origin::File { span: Some(span), line }, Some((whole, part))) =
            (&mut self.origin, &self.part)
        else {
            return;
        };
        // The value may go over several lines, each of which has its own indentation in the file.
        let (mut from, mut begins) = (span.offset(), 0);
        for text in whole.split('\n') {
            let ends = begins + text.len();
            let Some(found) = file.get(from..).and_then(|rest| rest.find(text)) else { return };
            from += found;
            if part.start <= ends {
                let offset = from + part.start.saturating_sub(begins);
                let length = part.len().min(ends.saturating_sub(part.start)).max(1);
                let breaks = file.bytes().take(offset).filter(|&byte| byte == b'\n').count();
                (*span, *line) = (SourceSpan::new(offset.into(), length), 1 + breaks as u64);
                return;
            }
            from += text.len();
            begins = ends + 1;
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.origin {
            Origin::File { line, .. } => write!(f, " (line {line})"),
            Origin::Flag(flag) => write!(f, " (set by `{flag}`)"),
            Origin::Default => f.write_str(" (default value)"),
        }
    }
}

impl std::error::Error for Violation {}

impl Diagnostic for Violation {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.about))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.remedy))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let Origin::File { span: Some(span), .. } = self.origin else { return None };
        self.source.as_ref()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some("here".to_owned()), span))))
    }
}

/// Most violations that a message shows, so that the first ones stay in sight.
const MOST_SHOWN: usize = 50;

/// Longest line of a file that is drawn in messages.
const WIDEST: usize = 400;

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone)]
pub struct ConfigErrors {
    file: String,
    about: &'static str,
    violations: Vec<Violation>,
}

impl ConfigErrors {
    /// Collects violations of the text of one file, in the order of the file.
    pub fn new(file: &str, text: &str, mut violations: Vec<Violation>) -> ConfigErrors {
        for violation in &mut violations {
            violation.narrow(text);
        }
        let source = Arc::new(NamedSource::new(file, text.to_owned()).with_language("yaml"));
        violations.sort_by_key(|violation| match &violation.origin {
            Origin::File { line, .. } => (0, *line),
            Origin::Flag(_) => (1, 0),
            Origin::Default => (2, 0),
        });
        if text.lines().all(|line| line.len() <= WIDEST) {
            for violation in &mut violations {
                violation.source = Some(Arc::clone(&source));
            }
        }
        ConfigErrors { file: file.to_owned(), about: "configuration", violations }
    }

    /// The same for a file that is something else than a configuration.
    pub fn about(self, about: &'static str) -> ConfigErrors {
        let mut violations = self.violations;
        for violation in &mut violations {
            violation.about = about;
        }
        ConfigErrors { about, violations, ..self }
    }

    /// All of them.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.violations.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(f, "{}: {count} {noun} in the {}", self.file, self.about)?;
        if count > MOST_SHOWN {
            write!(f, ", the first {MOST_SHOWN} of them here")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl Diagnostic for ConfigErrors {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(
            self.violations.iter().take(MOST_SHOWN).map(|violation| violation as &dyn Diagnostic),
        ))
    }
}
