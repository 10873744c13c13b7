// Counters of a loop nest, level 0 innermost. `start` loads the counts and puts every index at
// zero; each `step` moves on to the next iteration. While `active`, `wraps[i]` says that level i
// is in its last iteration and so are all levels inside it; `advance` is one-hot: the level whose
// index the next step increments (all inner ones return to zero), and zero in the last iteration.
// Address tracks (npu_loop_track) follow `start`, `step` and `advance`.
`default_nettype none

module npu_loop_nest #(
    parameter LEVELS  = 4,
    parameter COUNT_W = 16
) (
    input  wire                      clk,
    input  wire                      rst,
    input  wire                      start,
    input  wire [LEVELS*COUNT_W-1:0] count,        // iterations per level, at least 1
    input  wire                      step,
    output reg                       active,
    output wire                      last,         // this is the last iteration of all
    output wire [LEVELS-1:0]         first_index,  // per level: its index is zero
    output wire [LEVELS-1:0]         wraps,
    output wire [LEVELS-1:0]         advance
);

    localparam [COUNT_W-1:0] ONE = {{(COUNT_W-1){1'b0}}, 1'b1};

    reg  [LEVELS*COUNT_W-1:0] limit_q;             // highest index of each level
    reg  [LEVELS*COUNT_W-1:0] index_q;
    wire [LEVELS-1:0]         at_end;

    assign last = wraps[LEVELS-1];

    genvar i;
    generate
        for (i = 0; i < LEVELS; i = i + 1) begin : gen_level
            wire [COUNT_W-1:0] index = index_q[i*COUNT_W +: COUNT_W];

            assign at_end[i]      = (index == limit_q[i*COUNT_W +: COUNT_W]);
            assign first_index[i] = (index == {COUNT_W{1'b0}});

            assign wraps[i] = &at_end[i:0];

            if (i == 0) begin : gen_inner
                assign advance[i] = !at_end[i];
            end else begin : gen_outer
                assign advance[i] = !at_end[i] && (&at_end[i-1:0]);
            end

            always @(posedge clk) begin
                if (start) begin
                    limit_q[i*COUNT_W +: COUNT_W] <= count[i*COUNT_W +: COUNT_W] - ONE;
                    index_q[i*COUNT_W +: COUNT_W] <= {COUNT_W{1'b0}};
                end else if (step) begin
                    if (advance[i]) begin
                        index_q[i*COUNT_W +: COUNT_W] <= index + ONE;
                    end else if (wraps[i]) begin
                        index_q[i*COUNT_W +: COUNT_W] <= {COUNT_W{1'b0}};
                    end
                end
            end
        end
    endgenerate

    always @(posedge clk) begin
        if (rst) begin
            active <= 1'b0;
        end else if (start) begin
            active <= 1'b1;
        end else if (step && last) begin
            active <= 1'b0;
        end
    end

endmodule

`default_nettype wire
