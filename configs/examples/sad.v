// Sum of absolute differences, written by hand: the unit `sad` of custom_unit.yaml. The sum of a
// group stands in a register of its own while the next group begins.
`default_nettype none

module npu_unit_sad #(
    parameter LANES   = 16,
    parameter LANES_W = 32 * LANES
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               in_valid,
    output wire               in_ready,
    input  wire               in_first,
    input  wire               in_last,
    input  wire [31:0]        in_index,
    input  wire [LANES_W-1:0] in_a,
    input  wire [LANES_W-1:0] in_b,
    output reg                out_valid,
    input  wire               out_ready,
    output reg  [LANES_W-1:0] out_data
);

    reg  [LANES_W-1:0] sum_q;
    wire [LANES_W-1:0] sum;
    wire               fire = in_valid && in_ready;

    wire unused_index = &{1'b0, in_index};

    assign in_ready = !in_last || !out_valid || out_ready;

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            wire [31:0] a          = in_a[32*i +: 32];
            wire [31:0] b          = in_b[32*i +: 32];
            wire [31:0] difference = ($signed(a) < $signed(b)) ? b - a : a - b;

            assign sum[32*i +: 32] = difference + (in_first ? 32'd0 : sum_q[32*i +: 32]);
        end
    endgenerate

    always @(posedge clk) begin
        if (rst) begin
            out_valid <= 1'b0;
        end else if (fire && in_last) begin
            out_valid <= 1'b1;
        end else if (out_ready) begin
            out_valid <= 1'b0;
        end
    end

    always @(posedge clk) begin
        if (fire) begin
            sum_q <= sum;
        end
        if (fire && in_last) begin
            out_data <= sum;
        end
    end

endmodule

`default_nettype wire
