//! UNIT: streams of elements through a compute unit, group by group.

use super::Stop;
use super::memory::Memory;
use super::nest::{Nest, address, to_index, wrap};
use super::vector::low32;
use super::writes::Writes;
use crate::design::ComputeUnit;
use crate::isa::levels::unit as levels;
use crate::isa::table::unit::{self, dst, src1, src2};
use crate::isa::{Flags, Registers};

/// Executes one launch.
pub fn execute(
    memory: &mut Memory,
    registers: &Registers,
    unit: &ComputeUnit,
    flags: Flags,
    writes: &mut Writes,
) -> Result<(), Stop> {
    let get = |field| registers.get(field);
    let lanes = memory.shape.lanes;
    let counts = levels::LOOPS.map(|(count, _)| get(count));
    let spread = flags.has(unit::SPREAD);
    if counts.iter().any(|&count| count < 1) || spread && to_index(counts[0]) > lanes {
        return Err(Stop::configuration());
    }
    let a = levels::LOOPS.map(|(_, stride)| get(stride));
    let (b, results) = (levels::SRC2.map(get), levels::DST.map(get));
    let parameters: Vec<i32> =
        levels::PARAMETERS.iter().take(unit.parameters.len()).map(|p| low32(get(*p))).collect();
    let inner = to_index(flags.get(unit::GROUP));
    let part =
        |inside: bool| std::array::from_fn(|l| if (l < inner) == inside { counts[l] } else { 1 });
    for outer in Nest::new(part(false))? {
        let mut group = Group::new(unit, lanes, &parameters);
        for index in Nest::new(part(true))? {
            let index: [i64; 4] = std::array::from_fn(|l| outer[l] + index[l]);
            let mut first = read(memory, flags.has(unit::SRC1), get(src1::ADDR), &index, &a)?;
            if spread {
                let value = first.get(to_index(index[0])).copied().unwrap_or(0);
                first = vec![value; lanes];
            }
            let second = match unit.second {
                true => read(memory, flags.has(unit::SRC2), get(src2::ADDR), &index, &b)?,
                false => Vec::new(),
            };
            group.element(&first, &second);
        }
        let place = address(get(dst::ADDR), &outer, &results);
        for (position, word) in (0..).zip(group.outputs()) {
            let at = wrap(place + position * get(dst::NEXT));
            match flags.has(unit::DST) {
                true => memory.write_vmem(at, 0, &word, writes)?,
                false => {
                    let (low, high) = memory.shape.activation_range();
                    let kept = word.iter().map(|&value| low32(i64::from(value).clamp(low, high)));
                    memory.write_lane_word(at, &kept.collect::<Vec<i32>>(), writes)?;
                }
            }
        }
    }
    Ok(())
}

fn read(
    memory: &Memory,
    vmem: bool,
    base: i64,
    index: &[i64; 4],
    strides: &[i64; 4],
) -> Result<Vec<i32>, Stop> {
    let at = wrap(address(base, index, strides));
    Ok(match vmem {
        true => memory.vmem_word(at)?.to_vec(),
        false => memory.lane_word(at)?.iter().map(|&value| i32::from(value)).collect(),
    })
}

/// The states of all lanes in the course of a group.
struct Group<'a> {
    unit: &'a ComputeUnit,
    parameters: &'a [i32],
    count: i32,
    states: Vec<Vec<i32>>,
}

impl<'a> Group<'a> {
    fn new(unit: &'a ComputeUnit, lanes: usize, parameters: &'a [i32]) -> Group<'a> {
        let of_lane = |lane: i32| -> Vec<i32> {
            let operands = [&[lane], parameters].concat();
            unit.states.iter().map(|state| state.initial.int(&operands)).collect()
        };
        let states = (0..).take(lanes).map(of_lane).collect();
        Group { unit, parameters, count: 0, states }
    }

    /// In the order of [`ComputeUnit::element_operands`].
    fn element(&mut self, a: &[i32], b: &[i32]) {
        for (lane, states) in self.states.iter_mut().enumerate() {
            let value = |word: &[i32]| word.get(lane).copied().unwrap_or(0);
            let mut operands = vec![value(a)];
            if self.unit.second {
                operands.push(value(b));
            }
            operands.extend([self.count, i32::try_from(lane).unwrap_or(0)]);
            operands.extend(self.parameters);
            operands.extend(states.iter());
            *states = self.unit.states.iter().map(|state| state.next.int(&operands)).collect();
        }
        self.count = self.count.wrapping_add(1);
    }

    /// The words, in the order of [`ComputeUnit::group_operands`] their values.
    fn outputs(&self) -> Vec<Vec<i32>> {
        let word = |value: &crate::expr::Expr| -> Vec<i32> {
            let lane = |(lane, states): (i32, &Vec<i32>)| {
                value.int(&[&[self.count, lane], self.parameters, states].concat())
            };
            (0..).zip(&self.states).map(lane).collect()
        };
        self.unit.outputs.iter().map(|output| word(&output.value)).collect()
    }
}
