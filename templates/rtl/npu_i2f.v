// int32 to IEEE-754 binary32, round to nearest even. Stage k loads when enable[k] is set.
`default_nettype none

module npu_i2f #(
    parameter LATENCY = 3                          // fixed
) (
    input  wire               clk,
    input  wire [LATENCY-1:0] enable,
    input  wire [31:0]        in,
    output wire [31:0]        out
);

    localparam [7:0] EXPONENT_OF_TOP = 8'd158;     // biased exponent of bit 31

    reg        sign_q;
    reg [31:0] magnitude_q;
    reg        sign_norm_q;
    reg [4:0]  shift_q;
    reg [31:0] norm_q;
    reg [31:0] out_q;

    assign out = out_q;

    // {left shift, value shifted until its highest bit is set}
    function [36:0] normalise;
        input [31:0] value;
        reg   [31:0] moved;
        reg   [4:0]  shift;
        integer      k;
        begin
            moved = value;
            shift = 5'd0;
            for (k = 4; k >= 0; k = k - 1) begin
                if ((moved >> (32 - (1 << k))) == 32'd0) begin
                    moved    = moved << (1 << k);
                    shift[k] = 1'b1;
                end
            end
            normalise = {shift, moved};
        end
    endfunction

    wire [7:0] exponent = EXPONENT_OF_TOP - {3'd0, shift_q};
    wire       up       = norm_q[7] && (norm_q[8] || (norm_q[6:0] != 7'd0));

    always @(posedge clk) begin
        if (enable[0]) begin
            sign_q      <= in[31];
            magnitude_q <= in[31] ? 32'd0 - in : in;
        end
        if (enable[1]) begin
            sign_norm_q       <= sign_q;
            {shift_q, norm_q} <= normalise(magnitude_q);
        end
        if (enable[2]) begin
            // The carry of the fraction is the next exponent, so one adder rounds both.
            out_q <= norm_q[31] ? {sign_norm_q, {exponent, norm_q[30:8]} + {30'd0, up}} : 32'd0;
        end
    end

endmodule

`default_nettype wire
