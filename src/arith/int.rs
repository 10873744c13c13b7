//! Integer operations of the VECTOR lanes on 32-bit two's complement numbers. All of them wrap.

/// `a + b`.
pub fn add(a: i32, b: i32) -> i32 {
    a.wrapping_add(b)
}

/// `a - b`.
pub fn sub(a: i32, b: i32) -> i32 {
    a.wrapping_sub(b)
}

/// Low 32 bits of `a * b`.
pub fn mul(a: i32, b: i32) -> i32 {
    a.wrapping_mul(b)
}

/// Magnitude of `a`; that of -2^31 is -2^31.
pub fn abs(a: i32) -> i32 {
    a.wrapping_abs()
}

/// `-a`.
pub fn neg(a: i32) -> i32 {
    a.wrapping_neg()
}

/// `a << (b mod 32)`.
pub fn shl(a: i32, b: i32) -> i32 {
    a.wrapping_shl(b.cast_unsigned())
}

/// `a >> (b mod 32)`, copies of the sign move in.
pub fn shr(a: i32, b: i32) -> i32 {
    a.wrapping_shr(b.cast_unsigned())
}

/// `a >> (b mod 32)`, zeros move in.
pub fn shru(a: i32, b: i32) -> i32 {
    a.cast_unsigned().wrapping_shr(b.cast_unsigned()).cast_signed()
}

/// 1 for true, 0 for false.
pub fn truth(condition: bool) -> i32 {
    i32::from(condition)
}
