// integer * scale + addend, rounded once, to nearest even; scale and addend are IEEE-754 binary32.
// Infinities and NaNs have no meaning as operands, a subnormal operand is zero, and the result must
// be zero, which is +0, or normal. Stage k loads when enable[k] is set; the addend comes one stage
// after the integer and its scale.
//
// The product is exact: INT_W bits of magnitude times 24. Product and addend are aligned in a
// frame. The addend has its leading one at the top of its part, the product somewhere in the upper
// INT_W bits of its own; of the two, the part that begins higher stands at the top of the frame,
// and the other moves right. Where bits fall out at the bottom, the sum has at least 25 bits above
// the lowest one, so that this one need only say whether it or any below is set.
`default_nettype none

module npu_fma_int #(
    parameter INT_W   = 8,                         // bits of the integer, 4 to 16
    parameter LATENCY = 7                          // fixed
) (
    input  wire               clk,
    input  wire [LATENCY-1:0] enable,
    input  wire [INT_W-1:0]   integer_in,          // stage 0
    input  wire [31:0]        scale,               // stage 0
    input  wire [31:0]        addend,              // stage 1
    output wire [31:0]        out
);

    localparam PRODUCT_W = INT_W + 23;             // of the magnitude: 2^(INT_W-1) times 24 bits
    localparam FRAME_W   = PRODUCT_W + 3;          // and three for what is cut off
    localparam SUM_W     = FRAME_W + 1;            // and a carry
    localparam GROUPS    = (SUM_W - 1) / 8;        // whole groups of 8 bits above the lowest bit

    localparam ADDEND_ZEROS = FRAME_W - 24;        // below an addend at the top of the frame
    localparam [9:0] TOP = INT_W[9:0] - 10'd1;     // exponent of the product's top less the scale's

    // Stage 0: sign and magnitude.
    reg                 sign_part_q;
    reg                 zero_part_q;
    reg [9:0]           top_part_q;                // biased exponent of the product's top
    reg [INT_W-1:0]     integer_part_q;
    reg [23:0]          scale_part_q;
    // Stage 1: multiplied, distance known.
    reg                 sign_product_q;            // of what stands at the top of the frame
    reg                 subtract_product_q;
    reg                 addend_first_q;
    reg [7:0]           exponent_product_q;        // of the top of the frame
    reg                 far_q;                     // all of the lower operand falls out
    reg [5:0]           distance_q;
    reg [PRODUCT_W-1:0] product_q;
    reg [23:0]          addend_q;
    // Stage 2: aligned.
    reg                 sign_align_q;
    reg                 subtract_align_q;
    reg [7:0]           exponent_align_q;
    reg [FRAME_W-1:0]   high_align_q;
    reg [FRAME_W-1:0]   low_align_q;
    // Stage 3: summed, two's complement with the sign in negative_sum_q. Normalising keeps it so.
    reg                 sign_sum_q;
    reg                 negative_sum_q;
    reg [7:0]           exponent_sum_q;
    reg [SUM_W-1:0]     sum_q;
    // Stage 4: the leading bit that differs from the sign in the upper 8 bits; stage 5: at the top.
    reg                 sign_coarse_q;
    reg                 negative_coarse_q;
    reg [7:0]           exponent_coarse_q;
    reg [SUM_W-1:0]     coarse_q;
    reg                 sign_norm_q;
    reg                 negative_norm_q;
    reg [7:0]           exponent_norm_q;
    reg [SUM_W-1:0]     norm_q;
    // Stage 6: rounded.
    reg [31:0]          out_q;

    assign out = out_q;

    // Stage 0.
    wire             scales    = (scale[30:23] != 8'd0);
    wire [INT_W-1:0] magnitude = integer_in[INT_W-1] ? {INT_W{1'b0}} - integer_in : integer_in;

    // Stage 1. Without a product the addend goes first, so that none of it is lost.
    wire [9:0] up      = {2'd0, addend[30:23]} - top_part_q;
    wire [9:0] down    = top_part_q - {2'd0, addend[30:23]};
    wire       first   = zero_part_q || (!up[9] && up != 10'd0);
    wire [9:0] apart   = first ? up : down;
    wire       visible = (addend[30:23] != 8'd0);

    // Stage 2.
    wire [FRAME_W-1:0] product_frame = {product_q, 3'd0};
    wire [FRAME_W-1:0] addend_frame  = {addend_q, {ADDEND_ZEROS{1'b0}}};

    // Shifts right; bits that fall out are gathered in bit 0.
    function [FRAME_W-1:0] align;
        input [FRAME_W-1:0] value;
        input [5:0]         distance;
        input               far;
        reg   [FRAME_W-1:0] moved;
        reg   [FRAME_W-1:0] lost;
        reg                 sticky;
        integer             k;
        begin
            moved  = value;
            lost   = {FRAME_W{1'b0}};
            sticky = 1'b0;
            for (k = 5; k >= 0; k = k - 1) begin
                if (distance[k]) begin
                    lost   = moved & ~({FRAME_W{1'b1}} << (1 << k));
                    sticky = sticky || (lost != {FRAME_W{1'b0}});
                    moved  = moved >> (1 << k);
                end
            end
            if (far) begin
                align = {{(FRAME_W-1){1'b0}}, value != {FRAME_W{1'b0}}};
            end else begin
                align = {moved[FRAME_W-1:1], moved[0] || sticky};
            end
        end
    endfunction

    // Stage 3: the lowest bit makes the carry that a difference needs.
    wire [FRAME_W+1:0] total = {1'b0, high_align_q, 1'b1}
                             + {1'b0, low_align_q ^ {FRAME_W{subtract_align_q}}, subtract_align_q};
    wire               negative     = subtract_align_q && !total[FRAME_W+1];
    wire               unused_carry = &{1'b0, total[0]};

    // Stage 4: how many of the upper groups of 8 bits, but for the last group, are all `sign`.
    function [2:0] groups;
        input [SUM_W-1:0] value;
        input             sign;
        integer           k;
        begin
            groups = 3'd0;
            for (k = 0; k < GROUPS; k = k + 1) begin
                if (groups == k[2:0] && value[SUM_W-1-8*k -: 8] == {8{sign}}) begin
                    groups = k[2:0] + 3'd1;
                end
            end
        end
    endfunction

    // Stage 5: how many of the upper 7 bits are `sign` before the first that is not.
    function [2:0] bits;
        input [6:0] value;
        input       sign;
        integer     k;
        begin
            bits = 3'd0;
            for (k = 0; k < 7; k = k + 1) begin
                if (bits == k[2:0] && value[6-k] == sign) begin
                    bits = k[2:0] + 3'd1;
                end
            end
        end
    endfunction

    wire [2:0] coarse = groups(sum_q, negative_sum_q);
    wire [2:0] fine   = bits(coarse_q[SUM_W-1 -: 7], negative_coarse_q);

    // Stage 6. The magnitude of a sum below zero is its bits turned round, plus one in the lowest
    // place. That one is not added: where zeros were cut off it carries into the half, which then
    // rounds as a tie does or, set already, carries on into the fraction. Until it has, the leading
    // one may be a place too low; then ones follow down to the half, and the carry corrects it.
    wire half = norm_q[SUM_W-25] ^ negative_norm_q;
    wire rest = (norm_q[SUM_W-26:0] != {(SUM_W-25){1'b0}});
    wire odd  = norm_q[SUM_W-24] ^ negative_norm_q;
    wire more = negative_norm_q ? (half || (!rest && odd)) : (half && (rest || odd));

    wire        found    = norm_q[SUM_W-1] ^ negative_norm_q;
    wire [22:0] fraction = norm_q[SUM_W-2 -: 23] ^ {23{negative_norm_q}};

    always @(posedge clk) begin
        if (enable[0]) begin
            sign_part_q    <= integer_in[INT_W-1] ^ scale[31];
            zero_part_q    <= (integer_in == {INT_W{1'b0}}) || !scales;
            top_part_q     <= {2'd0, scale[30:23]} + TOP;
            integer_part_q <= scales ? magnitude : {INT_W{1'b0}};
            scale_part_q   <= {1'b1, scale[22:0]};
        end
        if (enable[1]) begin
            sign_product_q     <= first ? addend[31] : sign_part_q;
            subtract_product_q <= addend[31] ^ sign_part_q;
            addend_first_q     <= first;
            exponent_product_q <= first ? addend[30:23] : top_part_q[7:0];
            far_q              <= (apart[9:6] != 4'd0);
            distance_q         <= apart[5:0];
            product_q          <= {{(PRODUCT_W - INT_W){1'b0}}, integer_part_q}
                                * {{(PRODUCT_W - 24){1'b0}}, scale_part_q};
            addend_q           <= visible ? {1'b1, addend[22:0]} : 24'd0;
        end
        if (enable[2]) begin
            sign_align_q     <= sign_product_q;
            subtract_align_q <= subtract_product_q;
            exponent_align_q <= exponent_product_q;
            high_align_q     <= addend_first_q ? addend_frame : product_frame;
            low_align_q      <= align(addend_first_q ? product_frame : addend_frame, distance_q,
                                      far_q);
        end
        if (enable[3]) begin
            sign_sum_q     <= sign_align_q;
            negative_sum_q <= negative;
            exponent_sum_q <= exponent_align_q;
            sum_q          <= {total[FRAME_W+1] ^ subtract_align_q, total[FRAME_W:1]};
        end
        if (enable[4]) begin
            sign_coarse_q     <= sign_sum_q ^ negative_sum_q;
            negative_coarse_q <= negative_sum_q;
            exponent_coarse_q <= exponent_sum_q + 8'd1 - {2'd0, coarse, 3'd0};
            coarse_q          <= sum_q << {coarse, 3'd0};
        end
        if (enable[5]) begin
            sign_norm_q     <= sign_coarse_q;
            negative_norm_q <= negative_coarse_q;
            exponent_norm_q <= exponent_coarse_q - {5'd0, fine};
            norm_q          <= coarse_q << fine;
        end
        if (enable[6]) begin
            // The carry of the fraction is the next exponent, so one adder rounds both.
            out_q <= found ? {sign_norm_q, {exponent_norm_q, fraction} + {30'd0, more}} : 32'd0;
        end
    end

endmodule

`default_nettype wire
