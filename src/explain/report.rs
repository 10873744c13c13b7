//! Sums over layers, and whether they are what the machine counted.

use indexmap::IndexMap;

use super::class::{Class, Cycles};
use super::plan::{ENGINES, Launch, Plan};
use super::trace::{Activity, Spent, Trace, add};
use crate::design::Design;
use crate::isa::Engine;
use crate::program::{LayerInfo, Program};

/// A layer's part of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LayerReport {
    /// Its name.
    pub name: String,
    /// What the program says of it.
    pub info: Option<LayerInfo>,
    /// Cycles of the run by class.
    pub classes: Cycles,
    /// Launches by engine.
    pub launches: [u64; ENGINES],
    /// What the engines did while a launch of the layer was their oldest.
    pub engines: [Activity; ENGINES],
    /// Accesses to IBUF and VMEM that were put off.
    pub refused: [u64; 2],
    /// Cycle in which its first launch was taken, and in which its last one retired.
    pub span: Option<(u64, u64)>,
}

impl LayerReport {
    /// Cycles of the run that are this layer's.
    pub fn cycles(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// Useful multiply-accumulates, where they are known; those of the lanes too.
    pub fn macs(&self) -> Option<u64> {
        self.info.as_ref().map(|info| info.macs)
    }

    /// Cycles the array would take if all cells worked all the time.
    pub fn ideal(&self, cells: u64) -> Option<u64> {
        self.macs().filter(|&macs| macs > 0).map(|macs| macs.div_ceil(cells))
    }

    /// Share of the cells that did useful work in the layer's cycles.
    pub fn utilisation(&self, cells: u64) -> Option<f64> {
        let whole = self.cycles() as f64 * cells as f64;
        let macs = self.macs().filter(|&macs| macs > 0)?;
        Some(if whole > 0.0 { macs as f64 / whole } else { 0.0 })
    }
}

/// A run, explained.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Name of the design.
    pub design: String,
    /// Cells of the array.
    pub cells: u64,
    /// Clock of the design, in MHz.
    pub clock_mhz: u32,
    /// Engines the design has.
    pub engines: usize,
    /// Cycles of the run.
    pub cycles: u64,
    /// The layers, in the order of the program.
    pub layers: Vec<LayerReport>,
    /// What belongs to no layer: the engines after their last launch, cycles of a program without
    /// launches.
    pub rest: LayerReport,
    /// The launches, each with what was attributed to it.
    pub launches: Vec<(Launch, Spent)>,
}

/// A sum that is not what the machine counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the attribution gives {found} for `{counter}`, the machine counted {counted}")]
pub struct Disagreement {
    /// The machine's counter.
    pub counter: String,
    /// Sum over the layers.
    pub found: u64,
    /// What the machine counted.
    pub counted: u64,
}

impl Report {
    /// Adds a run up.
    pub fn new(program: &Program, design: &Design, plan: Plan, trace: Trace) -> Report {
        let cells = (design.rows() * design.cols()) as u64;
        let mut layers: Vec<LayerReport> = plan
            .layers
            .iter()
            .map(|name| LayerReport {
                name: name.clone(),
                info: info(&program.layers, name),
                ..LayerReport::default()
            })
            .collect();
        for (launch, spent) in plan.launches.iter().zip(&trace.launches) {
            if let Some(layer) = layers.get_mut(launch.layer) {
                layer.take(launch, spent);
            }
        }
        for layer in &mut layers {
            layer.split(cells);
        }
        let rest = LayerReport {
            name: "(rest)".to_owned(),
            classes: trace.unowned,
            engines: trace.beyond,
            refused: trace.unowned_refusals,
            ..LayerReport::default()
        };
        Report {
            design: design.name().to_owned(),
            cells,
            clock_mhz: design.clock_mhz(),
            engines: design.engines().len(),
            cycles: trace.cycles,
            layers,
            rest,
            launches: plan.launches.into_iter().zip(trace.launches).collect(),
        }
    }

    /// The layers and the rest.
    pub fn rows(&self) -> impl Iterator<Item = &LayerReport> {
        self.layers.iter().chain(std::iter::once(&self.rest))
    }

    /// Everything together.
    pub fn total(&self) -> LayerReport {
        let mut total = LayerReport { name: "total".to_owned(), ..LayerReport::default() };
        for row in self.rows() {
            add(&mut total.classes, &row.classes);
            for (sum, more) in total.launches.iter_mut().zip(row.launches) {
                *sum += more;
            }
            for (sum, more) in total.engines.iter_mut().zip(&row.engines) {
                sum.add(more);
            }
            for (sum, more) in total.refused.iter_mut().zip(row.refused) {
                *sum += more;
            }
            total.widen(row.span);
        }
        total
    }

    /// Useful multiply-accumulates of all layers, where they are known.
    pub fn macs(&self) -> Option<u64> {
        let known: Vec<u64> = self.layers.iter().filter_map(LayerReport::macs).collect();
        (!known.is_empty()).then(|| known.iter().sum())
    }

    /// The classes with the largest losses, each with the layer that has most of it.
    pub fn losses(&self) -> Vec<(Class, u64, &LayerReport)> {
        let total = self.total();
        let lost = Class::ALL.into_iter().filter(|class| class.remedy().is_some());
        let mut losses: Vec<(Class, u64, &LayerReport)> = lost
            .filter_map(|class| {
                let cycles = total.classes[class.index()];
                let worst = self.rows().max_by_key(|row| row.classes[class.index()])?;
                (cycles > 0).then_some((class, cycles, worst))
            })
            .collect();
        losses.sort_by_key(|&(class, cycles, _)| (std::cmp::Reverse(cycles), class));
        losses
    }

    /// Whether the sums are what the machine counted.
    pub fn check(&self, counters: &IndexMap<String, u64>) -> Result<(), Disagreement> {
        let total = self.total();
        let of = |classes: &[Class]| classes.iter().map(|c| total.classes[c.index()]).sum::<u64>();
        let array = of(&[Class::Useful, Class::Shape]);
        let weights = of(&[Class::Weights]);
        let residual = of(&[Class::Residual, Class::Bank]);
        let all = total.cycles();
        let mut sums = vec![
            ("cycles".to_owned(), all),
            ("cycles".to_owned(), self.cycles),
            ("array.active".to_owned(), array),
            ("array.wait_weights".to_owned(), weights),
            ("array.wait_residual".to_owned(), residual),
            ("array.other".to_owned(), all - array - weights - residual),
            ("ibuf.conflicts".to_owned(), total.refused[0]),
            ("vmem.conflicts".to_owned(), total.refused[1]),
        ];
        let engines = Engine::QUEUED.into_iter().zip(&total.engines).take(self.engines);
        for ((engine, activity), launches) in engines.zip(total.launches) {
            let name = engine.name();
            sums.push((format!("{name}.busy"), activity.busy));
            sums.push((format!("{name}.wait_semaphore"), activity.waits()));
            sums.push((format!("{name}.stall_memory"), activity.stall));
            sums.push((format!("{name}.no_instruction"), activity.none));
            sums.push((format!("{name}.retired"), launches));
        }
        for (counter, found) in sums {
            let counted = counters.get(&counter).copied().unwrap_or(0);
            if counted != found {
                return Err(Disagreement { counter, found, counted });
            }
        }
        Ok(())
    }
}

impl LayerReport {
    fn take(&mut self, launch: &Launch, spent: &Spent) {
        add(&mut self.classes, &spent.classes);
        self.launches[launch.engine] += u64::from(spent.retire.is_some());
        self.engines[launch.engine].add(&spent.activity);
        for (sum, more) in self.refused.iter_mut().zip(spent.refused) {
            *sum += more;
        }
        self.widen(spent.start.zip(spent.retire));
    }

    fn widen(&mut self, span: Option<(u64, u64)>) {
        self.span = match (self.span, span) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (own, other) => own.or(other),
        };
    }

    /// Takes what is no useful work out of the cycles of the working array.
    fn split(&mut self, cells: u64) {
        let Some(macs) = self.macs() else { return };
        let active = self.classes[Class::Useful.index()];
        let useful = ((macs + cells / 2) / cells).min(active);
        self.classes[Class::Useful.index()] = useful;
        self.classes[Class::Shape.index()] += active - useful;
    }
}

/// What the program says of a layer; of several with one name, the first with all their work.
fn info(layers: &[LayerInfo], name: &str) -> Option<LayerInfo> {
    let mut all = layers.iter().filter(|layer| layer.name == name);
    let mut info = all.next()?.clone();
    info.macs = all.fold(info.macs, |sum, layer| sum.saturating_add(layer.macs));
    Some(info)
}
