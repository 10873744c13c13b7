//! Sets of addresses as sorted, disjoint intervals.

/// A set of addresses. Where it would fall into too many intervals, it is a superset of the
/// addresses meant, and says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spans {
    /// Half-open, ascending, neither overlapping nor touching.
    spans: Vec<(i64, i64)>,
    exact: bool,
}

impl Spans {
    /// No address.
    pub const fn empty() -> Spans {
        Spans { spans: Vec::new(), exact: true }
    }

    /// The addresses from `start` to before `end`.
    pub fn range(start: i64, end: i64) -> Spans {
        Spans { spans: if start < end { vec![(start, end)] } else { Vec::new() }, exact: true }
    }

    /// The union of any intervals.
    pub fn from_intervals(mut intervals: Vec<(i64, i64)>) -> Spans {
        intervals.retain(|(start, end)| start < end);
        intervals.sort_unstable();
        Spans { spans: merged(intervals), exact: true }
    }

    /// The intervals, ascending.
    pub fn intervals(&self) -> &[(i64, i64)] {
        &self.spans
    }

    /// Whether every address is meant.
    pub const fn is_exact(&self) -> bool {
        self.exact
    }

    /// Whether there is no address.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Number of addresses.
    pub fn count(&self) -> i64 {
        self.spans.iter().map(|(start, end)| end - start).sum()
    }

    /// Every address, ascending.
    pub fn addresses(&self) -> impl Iterator<Item = i64> + '_ {
        self.spans.iter().flat_map(|&(start, end)| start..end)
    }

    /// Smallest interval around the set.
    pub fn hull(&self) -> Option<(i64, i64)> {
        Some((self.spans.first()?.0, self.spans.last()?.1))
    }

    /// The set moved by `offset`.
    pub fn shifted(mut self, offset: i64) -> Spans {
        for (start, end) in &mut self.spans {
            *start += offset;
            *end += offset;
        }
        self
    }

    /// Every address replaced by `factor` consecutive ones.
    pub fn scaled(mut self, factor: i64) -> Spans {
        for (start, end) in &mut self.spans {
            *start *= factor;
            *end *= factor;
        }
        self
    }

    /// Marks the set as a superset of what is meant.
    pub fn approximate(mut self) -> Spans {
        self.exact = false;
        self
    }

    /// Addresses of both sets.
    pub fn union(mut self, mut other: Spans) -> Spans {
        let exact = self.exact && other.exact;
        self.spans.append(&mut other.spans);
        Spans { exact, ..Spans::from_intervals(self.spans) }
    }

    /// The union of copies moved by each of `offsets`, in about `limit` intervals.
    pub fn copies(mut self, offsets: &[i64], limit: usize) -> Spans {
        if self.spans.len().saturating_mul(offsets.len()) > limit {
            self = self.collapsed();
        }
        let shifted = offsets.iter().flat_map(|offset| {
            self.spans.iter().map(move |(start, end)| (start + offset, end + offset))
        });
        let mut union = Spans::from_intervals(shifted.collect());
        union.exact = self.exact;
        if union.spans.len() > limit { union.collapsed() } else { union }
    }

    /// The union of `count` copies, each `stride` after the one before, in about `limit`
    /// intervals.
    pub fn repeated(mut self, count: i64, stride: i64, limit: usize) -> Spans {
        let Some((start, end)) = self.hull() else { return self };
        if count <= 1 || stride == 0 {
            return self;
        }
        if stride < 0 {
            return self.shifted((count - 1) * stride).repeated(count, -stride, limit);
        }
        let copies = usize::try_from(count).unwrap_or(usize::MAX);
        if self.spans.len() > 1 && self.spans.len().saturating_mul(copies) > limit {
            self = self.collapsed();
        }
        let last = (count - 1) * stride;
        if let [(start, end)] = self.spans.as_mut_slice()
            && (stride <= *end - *start || copies > limit)
        {
            self.exact &= stride <= *end - *start;
            *end += last;
            return self;
        }
        let mut intervals = Vec::with_capacity(self.spans.len() * copies);
        for copy in 0..count {
            intervals
                .extend(self.spans.iter().map(|(s, e)| (s + copy * stride, e + copy * stride)));
        }
        if stride < end - start {
            intervals.sort_unstable();
        }
        Spans { spans: merged(intervals), exact: self.exact }
    }

    /// The addresses modulo `modulus`.
    pub fn wrapped(self, modulus: i64) -> Spans {
        let inside = |&(start, end): &(i64, i64)| start >= 0 && end <= modulus;
        if self.spans.iter().all(inside) {
            return self;
        }
        let mut intervals = Vec::new();
        for (start, end) in self.spans {
            if end - start >= modulus {
                intervals.push((0, modulus));
                continue;
            }
            let (first, length) = (start.rem_euclid(modulus), end - start);
            intervals.push((first, modulus.min(first + length)));
            intervals.push((0, (first + length - modulus).max(0)));
        }
        Spans { exact: self.exact, ..Spans::from_intervals(intervals) }
    }

    /// Some addresses of both sets, if there are any.
    pub fn overlap(&self, other: &Spans) -> Option<(i64, i64)> {
        let (few, many) = match self.spans.len() < other.spans.len() {
            true => (&self.spans, &other.spans),
            false => (&other.spans, &self.spans),
        };
        few.iter().find_map(|&(start, end)| {
            let at = many.partition_point(|&(_, other_end)| other_end <= start);
            let &(other_start, other_end) = many.get(at)?;
            (other_start < end).then(|| (start.max(other_start), end.min(other_end)))
        })
    }

    fn collapsed(self) -> Spans {
        let exact = self.exact && self.spans.len() <= 1;
        Spans { spans: self.hull().into_iter().collect(), exact }
    }
}

/// Joins touching and overlapping neighbours of a sorted list.
fn merged(sorted: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for (start, end) in sorted {
        match spans.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => spans.push((start, end)),
        }
    }
    spans
}
