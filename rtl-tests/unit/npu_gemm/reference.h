// GEMM as docs/machine.md states it, on plain arrays: the reference of the bench.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

struct Shape {
    int rows, cols, lanes, act_w, wgt_w, segments, seg_rows;
};

struct Launch {
    int function = 0;
    bool accumulate = false, keep = false, residual = false, lookup = false;
    int table = 0;
    int ow = 1, oh = 1, kc = 1, kw = 1, kh = 1, n = 1;
    int x_addr = 0, s_ow = 0, s_oh = 0, s_kc = 0, s_kw = 0, s_kh = 0, s_n = 0;
    int y_start = 0, y_limit = 65535, y_step_oh = 0, y_step_kh = 0;
    int x_start = 0, x_limit = 65535, x_step_ow = 0, x_step_kw = 0;
    int pad = 0, w_addr = 0, obuf = 0, param = 0;
    int out_addr = 0, out_first = 0, out_ow = 0, out_oh = 0, out_block = 0;
    int res_addr = 0, res_first = 0, res_ow = 0, res_oh = 0, res_block = 0;
    int zero = 0, min = 0, max = 0, res_min = 0, res_max = 0, a_is_inner = 0;
    uint32_t scale_a = 0, scale_b = 0, offset = 0;
    int wait = 0, signal = 0;
    int passes() const { return kc * kw * kh; }
    int vectors() const { return ow * oh; }
};

struct Memory {
    std::vector<int32_t> ibuf, wbuf, bias, vmem, obuf;
    std::vector<uint32_t> scale;
    std::vector<uint8_t> tables;
};

inline float as_float(uint32_t bits) {
    float f;
    memcpy(&f, &bits, 4);
    return f;
}
inline uint32_t as_bits(float f) {
    uint32_t bits;
    memcpy(&bits, &f, 4);
    return bits;
}
inline int64_t rint_saturate(float f) {
    if (f >= 2147483648.0f) return INT32_MAX;
    if (f < -2147483648.0f) return INT32_MIN;
    return (int64_t)std::nearbyintf(f);
}
inline int32_t clamp(int64_t v, int32_t low, int32_t high) {
    return v < low ? low : v > high ? high : (int32_t)v;
}

inline int32_t post(const Launch &l, const Memory &m, const Shape &s, int32_t acc, int32_t bias, uint32_t scale, int32_t skip) {
    int32_t t = (int32_t)((uint32_t)acc + (uint32_t)bias);
    if (l.function == 1) return t;
    volatile float f = (float)t;
    f = f * as_float(scale);
    if (l.function == 2) return (int32_t)as_bits(f);
    int32_t y = clamp(rint_saturate(f) + l.zero, l.min, l.max);
    if (l.residual) {
        float a = (float)y, b = (float)skip, scale_a = as_float(l.scale_a), scale_b = as_float(l.scale_b);
        float sum = l.a_is_inner ? std::fmaf(b, scale_b, std::fmaf(a, scale_a, as_float(l.offset)))
                                 : std::fmaf(a, scale_a, std::fmaf(b, scale_b, as_float(l.offset)));
        y = clamp(rint_saturate(sum), l.res_min, l.res_max);
    }
    if (l.lookup) {
        int32_t entry = m.tables[(size_t)(l.table * 256 + (y & 255))];
        y = (int32_t)((uint32_t)entry << (32 - s.act_w)) >> (32 - s.act_w);
    }
    return y;
}

inline void execute(const Launch &l, Memory &m, const Shape &s) {
    const int wbuf_words = (int)m.wbuf.size() / (s.segments * s.cols);
    for (int n = 0; n < l.n; n++)
        for (int kh = 0; kh < l.kh; kh++)
            for (int kw = 0; kw < l.kw; kw++)
                for (int kc = 0; kc < l.kc; kc++) {
                    int pass = (kh * l.kw + kw) * l.kc + kc;
                    for (int v = 0; v < l.vectors(); v++) {
                        int ow = v % l.ow, oh = v / l.ow;
                        int64_t y = l.y_start + (int64_t)oh * l.y_step_oh + (int64_t)kh * l.y_step_kh;
                        int64_t x = l.x_start + (int64_t)ow * l.x_step_ow + (int64_t)kw * l.x_step_kw;
                        bool inside = y >= 0 && y < l.y_limit && x >= 0 && x < l.x_limit;
                        int addr = (l.x_addr + ow * l.s_ow + oh * l.s_oh + kc * l.s_kc + kw * l.s_kw + kh * l.s_kh + n * l.s_n) & 0xFFFFFF;
                        for (int c = 0; c < s.cols; c++) {
                            uint32_t dot = 0;
                            for (int r = 0; r < s.rows; r++) {
                                int32_t a = inside ? m.ibuf[(size_t)(addr * s.rows + r)] : l.pad;
                                int word = (l.w_addr + (n * l.passes() + pass) * s.seg_rows + r % s.seg_rows) % wbuf_words;
                                dot += (uint32_t)a * (uint32_t)m.wbuf[(size_t)((word * s.segments + r / s.seg_rows) * s.cols + c)];
                            }
                            int32_t &acc = m.obuf[(size_t)((l.obuf + v) * s.cols + c)];
                            acc = (int32_t)(dot + (pass == 0 && !l.accumulate ? 0 : (uint32_t)acc));
                            if (pass != l.passes() - 1 || l.keep) continue;
                            int word_size = l.function == 0 ? s.rows : s.lanes;
                            int e = l.out_first + n * s.cols + c, er = l.res_first + n * s.cols + c;
                            int32_t skip = l.residual ? m.ibuf[(size_t)((l.res_addr + er / s.rows * l.res_block + oh * l.res_oh + ow * l.res_ow) * s.rows + er % s.rows)] : 0;
                            int32_t result = post(l, m, s, acc, m.bias[(size_t)((l.param + n) * s.cols + c)], m.scale[(size_t)((l.param + n) * s.cols + c)], skip);
                            int out = l.out_addr + e / word_size * l.out_block + oh * l.out_oh + ow * l.out_ow;
                            (l.function == 0 ? m.ibuf : m.vmem)[(size_t)(out * word_size + e % word_size)] = result;
                        }
                    }
                }
}
