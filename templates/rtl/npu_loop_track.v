// A value that follows a loop nest: base + sum over levels of index * stride, modulo 2^WIDTH.
// Per level it keeps the value at the start of the level's current iteration, so that a step costs
// one addition and no multiplication. Strides are sampled continuously: hold them while active.
`default_nettype none

module npu_loop_track #(
    parameter LEVELS = 4,
    parameter WIDTH  = 24
) (
    input  wire                    clk,
    input  wire                    start,
    input  wire [WIDTH-1:0]        base,
    input  wire [LEVELS*WIDTH-1:0] stride,         // two's complement, sign-extended by the parent
    input  wire                    step,
    input  wire [LEVELS-1:0]       advance,
    output wire [WIDTH-1:0]        value
);

    reg [LEVELS*WIDTH-1:0] origin_q;
    reg [WIDTH-1:0]        next;
    integer                k;

    assign value = origin_q[WIDTH-1:0];

    // advance is one-hot, so an AND-OR over the levels' sums selects the next value.
    always @* begin
        next = {WIDTH{1'b0}};
        for (k = 0; k < LEVELS; k = k + 1) begin
            next = next | ({WIDTH{advance[k]}}
                 & (origin_q[k*WIDTH +: WIDTH] + stride[k*WIDTH +: WIDTH]));
        end
    end

    genvar i;
    generate
        for (i = 0; i < LEVELS; i = i + 1) begin : gen_level
            // A step of this or any outer level moves the origin.
            wire moves = |advance[LEVELS-1:i];

            always @(posedge clk) begin
                if (start) begin
                    origin_q[i*WIDTH +: WIDTH] <= base;
                end else if (step && moves) begin
                    origin_q[i*WIDTH +: WIDTH] <= next;
                end
            end
        end
    endgenerate

endmodule

`default_nettype wire
