// The front of every engine: queues its instructions and executes them in order. SET writes a
// shadow register, RUN takes the semaphores of its wait mask and then launches the engine, TAG is
// reported when all earlier launches have retired. Up to MAX_LAUNCHES launches are in flight; the
// engine finishes them in order, and each then signals its semaphores and retires.
// The decoder has checked every word: only SET, RUN and TAG arrive, and only legal ones.
`default_nettype none

module npu_sequencer #(
    parameter PC_W         = 24,                   // bits of a program counter, in words
    parameter QUEUE_DEPTH  = 16,                   // instructions
    parameter MAX_LAUNCHES = 4                     // in flight; at most 10
) (
    input  wire            clk,
    input  wire            rst,
    input  wire            halt,                   // dispatch stops; launches in flight go on

    // Instructions from the decoder.
    input  wire            cmd_valid,
    output wire            cmd_ready,
    input  wire [63:0]     cmd_word,
    input  wire [PC_W-1:0] cmd_pc,

    // Shadow registers: a pulse per SET.
    output wire            reg_write,
    output wire [8:0]      reg_number,
    output wire [47:0]     reg_value,

    // Semaphores: all of the mask or none; a pulse per retirement.
    output wire            sem_wait_valid,
    input  wire            sem_wait_ready,
    output wire [15:0]     sem_wait_mask,
    output wire            sem_signal_valid,
    output wire [15:0]     sem_signal_mask,

    // Launches. The engine samples its registers in the cycle of the accepted beat.
    output wire            launch_valid,
    input  wire            launch_ready,
    output wire [6:0]      launch_function,
    output wire [17:0]     launch_flags,
    input  wire            launch_done,            // a pulse per launch, in order, writes visible
    input  wire            stall_memory,           // a launch is active and waits for a memory

    output wire            retire_valid,
    output wire [PC_W-1:0] retire_pc,
    output wire            tag_valid,
    output wire [31:0]     tag_value,

    // What the engine is doing, for fences, counters and the hang report.
    output wire            idle,                   // queue empty, nothing in flight, no tag due
    output wire [3:0]      activity,               // one-hot: see ACT_*
    output wire            waiting_semaphore,      // a RUN at the head lacks a semaphore
    output wire            has_run,                // a RUN at the head or in flight
    output wire [15:0]     queue_level,
    output wire [3:0]      in_flight,
    output wire [PC_W-1:0] oldest_pc,              // oldest launch that has not retired
    output wire [15:0]     wait_mask               // what the RUN at the head waits for
);

    localparam [2:0] OP_SET = 3'd1;                // low bits of the opcode
    localparam [2:0] OP_RUN = 3'd2;
    localparam [2:0] OP_TAG = 3'd5;

    localparam ACT_BUSY           = 0;
    localparam ACT_WAIT_SEMAPHORE = 1;
    localparam ACT_STALL_MEMORY   = 2;
    localparam ACT_NO_INSTRUCTION = 3;

    localparam ENTRY_W       = 3 + 57 + PC_W;      // opcode, body without the engine, pc
    localparam LEVEL_W       = $clog2(QUEUE_DEPTH + 1);
    localparam FLIGHT_W      = 16 + PC_W;          // signal mask, pc
    localparam FLIGHT_LVL_W  = $clog2(MAX_LAUNCHES + 1);
    localparam TAG_DEPTH     = 4;                  // tags that may wait without holding the queue
    localparam TAG_W         = 4 + 32;             // launches before it, value
    localparam [3:0] LAUNCH_LIMIT = MAX_LAUNCHES[3:0];

    generate
        if (MAX_LAUNCHES < 2 || MAX_LAUNCHES > 10) begin : gen_launches_check
            npu_error_sequencer_max_launches_must_be_2_to_10 u_error ();
        end
    endgenerate

    // ---- Queue ----------------------------------------------------------------------------

    wire               head_valid;
    wire               head_pop;
    wire [ENTRY_W-1:0] head;
    wire [LEVEL_W-1:0] level;

    generate
        if (QUEUE_DEPTH > 32) begin : gen_deep
            npu_fifo_ram #(
                .WIDTH(ENTRY_W),
                .DEPTH(QUEUE_DEPTH)
            ) u_queue (
                .clk       (clk),
                .rst       (rst),
                .push_valid(cmd_valid),
                .push_ready(cmd_ready),
                .push_data ({cmd_word[62:60], cmd_word[56:0], cmd_pc}),
                .pop_valid (head_valid),
                .pop_ready (head_pop),
                .pop_data  (head),
                .level     (level)
            );
        end else begin : gen_shallow
            npu_fifo #(
                .WIDTH(ENTRY_W),
                .DEPTH(QUEUE_DEPTH)
            ) u_queue (
                .clk       (clk),
                .rst       (rst),
                .push_valid(cmd_valid),
                .push_ready(cmd_ready),
                .push_data ({cmd_word[62:60], cmd_word[56:0], cmd_pc}),
                .pop_valid (head_valid),
                .pop_ready (head_pop),
                .pop_data  (head),
                .level     (level)
            );
        end
    endgenerate

    wire unused_word = &{1'b0, cmd_word[63], cmd_word[59:57]};

    wire [2:0]      head_op   = head[ENTRY_W-1 -: 3];
    wire [56:0]     head_body = head[PC_W +: 57];
    wire [PC_W-1:0] head_pc   = head[PC_W-1:0];

    wire at_set = head_valid && (head_op == OP_SET);
    wire at_run = head_valid && (head_op == OP_RUN);
    wire at_tag = head_valid && (head_op == OP_TAG);

    // ---- Dispatch -------------------------------------------------------------------------

    reg  taken_q;                                  // the RUN at the head has its semaphores
    wire flight_ready;
    wire tag_ready;

    wire [15:0] head_wait   = head_body[49:34];
    wire [15:0] head_signal = head_body[33:18];
    wire        lacks       = (head_wait != 16'd0) && !taken_q;
    wire        launch_fire = launch_valid && launch_ready;
    wire        tag_push    = at_tag && tag_ready && !halt;

    assign reg_write  = at_set && !halt;
    assign reg_number = head_body[56:48];
    assign reg_value  = head_body[47:0];

    assign sem_wait_valid = at_run && lacks && !halt;
    assign sem_wait_mask  = head_wait;

    assign launch_valid    = at_run && !lacks && flight_ready && !halt;
    assign launch_function = head_body[56:50];
    assign launch_flags    = head_body[17:0];

    assign head_pop = reg_write || launch_fire || tag_push;

    always @(posedge clk) begin
        if (rst) begin
            taken_q <= 1'b0;
        end else if (launch_fire) begin
            taken_q <= 1'b0;
        end else if (sem_wait_valid && sem_wait_ready) begin
            taken_q <= 1'b1;
        end
    end

    // ---- Launches in flight ---------------------------------------------------------------

    wire                    flight_valid;
    wire [FLIGHT_W-1:0]     flight;
    wire [FLIGHT_LVL_W-1:0] flight_level;

    npu_fifo #(
        .WIDTH(FLIGHT_W),
        .DEPTH(MAX_LAUNCHES)
    ) u_flight (
        .clk       (clk),
        .rst       (rst),
        .push_valid(launch_fire),
        .push_ready(flight_ready),
        .push_data ({head_signal, head_pc}),
        .pop_valid (flight_valid),
        .pop_ready (launch_done),
        .pop_data  (flight),
        .level     (flight_level)
    );

    assign retire_valid     = flight_valid && launch_done;
    assign retire_pc        = flight[PC_W-1:0];
    assign sem_signal_valid = retire_valid && (flight[PC_W +: 16] != 16'd0);
    assign sem_signal_mask  = flight[PC_W +: 16];

    // ---- Tags -----------------------------------------------------------------------------
    // A tag remembers how many launches came before it, modulo 16. It is due unless that number
    // is still ahead of the retired ones, and those ahead are at most LAUNCH_LIMIT; up to TAG_DEPTH
    // launches may retire while tags that are due leave one by one.

    reg  [3:0]       launched_q;
    reg  [3:0]       retired_q;
    wire             tag_waiting;
    wire [TAG_W-1:0] tag;
    wire [2:0]       tag_level;
    wire [3:0]       tag_ahead = tag[35:32] - retired_q;

    always @(posedge clk) begin
        if (rst) begin
            launched_q <= 4'd0;
            retired_q  <= 4'd0;
        end else begin
            if (launch_fire) begin
                launched_q <= launched_q + 4'd1;
            end
            if (retire_valid) begin
                retired_q <= retired_q + 4'd1;
            end
        end
    end

    npu_fifo #(
        .WIDTH(TAG_W),
        .DEPTH(TAG_DEPTH)
    ) u_tags (
        .clk       (clk),
        .rst       (rst),
        .push_valid(tag_push),
        .push_ready(tag_ready),
        .push_data ({launched_q, head_body[31:0]}),
        .pop_valid (tag_waiting),
        .pop_ready (tag_valid),
        .pop_data  (tag),
        .level     (tag_level)
    );

    assign tag_valid = tag_waiting && ((tag_ahead == 4'd0) || (tag_ahead > LAUNCH_LIMIT));
    assign tag_value = tag[31:0];

    // ---- Report ---------------------------------------------------------------------------

    wire running = flight_valid;

    assign activity[ACT_BUSY]           = running ? !stall_memory : (at_run && !lacks);
    assign activity[ACT_WAIT_SEMAPHORE] = !running && at_run && lacks;
    assign activity[ACT_STALL_MEMORY]   = running && stall_memory;
    assign activity[ACT_NO_INSTRUCTION] = !running && !at_run;

    assign idle              = (level == {LEVEL_W{1'b0}}) && !flight_valid && (tag_level == 3'd0);
    assign waiting_semaphore = at_run && lacks;
    assign has_run           = at_run || flight_valid;
    assign queue_level       = {{(16-LEVEL_W){1'b0}}, level};
    assign in_flight         = {{(4-FLIGHT_LVL_W){1'b0}}, flight_level};
    assign oldest_pc         = flight_valid ? retire_pc : (head_valid ? head_pc : {PC_W{1'b0}});
    assign wait_mask         = waiting_semaphore ? head_wait : 16'd0;

endmodule

`default_nettype wire
