//! Data dependences between launches, found from what each launch reads and writes.
//!
//! Owns the history of every word of every memory: who wrote it last and who has read it since.
//! Does not know what a launch is for. Program order is the order in which launches are recorded;
//! the dependences of a launch always point backwards in it, which is why a program synchronised
//! by them cannot deadlock.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::isa::Engine;

/// Number of engines with a queue.
const ENGINES: usize = Engine::QUEUED.len();

/// For each engine the index of its latest launch that must have retired, counted per engine.
pub type Dependences = [Option<u32>; ENGINES];

/// History of a stretch of words with the same history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Access {
    writer: Option<(usize, u32)>,
    readers: Dependences,
}

/// History of one memory.
#[derive(Debug, Default)]
struct Memory {
    /// Start of a stretch to its end and history; stretches do not overlap.
    stretches: BTreeMap<u64, (u64, Access)>,
}

impl Memory {
    /// Makes `at` a boundary between stretches.
    fn split(&mut self, at: u64) {
        let Some((_, stretch)) = self.stretches.range_mut(..at).next_back() else { return };
        if stretch.0 > at {
            let tail = *stretch;
            stretch.0 = at;
            self.stretches.insert(at, tail);
        }
    }

    /// Calls `visit` with the history of every recorded stretch inside `range`.
    fn for_each(&self, range: &Range<u64>, mut visit: impl FnMut(&Access)) {
        let before = self.stretches.range(..range.start).next_back();
        if let Some((_, (end, access))) = before
            && *end > range.start
        {
            visit(access);
        }
        for (_, (_, access)) in self.stretches.range(range.clone()) {
            visit(access);
        }
    }

    /// Records a read; words never accessed before get a history of their own.
    fn read(&mut self, range: &Range<u64>, engine: usize, launch: u32) {
        self.split(range.start);
        self.split(range.end);
        let mut gaps = Vec::new();
        let mut position = range.start;
        for (&start, (end, access)) in self.stretches.range_mut(range.clone()) {
            if start > position {
                gaps.push(position..start);
            }
            access.readers[engine] = Some(launch);
            position = *end;
        }
        if position < range.end {
            gaps.push(position..range.end);
        }
        for gap in gaps {
            let mut readers = [None; ENGINES];
            readers[engine] = Some(launch);
            self.stretches.insert(gap.start, (gap.end, Access { writer: None, readers }));
        }
    }

    /// Records a write, which makes everything before it irrelevant for these words.
    fn write(&mut self, range: &Range<u64>, engine: usize, launch: u32) {
        self.split(range.start);
        self.split(range.end);
        let covered: Vec<u64> =
            self.stretches.range(range.clone()).map(|(&start, _)| start).collect();
        for start in covered {
            self.stretches.remove(&start);
        }
        let access = Access { writer: Some((engine, launch)), readers: [None; ENGINES] };
        let mut start = range.start;
        let previous = self.stretches.range_mut(..range.start).next_back();
        if let Some((&before, stretch)) = previous
            && stretch.0 == range.start
            && stretch.1 == access
        {
            stretch.0 = range.end;
            start = before;
        }
        if start == range.start {
            self.stretches.insert(start, (range.end, access));
        }
    }
}

/// The history of all memories, keyed by whatever names them.
#[derive(Debug)]
pub struct History<Space: Ord> {
    memories: BTreeMap<Space, Memory>,
}

impl<Space: Ord> Default for History<Space> {
    fn default() -> Self {
        History { memories: BTreeMap::new() }
    }
}

impl<Space: Ord + Copy> History<Space> {
    /// Records launch number `launch` of `engine` and returns what it depends on: the last writer
    /// of every word it reads, and the last writer and the readers of every word it writes. Writes
    /// of one engine are in order, and so are its writes after its reads; its reads after its own
    /// writes are not, so only there an engine depends on itself.
    pub fn record(
        &mut self,
        engine: usize,
        launch: u32,
        reads: &[(Space, Range<u64>)],
        writes: &[(Space, Range<u64>)],
    ) -> Dependences {
        let mut needs: Dependences = [None; ENGINES];
        for (space, range) in reads {
            let memory = self.memories.entry(*space).or_default();
            memory.for_each(range, |access| {
                if let Some((writer, index)) = access.writer {
                    needs[writer] = needs[writer].max(Some(index));
                }
            });
        }
        for (space, range) in writes {
            let memory = self.memories.entry(*space).or_default();
            memory.for_each(range, |access| {
                if let Some((writer, index)) = access.writer
                    && writer != engine
                {
                    needs[writer] = needs[writer].max(Some(index));
                }
                for (reader, index) in access.readers.iter().enumerate() {
                    if reader != engine {
                        needs[reader] = needs[reader].max(*index);
                    }
                }
            });
        }
        for (space, range) in reads {
            self.memories.entry(*space).or_default().read(range, engine, launch);
        }
        for (space, range) in writes {
            self.memories.entry(*space).or_default().write(range, engine, launch);
        }
        needs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One array element per word: slow and obvious.
    #[derive(Default)]
    struct Obvious {
        words: BTreeMap<u64, (Option<(usize, u32)>, Dependences)>,
    }

    impl Obvious {
        fn record(
            &mut self,
            engine: usize,
            launch: u32,
            reads: &[Range<u64>],
            writes: &[Range<u64>],
        ) -> Dependences {
            let mut needs = [None; ENGINES];
            for word in reads.iter().cloned().flatten() {
                if let Some((Some((writer, index)), _)) = self.words.get(&word) {
                    needs[*writer] = needs[*writer].max(Some(*index));
                }
            }
            for word in writes.iter().cloned().flatten() {
                if let Some((writer, readers)) = self.words.get(&word) {
                    for other in (0..ENGINES).filter(|other| *other != engine) {
                        needs[other] = needs[other].max(readers[other]);
                        if let Some((owner, index)) = writer
                            && *owner == other
                        {
                            needs[other] = needs[other].max(Some(*index));
                        }
                    }
                }
            }
            for word in reads.iter().cloned().flatten() {
                self.words.entry(word).or_default().1[engine] = Some(launch);
            }
            for word in writes.iter().cloned().flatten() {
                self.words.insert(word, (Some((engine, launch)), [None; ENGINES]));
            }
            needs
        }
    }

    fn ranges() -> impl Strategy<Value = Vec<Range<u64>>> {
        prop::collection::vec(
            (0_u64..40, 1_u64..12).prop_map(|(start, length)| start..start + length),
            0..3,
        )
    }

    proptest! {
        #[test]
        fn interval_history_equals_word_by_word(
            launches in prop::collection::vec((0..ENGINES, ranges(), ranges()), 1..40)
        ) {
            let mut history = History::<u8>::default();
            let mut obvious = Obvious::default();
            for (launch, (engine, reads, writes)) in (0_u32..).zip(&launches) {
                let tag = |list: &[Range<u64>]| list.iter().map(|range| (0_u8, range.clone())).collect::<Vec<_>>();
                let found = history.record(*engine, launch, &tag(reads), &tag(writes));
                prop_assert_eq!(found, obvious.record(*engine, launch, reads, writes));
            }
        }
    }
}
