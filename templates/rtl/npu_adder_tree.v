// Adds 2^LEVELS vectors of COLS sums, one register stage per level.
`default_nettype none

module npu_adder_tree #(
    parameter LEVELS = 1,
    parameter COLS   = 16
) (
    input  wire                            clk,
    input  wire [(1<<LEVELS)*COLS*32-1:0]  in,
    output wire [COLS*32-1:0]              out
);

    localparam WORD_W = COLS * 32;

    genvar level;
    genvar k;
    generate
        // Level l holds 2^(LEVELS - l) words.
        for (level = 0; level <= LEVELS; level = level + 1) begin : gen_level
            wire [(WORD_W << (LEVELS - level))-1:0] sums;

            if (level == 0) begin : gen_leaves
                assign sums = in;
            end else begin : gen_add
                reg [(WORD_W << (LEVELS - level))-1:0] sums_q;

                assign sums = sums_q;

                for (k = 0; k < (COLS << (LEVELS - level)); k = k + 1) begin : gen_sum
                    localparam WORD = k / COLS;
                    localparam LEFT = (2 * WORD * COLS + k % COLS) * 32;

                    always @(posedge clk) begin
                        sums_q[k*32 +: 32] <= gen_level[level-1].sums[LEFT +: 32]
                                            + gen_level[level-1].sums[LEFT + WORD_W +: 32];
                    end
                end
            end
        end
    endgenerate

    assign out = gen_level[LEVELS].sums;

    generate
        if (LEVELS == 0) begin : gen_through
            wire unused_clk = &{1'b0, clk};
        end
    endgenerate

endmodule

`default_nettype wire
