use super::*;
use crate::config::Override;
use crate::program::{Target, assemble};

mod oracle;

/// A small design: 4 x 4, IBUF of 64 words, queues of 4 instructions, semaphores of 2 bits.
pub(super) fn small(overrides: &[&str]) -> Design {
    let text = "name: t\narray: {rows: 4, cols: 4, cell: generic}\nvector: {taps: 3, acc_depth: 16}\n\
        buffers:\n  ibuf: {size: 256 B, banks: 2}\n  wbuf: {size: 128 B}\n  obuf: {depth: 16}\n  pbuf: {channels: 32}\n  vmem: {size: 512 B, banks: 2}\n\
        control: {semaphores: 4, semaphore_bits: 2, queue_depth: 4}\npost: {tables: 2}\n";
    let overrides: Vec<Override> =
        overrides.iter().map(|text| Override::set(text).unwrap()).collect();
    Design::from_yaml(text, &overrides).unwrap()
}

fn report(design: &Design, text: &str) -> Report {
    let regions = ".region 0 input 4096 \"in\"\n.region 1 output 256 \"out\"\n";
    let program = assemble("t", &format!("{regions}{text}\nend\n"), Some(&Target::of(design)));
    lint(design, &program.unwrap_or_else(|errors| unreachable!("{:?}", errors.errors)))
}

#[track_caller]
fn check_on(design: &Design, text: &str, expected: &str) {
    assert_eq!(report(design, text).to_string().trim_end(), expected);
}

/// The findings on a program of the small design.
#[track_caller]
fn check(text: &str, expected: &str) {
    check_on(&small(&[]), text, expected);
}

/// A configuration error of a launch that is the last line of `text`.
#[track_caller]
fn refuse(text: &str, message: &str, help: &str) {
    let design = small(&[]);
    let report = report(&design, text);
    let [finding] = report.findings.as_slice() else { unreachable!("{report}") };
    let (place, found) = finding.message.split_once("`: ").unwrap();
    assert!(place.starts_with("instruction ") && place.contains("`run "), "{place}");
    assert_eq!((found, finding.help.as_str()), (message, help));
    assert!(!report.is_legal());
}

/// Two tiles flow through LOAD, GEMM and STORE with double buffers.
const PIPELINE: &str = "\
set ctrl.sem index=0 producer=load consumer=gemm
set ctrl.sem index=1 producer=gemm consumer=load
set ctrl.sem index=2 producer=gemm consumer=store
set ctrl.sem index=3 producer=store consumer=gemm
set load.shape run_bytes=32 group_bytes=4
set load.word0 count=8
set store.word0 count=8
set gemm.ow count=8 stride=1
set store.dram base=1
set store.shape run_bytes=32 group_bytes=4
run load.wbuf
.note \"tile 0\"
run load.ibuf signal=s0
run gemm.act wait=s0 signal=s1,s2
.note \"tile 1\"
set load.dst addr=8
run load.ibuf signal=s0
set gemm.x addr=8
set gemm.out addr=40
run gemm.act wait=s0 signal=s2
.note \"tile 2\"
set load.dst addr=0
run load.ibuf wait=s1 signal=s0
.note \"tile 0\"
set store.src addr=32
run store.ibuf wait=s2 signal=s3
.note \"tile 2\"
set gemm.x addr=0
set gemm.out addr=32
run gemm.act wait=s0,s3 signal=s2
.note \"tile 1\"
set store.src addr=40
run store.ibuf wait=s2
.note \"tile 2\"
set store.src addr=32
run store.ibuf wait=s2
";

fn pipeline() -> String {
    PIPELINE.replacen("run gemm.act", "set gemm.out addr=32\nrun gemm.act", 1)
}

#[test]
fn a_double_buffered_pipeline_is_legal() {
    let report = report(&small(&["control.queue_depth=16"]), &pipeline());
    assert_eq!(report.to_string(), "");
    assert!(report.is_legal());
    assert_eq!(report.launches, 10);
    assert_eq!(report.peaks[..4], [2, 1, 2, 1]);
}

/// Without any one of its semaphore uses the pipeline races, hangs or leaves a token.
#[test]
fn every_semaphore_of_the_pipeline_is_needed() {
    let design = small(&["control.queue_depth=16"]);
    let text = pipeline();
    let uses: Vec<usize> = text.match_indices("=s").map(|(at, _)| at).collect();
    assert_eq!(uses.len(), 16);
    for at in uses {
        let start = text[..at].rfind(' ').unwrap();
        let end = at + text[at..].find([' ', '\n']).unwrap();
        let less = format!("{}{}", &text[..start], &text[end..]);
        assert!(!report(&design, &less).findings.is_empty(), "without {}", &text[start..end]);
    }
}

#[test]
fn races_are_told_with_both_instructions() {
    let design = small(&["control.queue_depth=16"]);
    let text = pipeline()
        .replace("run load.ibuf wait=s1 signal=s0", "run load.ibuf signal=s0")
        .replace("signal=s1,s2", "signal=s2");
    check_on(
        &design,
        &text,
        "error[race]: instruction 20 (tile 2) `run load.ibuf signal=s0`: `dst` writes words 0 to 7 of IBUF, which `x` of instruction 13 (tile 0) `run gemm.act wait=s0 signal=s2` reads, and nothing orders the two\n  \
         help: order them by a semaphore from the first launch to the second, or from and to launches between them",
    );
}

#[test]
fn an_engine_needs_a_semaphore_to_read_what_it_wrote() {
    let copy = "set vector.dst addr=8\nrun vector.move\nset vector.src1 addr=8\nset vector.dst addr=16\nrun vector.move";
    check(
        copy,
        "error[race]: instruction 4 `run vector.move`: `src1` reads word 8 of IBUF, which `dst` of instruction 1 `run vector.move` writes, and nothing orders the two\n  \
         help: order them by a semaphore from the first launch to the second, or from and to launches between them",
    );
    let ordered = copy.replacen("run vector.move", "run vector.move signal=s0", 1);
    let ordered = ordered.replace("addr=16\nrun vector.move", "addr=16\nrun vector.move wait=s0");
    check(&format!("set ctrl.sem index=0 producer=vector consumer=vector\n{ordered}"), "");
    check(&copy.replacen("run vector.move", "run vector.move\nfence", 1), "");
    // Writing what an earlier launch read or wrote is in order.
    check("set vector.dst addr=8\nrun vector.move\nset vector.src1 addr=16\nrun vector.move", "");
    check(
        "set vector.dst addr=8\nrun vector.move\nset vector.src1 addr=16\nset vector.dst addr=0\nrun vector.move",
        "",
    );
}

#[test]
fn races_in_other_memories() {
    let race = |text: &str, what: &str| {
        let report = report(&small(&[]), text);
        let [finding] = report.findings.as_slice() else { unreachable!("{report}") };
        assert_eq!(finding.rule, Rule::Race);
        assert!(finding.message.contains(what), "{finding}");
    };
    race(
        "run load.pbuf\nset gemm.out addr=1\nrun gemm.act",
        "reads word 0 of PBUF, which `dst` of",
    );
    race("run load.table\nrun vector.move lookup", "reads word 0 of TABLE");
    race("run load.wbuf\nset gemm.out addr=1\nrun gemm.act", "`w` reads word 0 of WBUF");
    race(
        "set gemm.out addr=5\nrun gemm.int32\nset store.dram base=1\nset store.src addr=5\nset store.shape run_bytes=7 group_bytes=7\nrun store.vmem",
        "`src` reads word 5 of VMEM",
    );
    race(
        "set load.dram base=1\nset load.shape run_bytes=4\nrun load.vmem\nset store.dram base=1 offset=3\nset store.src addr=9\nrun store.ibuf",
        "writes byte 3 of DRAM region 1",
    );
    // Different lanes of one word are different places.
    let halves = ["vector.lanes=2", "array.cols=2"];
    let text = "set vector.src1 addr=40\nset vector.dst addr=3\nrun vector.move\nset gemm.x addr=9\nset gemm.out addr=1 first=0\nrun gemm.act";
    check_on(&small(&halves), text, "");
    let report = report(&small(&halves), &text.replace("first=0", "first=2"));
    assert!(report.to_string().contains("`out` writes word 1 of IBUF"), "{report}");
}

#[test]
fn coarse_footprints_do_not_make_races() {
    // Even and odd words: their hulls overlap, they do not.
    let even_and_odd = "set load.word0 count=32 stride=2\nset load.shape run_bytes=128\nrun load.ibuf\nset store.word0 count=32 stride=2\nset store.src addr=1\nset store.shape run_bytes=128\nset store.dram base=1\nrun store.ibuf";
    check(even_and_odd, "");
    let large = small(&["buffers.ibuf.size=8 KiB"]);
    let many = even_and_odd
        .replace("count=32", "count=500")
        .replace("run_bytes=128", "run_bytes=256 group_bytes=1");
    check_on(&large, &many, "");
    let same = many.replace("store.src addr=1", "store.src addr=0");
    assert!(report(&large, &same).to_string().contains("`src` reads word 0 of IBUF"));
}

#[test]
fn deadlocks_are_explained() {
    check(
        "set ctrl.sem index=0 producer=load consumer=gemm\nset ctrl.sem index=1 producer=gemm consumer=load\n.note \"a\"\nrun load.wbuf wait=s1 signal=s0\n.note \"b\"\nrun gemm.act wait=s0 signal=s1 keep",
        "error[deadlock]: the program does not end, whatever the timing:\n  \
         load: instruction 2 (a) `run load.wbuf wait=s1 signal=s0`\n    waits for s1; next to signal it is instruction 3 (b) `run gemm.act wait=s0 signal=s1 keep`\n  \
         gemm: instruction 3 (b) `run gemm.act wait=s0 signal=s1 keep`\n    waits for s0; next to signal it is instruction 2 (a) `run load.wbuf wait=s1 signal=s0`\n  \
         decoder: instruction 4 (b) `end`: waits for the engines\n  \
         help: every wait needs a signal that can come before it",
    );
    let lonely = report(
        &small(&[]),
        "set ctrl.sem index=0 producer=load consumer=gemm\nrun gemm.act keep wait=s0\nfence\nrun load.wbuf",
    );
    assert!(lonely.to_string().contains("waits for s0; no launch is left to signal it\n  decoder: instruction 2 `fence`: waits for the engines"), "{lonely}");
}

/// A long queue lets LOAD's launch through; a short one fills with GEMM's settings before it.
#[test]
fn the_depth_of_the_queues_counts() {
    let text = "set ctrl.sem index=0 producer=load consumer=gemm\nrun gemm.act keep wait=s0\nset gemm.ow count=1\nset gemm.ow count=1\nset gemm.ow count=1\nset gemm.ow count=1\nset load.dst addr=16\nrun load.wbuf signal=s0";
    let found = report(&small(&[]), text).to_string();
    assert!(found.contains("decoder: instruction 5 `set gemm.ow count=1 stride=0`: the queue of `gemm` is full (4 instructions)"), "{found}");
    assert!(
        found.contains("next to signal it is instruction 7 `run load.wbuf signal=s0`"),
        "{found}"
    );
    check_on(&small(&["control.queue_depth=8"]), text, "");
}

#[test]
fn counts_are_bounded_and_balanced() {
    let signals = |count: usize| "run load.table signal=s0\n".repeat(count);
    let waits = |count: usize| "run gemm.act keep wait=s0\n".repeat(count);
    let declare = "set ctrl.sem index=0 producer=load consumer=gemm\n";
    check(&format!("{declare}{}{}", signals(3), waits(3)), "");
    check(
        &format!("{declare}{}{}", signals(4), waits(4)),
        "error[overflow]: instruction 0 `set ctrl.sem index=0 producer=load consumer=gemm`: semaphore s0 can reach 4, but 2 bits count to 3\n  help: let `load` wait for `gemm` now and then, or raise `control.semaphore_bits`",
    );
    check(
        &format!("{declare}{}{}", signals(3), waits(2)),
        "warning[balance]: instruction 0 `set ctrl.sem index=0 producer=load consumer=gemm`: 1 tokens of semaphore s0 are left at the end: `load` signals it more often than `gemm` waits for it\n  help: leave the last signals out, or wait for them",
    );
    // The consumer keeps up in the first run, but need not: only the delayed run shows it.
    let alternating = "run load.table signal=s0\nrun gemm.act keep wait=s0\n".repeat(4);
    let found = report(&small(&["control.queue_depth=16"]), &format!("{declare}{alternating}"));
    assert_eq!(found.peaks[0], 4);
}

#[test]
fn semaphores_have_owners() {
    let declare = "set ctrl.sem index=1 producer=load consumer=gemm\n";
    refuse(
        "run load.ibuf signal=s1",
        "it signals semaphore s1, which is not declared before it",
        "put `set ctrl.sem index=1 producer=... consumer=...` at the start of the program",
    );
    refuse(
        "run load.ibuf signal=s7",
        "it signals semaphore s7, which is not declared before it",
        "the design has 4 semaphores",
    );
    refuse(
        &format!("{declare}run store.ibuf signal=s1"),
        "it signals semaphore s1, whose producer is `load`",
        "only launches of `load` may",
    );
    refuse(
        &format!("{declare}run load.wbuf wait=s1"),
        "it waits for semaphore s1, whose consumer is `gemm`",
        "only launches of `gemm` may",
    );
    check(
        &format!("{declare}{declare}"),
        "error[semaphore]: instruction 1 `set ctrl.sem index=1 producer=load consumer=gemm`: semaphore s1 is declared already, by instruction 0\n  help: declare each semaphore once",
    );
    check(
        "set ctrl.sem index=4 producer=load consumer=gemm",
        "error[semaphore]: instruction 0 `set ctrl.sem index=4 producer=load consumer=gemm`: semaphore s4 does not exist: the design has 4, s0 to s3\n  help: use another one or raise `control.semaphores`",
    );
    check(
        "set ctrl.sem index=0 producer=ctrl consumer=6",
        "error[semaphore]: instruction 0 `set ctrl.sem index=0 producer=ctrl consumer=6`: producer and consumer must be engines with a queue\n  help: allowed: load, gemm, vector, store",
    );
}

#[test]
fn the_form_is_checked() {
    check(
        ".note \"n\"\n.word 1",
        "error[encoding]: word 0 (0x0000000000000001): `nop` leaves bits 0x1 unused, but they are not zero (n)",
    );
    check(
        "end\nnop",
        "warning[structure]: instruction 0 `end`: 2 instructions after the end are never executed\n  help: remove them, or the `end` before them",
    );
    let design = small(&[]);
    let mut program = assemble("t", "nop", Some(&Target::of(&design))).unwrap();
    assert_eq!(
        lint(&design, &program).to_string(),
        "error[structure]: the program has no `end`: fetch would run past it\n  help: put `end` after the last instruction\n"
    );
    program.code = vec![0; 1 << design.pc_bits()];
    let found = lint(&design, &program).to_string();
    assert!(
        found.starts_with(
            "error[structure]: 16777216 instructions, but a program has at most 16777215\n"
        ),
        "{found}"
    );
    let region = crate::program::Region {
        base: 9,
        name: "r".into(),
        kind: crate::program::RegionKind::Input,
        size: 1,
        data: vec![],
    };
    program.code.clear();
    program.regions.push(region);
    assert!(
        lint(&design, &program)
            .to_string()
            .contains("error[structure]: region `r`: base register 9 does not exist")
    );
    let many = ".word 1\n".repeat(2 * MOST_FINDINGS);
    assert_eq!(report(&design, &many).findings.len(), MOST_FINDINGS);
    let many = "run load.ibuf wait=s0\n".repeat(2 * MOST_FINDINGS);
    assert_eq!(report(&design, &many).findings.len(), MOST_FINDINGS);
}

#[test]
fn addresses_are_in_range() {
    refuse(
        "set load.dst addr=64\nrun load.ibuf",
        "`dst` writes word 64 of IBUF, but IBUF has words 0 to 63",
        "",
    );
    refuse(
        "set gemm.ow count=2 stride=-1\nset gemm.out addr=9\nrun gemm.act",
        "`x` reads word 16777215 of IBUF, but IBUF has words 0 to 63",
        "",
    );
    check(
        "set gemm.ow count=2 stride=-1\nset gemm.window_x start=-1 step_ow=1\nset gemm.out addr=9\nset gemm.x addr=1\nrun gemm.act",
        "",
    );
    refuse(
        "set gemm.ow count=16\nset gemm.obuf addr=1\nrun gemm.act keep",
        "`obuf` writes word 16 of OBUF, but OBUF has words 0 to 15",
        "",
    );
    refuse(
        "set gemm.param addr=8\nset gemm.out addr=9\nrun gemm.act",
        "`param` reads word 8 of PBUF, but PBUF has words 0 to 7",
        "",
    );
    refuse(
        "set vector.dst addr=32\nrun vector.move dst=1 format=1",
        "`dst` writes word 32 of VMEM, but VMEM has words 0 to 31",
        "",
    );
    refuse(
        "set load.dst addr=128\nrun load.table",
        "`dst` writes word 128 of TABLE, but TABLE has words 0 to 127",
        "",
    );
    refuse(
        "set load.dram offset=4096\nrun load.ibuf",
        "`dram` reads byte 4096 of region 0, `in`, but the region has 4096 bytes",
        "",
    );
    refuse(
        "set load.loop0 count=2 stride=-1\nrun load.ibuf",
        "`dram` reads byte -1 of region 0, `in`, but the region has 4096 bytes",
        "",
    );
    refuse(
        "set store.dram base=2\nrun store.ibuf",
        "`dram` writes base register 2, but it has no region",
        "",
    );
    // WBUF is a ring, and clipped bytes are not fetched.
    check("set load.dst addr=1000\nrun load.wbuf", "");
    check(
        "set load.dram offset=4090\nset load.shape run_bytes=10 group_bytes=10\nset load.clip_x limit=6\nrun load.ibuf clip",
        "",
    );
    refuse(
        "set load.dram offset=4090\nset load.shape run_bytes=10 group_bytes=10\nset load.clip_x limit=7\nrun load.ibuf clip",
        "`dram` reads byte 4096 of region 0, `in`, but the region has 4096 bytes",
        "",
    );
    // Loops that no memory could hold are refused, not followed.
    refuse(
        "set load.loop0 count=65535\nset load.loop1 count=65535\nset load.loop2 count=65535\nset load.loop3 count=65535\nset load.shape run_bytes=4096 group_bytes=1\nrun load.ibuf",
        "`dst` writes word 16777215 of IBUF, but IBUF has words 0 to 63",
        "",
    );
}

#[test]
fn launches_are_configured_legally() {
    refuse(
        "set load.loop2 count=0\nrun load.ibuf",
        "load.loop2.count is 0",
        "it must be at least 1",
    );
    refuse(
        "set store.shape run_bytes=0\nset store.dram base=1\nrun store.ibuf",
        "store.shape.run_bytes is 0",
        "it must be at least 1",
    );
    refuse(
        "set load.shape group_bytes=0\nrun load.ibuf",
        "load.shape.group_bytes is 0",
        "it must be at least 1",
    );
    refuse(
        "set gemm.n count=2\nrun gemm.act keep",
        "gemm.n.count is 2, but it must be 1 with `accumulate` or `keep`",
        "start one launch per block of output channels",
    );
    refuse(
        "set gemm.pad value=128\nrun gemm.act keep",
        "gemm.pad.value is 128, but an activation is -128 to 127",
        "",
    );
    refuse("run gemm.int32 keep residual", "`residual` goes with function `act` only", "");
    refuse(
        "set gemm.quant max=128\nrun gemm.act keep",
        "gemm.quant.max is 128, but an activation is -128 to 127",
        "",
    );
    refuse("run gemm.int32 residual", "`residual` goes with function `act` only", "");
    refuse(
        "set gemm.quant min=-129\nset gemm.out addr=9\nrun gemm.act",
        "gemm.quant.min is -129, but an activation is -128 to 127",
        "",
    );
    refuse(
        "set gemm.out addr=9 first=1\nrun gemm.act",
        "gemm.out.first is 1, but it must be 0: a vector of 4 channels fills words of 4",
        "",
    );
    refuse(
        "set gemm.out addr=9\nset gemm.res_scale_a value=1e-31\nrun gemm.act residual",
        "gemm.res_scale_a.value is 1e-31, but it must be zero or have a magnitude from 2^-100 to below 2^64",
        "",
    );
    refuse(
        "set gemm.out addr=9\nset gemm.res_offset value=1e20\nrun gemm.act residual",
        "gemm.res_offset.value is 1e20, but it must be zero or have a magnitude from 2^-100 to below 2^64",
        "",
    );
    refuse(
        "set gemm.out addr=9\nrun gemm.act lookup table=2",
        "lookup table 2 does not exist: the design has 2",
        "see `post.lookup` and `post.tables` in the configuration",
    );
    let narrow = small(&["array.cols=2"]);
    check_on(
        &narrow,
        "set gemm.out addr=9 first=3\nrun gemm.act",
        "error[configuration]: instruction 1 `run gemm.act`: gemm.out.first is 3, but it must be a multiple of 2 below 4",
    );
    check_on(&narrow, "set gemm.out addr=9 first=2\nrun gemm.act", "");
    let bare = small(&["post.residual=false", "post.lookup=false"]);
    check_on(
        &bare,
        "set gemm.out addr=9\nrun gemm.act residual lookup\nrun load.table",
        "error[configuration]: instruction 1 `run gemm.act residual lookup`: the design has no residual addition\n  help: set `post.residual` in the configuration\n\
         error[configuration]: instruction 1 `run gemm.act residual lookup`: the design has no lookup tables\n  help: see `post.lookup` and `post.tables` in the configuration\n\
         error[configuration]: instruction 2 `run load.table`: the design has no lookup tables\n  help: set `post.lookup` in the configuration",
    );
    check(
        "set gemm.out addr=9\nset gemm.quant min=5 max=4\nrun gemm.act",
        "warning[configuration]: instruction 2 `run gemm.act`: gemm.quant.min is 5, above gemm.quant.max, 4\n  help: results below the lower limit become it, all others the upper one",
    );
}

#[test]
fn vector_launches_are_configured_legally() {
    refuse("run vector.add src2=3", "flag src2 is 3", "allowed: 0 `imm`, 1 IBUF, 2 VMEM");
    refuse(
        "run vector.move format=3 dst=1",
        "flag format is 3",
        "allowed: 0 activation, 1 int32, 2 binary32",
    );
    let places = "activations (format 0) go to IBUF and WBUF (dst 0, 2, 3), wide results (format 1, 2) to VMEM (dst 1)";
    refuse("run vector.move dst=1", "flag format is 0 and flag dst 1", places);
    refuse("run vector.move format=1", "flag format is 1 and flag dst 0", places);
    let residual =
        "`residual` takes its operand b from IBUF (src2=1) and gives an activation (format=0)";
    refuse("run vector.move residual src2=2", residual, "it does not go with `depthwise`");
    refuse(
        "set vector.dst addr=9\nset vector.loop0 count=3\nrun vector.depthwise residual src2=1",
        residual,
        "it does not go with `depthwise`",
    );
    refuse(
        "run vector.move dst=1 format=2 lookup",
        "`lookup` goes with activations (format=0) only",
        "",
    );
    refuse(
        "set vector.scale value=0x7f800000\nrun vector.move",
        "vector.scale.value is inf, but it must be zero or have a magnitude from 2^-100 to below 2^64",
        "",
    );
    refuse(
        "set vector.scale value=-18446744073709551616.0\nrun vector.move",
        "vector.scale.value is -1.8446744e19, but it must be zero or have a magnitude from 2^-100 to below 2^64",
        "",
    );
    for legal in ["18446742974197923840.0", "0.0", "-0.0", "7.888609052210118e-31"] {
        check(&format!("set vector.scale value={legal}\nrun vector.move"), "");
    }
    check("set vector.scale value=0x7f800000\nset vector.dst addr=1\nrun vector.move channel", "");
    refuse(
        "set vector.loop0 count=2\nset vector.dst addr=9\nrun vector.depthwise",
        "vector.loop0.count is 2, but the sliding window has 3 taps",
        "a row segment has at least as many positions as taps",
    );
    refuse(
        "set vector.loop0 count=19 stride=1\nset vector.dst addr=40\nrun vector.depthwise",
        "a row segment of 19 positions gives 17 outputs, but at most 16 can be summed up",
        "cut the row into segments or raise `vector.acc_depth`",
    );
    refuse(
        "set vector.loop0 count=3\nset vector.taps stride=0\nset vector.dst addr=9\nrun vector.depthwise",
        "vector.taps.stride is 0",
        "it must be at least 1",
    );
    check_on(
        &small(&["array.cols=2"]),
        "run vector.move dst=2",
        "error[configuration]: instruction 0 `run vector.move dst=2`: flag dst is 2, but the design cannot write weight tiles\n  help: that takes rows, columns and lanes of the same power of two",
    );
}

#[test]
fn the_transposer_takes_columns_in_order() {
    let order = "the columns of a tile come in order and without others between them";
    check("set vector.loop0 count=8 stride=1\nset vector.dst_01 s0=1\nrun vector.move dst=3", "");
    check(
        "set vector.loop0 count=2 stride=1\nset vector.dst_01 s0=1\nrun vector.move dst=3\nset vector.dst addr=2\nrun vector.move dst=3",
        "",
    );
    refuse(
        "set vector.dst addr=1\nrun vector.move dst=3",
        "result 0 is column 1 of weight tile 0, but the transposer expects column 0 of any tile",
        order,
    );
    refuse(
        "set vector.loop0 count=2\nset vector.dst_01 s0=5\nrun vector.move dst=3",
        "result 1 is column 1 of weight tile 1, but the transposer expects column 1 of tile 0",
        order,
    );
}

#[test]
fn launches_must_not_read_what_they_write() {
    let help = "a launch may overwrite an operand only place by place: the same address and strides, each word once";
    let finding = |text: &str, message: &str| refuse(text, message, help);
    // In place, word by word.
    let in_place = "set vector.loop0 count=4 stride=1\nset vector.loop1 count=2 stride=4\nset vector.dst_01 s0=1 s1=4\nrun vector.move";
    check(in_place, "");
    finding(
        &in_place.replace("s1=4", "s1=3"),
        "`dst` writes what `src1` reads, from word 0 of IBUF on",
    );
    finding(
        &in_place.replace("stride=4", "stride=0").replace("s1=4", "s1=0"),
        "`dst` writes what `src1` reads, from word 0 of IBUF on",
    );
    finding(
        &in_place.replace("run vector.move", "set vector.dst addr=1\nrun vector.move"),
        "`dst` writes what `src1` reads, from word 1 of IBUF on",
    );
    finding(
        &in_place.replace("run vector.move", "run vector.move reduce=1"),
        "`dst` writes what `src1` reads, from word 0 of IBUF on",
    );
    let second = "set vector.src1 addr=20\nset vector.src2_01 s0=1\nset vector.loop0 count=2 stride=1\nset vector.dst_01 s0=1\nrun vector.add src2=1";
    check(second, "");
    finding(
        &second.replace("src2_01 s0=1", "src2_01 s0=2"),
        "`dst` writes what `src2` reads, from word 0 of IBUF on",
    );
    let residual = "set gemm.x addr=20\nset gemm.ow count=4\nset gemm.out addr=8\nset gemm.res addr=8\nrun gemm.act residual";
    check(residual, "");
    finding(
        &residual.replace("res addr=8", "res addr=9"),
        "`out` writes what `res` reads, from word 9 of IBUF on",
    );
    // Every pixel in one word: written four times.
    let still = residual.replace(
        "run gemm.act",
        "set gemm.out_stride ow=0\nset gemm.res_stride ow=0\nrun gemm.act",
    );
    finding(&still, "`out` writes what `res` reads, from word 8 of IBUF on");
    finding(
        &residual.replace("x addr=20", "x addr=11"),
        "`out` writes what `x` reads, from word 11 of IBUF on",
    );
    // Reading and writing apart, though the hulls overlap.
    check(
        "set vector.loop0 count=4 stride=2\nset vector.dst addr=1\nset vector.dst_01 s0=2\nrun vector.move",
        "",
    );
}
