// A sum that stays at the ends of its range: a 33-bit sum in one stage shows what is lost.
`default_nettype none

module npu_op_add_saturated (
    input  wire        clk,
    input  wire [31:0] a,
    input  wire [31:0] b,
    output wire [31:0] out
);

    wire [32:0] sum   = {a[31], a} + {b[31], b};
    wire        below = sum[32] && !sum[31];
    wire        above = !sum[32] && sum[31];
    reg  [31:0] out_q;

    always @(posedge clk) begin
        out_q <= below ? 32'h80000000 : above ? 32'h7FFFFFFF : sum[31:0];
    end

    assign out = out_q;

endmodule

`default_nettype wire
