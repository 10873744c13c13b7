// Two read masters on one AXI4 port. Client 0 (ID 0) has priority; each client's beats find their
// way back by the ID. Addresses come from registers of the clients and pass straight through.
`default_nettype none

module npu_axi_read_mux #(
    parameter BUS_W  = 128,
    parameter ADDR_W = 64,
    parameter ID_W   = 1
) (
    input  wire              clk,
    input  wire              rst,

    input  wire              s0_arvalid,
    output wire              s0_arready,
    input  wire [ADDR_W-1:0] s0_araddr,
    input  wire [7:0]        s0_arlen,
    output wire              s0_rvalid,
    input  wire              s0_rready,

    input  wire              s1_arvalid,
    output wire              s1_arready,
    input  wire [ADDR_W-1:0] s1_araddr,
    input  wire [7:0]        s1_arlen,
    output wire              s1_rvalid,
    input  wire              s1_rready,

    // Both clients take what belongs to them when their rvalid is high.
    output wire [BUS_W-1:0]  s_rdata,
    output wire [1:0]        s_rresp,
    output wire              s_rlast,

    output wire              m_axi_arvalid,
    input  wire              m_axi_arready,
    output wire [ID_W-1:0]   m_axi_arid,
    output wire [ADDR_W-1:0] m_axi_araddr,
    output wire [7:0]        m_axi_arlen,
    input  wire              m_axi_rvalid,
    output wire              m_axi_rready,
    input  wire [ID_W-1:0]   m_axi_rid,
    input  wire [BUS_W-1:0]  m_axi_rdata,
    input  wire [1:0]        m_axi_rresp,
    input  wire              m_axi_rlast
);

    localparam [ID_W-1:0] ID_0 = {ID_W{1'b0}};
    localparam [ID_W-1:0] ID_1 = {{(ID_W-1){1'b0}}, 1'b1};

    reg  offered_1_q;                              // client 1's address has been refused: it stays
    wire choose_1  = offered_1_q || !s0_arvalid;
    wire belongs_1 = (m_axi_rid == ID_1);

    assign m_axi_arvalid = s0_arvalid || s1_arvalid;
    assign m_axi_arid    = choose_1 ? ID_1 : ID_0;
    assign m_axi_araddr  = choose_1 ? s1_araddr : s0_araddr;
    assign m_axi_arlen   = choose_1 ? s1_arlen : s0_arlen;

    always @(posedge clk) begin
        if (rst) begin
            offered_1_q <= 1'b0;
        end else begin
            offered_1_q <= s1_arvalid && choose_1 && !m_axi_arready;
        end
    end

    assign s0_arready   = m_axi_arready && !choose_1;
    assign s1_arready   = m_axi_arready && choose_1;
    assign s0_rvalid    = m_axi_rvalid && !belongs_1;
    assign s1_rvalid    = m_axi_rvalid && belongs_1;
    assign m_axi_rready = belongs_1 ? s1_rready : s0_rready;
    assign s_rdata      = m_axi_rdata;
    assign s_rresp      = m_axi_rresp;
    assign s_rlast      = m_axi_rlast;

endmodule

`default_nettype wire
