//! The only definition of rounding, saturation and requantization.
