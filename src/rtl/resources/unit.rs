//! Compute units of the configuration, the engine UNIT: what all units share, and each unit by its
//! expressions. Measured with `scripts/measure_resources.py --top npu_unit` for 4, 8 and 16 lanes
//! and for one and four units; docs/implementation.md has the check.

use super::custom::{logic, pipeline};
use super::{Resources, queue, shallow};
use crate::design::{ComputeUnit, Design};

/// The engine with all its units.
pub(super) fn engine(design: &Design) -> Resources {
    let (units, lanes) = (design.units(), design.lanes());
    let shared = Resources {
        dsp: 0,
        lut: 1418 + 187 * lanes + 23 * lanes * (units.len() - 1),
        lut_memory: 192 + 54 * lanes,
        ff: 1562 + 12 * units.len(),
        ram18: queue(design),
        uram: 0,
    };
    // What the module from outside does on its border is watched.
    let watch = Resources { lut: 32 + 24 * lanes, ff: 20 + 32 * lanes, ..Resources::default() };
    units.iter().fold(shared, |total, unit| {
        let total = total.plus(self::unit(unit, lanes));
        if unit.verilog.is_some() { total.plus(watch) } else { total }
    })
}

/// One unit in so many lanes. A module in the place of the expressions' is taken to have their
/// logic, and registers for states and outputs.
pub fn unit(unit: &ComputeUnit, lanes: usize) -> Resources {
    let (cycles, late) = (unit.state_latency(), unit.late());
    let mut lane = Resources { ff: 32 * unit.states.len(), ..Resources::default() };
    let mut outside = Resources::default();
    if unit.verilog.is_some() {
        let next = unit.states.iter().map(|state| &state.next);
        let values = unit.outputs.iter().map(|output| &output.value);
        lane = next.chain(values).fold(lane, |lane, expr| lane.plus(logic(expr)));
        lane.ff += 32 * unit.outputs.len();
    } else {
        for state in &unit.states {
            let schedule = state.next.schedule_with_late(&late, cycles);
            // Before the first element the state is another value.
            lane = lane.plus(pipeline(&state.next, &schedule, cycles));
            lane.lut += 32 + logic(&state.initial).lut;
        }
        for output in &unit.outputs {
            lane =
                lane.plus(pipeline(&output.value, &output.value.schedule(), unit.output_latency()));
        }
        // The choice of the word that is given.
        lane.lut += 32 * (unit.outputs.len() - 1);
        let groups = (cycles + unit.output_latency()) as usize + 4;
        outside.lut_memory = shallow(groups, unit.outputs.len() * 32 * lanes);
        outside.lut = 31;
        outside.ff = 40;
    }
    Resources {
        dsp: lanes * lane.dsp,
        lut: lanes * lane.lut + outside.lut,
        lut_memory: lanes * lane.lut_memory + outside.lut_memory,
        ff: lanes * lane.ff + outside.ff,
        ram18: lanes * lane.ram18,
        uram: 0,
    }
}
