//! Words, their order, and the ownership of semaphores.

use super::finding::{Findings, Rule, Severity};
use super::{Form, Launch, MOST_FINDINGS, Step};
use crate::design::Design;
use crate::isa::table::ctrl;
use crate::isa::{Engine, Instruction, Registers};
use crate::program::Program;
use crate::program::footprint::{self, Detail};

/// The two engines of a semaphore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) pc: usize,
    pub(super) producer: Engine,
    pub(super) consumer: Engine,
}

/// Decodes the program; `None` when words are illegal.
pub(super) fn check(
    design: &Design,
    program: &Program,
    findings: &mut Findings<'_>,
) -> Option<Form> {
    structure(program, findings);
    let mut registers: Vec<Registers> = Engine::QUEUED.iter().map(|e| Registers::new(*e)).collect();
    let mut form = Form { steps: Vec::new(), launches: Vec::new(), owners: [None; 16] };
    let mut legal = true;
    for (pc, &word) in program.code.iter().enumerate() {
        let instruction = match Instruction::decode(pc, word) {
            Ok(instruction) => instruction,
            Err(error) => {
                let note = program.provenance.at(pc);
                let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
                findings.whole(Rule::Encoding, Severity::Error, format!("{error}{note}"), "");
                legal = false;
                continue;
            }
        };
        if findings.list.len() > MOST_FINDINGS {
            break;
        }
        let queue = instruction.engine().and_then(Engine::queue_index);
        let step = match (instruction, queue) {
            (Instruction::Fence, _) => Step::Fence,
            (Instruction::End, _) => Step::End,
            (Instruction::Set { register, value, .. }, Some(engine)) => {
                if let Some(registers) = registers.get_mut(engine) {
                    registers.write(register, value);
                }
                Step::Queue(engine, None)
            }
            (Instruction::Set { value, .. }, None) => {
                declare(design, pc, value, &mut form, findings);
                Step::Decoder
            }
            (Instruction::Run { call, wait, signal, flags }, Some(engine)) => {
                let registers =
                    registers.get(engine).cloned().unwrap_or(Registers::new(call.engine));
                let coarse = footprint::of(design, call, flags, &registers, Detail::Coarse);
                let launch = Launch { pc, call, engine, wait, signal, flags, registers, coarse };
                ownership(design, &launch, &form.owners, findings);
                form.launches.push(launch);
                Step::Queue(engine, Some(form.launches.len() - 1))
            }
            (_, Some(engine)) => Step::Queue(engine, None),
            (_, None) => Step::Decoder,
        };
        form.steps.push(step);
        if step == Step::End {
            break;
        }
    }
    legal.then_some(form)
}

fn structure(program: &Program, findings: &mut Findings<'_>) {
    if let Err(problem) = program.consistent() {
        let remedy = "correct the declarations, or split the program";
        findings.whole(Rule::Structure, Severity::Error, problem, remedy);
    }
    let length = program.code.len();
    let is_end = |(pc, word): (usize, &u64)| Instruction::decode(pc, *word) == Ok(Instruction::End);
    match program.code.iter().enumerate().position(is_end) {
        None => {
            let message = "the program has no `end`: fetch would run past it".to_owned();
            findings.whole(
                Rule::Structure,
                Severity::Error,
                message,
                "put `end` after the last instruction",
            );
        }
        Some(end) if end + 1 < length => {
            let message =
                format!("{} instructions after the end are never executed", length - end - 1);
            findings.warning(
                Rule::Structure,
                end,
                &message,
                "remove them, or the `end` before them",
            );
        }
        Some(_) => {}
    }
}

fn declare(design: &Design, pc: usize, value: u64, form: &mut Form, findings: &mut Findings<'_>) {
    let index = ctrl::sem::INDEX.extract(value);
    let count = design.semaphores().count;
    let engine = |number: i64| {
        let engine = u8::try_from(number).ok().and_then(Engine::from_number);
        engine.filter(|engine| engine.queue_index().is_some())
    };
    let producer = engine(ctrl::sem::PRODUCER.extract(value));
    let consumer = engine(ctrl::sem::CONSUMER.extract(value));
    let (Some(producer), Some(consumer)) = (producer, consumer) else {
        let message = "producer and consumer must be engines with a queue";
        return findings.error(Rule::Semaphore, pc, message, "allowed: load, gemm, vector, store");
    };
    let place = usize::try_from(index).ok().filter(|&index| index < count);
    let Some(owner) = place.and_then(|index| form.owners.get_mut(index)) else {
        let message = format!(
            "semaphore s{index} does not exist: the design has {count}, s0 to s{}",
            count - 1
        );
        return findings.error(
            Rule::Semaphore,
            pc,
            &message,
            "use another one or raise `control.semaphores`",
        );
    };
    if let Some(earlier) = owner {
        let message =
            format!("semaphore s{index} is declared already, by instruction {}", earlier.pc);
        return findings.error(Rule::Semaphore, pc, &message, "declare each semaphore once");
    }
    *owner = Some(Owner { pc, producer, consumer });
}

fn ownership(
    design: &Design,
    launch: &Launch,
    owners: &[Option<Owner>; 16],
    findings: &mut Findings<'_>,
) {
    let engine = launch.call.engine;
    let uses = [(launch.wait, "waits for", "consumer"), (launch.signal, "signals", "producer")];
    for (mask, verb, role) in uses {
        for index in mask.iter() {
            let owner = owners.get(usize::from(index)).copied().flatten();
            let Some(owner) = owner else {
                let message =
                    format!("it {verb} semaphore s{index}, which is not declared before it");
                let help = match usize::from(index) < design.semaphores().count {
                    true => format!(
                        "put `set ctrl.sem index={index} producer=... consumer=...` at the start of the program"
                    ),
                    false => format!("the design has {} semaphores", design.semaphores().count),
                };
                findings.error(Rule::Semaphore, launch.pc, &message, &help);
                continue;
            };
            let allowed = if role == "consumer" { owner.consumer } else { owner.producer };
            if allowed != engine {
                let message =
                    format!("it {verb} semaphore s{index}, whose {role} is `{}`", allowed.name());
                findings.error(
                    Rule::Semaphore,
                    launch.pc,
                    &message,
                    &format!("only launches of `{}` may", allowed.name()),
                );
            }
        }
    }
}
