// First-in first-out queue with registers or LUT RAM as storage: the head is visible in the cycle
// after it was pushed. Full and empty are exact; `level` counts the words inside.
`default_nettype none

module npu_fifo #(
    parameter WIDTH   = 8,
    parameter DEPTH   = 4,                         // any number from 2
    parameter LEVEL_W = $clog2(DEPTH + 1)
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               push_valid,
    output wire               push_ready,
    input  wire [WIDTH-1:0]   push_data,
    output wire               pop_valid,
    input  wire               pop_ready,
    output wire [WIDTH-1:0]   pop_data,
    output reg  [LEVEL_W-1:0] level
);

    localparam PTR_W = $clog2(DEPTH);
    localparam [PTR_W-1:0]   LAST = DEPTH[PTR_W-1:0] - {{(PTR_W-1){1'b0}}, 1'b1};
    localparam [LEVEL_W-1:0] FULL = DEPTH[LEVEL_W-1:0];
    localparam [LEVEL_W-1:0] ONE  = {{(LEVEL_W-1){1'b0}}, 1'b1};

    generate
        if (DEPTH < 2) begin : gen_depth_check
            npu_error_fifo_depth_must_be_at_least_2 u_error ();
        end
    endgenerate

    reg [WIDTH-1:0] mem [0:DEPTH-1];
    reg [PTR_W-1:0] wr_ptr_q;
    reg [PTR_W-1:0] rd_ptr_q;

    wire push_fire = push_valid && push_ready;
    wire pop_fire  = pop_valid && pop_ready;

    assign push_ready = (level != FULL);
    assign pop_valid  = (level != {LEVEL_W{1'b0}});
    assign pop_data   = mem[rd_ptr_q];

    always @(posedge clk) begin
        if (push_fire) begin
            mem[wr_ptr_q] <= push_data;
        end
    end

    always @(posedge clk) begin
        if (rst) begin
            wr_ptr_q <= {PTR_W{1'b0}};
            rd_ptr_q <= {PTR_W{1'b0}};
            level    <= {LEVEL_W{1'b0}};
        end else begin
            if (push_fire) begin
                wr_ptr_q <= (wr_ptr_q == LAST) ? {PTR_W{1'b0}}
                                                : wr_ptr_q + {{(PTR_W-1){1'b0}}, 1'b1};
            end
            if (pop_fire) begin
                rd_ptr_q <= (rd_ptr_q == LAST) ? {PTR_W{1'b0}}
                                                : rd_ptr_q + {{(PTR_W-1){1'b0}}, 1'b1};
            end
            if (push_fire && !pop_fire) begin
                level <= level + ONE;
            end else if (!push_fire && pop_fire) begin
                level <= level - ONE;
            end
        end
    end

endmodule

`default_nettype wire
