//! VECTOR's sliding window: sums over taps of a row segment, kernel-row segments and kernel rows.

use super::Stop;
use super::memory::{Memory, narrow};
use super::nest::{Nest, address, to_index, wrap};
use super::vector::Common;
use super::writes::Writes;
use crate::isa::table::vector::{self, pad, src1, src2, taps};
use crate::isa::{Flags, Registers};

/// Executes one launch.
pub fn execute(
    memory: &mut Memory,
    registers: &Registers,
    flags: Flags,
    common: &Common,
    writes: &mut Writes,
) -> Result<(), Stop> {
    let get = |field| registers.get(field);
    let (lanes, window) = (memory.shape.lanes, memory.shape.taps);
    let [positions, loop1, loop2, loop3, loop4, loop5] = common.counts;
    let stride = to_index(get(taps::STRIDE));
    let positions = to_index(positions);
    if flags.has(vector::RESIDUAL) || positions < window || stride == 0 {
        return Err(Stop::configuration());
    }
    let outputs = (positions - window) / stride + 1;
    if outputs > memory.shape.acc_depth {
        return Err(Stop::configuration());
    }
    let [p0, p1, ..] = get(pad::VALUE).to_le_bytes();
    let value = i32::from(i16::from_le_bytes([p0, p1]));
    let padding = vec![i32::from(narrow(value, memory.shape.activation_bits)); lanes];
    for [i3, i4, i5] in Nest::new([loop3, loop4, loop5])? {
        let mut acc = vec![0_i32; outputs * lanes];
        for [i1, i2] in Nest::new([loop1, loop2])? {
            let index = |i0| [i0, i1, i2, i3, i4, i5];
            let mut row = Vec::with_capacity(positions * lanes);
            for i0 in 0..common.counts[0] {
                if common.inside(&index(i0)) {
                    let at = wrap(address(get(src1::ADDR), &index(i0), &common.a));
                    row.extend(memory.lane_word(at)?.iter().map(|&value| i32::from(value)));
                } else {
                    row.extend_from_slice(&padding);
                }
            }
            let base = address(get(src2::ADDR), &index(0), &common.b);
            let mut tap = base;
            for t in 0..window {
                let weights = memory.lane_word(wrap(tap))?;
                tap += get(taps::TAP_STRIDE);
                let seen = row.chunks_exact(lanes).skip(t).step_by(stride);
                for (sums, values) in acc.chunks_exact_mut(lanes).zip(seen) {
                    for ((sum, &a), &w) in sums.iter_mut().zip(values).zip(weights) {
                        *sum = sum.wrapping_add(a.wrapping_mul(i32::from(w)));
                    }
                }
            }
        }
        let mut offset = address(0, &[0, 0, 0, i3, i4, i5], &common.dst);
        for sums in acc.chunks_exact(lanes) {
            common.finish(memory, sums, &[], i5, offset, writes)?;
            offset += get(taps::OUT_STRIDE);
        }
    }
    Ok(())
}
