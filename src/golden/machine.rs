//! State and execution of launches.

use super::flow::{Flow, QUEUES};
use super::lanes::Operation;
use super::memory::Memory;
use super::shape::Shape;
use super::writes::Writes;
use super::{Stop, gemm, load, store, unit, vector};
use crate::design::{ComputeUnit, Design, VectorOp};
use crate::exec::{Cause, ExecError, Fault, Retirement, RunReport, TagRecord};
use crate::isa::{Call, Engine, Flags, Instruction, Registers, table};
use crate::program::{Program, Target};

/// Why a launch cannot retire where an outside driver says it does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetireError {
    /// It is not the next one of its engine, or the program has no such launch.
    #[error("instruction {pc} retired in `{engine}`, but {expected}", engine = .engine.name())]
    NotNext {
        /// Position in the program.
        pc: usize,
        /// The engine.
        engine: Engine,
        /// What would have been right.
        expected: String,
    },
    /// It retired before a semaphore it waits for was signalled.
    #[error(
        "instruction {pc} retired although semaphores {missing:?}, which it waits for, are zero"
    )]
    Semaphore {
        /// Position in the program.
        pc: usize,
        /// The semaphores.
        missing: Vec<u8>,
    },
    /// It is a fault.
    #[error("{0}")]
    Fault(Fault),
}

/// A launch as executed, for whoever wants to know what it did.
#[derive(Debug, Clone)]
pub struct Executed {
    /// Position in the program.
    pub pc: usize,
    /// What was started.
    pub call: Call,
    /// Registers it saw.
    pub registers: Registers,
    /// What it wrote.
    pub writes: Writes,
}

/// The whole machine.
#[derive(Debug, Clone)]
pub struct Machine {
    target: Target,
    memory: Memory,
    vector_ops: Vec<VectorOp>,
    units: Vec<ComputeUnit>,
    program: Option<Program>,
    flow: Flow,
    registers: [Registers; QUEUES],
    report: RunReport,
    executed: Vec<Executed>,
}

impl Machine {
    /// A machine with empty buffers.
    pub fn new(design: &Design) -> Machine {
        let shape = Shape::new(design);
        Machine {
            target: Target::of(design),
            memory: Memory::new(shape),
            vector_ops: design.vector_ops().to_vec(),
            units: design.units().to_vec(),
            program: None,
            flow: Flow::new(&shape, &[]),
            registers: Engine::QUEUED.map(Registers::new),
            report: RunReport::default(),
            executed: Vec::new(),
        }
    }

    /// The machine's numbers.
    pub fn shape(&self) -> &Shape {
        &self.memory.shape
    }

    /// Buffers and regions.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Buffers and regions, to be changed.
    pub fn memory_mut(&mut self) -> &mut Memory {
        &mut self.memory
    }

    /// The loaded program.
    pub fn program(&self) -> Option<&Program> {
        self.program.as_ref()
    }

    /// What the last run did, launch by launch.
    pub fn executed(&self) -> &[Executed] {
        &self.executed
    }

    /// Takes a program: places its regions. Buffers stay as they are.
    pub fn load(&mut self, program: &Program) -> Result<(), ExecError> {
        program.target.runs_on(&self.target)?;
        self.memory.place(program)?;
        self.program = Some(program.clone());
        self.start();
        Ok(())
    }

    /// Puts the program back to its start. Regions and buffers stay as they are.
    pub fn start(&mut self) {
        let code = self.program.as_ref().map_or(&[][..], |program| &program.code);
        self.flow = Flow::new(&self.memory.shape, code);
        self.registers = Engine::QUEUED.map(Registers::new);
        self.report = RunReport::default();
        self.executed.clear();
        self.memory.start();
    }

    /// Runs from the start to the end or the first fault, in an order of its own.
    pub fn run(&mut self) -> Result<RunReport, ExecError> {
        if self.program.is_none() {
            return Err(ExecError::NoProgram);
        }
        self.start();
        if let Err(fault) = self.run_to_end() {
            self.report.fault = Some(fault);
        }
        Ok(self.report.clone())
    }

    fn run_to_end(&mut self) -> Result<(), Fault> {
        while !self.flow.ended() {
            let mut progress = self.flow.decode()?;
            for engine in Engine::QUEUED {
                while self.step(engine)? {
                    progress = true;
                }
            }
            if !progress {
                return Err(self.deadlock());
            }
        }
        Ok(())
    }

    /// Executes the instruction at the head of a queue, unless it has to wait.
    fn step(&mut self, engine: Engine) -> Result<bool, Fault> {
        let Some(queue) = self.flow.queue(engine) else {
            return Ok(false);
        };
        let Some(&(pc, instruction)) = queue.front() else {
            return Ok(false);
        };
        if let Instruction::Run { wait, .. } = instruction {
            let ready = self.flow.ready(engine, wait);
            if !ready.map_err(|stop| located(engine, pc, stop))? {
                return Ok(false);
            }
        }
        if let Some(queue) = self.flow.queue(engine) {
            queue.pop_front();
        }
        self.perform(engine, pc, instruction)?;
        Ok(true)
    }

    fn perform(
        &mut self,
        engine: Engine,
        pc: usize,
        instruction: Instruction,
    ) -> Result<(), Fault> {
        match instruction {
            Instruction::Set { register, value, .. } => {
                if let Some(registers) =
                    engine.queue_index().and_then(|index| self.registers.get_mut(index))
                {
                    registers.write(register, value);
                }
            }
            Instruction::Run { call, wait, signal, flags } => {
                self.flow.take(wait);
                let registers = self.registers_of(engine);
                let writes = self
                    .execute(call, &registers, flags)
                    .map_err(|stop| located(engine, pc, stop))?;
                self.report.retired.push(Retirement { engine, pc, cycle: None });
                self.executed.push(Executed { pc, call, registers, writes });
                self.flow.signal(engine, signal).map_err(|stop| located(engine, pc, stop))?;
            }
            Instruction::Tag { tag, .. } => {
                self.report.tags.push(TagRecord { engine, tag, cycle: None });
            }
            // The decoder keeps these to itself.
            Instruction::Nop | Instruction::Fence | Instruction::End => {}
        }
        Ok(())
    }

    fn registers_of(&self, engine: Engine) -> Registers {
        engine
            .queue_index()
            .and_then(|index| self.registers.get(index))
            .cloned()
            .unwrap_or_else(|| Registers::new(engine))
    }

    /// Executes one launch with these registers on the memory as it stands.
    pub fn execute(
        &mut self,
        call: Call,
        registers: &Registers,
        flags: Flags,
    ) -> Result<Writes, Stop> {
        let mut writes = Writes::default();
        let memory = &mut self.memory;
        let unknown = || Stop::new(Cause::IllegalRegister, usize::from(call.function));
        match call.engine {
            Engine::Ctrl => return Err(unknown()),
            Engine::Load => {
                let function =
                    table::load::Function::from_number(call.function).ok_or_else(unknown)?;
                load::execute(memory, registers, function, flags, &mut writes)?;
            }
            Engine::Gemm => {
                let function =
                    table::gemm::Function::from_number(call.function).ok_or_else(unknown)?;
                gemm::execute(memory, registers, function, flags, &mut writes)?;
            }
            Engine::Vector => {
                let custom = call.custom().and_then(|index| self.vector_ops.get(index));
                let operation = match table::vector::Function::from_number(call.function) {
                    Some(function) => Operation::Table(function),
                    None => Operation::Custom(custom.ok_or_else(unknown)?),
                };
                vector::execute(memory, registers, operation, flags, &mut writes)?;
            }
            Engine::Store => {
                let function =
                    table::store::Function::from_number(call.function).ok_or_else(unknown)?;
                store::execute(memory, registers, function, &mut writes)?;
            }
            Engine::Unit => {
                let unit = call.unit().and_then(|index| self.units.get(index));
                unit::execute(memory, registers, unit.ok_or_else(unknown)?, flags, &mut writes)?;
            }
        }
        Ok(writes)
    }

    /// Executes the launch at `pc` now. For drivers that know in which order launches retired; start with
    /// [`Machine::start`].
    pub fn retire(&mut self, pc: usize) -> Result<&Executed, RetireError> {
        self.settle().map_err(RetireError::Fault)?;
        let code = self.program.as_ref().map_or(&[][..], |program| &program.code);
        let decoded = code.get(pc).map(|&word| Instruction::decode(pc, word));
        let Some(Ok(Instruction::Run { call, wait, .. })) = decoded else {
            let expected = "there is no launch".to_owned();
            return Err(RetireError::NotNext { pc, engine: Engine::Ctrl, expected });
        };
        let engine = call.engine;
        match self.flow.queue(engine).and_then(|queue| queue.front().copied()) {
            Some((at, _)) if at == pc => {}
            Some((at, _)) => {
                let expected = format!("instruction {at} comes first");
                return Err(RetireError::NotNext { pc, engine, expected });
            }
            None => {
                let next = self.flow.next();
                let expected = format!(
                    "nothing is left in its queue (the decoder stands at instruction {next})"
                );
                return Err(RetireError::NotNext { pc, engine, expected });
            }
        }
        let ready = self.flow.ready(engine, wait);
        if !ready.map_err(|stop| RetireError::Fault(located(engine, pc, stop)))? {
            return Err(RetireError::Semaphore { pc, missing: self.flow.missing(wait) });
        }
        self.step(engine).map_err(RetireError::Fault)?;
        self.settle().map_err(RetireError::Fault)?;
        let nothing = RetireError::NotNext { pc, engine, expected: "it did nothing".to_owned() };
        self.executed.last().ok_or(nothing)
    }

    /// Decodes and executes everything that is no launch, until only launches can go on.
    fn settle(&mut self) -> Result<(), Fault> {
        loop {
            let mut progress = self.flow.decode()?;
            for engine in Engine::QUEUED {
                let head = |flow: &mut Flow| {
                    flow.queue(engine).and_then(|queue| queue.front().map(|&(_, head)| head))
                };
                while head(&mut self.flow)
                    .is_some_and(|head| !matches!(head, Instruction::Run { .. }))
                {
                    progress |= self.step(engine)?;
                }
            }
            if !progress {
                return Ok(());
            }
        }
    }

    /// Nothing can start: what a watchdog finds. Names the engine whose launch is first in the
    /// program.
    fn deadlock(&mut self) -> Fault {
        let heads = Engine::QUEUED.map(|engine| {
            self.flow.queue(engine).and_then(|queue| queue.front().map(|&(pc, _)| (pc, engine)))
        });
        let (pc, engine) =
            heads.into_iter().flatten().min().unwrap_or((self.flow.next(), Engine::Ctrl));
        Fault { engine, cause: Cause::Watchdog, pc, address: 0 }
    }
}

fn located(engine: Engine, pc: usize, stop: Stop) -> Fault {
    Fault { engine, cause: stop.cause, pc, address: stop.address }
}
