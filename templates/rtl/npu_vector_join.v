// Joins two values of a reduction, in one cycle: int32 sum, maximum or minimum, and with
// ENABLE_FLOAT the maximum or minimum of binary32 values as the functions of VECTOR give them:
// without subnormals, every NaN 7FC00000. A NaN gives way to the other value; -0 is below +0.
`default_nettype none

module npu_vector_join #(
    parameter ENABLE_FLOAT = 0
) (
    input  wire [31:0] left,
    input  wire [31:0] right,
    input  wire [1:0]  kind,                       // see KIND_*, else the int32 sum
    input  wire        is_float,                   // the values are binary32
    output wire [31:0] out
);

    localparam [1:0] KIND_MAX = 2'd2;
    localparam [1:0] KIND_MIN = 2'd3;

    wire [31:0] left_key;                          // these order like the values
    wire [31:0] right_key;
    wire        swap;                              // a NaN gives way
    wire        right_nan;

    // One adder serves sums and comparisons; the lowest bit makes the carry of a difference.
    wire        subtract = kind[1];
    wire [31:0] addend   = left_key ^ {32{subtract}};
    wire [33:0] total    = {right_key[31], right_key, 1'b1} + {addend[31], addend, subtract};
    wire        below    = swap ? right_nan : total[33];   // right is below left

    assign out = (kind == KIND_MAX) ? (below ? left : right)
               : (kind == KIND_MIN) ? (below ? right : left) : total[32:1];

    generate
        if (ENABLE_FLOAT != 0) begin : gen_float
            // As two's complement the bits of a number order like the number when those below the
            // sign of a negative one are inverted. NaN is then above all numbers.
            wire left_nan = is_float && (left[30:22] == 9'h1FF);

            assign right_nan = is_float && (right[30:22] == 9'h1FF);
            assign left_key  = left ^ {1'b0, {31{is_float && left[31]}}};
            assign right_key = right ^ {1'b0, {31{is_float && right[31]}}};
            assign swap      = (kind == KIND_MAX) && (left_nan || right_nan);
        end else begin : gen_integer
            assign left_key  = left;
            assign right_key = right;
            assign right_nan = 1'b0;
            assign swap      = 1'b0;

            wire unused_float = &{1'b0, is_float};
        end
    endgenerate

    wire unused_carry = &{1'b0, total[0]};

endmodule

`default_nettype wire
