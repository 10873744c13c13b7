//! Token simulation: does the program end, and how far do semaphores count?
//!
//! Every semaphore has one producer and one consumer, and queues are in order; so whatever can
//! happen next stays possible until it happens (the net is persistent). All maximal executions
//! therefore execute the same launches, and one of them decides for every timing whether the
//! program ends. The largest count of a semaphore is reached when its consumer moves only where
//! nothing else can.
//!
//! A launch is one step: once started it waits for nothing but its memories.

use super::finding::{Findings, Rule, Severity, place};
use super::{Form, Step};
use crate::design::Design;
use crate::isa::Engine;
use crate::program::Program;
use std::collections::VecDeque;

const ENGINES: usize = Engine::QUEUED.len();

/// What happened, in an order that some timing has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A launch started and retired.
    Launch(usize),
    /// Everything before had retired.
    Fence,
}

/// A place in an engine's queue.
#[derive(Debug, Clone, Copy)]
struct Queued {
    pc: usize,
    launch: Option<usize>,
}

/// State of the token net.
struct Net<'a> {
    form: &'a Form,
    depth: usize,
    pc: usize,
    queues: [VecDeque<Queued>; ENGINES],
    counts: [u64; 16],
    peaks: [u64; 16],
    events: Vec<Event>,
}

/// Checks that the program ends, bounds the counts, and gives an order of the launches.
pub(super) fn check(
    design: &Design,
    program: &Program,
    form: &Form,
    findings: &mut Findings<'_>,
    peaks: &mut [u64; 16],
) -> Option<Vec<Event>> {
    let mut net = Net::new(form, design.queue_depth());
    net.run(None);
    if !net.ended() {
        net.explain(program, findings);
        return None;
    }
    for (index, (&count, owner)) in net.counts.iter().zip(&form.owners).enumerate() {
        if let (Some(owner), 1..) = (owner, count) {
            let message = format!(
                "{count} tokens of semaphore s{index} are left at the end: `{}` signals it more often than `{}` waits for it",
                owner.producer.name(),
                owner.consumer.name()
            );
            findings.warning(
                Rule::Balance,
                owner.pc,
                &message,
                "leave the last signals out, or wait for them",
            );
        }
    }
    let events = std::mem::take(&mut net.events);
    for delayed in Engine::QUEUED {
        let consumed = form.owners.iter().map(|owner| owner.is_some_and(|o| o.consumer == delayed));
        let consumed: Vec<bool> = consumed.collect();
        if !consumed.contains(&true) {
            continue;
        }
        let mut net = Net::new(form, design.queue_depth());
        net.run(delayed.queue_index());
        for ((peak, found), consumed) in peaks.iter_mut().zip(net.peaks).zip(consumed) {
            *peak = if consumed { found } else { *peak };
        }
    }
    overflow(design, form, findings, peaks);
    Some(events)
}

fn overflow(design: &Design, form: &Form, findings: &mut Findings<'_>, peaks: &[u64; 16]) {
    let width = design.semaphores().width;
    let most = (1u64 << width) - 1;
    for (index, (&peak, owner)) in peaks.iter().zip(&form.owners).enumerate() {
        if let Some(owner) = owner.filter(|_| peak > most) {
            let message =
                format!("semaphore s{index} can reach {peak}, but {width} bits count to {most}");
            let help = format!(
                "let `{}` wait for `{}` now and then, or raise `control.semaphore_bits`",
                owner.producer.name(),
                owner.consumer.name()
            );
            findings.error(Rule::Overflow, owner.pc, &message, &help);
        }
    }
}

impl<'a> Net<'a> {
    fn new(form: &'a Form, depth: usize) -> Net<'a> {
        Net {
            form,
            depth,
            pc: 0,
            queues: Default::default(),
            counts: [0; 16],
            peaks: [0; 16],
            events: Vec::new(),
        }
    }

    /// Runs until nothing can move; the delayed engine moves only when nothing else can.
    fn run(&mut self, delayed: Option<usize>) {
        loop {
            let mut moved = self.decode();
            for engine in 0..ENGINES {
                if Some(engine) != delayed {
                    while self.step(engine) {
                        moved = true;
                    }
                }
            }
            if !moved && !delayed.is_some_and(|engine| self.step(engine)) {
                return;
            }
        }
    }

    /// Moves words to the queues as far as there is room.
    fn decode(&mut self) -> bool {
        let start = self.pc;
        while let Some(step) = self.form.steps.get(self.pc) {
            match *step {
                Step::Decoder => {}
                Step::End | Step::Fence if self.queues.iter().any(|queue| !queue.is_empty()) => {
                    break;
                }
                Step::End => break,
                Step::Fence => self.events.push(Event::Fence),
                Step::Queue(engine, launch) => {
                    let Some(queue) = self.queues.get_mut(engine) else { break };
                    if queue.len() >= self.depth {
                        break;
                    }
                    queue.push_back(Queued { pc: self.pc, launch });
                }
            }
            self.pc += 1;
        }
        self.pc > start
    }

    /// Executes the first word of an engine's queue, if it can be.
    fn step(&mut self, engine: usize) -> bool {
        let Some(queue) = self.queues.get_mut(engine) else { return false };
        let Some(head) = queue.front() else { return false };
        let launch = head.launch.and_then(|index| Some((index, self.form.launches.get(index)?)));
        if let Some((index, launch)) = launch {
            if launch.wait.iter().any(|s| self.counts.get(usize::from(s)) == Some(&0)) {
                return false;
            }
            for semaphore in launch.wait.iter() {
                self.counts[usize::from(semaphore)] -= 1;
            }
            for semaphore in launch.signal.iter().map(usize::from) {
                self.counts[semaphore] += 1;
                self.peaks[semaphore] = self.peaks[semaphore].max(self.counts[semaphore]);
            }
            self.events.push(Event::Launch(index));
        }
        queue.pop_front();
        true
    }

    fn ended(&self) -> bool {
        let at_end = self.form.steps.get(self.pc).is_none_or(|step| *step == Step::End);
        at_end && self.queues.iter().all(VecDeque::is_empty)
    }

    /// Says who waits for what.
    fn explain(&self, program: &Program, findings: &mut Findings<'_>) {
        let mut message = String::from("the program does not end, whatever the timing:");
        let mut first = None;
        for (queue, engine) in self.queues.iter().zip(Engine::QUEUED) {
            let Some(head) = queue.front() else { continue };
            let Some(launch) = head.launch.and_then(|index| self.form.launches.get(index)) else {
                continue;
            };
            first = first.or(Some(head.pc));
            message.push_str(&format!("\n  {}: {}", engine.name(), place(program, head.pc)));
            for semaphore in
                launch.wait.iter().filter(|s| self.counts.get(usize::from(*s)) == Some(&0))
            {
                message.push_str(&format!(
                    "\n    waits for s{semaphore}; {}",
                    self.next_signal(program, semaphore)
                ));
            }
        }
        match self.form.steps.get(self.pc) {
            Some(Step::Queue(engine, _)) => {
                let engine = Engine::QUEUED.get(*engine).map_or("?", |engine| engine.name());
                message.push_str(&format!(
                    "\n  decoder: {}: the queue of `{engine}` is full ({} instructions)",
                    place(program, self.pc),
                    self.depth
                ));
            }
            Some(Step::Fence | Step::End) => {
                message.push_str(&format!(
                    "\n  decoder: {}: waits for the engines",
                    place(program, self.pc)
                ));
            }
            _ => {}
        }
        let help = "every wait needs a signal that can come before it";
        findings.whole(Rule::Deadlock, Severity::Error, message, help);
        if let Some(finding) = findings.list.last_mut() {
            finding.pc = first;
        }
    }

    /// Which launch would signal a semaphore next.
    fn next_signal(&self, program: &Program, semaphore: u8) -> String {
        let done = |pc: usize| {
            let waiting = self.queues.iter().flatten().any(|queued| queued.pc == pc);
            pc < self.pc && !waiting
        };
        let next = self.form.launches.iter().find(|l| l.signal.contains(semaphore) && !done(l.pc));
        match next {
            Some(launch) => format!("next to signal it is {}", place(program, launch.pc)),
            None => "no launch is left to signal it".to_owned(),
        }
    }
}
