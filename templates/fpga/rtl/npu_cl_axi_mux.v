// Joins several masters, each behind an npu_cl_axi_port, to one AXI4 slave. The slave sees the
// number of the master as ID, and so answers each master in order. Addresses are granted in turns;
// write data follows in the order of the granted addresses. A register stage on every channel of
// the slave's side.
`default_nettype none

module npu_cl_axi_mux #(
    parameter PORTS       = 3,                     // 2 to 4
    parameter ADDR_W      = 36,
    parameter DATA_W      = 512,
    parameter OUTSTANDING = 64                     // write bursts whose data is not yet complete
) (
    input  wire                      clk,
    input  wire                      rst,

    input  wire [PORTS*ADDR_W-1:0]   s_awaddr,
    input  wire [PORTS*8-1:0]        s_awlen,
    input  wire [PORTS-1:0]          s_awvalid,
    output wire [PORTS-1:0]          s_awready,
    input  wire [PORTS*DATA_W-1:0]   s_wdata,
    input  wire [PORTS*DATA_W/8-1:0] s_wstrb,
    input  wire [PORTS-1:0]          s_wlast,
    input  wire [PORTS-1:0]          s_wvalid,
    output wire [PORTS-1:0]          s_wready,
    output wire [1:0]                s_bresp,      // of the port whose s_bvalid is set
    output wire [PORTS-1:0]          s_bvalid,
    input  wire [PORTS-1:0]          s_bready,
    input  wire [PORTS*ADDR_W-1:0]   s_araddr,
    input  wire [PORTS*8-1:0]        s_arlen,
    input  wire [PORTS-1:0]          s_arvalid,
    output wire [PORTS-1:0]          s_arready,
    output wire [DATA_W-1:0]         s_rdata,      // of the port whose s_rvalid is set
    output wire [1:0]                s_rresp,
    output wire                      s_rlast,
    output wire [PORTS-1:0]          s_rvalid,
    input  wire [PORTS-1:0]          s_rready,

    output wire [1:0]                m_axi_awid,
    output wire [ADDR_W-1:0]         m_axi_awaddr,
    output wire [7:0]                m_axi_awlen,
    output wire                      m_axi_awvalid,
    input  wire                      m_axi_awready,
    output wire [DATA_W-1:0]         m_axi_wdata,
    output wire [DATA_W/8-1:0]       m_axi_wstrb,
    output wire                      m_axi_wlast,
    output wire                      m_axi_wvalid,
    input  wire                      m_axi_wready,
    input  wire [1:0]                m_axi_bid,
    input  wire [1:0]                m_axi_bresp,
    input  wire                      m_axi_bvalid,
    output wire                      m_axi_bready,
    output wire [1:0]                m_axi_arid,
    output wire [ADDR_W-1:0]         m_axi_araddr,
    output wire [7:0]                m_axi_arlen,
    output wire                      m_axi_arvalid,
    input  wire                      m_axi_arready,
    input  wire [1:0]                m_axi_rid,
    input  wire [DATA_W-1:0]         m_axi_rdata,
    input  wire [1:0]                m_axi_rresp,
    input  wire                      m_axi_rlast,
    input  wire                      m_axi_rvalid,
    output wire                      m_axi_rready
);

    localparam STRB_W  = DATA_W / 8;
    localparam LEVEL_W = $clog2(OUTSTANDING + 1);

    generate
        if (PORTS < 2 || PORTS > 4) begin : gen_ports_check
            npu_error_axi_mux_has_2_to_4_ports u_error ();
        end
    endgenerate

    // ---- Addresses --------------------------------------------------------------------------

    wire [PORTS-1:0]  aw_grant;
    wire [PORTS-1:0]  ar_grant;
    wire              aw_room;
    wire              ar_room;
    wire              order_room;
    wire              aw_any  = (s_awvalid != {PORTS{1'b0}});
    wire              ar_any  = (s_arvalid != {PORTS{1'b0}});
    wire              aw_take = aw_any && aw_room && order_room;
    wire              ar_take = ar_any && ar_room;

    npu_cl_arbiter #(
        .PORTS(PORTS)
    ) u_aw_arbiter (
        .clk    (clk),
        .rst    (rst),
        .request(s_awvalid),
        .take   (aw_take),
        .grant  (aw_grant)
    );

    npu_cl_arbiter #(
        .PORTS(PORTS)
    ) u_ar_arbiter (
        .clk    (clk),
        .rst    (rst),
        .request(s_arvalid),
        .take   (ar_take),
        .grant  (ar_grant)
    );

    assign s_awready = aw_grant & {PORTS{aw_room && order_room}};
    assign s_arready = ar_grant & {PORTS{ar_room}};

    // What the granted port offers; its number is the ID.
    reg [ADDR_W+9:0] aw_chosen;
    reg [ADDR_W+9:0] ar_chosen;
    integer          i;
    always @* begin
        aw_chosen = {(ADDR_W+10){1'b0}};
        ar_chosen = {(ADDR_W+10){1'b0}};
        for (i = 0; i < PORTS; i = i + 1) begin
            if (aw_grant[i]) begin
                aw_chosen = aw_chosen | {i[1:0], s_awaddr[i*ADDR_W +: ADDR_W], s_awlen[i*8 +: 8]};
            end
            if (ar_grant[i]) begin
                ar_chosen = ar_chosen | {i[1:0], s_araddr[i*ADDR_W +: ADDR_W], s_arlen[i*8 +: 8]};
            end
        end
    end

    npu_skid_buffer #(
        .WIDTH(ADDR_W + 10)
    ) u_aw (
        .clk      (clk),
        .rst      (rst),
        .in_valid (aw_any && order_room),
        .in_ready (aw_room),
        .in_data  (aw_chosen),
        .out_valid(m_axi_awvalid),
        .out_ready(m_axi_awready),
        .out_data ({m_axi_awid, m_axi_awaddr, m_axi_awlen})
    );

    npu_skid_buffer #(
        .WIDTH(ADDR_W + 10)
    ) u_ar (
        .clk      (clk),
        .rst      (rst),
        .in_valid (ar_any),
        .in_ready (ar_room),
        .in_data  (ar_chosen),
        .out_valid(m_axi_arvalid),
        .out_ready(m_axi_arready),
        .out_data ({m_axi_arid, m_axi_araddr, m_axi_arlen})
    );

    // ---- Write data, in the order of the addresses ----------------------------------------------

    wire               turn_valid;
    wire [PORTS-1:0]   turn;                       // whose data goes out
    wire               turn_end;
    wire [LEVEL_W-1:0] turn_level;
    wire               w_room;

    npu_fifo #(
        .WIDTH(PORTS),
        .DEPTH(OUTSTANDING)
    ) u_order (
        .clk       (clk),
        .rst       (rst),
        .push_valid(aw_any && aw_room),
        .push_ready(order_room),
        .push_data (aw_grant),
        .pop_valid (turn_valid),
        .pop_ready (turn_end),
        .pop_data  (turn),
        .level     (turn_level)
    );

    reg [DATA_W+STRB_W:0] w_chosen;
    integer               j;
    always @* begin
        w_chosen = {(DATA_W+STRB_W+1){1'b0}};
        for (j = 0; j < PORTS; j = j + 1) begin
            if (turn[j]) begin
                w_chosen = w_chosen | {s_wlast[j], s_wdata[j*DATA_W +: DATA_W],
                                       s_wstrb[j*STRB_W +: STRB_W]};
            end
        end
    end

    wire w_valid = turn_valid && ((s_wvalid & turn) != {PORTS{1'b0}});

    assign s_wready = turn & {PORTS{turn_valid && w_room}};
    assign turn_end = w_valid && w_room && w_chosen[DATA_W+STRB_W];

    npu_skid_buffer #(
        .WIDTH(DATA_W + STRB_W + 1)
    ) u_w (
        .clk      (clk),
        .rst      (rst),
        .in_valid (w_valid),
        .in_ready (w_room),
        .in_data  (w_chosen),
        .out_valid(m_axi_wvalid),
        .out_ready(m_axi_wready),
        .out_data ({m_axi_wlast, m_axi_wdata, m_axi_wstrb})
    );

    // ---- Answers, to the port whose number they carry -----------------------------------------

    wire             b_valid;
    wire [1:0]       b_id;
    wire             r_valid;
    wire [1:0]       r_id;
    wire [PORTS-1:0] b_port = {{(PORTS-1){1'b0}}, 1'b1} << b_id;
    wire [PORTS-1:0] r_port = {{(PORTS-1){1'b0}}, 1'b1} << r_id;

    npu_skid_buffer #(
        .WIDTH(4)
    ) u_b (
        .clk      (clk),
        .rst      (rst),
        .in_valid (m_axi_bvalid),
        .in_ready (m_axi_bready),
        .in_data  ({m_axi_bid, m_axi_bresp}),
        .out_valid(b_valid),
        .out_ready((b_port & s_bready) != {PORTS{1'b0}}),
        .out_data ({b_id, s_bresp})
    );

    npu_skid_buffer #(
        .WIDTH(DATA_W + 5)
    ) u_r (
        .clk      (clk),
        .rst      (rst),
        .in_valid (m_axi_rvalid),
        .in_ready (m_axi_rready),
        .in_data  ({m_axi_rid, m_axi_rresp, m_axi_rlast, m_axi_rdata}),
        .out_valid(r_valid),
        .out_ready((r_port & s_rready) != {PORTS{1'b0}}),
        .out_data ({r_id, s_rresp, s_rlast, s_rdata})
    );

    assign s_bvalid = b_port & {PORTS{b_valid}};
    assign s_rvalid = r_port & {PORTS{r_valid}};

    wire unused_level = &{1'b0, turn_level};

endmodule

`default_nettype wire
