//! STORE against a byte-by-byte reading of its section.

use super::*;
use crate::exec::Cause;
use crate::golden::Place;
use crate::golden::store::source;
use crate::isa::table::store::{Function, *};

/// Bytes of a word, bit by bit.
fn word(memory: &Memory, function: Function, address: usize) -> Vec<u8> {
    let s = memory.shape;
    let (elements, width): (Vec<u32>, usize) = match function {
        Function::Ibuf => (
            memory.ibuf[address * s.rows..(address + 1) * s.rows]
                .iter()
                .map(|&e| e as u32)
                .collect(),
            s.activation_bits as usize,
        ),
        Function::Vmem => (
            memory.vmem[address * s.lanes..(address + 1) * s.lanes]
                .iter()
                .map(|&e| e as u32)
                .collect(),
            32,
        ),
    };
    let mut bytes = vec![0_u8; elements.len() * width / 8];
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] |= ((elements[bit / width] >> (bit % width) & 1) << (bit % 8)) as u8;
    }
    bytes
}

#[test]
fn words_become_runs() {
    let mut rng = Rng::new(4);
    let mut executed = 0;
    for design in shapes() {
        for round in 0..60 {
            let mut machine = machine(&design, &mut rng);
            let function = Function::ALL[rng.below(2) as usize];
            let mut expected = machine.memory().clone();
            let mut b = |low, high| between(&mut rng, low, high);
            let mut v = vec![
                (dram::OFFSET, b(1500, 2000)),
                (dram::BASE, 1),
                (shape::RUN_BYTES, b(1, 40)),
                (shape::GROUP_BYTES, b(1, 60)),
                (src::ADDR, b(0, 9)),
            ];
            v.extend([(loop0::COUNT, b(1, 4)), (loop0::STRIDE, b(-60, 100))]);
            v.extend([(loop1::COUNT, b(1, 4)), (loop1::STRIDE, b(-60, 100))]);
            v.extend([(loop2::COUNT, b(1, 2)), (loop2::STRIDE, b(-99, 99))]);
            v.extend([(loop3::COUNT, b(1, 2)), (loop3::STRIDE, b(-99, 99))]);
            v.extend([(word0::COUNT, b(1, 4)), (word0::STRIDE, b(0, 2))]);
            v.extend([(word1::COUNT, b(1, 3)), (word1::STRIDE, b(0, 3))]);
            v.extend([(word2::COUNT, b(1, 2)), (word2::STRIDE, b(0, 3))]);
            v.push((word3::STRIDE, b(0, 1)));
            let Ok(writes) = execute(&mut machine, function, &v, &[]) else {
                continue;
            };
            executed += 1;
            let r = registers(Engine::Store, &v);
            let g = |field| r.get(field);
            let group = g(shape::GROUP_BYTES) as usize;
            let word_bytes = word(&expected, function, 0).len();
            // The whole stream, as far as it could be needed.
            let runs = g(loop0::COUNT) * g(loop1::COUNT) * g(loop2::COUNT) * g(loop3::COUNT);
            let needed = (runs * g(shape::RUN_BYTES)) as usize;
            let (mut stream, mut number) = (Vec::new(), 0_i64);
            while stream.len() < needed {
                let mut bytes = Vec::new();
                for _ in 0..group.div_ceil(word_bytes) {
                    let (c0, c1, c2) = (g(word0::COUNT), g(word1::COUNT), g(word2::COUNT));
                    let address = g(src::ADDR)
                        + number % c0 * g(word0::STRIDE)
                        + number / c0 % c1 * g(word1::STRIDE)
                        + number / c0 / c1 % c2 * g(word2::STRIDE)
                        + number / c0 / c1 / c2 * g(word3::STRIDE);
                    number += 1;
                    let depth = if function == Function::Ibuf {
                        expected.shape.ibuf_words
                    } else {
                        expected.shape.vmem_words
                    };
                    // Words at the end of the last group may lie outside: they are not read.
                    let address = address as usize;
                    let outside = || vec![0; word_bytes];
                    bytes.extend(if address < depth {
                        word(&expected, function, address)
                    } else {
                        outside()
                    });
                }
                bytes.truncate(group);
                stream.extend(bytes);
            }
            let mut position = 0;
            for l3 in 0..g(loop3::COUNT) {
                for l2 in 0..g(loop2::COUNT) {
                    for l1 in 0..g(loop1::COUNT) {
                        for l0 in 0..g(loop0::COUNT) {
                            let at = g(dram::OFFSET)
                                + l0 * g(loop0::STRIDE)
                                + l1 * g(loop1::STRIDE)
                                + l2 * g(loop2::STRIDE)
                                + l3 * g(loop3::STRIDE);
                            for i in 0..g(shape::RUN_BYTES) {
                                expected.regions[1].bytes[(at + i) as usize] = stream[position];
                                position += 1;
                            }
                        }
                    }
                }
            }
            same(machine.memory(), &expected, &format!("{} round {round}", design.canonical()));
            // Every byte written is traced back to where it came from.
            for at in 0..4096 {
                if writes.contain(Place::Region(1), at) {
                    let (place, address, byte) =
                        source(machine.memory(), &r, function, at).unwrap();
                    assert_eq!(place == Place::Ibuf, function == Function::Ibuf);
                    let bytes = word(&expected, function, address);
                    assert_eq!(bytes[byte], expected.regions[1].bytes[at]);
                }
            }
        }
    }
    assert!(executed > 500, "{executed} of 780");
}

#[test]
fn illegal_launches_stop() {
    let mut rng = Rng::new(5);
    let mut machine = machine(&shaped(4, 4, 4, 8, 8), &mut rng);
    for field in [shape::RUN_BYTES, shape::GROUP_BYTES, loop1::COUNT, word1::COUNT] {
        let stop = execute(&mut machine, Function::Vmem, &[(field, 0)], &[]).unwrap_err();
        assert_eq!(stop.cause, Cause::Configuration, "{field}");
    }
    let v = [(dram::OFFSET, 4090), (dram::BASE, 1), (shape::RUN_BYTES, 8), (shape::GROUP_BYTES, 8)];
    let stop = execute(&mut machine, Function::Vmem, &v, &[]).unwrap_err();
    assert_eq!(stop, Stop { cause: Cause::RegionRange, address: 4090 });
    let stop = execute(&mut machine, Function::Vmem, &[(src::ADDR, 1 << 20), (dram::BASE, 1)], &[])
        .unwrap_err();
    assert_eq!(stop, Stop { cause: Cause::BufferRange, address: 1 << 20 });
}
