//! Makes a failing case smaller.

use super::case::{Case, Launch};
use crate::isa::levels::unit;
use crate::isa::levels::vector::LOOPS;
use crate::isa::table::{gemm, store, vector};
use crate::isa::{Engine, Field};

/// Drops launches, then loops and flags of the remaining ones, while `fails` holds; `fails` is asked
/// at most `budget` times. Returns the smallest failing case found.
pub fn shrink(case: &Case, budget: usize, mut fails: impl FnMut(&Case) -> bool) -> Case {
    let mut best = case.clone();
    let mut left = budget;
    let mut ask = |candidate: &Case| {
        if left == 0 || !candidate.is_sound() {
            return false;
        }
        left -= 1;
        fails(candidate)
    };
    drop_launches(&mut best, &mut ask);
    for index in 0..best.launches.len() {
        for change in changes(best.launches.get(index)) {
            let mut candidate = best.clone();
            if let Some(launch) = candidate.launches.get_mut(index)
                && change.apply(launch)
                && ask(&candidate)
            {
                best = candidate;
            }
        }
    }
    best
}

/// Half of the launches first, then quarters, down to single ones.
fn drop_launches(best: &mut Case, ask: &mut impl FnMut(&Case) -> bool) {
    let mut chunk = best.launches.len().div_ceil(2);
    while chunk > 0 {
        let before = best.launches.len();
        let mut start = 0;
        while start < best.launches.len() {
            let end = start + chunk;
            let mut candidate = best.clone();
            let mut index = 0;
            candidate.launches.retain(|launch| {
                index += 1;
                launch.frame || index <= start || index > end
            });
            let smaller = candidate.launches.len() < best.launches.len();
            if smaller && ask(&candidate) {
                *best = candidate;
            } else {
                start = end;
            }
        }
        // What an earlier launch was needed for may be gone by now.
        if chunk > 1 || best.launches.len() == before {
            chunk /= 2;
        }
    }
}

/// Something that makes a launch touch a part of what it touched, and nothing else.
enum Change {
    /// A loop of one iteration.
    Once(Field),
    /// A flag left out.
    Without(Field),
}

impl Change {
    /// Whether the launch changed.
    fn apply(&self, launch: &mut Launch) -> bool {
        match self {
            Change::Once(count) => {
                let longer = |(field, value): &(Field, i64)| field == count && *value > 1;
                let found = launch.values.iter_mut().find(|entry| longer(entry));
                found.is_some_and(|entry| {
                    entry.1 = 1;
                    true
                })
            }
            Change::Without(flag) => {
                let before = launch.flags.len();
                launch.flags.retain(|(field, _)| field != flag);
                launch.flags.len() < before
            }
        }
    }
}

fn changes(launch: Option<&Launch>) -> Vec<Change> {
    let Some(launch) = launch.filter(|launch| !launch.frame) else { return Vec::new() };
    match launch.call.engine {
        Engine::Gemm => vec![
            Change::Once(gemm::n::COUNT),
            Change::Once(gemm::kh::COUNT),
            Change::Once(gemm::kw::COUNT),
            Change::Once(gemm::kc::COUNT),
            Change::Once(gemm::oh::COUNT),
            Change::Once(gemm::ow::COUNT),
            Change::Without(gemm::RESIDUAL),
            Change::Without(gemm::LOOKUP),
        ],
        Engine::Vector => {
            // The innermost loop walks the taps of a window or the rows of a tile.
            let whole = launch.call.function == vector::Function::Depthwise.number()
                || launch.flags.iter().any(|&(flag, value)| flag == vector::DST && value > 1);
            let mut changes: Vec<Change> = LOOPS
                .iter()
                .skip(usize::from(whole))
                .map(|&(count, _)| Change::Once(count))
                .collect();
            changes.push(Change::Without(vector::RESIDUAL));
            changes.push(Change::Without(vector::LOOKUP));
            changes.push(Change::Without(vector::CHANNEL));
            changes
        }
        Engine::Store => vec![
            Change::Once(store::loop3::COUNT),
            Change::Once(store::loop2::COUNT),
            Change::Once(store::loop1::COUNT),
            Change::Once(store::loop0::COUNT),
        ],
        Engine::Unit => unit::LOOPS.iter().map(|&(count, _)| Change::Once(count)).collect(),
        // Parts of a load may leave half a parameter.
        Engine::Load | Engine::Ctrl => Vec::new(),
    }
}
