// Data side of LOAD: turns beats and segments into units of buffer words.
//
// A segment is a piece of a run: bytes that lie in consecutive beats from `seg_offset` of the first
// one, or fill. Their concatenation is cut into groups, each group padded with fill to whole words,
// and words are written unit by unit. Each cycle one of two things happens: `take` appends up to a
// unit of bytes from the head of the beats (or fill) to the unit that is being gathered, or `pad`
// emits a unit whose rest is fill, after the end of a group. Bytes that go beyond the unit wait in
// the gathering register as the start of the next.
`default_nettype none

module npu_load_pack #(
    parameter BUS_W           = 128,
    parameter IBUF_WORD_BYTES = 16,
    parameter IBUF_UNIT_BYTES = 16,                // largest divisor of the word not above the bus
    parameter WBUF_WORD_BYTES = 16,
    parameter WBUF_UNIT_BYTES = 16,
    parameter PBUF_WORD_BYTES = 128,
    parameter PBUF_UNIT_BYTES = 16,                // the same for half a word
    parameter VMEM_WORD_BYTES = 64,
    parameter VMEM_UNIT_BYTES = 16,
    parameter UNIT_MAX        = 16,                // bytes of the largest unit
    parameter UNIT_W          = 8                  // bits of a unit's position in its word
) (
    input  wire                  clk,
    input  wire                  rst,

    // The launch whose data is being packed; consumed with its last unit.
    input  wire                  launch_valid,
    output wire                  launch_ready,
    input  wire [2:0]            launch_select,    // function number
    input  wire [23:0]           launch_group,     // bytes of a group
    input  wire [15:0]           launch_fill,
    input  wire [23:0]           launch_addr,
    input  wire [3*24-1:0]       launch_count,
    input  wire [4*24-1:0]       launch_stride,

    input  wire                  seg_valid,
    output wire                  seg_ready,
    input  wire                  seg_fill,
    input  wire [23:0]           seg_bytes,        // at least 1
    input  wire [6:0]            seg_offset,       // of the first byte in its beat
    input  wire                  seg_last,         // of the launch

    input  wire                  beat_valid,
    output wire                  beat_ready,
    input  wire [BUS_W-1:0]      beat,

    output wire                  buf_valid,
    input  wire                  buf_ready,
    output wire [2:0]            buf_select,
    output wire [23:0]           buf_addr,
    output wire [UNIT_W-1:0]     buf_unit,
    output wire [8*UNIT_MAX-1:0] buf_data,
    output wire                  buf_last,         // last unit of the launch

    output wire                  moving            // a unit or part of one was taken or emitted
);

    localparam BUS_BYTES = BUS_W / 8;
    localparam BYTE_W    = $clog2(BUS_BYTES);
    localparam SIZE_W    = BYTE_W + 1;
    localparam [SIZE_W-1:0] BUS = BUS_BYTES[SIZE_W-1:0];
    localparam [2:0] SELECT_IBUF = 3'd0;
    localparam [2:0] SELECT_WBUF = 3'd1;
    localparam [2:0] SELECT_PBUF = 3'd2;
    localparam [2:0] SELECT_VMEM = 3'd3;
    localparam [SIZE_W-1:0] IBUF_UNIT  = IBUF_UNIT_BYTES[SIZE_W-1:0];
    localparam [SIZE_W-1:0] WBUF_UNIT  = WBUF_UNIT_BYTES[SIZE_W-1:0];
    localparam [SIZE_W-1:0] PBUF_UNIT  = PBUF_UNIT_BYTES[SIZE_W-1:0];
    localparam [SIZE_W-1:0] VMEM_UNIT  = VMEM_UNIT_BYTES[SIZE_W-1:0];
    localparam [SIZE_W-1:0] TABLE_UNIT = 4;
    localparam IBUF_TOP = IBUF_WORD_BYTES / IBUF_UNIT_BYTES - 1;
    localparam [UNIT_W-1:0] IBUF_LAST = IBUF_TOP[UNIT_W-1:0];
    localparam WBUF_TOP = WBUF_WORD_BYTES / WBUF_UNIT_BYTES - 1;
    localparam [UNIT_W-1:0] WBUF_LAST = WBUF_TOP[UNIT_W-1:0];
    localparam PBUF_TOP = PBUF_WORD_BYTES / PBUF_UNIT_BYTES - 1;
    localparam [UNIT_W-1:0] PBUF_LAST = PBUF_TOP[UNIT_W-1:0];
    localparam VMEM_TOP = VMEM_WORD_BYTES / VMEM_UNIT_BYTES - 1;
    localparam [UNIT_W-1:0] VMEM_LAST = VMEM_TOP[UNIT_W-1:0];

    generate
        if (UNIT_MAX > BUS_BYTES) begin : gen_unit_check
            npu_error_load_pack_unit_max_must_not_exceed_the_bus u_error ();
        end
    endgenerate

    // Launch and segment at work.
    reg                running_q;
    reg                seg_active_q;
    reg                seg_fill_q;
    reg                seg_last_q;
    reg [23:0]         seg_left_q;
    reg [BYTE_W-1:0]   offset_q;                   // position in the head beat
    reg [23:0]         group_left_q;
    reg [SIZE_W-1:0]   have_q;                     // bytes gathered of the unit, less than a unit
    reg [UNIT_W-1:0]   unit_q;                     // its position in the word
    reg                odd_q;                      // it starts at an odd position of the group
    reg                pad_q;                      // the group has ended, its last word has not
    reg                final_q;                    // the launch's last group has ended

    reg [SIZE_W-1:0]   unit_bytes;
    reg [UNIT_W-1:0]   unit_last;

    always @* begin
        case (launch_select)
            SELECT_IBUF: begin
                unit_bytes = IBUF_UNIT;
                unit_last  = IBUF_LAST;
            end
            SELECT_WBUF: begin
                unit_bytes = WBUF_UNIT;
                unit_last  = WBUF_LAST;
            end
            SELECT_PBUF: begin
                unit_bytes = PBUF_UNIT;
                unit_last  = PBUF_LAST;
            end
            SELECT_VMEM: begin
                unit_bytes = VMEM_UNIT;
                unit_last  = VMEM_LAST;
            end
            default: begin
                unit_bytes = TABLE_UNIT;
                unit_last  = {UNIT_W{1'b0}};
            end
        endcase
    end

    // Bytes taken in this cycle: what beat, unit, segment and group have or allow, the least.
    wire [SIZE_W-1:0] in_beat  = BUS - {1'b0, offset_q};
    wire [SIZE_W-1:0] in_seg   = (|seg_left_q[23:SIZE_W]) ? BUS : seg_left_q[SIZE_W-1:0];
    wire [SIZE_W-1:0] in_group = (|group_left_q[23:SIZE_W]) ? BUS : group_left_q[SIZE_W-1:0];
    wire [SIZE_W-1:0] least_a  = (in_beat < unit_bytes) ? in_beat : unit_bytes;
    wire [SIZE_W-1:0] least_b  = (in_seg < in_group) ? in_seg : in_group;
    wire [SIZE_W-1:0] bytes    = (least_a < least_b) ? least_a : least_b;
    wire [23:0]       bytes_wide = {{(24-SIZE_W){1'b0}}, bytes};
    wire [SIZE_W-1:0] sum      = have_q + bytes;

    wire move;                                     // the pipeline advances
    wire can_take   = running_q && !pad_q && seg_active_q && (seg_fill_q || beat_valid);
    wire take       = move && can_take;
    wire pad        = move && running_q && pad_q;
    wire ends_seg   = (seg_left_q == bytes_wide);
    wire ends_final = ends_seg && seg_last_q;
    wire ends_group = ends_final || (group_left_q == bytes_wide);
    wire full       = (sum >= unit_bytes);
    wire over       = (sum > unit_bytes);
    wire emit       = pad || (take && (full || ends_group));
    wire word_end   = (unit_q == unit_last);
    wire pad_next   = pad_q ? !word_end : (ends_group && (over || !word_end));
    wire group_done = emit && !pad_next && (pad_q || ends_group);
    wire done       = group_done && (pad_q ? final_q : ends_final);
    wire begin_launch = launch_valid && !running_q;
    wire load_seg   = seg_valid && (!seg_active_q || (take && ends_seg));
    wire [SIZE_W-1:0] beat_end = {1'b0, offset_q} + bytes;

    assign seg_ready    = !seg_active_q || (take && ends_seg);
    assign beat_ready   = take && !seg_fill_q && (ends_seg || (beat_end == BUS));
    assign launch_ready = done;
    assign moving       = take || pad;

    always @(posedge clk) begin
        if (rst) begin
            running_q    <= 1'b0;
            seg_active_q <= 1'b0;
            pad_q        <= 1'b0;
        end else begin
            if (begin_launch) begin
                running_q <= 1'b1;
            end else if (done) begin
                running_q <= 1'b0;
            end
            if (load_seg) begin
                seg_active_q <= 1'b1;
            end else if (take && ends_seg) begin
                seg_active_q <= 1'b0;
            end
            if (take || pad) begin
                pad_q <= pad_next;
            end
        end
    end

    always @(posedge clk) begin
        if (load_seg) begin
            seg_fill_q <= seg_fill;
            seg_last_q <= seg_last;
            seg_left_q <= seg_bytes;
            offset_q   <= seg_fill ? {BYTE_W{1'b0}} : seg_offset[BYTE_W-1:0];
        end else if (take) begin
            seg_left_q <= seg_left_q - bytes_wide;
            offset_q   <= seg_fill_q ? {BYTE_W{1'b0}} : beat_end[BYTE_W-1:0];
        end
        if (begin_launch) begin
            group_left_q <= launch_group;
            have_q       <= {SIZE_W{1'b0}};
            unit_q       <= {UNIT_W{1'b0}};
            odd_q        <= 1'b0;
        end else begin
            if (take) begin
                group_left_q <= ends_group ? launch_group : group_left_q - bytes_wide;
                have_q       <= over ? sum - unit_bytes
                              : emit ? {SIZE_W{1'b0}} : sum;
                final_q      <= ends_final;
            end else if (pad) begin
                have_q       <= {SIZE_W{1'b0}};
            end
            if (emit) begin
                unit_q <= word_end ? {UNIT_W{1'b0}} : unit_q + {{(UNIT_W-1){1'b0}}, 1'b1};
                odd_q  <= !group_done && (odd_q ^ unit_bytes[0]);
            end
        end
    end

    wire [23:0] word_addr;

    npu_word_nest u_words (
        .clk    (clk),
        .rst    (rst),
        .start  (begin_launch),
        .base   (launch_addr),
        .count  (launch_count),
        .stride (launch_stride),
        .step   (emit && word_end),
        .addr   (word_addr)
    );

    // Stage 1: the beat, to be rotated so that its first byte taken comes behind those gathered.
    // Stage 2: the rotated bytes, to be merged with the gathered ones.
    reg                  valid1_q;
    reg                  valid2_q;
    reg                  emit1_q;
    reg                  emit2_q;
    reg                  last1_q;
    reg                  last2_q;
    reg                  fill1_q;
    reg                  fill2_q;
    reg                  odd1_q;
    reg                  odd2_q;
    reg                  next_odd1_q;
    reg                  next_odd2_q;
    reg [BUS_W-1:0]      beat1_q;
    reg [BYTE_W-1:0]     turn1_q;
    reg [SIZE_W-1:0]     size1_q;
    reg [SIZE_W-1:0]     have1_q;
    reg [SIZE_W-1:0]     sum1_q;
    reg [2:0]            select1_q;
    reg [2:0]            select2_q;
    reg [23:0]           addr1_q;
    reg [23:0]           addr2_q;
    reg [UNIT_W-1:0]     unit1_q;
    reg [UNIT_W-1:0]     unit2_q;
    reg [15:0]           value1_q;
    reg [15:0]           value2_q;
    reg [8*UNIT_MAX-1:0] bytes2_q;                 // for the unit being gathered
    reg [8*UNIT_MAX-1:0] spill2_q;                 // for the one behind it
    reg [UNIT_MAX-1:0]   keep2_q;                  // lanes gathered before
    reg [UNIT_MAX-1:0]   take2_q;                  // lanes that take bytes
    reg [8*UNIT_MAX-1:0] gathered_q;

    wire [BUS_W-1:0]     rotated;
    wire [BUS_W-1:0]     spilled;
    reg [8*UNIT_MAX-1:0] merged;
    reg [8*UNIT_MAX-1:0] carried;
    reg [7:0]            fill_byte;
    reg [7:0]            next_fill_byte;
    integer              lane;
    integer              next;

    npu_byte_rotate #(
        .LANES (BUS_BYTES)
    ) u_rotate (
        .amount    (turn1_q),
        .in_bytes  (beat1_q),
        .out_bytes (rotated)
    );

    // Lane j of the next unit is lane j + unit of the window. For a unit as wide as the bus this is
    // the same lane, and no multiplexer remains.
    npu_byte_rotate #(
        .LANES (BUS_BYTES)
    ) u_spill (
        .amount    (size1_q[BYTE_W-1:0]),
        .in_bytes  (rotated),
        .out_bytes (spilled)
    );

    always @* begin
        merged  = gathered_q;
        carried = spill2_q;
        for (lane = 0; lane < UNIT_MAX; lane = lane + 1) begin
            fill_byte      = (odd2_q ^ lane[0]) ? value2_q[15:8] : value2_q[7:0];
            next_fill_byte = (next_odd2_q ^ lane[0]) ? value2_q[15:8] : value2_q[7:0];
            if (!keep2_q[lane]) begin
                merged[8*lane +: 8] = (take2_q[lane] && !fill2_q) ? bytes2_q[8*lane +: 8]
                                    : fill_byte;
            end
            if (fill2_q) begin
                carried[8*lane +: 8] = next_fill_byte;
            end
        end
    end

    always @(posedge clk) begin
        if (rst) begin
            valid1_q <= 1'b0;
            valid2_q <= 1'b0;
        end else if (move) begin
            valid1_q <= take || pad;
            valid2_q <= valid1_q;
        end
    end

    always @(posedge clk) begin
        if (take || pad) begin
            emit1_q     <= emit;
            last1_q     <= done;
            fill1_q     <= seg_fill_q || pad;
            odd1_q      <= odd_q;
            next_odd1_q <= odd_q ^ unit_bytes[0];
            turn1_q     <= offset_q - have_q[BYTE_W-1:0];
            size1_q     <= unit_bytes;
            have1_q     <= have_q;
            sum1_q      <= pad ? have_q : sum;
            select1_q   <= launch_select;
            addr1_q     <= word_addr;
            unit1_q     <= unit_q;
            value1_q    <= launch_fill;
        end
        if (take && !seg_fill_q) begin
            beat1_q <= beat;
        end
        if (move && valid1_q) begin
            emit2_q     <= emit1_q;
            last2_q     <= last1_q;
            fill2_q     <= fill1_q;
            odd2_q      <= odd1_q;
            next_odd2_q <= next_odd1_q;
            select2_q   <= select1_q;
            addr2_q     <= addr1_q;
            unit2_q     <= unit1_q;
            value2_q    <= value1_q;
            bytes2_q    <= rotated[8*UNIT_MAX-1:0];
            spill2_q    <= spilled[8*UNIT_MAX-1:0];
            for (next = 0; next < UNIT_MAX; next = next + 1) begin
                keep2_q[next] <= (have1_q > next[SIZE_W-1:0]);
                take2_q[next] <= (sum1_q > next[SIZE_W-1:0]);
            end
        end
        if (move && valid2_q) begin
            gathered_q <= emit2_q ? carried : merged;
        end
    end

    npu_skid_buffer #(
        .WIDTH (3 + 24 + UNIT_W + 1 + 8 * UNIT_MAX)
    ) u_out (
        .clk       (clk),
        .rst       (rst),
        .in_valid  (valid2_q && emit2_q),
        .in_ready  (move),
        .in_data   ({select2_q, addr2_q, unit2_q, last2_q, merged}),
        .out_valid (buf_valid),
        .out_ready (buf_ready),
        .out_data  ({buf_select, buf_addr, buf_unit, buf_last, buf_data})
    );

    generate
        if (BYTE_W < 7) begin : gen_offset
            wire unused_offset = &{1'b0, seg_offset[6:BYTE_W]};
        end
        if (UNIT_MAX < BUS_BYTES) begin : gen_narrow
            wire unused_bytes = &{1'b0, rotated[BUS_W-1:8*UNIT_MAX], spilled[BUS_W-1:8*UNIT_MAX]};
        end
    endgenerate

    wire unused_size = &{1'b0, size1_q[SIZE_W-1], have_q[SIZE_W-1]};

endmodule

`default_nettype wire
