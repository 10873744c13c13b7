//! LOAD against a byte-by-byte reading of its section.

use super::*;
use crate::exec::Cause;
use crate::isa::table::load::{CLIP, Function, *};

/// The bytes LOAD makes of memory, group by group, and the addresses of the words.
fn reference(memory: &mut Memory, v: &[(Field, i64)], clip: bool, function: Function) {
    let r = registers(Engine::Load, v);
    let g = |field| r.get(field);
    let region = memory.regions[g(dram::BASE) as usize].bytes.clone();
    let fill = g(fill::VALUE);
    let fill_at = |p: usize| (if p.is_multiple_of(2) { fill } else { fill >> 8 }) as u8;
    // None stands for fill.
    let mut stream: Vec<Option<u8>> = Vec::new();
    for l3 in 0..g(loop3::COUNT) {
        for l2 in 0..g(loop2::COUNT) {
            for l1 in 0..g(loop1::COUNT) {
                for l0 in 0..g(loop0::COUNT) {
                    let at = g(dram::OFFSET)
                        + l0 * g(loop0::STRIDE)
                        + l1 * g(loop1::STRIDE)
                        + l2 * g(loop2::STRIDE)
                        + l3 * g(loop3::STRIDE);
                    let y = g(clip_y::START)
                        + l0 * g(step_y::S0)
                        + l1 * g(step_y::S1)
                        + l2 * g(step_y::S2)
                        + l3 * g(step_y::S3);
                    let x = g(clip_x::START)
                        + l0 * g(step_x::S0)
                        + l1 * g(step_x::S1)
                        + l2 * g(step_x::S2)
                        + l3 * g(step_x::S3);
                    for i in 0..g(shape::RUN_BYTES) {
                        let inside = (0..g(clip_y::LIMIT)).contains(&y)
                            && (0..g(clip_x::LIMIT)).contains(&(x + i));
                        stream.push((!clip || inside).then(|| region[(at + i) as usize]));
                    }
                }
            }
        }
    }
    let s = memory.shape;
    let word_bytes = match function {
        Function::Ibuf => s.rows * s.activation_bits as usize / 8,
        Function::Wbuf => s.segments * s.cols * s.weight_bits as usize / 8,
        Function::Pbuf => 8 * s.cols,
        Function::Vmem => 4 * s.lanes,
        Function::Table | Function::Coeff => 4,
    };
    let mut words: Vec<Vec<u8>> = Vec::new();
    for group in stream.chunks(g(shape::GROUP_BYTES) as usize) {
        let mut bytes: Vec<u8> =
            group.iter().enumerate().map(|(p, b)| b.unwrap_or(fill_at(p))).collect();
        while !bytes.len().is_multiple_of(word_bytes) {
            bytes.push(fill_at(bytes.len()));
        }
        words.extend(bytes.chunks(word_bytes).map(<[u8]>::to_vec));
    }
    for (number, bytes) in words.iter().enumerate() {
        let n = number as i64;
        let (c0, c1, c2) = (g(word0::COUNT), g(word1::COUNT), g(word2::COUNT));
        let address = g(dst::ADDR)
            + n % c0 * g(word0::STRIDE)
            + n / c0 % c1 * g(word1::STRIDE)
            + n / c0 / c1 % c2 * g(word2::STRIDE)
            + n / c0 / c1 / c2 * g(word3::STRIDE);
        let address = address.rem_euclid(1 << 24) as usize;
        let bits = |i: usize, width: u32| {
            let value = (0..width as usize).fold(0_u32, |value, b| {
                let bit = i * width as usize + b;
                value | u32::from(bytes[bit / 8] >> (bit % 8) & 1) << b
            });
            (value << (32 - width)) as i32 >> (32 - width)
        };
        match function {
            Function::Ibuf => (0..s.rows).for_each(|e| {
                memory.ibuf[address * s.rows + e] = bits(e, s.activation_bits) as i16;
            }),
            Function::Wbuf => (0..s.segments * s.cols).for_each(|e| {
                let at = address % s.wbuf_words * s.segments * s.cols + e;
                memory.wbuf[at] = bits(e, s.weight_bits) as i16;
            }),
            Function::Pbuf => {
                (0..2 * s.cols).for_each(|e| memory.pbuf[address * 2 * s.cols + e] = bits(e, 32));
            }
            Function::Vmem => {
                (0..s.lanes).for_each(|e| memory.vmem[address * s.lanes + e] = bits(e, 32));
            }
            Function::Coeff => {
                memory.coeff[address] = i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
            }
            Function::Table => (0..4).for_each(|e| memory.table[address * 4 + e] = bytes[e]),
        }
    }
}

#[test]
fn runs_groups_fill_and_clip() {
    let mut rng = Rng::new(1);
    for design in shapes() {
        for round in 0..60 {
            let mut machine = machine(&design, &mut rng);
            let function = Function::ALL[rng.below(if design.lookup() { 5 } else { 4 }) as usize];
            let clip = rng.chance(60);
            let mut expected = machine.memory().clone();
            let depth = match function {
                Function::Ibuf => expected.shape.ibuf_words,
                Function::Wbuf => expected.shape.wbuf_words,
                Function::Pbuf => expected.shape.pbuf_words,
                Function::Vmem => expected.shape.vmem_words,
                Function::Table => expected.shape.tables * 64,
                Function::Coeff => expected.shape.function_segments * 4,
            } as i64;
            let mut b = |low, high| between(&mut rng, low, high);
            let mut v = vec![
                (dram::OFFSET, b(1500, 2000)),
                (shape::RUN_BYTES, b(1, 40)),
                (shape::GROUP_BYTES, b(1, 60)),
                (fill::VALUE, b(0, 65535)),
                (dst::ADDR, b(0, depth / 4)),
            ];
            for (count, stride) in [(loop0::COUNT, loop0::STRIDE), (loop1::COUNT, loop1::STRIDE)] {
                v.extend([(count, b(1, 4)), (stride, b(-60, 100))]);
            }
            v.extend([(loop2::COUNT, b(1, 2)), (loop2::STRIDE, b(-99, 99))]);
            v.extend([(loop3::COUNT, b(1, 2)), (loop3::STRIDE, b(-99, 99))]);
            v.extend([(word0::COUNT, b(1, 4)), (word0::STRIDE, b(0, 2))]);
            v.extend([(word1::COUNT, b(1, 3)), (word1::STRIDE, b(0, 3))]);
            v.extend([(word2::COUNT, b(1, 2)), (word2::STRIDE, b(0, 3))]);
            v.push((word3::STRIDE, b(0, 1)));
            v.extend([(clip_y::START, b(-3, 3)), (clip_y::LIMIT, b(0, 5))]);
            v.extend([(clip_x::START, b(-30, 20)), (clip_x::LIMIT, b(0, 50))]);
            for field in [step_y::S0, step_y::S1, step_y::S2, step_y::S3] {
                v.push((field, b(-2, 2)));
            }
            for field in [step_x::S0, step_x::S1, step_x::S2, step_x::S3] {
                v.push((field, b(-9, 9)));
            }
            let result = execute(&mut machine, function, &v, &[(CLIP, i64::from(clip))]);
            if let Err(stop) = result {
                // Random addresses may leave the buffer, but never the region.
                assert_eq!(stop.cause, Cause::BufferRange, "{stop:?}");
                continue;
            }
            reference(&mut expected, &v, clip, function);
            same(machine.memory(), &expected, &format!("{} round {round}", design.canonical()));
        }
    }
}

#[test]
fn what_is_clipped_is_not_fetched() {
    let mut rng = Rng::new(2);
    let mut machine = machine(&shaped(4, 4, 4, 8, 8), &mut rng);
    let v = [
        (dram::OFFSET, 4090),
        (shape::RUN_BYTES, 12),
        (shape::GROUP_BYTES, 12),
        (clip_x::LIMIT, 6),
        (word3::STRIDE, 1),
        (fill::VALUE, 0x0101),
    ];
    execute(&mut machine, Function::Ibuf, &v, &[(CLIP, 1)]).unwrap();
    assert_eq!(machine.memory().ibuf[6..12], [1; 6]);
    let stop = execute(&mut machine, Function::Ibuf, &v, &[]).unwrap_err();
    assert_eq!(stop, Stop { cause: Cause::RegionRange, address: 4090 });
    let stop = execute(&mut machine, Function::Ibuf, &[(dram::BASE, 5)], &[]).unwrap_err();
    assert_eq!(stop.cause, Cause::RegionRange);
}

#[test]
fn illegal_launches_stop() {
    let mut rng = Rng::new(3);
    let mut machine = machine(&shaped(4, 4, 4, 8, 8), &mut rng);
    for field in [
        shape::RUN_BYTES,
        shape::GROUP_BYTES,
        loop0::COUNT,
        loop3::COUNT,
        word0::COUNT,
        word2::COUNT,
    ] {
        let stop = execute(&mut machine, Function::Ibuf, &[(field, 0)], &[]).unwrap_err();
        assert_eq!(stop.cause, Cause::Configuration, "{field}");
    }
    let depth = machine.shape().ibuf_words as i64;
    let stop = execute(&mut machine, Function::Ibuf, &[(dst::ADDR, depth)], &[]).unwrap_err();
    assert_eq!(stop, Stop { cause: Cause::BufferRange, address: depth as u64 });
    // The ring has no end.
    let depth = machine.shape().wbuf_words as i64;
    execute(&mut machine, Function::Wbuf, &[(dst::ADDR, depth)], &[]).unwrap();
}
