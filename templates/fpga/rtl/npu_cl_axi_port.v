// Way of one AXI4 master to the DRAM. Transactions leave without ID and come back in order, with
// the ID they came with. Those outside the memory, and all while the memory is not calibrated,
// are answered here with DECERR, in their turn: no access is ever left without an answer. There is
// a register stage on every channel of the master's side.
`default_nettype none

module npu_cl_axi_port #(
    parameter ID_W        = 16,
    parameter DATA_W      = 512,
    parameter MEMORY_W    = 36,                    // log2 of the bytes of the memory
    parameter OUTSTANDING = 32                     // transactions per direction, 2 and more
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                memory_ready,

    input  wire [ID_W-1:0]     s_axi_awid,
    input  wire [63:0]         s_axi_awaddr,
    input  wire [7:0]          s_axi_awlen,
    input  wire                s_axi_awvalid,
    output wire                s_axi_awready,
    input  wire [DATA_W-1:0]   s_axi_wdata,
    input  wire [DATA_W/8-1:0] s_axi_wstrb,
    input  wire                s_axi_wlast,
    input  wire                s_axi_wvalid,
    output wire                s_axi_wready,
    output wire [ID_W-1:0]     s_axi_bid,
    output wire [1:0]          s_axi_bresp,
    output wire                s_axi_bvalid,
    input  wire                s_axi_bready,
    input  wire [ID_W-1:0]     s_axi_arid,
    input  wire [63:0]         s_axi_araddr,
    input  wire [7:0]          s_axi_arlen,
    input  wire                s_axi_arvalid,
    output wire                s_axi_arready,
    output wire [ID_W-1:0]     s_axi_rid,
    output wire [DATA_W-1:0]   s_axi_rdata,
    output wire [1:0]          s_axi_rresp,
    output wire                s_axi_rlast,
    output wire                s_axi_rvalid,
    input  wire                s_axi_rready,

    // To npu_cl_axi_mux.
    output wire [MEMORY_W-1:0] m_awaddr,
    output wire [7:0]          m_awlen,
    output wire                m_awvalid,
    input  wire                m_awready,
    output wire [DATA_W-1:0]   m_wdata,
    output wire [DATA_W/8-1:0] m_wstrb,
    output wire                m_wlast,
    output wire                m_wvalid,
    input  wire                m_wready,
    input  wire [1:0]          m_bresp,
    input  wire                m_bvalid,
    output wire                m_bready,
    output wire [MEMORY_W-1:0] m_araddr,
    output wire [7:0]          m_arlen,
    output wire                m_arvalid,
    input  wire                m_arready,
    input  wire [DATA_W-1:0]   m_rdata,
    input  wire [1:0]          m_rresp,
    input  wire                m_rlast,
    input  wire                m_rvalid,
    output wire                m_rready
);

    localparam STRB_W  = DATA_W / 8;
    localparam LEVEL_W = $clog2(OUTSTANDING + 1);
    localparam [1:0] RESP_DECERR = 2'b11;

    // Nothing is accepted in reset: it would be forgotten.
    wire aw_in_ready;
    wire w_in_ready;
    wire ar_in_ready;
    assign s_axi_awready = aw_in_ready && !rst;
    assign s_axi_wready  = w_in_ready && !rst;
    assign s_axi_arready = ar_in_ready && !rst;

    // Once calibrated, always: an address that was let through once is not answered here later.
    reg ready_q;
    always @(posedge clk) begin
        if (rst) begin
            ready_q <= 1'b0;
        end else if (memory_ready) begin
            ready_q <= 1'b1;
        end
    end

    // ---- Write addresses: into the list of bursts whose data is to come -----------------------

    wire                aw_valid;
    wire                aw_ready;
    wire [ID_W-1:0]     aw_id;
    wire [63:0]         aw_addr;
    wire [7:0]          aw_len;
    wire                aw_refused = !ready_q || (aw_addr[63:MEMORY_W] != {(64-MEMORY_W){1'b0}});

    wire                data_room;
    wire                data_valid;
    wire                data_ready;
    wire [ID_W-1:0]     data_id;
    wire                data_refused;
    wire [LEVEL_W-1:0]  data_level;

    npu_skid_buffer #(
        .WIDTH(ID_W + 64 + 8)
    ) u_aw (
        .clk      (clk),
        .rst      (rst),
        .in_valid (s_axi_awvalid),
        .in_ready (aw_in_ready),
        .in_data  ({s_axi_awid, s_axi_awaddr, s_axi_awlen}),
        .out_valid(aw_valid),
        .out_ready(aw_ready),
        .out_data ({aw_id, aw_addr, aw_len})
    );

    assign m_awvalid = aw_valid && data_room && !aw_refused;
    assign m_awaddr  = aw_addr[MEMORY_W-1:0];
    assign m_awlen   = aw_len;
    assign aw_ready  = data_room && (aw_refused || m_awready);

    npu_fifo #(
        .WIDTH(ID_W + 1),
        .DEPTH(OUTSTANDING)
    ) u_data_order (
        .clk       (clk),
        .rst       (rst),
        .push_valid(aw_valid && (aw_refused || m_awready)),
        .push_ready(data_room),
        .push_data ({aw_id, aw_refused}),
        .pop_valid (data_valid),
        .pop_ready (data_ready),
        .pop_data  ({data_id, data_refused}),
        .level     (data_level)
    );

    // ---- Write data: with the last beat a burst moves to the list of those to be answered -----

    wire                w_valid;
    wire                w_ready;
    wire [DATA_W-1:0]   w_data;
    wire [STRB_W-1:0]   w_strb;
    wire                w_last;

    wire                answer_room;
    wire                answer_valid;
    wire                answer_ready;
    wire [ID_W-1:0]     answer_id;
    wire                answer_refused;
    wire [LEVEL_W-1:0]  answer_level;

    npu_skid_buffer #(
        .WIDTH(DATA_W + STRB_W + 1)
    ) u_w (
        .clk      (clk),
        .rst      (rst),
        .in_valid (s_axi_wvalid),
        .in_ready (w_in_ready),
        .in_data  ({s_axi_wdata, s_axi_wstrb, s_axi_wlast}),
        .out_valid(w_valid),
        .out_ready(w_ready),
        .out_data ({w_data, w_strb, w_last})
    );

    wire w_may = data_valid && answer_room;

    assign m_wvalid   = w_valid && w_may && !data_refused;
    assign m_wdata    = w_data;
    assign m_wstrb    = w_strb;
    assign m_wlast    = w_last;
    assign w_ready    = w_may && (data_refused || m_wready);
    assign data_ready = w_valid && w_ready && w_last;

    npu_fifo #(
        .WIDTH(ID_W + 1),
        .DEPTH(OUTSTANDING)
    ) u_answer_order (
        .clk       (clk),
        .rst       (rst),
        .push_valid(data_ready),
        .push_ready(answer_room),
        .push_data ({data_id, data_refused}),
        .pop_valid (answer_valid),
        .pop_ready (answer_ready),
        .pop_data  ({answer_id, answer_refused}),
        .level     (answer_level)
    );

    wire b_ready;

    assign answer_ready = b_ready && (answer_refused || m_bvalid);
    assign m_bready     = answer_valid && !answer_refused && b_ready;

    npu_skid_buffer #(
        .WIDTH(ID_W + 2)
    ) u_b (
        .clk      (clk),
        .rst      (rst),
        .in_valid (answer_valid && (answer_refused || m_bvalid)),
        .in_ready (b_ready),
        .in_data  ({answer_id, answer_refused ? RESP_DECERR : m_bresp}),
        .out_valid(s_axi_bvalid),
        .out_ready(s_axi_bready),
        .out_data ({s_axi_bid, s_axi_bresp})
    );

    // ---- Reads ------------------------------------------------------------------------------

    wire                ar_valid;
    wire                ar_ready;
    wire [ID_W-1:0]     ar_id;
    wire [63:0]         ar_addr;
    wire [7:0]          ar_len;
    wire                ar_refused = !ready_q || (ar_addr[63:MEMORY_W] != {(64-MEMORY_W){1'b0}});

    wire                read_room;
    wire                read_valid;
    wire                read_ready;
    wire [ID_W-1:0]     read_id;
    wire                read_refused;
    wire [7:0]          read_len;
    wire [LEVEL_W-1:0]  read_level;

    npu_skid_buffer #(
        .WIDTH(ID_W + 64 + 8)
    ) u_ar (
        .clk      (clk),
        .rst      (rst),
        .in_valid (s_axi_arvalid),
        .in_ready (ar_in_ready),
        .in_data  ({s_axi_arid, s_axi_araddr, s_axi_arlen}),
        .out_valid(ar_valid),
        .out_ready(ar_ready),
        .out_data ({ar_id, ar_addr, ar_len})
    );

    assign m_arvalid = ar_valid && read_room && !ar_refused;
    assign m_araddr  = ar_addr[MEMORY_W-1:0];
    assign m_arlen   = ar_len;
    assign ar_ready  = read_room && (ar_refused || m_arready);

    npu_fifo #(
        .WIDTH(ID_W + 9),
        .DEPTH(OUTSTANDING)
    ) u_read_order (
        .clk       (clk),
        .rst       (rst),
        .push_valid(ar_valid && (ar_refused || m_arready)),
        .push_ready(read_room),
        .push_data ({ar_id, ar_refused, ar_len}),
        .pop_valid (read_valid),
        .pop_ready (read_ready),
        .pop_data  ({read_id, read_refused, read_len}),
        .level     (read_level)
    );

    reg  [7:0] refused_beat_q;                     // of the refused burst that is being answered
    wire       r_ready;
    wire       r_valid = read_valid && (read_refused || m_rvalid);
    wire       r_last  = read_refused ? (refused_beat_q == read_len) : m_rlast;
    wire [DATA_W-1:0] r_data = m_rdata & {DATA_W{!read_refused}};

    assign m_rready   = read_valid && !read_refused && r_ready;
    assign read_ready = r_ready && r_last && (read_refused || m_rvalid);

    always @(posedge clk) begin
        if (rst) begin
            refused_beat_q <= 8'd0;
        end else if (r_valid && r_ready && read_refused) begin
            refused_beat_q <= r_last ? 8'd0 : refused_beat_q + 8'd1;
        end
    end

    npu_skid_buffer #(
        .WIDTH(ID_W + DATA_W + 3)
    ) u_r (
        .clk      (clk),
        .rst      (rst),
        .in_valid (r_valid),
        .in_ready (r_ready),
        .in_data  ({read_id, r_data, read_refused ? RESP_DECERR : m_rresp, r_last}),
        .out_valid(s_axi_rvalid),
        .out_ready(s_axi_rready),
        .out_data ({s_axi_rid, s_axi_rdata, s_axi_rresp, s_axi_rlast})
    );

    wire unused_levels = &{1'b0, data_level, answer_level, read_level};

endmodule

`default_nettype wire
