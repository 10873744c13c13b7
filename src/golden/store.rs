//! STORE: words of a buffer to runs of bytes in DRAM.

use super::Stop;
use super::memory::Memory;
use super::nest::{Nest, Words, address, to_index};
use super::writes::{Place, Writes};
use crate::isa::Registers;
use crate::isa::table::store::{
    Function, dram, loop0, loop1, loop2, loop3, shape, src, word0, word1, word2, word3,
};

/// Where a function's words come from.
pub fn place(function: Function) -> Place {
    match function {
        Function::Ibuf => Place::Ibuf,
        Function::Vmem => Place::Vmem,
    }
}

/// The registers, read once.
struct Plan {
    place: Place,
    words: Words,
    word_bytes: usize,
    group_bytes: usize,
    run_bytes: usize,
    base: u8,
    runs: Nest<4>,
    offset: i64,
    strides: [i64; 4],
}

fn plan(memory: &Memory, registers: &Registers, function: Function) -> Result<Plan, Stop> {
    let get = |field| registers.get(field);
    let (run_bytes, group_bytes) = (get(shape::RUN_BYTES), get(shape::GROUP_BYTES));
    if run_bytes < 1 || group_bytes < 1 {
        return Err(Stop::configuration());
    }
    let place = place(function);
    Ok(Plan {
        place,
        words: Words::new(
            get(src::ADDR),
            [get(word0::COUNT), get(word1::COUNT), get(word2::COUNT)],
            [get(word0::STRIDE), get(word1::STRIDE), get(word2::STRIDE), get(word3::STRIDE)],
        )?,
        word_bytes: memory.word_bytes(place),
        group_bytes: to_index(group_bytes),
        run_bytes: to_index(run_bytes),
        base: get(dram::BASE).to_le_bytes()[0],
        runs: Nest::new([
            get(loop0::COUNT),
            get(loop1::COUNT),
            get(loop2::COUNT),
            get(loop3::COUNT),
        ])?,
        offset: get(dram::OFFSET),
        strides: [get(loop0::STRIDE), get(loop1::STRIDE), get(loop2::STRIDE), get(loop3::STRIDE)],
    })
}

/// Executes one launch. Words are read only as far as their bytes are used.
pub fn execute(
    memory: &mut Memory,
    registers: &Registers,
    function: Function,
    writes: &mut Writes,
) -> Result<(), Stop> {
    let mut plan = plan(memory, registers, function)?;
    let mut word = Vec::with_capacity(plan.word_bytes);
    // Bytes of the current word already used, and of the current group.
    let (mut used, mut of_group) = (0, 0);
    for index in plan.runs {
        let start = address(plan.offset, &index, &plan.strides);
        memory.region(plan.base, start, plan.run_bytes)?;
        let mut done = 0;
        while done < plan.run_bytes {
            if used == word.len() || of_group == plan.group_bytes {
                if of_group == plan.group_bytes {
                    of_group = 0;
                }
                word.clear();
                used = 0;
                memory.read_bytes(plan.place, plan.words.next_address(), &mut word)?;
            }
            let now =
                (word.len() - used).min(plan.group_bytes - of_group).min(plan.run_bytes - done);
            let source = word.get(used..used + now).unwrap_or(&[]);
            memory.region_mut(plan.base, start + to_offset(done), now)?.copy_from_slice(source);
            used += now;
            of_group += now;
            done += now;
        }
        writes.push(Place::Region(plan.base), to_index(start), plan.run_bytes);
    }
    Ok(())
}

/// Word and byte in the word that a launch with these registers puts at an offset of its region:
/// the last one, when several runs cover it.
pub fn source(
    memory: &Memory,
    registers: &Registers,
    function: Function,
    offset: usize,
) -> Option<(Place, usize, usize)> {
    let mut plan = plan(memory, registers, function).ok()?;
    let runs: Vec<i64> =
        plan.runs.clone().map(|index| address(plan.offset, &index, &plan.strides)).collect();
    let covers = |&start: &i64| {
        usize::try_from(start).is_ok_and(|start| (start..start + plan.run_bytes).contains(&offset))
    };
    let run = runs.iter().rposition(covers)?;
    let in_run = offset - to_index(*runs.get(run)?);
    let position = run * plan.run_bytes + in_run;
    let (group, in_group) = (position / plan.group_bytes, position % plan.group_bytes);
    let number = group * plan.group_bytes.div_ceil(plan.word_bytes) + in_group / plan.word_bytes;
    for _ in 0..number {
        plan.words.next_address();
    }
    Some((plan.place, plan.words.next_address(), in_group % plan.word_bytes))
}

fn to_offset(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
