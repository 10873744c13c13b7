//! Text to words.

use std::ops::Range;

use super::ExprError;

/// A word of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A number as written.
    Number(&'t str),
    /// A name.
    Name(&'t str),
    /// An operator or a sign.
    Sign(&'static str),
    /// Behind the last word.
    End,
}

/// Signs; those that begin like others come before them.
const SIGNS: [&str; 25] = [
    ">>>", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "<", ">", "+", "-", "*", "/", "%", "&",
    "|", "^", "~", "!", "?", ":", "(", ")",
];

/// All words with their places; the last one is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<(Token<'_>, Range<usize>)>, ExprError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start().len();
        let (start, rest) = (at + blank, rest.trim_start());
        let Some(first) = rest.chars().next() else {
            tokens.push((Token::End, start..start));
            return Ok(tokens);
        };
        let (token, length) = if first.is_ascii_digit() || first == '.' {
            let length = number(rest);
            (Token::Number(rest.get(..length).unwrap_or_default()), length)
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let length = end.unwrap_or(rest.len());
            (Token::Name(rest.get(..length).unwrap_or_default()), length)
        } else if first == ',' {
            (Token::Sign(","), 1)
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            (Token::Sign(sign), sign.len())
        } else {
            let span = start..start + first.len_utf8();
            let remedy = "operators: + - * / % & | ^ ~ << >> >>> == != < <= > >= ! && || ? :";
            return Err(ExprError::new(&span, format!("`{first}` has no meaning here"), remedy));
        };
        at = start + length;
        tokens.push((token, start..at));
    }
}

/// Length of the number a text begins with; letters that follow belong to it and make it wrong.
fn number(text: &str) -> usize {
    let mut exponent = false;
    let hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    let end = text.find(|c: char| {
        let sign = exponent && (c == '+' || c == '-');
        exponent = !hexadecimal && (c == 'e' || c == 'E');
        !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || sign)
    });
    end.unwrap_or(text.len())
}
