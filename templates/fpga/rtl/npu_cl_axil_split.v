// Leads the host's AXI4-Lite bus to two windows of 4 KiB, and answers everything else itself: with
// OKAY, reads with NOTHING. So is the first window while what is behind it cannot answer. One read
// and one write are under way at a time.
`default_nettype none

module npu_cl_axil_split #(
    parameter [31:0] NOTHING = 32'hdeadbeef
) (
    input  wire        clk,
    input  wire        rst,
    input  wire        alive,                      // what is behind window 0 answers

    input  wire        s_axil_awvalid,
    output wire        s_axil_awready,
    input  wire [31:0] s_axil_awaddr,
    input  wire        s_axil_wvalid,
    output wire        s_axil_wready,
    input  wire [31:0] s_axil_wdata,
    input  wire [3:0]  s_axil_wstrb,
    output wire        s_axil_bvalid,
    input  wire        s_axil_bready,
    output wire [1:0]  s_axil_bresp,
    input  wire        s_axil_arvalid,
    output wire        s_axil_arready,
    input  wire [31:0] s_axil_araddr,
    output wire        s_axil_rvalid,
    input  wire        s_axil_rready,
    output wire [31:0] s_axil_rdata,
    output wire [1:0]  s_axil_rresp,

    // Windows, number 0 in the low bits; addresses and data are the same for both.
    output wire [1:0]  m_axil_awvalid,
    input  wire [1:0]  m_axil_awready,
    output wire [11:0] m_axil_awaddr,
    output wire [1:0]  m_axil_wvalid,
    input  wire [1:0]  m_axil_wready,
    output wire [31:0] m_axil_wdata,
    output wire [3:0]  m_axil_wstrb,
    input  wire [1:0]  m_axil_bvalid,
    output wire [1:0]  m_axil_bready,
    output wire [1:0]  m_axil_arvalid,
    input  wire [1:0]  m_axil_arready,
    output wire [11:0] m_axil_araddr,
    input  wire [1:0]  m_axil_rvalid,
    output wire [1:0]  m_axil_rready,
    input  wire [63:0] m_axil_rdata
);

    assign s_axil_bresp = 2'b00;
    assign s_axil_rresp = 2'b00;

    // ---- Writes -----------------------------------------------------------------------------

    reg         aw_held_q;
    reg         w_held_q;
    reg  [1:0]  aw_open_q;                         // address offered to this window
    reg  [1:0]  w_open_q;
    reg  [1:0]  b_from_q;                          // window the answer comes from
    reg         b_valid_q;
    reg         write_q;                           // between forwarding and the answer
    reg  [31:0] aw_addr_q;
    reg  [31:0] w_data_q;
    reg  [3:0]  w_strb_q;
    wire [1:0]  aw_window = {aw_addr_q[31:12] == 20'd1, (aw_addr_q[31:12] == 20'd0) && alive};
    wire        forward   = aw_held_q && w_held_q && !write_q && !b_valid_q;

    // Nothing is accepted in reset: it would be forgotten.
    assign s_axil_awready = !aw_held_q && !rst;
    assign s_axil_wready  = !w_held_q && !rst;
    assign s_axil_bvalid  = b_valid_q;
    assign m_axil_awvalid = aw_open_q;
    assign m_axil_wvalid  = w_open_q;
    assign m_axil_awaddr  = aw_addr_q[11:0];
    assign m_axil_wdata   = w_data_q;
    assign m_axil_wstrb   = w_strb_q;
    assign m_axil_bready  = b_from_q & {2{write_q}};

    wire        answered  = write_q && (b_from_q == 2'b00 || (m_axil_bvalid & b_from_q) != 2'b00);

    always @(posedge clk) begin
        if (rst) begin
            aw_held_q <= 1'b0;
            w_held_q  <= 1'b0;
            aw_open_q <= 2'b00;
            w_open_q  <= 2'b00;
            b_from_q  <= 2'b00;
            b_valid_q <= 1'b0;
            write_q   <= 1'b0;
        end else begin
            if (s_axil_awvalid && s_axil_awready) begin
                aw_held_q <= 1'b1;
            end else if (answered) begin
                aw_held_q <= 1'b0;
            end
            if (s_axil_wvalid && s_axil_wready) begin
                w_held_q <= 1'b1;
            end else if (answered) begin
                w_held_q <= 1'b0;
            end
            if (forward) begin
                write_q   <= 1'b1;
                b_from_q  <= aw_window;
                aw_open_q <= aw_window;
                w_open_q  <= aw_window;
            end else begin
                aw_open_q <= aw_open_q & ~m_axil_awready;
                w_open_q  <= w_open_q & ~m_axil_wready;
                if (answered) begin
                    write_q <= 1'b0;
                end
            end
            if (answered) begin
                b_valid_q <= 1'b1;
            end else if (s_axil_bready) begin
                b_valid_q <= 1'b0;
            end
        end
    end

    always @(posedge clk) begin
        if (s_axil_awvalid && s_axil_awready) begin
            aw_addr_q <= s_axil_awaddr;
        end
        if (s_axil_wvalid && s_axil_wready) begin
            w_data_q <= s_axil_wdata;
            w_strb_q <= s_axil_wstrb;
        end
    end

    // ---- Reads ------------------------------------------------------------------------------

    reg         read_q;                            // an address is taken and not yet answered
    reg         routed_q;                          // its window is chosen
    reg  [1:0]  ar_open_q;
    reg  [1:0]  r_from_q;
    reg         r_valid_q;
    reg  [31:0] ar_addr_q;
    reg  [31:0] r_data_q;
    wire [1:0]  ar_window = {ar_addr_q[31:12] == 20'd1, (ar_addr_q[31:12] == 20'd0) && alive};
    wire        got       = routed_q && (r_from_q == 2'b00 || (m_axil_rvalid & r_from_q) != 2'b00);

    assign s_axil_arready = !read_q && !r_valid_q && !rst;
    assign s_axil_rvalid  = r_valid_q;
    assign s_axil_rdata   = r_data_q;
    assign m_axil_arvalid = ar_open_q;
    assign m_axil_araddr  = ar_addr_q[11:0];
    assign m_axil_rready  = r_from_q & {2{routed_q}};

    always @(posedge clk) begin
        if (rst) begin
            read_q    <= 1'b0;
            routed_q  <= 1'b0;
            ar_open_q <= 2'b00;
            r_from_q  <= 2'b00;
            r_valid_q <= 1'b0;
        end else begin
            if (s_axil_arvalid && s_axil_arready) begin
                read_q <= 1'b1;
            end else if (got) begin
                read_q <= 1'b0;
            end
            if (read_q && !routed_q) begin
                routed_q  <= 1'b1;
                r_from_q  <= ar_window;
                ar_open_q <= ar_window;
            end else begin
                ar_open_q <= ar_open_q & ~m_axil_arready;
                if (got) begin
                    routed_q <= 1'b0;
                end
            end
            if (got) begin
                r_valid_q <= 1'b1;
            end else if (s_axil_rready) begin
                r_valid_q <= 1'b0;
            end
        end
    end

    always @(posedge clk) begin
        if (s_axil_arvalid && s_axil_arready) begin
            ar_addr_q <= s_axil_araddr;
        end
        if (got) begin
            r_data_q <= r_from_q[0] ? m_axil_rdata[31:0]
                      : r_from_q[1] ? m_axil_rdata[63:32] : NOTHING;
        end
    end

endmodule

`default_nettype wire
