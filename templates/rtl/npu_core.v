// Engines, buffers and front end, wired together. Vectors over engines are in the order LOAD,
// GEMM, VECTOR, STORE, UNIT.
`default_nettype none

module npu_core #(
    // Form of the array, [[ ports.cell_name ]]: 0 dsp48e2, 1 generic, 2 simulation.
    parameter CELL       = [[ ports.cell ]],
    parameter PC_W       = [[ ports.pc_w ]],
    parameter NUM_ENGINES = [[ ports.engines ]],
    parameter NUM_FAULTS = NUM_ENGINES + 6         // derived
) (
    input  wire                       clk,
    input  wire                       rst,
    input  wire                       halt,

    // Program.
    input  wire                       start,
    input  wire [[ ports.addr_range ]] program_addr,
    input  wire [PC_W-1:0]            program_length,
    input  wire [511:0]               region_base, // base register i at [64*i +: 64]
    input  wire [511:0]               region_size,
    output wire                       program_done,

    // Faults: the engines, LOAD beyond a buffer, decoder, fetch, semaphores, transposer, STORE
    // beyond a buffer.
    output wire [NUM_FAULTS-1:0]      fault_valid,
    output wire [8*NUM_FAULTS-1:0]    fault_cause,
    output wire [3*NUM_FAULTS-1:0]    fault_engine,
    output wire [PC_W*NUM_FAULTS-1:0] fault_pc,
    output wire [40*NUM_FAULTS-1:0]   fault_address,

    // DRAM.
    output wire [[ ports.id_range ]] arid,
    output wire [[ ports.addr_range ]] araddr,
    output wire [7:0]                 arlen,
    output wire                       arvalid,
    input  wire                       arready,
    input  wire [[ ports.id_range ]] rid,
    input  wire [[ ports.data_range ]] rdata,
    input  wire [1:0]                 rresp,
    input  wire                       rlast,
    input  wire                       rvalid,
    output wire                       rready,
    output wire [[ ports.addr_range ]] awaddr,
    output wire [7:0]                 awlen,
    output wire                       awvalid,
    input  wire                       awready,
    output wire [[ ports.data_range ]] wdata,
    output wire [[ ports.strb_range ]] wstrb,
    output wire                       wlast,
    output wire                       wvalid,
    input  wire                       wready,
    input  wire [1:0]                 bresp,
    input  wire                       bvalid,
    output wire                       bready,

    // What the engines are doing.
    output wire [4*NUM_ENGINES-1:0]   engine_activity,
    output wire [NUM_ENGINES-1:0]     engine_idle,
    output wire [16*NUM_ENGINES-1:0]  engine_queue_level,
    output wire [4*NUM_ENGINES-1:0]   engine_in_flight,
    output wire [NUM_ENGINES*PC_W-1:0] engine_oldest_pc,
    output wire [16*NUM_ENGINES-1:0]  engine_wait_mask,
    output wire [NUM_ENGINES-1:0]     engine_retire_valid,
    output wire [NUM_ENGINES*PC_W-1:0] engine_retire_pc,
    output wire [NUM_ENGINES-1:0]     engine_tag_valid,
    output wire [32*NUM_ENGINES-1:0]  engine_tag_value,
    output wire [15:0]                semaphore_positive,
    output wire                       decoder_busy,
    output wire                       decoder_fenced,
    output wire                       decoder_queue_full,
    output wire [2:0]                 decoder_engine,
    output wire [PC_W-1:0]            decoder_cmd_pc,
    output wire                       array_active,
    output wire                       array_wait_weights,
    output wire                       array_wait_residual,
    output wire [7:0]                 ibuf_conflicts,
    output wire [7:0]                 vmem_conflicts
);

    // Sizes, with their keys in the configuration or their origin.
[%- for row in constants %]
    localparam [[ row.name ]] = [[ row.value ]] // [[ row.comment ]]
[%- endfor %]
    localparam [63:0] CUSTOM_FLOAT = [[ custom_float ]]; // those with binary32 values

    // Derived widths of words.
    localparam IBUF_W = ROWS * ACT_W;
    localparam VMEM_W = 32 * LANES;
    localparam WBUF_W = SEGMENTS * COLS * WGT_W;
    localparam PBUF_W = 64 * COLS;
    localparam [7:0] CAUSE_BUFFER     = 8'd5;
    localparam [7:0] CAUSE_TRANSPOSER = 8'd13;
    localparam RD_LATENCY  = 3;                    // of IBUF and VMEM
    localparam POST_TABLES = (TABLES > 0) ? TABLES : 1;

    // ---- Front end -------------------------------------------------------------------------

    wire [NUM_ENGINES-1:0] cmd_valid;
    wire [NUM_ENGINES-1:0] cmd_ready;
    wire [63:0]     cmd_word;
    wire [PC_W-1:0] cmd_pc;
    wire [NUM_ENGINES-1:0] sem_wait_valid;
    wire [NUM_ENGINES-1:0] sem_wait_ready;
    wire [16*NUM_ENGINES-1:0] sem_wait_mask;
    wire [NUM_ENGINES-1:0] sem_signal_valid;
    wire [16*NUM_ENGINES-1:0] sem_signal_mask;

    wire [BUS_W-1:0] read_data;
    wire [1:0]       read_resp;
    wire             read_last;

    wire              fetch_arvalid;
    wire              fetch_arready;
    wire [ADDR_W-1:0] fetch_araddr;
    wire [7:0]        fetch_arlen;
    wire              fetch_rvalid;
    wire              fetch_rready;

    wire [2:0]        front_fault_valid;
    wire [23:0]       front_fault_cause;
    wire [8:0]        front_fault_engine;
    wire [3*PC_W-1:0] front_fault_pc;
    wire [119:0]      front_fault_address;

    assign decoder_cmd_pc = cmd_pc;

    npu_frontend #(
        .ADDR_W        (ADDR_W),
        .BUS_W         (BUS_W),
        .PC_W          (PC_W),
        .MAX_BURST     (FETCH_BURST),
        .FETCH_BEATS   (FETCH_BEATS),
        .NUM_ENGINES   (NUM_ENGINES),
        .NUM_SEMAPHORES(NUM_SEMAPHORES),
        .SEMAPHORE_W   (SEMAPHORE_W)
    ) u_frontend (
        .clk               (clk),
        .rst               (rst),
        .halt              (halt),
        .start             (start),
        .program_addr      (program_addr),
        .program_length    (program_length),
        .done              (program_done),
        .arvalid           (fetch_arvalid),
        .arready           (fetch_arready),
        .araddr            (fetch_araddr),
        .arlen             (fetch_arlen),
        .rvalid            (fetch_rvalid),
        .rready            (fetch_rready),
        .rdata             (read_data),
        .rresp             (read_resp),
        .rlast             (read_last),
        .cmd_valid         (cmd_valid),
        .cmd_ready         (cmd_ready),
        .cmd_word          (cmd_word),
        .cmd_pc            (cmd_pc),
        .engine_idle       (engine_idle),
        .engine_oldest_pc  (engine_oldest_pc),
        .sem_wait_valid    (sem_wait_valid),
        .sem_wait_ready    (sem_wait_ready),
        .sem_wait_mask     (sem_wait_mask),
        .sem_signal_valid  (sem_signal_valid),
        .sem_signal_mask   (sem_signal_mask),
        .fault_valid       (front_fault_valid),
        .fault_cause       (front_fault_cause),
        .fault_engine      (front_fault_engine),
        .fault_pc          (front_fault_pc),
        .fault_address     (front_fault_address),
        .semaphore_positive(semaphore_positive),
        .decoder_busy      (decoder_busy),
        .decoder_fenced    (decoder_fenced),
        .decoder_queue_full(decoder_queue_full),
        .decoder_engine    (decoder_engine)
    );

    // ---- LOAD ------------------------------------------------------------------------------

    wire [NUM_ENGINES-1:0] engine_fault_valid;
    wire [8*NUM_ENGINES-1:0] engine_fault_cause;
    wire [40*NUM_ENGINES-1:0] engine_fault_address;

    wire                  load_arvalid;
    wire                  load_arready;
    wire [ADDR_W-1:0]     load_araddr;
    wire [7:0]            load_arlen;
    wire                  load_rvalid;
    wire                  load_rready;
    wire                  buf_valid;
    wire                  buf_ready;
    wire [2:0]            buf_select;
    wire [23:0]           buf_addr;
    wire [UNIT_W-1:0]     buf_unit;
    wire [8*UNIT_MAX-1:0] buf_data;
    wire                  load_range_error;
    wire [23:0]           load_range_address;

    npu_load #(
        .PC_W           (PC_W),
        .QUEUE_DEPTH    (QUEUE_DEPTH),
        .MAX_LAUNCHES   (MAX_LAUNCHES),
        .BUS_W          (BUS_W),
        .ADDR_W         (ADDR_W),
        .MAX_BURST      (MAX_BURST),
        .OUTSTANDING    (READ_OUTSTANDING),
        .FIFO_BEATS     (READ_FIFO_BEATS),
        .IBUF_WORD_BYTES(IBUF_W / 8),
        .IBUF_UNIT_BYTES(IBUF_UNIT_BYTES),
        .WBUF_WORD_BYTES(WBUF_W / 8),
        .WBUF_UNIT_BYTES(WBUF_UNIT_BYTES),
        .PBUF_WORD_BYTES(PBUF_W / 8),
        .PBUF_UNIT_BYTES(PBUF_UNIT_BYTES),
        .VMEM_WORD_BYTES(VMEM_W / 8),
        .VMEM_UNIT_BYTES(VMEM_UNIT_BYTES),
        .UNIT_MAX       (UNIT_MAX),
        .UNIT_W         (UNIT_W)
    ) u_load (
        .clk             (clk),
        .rst             (rst),
        .halt            (halt),
        .cmd_valid       (cmd_valid[0]),
        .cmd_ready       (cmd_ready[0]),
        .cmd_word        (cmd_word),
        .cmd_pc          (cmd_pc),
        .sem_wait_valid  (sem_wait_valid[0]),
        .sem_wait_ready  (sem_wait_ready[0]),
        .sem_wait_mask   (sem_wait_mask[0 +: 16]),
        .sem_signal_valid(sem_signal_valid[0]),
        .sem_signal_mask (sem_signal_mask[0 +: 16]),
        .retire_valid    (engine_retire_valid[0]),
        .retire_pc       (engine_retire_pc[0*PC_W +: PC_W]),
        .tag_valid       (engine_tag_valid[0]),
        .tag_value       (engine_tag_value[0 +: 32]),
        .idle            (engine_idle[0]),
        .activity        (engine_activity[0 +: 4]),
        .queue_level     (engine_queue_level[0 +: 16]),
        .in_flight       (engine_in_flight[0 +: 4]),
        .oldest_pc       (engine_oldest_pc[0*PC_W +: PC_W]),
        .wait_mask       (engine_wait_mask[0 +: 16]),
        .fault_valid     (engine_fault_valid[0]),
        .fault_cause     (engine_fault_cause[0 +: 8]),
        .fault_address   (engine_fault_address[0 +: 40]),
        .region_base     (region_base),
        .region_size     (region_size),
        .arvalid         (load_arvalid),
        .arready         (load_arready),
        .araddr          (load_araddr),
        .arlen           (load_arlen),
        .rvalid          (load_rvalid),
        .rready          (load_rready),
        .rdata           (read_data),
        .rresp           (read_resp),
        .rlast           (read_last),
        .buf_valid       (buf_valid),
        .buf_ready       (buf_ready),
        .buf_select      (buf_select),
        .buf_addr        (buf_addr),
        .buf_unit        (buf_unit),
        .buf_data        (buf_data)
    );

    npu_axi_read_mux #(
        .BUS_W (BUS_W),
        .ADDR_W(ADDR_W),
        .ID_W  (ID_W)
    ) u_read_mux (
        .clk          (clk),
        .rst          (rst),
        .s0_arvalid   (fetch_arvalid),
        .s0_arready   (fetch_arready),
        .s0_araddr    (fetch_araddr),
        .s0_arlen     (fetch_arlen),
        .s0_rvalid    (fetch_rvalid),
        .s0_rready    (fetch_rready),
        .s1_arvalid   (load_arvalid),
        .s1_arready   (load_arready),
        .s1_araddr    (load_araddr),
        .s1_arlen     (load_arlen),
        .s1_rvalid    (load_rvalid),
        .s1_rready    (load_rready),
        .s_rdata      (read_data),
        .s_rresp      (read_resp),
        .s_rlast      (read_last),
        .m_axi_arvalid(arvalid),
        .m_axi_arready(arready),
        .m_axi_arid   (arid),
        .m_axi_araddr (araddr),
        .m_axi_arlen  (arlen),
        .m_axi_rvalid (rvalid),
        .m_axi_rready (rready),
        .m_axi_rid    (rid),
        .m_axi_rdata  (rdata),
        .m_axi_rresp  (rresp),
        .m_axi_rlast  (rlast)
    );

    // ---- Clients of the buffers ------------------------------------------------------------

    wire [IBUF_RD-1:0]  ibuf_rd_valid;
    wire [IBUF_RD-1:0]  ibuf_rd_ready;
    wire [IBUF_RD*24-1:0] ibuf_rd_addr;
    wire [IBUF_RD-1:0]  ibuf_rd_data_valid;
    wire [IBUF_RD*IBUF_W-1:0] ibuf_rd_data;
    wire [IBUF_RD-1:0]  ibuf_rd_range_error;
    wire [NUM_WR-1:0]   ibuf_wr_valid;
    wire [NUM_WR-1:0]   ibuf_wr_ready;
    wire [NUM_WR*24-1:0] ibuf_wr_addr;
    wire [NUM_WR*ROWS-1:0] ibuf_wr_lanes;
    wire [NUM_WR*IBUF_W-1:0] ibuf_wr_data;
    wire [NUM_WR-1:0]   ibuf_wr_range_error;
    wire [23:0]         ibuf_range_address;
    wire [VMEM_RD-1:0]  vmem_rd_valid;
    wire [VMEM_RD-1:0]  vmem_rd_ready;
    wire [VMEM_RD*24-1:0] vmem_rd_addr;
    wire [VMEM_RD-1:0]  vmem_rd_data_valid;
    wire [VMEM_RD*VMEM_W-1:0] vmem_rd_data;
    wire [VMEM_RD-1:0]  vmem_rd_range_error;
    wire [NUM_WR-1:0]   vmem_wr_valid;
    wire [NUM_WR-1:0]   vmem_wr_ready;
    wire [NUM_WR*24-1:0] vmem_wr_addr;
    wire [NUM_WR*LANES-1:0] vmem_wr_lanes;
    wire [NUM_WR*VMEM_W-1:0] vmem_wr_data;
    wire [NUM_WR-1:0]   vmem_wr_range_error;
    wire [23:0]         vmem_range_address;
    wire                wbuf_rd_valid;
    wire [23:0]         wbuf_rd_addr;
    wire                wbuf_rd_data_valid;
    wire [WBUF_W-1:0]   wbuf_rd_data;
    wire                tile_valid;
    wire                tile_ready;
    wire                tile_transpose;
    wire [23:0]         tile_addr;
    wire [LANES*ACT_W-1:0] tile_data;
    wire                tile_busy;
    wire                tile_fault;
    wire [23:0]         tile_fault_address;
    wire                pbuf_rd_valid;
    wire [23:0]         pbuf_rd_addr;
    wire                pbuf_rd_data_valid;
    wire [PBUF_W-1:0]   pbuf_rd_data;
    wire                pbuf_rd_range_error;
    wire                table_wr_en;
    wire [23:0]         table_wr_addr;
    wire [31:0]         table_wr_data;
    wire                coeff_wr_en;
    wire [23:0]         coeff_wr_addr;
    wire [31:0]         coeff_wr_data;

    npu_buffers #(
        .ROWS           (ROWS),
        .COLS           (COLS),
        .LANES          (LANES),
        .ACT_W          (ACT_W),
        .WGT_W          (WGT_W),
        .SEGMENTS       (SEGMENTS),
        .IBUF_BANKS     (IBUF_BANKS),
        .IBUF_BANK_DEPTH(IBUF_BANK_DEPTH),
        .IBUF_LANE_W    (IBUF_LANE_W),
        .IBUF_UNIT_BYTES(IBUF_UNIT_BYTES),
        .IBUF_RAM       (IBUF_RAM),
        .VMEM_BANKS     (VMEM_BANKS),
        .VMEM_BANK_DEPTH(VMEM_BANK_DEPTH),
        .VMEM_LANE_W    (VMEM_LANE_W),
        .VMEM_UNIT_BYTES(VMEM_UNIT_BYTES),
        .VMEM_RAM       (VMEM_RAM),
        .WBUF_DEPTH     (WBUF_DEPTH),
        .WBUF_LANE_W    (WBUF_LANE_W),
        .WBUF_UNIT_BYTES(WBUF_UNIT_BYTES),
        .PBUF_DEPTH     (PBUF_DEPTH),
        .PBUF_UNIT_BYTES(PBUF_UNIT_BYTES),
        .TABLES         (TABLES),
        .COEFF_SEGMENTS (FUNCTION_SEGMENTS),
        .ENABLE_UNIT    (ENABLE_UNIT),
        .ENABLE_DYNAMIC_WEIGHTS(ENABLE_DYNAMIC_WEIGHTS),
        .SEG_ROWS       (SEG_ROWS),
        .UNIT_MAX       (UNIT_MAX),
        .UNIT_W         (UNIT_W)
    ) u_buffers (
        .clk                (clk),
        .rst                (rst),
        .buf_valid          (buf_valid),
        .buf_ready          (buf_ready),
        .buf_select         (buf_select),
        .buf_addr           (buf_addr),
        .buf_unit           (buf_unit),
        .buf_data           (buf_data),
        .load_range_error   (load_range_error),
        .load_range_address (load_range_address),
        .ibuf_rd_valid      (ibuf_rd_valid),
        .ibuf_rd_ready      (ibuf_rd_ready),
        .ibuf_rd_addr       (ibuf_rd_addr),
        .ibuf_rd_data_valid (ibuf_rd_data_valid),
        .ibuf_rd_data       (ibuf_rd_data),
        .ibuf_rd_range_error(ibuf_rd_range_error),
        .ibuf_wr_valid      (ibuf_wr_valid),
        .ibuf_wr_ready      (ibuf_wr_ready),
        .ibuf_wr_addr       (ibuf_wr_addr),
        .ibuf_wr_lanes      (ibuf_wr_lanes),
        .ibuf_wr_data       (ibuf_wr_data),
        .ibuf_wr_range_error(ibuf_wr_range_error),
        .ibuf_range_address (ibuf_range_address),
        .vmem_rd_valid      (vmem_rd_valid),
        .vmem_rd_ready      (vmem_rd_ready),
        .vmem_rd_addr       (vmem_rd_addr),
        .vmem_rd_data_valid (vmem_rd_data_valid),
        .vmem_rd_data       (vmem_rd_data),
        .vmem_rd_range_error(vmem_rd_range_error),
        .vmem_wr_valid      (vmem_wr_valid),
        .vmem_wr_ready      (vmem_wr_ready),
        .vmem_wr_addr       (vmem_wr_addr),
        .vmem_wr_lanes      (vmem_wr_lanes),
        .vmem_wr_data       (vmem_wr_data),
        .vmem_wr_range_error(vmem_wr_range_error),
        .vmem_range_address (vmem_range_address),
        .wbuf_rd_valid      (wbuf_rd_valid),
        .wbuf_rd_addr       (wbuf_rd_addr),
        .wbuf_rd_data_valid (wbuf_rd_data_valid),
        .wbuf_rd_data       (wbuf_rd_data),
        .tile_valid         (tile_valid),
        .tile_ready         (tile_ready),
        .tile_transpose     (tile_transpose),
        .tile_addr          (tile_addr),
        .tile_data          (tile_data),
        .tile_busy          (tile_busy),
        .tile_fault         (tile_fault),
        .tile_fault_address (tile_fault_address),
        .pbuf_rd_valid      (pbuf_rd_valid),
        .pbuf_rd_addr       (pbuf_rd_addr),
        .pbuf_rd_data_valid (pbuf_rd_data_valid),
        .pbuf_rd_data       (pbuf_rd_data),
        .pbuf_rd_range_error(pbuf_rd_range_error),
        .table_wr_en        (table_wr_en),
        .table_wr_addr      (table_wr_addr),
        .table_wr_data      (table_wr_data),
        .coeff_wr_en        (coeff_wr_en),
        .coeff_wr_addr      (coeff_wr_addr),
        .coeff_wr_data      (coeff_wr_data),
        .ibuf_conflicts     (ibuf_conflicts),
        .vmem_conflicts     (vmem_conflicts)
    );

    // ---- GEMM ------------------------------------------------------------------------------

    wire gemm_ibuf_error = ibuf_rd_range_error[0] || ibuf_rd_range_error[1]
                        || ibuf_wr_range_error[0];
    wire gemm_vmem_error = vmem_wr_range_error[0];
    wire bubble_other;

    // What needs no look: requests of the highest priority are never refused, and `other` is
    // what remains of all cycles.
    wire unused_gemm = &{1'b0, ibuf_rd_ready[0], ibuf_rd_data_valid[0], ibuf_wr_ready[0],
                         vmem_wr_ready[0], pbuf_rd_data_valid, bubble_other};

    npu_gemm #(
        .ROWS           (ROWS),
        .COLS           (COLS),
        .ACT_W          (ACT_W),
        .WGT_W          (WGT_W),
        .SEGMENTS       (SEGMENTS),
        .SEG_ROWS       (SEG_ROWS),
        .LANES          (LANES),
        .OBUF_DEPTH     (OBUF_DEPTH),
        .WBUF_DEPTH     (WBUF_DEPTH),
        .TABLES         (POST_TABLES),
        .CELL           (CELL),
        .PACKED         (PACKED),
        .ENABLE_RESIDUAL(ENABLE_RESIDUAL),
        .ENABLE_LOOKUP  (ENABLE_LOOKUP),
        .RD_LATENCY     (RD_LATENCY),
        .PC_W           (PC_W),
        .QUEUE_DEPTH    (QUEUE_DEPTH)
    ) u_gemm (
        .clk                (clk),
        .rst                (rst),
        .halt               (halt),
        .cmd_valid          (cmd_valid[1]),
        .cmd_ready          (cmd_ready[1]),
        .cmd_word           (cmd_word),
        .cmd_pc             (cmd_pc),
        .sem_wait_valid     (sem_wait_valid[1]),
        .sem_wait_ready     (sem_wait_ready[1]),
        .sem_wait_mask      (sem_wait_mask[16 +: 16]),
        .sem_signal_valid   (sem_signal_valid[1]),
        .sem_signal_mask    (sem_signal_mask[16 +: 16]),
        .retire_valid       (engine_retire_valid[1]),
        .retire_pc          (engine_retire_pc[1*PC_W +: PC_W]),
        .tag_valid          (engine_tag_valid[1]),
        .tag_value          (engine_tag_value[32 +: 32]),
        .idle               (engine_idle[1]),
        .activity           (engine_activity[4 +: 4]),
        .queue_level        (engine_queue_level[16 +: 16]),
        .in_flight          (engine_in_flight[4 +: 4]),
        .oldest_pc          (engine_oldest_pc[1*PC_W +: PC_W]),
        .wait_mask          (engine_wait_mask[16 +: 16]),
        .fault_valid        (engine_fault_valid[1]),
        .fault_cause        (engine_fault_cause[8 +: 8]),
        .fault_address      (engine_fault_address[40 +: 40]),
        .wbuf_rd_valid      (wbuf_rd_valid),
        .wbuf_rd_addr       (wbuf_rd_addr),
        .wbuf_rd_data_valid (wbuf_rd_data_valid),
        .wbuf_rd_data       (wbuf_rd_data),
        .pbuf_rd_valid      (pbuf_rd_valid),
        .pbuf_rd_addr       (pbuf_rd_addr),
        .pbuf_rd_data       (pbuf_rd_data),
        .pbuf_rd_range_error(pbuf_rd_range_error),
        .table_wr_en        (table_wr_en),
        .table_wr_addr      (table_wr_addr),
        .table_wr_data      (table_wr_data),
        .x_rd_valid         (ibuf_rd_valid[0]),
        .x_rd_addr          (ibuf_rd_addr[23:0]),
        .x_rd_data          (ibuf_rd_data[IBUF_W-1:0]),
        .res_rd_valid       (ibuf_rd_valid[1]),
        .res_rd_ready       (ibuf_rd_ready[1]),
        .res_rd_addr        (ibuf_rd_addr[47:24]),
        .res_rd_data_valid  (ibuf_rd_data_valid[1]),
        .res_rd_data        (ibuf_rd_data[IBUF_W +: IBUF_W]),
        .ibuf_wr_valid      (ibuf_wr_valid[0]),
        .ibuf_wr_addr       (ibuf_wr_addr[23:0]),
        .ibuf_wr_lanes      (ibuf_wr_lanes[ROWS-1:0]),
        .ibuf_wr_data       (ibuf_wr_data[IBUF_W-1:0]),
        .vmem_wr_valid      (vmem_wr_valid[0]),
        .vmem_wr_addr       (vmem_wr_addr[23:0]),
        .vmem_wr_lanes      (vmem_wr_lanes[LANES-1:0]),
        .vmem_wr_data       (vmem_wr_data[VMEM_W-1:0]),
        .range_error        (gemm_ibuf_error || gemm_vmem_error),
        .range_address      (gemm_ibuf_error ? ibuf_range_address : vmem_range_address),
        .array_active       (array_active),
        .bubble_weights     (array_wait_weights),
        .bubble_residual    (array_wait_residual),
        .bubble_other       (bubble_other)
    );

    // ---- VECTOR ----------------------------------------------------------------------------

    wire vector_ibuf_error = ibuf_rd_range_error[2] || ibuf_rd_range_error[3]
                          || ibuf_wr_range_error[1];
    wire vector_vmem_error = vmem_rd_range_error[0] || vmem_rd_range_error[1]
                          || vmem_rd_range_error[2] || vmem_wr_range_error[1];
    // It writes whole words of VMEM.
    assign vmem_wr_lanes[LANES +: LANES] = {LANES{1'b1}};

    npu_vector #(
        .PC_W                  (PC_W),
        .QUEUE_DEPTH           (QUEUE_DEPTH),
        .LANES                 (LANES),
        .ROWS                  (ROWS),
        .ACT_W                 (ACT_W),
        .TAPS                  (TAPS),
        .ACC_DEPTH             (ACC_DEPTH),
        .TABLES                (POST_TABLES),
        .ENABLE_RESIDUAL       (ENABLE_RESIDUAL),
        .ENABLE_LOOKUP         (ENABLE_LOOKUP),
        .ENABLE_DYNAMIC_WEIGHTS(ENABLE_DYNAMIC_WEIGHTS),
        .ENABLE_FLOAT          (ENABLE_FLOAT),
        .SEGMENTS              (FUNCTION_SEGMENTS),
        .CUSTOM_LATENCY        (CUSTOM_LATENCY),
        .CUSTOM_FLOAT          (CUSTOM_FLOAT),
        .RD_LATENCY            (RD_LATENCY)
    ) u_vector (
        .clk                  (clk),
        .rst                  (rst),
        .halt                 (halt),
        .cmd_valid            (cmd_valid[2]),
        .cmd_ready            (cmd_ready[2]),
        .cmd_word             (cmd_word),
        .cmd_pc               (cmd_pc),
        .sem_wait_valid       (sem_wait_valid[2]),
        .sem_wait_ready       (sem_wait_ready[2]),
        .sem_wait_mask        (sem_wait_mask[32 +: 16]),
        .sem_signal_valid     (sem_signal_valid[2]),
        .sem_signal_mask      (sem_signal_mask[32 +: 16]),
        .retire_valid         (engine_retire_valid[2]),
        .retire_pc            (engine_retire_pc[2*PC_W +: PC_W]),
        .tag_valid            (engine_tag_valid[2]),
        .tag_value            (engine_tag_value[64 +: 32]),
        .idle                 (engine_idle[2]),
        .activity             (engine_activity[8 +: 4]),
        .queue_level          (engine_queue_level[32 +: 16]),
        .in_flight            (engine_in_flight[8 +: 4]),
        .oldest_pc            (engine_oldest_pc[2*PC_W +: PC_W]),
        .wait_mask            (engine_wait_mask[32 +: 16]),
        .fault_valid          (engine_fault_valid[2]),
        .fault_cause          (engine_fault_cause[16 +: 8]),
        .fault_address        (engine_fault_address[80 +: 40]),
        .ibuf_a_valid         (ibuf_rd_valid[2]),
        .ibuf_a_ready         (ibuf_rd_ready[2]),
        .ibuf_a_addr          (ibuf_rd_addr[71:48]),
        .ibuf_a_data_valid    (ibuf_rd_data_valid[2]),
        .ibuf_a_data          (ibuf_rd_data[2*IBUF_W +: IBUF_W]),
        .ibuf_b_valid         (ibuf_rd_valid[3]),
        .ibuf_b_ready         (ibuf_rd_ready[3]),
        .ibuf_b_addr          (ibuf_rd_addr[95:72]),
        .ibuf_b_data_valid    (ibuf_rd_data_valid[3]),
        .ibuf_b_data          (ibuf_rd_data[3*IBUF_W +: IBUF_W]),
        .ibuf_wr_valid        (ibuf_wr_valid[1]),
        .ibuf_wr_ready        (ibuf_wr_ready[1]),
        .ibuf_wr_addr         (ibuf_wr_addr[47:24]),
        .ibuf_wr_lanes        (ibuf_wr_lanes[ROWS +: ROWS]),
        .ibuf_wr_data         (ibuf_wr_data[IBUF_W +: IBUF_W]),
        .ibuf_range_error     (vector_ibuf_error),
        .ibuf_range_address   (ibuf_range_address),
        .vmem_a_valid         (vmem_rd_valid[0]),
        .vmem_a_ready         (vmem_rd_ready[0]),
        .vmem_a_addr          (vmem_rd_addr[23:0]),
        .vmem_a_data_valid    (vmem_rd_data_valid[0]),
        .vmem_a_data          (vmem_rd_data[VMEM_W-1:0]),
        .vmem_b_valid         (vmem_rd_valid[1]),
        .vmem_b_ready         (vmem_rd_ready[1]),
        .vmem_b_addr          (vmem_rd_addr[47:24]),
        .vmem_b_data_valid    (vmem_rd_data_valid[1]),
        .vmem_b_data          (vmem_rd_data[VMEM_W +: VMEM_W]),
        .vmem_param_valid     (vmem_rd_valid[2]),
        .vmem_param_ready     (vmem_rd_ready[2]),
        .vmem_param_addr      (vmem_rd_addr[71:48]),
        .vmem_param_data_valid(vmem_rd_data_valid[2]),
        .vmem_param_data      (vmem_rd_data[2*VMEM_W +: VMEM_W]),
        .vmem_wr_valid        (vmem_wr_valid[1]),
        .vmem_wr_ready        (vmem_wr_ready[1]),
        .vmem_wr_addr         (vmem_wr_addr[47:24]),
        .vmem_wr_data         (vmem_wr_data[VMEM_W +: VMEM_W]),
        .vmem_range_error     (vector_vmem_error),
        .vmem_range_address   (vmem_range_address),
        .wbuf_wr_valid        (tile_valid),
        .wbuf_wr_ready        (tile_ready),
        .wbuf_wr_transpose    (tile_transpose),
        .wbuf_wr_addr         (tile_addr),
        .wbuf_wr_data         (tile_data),
        .wbuf_wr_busy         (tile_busy),
        .table_wr_en          (table_wr_en),
        .table_wr_addr        (table_wr_addr),
        .table_wr_data        (table_wr_data),
        .coeff_wr_en          (coeff_wr_en),
        .coeff_wr_addr        (coeff_wr_addr),
        .coeff_wr_data        (coeff_wr_data)
    );

    // ---- STORE -----------------------------------------------------------------------------

    npu_store #(
        .PC_W           (PC_W),
        .QUEUE_DEPTH    (QUEUE_DEPTH),
        .MAX_LAUNCHES   (MAX_LAUNCHES),
        .BUS_W          (BUS_W),
        .ADDR_W         (ADDR_W),
        .MAX_BURST      (MAX_BURST),
        .OUTSTANDING    (WRITE_OUTSTANDING),
        .FIFO_BEATS     (WRITE_FIFO_BEATS),
        .IBUF_WORD_BYTES(IBUF_W / 8),
        .IBUF_UNIT_BYTES(IBUF_UNIT_BYTES),
        .VMEM_WORD_BYTES(VMEM_W / 8),
        .VMEM_UNIT_BYTES(VMEM_UNIT_BYTES)
    ) u_store (
        .clk               (clk),
        .rst               (rst),
        .halt              (halt),
        .cmd_valid         (cmd_valid[3]),
        .cmd_ready         (cmd_ready[3]),
        .cmd_word          (cmd_word),
        .cmd_pc            (cmd_pc),
        .sem_wait_valid    (sem_wait_valid[3]),
        .sem_wait_ready    (sem_wait_ready[3]),
        .sem_wait_mask     (sem_wait_mask[48 +: 16]),
        .sem_signal_valid  (sem_signal_valid[3]),
        .sem_signal_mask   (sem_signal_mask[48 +: 16]),
        .retire_valid      (engine_retire_valid[3]),
        .retire_pc         (engine_retire_pc[3*PC_W +: PC_W]),
        .tag_valid         (engine_tag_valid[3]),
        .tag_value         (engine_tag_value[96 +: 32]),
        .idle              (engine_idle[3]),
        .activity          (engine_activity[12 +: 4]),
        .queue_level       (engine_queue_level[48 +: 16]),
        .in_flight         (engine_in_flight[12 +: 4]),
        .oldest_pc         (engine_oldest_pc[3*PC_W +: PC_W]),
        .wait_mask         (engine_wait_mask[48 +: 16]),
        .fault_valid       (engine_fault_valid[3]),
        .fault_cause       (engine_fault_cause[24 +: 8]),
        .fault_address     (engine_fault_address[120 +: 40]),
        .region_base       (region_base),
        .region_size       (region_size),
        .ibuf_rd_valid     (ibuf_rd_valid[4]),
        .ibuf_rd_ready     (ibuf_rd_ready[4]),
        .ibuf_rd_addr      (ibuf_rd_addr[119:96]),
        .ibuf_rd_data_valid(ibuf_rd_data_valid[4]),
        .ibuf_rd_data      (ibuf_rd_data[4*IBUF_W +: IBUF_W]),
        .vmem_rd_valid     (vmem_rd_valid[3]),
        .vmem_rd_ready     (vmem_rd_ready[3]),
        .vmem_rd_addr      (vmem_rd_addr[95:72]),
        .vmem_rd_data_valid(vmem_rd_data_valid[3]),
        .vmem_rd_data      (vmem_rd_data[3*VMEM_W +: VMEM_W]),
        .awvalid           (awvalid),
        .awready           (awready),
        .awaddr            (awaddr),
        .awlen             (awlen),
        .wvalid            (wvalid),
        .wready            (wready),
        .wdata             (wdata),
        .wstrb             (wstrb),
        .wlast             (wlast),
        .bvalid            (bvalid),
        .bready            (bready),
        .bresp             (bresp)
    );
[%- if units %]

    // ---- UNIT ------------------------------------------------------------------------------

    wire unit_ibuf_error = (|ibuf_rd_range_error[6:5]) || ibuf_wr_range_error[2];
    wire unit_vmem_error = (|vmem_rd_range_error[5:4]) || vmem_wr_range_error[2];

    assign vmem_wr_lanes[2*LANES +: LANES] = {LANES{1'b1}};

    npu_unit #(
        .PC_W              (PC_W),
        .QUEUE_DEPTH       (QUEUE_DEPTH),
        .LANES             (LANES),
        .ROWS              (ROWS),
        .ACT_W             (ACT_W),
        .RD_LATENCY        (RD_LATENCY)
    ) u_unit (
        .clk               (clk),
        .rst               (rst),
        .halt              (halt),
        .cmd_valid         (cmd_valid[4]),
        .cmd_ready         (cmd_ready[4]),
        .cmd_word          (cmd_word),
        .cmd_pc            (cmd_pc),
        .sem_wait_valid    (sem_wait_valid[4]),
        .sem_wait_ready    (sem_wait_ready[4]),
        .sem_wait_mask     (sem_wait_mask[64 +: 16]),
        .sem_signal_valid  (sem_signal_valid[4]),
        .sem_signal_mask   (sem_signal_mask[64 +: 16]),
        .retire_valid      (engine_retire_valid[4]),
        .retire_pc         (engine_retire_pc[4*PC_W +: PC_W]),
        .tag_valid         (engine_tag_valid[4]),
        .tag_value         (engine_tag_value[128 +: 32]),
        .idle              (engine_idle[4]),
        .activity          (engine_activity[16 +: 4]),
        .queue_level       (engine_queue_level[64 +: 16]),
        .in_flight         (engine_in_flight[16 +: 4]),
        .oldest_pc         (engine_oldest_pc[4*PC_W +: PC_W]),
        .wait_mask         (engine_wait_mask[64 +: 16]),
        .fault_valid       (engine_fault_valid[4]),
        .fault_cause       (engine_fault_cause[32 +: 8]),
        .fault_address     (engine_fault_address[160 +: 40]),
        .ibuf_rd_valid     (ibuf_rd_valid[6:5]),
        .ibuf_rd_ready     (ibuf_rd_ready[6:5]),
        .ibuf_rd_addr      (ibuf_rd_addr[120 +: 48]),
        .ibuf_rd_data_valid(ibuf_rd_data_valid[6:5]),
        .ibuf_rd_data      (ibuf_rd_data[5*IBUF_W +: 2*IBUF_W]),
        .ibuf_wr_valid     (ibuf_wr_valid[2]),
        .ibuf_wr_ready     (ibuf_wr_ready[2]),
        .ibuf_wr_addr      (ibuf_wr_addr[48 +: 24]),
        .ibuf_wr_lanes     (ibuf_wr_lanes[2*ROWS +: ROWS]),
        .ibuf_wr_data      (ibuf_wr_data[2*IBUF_W +: IBUF_W]),
        .ibuf_range_error  (unit_ibuf_error),
        .ibuf_range_address(ibuf_range_address),
        .vmem_rd_valid     (vmem_rd_valid[5:4]),
        .vmem_rd_ready     (vmem_rd_ready[5:4]),
        .vmem_rd_addr      (vmem_rd_addr[96 +: 48]),
        .vmem_rd_data_valid(vmem_rd_data_valid[5:4]),
        .vmem_rd_data      (vmem_rd_data[4*VMEM_W +: 2*VMEM_W]),
        .vmem_wr_valid     (vmem_wr_valid[2]),
        .vmem_wr_ready     (vmem_wr_ready[2]),
        .vmem_wr_addr      (vmem_wr_addr[48 +: 24]),
        .vmem_wr_data      (vmem_wr_data[2*VMEM_W +: VMEM_W]),
        .vmem_range_error  (unit_vmem_error),
        .vmem_range_address(vmem_range_address)
    );
[%- endif %]

    // ---- Faults ----------------------------------------------------------------------------

    localparam [2:0] ENGINE_LOAD   = 3'd1;
    localparam [2:0] ENGINE_GEMM   = 3'd2;
    localparam [2:0] ENGINE_VECTOR = 3'd3;
    localparam [2:0] ENGINE_STORE  = 3'd4;

    wire        store_error   = ibuf_rd_range_error[4] || vmem_rd_range_error[3];
    wire [23:0] store_address = ibuf_rd_range_error[4] ? ibuf_range_address
                                                       : vmem_range_address;

    assign fault_valid   = {store_error, tile_fault, front_fault_valid, load_range_error,
                            engine_fault_valid};
    assign fault_cause   = {CAUSE_BUFFER, CAUSE_TRANSPOSER, front_fault_cause, CAUSE_BUFFER,
                            engine_fault_cause};
    assign fault_engine  = {ENGINE_STORE, ENGINE_VECTOR, front_fault_engine, ENGINE_LOAD,
[%- if units %]
                            3'd5,
[%- endif %]
                            ENGINE_STORE, ENGINE_VECTOR, ENGINE_GEMM, ENGINE_LOAD};
    assign fault_pc      = {engine_oldest_pc[3*PC_W +: PC_W], engine_oldest_pc[2*PC_W +: PC_W],
                            front_fault_pc, engine_oldest_pc[PC_W-1:0], engine_oldest_pc};
    assign fault_address = {16'd0, store_address, 16'd0, tile_fault_address, front_fault_address,
                            16'd0, load_range_address, engine_fault_address};

endmodule

`default_nettype wire
