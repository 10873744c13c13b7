//! What a check has to say.

use crate::program::{Names, Program, disasm};

/// The kind of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// A word is not an instruction.
    Encoding,
    /// The program's form: end, length, regions and tensors.
    Structure,
    /// Declaration and ownership of semaphores.
    Semaphore,
    /// Registers and flags of a launch contradict each other or the design.
    Configuration,
    /// An address outside its buffer or region.
    Range,
    /// The program stops for ever.
    Deadlock,
    /// A semaphore may count too far.
    Overflow,
    /// Tokens are left over at the end.
    Balance,
    /// Two launches touch the same addresses without an order.
    Race,
    /// One launch reads what it writes.
    InPlace,
}

impl Rule {
    /// Name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Rule::Encoding => "encoding",
            Rule::Structure => "structure",
            Rule::Semaphore => "semaphore",
            Rule::Configuration => "configuration",
            Rule::Range => "range",
            Rule::Deadlock => "deadlock",
            Rule::Overflow => "overflow",
            Rule::Balance => "balance",
            Rule::Race => "race",
            Rule::InPlace => "in-place",
        }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The program faults, hangs or has an undefined result.
    Error,
    /// The program runs, but was hardly meant so.
    Warning,
}

/// One mistake in a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its kind.
    pub rule: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// The instruction, if it is one's.
    pub pc: Option<usize>,
    /// What is wrong, naming the place.
    pub message: String,
    /// What to do; may be empty.
    pub help: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}[{}]: {}", self.rule.name(), self.message)?;
        if self.help.is_empty() { Ok(()) } else { write!(f, "\n  help: {}", self.help) }
    }
}

/// The findings so far.
#[derive(Debug)]
pub(super) struct Findings<'a> {
    program: &'a Program,
    pub(super) list: Vec<Finding>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(program: &'a Program) -> Findings<'a> {
        Findings { program, list: Vec::new() }
    }

    /// A finding on the program as a whole.
    pub(super) fn whole(&mut self, rule: Rule, severity: Severity, message: String, help: &str) {
        self.list.push(Finding { rule, severity, pc: None, message, help: help.to_owned() });
    }

    /// An error of one instruction; the message continues its place.
    pub(super) fn error(&mut self, rule: Rule, pc: usize, message: &str, help: &str) {
        self.at(rule, Severity::Error, pc, message, help);
    }

    /// A warning of one instruction.
    pub(super) fn warning(&mut self, rule: Rule, pc: usize, message: &str, help: &str) {
        self.at(rule, Severity::Warning, pc, message, help);
    }

    fn at(&mut self, rule: Rule, severity: Severity, pc: usize, message: &str, help: &str) {
        let message = format!("{}: {message}", place(self.program, pc));
        let help = help.to_owned();
        self.list.push(Finding { rule, severity, pc: Some(pc), message, help });
    }
}

/// An instruction's position, text and note, in words.
pub(super) fn place(program: &Program, pc: usize) -> String {
    let text = program
        .code
        .get(pc)
        .map_or(String::new(), |&word| disasm::statement(&Names::of(&program.target), pc, word));
    let note = match program.provenance.at(pc) {
        "" => String::new(),
        note => format!(" ({note})"),
    };
    format!("instruction {pc}{note} `{text}`")
}
