//! LOAD: runs of bytes from DRAM into words of a buffer.

use super::Stop;
use super::memory::Memory;
use super::nest::{Nest, Words, address, inside, to_index};
use super::writes::{Place, Writes};
use crate::isa::table::load::{
    self, Function, clip_x, clip_y, dram, dst, fill, loop0, loop1, loop2, loop3, shape, step_x,
    step_y, word0, word1, word2, word3,
};
use crate::isa::{Flags, Registers};

/// The stream of bytes on its way into words.
struct Stream {
    place: Place,
    words: Words,
    word_bytes: usize,
    group_bytes: usize,
    fill: [u8; 2],
    group: Vec<u8>,
}

impl Stream {
    fn fetched(
        &mut self,
        mut bytes: &[u8],
        memory: &mut Memory,
        writes: &mut Writes,
    ) -> Result<(), Stop> {
        while !bytes.is_empty() {
            let room = self.group_bytes - self.group.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.group.extend_from_slice(now);
            bytes = later;
            self.end_of_group(memory, writes)?;
        }
        Ok(())
    }

    fn filled(
        &mut self,
        mut count: usize,
        memory: &mut Memory,
        writes: &mut Writes,
    ) -> Result<(), Stop> {
        while count > 0 {
            let now = (self.group_bytes - self.group.len()).min(count);
            self.pad(now);
            count -= now;
            self.end_of_group(memory, writes)?;
        }
        Ok(())
    }

    fn pad(&mut self, count: usize) {
        for _ in 0..count {
            self.group.push(self.fill[self.group.len() % 2]);
        }
    }

    fn end_of_group(&mut self, memory: &mut Memory, writes: &mut Writes) -> Result<(), Stop> {
        if self.group.len() == self.group_bytes { self.flush(memory, writes) } else { Ok(()) }
    }

    /// Pads the group to whole words and writes them.
    fn flush(&mut self, memory: &mut Memory, writes: &mut Writes) -> Result<(), Stop> {
        self.pad(self.group.len().next_multiple_of(self.word_bytes) - self.group.len());
        for word in self.group.chunks_exact(self.word_bytes) {
            memory.write_bytes(self.place, self.words.next_address(), word, writes)?;
        }
        self.group.clear();
        Ok(())
    }
}

/// Where a function's words go.
pub fn place(function: Function) -> Place {
    match function {
        Function::Ibuf => Place::Ibuf,
        Function::Wbuf => Place::Wbuf,
        Function::Pbuf => Place::Pbuf,
        Function::Vmem => Place::Vmem,
        Function::Table => Place::Table,
        Function::Coeff => Place::Coeff,
    }
}

/// Executes one launch.
pub fn execute(
    memory: &mut Memory,
    registers: &Registers,
    function: Function,
    flags: Flags,
    writes: &mut Writes,
) -> Result<(), Stop> {
    let get = |field| registers.get(field);
    let place = place(function);
    let run_bytes = get(shape::RUN_BYTES);
    let group_bytes = get(shape::GROUP_BYTES);
    if run_bytes < 1 || group_bytes < 1 {
        return Err(Stop::configuration());
    }
    let words = Words::new(
        get(dst::ADDR),
        [get(word0::COUNT), get(word1::COUNT), get(word2::COUNT)],
        [get(word0::STRIDE), get(word1::STRIDE), get(word2::STRIDE), get(word3::STRIDE)],
    )?;
    let counts = [get(loop0::COUNT), get(loop1::COUNT), get(loop2::COUNT), get(loop3::COUNT)];
    let strides = [get(loop0::STRIDE), get(loop1::STRIDE), get(loop2::STRIDE), get(loop3::STRIDE)];
    let steps_y = [get(step_y::S0), get(step_y::S1), get(step_y::S2), get(step_y::S3)];
    let steps_x = [get(step_x::S0), get(step_x::S1), get(step_x::S2), get(step_x::S3)];
    let [low, high, ..] = get(fill::VALUE).to_le_bytes();
    let mut stream = Stream {
        place,
        words,
        word_bytes: memory.word_bytes(place),
        group_bytes: to_index(group_bytes),
        fill: [low, high],
        group: Vec::new(),
    };
    let base = get(dram::BASE).to_le_bytes()[0];
    for index in Nest::new(counts)? {
        let start = address(get(dram::OFFSET), &index, &strides);
        let (first, end) = if flags.has(load::CLIP) {
            let y = address(get(clip_y::START), &index, &steps_y);
            let x = address(get(clip_x::START), &index, &steps_x);
            if inside(y, get(clip_y::LIMIT)) {
                let first = (-x).clamp(0, run_bytes);
                (first, (get(clip_x::LIMIT) - x).clamp(first, run_bytes))
            } else {
                (run_bytes, run_bytes)
            }
        } else {
            (0, run_bytes)
        };
        stream.filled(to_index(first), memory, writes)?;
        if end > first {
            let bytes = memory.region(base, start + first, to_index(end - first))?.to_vec();
            stream.fetched(&bytes, memory, writes)?;
        }
        stream.filled(to_index(run_bytes - end), memory, writes)?;
    }
    if !stream.group.is_empty() {
        stream.flush(memory, writes)?;
    }
    Ok(())
}
