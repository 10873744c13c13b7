//! Pieces of Verilog as text, for views: ranges, literals and wrapped comments.

/// Columns an emitted line may have.
pub const COLUMNS: usize = 100;

/// `[7:0]` for 8 bits; nothing for a single one.
pub fn range(width: usize) -> String {
    if width == 1 { String::new() } else { format!("[{}:0]", width - 1) }
}

/// A sized hexadecimal literal of the low `width` bits of a value.
pub fn hex(width: usize, value: u64) -> String {
    let value = if width < 64 { value & ((1 << width) - 1) } else { value };
    format!("{width}'h{value:0digits$x}", digits = width.div_ceil(4))
}

/// A comment, wrapped and indented.
pub fn comment(text: &str, indent: usize) -> String {
    let margin = format!("{:indent$}//", "");
    let mut lines = vec![margin.clone()];
    for word in text.split_whitespace() {
        let fits = lines.last().is_some_and(|line| line.len() + 1 + word.len() <= COLUMNS);
        if !fits {
            lines.push(margin.clone());
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.join("\n")
}

/// Runs of set bits, highest first, as `(high, low)`.
pub fn runs(mask: u64) -> Vec<(u32, u32)> {
    let mut runs = Vec::new();
    let mut rest = mask;
    while rest != 0 {
        let high = 63 - rest.leading_zeros();
        let length = (rest << (63 - high)).leading_ones();
        let low = high + 1 - length;
        runs.push((high, low));
        rest &= (1_u64 << low) - 1;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_sized_and_cut() {
        assert_eq!(hex(16, 0xffff_ffff_ffff_ff80), "16'hff80");
        assert_eq!(hex(3, 5), "3'h5");
        assert_eq!(hex(64, u64::MAX), "64'hffffffffffffffff");
        assert_eq!((range(1), range(24)), (String::new(), "[23:0]".to_owned()));
    }

    #[test]
    fn runs_of_bits() {
        assert_eq!(runs(0), []);
        assert_eq!(runs(0b1110_0101), [(7, 5), (2, 2), (0, 0)]);
        assert_eq!(runs(u64::MAX), [(63, 0)]);
    }

    #[test]
    fn comments_wrap_at_the_limit() {
        let text = comment(&"word ".repeat(40), 4);
        assert!(text.lines().count() > 1);
        assert!(text.lines().all(|line| line.len() <= COLUMNS && line.starts_with("    // word")));
    }
}
