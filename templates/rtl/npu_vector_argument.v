// Argument reduction of the function unit, one lane, in two stages. The first cuts the bits of the
// operand in two: high bits that choose a segment, low bits that are the distance within it, an
// integer for now. The second adds up the segment's number.
//
//   mode 0  period      of the integer f2i(x * 2^24): 24 bits; the others are an exponent
//   mode 1  mantissa    23 bits
//   mode 2  reciprocal  23 bits, and what 1 / 2^e does
//   mode 3  root        24 bits, the lowest of the exponent included, and what 1 / sqrt(4^e) does
//   mode 4  octaves     the exponent above `low` and 23 bits; below and above one segment each
`default_nettype none

module npu_vector_argument (
    input  wire        clk,
    input  wire [1:0]  enable,

    // First stage.
    input  wire [31:0] x,
    input  wire [31:0] whole,                      // f2i(x * 2^24)
    input  wire [2:0]  mode,
    input  wire [23:0] mask,                       // of the low bits, if there are 24 bits
    input  wire [7:0]  low,                        // biased exponent of the lowest octave
    input  wire [8:0]  limit,                      // and above the highest one
    output wire [31:0] edge_distance,              // beside the first stage: {it counts, |x|}

    // After it.
    output wire [23:0] remainder,                  // the low bits
    output wire [10:0] step,                       // for npu_vector_step

    // Second stage.
    input  wire        octaves,                    // mode 4
    input  wire [3:0]  shift,                      // 12 - high bits
    input  wire [15:0] base,                       // first segment, and where x is below zero
    input  wire [15:0] base_below,
    input  wire [15:0] last,                       // of the segments of a sign

    // After it.
    output wire [15:0] segment
);

    localparam [2:0] MODE_PERIOD     = 3'd0;
    localparam [2:0] MODE_RECIPROCAL = 3'd2;
    localparam [2:0] MODE_ROOT       = 3'd3;
    localparam [2:0] MODE_OCTAVES    = 3'd4;
    localparam [1:0] RESULT_NUMBER   = 2'd0;
    localparam [1:0] RESULT_ZERO     = 2'd1;
    localparam [1:0] RESULT_INFINITE = 2'd2;
    localparam [1:0] RESULT_NAN      = 2'd3;

    reg  [19:0] high_q;
    reg  [23:0] low_q;
    reg         below_q;
    reg         above_q;
    reg         negative_q;
    reg  [10:0] step_q;
    reg  [15:0] segment_q;

    assign remainder = low_q;
    assign step      = step_q;
    assign segment   = segment_q;

    // ---- First stage ----------------------------------------------------------------------

    wire        sign     = x[31];
    wire [7:0]  exponent = x[30:23];
    wire        zero     = (exponent == 8'd0);
    wire        top      = (exponent == 8'hFF);
    wire        nan      = top && (x[22:0] != 23'd0);
    wire [22:0] mantissa = x[22:0] & {23{!zero}};
    wire [23:0] unit     = {!exponent[0], mantissa};
    wire [7:0]  octave   = exponent - low;
    wire        below    = (exponent < low);
    wire        above    = ({1'b0, exponent} >= limit) && !below;
    wire [8:0]  half     = {1'b0, exponent} + 9'd1;            // twice floor((e - 127) / 2) + 64

    // Infinity as the largest finite number.
    assign edge_distance = {(mode == MODE_OCTAVES) && (below || above),
                            (top && !nan) ? 31'h7F7FFFFF : x[30:0]};

    reg  [19:0] high;
    reg  [23:0] rest;
    reg  [7:0]  power;
    reg         flip;
    reg  [1:0]  result;

    always @* begin
        high   = {8'd0, mantissa[22:11]};
        rest   = {1'b0, mantissa} & {1'b0, mask[23:1]};
        power  = 8'd0;
        flip   = 1'b0;
        result = RESULT_NUMBER;
        case (mode)
            MODE_PERIOD: begin
                high  = {8'd0, whole[23:12]};
                rest  = whole[23:0] & mask;
                power = whole[31:24];
            end
            MODE_RECIPROCAL: begin
                power  = 8'd127 - exponent;
                flip   = sign;
                result = nan ? RESULT_NAN : zero ? RESULT_INFINITE : top ? RESULT_ZERO
                       : RESULT_NUMBER;
            end
            MODE_ROOT: begin
                high   = {8'd0, unit[23:12]};
                rest   = unit & mask;
                power  = 8'd64 - half[8:1];
                flip   = sign;
                result = zero ? RESULT_INFINITE : (nan || sign) ? RESULT_NAN
                       : top ? RESULT_ZERO : RESULT_NUMBER;
            end
            MODE_OCTAVES: begin
                high = {octave, mantissa[22:11]};
            end
            default: begin
                high = {8'd0, mantissa[22:11]};
            end
        endcase
    end

    always @(posedge clk) begin
        if (enable[0]) begin
            high_q     <= high;
            low_q      <= rest;
            below_q    <= below;
            above_q    <= above;
            negative_q <= sign;
            step_q     <= {result, flip, power};
        end
    end

    // ---- Second stage ---------------------------------------------------------------------

    wire [19:0] number   = high_q >> shift;
    wire        interior = octaves && !below_q && !above_q;
    wire [15:0] origin   = (octaves && negative_q) ? base_below : base;
    wire [15:0] position = (octaves && below_q) ? 16'd0 : (octaves && above_q) ? last
                         : number[15:0];

    always @(posedge clk) begin
        if (enable[1]) begin
            segment_q <= origin + position + {15'd0, interior};
        end
    end

    wire unused_bits = &{1'b0, half[0], number[19:16]};

endmodule

`default_nettype wire
