//! What is wrong with a network: all of it at once, each with node, operator, value, limit and
//! remedy.

use std::fmt;

use miette::Diagnostic;

/// One reason why a network cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The node of the ONNX graph, or the input or output.
    pub place: String,
    /// What is wrong, with value and limit.
    pub message: String,
    /// What would help.
    pub remedy: String,
}

impl Problem {
    /// A problem of a place.
    pub fn new(
        place: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Problem {
        Problem { place: place.into(), message: message.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new("graph"))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.remedy))
    }
}

/// Most problems that a message shows, so that the first ones stay in sight.
const MOST_SHOWN: usize = 50;

/// Everything that is wrong with a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The file, as it was given.
    pub file: String,
    /// All of them, in the order of the graph.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(f, "{}: {count} {noun} in the network", self.file)?;
        if count > MOST_SHOWN {
            write!(f, ", the first {MOST_SHOWN} of them here")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl Diagnostic for Problems {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(
            self.problems.iter().take(MOST_SHOWN).map(|problem| problem as &dyn Diagnostic),
        ))
    }
}

/// Why an operator cannot be taken: what is wrong and what would help. The place is added by who
/// knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong, with value and limit.
    pub message: String,
    /// What would help.
    pub remedy: String,
}

impl Fault {
    /// A fault.
    pub fn new(message: impl Into<String>, remedy: impl Into<String>) -> Fault {
        Fault { message: message.into(), remedy: remedy.into() }
    }

    /// At a place.
    pub fn at(self, place: impl Into<String>) -> Problem {
        Problem::new(place, self.message, self.remedy)
    }
}
