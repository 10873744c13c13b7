//! Fields that repeat per loop level, as arrays indexed by level: the table spells them out, code that
//! treats all levels alike takes them from here.

/// VECTOR's six loops, innermost first.
pub mod vector {
    use crate::isa::Field;
    use crate::isa::table::vector;

    /// Count and stride of operand a.
    pub const LOOPS: [(Field, Field); 6] = [
        (vector::loop0::COUNT, vector::loop0::STRIDE),
        (vector::loop1::COUNT, vector::loop1::STRIDE),
        (vector::loop2::COUNT, vector::loop2::STRIDE),
        (vector::loop3::COUNT, vector::loop3::STRIDE),
        (vector::loop4::COUNT, vector::loop4::STRIDE),
        (vector::loop5::COUNT, vector::loop5::STRIDE),
    ];
    /// Strides of operand b.
    pub const SRC2: [Field; 6] = [
        vector::src2_01::S0,
        vector::src2_01::S1,
        vector::src2_23::S2,
        vector::src2_23::S3,
        vector::src2_45::S4,
        vector::src2_45::S5,
    ];
    /// Strides of the result.
    pub const DST: [Field; 6] = [
        vector::dst_01::S0,
        vector::dst_01::S1,
        vector::dst_23::S2,
        vector::dst_23::S3,
        vector::dst_45::S4,
        vector::dst_45::S5,
    ];
    /// Steps of the vertical coordinate.
    pub const STEP_Y: [Field; 6] = [
        vector::step_y::S0,
        vector::step_y::S1,
        vector::step_y::S2,
        vector::step_y::S3,
        vector::step_y::S4,
        vector::step_y::S5,
    ];
    /// Steps of the horizontal coordinate.
    pub const STEP_X: [Field; 6] = [
        vector::step_x::S0,
        vector::step_x::S1,
        vector::step_x::S2,
        vector::step_x::S3,
        vector::step_x::S4,
        vector::step_x::S5,
    ];
}

/// UNIT's four loops, innermost first.
pub mod unit {
    use crate::isa::Field;
    use crate::isa::table::unit;

    /// Count and stride of operand a.
    pub const LOOPS: [(Field, Field); 4] = [
        (unit::loop0::COUNT, unit::loop0::STRIDE),
        (unit::loop1::COUNT, unit::loop1::STRIDE),
        (unit::loop2::COUNT, unit::loop2::STRIDE),
        (unit::loop3::COUNT, unit::loop3::STRIDE),
    ];
    /// Strides of operand b.
    pub const SRC2: [Field; 4] =
        [unit::src2_01::S0, unit::src2_01::S1, unit::src2_23::S2, unit::src2_23::S3];
    /// Strides of the outputs.
    pub const DST: [Field; 4] =
        [unit::dst_01::S0, unit::dst_01::S1, unit::dst_23::S2, unit::dst_23::S3];
    /// Parameters.
    pub const PARAMETERS: [Field; 4] =
        [unit::p0::VALUE, unit::p1::VALUE, unit::p2::VALUE, unit::p3::VALUE];
}
