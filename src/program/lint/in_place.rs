//! Launches that read what they write themselves.
//!
//! Reads run ahead of writes by an amount that is not defined, so a launch may overwrite only what
//! it has read for the same result.

use super::finding::{Findings, Rule};
use super::{Launch, MOST_FINDINGS};
use crate::design::Design;
use crate::isa::levels::vector as levels;
use crate::isa::table::{gemm, vector};
use crate::isa::{Engine, Field};
use crate::program::footprint::{Access, Space};

/// Checks every launch by itself.
pub(super) fn check(design: &Design, launches: &[Launch], findings: &mut Findings<'_>) {
    for launch in launches {
        if findings.list.len() > MOST_FINDINGS {
            return;
        }
        if !coarse_overlap(launch) {
            continue;
        }
        let exact = launch.exact(design);
        let pairs =
            exact.writes.iter().flat_map(|write| exact.reads.iter().map(move |read| (write, read)));
        for (write, read) in pairs {
            let Some((start, _)) = overlap(write, read) else { continue };
            if same_places(design, launch, write, read) {
                continue;
            }
            let word = start / write.space.per_word(design);
            let message = format!(
                "`{}` writes what `{}` reads, from word {word} of {} on",
                write.operand, read.operand, write.space
            );
            let help = "a launch may overwrite an operand only place by place: the same address and strides, each word once";
            findings.error(Rule::InPlace, launch.pc, &message, help);
        }
    }
}

fn overlap(write: &Access, read: &Access) -> Option<(i64, i64)> {
    let same = write.space == read.space && write.space != Space::Obuf;
    same.then(|| write.spans.overlap(&read.spans)).flatten()
}

fn coarse_overlap(launch: &Launch) -> bool {
    let reads = &launch.coarse.reads;
    launch.coarse.writes.iter().any(|write| reads.iter().any(|read| overlap(write, read).is_some()))
}

/// Whether each result overwrites just the word that was read for it.
fn same_places(design: &Design, launch: &Launch, write: &Access, read: &Access) -> bool {
    let get = |field: Field| launch.registers.get(field);
    let equal = |a: Field, b: Field| get(a) == get(b);
    // Results as many as words: no word is written twice.
    let once = |results: i64, elements: usize| {
        i64::try_from(elements)
            .is_ok_and(|elements| write.spans.count() == results.saturating_mul(elements))
    };
    match (launch.call.engine, read.operand) {
        (Engine::Gemm, "res") => {
            use gemm::*;
            let pixels = get(ow::COUNT) * get(oh::COUNT) * get(n::COUNT);
            equal(out::ADDR, res::ADDR)
                && equal(out::FIRST, res::FIRST)
                && equal(out_stride::OW, res_stride::OW)
                && equal(out_stride::OH, res_stride::OH)
                && equal(out_block::STRIDE, res_block::STRIDE)
                && once(pixels, design.cols())
        }
        (Engine::Vector, "src1" | "src2") => {
            use vector::*;
            let depthwise = launch.call.function == Function::Depthwise.number();
            let (base, strides): (Field, Vec<Field>) = match read.operand {
                "src1" => (src1::ADDR, levels::LOOPS.iter().map(|(_, stride)| *stride).collect()),
                _ => (src2::ADDR, levels::SRC2.to_vec()),
            };
            let mut loops = levels::LOOPS.iter().zip(levels::DST).zip(strides);
            let same = loops
                .all(|(((count, _), result), operand)| get(*count) == 1 || equal(result, operand));
            let results = levels::LOOPS
                .iter()
                .fold(1i64, |product, (count, _)| product.saturating_mul(get(*count)));
            let reduced = depthwise || launch.flags.has(REDUCE);
            !reduced && equal(base, dst::ADDR) && same && once(results, design.lanes())
        }
        _ => false,
    }
}
