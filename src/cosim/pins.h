// Pins of npu_top. The structures mirror src/cosim/pins.rs.

constexpr int NUM_ENGINES = 5;  // the most; ports may have fewer
constexpr int PC_W = NPUGEN_PC_W;

struct Inputs {
    AxiResponse axi;
    LiteRequest lite;
    uint32_t rst;
};

struct Outputs {
    AxiRequest axi;
    LiteResponse lite;
    uint32_t irq, retire_valid;
    uint32_t retire_pc[NUM_ENGINES];
};

inline void drive(Vtop& top, const Inputs& in) {
    top.rst = static_cast<uint8_t>(in.rst);
    NPUGEN_DRIVE_RESPONSE(top, m_axi_, in.axi);
    NPUGEN_DRIVE_LITE(top, s_axil_, in.lite);
}

inline void sample(Vtop& top, Outputs& out) {
    NPUGEN_SAMPLE_REQUEST(top, m_axi_, out.axi);
    NPUGEN_SAMPLE_LITE(top, s_axil_, out.lite);
    out.irq = top.irq;
    out.retire_valid = top.retire_valid;
    if (out.retire_valid) {
        uint32_t words[NUM_ENGINES * PC_W / 32 + 1] = {};
        static_assert(sizeof(top.retire_pc) <= sizeof(words), "retire_pc is wider than expected");
        get(words, top.retire_pc);
        for (int engine = 0; engine < NUM_ENGINES; ++engine) {
            const int low = engine * PC_W;
            uint64_t pair;
            std::memcpy(&pair, words + low / 32, low / 32 + 1 < int(sizeof(words) / 4) ? 8 : 4);
            out.retire_pc[engine] = static_cast<uint32_t>(pair >> (low % 32)) & ((1U << PC_W) - 1U);
        }
    }
}
