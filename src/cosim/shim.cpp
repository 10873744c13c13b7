// C interface of a verilated npu_top. The structures mirror src/cosim/pins.rs; the copies adapt to
// the width each port has in this design, so this text is the same for every design.
//
// VM_TRACE and NPUGEN_MEMORIES are set by the build: waveforms, and access to the RAM arrays.

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "Vnpu_top.h"
#include "verilated.h"
#include "verilated_syms.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

namespace {

constexpr int MAX_BUS_BYTES = 128;
constexpr int NUM_ENGINES = 5;  // the most; ports may have fewer
constexpr int PC_W = NPUGEN_PC_W;

struct AxiRequest {
    uint64_t araddr, awaddr;
    uint32_t arvalid, arid, arlen, arsize, arburst, rready;
    uint32_t awvalid, awid, awlen, awsize, awburst;
    uint32_t wvalid, wlast, bready;
    uint8_t wdata[MAX_BUS_BYTES];
    uint8_t wstrb[MAX_BUS_BYTES / 8];
};

struct AxiResponse {
    uint32_t arready, rvalid, rid, rresp, rlast;
    uint32_t awready, wready, bvalid, bid, bresp;
    uint8_t rdata[MAX_BUS_BYTES];
};

struct LiteRequest {
    uint32_t awvalid, awaddr, wvalid, wdata, wstrb, bready, arvalid, araddr, rready;
};

struct LiteResponse {
    uint32_t awready, wready, bvalid, bresp, arready, rvalid, rdata, rresp;
};

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

struct Memory {
    const char* scope;
    const void* data;
    uint32_t depth, word_bytes, word_bits;
};

// A signal inside the design, copied in every cycle.
struct Probe {
    const void* data;
    uint32_t bytes;
};

constexpr uint32_t PROBE_BYTES = 16;  // of a signal's place among the samples

struct Fatal {
    std::string message;
};

// A port of any width as bytes, least significant first; both sides are little-endian.
template <class Port>
void put(Port& port, const void* from) {
    std::memcpy(&port, from, sizeof(Port));
}

template <class Port>
void get(void* into, const Port& port) {
    std::memcpy(into, &port, sizeof(Port));
}

struct Model {
    VerilatedContext context;
    Vnpu_top top;
    uint64_t cycle = 0;
    std::string error;
    std::vector<Memory> memories;
    std::vector<Probe> probes;
    std::vector<uint8_t> samples;
#if VM_TRACE
    VerilatedVcdC vcd;
    bool tracing = false;
    uint64_t origin = 0;
#endif

    Model() : top((configure(context), &context)) {
#if VM_TRACE
        top.trace(&vcd, 99);
#endif
#if NPUGEN_MEMORIES
        collect();
#endif
    }

    static void configure(VerilatedContext& context) {
        context.traceEverOn(VM_TRACE != 0);
        context.randReset(0);
    }

#if NPUGEN_MEMORIES
    void collect() {
        for (const auto& entry : *context.scopeNameMap()) {
            VerilatedVar* const var = entry.second->varFind("mem");
            if (!var || var->udims() != 1) continue;
            Memory memory;
            memory.scope = entry.first;
            memory.data = var->datap();
            memory.depth = static_cast<uint32_t>(var->unpacked().elements());
            memory.word_bytes = static_cast<uint32_t>(var->entSize());
            memory.word_bits = static_cast<uint32_t>(var->packed().elements());
            memories.push_back(memory);
        }
    }
#endif

    uint32_t probe(const char* scope, const char* name) {
        const VerilatedScope* const found = context.scopeFind(scope);
        VerilatedVar* const var = found ? found->varFind(name) : nullptr;
        if (!var || var->entSize() > PROBE_BYTES) return 0;
        probes.push_back({var->datap(), static_cast<uint32_t>(var->entSize())});
        samples.resize(probes.size() * PROBE_BYTES);
        return probes.back().bytes;
    }

    void observe() {
        uint8_t* place = samples.data();
        for (const Probe& probe : probes) {
            std::memcpy(place, probe.data, probe.bytes);
            place += PROBE_BYTES;
        }
    }

    void dump(uint64_t half) {
#if VM_TRACE
        if (tracing) vcd.dump(2 * (cycle - origin) + half);
#else
        (void)half;
#endif
    }

    void drive(const Inputs& in) {
        top.rst = static_cast<uint8_t>(in.rst);
        top.m_axi_arready = static_cast<uint8_t>(in.axi.arready);
        top.m_axi_awready = static_cast<uint8_t>(in.axi.awready);
        top.m_axi_wready = static_cast<uint8_t>(in.axi.wready);
        top.m_axi_rvalid = static_cast<uint8_t>(in.axi.rvalid);
        if (in.axi.rvalid) {
            put(top.m_axi_rid, &in.axi.rid);
            put(top.m_axi_rresp, &in.axi.rresp);
            put(top.m_axi_rlast, &in.axi.rlast);
            put(top.m_axi_rdata, in.axi.rdata);
        }
        top.m_axi_bvalid = static_cast<uint8_t>(in.axi.bvalid);
        if (in.axi.bvalid) {
            put(top.m_axi_bid, &in.axi.bid);
            put(top.m_axi_bresp, &in.axi.bresp);
        }
        top.s_axil_awvalid = static_cast<uint8_t>(in.lite.awvalid);
        top.s_axil_wvalid = static_cast<uint8_t>(in.lite.wvalid);
        top.s_axil_arvalid = static_cast<uint8_t>(in.lite.arvalid);
        top.s_axil_bready = static_cast<uint8_t>(in.lite.bready);
        top.s_axil_rready = static_cast<uint8_t>(in.lite.rready);
        put(top.s_axil_awaddr, &in.lite.awaddr);
        put(top.s_axil_wdata, &in.lite.wdata);
        put(top.s_axil_wstrb, &in.lite.wstrb);
        put(top.s_axil_araddr, &in.lite.araddr);
    }

    void sample(Outputs& out) {
        AxiRequest& axi = out.axi;
        axi.arvalid = top.m_axi_arvalid;
        axi.rready = top.m_axi_rready;
        axi.awvalid = top.m_axi_awvalid;
        axi.wvalid = top.m_axi_wvalid;
        axi.bready = top.m_axi_bready;
        if (axi.arvalid) {
            axi.araddr = top.m_axi_araddr;
            axi.arid = top.m_axi_arid;
            axi.arlen = top.m_axi_arlen;
            axi.arsize = top.m_axi_arsize;
            axi.arburst = top.m_axi_arburst;
        }
        if (axi.awvalid) {
            axi.awaddr = top.m_axi_awaddr;
            axi.awid = top.m_axi_awid;
            axi.awlen = top.m_axi_awlen;
            axi.awsize = top.m_axi_awsize;
            axi.awburst = top.m_axi_awburst;
        }
        if (axi.wvalid) {
            axi.wlast = top.m_axi_wlast;
            get(axi.wdata, top.m_axi_wdata);
            get(axi.wstrb, top.m_axi_wstrb);
        }
        out.lite.awready = top.s_axil_awready;
        out.lite.wready = top.s_axil_wready;
        out.lite.bvalid = top.s_axil_bvalid;
        out.lite.bresp = top.s_axil_bresp;
        out.lite.arready = top.s_axil_arready;
        out.lite.rvalid = top.s_axil_rvalid;
        out.lite.rdata = top.s_axil_rdata;
        out.lite.rresp = top.s_axil_rresp;
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
};

thread_local std::string creation_error;

}  // namespace

// Verilator's own handlers end the process; these end the call.
void vl_finish(const char*, int, const char*) {}

void vl_stop(const char* file, int line, const char*) {
    throw Fatal{std::string("$stop at ") + file + ":" + std::to_string(line)};
}

void vl_fatal(const char* file, int line, const char*, const char* message) {
    throw Fatal{std::string(message) + " (" + (file ? file : "") + ":" + std::to_string(line) + ")"};
}

#define NPUGEN_EXPORT __attribute__((visibility("default")))

extern "C" {

NPUGEN_EXPORT Model* npugen_create() {
    try {
        return new Model;
    } catch (const Fatal& fatal) {
        creation_error = fatal.message;
        return nullptr;
    }
}

NPUGEN_EXPORT void npugen_destroy(Model* model) {
    delete model;
}

// Sizes of the shared structures, so that the caller can refuse a library of another layout.
NPUGEN_EXPORT uint32_t npugen_layout() {
    return static_cast<uint32_t>(sizeof(Inputs) << 16 | sizeof(Outputs));
}

// One clock cycle: settles on the inputs, reports the outputs of this cycle, then takes the edge.
NPUGEN_EXPORT int npugen_step(Model* model, const Inputs* in, Outputs* out) {
    try {
        model->drive(*in);
        model->top.clk = 0;
        model->top.eval();
        model->dump(0);
        model->sample(*out);
        model->observe();
        model->top.clk = 1;
        model->top.eval();
        model->dump(1);
        ++model->cycle;
        return 0;
    } catch (const Fatal& fatal) {
        model->error = fatal.message;
        return 1;
    }
}

NPUGEN_EXPORT const char* npugen_error(const Model* model) {
    return model ? model->error.c_str() : creation_error.c_str();
}

// Starts a waveform at the present cycle; time 2 n and 2 n + 1 are the halves of cycle origin + n.
NPUGEN_EXPORT int npugen_trace_open(Model* model, const char* path, uint64_t origin) {
#if VM_TRACE
    model->origin = origin;
    model->vcd.open(path);
    model->tracing = model->vcd.isOpen();
    return model->tracing ? 0 : 1;
#else
    (void)model;
    (void)path;
    (void)origin;
    return 1;
#endif
}

NPUGEN_EXPORT void npugen_trace_close(Model* model) {
#if VM_TRACE
    if (model->tracing) model->vcd.close();
    model->tracing = false;
#else
    (void)model;
#endif
}

// Lets a signal be copied in every cycle, as it is when the inputs have settled; its bytes, or zero
// when the model does not have it. Samples stand in the order of these calls, 16 bytes each.
NPUGEN_EXPORT uint32_t npugen_probe(Model* model, const char* scope, const char* name) {
    return model->probe(scope, name);
}

NPUGEN_EXPORT const uint8_t* npugen_samples(const Model* model) {
    return model->samples.data();
}

NPUGEN_EXPORT uint32_t npugen_memory_count(const Model* model) {
    return static_cast<uint32_t>(model->memories.size());
}

NPUGEN_EXPORT void npugen_memory(const Model* model, uint32_t index, Memory* out) {
    *out = model->memories[index];
}

}  // extern "C"
