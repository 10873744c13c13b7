//! The digits network on the golden model against onnxruntime: every quantized logit of every
//! held-out picture.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

use npugen::design::Design;
use npugen::exec::Executor;
use npugen::golden::Golden;
use npugen::workload::digits;

#[test]
fn golden_equals_onnxruntime_on_every_preset() {
    for preset in ["default", "edge", "tiny", "genesys_03"] {
        let design = Design::preset(preset).unwrap();
        let digits = digits::program(&design).unwrap();
        let held_out = digits::held_out(&digits.program).unwrap();
        assert_eq!(held_out.pictures.len(), 359);
        let mut golden = Golden::new(&design);
        let program = &digits.program;
        assert!(npugen::program::lint::lint(&design, program).is_legal());
        golden.load(program).unwrap();
        let input = program.tensor("input").unwrap();
        let logits = program.tensor("logits").unwrap();
        let mut right = 0;
        for (index, picture) in held_out.pictures.iter().enumerate() {
            golden.write(input.region, input.offset, picture).unwrap();
            let report = golden.run().unwrap();
            assert!(report.fault.is_none(), "{preset}: {:?}", report.fault);
            let found = golden.read(logits.region, logits.offset, 10).unwrap();
            assert_eq!(found, held_out.logits[index], "{preset}: picture {index}");
            right += usize::from(digits::class(&found) == held_out.labels[index]);
        }
        // 98.89 %, which is onnxruntime's accuracy too.
        assert_eq!(right, 355, "{preset}");
    }
}
