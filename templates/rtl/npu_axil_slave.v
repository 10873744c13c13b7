// AXI4-Lite slave for a bank of 32-bit registers. Every access is answered, with OKAY, whatever
// its address: a bus must never wait for this block. Address and data of a write may come in any
// order; a write takes effect in the cycle of `reg_write`, before its response.
`default_nettype none

module npu_axil_slave #(
    parameter ADDR_W = 12
) (
    input  wire              clk,
    input  wire              rst,

    input  wire              s_axil_awvalid,
    output wire              s_axil_awready,
    input  wire [ADDR_W-1:0] s_axil_awaddr,
    input  wire [2:0]        s_axil_awprot,
    input  wire              s_axil_wvalid,
    output wire              s_axil_wready,
    input  wire [31:0]       s_axil_wdata,
    input  wire [3:0]        s_axil_wstrb,
    output reg               s_axil_bvalid,
    input  wire              s_axil_bready,
    output wire [1:0]        s_axil_bresp,
    input  wire              s_axil_arvalid,
    output wire              s_axil_arready,
    input  wire [ADDR_W-1:0] s_axil_araddr,
    input  wire [2:0]        s_axil_arprot,
    output reg               s_axil_rvalid,
    input  wire              s_axil_rready,
    output reg  [31:0]       s_axil_rdata,
    output wire [1:0]        s_axil_rresp,

    output wire              reg_write,
    output wire [ADDR_W-1:2] reg_write_addr,
    output wire [31:0]       reg_write_data,
    output wire [31:0]       reg_write_mask,       // bits the strobes select
    output wire [ADDR_W-1:2] reg_read_addr,
    input  wire [31:0]       reg_read_data         // combinational
);

    localparam [1:0] RESP_OKAY = 2'b00;

    assign s_axil_bresp = RESP_OKAY;
    assign s_axil_rresp = RESP_OKAY;

    // ---- Writes: one place each for address and data ---------------------------------------

    reg              aw_held_q;
    reg [ADDR_W-1:2] aw_addr_q;
    reg              w_held_q;
    reg [31:0]       w_data_q;
    reg [3:0]        w_strb_q;

    assign s_axil_awready = !aw_held_q;
    assign s_axil_wready  = !w_held_q;

    assign reg_write      = aw_held_q && w_held_q && (!s_axil_bvalid || s_axil_bready);
    assign reg_write_addr = aw_addr_q;
    assign reg_write_data = w_data_q;
    assign reg_write_mask = {{8{w_strb_q[3]}}, {8{w_strb_q[2]}},
                             {8{w_strb_q[1]}}, {8{w_strb_q[0]}}};

    always @(posedge clk) begin
        if (rst) begin
            aw_held_q     <= 1'b0;
            w_held_q      <= 1'b0;
            s_axil_bvalid <= 1'b0;
        end else begin
            if (reg_write) begin
                aw_held_q <= 1'b0;
            end else if (s_axil_awvalid) begin
                aw_held_q <= 1'b1;
            end
            if (reg_write) begin
                w_held_q <= 1'b0;
            end else if (s_axil_wvalid) begin
                w_held_q <= 1'b1;
            end
            if (reg_write) begin
                s_axil_bvalid <= 1'b1;
            end else if (s_axil_bready) begin
                s_axil_bvalid <= 1'b0;
            end
        end
    end

    always @(posedge clk) begin
        if (s_axil_awvalid && s_axil_awready) begin
            aw_addr_q <= s_axil_awaddr[ADDR_W-1:2];
        end
        if (s_axil_wvalid && s_axil_wready) begin
            w_data_q <= s_axil_wdata;
            w_strb_q <= s_axil_wstrb;
        end
    end

    // ---- Reads ------------------------------------------------------------------------------

    assign s_axil_arready = !s_axil_rvalid || s_axil_rready;
    assign reg_read_addr  = s_axil_araddr[ADDR_W-1:2];

    always @(posedge clk) begin
        if (rst) begin
            s_axil_rvalid <= 1'b0;
        end else if (s_axil_arready) begin
            s_axil_rvalid <= s_axil_arvalid;
        end
    end

    always @(posedge clk) begin
        if (s_axil_arvalid && s_axil_arready) begin
            s_axil_rdata <= reg_read_data;
        end
    end

    wire unused_axil = &{1'b0, s_axil_awprot, s_axil_arprot, s_axil_awaddr[1:0],
                         s_axil_araddr[1:0]};

endmodule

`default_nettype wire
