// AXI4 master to slave across two clocks: a queue per channel. Payloads are what the master has
// besides valid and ready, in one vector per channel.
`default_nettype none

module npu_cl_axi_cdc #(
    parameter AW_W = 64,
    parameter W_W  = 577,
    parameter B_W  = 2,
    parameter AR_W = 64,
    parameter R_W  = 515,
    parameter DEPTH = 32                           // beats per queue, a power of two
) (
    input  wire            s_clk,
    input  wire            s_rst,
    input  wire            s_awvalid,
    output wire            s_awready,
    input  wire [AW_W-1:0] s_aw,
    input  wire            s_wvalid,
    output wire            s_wready,
    input  wire [W_W-1:0]  s_w,
    output wire            s_bvalid,
    input  wire            s_bready,
    output wire [B_W-1:0]  s_b,
    input  wire            s_arvalid,
    output wire            s_arready,
    input  wire [AR_W-1:0] s_ar,
    output wire            s_rvalid,
    input  wire            s_rready,
    output wire [R_W-1:0]  s_r,

    input  wire            m_clk,
    input  wire            m_rst,
    output wire            m_awvalid,
    input  wire            m_awready,
    output wire [AW_W-1:0] m_aw,
    output wire            m_wvalid,
    input  wire            m_wready,
    output wire [W_W-1:0]  m_w,
    input  wire            m_bvalid,
    output wire            m_bready,
    input  wire [B_W-1:0]  m_b,
    output wire            m_arvalid,
    input  wire            m_arready,
    output wire [AR_W-1:0] m_ar,
    input  wire            m_rvalid,
    output wire            m_rready,
    input  wire [R_W-1:0]  m_r
);

    npu_cl_async_fifo #(
        .WIDTH(AW_W),
        .DEPTH(DEPTH)
    ) u_aw (
        .push_clk  (s_clk),
        .push_rst  (s_rst),
        .push_valid(s_awvalid),
        .push_ready(s_awready),
        .push_data (s_aw),
        .pop_clk   (m_clk),
        .pop_rst   (m_rst),
        .pop_valid (m_awvalid),
        .pop_ready (m_awready),
        .pop_data  (m_aw)
    );

    npu_cl_async_fifo #(
        .WIDTH(W_W),
        .DEPTH(DEPTH)
    ) u_w (
        .push_clk  (s_clk),
        .push_rst  (s_rst),
        .push_valid(s_wvalid),
        .push_ready(s_wready),
        .push_data (s_w),
        .pop_clk   (m_clk),
        .pop_rst   (m_rst),
        .pop_valid (m_wvalid),
        .pop_ready (m_wready),
        .pop_data  (m_w)
    );

    npu_cl_async_fifo #(
        .WIDTH(B_W),
        .DEPTH(DEPTH)
    ) u_b (
        .push_clk  (m_clk),
        .push_rst  (m_rst),
        .push_valid(m_bvalid),
        .push_ready(m_bready),
        .push_data (m_b),
        .pop_clk   (s_clk),
        .pop_rst   (s_rst),
        .pop_valid (s_bvalid),
        .pop_ready (s_bready),
        .pop_data  (s_b)
    );

    npu_cl_async_fifo #(
        .WIDTH(AR_W),
        .DEPTH(DEPTH)
    ) u_ar (
        .push_clk  (s_clk),
        .push_rst  (s_rst),
        .push_valid(s_arvalid),
        .push_ready(s_arready),
        .push_data (s_ar),
        .pop_clk   (m_clk),
        .pop_rst   (m_rst),
        .pop_valid (m_arvalid),
        .pop_ready (m_arready),
        .pop_data  (m_ar)
    );

    npu_cl_async_fifo #(
        .WIDTH(R_W),
        .DEPTH(DEPTH)
    ) u_r (
        .push_clk  (m_clk),
        .push_rst  (m_rst),
        .push_valid(m_rvalid),
        .push_ready(m_rready),
        .push_data (m_r),
        .pop_clk   (s_clk),
        .pop_rst   (s_rst),
        .pop_valid (s_rvalid),
        .pop_ready (s_rready),
        .pop_data  (s_r)
    );

endmodule

`default_nettype wire
