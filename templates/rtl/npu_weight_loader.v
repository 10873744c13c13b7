// Reads weight tiles from WBUF into the array's shadow weights, always one tile ahead of the
// activations and across launches. A tile is SEG_ROWS consecutive words, read from the last to the
// first; the tiles of a launch follow each other. `ready` says that the next tile may be claimed:
// an activation requested in that cycle reaches the array after the tile's last step.
`default_nettype none

module npu_weight_loader #(
    parameter WORDS_W  = 128,                      // bits of a weight step: all of a WBUF word
    parameter WGT_W    = 8,
    parameter SEG_ROWS = 16,
    parameter ROWS     = 16,
    parameter COLS     = 16,
    parameter DEPTH    = 1024,                     // words of WBUF, a power of two
    parameter PACKED   = 1                         // refuse weights of -2^(WGT_W-1)
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               halt,

    input  wire               launch,              // one beat per launch; at most 4 wait
    input  wire [23:0]        launch_addr,
    input  wire [63:0]        launch_count,        // tiles: {n, kh, kw, kc}

    output wire               wbuf_rd_valid,
    output wire [23:0]        wbuf_rd_addr,
    input  wire               wbuf_rd_data_valid,  // two cycles after the request
    input  wire [WORDS_W-1:0] wbuf_rd_data,

    output wire               ready,
    input  wire               claim,

    output wire               w_valid,
    output wire               w_first,
    output wire [WORDS_W-1:0] w,

    output reg                fault_valid,         // a weight a packed cell cannot hold
    output wire [23:0]        fault_address
);

    localparam STEP_W = (SEG_ROWS > 1) ? $clog2(SEG_ROWS) : 1;
    localparam LAST_INT  = SEG_ROWS - 1;
    localparam LEAD_INT  = (SEG_ROWS > 1) ? 1 : 0; // the step whose request makes a tile ready
    localparam DEPTH_INT = DEPTH - 1;
    localparam [STEP_W-1:0] LAST = LAST_INT[STEP_W-1:0];
    localparam [STEP_W-1:0] LEAD = LEAD_INT[STEP_W-1:0];
    localparam [STEP_W-1:0] ONE  = {{(STEP_W-1){1'b0}}, 1'b1};
    localparam [23:0]       TILE = SEG_ROWS[23:0];
    localparam [23:0]       MASK = DEPTH_INT[23:0];

    wire              next_valid;
    wire [87:0]       next;
    wire              next_take;
    wire              active;
    wire              last_tile;
    reg  [23:0]       base_q;                      // first word of the tile
    reg  [STEP_W-1:0] step_q;
    reg               ready_q;
    wire              tile_end = wbuf_rd_valid && (step_q == {STEP_W{1'b0}});

    assign next_take     = next_valid && (!active || (tile_end && last_tile));
    assign wbuf_rd_valid = active && !halt && (step_q != LAST || !ready_q);
    assign wbuf_rd_addr  = base_q + {{(24-STEP_W){1'b0}}, step_q};
    assign ready         = ready_q;

    wire       unused_push_ready;
    wire [2:0] unused_level;
    wire [3:0] unused_first;
    wire [3:0] unused_wraps;
    wire [3:0] unused_advance;

    npu_fifo #(
        .WIDTH      (88),
        .DEPTH      (4)
    ) u_launches (
        .clk        (clk),
        .rst        (rst),
        .push_valid (launch),
        .push_ready (unused_push_ready),
        .push_data  ({launch_addr, launch_count}),
        .pop_valid  (next_valid),
        .pop_ready  (next_take),
        .pop_data   (next),
        .level      (unused_level)
    );

    npu_loop_nest #(
        .LEVELS      (4),
        .COUNT_W     (16)
    ) u_tiles (
        .clk         (clk),
        .rst         (rst),
        .start       (next_take),
        .count       (next[63:0]),
        .step        (tile_end),
        .active      (active),
        .last        (last_tile),
        .first_index (unused_first),
        .wraps       (unused_wraps),
        .advance     (unused_advance)
    );

    always @(posedge clk) begin
        if (rst) begin
            step_q  <= LAST;
            ready_q <= 1'b0;
        end else begin
            if (wbuf_rd_valid) begin
                step_q <= (step_q == {STEP_W{1'b0}}) ? LAST : step_q - ONE;
            end
            if (wbuf_rd_valid && step_q == LEAD) begin
                ready_q <= 1'b1;
            end else if (claim) begin
                ready_q <= 1'b0;
            end
        end
        if (next_take) begin
            base_q <= next[87:64];
        end else if (tile_end) begin
            base_q <= base_q + TILE;
        end
    end

    // The word's address and whether it is a tile's first step arrive with it.
    reg        first_1_q;
    reg        first_2_q;
    reg [23:0] addr_1_q;
    reg [23:0] addr_2_q;
    reg [23:0] addr_3_q;

    always @(posedge clk) begin
        first_1_q <= (step_q == LAST);
        first_2_q <= first_1_q;
        addr_1_q  <= wbuf_rd_addr;
        addr_2_q  <= addr_1_q;
        addr_3_q  <= addr_2_q;
    end

    assign w_valid       = wbuf_rd_data_valid;
    assign w_first       = first_2_q;
    assign w             = wbuf_rd_data;
    assign fault_address = addr_3_q & MASK;

    generate
        if (PACKED != 0) begin : gen_check
            localparam WEIGHTS  = WORDS_W / WGT_W;
            localparam LAST_SEG = (WEIGHTS / COLS) - 1;
            localparam LAST_LEN = ROWS - LAST_SEG * SEG_ROWS;   // rows of the last segment

            reg  [STEP_W-1:0]  row_1_q;
            reg  [STEP_W-1:0]  row_2_q;
            wire [WEIGHTS-1:0] lowest;
            genvar             i;

            for (i = 0; i < WEIGHTS; i = i + 1) begin : gen_weight
                wire [WGT_W-1:0] weight = wbuf_rd_data[i*WGT_W +: WGT_W];
                wire             hit    = weight[WGT_W-1]
                                       && (weight[WGT_W-2:0] == {(WGT_W-1){1'b0}});

                if (i / COLS == LAST_SEG && LAST_LEN < SEG_ROWS) begin : gen_short
                    localparam LEN_INT = LAST_LEN;
                    assign lowest[i] = hit && (row_2_q < LEN_INT[STEP_W-1:0]);
                end else begin : gen_full
                    assign lowest[i] = hit;
                end
            end

            always @(posedge clk) begin
                row_1_q <= step_q;
                row_2_q <= row_1_q;
                if (rst) begin
                    fault_valid <= 1'b0;
                end else begin
                    fault_valid <= wbuf_rd_data_valid && (|lowest);
                end
            end

            if (LAST_LEN == SEG_ROWS) begin : gen_all_full
                wire unused_row = &{1'b0, row_2_q};
            end
        end else begin : gen_no_check
            always @(posedge clk) begin
                fault_valid <= 1'b0;
            end
        end
    endgenerate

endmodule

`default_nettype wire
