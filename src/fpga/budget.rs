//! What a design is estimated to take of what a shell leaves: known before synthesis.

use std::fmt::Write as _;

use super::target::Target;
use crate::design::Design;
use crate::rtl::resources;

/// Share of a resource, in per cent, beyond which placement is not to be expected to succeed.
pub const LIMIT_PERCENT: u64 = 80;

/// One resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Its name.
    pub resource: &'static str,
    /// Estimate for the machine and the custom logic around it.
    pub used: u64,
    /// What the shell leaves.
    pub capacity: u64,
    /// Keys of the configuration that lower it.
    pub keys: &'static str,
}

impl Share {
    /// Rounded up.
    pub fn percent(&self) -> u64 {
        (100 * self.used).div_ceil(self.capacity)
    }
}

/// What stands around the machine, as `scripts/measure_custom_logic.py` counts it for F2; F1 has no
/// DMA engine and takes less. The shell's DRAM controller is not in it: AWS publishes no figures.
const AROUND: resources::Resources =
    resources::Resources { dsp: 0, lut: 10_008, lut_memory: 552, ff: 11_743, ram18: 15, uram: 0 };

/// All resources of a design on a target.
pub fn shares(design: &Design, target: Target) -> Vec<Share> {
    let capacity = target.facts().capacity;
    let units = resources::estimate(design);
    let sum = |part: fn(&resources::Resources) -> usize| {
        let machine: usize = units.iter().map(|unit| part(&unit.resources)).sum();
        (machine + part(&AROUND)) as u64
    };
    let share = |resource, used, capacity, keys| Share { resource, used, capacity, keys };
    let array = "`array.rows`, `array.cols`, `vector.lanes`";
    let memory = "`buffers.ibuf.size`, `buffers.wbuf.size`, `buffers.vmem.size`";
    vec![
        share("LUT", sum(|r| r.lut + r.lut_memory), capacity.lut, array),
        share("LUT as memory", sum(|r| r.lut_memory), capacity.lut_memory, array),
        share("FF", sum(|r| r.ff), capacity.ff, array),
        share("DSP48E2", sum(|r| r.dsp), capacity.dsp, array),
        share("URAM", sum(|r| r.uram), capacity.uram, memory),
        share("RAM36", sum(|r| r.ram18).div_ceil(2), capacity.bram36, memory),
    ]
}

/// Resources of which a design takes more than the limit.
pub fn excess(design: &Design, target: Target) -> Vec<Share> {
    let mut found = shares(design, target);
    found.retain(|share| share.percent() > LIMIT_PERCENT);
    found
}

/// The table, for the kit's page of resources.
pub fn page(design: &Design, target: Target) -> String {
    let mut page = format!(
        "\n## Of {}\n\nThe estimate of the machine and the custom logic around it, without the DRAM controller, against what the shell leaves. More than {LIMIT_PERCENT} % is refused: placement is not to be expected to succeed.\n\n\
         | resource | estimate | there is | share | to lower it |\n|---|---:|---:|---:|---|\n",
        target.facts().title
    );
    for share in shares(design, target) {
        let Share { resource, used, capacity, keys } = share;
        let _ =
            writeln!(page, "| {resource} | {used} | {capacity} | {} % | {keys} |", share.percent());
    }
    page
}
