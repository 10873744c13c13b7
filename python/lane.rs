//! The post-processing lane of `npugen::arith` on NumPy arrays, for `reference.py`.
//!
//! ```text
//! lane requantize ACC.npy SCALE.npy ZERO MIN MAX OUT.npy     int32 [n, m], binary32 [n] -> int8 [n, m]
//! lane residual A.npy ZERO_A SCALES.npy B.npy ZERO_B ZERO MIN MAX OUT.npy
//!                                          int8 [n], binary32 [k, 2], int8 [n] -> int8 [k, n]
//! ```

use std::path::Path;

use ndarray::{Array1, Array2};
use ndarray_npy::{read_npy, write_npy};
use npugen::arith::post::{Quant, Residual, add_residual, requantize, residual_offset};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["requantize", acc, scale, zero, min, max, out] => {
            let quant = quant([zero, min, max])?;
            let acc: Array2<i32> = read_npy(Path::new(acc))?;
            let scale: Array1<f32> = read_npy(Path::new(scale))?;
            let mut result = Array2::<i8>::zeros(acc.dim());
            for ((mut row, acc), &scale) in
                result.rows_mut().into_iter().zip(acc.rows()).zip(&scale)
            {
                for (to, &acc) in row.iter_mut().zip(acc) {
                    *to = i8::try_from(requantize(acc, scale, quant))?;
                }
            }
            write_npy(Path::new(out), &result)?;
        }
        ["residual", a, zero_a, scales, b, zero_b, zero, min, max, out] => {
            let quant = quant([zero, min, max])?;
            let a: Array1<i8> = read_npy(Path::new(a))?;
            let b: Array1<i8> = read_npy(Path::new(b))?;
            let scales: Array2<f32> = read_npy(Path::new(scales))?;
            let (zero_a, zero_b) = (zero_a.parse()?, zero_b.parse()?);
            let mut result = Array2::<i8>::zeros((scales.nrows(), a.len()));
            for (mut row, scales) in result.rows_mut().into_iter().zip(scales.rows()) {
                let Quant { zero, min, max } = quant;
                let offset = residual_offset((scales[0], zero_a), (scales[1], zero_b), zero);
                let residual = |scale_a, scale_b, a_is_inner| Residual {
                    scale_a,
                    scale_b,
                    offset,
                    a_is_inner,
                    min,
                    max,
                };
                let plain = residual(scales[0], scales[1], false);
                let exchanged = residual(scales[1], scales[0], true);
                for ((to, &a), &b) in row.iter_mut().zip(&a).zip(&b) {
                    let (a, b) = (i32::from(a), i32::from(b));
                    let sum = add_residual(a, b, plain);
                    // The machine's a may be either operand of the sum.
                    if add_residual(b, a, exchanged) != sum {
                        return Err(format!("{a} and {b} depend on which is requantized").into());
                    }
                    *to = i8::try_from(sum)?;
                }
            }
            write_npy(Path::new(out), &result)?;
        }
        _ => return Err("see the head of python/lane.rs for the arguments".into()),
    }
    Ok(())
}

fn quant([zero, min, max]: [&str; 3]) -> Result<Quant, Failure> {
    Ok(Quant { zero: zero.parse()?, min: min.parse()?, max: max.parse()? })
}
