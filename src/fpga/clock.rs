//! Settings of the clock manager (MMCME4) that makes the machine's clock from the shell's.

/// Multiplier and dividers; those in eighths are fractional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mmcm {
    /// Multiplier of the oscillator, in eighths.
    pub mult_8: u32,
    /// Divider of the input.
    pub divide: u32,
    /// Divider of the output, in eighths.
    pub out_8: u32,
}

/// Range of the oscillator in MHz, speed grade -2 (UltraScale+ data sheets DS923 and DS892).
const OSCILLATOR_MHZ: (u32, u32) = (800, 1600);

/// Exact settings for a frequency that is not above the input's: with whole numbers where they can
/// be had, and the fastest oscillator, which both keep the jitter low.
pub fn settings(input_mhz: u32, output_mhz: u32) -> Option<Mmcm> {
    if output_mhz == 0 || output_mhz > input_mhz {
        return None;
    }
    let mut best: Option<((bool, u32), Mmcm)> = None;
    for divide in 1..=10 {
        for mult_8 in 16..=8 * 64 {
            let oscillator_8 = input_mhz * mult_8;
            let range = 8 * divide * OSCILLATOR_MHZ.0..=8 * divide * OSCILLATOR_MHZ.1;
            // output = input * mult / (divide * out)
            let out_8 = oscillator_8 / (divide * output_mhz);
            let exact = out_8 * divide * output_mhz == oscillator_8;
            if !range.contains(&oscillator_8) || !exact || !(16..=8 * 128).contains(&out_8) {
                continue;
            }
            let worth =
                (mult_8.is_multiple_of(8) && out_8.is_multiple_of(8), oscillator_8 / divide);
            if best.is_none_or(|(found, _)| worth > found) {
                best = Some((worth, Mmcm { mult_8, divide, out_8 }));
            }
        }
    }
    best.map(|(_, settings)| settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_are_exact() {
        for output in 7..=250 {
            let Some(found) = settings(250, output) else { continue };
            let product = 250 * u64::from(found.mult_8);
            assert_eq!(product, u64::from(output * found.divide * found.out_8), "{output} MHz");
        }
        for output in [10, 25, 50, 75, 100, 125, 150, 175, 200, 225, 240] {
            assert!(settings(250, output).is_some(), "{output} MHz");
        }
        assert_eq!(settings(250, 125), Some(Mmcm { mult_8: 48, divide: 1, out_8: 96 }));
        assert_eq!(settings(250, 251), None);
        assert_eq!(settings(250, 0), None);
    }
}
