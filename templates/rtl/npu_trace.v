// Records tags as {engine, cycle, tag}. All engines may report in the same cycle: each has a small
// queue of its own, from which one entry a cycle goes to the trace. A tag that finds no room is
// dropped and counted; the machine never waits for its trace.
`default_nettype none

module npu_trace #(
    parameter NUM_ENGINES = 4,                     // at most 7
    parameter DEPTH       = 64,                    // entries of the trace; at most 4095
    parameter CYCLE_W     = 48
) (
    input  wire                      clk,
    input  wire                      rst,
    input  wire                      clear,
    input  wire [CYCLE_W-1:0]        cycle,
    input  wire [NUM_ENGINES-1:0]    tag_valid,
    input  wire [32*NUM_ENGINES-1:0] tag_value,

    output wire                      entry_valid,
    input  wire                      entry_pop,
    output wire [2:0]                entry_engine, // from 1
    output wire [CYCLE_W-1:0]        entry_cycle,
    output wire [31:0]               entry_tag,
    output wire [15:0]               level,
    output wire                      half_full,
    output reg  [15:0]               dropped       // saturates
);

    localparam PENDING_DEPTH = 4;
    localparam STAMP_W       = 32 + CYCLE_W;
    localparam LEVEL_W       = $clog2(DEPTH + 1);
    localparam HALF          = DEPTH / 2;
    localparam [15:0] ALMOST_ALL = 16'hFFF8;       // no more can be added than NUM_ENGINES a cycle

    wire                           flush = rst || clear;
    wire [NUM_ENGINES-1:0]         pending_ready;
    wire [NUM_ENGINES-1:0]         pending_valid;
    wire [NUM_ENGINES*STAMP_W-1:0] pending;
    wire [NUM_ENGINES-1:0]         grant;
    wire                           store_ready;
    wire [LEVEL_W-1:0]             store_level;

    genvar e;
    generate
        for (e = 0; e < NUM_ENGINES; e = e + 1) begin : gen_engine
            wire [2:0] pending_level;
            wire       unused_level = &{1'b0, pending_level};

            npu_fifo #(
                .WIDTH(STAMP_W),
                .DEPTH(PENDING_DEPTH)
            ) u_pending (
                .clk       (clk),
                .rst       (flush),
                .push_valid(tag_valid[e]),
                .push_ready(pending_ready[e]),
                .push_data ({tag_value[32*e +: 32], cycle}),
                .pop_valid (pending_valid[e]),
                .pop_ready (grant[e] && store_ready),
                .pop_data  (pending[e*STAMP_W +: STAMP_W]),
                .level     (pending_level)
            );
        end
    endgenerate

    // The lowest engine goes first: with at most a tag per launch, nobody starves.
    assign grant = pending_valid & ~(pending_valid - {{(NUM_ENGINES-1){1'b0}}, 1'b1});

    reg [2:0]         store_engine;
    reg [STAMP_W-1:0] store_stamp;
    integer           k;

    always @* begin
        store_engine = 3'd0;
        store_stamp  = {STAMP_W{1'b0}};
        for (k = 0; k < NUM_ENGINES; k = k + 1) begin
            if (grant[k]) begin
                store_engine = k[2:0] + 3'd1;
                store_stamp  = pending[k*STAMP_W +: STAMP_W];
            end
        end
    end

    npu_fifo_ram #(
        .WIDTH(3 + STAMP_W),
        .DEPTH(DEPTH)
    ) u_store (
        .clk       (clk),
        .rst       (flush),
        .push_valid(|pending_valid),
        .push_ready(store_ready),
        .push_data ({store_engine, store_stamp}),
        .pop_valid (entry_valid),
        .pop_ready (entry_pop),
        .pop_data  ({entry_engine, entry_tag, entry_cycle}),
        .level     (store_level)
    );

    assign level     = {{(16-LEVEL_W){1'b0}}, store_level};
    assign half_full = (store_level >= HALF[LEVEL_W-1:0]);

    // ---- Tags without room ------------------------------------------------------------------

    wire [NUM_ENGINES-1:0] lost = tag_valid & ~pending_ready;
    reg  [2:0]             num_lost;
    integer                n;

    always @* begin
        num_lost = 3'd0;
        for (n = 0; n < NUM_ENGINES; n = n + 1) begin
            num_lost = num_lost + {2'd0, lost[n]};
        end
    end

    always @(posedge clk) begin
        if (flush) begin
            dropped <= 16'd0;
        end else if (dropped < ALMOST_ALL) begin
            dropped <= dropped + {13'd0, num_lost};
        end
    end

endmodule

`default_nettype wire
