//! The special cases of the machine's description that random programs should meet.

use crate::design::{ComputeUnit, Design};
use crate::isa::table::{gemm, load, store, unit, vector};
use crate::isa::{Call, Engine, Field, Flags, Registers};

/// A launch as the conditions see it.
pub struct View<'a> {
    /// The machine.
    pub design: &'a Design,
    /// What is started.
    pub call: Call,
    /// Its registers.
    pub registers: Registers,
    /// Its flags.
    pub flags: Flags,
}

impl View<'_> {
    fn get(&self, field: Field) -> i64 {
        if field.engine == self.call.engine { self.registers.get(field) } else { field.reset }
    }

    fn is(&self, flag: Field) -> bool {
        flag.engine == self.call.engine && self.flags.has(flag)
    }

    fn flag(&self, flag: Field) -> i64 {
        if flag.engine == self.call.engine { self.flags.get(flag) } else { 0 }
    }

    fn of(&self, call: impl Into<Call>) -> bool {
        self.call == call.into()
    }

    fn engine(&self, engine: Engine) -> bool {
        self.call.engine == engine
    }

    /// Whether a launch of LOAD fills words with less than they hold.
    fn padded(&self) -> bool {
        let design = self.design;
        let word = match load::Function::from_number(self.call.function) {
            Some(load::Function::Ibuf) => design.ibuf().word_bytes,
            Some(load::Function::Wbuf) => design.wbuf().word_bytes,
            Some(load::Function::Pbuf) => 8 * design.cols(),
            Some(load::Function::Vmem) => 4 * design.lanes(),
            _ => 4,
        };
        self.get(load::shape::GROUP_BYTES) % size(word) != 0
    }

    fn passes(&self) -> i64 {
        self.get(gemm::kh::COUNT) * self.get(gemm::kw::COUNT) * self.get(gemm::kc::COUNT)
    }

    /// Whether a launch of GEMM takes weights from both ends of the ring.
    fn weights_wrap(&self) -> bool {
        let step = size(self.design.segment_rows());
        let words = self.passes() * self.get(gemm::n::COUNT) * step;
        let ring = size(self.design.wbuf().words);
        let first = self.get(gemm::w::ADDR) % ring;
        self.engine(Engine::Gemm) && first + words > ring
    }

    /// Whether GEMM's tensors have several blocks of channels in a word.
    fn parts(&self) -> bool {
        self.design.rows() > self.design.cols()
    }

    fn reduction(&self) -> bool {
        self.engine(Engine::Vector)
            && self.flag(vector::REDUCE) > 0
            && !self.of(vector::Function::Depthwise)
    }

    fn interleaved(&self) -> bool {
        self.reduction() && self.get(vector::reduction::INTERLEAVE) == 1
    }

    fn across(&self) -> bool {
        self.reduction() && self.get(vector::reduction::ACROSS) == 1
    }

    fn gives_float(&self) -> bool {
        self.engine(Engine::Vector)
            && vector::Function::from_number(self.call.function)
                .is_some_and(vector::Function::gives_float)
    }

    fn unit(&self) -> Option<&ComputeUnit> {
        self.design.units().get(self.call.unit()?)
    }

    /// Whether the function unit takes its argument in this way.
    fn mode(&self, mode: i64) -> bool {
        self.of(vector::Function::Function) && self.get(vector::function::MODE) == mode
    }
}

fn size(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Name and condition.
pub type Feature = (&'static str, fn(&View<'_>) -> bool);

/// All special cases.
pub const FEATURES: &[Feature] = &[
    ("load: runs that overlap (lowering)", |v| {
        v.engine(Engine::Load)
            && v.get(load::loop0::COUNT) > 1
            && v.get(load::loop0::STRIDE).abs() < v.get(load::shape::RUN_BYTES)
    }),
    ("load: gather of runs over three loops", |v| {
        v.get(load::loop0::COUNT) > 1
            && v.get(load::loop1::COUNT) > 1
            && v.get(load::loop2::COUNT) > 1
    }),
    ("load: groups padded to words", |v| v.engine(Engine::Load) && v.padded()),
    ("load: several groups in a run", |v| {
        v.engine(Engine::Load) && v.get(load::shape::GROUP_BYTES) < v.get(load::shape::RUN_BYTES)
    }),
    ("load: several runs in a group", |v| {
        v.engine(Engine::Load) && v.get(load::shape::GROUP_BYTES) > v.get(load::shape::RUN_BYTES)
    }),
    ("load: clip, y before the picture", |v| v.is(load::CLIP) && v.get(load::clip_y::START) < 0),
    ("load: clip, x before the picture", |v| v.is(load::CLIP) && v.get(load::clip_x::START) < 0),
    ("load: clip, nothing of the picture left", |v| {
        v.is(load::CLIP) && v.get(load::clip_y::LIMIT) == 0
    }),
    ("load: runs longer than a burst", |v| {
        let axi = v.design.axi();
        v.get(load::shape::RUN_BYTES) > size(axi.max_burst_beats * axi.beat_bytes())
    }),
    ("load: weights over the end of the ring", |v| {
        let words = v.get(load::shape::RUN_BYTES) * v.get(load::loop0::COUNT)
            / size(v.design.wbuf().word_bytes);
        v.of(load::Function::Wbuf)
            && v.get(load::dst::ADDR) % size(v.design.wbuf().words) + words
                > size(v.design.wbuf().words)
    }),
    ("gemm: window before the map", |v| v.get(gemm::window_y::START) < 0),
    ("gemm: strided window", |v| v.get(gemm::window_x::STEP_OW) > 1),
    ("gemm: dilated window", |v| v.get(gemm::window_x::STEP_KW) > 1),
    ("gemm: reduction over kernel and channels", |v| {
        v.get(gemm::kh::COUNT) > 1 && v.get(gemm::kw::COUNT) > 1 && v.get(gemm::kc::COUNT) > 1
    }),
    ("gemm: several blocks of output channels", |v| v.get(gemm::n::COUNT) > 1),
    ("gemm: first channel inside a word", |v| v.get(gemm::out::FIRST) > 0),
    ("gemm: residual from inside a word", |v| v.get(gemm::res::FIRST) > 0),
    ("gemm: blocks beyond the first word", |v| {
        v.parts()
            && v.get(gemm::out::FIRST) + v.get(gemm::n::COUNT) * size(v.design.cols())
                > size(v.design.rows())
    }),
    ("gemm: vector wider than a word", |v| {
        v.engine(Engine::Gemm) && v.design.cols() > v.design.rows()
    }),
    ("gemm: accumulate", |v| v.is(gemm::ACCUMULATE)),
    ("gemm: accumulate and keep", |v| v.is(gemm::ACCUMULATE) && v.is(gemm::KEEP)),
    ("gemm: accumulate, then residual and lookup", |v| {
        v.is(gemm::ACCUMULATE) && v.is(gemm::RESIDUAL) && v.is(gemm::LOOKUP)
    }),
    ("gemm: residual", |v| v.is(gemm::RESIDUAL)),
    ("gemm: lookup", |v| v.is(gemm::LOOKUP)),
    ("gemm: residual and lookup, several blocks", |v| {
        v.is(gemm::RESIDUAL) && v.is(gemm::LOOKUP) && v.get(gemm::n::COUNT) > 1
    }),
    ("gemm: weights over the end of the ring", |v| v.weights_wrap()),
    ("gemm: one vector, one pass", |v| {
        v.engine(Engine::Gemm)
            && v.get(gemm::ow::COUNT) * v.get(gemm::oh::COUNT) == 1
            && v.passes() == 1
    }),
    ("gemm: fewer vectors than rows of a tile, many passes", |v| {
        v.get(gemm::ow::COUNT) * v.get(gemm::oh::COUNT) < size(v.design.segment_rows())
            && v.passes() > 3
    }),
    ("gemm: packed cells", |v| v.engine(Engine::Gemm) && v.design.packed()),
    ("gemm: several segments", |v| v.engine(Engine::Gemm) && v.design.segments() > 1),
    ("vector: both operands from IBUF", |v| {
        v.engine(Engine::Vector) && !v.is(vector::SRC1) && v.flag(vector::SRC2) == 1
    }),
    ("vector: both operands from VMEM", |v| v.is(vector::SRC1) && v.flag(vector::SRC2) == 2),
    ("vector: wide to activations", |v| v.is(vector::SRC1) && v.flag(vector::DST) == 0),
    ("vector: activations to wide", |v| !v.is(vector::SRC1) && v.flag(vector::DST) == 1),
    ("vector: sum over one loop", |v| {
        v.reduction() && v.flag(vector::REDUCE) == 1 && v.flag(vector::LEVELS) == 0
    }),
    ("vector: maximum over two loops", |v| {
        v.reduction() && v.flag(vector::REDUCE) == 2 && v.flag(vector::LEVELS) == 1
    }),
    ("vector: minimum over three loops", |v| {
        v.reduction() && v.flag(vector::REDUCE) == 3 && v.flag(vector::LEVELS) == 2
    }),
    ("vector: sum over four loops", |v| {
        v.reduction() && v.flag(vector::REDUCE) == 1 && v.flag(vector::LEVELS) == 3
    }),
    ("vector: reduction of several words to several", |v| {
        v.reduction()
            && v.flag(vector::LEVELS) == 0
            && v.get(vector::loop0::COUNT) > 1
            && v.get(vector::loop1::COUNT) > 1
    }),
    ("vector: reduction with a residual", |v| v.reduction() && v.is(vector::RESIDUAL)),
    ("vector: window before the map", |v| v.get(vector::window_y::START) < 0),
    ("vector: parameters per channel, several", |v| {
        v.is(vector::CHANNEL) && v.get(vector::loop5::COUNT) > 1
    }),
    ("vector: residual", |v| v.is(vector::RESIDUAL)),
    ("vector: lookup", |v| v.is(vector::LOOKUP)),
    ("vector: tile by rows", |v| v.flag(vector::DST) == 2),
    ("vector: tile by columns (transposer)", |v| v.flag(vector::DST) == 3),
    ("vector: several tiles by columns", |v| {
        v.flag(vector::DST) == 3 && v.get(vector::loop1::COUNT) > 1
    }),
    ("vector: fewer lanes than rows", |v| {
        v.engine(Engine::Vector) && v.design.lanes() < v.design.rows()
    }),
    ("vector: interleaved sum of binary32", |v| {
        v.interleaved() && v.flag(vector::REDUCE) == 1 && v.gives_float()
    }),
    ("vector: interleaved maximum of integers", |v| {
        v.interleaved() && v.flag(vector::REDUCE) == 2 && !v.gives_float()
    }),
    ("vector: interleaved over a short loop0, several sweeps", |v| {
        v.interleaved()
            && v.get(vector::loop0::COUNT) < 4
            && v.get(vector::loop1::COUNT) > 1
            && v.flag(vector::LEVELS) > 0
    }),
    ("vector: sum of binary32 across lanes", |v| {
        v.across() && v.flag(vector::REDUCE) == 1 && v.gives_float()
    }),
    ("vector: minimum of binary32 across lanes", |v| {
        v.across() && v.flag(vector::REDUCE) == 3 && v.gives_float()
    }),
    ("vector: sum of integers across lanes", |v| {
        v.across() && v.flag(vector::REDUCE) == 1 && !v.gives_float()
    }),
    ("vector: binary32 to activations", |v| v.gives_float() && v.flag(vector::FORMAT) == 0),
    ("vector: binary32 with parameters per channel", |v| v.gives_float() && v.is(vector::CHANNEL)),
    ("vector: binary32 with a residual", |v| v.gives_float() && v.is(vector::RESIDUAL)),
    ("vector: custom operation", |v| v.call.custom().is_some()),
    ("unit: two operands", |v| v.unit().is_some_and(|unit| unit.second)),
    ("unit: several outputs", |v| v.unit().is_some_and(|unit| unit.outputs.len() > 1)),
    ("unit: every element a group", |v| v.unit().is_some() && v.flag(unit::GROUP) == 0),
    ("unit: groups of three loops", |v| v.unit().is_some() && v.flag(unit::GROUP) == 3),
    ("unit: spread lanes of activations", |v| {
        v.unit().is_some() && v.is(unit::SPREAD) && v.flag(unit::SRC1) == 0
    }),
    ("unit: wide to activations", |v| {
        v.unit().is_some() && v.flag(unit::SRC1) == 1 && v.flag(unit::DST) == 0
    }),
    ("function: period", |v| v.mode(0)),
    ("function: mantissa", |v| v.mode(1)),
    ("function: reciprocal", |v| v.mode(2)),
    ("function: root", |v| v.mode(3)),
    ("function: octaves", |v| v.mode(4)),
    ("function: segments that do not exist", |v| {
        v.of(vector::Function::Function)
            && v.get(vector::function::BASE) >= size(v.design.function_segments())
    }),
    ("depthwise: stride", |v| v.of(vector::Function::Depthwise) && v.get(vector::taps::STRIDE) > 1),
    ("depthwise: several segments and rows", |v| {
        v.of(vector::Function::Depthwise)
            && v.get(vector::loop1::COUNT) > 1
            && v.get(vector::loop2::COUNT) > 1
    }),
    ("depthwise: padding", |v| {
        v.of(vector::Function::Depthwise) && v.get(vector::window_x::START) < 0
    }),
    ("depthwise: parameters per channel", |v| {
        v.of(vector::Function::Depthwise) && v.is(vector::CHANNEL)
    }),
    ("depthwise: row as long as the accumulators", |v| {
        let taps = size(v.design.taps());
        v.of(vector::Function::Depthwise)
            && (v.get(vector::loop0::COUNT) - taps) / v.get(vector::taps::STRIDE).max(1) + 1
                == size(v.design.acc_depth())
    }),
    ("depthwise: one tap", |v| v.of(vector::Function::Depthwise) && v.design.taps() == 1),
    ("store: rest of a group dropped", |v| {
        v.engine(Engine::Store)
            && v.get(store::shape::GROUP_BYTES) % size(v.design.ibuf().word_bytes) != 0
    }),
    ("store: several groups in a run", |v| {
        v.engine(Engine::Store) && v.get(store::shape::GROUP_BYTES) < v.get(store::shape::RUN_BYTES)
    }),
    ("store: scatter over three loops", |v| {
        v.get(store::loop0::COUNT) > 1
            && v.get(store::loop1::COUNT) > 1
            && v.get(store::loop2::COUNT) > 1
    }),
];
