// Data side of STORE: turns words into the beats of runs. Each cycle it takes what is left of a
// unit of the word at work, of the group or of the run, whichever is least, and puts it behind the
// bytes that have been gathered for the beat. Bytes beyond the beat wait in the gathering register
// as the start of the next; the rest of a word behind the end of its group is dropped.
`default_nettype none

module npu_store_pack #(
    parameter BUS_W           = 128,
    parameter IBUF_WORD_BYTES = 16,
    parameter IBUF_UNIT_BYTES = 16,                // largest divisor of the word not above the bus
    parameter VMEM_WORD_BYTES = 64,
    parameter VMEM_UNIT_BYTES = 16,
    parameter WORD_MAX        = 64
) (
    input  wire                  clk,
    input  wire                  rst,

    // The launch whose data is being packed; consumed with its last beat.
    input  wire                  launch_valid,
    output wire                  launch_ready,
    input  wire                  launch_vmem,
    input  wire [23:0]           launch_run,       // bytes of a run
    input  wire [23:0]           launch_group,     // bytes of a group

    input  wire                  run_valid,
    output wire                  run_ready,
    input  wire [6:0]            run_offset,       // of its first byte in its beat
    input  wire                  run_last,         // of the launch

    input  wire                  word_valid,
    output wire                  word_ready,
    input  wire [8*WORD_MAX-1:0] word,

    output wire                  data_valid,
    input  wire                  data_ready,
    output wire [BUS_W-1:0]      data,
    output wire [BUS_W/8-1:0]    data_strb,

    output wire                  moving            // bytes were taken or a beat emitted
);

    localparam BUS_BYTES  = BUS_W / 8;
    localparam BYTE_W     = $clog2(BUS_BYTES);
    localparam SIZE_W     = BYTE_W + 1;
    localparam IBUF_UNITS = IBUF_WORD_BYTES / IBUF_UNIT_BYTES;
    localparam VMEM_UNITS = VMEM_WORD_BYTES / VMEM_UNIT_BYTES;
    localparam UNITS_MAX  = (IBUF_UNITS > VMEM_UNITS) ? IBUF_UNITS : VMEM_UNITS;
    localparam UNIT_W     = (UNITS_MAX > 1) ? $clog2(UNITS_MAX) : 1;
    localparam IBUF_TOP   = IBUF_UNITS - 1;
    localparam VMEM_TOP   = VMEM_UNITS - 1;
    localparam [SIZE_W-1:0] BUS       = BUS_BYTES[SIZE_W-1:0];
    localparam [SIZE_W-1:0] IBUF_UNIT = IBUF_UNIT_BYTES[SIZE_W-1:0];
    localparam [SIZE_W-1:0] VMEM_UNIT = VMEM_UNIT_BYTES[SIZE_W-1:0];
    localparam [UNIT_W-1:0] IBUF_LAST = IBUF_TOP[UNIT_W-1:0];
    localparam [UNIT_W-1:0] VMEM_LAST = VMEM_TOP[UNIT_W-1:0];

    reg                run_active_q;
    reg                run_last_q;
    reg [23:0]         run_left_q;
    reg                fresh_q;                    // no group of the launch has begun
    reg [23:0]         group_left_q;
    reg [SIZE_W-1:0]   offset_q;                   // position in the unit
    reg [UNIT_W-1:0]   unit_q;
    reg [SIZE_W-1:0]   have_q;                     // position in the beat, less than a beat
    reg [SIZE_W-1:0]   first_q;                    // first byte of the run in the beat
    reg                flush_q;                    // the run has ended, its last beat is to go

    wire [SIZE_W-1:0] unit_bytes = launch_vmem ? VMEM_UNIT : IBUF_UNIT;
    wire [UNIT_W-1:0] unit_last  = launch_vmem ? VMEM_LAST : IBUF_LAST;

    // Bytes taken in this cycle.
    wire [23:0]       group_left = fresh_q ? launch_group : group_left_q;
    wire [SIZE_W-1:0] in_unit  = unit_bytes - offset_q;
    wire [SIZE_W-1:0] in_run   = (|run_left_q[23:SIZE_W]) ? BUS : run_left_q[SIZE_W-1:0];
    wire [SIZE_W-1:0] in_group = (|group_left[23:SIZE_W]) ? BUS : group_left[SIZE_W-1:0];
    wire [SIZE_W-1:0] least    = (in_run < in_group) ? in_run : in_group;
    wire [SIZE_W-1:0] bytes    = (in_unit < least) ? in_unit : least;
    wire [23:0]       bytes_wide = {{(24-SIZE_W){1'b0}}, bytes};
    wire [SIZE_W-1:0] sum      = have_q + bytes;

    wire move       = data_ready;
    wire take       = move && run_active_q && !flush_q && word_valid;
    wire flush      = move && flush_q;
    wire ends_run   = (run_left_q == bytes_wide);
    wire ends_group = (group_left == bytes_wide);
    wire ends_unit  = (in_unit == bytes);
    wire ends_final = ends_run && run_last_q;
    wire full       = (sum >= BUS);
    wire over       = (sum > BUS);
    wire emit       = flush || (take && (full || ends_run));
    wire load_run   = run_valid && run_ready;

    // The next run starts when the last beat of this one has been emitted; its launch is there by
    // then, because a launch is queued before its runs.
    wire run_done = (take && ends_run && !over) || flush;
    wire final_done = run_done && run_last_q;

    assign word_ready   = take && (ends_final || ends_group || (ends_unit && unit_q == unit_last));
    assign run_ready    = launch_valid && (!run_active_q || (run_done && !run_last_q));
    assign launch_ready = final_done;
    assign moving       = take || flush;

    always @(posedge clk) begin
        if (rst) begin
            run_active_q <= 1'b0;
            flush_q      <= 1'b0;
            fresh_q      <= 1'b1;
        end else begin
            if (load_run) begin
                run_active_q <= 1'b1;
            end else if (run_done) begin
                run_active_q <= 1'b0;
            end
            if (take) begin
                flush_q <= ends_run && over;
                fresh_q <= ends_group || ends_final;
            end else if (flush) begin
                flush_q <= 1'b0;
            end
        end
    end

    always @(posedge clk) begin
        if (load_run) begin
            run_last_q <= run_last;
            run_left_q <= launch_run;
            have_q     <= {1'b0, run_offset[BYTE_W-1:0]};
            first_q    <= {1'b0, run_offset[BYTE_W-1:0]};
        end else if (take) begin
            run_left_q <= run_left_q - bytes_wide;
            have_q     <= full ? sum - BUS : sum;
            if (full) begin
                first_q <= {SIZE_W{1'b0}};
            end
        end
        if (take) begin
            group_left_q <= group_left - bytes_wide;
        end
    end

    always @(posedge clk) begin
        if (rst) begin
            offset_q <= {SIZE_W{1'b0}};
            unit_q   <= {UNIT_W{1'b0}};
        end else if (take) begin
            offset_q <= (word_ready || ends_unit) ? {SIZE_W{1'b0}} : offset_q + bytes;
            unit_q   <= word_ready ? {UNIT_W{1'b0}}
                      : ends_unit ? unit_q + {{(UNIT_W-1){1'b0}}, 1'b1} : unit_q;
        end
    end

    // The unit at work, on the lanes of a beat.
    wire [BUS_W-1:0] ibuf_unit;
    wire [BUS_W-1:0] vmem_unit;

    npu_store_unit #(
        .BUS_BYTES  (BUS_BYTES),
        .UNIT_BYTES (IBUF_UNIT_BYTES),
        .UNITS      (IBUF_UNITS),
        .INDEX_W    (UNIT_W)
    ) u_ibuf_unit (
        .word  (word[8*IBUF_WORD_BYTES-1:0]),
        .index (unit_q),
        .lanes (ibuf_unit)
    );

    npu_store_unit #(
        .BUS_BYTES  (BUS_BYTES),
        .UNIT_BYTES (VMEM_UNIT_BYTES),
        .UNITS      (VMEM_UNITS),
        .INDEX_W    (UNIT_W)
    ) u_vmem_unit (
        .word  (word[8*VMEM_WORD_BYTES-1:0]),
        .index (unit_q),
        .lanes (vmem_unit)
    );

    // Stage 1: the unit, to be rotated so that its first byte taken comes behind those gathered.
    // Stage 2: the rotated bytes, to be merged with the gathered ones.
    reg                 valid1_q;
    reg                 valid2_q;
    reg                 emit1_q;
    reg                 emit2_q;
    reg [BUS_W-1:0]     unit1_q;
    reg [BYTE_W-1:0]    turn1_q;
    reg [SIZE_W-1:0]    first1_q;
    reg [SIZE_W-1:0]    have1_q;
    reg [SIZE_W-1:0]    sum1_q;
    reg [BUS_W-1:0]     bytes2_q;
    reg [BUS_BYTES-1:0] keep2_q;                   // lanes gathered before
    reg [BUS_BYTES-1:0] strb2_q;
    reg [BUS_W-1:0]     gathered_q;

    wire [BUS_W-1:0]    rotated;
    reg  [BUS_W-1:0]    merged;
    integer             lane;
    integer             next;

    npu_byte_rotate #(
        .LANES (BUS_BYTES)
    ) u_rotate (
        .amount    (turn1_q),
        .in_bytes  (unit1_q),
        .out_bytes (rotated)
    );

    always @* begin
        merged = gathered_q;
        for (lane = 0; lane < BUS_BYTES; lane = lane + 1) begin
            if (!keep2_q[lane]) begin
                merged[8*lane +: 8] = bytes2_q[8*lane +: 8];
            end
        end
    end

    assign data_valid = valid2_q && emit2_q;
    assign data       = merged;
    assign data_strb  = strb2_q;

    always @(posedge clk) begin
        if (rst) begin
            valid1_q <= 1'b0;
            valid2_q <= 1'b0;
        end else if (move) begin
            valid1_q <= take || flush;
            valid2_q <= valid1_q;
        end
    end

    always @(posedge clk) begin
        if (take || flush) begin
            emit1_q  <= emit;
            turn1_q  <= offset_q[BYTE_W-1:0] - have_q[BYTE_W-1:0];
            first1_q <= first_q;
            have1_q  <= have_q;
            sum1_q   <= flush ? have_q : sum;
        end
        if (take) begin
            unit1_q <= launch_vmem ? vmem_unit : ibuf_unit;
        end
        if (move && valid1_q) begin
            emit2_q  <= emit1_q;
            bytes2_q <= rotated;
            for (next = 0; next < BUS_BYTES; next = next + 1) begin
                keep2_q[next] <= (have1_q > next[SIZE_W-1:0]);
                strb2_q[next] <= (first1_q <= next[SIZE_W-1:0]) && (sum1_q > next[SIZE_W-1:0]);
            end
        end
        // The lanes of the next beat are those of this one: a beat is all lanes of the rotator.
        if (move && valid2_q) begin
            gathered_q <= emit2_q ? bytes2_q : merged;
        end
    end

    generate
        if (BYTE_W < 7) begin : gen_offset
            wire unused_offset = &{1'b0, run_offset[6:BYTE_W]};
        end
    endgenerate

    wire unused_size = &{1'b0, have_q[SIZE_W-1], offset_q[SIZE_W-1]};

endmodule

`default_nettype wire
