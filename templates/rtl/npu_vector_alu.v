// Integer ALU of one lane, one operation per cycle. The stage of a register is the cycle, counted
// from the one in which the operands are presented, at whose end it loads if enable[stage] is set.
// `out` stands LATENCY cycles after the operands. Wider LATENCY leaves stages for units that need
// them: the parent follows.
`default_nettype none

module npu_vector_alu #(
    parameter LATENCY = 3                          // at least 3, the multiplier's registers
) (
    input  wire               clk,
    input  wire [LATENCY-1:0] enable,
    input  wire [4:0]         op,                  // number of the function, see OP_*
    input  wire [31:0]        a,
    input  wire [31:0]        b,
    input  wire [31:0]        imm,                 // what OP_SELECT gives where a is zero
    output wire [31:0]        out
);

    localparam [4:0] OP_MOVE   = 5'd0;
    localparam [4:0] OP_ADD    = 5'd1;
    localparam [4:0] OP_SUB    = 5'd2;
    localparam [4:0] OP_MUL    = 5'd3;
    localparam [4:0] OP_MAX    = 5'd4;
    localparam [4:0] OP_MIN    = 5'd5;
    localparam [4:0] OP_ABS    = 5'd6;
    localparam [4:0] OP_NEG    = 5'd7;
    localparam [4:0] OP_AND    = 5'd8;
    localparam [4:0] OP_OR     = 5'd9;
    localparam [4:0] OP_XOR    = 5'd10;
    localparam [4:0] OP_NOT    = 5'd11;
    localparam [4:0] OP_SHL    = 5'd12;
    localparam [4:0] OP_SHR    = 5'd13;
    localparam [4:0] OP_SHRU   = 5'd14;
    localparam [4:0] OP_EQ     = 5'd15;
    localparam [4:0] OP_LT     = 5'd16;
    localparam [4:0] OP_LE     = 5'd17;
    localparam [4:0] OP_SELECT = 5'd18;

    generate
        if (LATENCY < 3) begin : gen_latency_check
            npu_error_vector_alu_latency_must_be_at_least_3 u_error ();
        end
    endgenerate

    function [31:0] reversed;
        input [31:0] value;
        integer      bit_index;
        begin
            for (bit_index = 0; bit_index < 32; bit_index = bit_index + 1) begin
                reversed[bit_index] = value[31 - bit_index];
            end
        end
    endfunction

    // One adder serves sums, differences, negation and comparisons.
    wire        from_zero = (op == OP_NEG) || (op == OP_ABS);
    wire        subtract  = (op != OP_ADD);
    wire [31:0] left      = from_zero ? 32'd0 : a;
    wire [31:0] right     = from_zero ? a : b;
    wire [32:0] addend    = {right[31], right} ^ {33{subtract}};
    wire [32:0] total     = {left[31], left} + addend + {32'd0, subtract};
    wire        less      = total[32];
    wire        equal     = (a == b);

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
            OP_ADD, OP_SUB, OP_NEG:    simple = total[31:0];
            OP_ABS:                    simple = a[31] ? total[31:0] : a;
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

    genvar k;
    generate
        for (k = 3; k < LATENCY; k = k + 1) begin : gen_later
            reg  [31:0] value_q;
            wire [31:0] previous;

            if (k == 3) begin : gen_first
                assign previous = result_q;
            end else begin : gen_next
                assign previous = gen_later[k-1].value_q;
            end

            always @(posedge clk) begin
                if (enable[k]) begin
                    value_q <= previous;
                end
            end
        end

        if (LATENCY == 3) begin : gen_direct
            assign out = result_q;
        end else begin : gen_delayed
            assign out = gen_later[LATENCY-1].value_q;
        end
    endgenerate

    wire unused_op = &{1'b0, OP_MOVE};

endmodule

`default_nettype wire
