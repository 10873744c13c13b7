//! The operators and functions: names, domains, meaning. What they compute is in `eval`.

use super::Domain;
use super::Domain::{Float, Int, Real};

/// A function of numbers that gives a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Product.
    Mul,
    /// Quotient; of integers towards zero, by a constant.
    Div,
    /// Remainder, with the sign of the first operand, by a constant.
    Rem,
    /// The other sign.
    Neg,
    /// Magnitude.
    Abs,
    /// The smaller one.
    Min,
    /// The larger one.
    Max,
    /// Every bit inverted.
    Not,
    /// Bitwise and.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
    /// Shift to the left.
    Shl,
    /// Shift to the right, copies of the sign move in.
    Shr,
    /// Shift to the right, zeros move in.
    Shru,
    /// High half of the product of 64 bits.
    Mulhi,
    /// Number of ones.
    Popcount,
    /// Number of zeros before the first one.
    Clz,
    /// x to the power of y.
    Pow,
    /// e^x.
    Exp,
    /// 2^x.
    Exp2,
    /// Natural logarithm.
    Log,
    /// Binary logarithm.
    Log2,
    /// ln(1 + x).
    Log1p,
    /// Square root.
    Sqrt,
    /// Hyperbolic tangent.
    Tanh,
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// Error function.
    Erf,
}

/// What a name in front of parentheses stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// A function.
    Plain(Function),
    /// `min(max(x, low), high)`.
    Clamp,
    /// `x * x`.
    Square,
    /// `c ? x : y`.
    Select,
    /// `clamp` to the integers of some bits.
    Saturate,
}

/// A row of the manual.
struct Row {
    form: &'static str,
    meaning: &'static str,
    domains: &'static [Domain],
}

const ALL: &[Domain] = &[Int, Float, Real];

/// Name, meaning, number of arguments, domains, form and meaning in words.
const FUNCTIONS: &[(&str, Named, usize, &[Domain], &str)] = &[
    ("abs", Named::Plain(Function::Abs), 1, ALL, "magnitude; of -2^31 it is -2^31"),
    ("min", Named::Plain(Function::Min), 2, ALL, "the smaller; beside a NaN the other one"),
    ("max", Named::Plain(Function::Max), 2, ALL, "the larger; beside a NaN the other one"),
    ("clamp", Named::Clamp, 3, ALL, "`min(max(x, y), z)`"),
    ("square", Named::Square, 1, ALL, "`x * x`"),
    ("select", Named::Select, 3, ALL, "`x ? y : z`"),
    (
        "saturate",
        Named::Saturate,
        2,
        &[Int],
        "the nearest integer of y bits, a constant of 2 to 32",
    ),
    ("mulhi", Named::Plain(Function::Mulhi), 2, &[Int], "high half of the product of 64 bits"),
    ("popcount", Named::Plain(Function::Popcount), 1, &[Int], "number of ones"),
    (
        "clz",
        Named::Plain(Function::Clz),
        1,
        &[Int],
        "number of zeros above the highest one; 32 of 0",
    ),
    ("pow", Named::Plain(Function::Pow), 2, &[Real], "x to the power of y"),
    ("exp", Named::Plain(Function::Exp), 1, &[Real], "e to the power of x"),
    ("exp2", Named::Plain(Function::Exp2), 1, &[Real], "2 to the power of x"),
    ("log", Named::Plain(Function::Log), 1, &[Real], "natural logarithm"),
    ("log2", Named::Plain(Function::Log2), 1, &[Real], "binary logarithm"),
    ("log1p", Named::Plain(Function::Log1p), 1, &[Real], "natural logarithm of 1 + x"),
    ("sqrt", Named::Plain(Function::Sqrt), 1, &[Real], "square root"),
    ("tanh", Named::Plain(Function::Tanh), 1, &[Real], "hyperbolic tangent"),
    ("sin", Named::Plain(Function::Sin), 1, &[Real], "sine"),
    ("cos", Named::Plain(Function::Cos), 1, &[Real], "cosine"),
    ("erf", Named::Plain(Function::Erf), 1, &[Real], "error function"),
];

const OPERATORS: &[Row] = &[
    Row {
        form: "`c ? x : y`",
        meaning: "x where c holds, else y; both are computed",
        domains: ALL,
    },
    Row { form: "`\\|\\|`, `&&`, `!`", meaning: "or, and, not of conditions", domains: ALL },
    Row {
        form: "`\\|`, `^`, `&`, `~`",
        meaning: "bit by bit: or, exclusive or, and, not",
        domains: &[Int],
    },
    Row {
        form: "`==`, `!=`, `<`, `<=`, `>`, `>=`",
        meaning: "conditions; a NaN is unequal to everything and neither below nor above it",
        domains: ALL,
    },
    Row {
        form: "`<<`, `>>`, `>>>`",
        meaning: "shifts by the amount modulo 32; `>>` copies the sign, `>>>` brings zeros",
        domains: &[Int],
    },
    Row {
        form: "`+`, `-`, `*`",
        meaning: "integers wrap; binary32 is rounded to nearest even",
        domains: ALL,
    },
    Row {
        form: "`/`, `%`",
        meaning: "quotient towards zero and its remainder, by a constant other than zero",
        domains: &[Int],
    },
    Row { form: "`/`", meaning: "by a constant power of two", domains: &[Float] },
    Row { form: "`/`", meaning: "quotient", domains: &[Real] },
    Row { form: "`-x`", meaning: "the other sign", domains: ALL },
];

/// The function of a domain with this name, and how many arguments it takes.
pub(super) fn named(name: &str, domain: Domain) -> Option<(Named, usize)> {
    let found = FUNCTIONS.iter().find(|(known, ..)| *known == name)?;
    found.3.contains(&domain).then_some((found.1, found.2))
}

/// Names of the functions of a domain.
pub(super) fn names(domain: Domain) -> Vec<&'static str> {
    let of_domain = FUNCTIONS.iter().filter(|(.., domains, _)| domains.contains(&domain));
    of_domain.map(|(name, ..)| *name).collect()
}

/// Operators and functions as a Markdown table; operators that bind loosest come first.
pub fn manual() -> String {
    let mut text = String::from("| | int | float | real | meaning |\n|---|---|---|---|---|\n");
    let mark = |domains: &[Domain], domain| if domains.contains(&domain) { "x" } else { "" };
    let mut row = |form: &str, domains: &[Domain], meaning: &str| {
        let [int, float, real] = [Int, Float, Real].map(|domain| mark(domains, domain));
        text.push_str(&format!("| {form} | {int} | {float} | {real} | {meaning} |\n"));
    };
    for operator in OPERATORS {
        row(operator.form, operator.domains, operator.meaning);
    }
    for (name, _, arguments, domains, meaning) in FUNCTIONS {
        let arguments = ["x", "y", "z"].get(..*arguments).unwrap_or_default().join(", ");
        row(&format!("`{name}({arguments})`"), domains, meaning);
    }
    text
}
