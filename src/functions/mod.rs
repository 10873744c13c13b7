//! Tables for the function unit of VECTOR: the functions networks use, fitted to as many segments as
//! a design has. Owns the choice of segments and coefficients; what the unit does with them is in
//! [`crate::arith::function`], how they reach it in [`crate::kernels::wide`].
//!
//! A segment's parabola passes through the function at the three Chebyshev points of the segment,
//! which leaves an error of at most `|f'''| h^3 / 192` for a width h (see any text on interpolation);
//! its coefficients are rounded to binary32. Errors are measured on the unit's own arithmetic, bit
//! for bit, against binary64.
//!
//! Invariant: a table is a function of its name and size alone, on every machine.

mod formulas;
mod own;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::arith::function::{Mode, Table, Unit};
use crate::design::Design;
use crate::expr::Expr;

/// A function with a table.
#[derive(Debug, Clone)]
pub struct Function {
    /// Name on the command line.
    pub name: Cow<'static, str>,
    /// What it computes.
    pub formula: Cow<'static, str>,
    /// The reduced range, on which errors are measured.
    pub range: (f64, f64),
    /// Errors are counted in units in the last place of results at least this large.
    pub floor: f64,
    shape: Shape,
    f: Source,
}

/// Where values come from.
#[derive(Debug, Clone)]
enum Source {
    Built(fn(f64) -> f64),
    Expr(Expr),
}

/// How the argument is used.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// One table over a period, a mantissa or two octaves; more segments than 2^bits do not help.
    Reduced { mode: Mode, bits: u32 },
    /// Octaves from 2^first to 2^end; beyond, c0 + c1 |x| for each sign.
    Octaves { first: i32, end: i32, above: [[f64; 2]; 2], bits: u32 },
}

impl Shape {
    const fn most_bits(&self) -> u32 {
        match self {
            Shape::Reduced { bits, .. } | Shape::Octaves { bits, .. } => *bits,
        }
    }

    /// The form with this resolution.
    fn form(&self, bits: u32) -> Unit {
        let unit =
            Unit { mode: Mode::Mantissa, base: 0, bits, low: 0, octaves: 0, segments: usize::MAX };
        let form = match *self {
            Shape::Reduced { mode, .. } => Unit { mode, ..unit },
            Shape::Octaves { first, end, .. } => Unit {
                mode: Mode::Octaves,
                low: first.saturating_add(127).unsigned_abs(),
                octaves: end.saturating_sub(first).unsigned_abs(),
                ..unit
            },
        };
        Unit { segments: form.size(), ..form }
    }
}

/// The largest error of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// In units in the last place.
    pub ulp: f64,
    /// Absolute.
    pub absolute: f64,
    /// Argument of the largest error in units in the last place.
    pub at: f64,
}

impl Function {
    /// Every function, in alphabetical order.
    pub const ALL: &'static [Function] = formulas::ALL;

    /// The function with this name.
    pub fn named(name: &str) -> Option<&'static Function> {
        Function::ALL.iter().find(|function| function.name == name)
    }

    /// Names of all functions.
    pub fn names() -> Vec<&'static str> {
        Function::ALL.iter().map(|function| function.name.as_ref()).collect()
    }

    /// The function with this name, of all designs or of this one.
    pub fn of(design: &Design, name: &str) -> Option<Cow<'static, Function>> {
        let own = design.functions().iter().find(|own| own.name == name);
        let built = Function::named(name).map(Cow::Borrowed);
        built.or_else(|| Some(Cow::Owned(Function::own(own?))))
    }

    /// The true value.
    pub fn value(&self, x: f64) -> f64 {
        match &self.f {
            Source::Built(f) => f(x),
            Source::Expr(expr) => expr.real(x),
        }
    }

    /// Whether the table covers every argument, rather than a reduced one.
    pub fn is_whole(&self) -> bool {
        matches!(self.shape, Shape::Octaves { .. })
    }

    /// The lookup table of the function for activations of 8 bits with these scales and zero
    /// points: entry i belongs to the activation whose low byte is i. Each entry is the function's
    /// true value, rounded to binary32, divided by the output's scale in binary32 and rounded half
    /// to even, as onnxruntime's operators between DequantizeLinear and QuantizeLinear do it.
    pub fn lookup(&self, input: (f32, i32), output: (f32, i32)) -> Vec<i8> {
        (0..=u8::MAX)
            .map(|index| {
                let step = i32::from(index.cast_signed()) - input.1;
                let value = self.value(f64::from(step as f32 * input.0)) as f32 / output.0;
                let rounded = f64::from(value).round_ties_even() + f64::from(output.1);
                rounded.clamp(-128.0, 127.0) as i8
            })
            .collect()
    }

    /// The best table of at most `segments` segments; `None` where even the coarsest is larger.
    pub fn table(&self, segments: usize) -> Option<Table> {
        let forms = (0..=self.shape.most_bits()).rev().map(|bits| self.shape.form(bits));
        let form = forms.into_iter().find(|form| form.size() <= segments)?;
        let coefficients = match self.shape {
            Shape::Reduced { mode, .. } => (0..form.size())
                .map(|segment| {
                    let (start, width) = reduced(mode, segment, form.bits);
                    // The bits below those that choose the segment.
                    let fraction =
                        if mode == Mode::Mantissa || mode == Mode::Reciprocal { 23 } else { 24 };
                    parabola(&|x| self.value(x), start, width, exp2(fraction - form.bits))
                })
                .collect(),
            Shape::Octaves { first, end, above, .. } => {
                let mut all = Vec::new();
                for (sign, [c0, c1]) in [1.0, -1.0].into_iter().zip(above) {
                    let f = |x: f64| self.value(sign * x);
                    all.push(below(&f, libm::ldexp(1.0, first)));
                    for octave in first..end {
                        let start = libm::ldexp(1.0, octave);
                        let parts = exp2(form.bits);
                        let width = start / parts;
                        let steps = exp2(23 - form.bits);
                        let mut segment = start;
                        while segment < 2.0 * start {
                            all.push(parabola(&f, segment, width, steps));
                            segment += width;
                        }
                    }
                    all.push([c0 as f32, c1 as f32, 0.0]);
                }
                all
            }
        };
        Some(Table { form, coefficients })
    }

    /// The largest error of a table on the reduced range, at about `points` arguments that are
    /// spread evenly over the numbers (or, over a period, the values) of the range.
    pub fn measure(&self, table: &Table, points: u32) -> Report {
        let mut report = Report { ulp: 0.0, absolute: 0.0, at: 0.0 };
        let mut at = |x: f32| {
            let wide = f64::from(x);
            if wide < self.range.0 || wide >= self.range.1 {
                return;
            }
            let truth = self.value(wide);
            let error = (f64::from(table.apply(x)) - truth).abs();
            let ulp = error / ulp(truth.abs().max(self.floor));
            report.absolute = report.absolute.max(error);
            if ulp > report.ulp {
                (report.ulp, report.at) = (ulp, wide);
            }
        };
        if table.form.mode == Mode::Period {
            for step in 0..points {
                at((f64::from(step) / f64::from(points)) as f32);
            }
            return report;
        }
        for sign in [1.0_f32, -1.0] {
            let bounds = [self.range.0, self.range.1].map(|bound| bound as f32 * sign);
            let largest = bounds[0].max(bounds[1]).max(0.0).to_bits();
            // Numbers of a sign are ordered as their bits; those that are subnormal count as zero.
            let smallest = bounds[0].min(bounds[1]).max(f32::MIN_POSITIVE).to_bits();
            let step = (largest.saturating_sub(smallest) / points.max(1)).max(1);
            let mut bits = smallest;
            while bits < largest {
                at(sign * f32::from_bits(bits));
                bits += step;
            }
        }
        report
    }
}

/// Start and width of a segment's part of the reduced range.
fn reduced(mode: Mode, segment: usize, bits: u32) -> (f64, f64) {
    let part = segment as f64 / exp2(bits);
    match mode {
        Mode::Period => (part, 1.0 / exp2(bits)),
        // The lower half of the segments is [1, 2), the upper one [2, 4).
        Mode::Root if part >= 0.5 => (4.0 * part, 4.0 / exp2(bits)),
        Mode::Root => (1.0 + 2.0 * part, 2.0 / exp2(bits)),
        _ => (1.0 + part, 1.0 / exp2(bits)),
    }
}

fn exp2(power: u32) -> f64 {
    libm::ldexp(1.0, power.cast_signed())
}

/// Coefficients in units of `steps` to the width, through the three Chebyshev points.
fn parabola(f: &dyn Fn(f64) -> f64, start: f64, width: f64, steps: f64) -> [f32; 3] {
    let nodes = [0.5 - 3.0_f64.sqrt() / 4.0, 0.5, 0.5 + 3.0_f64.sqrt() / 4.0];
    coefficients(nodes.map(|node| (node * steps, f(start + node * width))))
}

/// From zero to the lowest octave the distance is the argument itself: exact at zero.
fn below(f: &dyn Fn(f64) -> f64, width: f64) -> [f32; 3] {
    coefficients([0.0, 0.5 * width, width].map(|x| (x, f(x))))
}

/// The parabola through three points, by divided differences.
fn coefficients([(x0, y0), (x1, y1), (x2, y2)]: [(f64, f64); 3]) -> [f32; 3] {
    let first = (y1 - y0) / (x1 - x0);
    let second = ((y2 - y1) / (x2 - x1) - first) / (x2 - x0);
    let c1 = first - second * (x0 + x1);
    [(y0 - x0 * first + x0 * x1 * second) as f32, c1 as f32, second as f32]
}

/// Distance of neighbouring binary32 numbers at y.
fn ulp(y: f64) -> f64 {
    libm::ldexp(1.0, libm::ilogb(y).max(-126) - 23)
}

/// The table of all functions, for the manual: errors with 512 and with 2048 segments.
pub fn manual() -> String {
    let mut text = String::from(
        "| function | | reduced range | segments | error, ulp | absolute | segments of 2048 | error, ulp |\n|---|---|---|---:|---:|---:|---:|---:|\n",
    );
    for function in Function::ALL {
        let (low, high) = function.range;
        let _ = write!(text, "| `{}` | {} | [{low}, {high}) ", function.name, function.formula);
        for (segments, absolute) in [(512, true), (2048, false)] {
            let Some(table) = function.table(segments) else { continue };
            let report = function.measure(&table, POINTS);
            let _ = write!(text, "| {} | {:.2} ", table.coefficients.len(), report.ulp);
            if absolute {
                let _ = write!(text, "| {:.1e} ", report.absolute);
            }
        }
        text.push_str("|\n");
    }
    text
}

/// Arguments at which the manual's errors are measured, for each sign.
const POINTS: u32 = 200_003;
