//! How a machine could be spread over the super logic regions of a device, each of which has to
//! have room for its part. Owns the distribution; what units take is [`crate::rtl::resources`]'.

use super::budget::{self, AROUND, LIMIT_PERCENT, Share};
use super::rtl::ClOptions;
use super::target::{Capacity, Target};
use crate::design::Design;
use crate::rtl::resources::{self, Resources};

/// A super logic region, from the lowest.
#[derive(Debug, Clone)]
pub struct Region {
    /// Its name.
    pub name: &'static str,
    capacity: Capacity,
    used: Resources,
    /// Units there, and into how many regions each is divided.
    units: Vec<(&'static str, usize)>,
}

impl Region {
    /// What is taken of it.
    pub fn shares(&self) -> [Share; 6] {
        budget::compare(&self.used, &self.capacity, Some(self.name))
    }

    /// What stands in it, in words.
    pub fn units(&self) -> Vec<String> {
        let word = |(name, parts): &(&str, usize)| match parts {
            1 => (*name).to_owned(),
            _ => format!("1/{parts} of {name}"),
        };
        self.units.iter().map(word).collect()
    }

    /// The highest share with more in it, in per cent.
    fn percent_with(&self, more: Resources) -> u64 {
        let with = Region { used: self.used.plus(more), ..self.clone() };
        with.shares().iter().map(Share::percent).max().unwrap_or(0)
    }

    fn take(&mut self, name: &'static str, parts: usize, more: Resources) {
        self.used = self.used.plus(more);
        self.units.push((name, parts));
    }
}

/// Units that cannot be divided: they have one of everything.
const WHOLE: [&str; 4] = ["npu_csr", "npu_frontend", "npu_load", "npu_store"];

/// Spreads a design: what stands around the machine goes where the shell's buses are; then the
/// units, largest first, each to where most is left, in as few parts as stay below the limit.
pub fn plan(design: &Design, target: Target, options: ClOptions) -> Vec<Region> {
    let facts = target.facts();
    let mut regions: Vec<Region> = target
        .regions()
        .into_iter()
        .map(|(name, capacity)| Region {
            name,
            capacity,
            used: Resources::default(),
            units: Vec::new(),
        })
        .collect();
    if let Some(region) = regions.get_mut(facts.host_region) {
        region.take("the custom logic around the machine", 1, AROUND);
    }
    // The HBM lies below the lowest region.
    if let (Some(region), Some(_)) = (regions.first_mut(), options.hbm_ports(target)) {
        region.take("the bridge to the HBM", 1, budget::bridge(target, options));
    }
    let mut units = resources::estimate(design);
    // Regions differ little: the first tells which units are large.
    let empty = regions.first().cloned();
    let weight = |of: Resources| empty.as_ref().map_or(0, |region| region.percent_with(of));
    units.sort_by_key(|unit| std::cmp::Reverse(weight(unit.resources)));
    for unit in units.iter().filter(|unit| unit.resources != Resources::default()) {
        place(&mut regions, unit);
    }
    regions
}

fn place(regions: &mut [Region], unit: &resources::Unit) {
    let most = if WHOLE.contains(&unit.module) { 1 } else { regions.len() };
    for parts in 1..=most {
        let part = unit.resources.part(parts);
        let mut order: Vec<usize> = (0..regions.len()).collect();
        order.sort_by_key(|&index| regions.get(index).map(|region| region.percent_with(part)));
        let fits = |index: &&usize| {
            regions.get(**index).is_some_and(|region| region.percent_with(part) <= LIMIT_PERCENT)
        };
        // What fits nowhere is divided as far as it goes, for the table to show it.
        if order.iter().take(parts).filter(fits).count() < parts && parts < most {
            continue;
        }
        for index in order.into_iter().take(parts) {
            if let Some(region) = regions.get_mut(index) {
                region.take(unit.module, parts, part);
            }
        }
        return;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing is lost by dividing, and no region of the cards' own machines is beyond the limit.
    #[test]
    fn a_plan_holds_the_whole_machine() {
        let all = [(Target::AwsF1, "c"), (Target::AwsF2, "ddr"), (Target::AwsF2, "hbm32")];
        for (target, memory) in all {
            let options = ClOptions::new(target, Some(memory)).unwrap();
            let design = Design::preset(&target.facts().name.replace('-', "_")).unwrap();
            let regions = plan(&design, target, options);
            for region in &regions {
                for share in region.shares() {
                    assert!(share.percent() <= LIMIT_PERCENT, "{share:?}");
                }
            }
            let sums = budget::shares(&design, target, options);
            for (index, whole) in sums.iter().enumerate() {
                let parts: u64 = regions.iter().map(|region| region.shares()[index].used).sum();
                assert!(parts >= whole.used && parts <= whole.used + 100, "{whole:?}: {parts}");
            }
        }
    }

    /// A unit goes whole where it fits, in parts where it must, and shows where it never fits.
    #[test]
    fn units_are_divided_only_when_they_must() {
        let region = |(name, capacity)| Region {
            name,
            capacity,
            used: Resources::default(),
            units: Vec::new(),
        };
        let unit = |module, dsp| resources::Unit {
            module,
            resources: Resources { dsp, ..Resources::default() },
        };
        let shares = |unit: &resources::Unit| -> Vec<(usize, u64)> {
            let mut regions: Vec<Region> = Target::AwsF1.regions().map(region).into();
            place(&mut regions, unit);
            regions
                .iter()
                .map(|region| (region.units.len(), region.shares()[3].percent()))
                .collect()
        };
        // 1680, 1680 and 2280 slices.
        assert_eq!(shares(&unit("npu_array", 1000)), [(0, 0), (0, 0), (1, 44)]);
        assert_eq!(shares(&unit("npu_array", 2600)), [(1, 78), (0, 0), (1, 58)]);
        assert_eq!(shares(&unit("npu_array", 3900)), [(1, 78), (1, 78), (1, 58)]);
        assert_eq!(shares(&unit("npu_load", 2000)), [(0, 0), (0, 0), (1, 88)]);
        assert_eq!(shares(&unit("npu_array", 4200)), [(1, 84), (1, 84), (1, 62)]);
    }

    #[test]
    fn regions_are_what_the_shell_leaves() {
        for target in Target::ALL {
            let regions = target.regions();
            let sum: u64 = regions.iter().map(|(_, capacity)| capacity.dsp).sum();
            assert!(sum <= target.facts().capacity.dsp && sum + 3 > target.facts().capacity.dsp);
        }
    }
}
