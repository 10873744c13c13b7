// From one AXI4 bus of 512 bits to several AXI3 ports of 256 bits, each with 512 MiB of HBM behind
// it. Bursts are cut into blocks of 512 bytes that go to the ports in turn, so that one burst keeps
// several ports busy; two ports carry what the bus can. Answers come in the order of the requests,
// with the IDs of the bus; a write's is the worst of its blocks'. Towards the HBM there is one ID,
// for which it keeps the order.
`default_nettype none

module npu_cl_hbm #(
    parameter PORT_W   = 2,                        // log2 of the number of ports, from 1 to 5
    parameter ID_W     = 2,
    parameter MEMORY_W = 29 + PORT_W,              // derived
    parameter PORTS    = 1 << PORT_W               // derived
) (
    input  wire                 clk,
    input  wire                 rst,

    input  wire [ID_W-1:0]      s_axi_awid,
    input  wire [MEMORY_W-1:0]  s_axi_awaddr,
    input  wire [7:0]           s_axi_awlen,
    input  wire                 s_axi_awvalid,
    output wire                 s_axi_awready,
    input  wire [511:0]         s_axi_wdata,
    input  wire [63:0]          s_axi_wstrb,
    input  wire                 s_axi_wlast,
    input  wire                 s_axi_wvalid,
    output wire                 s_axi_wready,
    output wire [ID_W-1:0]      s_axi_bid,
    output wire [1:0]           s_axi_bresp,
    output wire                 s_axi_bvalid,
    input  wire                 s_axi_bready,
    input  wire [ID_W-1:0]      s_axi_arid,
    input  wire [MEMORY_W-1:0]  s_axi_araddr,
    input  wire [7:0]           s_axi_arlen,
    input  wire                 s_axi_arvalid,
    output wire                 s_axi_arready,
    output wire [ID_W-1:0]      s_axi_rid,
    output wire [511:0]         s_axi_rdata,
    output wire [1:0]           s_axi_rresp,
    output wire                 s_axi_rlast,
    output wire                 s_axi_rvalid,
    input  wire                 s_axi_rready,

    // AXI3, port after port.
    output wire [34*PORTS-1:0]  m_axi_awaddr,
    output wire [4*PORTS-1:0]   m_axi_awlen,
    output wire [PORTS-1:0]     m_axi_awvalid,
    input  wire [PORTS-1:0]     m_axi_awready,
    output wire [256*PORTS-1:0] m_axi_wdata,
    output wire [32*PORTS-1:0]  m_axi_wstrb,
    output wire [PORTS-1:0]     m_axi_wlast,
    output wire [PORTS-1:0]     m_axi_wvalid,
    input  wire [PORTS-1:0]     m_axi_wready,
    input  wire [2*PORTS-1:0]   m_axi_bresp,
    input  wire [PORTS-1:0]     m_axi_bvalid,
    output wire [PORTS-1:0]     m_axi_bready,
    output wire [34*PORTS-1:0]  m_axi_araddr,
    output wire [4*PORTS-1:0]   m_axi_arlen,
    output wire [PORTS-1:0]     m_axi_arvalid,
    input  wire [PORTS-1:0]     m_axi_arready,
    input  wire [256*PORTS-1:0] m_axi_rdata,
    input  wire [2*PORTS-1:0]   m_axi_rresp,
    input  wire [PORTS-1:0]     m_axi_rvalid,
    output wire [PORTS-1:0]     m_axi_rready
);

    localparam BLOCKS = 64;                        // under way in each direction
    localparam [PORTS-1:0] FIRST = {{(PORTS-1){1'b0}}, 1'b1};

    // ---- Reads: blocks to the ports, their order into a list ------------------------------------

    wire                rd_valid;
    wire                rd_ready;
    wire [ID_W-1:0]     rd_id;
    wire [PORT_W-1:0]   rd_port;
    wire [28:0]         rd_addr;
    wire [3:0]          rd_beats;
    wire                rd_last;
    wire                rd_room;
    wire [PORTS-1:0]    rd_hit = FIRST << rd_port;
    wire [PORTS-1:0]    port_rd_ready;
    wire                rd_taken = |(port_rd_ready & rd_hit);

    npu_cl_hbm_split #(
        .PORT_W(PORT_W),
        .ID_W  (ID_W)
    ) u_read_split (
        .clk        (clk),
        .rst        (rst),
        .burst_valid(s_axi_arvalid),
        .burst_ready(s_axi_arready),
        .burst_id   (s_axi_arid),
        .burst_addr (s_axi_araddr),
        .burst_len  (s_axi_arlen),
        .block_valid(rd_valid),
        .block_ready(rd_ready),
        .block_id   (rd_id),
        .block_port (rd_port),
        .block_addr (rd_addr),
        .block_beats(rd_beats),
        .block_last (rd_last)
    );

    assign rd_ready = rd_room && rd_taken;

    wire                head_valid;
    wire                head_end;
    wire [ID_W-1:0]     head_id;
    wire [PORT_W-1:0]   head_port;
    wire [3:0]          head_beats;
    wire                head_last;
    wire [6:0]          rd_level;

    npu_fifo #(
        .WIDTH(ID_W + PORT_W + 5),
        .DEPTH(BLOCKS)
    ) u_read_order (
        .clk       (clk),
        .rst       (rst),
        .push_valid(rd_valid && rd_taken),
        .push_ready(rd_room),
        .push_data ({rd_id, rd_port, rd_beats, rd_last}),
        .pop_valid (head_valid),
        .pop_ready (head_end),
        .pop_data  ({head_id, head_port, head_beats, head_last}),
        .level     (rd_level)
    );

    // ---- Read data: words of the head's port ----------------------------------------------------

    reg  [3:0]           head_beat_q;
    wire [PORTS-1:0]     head_hit = FIRST << head_port;
    wire [PORTS-1:0]     word_valid;
    wire [514*PORTS-1:0] words;
    reg  [513:0]         word;
    wire                 r_room;
    wire                 r_valid = head_valid && (|(word_valid & head_hit));
    wire                 block_end = (head_beat_q + 4'd1 == head_beats);
    integer              i;

    always @* begin
        word = 514'd0;
        for (i = 0; i < PORTS; i = i + 1) begin
            word = word | (words[514*i +: 514] & {514{head_hit[i]}});
        end
    end

    assign head_end = r_valid && r_room && block_end;

    always @(posedge clk) begin
        if (rst) begin
            head_beat_q <= 4'd0;
        end else if (r_valid && r_room) begin
            head_beat_q <= block_end ? 4'd0 : head_beat_q + 4'd1;
        end
    end

    npu_skid_buffer #(
        .WIDTH(ID_W + 514 + 1)
    ) u_r (
        .clk      (clk),
        .rst      (rst),
        .in_valid (r_valid),
        .in_ready (r_room),
        .in_data  ({head_id, word, block_end && head_last}),
        .out_valid(s_axi_rvalid),
        .out_ready(s_axi_rready),
        .out_data ({s_axi_rid, s_axi_rdata, s_axi_rresp, s_axi_rlast})
    );

    // ---- Writes: blocks to the ports, their order into lists for data and responses -------------

    wire                wr_valid;
    wire                wr_ready;
    wire [ID_W-1:0]     wr_id;
    wire [PORT_W-1:0]   wr_port;
    wire [28:0]         wr_addr;
    wire [3:0]          wr_beats;
    wire                wr_last;
    wire                data_room;
    wire                answer_room;
    wire [PORTS-1:0]    wr_hit = FIRST << wr_port;
    wire [PORTS-1:0]    port_wr_ready;
    wire                wr_taken = |(port_wr_ready & wr_hit);
    wire                wr_fire  = wr_valid && wr_ready;

    npu_cl_hbm_split #(
        .PORT_W(PORT_W),
        .ID_W  (ID_W)
    ) u_write_split (
        .clk        (clk),
        .rst        (rst),
        .burst_valid(s_axi_awvalid),
        .burst_ready(s_axi_awready),
        .burst_id   (s_axi_awid),
        .burst_addr (s_axi_awaddr),
        .burst_len  (s_axi_awlen),
        .block_valid(wr_valid),
        .block_ready(wr_ready),
        .block_id   (wr_id),
        .block_port (wr_port),
        .block_addr (wr_addr),
        .block_beats(wr_beats),
        .block_last (wr_last)
    );

    assign wr_ready = data_room && answer_room && wr_taken;

    wire                data_valid;
    wire [PORT_W-1:0]   data_port;
    wire [3:0]          data_beats;
    wire [6:0]          data_level;
    reg  [3:0]          data_beat_q;
    wire [PORTS-1:0]    data_hit = FIRST << data_port;
    wire [PORTS-1:0]    port_data_ready;
    wire                data_taken = data_valid && (|(port_data_ready & data_hit));
    wire                data_fire  = s_axi_wvalid && data_taken;
    wire                data_end   = (data_beat_q + 4'd1 == data_beats);

    assign s_axi_wready = data_taken;

    npu_fifo #(
        .WIDTH(PORT_W + 4),
        .DEPTH(BLOCKS)
    ) u_data_order (
        .clk       (clk),
        .rst       (rst),
        .push_valid(wr_fire),
        .push_ready(data_room),
        .push_data ({wr_port, wr_beats}),
        .pop_valid (data_valid),
        .pop_ready (data_fire && data_end),
        .pop_data  ({data_port, data_beats}),
        .level     (data_level)
    );

    always @(posedge clk) begin
        if (rst) begin
            data_beat_q <= 4'd0;
        end else if (data_fire) begin
            data_beat_q <= data_end ? 4'd0 : data_beat_q + 4'd1;
        end
    end

    // ---- Write responses: the worst of a burst's blocks -----------------------------------------

    wire                answer_valid;
    wire [ID_W-1:0]     answer_id;
    wire [PORT_W-1:0]   answer_port;
    wire                answer_last;
    wire [6:0]          answer_level;
    reg  [1:0]          worst_q;
    wire [PORTS-1:0]    answer_hit = FIRST << answer_port;
    wire                b_valid    = answer_valid && (|(m_axi_bvalid & answer_hit));
    wire                b_room;
    wire                b_fire     = b_valid && (b_room || !answer_last);
    reg  [1:0]          b_resp;
    wire [1:0]          worst      = (b_resp > worst_q) ? b_resp : worst_q;
    integer             k;

    always @* begin
        b_resp = 2'd0;
        for (k = 0; k < PORTS; k = k + 1) begin
            b_resp = b_resp | (m_axi_bresp[2*k +: 2] & {2{answer_hit[k]}});
        end
    end

    npu_fifo #(
        .WIDTH(ID_W + PORT_W + 1),
        .DEPTH(BLOCKS)
    ) u_answer_order (
        .clk       (clk),
        .rst       (rst),
        .push_valid(wr_fire),
        .push_ready(answer_room),
        .push_data ({wr_id, wr_port, wr_last}),
        .pop_valid (answer_valid),
        .pop_ready (b_fire),
        .pop_data  ({answer_id, answer_port, answer_last}),
        .level     (answer_level)
    );

    assign m_axi_bready = answer_hit & {PORTS{answer_valid && (b_room || !answer_last)}};

    always @(posedge clk) begin
        if (rst) begin
            worst_q <= 2'd0;
        end else if (b_fire) begin
            worst_q <= answer_last ? 2'd0 : worst;
        end
    end

    npu_skid_buffer #(
        .WIDTH(ID_W + 2)
    ) u_b (
        .clk      (clk),
        .rst      (rst),
        .in_valid (b_valid && answer_last),
        .in_ready (b_room),
        .in_data  ({answer_id, worst}),
        .out_valid(s_axi_bvalid),
        .out_ready(s_axi_bready),
        .out_data ({s_axi_bid, s_axi_bresp})
    );

    // ---- Ports ------------------------------------------------------------------------------

    genvar p;
    generate
        for (p = 0; p < PORTS; p = p + 1) begin : gen_port
            localparam [4:0] NUMBER = p;

            npu_cl_hbm_port #(
                .PORT(NUMBER)
            ) u_port (
                .clk          (clk),
                .rst          (rst),
                .rd_valid     (rd_valid && rd_room && rd_hit[p]),
                .rd_ready     (port_rd_ready[p]),
                .rd_addr      (rd_addr),
                .rd_beats     (rd_beats),
                .word_valid   (word_valid[p]),
                .word_ready   (head_valid && head_hit[p] && r_room),
                .word_data    (words[514*p+2 +: 512]),
                .word_resp    (words[514*p +: 2]),
                .wr_valid     (wr_valid && data_room && answer_room && wr_hit[p]),
                .wr_ready     (port_wr_ready[p]),
                .wr_addr      (wr_addr),
                .wr_beats     (wr_beats),
                .data_valid   (s_axi_wvalid && data_valid && data_hit[p]),
                .data_ready   (port_data_ready[p]),
                .data         (s_axi_wdata),
                .data_strb    (s_axi_wstrb),
                .data_last    (data_end),
                .m_axi_awaddr (m_axi_awaddr[34*p +: 34]),
                .m_axi_awlen  (m_axi_awlen[4*p +: 4]),
                .m_axi_awvalid(m_axi_awvalid[p]),
                .m_axi_awready(m_axi_awready[p]),
                .m_axi_wdata  (m_axi_wdata[256*p +: 256]),
                .m_axi_wstrb  (m_axi_wstrb[32*p +: 32]),
                .m_axi_wlast  (m_axi_wlast[p]),
                .m_axi_wvalid (m_axi_wvalid[p]),
                .m_axi_wready (m_axi_wready[p]),
                .m_axi_araddr (m_axi_araddr[34*p +: 34]),
                .m_axi_arlen  (m_axi_arlen[4*p +: 4]),
                .m_axi_arvalid(m_axi_arvalid[p]),
                .m_axi_arready(m_axi_arready[p]),
                .m_axi_rdata  (m_axi_rdata[256*p +: 256]),
                .m_axi_rresp  (m_axi_rresp[2*p +: 2]),
                .m_axi_rvalid (m_axi_rvalid[p]),
                .m_axi_rready (m_axi_rready[p])
            );
        end
    endgenerate

    wire unused = &{1'b0, s_axi_wlast, rd_level, data_level, answer_level};

endmodule

`default_nettype wire
