// First-in first-out queue in block RAM, for depths where registers or LUT RAM would be wasteful.
// The same interface as npu_fifo. A word pushed while the RAM is empty goes straight to the head
// and can be popped in the next cycle; one behind others waits in the RAM. DEPTH counts every word
// inside, those on their way to the head included.
`default_nettype none

module npu_fifo_ram #(
    parameter WIDTH   = 8,
    parameter DEPTH   = 64,                        // any number from 4
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

    localparam PTR_W      = $clog2(DEPTH);
    localparam HEAD_DEPTH = 3;                     // covers the RAM's latency at one word per cycle
    localparam [PTR_W-1:0]   LAST     = DEPTH[PTR_W-1:0] - {{(PTR_W-1){1'b0}}, 1'b1};
    localparam [PTR_W-1:0]   PTR_ONE  = {{(PTR_W-1){1'b0}}, 1'b1};
    localparam [LEVEL_W-1:0] FULL     = DEPTH[LEVEL_W-1:0];
    localparam [LEVEL_W-1:0] ONE      = {{(LEVEL_W-1){1'b0}}, 1'b1};

    generate
        if (DEPTH < 4) begin : gen_depth_check
            npu_error_fifo_ram_depth_must_be_at_least_4 u_error ();
        end
    endgenerate

    reg  [PTR_W-1:0]   wr_ptr_q;
    reg  [PTR_W-1:0]   rd_ptr_q;
    reg  [LEVEL_W-1:0] stored_q;                   // words in the RAM that have not been read
    reg                read_q;                     // the RAM's output is a word for the head
    reg  [1:0]         credit_q;                   // free places in the head
    wire [WIDTH-1:0]   ram_data;
    wire               head_ready;
    wire [1:0]         head_level;

    wire push_fire = push_valid && push_ready;
    wire pop_fire  = pop_valid && pop_ready;
    wire stored    = (stored_q != {LEVEL_W{1'b0}});
    wire read_fire = stored && (credit_q != 2'd0);
    wire straight  = push_fire && !stored && !read_q && (credit_q != 2'd0);
    wire write     = push_fire && !straight;
    wire to_head   = read_fire || straight;

    assign push_ready = (level != FULL);

    always @(posedge clk) begin
        if (rst) begin
            wr_ptr_q <= {PTR_W{1'b0}};
            rd_ptr_q <= {PTR_W{1'b0}};
            stored_q <= {LEVEL_W{1'b0}};
            level    <= {LEVEL_W{1'b0}};
            read_q   <= 1'b0;
            credit_q <= 2'd3;
        end else begin
            read_q <= read_fire;
            if (write) begin
                wr_ptr_q <= (wr_ptr_q == LAST) ? {PTR_W{1'b0}} : wr_ptr_q + PTR_ONE;
            end
            if (read_fire) begin
                rd_ptr_q <= (rd_ptr_q == LAST) ? {PTR_W{1'b0}} : rd_ptr_q + PTR_ONE;
            end
            if (write && !read_fire) begin
                stored_q <= stored_q + ONE;
            end else if (!write && read_fire) begin
                stored_q <= stored_q - ONE;
            end
            if (push_fire && !pop_fire) begin
                level <= level + ONE;
            end else if (!push_fire && pop_fire) begin
                level <= level - ONE;
            end
            if (pop_fire && !to_head) begin
                credit_q <= credit_q + 2'd1;
            end else if (!pop_fire && to_head) begin
                credit_q <= credit_q - 2'd1;
            end
        end
    end

    // A word is read at the earliest in the cycle after its write: never in the same cycle.
    npu_ram_1r1w #(
        .DEPTH (DEPTH),
        .LANES (1),
        .LANE_W(WIDTH)
    ) u_ram (
        .clk     (clk),
        .wr_en   (write),
        .wr_addr (wr_ptr_q),
        .wr_lanes(1'b1),
        .wr_data (push_data),
        .rd_en   (read_fire),
        .rd_addr (rd_ptr_q),
        .rd_data (ram_data)
    );

    npu_fifo #(
        .WIDTH(WIDTH),
        .DEPTH(HEAD_DEPTH)
    ) u_head (
        .clk       (clk),
        .rst       (rst),
        .push_valid(read_q || straight),
        .push_ready(head_ready),
        .push_data (read_q ? ram_data : push_data),
        .pop_valid (pop_valid),
        .pop_ready (pop_ready),
        .pop_data  (pop_data),
        .level     (head_level)
    );

    wire unused_head = &{1'b0, head_ready, head_level};

endmodule

`default_nettype wire
