use super::table::{ENGINES, op};
use super::*;
use proptest::prelude::*;

/// Any instruction, of every kind.
pub(crate) fn instructions() -> impl Strategy<Value = Instruction> {
    let engine = prop::sample::select(ENGINES.iter().map(|spec| spec.engine).collect::<Vec<_>>());
    let queued = prop::sample::select(Engine::QUEUED.to_vec());
    let set =
        (engine, any::<prop::sample::Index>(), any::<u64>()).prop_map(|(engine, index, bits)| {
            let spec = index.get(engine.spec().registers);
            Instruction::Set { engine, register: spec.number, value: bits & spec.mask() }
        });
    let run =
        (queued.clone(), any::<prop::sample::Index>(), any::<u16>(), any::<u16>(), any::<u64>())
            .prop_map(|(engine, index, wait, signal, bits)| {
                let call = match engine {
                    Engine::Unit => Call::of_unit(index.index(MAX_UNITS)).unwrap(),
                    _ => Call { engine, function: index.get(engine.spec().functions).number },
                };
                let flags =
                    Flags::from_bits((bits & engine.spec().flag_mask()).try_into().unwrap());
                Instruction::Run { call, wait: SemMask(wait), signal: SemMask(signal), flags }
            });
    let tag = (queued, any::<u32>()).prop_map(|(engine, tag)| Instruction::Tag { engine, tag });
    prop_oneof![
        8 => set,
        4 => run,
        1 => tag,
        1 => Just(Instruction::Nop),
        1 => Just(Instruction::Fence),
        1 => Just(Instruction::End),
    ]
}

proptest! {
    #[test]
    fn decode_undoes_encode(instruction in instructions(), pc in 0..1000usize) {
        prop_assert_eq!(Instruction::decode(pc, instruction.encode().unwrap()), Ok(instruction));
    }

    /// Flipping bits of a legal word gives words near the legal ones: each is refused or canonical.
    #[test]
    fn encode_undoes_decode(instruction in instructions(), flips in any::<u64>(), keep in any::<u64>()) {
        let word = instruction.encode().unwrap() ^ (flips & keep & flips.rotate_left(21));
        if let Ok(other) = Instruction::decode(0, word) {
            prop_assert_eq!(other.encode(), Ok(word));
        }
    }

    #[test]
    fn a_field_gives_back_what_it_was_given(index in any::<prop::sample::Index>(), value in any::<i64>()) {
        let fields: Vec<Field> =
            ENGINES.iter().flat_map(|e| e.registers).flat_map(|r| r.fields).copied().collect();
        let field = *index.get(&fields);
        let span = i128::from(field.max()) - i128::from(field.min()) + 1;
        let value = i128::from(field.min()) + i128::from(value).rem_euclid(span);
        let value = i64::try_from(value).unwrap();
        let mut registers = Registers::new(field.engine);
        let before = registers.clone();
        registers.set(field, value).unwrap();
        prop_assert_eq!(registers.get(field), value);
        registers.set(field, before.get(field)).unwrap();
        prop_assert_eq!(registers, before);
    }
}

fn disjoint(fields: impl Iterator<Item = (String, u64)>, limit: u64) {
    let mut seen = 0;
    for (name, mask) in fields {
        assert_eq!(mask & seen, 0, "{name} overlaps another field");
        assert_eq!(mask & !limit, 0, "{name} leaves its word");
        seen |= mask;
    }
}

#[test]
fn the_table_is_consistent() {
    for (index, spec) in ENGINES.iter().enumerate() {
        assert_eq!(usize::from(spec.engine.number()), index);
        assert_eq!(Engine::from_number(spec.engine.number()), Some(spec.engine));
        disjoint(spec.flags.iter().map(|f| (f.to_string(), f.mask())), op::RUN_FLAGS.mask());
        for (number, register) in spec.registers.iter().enumerate() {
            assert_eq!(usize::from(register.number), number, "{} {}", spec.name, register.name);
            disjoint(
                register.fields.iter().map(|f| (f.to_string(), f.mask())),
                op::SET_VALUE.mask(),
            );
            for field in register.fields {
                assert!(field.holds(field.reset), "{field} resets to {}", field.reset);
                assert_eq!(field.home, Home::Register(register.number));
            }
        }
        for (number, function) in spec.functions.iter().enumerate() {
            assert_eq!(usize::from(function.number), number, "{} {}", spec.name, function.name);
        }
        let names = spec.functions.iter().map(|f| f.name);
        assert_unique(names, spec.name);
        assert_unique(spec.registers.iter().map(|r| r.name), spec.name);
        assert_unique(spec.flags.iter().map(|r| r.name), spec.name);
    }
    for (number, opcode) in op::ALL.iter().enumerate() {
        assert_eq!(usize::from(opcode.number), number);
        let fields = opcode.fields.iter().map(|(name, bits)| (name.to_string(), bits.mask()));
        disjoint(fields, !table::OPCODE.mask());
    }
}

fn assert_unique<'a>(names: impl Iterator<Item = &'a str>, engine: &str) {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{engine}: {names:?}");
}

#[test]
fn words_have_the_documented_bits() {
    let run = Instruction::Run {
        call: table::gemm::Function::Float32.into(),
        wait: SemMask(0x8001),
        signal: SemMask(0x0002),
        flags: Flags::NONE.with(table::gemm::LOOKUP, 1).unwrap(),
    };
    let word = (2 << 60) | (2 << 57) | (2 << 50) | (0x8001 << 34) | (2 << 18) | (1 << 3);
    assert_eq!(run.encode(), Ok(word));
    assert_eq!(Instruction::Nop.encode(), Ok(0));
    assert_eq!(Instruction::End.encode(), Ok(4 << 60));
    let tag = Instruction::Tag { engine: Engine::Store, tag: 9 };
    assert_eq!(tag.encode(), Ok((5 << 60) | (4 << 57) | 9));
}

fn refused(word: u64, message: &str) {
    assert_eq!(Instruction::decode(7, word).unwrap_err().to_string(), message);
}

#[test]
fn illegal_words_are_told_apart() {
    refused(6 << 60, "word 7 (0x6000000000000000): opcode 6 does not exist (0 to 5 do)");
    refused(
        (1 << 60) | (6 << 57),
        "word 7 (0x1c00000000000000): engine 6 does not exist (0 to 5 do)",
    );
    refused(1, "word 7 (0x0000000000000001): `nop` leaves bits 0x1 unused, but they are not zero");
    refused(
        (5 << 60) | (1 << 57) | (3 << 32),
        "word 7 (0x5200000300000000): `tag` leaves bits 0x300000000 unused, but they are not zero",
    );
    refused(
        (1 << 60) | (1 << 57) | (16 << 48),
        "word 7 (0x1210000000000000): engine `load` has no register 16 (it has 16, numbered from 0)",
    );
    refused(
        (1 << 60) | (1 << 57) | (1 << 48) | (1 << 24),
        "word 7 (0x1201000001000000): value 0x1000000 does not fit register `load.dst`, whose fields occupy 0xffffff",
    );
    refused(
        (2 << 60) | (4 << 57) | (2 << 50),
        "word 7 (0x2808000000000000): engine `store` has no function 2",
    );
    refused(
        (2 << 60) | (1 << 57) | 2,
        "word 7 (0x2200000000000002): flags 0x2 of `load` use bits without a meaning (those with one: 0x1)",
    );
    refused(2 << 60, "word 7 (0x2000000000000000): engine `ctrl` has no queue: it takes no `run`");
    refused(5 << 60, "word 7 (0x5000000000000000): engine `ctrl` has no queue: it takes no `tag`");
}
