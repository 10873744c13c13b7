// The machine, with its buses brought from its own clock into that of the shell's.
`default_nettype none

module npu_cl_machine #(
    parameter CROSSING     = 0,                    // the machine has a clock of its own
    parameter NPU_ID_W     = 4,                    // widths of the ports of npu_top
    parameter NPU_ADDR_W   = 40,
    parameter NPU_ENGINES  = 4,
    parameter NPU_RETIRE_W = 96,
    parameter DATA_W       = 512
) (
    input  wire                  clk,              // of the buses
    input  wire                  rst,
    input  wire                  npu_clk,          // of the machine: clk itself unless CROSSING
    input  wire                  npu_rst,
    output wire                  alive,            // accesses to the registers are answered
    output wire                  irq_seen,         // a level

    // Registers.
    input  wire                  s_axil_awvalid,
    output wire                  s_axil_awready,
    input  wire [11:0]           s_axil_awaddr,
    input  wire                  s_axil_wvalid,
    output wire                  s_axil_wready,
    input  wire [31:0]           s_axil_wdata,
    input  wire [3:0]            s_axil_wstrb,
    output wire                  s_axil_bvalid,
    input  wire                  s_axil_bready,
    input  wire                  s_axil_arvalid,
    output wire                  s_axil_arready,
    input  wire [11:0]           s_axil_araddr,
    output wire                  s_axil_rvalid,
    input  wire                  s_axil_rready,
    output wire [31:0]           s_axil_rdata,

    // The DRAM: INCR bursts of full-width beats.
    output wire [NPU_ID_W-1:0]   m_axi_awid,
    output wire [NPU_ADDR_W-1:0] m_axi_awaddr,
    output wire [7:0]            m_axi_awlen,
    output wire                  m_axi_awvalid,
    input  wire                  m_axi_awready,
    output wire [DATA_W-1:0]     m_axi_wdata,
    output wire [DATA_W/8-1:0]   m_axi_wstrb,
    output wire                  m_axi_wlast,
    output wire                  m_axi_wvalid,
    input  wire                  m_axi_wready,
    input  wire [NPU_ID_W-1:0]   m_axi_bid,
    input  wire [1:0]            m_axi_bresp,
    input  wire                  m_axi_bvalid,
    output wire                  m_axi_bready,
    output wire [NPU_ID_W-1:0]   m_axi_arid,
    output wire [NPU_ADDR_W-1:0] m_axi_araddr,
    output wire [7:0]            m_axi_arlen,
    output wire                  m_axi_arvalid,
    input  wire                  m_axi_arready,
    input  wire [NPU_ID_W-1:0]   m_axi_rid,
    input  wire [DATA_W-1:0]     m_axi_rdata,
    input  wire [1:0]            m_axi_rresp,
    input  wire                  m_axi_rlast,
    input  wire                  m_axi_rvalid,
    output wire                  m_axi_rready
);

    localparam STRB_W = DATA_W / 8;

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
    wire                    npu_irq;
    wire [2:0]              npu_arsize;
    wire [1:0]              npu_arburst;
    wire [3:0]              npu_arcache;
    wire [2:0]              npu_arprot;
    wire [2:0]              npu_awsize;
    wire [1:0]              npu_awburst;
    wire [3:0]              npu_awcache;
    wire [2:0]              npu_awprot;
    wire [NPU_ENGINES-1:0]  retire_valid;
    wire [NPU_RETIRE_W-1:0] retire_pc;

    wire                    reg_awvalid;
    wire                    reg_awready;
    wire [11:0]             reg_awaddr;
    wire                    reg_wvalid;
    wire                    reg_wready;
    wire [31:0]             reg_wdata;
    wire [3:0]              reg_wstrb;
    wire                    reg_bvalid;
    wire                    reg_bready;
    wire [1:0]              reg_bresp;
    wire                    reg_arvalid;
    wire                    reg_arready;
    wire [11:0]             reg_araddr;
    wire                    reg_rvalid;
    wire                    reg_rready;
    wire [31:0]             reg_rdata;
    wire [1:0]              reg_rresp;

    npu_top u_npu (
        .clk           (npu_clk),
        .rst           (npu_rst),
        .s_axil_awvalid (reg_awvalid),
        .s_axil_awready (reg_awready),
        .s_axil_awaddr  (reg_awaddr),
        .s_axil_awprot (3'd0),
        .s_axil_wvalid  (reg_wvalid),
        .s_axil_wready  (reg_wready),
        .s_axil_wdata   (reg_wdata),
        .s_axil_wstrb   (reg_wstrb),
        .s_axil_bvalid  (reg_bvalid),
        .s_axil_bready  (reg_bready),
        .s_axil_bresp   (reg_bresp),
        .s_axil_arvalid (reg_arvalid),
        .s_axil_arready (reg_arready),
        .s_axil_araddr  (reg_araddr),
        .s_axil_arprot (3'd0),
        .s_axil_rvalid  (reg_rvalid),
        .s_axil_rready  (reg_rready),
        .s_axil_rdata   (reg_rdata),
        .s_axil_rresp   (reg_rresp),
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
        .m_axi_rready   (npu_rready),
        .m_axi_arsize   (npu_arsize),
        .m_axi_arburst  (npu_arburst),
        .m_axi_arcache  (npu_arcache),
        .m_axi_arprot   (npu_arprot),
        .m_axi_awsize   (npu_awsize),
        .m_axi_awburst  (npu_awburst),
        .m_axi_awcache  (npu_awcache),
        .m_axi_awprot   (npu_awprot),
        .irq           (npu_irq),
        .retire_valid  (retire_valid),
        .retire_pc     (retire_pc)
    );

    generate
        if (CROSSING != 0) begin : gen_crossing
            wire [1:0] crossed_bresp;
            wire [1:0] crossed_rresp;
            wire       unused_crossed = &{1'b0, crossed_bresp, crossed_rresp};

            npu_cl_axi_cdc #(
                .AW_W(NPU_ID_W + NPU_ADDR_W + 8),
                .W_W (DATA_W + STRB_W + 1),
                .B_W (NPU_ID_W + 2),
                .AR_W(NPU_ID_W + NPU_ADDR_W + 8),
                .R_W (NPU_ID_W + DATA_W + 3)
            ) u_axi_cdc (
                .s_clk    (npu_clk),
                .s_rst    (npu_rst),
                .s_awvalid(npu_awvalid),
                .s_awready(npu_awready),
                .s_aw     ({npu_awid, npu_awaddr, npu_awlen}),
                .s_wvalid (npu_wvalid),
                .s_wready (npu_wready),
                .s_w      ({npu_wdata, npu_wstrb, npu_wlast}),
                .s_bvalid (npu_bvalid),
                .s_bready (npu_bready),
                .s_b      ({npu_bid, npu_bresp}),
                .s_arvalid(npu_arvalid),
                .s_arready(npu_arready),
                .s_ar     ({npu_arid, npu_araddr, npu_arlen}),
                .s_rvalid (npu_rvalid),
                .s_rready (npu_rready),
                .s_r      ({npu_rid, npu_rdata, npu_rresp, npu_rlast}),
                .m_clk    (clk),
                .m_rst    (rst),
                .m_awvalid(m_axi_awvalid),
                .m_awready(m_axi_awready),
                .m_aw     ({m_axi_awid, m_axi_awaddr, m_axi_awlen}),
                .m_wvalid (m_axi_wvalid),
                .m_wready (m_axi_wready),
                .m_w      ({m_axi_wdata, m_axi_wstrb, m_axi_wlast}),
                .m_bvalid (m_axi_bvalid),
                .m_bready (m_axi_bready),
                .m_b      ({m_axi_bid, m_axi_bresp}),
                .m_arvalid(m_axi_arvalid),
                .m_arready(m_axi_arready),
                .m_ar     ({m_axi_arid, m_axi_araddr, m_axi_arlen}),
                .m_rvalid (m_axi_rvalid),
                .m_rready (m_axi_rready),
                .m_r      ({m_axi_rid, m_axi_rdata, m_axi_rresp, m_axi_rlast})
            );

            npu_cl_axi_cdc #(
                .AW_W (12),
                .W_W  (36),
                .B_W  (2),
                .AR_W (12),
                .R_W  (34),
                .DEPTH(4)
            ) u_axil_cdc (
                .s_clk    (clk),
                .s_rst    (rst),
                .s_awvalid(s_axil_awvalid),
                .s_awready(s_axil_awready),
                .s_aw     (s_axil_awaddr),
                .s_wvalid (s_axil_wvalid),
                .s_wready (s_axil_wready),
                .s_w      ({s_axil_wdata, s_axil_wstrb}),
                .s_bvalid (s_axil_bvalid),
                .s_bready (s_axil_bready),
                .s_b      (crossed_bresp),
                .s_arvalid(s_axil_arvalid),
                .s_arready(s_axil_arready),
                .s_ar     (s_axil_araddr),
                .s_rvalid (s_axil_rvalid),
                .s_rready (s_axil_rready),
                .s_r      ({s_axil_rdata, crossed_rresp}),
                .m_clk    (npu_clk),
                .m_rst    (npu_rst),
                .m_awvalid(reg_awvalid),
                .m_awready(reg_awready),
                .m_aw     (reg_awaddr),
                .m_wvalid (reg_wvalid),
                .m_wready (reg_wready),
                .m_w      ({reg_wdata, reg_wstrb}),
                .m_bvalid (reg_bvalid),
                .m_bready (reg_bready),
                .m_b      (reg_bresp),
                .m_arvalid(reg_arvalid),
                .m_arready(reg_arready),
                .m_ar     (reg_araddr),
                .m_rvalid (reg_rvalid),
                .m_rready (reg_rready),
                .m_r      ({reg_rdata, reg_rresp})
            );

            // A machine in reset, or without a clock, answers nothing.
            reg  up_q;
            wire up_seen;
            always @(posedge npu_clk) begin
                up_q <= !npu_rst;
            end
            npu_cl_sync #(
                .WIDTH(2)
            ) u_sync (
                .clk(clk),
                .in ({up_q, npu_irq}),
                .out({up_seen, irq_seen})
            );
            assign alive = up_seen;
        end else begin : gen_straight
            assign m_axi_awid = npu_awid;
            assign m_axi_awaddr = npu_awaddr;
            assign m_axi_awlen = npu_awlen;
            assign m_axi_awvalid = npu_awvalid;
            assign npu_awready = m_axi_awready;
            assign m_axi_wdata = npu_wdata;
            assign m_axi_wstrb = npu_wstrb;
            assign m_axi_wlast = npu_wlast;
            assign m_axi_wvalid = npu_wvalid;
            assign npu_wready = m_axi_wready;
            assign npu_bid = m_axi_bid;
            assign npu_bresp = m_axi_bresp;
            assign npu_bvalid = m_axi_bvalid;
            assign m_axi_bready = npu_bready;
            assign m_axi_arid = npu_arid;
            assign m_axi_araddr = npu_araddr;
            assign m_axi_arlen = npu_arlen;
            assign m_axi_arvalid = npu_arvalid;
            assign npu_arready = m_axi_arready;
            assign npu_rid = m_axi_rid;
            assign npu_rdata = m_axi_rdata;
            assign npu_rresp = m_axi_rresp;
            assign npu_rlast = m_axi_rlast;
            assign npu_rvalid = m_axi_rvalid;
            assign m_axi_rready = npu_rready;
            assign reg_awvalid = s_axil_awvalid;
            assign reg_awaddr = s_axil_awaddr;
            assign reg_wvalid = s_axil_wvalid;
            assign reg_wdata = s_axil_wdata;
            assign reg_wstrb = s_axil_wstrb;
            assign reg_bready = s_axil_bready;
            assign reg_arvalid = s_axil_arvalid;
            assign reg_araddr = s_axil_araddr;
            assign reg_rready = s_axil_rready;
            assign s_axil_awready = reg_awready;
            assign s_axil_wready = reg_wready;
            assign s_axil_bvalid = reg_bvalid;
            assign s_axil_arready = reg_arready;
            assign s_axil_rvalid = reg_rvalid;
            assign s_axil_rdata = reg_rdata;
            assign alive = 1'b1;
            assign irq_seen = npu_irq;
            wire   unused_straight = &{1'b0, clk, rst, reg_bresp, reg_rresp};
        end
    endgenerate

    wire unused = &{1'b0, npu_arsize, npu_arburst, npu_arcache, npu_arprot, npu_awsize, npu_awburst,
                    npu_awcache, npu_awprot, retire_valid, retire_pc};

endmodule

`default_nettype wire
