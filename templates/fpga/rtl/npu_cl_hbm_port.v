// Way to one port of the HBM: bursts of one block in 32-byte beats, and queues of whole 64-byte
// words in both directions, because a port moves half a word a cycle.
`default_nettype none

module npu_cl_hbm_port #(
    parameter [4:0] PORT = 5'd0                    // number of the port and of its 512 MiB
) (
    input  wire         clk,
    input  wire         rst,

    input  wire         rd_valid,
    output wire         rd_ready,
    input  wire [28:0]  rd_addr,
    input  wire [3:0]   rd_beats,
    output wire         word_valid,                // answers, in the order of the blocks
    input  wire         word_ready,
    output wire [511:0] word_data,
    output wire [1:0]   word_resp,

    input  wire         wr_valid,
    output wire         wr_ready,
    input  wire [28:0]  wr_addr,
    input  wire [3:0]   wr_beats,
    input  wire         data_valid,                // words of the blocks, in the same order
    output wire         data_ready,
    input  wire [511:0] data,
    input  wire [63:0]  data_strb,
    input  wire         data_last,                 // of a block

    // AXI3; the write responses go on as they are.
    output wire [33:0]  m_axi_awaddr,
    output wire [3:0]   m_axi_awlen,
    output wire         m_axi_awvalid,
    input  wire         m_axi_awready,
    output wire [255:0] m_axi_wdata,
    output wire [31:0]  m_axi_wstrb,
    output wire         m_axi_wlast,
    output wire         m_axi_wvalid,
    input  wire         m_axi_wready,
    output wire [33:0]  m_axi_araddr,
    output wire [3:0]   m_axi_arlen,
    output wire         m_axi_arvalid,
    input  wire         m_axi_arready,
    input  wire [255:0] m_axi_rdata,
    input  wire [1:0]   m_axi_rresp,
    input  wire         m_axi_rvalid,
    output wire         m_axi_rready
);

    localparam WORDS = 32;                         // in each queue: four blocks

    // ---- Addresses --------------------------------------------------------------------------

    wire [3:0] rd_len = {rd_beats[2:0], 1'b0} - 4'd1;
    wire [3:0] wr_len = {wr_beats[2:0], 1'b0} - 4'd1;

    npu_skid_buffer #(
        .WIDTH(29 + 4)
    ) u_ar (
        .clk      (clk),
        .rst      (rst),
        .in_valid (rd_valid),
        .in_ready (rd_ready),
        .in_data  ({rd_addr, rd_len}),
        .out_valid(m_axi_arvalid),
        .out_ready(m_axi_arready),
        .out_data ({m_axi_araddr[28:0], m_axi_arlen})
    );

    npu_skid_buffer #(
        .WIDTH(29 + 4)
    ) u_aw (
        .clk      (clk),
        .rst      (rst),
        .in_valid (wr_valid),
        .in_ready (wr_ready),
        .in_data  ({wr_addr, wr_len}),
        .out_valid(m_axi_awvalid),
        .out_ready(m_axi_awready),
        .out_data ({m_axi_awaddr[28:0], m_axi_awlen})
    );

    assign m_axi_araddr[33:29] = PORT;
    assign m_axi_awaddr[33:29] = PORT;

    // ---- Read data: the lower half waits for the upper one --------------------------------------

    reg          rd_half_q;
    reg  [255:0] low_q;
    reg  [1:0]   low_resp_q;
    wire         words_ready;
    wire         r_fire = m_axi_rvalid && m_axi_rready;
    wire [1:0]   worst  = (low_resp_q > m_axi_rresp) ? low_resp_q : m_axi_rresp;
    wire [5:0]   rd_level;

    assign m_axi_rready = !rd_half_q || words_ready;

    always @(posedge clk) begin
        if (rst) begin
            rd_half_q <= 1'b0;
        end else if (r_fire) begin
            rd_half_q <= !rd_half_q;
        end
    end

    always @(posedge clk) begin
        if (r_fire && !rd_half_q) begin
            low_q      <= m_axi_rdata;
            low_resp_q <= m_axi_rresp;
        end
    end

    npu_fifo #(
        .WIDTH(512 + 2),
        .DEPTH(WORDS)
    ) u_words (
        .clk       (clk),
        .rst       (rst),
        .push_valid(m_axi_rvalid && rd_half_q),
        .push_ready(words_ready),
        .push_data ({m_axi_rdata, low_q, worst}),
        .pop_valid (word_valid),
        .pop_ready (word_ready),
        .pop_data  ({word_data, word_resp}),
        .level     (rd_level)
    );

    // ---- Write data -------------------------------------------------------------------------

    reg          wr_half_q;
    wire         out_valid;
    wire [511:0] out_data;
    wire [63:0]  out_strb;
    wire         out_last;
    wire         w_fire = m_axi_wvalid && m_axi_wready;
    wire [5:0]   wr_level;

    npu_fifo #(
        .WIDTH(512 + 64 + 1),
        .DEPTH(WORDS)
    ) u_data (
        .clk       (clk),
        .rst       (rst),
        .push_valid(data_valid),
        .push_ready(data_ready),
        .push_data ({data, data_strb, data_last}),
        .pop_valid (out_valid),
        .pop_ready (wr_half_q && m_axi_wready),
        .pop_data  ({out_data, out_strb, out_last}),
        .level     (wr_level)
    );

    assign m_axi_wvalid = out_valid;
    assign m_axi_wdata  = wr_half_q ? out_data[511:256] : out_data[255:0];
    assign m_axi_wstrb  = wr_half_q ? out_strb[63:32] : out_strb[31:0];
    assign m_axi_wlast  = wr_half_q && out_last;

    always @(posedge clk) begin
        if (rst) begin
            wr_half_q <= 1'b0;
        end else if (w_fire) begin
            wr_half_q <= !wr_half_q;
        end
    end

    wire unused = &{1'b0, rd_beats[3], wr_beats[3], rd_level, wr_level};

endmodule

`default_nettype wire
