// A machine with the ports of npu_top and little inside: writing an address to register 0 copies
// 256 bytes from there to 64 KiB further on, inverted. It tests the C interface and the session.
`default_nettype none

module npu_top (
    input  wire         clk,
    input  wire         rst,
    input  wire [11:0]  s_axil_awaddr,
    input  wire         s_axil_awvalid,
    output wire         s_axil_awready,
    input  wire [31:0]  s_axil_wdata,
    input  wire [3:0]   s_axil_wstrb,
    input  wire         s_axil_wvalid,
    output wire         s_axil_wready,
    output wire [1:0]   s_axil_bresp,
    output reg          s_axil_bvalid,
    input  wire         s_axil_bready,
    input  wire [11:0]  s_axil_araddr,
    input  wire         s_axil_arvalid,
    output wire         s_axil_arready,
    output wire [31:0]  s_axil_rdata,
    output wire [1:0]   s_axil_rresp,
    output reg          s_axil_rvalid,
    input  wire         s_axil_rready,
    output wire         m_axi_arid,
    output wire [39:0]  m_axi_araddr,
    output wire [7:0]   m_axi_arlen,
    output wire [2:0]   m_axi_arsize,
    output wire [1:0]   m_axi_arburst,
    output reg          m_axi_arvalid,
    input  wire         m_axi_arready,
    input  wire         m_axi_rid,
    input  wire [127:0] m_axi_rdata,
    input  wire [1:0]   m_axi_rresp,
    input  wire         m_axi_rlast,
    input  wire         m_axi_rvalid,
    output wire         m_axi_rready,
    output wire         m_axi_awid,
    output wire [39:0]  m_axi_awaddr,
    output wire [7:0]   m_axi_awlen,
    output wire [2:0]   m_axi_awsize,
    output wire [1:0]   m_axi_awburst,
    output reg          m_axi_awvalid,
    input  wire         m_axi_awready,
    output wire [127:0] m_axi_wdata,
    output wire [15:0]  m_axi_wstrb,
    output wire         m_axi_wlast,
    output reg          m_axi_wvalid,
    input  wire         m_axi_wready,
    input  wire         m_axi_bid,
    input  wire [1:0]   m_axi_bresp,
    input  wire         m_axi_bvalid,
    output wire         m_axi_bready,
    output reg          irq,
    output wire [3:0]   retire_valid,
    output wire [95:0]  retire_pc
);

    localparam [39:0] DISTANCE = 40'h1_0000;

    reg  [31:0] source_q;
    reg  [3:0]  wr_ptr_q;
    reg  [3:0]  rd_ptr_q;
    wire [127:0] word;

    wire start = s_axil_awready && (s_axil_awaddr == 12'd0);

    assign s_axil_awready = s_axil_wvalid && s_axil_awvalid && !s_axil_bvalid;
    assign s_axil_wready  = s_axil_awready;
    assign s_axil_bresp   = (s_axil_awaddr == 12'd0) ? 2'b00 : 2'b10;
    assign s_axil_arready = !s_axil_rvalid;
    assign s_axil_rresp   = 2'b00;
    assign s_axil_rdata   = source_q;

    assign m_axi_arid    = 1'b1;
    assign m_axi_araddr  = {8'd0, source_q};
    assign m_axi_arlen   = 8'd15;
    assign m_axi_arsize  = 3'd4;
    assign m_axi_arburst = 2'd1;
    assign m_axi_rready  = 1'b1;
    assign m_axi_awid    = 1'b0;
    assign m_axi_awaddr  = {8'd0, source_q} + DISTANCE;
    assign m_axi_awlen   = 8'd15;
    assign m_axi_awsize  = 3'd4;
    assign m_axi_awburst = 2'd1;
    assign m_axi_wdata   = ~word;
    assign m_axi_wstrb   = 16'hffff;
    assign m_axi_wlast   = (rd_ptr_q == 4'd15);
    assign m_axi_bready  = 1'b1;
    assign retire_valid  = {m_axi_bvalid, 2'b00, m_axi_rvalid && m_axi_rlast};
    assign retire_pc     = {24'h123456, 24'd3, 24'd2, 24'habcdef};

    npu_ram_1r1w u_ram (
        .clk     (clk),
        .wr_en   (m_axi_rvalid),
        .wr_addr (wr_ptr_q),
        .wr_data (m_axi_rdata),
        .rd_addr (rd_ptr_q),
        .rd_data (word)
    );

    always @(posedge clk) begin
        if (start) begin
            source_q <= s_axil_wdata;
        end
        if (rst) begin
            s_axil_bvalid <= 1'b0;
            s_axil_rvalid <= 1'b0;
            m_axi_arvalid <= 1'b0;
            m_axi_awvalid <= 1'b0;
            m_axi_wvalid  <= 1'b0;
            wr_ptr_q      <= 4'd0;
            rd_ptr_q      <= 4'd0;
            irq           <= 1'b0;
        end else begin
            s_axil_bvalid <= s_axil_awready || (s_axil_bvalid && !s_axil_bready);
            s_axil_rvalid <= (s_axil_arvalid && s_axil_arready)
                             || (s_axil_rvalid && !s_axil_rready);
            if (start) begin
                m_axi_arvalid <= 1'b1;
            end else if (m_axi_arready) begin
                m_axi_arvalid <= 1'b0;
            end
            if (m_axi_rvalid) begin
                wr_ptr_q <= wr_ptr_q + 4'd1;
                if (m_axi_rlast) begin
                    m_axi_awvalid <= 1'b1;
                    m_axi_wvalid  <= 1'b1;
                end
            end
            if (m_axi_awvalid && m_axi_awready) begin
                m_axi_awvalid <= 1'b0;
            end
            if (m_axi_wvalid && m_axi_wready) begin
                rd_ptr_q <= rd_ptr_q + 4'd1;
                if (m_axi_wlast) begin
                    m_axi_wvalid <= 1'b0;
                end
            end
            if (m_axi_bvalid) begin
                irq <= 1'b1;
            end
        end
    end

    wire unused_inputs = &{1'b0, s_axil_araddr, s_axil_wstrb, m_axi_rid, m_axi_rresp,
                           m_axi_bid, m_axi_bresp};

endmodule

module npu_ram_1r1w (
    input  wire         clk,
    input  wire         wr_en,
    input  wire [3:0]   wr_addr,
    input  wire [127:0] wr_data,
    input  wire [3:0]   rd_addr,
    output wire [127:0] rd_data
);

    reg [127:0] mem [0:15];

    assign rd_data = mem[rd_addr];

    always @(posedge clk) begin
        if (wr_en) begin
            mem[wr_addr] <= wr_data;
        end
    end

endmodule

`default_nettype wire
