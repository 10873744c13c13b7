//! Post-processing of a launch: which of the lane's steps apply, with which constants.

use super::Stop;
use super::memory::Memory;
use super::shape::Shape;
use crate::arith::float::mul;
use crate::arith::post::sign_extend;
use crate::arith::post::{Quant, Residual, add_residual, biased, lookup_index, scaled};
use crate::isa::{Field, Registers};

/// What leaves the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Requantized activation.
    Activation,
    /// acc + bias.
    Int32,
    /// f32(acc + bias) * scale, or the value times the scale, as bits.
    Float32,
}

/// Fields of the registers an engine has for its post-processing.
pub struct PostFields {
    /// quant.zero, .min, .max.
    pub quant: [Field; 3],
    /// res_clamp.min, .max.
    pub res_clamp: [Field; 2],
    /// res_scale_a.value, res_scale_b.value.
    pub res_scales: [Field; 2],
    /// res_offset.value, .inner.
    pub res_offset: [Field; 2],
}

/// The lane's constants for one launch.
#[derive(Debug, Clone, Copy)]
pub struct Post {
    format: Format,
    quant: Quant,
    residual: Option<Residual>,
    /// First byte of the lookup table.
    table: Option<usize>,
    /// Whether values are binary32 already: no bias, no conversion.
    float: bool,
    activation_bits: u32,
}

impl Post {
    /// Reads and checks the registers.
    pub fn new(
        shape: &Shape,
        registers: &Registers,
        fields: &PostFields,
        format: Format,
        residual: bool,
        table: Option<i64>,
    ) -> Result<Post, Stop> {
        let activation = format == Format::Activation;
        let quant = quant(registers, fields.quant);
        if activation {
            check(shape, [quant.min, quant.max])?;
        }
        let residual = if residual {
            let second = Residual {
                scale_a: float(registers, fields.res_scales[0]),
                scale_b: float(registers, fields.res_scales[1]),
                offset: float(registers, fields.res_offset[0]),
                a_is_inner: registers.get(fields.res_offset[1]) != 0,
                min: int(registers, fields.res_clamp[0]),
                max: int(registers, fields.res_clamp[1]),
            };
            if !activation || !shape.residual {
                return Err(Stop::configuration());
            }
            check(shape, [second.min, second.max])?;
            Some(second)
        } else {
            None
        };
        let table = match table {
            Some(number) => {
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                if !activation || number >= shape.tables || shape.activation_bits > 8 {
                    return Err(Stop::configuration());
                }
                Some(256 * number)
            }
            None => None,
        };
        Ok(Post {
            format,
            quant,
            residual,
            table,
            float: false,
            activation_bits: shape.activation_bits,
        })
    }

    /// The same for values that are binary32, or not.
    pub fn of_float(self, float: bool) -> Post {
        Post { float, ..self }
    }

    /// Whether a residual takes part.
    pub fn has_residual(&self) -> bool {
        self.residual.is_some()
    }

    /// One lane.
    pub fn apply(&self, memory: &Memory, acc: i32, bias: i32, scale: i32, skip: i32) -> i32 {
        let t = if self.float { acc } else { biased(acc, bias) };
        let scale = f32::from_bits(scale.cast_unsigned());
        let product = match self.float {
            true => mul(f32::from_bits(acc.cast_unsigned()), scale),
            false => scaled(t, scale),
        };
        match self.format {
            Format::Int32 => t,
            Format::Float32 => product.to_bits().cast_signed(),
            Format::Activation => {
                let mut y = self.quant.apply(product);
                if let Some(residual) = self.residual {
                    y = add_residual(y, skip, residual);
                }
                match self.table {
                    Some(start) => {
                        let at = start + usize::from(lookup_index(y));
                        let entry = memory.table.get(at).copied().unwrap_or(0);
                        sign_extend(u32::from(entry), self.activation_bits)
                    }
                    None => y,
                }
            }
        }
    }
}

fn int(registers: &Registers, field: Field) -> i32 {
    i32::try_from(registers.get(field)).unwrap_or(0)
}

fn float(registers: &Registers, field: Field) -> f32 {
    f32::from_bits(u32::try_from(registers.get(field)).unwrap_or(0))
}

fn quant(registers: &Registers, [zero, min, max]: [Field; 3]) -> Quant {
    Quant { zero: int(registers, zero), min: int(registers, min), max: int(registers, max) }
}

fn check(shape: &Shape, limits: [i32; 2]) -> Result<(), Stop> {
    let (low, high) = shape.activation_range();
    let legal = |limit: i32| (low..=high).contains(&i64::from(limit));
    if limits.into_iter().all(legal) { Ok(()) } else { Err(Stop::configuration()) }
}
