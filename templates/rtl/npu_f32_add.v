// IEEE-754 binary32 sum, round to nearest even. Subnormal operands and results are zero with
// their sign, results beyond the range are infinite. With SPECIALS infinity and NaN follow the
// standard, and every NaN is 7FC00000; without, they have no meaning as operands. Stage k loads
// when enable[k] is set.
`default_nettype none

module npu_f32_add #(
    parameter SPECIALS = 0,
    parameter LATENCY  = 5                         // fixed
) (
    input  wire               clk,
    input  wire [LATENCY-1:0] enable,
    input  wire [31:0]        a,
    input  wire [31:0]        b,
    output wire [31:0]        out
);

    // Stage 0: the operand of larger magnitude first.
    reg         sign_order_q;
    reg         subtract_order_q;
    reg [7:0]   exponent_order_q;
    reg [7:0]   distance_q;
    reg [23:0]  large_order_q;
    reg [23:0]  small_order_q;
    // Stage 1: aligned, with guard, round and sticky bits.
    reg         sign_align_q;
    reg         subtract_align_q;
    reg [7:0]   exponent_align_q;
    reg [23:0]  large_align_q;
    reg [26:0]  small_align_q;
    // Stage 2: summed.
    reg         sign_sum_q;
    reg [7:0]   exponent_sum_q;
    reg [27:0]  sum_q;
    // Stage 3: normalised.
    reg         sign_norm_q;
    reg [8:0]   exponent_norm_q;
    reg [4:0]   shift_q;
    reg [27:0]  norm_q;
    // Stage 4: rounded.
    reg [31:0]  out_q;
    wire        nan_norm;
    wire        infinite_norm;

    assign out = out_q;

    wire        a_zero = (a[30:23] == 8'd0);
    wire        b_zero = (b[30:23] == 8'd0);
    wire [23:0] a_significand = a_zero ? 24'd0 : {1'b1, a[22:0]};
    wire [23:0] b_significand = b_zero ? 24'd0 : {1'b1, b[22:0]};
    wire        b_larger = !b_zero && (b[30:0] > a[30:0]);

    wire [7:0]  apart    = (b_larger ? b[30:23] : a[30:23]) - (b_larger ? a[30:23] : b[30:23]);

    // Shifts right; bits that fall out are gathered in bit 0.
    function [26:0] align;
        input [23:0] significand;
        input [7:0]  distance;
        reg   [53:0] moved;
        begin
            moved = {significand, 30'd0} >> distance[4:0];
            if (distance > 8'd26) begin
                align = {26'd0, significand != 24'd0};
            end else begin
                align = {moved[53:28], moved[27:0] != 28'd0};
            end
        end
    endfunction

    // {left shift, value shifted until its highest bit is set}
    function [32:0] normalise;
        input [27:0] value;
        reg   [27:0] moved;
        reg   [4:0]  shift;
        integer      k;
        begin
            moved = value;
            shift = 5'd0;
            for (k = 4; k >= 0; k = k - 1) begin
                if ((moved >> (28 - (1 << k))) == 28'd0) begin
                    moved    = moved << (1 << k);
                    shift[k] = 1'b1;
                end
            end
            normalise = {shift, moved};
        end
    endfunction

    function [31:0] round;
        input        sign;
        input [8:0]  exponent_carried;             // of the bit above the larger operand's
        input [4:0]  shift;
        input [27:0] value;
        reg   [8:0]  exponent;
        reg   [31:0] rounded;
        begin
            exponent = exponent_carried - {4'd0, shift};
            // The carry of the fraction is the next exponent, so one adder rounds both.
            rounded  = {exponent, value[26:4]}
                     + {31'd0, value[3] && ((value[2:0] != 3'd0) || value[4])};
            if (!value[27] || exponent_carried <= {4'd0, shift}) begin
                round = {sign, 31'd0};
            end else if (rounded[31:23] >= 9'd255) begin
                round = {sign, 8'hFF, 23'd0};
            end else begin
                round = {sign, rounded[30:0]};
            end
        end
    endfunction

    // The lowest bit makes the carry that a difference needs.
    wire [28:0] total = {1'b0, large_align_q, 3'd0, 1'b1}
                      + {{1'b0, small_align_q} ^ {28{subtract_align_q}}, subtract_align_q};
    wire        unused_carry = &{1'b0, total[0]};

    always @(posedge clk) begin
        if (enable[0]) begin
            subtract_order_q <= a[31] ^ b[31];
            distance_q       <= apart;
            if (b_larger) begin
                sign_order_q     <= b[31];
                exponent_order_q <= b[30:23];
                large_order_q    <= b_significand;
                small_order_q    <= a_significand;
            end else begin
                // Equal magnitudes of opposite sign cancel to +0, as do two zeros unless both
                // are negative.
                sign_order_q     <= a[31] && (b[31] || (!a_zero && a[30:0] != b[30:0]));
                exponent_order_q <= a[30:23];
                large_order_q    <= a_significand;
                small_order_q    <= b_significand;
            end
        end
        if (enable[1]) begin
            sign_align_q     <= sign_order_q;
            subtract_align_q <= subtract_order_q;
            exponent_align_q <= exponent_order_q;
            large_align_q    <= large_order_q;
            small_align_q    <= align(small_order_q, distance_q);
        end
        if (enable[2]) begin
            sign_sum_q     <= sign_align_q;
            exponent_sum_q <= exponent_align_q;
            sum_q          <= total[28:1];
        end
        if (enable[3]) begin
            sign_norm_q       <= sign_sum_q;
            exponent_norm_q   <= {1'b0, exponent_sum_q} + 9'd1;
            {shift_q, norm_q} <= normalise(sum_q);
        end
        if (enable[4]) begin
            out_q <= nan_norm ? 32'h7FC00000
                   : infinite_norm ? {sign_norm_q, 8'hFF, 23'd0}
                   : round(sign_norm_q, exponent_norm_q, shift_q, norm_q);
        end
    end

    // An infinite operand is the larger one, so its sign is there already.
    generate
        if (SPECIALS != 0) begin : gen_specials
            wire      a_special = (a[30:23] == 8'hFF);
            wire      b_special = (b[30:23] == 8'hFF);
            wire      a_nan     = a_special && (a[22:0] != 23'd0);
            wire      b_nan     = b_special && (b[22:0] != 23'd0);
            reg [3:0] nan_q;                       // bit k after stage k
            reg [3:0] special_q;

            assign nan_norm      = nan_q[3];
            assign infinite_norm = special_q[3];

            always @(posedge clk) begin
                if (enable[0]) begin
                    nan_q[0]     <= a_nan || b_nan || (a_special && b_special && a[31] != b[31]);
                    special_q[0] <= a_special || b_special;
                end
                if (enable[1]) begin
                    nan_q[1]     <= nan_q[0];
                    special_q[1] <= special_q[0];
                end
                if (enable[2]) begin
                    nan_q[2]     <= nan_q[1];
                    special_q[2] <= special_q[1];
                end
                if (enable[3]) begin
                    nan_q[3]     <= nan_q[2];
                    special_q[3] <= special_q[2];
                end
            end
        end else begin : gen_finite
            assign nan_norm      = 1'b0;
            assign infinite_norm = 1'b0;
        end
    endgenerate

endmodule

`default_nettype wire
