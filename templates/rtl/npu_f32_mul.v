// IEEE-754 binary32 product, round to nearest even. Subnormal operands and results are zero with
// their sign, results beyond the range are infinite. With SPECIALS infinity and NaN follow the
// standard, and every NaN is 7FC00000; without, they have no meaning as operands. Stage k loads
// when enable[k] is set.
`default_nettype none

module npu_f32_mul #(
    parameter SPECIALS = 0,
    parameter LATENCY  = 3                         // fixed
) (
    input  wire               clk,
    input  wire [LATENCY-1:0] enable,
    input  wire [31:0]        a,
    input  wire [31:0]        b,
    output wire [31:0]        out
);

    reg         sign_part_q;
    reg         zero_part_q;
    reg [8:0]   exponent_part_q;
    reg [40:0]  low_q;                             // a * low 17 bits of b: one DSP slice each
    reg [30:0]  high_q;
    reg         sign_product_q;
    reg         zero_product_q;
    reg [8:0]   exponent_product_q;
    reg [47:0]  product_q;
    reg [31:0]  out_q;
    wire        nan_product;
    wire        infinite_product;

    assign out = out_q;

    function [31:0] round;
        input        sign;
        input [8:0]  exponent_sum;                 // of two biased exponents: biased twice
        input [47:0] full;
        reg   [23:0] significand;
        reg          half;
        reg          rest;
        reg   [8:0]  exponent;
        reg   [31:0] rounded;
        begin
            if (full[47]) begin
                significand = full[47:24];
                half        = full[23];
                rest        = (full[22:0] != 23'd0);
            end else begin
                significand = full[46:23];
                half        = full[22];
                rest        = (full[21:0] != 22'd0);
            end
            exponent = exponent_sum + {8'd0, full[47]};
            // The carry of the fraction is the next exponent, so one adder rounds both.
            rounded  = {exponent - 9'd127, significand[22:0]}
                     + {31'd0, half && (rest || significand[0])};
            if (exponent < 9'd127) begin
                round = {sign, 31'd0};
            end else if (exponent == 9'd127) begin
                // Just below the normal range: only a significand of ones rounds up into it.
                round = {sign, 7'd0, &significand, 23'd0};
            end else if (rounded[31:23] >= 9'd255) begin
                round = {sign, 8'hFF, 23'd0};
            end else begin
                round = {sign, rounded[30:0]};
            end
        end
    endfunction

    always @(posedge clk) begin
        if (enable[0]) begin
            sign_part_q     <= a[31] ^ b[31];
            zero_part_q     <= (a[30:23] == 8'd0) || (b[30:23] == 8'd0);
            exponent_part_q <= {1'b0, a[30:23]} + {1'b0, b[30:23]};
            low_q           <= {17'd0, 1'b1, a[22:0]} * {24'd0, b[16:0]};
            high_q          <= {7'd0, 1'b1, a[22:0]} * {24'd0, 1'b1, b[22:17]};
        end
        if (enable[1]) begin
            sign_product_q     <= sign_part_q;
            zero_product_q     <= zero_part_q;
            exponent_product_q <= exponent_part_q;
            product_q          <= {high_q, 17'd0} + {7'd0, low_q};
        end
        if (enable[2]) begin
            out_q <= nan_product ? 32'h7FC00000
                   : infinite_product ? {sign_product_q, 8'hFF, 23'd0}
                   : zero_product_q ? {sign_product_q, 31'd0}
                   : round(sign_product_q, exponent_product_q, product_q);
        end
    end

    generate
        if (SPECIALS != 0) begin : gen_specials
            wire a_special = (a[30:23] == 8'hFF);
            wire b_special = (b[30:23] == 8'hFF);
            wire a_nan     = a_special && (a[22:0] != 23'd0);
            wire b_nan     = b_special && (b[22:0] != 23'd0);
            wire a_zero    = (a[30:23] == 8'd0);
            wire b_zero    = (b[30:23] == 8'd0);
            reg  nan_part_q;
            reg  nan_product_q;
            reg  special_part_q;
            reg  special_product_q;

            assign nan_product      = nan_product_q;
            assign infinite_product = special_product_q;

            always @(posedge clk) begin
                if (enable[0]) begin
                    nan_part_q     <= a_nan || b_nan || (a_special && b_zero)
                                   || (b_special && a_zero);
                    special_part_q <= a_special || b_special;
                end
                if (enable[1]) begin
                    nan_product_q     <= nan_part_q;
                    special_product_q <= special_part_q;
                end
            end
        end else begin : gen_finite
            assign nan_product      = 1'b0;
            assign infinite_product = 1'b0;
        end
    endgenerate

endmodule

`default_nettype wire
