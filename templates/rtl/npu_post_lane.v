// Arithmetic of one post-processing lane, one vector per cycle. The stage of a register is the
// cycle, counted from the one in which `acc` is presented, at whose end it loads if enable[stage]
// is set. Scalars that many lanes share are presented by the parent (npu_post) in the cycle of
// the stage that uses them, so that no lane stores them.
//
//   stage 0       sum     = acc + bias, or just acc
//   stages 1-3    f32(sum)
//   stages 4-6    product = f32(sum) * scale, or of the binary32 number that the parent presents
//   stages 7-8    rint(product)
//   stage 9       act     = clamp(rint + zero)
//   stage 10      act - zero, skip - skip_zero           (the rest with ENABLE_RESIDUAL only)
//   stages 11-12  to binary32
//   stages 13-15  times scale_a, scale_b
//   stages 16-20  sum
//   stages 21-22  rint
//   stage 23      res_act = clamp(rint + res_zero)
`default_nettype none

module npu_post_lane #(
    parameter ACT_W           = 8,                 // bits of an activation, 4 to 16
    parameter ENABLE_RESIDUAL = 1,
    parameter FLOAT           = 0,                 // binary32 accumulators exist
    parameter STAGES          = 24                 // fixed
) (
    input  wire              clk,
    input  wire [STAGES-1:0] enable,
    input  wire [31:0]       acc,                  // stage 0
    input  wire [31:0]       bias,                 // stage 0
    input  wire              acc_is_float,         // stage 0: no bias
    input  wire              number_is_float,      // stage 4
    input  wire [31:0]       number,               // stage 4
    input  wire [31:0]       scale,                // stage 4
    input  wire [15:0]       zero_clamp,           // stage 9: quant.zero, .min, .max
    input  wire [15:0]       min_clamp,
    input  wire [15:0]       max_clamp,
    input  wire [ACT_W-1:0]  skip,                 // stage 10
    input  wire [15:0]       zero_subtract,        // stage 10: quant.zero
    input  wire [15:0]       skip_zero,            // stage 10
    input  wire [31:0]       scale_a,              // stage 13
    input  wire [31:0]       scale_b,              // stage 13
    input  wire [15:0]       res_zero,             // stage 23: res_quant.zero, .min, .max
    input  wire [15:0]       res_min,
    input  wire [15:0]       res_max,
    output wire [31:0]       sum,                  // valid in the cycle after stage 0
    output wire [31:0]       product,              // after stage 6
    output wire [ACT_W-1:0]  act,                  // after stage 9
    output wire [ACT_W-1:0]  res_act               // after stage 23
);

    function [15:0] clamp;
        input [31:0] value;
        input [15:0] zero;
        input [15:0] low;
        input [15:0] high;
        reg signed [32:0] moved;
        begin
            moved = $signed({value[31], value}) + $signed({{17{zero[15]}}, zero});
            if (moved < $signed({{17{low[15]}}, low})) begin
                clamp = low;
            end else if (moved > $signed({{17{high[15]}}, high})) begin
                clamp = high;
            end else begin
                clamp = moved[15:0];
            end
        end
    endfunction

    reg  [31:0] sum_q;
    reg  [15:0] act_q;
    wire [31:0] sum_float;
    wire [31:0] product_whole;

    assign sum = sum_q;
    assign act = act_q[ACT_W-1:0];

    always @(posedge clk) begin
        if (enable[0]) begin
            sum_q <= (FLOAT != 0 && acc_is_float) ? acc : acc + bias;
        end
        if (enable[9]) begin
            act_q <= clamp(product_whole, zero_clamp, min_clamp, max_clamp);
        end
    end

    npu_i2f #(
        .WIDTH  (32)
    ) u_sum_float (
        .clk    (clk),
        .enable (enable[3:1]),
        .in     (sum_q),
        .out    (sum_float)
    );

    npu_f32_mul #(
        .SPECIALS (FLOAT)
    ) u_product (
        .clk      (clk),
        .enable   (enable[6:4]),
        .a        ((FLOAT != 0 && number_is_float) ? number : sum_float),
        .b        (scale),
        .out      (product)
    );

    npu_f2i #(
        .SPECIALS (FLOAT)
    ) u_product_whole (
        .clk      (clk),
        .enable   (enable[8:7]),
        .in       (product),
        .out      (product_whole)
    );

    generate
        if (ENABLE_RESIDUAL != 0) begin : gen_residual
            reg  [17:0] a_q;
            reg  [17:0] b_q;
            reg  [15:0] res_act_q;
            wire [31:0] a_float;
            wire [31:0] b_float;
            wire [31:0] a_scaled;
            wire [31:0] b_scaled;
            wire [31:0] total;
            wire [31:0] total_whole;

            assign res_act = res_act_q[ACT_W-1:0];

            always @(posedge clk) begin
                if (enable[10]) begin
                    a_q <= {{2{act_q[15]}}, act_q} - {{2{zero_subtract[15]}}, zero_subtract};
                    b_q <= {{(18 - ACT_W){skip[ACT_W-1]}}, skip}
                         - {{2{skip_zero[15]}}, skip_zero};
                end
                if (enable[23]) begin
                    res_act_q <= clamp(total_whole, res_zero, res_min, res_max);
                end
            end

            npu_i2f #(
                .WIDTH  (18)
            ) u_a_float (
                .clk    (clk),
                .enable (enable[12:11]),
                .in     (a_q),
                .out    (a_float)
            );

            npu_i2f #(
                .WIDTH  (18)
            ) u_b_float (
                .clk    (clk),
                .enable (enable[12:11]),
                .in     (b_q),
                .out    (b_float)
            );

            npu_f32_mul u_a_scaled (
                .clk    (clk),
                .enable (enable[15:13]),
                .a      (a_float),
                .b      (scale_a),
                .out    (a_scaled)
            );

            npu_f32_mul u_b_scaled (
                .clk    (clk),
                .enable (enable[15:13]),
                .a      (b_float),
                .b      (scale_b),
                .out    (b_scaled)
            );

            npu_f32_add u_total (
                .clk    (clk),
                .enable (enable[20:16]),
                .a      (a_scaled),
                .b      (b_scaled),
                .out    (total)
            );

            npu_f2i u_total_whole (
                .clk    (clk),
                .enable (enable[22:21]),
                .in     (total),
                .out    (total_whole)
            );

            if (ACT_W < 16) begin : gen_narrow
                wire unused_top = &{1'b0, res_act_q[15:ACT_W]};
            end
        end else begin : gen_plain
            assign res_act = {ACT_W{1'b0}};

            wire unused_residual = &{1'b0, enable[STAGES-1:10], skip, zero_subtract, skip_zero,
                                     scale_a, scale_b, res_zero, res_min, res_max};
        end
    endgenerate

    generate
        if (ACT_W < 16) begin : gen_narrow
            wire unused_top = &{1'b0, act_q[15:ACT_W]};
        end
    endgenerate

endmodule

`default_nettype wire
