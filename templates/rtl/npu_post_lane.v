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
//   stages 10-16  inner   = skip * inner_scale + offset  (from here with ENABLE_RESIDUAL only)
//   stages 16-22  outer   = act * outer_scale + inner    (its product begins a stage earlier)
//   stages 23-24  rint(outer)
//   stage 25      res_act = clamp(rint)
//
// With act_is_inner, act and skip change places.
`default_nettype none

module npu_post_lane #(
    parameter ACT_W           = 8,                 // bits of an activation, 4 to 16
    parameter ENABLE_RESIDUAL = 1,
    parameter FLOAT           = 0,                 // binary32 accumulators exist
    parameter STAGES          = 26                 // fixed
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
    input  wire              act_is_inner,         // stage 10
    input  wire [31:0]       inner_scale,          // stage 10
    input  wire [31:0]       offset,               // stage 11
    input  wire [31:0]       outer_scale,          // stage 16
    input  wire [15:0]       res_min,              // stage 25: res_clamp
    input  wire [15:0]       res_max,
    output wire [31:0]       sum,                  // valid in the cycle after stage 0
    output wire [31:0]       product,              // after stage 6
    output wire [ACT_W-1:0]  act,                  // after stage 9
    output wire [ACT_W-1:0]  res_act               // after stage 25
);

    // Saturating to 18 bits before the zero point is added gives what 32 bits would: either way
    // the sum is beyond any limit.
    localparam WHOLE_W = 18;

    function [15:0] clamp;
        input [WHOLE_W-1:0] value;
        input [15:0]        zero;
        input [15:0]        low;
        input [15:0]        high;
        reg signed [WHOLE_W:0] moved;
        begin
            moved = $signed({value[WHOLE_W-1], value}) + $signed({{3{zero[15]}}, zero});
            if (moved < $signed({{3{low[15]}}, low})) begin
                clamp = low;
            end else if (moved > $signed({{3{high[15]}}, high})) begin
                clamp = high;
            end else begin
                clamp = moved[15:0];
            end
        end
    endfunction

    reg  [31:0]        sum_q;
    reg  [15:0]        act_q;
    wire [31:0]        sum_float;
    wire [WHOLE_W-1:0] product_whole;

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

    npu_i2f u_sum_float (
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
        .OUT_W    (WHOLE_W),
        .SPECIALS (FLOAT)
    ) u_product_whole (
        .clk      (clk),
        .enable   (enable[8:7]),
        .in       (product),
        .out      (product_whole)
    );

    generate
        if (ENABLE_RESIDUAL != 0) begin : gen_residual
            reg  [15:0]        res_act_q;
            wire [ACT_W-1:0]   inner_operand = act_is_inner ? act : skip;
            wire [ACT_W-1:0]   outer_operand;
            wire [31:0]        inner;
            wire [31:0]        outer;
            wire [WHOLE_W-1:0] outer_whole;

            assign res_act = res_act_q[ACT_W-1:0];

            always @(posedge clk) begin
                if (enable[25]) begin
                    res_act_q <= clamp(outer_whole, 16'd0, res_min, res_max);
                end
            end

            npu_fma_int #(
                .INT_W      (ACT_W)
            ) u_inner (
                .clk        (clk),
                .enable     (enable[16:10]),
                .integer_in (inner_operand),
                .scale      (inner_scale),
                .addend     (offset),
                .out        (inner)
            );

            npu_shift #(
                .WIDTH (ACT_W),
                .DEPTH (6)
            ) u_wait (
                .clk   (clk),
                .in    (act_is_inner ? skip : act),
                .out   (outer_operand)
            );

            npu_fma_int #(
                .INT_W      (ACT_W)
            ) u_outer (
                .clk        (clk),
                .enable     (enable[22:16]),
                .integer_in (outer_operand),
                .scale      (outer_scale),
                .addend     (inner),
                .out        (outer)
            );

            npu_f2i #(
                .OUT_W  (WHOLE_W)
            ) u_outer_whole (
                .clk    (clk),
                .enable (enable[24:23]),
                .in     (outer),
                .out    (outer_whole)
            );

            if (ACT_W < 16) begin : gen_narrow
                wire unused_top = &{1'b0, res_act_q[15:ACT_W]};
            end
        end else begin : gen_plain
            assign res_act = {ACT_W{1'b0}};

            wire unused_residual = &{1'b0, enable[STAGES-1:10], skip, act_is_inner, inner_scale,
                                     offset, outer_scale, res_min, res_max};
        end
    endgenerate

    generate
        if (ACT_W < 16) begin : gen_narrow
            wire unused_top = &{1'b0, act_q[15:ACT_W]};
        end
    endgenerate

endmodule

`default_nettype wire
