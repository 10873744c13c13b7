// npu_store_datapath with the AXI signals it leaves to npu_top, under the names a bus model looks for.
`default_nettype none

module store_bench #(
    parameter BUS_W           = 128,
    parameter ADDR_W          = 64,
    parameter MAX_BURST       = 16,
    parameter OUTSTANDING     = 16,                // bursts, from 2
    parameter FIFO_BEATS      = 64,
    parameter IBUF_WORD_BYTES = 16,
    parameter IBUF_UNIT_BYTES = 16,
    parameter VMEM_WORD_BYTES = 64,
    parameter VMEM_UNIT_BYTES = 16
) (
    output wire                  m_axi_awid,
    output wire [2:0]            m_axi_awsize,
    output wire [1:0]            m_axi_awburst,
    input  wire                  m_axi_bid,
    input  wire                         clk,
    input  wire                         rst,
    input  wire                         halt,
    output wire                         quiet,

    input  wire                         launch_valid,
    output wire                         launch_ready,
    input  wire [6:0]                   launch_function,
    output wire                         launch_done,
    output wire                         stall_memory,

    // Registers, sampled on the launch beat.
    input  wire [63:0]                  region_base,  // of the base register the launch names
    input  wire [63:0]                  region_size,
    input  wire [39:0]                  dram_offset,
    input  wire [23:0]                  src_addr,
    input  wire [23:0]                  run_bytes,
    input  wire [23:0]                  group_bytes,
    input  wire [4*16-1:0]              loop_count,
    input  wire [4*32-1:0]              loop_stride,
    input  wire [3*24-1:0]              word_count,
    input  wire [4*24-1:0]              word_stride,

    output wire                         ibuf_rd_valid,
    input  wire                         ibuf_rd_ready,
    output wire [23:0]                  ibuf_rd_addr,
    input  wire                         ibuf_rd_data_valid,
    input  wire [8*IBUF_WORD_BYTES-1:0] ibuf_rd_data,
    output wire                         vmem_rd_valid,
    input  wire                         vmem_rd_ready,
    output wire [23:0]                  vmem_rd_addr,
    input  wire                         vmem_rd_data_valid,
    input  wire [8*VMEM_WORD_BYTES-1:0] vmem_rd_data,

    output wire                         m_axi_awvalid,
    input  wire                         m_axi_awready,
    output wire [ADDR_W-1:0]            m_axi_awaddr,
    output wire [7:0]                   m_axi_awlen,
    output wire                         m_axi_wvalid,
    input  wire                         m_axi_wready,
    output wire [BUS_W-1:0]             m_axi_wdata,
    output wire [BUS_W/8-1:0]           m_axi_wstrb,
    output wire                         m_axi_wlast,
    input  wire                         m_axi_bvalid,
    output wire                         m_axi_bready,
    input  wire [1:0]                   m_axi_bresp,

    output wire                         fault_valid,
    output wire [7:0]                   fault_cause,
    output wire [39:0]                  fault_address
);

    localparam SIZE = $clog2(BUS_W / 8);

    assign m_axi_awid    = 1'b0;
    assign m_axi_awsize  = SIZE[2:0];
    assign m_axi_awburst = 2'b01;

    // Lanes without strobe may be undefined; the bus model refuses that, so they get a pattern.
    wire [BUS_W-1:0] wdata;
    genvar lane;
    generate
        for (lane = 0; lane < BUS_W / 8; lane = lane + 1) begin : gen_lane
            assign m_axi_wdata[8*lane +: 8] = m_axi_wstrb[lane] ? wdata[8*lane +: 8] : 8'hA5;
        end
    endgenerate

    wire unused_id = m_axi_bid;

    npu_store_datapath #(
        .BUS_W (BUS_W),
        .ADDR_W (ADDR_W),
        .MAX_BURST (MAX_BURST),
        .OUTSTANDING (OUTSTANDING),
        .FIFO_BEATS (FIFO_BEATS),
        .IBUF_WORD_BYTES (IBUF_WORD_BYTES),
        .IBUF_UNIT_BYTES (IBUF_UNIT_BYTES),
        .VMEM_WORD_BYTES (VMEM_WORD_BYTES),
        .VMEM_UNIT_BYTES (VMEM_UNIT_BYTES)
    ) u_dut (
        .clk (clk),
        .rst (rst),
        .halt (halt),
        .quiet (quiet),
        .launch_valid (launch_valid),
        .launch_ready (launch_ready),
        .launch_function (launch_function),
        .launch_done (launch_done),
        .stall_memory (stall_memory),
        .region_base (region_base),
        .region_size (region_size),
        .dram_offset (dram_offset),
        .src_addr (src_addr),
        .run_bytes (run_bytes),
        .group_bytes (group_bytes),
        .loop_count (loop_count),
        .loop_stride (loop_stride),
        .word_count (word_count),
        .word_stride (word_stride),
        .ibuf_rd_valid (ibuf_rd_valid),
        .ibuf_rd_ready (ibuf_rd_ready),
        .ibuf_rd_addr (ibuf_rd_addr),
        .ibuf_rd_data_valid (ibuf_rd_data_valid),
        .ibuf_rd_data (ibuf_rd_data),
        .vmem_rd_valid (vmem_rd_valid),
        .vmem_rd_ready (vmem_rd_ready),
        .vmem_rd_addr (vmem_rd_addr),
        .vmem_rd_data_valid (vmem_rd_data_valid),
        .vmem_rd_data (vmem_rd_data),
        .awvalid (m_axi_awvalid),
        .awready (m_axi_awready),
        .awaddr (m_axi_awaddr),
        .awlen (m_axi_awlen),
        .wvalid (m_axi_wvalid),
        .wready (m_axi_wready),
        .wdata (wdata),
        .wstrb (m_axi_wstrb),
        .wlast (m_axi_wlast),
        .bvalid (m_axi_bvalid),
        .bready (m_axi_bready),
        .bresp (m_axi_bresp),
        .fault_valid (fault_valid),
        .fault_cause (fault_cause),
        .fault_address (fault_address)
    );

endmodule

`default_nettype wire
