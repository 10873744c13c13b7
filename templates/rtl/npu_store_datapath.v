// STORE without its instruction queue: takes launches, reads buffers, writes DRAM. Runs
// (npu_dma_runs), words (npu_store_words) and beats (npu_store_pack) may each work for a different
// launch; a launch is done with the response to its last burst.
`default_nettype none

module npu_store_datapath #(
    parameter MAX_LAUNCHES    = 4,                 // from the launch beat to done; 3 to 10
    parameter BUS_W           = 128,
    parameter ADDR_W          = 64,
    parameter MAX_BURST       = 16,
    parameter OUTSTANDING     = 16,                // bursts, from 2
    parameter FIFO_BEATS      = 64,
    parameter IBUF_WORD_BYTES = 16,
    parameter IBUF_UNIT_BYTES = 16,
    parameter VMEM_WORD_BYTES = 64,
    parameter VMEM_UNIT_BYTES = 16
) (
    input  wire                         clk,
    input  wire                         rst,
    input  wire                         halt,
    output wire                         quiet,

    input  wire                         launch_valid,
    output wire                         launch_ready,
    input  wire [6:0]                   launch_function,
    output wire                         launch_done,
    output wire                         stall_memory,

    // Registers, sampled on the launch beat.
    input  wire [63:0]                  region_base,  // of the base register the launch names
    input  wire [63:0]                  region_size,
    input  wire [39:0]                  dram_offset,
    input  wire [23:0]                  src_addr,
    input  wire [23:0]                  run_bytes,
    input  wire [23:0]                  group_bytes,
    input  wire [4*16-1:0]              loop_count,
    input  wire [4*32-1:0]              loop_stride,
    input  wire [3*24-1:0]              word_count,
    input  wire [4*24-1:0]              word_stride,

    output wire                         ibuf_rd_valid,
    input  wire                         ibuf_rd_ready,
    output wire [23:0]                  ibuf_rd_addr,
    input  wire                         ibuf_rd_data_valid,
    input  wire [8*IBUF_WORD_BYTES-1:0] ibuf_rd_data,
    output wire                         vmem_rd_valid,
    input  wire                         vmem_rd_ready,
    output wire [23:0]                  vmem_rd_addr,
    input  wire                         vmem_rd_data_valid,
    input  wire [8*VMEM_WORD_BYTES-1:0] vmem_rd_data,

    output wire                         awvalid,
    input  wire                         awready,
    output wire [ADDR_W-1:0]            awaddr,
    output wire [7:0]                   awlen,
    output wire                         wvalid,
    input  wire                         wready,
    output wire [BUS_W-1:0]             wdata,
    output wire [BUS_W/8-1:0]           wstrb,
    output wire                         wlast,
    input  wire                         bvalid,
    output wire                         bready,
    input  wire [1:0]                   bresp,

    output wire                         fault_valid,
    output wire [7:0]                   fault_cause,
    output wire [39:0]                  fault_address
);

    localparam [6:0] NUM_FUNCTIONS = 7'd2;
    localparam [7:0] CAUSE_FUNCTION      = 8'd2;
    localparam [7:0] CAUSE_CONFIGURATION = 8'd4;
    localparam [7:0] CAUSE_REGION        = 8'd6;
    localparam [7:0] CAUSE_WRITE         = 8'd8;
    localparam BYTE_W   = $clog2(BUS_W / 8);
    localparam WORD_MAX = (IBUF_WORD_BYTES > VMEM_WORD_BYTES) ? IBUF_WORD_BYTES : VMEM_WORD_BYTES;
    localparam CONTEXTS = MAX_LAUNCHES - 1;        // launches between two of the parts
    localparam RUNS     = 16;                      // runs between them: covers the way of the data
    localparam LEVEL_W  = $clog2(RUNS + 1);

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
    wire       words_ready;
    wire       pack_ready;
    wire       room    = words_ready && pack_ready && (flight_q != MAX_LAUNCHES[3:0]);
    wire       start   = launch_valid && legal && !illegal_q && !halt && room;
    wire       started = start && runs_ready;

    assign launch_ready = runs_ready && room && legal && !illegal_q && !halt;

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

    // The launch as each part sees it.
    wire             words_valid;
    wire             words_done;
    wire             words_vmem;
    wire [23:0]      words_run;
    wire [23:0]      words_group;
    wire [23:0]      words_addr;
    wire [3*24-1:0]  words_count;
    wire [4*24-1:0]  words_stride;
    wire [$clog2(CONTEXTS + 1)-1:0] words_level;

    npu_fifo #(
        .WIDTH (1 + 3 * 24 + 3 * 24 + 4 * 24),
        .DEPTH (CONTEXTS)
    ) u_words_contexts (
        .clk        (clk),
        .rst        (rst),
        .push_valid (started),
        .push_ready (words_ready),
        .push_data  ({launch_function[0], run_bytes, group_bytes, src_addr, word_count,
                      word_stride}),
        .pop_valid  (words_valid),
        .pop_ready  (words_done),
        .pop_data   ({words_vmem, words_run, words_group, words_addr, words_count, words_stride}),
        .level      (words_level)
    );

    wire             pack_valid;
    wire             pack_done;
    wire             pack_vmem;
    wire [23:0]      pack_run;
    wire [23:0]      pack_group;
    wire [$clog2(CONTEXTS + 1)-1:0] pack_level;

    npu_fifo #(
        .WIDTH (1 + 2 * 24),
        .DEPTH (CONTEXTS)
    ) u_pack_contexts (
        .clk        (clk),
        .rst        (rst),
        .push_valid (started),
        .push_ready (pack_ready),
        .push_data  ({launch_function[0], run_bytes, group_bytes}),
        .pop_valid  (pack_valid),
        .pop_ready  (pack_done),
        .pop_data   ({pack_vmem, pack_run, pack_group}),
        .level      (pack_level)
    );

    // ---- Runs: each goes to words, beats and bursts, all at once ---------------------------

    wire              run_valid;
    wire [ADDR_W-1:0] run_addr;
    wire [23:0]       run_lead;
    wire [23:0]       run_fetch;
    wire [23:0]       run_tail;
    wire              run_last;
    wire              region_fault;
    wire [39:0]       region_address;
    wire              token_ready;
    wire              piece_ready;
    wire              queue_ready;
    wire              run_ready = token_ready && piece_ready && queue_ready;
    wire              run_go    = run_valid && run_ready;

    npu_dma_runs #(
        .ADDR_W      (ADDR_W),
        .ENABLE_CLIP (0)
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
        .clip          (1'b0),
        .y_start       (16'd0),
        .y_limit       (16'd0),
        .y_step        (48'd0),
        .x_start       (24'd0),
        .x_limit       (24'd0),
        .x_step        (48'd0),
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

    wire               token_valid;
    wire               token_take;
    wire               token_last;
    wire [LEVEL_W-1:0] token_level;

    npu_fifo #(
        .WIDTH (1),
        .DEPTH (RUNS)
    ) u_tokens (
        .clk        (clk),
        .rst        (rst),
        .push_valid (run_go),
        .push_ready (token_ready),
        .push_data  (run_last),
        .pop_valid  (token_valid),
        .pop_ready  (token_take),
        .pop_data   (token_last),
        .level      (token_level)
    );

    wire               piece_valid;
    wire               piece_take;
    wire               piece_last;
    wire [BYTE_W-1:0]  piece_offset;
    wire [LEVEL_W-1:0] piece_level;

    npu_fifo #(
        .WIDTH (BYTE_W + 1),
        .DEPTH (RUNS)
    ) u_pieces (
        .clk        (clk),
        .rst        (rst),
        .push_valid (run_go),
        .push_ready (piece_ready),
        .push_data  ({run_addr[BYTE_W-1:0], run_last}),
        .pop_valid  (piece_valid),
        .pop_ready  (piece_take),
        .pop_data   ({piece_offset, piece_last}),
        .level      (piece_level)
    );

    wire               req_valid;
    wire               req_ready;
    wire [ADDR_W-1:0]  req_addr;
    wire [23:0]        req_bytes;
    wire               req_last;
    wire [LEVEL_W-1:0] req_level;

    npu_fifo #(
        .WIDTH (ADDR_W + 24 + 1),
        .DEPTH (RUNS)
    ) u_requests (
        .clk        (clk),
        .rst        (rst),
        .push_valid (run_go),
        .push_ready (queue_ready),
        .push_data  ({run_addr, run_fetch, run_last}),
        .pop_valid  (req_valid),
        .pop_ready  (req_ready),
        .pop_data   ({req_addr, req_bytes, req_last}),
        .level      (req_level)
    );

    // ---- Words, beats, bursts -------------------------------------------------------------

    wire                  word_valid;
    wire                  word_ready;
    wire [8*WORD_MAX-1:0] word;

    npu_store_words #(
        .IBUF_WORD_BYTES (IBUF_WORD_BYTES),
        .VMEM_WORD_BYTES (VMEM_WORD_BYTES),
        .WORD_MAX        (WORD_MAX)
    ) u_words (
        .clk                (clk),
        .rst                (rst),
        .launch_valid       (words_valid),
        .launch_ready       (words_done),
        .launch_vmem        (words_vmem),
        .launch_run         (words_run),
        .launch_group       (words_group),
        .launch_addr        (words_addr),
        .launch_count       (words_count),
        .launch_stride      (words_stride),
        .run_valid          (token_valid),
        .run_ready          (token_take),
        .run_last           (token_last),
        .ibuf_rd_valid      (ibuf_rd_valid),
        .ibuf_rd_ready      (ibuf_rd_ready),
        .ibuf_rd_addr       (ibuf_rd_addr),
        .ibuf_rd_data_valid (ibuf_rd_data_valid),
        .ibuf_rd_data       (ibuf_rd_data),
        .vmem_rd_valid      (vmem_rd_valid),
        .vmem_rd_ready      (vmem_rd_ready),
        .vmem_rd_addr       (vmem_rd_addr),
        .vmem_rd_data_valid (vmem_rd_data_valid),
        .vmem_rd_data       (vmem_rd_data),
        .word_valid         (word_valid),
        .word_ready         (word_ready),
        .word               (word)
    );

    wire               data_valid;
    wire               data_ready;
    wire [BUS_W-1:0]   data;
    wire [BUS_W/8-1:0] data_strb;
    wire               moving;

    npu_store_pack #(
        .BUS_W           (BUS_W),
        .IBUF_WORD_BYTES (IBUF_WORD_BYTES),
        .IBUF_UNIT_BYTES (IBUF_UNIT_BYTES),
        .VMEM_WORD_BYTES (VMEM_WORD_BYTES),
        .VMEM_UNIT_BYTES (VMEM_UNIT_BYTES),
        .WORD_MAX        (WORD_MAX)
    ) u_pack (
        .clk          (clk),
        .rst          (rst),
        .launch_valid (pack_valid),
        .launch_ready (pack_done),
        .launch_vmem  (pack_vmem),
        .launch_run   (pack_run),
        .launch_group (pack_group),
        .run_valid    (piece_valid),
        .run_ready    (piece_take),
        .run_offset   ({{(7-BYTE_W){1'b0}}, piece_offset}),
        .run_last     (piece_last),
        .word_valid   (word_valid),
        .word_ready   (word_ready),
        .word         (word),
        .data_valid   (data_valid),
        .data_ready   (data_ready),
        .data         (data),
        .data_strb    (data_strb),
        .moving       (moving)
    );

    wire              write_error;
    wire [ADDR_W-1:0] write_address;
    wire [63:0]       write_address_wide;

    npu_axi_writer #(
        .BUS_W       (BUS_W),
        .ADDR_W      (ADDR_W),
        .BYTES_W     (24),
        .MAX_BURST   (MAX_BURST),
        .OUTSTANDING (OUTSTANDING),
        .FIFO_BEATS  (FIFO_BEATS)
    ) u_writer (
        .clk           (clk),
        .rst           (rst),
        .halt          (halt),
        .quiet         (quiet),
        .req_valid     (req_valid),
        .req_ready     (req_ready),
        .req_addr      (req_addr),
        .req_bytes     (req_bytes),
        .req_last      (req_last),
        .data_valid    (data_valid),
        .data_ready    (data_ready),
        .data          (data),
        .data_strb     (data_strb),
        .awvalid       (awvalid),
        .awready       (awready),
        .awaddr        (awaddr),
        .awlen         (awlen),
        .wvalid        (wvalid),
        .wready        (wready),
        .wdata         (wdata),
        .wstrb         (wstrb),
        .wlast         (wlast),
        .bvalid        (bvalid),
        .bready        (bready),
        .bresp         (bresp),
        .done          (launch_done),
        .error_valid   (write_error),
        .error_address (write_address)
    );

    assign stall_memory = (flight_q != 4'd0) && !moving;

    always @(posedge clk) begin
        if (rst) begin
            flight_q <= 4'd0;
        end else begin
            flight_q <= flight_q + {3'd0, started} - {3'd0, launch_done};
        end
    end

    // ---- Faults ---------------------------------------------------------------------------

    generate
        if (ADDR_W < 64) begin : gen_narrow
            assign write_address_wide = {{(64-ADDR_W){1'b0}}, write_address};
        end else begin : gen_wide
            assign write_address_wide = write_address;
        end
    endgenerate

    assign fault_valid   = illegal_q || region_fault || write_error;
    assign fault_cause   = write_error ? CAUSE_WRITE
                         : region_fault ? CAUSE_REGION : illegal_cause_q;
    assign fault_address = write_error ? write_address_wide[39:0]
                         : region_fault ? region_address : 40'd0;

    wire unused_bits = &{1'b0, words_level, pack_level, token_level, piece_level, req_level,
                         run_lead, run_tail, write_address_wide[63:40]};

endmodule

`default_nettype wire
