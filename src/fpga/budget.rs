//! What a design is estimated to take of what a shell leaves: known before synthesis.

use std::fmt::Write as _;

use super::floorplan::{self, Region};
use super::rtl::ClOptions;
use super::target::{Capacity, Target};
use crate::design::Design;
use crate::rtl::resources::{self, ERROR_PERCENT, Resources};

/// Share of a resource, in per cent, beyond which placement is not to be expected to succeed.
pub const LIMIT_PERCENT: u64 = 80;

/// One resource, of the whole device or of a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Its name.
    pub resource: &'static str,
    /// The part of the device; none for the whole.
    pub region: Option<&'static str>,
    /// Estimate for what stands there.
    pub used: u64,
    /// What the shell leaves.
    pub capacity: u64,
    /// Keys of the configuration that lower it.
    pub keys: &'static str,
}

impl Share {
    /// Rounded up.
    pub fn percent(&self) -> u64 {
        (100 * self.used).div_ceil(self.capacity.max(1))
    }
}

/// What stands around the machine, as `scripts/measure_custom_logic.py` counts it for F2; F1 has no
/// DMA engine and takes less. The shell's DRAM controller is not in it: AWS publishes no figures.
pub const AROUND: Resources =
    Resources { dsp: 0, lut: 10_008, lut_memory: 552, ff: 11_743, ram18: 15, uram: 0 };

/// The bridge to the HBM, which stands between it and the machine: fitted to what
/// `scripts/measure_custom_logic.py aws-f2 hbm2` (and `hbm8`, `hbm32`) counts, within 3 %.
pub fn bridge(target: Target, options: ClOptions) -> Resources {
    let Some(ports) = options.hbm_ports(target) else { return Resources::default() };
    let ports = ports as usize;
    Resources {
        lut: 688 + 716 * ports,
        lut_memory: 32 + 632 * ports,
        ff: 1203 + 438 * ports,
        ..Resources::default()
    }
}

/// The shares that resources have of a capacity.
pub fn compare(used: &Resources, capacity: &Capacity, region: Option<&'static str>) -> [Share; 6] {
    let share = |resource, used: usize, capacity, keys| Share {
        resource,
        region,
        used: used as u64,
        capacity,
        keys,
    };
    let array = "`array.rows`, `array.cols`, `vector.lanes`";
    let memory = "`buffers.ibuf.size`, `buffers.wbuf.size`, `buffers.vmem.size`";
    [
        share("LUT", used.lut + used.lut_memory, capacity.lut, array),
        share("LUT as memory", used.lut_memory, capacity.lut_memory, array),
        share("FF", used.ff, capacity.ff, array),
        share("DSP48E2", used.dsp, capacity.dsp, array),
        share("URAM", used.uram, capacity.uram, memory),
        share("RAM36", used.ram18.div_ceil(2), capacity.bram36, memory),
    ]
}

/// All resources of a design on a target.
pub fn shares(design: &Design, target: Target, options: ClOptions) -> [Share; 6] {
    let units = resources::estimate(design);
    let fixed = AROUND.plus(bridge(target, options));
    let sum = units.iter().fold(fixed, |sum, unit| sum.plus(unit.resources));
    compare(&sum, &target.facts().capacity, None)
}

/// Resources of which a design takes more than the limit: of the device, or where the device has
/// room enough, of a region.
pub fn excess(design: &Design, target: Target, options: ClOptions) -> Vec<Share> {
    let beyond = |share: &Share| share.percent() > LIMIT_PERCENT;
    let found: Vec<Share> = shares(design, target, options).into_iter().filter(beyond).collect();
    if !found.is_empty() {
        return found;
    }
    floorplan::plan(design, target, options)
        .iter()
        .flat_map(Region::shares)
        .filter(beyond)
        .collect()
}

/// The tables, for the kit's page of resources.
pub fn page(design: &Design, target: Target, options: ClOptions) -> String {
    let Resources { lut, lut_memory, ff, ram18, .. } = ERROR_PERCENT;
    let mut page = format!(
        "\n## Of {}\n\n\
         The estimate of the machine and the custom logic around it, without the DRAM controller, against what the shell leaves. More than {LIMIT_PERCENT} % is refused: placement is not to be expected to succeed. \
         Where Yosys has counted, the estimate was within {lut} % of its sums for LUT, {lut_memory} % for LUT as memory, {ff} % for FF, {ram18} % for block RAM, and exact for DSP48E2.\n\n\
         | resource | estimate | there is | share | to lower it |\n|---|---:|---:|---:|---|\n",
        target.facts().title
    );
    for share in shares(design, target, options) {
        let Share { resource, used, capacity, keys, .. } = share;
        let percent = share.percent();
        let _ = writeln!(page, "| {resource} | {used} | {capacity} | {percent} % | {keys} |");
    }
    page.push_str(
        "\n## By super logic region\n\n\
         A distribution of the units in which every region stays below the limit; what is divided consists of like columns, lanes or banks. It shows that there is one: the build leaves the machine to the placer.\n\n\
         | region | LUT | LUT as memory | FF | DSP48E2 | URAM | RAM36 | units |\n|---|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for region in floorplan::plan(design, target, options).iter().rev() {
        let _ = write!(page, "| {} |", region.name);
        for share in region.shares() {
            let _ = write!(page, " {} % |", share.percent());
        }
        let _ = writeln!(page, " {} |", region.units().join(", "));
    }
    page
}
