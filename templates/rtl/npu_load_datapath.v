// LOAD without its instruction queue: takes launches, reads DRAM, writes buffers. Address side
// (npu_dma_runs, npu_axi_reader) and data side (npu_load_pack) work for different launches at the
// same time; between them are a queue of segments and one of launches.
`default_nettype none

module npu_load_datapath #(
    parameter MAX_LAUNCHES    = 4,                 // from the launch beat to done; 3 to 10
    parameter BUS_W           = 128,
    parameter ADDR_W          = 64,
    parameter MAX_BURST       = 16,
    parameter OUTSTANDING     = 16,                // bursts, from 2
    parameter FIFO_BEATS      = 256,
    parameter IBUF_WORD_BYTES = 16,
    parameter IBUF_UNIT_BYTES = 16,
    parameter WBUF_WORD_BYTES = 16,
    parameter WBUF_UNIT_BYTES = 16,
    parameter PBUF_WORD_BYTES = 128,
    parameter PBUF_UNIT_BYTES = 16,
    parameter VMEM_WORD_BYTES = 64,
    parameter VMEM_UNIT_BYTES = 16,
    parameter UNIT_MAX        = 16,
    parameter UNIT_W          = 8
) (
    input  wire                  clk,
    input  wire                  rst,
    input  wire                  halt,
    output wire                  quiet,

    input  wire                  launch_valid,
    output wire                  launch_ready,
    input  wire [6:0]            launch_function,
    input  wire                  launch_clip,
    output wire                  launch_done,
    output wire                  stall_memory,

    // Registers, sampled on the launch beat.
    input  wire [63:0]           region_base,      // of the base register the launch names
    input  wire [63:0]           region_size,
    input  wire [39:0]           dram_offset,
    input  wire [23:0]           dst_addr,
    input  wire [23:0]           run_bytes,
    input  wire [23:0]           group_bytes,
    input  wire [4*16-1:0]       loop_count,
    input  wire [4*32-1:0]       loop_stride,
    input  wire [3*24-1:0]       word_count,
    input  wire [4*24-1:0]       word_stride,
    input  wire [15:0]           fill,
    input  wire [15:0]           y_start,
    input  wire [15:0]           y_limit,
    input  wire [4*12-1:0]       y_step,
    input  wire [23:0]           x_start,
    input  wire [23:0]           x_limit,
    input  wire [4*12-1:0]       x_step,

    output wire                  arvalid,
    input  wire                  arready,
    output wire [ADDR_W-1:0]     araddr,
    output wire [7:0]            arlen,
    input  wire                  rvalid,
    output wire                  rready,
    input  wire [BUS_W-1:0]      rdata,
    input  wire [1:0]            rresp,
    input  wire                  rlast,

    output wire                  buf_valid,
    input  wire                  buf_ready,
    output wire [2:0]            buf_select,
    output wire [23:0]           buf_addr,
    output wire [UNIT_W-1:0]     buf_unit,
    output wire [8*UNIT_MAX-1:0] buf_data,

    output wire                  fault_valid,
    output wire [7:0]            fault_cause,
    output wire [39:0]           fault_address
);

    localparam [6:0] NUM_FUNCTIONS = 7'd6;
    localparam [7:0] CAUSE_FUNCTION      = 8'd2;
    localparam [7:0] CAUSE_CONFIGURATION = 8'd4;
    localparam [7:0] CAUSE_REGION        = 8'd6;
    localparam [7:0] CAUSE_READ          = 8'd7;
    localparam BYTE_W    = $clog2(BUS_W / 8);
    // A run of a few bytes is a segment and a burst: enough segments for all bursts in flight and
    // as many whose data waits in the queue of beats.
    localparam SEGMENTS  = 2 * OUTSTANDING;
    localparam SEGMENT_W = 1 + 24 + BYTE_W + 1;
    localparam CONTEXT_W = 3 + 24 + 16 + 24 + 3 * 24 + 4 * 24;
    localparam CONTEXTS  = MAX_LAUNCHES - 1;       // launches between address side and data side

    // ---- Launch ---------------------------------------------------------------------------

    wire zero_count = (run_bytes == 24'd0) || (group_bytes == 24'd0)
        || (loop_count[15:0] == 16'd0) || (loop_count[31:16] == 16'd0)
        || (loop_count[47:32] == 16'd0) || (loop_count[63:48] == 16'd0)
        || (word_count[23:0] == 24'd0) || (word_count[47:24] == 24'd0)
        || (word_count[71:48] == 24'd0);
    wire bad_function = (launch_function >= NUM_FUNCTIONS);
    wire legal        = !zero_count && !bad_function;

    reg        illegal_q;
    reg [7:0]  illegal_cause_q;
    reg [3:0]  flight_q;                           // launches between launch beat and done

    wire       runs_ready;
    wire       context_ready;
    wire       start = launch_valid && legal && !illegal_q && !halt && context_ready;

    assign launch_ready = runs_ready && context_ready && legal && !illegal_q && !halt;

    always @(posedge clk) begin
        if (rst) begin
            illegal_q <= 1'b0;
        end else if (launch_valid && !legal && flight_q == 4'd0) begin
            illegal_q <= 1'b1;                     // earlier launches done: the oldest is this one
        end
    end

    always @(posedge clk) begin
        if (launch_valid && !illegal_q) begin
            illegal_cause_q <= bad_function ? CAUSE_FUNCTION : CAUSE_CONFIGURATION;
        end
    end

    wire                  context_valid;
    wire                  context_done;
    wire [$clog2(CONTEXTS + 1)-1:0] context_level;
    wire [2:0]            ctx_select;
    wire [23:0]           ctx_group;
    wire [15:0]           ctx_fill;
    wire [23:0]           ctx_addr;
    wire [3*24-1:0]       ctx_count;
    wire [4*24-1:0]       ctx_stride;

    npu_fifo #(
        .WIDTH (CONTEXT_W),
        .DEPTH (CONTEXTS)
    ) u_contexts (
        .clk        (clk),
        .rst        (rst),
        .push_valid (start && runs_ready),
        .push_ready (context_ready),
        .push_data  ({launch_function[2:0], group_bytes, fill, dst_addr, word_count, word_stride}),
        .pop_valid  (context_valid),
        .pop_ready  (context_done),
        .pop_data   ({ctx_select, ctx_group, ctx_fill, ctx_addr, ctx_count, ctx_stride}),
        .level      (context_level)
    );

    // ---- Address side ---------------------------------------------------------------------

    wire              run_valid;
    wire              run_ready;
    wire [ADDR_W-1:0] run_addr;
    wire [23:0]       run_lead;
    wire [23:0]       run_fetch;
    wire [23:0]       run_tail;
    wire              run_last;
    wire              region_fault;
    wire [39:0]       region_address;

    npu_dma_runs #(
        .ADDR_W      (ADDR_W),
        .ENABLE_CLIP (1)
    ) u_runs (
        .clk           (clk),
        .rst           (rst),
        .start_valid   (start),
        .start_ready   (runs_ready),
        .region_base   (region_base),
        .region_size   (region_size),
        .offset        (dram_offset),
        .run_bytes     (run_bytes),
        .count         (loop_count),
        .stride        (loop_stride),
        .clip          (launch_clip),
        .y_start       (y_start),
        .y_limit       (y_limit),
        .y_step        (y_step),
        .x_start       (x_start),
        .x_limit       (x_limit),
        .x_step        (x_step),
        .run_valid     (run_valid),
        .run_ready     (run_ready),
        .run_addr      (run_addr),
        .run_lead      (run_lead),
        .run_fetch     (run_fetch),
        .run_tail      (run_tail),
        .run_last      (run_last),
        .fault_valid   (region_fault),
        .fault_address (region_address)
    );

    // A run gives one to three segments: fill, fetched bytes, fill. The first that is not empty and
    // not done goes next.
    reg  [1:0]  done_q;                            // lead, fetch have been passed on
    wire        has_lead  = (run_lead != 24'd0) && !done_q[0];
    wire        has_fetch = (run_fetch != 24'd0) && !done_q[1];
    wire        has_tail  = (run_tail != 24'd0);
    wire        pick_fetch = !has_lead && has_fetch;
    wire        run_end   = has_lead ? (!has_fetch && !has_tail) : (!has_fetch || !has_tail);
    wire [23:0] piece     = has_lead ? run_lead : has_fetch ? run_fetch : run_tail;
    wire        segment_ready;
    wire        request_ready;
    wire        go        = run_valid && segment_ready && (!pick_fetch || request_ready);

    assign run_ready = go && run_end;

    always @(posedge clk) begin
        if (rst) begin
            done_q <= 2'b00;
        end else if (go) begin
            done_q <= run_end ? 2'b00 : {done_q[1] || pick_fetch, 1'b1};
        end
    end

    wire               seg_valid;
    wire               seg_ready;
    wire               seg_fill;
    wire [23:0]        seg_bytes;
    wire [BYTE_W-1:0]  seg_offset;
    wire               seg_last;
    wire [$clog2(SEGMENTS + 1)-1:0] segment_level;

    npu_fifo #(
        .WIDTH (SEGMENT_W),
        .DEPTH (SEGMENTS)
    ) u_segments (
        .clk        (clk),
        .rst        (rst),
        .push_valid (run_valid && (!pick_fetch || request_ready)),
        .push_ready (segment_ready),
        .push_data  ({!pick_fetch, piece, run_addr[BYTE_W-1:0], run_last && run_end}),
        .pop_valid  (seg_valid),
        .pop_ready  (seg_ready),
        .pop_data   ({seg_fill, seg_bytes, seg_offset, seg_last}),
        .level      (segment_level)
    );

    wire              beat_valid;
    wire              beat_ready;
    wire [BUS_W-1:0]  beat;
    wire              read_error;
    wire [ADDR_W-1:0] read_address;
    wire [63:0]       read_address_wide;
    wire              count_beat;                  // npu_axi_stats counts for all masters at once
    wire              count_burst;
    wire [15:0]       count_latency;

    npu_axi_reader #(
        .BUS_W       (BUS_W),
        .ADDR_W      (ADDR_W),
        .BYTES_W     (24),
        .MAX_BURST   (MAX_BURST),
        .OUTSTANDING (OUTSTANDING),
        .FIFO_BEATS  (FIFO_BEATS)
    ) u_reader (
        .clk           (clk),
        .rst           (rst),
        .halt          (halt),
        .quiet         (quiet),
        .req_valid     (run_valid && pick_fetch && segment_ready),
        .req_ready     (request_ready),
        .req_addr      (run_addr),
        .req_bytes     (run_fetch),
        .data_valid    (beat_valid),
        .data_ready    (beat_ready),
        .data          (beat),
        .arvalid       (arvalid),
        .arready       (arready),
        .araddr        (araddr),
        .arlen         (arlen),
        .rvalid        (rvalid),
        .rready        (rready),
        .rdata         (rdata),
        .rresp         (rresp),
        .rlast         (rlast),
        .error_valid   (read_error),
        .error_address (read_address),
        .count_beat    (count_beat),
        .count_burst   (count_burst),
        .count_latency (count_latency)
    );

    // ---- Data side ------------------------------------------------------------------------

    wire       buf_last;
    wire       moving;
    reg        done_pulse_q;

    npu_load_pack #(
        .BUS_W           (BUS_W),
        .IBUF_WORD_BYTES (IBUF_WORD_BYTES),
        .IBUF_UNIT_BYTES (IBUF_UNIT_BYTES),
        .WBUF_WORD_BYTES (WBUF_WORD_BYTES),
        .WBUF_UNIT_BYTES (WBUF_UNIT_BYTES),
        .PBUF_WORD_BYTES (PBUF_WORD_BYTES),
        .PBUF_UNIT_BYTES (PBUF_UNIT_BYTES),
        .VMEM_WORD_BYTES (VMEM_WORD_BYTES),
        .VMEM_UNIT_BYTES (VMEM_UNIT_BYTES),
        .UNIT_MAX        (UNIT_MAX),
        .UNIT_W          (UNIT_W)
    ) u_pack (
        .clk           (clk),
        .rst           (rst),
        .launch_valid  (context_valid),
        .launch_ready  (context_done),
        .launch_select (ctx_select),
        .launch_group  (ctx_group),
        .launch_fill   (ctx_fill),
        .launch_addr   (ctx_addr),
        .launch_count  (ctx_count),
        .launch_stride (ctx_stride),
        .seg_valid     (seg_valid),
        .seg_ready     (seg_ready),
        .seg_fill      (seg_fill),
        .seg_bytes     (seg_bytes),
        .seg_offset    ({{(7-BYTE_W){1'b0}}, seg_offset}),
        .seg_last      (seg_last),
        .beat_valid    (beat_valid),
        .beat_ready    (beat_ready),
        .beat          (beat),
        .buf_valid     (buf_valid),
        .buf_ready     (buf_ready),
        .buf_select    (buf_select),
        .buf_addr      (buf_addr),
        .buf_unit      (buf_unit),
        .buf_data      (buf_data),
        .buf_last      (buf_last),
        .moving        (moving)
    );

    wire started  = launch_valid && launch_ready;
    wire finished = buf_valid && buf_ready && buf_last;

    assign launch_done  = done_pulse_q;
    assign stall_memory = (flight_q != 4'd0) && !moving;

    always @(posedge clk) begin
        if (rst) begin
            done_pulse_q <= 1'b0;
            flight_q     <= 4'd0;
        end else begin
            done_pulse_q <= finished;
            flight_q     <= flight_q + {3'd0, started} - {3'd0, finished};
        end
    end

    // ---- Faults ---------------------------------------------------------------------------

    generate
        if (ADDR_W < 64) begin : gen_narrow
            assign read_address_wide = {{(64-ADDR_W){1'b0}}, read_address};
        end else begin : gen_wide
            assign read_address_wide = read_address;
        end
    endgenerate

    assign fault_valid   = illegal_q || region_fault || read_error;
    assign fault_cause   = read_error ? CAUSE_READ
                         : region_fault ? CAUSE_REGION : illegal_cause_q;
    assign fault_address = read_error ? read_address_wide[39:0]
                         : region_fault ? region_address : 40'd0;

    wire unused_bits = &{1'b0, context_level, segment_level, read_address_wide[63:40],
                         count_beat, count_burst, count_latency};

endmodule

`default_nettype wire
