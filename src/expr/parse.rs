//! Words to a tree, by precedence climbing. Operators bind as in C.

use std::ops::Range;

use super::ExprError;
use super::lex::{Token, tokens};

/// A part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree<'t> {
    pub kind: Kind<'t>,
    pub span: Range<usize>,
    depth: usize,
}

/// What a part is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind<'t> {
    Number(&'t str),
    Name(&'t str),
    /// Name, its place, arguments.
    Call(&'t str, Range<usize>, Vec<Tree<'t>>),
    Unary(&'static str, Box<Tree<'t>>),
    Binary(&'static str, Box<[Tree<'t>; 2]>),
    /// Condition, then, else.
    Select(Box<[Tree<'t>; 3]>),
}

/// Deepest nesting.
const MAX_DEPTH: usize = 64;

/// Binary operators, the loosest first.
const LEVELS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<", "<=", ">", ">="],
    &["<<", ">>", ">>>"],
    &["+", "-"],
    &["*", "/", "%"],
];

/// The tree of a whole text.
pub(super) fn parse(text: &str) -> Result<Tree<'_>, ExprError> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens, at: 0, depth: 0 };
    let tree = parser.whole()?;
    match parser.peek() {
        Token::End => Ok(tree),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser<'t> {
    tokens: Vec<(Token<'t>, Range<usize>)>,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Token<'t> {
        self.tokens.get(self.at).map_or(Token::End, |(token, _)| *token)
    }

    fn span(&self) -> Range<usize> {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(0..0, |(_, span)| span.clone())
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(found) if found == sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), ExprError> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn unexpected(&self, wanted: &str) -> ExprError {
        let found = match self.peek() {
            Token::Number(text) | Token::Name(text) => format!("`{text}`"),
            Token::Sign(text) => format!("`{text}`"),
            Token::End => "the end".to_owned(),
        };
        ExprError::new(&self.span(), format!("found {found} where {wanted} should be"), "")
    }

    /// An expression with conditional operators.
    fn whole(&mut self) -> Result<Tree<'t>, ExprError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(deep(&self.span()));
        }
        let condition = self.binary(0)?;
        let tree = if self.take("?") {
            let then = self.whole()?;
            self.expect(":")?;
            let otherwise = self.whole()?;
            let span = condition.span.start..otherwise.span.end;
            tree(Kind::Select(Box::new([condition, then, otherwise])), span)?
        } else {
            condition
        };
        self.depth -= 1;
        Ok(tree)
    }

    fn binary(&mut self, level: usize) -> Result<Tree<'t>, ExprError> {
        let Some(signs) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        loop {
            let Token::Sign(sign) = self.peek() else { return Ok(left) };
            if !signs.contains(&sign) {
                return Ok(left);
            }
            self.at += 1;
            let right = self.binary(level + 1)?;
            let span = left.span.start..right.span.end;
            left = tree(Kind::Binary(sign, Box::new([left, right])), span)?;
        }
    }

    fn unary(&mut self) -> Result<Tree<'t>, ExprError> {
        let start = self.span().start;
        let mut signs = Vec::new();
        while let Token::Sign(sign @ ("-" | "~" | "!")) = self.peek() {
            signs.push((sign, self.span().start));
            self.at += 1;
            if signs.len() > MAX_DEPTH {
                return Err(deep(&(start..self.span().end)));
            }
        }
        let mut operand = self.primary()?;
        for (sign, start) in signs.into_iter().rev() {
            let span = start..operand.span.end;
            operand = tree(Kind::Unary(sign, Box::new(operand)), span)?;
        }
        Ok(operand)
    }

    fn primary(&mut self) -> Result<Tree<'t>, ExprError> {
        let span = self.span();
        match self.peek() {
            Token::Number(text) => {
                self.at += 1;
                tree(Kind::Number(text), span)
            }
            Token::Name(name) => {
                self.at += 1;
                if !self.take("(") {
                    return tree(Kind::Name(name), span);
                }
                let mut arguments = Vec::new();
                if !self.take(")") {
                    arguments.push(self.whole()?);
                    while self.take(",") {
                        arguments.push(self.whole()?);
                    }
                    self.expect(")")?;
                }
                let end = self.tokens.get(self.at - 1).map_or(span.end, |(_, last)| last.end);
                tree(Kind::Call(name, span.clone(), arguments), span.start..end)
            }
            Token::Sign("(") => {
                self.at += 1;
                let inner = self.whole()?;
                self.expect(")")?;
                Ok(inner)
            }
            _ => Err(self.unexpected("a number, an operand, a function or `(`")),
        }
    }
}

fn tree(kind: Kind<'_>, span: Range<usize>) -> Result<Tree<'_>, ExprError> {
    let depth = |trees: &[Tree<'_>]| trees.iter().map(|tree| tree.depth).max().unwrap_or(0) + 1;
    let depth = match &kind {
        Kind::Number(_) | Kind::Name(_) => 1,
        Kind::Call(.., arguments) => depth(arguments),
        Kind::Unary(_, operand) => operand.depth + 1,
        Kind::Binary(_, operands) => depth(operands.as_slice()),
        Kind::Select(operands) => depth(operands.as_slice()),
    };
    if depth > MAX_DEPTH {
        return Err(deep(&span));
    }
    Ok(Tree { kind, span, depth })
}

fn deep(span: &Range<usize>) -> ExprError {
    let message = format!("the expression is nested more than {MAX_DEPTH} levels deep");
    ExprError::new(span, message, "make parts of it operations of their own")
}
