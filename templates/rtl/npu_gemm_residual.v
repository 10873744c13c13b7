// Fetches residual vectors ahead of need and keeps them until the post-processor takes them. The
// issue of a last pass claims a vector first (`ready`), so none is ever missing further down. A
// vector of COLS activations is several IBUF words, or a part of one.
`default_nettype none

module npu_gemm_residual #(
    parameter ROWS       = 16,
    parameter COLS       = 16,
    parameter ACT_W      = 8,
    parameter DEPTH      = 64,                     // vectors kept: a power of two
    parameter RD_LATENCY = 3
) (
    input  wire                  clk,
    input  wire                  rst,
    input  wire                  halt,

    input  wire                  launch,           // one beat per launch with residual; 4 wait
    input  wire [7:0]            launch_position,
    input  wire [23:0]           launch_addr,
    input  wire [47:0]           launch_count,     // {n, oh, ow}
    input  wire [23:0]           launch_ow_stride,
    input  wire [23:0]           launch_oh_stride,
    input  wire [23:0]           launch_word_stride,

    output wire                  rd_valid,
    input  wire                  rd_ready,
    output wire [23:0]           rd_addr,
    input  wire                  rd_data_valid,
    input  wire [ROWS*ACT_W-1:0] rd_data,

    output wire                  ready,            // a vector is here and not yet claimed
    input  wire                  claim,
    input  wire                  take,             // the oldest claimed vector leaves
    output wire [COLS*ACT_W-1:0] skip
);

    localparam SLOTS    = (COLS > ROWS) ? COLS / ROWS : 1;     // words of a vector
    localparam GROUPS   = (ROWS > COLS) ? ROWS / COLS : 1;     // vectors of a word
    localparam SLOT_W   = COLS * ACT_W / SLOTS;
    localparam LEVEL_W  = $clog2(DEPTH + 1);
    localparam LAUNCH_W = 8 + 24 + 48 + 3 * 24;
    localparam [LEVEL_W-1:0] FULL = DEPTH[LEVEL_W-1:0];
    localparam [LEVEL_W-1:0] ONE  = {{(LEVEL_W-1){1'b0}}, 1'b1};

    wire                next_valid;
    wire                next_take;
    wire [LAUNCH_W-1:0] next;
    wire [7:0]          next_position;
    wire [23:0]         next_addr;
    wire [47:0]         next_count;
    wire [23:0]         next_ow_stride;
    wire [23:0]         next_oh_stride;
    wire [23:0]         next_word_stride;
    wire                unused_push_ready;
    wire [2:0]          unused_level;

    assign {next_position, next_addr, next_count, next_ow_stride, next_oh_stride,
            next_word_stride} = next;

    npu_fifo #(
        .WIDTH      (LAUNCH_W),
        .DEPTH      (4)
    ) u_launches (
        .clk        (clk),
        .rst        (rst),
        .push_valid (launch),
        .push_ready (unused_push_ready),
        .push_data  ({launch_position, launch_addr, launch_count, launch_ow_stride,
                      launch_oh_stride, launch_word_stride}),
        .pop_valid  (next_valid),
        .pop_ready  (next_take),
        .pop_data   (next),
        .level      (unused_level)
    );

    // ---- Requests ------------------------------------------------------------------------------

    wire               active;
    wire               fire = rd_valid && rd_ready;
    wire               last_beat;
    wire               last;
    wire [7:0]         position;
    reg  [LEVEL_W-1:0] room_q;                     // vectors that may still be asked for
    reg  [LEVEL_W-1:0] here_q;                     // fetched and not claimed
    wire               asked = fire && last_beat;
    wire               arrived;

    assign next_take = next_valid && (!active || (fire && last));
    assign rd_valid  = active && !halt && (room_q != {LEVEL_W{1'b0}});
    assign ready     = (here_q != {LEVEL_W{1'b0}});

    npu_gemm_walk u_walk (
        .clk            (clk),
        .rst            (rst),
        .start          (next_take),
        .addr           (next_addr),
        .first_position (next_position),
        .groups         (GROUPS[8:0]),
        .beats          (SLOTS[8:0]),
        .ow_count       (next_count[15:0]),
        .oh_count       (next_count[31:16]),
        .n_count        (next_count[47:32]),
        .ow_stride      (next_ow_stride),
        .oh_stride      (next_oh_stride),
        .word_stride    (next_word_stride),
        .block_stride   (next_word_stride * SLOTS[23:0]),
        .step           (fire),
        .active         (active),
        .value          (rd_addr),
        .position       (position),
        .last_beat      (last_beat),
        .last           (last)
    );

    always @(posedge clk) begin
        if (rst) begin
            room_q <= FULL;
            here_q <= {LEVEL_W{1'b0}};
        end else begin
            if (asked && !take) begin
                room_q <= room_q - ONE;
            end else if (!asked && take) begin
                room_q <= room_q + ONE;
            end
            if (arrived && !claim) begin
                here_q <= here_q + ONE;
            end else if (!arrived && claim) begin
                here_q <= here_q - ONE;
            end
        end
    end

    // ---- Answers -------------------------------------------------------------------------------

    genvar i;
    generate
        if (SLOTS > 1) begin : gen_slots
            localparam SLOT_INDEX_W = $clog2(SLOTS);
            localparam LAST_INT     = SLOTS - 1;
            localparam [SLOT_INDEX_W-1:0] LAST_SLOT = LAST_INT[SLOT_INDEX_W-1:0];

            reg [SLOT_INDEX_W-1:0] slot_q;

            assign arrived = rd_data_valid && (slot_q == LAST_SLOT);

            always @(posedge clk) begin
                if (rst) begin
                    slot_q <= {SLOT_INDEX_W{1'b0}};
                end else if (rd_data_valid) begin
                    slot_q <= arrived ? {SLOT_INDEX_W{1'b0}}
                                      : slot_q + {{(SLOT_INDEX_W-1){1'b0}}, 1'b1};
                end
            end

            for (i = 0; i < SLOTS; i = i + 1) begin : gen_slot
                localparam I_INT = i;

                npu_delay #(
                    .WIDTH     (SLOT_W),
                    .DEPTH     (DEPTH)
                ) u_words (
                    .clk       (clk),
                    .rst       (rst),
                    .push      (rd_data_valid && slot_q == I_INT[SLOT_INDEX_W-1:0]),
                    .push_data (rd_data),
                    .pop       (take),
                    .pop_data  (skip[i*SLOT_W +: SLOT_W])
                );
            end

            wire unused_position = &{1'b0, position};
        end else begin : gen_parts
            wire [ROWS*ACT_W-1:0] moved;

            assign arrived = rd_data_valid;

            if (GROUPS > 1) begin : gen_move
                wire [7:0]  position_late;
                wire [31:0] distance = {24'd0, position_late} * SLOT_W;
                wire        unused_moved = &{1'b0, moved[ROWS*ACT_W-1:SLOT_W]};

                assign moved = rd_data >> distance;

                npu_shift #(
                    .WIDTH (8),
                    .DEPTH (RD_LATENCY)
                ) u_position (
                    .clk   (clk),
                    .in    (position),
                    .out   (position_late)
                );
            end else begin : gen_whole
                wire unused_position = &{1'b0, position};

                assign moved = rd_data;
            end

            npu_delay #(
                .WIDTH     (SLOT_W),
                .DEPTH     (DEPTH)
            ) u_words (
                .clk       (clk),
                .rst       (rst),
                .push      (rd_data_valid),
                .push_data (moved[SLOT_W-1:0]),
                .pop       (take),
                .pop_data  (skip)
            );
        end
    endgenerate

endmodule

`default_nettype wire
