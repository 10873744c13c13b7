// The exponent step of the function unit, one lane, without a register: the value times a power of
// two, with a changed sign, or what stands for it where the operand was zero, infinite or no
// number. Results below the normal range are zero with their sign, those above are infinite; an
// infinity keeps its size, a NaN stays.
`default_nettype none

module npu_vector_step (
    input  wire [31:0] value,
    input  wire [10:0] step,                       // {result, change of the sign, power}
    output wire [31:0] out
);

    localparam [1:0] RESULT_NUMBER   = 2'd0;
    localparam [1:0] RESULT_ZERO     = 2'd1;
    localparam [1:0] RESULT_INFINITE = 2'd2;
    localparam [1:0] RESULT_NAN      = 2'd3;

    wire [1:0] result   = step[10:9];
    wire       flip     = step[8];
    wire       top      = (value[30:23] == 8'hFF);
    wire       number   = (result == RESULT_NUMBER);
    wire       nan      = (number && top && value[22:0] != 23'd0) || (result == RESULT_NAN);
    wire       sign     = flip ^ (number && value[31]);
    wire [9:0] exponent = {2'd0, value[30:23]} + {{2{step[7]}}, step[7:0]};
    wire       low      = exponent[9] || (exponent == 10'd0);  // below the normal range
    wire       high     = !exponent[9] && (exponent >= 10'd255);
    wire       zero     = (result == RESULT_ZERO)
                       || (number && (value[30:23] == 8'd0 || (low && !top)));
    wire       infinite = (result == RESULT_INFINITE) || top || high;

    assign out = nan ? 32'h7FC00000
               : zero ? {sign, 31'd0}
               : infinite ? {sign, 8'hFF, 23'd0}
               : {sign, exponent[7:0], value[22:0]};

    wire unused_exponent = &{1'b0, exponent[8]};

endmodule

`default_nettype wire
