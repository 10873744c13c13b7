// Pins of cl_sim_top, a custom logic with the shell's side of its buses. The structures mirror
// src/fpga/shell/pins.rs.

constexpr int NUM_LITE = 3;  // OCL, SDA, BAR1

struct Inputs {
    AxiRequest pcis;
    AxiResponse pcim;
    AxiResponse ddr;
    LiteRequest lite[NUM_LITE];
    uint32_t rst_n, ddr_ready, irq_ack, flr_assert, vdip;
};

struct Outputs {
    AxiResponse pcis;
    AxiRequest pcim;
    AxiRequest ddr;
    LiteResponse lite[NUM_LITE];
    uint32_t irq_req, flr_done, vled, id0, id1;
};

inline void drive(Vtop& top, const Inputs& in) {
    put(top.rst_n, &in.rst_n);
    put(top.ddr_ready, &in.ddr_ready);
    put(top.irq_ack, &in.irq_ack);
    put(top.flr_assert, &in.flr_assert);
    put(top.vdip, &in.vdip);
    NPUGEN_DRIVE_LITE(top, ocl_, in.lite[0]);
    NPUGEN_DRIVE_LITE(top, sda_, in.lite[1]);
    NPUGEN_DRIVE_LITE(top, bar1_, in.lite[2]);
    NPUGEN_DRIVE_RESPONSE(top, pcim_, in.pcim);
    NPUGEN_DRIVE_RESPONSE(top, ddr_, in.ddr);
    const AxiRequest& pcis = in.pcis;
    put(top.pcis_arvalid, &pcis.arvalid);
    put(top.pcis_awvalid, &pcis.awvalid);
    put(top.pcis_wvalid, &pcis.wvalid);
    put(top.pcis_rready, &pcis.rready);
    put(top.pcis_bready, &pcis.bready);
    if (pcis.arvalid) {
        put(top.pcis_arid, &pcis.arid);
        put(top.pcis_araddr, &pcis.araddr);
        put(top.pcis_arlen, &pcis.arlen);
        put(top.pcis_arsize, &pcis.arsize);
        put(top.pcis_arburst, &pcis.arburst);
    }
    if (pcis.awvalid) {
        put(top.pcis_awid, &pcis.awid);
        put(top.pcis_awaddr, &pcis.awaddr);
        put(top.pcis_awlen, &pcis.awlen);
        put(top.pcis_awsize, &pcis.awsize);
        put(top.pcis_awburst, &pcis.awburst);
    }
    if (pcis.wvalid) {
        put(top.pcis_wdata, pcis.wdata);
        put(top.pcis_wstrb, pcis.wstrb);
        put(top.pcis_wlast, &pcis.wlast);
    }
}

inline void sample(Vtop& top, Outputs& out) {
    AxiResponse& pcis = out.pcis;
    pcis.arready = top.pcis_arready;
    pcis.awready = top.pcis_awready;
    pcis.wready = top.pcis_wready;
    pcis.rvalid = top.pcis_rvalid;
    pcis.bvalid = top.pcis_bvalid;
    if (pcis.rvalid) {
        pcis.rid = top.pcis_rid;
        pcis.rresp = top.pcis_rresp;
        pcis.rlast = top.pcis_rlast;
        get(pcis.rdata, top.pcis_rdata);
    }
    if (pcis.bvalid) {
        pcis.bid = top.pcis_bid;
        pcis.bresp = top.pcis_bresp;
    }
    NPUGEN_SAMPLE_REQUEST(top, pcim_, out.pcim);
    NPUGEN_SAMPLE_REQUEST(top, ddr_, out.ddr);
    NPUGEN_SAMPLE_LITE(top, ocl_, out.lite[0]);
    NPUGEN_SAMPLE_LITE(top, sda_, out.lite[1]);
    NPUGEN_SAMPLE_LITE(top, bar1_, out.lite[2]);
    out.irq_req = top.irq_req;
    out.flr_done = top.flr_done;
    out.vled = top.vled;
    out.id0 = top.id0;
    out.id1 = top.id1;
}
