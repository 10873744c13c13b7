// The binary32 functions of VECTOR on bit patterns, written after the machine's description: the
// C++ compiler's arithmetic, subnormals flushed by hand, one pattern for NaN.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

enum { FADD = 20, FSUB, FMUL, FMAX, FMIN, FEQ, FLT, FLE, I2F, F2I, FABS, FNEG, FSQR, FUNCTION };

static const uint32_t A_NAN = 0x7fc00000, INFINITE = 0x7f800000, SIGN = 0x80000000;

inline float number(uint32_t bits) {
    float f;
    std::memcpy(&f, &bits, 4);
    return std::fpclassify(f) == FP_SUBNORMAL ? std::copysign(0.0f, f) : f;
}
inline uint32_t pattern(float f) {
    uint32_t bits;
    if (std::isnan(f)) return A_NAN;
    std::memcpy(&bits, &f, 4);
    return std::fpclassify(f) == FP_SUBNORMAL ? bits & SIGN : bits;
}
inline uint32_t fadd(uint32_t a, uint32_t b) { return pattern(number(a) + number(b)); }
inline uint32_t fmul(uint32_t a, uint32_t b) { return pattern(number(a) * number(b)); }
inline uint32_t pick(uint32_t a, uint32_t b, bool larger) {
    float x = number(a), y = number(b);
    if (std::isnan(x)) return pattern(y);
    if (std::isnan(y)) return pattern(x);
    if (x == 0 && y == 0) return (std::signbit(x) || std::signbit(y)) && (!larger || (std::signbit(x) && std::signbit(y))) ? SIGN : 0;
    return pattern((x > y) == larger ? x : y);
}
// Of a product of a binary32 number and a power of two, which is exact.
inline int32_t whole(double x) {
    if (std::isnan(x)) return 0;
    if (x >= 2147483648.0) return INT32_MAX;
    if (x <= -2147483648.0) return INT32_MIN;
    return (int32_t)std::nearbyint(x);
}

inline uint32_t float_function(int function, uint32_t a, uint32_t b) {
    float x = number(a), y = number(b);
    switch (function) {
        case FADD: return fadd(a, b);
        case FSUB: return pattern(x - y);
        case FMUL: return fmul(a, b);
        case FMAX: return pick(a, b, true);
        case FMIN: return pick(a, b, false);
        case FEQ: return x == y;
        case FLT: return x < y;
        case FLE: return x <= y;
        case I2F: return pattern((float)(int32_t)a);
        case F2I: return (uint32_t)whole(x);
        case FABS: return pattern(std::fabs(x));
        case FNEG: return pattern(-x);
        default: return fmul(a, a);
    }
}

inline bool float_valued(int function) {
    switch (function) {
        case FADD: case FSUB: case FMUL: case FMAX: case FMIN: case I2F: case FABS: case FNEG:
        case FSQR: case FUNCTION: return true;
        default: return false;
    }
}

struct Settings {
    uint32_t mode = 0, base = 0, bits = 0, low = 0, octaves = 0;
    uint64_t word() const {
        return mode | (uint64_t)base << 3 | (uint64_t)bits << 19 | (uint64_t)low << 23
            | (uint64_t)octaves << 31;
    }
};

// Times two to the power k, without rounding.
inline uint32_t stepped(uint32_t bits, int k) {
    float y = number(bits);
    if (std::isnan(y) || std::isinf(y) || y == 0) return pattern(y);
    double z = std::ldexp((double)y, k);
    if (std::fabs(z) >= 0x1p128) return (z < 0 ? SIGN : 0) | INFINITE;
    return pattern((float)z);
}

inline uint32_t evaluate(const Settings &s, const std::vector<uint32_t> &coefficients, uint32_t bits) {
    float x = number(bits);
    std::memcpy(&bits, &x, 4);
    uint32_t negative = bits >> 31, exponent = bits >> 23 & 255, mantissa = bits & 0x7fffff;
    int m = (int)s.bits;
    auto poly = [&](uint32_t segment, uint32_t d) {
        segment &= 0xffff;
        if (segment >= coefficients.size() / 4) segment = 0;
        const uint32_t *c = &coefficients[4 * segment];
        return fadd(fmul(fadd(fmul(c[2], d), c[1]), d), c[0]);
    };
    auto cut = [&](uint32_t value, int width, uint32_t base) {
        uint32_t d = value & ((1u << (width - m)) - 1);
        return poly(base + (value >> (width - m)), pattern((float)d));
    };
    int power = (int)exponent - 127;
    switch (s.mode) {
        case 0: {
            int32_t t = whole((double)x * 16777216.0);
            return stepped(cut((uint32_t)t & 0xffffff, 24, s.base), t >> 24);
        }
        case 1: return cut(mantissa, 23, s.base);
        case 2: {
            if (std::isnan(x)) return A_NAN;
            if (x == 0) return negative << 31 | INFINITE;
            if (std::isinf(x)) return negative << 31;
            uint32_t y = stepped(cut(mantissa, 23, s.base), -power);
            return negative ? float_function(FNEG, y, 0) : y;
        }
        case 3: {
            if (x == 0) return negative << 31 | INFINITE;
            if (std::isnan(x) || x < 0) return A_NAN;
            if (std::isinf(x)) return 0;
            int half = (int)std::floor(power / 2.0);
            uint32_t u = (uint32_t)(power - 2 * half) << 23 | mantissa;
            return stepped(cut(u, 24, s.base), -half);
        }
        default: {
            uint32_t height = s.octaves * (1u << m) + 2;
            uint32_t base = s.base + (negative ? height : 0);
            uint32_t size = bits & ~SIGN;
            if (exponent < s.low) return poly(base, size);
            if (exponent < s.low + s.octaves) return cut(mantissa, 23, base + 1 + ((exponent - s.low) << m));
            return poly(base + height - 1, size == INFINITE ? 0x7f7fffff : size);
        }
    }
}

// One step of a reduction of values that such functions have given.
inline uint32_t float_join(int kind, uint32_t acc, uint32_t v) {
    return kind == 1 ? fadd(acc, v) : pick(acc, v, kind == 2);
}
