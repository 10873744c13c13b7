// First-in first-out queue for wide or deep data: a synchronous RAM and a short queue at its
// output. A word reaches the head three cycles after it was pushed; the rate is one word per cycle.
// It holds DEPTH words in the RAM and up to three at the output.
`default_nettype none

module npu_ram_fifo #(
    parameter WIDTH = 32,
    parameter DEPTH = 16                           // a power of two from 2
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             push_valid,
    output wire             push_ready,
    input  wire [WIDTH-1:0] push_data,
    output wire             pop_valid,
    input  wire             pop_ready,
    output wire [WIDTH-1:0] pop_data
);

    localparam PTR_W = $clog2(DEPTH);
    localparam [PTR_W:0]   FULL     = DEPTH[PTR_W:0];
    localparam [PTR_W:0]   ONE      = {{PTR_W{1'b0}}, 1'b1};
    localparam [PTR_W-1:0] PTR_ZERO = {PTR_W{1'b0}};

    generate
        if (DEPTH < 2 || (1 << PTR_W) != DEPTH) begin : gen_depth_check
            npu_error_ram_fifo_depth_must_be_a_power_of_two_from_2 u_error ();
        end
    endgenerate

    reg  [PTR_W-1:0] wr_ptr_q;
    reg  [PTR_W-1:0] rd_ptr_q;
    reg  [PTR_W:0]   level_q;                      // words in the RAM
    reg              fetched_q;                    // the RAM's output is valid
    wire [1:0]       head_level;
    wire             head_ready;
    wire [WIDTH-1:0] fetched;

    // Ask the RAM only when its answer is sure to find room in the output queue.
    wire push_fire = push_valid && push_ready;
    wire fetch     = (level_q != {(PTR_W+1){1'b0}}) && (head_level + {1'b0, fetched_q} < 2'd3);

    assign push_ready = (level_q != FULL);

    always @(posedge clk) begin
        if (rst) begin
            wr_ptr_q  <= PTR_ZERO;
            rd_ptr_q  <= PTR_ZERO;
            level_q   <= {(PTR_W+1){1'b0}};
            fetched_q <= 1'b0;
        end else begin
            fetched_q <= fetch;
            if (push_fire) begin
                wr_ptr_q <= wr_ptr_q + ONE[PTR_W-1:0];
            end
            if (fetch) begin
                rd_ptr_q <= rd_ptr_q + ONE[PTR_W-1:0];
            end
            if (push_fire && !fetch) begin
                level_q <= level_q + ONE;
            end else if (!push_fire && fetch) begin
                level_q <= level_q - ONE;
            end
        end
    end

    npu_ram_1r1w #(
        .DEPTH  (DEPTH),
        .LANES  (1),
        .LANE_W (WIDTH)
    ) u_ram (
        .clk      (clk),
        .wr_en    (push_fire),
        .wr_addr  (wr_ptr_q),
        .wr_lanes (1'b1),
        .wr_data  (push_data),
        .rd_en    (fetch),
        .rd_addr  (rd_ptr_q),
        .rd_data  (fetched)
    );

    npu_fifo #(
        .WIDTH (WIDTH),
        .DEPTH (3)
    ) u_head (
        .clk        (clk),
        .rst        (rst),
        .push_valid (fetched_q),
        .push_ready (head_ready),
        .push_data  (fetched),
        .pop_valid  (pop_valid),
        .pop_ready  (pop_ready),
        .pop_data   (pop_data),
        .level      (head_level)
    );

    wire unused_ready = &{1'b0, head_ready};       // room was made sure of before fetching

endmodule

`default_nettype wire
