// The bridge to the HBM with the names that cocotbext-axi looks for: the bus, and each port in a
// scope of its own.
`default_nettype none

module cl_hbm_bench #(
    parameter PORT_W   = 2,
    parameter MEMORY_W = 29 + PORT_W,
    parameter PORTS    = 1 << PORT_W
) (
    input  wire                clk,
    input  wire                rst,
    input  wire [1:0]          bus_awid,
    input  wire [MEMORY_W-1:0] bus_awaddr,
    input  wire [7:0]          bus_awlen,
    input  wire [2:0]          bus_awsize,
    input  wire [1:0]          bus_awburst,
    input  wire                bus_awvalid,
    output wire                bus_awready,
    input  wire [511:0]        bus_wdata,
    input  wire [63:0]         bus_wstrb,
    input  wire                bus_wlast,
    input  wire                bus_wvalid,
    output wire                bus_wready,
    output wire [1:0]          bus_bid,
    output wire [1:0]          bus_bresp,
    output wire                bus_bvalid,
    input  wire                bus_bready,
    input  wire [1:0]          bus_arid,
    input  wire [MEMORY_W-1:0] bus_araddr,
    input  wire [7:0]          bus_arlen,
    input  wire [2:0]          bus_arsize,
    input  wire [1:0]          bus_arburst,
    input  wire                bus_arvalid,
    output wire                bus_arready,
    output wire [1:0]          bus_rid,
    output wire [511:0]        bus_rdata,
    output wire [1:0]          bus_rresp,
    output wire                bus_rlast,
    output wire                bus_rvalid,
    input  wire                bus_rready
);

    wire [34*PORTS-1:0]  awaddr;
    wire [4*PORTS-1:0]   awlen;
    wire [PORTS-1:0]     awvalid;
    wire [PORTS-1:0]     awready;
    wire [256*PORTS-1:0] wdata;
    wire [32*PORTS-1:0]  wstrb;
    wire [PORTS-1:0]     wlast;
    wire [PORTS-1:0]     wvalid;
    wire [PORTS-1:0]     wready;
    wire [2*PORTS-1:0]   bresp;
    wire [PORTS-1:0]     bvalid;
    wire [PORTS-1:0]     bready;
    wire [34*PORTS-1:0]  araddr;
    wire [4*PORTS-1:0]   arlen;
    wire [PORTS-1:0]     arvalid;
    wire [PORTS-1:0]     arready;
    wire [256*PORTS-1:0] rdata;
    wire [2*PORTS-1:0]   rresp;
    wire [PORTS-1:0]     rvalid;
    wire [PORTS-1:0]     rready;

    npu_cl_hbm #(
        .PORT_W(PORT_W)
    ) u_hbm (
        .clk(clk), .rst(rst),
        .s_axi_awid(bus_awid), .s_axi_awaddr(bus_awaddr), .s_axi_awlen(bus_awlen),
        .s_axi_awvalid(bus_awvalid), .s_axi_awready(bus_awready), .s_axi_wdata(bus_wdata),
        .s_axi_wstrb(bus_wstrb), .s_axi_wlast(bus_wlast), .s_axi_wvalid(bus_wvalid),
        .s_axi_wready(bus_wready), .s_axi_bid(bus_bid), .s_axi_bresp(bus_bresp),
        .s_axi_bvalid(bus_bvalid), .s_axi_bready(bus_bready), .s_axi_arid(bus_arid),
        .s_axi_araddr(bus_araddr), .s_axi_arlen(bus_arlen), .s_axi_arvalid(bus_arvalid),
        .s_axi_arready(bus_arready), .s_axi_rid(bus_rid), .s_axi_rdata(bus_rdata),
        .s_axi_rresp(bus_rresp), .s_axi_rlast(bus_rlast), .s_axi_rvalid(bus_rvalid),
        .s_axi_rready(bus_rready),
        .m_axi_awaddr(awaddr), .m_axi_awlen(awlen), .m_axi_awvalid(awvalid),
        .m_axi_awready(awready), .m_axi_wdata(wdata), .m_axi_wstrb(wstrb), .m_axi_wlast(wlast),
        .m_axi_wvalid(wvalid), .m_axi_wready(wready), .m_axi_bresp(bresp), .m_axi_bvalid(bvalid),
        .m_axi_bready(bready), .m_axi_araddr(araddr), .m_axi_arlen(arlen),
        .m_axi_arvalid(arvalid), .m_axi_arready(arready), .m_axi_rdata(rdata),
        .m_axi_rresp(rresp), .m_axi_rvalid(rvalid), .m_axi_rready(rready)
    );

    genvar p;
    generate
        for (p = 0; p < PORTS; p = p + 1) begin : gen_port
            wire [5:0]   hbm_awid    = 6'd0;
            wire [33:0]  hbm_awaddr  = awaddr[34*p +: 34];
            wire [7:0]   hbm_awlen   = {4'd0, awlen[4*p +: 4]};
            wire [2:0]   hbm_awsize  = 3'd5;
            wire [1:0]   hbm_awburst = 2'd1;
            wire         hbm_awvalid = awvalid[p];
            reg          hbm_awready;
            wire [255:0] hbm_wdata   = wdata[256*p +: 256];
            wire [31:0]  hbm_wstrb   = wstrb[32*p +: 32];
            wire         hbm_wlast   = wlast[p];
            wire         hbm_wvalid  = wvalid[p];
            reg          hbm_wready;
            reg  [5:0]   hbm_bid;
            reg  [1:0]   hbm_bresp;
            reg          hbm_bvalid;
            wire         hbm_bready  = bready[p];
            wire [5:0]   hbm_arid    = 6'd0;
            wire [33:0]  hbm_araddr  = araddr[34*p +: 34];
            wire [7:0]   hbm_arlen   = {4'd0, arlen[4*p +: 4]};
            wire [2:0]   hbm_arsize  = 3'd5;
            wire [1:0]   hbm_arburst = 2'd1;
            wire         hbm_arvalid = arvalid[p];
            reg          hbm_arready;
            reg  [5:0]   hbm_rid;
            reg  [255:0] hbm_rdata;
            reg  [1:0]   hbm_rresp;
            reg          hbm_rlast;
            reg          hbm_rvalid;
            wire         hbm_rready  = rready[p];

            wire hbm_unread = &{hbm_bid, hbm_rid, hbm_rlast};

            assign awready[p]          = hbm_awready;
            assign wready[p]           = hbm_wready;
            assign bresp[2*p +: 2]     = hbm_bresp;
            assign bvalid[p]           = hbm_bvalid;
            assign arready[p]          = hbm_arready;
            assign rdata[256*p +: 256] = hbm_rdata;
            assign rresp[2*p +: 2]     = hbm_rresp;
            assign rvalid[p]           = hbm_rvalid;

            initial begin
                hbm_awready = 1'b0;
                hbm_wready  = 1'b0;
                hbm_bvalid  = 1'b0;
                hbm_arready = 1'b0;
                hbm_rvalid  = 1'b0;
            end
        end
    endgenerate

endmodule

`default_nettype wire
