// Brings a level from any clock into this one, through two registers per bit. Bits may arrive in
// different cycles.
`default_nettype none

module npu_cl_sync #(
    parameter WIDTH = 1
) (
    input  wire             clk,
    input  wire [WIDTH-1:0] in,
    output wire [WIDTH-1:0] out
);

    (* async_reg = "true" *) reg [WIDTH-1:0] meta_q;
    (* async_reg = "true" *) reg [WIDTH-1:0] out_q;

    assign out = out_q;

    always @(posedge clk) begin
        meta_q <= in;
        out_q  <= meta_q;
    end

endmodule

`default_nettype wire
