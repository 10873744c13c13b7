// npu_load_datapath with the AXI signals it leaves to npu_top, under the names a bus model looks for.
`default_nettype none

module load_bench #(
    parameter BUS_W           = 128,
    parameter ADDR_W          = 64,
    parameter MAX_BURST       = 16,
    parameter OUTSTANDING     = 16,                // bursts, from 2
    parameter FIFO_BEATS      = 256,
    parameter IBUF_WORD_BYTES = 16,
    parameter IBUF_UNIT_BYTES = 16,
    parameter WBUF_WORD_BYTES = 16,
    parameter WBUF_UNIT_BYTES = 16,
    parameter PBUF_WORD_BYTES = 128,
    parameter PBUF_UNIT_BYTES = 16,
    parameter VMEM_WORD_BYTES = 64,
    parameter VMEM_UNIT_BYTES = 16,
    parameter UNIT_MAX        = 16,
    parameter UNIT_W          = 8
) (
    output wire                  m_axi_arid,
    output wire [2:0]            m_axi_arsize,
    output wire [1:0]            m_axi_arburst,
    input  wire                  m_axi_rid,
    input  wire                  clk,
    input  wire                  rst,
    input  wire                  halt,
    output wire                  quiet,

    input  wire                  launch_valid,
    output wire                  launch_ready,
    input  wire [6:0]            launch_function,
    input  wire                  launch_clip,
    output wire                  launch_done,
    output wire                  stall_memory,

    // Registers, sampled on the launch beat.
    input  wire [63:0]           region_base,      // of the base register the launch names
    input  wire [63:0]           region_size,
    input  wire [39:0]           dram_offset,
    input  wire [23:0]           dst_addr,
    input  wire [23:0]           run_bytes,
    input  wire [23:0]           group_bytes,
    input  wire [4*16-1:0]       loop_count,
    input  wire [4*32-1:0]       loop_stride,
    input  wire [3*24-1:0]       word_count,
    input  wire [4*24-1:0]       word_stride,
    input  wire [15:0]           fill,
    input  wire [15:0]           y_start,
    input  wire [15:0]           y_limit,
    input  wire [4*12-1:0]       y_step,
    input  wire [23:0]           x_start,
    input  wire [23:0]           x_limit,
    input  wire [4*12-1:0]       x_step,

    output wire                  m_axi_arvalid,
    input  wire                  m_axi_arready,
    output wire [ADDR_W-1:0]     m_axi_araddr,
    output wire [7:0]            m_axi_arlen,
    input  wire                  m_axi_rvalid,
    output wire                  m_axi_rready,
    input  wire [BUS_W-1:0]      m_axi_rdata,
    input  wire [1:0]            m_axi_rresp,
    input  wire                  m_axi_rlast,

    output wire                  buf_valid,
    input  wire                  buf_ready,
    output wire [2:0]            buf_select,
    output wire [23:0]           buf_addr,
    output wire [UNIT_W-1:0]     buf_unit,
    output wire [8*UNIT_MAX-1:0] buf_data,

    output wire                  fault_valid,
    output wire [7:0]            fault_cause,
    output wire [39:0]           fault_address
);

    localparam SIZE = $clog2(BUS_W / 8);

    assign m_axi_arid    = 1'b0;
    assign m_axi_arsize  = SIZE[2:0];
    assign m_axi_arburst = 2'b01;

    wire unused_id = m_axi_rid;

    npu_load_datapath #(
        .BUS_W (BUS_W),
        .ADDR_W (ADDR_W),
        .MAX_BURST (MAX_BURST),
        .OUTSTANDING (OUTSTANDING),
        .FIFO_BEATS (FIFO_BEATS),
        .IBUF_WORD_BYTES (IBUF_WORD_BYTES),
        .IBUF_UNIT_BYTES (IBUF_UNIT_BYTES),
        .WBUF_WORD_BYTES (WBUF_WORD_BYTES),
        .WBUF_UNIT_BYTES (WBUF_UNIT_BYTES),
        .PBUF_WORD_BYTES (PBUF_WORD_BYTES),
        .PBUF_UNIT_BYTES (PBUF_UNIT_BYTES),
        .VMEM_WORD_BYTES (VMEM_WORD_BYTES),
        .VMEM_UNIT_BYTES (VMEM_UNIT_BYTES),
        .UNIT_MAX (UNIT_MAX),
        .UNIT_W (UNIT_W)
    ) u_dut (
        .clk (clk),
        .rst (rst),
        .halt (halt),
        .quiet (quiet),
        .launch_valid (launch_valid),
        .launch_ready (launch_ready),
        .launch_function (launch_function),
        .launch_clip (launch_clip),
        .launch_done (launch_done),
        .stall_memory (stall_memory),
        .region_base (region_base),
        .region_size (region_size),
        .dram_offset (dram_offset),
        .dst_addr (dst_addr),
        .run_bytes (run_bytes),
        .group_bytes (group_bytes),
        .loop_count (loop_count),
        .loop_stride (loop_stride),
        .word_count (word_count),
        .word_stride (word_stride),
        .fill (fill),
        .y_start (y_start),
        .y_limit (y_limit),
        .y_step (y_step),
        .x_start (x_start),
        .x_limit (x_limit),
        .x_step (x_step),
        .arvalid (m_axi_arvalid),
        .arready (m_axi_arready),
        .araddr (m_axi_araddr),
        .arlen (m_axi_arlen),
        .rvalid (m_axi_rvalid),
        .rready (m_axi_rready),
        .rdata (m_axi_rdata),
        .rresp (m_axi_rresp),
        .rlast (m_axi_rlast),
        .buf_valid (buf_valid),
        .buf_ready (buf_ready),
        .buf_select (buf_select),
        .buf_addr (buf_addr),
        .buf_unit (buf_unit),
        .buf_data (buf_data),
        .fault_valid (fault_valid),
        .fault_cause (fault_cause),
        .fault_address (fault_address)
    );

endmodule

`default_nettype wire
