// Foot of a pair of columns: delays the sums until the last pair has its own, and takes packed
// ones apart. The packed lower sum borrows from the upper one when it is negative.
`default_nettype none

module npu_array_foot #(
    parameter CELL    = 1,                         // 0 dsp48e2, 1 generic
    parameter SUM_W   = 64,                        // 48 or 64
    parameter COLUMNS = 2,                         // 1 at the end of an odd number of columns
    parameter DEPTH   = 1
) (
    input  wire                  clk,
    input  wire [SUM_W-1:0]      sum,
    output wire [COLUMNS*32-1:0] y
);

    localparam KEEP_W = (CELL == 0) ? ((COLUMNS == 2) ? 38 : 19) : 32 * COLUMNS;

    wire [KEEP_W-1:0] late;

    npu_shift #(
        .WIDTH (KEEP_W),
        .DEPTH (DEPTH)
    ) u_deskew (
        .clk   (clk),
        .in    (sum[KEEP_W-1:0]),
        .out   (late)
    );

    generate
        if (KEEP_W < SUM_W) begin : gen_rest
            wire unused_rest = &{1'b0, sum[SUM_W-1:KEEP_W]};
        end
        if (CELL == 0) begin : gen_unpack
            assign y[31:0] = {{13{late[18]}}, late[18:0]};
            if (COLUMNS == 2) begin : gen_upper
                assign y[63:32] = {{13{late[37]}}, late[37:19]} + {31'd0, late[18]};
            end
        end else begin : gen_plain
            assign y = late;
        end
    endgenerate

endmodule

`default_nettype wire
