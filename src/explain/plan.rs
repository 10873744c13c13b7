//! What of a program the attribution needs: its launches, engine by engine, and their layers.

use crate::isa::table::{ctrl, gemm};
use crate::isa::{Engine, Field, Instruction, Registers};
use crate::program::{MAX_SEMAPHORES, Program};

/// Number of engines with a queue.
pub const ENGINES: usize = Engine::QUEUED.len();

/// Positions of the engines in [`Engine::QUEUED`].
pub const LOAD: usize = 0;
/// GEMM.
pub const GEMM: usize = 1;
/// VECTOR.
pub const VECTOR: usize = 2;
/// STORE.
pub const STORE: usize = 3;
/// UNIT.
pub const UNIT: usize = 4;

/// Name of the layer of launches without a note.
pub const UNNAMED: &str = "(no note)";

/// A launch of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// Position of its engine in [`Engine::QUEUED`].
    pub engine: usize,
    /// Position of its instruction.
    pub pc: usize,
    /// Its layer, a position in [`Plan::layers`].
    pub layer: usize,
    /// Vectors it gives to the array; zero for other engines than GEMM.
    pub vectors: u64,
}

/// The launches of a program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// In the order of the program.
    pub launches: Vec<Launch>,
    /// Per engine: its launches, as positions in `launches`.
    pub queues: [Vec<usize>; ENGINES],
    /// Per semaphore: the engine that signals it.
    pub producers: [Option<usize>; MAX_SEMAPHORES as usize],
    /// Names of the layers: those the program declares, then others as they come.
    pub layers: Vec<String>,
}

/// Counts whose product is the number of vectors of a launch.
const COUNTS: [Field; 6] = [
    gemm::ow::COUNT,
    gemm::oh::COUNT,
    gemm::kc::COUNT,
    gemm::kw::COUNT,
    gemm::kh::COUNT,
    gemm::n::COUNT,
];

impl Plan {
    /// Reads a program.
    pub fn of(program: &Program) -> Plan {
        let mut plan = Plan::default();
        for layer in &program.layers {
            plan.layer(&layer.name);
        }
        let mut registers = Registers::new(Engine::Gemm);
        let mut declaration = Registers::new(Engine::Ctrl);
        for (pc, &word) in program.code.iter().enumerate() {
            match Instruction::decode(pc, word) {
                Ok(Instruction::Set { engine: Engine::Gemm, register, value }) => {
                    registers.write(register, value);
                }
                Ok(Instruction::Set { engine: Engine::Ctrl, register, value }) => {
                    declaration.write(register, value);
                    if ctrl::sem::INDEX.home == crate::isa::Home::Register(register) {
                        plan.declare(&declaration);
                    }
                }
                Ok(Instruction::Run { call, .. }) => {
                    let Some(engine) = call.engine.queue_index() else { continue };
                    let note = program.provenance.at(pc);
                    let layer = plan.layer(if note.is_empty() { UNNAMED } else { note });
                    let vectors = match call.engine {
                        Engine::Gemm => vectors(&registers),
                        _ => 0,
                    };
                    plan.queues[engine].push(plan.launches.len());
                    plan.launches.push(Launch { engine, pc, layer, vectors });
                }
                _ => {}
            }
        }
        plan
    }

    fn declare(&mut self, declaration: &Registers) {
        let index = usize::try_from(declaration.get(ctrl::sem::INDEX)).ok();
        let number = u8::try_from(declaration.get(ctrl::sem::PRODUCER)).ok();
        let producer = number.and_then(Engine::from_number).and_then(Engine::queue_index);
        if let Some(place) = index.and_then(|index| self.producers.get_mut(index)) {
            *place = producer;
        }
    }

    fn layer(&mut self, name: &str) -> usize {
        self.layers.iter().rposition(|known| known == name).unwrap_or_else(|| {
            self.layers.push(name.to_owned());
            self.layers.len() - 1
        })
    }

    /// The engines that signal semaphores of a mask, one bit each.
    pub fn signalled_by(&self, mask: u16) -> u8 {
        let producers = self.producers.iter().enumerate();
        producers
            .filter(|(index, _)| mask >> index & 1 != 0)
            .fold(0, |engines, (_, producer)| engines | producer.map_or(0, |engine| 1 << engine))
    }
}

fn vectors(registers: &Registers) -> u64 {
    let counts = COUNTS.map(|count| u64::try_from(registers.get(count)).unwrap_or(0));
    counts.into_iter().fold(1, u64::saturating_mul)
}
