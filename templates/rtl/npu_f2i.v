// IEEE-754 binary32 to int32, round half to even, saturating. With SPECIALS a NaN gives zero and
// infinity saturates; without, they have no meaning. Stage k loads when enable[k] is set.
`default_nettype none

module npu_f2i #(
    parameter SPECIALS = 0,
    parameter LATENCY  = 2                         // fixed
) (
    input  wire               clk,
    input  wire [LATENCY-1:0] enable,
    input  wire [31:0]        in,
    output wire [31:0]        out
);

    reg        sign_q;
    reg        saturate_q;
    reg [30:0] whole_q;
    reg        half_q;
    reg        rest_q;
    reg [31:0] out_q;

    assign out = out_q;

    // {integer part, first fraction bit, any lower fraction bit} of a magnitude below 2^31
    function [32:0] split;
        input [7:0]  exponent;
        input [22:0] fraction;
        reg   [5:0]  shift;
        reg   [64:0] moved;
        begin
            shift = 6'd29 - exponent[5:0];         // 157 is the biased exponent of 2^30
            moved = {1'b1, fraction, 41'd0} >> shift;
            if (exponent < 8'd125) begin
                split = 33'd0;                     // below one quarter: rounds to zero
            end else begin
                split = {moved[64:34], moved[33], moved[32:0] != 33'd0};
            end
        end
    endfunction

    wire nan;
    wire up = half_q && (rest_q || whole_q[0]);

    always @(posedge clk) begin
        if (enable[0]) begin
            sign_q                    <= in[31];
            saturate_q                <= (in[30:23] >= 8'd158);
            {whole_q, half_q, rest_q} <= split(in[30:23], in[22:0]);
        end
        if (enable[1]) begin
            if (nan) begin
                out_q <= 32'd0;
            end else if (saturate_q) begin
                out_q <= {sign_q, {31{!sign_q}}};
            end else if (sign_q) begin
                out_q <= {1'b1, ~whole_q} + {31'd0, !up};
            end else begin
                out_q <= {1'b0, whole_q} + {31'd0, up};
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
