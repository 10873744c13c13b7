// First-in first-out queue between two clocks. The pointers cross in Gray code through two
// registers each; a word stands still in the memory when its pointer arrives.
// The resets belong to their clocks and must both be active at some time before the first word.
`default_nettype none

module npu_cl_async_fifo #(
    parameter WIDTH  = 8,
    parameter DEPTH  = 16,                         // a power of two, 4 and more
    parameter ADDR_W = $clog2(DEPTH)
) (
    input  wire             push_clk,
    input  wire             push_rst,
    input  wire             push_valid,
    output wire             push_ready,
    input  wire [WIDTH-1:0] push_data,

    input  wire             pop_clk,
    input  wire             pop_rst,
    output wire             pop_valid,
    input  wire             pop_ready,
    output wire [WIDTH-1:0] pop_data
);

    localparam [ADDR_W:0] ONE  = {{ADDR_W{1'b0}}, 1'b1};
    localparam [ADDR_W:0] FULL = {2'b11, {(ADDR_W-1){1'b0}}};   // difference of full pointers

    generate
        if (DEPTH < 4 || (DEPTH & (DEPTH - 1)) != 0) begin : gen_depth_check
            npu_error_async_fifo_depth_must_be_a_power_of_two_from_4 u_error ();
        end
    endgenerate

    reg [WIDTH-1:0] mem [0:DEPTH-1];

    // ---- Push side --------------------------------------------------------------------------

    reg  [ADDR_W:0] wr_q;
    reg  [ADDR_W:0] wr_gray_q;
    reg  [ADDR_W:0] rd_gray_q;                     // of the pop side
    (* async_reg = "true" *) reg [ADDR_W:0] rd_meta_q;
    (* async_reg = "true" *) reg [ADDR_W:0] rd_seen_q;

    wire            push_fire = push_valid && push_ready;
    wire [ADDR_W:0] wr_next   = wr_q + ONE;

    assign push_ready = (wr_gray_q != (rd_seen_q ^ FULL));

    always @(posedge push_clk) begin
        if (push_rst) begin
            wr_q      <= {(ADDR_W+1){1'b0}};
            wr_gray_q <= {(ADDR_W+1){1'b0}};
            rd_meta_q <= {(ADDR_W+1){1'b0}};
            rd_seen_q <= {(ADDR_W+1){1'b0}};
        end else begin
            rd_meta_q <= rd_gray_q;
            rd_seen_q <= rd_meta_q;
            if (push_fire) begin
                wr_q      <= wr_next;
                wr_gray_q <= wr_next ^ {1'b0, wr_next[ADDR_W:1]};
            end
        end
    end

    always @(posedge push_clk) begin
        if (push_fire) begin
            mem[wr_q[ADDR_W-1:0]] <= push_data;
        end
    end

    // ---- Pop side ---------------------------------------------------------------------------

    reg  [ADDR_W:0] rd_q;
    (* async_reg = "true" *) reg [ADDR_W:0] wr_meta_q;
    (* async_reg = "true" *) reg [ADDR_W:0] wr_seen_q;

    wire            pop_fire = pop_valid && pop_ready;
    wire [ADDR_W:0] rd_next  = rd_q + ONE;

    assign pop_valid = (rd_gray_q != wr_seen_q);
    assign pop_data  = mem[rd_q[ADDR_W-1:0]];

    always @(posedge pop_clk) begin
        if (pop_rst) begin
            rd_q      <= {(ADDR_W+1){1'b0}};
            rd_gray_q <= {(ADDR_W+1){1'b0}};
            wr_meta_q <= {(ADDR_W+1){1'b0}};
            wr_seen_q <= {(ADDR_W+1){1'b0}};
        end else begin
            wr_meta_q <= wr_gray_q;
            wr_seen_q <= wr_meta_q;
            if (pop_fire) begin
                rd_q      <= rd_next;
                rd_gray_q <= rd_next ^ {1'b0, rd_next[ADDR_W:1]};
            end
        end
    end

endmodule

`default_nettype wire
