// Cell of the systolic array for any technology: two columns that share one activation. Weights
// and sums of the two are side by side, the low half belonging to the left column.
`default_nettype none

module npu_pe_generic #(
    parameter ACT_W = 8,
    parameter WGT_W = 8
) (
    input  wire               clk,
    input  wire               load,                // shadow weights <= w_in
    input  wire               swap,                // weights <= shadow weights
    input  wire [2*WGT_W-1:0] w_in,
    output wire [2*WGT_W-1:0] w_out,
    input  wire [ACT_W-1:0]   x,
    input  wire [63:0]        sum_in,
    output wire [63:0]        sum_out
);

    localparam PRODUCT_W = ACT_W + WGT_W;

    reg        [2*WGT_W-1:0]   shadow_q;
    reg        [2*WGT_W-1:0]   weight_q;
    reg        [ACT_W-1:0]     x_q;
    reg signed [PRODUCT_W-1:0] left_q;
    reg signed [PRODUCT_W-1:0] right_q;
    reg        [63:0]          sum_q;

    wire signed [PRODUCT_W-1:0] x_wide     = {{WGT_W{x_q[ACT_W-1]}}, x_q};
    wire signed [PRODUCT_W-1:0] left_wide  = {{ACT_W{weight_q[WGT_W-1]}}, weight_q[WGT_W-1:0]};
    wire signed [PRODUCT_W-1:0] right_wide = {{ACT_W{weight_q[2*WGT_W-1]}},
                                              weight_q[2*WGT_W-1:WGT_W]};

    assign w_out   = shadow_q;
    assign sum_out = sum_q;

    always @(posedge clk) begin
        if (load) begin
            shadow_q <= w_in;
        end
        if (swap) begin
            weight_q <= shadow_q;
        end
        x_q           <= x;
        left_q        <= x_wide * left_wide;
        right_q       <= x_wide * right_wide;
        sum_q[31:0]   <= sum_in[31:0] + {{(32 - PRODUCT_W){left_q[PRODUCT_W-1]}}, left_q};
        sum_q[63:32]  <= sum_in[63:32] + {{(32 - PRODUCT_W){right_q[PRODUCT_W-1]}}, right_q};
    end

endmodule

`default_nettype wire
