use super::*;
use crate::isa::table::{gemm, load, store, vector};

fn builder() -> Builder {
    Builder::new(Target { name: "test".into(), semaphores: 2, ..Target::default() })
}

fn decode(program: &Program) -> Vec<Instruction> {
    let decode = |(pc, &word)| Instruction::decode(pc, word);
    program.code.iter().enumerate().map(decode).collect::<Result<_, _>>().unwrap()
}

#[test]
fn only_changed_registers_are_emitted() {
    let mut b = builder();
    b.set(load::dst::ADDR, 7).set(load::loop0::COUNT, 1).run(load::Function::Ibuf, &[], &[], &[]);
    b.set(load::dst::ADDR, 7).set(load::loop0::COUNT, 2).run(load::Function::Ibuf, &[], &[], &[]);
    b.set(load::loop0::COUNT, 3).set(load::loop0::COUNT, 2).run(
        load::Function::Ibuf,
        &[],
        &[],
        &[],
    );
    let program = b.finish().unwrap();
    let sets: Vec<(u16, u64)> = decode(&program)
        .iter()
        .filter_map(|i| match *i {
            Instruction::Set { register, value, .. } => Some((register, value)),
            _ => None,
        })
        .collect();
    assert_eq!(sets, [(load::dst::NUMBER, 7), (load::loop0::NUMBER, 2)]);
    assert_eq!(program.code.len(), 2 + 3 + 1);
}

#[test]
fn declarations_stand_first_and_notes_follow_their_instructions() {
    let mut b = builder();
    b.note("first").run(load::Function::Ibuf, &[], &[], &[]);
    let sem = b.semaphore(Engine::Load, Engine::Gemm);
    b.note("second").run(load::Function::Wbuf, &[], &[], &[sem]);
    b.run(gemm::Function::Act, &[(gemm::LOOKUP, 1), (gemm::TABLE, 5)], &[sem], &[]);
    let program = b.finish().unwrap();
    let code = decode(&program);
    let value = ctrl::sem::PRODUCER.place(1) | ctrl::sem::CONSUMER.place(2);
    assert_eq!(code[0], Instruction::Set { engine: Engine::Ctrl, register: 0, value });
    let notes: Vec<&str> = (0..5).map(|pc| program.provenance.at(pc)).collect();
    assert_eq!(notes, ["semaphores", "first", "second", "second", "second"]);
    assert!(matches!(code[3], Instruction::Run { flags, wait: SemMask(1), .. }
        if flags.get(gemm::TABLE) == 5 && flags.has(gemm::LOOKUP) && !flags.has(gemm::KEEP)));
}

fn check(make: impl FnOnce(&mut Builder), message: &str) {
    let mut b = builder();
    b.note("conv1 tile 3").fence();
    make(&mut b);
    assert_eq!(
        b.finish().unwrap_err().to_string(),
        format!("instruction 1 (conv1 tile 3): {message}")
    );
}

#[test]
fn first_mistake_is_told_with_its_place() {
    check(
        |b| {
            b.set(gemm::kc::COUNT, 65536).set(gemm::kc::COUNT, -1);
        },
        "gemm.kc.count is 65536, but it must be 0 to 65535",
    );
    check(
        |b| {
            b.set(gemm::KEEP, 1);
        },
        "gemm flag keep is a launch flag: give it to `run`",
    );
    check(
        |b| {
            b.run(gemm::Function::Act, &[(vector::LOOKUP, 1)], &[], &[]);
        },
        "vector flag lookup is not a launch flag of `gemm`",
    );
    check(
        |b| {
            b.run(gemm::Function::Act, &[(gemm::TABLE, 8)], &[], &[]);
        },
        "gemm flag table is 8, but it must be 0 to 7",
    );
    check(
        |b| {
            (0..3).for_each(|_| {
                b.semaphore(Engine::Gemm, Engine::Store);
            });
        },
        "semaphore from `gemm` to `store`: all 2 semaphores of the design are in use; use one again or raise `control.semaphores`",
    );
    check(
        |b| {
            let sem = b.semaphore(Engine::Gemm, Engine::Store);
            b.run(load::Function::Ibuf, &[], &[sem], &[]);
        },
        "`load` waits for semaphore s0, whose consumer is `store`",
    );
    check(
        |b| {
            let sem = b.semaphore(Engine::Gemm, Engine::Store);
            b.run(store::Function::Ibuf, &[], &[], &[sem]);
        },
        "`store` signals semaphore s0, whose producer is `gemm`",
    );
    check(
        |b| {
            let sem = b.semaphore(Engine::Gemm, Engine::Store);
            b.also_signal(0, sem);
        },
        "instruction 0 is no launch of `gemm` and cannot signal its semaphore",
    );
    check(
        |b| {
            for _ in 0..9 {
                b.region("r", RegionKind::Scratch, 1, vec![]);
            }
        },
        "region `r`: all 8 base registers are in use",
    );
    check(
        |b| {
            b.region("r", RegionKind::Weights, 1, vec![1, 2]);
        },
        "region `r` has 1 bytes, but its content has 2",
    );
    check(
        |b| {
            b.run(Call { engine: Engine::Load, function: 9 }, &[], &[], &[]);
        },
        "engine `load` has no function 9",
    );
    check(
        |b| {
            b.tag(Engine::Ctrl, 1);
        },
        "engine `ctrl` has no queue: it takes no `tag`",
    );
}
