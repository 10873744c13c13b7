//! Launches of VECTOR.

use super::finding::Rule;
use super::launch::{Check, Stage};
use crate::arith::function::{Mode, Unit};
use crate::isa::levels::vector::{DST as DST_STRIDES, LOOPS};
use crate::isa::table::vector::{function as unit, *};
use crate::isa::{Field, Needs};

/// State of the transposer between launches.
#[derive(Debug, Default)]
pub(super) struct Transposer {
    /// Tile begun, and its columns so far.
    tile: i64,
    columns: i64,
}

/// Destination numbers of the flag `dst`.
const TO_VMEM: i64 = 1;
const TO_WBUF: i64 = 2;
const TO_TRANSPOSER: i64 = 3;

/// Index tuples of a launch that are followed one by one.
const MOST_TUPLES: i64 = 1 << 22;

pub(super) fn check_vector(check: &mut Check<'_, '_, '_>, transposer: &mut Transposer) {
    let flags = check.launch.flags;
    let depthwise = check.launch.call.function == Function::Depthwise.number();
    let (source, place, format) = (flags.get(SRC2), flags.get(DST), flags.get(FORMAT));
    let activation = format == 0;
    check.require(
        depthwise || source < 3,
        || "flag src2 is 3".into(),
        "allowed: 0 `imm`, 1 IBUF, 2 VMEM",
    );
    check.require(
        format < 3,
        || "flag format is 3".into(),
        "allowed: 0 activation, 1 int32, 2 binary32",
    );
    check.require(
        format > 2 || activation == (place != TO_VMEM),
        || format!("flag format is {format} and flag dst {place}"),
        "activations (format 0) go to IBUF and WBUF (dst 0, 2, 3), wide results (format 1, 2) to VMEM (dst 1)",
    );
    let (rows, cols, lanes) = (check.design.rows(), check.design.cols(), check.design.lanes());
    check.require(
        place < TO_WBUF || (rows == cols && cols == lanes && rows.is_power_of_two()),
        || format!("flag dst is {place}, but the design cannot write weight tiles"),
        "that takes rows, columns and lanes of the same power of two",
    );
    if activation {
        check.stage(&Stage { min: quant::MIN, max: quant::MAX });
    }
    if format != 1 && !check.has(CHANNEL) {
        check.scale(scale::VALUE);
    }
    if check.has(RESIDUAL) {
        check.require(
            activation && source == 1 && !depthwise,
            || "`residual` takes its operand b from IBUF (src2=1) and gives an activation (format=0)".into(),
            "it does not go with `depthwise`",
        );
        let stage = Stage { min: res_clamp::MIN, max: res_clamp::MAX };
        check.residual(&stage, &[res_scale_a::VALUE, res_scale_b::VALUE, res_offset::VALUE]);
    }
    if check.has(LOOKUP) {
        check.require(activation, || "`lookup` goes with activations (format=0) only".into(), "");
        check.lookup(flags.get(TABLE));
    }
    if depthwise {
        check_depthwise(check);
    } else if let Some(function) = Function::from_number(check.launch.call.function) {
        check_function(check, function);
        check_reduction(check, function.gives_float());
    } else if let Some(index) = check.launch.call.custom() {
        let op = check.design.vector_ops().get(index);
        let count = check.design.vector_ops().len();
        check.require(
            op.is_some(),
            || format!("the design has no custom operation {index}"),
            &format!("its `extensions.vector_ops` has {count}"),
        );
        check_reduction(check, op.is_some_and(|op| op.float));
    }
    if place == TO_TRANSPOSER {
        transposer.follow(check);
    }
}

/// The design has the function, and its table is described as the unit can read it.
fn check_function(check: &mut Check<'_, '_, '_>, function: Function) {
    let (exists, key) = match function.needs() {
        Needs::Nothing => (true, ""),
        Needs::Float => (check.design.float(), "vector.float"),
        Needs::FunctionUnit => (check.design.function_segments() > 0, "vector.segments"),
    };
    check.require(
        exists,
        || format!("the design has no operation `{}`", function.name()),
        &format!("set `{key}` in the configuration"),
    );
    if function == Function::Function {
        let (mode, bits) = (check.get(unit::MODE), check.get(unit::BITS));
        check.require(
            u32::try_from(mode).is_ok_and(|mode| Mode::from_number(mode).is_some()),
            || format!("vector.function.mode is {mode}"),
            "allowed: 0 period, 1 mantissa, 2 reciprocal, 3 root, 4 octaves",
        );
        check.require(
            bits <= i64::from(Unit::MAX_BITS),
            || format!("vector.function.bits is {bits}, but at most {}", Unit::MAX_BITS),
            "a period, mantissa or octave has at most 4096 segments",
        );
    }
}

fn check_reduction(check: &mut Check<'_, '_, '_>, gives_float: bool) {
    let across = check.get(reduction::ACROSS) != 0;
    let interleave = check.get(reduction::INTERLEAVE) != 0;
    let kind = check.launch.flags.get(REDUCE);
    for (on, name) in [(across, "across"), (interleave, "interleave")] {
        check.require(
            !on || kind != 0,
            || format!("vector.reduction.{name} is 1, but the flag reduce is 0"),
            "say how values are joined: 1 sum, 2 maximum, 3 minimum",
        );
        check.require(
            !on || check.design.float(),
            || format!("vector.reduction.{name} is 1, but the design has no such reductions"),
            "set `vector.float` in the configuration",
        );
    }
    check.require(
        kind != 1 || interleave || !gives_float,
        || "a binary32 sum without `reduction.interleave`".into(),
        "an accumulator takes a binary32 value only every few cycles: let loop0 run over results",
    );
    let (count, depth) = (check.get(loop0::COUNT), check.design.acc_depth());
    check.require(
        !interleave || usize::try_from(count).is_ok_and(|count| count <= depth),
        || format!("vector.loop0.count is {count}, but a lane has {depth} accumulators"),
        "start several launches or raise `vector.acc_depth`",
    );
}

fn check_depthwise(check: &mut Check<'_, '_, '_>) {
    let positions = check.get(loop0::COUNT);
    let taps = i64::try_from(check.design.taps()).unwrap_or(i64::MAX);
    let depth = i64::try_from(check.design.acc_depth()).unwrap_or(i64::MAX);
    let stride = check.get(taps::STRIDE);
    check.require(stride > 0, || "vector.taps.stride is 0".into(), "it must be at least 1");
    check.require(
        positions >= taps,
        || format!("vector.loop0.count is {positions}, but the sliding window has {taps} taps"),
        "a row segment has at least as many positions as taps",
    );
    let outputs = (positions - taps) / stride.max(1) + 1;
    check.require(
        outputs <= depth,
        || format!("a row segment of {positions} positions gives {outputs} outputs, but at most {depth} can be summed up"),
        "cut the row into segments or raise `vector.acc_depth`",
    );
}

impl Transposer {
    /// Columns must come in the order of the tile.
    fn follow(&mut self, check: &mut Check<'_, '_, '_>) {
        let rows = i64::try_from(check.design.rows()).unwrap_or(1);
        let tiles =
            i64::try_from(check.design.wbuf().words / check.design.segment_rows()).unwrap_or(1);
        let reduced = match check.has(REDUCE) {
            true => 1 + usize::try_from(check.launch.flags.get(LEVELS)).unwrap_or(0),
            false => 0,
        };
        let loops: Vec<(i64, i64)> = LOOPS
            .iter()
            .zip(&DST_STRIDES)
            .skip(reduced)
            .map(|((count, _), stride): (&(Field, Field), &Field)| {
                (check.get(*count), check.get(*stride))
            })
            .collect();
        let total = loops.iter().fold(1i64, |product, (count, _)| product.saturating_mul(*count));
        for tuple in 0..total.min(MOST_TUPLES) {
            let mut rest = tuple;
            let mut address = check.get(dst::ADDR);
            for &(count, stride) in &loops {
                address += rest % count.max(1) * stride;
                rest /= count.max(1);
            }
            let row = address.rem_euclid(rows * tiles);
            let (tile, column) = (row / rows, row % rows);
            if column != self.columns || (column > 0 && tile != self.tile) {
                let message = format!(
                    "result {tuple} is column {column} of weight tile {tile}, but the transposer expects column {} of {}",
                    self.columns,
                    if self.columns == 0 {
                        "any tile".to_owned()
                    } else {
                        format!("tile {}", self.tile)
                    },
                );
                check.findings.error(
                    Rule::Configuration,
                    check.launch.pc,
                    &message,
                    "the columns of a tile come in order and without others between them",
                );
                return;
            }
            (self.tile, self.columns) = (tile, (column + 1) % rows);
        }
    }
}
