// C interface of a verilated model, the same for every top module and every design. The structures
// mirror src/cosim/pins.rs; what belongs to the top module is in "pins.h": its Inputs and Outputs,
// and the copies between them and the ports, which adapt to the width each port has.
//
// VM_TRACE and NPUGEN_MEMORIES are set by the build: waveforms, and access to the RAM arrays.

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "Vtop.h"
#include "verilated.h"
#include "verilated_syms.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

namespace {

constexpr int MAX_BUS_BYTES = 128;

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

// Copies of a whole bus, by the prefix of its ports. The payload is copied while it is valid, so
// that a quiet bus costs little.
#define NPUGEN_SAMPLE_REQUEST(top, prefix, axi)            \
    do {                                                   \
        (axi).arvalid = (top).prefix##arvalid;             \
        (axi).rready = (top).prefix##rready;               \
        (axi).awvalid = (top).prefix##awvalid;             \
        (axi).wvalid = (top).prefix##wvalid;               \
        (axi).bready = (top).prefix##bready;               \
        if ((axi).arvalid) {                               \
            (axi).araddr = (top).prefix##araddr;           \
            (axi).arid = (top).prefix##arid;               \
            (axi).arlen = (top).prefix##arlen;             \
            (axi).arsize = (top).prefix##arsize;           \
            (axi).arburst = (top).prefix##arburst;         \
        }                                                  \
        if ((axi).awvalid) {                               \
            (axi).awaddr = (top).prefix##awaddr;           \
            (axi).awid = (top).prefix##awid;               \
            (axi).awlen = (top).prefix##awlen;             \
            (axi).awsize = (top).prefix##awsize;           \
            (axi).awburst = (top).prefix##awburst;         \
        }                                                  \
        if ((axi).wvalid) {                                \
            (axi).wlast = (top).prefix##wlast;             \
            get((axi).wdata, (top).prefix##wdata);         \
            get((axi).wstrb, (top).prefix##wstrb);         \
        }                                                  \
    } while (false)

#define NPUGEN_DRIVE_RESPONSE(top, prefix, axi)            \
    do {                                                   \
        put((top).prefix##arready, &(axi).arready);        \
        put((top).prefix##awready, &(axi).awready);        \
        put((top).prefix##wready, &(axi).wready);          \
        put((top).prefix##rvalid, &(axi).rvalid);          \
        put((top).prefix##bvalid, &(axi).bvalid);          \
        if ((axi).rvalid) {                                \
            put((top).prefix##rid, &(axi).rid);            \
            put((top).prefix##rresp, &(axi).rresp);        \
            put((top).prefix##rlast, &(axi).rlast);        \
            put((top).prefix##rdata, (axi).rdata);         \
        }                                                  \
        if ((axi).bvalid) {                                \
            put((top).prefix##bid, &(axi).bid);            \
            put((top).prefix##bresp, &(axi).bresp);        \
        }                                                  \
    } while (false)

#define NPUGEN_DRIVE_LITE(top, prefix, lite)               \
    do {                                                   \
        put((top).prefix##awvalid, &(lite).awvalid);       \
        put((top).prefix##wvalid, &(lite).wvalid);         \
        put((top).prefix##arvalid, &(lite).arvalid);       \
        put((top).prefix##bready, &(lite).bready);         \
        put((top).prefix##rready, &(lite).rready);         \
        put((top).prefix##awaddr, &(lite).awaddr);         \
        put((top).prefix##wdata, &(lite).wdata);           \
        put((top).prefix##wstrb, &(lite).wstrb);           \
        put((top).prefix##araddr, &(lite).araddr);         \
    } while (false)

#define NPUGEN_SAMPLE_LITE(top, prefix, lite)              \
    do {                                                   \
        (lite).awready = (top).prefix##awready;            \
        (lite).wready = (top).prefix##wready;              \
        (lite).bvalid = (top).prefix##bvalid;              \
        (lite).bresp = (top).prefix##bresp;                \
        (lite).arready = (top).prefix##arready;            \
        (lite).rvalid = (top).prefix##rvalid;              \
        (lite).rdata = (top).prefix##rdata;                \
        (lite).rresp = (top).prefix##rresp;                \
    } while (false)

#include "pins.h"

struct Model {
    VerilatedContext context;
    Vtop top;
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
        drive(model->top, *in);
        model->top.clk = 0;
        model->top.eval();
        model->dump(0);
        sample(model->top, *out);
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
