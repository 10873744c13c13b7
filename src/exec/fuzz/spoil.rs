//! Makes a legal case illegal in one place, so that faults are compared as well.

use super::case::{Case, Launch};
use super::rng::Rng;
use crate::isa::table::{gemm, load, op, store, unit, vector};
use crate::isa::{Engine, Field};
use crate::program::Program;

impl Case {
    /// The case with one launch that probably is a fault; `None` when no launch may be changed.
    /// Whether it is one the golden model tells: an address may still lie in its buffer.
    pub fn spoiled(&self, rng: &mut Rng) -> Option<Case> {
        let free: Vec<usize> = self
            .launches
            .iter()
            .enumerate()
            .filter_map(|(index, launch)| (!launch.frame).then_some(index))
            .collect();
        let mut case = self.clone();
        if rng.chance(20) {
            case.spoil_weight(rng)?;
            return Some(case);
        }
        let index = rng.one(&free)?;
        spoil(case.launches.get_mut(index)?, rng)?;
        Some(case)
    }

    /// Puts the most negative weight where the first weights come from.
    fn spoil_weight(&mut self, rng: &mut Rng) -> Option<()> {
        let source = self.launches.iter().find(|l| l.call == load::Function::Wbuf.into())?;
        let registers = source.registers()?;
        let offset = registers.get(load::dram::OFFSET);
        let bytes = registers.get(load::shape::RUN_BYTES);
        let bits = self.design.weight_bits();
        let width = i64::try_from(bits.div_ceil(8)).ok()?;
        let at = offset + rng.between(0, bytes / width - 1) * width;
        let at = usize::try_from(at).ok()?;
        let value: &[u8] = match bits {
            4 => &[0x88],
            8 => &[0x80],
            _ => &[0, 0x80],
        };
        self.data.get_mut(at..at + value.len())?.copy_from_slice(value);
        Some(())
    }
}

/// One change, mostly an illegal one.
fn spoil(launch: &mut Launch, rng: &mut Rng) -> Option<()> {
    if rng.chance(30) {
        return zero(launch, rng);
    }
    let any = |field: Field, rng: &mut Rng| (field, rng.between(field.min(), field.max()));
    let near = |field: Field, rng: &mut Rng| {
        let top = 1_i64 << rng.between(4, i64::from(field.width));
        (field, (top + rng.between(-2, 2)).clamp(field.min(), field.max()))
    };
    let kind = rng.between(0, 9);
    let change = match launch.call.engine {
        Engine::Load => match kind {
            0..=3 => near(load::dst::ADDR, rng),
            4 => (load::dram::BASE, rng.between(0, 7)),
            5 | 6 => any(load::dram::OFFSET, rng),
            7 => any(load::loop0::STRIDE, rng),
            // The most negative weight, where weights are loaded.
            _ => (load::fill::VALUE, rng.pick(&[0x8080, 0x8888])),
        },
        Engine::Store => match kind {
            0..=3 => near(store::src::ADDR, rng),
            4 => (store::dram::BASE, rng.between(1, 7)),
            5 | 6 => near(store::dram::OFFSET, rng),
            _ => any(store::loop0::STRIDE, rng),
        },
        Engine::Gemm => match kind {
            0 => near(gemm::x::ADDR, rng),
            1 => near(gemm::out::ADDR, rng),
            2 => near(gemm::param::ADDR, rng),
            3 => near(gemm::obuf::ADDR, rng),
            4 => near(gemm::res::ADDR, rng),
            5 => near(gemm::out::FIRST, rng),
            6 => near(gemm::res::FIRST, rng),
            7 => any(rng.one(&[gemm::quant::MIN, gemm::quant::MAX])?, rng),
            8 => any(rng.one(&[gemm::res_clamp::MIN, gemm::res_clamp::MAX])?, rng),
            _ => {
                let flags = [gemm::RESIDUAL, gemm::LOOKUP, gemm::KEEP, gemm::TABLE];
                flag(launch, rng.one(&flags)?, rng);
                return Some(());
            }
        },
        Engine::Vector => match kind {
            0 => near(vector::src1::ADDR, rng),
            1 => near(vector::src2::ADDR, rng),
            2 | 3 => near(vector::dst::ADDR, rng),
            4 => near(vector::param::ADDR, rng),
            5 => any(rng.one(&[vector::quant::MIN, vector::quant::MAX])?, rng),
            6 => (vector::taps::STRIDE, rng.between(0, 15)),
            7 => (vector::loop0::COUNT, rng.between(1, 700)),
            _ => {
                let flags = [
                    vector::FORMAT,
                    vector::DST,
                    vector::SRC2,
                    vector::RESIDUAL,
                    vector::LOOKUP,
                    vector::TABLE,
                ];
                flag(launch, rng.one(&flags)?, rng);
                return Some(());
            }
        },
        Engine::Unit => match kind {
            0 | 1 => near(unit::src1::ADDR, rng),
            2 | 3 => near(unit::src2::ADDR, rng),
            4..=6 => near(unit::dst::ADDR, rng),
            7 => (unit::loop0::COUNT, rng.between(1, 300)),
            _ => {
                let flags = [unit::SRC1, unit::SRC2, unit::DST, unit::GROUP, unit::SPREAD];
                flag(launch, rng.one(&flags)?, rng);
                return Some(());
            }
        },
        Engine::Ctrl => return None,
    };
    set(&mut launch.values, change);
    Some(())
}

fn set(values: &mut Vec<(Field, i64)>, (field, value): (Field, i64)) {
    values.retain(|entry| entry.0 != field);
    values.push((field, value));
}

fn flag(launch: &mut Launch, field: Field, rng: &mut Rng) {
    set(&mut launch.flags, (field, rng.between(1, field.max())));
}

/// A count, or a number of bytes, of zero.
fn zero(launch: &mut Launch, rng: &mut Rng) -> Option<()> {
    let counts: Vec<Field> = launch
        .call
        .engine
        .spec()
        .registers
        .iter()
        .flat_map(|register| register.fields)
        .filter(|field| ["count", "run_bytes", "group_bytes"].contains(&field.name))
        .copied()
        .collect();
    set(&mut launch.values, (rng.one(&counts)?, 0));
    Some(())
}

/// A program with one word that probably is a fault: an encoding or a use of semaphores.
pub fn spoil_program(program: &Program, rng: &mut Rng) -> Program {
    let mut spoiled = program.clone();
    let last = i64::try_from(program.code.len()).unwrap_or(0) - 1;
    let runs: Vec<usize> = program
        .code
        .iter()
        .enumerate()
        .filter_map(|(pc, word)| (word >> 60 == u64::from(op::RUN.number)).then_some(pc))
        .collect();
    let any = usize::try_from(rng.between(0, last)).unwrap_or(0);
    let run = rng.pick(&runs);
    let bit = 1_u64 << rng.between(0, 15);
    let (at, change) = match rng.between(0, 5) {
        0 => (any, 1 << rng.between(57, 63)),
        1 => (any, 1 << rng.between(0, 63)),
        2 => (run, op::RUN_FUNCTION.place(1_u64 << rng.between(0, 6))),
        3 => (run, op::RUN_WAIT.place(bit)),
        _ => (run, op::RUN_SIGNAL.place(bit)),
    };
    if let Some(word) = spoiled.code.get_mut(at) {
        *word ^= change;
    }
    spoiled
}
