//! Attribution of made-up cycles: sums, whom a cycle is charged to, and the page.

use indexmap::IndexMap;
use proptest::prelude::*;

use super::plan::{ENGINES, GEMM, LOAD, Launch, STORE, UNIT, VECTOR};
use super::*;
use crate::cosim::probe::{EngineSample, Sample};
use crate::isa::Engine;
use crate::program::{LayerInfo, Memory};

const BUSY: u8 = 1;
const WAIT: u8 = 2;
const NONE: u8 = 8;

fn design() -> Design {
    Design::preset("tiny").unwrap()
}

/// A plan from engines, layers and vectors of launches; semaphore i is signalled by engine i.
fn plan(launches: &[(usize, usize, u64)]) -> Plan {
    let mut plan = Plan { layers: vec!["a".into(), "b<&>".into()], ..Plan::default() };
    for (at, &(engine, layer, vectors)) in launches.iter().enumerate() {
        plan.queues[engine].push(at);
        plan.launches.push(Launch { engine, pc: 3 * at, layer, vectors });
    }
    for engine in 0..ENGINES {
        plan.producers[engine] = Some(engine);
    }
    plan
}

fn info(name: &str, macs: u64) -> LayerInfo {
    LayerInfo {
        name: name.into(),
        nodes: vec!["n\"1\"".into()],
        kernel: "conv".into(),
        engine: "gemm".into(),
        macs,
        tensor: "t".into(),
        shape: vec![1, 2, 3],
        place: Memory::Dram,
        remark: "5 < 6 & so on".into(),
    }
}

fn program(macs: u64) -> Program {
    Program { layers: vec![info("a", macs)], ..Program::default() }
}

fn engine(activity: u8, in_flight: u8, wait_mask: u16) -> EngineSample {
    EngineSample { activity, in_flight, wait_mask, ..EngineSample::default() }
}

/// What the machine's counters would have counted.
fn count(samples: &[Sample], engines: usize) -> IndexMap<String, u64> {
    let mut counters = IndexMap::new();
    for sample in samples.iter().filter(|sample| sample.running) {
        let mut add = |name: &str, n: u64| *counters.entry(name.to_owned()).or_insert(0) += n;
        add("cycles", 1);
        let array = match sample {
            Sample { active: true, .. } => "array.active",
            Sample { wait_weights: true, .. } => "array.wait_weights",
            Sample { wait_residual: true, .. } => "array.wait_residual",
            _ => "array.other",
        };
        add(array, 1);
        add("ibuf.conflicts", sample.ibuf_refused.count_ones().into());
        add("vmem.conflicts", sample.vmem_refused.count_ones().into());
        for (engine, now) in Engine::QUEUED.iter().zip(&sample.engines).take(engines) {
            let classes = ["busy", "wait_semaphore", "stall_memory", "no_instruction"];
            let class = classes[now.activity.trailing_zeros() as usize];
            add(&format!("{}.{class}", engine.name()), 1);
            add(&format!("{}.retired", engine.name()), now.retires.into());
        }
    }
    counters
}

fn record(plan: Plan, samples: &[Sample]) -> (Plan, Trace) {
    let mut recorder = Recorder::new(plan);
    samples.iter().for_each(|sample| recorder.cycle(sample));
    recorder.finish()
}

prop_compose! {
    fn engine_samples()(
        activity in 0..4u8,
        in_flight in 0..4u8,
        queued in 0..2u16,
        wait_mask in prop_oneof![Just(0), 0..32u16],
        retires in prop::bool::weighted(0.1),
    ) -> EngineSample {
        EngineSample { activity: 1 << activity, in_flight, queued, wait_mask, retires }
    }
}

prop_compose! {
    fn samples(units: bool)(
        running in prop::bool::weighted(0.9),
        engines in prop::array::uniform5(engine_samples()),
        positive in any::<u16>(),
        fenced in any::<bool>(),
        full in prop::option::of(1..6u8),
        array in 0..7,
        gemm_at_run in any::<bool>(),
        refused in prop::option::weighted(0.2, (any::<u32>(), any::<u32>())),
    ) -> Sample {
        let (ibuf, vmem) = refused.unwrap_or_default();
        // As many bits as there are clients.
        let [ibuf_clients, vmem_clients] = if units { [11, 10] } else { [8, 7] };
        let mut engines = engines;
        if !units {
            engines[UNIT] = EngineSample::default();
        }
        Sample {
            running,
            engines,
            positive,
            fenced,
            full,
            active: array == 0,
            wait_weights: array == 1,
            wait_residual: array == 2,
            wait_slot: array == 3,
            gemm_at_run,
            ibuf_refused: ibuf & ((1 << ibuf_clients) - 1),
            vmem_refused: vmem & ((1 << vmem_clients) - 1),
        }
    }
}

proptest! {
    /// Whatever the machine does, every cycle has one class and one layer, and the sums are those
    /// of the counters.
    #[test]
    fn every_cycle_is_attributed_once(
        launches in prop::collection::vec((0..ENGINES, 0..2usize, 0..5u64), 0..40),
        (units, mut samples) in any::<bool>()
            .prop_flat_map(|units| (Just(units), prop::collection::vec(samples(units), 0..300))),
        macs in 0..3000u64,
    ) {
        let launches: Vec<_> =
            launches.into_iter().filter(|launch| units || launch.0 != UNIT).collect();
        let plan = plan(&launches);
        // Only what was launched retires.
        for (index, queue) in plan.queues.iter().enumerate() {
            let mut left = queue.len();
            for sample in samples.iter_mut().filter(|sample| sample.running) {
                let retires = &mut sample.engines[index].retires;
                *retires &= left > 0;
                left -= usize::from(*retires);
            }
        }
        let engines = if units { 5 } else { 4 };
        let counters = count(&samples, engines);
        let (plan, trace) = record(plan, &samples);
        let running = samples.iter().filter(|sample| sample.running).count() as u64;
        prop_assert_eq!(trace.classes().iter().sum::<u64>(), running);
        let mut report = Report::new(&program(macs), &design(), plan, trace);
        report.engines = engines;
        report.check(&counters).unwrap();
        prop_assert_eq!(report.rows().map(|row| row.cycles()).sum::<u64>(), running);
        let page = html::page(&report, "made up");
        prop_assert_eq!(unbalanced(&page), None);
        prop_assert!(text::layers(&report).lines().count() >= 3);
    }
}

#[test]
fn a_cycle_that_is_lost_or_moved_is_noticed() {
    let mut sample = Sample { running: true, active: true, ..Sample::default() };
    sample.engines = [engine(BUSY, 1, 0); ENGINES];
    sample.engines[UNIT] = EngineSample::default();
    let samples = [sample; 8];
    let counters = count(&samples, 4);
    let (plan, trace) = record(plan(&[(GEMM, 0, 20), (LOAD, 1, 0)]), &samples);
    let report = Report::new(&program(16), &design(), plan, trace);
    assert_eq!(report.check(&counters), Ok(()));
    // Sixteen multiply-accumulates keep the sixteen cells busy for one of the eight cycles.
    let [useful, shape] = [Class::Useful, Class::Shape].map(|class| class.index());
    assert_eq!((report.layers[0].classes[useful], report.layers[0].classes[shape]), (1, 7));
    let mut moved = report.clone();
    moved.layers[0].classes[useful] -= 1;
    moved.layers[0].classes[Class::Weights.index()] += 1;
    let error = moved.check(&counters).unwrap_err().to_string();
    assert_eq!(error, "the attribution gives 7 for `array.active`, the machine counted 8");
    let mut lost = report.clone();
    lost.layers[0].classes[shape] -= 1;
    let error = lost.check(&counters).unwrap_err();
    assert_eq!((error.counter.as_str(), error.found, error.counted), ("cycles", 7, 8));
    let mut engine = report;
    engine.layers[1].engines[LOAD].busy -= 1;
    assert_eq!(engine.check(&counters).unwrap_err().counter, "load.busy");
}

/// Class and launch of one cycle after a launch of LOAD has begun.
fn one(plan: Plan, sample: Sample) -> (Class, usize) {
    let mut first = Sample { running: true, ..Sample::default() };
    first.engines = [engine(NONE, 0, 0); ENGINES];
    first.engines[UNIT] = EngineSample::default();
    first.engines[LOAD] = engine(BUSY, 1, 0);
    let before = record(plan.clone(), &[first]).1;
    let after = record(plan, &[first, Sample { running: true, ..sample }]).1;
    let mut found = Vec::new();
    for (launch, (new, old)) in after.launches.iter().zip(&before.launches).enumerate() {
        let classes = Class::ALL.into_iter();
        let more = classes.filter(|c| new.classes[c.index()] > old.classes[c.index()]);
        found.extend(more.map(|class| (class, launch)));
    }
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

#[test]
fn the_engine_at_the_end_of_the_chain_is_charged() {
    // Launches 0 to 4: LOAD, VECTOR, STORE, GEMM, GEMM.
    let plan = plan(&[(LOAD, 0, 0), (VECTOR, 0, 0), (STORE, 1, 0), (GEMM, 1, 4), (GEMM, 1, 4)]);
    let idle = engine(NONE, 0, 0);
    let sample = |load, gemm, vector, store| {
        let engines = [load, gemm, vector, store, EngineSample::default()];
        Sample { engines, ..Sample::default() }
    };
    let waiting = |engine_waited_for: usize| engine(WAIT, 0, 1 << engine_waited_for);
    let works = engine(BUSY, 1, 0);
    let one = |sample| one(plan.clone(), sample);
    // GEMM waits for LOAD, which works.
    assert_eq!(one(sample(works, waiting(LOAD), idle, idle)), (Class::Dram, 0));
    // LOAD waits for VECTOR, VECTOR for STORE, which works.
    let chain = sample(waiting(VECTOR), waiting(LOAD), waiting(STORE), works);
    assert_eq!(one(chain), (Class::Store, 2));
    assert_eq!(one(sample(waiting(VECTOR), waiting(LOAD), works, idle)), (Class::Vector, 1));
    // Of two that are missing, LOAD comes first; one that is there does not count.
    let both = engine(WAIT, 0, 1 << LOAD | 1 << STORE);
    let two = sample(works, both, idle, works);
    assert_eq!(one(two), (Class::Dram, 0));
    assert_eq!(one(Sample { positive: 1 << LOAD, ..two }), (Class::Store, 2));
    // LOAD waits until GEMM's last results are written.
    assert_eq!(one(sample(waiting(GEMM), waiting(LOAD), idle, idle)), (Class::Fill, 3));
    // Nothing is in GEMM's queue: fetch, a full queue of another engine, a fence.
    let none = sample(works, idle, works, idle);
    assert_eq!(one(none), (Class::Issue, 3));
    assert_eq!(one(Sample { full: Some(Engine::Vector.number()), ..none }), (Class::Vector, 1));
    assert_eq!(one(Sample { fenced: true, ..none }), (Class::Dram, 0));
    // A launch is there and begins.
    assert_eq!(one(Sample { gemm_at_run: true, ..none }), (Class::Fill, 3));
    // The array itself.
    assert_eq!(one(Sample { active: true, ..none }), (Class::Useful, 3));
    assert_eq!(one(Sample { wait_slot: true, ..none }), (Class::Gap, 3));
    assert_eq!(one(Sample { wait_residual: true, ..none }), (Class::Residual, 3));
    let refused = Sample { wait_residual: true, ibuf_refused: 1 << 4, ..none };
    assert_eq!(one(refused), (Class::Bank, 3));
    assert_eq!(one(Sample { ibuf_refused: 1 << 3, ..refused }), (Class::Residual, 3));
}

#[test]
fn the_beginning_and_the_end() {
    let plan = plan(&[(LOAD, 0, 0), (GEMM, 0, 1), (STORE, 1, 0)]);
    let idle = [engine(NONE, 0, 0), engine(NONE, 0, 0), engine(NONE, 0, 0), engine(NONE, 0, 0)];
    let sample = |index: usize, at: EngineSample| {
        let mut engines = [EngineSample::default(); ENGINES];
        engines[..4].copy_from_slice(&idle);
        engines[index] = at;
        Sample { running: true, engines, ..Sample::default() }
    };
    let nothing = sample(LOAD, engine(NONE, 0, 0));
    let retire = |at: EngineSample| EngineSample { retires: true, ..at };
    let samples = [
        Sample { running: false, ..nothing },
        nothing,
        nothing,
        sample(LOAD, retire(engine(BUSY, 1, 0))),
        Sample { active: true, ..sample(GEMM, engine(BUSY, 1, 0)) },
        sample(GEMM, engine(BUSY, 1, 0)),
        sample(GEMM, retire(engine(BUSY, 1, 0))),
        sample(STORE, engine(BUSY, 1, 0)),
        sample(STORE, retire(engine(BUSY, 1, 0))),
        nothing,
    ];
    let (_, trace) = record(plan, &samples);
    let found = |launch: usize, class: Class| trace.launches[launch].classes[class.index()];
    assert_eq!((found(0, Class::Start), found(1, Class::Issue)), (2, 1));
    assert_eq!((found(1, Class::Useful), found(1, Class::Fill)), (1, 2));
    assert_eq!((found(2, Class::End), trace.cycles), (3, 9));
    let times: Vec<_> = trace.launches.iter().map(|spent| (spent.start, spent.retire)).collect();
    assert_eq!(times, [(Some(1), Some(2)), (Some(2), Some(5)), (Some(5), Some(7))]);
    assert_eq!(trace.beyond[STORE].none, 1);
}

#[test]
fn a_plan_knows_layers_semaphores_and_vectors() {
    let text = ".note \"x\"\nset ctrl.sem index=3 producer=vector consumer=gemm\n\
        set gemm.ow count=5\nset gemm.kc count=3\nrun gemm.act\nrun load.ibuf\n.note \"\"\n\
        set gemm.n count=2\nrun gemm.act wait=s3\nend\n";
    let target = crate::program::Target::of(&design());
    let mut program = crate::program::assemble("t", text, Some(&target)).unwrap();
    program.layers = vec![info("first", 1), info("x", 1)];
    let plan = Plan::of(&program);
    assert_eq!(plan.layers, ["first", "x", plan::UNNAMED]);
    assert_eq!(plan.queues[GEMM], [0, 2]);
    let found: Vec<_> = plan.launches.iter().map(|l| (l.engine, l.layer, l.vectors)).collect();
    assert_eq!(found, [(GEMM, 1, 15), (LOAD, 1, 0), (GEMM, 2, 30)]);
    assert_eq!(plan.signalled_by(0b1001), 1 << VECTOR);
}

/// The first element of a page that is not closed where it should be.
fn unbalanced(page: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>\n")?;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>')?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Some(tag.to_owned());
            }
        } else if !tag.ends_with('/') {
            let name = tag.split(' ').next()?;
            open.push(name);
            if ["script", "style"].contains(&name) {
                let end = rest.find(&format!("</{name}>"))?;
                rest = &rest[end..];
            }
        }
    }
    open.pop().map(str::to_owned)
}

#[test]
fn the_page_needs_nothing_else_and_means_what_it_says() {
    let mut sample = Sample { running: true, wait_weights: true, ..Sample::default() };
    sample.engines = [engine(BUSY, 1, 0); ENGINES];
    let mut last = sample;
    last.engines[GEMM].retires = true;
    let made = plan(&[(GEMM, 1, 9), (VECTOR, 0, 0)]);
    let (mut plan, trace) = record(made, &[sample, sample, last]);
    plan.layers.push("</script><b>".into());
    let report = Report::new(&program(1 << 20), &design(), plan, trace);
    let page = html::page(&report, "<title> & co");
    assert_eq!(unbalanced(&page), None);
    assert_eq!(unbalanced(&page.replacen("</td>", "", 1)), Some("/tr".into()));
    for foreign in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("<h1>&lt;title&gt; &amp; co</h1>"), "{page}");
    assert!(page.contains("b&lt;&amp;&gt;") && page.contains("title=\"n&quot;1&quot;\""));
    assert!(page.contains("`weights`") || page.contains("<b>weights</b>: 3 cycles (100.0 %)"));
    assert_eq!(page.matches("</script>").count(), 1);
    // The first launch starts and retires; the other one never retires and is not drawn.
    assert!(page.contains("\"launches\":[1,1,0,0,2]"), "{page}");
}
