//! A look inside the running machine, cycle by cycle: the signals behind its counters and its hang
//! report, of a library built for observation ([`super::build::Flavour::Probe`]).

use super::error::Error;
use super::model::{Model, PROBE_BYTES};

/// A signal of the emitted Verilog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal {
    /// Module that declares it.
    pub module: &'static str,
    /// Instance of the module, from the top.
    pub scope: &'static str,
    /// Its name there.
    pub name: &'static str,
}

const fn signal(module: &'static str, scope: &'static str, name: &'static str) -> Signal {
    Signal { module, scope, name }
}

const TOP: &str = "TOP.npu_top";
const BUFFERS: &str = "TOP.npu_top.u_core.u_buffers";
const ISSUE: &str = "TOP.npu_top.u_core.u_gemm.u_issue";
const SEQUENCER: &str = "TOP.npu_top.u_core.u_gemm.u_sequencer";

/// What is looked at, in the order of [`Sample::read`].
pub const SIGNALS: [Signal; 17] = [
    signal("npu_csr", "TOP.npu_top.u_csr", "running"),
    signal("npu_top", TOP, "engine_activity"),
    signal("npu_top", TOP, "engine_in_flight"),
    signal("npu_top", TOP, "engine_queue_level"),
    signal("npu_top", TOP, "engine_wait_mask"),
    signal("npu_top", TOP, "retire_valid"),
    signal("npu_top", TOP, "semaphore_positive"),
    signal("npu_top", TOP, "decoder_fenced"),
    signal("npu_top", TOP, "decoder_queue_full"),
    signal("npu_top", TOP, "decoder_engine"),
    signal("npu_top", TOP, "array_active"),
    signal("npu_top", TOP, "array_wait_weights"),
    signal("npu_top", TOP, "array_wait_residual"),
    signal("npu_gemm_issue", ISSUE, "bubble_other"),
    signal("npu_sequencer", SEQUENCER, "at_run"),
    signal("npu_buffers", BUFFERS, "ibuf_refused"),
    signal("npu_buffers", BUFFERS, "vmem_refused"),
];

/// Most engines a design has.
pub const ENGINES: usize = crate::isa::Engine::QUEUED.len();

/// What an engine does in a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EngineSample {
    /// One bit: busy, waiting for a semaphore, waiting for memory, no instruction. None for an
    /// engine that is not there.
    pub activity: u8,
    /// Launches started and not retired.
    pub in_flight: u8,
    /// Instructions in its queue.
    pub queued: u16,
    /// Semaphores of the launch at the head of the queue, when it lacks one.
    pub wait_mask: u16,
    /// A launch retires.
    pub retires: bool,
}

/// One cycle, when everything has settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// A program runs: the counters count.
    pub running: bool,
    /// The engines, in the order of [`crate::isa::Engine::QUEUED`].
    pub engines: [EngineSample; ENGINES],
    /// Semaphores above zero.
    pub positive: u16,
    /// The decoder waits for all engines to be idle.
    pub fenced: bool,
    /// The decoder waits for room in the queue of the engine with this number.
    pub full: Option<u8>,
    /// The array takes a vector.
    pub active: bool,
    /// It could not, for want of weights.
    pub wait_weights: bool,
    /// It could not, for want of a residual vector.
    pub wait_residual: bool,
    /// It could not: passes follow each other too fast, or the output port is busy.
    pub wait_slot: bool,
    /// A launch is at the head of GEMM's queue.
    pub gemm_at_run: bool,
    /// Clients of IBUF that were refused: LOAD, then writers, then readers.
    pub ibuf_refused: u32,
    /// Clients of VMEM that were refused, likewise.
    pub vmem_refused: u32,
}

impl Sample {
    /// Connects a model to the signals.
    pub fn open(model: &mut Model) -> Result<(), Error> {
        match SIGNALS.iter().find(|signal| !model.probe(signal.scope, signal.name)) {
            None => Ok(()),
            Some(Signal { scope, name, .. }) => {
                Err(Error::Probe { signal: format!("{scope}.{name}") })
            }
        }
    }

    /// Takes the signals apart; `None` before [`Sample::open`].
    pub fn read(samples: &[[u8; PROBE_BYTES]]) -> Option<Sample> {
        let signals: &[[u8; PROBE_BYTES]; SIGNALS.len()] = samples.try_into().ok()?;
        let [running, activity, in_flight, queued, wait_mask, retires, positive, ..] =
            signals.map(u128::from_le_bytes);
        let [.., fenced, full, engine, active, weights, residual, slot, at_run, ibuf, vmem] =
            signals.map(u128::from_le_bytes);
        let mut engines = [EngineSample::default(); ENGINES];
        for (index, sample) in engines.iter_mut().enumerate() {
            *sample = EngineSample {
                activity: (activity >> (4 * index) & 15) as u8,
                in_flight: (in_flight >> (4 * index) & 15) as u8,
                queued: (queued >> (16 * index)) as u16,
                wait_mask: (wait_mask >> (16 * index)) as u16,
                retires: retires >> index & 1 != 0,
            };
        }
        Some(Sample {
            running: running != 0,
            engines,
            positive: positive as u16,
            fenced: fenced != 0,
            full: (full != 0).then_some(engine as u8),
            active: active != 0,
            wait_weights: weights != 0,
            wait_residual: residual != 0,
            wait_slot: slot != 0,
            gemm_at_run: at_run != 0,
            ibuf_refused: ibuf as u32,
            vmem_refused: vmem as u32,
        })
    }
}

/// Somebody who looks at every cycle.
pub type Watcher = Box<dyn FnMut(&Sample) + Send>;

/// The watcher of a session, if it has one.
#[derive(Default)]
pub struct Watch(pub Option<Watcher>);

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "watched" } else { "unwatched" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_taken_apart() {
        let mut signals = [[0; PROBE_BYTES]; SIGNALS.len()];
        let mut put = |name: &str, value: u128| {
            let at = SIGNALS.iter().position(|signal| signal.name == name).unwrap();
            signals[at] = value.to_le_bytes();
        };
        put("running", 1);
        put("engine_activity", 0x4_8421);
        put("engine_in_flight", 0x0_0a30);
        put("engine_wait_mask", 0x8001 << 64 | 5 << 16);
        put("retire_valid", 0b1_0010);
        put("decoder_queue_full", 1);
        put("decoder_engine", 3);
        put("bubble_other", 1);
        let sample = Sample::read(&signals).unwrap();
        assert!(sample.running && sample.wait_slot && !sample.active && !sample.fenced);
        let activity: Vec<u8> = sample.engines.iter().map(|engine| engine.activity).collect();
        assert_eq!(activity, [1, 2, 4, 8, 4]);
        assert_eq!((sample.engines[1].in_flight, sample.engines[2].in_flight), (3, 10));
        assert_eq!((sample.engines[1].wait_mask, sample.engines[4].wait_mask), (5, 0x8001));
        assert!(sample.engines[1].retires && sample.engines[4].retires);
        assert_eq!(sample.full, Some(3));
        assert_eq!(Sample::read(&signals[1..]), None);
    }
}
