// IEEE-754 binary32 to an integer of OUT_W bits, round half to even, saturating. With SPECIALS a
// NaN gives zero and infinity saturates; without, they have no meaning. Stage k loads when
// enable[k] is set.
`default_nettype none

module npu_f2i #(
    parameter OUT_W    = 32,                       // 8 to 32
    parameter SPECIALS = 0,
    parameter LATENCY  = 2                         // fixed
) (
    input  wire               clk,
    input  wire [LATENCY-1:0] enable,
    input  wire [31:0]        in,
    output wire [OUT_W-1:0]   out
);

    localparam WHOLE_W = OUT_W - 1;                // of a magnitude
    localparam [7:0] LIMIT = 8'd126 + OUT_W[7:0];  // biased exponent of 2^WHOLE_W
    localparam [5:0] TOP   = LIMIT[5:0] - 6'd1;

    reg               sign_q;
    reg               saturate_q;
    reg [WHOLE_W-1:0] whole_q;
    reg               half_q;
    reg               rest_q;
    reg [OUT_W-1:0]   out_q;

    assign out = out_q;

    // {integer part, first fraction bit, any lower fraction bit} of a magnitude below 2^WHOLE_W
    function [WHOLE_W+1:0] split;
        input [7:0]          exponent;
        input [22:0]         fraction;
        reg   [5:0]          shift;
        reg   [WHOLE_W+25:0] moved;
        begin
            shift = TOP - exponent[5:0];
            moved = {1'b1, fraction, {(WHOLE_W+2){1'b0}}} >> shift;
            if (exponent < 8'd125) begin
                split = {(WHOLE_W+2){1'b0}};       // below one quarter: rounds to zero
            end else begin
                split = {moved[WHOLE_W+25 -: WHOLE_W+1], moved[24:0] != 25'd0};
            end
        end
    endfunction

    wire nan;
    wire up   = half_q && (rest_q || whole_q[0]);
    // From 25 bits on, the largest magnitudes have no fraction.
    wire over = (OUT_W < 25) && !sign_q && up && (&whole_q);

    always @(posedge clk) begin
        if (enable[0]) begin
            sign_q                    <= in[31];
            saturate_q                <= (in[30:23] >= LIMIT);
            {whole_q, half_q, rest_q} <= split(in[30:23], in[22:0]);
        end
        if (enable[1]) begin
            if (nan) begin
                out_q <= {OUT_W{1'b0}};
            end else if (saturate_q || over) begin
                out_q <= {sign_q, {WHOLE_W{!sign_q}}};
            end else if (sign_q) begin
                out_q <= {1'b1, ~whole_q} + {{WHOLE_W{1'b0}}, !up};
            end else begin
                out_q <= {1'b0, whole_q} + {{WHOLE_W{1'b0}}, up};
            end
        end
    end

    generate
        if (SPECIALS != 0) begin : gen_specials
            reg nan_q;

            assign nan = nan_q;

            always @(posedge clk) begin
                if (enable[0]) begin
                    nan_q <= (in[30:23] == 8'hFF) && (in[22:0] != 23'd0);
                end
            end
        end else begin : gen_finite
            assign nan = 1'b0;
        end
    endgenerate

endmodule

`default_nettype wire
