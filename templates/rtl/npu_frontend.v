// From the program in DRAM to the engines' queues: fetch, decoder and semaphores, with the faults
// they find in the form of the fault record.
`default_nettype none

module npu_frontend #(
    parameter ADDR_W          = 40,                // at most 40
    parameter BUS_W           = 128,
    parameter PC_W            = 24,
    parameter MAX_BURST       = 16,                // beats
    parameter FETCH_BEATS     = 64,                // queue of program beats
    parameter NUM_ENGINES     = 4,                 // 5 with UNIT
    parameter NUM_SEMAPHORES  = 16,
    parameter SEMAPHORE_W     = 8                  // bits of a count
) (
    input  wire              clk,
    input  wire              rst,
    input  wire              halt,
    input  wire              start,
    input  wire [ADDR_W-1:0] program_addr,
    input  wire [PC_W-1:0]   program_length,
    output wire              done,

    // Read channels of the memory.
    output wire              arvalid,
    input  wire              arready,
    output wire [ADDR_W-1:0] araddr,
    output wire [7:0]        arlen,
    input  wire              rvalid,
    output wire              rready,
    input  wire [BUS_W-1:0]  rdata,
    input  wire [1:0]        rresp,
    input  wire              rlast,

    // Engines: LOAD, GEMM, VECTOR, STORE, UNIT.
    output wire [NUM_ENGINES-1:0] cmd_valid,
    input  wire [NUM_ENGINES-1:0] cmd_ready,
    output wire [63:0]       cmd_word,
    output wire [PC_W-1:0]   cmd_pc,
    input  wire [NUM_ENGINES-1:0] engine_idle,
    input  wire [NUM_ENGINES*PC_W-1:0] engine_oldest_pc,
    input  wire [NUM_ENGINES-1:0] sem_wait_valid,
    output wire [NUM_ENGINES-1:0] sem_wait_ready,
    input  wire [16*NUM_ENGINES-1:0] sem_wait_mask,
    input  wire [NUM_ENGINES-1:0] sem_signal_valid,
    input  wire [16*NUM_ENGINES-1:0] sem_signal_mask,

    // Faults: 0 decoder, 1 fetch, 2 semaphores.
    output wire [2:0]        fault_valid,
    output wire [23:0]       fault_cause,
    output wire [8:0]        fault_engine,
    output wire [3*PC_W-1:0] fault_pc,
    output wire [119:0]      fault_address,

    // For the hang report.
    output wire [15:0]       semaphore_positive,
    output wire              decoder_busy,
    output wire              decoder_fenced,
    output wire              decoder_queue_full,
    output wire [2:0]        decoder_engine
);

    localparam OUTSTANDING = FETCH_BEATS / MAX_BURST;
    localparam LEN_W       = 24;
    localparam [7:0] CAUSE_READ = 8'd7;

    // ---- Fetch -----------------------------------------------------------------------------

    wire              req_valid;
    wire              req_ready;
    wire [ADDR_W-1:0] req_addr;
    wire [LEN_W-1:0]  req_bytes;
    wire              data_valid;
    wire              data_ready;
    wire [BUS_W-1:0]  data;
    wire              word_valid;
    wire              word_ready;
    wire [63:0]       word;
    wire [PC_W-1:0]   word_pc;
    wire              read_error;
    wire [ADDR_W-1:0] read_error_address;
    wire              reader_quiet;
    wire              reader_beat;
    wire              reader_burst;
    wire [15:0]       reader_latency;

    wire unused_reader = &{1'b0, reader_quiet, reader_beat, reader_burst, reader_latency};

    npu_fetch #(
        .ADDR_W(ADDR_W),
        .DATA_W(BUS_W),
        .PC_W  (PC_W),
        .LEN_W (LEN_W)
    ) u_fetch (
        .clk           (clk),
        .rst           (rst),
        .halt          (halt),
        .start         (start),
        .program_addr  (program_addr),
        .program_length(program_length),
        .req_valid     (req_valid),
        .req_ready     (req_ready),
        .req_addr      (req_addr),
        .req_bytes     (req_bytes),
        .data_valid    (data_valid),
        .data_ready    (data_ready),
        .data          (data),
        .word_valid    (word_valid),
        .word_ready    (word_ready),
        .word          (word),
        .word_pc       (word_pc)
    );

    npu_axi_reader #(
        .BUS_W      (BUS_W),
        .ADDR_W     (ADDR_W),
        .BYTES_W    (LEN_W),
        .MAX_BURST  (MAX_BURST),
        .OUTSTANDING(OUTSTANDING),
        .FIFO_BEATS (FETCH_BEATS)
    ) u_reader (
        .clk          (clk),
        .rst          (rst),
        .halt         (halt),
        .quiet        (reader_quiet),
        .req_valid    (req_valid),
        .req_ready    (req_ready),
        .req_addr     (req_addr),
        .req_bytes    (req_bytes),
        .data_valid   (data_valid),
        .data_ready   (data_ready),
        .data         (data),
        .arvalid      (arvalid),
        .arready      (arready),
        .araddr       (araddr),
        .arlen        (arlen),
        .rvalid       (rvalid),
        .rready       (rready),
        .rdata        (rdata),
        .rresp        (rresp),
        .rlast        (rlast),
        .error_valid  (read_error),
        .error_address(read_error_address),
        .count_beat   (reader_beat),
        .count_burst  (reader_burst),
        .count_latency(reader_latency)
    );

    // ---- Decoder ---------------------------------------------------------------------------

    wire       declare_valid;
    wire [3:0] declare_index;
    wire [2:0] declare_producer;
    wire [2:0] declare_consumer;
    wire       decoder_fault;
    wire [7:0] decoder_cause;

    npu_decoder #(
        .PC_W          (PC_W),
        .NUM_ENGINES   (NUM_ENGINES),
        .NUM_SEMAPHORES(NUM_SEMAPHORES)
    ) u_decoder (
        .clk             (clk),
        .rst             (rst),
        .halt            (halt),
        .word_valid      (word_valid),
        .word_ready      (word_ready),
        .word            (word),
        .word_pc         (word_pc),
        .cmd_valid       (cmd_valid),
        .cmd_ready       (cmd_ready),
        .cmd_word        (cmd_word),
        .cmd_pc          (cmd_pc),
        .engine_idle     (engine_idle),
        .declare_valid   (declare_valid),
        .declare_index   (declare_index),
        .declare_producer(declare_producer),
        .declare_consumer(declare_consumer),
        .done            (done),
        .fault_valid     (decoder_fault),
        .fault_cause     (decoder_cause),
        .busy            (decoder_busy),
        .fenced          (decoder_fenced),
        .queue_full      (decoder_queue_full),
        .cmd_engine      (decoder_engine)
    );

    // ---- Semaphores ------------------------------------------------------------------------

    wire       sem_fault;
    wire [7:0] sem_cause;
    wire [2:0] sem_engine;
    wire [3:0] sem_index;

    npu_semaphores #(
        .NUM_SEMAPHORES(NUM_SEMAPHORES),
        .COUNT_W       (SEMAPHORE_W),
        .NUM_ENGINES   (NUM_ENGINES)
    ) u_semaphores (
        .clk             (clk),
        .rst             (rst),
        .declare_valid   (declare_valid),
        .declare_index   (declare_index),
        .declare_producer(declare_producer),
        .declare_consumer(declare_consumer),
        .wait_valid      (sem_wait_valid),
        .wait_ready      (sem_wait_ready),
        .wait_mask       (sem_wait_mask),
        .signal_valid    (sem_signal_valid),
        .signal_mask     (sem_signal_mask),
        .fault_valid     (sem_fault),
        .fault_cause     (sem_cause),
        .fault_engine    (sem_engine),
        .fault_index     (sem_index),
        .positive        (semaphore_positive)
    );

    // The semaphores report two cycles after the event, in which the launch may have retired.
    reg  [NUM_ENGINES*PC_W-1:0] oldest_pc_q;
    reg  [NUM_ENGINES*PC_W-1:0] older_pc_q;
    reg  [PC_W-1:0]             sem_pc;
    integer                     k;

    always @(posedge clk) begin
        oldest_pc_q <= engine_oldest_pc;
        older_pc_q  <= oldest_pc_q;
    end

    always @* begin
        sem_pc = {PC_W{1'b0}};
        for (k = 0; k < NUM_ENGINES; k = k + 1) begin
            if (sem_engine == k[2:0] + 3'd1) begin
                sem_pc = older_pc_q[PC_W*k +: PC_W];
            end
        end
    end

    // ---- Faults ----------------------------------------------------------------------------

    wire [40:0] read_error_wide = {{(41-ADDR_W){1'b0}}, read_error_address};
    wire        unused_wide     = read_error_wide[40];

    assign fault_valid   = {sem_fault, read_error, decoder_fault};
    assign fault_cause   = {sem_cause, CAUSE_READ, decoder_cause};
    assign fault_engine  = {sem_engine, 3'd0, 3'd0};
    assign fault_pc      = {sem_pc, word_pc, cmd_pc};
    assign fault_address = {36'd0, sem_index, read_error_wide[39:0], 40'd0};

endmodule

`default_nettype wire
