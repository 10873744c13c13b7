//! Order, semaphores, fences, tags, faults of the decoder, and retirement in a given order.

use super::*;
use crate::exec::{Cause, Executor, RunReport, compare};
use crate::golden::{Golden, RetireError};
use crate::isa::table::{ctrl, load, store};
use crate::isa::{Instruction, SemMask};
use crate::program::Builder;

/// Copies 64 bytes from region 0 through IBUF to region 1; the semaphore orders the two.
fn copy(ordered: bool) -> Program {
    let mut b = Builder::new(Target::of(&design(&[])));
    let data: Vec<u8> = (0..64).collect();
    b.region("in", RegionKind::Input, 64, data);
    b.region("out", RegionKind::Output, 64, Vec::new());
    let done = b.semaphore(Engine::Load, Engine::Store);
    b.note("fetch").set(load::shape::RUN_BYTES, 64).set(load::shape::GROUP_BYTES, 64);
    b.set(load::word3::STRIDE, 1);
    let signal: &[_] = if ordered { &[done] } else { &[] };
    b.run(load::Function::Ibuf, &[], &[], signal);
    b.tag(Engine::Load, 77);
    b.note("save").set(store::dram::BASE, 1).set(store::shape::RUN_BYTES, 64);
    b.set(store::shape::GROUP_BYTES, 64).set(store::word3::STRIDE, 1);
    b.run(store::Function::Ibuf, &[], &[done], &[]);
    b.finish().unwrap()
}

fn run(program: &Program) -> (Golden, RunReport) {
    let mut golden = Golden::new(&design(&[]));
    golden.load(program).unwrap();
    let report = golden.run().unwrap();
    (golden, report)
}

#[test]
fn a_program_moves_its_data() {
    let program = copy(true);
    let (mut golden, report) = run(&program);
    assert_eq!(report.fault, None);
    let expected: Vec<u8> = (0..64).collect();
    assert_eq!(golden.read(1, 0, 64).unwrap(), expected);
    assert_eq!(report.tags.iter().map(|tag| tag.tag).collect::<Vec<_>>(), [77]);
    assert_eq!(report.retired.len(), 2);
    let blame = golden.blame(1, 5).unwrap();
    assert_eq!(blame.source, "IBUF word 1, byte 1");
    assert_eq!(blame.pc, report.retired[1].pc);
    assert_eq!(blame.producer, Some(report.retired[0].pc));
    // Again, with other data: the start puts registers and semaphores back.
    golden.write(0, 0, &[9; 64]).unwrap();
    assert_eq!(golden.run().unwrap(), report);
    assert_eq!(golden.read(1, 0, 64).unwrap(), [9; 64]);
}

#[test]
fn a_missing_signal_is_a_deadlock_with_a_name() {
    let (_, report) = run(&copy(false));
    let fault = report.fault.unwrap();
    assert_eq!((fault.engine, fault.cause), (Engine::Store, Cause::Watchdog));
}

#[test]
fn access_is_checked() {
    let (mut golden, _) = run(&copy(true));
    let error = golden.read(1, 60, 5).unwrap_err().to_string();
    assert_eq!(error, "region `out`: bytes 60 to 65 were asked for, but it has 64 bytes");
    let error = golden.write(3, 0, &[0]).unwrap_err().to_string();
    assert_eq!(error, "the program has no region 3 (it has 0 in, 1 out)");
    let error = Golden::new(&design(&[])).run().unwrap_err().to_string();
    assert_eq!(error, "no program is loaded");
    let mut other = Golden::new(&shaped(8, 4, 4, 8, 8));
    let error = other.load(&copy(true)).unwrap_err().to_string();
    assert!(error.contains("array.rows: hardware 8, program 4"), "{error}");
}

#[test]
fn launches_retire_in_a_given_order() {
    let program = copy(true);
    let (_, report) = run(&program);
    let [first, second] = [report.retired[0].pc, report.retired[1].pc];
    let mut golden = Golden::new(&design(&[]));
    golden.load(&program).unwrap();
    let machine = golden.machine_mut();
    let error = machine.retire(second).unwrap_err();
    assert_eq!(error, RetireError::Semaphore { pc: second, missing: vec![0] });
    machine.retire(first).unwrap();
    assert!(matches!(machine.retire(first), Err(RetireError::NotNext { .. })));
    let executed = machine.retire(second).unwrap();
    assert_eq!(executed.registers.get(store::shape::RUN_BYTES), 64);
    let error = machine.retire(program.code.len() - 1).unwrap_err().to_string();
    assert!(error.contains("there is no launch"), "{error}");
    let expected: Vec<u8> = (0..64).collect();
    assert_eq!(golden.read(1, 0, 64).unwrap(), expected);
    // A launch that faults cannot retire either.
    let mut faulty = program.clone();
    faulty.regions.clear();
    faulty.tensors.clear();
    golden.load(&faulty).unwrap();
    let error = golden.machine_mut().retire(first).unwrap_err().to_string();
    assert!(error.contains("DRAM address outside its region"), "{error}");
}

fn code(words: &[Instruction]) -> Program {
    let mut program = copy(true);
    program.code = words.iter().map(|word| word.encode().unwrap()).collect();
    program
}

fn declare(producer: u64, consumer: u64) -> Instruction {
    let value = producer << 4 | consumer << 7;
    Instruction::Set { engine: Engine::Ctrl, register: ctrl::sem::NUMBER, value }
}

fn start(wait: SemMask, signal: SemMask) -> Instruction {
    Instruction::Run { call: load::Function::Ibuf.into(), wait, signal, flags: Flags::NONE }
}

#[test]
fn semaphores_have_owners_and_an_end() {
    let only = SemMask::only(0);
    let none = SemMask::NONE;
    let cause = |words: &[Instruction]| {
        let fault = run(&code(words)).1.fault.unwrap();
        (fault.cause, fault.pc, fault.address)
    };
    let undeclared = cause(&[start(only, none), Instruction::End]);
    assert_eq!(undeclared, (Cause::SemaphoreOwner, 0, 0));
    let foreign = cause(&[declare(2, 1), start(none, only), Instruction::End]);
    assert_eq!(foreign, (Cause::SemaphoreOwner, 1, 0));
    let foreign = cause(&[declare(1, 2), start(only, none), Instruction::End]);
    assert_eq!(foreign, (Cause::SemaphoreOwner, 1, 0));
    let mut many = vec![declare(1, 2)];
    many.extend([start(none, only); 256]);
    many.push(Instruction::End);
    assert_eq!(cause(&many), (Cause::SemaphoreOverflow, 256, 0));
    let absent = cause(&[start(SemMask::only(15), none), Instruction::End]);
    assert_eq!(absent, (Cause::SemaphoreOwner, 0, 15));
    assert_eq!(cause(&[declare(0, 1)]).0, Cause::FieldRange);
    assert_eq!(cause(&[declare(1, 5)]).0, Cause::FieldRange);
    // A launch may wait for its own engine.
    let fine = [declare(1, 1), start(none, only), start(only, none), Instruction::End];
    assert_eq!(run(&code(&fine)).1.fault, None);
}

#[test]
fn the_decoder_refuses_what_the_table_does_not_have() {
    for (word, expected) in [
        (0x6000_0000_0000_0000, Cause::IllegalInstruction),
        (0x0000_0000_0000_0001, Cause::IllegalInstruction),
        (0x1e00_0000_0000_0000, Cause::IllegalInstruction),
        (0x2000_0000_0000_0000, Cause::IllegalInstruction),
        (0x13ff_0000_0000_0000, Cause::IllegalRegister),
        (0x22fc_0000_0000_0000, Cause::IllegalRegister),
        (0x1201_0000_0100_0000, Cause::FieldRange),
        (0x2200_0000_0000_0002, Cause::FieldRange),
    ] {
        let mut program = copy(true);
        program.code = vec![0, word];
        let fault = run(&program).1.fault.unwrap();
        assert_eq!((fault.cause, fault.pc), (expected, 1), "{word:#x}");
    }
}

#[test]
fn comparisons_name_the_launch_that_made_the_byte() {
    struct Wrong(Golden);
    impl Executor for Wrong {
        fn name(&self) -> &'static str {
            "wrong"
        }
        fn load(&mut self, program: &Program) -> Result<(), crate::exec::ExecError> {
            self.0.load(program)
        }
        fn write(&mut self, r: u8, o: u64, b: &[u8]) -> Result<(), crate::exec::ExecError> {
            self.0.write(r, o, b)
        }
        fn read(&self, r: u8, o: u64, n: u64) -> Result<Vec<u8>, crate::exec::ExecError> {
            let mut bytes = self.0.read(r, o, n)?;
            if r == 1 {
                bytes[5] ^= 0x80;
            }
            Ok(bytes)
        }
        fn run(&mut self) -> Result<RunReport, crate::exec::ExecError> {
            let mut report = self.0.run()?;
            for (i, retired) in report.retired.iter_mut().enumerate() {
                retired.cycle = Some(100 * i as u64 + 7);
            }
            Ok(report)
        }
    }
    let program = copy(true);
    let mut golden = Golden::new(&design(&[]));
    let mut same = Golden::new(&design(&[]));
    let fine = compare::compare(&program, &[], &mut golden, &mut same).unwrap();
    assert_eq!((fine.divergence, fine.bytes), (None, 128));
    let mut wrong = Wrong(Golden::new(&design(&[])));
    let found = compare::compare(&program, &[], &mut golden, &mut wrong).unwrap();
    let text = found.divergence.unwrap().to_string();
    let expected = "\
first difference: byte 5 of region `out` (1 bytes differ)
  expected     0x05 (5)
  got          0x85 (-123)
  instruction  3: run load.ibuf signal=s0
  made for     fetch
  source       IBUF word 1, byte 1 (stored by 8)
  retired at   cycle 7
  window       cycles 0 to 7";
    assert_eq!(text, expected);
}
