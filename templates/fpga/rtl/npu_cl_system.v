// Everything of the custom logic that is the same for all shells: the machine, the host's two ways
// in (registers on OCL, memory on PCIS), the way to the DRAM, and the engine that copies to the
// host's memory where the shell has none. Masters of the DRAM: 0 the machine, 1 the host, 2 the
// copy engine.
`default_nettype none

module npu_cl_system #(
    parameter PCIS_ID_W    = 16,
    parameter MEMORY_W     = 36,                   // log2 of the bytes of the DRAM
    parameter HAS_DMA      = 1,                    // an engine for the host's memory, on PCIM
    parameter CROSSING     = 0,                    // the machine has a clock of its own
    parameter CLOCK_MHZ    = 250,                  // of the machine
    parameter NPU_ID_W     = 4,                    // widths of the ports of npu_top
    parameter NPU_ADDR_W   = 40,
    parameter NPU_ENGINES  = 4,
    parameter NPU_RETIRE_W = 96,
    parameter DATA_W       = 512                   // of every AXI4 bus, the machine's too
) (
    input  wire                      clk,          // of the shell's buses
    input  wire                      rst,
    input  wire                      npu_clk,      // of the machine; the same as clk, or CROSSING
    input  wire                      npu_rst,
    input  wire                      memory_ready,

    // Registers.
    input  wire                      ocl_awvalid,
    output wire                      ocl_awready,
    input  wire [31:0]               ocl_awaddr,
    input  wire                      ocl_wvalid,
    output wire                      ocl_wready,
    input  wire [31:0]               ocl_wdata,
    input  wire [3:0]                ocl_wstrb,
    output wire                      ocl_bvalid,
    input  wire                      ocl_bready,
    output wire [1:0]                ocl_bresp,
    input  wire                      ocl_arvalid,
    output wire                      ocl_arready,
    input  wire [31:0]               ocl_araddr,
    output wire                      ocl_rvalid,
    input  wire                      ocl_rready,
    output wire [31:0]               ocl_rdata,
    output wire [1:0]                ocl_rresp,

    // The host reads and writes the DRAM.
    input  wire [PCIS_ID_W-1:0]      pcis_awid,
    input  wire [63:0]               pcis_awaddr,
    input  wire [7:0]                pcis_awlen,
    input  wire                      pcis_awvalid,
    output wire                      pcis_awready,
    input  wire [DATA_W-1:0]         pcis_wdata,
    input  wire [DATA_W/8-1:0]       pcis_wstrb,
    input  wire                      pcis_wlast,
    input  wire                      pcis_wvalid,
    output wire                      pcis_wready,
    output wire [PCIS_ID_W-1:0]      pcis_bid,
    output wire [1:0]                pcis_bresp,
    output wire                      pcis_bvalid,
    input  wire                      pcis_bready,
    input  wire [PCIS_ID_W-1:0]      pcis_arid,
    input  wire [63:0]               pcis_araddr,
    input  wire [7:0]                pcis_arlen,
    input  wire                      pcis_arvalid,
    output wire                      pcis_arready,
    output wire [PCIS_ID_W-1:0]      pcis_rid,
    output wire [DATA_W-1:0]         pcis_rdata,
    output wire [1:0]                pcis_rresp,
    output wire                      pcis_rlast,
    output wire                      pcis_rvalid,
    input  wire                      pcis_rready,

    // The host's memory.
    output wire [15:0]               pcim_awid,
    output wire [63:0]               pcim_awaddr,
    output wire [7:0]                pcim_awlen,
    output wire                      pcim_awvalid,
    input  wire                      pcim_awready,
    output wire [DATA_W-1:0]         pcim_wdata,
    output wire [DATA_W/8-1:0]       pcim_wstrb,
    output wire                      pcim_wlast,
    output wire                      pcim_wvalid,
    input  wire                      pcim_wready,
    input  wire [15:0]               pcim_bid,
    input  wire [1:0]                pcim_bresp,
    input  wire                      pcim_bvalid,
    output wire                      pcim_bready,
    output wire [15:0]               pcim_arid,
    output wire [63:0]               pcim_araddr,
    output wire [7:0]                pcim_arlen,
    output wire                      pcim_arvalid,
    input  wire                      pcim_arready,
    input  wire [15:0]               pcim_rid,
    input  wire [DATA_W-1:0]         pcim_rdata,
    input  wire [1:0]                pcim_rresp,
    input  wire                      pcim_rlast,
    input  wire                      pcim_rvalid,
    output wire                      pcim_rready,

    // The DRAM: bursts of full-width beats; the ID is the number of the master.
    output wire [1:0]                ddr_awid,
    output wire [MEMORY_W-1:0]       ddr_awaddr,
    output wire [7:0]                ddr_awlen,
    output wire                      ddr_awvalid,
    input  wire                      ddr_awready,
    output wire [DATA_W-1:0]         ddr_wdata,
    output wire [DATA_W/8-1:0]       ddr_wstrb,
    output wire                      ddr_wlast,
    output wire                      ddr_wvalid,
    input  wire                      ddr_wready,
    input  wire [1:0]                ddr_bid,
    input  wire [1:0]                ddr_bresp,
    input  wire                      ddr_bvalid,
    output wire                      ddr_bready,
    output wire [1:0]                ddr_arid,
    output wire [MEMORY_W-1:0]       ddr_araddr,
    output wire [7:0]                ddr_arlen,
    output wire                      ddr_arvalid,
    input  wire                      ddr_arready,
    input  wire [1:0]                ddr_rid,
    input  wire [DATA_W-1:0]         ddr_rdata,
    input  wire [1:0]                ddr_rresp,
    input  wire                      ddr_rlast,
    input  wire                      ddr_rvalid,
    output wire                      ddr_rready,

    output wire [1:0]          irq_req,            // machine, copy engine
    input  wire [1:0]          irq_ack,
    output wire [15:0]         leds
);

    localparam STRB_W = DATA_W / 8;

    // ---- Registers --------------------------------------------------------------------------

    wire        npu_alive;
    wire [1:0]  window_awvalid;
    wire [1:0]  window_awready;
    wire [11:0] window_awaddr;
    wire [1:0]  window_wvalid;
    wire [1:0]  window_wready;
    wire [31:0] window_wdata;
    wire [3:0]  window_wstrb;
    wire [1:0]  window_bvalid;
    wire [1:0]  window_bready;
    wire [1:0]  window_arvalid;
    wire [1:0]  window_arready;
    wire [11:0] window_araddr;
    wire [1:0]  window_rvalid;
    wire [1:0]  window_rready;
    wire [63:0] window_rdata;

    npu_cl_axil_split u_split (
        .clk           (clk),
        .rst           (rst),
        .alive         (npu_alive),
        .s_axil_awvalid (ocl_awvalid),
        .s_axil_awready (ocl_awready),
        .s_axil_awaddr  (ocl_awaddr),
        .s_axil_wvalid  (ocl_wvalid),
        .s_axil_wready  (ocl_wready),
        .s_axil_wdata   (ocl_wdata),
        .s_axil_wstrb   (ocl_wstrb),
        .s_axil_bvalid  (ocl_bvalid),
        .s_axil_bready  (ocl_bready),
        .s_axil_bresp   (ocl_bresp),
        .s_axil_arvalid (ocl_arvalid),
        .s_axil_arready (ocl_arready),
        .s_axil_araddr  (ocl_araddr),
        .s_axil_rvalid  (ocl_rvalid),
        .s_axil_rready  (ocl_rready),
        .s_axil_rdata   (ocl_rdata),
        .s_axil_rresp   (ocl_rresp),
        .m_axil_awvalid (window_awvalid),
        .m_axil_awready (window_awready),
        .m_axil_awaddr  (window_awaddr),
        .m_axil_wvalid  (window_wvalid),
        .m_axil_wready  (window_wready),
        .m_axil_wdata   (window_wdata),
        .m_axil_wstrb   (window_wstrb),
        .m_axil_bvalid  (window_bvalid),
        .m_axil_bready  (window_bready),
        .m_axil_arvalid (window_arvalid),
        .m_axil_arready (window_arready),
        .m_axil_araddr  (window_araddr),
        .m_axil_rvalid  (window_rvalid),
        .m_axil_rready  (window_rready),
        .m_axil_rdata   (window_rdata)
    );

    wire        dma_push;
    wire        dma_to_host;
    wire [63:0] dma_card;
    wire [63:0] dma_host;
    wire [23:0] dma_length;
    wire        dma_clear;
    wire        dma_notify;
    wire [63:0] dma_notify_address;
    wire [7:0]  dma_free;
    wire        dma_busy;
    wire        dma_error;
    wire [1:0]  dma_response;
    wire [1:0]  dma_side;
    wire [31:0] dma_done;
    wire        dma_irq;

    npu_cl_regs #(
        .MEMORY_W (MEMORY_W),
        .HAS_DMA  (HAS_DMA),
        .CLOCK_MHZ(CLOCK_MHZ)
    ) u_regs (
        .clk               (clk),
        .rst               (rst),
        .s_axil_awvalid    (window_awvalid[1]),
        .s_axil_awready    (window_awready[1]),
        .s_axil_awaddr     (window_awaddr),
        .s_axil_wvalid     (window_wvalid[1]),
        .s_axil_wready     (window_wready[1]),
        .s_axil_wdata      (window_wdata),
        .s_axil_wstrb      (window_wstrb),
        .s_axil_bvalid     (window_bvalid[1]),
        .s_axil_bready     (window_bready[1]),
        .s_axil_arvalid    (window_arvalid[1]),
        .s_axil_arready    (window_arready[1]),
        .s_axil_araddr     (window_araddr),
        .s_axil_rvalid     (window_rvalid[1]),
        .s_axil_rready     (window_rready[1]),
        .s_axil_rdata      (window_rdata[63:32]),
        .memory_ready      (memory_ready),
        .dma_push          (dma_push),
        .dma_to_host       (dma_to_host),
        .dma_card          (dma_card),
        .dma_host          (dma_host),
        .dma_length        (dma_length),
        .dma_clear         (dma_clear),
        .dma_notify        (dma_notify),
        .dma_notify_address(dma_notify_address),
        .dma_free          (dma_free),
        .dma_busy          (dma_busy),
        .dma_error         (dma_error),
        .dma_response      (dma_response),
        .dma_side          (dma_side),
        .dma_done          (dma_done)
    );

    // ---- The machine ------------------------------------------------------------------------

    wire        npu_irq;
    wire [NPU_ID_W-1:0]     npu_awid;
    wire [NPU_ADDR_W-1:0]   npu_awaddr;
    wire [7:0]              npu_awlen;
    wire                    npu_awvalid;
    wire                    npu_awready;
    wire [DATA_W-1:0]       npu_wdata;
    wire [STRB_W-1:0]       npu_wstrb;
    wire                    npu_wlast;
    wire                    npu_wvalid;
    wire                    npu_wready;
    wire [NPU_ID_W-1:0]     npu_bid;
    wire [1:0]              npu_bresp;
    wire                    npu_bvalid;
    wire                    npu_bready;
    wire [NPU_ID_W-1:0]     npu_arid;
    wire [NPU_ADDR_W-1:0]   npu_araddr;
    wire [7:0]              npu_arlen;
    wire                    npu_arvalid;
    wire                    npu_arready;
    wire [NPU_ID_W-1:0]     npu_rid;
    wire [DATA_W-1:0]       npu_rdata;
    wire [1:0]              npu_rresp;
    wire                    npu_rlast;
    wire                    npu_rvalid;
    wire                    npu_rready;

    npu_cl_machine #(
        .CROSSING    (CROSSING),
        .NPU_ID_W    (NPU_ID_W),
        .NPU_ADDR_W  (NPU_ADDR_W),
        .NPU_ENGINES (NPU_ENGINES),
        .NPU_RETIRE_W(NPU_RETIRE_W),
        .DATA_W      (DATA_W)
    ) u_machine (
        .clk           (clk),
        .rst           (rst),
        .npu_clk       (npu_clk),
        .npu_rst       (npu_rst),
        .alive         (npu_alive),
        .irq_seen      (npu_irq),
        .s_axil_awvalid (window_awvalid[0]),
        .s_axil_awready (window_awready[0]),
        .s_axil_awaddr  (window_awaddr),
        .s_axil_wvalid  (window_wvalid[0]),
        .s_axil_wready  (window_wready[0]),
        .s_axil_wdata   (window_wdata),
        .s_axil_wstrb   (window_wstrb),
        .s_axil_bvalid  (window_bvalid[0]),
        .s_axil_bready  (window_bready[0]),
        .s_axil_arvalid (window_arvalid[0]),
        .s_axil_arready (window_arready[0]),
        .s_axil_araddr  (window_araddr),
        .s_axil_rvalid  (window_rvalid[0]),
        .s_axil_rready  (window_rready[0]),
        .s_axil_rdata   (window_rdata[31:0]),
        .m_axi_awid     (npu_awid),
        .m_axi_awaddr   (npu_awaddr),
        .m_axi_awlen    (npu_awlen),
        .m_axi_awvalid  (npu_awvalid),
        .m_axi_awready  (npu_awready),
        .m_axi_wdata    (npu_wdata),
        .m_axi_wstrb    (npu_wstrb),
        .m_axi_wlast    (npu_wlast),
        .m_axi_wvalid   (npu_wvalid),
        .m_axi_wready   (npu_wready),
        .m_axi_bid      (npu_bid),
        .m_axi_bresp    (npu_bresp),
        .m_axi_bvalid   (npu_bvalid),
        .m_axi_bready   (npu_bready),
        .m_axi_arid     (npu_arid),
        .m_axi_araddr   (npu_araddr),
        .m_axi_arlen    (npu_arlen),
        .m_axi_arvalid  (npu_arvalid),
        .m_axi_arready  (npu_arready),
        .m_axi_rid      (npu_rid),
        .m_axi_rdata    (npu_rdata),
        .m_axi_rresp    (npu_rresp),
        .m_axi_rlast    (npu_rlast),
        .m_axi_rvalid   (npu_rvalid),
        .m_axi_rready   (npu_rready)
    );

    // ---- The copy engine --------------------------------------------------------------------

    wire [7:0]              dma_awid;
    wire [63:0]             dma_awaddr;
    wire [7:0]              dma_awlen;
    wire                    dma_awvalid;
    wire                    dma_awready;
    wire [DATA_W-1:0]       dma_wdata;
    wire [STRB_W-1:0]       dma_wstrb;
    wire                    dma_wlast;
    wire                    dma_wvalid;
    wire                    dma_wready;
    wire [7:0]              dma_bid;
    wire [1:0]              dma_bresp;
    wire                    dma_bvalid;
    wire                    dma_bready;
    wire [7:0]              dma_arid;
    wire [63:0]             dma_araddr;
    wire [7:0]              dma_arlen;
    wire                    dma_arvalid;
    wire                    dma_arready;
    wire [7:0]              dma_rid;
    wire [DATA_W-1:0]       dma_rdata;
    wire [1:0]              dma_rresp;
    wire                    dma_rlast;
    wire                    dma_rvalid;
    wire                    dma_rready;

    wire [7:0]         host_awid;
    wire [7:0]         host_arid;
    assign pcim_awid = {8'd0, host_awid};
    assign pcim_arid = {8'd0, host_arid};
    wire   unused_id = &{1'b0, pcim_bid[15:8], pcim_rid[15:8]};

    generate
        if (HAS_DMA != 0) begin : gen_dma
            npu_cl_dma #(
                .DATA_W(DATA_W)
            ) u_dma (
                .clk           (clk),
                .rst           (rst),
                .push          (dma_push),
                .push_to_host  (dma_to_host),
                .push_card     (dma_card),
                .push_host     (dma_host),
                .push_length   (dma_length),
                .clear         (dma_clear),
                .notify_enable (dma_notify),
                .notify_address(dma_notify_address),
                .free          (dma_free),
                .busy          (dma_busy),
                .error         (dma_error),
                .error_response(dma_response),
                .error_side    (dma_side),
                .done_count    (dma_done),
                .irq           (dma_irq),
                .card_awid     (dma_awid),
                .card_awaddr   (dma_awaddr),
                .card_awlen    (dma_awlen),
                .card_awvalid  (dma_awvalid),
                .card_awready  (dma_awready),
                .card_wdata    (dma_wdata),
                .card_wstrb    (dma_wstrb),
                .card_wlast    (dma_wlast),
                .card_wvalid   (dma_wvalid),
                .card_wready   (dma_wready),
                .card_bresp    (dma_bresp),
                .card_bvalid   (dma_bvalid),
                .card_bready   (dma_bready),
                .card_arid     (dma_arid),
                .card_araddr   (dma_araddr),
                .card_arlen    (dma_arlen),
                .card_arvalid  (dma_arvalid),
                .card_arready  (dma_arready),
                .card_rid      (dma_rid),
                .card_rdata    (dma_rdata),
                .card_rresp    (dma_rresp),
                .card_rlast    (dma_rlast),
                .card_rvalid   (dma_rvalid),
                .card_rready   (dma_rready),
                .host_awid     (host_awid),
                .host_awaddr   (pcim_awaddr),
                .host_awlen    (pcim_awlen),
                .host_awvalid  (pcim_awvalid),
                .host_awready  (pcim_awready),
                .host_wdata    (pcim_wdata),
                .host_wstrb    (pcim_wstrb),
                .host_wlast    (pcim_wlast),
                .host_wvalid   (pcim_wvalid),
                .host_wready   (pcim_wready),
                .host_bid      (pcim_bid[7:0]),
                .host_bresp    (pcim_bresp),
                .host_bvalid   (pcim_bvalid),
                .host_bready   (pcim_bready),
                .host_arid     (host_arid),
                .host_araddr   (pcim_araddr),
                .host_arlen    (pcim_arlen),
                .host_arvalid  (pcim_arvalid),
                .host_arready  (pcim_arready),
                .host_rid      (pcim_rid[7:0]),
                .host_rdata    (pcim_rdata),
                .host_rresp    (pcim_rresp),
                .host_rlast    (pcim_rlast),
                .host_rvalid   (pcim_rvalid),
                .host_rready   (pcim_rready)
            );

            wire unused_bid = &{1'b0, dma_bid};
        end else begin : gen_no_dma
            wire unused_dma = &{1'b0, dma_push, dma_to_host, dma_card, dma_host, dma_length,
                                dma_clear, dma_notify, dma_notify_address, dma_awready, dma_wready,
                                dma_bid, dma_bresp, dma_bvalid, dma_arready, dma_rid, dma_rdata,
                                dma_rresp, dma_rlast, dma_rvalid, pcim_awready, pcim_wready,
                                pcim_bid[7:0], pcim_bresp, pcim_bvalid, pcim_arready,
                                pcim_rid[7:0],
                                pcim_rdata, pcim_rresp, pcim_rlast, pcim_rvalid};
            assign dma_free     = 8'd0;
            assign dma_busy     = 1'b0;
            assign dma_error    = 1'b0;
            assign dma_response = 2'b00;
            assign dma_side     = 2'b00;
            assign dma_done     = 32'd0;
            assign dma_irq      = 1'b0;
            assign dma_awid     = 8'd0;
            assign dma_awaddr   = 64'd0;
            assign dma_awlen    = 8'd0;
            assign dma_awvalid  = 1'b0;
            assign dma_wdata    = {DATA_W{1'b0}};
            assign dma_wstrb    = {STRB_W{1'b0}};
            assign dma_wlast    = 1'b0;
            assign dma_wvalid   = 1'b0;
            assign dma_bready   = 1'b1;
            assign dma_arid     = 8'd0;
            assign dma_araddr   = 64'd0;
            assign dma_arlen    = 8'd0;
            assign dma_arvalid  = 1'b0;
            assign dma_rready   = 1'b1;
            assign host_awid    = 8'd0;
            assign pcim_awaddr  = 64'd0;
            assign pcim_awlen   = 8'd0;
            assign pcim_awvalid = 1'b0;
            assign pcim_wdata   = {DATA_W{1'b0}};
            assign pcim_wstrb   = {STRB_W{1'b0}};
            assign pcim_wlast   = 1'b0;
            assign pcim_wvalid  = 1'b0;
            assign pcim_bready  = 1'b1;
            assign host_arid    = 8'd0;
            assign pcim_araddr  = 64'd0;
            assign pcim_arlen   = 8'd0;
            assign pcim_arvalid = 1'b0;
            assign pcim_rready  = 1'b1;
        end
    endgenerate

    // ---- The way to the DRAM ----------------------------------------------------------------

    wire [3*MEMORY_W-1:0] all_awaddr;
    wire [3*8-1:0]        all_awlen;
    wire [2:0]            all_awvalid;
    wire [2:0]            all_awready;
    wire [3*DATA_W-1:0]   all_wdata;
    wire [3*STRB_W-1:0]   all_wstrb;
    wire [2:0]            all_wlast;
    wire [2:0]            all_wvalid;
    wire [2:0]            all_wready;
    wire [1:0]            all_bresp;
    wire [2:0]            all_bvalid;
    wire [2:0]            all_bready;
    wire [3*MEMORY_W-1:0] all_araddr;
    wire [3*8-1:0]        all_arlen;
    wire [2:0]            all_arvalid;
    wire [2:0]            all_arready;
    wire [DATA_W-1:0]     all_rdata;
    wire [1:0]            all_rresp;
    wire                  all_rlast;
    wire [2:0]            all_rvalid;
    wire [2:0]            all_rready;

    wire [63:0] npu_awaddr_wide = {{(64-NPU_ADDR_W){1'b0}}, npu_awaddr};
    wire [63:0] npu_araddr_wide = {{(64-NPU_ADDR_W){1'b0}}, npu_araddr};

    npu_cl_axi_port #(
        .ID_W    (NPU_ID_W),
        .DATA_W  (DATA_W),
        .MEMORY_W(MEMORY_W)
    ) u_npu_port (
        .clk         (clk),
        .rst         (rst),
        .memory_ready(memory_ready),
        .s_axi_awid    (npu_awid),
        .s_axi_awaddr  (npu_awaddr_wide),
        .s_axi_awlen   (npu_awlen),
        .s_axi_awvalid (npu_awvalid),
        .s_axi_awready (npu_awready),
        .s_axi_wdata   (npu_wdata),
        .s_axi_wstrb   (npu_wstrb),
        .s_axi_wlast   (npu_wlast),
        .s_axi_wvalid  (npu_wvalid),
        .s_axi_wready  (npu_wready),
        .s_axi_bid     (npu_bid),
        .s_axi_bresp   (npu_bresp),
        .s_axi_bvalid  (npu_bvalid),
        .s_axi_bready  (npu_bready),
        .s_axi_arid    (npu_arid),
        .s_axi_araddr  (npu_araddr_wide),
        .s_axi_arlen   (npu_arlen),
        .s_axi_arvalid (npu_arvalid),
        .s_axi_arready (npu_arready),
        .s_axi_rid     (npu_rid),
        .s_axi_rdata   (npu_rdata),
        .s_axi_rresp   (npu_rresp),
        .s_axi_rlast   (npu_rlast),
        .s_axi_rvalid  (npu_rvalid),
        .s_axi_rready  (npu_rready),
        .m_awaddr      (all_awaddr[0*MEMORY_W +: MEMORY_W]),
        .m_awlen       (all_awlen[0*8 +: 8]),
        .m_awvalid     (all_awvalid[0]),
        .m_awready     (all_awready[0]),
        .m_wdata       (all_wdata[0*DATA_W +: DATA_W]),
        .m_wstrb       (all_wstrb[0*STRB_W +: STRB_W]),
        .m_wlast       (all_wlast[0]),
        .m_wvalid      (all_wvalid[0]),
        .m_wready      (all_wready[0]),
        .m_bresp       (all_bresp),
        .m_bvalid      (all_bvalid[0]),
        .m_bready      (all_bready[0]),
        .m_araddr      (all_araddr[0*MEMORY_W +: MEMORY_W]),
        .m_arlen       (all_arlen[0*8 +: 8]),
        .m_arvalid     (all_arvalid[0]),
        .m_arready     (all_arready[0]),
        .m_rdata       (all_rdata),
        .m_rresp       (all_rresp),
        .m_rlast       (all_rlast),
        .m_rvalid      (all_rvalid[0]),
        .m_rready      (all_rready[0])
    );

    npu_cl_axi_port #(
        .ID_W    (PCIS_ID_W),
        .DATA_W  (DATA_W),
        .MEMORY_W(MEMORY_W)
    ) u_pcis_port (
        .clk         (clk),
        .rst         (rst),
        .memory_ready(memory_ready),
        .s_axi_awid    (pcis_awid),
        .s_axi_awaddr  (pcis_awaddr),
        .s_axi_awlen   (pcis_awlen),
        .s_axi_awvalid (pcis_awvalid),
        .s_axi_awready (pcis_awready),
        .s_axi_wdata   (pcis_wdata),
        .s_axi_wstrb   (pcis_wstrb),
        .s_axi_wlast   (pcis_wlast),
        .s_axi_wvalid  (pcis_wvalid),
        .s_axi_wready  (pcis_wready),
        .s_axi_bid     (pcis_bid),
        .s_axi_bresp   (pcis_bresp),
        .s_axi_bvalid  (pcis_bvalid),
        .s_axi_bready  (pcis_bready),
        .s_axi_arid    (pcis_arid),
        .s_axi_araddr  (pcis_araddr),
        .s_axi_arlen   (pcis_arlen),
        .s_axi_arvalid (pcis_arvalid),
        .s_axi_arready (pcis_arready),
        .s_axi_rid     (pcis_rid),
        .s_axi_rdata   (pcis_rdata),
        .s_axi_rresp   (pcis_rresp),
        .s_axi_rlast   (pcis_rlast),
        .s_axi_rvalid  (pcis_rvalid),
        .s_axi_rready  (pcis_rready),
        .m_awaddr      (all_awaddr[1*MEMORY_W +: MEMORY_W]),
        .m_awlen       (all_awlen[1*8 +: 8]),
        .m_awvalid     (all_awvalid[1]),
        .m_awready     (all_awready[1]),
        .m_wdata       (all_wdata[1*DATA_W +: DATA_W]),
        .m_wstrb       (all_wstrb[1*STRB_W +: STRB_W]),
        .m_wlast       (all_wlast[1]),
        .m_wvalid      (all_wvalid[1]),
        .m_wready      (all_wready[1]),
        .m_bresp       (all_bresp),
        .m_bvalid      (all_bvalid[1]),
        .m_bready      (all_bready[1]),
        .m_araddr      (all_araddr[1*MEMORY_W +: MEMORY_W]),
        .m_arlen       (all_arlen[1*8 +: 8]),
        .m_arvalid     (all_arvalid[1]),
        .m_arready     (all_arready[1]),
        .m_rdata       (all_rdata),
        .m_rresp       (all_rresp),
        .m_rlast       (all_rlast),
        .m_rvalid      (all_rvalid[1]),
        .m_rready      (all_rready[1])
    );

    npu_cl_axi_port #(
        .ID_W    (8),
        .DATA_W  (DATA_W),
        .MEMORY_W(MEMORY_W)
    ) u_dma_port (
        .clk         (clk),
        .rst         (rst),
        .memory_ready(memory_ready),
        .s_axi_awid    (dma_awid),
        .s_axi_awaddr  (dma_awaddr),
        .s_axi_awlen   (dma_awlen),
        .s_axi_awvalid (dma_awvalid),
        .s_axi_awready (dma_awready),
        .s_axi_wdata   (dma_wdata),
        .s_axi_wstrb   (dma_wstrb),
        .s_axi_wlast   (dma_wlast),
        .s_axi_wvalid  (dma_wvalid),
        .s_axi_wready  (dma_wready),
        .s_axi_bid     (dma_bid),
        .s_axi_bresp   (dma_bresp),
        .s_axi_bvalid  (dma_bvalid),
        .s_axi_bready  (dma_bready),
        .s_axi_arid    (dma_arid),
        .s_axi_araddr  (dma_araddr),
        .s_axi_arlen   (dma_arlen),
        .s_axi_arvalid (dma_arvalid),
        .s_axi_arready (dma_arready),
        .s_axi_rid     (dma_rid),
        .s_axi_rdata   (dma_rdata),
        .s_axi_rresp   (dma_rresp),
        .s_axi_rlast   (dma_rlast),
        .s_axi_rvalid  (dma_rvalid),
        .s_axi_rready  (dma_rready),
        .m_awaddr      (all_awaddr[2*MEMORY_W +: MEMORY_W]),
        .m_awlen       (all_awlen[2*8 +: 8]),
        .m_awvalid     (all_awvalid[2]),
        .m_awready     (all_awready[2]),
        .m_wdata       (all_wdata[2*DATA_W +: DATA_W]),
        .m_wstrb       (all_wstrb[2*STRB_W +: STRB_W]),
        .m_wlast       (all_wlast[2]),
        .m_wvalid      (all_wvalid[2]),
        .m_wready      (all_wready[2]),
        .m_bresp       (all_bresp),
        .m_bvalid      (all_bvalid[2]),
        .m_bready      (all_bready[2]),
        .m_araddr      (all_araddr[2*MEMORY_W +: MEMORY_W]),
        .m_arlen       (all_arlen[2*8 +: 8]),
        .m_arvalid     (all_arvalid[2]),
        .m_arready     (all_arready[2]),
        .m_rdata       (all_rdata),
        .m_rresp       (all_rresp),
        .m_rlast       (all_rlast),
        .m_rvalid      (all_rvalid[2]),
        .m_rready      (all_rready[2])
    );

    npu_cl_axi_mux #(
        .PORTS (3),
        .ADDR_W(MEMORY_W),
        .DATA_W(DATA_W)
    ) u_mux (
        .clk          (clk),
        .rst          (rst),
        .s_awaddr     (all_awaddr),
        .s_awlen      (all_awlen),
        .s_awvalid    (all_awvalid),
        .s_awready    (all_awready),
        .s_wdata      (all_wdata),
        .s_wstrb      (all_wstrb),
        .s_wlast      (all_wlast),
        .s_wvalid     (all_wvalid),
        .s_wready     (all_wready),
        .s_bresp      (all_bresp),
        .s_bvalid     (all_bvalid),
        .s_bready     (all_bready),
        .s_araddr     (all_araddr),
        .s_arlen      (all_arlen),
        .s_arvalid    (all_arvalid),
        .s_arready    (all_arready),
        .s_rdata      (all_rdata),
        .s_rresp      (all_rresp),
        .s_rlast      (all_rlast),
        .s_rvalid     (all_rvalid),
        .s_rready     (all_rready),
        .m_axi_awid   (ddr_awid),
        .m_axi_awaddr (ddr_awaddr),
        .m_axi_awlen  (ddr_awlen),
        .m_axi_awvalid(ddr_awvalid),
        .m_axi_awready(ddr_awready),
        .m_axi_wdata  (ddr_wdata),
        .m_axi_wstrb  (ddr_wstrb),
        .m_axi_wlast  (ddr_wlast),
        .m_axi_wvalid (ddr_wvalid),
        .m_axi_wready (ddr_wready),
        .m_axi_bid    (ddr_bid),
        .m_axi_bresp  (ddr_bresp),
        .m_axi_bvalid (ddr_bvalid),
        .m_axi_bready (ddr_bready),
        .m_axi_arid   (ddr_arid),
        .m_axi_araddr (ddr_araddr),
        .m_axi_arlen  (ddr_arlen),
        .m_axi_arvalid(ddr_arvalid),
        .m_axi_arready(ddr_arready),
        .m_axi_rid    (ddr_rid),
        .m_axi_rdata  (ddr_rdata),
        .m_axi_rresp  (ddr_rresp),
        .m_axi_rlast  (ddr_rlast),
        .m_axi_rvalid (ddr_rvalid),
        .m_axi_rready (ddr_rready)
    );

    // ---- Interrupts and lights --------------------------------------------------------------

    reg npu_irq_q;
    always @(posedge clk) begin
        npu_irq_q <= npu_irq && !rst;
    end

    npu_cl_irq #(
        .VECTORS(2)
    ) u_irq (
        .clk        (clk),
        .rst        (rst),
        .event_pulse({dma_irq, npu_irq && !npu_irq_q}),
        .irq_req    (irq_req),
        .irq_ack    (irq_ack)
    );

    assign leds = {11'd0, dma_error, dma_busy, npu_irq, npu_alive, memory_ready};

endmodule

`default_nettype wire
