use super::*;
use crate::isa::Engine;
use crate::isa::tests::instructions;
use crate::program::disasm::{Options, disassemble};
use crate::program::{
    Dtype, LayerInfo, Layout, Memory, NetworkView, Provenance, Region, RegionKind, Tensor,
};
use proptest::prelude::*;

fn target() -> Target {
    Target { name: "t".into(), config: "a: 1\n".into(), fingerprint: 7, semaphores: 4 }
}

/// One mistake in `line`, with the column, the message and the help.
#[track_caller]
fn check(line: &str, column: usize, message: &str, help: &str) {
    let text = format!("; first\n.region 0 input 4 \"r\"\n{line}\nend\n");
    let errors = assemble("t.npuasm", &text, Some(&target())).unwrap_err();
    let [error] = errors.errors.as_slice() else { unreachable!("{errors:?}") };
    assert_eq!((error.line, error.column), (3, column), "{error}");
    assert_eq!(error.message, message);
    assert_eq!(error.help, help);
    let span = error.span.offset()..error.span.offset() + error.span.len();
    assert!(text.get(span).is_some(), "span leaves the text");
}

#[test]
fn statements_and_operands() {
    check(
        "sett load.dram",
        1,
        "unknown statement `sett`",
        "allowed: .npu, .config, .region, .data, .tensor, .layer, .note, .word, set, run, tag, nop, fence, end",
    );
    check(
        "\"x\"",
        1,
        "a line starts with a statement",
        "allowed: .npu, .config, .region, .data, .tensor, .layer, .note, .word, set, run, tag, nop, fence, end",
    );
    let usage = "usage: .layer \"name\" \"tensor\" \"remark\" [\"node\" ...] kernel=NAME engine=ENGINE macs=N shape=N,N,... place=MEMORY";
    check(".layer \"a\" \"b\"", 1, "`.layer` needs a remark in quotes", usage);
    let needs = "`.layer` needs kernel, engine, macs, shape and place";
    check(".layer \"a\" \"b\" \"\" kernel=conv", 1, needs, usage);
    check(".layer \"a\" \"b\" \"\" place=pbuf", 25, "unknown memory `pbuf`", "allowed: ibuf, dram");
    check("  end now", 7, "`end` takes nothing more", "usage: end");
    check("set", 1, "`set` needs a register", "usage: set ENGINE.REGISTER [FIELD=VALUE ...]");
    check("set a=1", 5, "expected a register", "usage: set ENGINE.REGISTER [FIELD=VALUE ...]");
    check(
        "set load.dst 5",
        14,
        "expected `key=value`",
        "usage: set ENGINE.REGISTER [FIELD=VALUE ...]",
    );
    check(
        "set load.dst addr= 5",
        14,
        "`addr=` is no pair",
        "write `key=value`, without spaces around `=`",
    );
    check("set load", 5, "`load` is not of the form `engine.register`", "");
    check("run load", 5, "`load` is not of the form `engine.function`", "");
    check(
        "set lod.dst",
        5,
        "unknown engine `lod`",
        "allowed: ctrl, load, gemm, vector, store, unit",
    );
    check(
        "set store.dst",
        11,
        "unknown register of `store` `dst`",
        "allowed: dram, src, shape, loop0, loop1, loop2, loop3, word0, word1, word2, word3",
    );
    check(
        "run load.obuf",
        10,
        "unknown function of `load` `obuf`",
        "allowed: ibuf, wbuf, pbuf, vmem, table, coeff",
    );
    check("run ctrl.x", 10, "unknown function of `ctrl` `x`", "there is none");
    check("tag ctrl 1", 1, "engine `ctrl` has no queue: it takes no `tag`", "");
    check("tag gemm 4294967296", 10, "the tag is 4294967296, but it must be 0 to 4294967295", "");
    check("tag gemm -1", 10, "the tag is -1, but it must be 0 to 4294967295", "");
}

#[test]
fn fields_and_flags() {
    check("set load.dst adr=1", 14, "unknown field of `load.dst` `adr`", "allowed: addr");
    check("set load.dst addr=1 addr=2", 21, "`addr` is given twice", "");
    check(
        "set load.dst addr=12z",
        19,
        "`12z` is not a number",
        "numbers: decimal, 0x hexadecimal or 0b binary, of at most 64 bits",
    );
    check(
        "set gemm.ow stride=-8388609",
        20,
        "gemm.ow.stride is -8388609, but it must be -8388608 to 8388607",
        "IBUF distance of consecutive iterations.",
    );
    check(
        "set load.dst addr=0xffffffffffffffff",
        19,
        "load.dst.addr is 9223372036854775807, but it must be 0 to 16777215",
        "Word address in the destination buffer.",
    );
    check(
        "set vector.scale value=1",
        24,
        "`1` is not a binary32 number",
        "write a decimal number with a point or exponent, such as 0.5, or its bits as 0x3f000000",
    );
    check(
        "set ctrl.sem producer=lod",
        23,
        "unknown engine `lod`",
        "allowed: ctrl, load, gemm, vector, store, unit",
    );
    check(
        "run gemm.act wait=s1,x2",
        22,
        "`x2` is not a semaphore",
        "allowed: s0 to s15, separated by commas without spaces",
    );
    check(
        "run gemm.act signal=s16",
        21,
        "`s16` is not a semaphore",
        "allowed: s0 to s15, separated by commas without spaces",
    );
    check("run gemm.act wait=s1,s1", 22, "`s1` is listed twice", "");
    check("run gemm.act keep \"x\"", 19, "expected a flag", "");
    check("run gemm.act keep keep", 19, "`keep` is given twice", "");
    check(
        "run gemm.act clip",
        14,
        "unknown flag of `gemm` `clip`",
        "allowed: accumulate, keep, residual, lookup, table",
    );
    check(
        "run gemm.act table=8",
        20,
        "gemm flag table is 8, but it must be 0 to 7",
        "Which lookup table.",
    );
}

#[test]
fn directives() {
    check(".note x", 7, "expected text in quotes", "usage: .note \"text\"");
    check(".note", 1, "`.note` needs text in quotes", "usage: .note \"text\"");
    check(".note \"x", 7, "the string does not end", "close it with `\"` on the same line");
    check(".note \"ä\\q\"", 9, "unknown escape", "escapes: \\n \\r \\t \\\" \\\\ \\u{...}");
    check(
        ".note \"\\u{d800}\"",
        8,
        "no character has this number",
        "write `\\u{` hexadecimal digits `}`",
    );
    check(
        ".data 0",
        7,
        "`0` is not hexadecimal bytes",
        "write two digits a byte, such as 00 7f ff",
    );
    check(".data 00 \"x\"", 10, "expected hexadecimal bytes", "");
    check(".data 0001 * 2", 12, "only a single byte can be repeated", "write `.data HEX * COUNT`");
    check(".data 00 * 5", 12, "the count is 5, but it must be 0 to 4", "");
    check(".data 0001020304", 1, "region `r` has 4 bytes, but its content has 5 already", "");
    check(".region 8 input 4 \"r\"", 9, "the base register is 8, but it must be 0 to 7", "");
    check(
        ".region 1 inputs 4 \"r\"",
        11,
        "unknown kind of region `inputs`",
        "allowed: input, output, weights, scratch",
    );
    check(".npu \"t\" finger=1", 10, "unknown key `finger`", "allowed: fingerprint, semaphores");
    check(
        ".tensor \"x\" region=0",
        1,
        "`.tensor` needs a shape",
        "usage: .tensor \"name\" region=BASE offset=BYTES shape=N,N,... layout=LAYOUT dtype=TYPE scale=X zero=N [network=N,N,... walk=NxN,NxN,... float=BOOL]",
    );
    check(
        ".tensor \"x\" shape=1,a",
        21,
        "`a` is not a number",
        "numbers: decimal, 0x hexadecimal or 0b binary, of at most 64 bits",
    );
    check(
        ".tensor \"x\" shape=1 layout=hwc",
        28,
        "unknown layout `hwc`",
        "allowed: dense, nhwc, nchw, blocked:N",
    );
    check(
        ".tensor \"x\" shape=1 dtype=int9",
        27,
        "unknown type `int9`",
        "allowed: int4, int8, uint8, int16, int32, float32",
    );
    check(
        ".tensor \"x\" shape=1 walk=1x1",
        1,
        "`.tensor` needs `network`, `walk` and `float` together",
        "usage: .tensor \"name\" region=BASE offset=BYTES shape=N,N,... layout=LAYOUT dtype=TYPE scale=X zero=N [network=N,N,... walk=NxN,NxN,... float=BOOL]",
    );
    check(
        ".tensor \"x\" shape=4 network=4 walk=2x1,2 float=true",
        40,
        "`2` is not an extent and a distance",
        "write them like `8x64`",
    );
    check(
        ".tensor \"x\" shape=4 network=4 walk=4x1 float=yes",
        46,
        "unknown truth value `yes`",
        "allowed: true, false",
    );
    check(".tensor \"x\" shape=1 scale=inf", 27, "`inf` is not a finite number", "");
    check(
        ".tensor \"x\" shape=1 zero=2147483648",
        26,
        "the zero point is 2147483648, but it must be -2147483648 to 2147483647",
        "",
    );
    check(
        ".tensor \"x\" shape=1 step=1",
        21,
        "unknown key `step`",
        "allowed: region, offset, shape, layout, dtype, scale, zero, network, walk, float",
    );
}

/// A mistake of the text as a whole.
fn check_whole(text: &str, target: Option<&Target>, expected: &str) {
    let errors = assemble("t.npuasm", text, target).unwrap_err();
    assert_eq!(errors.errors.last().map(ToString::to_string).unwrap(), expected);
}

#[test]
fn the_whole_text_is_checked() {
    check_whole("end", None, "line 1, column 1: the design to assemble for is not known");
    check_whole(
        ".npu \"u\"",
        Some(&target()),
        "line 1, column 1: the text is for `u`, but the design given is `t`",
    );
    check_whole(
        ".npu \"t\" fingerprint=8\n.config \"a: 2\"",
        Some(&target()),
        "line 1, column 1: the program is made for `t` (fingerprint 0000000000000008), the hardware is `t` (0000000000000007):\n  a: hardware 1, program 2",
    );
    check_whole(".npu \"t\"\n.npu \"t\"", None, "line 2, column 6: the design is named twice");
    check_whole(".data 00", None, "line 1, column 1: there is no region for the data");
    check_whole(
        ".tensor \"x\" shape=4",
        Some(&target()),
        "line 1, column 1: tensor `x`: base register 0 has no region",
    );
}

#[test]
fn all_mistakes_are_reported_with_pictures() {
    let text = "set load.dst addr=x\nend\nrun load.wbuf wait=s0 clipp\n";
    let errors = assemble("t.npuasm", text, Some(&target())).unwrap_err();
    assert_eq!(errors.to_string(), "2 mistakes in the assembly");
    let mut picture = String::new();
    let handler =
        miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor());
    handler.render_report(&mut picture, errors.as_ref()).unwrap();
    insta::assert_snapshot!(picture);
}

#[test]
fn the_example_of_the_manual_assembles() {
    let manual = crate::isa::manual(&[]);
    let assembly = manual.split("## Assembly").nth(1).unwrap();
    let example = assembly.split("```").nth(1).unwrap();
    let mut edge = target();
    edge.name = "edge".into();
    let program = assemble("manual", example, Some(&edge)).unwrap();
    assert_eq!(program.code.len(), 8);
    assert_eq!(program.regions[1].data.len(), 64);
}

#[test]
fn listing_of_a_small_program() {
    let text = ".npu \"t\"\n.region 0 weights 80 \"w\"\n.data 0102 ff05 05 06\n.data 00 * 40\nset load.dram offset=65536\n\
        set vector.scale value=0.1\n.note \"tile\"\nrun load.wbuf clip signal=s0,s3\n.word 1\nend";
    let program = assemble("t", text, Some(&target())).unwrap();
    insta::assert_snapshot!(disassemble(&program, Options { data: true, words: true }));
    let brief = disassemble(&program, Options { data: false, words: false });
    assert!(brief.contains("; 46 bytes of data left out\n"), "{brief}");
}

fn regions() -> impl Strategy<Value = Vec<Region>> {
    let content = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        prop::collection::vec(0..2u8, 0..200),
        (any::<u8>(), 0..200usize).prop_map(|(byte, count)| vec![byte; count]),
    ];
    let region =
        (content, any::<String>(), prop::sample::select(RegionKind::ALL.to_vec()), 4096..9999u64);
    prop::collection::vec(region, 1..4).prop_map(|regions| {
        let regions = (0..).zip(regions);
        regions
            .map(|(base, (data, name, kind, size))| Region { base, name, kind, size, data })
            .collect()
    })
}

prop_compose! {
    fn tensors()(
        names in prop::collection::btree_set(any::<String>(), 0..3),
        offset in 0..16u64,
        shape in prop::collection::vec(1..4u64, 0..4),
        layout in prop_oneof![Just(Layout::Dense), Just(Layout::Nhwc), Just(Layout::Nchw), (1..9u32).prop_map(Layout::Blocked)],
        dtype in prop::sample::select(Dtype::ALL.to_vec()),
        scale in any::<f32>().prop_filter("finite", |scale| scale.is_finite()),
        zero in any::<i32>(),
        seen in prop::option::of((any::<bool>(), any::<bool>())),
    ) -> Vec<Tensor> {
        // The order reversed, or all elements in a row.
        let network = seen.map(|(reversed, float)| {
            let whole: u64 = shape.iter().product();
            let strides = (0..shape.len()).map(|at| shape[at + 1..].iter().product());
            let walk: Vec<[u64; 2]> = match reversed {
                true => shape.iter().copied().zip(strides).map(|(n, d)| [n, d]).rev().collect(),
                false => vec![[whole, 1]],
            };
            NetworkView { shape: walk.iter().map(|[extent, _]| *extent).collect(), walk, float }
        });
        let tensor = |name| Tensor { name, region: 0, offset, shape: shape.clone(), layout, dtype, scale, zero, network: network.clone() };
        names.into_iter().map(tensor).collect()
    }
}

prop_compose! {
    fn layers()(
        texts in prop::collection::vec(any::<String>(), 3..7),
        kernel in "[a-z_+]{1,8}",
        engine in prop::sample::select(Engine::QUEUED.to_vec()),
        macs in any::<u64>(),
        shape in prop::collection::vec(any::<u64>(), 0..4),
        place in prop::sample::select(Memory::ALL.to_vec()),
        count in 0..3usize,
    ) -> Vec<LayerInfo> {
        let layer = LayerInfo {
            name: texts[0].clone(),
            tensor: texts[1].clone(),
            remark: texts[2].clone(),
            nodes: texts[3..].to_vec(),
            kernel,
            engine: engine.name().to_owned(),
            macs,
            shape,
            place,
        };
        vec![layer; count]
    }
}

prop_compose! {
    fn programs()(
        name in any::<String>(),
        config in any::<String>(),
        fingerprint in any::<u64>(),
        semaphores in 0..=16u8,
        code in prop::collection::vec(instructions(), 0..30),
        garbage in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 0..3),
        notes in prop::collection::btree_map(0..31usize, any::<String>(), 0..5),
        regions in regions(),
        tensors in tensors(),
        layers in layers(),
    ) -> Program {
        let mut code: Vec<u64> = code.iter().map(|i| i.encode().unwrap()).collect();
        for (index, word) in garbage {
            if !code.is_empty() {
                let index = index.index(code.len());
                code[index] = word;
            }
        }
        let mut provenance = Provenance::default();
        for (pc, note) in notes {
            provenance.push(pc.min(code.len()), &note);
        }
        Program { target: Target { name, config, fingerprint, semaphores }, code, regions, tensors, provenance, layers }
    }
}

proptest! {
    /// Text and file are two forms of the same program.
    #[test]
    fn asm_undoes_disasm(program in programs(), words in any::<bool>()) {
        let text = disassemble(&program, Options { data: true, words });
        let again = assemble("t", &text, None).unwrap();
        prop_assert_eq!(&again, &program, "{}", text);
        prop_assert_eq!(again.to_bytes().unwrap(), program.to_bytes().unwrap());
    }

    #[test]
    fn no_text_makes_it_fail_otherwise_than_with_errors(text in any::<String>()) {
        let _ = assemble("t", &text, Some(&target()));
    }

    /// Damaged but nearly right text, which reaches the deeper branches.
    #[test]
    fn damaged_text_is_refused_or_read(program in programs(), cut in any::<prop::sample::Index>(), insert in "[ \"=,;.\\\\*s0-9a-z]{0,3}") {
        let mut text: Vec<char> = disassemble(&program, Options::default()).chars().collect();
        let at = cut.index(text.len());
        text.splice(at..at + 1, insert.chars());
        let text: String = text.into_iter().collect();
        let _ = assemble("t", &text, None);
    }
}
