// The part of UNIT that all compute units share: walks through a launch, reads both operands, hands
// the unit one element a cycle, and writes the words that it gives. One launch at a time.
//
// Elements form groups: the unit takes those of a group, `in_first` to `in_last`, and then gives
// `group_words` words for it, in the order of the groups. With CHECK a unit that breaks the
// handshake is stopped by a fault whose address says how.
`default_nettype none

module npu_unit_stream #(
    parameter LANES      = 16,
    parameter ROWS       = 16,                     // activations of an IBUF word; LANES divide it
    parameter ACT_W      = 8,
    parameter RD_LATENCY = 3,
    parameter CHECK      = 1,                      // watch the handshake of the unit
    parameter STALLS     = 0,                      // hold both streams up now and then, for tests
    parameter LANES_W    = 32 * LANES              // derived
) (
    input  wire                  clk,
    input  wire                  rst,

    // Launches. The registers are sampled in the cycle of the accepted beat.
    input  wire                  launch_valid,
    output wire                  launch_ready,
    input  wire [17:0]           launch_flags,
    input  wire                  launch_second,    // the unit has an operand b
    input  wire [3:0]            launch_words,     // it gives for a group
    output wire                  launch_done,
    output wire                  stall_memory,
    output wire                  fault_valid,
    output wire [7:0]            fault_cause,
    output wire [39:0]           fault_address,
    input  wire [63:0]           loop_count,       // four loops, innermost lowest
    input  wire [95:0]           a_stride,
    input  wire [95:0]           b_stride,
    input  wire [95:0]           dst_stride,
    input  wire [23:0]           a_addr,
    input  wire [23:0]           b_addr,
    input  wire [23:0]           dst_addr,
    input  wire [23:0]           dst_next,

    // Elements for the unit.
    output wire                  in_valid,
    input  wire                  in_ready,
    output wire                  in_first,
    output wire                  in_last,
    output wire [31:0]           in_index,         // position in the group
    output wire [LANES_W-1:0]    in_a,
    output wire [LANES_W-1:0]    in_b,

    // Words of the unit.
    input  wire                  out_valid,
    output wire                  out_ready,
    input  wire [LANES_W-1:0]    out_data,

    // Read clients: 0 operand a, 1 operand b. Write clients.
    output wire [1:0]            ibuf_rd_valid,
    input  wire [1:0]            ibuf_rd_ready,
    output wire [47:0]           ibuf_rd_addr,
    input  wire [1:0]            ibuf_rd_data_valid,
    input  wire [2*ROWS*ACT_W-1:0] ibuf_rd_data,
    output wire                  ibuf_wr_valid,
    input  wire                  ibuf_wr_ready,
    output wire [23:0]           ibuf_wr_addr,
    output wire [ROWS-1:0]       ibuf_wr_lanes,
    output wire [ROWS*ACT_W-1:0] ibuf_wr_data,
    input  wire                  ibuf_range_error, // of one of these clients
    input  wire [23:0]           ibuf_range_address,
    output wire [1:0]            vmem_rd_valid,
    input  wire [1:0]            vmem_rd_ready,
    output wire [47:0]           vmem_rd_addr,
    input  wire [1:0]            vmem_rd_data_valid,
    input  wire [2*LANES_W-1:0]  vmem_rd_data,
    output wire                  vmem_wr_valid,
    input  wire                  vmem_wr_ready,
    output wire [23:0]           vmem_wr_addr,
    output wire [LANES_W-1:0]    vmem_wr_data,
    input  wire                  vmem_range_error,
    input  wire [23:0]           vmem_range_address
);

    localparam [7:0]  CAUSE_CONFIG = 8'd4;
    localparam [7:0]  CAUSE_RANGE  = 8'd5;
    localparam [7:0]  CAUSE_UNIT   = 8'd15;
    localparam [15:0] MOST_SPREAD  = LANES[15:0];
    localparam LANE_W    = (LANES > 1) ? $clog2(LANES) : 1;
    localparam DEPTH     = RD_LATENCY + 5;         // elements whose operands are on the way
    localparam LEVEL_W   = $clog2(DEPTH + 1);
    localparam PLACES    = 16;                     // groups whose words are awaited
    localparam ELEMENT_W = 3 + LANE_W;
    localparam [LANE_W-1:0] ONE_LANE = {{(LANE_W-1){1'b0}}, 1'b1};

    // ---- Launches --------------------------------------------------------------------------

    wire       src1_vmem    = launch_flags[0];
    wire       src2_vmem    = launch_flags[1];
    wire       dst_vmem     = launch_flags[2];
    wire [1:0] group        = launch_flags[4:3];
    wire       spread       = launch_flags[5];
    wire       unused_flags = &{1'b0, launch_flags[17:6]};

    reg        running_q;
    reg        checked_q;                          // illegal_q belongs to the waiting launch
    reg        illegal_q;
    reg        second_q;
    reg        a_vmem_q;
    reg        b_vmem_q;
    reg        vmem_q;
    reg        spread_q;
    reg [2:0]  spans_q;                           // loops 0 to 2 are inside a group
    reg [3:0]  words_q;
    reg [95:0] a_stride_q;
    reg [95:0] b_stride_q;
    reg [95:0] dst_stride_q;
    reg [23:0] dst_next_q;

    wire [2:0] spans = {group == 2'd3, group[1], group != 2'd0};
    wire       empty  = (loop_count[15:0] == 16'd0) || (loop_count[31:16] == 16'd0)
                     || (loop_count[47:32] == 16'd0) || (loop_count[63:48] == 16'd0);
    wire       bad    = empty || (spread && (loop_count[15:0] > MOST_SPREAD));
    wire       start  = launch_valid && launch_ready;

    assign launch_ready = checked_q && !illegal_q && !running_q;

    always @(posedge clk) begin
        if (rst) begin
            running_q <= 1'b0;
            checked_q <= 1'b0;
        end else begin
            checked_q <= launch_valid && !start;
            if (start) begin
                running_q <= 1'b1;
            end else if (launch_done) begin
                running_q <= 1'b0;
            end
        end
        illegal_q <= bad;
    end

    always @(posedge clk) begin
        if (start) begin
            second_q     <= launch_second;
            a_vmem_q     <= src1_vmem;
            b_vmem_q     <= src2_vmem;
            vmem_q       <= dst_vmem;
            spread_q     <= spread;
            spans_q     <= spans;
            words_q      <= launch_words;
            a_stride_q   <= a_stride;
            b_stride_q   <= b_stride;
            dst_stride_q <= dst_stride & ~{24'd0, {24{spans[2]}}, {24{spans[1]}},
                                           {24{spans[0]}}};
            dst_next_q   <= dst_next;
        end
    end

    // ---- Stalls of tests -------------------------------------------------------------------

    wire hold_in;
    wire hold_out;

    generate
        if (STALLS != 0) begin : gen_stalls
            reg [15:0] noise_q;                    // maximal length: x^16 + x^14 + x^13 + x^11 + 1

            assign hold_in  = (noise_q[3:0] == 4'd0);
            assign hold_out = noise_q[7] && noise_q[9];

            always @(posedge clk) begin
                if (rst) begin
                    noise_q <= 16'd1;
                end else begin
                    noise_q <= {noise_q[14:0], noise_q[15] ^ noise_q[13] ^ noise_q[12]
                                             ^ noise_q[10]};
                end
            end
        end else begin : gen_no_stalls
            assign hold_in  = 1'b0;
            assign hold_out = 1'b0;
        end
    endgenerate

    // ---- Walk ------------------------------------------------------------------------------

    wire        step;
    wire        active;
    wire        last;
    wire [3:0]  first_index;
    wire [3:0]  wraps;
    wire [3:0]  advance;
    wire [23:0] a_at;
    wire [23:0] b_at;
    wire [23:0] dst_at;
    wire        element_room;
    wire        place_room;
    wire        a_room;
    wire        b_room;
    wire        group_first = &(first_index[2:0] | ~spans_q);
    wire        group_last  = &(wraps[2:0] | ~spans_q);
    reg  [LANE_W-1:0] lane_q;                      // iteration of loop0

    assign step = active && element_room && place_room && a_room && (b_room || !second_q)
               && !hold_in;

    npu_loop_nest #(
        .LEVELS      (4),
        .COUNT_W     (16)
    ) u_nest (
        .clk         (clk),
        .rst         (rst),
        .start       (start),
        .count       (loop_count),
        .step        (step),
        .active      (active),
        .last        (last),
        .first_index (first_index),
        .wraps       (wraps),
        .advance     (advance)
    );

    npu_loop_track #(
        .LEVELS  (4),
        .WIDTH   (24)
    ) u_a_addr (
        .clk     (clk),
        .start   (start),
        .base    (a_addr),
        .stride  (a_stride_q),
        .step    (step),
        .advance (advance),
        .value   (a_at)
    );

    npu_loop_track #(
        .LEVELS  (4),
        .WIDTH   (24)
    ) u_b_addr (
        .clk     (clk),
        .start   (start),
        .base    (b_addr),
        .stride  (b_stride_q),
        .step    (step),
        .advance (advance),
        .value   (b_at)
    );

    npu_loop_track #(
        .LEVELS  (4),
        .WIDTH   (24)
    ) u_dst_addr (
        .clk     (clk),
        .start   (start),
        .base    (dst_addr),
        .stride  (dst_stride_q),
        .step    (step),
        .advance (advance),
        .value   (dst_at)
    );

    always @(posedge clk) begin
        if (start) begin
            lane_q <= {LANE_W{1'b0}};
        end else if (step) begin
            lane_q <= wraps[0] ? {LANE_W{1'b0}} : lane_q + ONE_LANE;
        end
    end

    wire unused_nest = &{1'b0, first_index[3], wraps[3]};

    // ---- Elements --------------------------------------------------------------------------

    wire               element_valid;
    wire               element_first;
    wire               element_last;
    wire               element_final;
    wire [LANE_W-1:0]  element_lane;
    wire [LEVEL_W-1:0] element_level;
    wire               accept = in_valid && in_ready;

    npu_fifo #(
        .WIDTH      (ELEMENT_W),
        .DEPTH      (DEPTH)
    ) u_elements (
        .clk        (clk),
        .rst        (rst),
        .push_valid (step),
        .push_ready (element_room),
        .push_data  ({group_first, group_last, last, lane_q}),
        .pop_valid  (element_valid),
        .pop_ready  (accept),
        .pop_data   ({element_first, element_last, element_final, element_lane}),
        .level      (element_level)
    );

    wire               a_valid;
    wire               a_mark;
    wire [LANES_W-1:0] a_word;
    wire               b_valid;
    wire               b_mark;

    npu_vector_operand #(
        .LANES           (LANES),
        .ROWS            (ROWS),
        .ACT_W           (ACT_W),
        .RD_LATENCY      (RD_LATENCY)
    ) u_a (
        .clk             (clk),
        .rst             (rst),
        .req_valid       (step),
        .req_ready       (a_room),
        .req_vmem        (a_vmem_q),
        .req_mark        (1'b0),
        .req_addr        (a_at),
        .ibuf_valid      (ibuf_rd_valid[0]),
        .ibuf_ready      (ibuf_rd_ready[0]),
        .ibuf_addr       (ibuf_rd_addr[23:0]),
        .ibuf_data_valid (ibuf_rd_data_valid[0]),
        .ibuf_data       (ibuf_rd_data[0 +: ROWS*ACT_W]),
        .vmem_valid      (vmem_rd_valid[0]),
        .vmem_ready      (vmem_rd_ready[0]),
        .vmem_addr       (vmem_rd_addr[23:0]),
        .vmem_data_valid (vmem_rd_data_valid[0]),
        .vmem_data       (vmem_rd_data[0 +: LANES_W]),
        .data_valid      (a_valid),
        .data_ready      (accept),
        .data_mark       (a_mark),
        .data            (a_word)
    );

    npu_vector_operand #(
        .LANES           (LANES),
        .ROWS            (ROWS),
        .ACT_W           (ACT_W),
        .RD_LATENCY      (RD_LATENCY)
    ) u_b (
        .clk             (clk),
        .rst             (rst),
        .req_valid       (step && second_q),
        .req_ready       (b_room),
        .req_vmem        (b_vmem_q),
        .req_mark        (1'b0),
        .req_addr        (b_at),
        .ibuf_valid      (ibuf_rd_valid[1]),
        .ibuf_ready      (ibuf_rd_ready[1]),
        .ibuf_addr       (ibuf_rd_addr[47:24]),
        .ibuf_data_valid (ibuf_rd_data_valid[1]),
        .ibuf_data       (ibuf_rd_data[ROWS*ACT_W +: ROWS*ACT_W]),
        .vmem_valid      (vmem_rd_valid[1]),
        .vmem_ready      (vmem_rd_ready[1]),
        .vmem_addr       (vmem_rd_addr[47:24]),
        .vmem_data_valid (vmem_rd_data_valid[1]),
        .vmem_data       (vmem_rd_data[LANES_W +: LANES_W]),
        .data_valid      (b_valid),
        .data_ready      (accept && second_q),
        .data_mark       (b_mark),
        .data            (in_b)
    );

    wire unused_marks = &{1'b0, a_mark, b_mark, element_level, element_final};

    reg [31:0] index_q;

    assign in_valid = element_valid && a_valid && (b_valid || !second_q);
    assign in_first = element_first;
    assign in_last  = element_last;
    assign in_index = element_first ? 32'd0 : index_q;
    assign in_a     = spread_q ? {LANES{a_word[32*element_lane +: 32]}} : a_word;

    always @(posedge clk) begin
        if (accept) begin
            index_q <= in_index + 32'd1;
        end
    end

    // ---- Words of the unit -----------------------------------------------------------------

    wire        place_valid;
    wire        place_final;                       // of the launch's last group
    wire [23:0] place_addr;
    wire [4:0]  place_level;
    reg  [3:0]  word_q;                            // words of the group before this one
    reg  [23:0] offset_q;
    wire        room;
    wire        take        = out_valid && out_ready;
    wire        word_last   = (word_q == words_q - 4'd1);

    npu_fifo #(
        .WIDTH      (25),
        .DEPTH      (PLACES)
    ) u_places (
        .clk        (clk),
        .rst        (rst),
        .push_valid (step && group_last),
        .push_ready (place_room),
        .push_data  ({last, dst_at}),
        .pop_valid  (place_valid),
        .pop_ready  (take && word_last),
        .pop_data   ({place_final, place_addr}),
        .level      (place_level)
    );

    wire unused_places = &{1'b0, place_level};

    assign out_ready = place_valid && room && !hold_out;

    always @(posedge clk) begin
        if (rst) begin
            word_q   <= 4'd0;
            offset_q <= 24'd0;
        end else if (take) begin
            word_q   <= word_last ? 4'd0 : word_q + 4'd1;
            offset_q <= word_last ? 24'd0 : offset_q + dst_next_q;
        end
    end

    // Activations are kept within their range.
    wire [LANES*ACT_W-1:0] activations;
    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            wire [31:0] value = out_data[32*i +: 32];
            wire        fits  = (value[31:ACT_W-1] == {(33-ACT_W){value[31]}});

            assign activations[ACT_W*i +: ACT_W] = fits ? value[ACT_W-1:0]
                                                 : {value[31], {(ACT_W-1){!value[31]}}};
        end
    endgenerate

    wire                   write_waiting;
    wire                   wbuf_valid;
    wire                   wbuf_transpose;
    wire [23:0]            wbuf_addr;
    wire [LANES*ACT_W-1:0] wbuf_data;

    npu_vector_write #(
        .LANES              (LANES),
        .ROWS               (ROWS),
        .ACT_W              (ACT_W),
        .DEPTH              (4)
    ) u_write (
        .clk                (clk),
        .rst                (rst),
        .room               (room),
        .reserve            (take),
        .reserve_void       (1'b0),
        .reserve_last       (place_final && word_last),
        .reserve_dst        ({1'b0, vmem_q}),
        .reserve_addr       (place_addr + offset_q),
        .result_valid       (take),
        .result_act         (!vmem_q),
        .result_activations (activations),
        .result_wide        (out_data),
        .ibuf_valid         (ibuf_wr_valid),
        .ibuf_ready         (ibuf_wr_ready),
        .ibuf_addr          (ibuf_wr_addr),
        .ibuf_lanes         (ibuf_wr_lanes),
        .ibuf_data          (ibuf_wr_data),
        .vmem_valid         (vmem_wr_valid),
        .vmem_ready         (vmem_wr_ready),
        .vmem_addr          (vmem_wr_addr),
        .vmem_data          (vmem_wr_data),
        .wbuf_valid         (wbuf_valid),
        .wbuf_ready         (1'b1),
        .wbuf_transpose     (wbuf_transpose),
        .wbuf_addr          (wbuf_addr),
        .wbuf_data          (wbuf_data),
        .wbuf_busy          (1'b0),
        .waiting            (write_waiting),
        .done               (launch_done)
    );

    wire unused_wbuf = &{1'b0, wbuf_valid, wbuf_transpose, wbuf_addr, wbuf_data};

    // ---- Handshake of the unit -------------------------------------------------------------

    wire        broken;
    wire [39:0] broken_rule;

    generate
        if (CHECK != 0) begin : gen_check
            npu_unit_check #(
                .WIDTH       (LANES_W)
            ) u_check (
                .clk         (clk),
                .rst         (rst),
                .group_words (words_q),
                .group_end   (accept && element_last),
                .out_valid   (out_valid),
                .out_ready   (out_ready),
                .out_data    (out_data),
                .broken      (broken),
                .rule        (broken_rule)
            );
        end else begin : gen_no_check
            assign broken      = 1'b0;
            assign broken_rule = 40'd0;
        end
    endgenerate

    // ---- Faults and report -----------------------------------------------------------------

    wire range_error = ibuf_range_error || vmem_range_error;
    wire bad_launch  = launch_valid && checked_q && illegal_q && !running_q;

    assign fault_valid   = range_error || bad_launch || broken;
    assign fault_cause   = range_error ? CAUSE_RANGE : bad_launch ? CAUSE_CONFIG : CAUSE_UNIT;
    assign fault_address = ibuf_range_error ? {16'd0, ibuf_range_address}
                         : vmem_range_error ? {16'd0, vmem_range_address}
                         : bad_launch ? 40'd0 : broken_rule;

    wire read_waiting = |((ibuf_rd_valid & ~ibuf_rd_ready) | (vmem_rd_valid & ~vmem_rd_ready));

    assign stall_memory = running_q && !accept && (read_waiting || write_waiting);

endmodule

`default_nettype wire
