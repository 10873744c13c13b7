// AXI4-Lite slave of a bus nobody uses: every access is answered, with OKAY; reads give NOTHING.
// A bus without an answer would make the shell give it up until the image is loaded again.
`default_nettype none

module npu_cl_axil_nothing #(
    parameter [31:0] NOTHING = 32'hdeadbeef
) (
    input  wire        clk,
    input  wire        rst,
    input  wire        s_axil_awvalid,
    output wire        s_axil_awready,
    input  wire        s_axil_wvalid,
    output wire        s_axil_wready,
    output wire        s_axil_bvalid,
    input  wire        s_axil_bready,
    output wire [1:0]  s_axil_bresp,
    input  wire        s_axil_arvalid,
    output wire        s_axil_arready,
    output wire        s_axil_rvalid,
    input  wire        s_axil_rready,
    output wire [31:0] s_axil_rdata,
    output wire [1:0]  s_axil_rresp
);

    wire        awready;
    wire        wready;
    wire        arready;
    wire        reg_write;
    wire [9:0]  reg_write_addr;
    wire [31:0] reg_write_data;
    wire [31:0] reg_write_mask;
    wire [9:0]  reg_read_addr;

    // Nothing is accepted in reset: it would be forgotten.
    assign s_axil_awready = awready && !rst;
    assign s_axil_wready  = wready && !rst;
    assign s_axil_arready = arready && !rst;

    npu_axil_slave #(
        .ADDR_W(12)
    ) u_slave (
        .clk           (clk),
        .rst           (rst),
        .s_axil_awvalid(s_axil_awvalid),
        .s_axil_awready(awready),
        .s_axil_awaddr (12'd0),
        .s_axil_awprot (3'd0),
        .s_axil_wvalid (s_axil_wvalid),
        .s_axil_wready (wready),
        .s_axil_wdata  (32'd0),
        .s_axil_wstrb  (4'd0),
        .s_axil_bvalid (s_axil_bvalid),
        .s_axil_bready (s_axil_bready),
        .s_axil_bresp  (s_axil_bresp),
        .s_axil_arvalid(s_axil_arvalid),
        .s_axil_arready(arready),
        .s_axil_araddr (12'd0),
        .s_axil_arprot (3'd0),
        .s_axil_rvalid (s_axil_rvalid),
        .s_axil_rready (s_axil_rready),
        .s_axil_rdata  (s_axil_rdata),
        .s_axil_rresp  (s_axil_rresp),
        .reg_write     (reg_write),
        .reg_write_addr(reg_write_addr),
        .reg_write_data(reg_write_data),
        .reg_write_mask(reg_write_mask),
        .reg_read_addr (reg_read_addr),
        .reg_read_data (NOTHING)
    );

    wire unused = &{1'b0, reg_write, reg_write_addr, reg_write_data, reg_write_mask,
                    reg_read_addr};

endmodule

`default_nettype wire
