//! What a launch wrote, as ranges.

/// Where something can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Words of IBUF.
    Ibuf,
    /// Words of WBUF.
    Wbuf,
    /// Words of PBUF.
    Pbuf,
    /// Words of VMEM.
    Vmem,
    /// Words of the lookup tables.
    Table,
    /// Words of the function unit's coefficients.
    Coeff,
    /// Vectors of OBUF.
    Obuf,
    /// Bytes of the region of a base register.
    Region(u8),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Ibuf => f.write_str("IBUF"),
            Place::Wbuf => f.write_str("WBUF"),
            Place::Pbuf => f.write_str("PBUF"),
            Place::Vmem => f.write_str("VMEM"),
            Place::Table => f.write_str("TABLE"),
            Place::Coeff => f.write_str("COEFF"),
            Place::Obuf => f.write_str("OBUF"),
            Place::Region(base) => write!(f, "region {base}"),
        }
    }
}

/// A range of words or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Where.
    pub place: Place,
    /// First word or byte.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

/// Ranges in the order in which they were written; neighbours are joined.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Writes {
    spans: Vec<Span>,
}

impl Writes {
    /// Adds `length` words or bytes.
    pub fn push(&mut self, place: Place, start: usize, length: usize) {
        if let Some(last) = self.spans.last_mut()
            && last.place == place
            && start >= last.start
            && start <= last.end
        {
            last.end = last.end.max(start + length);
            return;
        }
        self.spans.push(Span { place, start, end: start + length });
    }

    /// The ranges.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Whether a word or byte is among them.
    pub fn contain(&self, place: Place, at: usize) -> bool {
        self.spans.iter().any(|span| span.place == place && (span.start..span.end).contains(&at))
    }
}
