//! A line of assembly as items: words, strings and `key=value` pairs.

use super::error::Fault;

/// A piece of text and where it stands in its line, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) start: usize,
    pub(super) length: usize,
}

impl Text {
    /// A fault at this text.
    pub(super) fn fault(&self, message: impl Into<String>, help: impl Into<String>) -> Fault {
        Fault { start: self.start, length: self.length, message: message.into(), help: help.into() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A word without quotes and without `=`.
    Word(Text),
    /// A quoted string, decoded.
    String(Text),
    /// `key=value`.
    Pair(Text, Text),
}

impl Item {
    /// The item's place; a pair stands where its key does.
    pub(super) fn place(&self) -> &Text {
        match self {
            Item::Word(text) | Item::String(text) | Item::Pair(text, _) => text,
        }
    }
}

/// The items of a line, without its comment.
pub(super) fn items(line: &str) -> Result<Vec<Item>, Fault> {
    let mut items = Vec::new();
    let mut position = 0;
    while let Some(rest) = line.get(position..) {
        let Some(first) = rest.chars().next() else {
            break;
        };
        if first == ';' {
            break;
        }
        if first.is_whitespace() {
            position += first.len_utf8();
        } else if first == '"' {
            let text = string(rest, position)?;
            position += text.length;
            items.push(Item::String(text));
        } else {
            let ends = |c: char| c.is_whitespace() || c == ';' || c == '"';
            let word = rest.find(ends).and_then(|end| rest.get(..end)).unwrap_or(rest);
            items.push(word_or_pair(word, position)?);
            position += word.len();
        }
    }
    Ok(items)
}

fn word_or_pair(word: &str, start: usize) -> Result<Item, Fault> {
    let text = |text: &str, start| Text { text: text.to_owned(), start, length: text.len() };
    let Some((key, value)) = word.split_once('=') else {
        return Ok(Item::Word(text(word, start)));
    };
    if key.is_empty() || value.is_empty() {
        let help = "write `key=value`, without spaces around `=`";
        return Err(text(word, start).fault(format!("`{word}` is no pair"), help));
    }
    Ok(Item::Pair(text(key, start), text(value, start + key.len() + 1)))
}

/// Decodes the string at the start of `rest`.
fn string(rest: &str, start: usize) -> Result<Text, Fault> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    let fault = |at: usize, length: usize, message: &str, help: &str| {
        Text { text: String::new(), start: start + at, length }.fault(message, help)
    };
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                return Ok(Text { text, start, length: at + 1 });
            }
            '\\' => match characters.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 'r')) => text.push('\r'),
                Some((_, 't')) => text.push('\t'),
                Some((_, same @ ('"' | '\\'))) => text.push(same),
                Some((_, 'u')) => {
                    let digits: String =
                        characters.by_ref().map(|(_, c)| c).take_while(|c| *c != '}').collect();
                    let code =
                        digits.strip_prefix('{').and_then(|hex| u32::from_str_radix(hex, 16).ok());
                    match code.and_then(char::from_u32) {
                        Some(decoded) => text.push(decoded),
                        None => {
                            return Err(fault(
                                at,
                                2,
                                "no character has this number",
                                "write `\\u{` hexadecimal digits `}`",
                            ));
                        }
                    }
                }
                _ => {
                    return Err(fault(
                        at,
                        2,
                        "unknown escape",
                        "escapes: \\n \\r \\t \\\" \\\\ \\u{...}",
                    ));
                }
            },
            other => text.push(other),
        }
    }
    Err(fault(0, rest.len(), "the string does not end", "close it with `\"` on the same line"))
}

/// A string in quotes that [`items`] reads back.
pub(in crate::program) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' | '\\' => out.extend(['\\', character]),
            // Line separators would otherwise be ends of lines to some editors.
            c if c.is_control() || c == '\u{2028}' || c == '\u{2029}' => {
                out.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
