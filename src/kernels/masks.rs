//! Masks of scores that are on chip.

use super::rows::Mask;
use super::stream::{load_vector, load_wide};
use super::transfer::load_words;
use super::wide::{First, Pass, Result as To, Second, Wide};
use super::{Emitter, KernelError};
use crate::isa::table::load;
use crate::isa::table::vector::Function;

/// What a score that does not count becomes: it loses against every other.
const LOWEST: f32 = f32::MIN;

/// Emits a mask over scores, a query a row, `keys` of them. Masks with numbers cost a pass; a causal
/// one touches only the words in which a query does not see every key.
pub fn apply(e: &mut Emitter, mask: &Mask, scores: &Wide, keys: usize) -> Result<(), KernelError> {
    match *mask {
        Mask::None => Ok(()),
        Mask::Causal { past, .. } => causal(e, scores, past),
        Mask::Keys(vector) => {
            let words = 2 * scores.blocks;
            let addr = take(e, words, scores)?;
            load_vector(e, vector, keys, addr)?;
            add(e, scores, Second::Block { addr, stride: 2 })?;
            e.vmem.give(addr, words);
            Ok(())
        }
        Mask::Scores(rows) => {
            if rows.rows != scores.rows || rows.channels != keys {
                return Err(KernelError::Unsupported {
                    kernel: "mask of scores",
                    what: "numbers",
                    value: rows.rows * rows.channels,
                    limit: format!("there are {} queries and {keys} keys", scores.rows),
                });
            }
            // As many rows at a time as there is space for.
            let most = (e.vmem.largest() / scores.blocks).clamp(1, scores.rows);
            let space = Wide { rows: most, ..*scores };
            let addr = take(e, space.words(), scores)?;
            for start in (0..scores.rows).step_by(most) {
                let count = most.min(scores.rows - start);
                let copy = Wide { addr, rows: count, ..*scores };
                load_wide(e, &rows, start, &copy, 0)?;
                let part = Wide { addr: scores.addr + start, ..*scores };
                let (a, b) = (First::Wide(&part), Second::Wide(&copy));
                let pass = Pass::new(Function::Fadd, a, b, To::Bits(&part));
                pass.emit(e, count, scores.blocks)?;
            }
            e.vmem.give(addr, space.words());
            Ok(())
        }
    }
}

fn take(e: &mut Emitter, words: usize, scores: &Wide) -> Result<usize, KernelError> {
    let total = e.geometry.vmem_words;
    let apart = [(scores.addr, scores.words())];
    e.vmem.take(words, &apart).ok_or(KernelError::VmemFull { words, total })
}

fn add(e: &mut Emitter, scores: &Wide, numbers: Second<'_>) -> Result<(), KernelError> {
    let pass = Pass::new(Function::Fadd, First::Wide(scores), numbers, To::Bits(scores));
    pass.emit(e, scores.rows, scores.blocks)
}

/// Query q sees the keys up to `q + past`. In block j of keys that is none of them for queries before
/// `j * lanes - past`, and one more for each of the queries that follow.
fn causal(e: &mut Emitter, scores: &Wide, past: usize) -> Result<(), KernelError> {
    let lanes = e.geometry.lanes;
    let seen = |row: usize, lane: usize| if lane <= row { f32::INFINITY } else { LOWEST };
    let numbers: Vec<f32> =
        (0..lanes).flat_map(|row| (0..lanes).map(move |lane| seen(row, lane))).collect();
    let triangle = take(e, lanes, scores)?;
    let dram = e.floats(&numbers);
    load_words(e, load::Function::Vmem, dram, 4 * numbers.len(), triangle)?;
    for block in 0..scores.blocks {
        let part = |first: usize, end: usize| Wide {
            addr: scores.addr + block * scores.rows + first,
            rows: end.saturating_sub(first),
            blocks: 1,
        };
        // The first query that sees a key of the block; it may lie before the first one.
        let from = (block * lanes).saturating_sub(past);
        let begun = past.saturating_sub(block * lanes);
        let dark = part(0, from.min(scores.rows));
        let half = part(from, (from + lanes.saturating_sub(1 + begun)).min(scores.rows));
        let pattern = Wide { addr: triangle + begun, ..half };
        for (rows, least) in [(dark, Second::Number(LOWEST)), (half, Second::Wide(&pattern))] {
            if rows.rows > 0 {
                let pass = Pass::new(Function::Fmin, First::Wide(&rows), least, To::Bits(&rows));
                pass.emit(e, rows.rows, 1)?;
            }
        }
    }
    e.vmem.give(triangle, lanes);
    Ok(())
}
