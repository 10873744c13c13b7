//! Registers and flags of each launch: combinations, values and addresses.

use super::finding::{Findings, Rule};
use super::vectors::{Transposer, check_vector};
use super::{Launch, MOST_FINDINGS};
use crate::design::Design;
use crate::isa::table::{gemm, load, unit};
use crate::isa::{Engine, Field};
use crate::program::Program;
use crate::program::footprint::{Access, Space};

/// Checks every launch by itself.
pub(super) fn check(
    design: &Design,
    program: &Program,
    launches: &[Launch],
    findings: &mut Findings<'_>,
) {
    let mut transposer = Transposer::default();
    for launch in launches {
        if findings.list.len() > MOST_FINDINGS {
            return;
        }
        let before = findings.list.len();
        let mut check = Check { design, launch, findings };
        check.counts();
        match launch.call.engine {
            Engine::Load => check.load(),
            Engine::Gemm => check.gemm(),
            Engine::Vector => check_vector(&mut check, &mut transposer),
            Engine::Unit => check.unit(),
            Engine::Store | Engine::Ctrl => {}
        }
        // Addresses of an illegal launch mean nothing.
        if check.findings.list.len() == before {
            check.ranges(program);
        }
    }
}

/// The checks of one launch.
pub(super) struct Check<'a, 'b, 'c> {
    pub(super) design: &'a Design,
    pub(super) launch: &'a Launch,
    pub(super) findings: &'b mut Findings<'c>,
}

/// The clamp limits of a post-processing stage.
pub(super) struct Stage {
    pub(super) min: Field,
    pub(super) max: Field,
}

impl Check<'_, '_, '_> {
    pub(super) fn get(&self, field: Field) -> i64 {
        self.launch.registers.get(field)
    }

    pub(super) fn has(&self, flag: Field) -> bool {
        self.launch.flags.has(flag)
    }

    /// Reports an illegal configuration unless the condition holds.
    pub(super) fn require(&mut self, holds: bool, message: impl FnOnce() -> String, help: &str) {
        if !holds {
            self.findings.error(Rule::Configuration, self.launch.pc, &message(), help);
        }
    }

    /// Every count and every number of bytes is at least one.
    fn counts(&mut self) {
        let (launch, zero) = (self.launch, ["count", "run_bytes", "group_bytes"]);
        let spec = launch.call.engine.spec();
        for field in spec.registers.iter().flat_map(|register| register.fields) {
            if zero.contains(&field.name) && launch.registers.get(*field) == 0 {
                self.require(false, || format!("{field} is 0"), "it must be at least 1");
            }
        }
    }

    fn unit(&mut self) {
        let units = self.design.units();
        let index = self.launch.call.unit();
        self.require(
            index.is_some_and(|index| index < units.len()),
            || match units.len() {
                0 => "the design has no compute units".to_owned(),
                count => format!("the design has {count} compute units, numbered from 0"),
            },
            "they are `extensions.units` of the configuration",
        );
        let (count, lanes) = (self.get(unit::loop0::COUNT), self.design.lanes());
        self.require(
            !self.has(unit::SPREAD) || usize::try_from(count).is_ok_and(|count| count <= lanes),
            || format!("unit.loop0.count is {count}, but a word has {lanes} lanes to spread"),
            "use loop1 for the words",
        );
    }

    fn load(&mut self) {
        let table = self.launch.call.function == load::Function::Table.number();
        self.require(
            !table || self.design.lookup(),
            || "the design has no lookup tables".into(),
            "set `post.lookup` in the configuration",
        );
        let coefficients = self.launch.call.function == load::Function::Coeff.number();
        self.require(
            !coefficients || self.design.function_segments() > 0,
            || "the design has no function unit".into(),
            "set `vector.segments` in the configuration",
        );
    }

    fn gemm(&mut self) {
        use gemm::*;
        let activation = self.launch.call.function == Function::Act.number();
        let (accumulate, keep) = (self.has(ACCUMULATE), self.has(KEEP));
        let blocks = self.get(n::COUNT);
        self.require(
            blocks == 1 || !(accumulate || keep),
            || format!("gemm.n.count is {blocks}, but it must be 1 with `accumulate` or `keep`"),
            "start one launch per block of output channels",
        );
        self.activation("gemm.pad.value", self.get(pad::VALUE));
        // The hardware checks the rest even for a launch that keeps its sums.
        for (flag, name) in [(RESIDUAL, "residual"), (LOOKUP, "lookup")] {
            let legal = activation || !self.has(flag);
            self.require(legal, || format!("`{name}` goes with function `act` only"), "");
        }
        let (rows, lanes) = (self.design.rows(), self.design.lanes());
        let word = if activation { rows } else { lanes };
        if !keep {
            self.first("gemm.out.first", self.get(out::FIRST), word);
        }
        if activation {
            let stage = Stage { min: quant::MIN, max: quant::MAX };
            self.stage(&stage);
        }
        if self.has(RESIDUAL) {
            if !keep {
                self.first("gemm.res.first", self.get(res::FIRST), rows);
            }
            let stage = Stage { min: res_clamp::MIN, max: res_clamp::MAX };
            self.residual(&stage, &[res_scale_a::VALUE, res_scale_b::VALUE, res_offset::VALUE]);
        }
        if self.has(LOOKUP) {
            self.lookup(self.launch.flags.get(TABLE));
        }
    }

    /// The position of the first channel in a word of `word` elements.
    fn first(&mut self, name: &str, value: i64, word: usize) {
        let cols = self.design.cols();
        let legal = usize::try_from(value).is_ok_and(|value| {
            if cols >= word { value == 0 } else { value.is_multiple_of(cols) && value < word }
        });
        self.require(
            legal,
            || match cols >= word {
                true => format!("{name} is {value}, but it must be 0: a vector of {cols} channels fills words of {word}"),
                false => format!("{name} is {value}, but it must be a multiple of {cols} below {word}"),
            },
            "",
        );
    }

    pub(super) fn residual(&mut self, stage: &Stage, scales: &[Field]) {
        self.require(
            self.design.residual(),
            || "the design has no residual addition".into(),
            "set `post.residual` in the configuration",
        );
        self.stage(stage);
        for scale in scales {
            self.scale(*scale);
        }
    }

    pub(super) fn lookup(&mut self, table: i64) {
        let tables = self.design.tables();
        let exists = usize::try_from(table).is_ok_and(|table| table < tables);
        self.require(
            exists,
            || match tables {
                0 => "the design has no lookup tables".into(),
                _ => format!("lookup table {table} does not exist: the design has {tables}"),
            },
            "see `post.lookup` and `post.tables` in the configuration",
        );
    }

    pub(super) fn stage(&mut self, stage: &Stage) {
        for limit in [stage.min, stage.max] {
            self.activation(&limit.to_string(), self.get(limit));
        }
        let (min, max) = (self.get(stage.min), self.get(stage.max));
        if min > max {
            let message = format!("{} is {min}, above {}, {max}", stage.min, stage.max);
            self.findings.warning(
                Rule::Configuration,
                self.launch.pc,
                &message,
                "results below the lower limit become it, all others the upper one",
            );
        }
    }

    fn activation(&mut self, name: &str, value: i64) {
        let half = 1i64 << (self.design.activation_bits() - 1);
        let legal = (-half..half).contains(&value);
        let max = half - 1;
        self.require(
            legal,
            || format!("{name} is {value}, but an activation is {} to {max}", -half),
            "",
        );
    }

    pub(super) fn scale(&mut self, field: Field) {
        let bits = self.get(field);
        let exponent = (bits >> 23) & 255;
        // Magnitudes from 2^-100 to below 2^64.
        let legal = bits & 0x7fff_ffff == 0 || (27..191).contains(&exponent);
        let float = u32::try_from(bits).map_or(f32::NAN, f32::from_bits);
        self.require(
            legal,
            || format!("{field} is {float:?}, but it must be zero or have a magnitude from 2^-100 to below 2^64"),
            "",
        );
    }

    /// Every address is in its buffer or region.
    fn ranges(&mut self, program: &Program) {
        let launch = self.launch;
        for (verb, list) in [("reads", &launch.coarse.reads), ("writes", &launch.coarse.writes)] {
            for (index, access) in list.iter().enumerate() {
                if self.outside(program, access).is_none() {
                    continue;
                }
                // The coarse form may claim too much.
                let exact = launch.exact(self.design);
                let list = if verb == "reads" { exact.reads } else { exact.writes };
                let problem = list.get(index).and_then(|access| self.outside(program, access));
                if let Some((what, limit)) = problem {
                    let message = format!("`{}` {verb} {what}, but {limit}", access.operand);
                    self.findings.error(Rule::Range, launch.pc, &message, "");
                }
            }
        }
    }

    /// What an access touches beyond the end of its memory, and where the end is.
    fn outside(&self, program: &Program, access: &Access) -> Option<(String, String)> {
        let (first, end) = access.spans.hull()?;
        let last = end - 1;
        let space = access.space;
        if let Space::Dram(base) = space {
            let Some(region) = program.region(base) else {
                return Some((format!("base register {base}"), "it has no region".into()));
            };
            let (name, size) = (&region.name, region.size);
            let beyond = u64::try_from(last).is_ok_and(|last| last >= size);
            let byte = if first < 0 { first } else { last };
            return (first < 0 || beyond).then(|| {
                (
                    format!("byte {byte} of region {base}, `{name}`"),
                    format!("the region has {size} bytes"),
                )
            });
        }
        let (words, per_word) = (space.words(self.design)?, space.per_word(self.design));
        let word = last / per_word;
        let limit = match words {
            0 => format!("the design has no {space}"),
            _ => format!("{space} has words 0 to {}", words - 1),
        };
        (word >= words).then(|| (format!("word {word} of {space}"), limit))
    }
}
