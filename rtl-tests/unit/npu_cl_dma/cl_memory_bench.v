// The copy engine and a host on their way to one DRAM: npu_cl_dma and a second master, each behind
// its npu_cl_axi_port, joined by npu_cl_axi_mux. Adds the constant signals that models of AXI want.
`default_nettype none

module cl_memory_bench #(
    parameter DATA_W     = 128,
    parameter MEMORY_W   = 16,
    parameter SLOTS      = 4,
    parameter SLOT_BEATS = 16
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                memory_ready,

    input  wire                push,
    input  wire                push_to_host,
    input  wire [63:0]         push_card,
    input  wire [63:0]         push_host,
    input  wire [23:0]         push_length,
    input  wire                clear,
    input  wire                notify_enable,
    input  wire [63:0]         notify_address,
    output wire [7:0]          free,
    output wire                busy,
    output wire                error,
    output wire [1:0]          error_response,
    output wire [1:0]          error_side,
    output wire [31:0]         done_count,
    output wire                irq,

    input  wire [5:0]          pcis_awid,
    input  wire [63:0]         pcis_awaddr,
    input  wire [7:0]          pcis_awlen,
    input  wire [2:0]          pcis_awsize,
    input  wire [1:0]          pcis_awburst,
    input  wire                pcis_awvalid,
    output wire                pcis_awready,
    input  wire [DATA_W-1:0]   pcis_wdata,
    input  wire [DATA_W/8-1:0] pcis_wstrb,
    input  wire                pcis_wlast,
    input  wire                pcis_wvalid,
    output wire                pcis_wready,
    output wire [5:0]          pcis_bid,
    output wire [1:0]          pcis_bresp,
    output wire                pcis_bvalid,
    input  wire                pcis_bready,
    input  wire [5:0]          pcis_arid,
    input  wire [63:0]         pcis_araddr,
    input  wire [7:0]          pcis_arlen,
    input  wire [2:0]          pcis_arsize,
    input  wire [1:0]          pcis_arburst,
    input  wire                pcis_arvalid,
    output wire                pcis_arready,
    output wire [5:0]          pcis_rid,
    output wire [DATA_W-1:0]   pcis_rdata,
    output wire [1:0]          pcis_rresp,
    output wire                pcis_rlast,
    output wire                pcis_rvalid,
    input  wire                pcis_rready,

    output wire [7:0]          host_awid,
    output wire [63:0]         host_awaddr,
    output wire [7:0]          host_awlen,
    output wire [2:0]          host_awsize,
    output wire [1:0]          host_awburst,
    output wire                host_awvalid,
    input  wire                host_awready,
    output wire [DATA_W-1:0]   host_wdata,
    output wire [DATA_W/8-1:0] host_wstrb,
    output wire                host_wlast,
    output wire                host_wvalid,
    input  wire                host_wready,
    input  wire [7:0]          host_bid,
    input  wire [1:0]          host_bresp,
    input  wire                host_bvalid,
    output wire                host_bready,
    output wire [7:0]          host_arid,
    output wire [63:0]         host_araddr,
    output wire [7:0]          host_arlen,
    output wire [2:0]          host_arsize,
    output wire [1:0]          host_arburst,
    output wire                host_arvalid,
    input  wire                host_arready,
    input  wire [7:0]          host_rid,
    input  wire [DATA_W-1:0]   host_rdata,
    input  wire [1:0]          host_rresp,
    input  wire                host_rlast,
    input  wire                host_rvalid,
    output wire                host_rready,

    output wire [1:0]          ddr_awid,
    output wire [MEMORY_W-1:0] ddr_awaddr,
    output wire [7:0]          ddr_awlen,
    output wire [2:0]          ddr_awsize,
    output wire [1:0]          ddr_awburst,
    output wire                ddr_awvalid,
    input  wire                ddr_awready,
    output wire [DATA_W-1:0]   ddr_wdata,
    output wire [DATA_W/8-1:0] ddr_wstrb,
    output wire                ddr_wlast,
    output wire                ddr_wvalid,
    input  wire                ddr_wready,
    input  wire [1:0]          ddr_bid,
    input  wire [1:0]          ddr_bresp,
    input  wire                ddr_bvalid,
    output wire                ddr_bready,
    output wire [1:0]          ddr_arid,
    output wire [MEMORY_W-1:0] ddr_araddr,
    output wire [7:0]          ddr_arlen,
    output wire [2:0]          ddr_arsize,
    output wire [1:0]          ddr_arburst,
    output wire                ddr_arvalid,
    input  wire                ddr_arready,
    input  wire [1:0]          ddr_rid,
    input  wire [DATA_W-1:0]   ddr_rdata,
    input  wire [1:0]          ddr_rresp,
    input  wire                ddr_rlast,
    input  wire                ddr_rvalid,
    output wire                ddr_rready
);

    localparam STRB_W = DATA_W / 8;
    localparam SIZE   = $clog2(STRB_W);

    assign host_awsize  = SIZE[2:0];
    assign host_arsize  = SIZE[2:0];
    assign ddr_awsize   = SIZE[2:0];
    assign ddr_arsize   = SIZE[2:0];
    assign host_awburst = 2'b01;
    assign host_arburst = 2'b01;
    assign ddr_awburst  = 2'b01;
    assign ddr_arburst  = 2'b01;

    wire [7:0]        dma_awid;
    wire [63:0]       dma_awaddr;
    wire [7:0]        dma_awlen;
    wire              dma_awvalid;
    wire              dma_awready;
    wire [DATA_W-1:0] dma_wdata;
    wire [STRB_W-1:0] dma_wstrb;
    wire              dma_wlast;
    wire              dma_wvalid;
    wire              dma_wready;
    wire [7:0]        dma_bid;
    wire [1:0]        dma_bresp;
    wire              dma_bvalid;
    wire              dma_bready;
    wire [7:0]        dma_arid;
    wire [63:0]       dma_araddr;
    wire [7:0]        dma_arlen;
    wire              dma_arvalid;
    wire              dma_arready;
    wire [7:0]        dma_rid;
    wire [DATA_W-1:0] dma_rdata;
    wire [1:0]        dma_rresp;
    wire              dma_rlast;
    wire              dma_rvalid;
    wire              dma_rready;

    npu_cl_dma #(.DATA_W(DATA_W), .SLOTS(SLOTS), .SLOT_BEATS(SLOT_BEATS)) u_dma (
        .clk(clk), .rst(rst), .push(push), .push_to_host(push_to_host), .push_card(push_card),
        .push_host(push_host), .push_length(push_length), .clear(clear),
        .notify_enable(notify_enable), .notify_address(notify_address), .free(free), .busy(busy),
        .error(error), .error_response(error_response), .error_side(error_side),
        .done_count(done_count), .irq(irq),
        .card_awid(dma_awid), .card_awaddr(dma_awaddr), .card_awlen(dma_awlen),
        .card_awvalid(dma_awvalid), .card_awready(dma_awready), .card_wdata(dma_wdata),
        .card_wstrb(dma_wstrb), .card_wlast(dma_wlast), .card_wvalid(dma_wvalid),
        .card_wready(dma_wready), .card_bresp(dma_bresp), .card_bvalid(dma_bvalid),
        .card_bready(dma_bready), .card_arid(dma_arid), .card_araddr(dma_araddr),
        .card_arlen(dma_arlen), .card_arvalid(dma_arvalid), .card_arready(dma_arready),
        .card_rid(dma_rid), .card_rdata(dma_rdata), .card_rresp(dma_rresp), .card_rlast(dma_rlast),
        .card_rvalid(dma_rvalid), .card_rready(dma_rready),
        .host_awid(host_awid), .host_awaddr(host_awaddr), .host_awlen(host_awlen),
        .host_awvalid(host_awvalid), .host_awready(host_awready), .host_wdata(host_wdata),
        .host_wstrb(host_wstrb), .host_wlast(host_wlast), .host_wvalid(host_wvalid),
        .host_wready(host_wready), .host_bid(host_bid), .host_bresp(host_bresp),
        .host_bvalid(host_bvalid), .host_bready(host_bready), .host_arid(host_arid),
        .host_araddr(host_araddr), .host_arlen(host_arlen), .host_arvalid(host_arvalid),
        .host_arready(host_arready), .host_rid(host_rid), .host_rdata(host_rdata),
        .host_rresp(host_rresp), .host_rlast(host_rlast), .host_rvalid(host_rvalid),
        .host_rready(host_rready));

    wire [2*MEMORY_W-1:0] all_awaddr;
    wire [2*8-1:0]        all_awlen;
    wire [1:0]            all_awvalid;
    wire [1:0]            all_awready;
    wire [2*DATA_W-1:0]   all_wdata;
    wire [2*STRB_W-1:0]   all_wstrb;
    wire [1:0]            all_wlast;
    wire [1:0]            all_wvalid;
    wire [1:0]            all_wready;
    wire [1:0]            all_bresp;
    wire [1:0]            all_bvalid;
    wire [1:0]            all_bready;
    wire [2*MEMORY_W-1:0] all_araddr;
    wire [2*8-1:0]        all_arlen;
    wire [1:0]            all_arvalid;
    wire [1:0]            all_arready;
    wire [DATA_W-1:0]     all_rdata;
    wire [1:0]            all_rresp;
    wire                  all_rlast;
    wire [1:0]            all_rvalid;
    wire [1:0]            all_rready;

    npu_cl_axi_port #(.ID_W(6), .DATA_W(DATA_W), .MEMORY_W(MEMORY_W), .OUTSTANDING(4)) u_pcis (
        .clk(clk), .rst(rst), .memory_ready(memory_ready),
        .s_axi_awid(pcis_awid), .s_axi_awaddr(pcis_awaddr), .s_axi_awlen(pcis_awlen),
        .s_axi_awvalid(pcis_awvalid), .s_axi_awready(pcis_awready), .s_axi_wdata(pcis_wdata),
        .s_axi_wstrb(pcis_wstrb), .s_axi_wlast(pcis_wlast), .s_axi_wvalid(pcis_wvalid),
        .s_axi_wready(pcis_wready), .s_axi_bid(pcis_bid), .s_axi_bresp(pcis_bresp),
        .s_axi_bvalid(pcis_bvalid), .s_axi_bready(pcis_bready), .s_axi_arid(pcis_arid),
        .s_axi_araddr(pcis_araddr), .s_axi_arlen(pcis_arlen), .s_axi_arvalid(pcis_arvalid),
        .s_axi_arready(pcis_arready), .s_axi_rid(pcis_rid), .s_axi_rdata(pcis_rdata),
        .s_axi_rresp(pcis_rresp), .s_axi_rlast(pcis_rlast), .s_axi_rvalid(pcis_rvalid),
        .s_axi_rready(pcis_rready),
        .m_awaddr(all_awaddr[0 +: MEMORY_W]), .m_awlen(all_awlen[0 +: 8]),
        .m_awvalid(all_awvalid[0]), .m_awready(all_awready[0]), .m_wdata(all_wdata[0 +: DATA_W]),
        .m_wstrb(all_wstrb[0 +: STRB_W]), .m_wlast(all_wlast[0]), .m_wvalid(all_wvalid[0]),
        .m_wready(all_wready[0]), .m_bresp(all_bresp), .m_bvalid(all_bvalid[0]),
        .m_bready(all_bready[0]), .m_araddr(all_araddr[0 +: MEMORY_W]),
        .m_arlen(all_arlen[0 +: 8]), .m_arvalid(all_arvalid[0]), .m_arready(all_arready[0]),
        .m_rdata(all_rdata), .m_rresp(all_rresp), .m_rlast(all_rlast), .m_rvalid(all_rvalid[0]),
        .m_rready(all_rready[0]));

    npu_cl_axi_port #(.ID_W(8), .DATA_W(DATA_W), .MEMORY_W(MEMORY_W), .OUTSTANDING(4)) u_copy (
        .clk(clk), .rst(rst), .memory_ready(memory_ready),
        .s_axi_awid(dma_awid), .s_axi_awaddr(dma_awaddr), .s_axi_awlen(dma_awlen),
        .s_axi_awvalid(dma_awvalid), .s_axi_awready(dma_awready), .s_axi_wdata(dma_wdata),
        .s_axi_wstrb(dma_wstrb), .s_axi_wlast(dma_wlast), .s_axi_wvalid(dma_wvalid),
        .s_axi_wready(dma_wready), .s_axi_bid(dma_bid), .s_axi_bresp(dma_bresp),
        .s_axi_bvalid(dma_bvalid), .s_axi_bready(dma_bready), .s_axi_arid(dma_arid),
        .s_axi_araddr(dma_araddr), .s_axi_arlen(dma_arlen), .s_axi_arvalid(dma_arvalid),
        .s_axi_arready(dma_arready), .s_axi_rid(dma_rid), .s_axi_rdata(dma_rdata),
        .s_axi_rresp(dma_rresp), .s_axi_rlast(dma_rlast), .s_axi_rvalid(dma_rvalid),
        .s_axi_rready(dma_rready),
        .m_awaddr(all_awaddr[MEMORY_W +: MEMORY_W]), .m_awlen(all_awlen[8 +: 8]),
        .m_awvalid(all_awvalid[1]), .m_awready(all_awready[1]),
        .m_wdata(all_wdata[DATA_W +: DATA_W]), .m_wstrb(all_wstrb[STRB_W +: STRB_W]),
        .m_wlast(all_wlast[1]), .m_wvalid(all_wvalid[1]), .m_wready(all_wready[1]),
        .m_bresp(all_bresp), .m_bvalid(all_bvalid[1]), .m_bready(all_bready[1]),
        .m_araddr(all_araddr[MEMORY_W +: MEMORY_W]), .m_arlen(all_arlen[8 +: 8]),
        .m_arvalid(all_arvalid[1]), .m_arready(all_arready[1]), .m_rdata(all_rdata),
        .m_rresp(all_rresp), .m_rlast(all_rlast), .m_rvalid(all_rvalid[1]),
        .m_rready(all_rready[1]));

    npu_cl_axi_mux #(
        .PORTS(2), .ADDR_W(MEMORY_W), .DATA_W(DATA_W), .OUTSTANDING(4)
    ) u_mux (
        .clk(clk), .rst(rst), .s_awaddr(all_awaddr), .s_awlen(all_awlen), .s_awvalid(all_awvalid),
        .s_awready(all_awready), .s_wdata(all_wdata), .s_wstrb(all_wstrb), .s_wlast(all_wlast),
        .s_wvalid(all_wvalid), .s_wready(all_wready), .s_bresp(all_bresp), .s_bvalid(all_bvalid),
        .s_bready(all_bready), .s_araddr(all_araddr), .s_arlen(all_arlen),
        .s_arvalid(all_arvalid), .s_arready(all_arready), .s_rdata(all_rdata),
        .s_rresp(all_rresp), .s_rlast(all_rlast), .s_rvalid(all_rvalid), .s_rready(all_rready),
        .m_axi_awid(ddr_awid), .m_axi_awaddr(ddr_awaddr), .m_axi_awlen(ddr_awlen),
        .m_axi_awvalid(ddr_awvalid), .m_axi_awready(ddr_awready), .m_axi_wdata(ddr_wdata),
        .m_axi_wstrb(ddr_wstrb), .m_axi_wlast(ddr_wlast), .m_axi_wvalid(ddr_wvalid),
        .m_axi_wready(ddr_wready), .m_axi_bid(ddr_bid), .m_axi_bresp(ddr_bresp),
        .m_axi_bvalid(ddr_bvalid), .m_axi_bready(ddr_bready), .m_axi_arid(ddr_arid),
        .m_axi_araddr(ddr_araddr), .m_axi_arlen(ddr_arlen), .m_axi_arvalid(ddr_arvalid),
        .m_axi_arready(ddr_arready), .m_axi_rid(ddr_rid), .m_axi_rdata(ddr_rdata),
        .m_axi_rresp(ddr_rresp), .m_axi_rlast(ddr_rlast), .m_axi_rvalid(ddr_rvalid),
        .m_axi_rready(ddr_rready));

    wire unused = &{1'b0, dma_bid, pcis_awsize, pcis_awburst, pcis_arsize, pcis_arburst};

endmodule

`default_nettype wire
