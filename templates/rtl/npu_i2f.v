// Signed integer to IEEE-754 binary32, round to nearest even. Stage k loads when enable[k] is set;
// up to 24 bits the conversion is exact and needs one stage less.
`default_nettype none

module npu_i2f #(
    parameter WIDTH   = 32,                        // bits of the integer, 17 to 32
    parameter LATENCY = (WIDTH > 24) ? 3 : 2       // derived
) (
    input  wire               clk,
    input  wire [LATENCY-1:0] enable,
    input  wire [WIDTH-1:0]   in,
    output wire [31:0]        out
);

    localparam       MANTISSA_W  = (WIDTH > 24) ? WIDTH : 24;
    localparam [8:0] EXPONENT_OF_TOP = 9'd126 + WIDTH[8:0];   // biased exponent of bit WIDTH-1

    reg              sign_q;
    reg [WIDTH-1:0]  magnitude_q;
    reg              sign_norm_q;
    reg [4:0]        shift_q;
    reg [WIDTH-1:0]  norm_q;

    // {left shift, value shifted until its highest bit is set}
    function [WIDTH+4:0] normalise;
        input [WIDTH-1:0] value;
        reg   [WIDTH-1:0] moved;
        reg   [4:0]       shift;
        integer           k;
        begin
            moved = value;
            shift = 5'd0;
            for (k = 4; k >= 0; k = k - 1) begin
                if ((moved >> (WIDTH - (1 << k))) == {WIDTH{1'b0}}) begin
                    moved    = moved << (1 << k);
                    shift[k] = 1'b1;
                end
            end
            normalise = {shift, moved};
        end
    endfunction

    always @(posedge clk) begin
        if (enable[0]) begin
            sign_q      <= in[WIDTH-1];
            magnitude_q <= in[WIDTH-1] ? (~in + {{(WIDTH-1){1'b0}}, 1'b1}) : in;
        end
        if (enable[1]) begin
            sign_norm_q       <= sign_q;
            {shift_q, norm_q} <= normalise(magnitude_q);
        end
    end

    wire [8:0] exponent = EXPONENT_OF_TOP - {4'd0, shift_q};

    generate
        if (WIDTH > 24) begin : gen_round
            reg [31:0] out_q;
            // The carry of the fraction is the next exponent, so one adder rounds both.
            wire       up = norm_q[WIDTH-25]
                          && (norm_q[WIDTH-24] || ((norm_q << 25) != {WIDTH{1'b0}}));

            assign out = out_q;

            always @(posedge clk) begin
                if (enable[2]) begin
                    out_q <= norm_q[WIDTH-1]
                           ? {sign_norm_q, {exponent[7:0], norm_q[WIDTH-2 -: 23]} + {30'd0, up}}
                           : 32'd0;
                end
            end
        end else begin : gen_exact
            wire [MANTISSA_W-1:0] mantissa = {norm_q, {(MANTISSA_W - WIDTH){1'b0}}};

            assign out = mantissa[23] ? {sign_norm_q, exponent[7:0], mantissa[22:0]} : 32'd0;
        end
    endgenerate

    wire unused_exponent = &{1'b0, exponent[8]};

endmodule

`default_nettype wire
