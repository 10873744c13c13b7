//! Random launches of UNIT.

use super::case::Launch;
use super::rng::Rng;
use super::window::Windows;
use crate::design::Design;
use crate::isa::levels::unit as levels;
use crate::isa::table::unit::{self, dst, src1, src2};
use crate::isa::{Call, Field};

/// A random launch of one of the design's units.
pub fn launch(design: &Design, windows: &Windows, rng: &mut Rng) -> Option<Launch> {
    let parts = i64::try_from(design.rows() / design.lanes()).ok()?;
    let [source, target] = windows.ibuf.split(rng);
    let [wide_source, wide_target] = windows.vmem.split(rng);
    let index = usize::try_from(rng.between(0, i64::try_from(design.units().len()).ok()? - 1));
    let index = index.ok()?;
    let chosen = design.units().get(index)?;
    let group = rng.between(0, 3);
    let spread = rng.chance(30);
    let lanes = i64::try_from(design.lanes()).ok()?;
    let mut counts = [rng.between(1, 9), rng.between(1, 5), rng.pick(&[1, 1, 2, 3]), 1];
    counts[3] = rng.pick(&[1, 1, 2]);
    if spread {
        counts[0] = rng.between(1, lanes.min(9));
    }
    let [first, second, wide] = [(); 3].map(|()| rng.between(0, 1));
    let mut values: Vec<(Field, i64)> = Vec::new();
    let operand = |wide: i64| if wide == 1 { wide_source } else { source.scaled(parts) };
    let mut strides = |fields: [Field; 4], limit: i64, rng: &mut Rng| {
        let strides: [i64; 4] = std::array::from_fn(|_| rng.between(-1, limit));
        values.extend(fields.into_iter().zip(strides));
        strides
    };
    let a = strides(levels::LOOPS.map(|(_, stride)| stride), 3, rng);
    let b = strides(levels::SRC2, 3, rng);
    // Groups write places of their own.
    let words = i64::try_from(chosen.outputs.len()).ok()?;
    let next = rng.pick(&[1, 1, 2, -1]);
    let mut apart = words * i64::abs(next);
    let inner = usize::try_from(group).ok()?;
    let mut results = [0; 4];
    let mut nest = vec![(words, next)];
    for level in 0..4 {
        let loops = results.get_mut(level).zip(counts.get(level));
        let Some((stride, &count)) = loops else { continue };
        *stride = rng.between(-3, 3);
        if level >= inner {
            *stride = apart;
            apart *= count;
            nest.push((count, *stride));
        }
    }
    values.extend(levels::DST.into_iter().zip(results));
    values.extend(levels::LOOPS.iter().map(|(count, _)| *count).zip(counts));
    let pairs =
        |strides: [i64; 4]| -> Vec<(i64, i64)> { counts.into_iter().zip(strides).collect() };
    values.push((src1::ADDR, operand(first).fit(rng, &pairs(a), 1)?));
    if chosen.second {
        values.push((src2::ADDR, operand(second).fit(rng, &pairs(b), 1)?));
    }
    let target = if wide == 1 { wide_target } else { target.scaled(parts) };
    values.extend([(dst::ADDR, target.fit(rng, &nest, 1)?), (dst::NEXT, next)]);
    for parameter in levels::PARAMETERS {
        let shift = rng.between(0, 31);
        values.push((parameter, rng.bits().cast_signed() >> 32 >> shift));
    }
    let flags = vec![
        (unit::SRC1, first),
        (unit::SRC2, second),
        (unit::DST, wide),
        (unit::GROUP, group),
        (unit::SPREAD, i64::from(spread)),
    ];
    Some(Launch::new(Call::of_unit(index)?, values, flags))
}
