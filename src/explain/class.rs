//! Where a cycle can go, as the array sees it.

/// What a cycle of a run was spent on. Every cycle is of exactly one class; docs/explain.md has the
/// rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The array works, as far as its rows and columns do useful work.
    Useful,
    /// The array works, but rows, columns or whole passes do nothing useful.
    Shape,
    /// The next vector waits: passes of fewer than four vectors, or the output port.
    Gap,
    /// The next pass waits for its weight tile.
    Weights,
    /// The next vector waits for its residual vector.
    Residual,
    /// The same, because the read of the residual vector lost to another one.
    Bank,
    /// The next launch has begun but issues nothing yet, or waits for results of earlier ones.
    Fill,
    /// Everything waits for LOAD.
    Dram,
    /// Everything waits for VECTOR or UNIT.
    Vector,
    /// Everything waits for STORE.
    Store,
    /// Instructions are not there.
    Issue,
    /// The program has begun, but no launch has.
    Start,
    /// Nothing is left to compute.
    End,
}

/// Number of classes.
pub const CLASSES: usize = Class::ALL.len();

/// Cycles of each class, by [`Class::index`].
pub type Cycles = [u64; CLASSES];

impl Class {
    /// Every class, in the order of reports.
    pub const ALL: [Class; 13] = [
        Class::Useful,
        Class::Shape,
        Class::Gap,
        Class::Weights,
        Class::Residual,
        Class::Bank,
        Class::Fill,
        Class::Dram,
        Class::Vector,
        Class::Store,
        Class::Issue,
        Class::Start,
        Class::End,
    ];

    /// Position in [`Class::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Useful => "useful",
            Class::Shape => "shape",
            Class::Gap => "gap",
            Class::Weights => "weights",
            Class::Residual => "residual",
            Class::Bank => "bank",
            Class::Fill => "fill",
            Class::Dram => "dram",
            Class::Vector => "vector",
            Class::Store => "store",
            Class::Issue => "issue",
            Class::Start => "start",
            Class::End => "end",
        }
    }

    /// What it stands for, in a line.
    pub const fn meaning(self) -> &'static str {
        match self {
            Class::Useful => "the array works: useful multiply-accumulates / cells",
            Class::Shape => "the array works, but rows, columns or passes have nothing useful",
            Class::Gap => "passes of fewer than 4 vectors, or results wider than a word",
            Class::Weights => "a pass waits until its weight tile is in the shadow weights",
            Class::Residual => "a vector waits for the map to be added",
            Class::Bank => "the same, because its read lost to a read of the same bank",
            Class::Fill => {
                "pipelines of array and post-processor fill, drain or wait for themselves"
            }
            Class::Dram => "GEMM waits for LOAD, which waits for DRAM or transfers",
            Class::Vector => "GEMM waits for the lanes, or has nothing left to do while they work",
            Class::Store => "GEMM waits for STORE",
            Class::Issue => "no instruction: fetch, decoder, registers being set",
            Class::Start => "from the start to the first launch",
            Class::End => "from the last computation to the end: results are stored",
        }
    }

    /// What would make it less; `None` where there is nothing to gain.
    pub const fn remedy(self) -> Option<&'static str> {
        match self {
            Class::Useful => None,
            Class::Shape => Some(
                "choose `array.rows` and `array.cols` that divide the channels, or gather the \
                 window of a first layer",
            ),
            Class::Gap => Some(
                "give a pass more vectors (larger maps, a batch), and do not make `array.cols` \
                 larger than `array.rows`",
            ),
            Class::Weights => Some(
                "give a pass at least as many vectors as `array.rows` of a segment (larger maps, a \
                 batch), or make the array smaller",
            ),
            Class::Residual => Some("let the map to be added be complete earlier"),
            Class::Bank => Some("raise `buffers.ibuf.banks`"),
            Class::Fill => Some(
                "make launches longer (raise `buffers.obuf.depth`) and put independent ones between \
                 those that wait for each other",
            ),
            Class::Dram => Some(
                "raise `buffers.wbuf.size` or `buffers.ibuf.size` to load earlier, or \
                 `axi.data_bits` to load faster",
            ),
            Class::Vector => Some("raise `vector.lanes` or `vector.taps`, or fuse the layer"),
            Class::Store => Some("raise `buffers.ibuf.size`, or `axi.data_bits`"),
            Class::Issue => Some("raise `control.queue_depth`, or make launches longer"),
            Class::Start | Class::End => Some("run several inputs behind each other"),
        }
    }
}
