// ALU of one lane, one operation per cycle: the integer functions and, with ENABLE_FLOAT, those of
// binary32 that need no arithmetic. The stage of a register is the cycle, counted from the one in
// which the operands are presented, at whose end it loads if enable[stage] is set. `out` stands
// LATENCY cycles after the operands.
`default_nettype none

module npu_vector_alu #(
    parameter ENABLE_FLOAT = 0,
    parameter LATENCY      = 3                     // fixed: the multiplier's registers
) (
    input  wire               clk,
    input  wire [LATENCY-1:0] enable,
    input  wire [6:0]         op,                  // number of the function, see OP_*
    input  wire [31:0]        a,
    input  wire [31:0]        b,
    input  wire [31:0]        imm,                 // what OP_SELECT gives where a is zero
    output wire [31:0]        out
);

    localparam [6:0] OP_MOVE   = 7'd0;
    localparam [6:0] OP_ADD    = 7'd1;
    localparam [6:0] OP_SUB    = 7'd2;
    localparam [6:0] OP_MUL    = 7'd3;
    localparam [6:0] OP_MAX    = 7'd4;
    localparam [6:0] OP_MIN    = 7'd5;
    localparam [6:0] OP_ABS    = 7'd6;
    localparam [6:0] OP_NEG    = 7'd7;
    localparam [6:0] OP_AND    = 7'd8;
    localparam [6:0] OP_OR     = 7'd9;
    localparam [6:0] OP_XOR    = 7'd10;
    localparam [6:0] OP_NOT    = 7'd11;
    localparam [6:0] OP_SHL    = 7'd12;
    localparam [6:0] OP_SHR    = 7'd13;
    localparam [6:0] OP_SHRU   = 7'd14;
    localparam [6:0] OP_EQ     = 7'd15;
    localparam [6:0] OP_LT     = 7'd16;
    localparam [6:0] OP_LE     = 7'd17;
    localparam [6:0] OP_SELECT = 7'd18;
    localparam [6:0] OP_FMAX   = 7'd23;
    localparam [6:0] OP_FMIN   = 7'd24;
    localparam [6:0] OP_FEQ    = 7'd25;
    localparam [6:0] OP_FLT    = 7'd26;
    localparam [6:0] OP_FLE    = 7'd27;
    localparam [6:0] OP_FABS   = 7'd30;
    localparam [6:0] OP_FNEG   = 7'd31;

    function [31:0] reversed;
        input [31:0] value;
        integer      bit_index;
        begin
            for (bit_index = 0; bit_index < 32; bit_index = bit_index + 1) begin
                reversed[bit_index] = value[31 - bit_index];
            end
        end
    endfunction

    wire        is_float;                            // operands are compared as binary32
    wire [31:0] float_a;                           // without subnormals; every NaN is 7FC00000
    wire [31:0] float_b;
    wire        nan_a;
    wire        nan_b;
    wire        zeros;                             // both operands

    // As two's complement this orders like the binary32 number, -0 below +0.
    function [31:0] ordered;
        input [31:0] value;
        begin
            ordered = {value[31], value[30:0] ^ {31{value[31]}}};
        end
    endfunction

    // One adder serves sums, differences, negation and comparisons. Its lowest bit makes the carry
    // that a difference needs.
    wire        from_zero = (op == OP_NEG) || (op == OP_ABS);
    wire        subtract  = (op != OP_ADD);
    wire [31:0] left      = is_float ? ordered(float_a) : from_zero ? 32'd0 : a;
    wire [31:0] right     = is_float ? ordered(float_b) : from_zero ? a : b;
    wire [32:0] addend    = {right[31], right} ^ {33{subtract}};
    wire [33:0] carried   = {left[31], left, 1'b1} + {addend, subtract};
    wire [31:0] total     = carried[32:1];
    wire        less      = carried[33];
    wire        equal     = (a == b);
    wire        numbers   = !nan_a && !nan_b;
    wire        float_eq  = numbers && (float_a == float_b || zeros);
    wire        float_lt  = numbers && less && !zeros;

    // One shifter to the right serves both directions.
    wire        to_left   = (op == OP_SHL);
    wire        fill      = (op == OP_SHR) && a[31];
    wire [31:0] shift_in  = to_left ? reversed(a) : a;
    wire [62:0] shift_all = {{31{fill}}, shift_in} >> b[4:0];
    wire [31:0] shifted   = to_left ? reversed(shift_all[31:0]) : shift_all[31:0];
    wire        unused_shift = &{1'b0, shift_all[62:32]};

    reg [31:0] simple;

    always @* begin
        case (op)
            OP_ADD, OP_SUB, OP_NEG:    simple = total;
            OP_ABS:                    simple = a[31] ? total : a;
            OP_MAX:                    simple = less ? b : a;
            OP_MIN:                    simple = less ? a : b;
            OP_AND:                    simple = a & b;
            OP_OR:                     simple = a | b;
            OP_XOR:                    simple = a ^ b;
            OP_NOT:                    simple = ~a;
            OP_SHL, OP_SHR, OP_SHRU:   simple = shifted;
            OP_EQ:                     simple = {31'd0, equal};
            OP_LT:                     simple = {31'd0, less};
            OP_LE:                     simple = {31'd0, less || equal};
            OP_SELECT:                 simple = (a != 32'd0) ? b : imm;
            OP_FMAX:                   simple = (nan_a || (less && !nan_b)) ? float_b : float_a;
            OP_FMIN:                   simple = (nan_b || (less && !nan_a)) ? float_a : float_b;
            OP_FEQ:                    simple = {31'd0, float_eq};
            OP_FLT:                    simple = {31'd0, float_lt};
            OP_FLE:                    simple = {31'd0, float_lt || float_eq};
            OP_FABS:                   simple = {1'b0, float_a[30:0]};
            OP_FNEG:                   simple = {!float_a[31] && !nan_a, float_a[30:0]};
            default:                   simple = a;
        endcase
    end

    reg        multiply0_q;
    reg        multiply1_q;
    reg [31:0] simple0_q;
    reg [31:0] simple1_q;
    reg [31:0] product0_q;
    reg [31:0] product1_q;
    reg [31:0] result_q;

    always @(posedge clk) begin
        if (enable[0]) begin
            multiply0_q <= (op == OP_MUL);
            simple0_q   <= simple;
            if (op == OP_MUL) begin
                product0_q <= a * b;
            end
        end
        if (enable[1]) begin
            multiply1_q <= multiply0_q;
            simple1_q   <= simple0_q;
            product1_q  <= product0_q;
        end
        if (enable[2]) begin
            result_q <= multiply1_q ? product1_q : simple1_q;
        end
    end

    assign out = result_q;

    generate
        if (ENABLE_FLOAT != 0) begin : gen_float
            wire zero_a = (a[30:23] == 8'd0);
            wire zero_b = (b[30:23] == 8'd0);

            assign is_float = (op == OP_FMAX) || (op == OP_FMIN) || (op == OP_FEQ)
                          || (op == OP_FLT) || (op == OP_FLE);
            assign nan_a   = (a[30:23] == 8'hFF) && (a[22:0] != 23'd0);
            assign nan_b   = (b[30:23] == 8'hFF) && (b[22:0] != 23'd0);
            assign zeros   = zero_a && zero_b;
            assign float_a = nan_a ? 32'h7FC00000 : {a[31], a[30:0] & {31{!zero_a}}};
            assign float_b = nan_b ? 32'h7FC00000 : {b[31], b[30:0] & {31{!zero_b}}};
        end else begin : gen_integer
            assign is_float = 1'b0;
            assign nan_a   = 1'b0;
            assign nan_b   = 1'b0;
            assign zeros   = 1'b0;
            assign float_a = 32'd0;
            assign float_b = 32'd0;
        end
    endgenerate

    wire unused_op = &{1'b0, OP_MOVE, carried[0]};

endmodule

`default_nettype wire
