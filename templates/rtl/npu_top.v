// The whole unit: AXI4-Lite slave for the host, AXI4 master for DRAM, an interrupt, and the
// retirement of launches for those who compare traces.
`default_nettype none

module npu_top #(
    // Form of the array, [[ ports.cell_name ]]: 0 dsp48e2, 1 generic, 2 simulation.
    parameter CELL = [[ ports.cell ]]
) (
    input  wire                 clk,
    input  wire                 rst,               // synchronous, active high

    // Host: registers.
    input  wire [11:0]          s_axil_awaddr,
    input  wire [2:0]           s_axil_awprot,
    input  wire                 s_axil_awvalid,
    output wire                 s_axil_awready,
    input  wire [31:0]          s_axil_wdata,
    input  wire [3:0]           s_axil_wstrb,
    input  wire                 s_axil_wvalid,
    output wire                 s_axil_wready,
    output wire [1:0]           s_axil_bresp,
    output wire                 s_axil_bvalid,
    input  wire                 s_axil_bready,
    input  wire [11:0]          s_axil_araddr,
    input  wire [2:0]           s_axil_arprot,
    input  wire                 s_axil_arvalid,
    output wire                 s_axil_arready,
    output wire [31:0]          s_axil_rdata,
    output wire [1:0]           s_axil_rresp,
    output wire                 s_axil_rvalid,
    input  wire                 s_axil_rready,

    // DRAM: INCR bursts of full-width beats. Read identifiers: 0 fetch, 1 LOAD.
    output wire [[ ports.id_range ]] m_axi_arid,
    output wire [[ ports.addr_range ]] m_axi_araddr,
    output wire [7:0]           m_axi_arlen,
    output wire [2:0]           m_axi_arsize,
    output wire [1:0]           m_axi_arburst,
    output wire [3:0]           m_axi_arcache,
    output wire [2:0]           m_axi_arprot,
    output wire                 m_axi_arvalid,
    input  wire                 m_axi_arready,
    input  wire [[ ports.id_range ]] m_axi_rid,
    input  wire [[ ports.data_range ]] m_axi_rdata,
    input  wire [1:0]           m_axi_rresp,
    input  wire                 m_axi_rlast,
    input  wire                 m_axi_rvalid,
    output wire                 m_axi_rready,
    output wire [[ ports.id_range ]] m_axi_awid,
    output wire [[ ports.addr_range ]] m_axi_awaddr,
    output wire [7:0]           m_axi_awlen,
    output wire [2:0]           m_axi_awsize,
    output wire [1:0]           m_axi_awburst,
    output wire [3:0]           m_axi_awcache,
    output wire [2:0]           m_axi_awprot,
    output wire                 m_axi_awvalid,
    input  wire                 m_axi_awready,
    output wire [[ ports.data_range ]] m_axi_wdata,
    output wire [[ ports.strb_range ]] m_axi_wstrb,
    output wire                 m_axi_wlast,
    output wire                 m_axi_wvalid,
    input  wire                 m_axi_wready,
    input  wire [[ ports.id_range ]] m_axi_bid,
    input  wire [1:0]           m_axi_bresp,
    input  wire                 m_axi_bvalid,
    output wire                 m_axi_bready,

    // Events. Engines in the order LOAD, GEMM, VECTOR, STORE, UNIT.
    output wire                 irq,
    output wire [[ ports.engines_range ]] retire_valid,
    output wire [[ ports.retire_range ]] retire_pc
);

    // Sizes, with their keys in the configuration or their origin.
[%- for row in constants %]
    localparam [[ row.name ]] = [[ row.value ]] // [[ row.comment ]]
[%- endfor %]
    localparam [63:0] FINGERPRINT = [[ fingerprint ]];  // programs must carry it
    localparam [2:0]  AXI_SIZE    = [[ axi_size ]];     // log2 of the bytes of a beat
    localparam [1:0]  AXI_INCR    = 2'b01;    // burst of consecutive addresses
    localparam [3:0]  AXI_CACHE   = 4'b0011;  // bufferable and modifiable
    localparam [2:0]  AXI_PROT    = 3'b000;   // unprivileged, secure, data

    assign m_axi_arsize  = AXI_SIZE;
    assign m_axi_arburst = AXI_INCR;
    assign m_axi_arcache = AXI_CACHE;
    assign m_axi_arprot  = AXI_PROT;
    assign m_axi_awid    = {ID_W{1'b0}};
    assign m_axi_awsize  = AXI_SIZE;
    assign m_axi_awburst = AXI_INCR;
    assign m_axi_awcache = AXI_CACHE;
    assign m_axi_awprot  = AXI_PROT;

    wire unused_bid = &{1'b0, m_axi_bid};

    wire                     core_rst;
    wire                     core_start;
    wire                     core_halt;
    wire [ADDR_W-1:0]        program_addr;
    wire [PC_W-1:0]          program_length;
    wire                     program_done;
    wire [511:0]             region_base;
    wire [511:0]             region_size;
    wire [NUM_FAULTS-1:0]    core_fault_valid;
    wire [8*NUM_FAULTS-1:0]  core_fault_cause;
    wire [3*NUM_FAULTS-1:0]  core_fault_engine;
    wire [PC_W*NUM_FAULTS-1:0] core_fault_pc;
    wire [40*NUM_FAULTS-1:0] core_fault_address;
    wire [4*NUM_ENGINES-1:0] engine_activity;
    wire [NUM_ENGINES-1:0]   engine_idle;
    wire [16*NUM_ENGINES-1:0] engine_queue_level;
    wire [4*NUM_ENGINES-1:0] engine_in_flight;
    wire [NUM_ENGINES*PC_W-1:0] engine_oldest_pc;
    wire [16*NUM_ENGINES-1:0] engine_wait_mask;
    wire [NUM_ENGINES-1:0]   engine_tag_valid;
    wire [32*NUM_ENGINES-1:0] engine_tag_value;
    wire [15:0]              semaphore_positive;
    wire                     decoder_busy;
    wire                     decoder_fenced;
    wire                     decoder_queue_full;
    wire [2:0]               decoder_engine;
    wire [PC_W-1:0]          decoder_cmd_pc;
    wire                     array_active;
    wire                     array_wait_weights;
    wire                     array_wait_residual;
    wire [7:0]               ibuf_conflicts;
    wire [7:0]               vmem_conflicts;
    wire                     bus_quiet;
    wire [7:0]               bus_reads;
    wire [7:0]               bus_writes;
    wire                     bus_read_begun;
    wire                     bus_write_begun;
    wire [7:0]               bus_read_bytes;
    wire [7:0]               bus_write_bytes;

    npu_csr #(
        .ADDR_W     (ADDR_W),
        .PC_W       (PC_W),
        .TRACE_DEPTH(TRACE_DEPTH),
        .NUM_ENGINES(NUM_ENGINES),
        .NUM_FAULTS (NUM_FAULTS),
        .FINGERPRINT(FINGERPRINT)
    ) u_csr (
        .clk                (clk),
        .rst                (rst),
        .s_axil_awvalid     (s_axil_awvalid),
        .s_axil_awready     (s_axil_awready),
        .s_axil_awaddr      (s_axil_awaddr),
        .s_axil_awprot      (s_axil_awprot),
        .s_axil_wvalid      (s_axil_wvalid),
        .s_axil_wready      (s_axil_wready),
        .s_axil_wdata       (s_axil_wdata),
        .s_axil_wstrb       (s_axil_wstrb),
        .s_axil_bvalid      (s_axil_bvalid),
        .s_axil_bready      (s_axil_bready),
        .s_axil_bresp       (s_axil_bresp),
        .s_axil_arvalid     (s_axil_arvalid),
        .s_axil_arready     (s_axil_arready),
        .s_axil_araddr      (s_axil_araddr),
        .s_axil_arprot      (s_axil_arprot),
        .s_axil_rvalid      (s_axil_rvalid),
        .s_axil_rready      (s_axil_rready),
        .s_axil_rdata       (s_axil_rdata),
        .s_axil_rresp       (s_axil_rresp),
        .irq                (irq),
        .core_rst           (core_rst),
        .core_start         (core_start),
        .core_halt          (core_halt),
        .program_addr       (program_addr),
        .program_length     (program_length),
        .region_base        (region_base),
        .region_size        (region_size),
        .program_done       (program_done),
        .core_fault_valid   (core_fault_valid),
        .core_fault_cause   (core_fault_cause),
        .core_fault_engine  (core_fault_engine),
        .core_fault_pc      (core_fault_pc),
        .core_fault_address (core_fault_address),
        .engine_activity    (engine_activity),
        .engine_idle        (engine_idle),
        .engine_queue_level (engine_queue_level),
        .engine_in_flight   (engine_in_flight),
        .engine_oldest_pc   (engine_oldest_pc),
        .engine_wait_mask   (engine_wait_mask),
        .engine_retire_valid(retire_valid),
        .engine_retire_pc   (retire_pc),
        .engine_tag_valid   (engine_tag_valid),
        .engine_tag_value   (engine_tag_value),
        .semaphore_positive (semaphore_positive),
        .decoder_busy       (decoder_busy),
        .decoder_fenced     (decoder_fenced),
        .decoder_queue_full (decoder_queue_full),
        .decoder_engine     (decoder_engine),
        .decoder_cmd_pc     (decoder_cmd_pc),
        .array_active       (array_active),
        .array_wait_weights (array_wait_weights),
        .array_wait_residual(array_wait_residual),
        .ibuf_conflicts     (ibuf_conflicts),
        .vmem_conflicts     (vmem_conflicts),
        .bus_quiet          (bus_quiet),
        .bus_reads          (bus_reads),
        .bus_writes         (bus_writes),
        .bus_read_begun     (bus_read_begun),
        .bus_write_begun    (bus_write_begun),
        .bus_read_bytes     (bus_read_bytes),
        .bus_write_bytes    (bus_write_bytes)
    );

    npu_axi_stats #(
        .DATA_W (DATA_W),
        .LEVEL_W(8)
    ) u_stats (
        .clk        (clk),
        .rst        (rst),
        .arvalid    (m_axi_arvalid),
        .arready    (m_axi_arready),
        .rvalid     (m_axi_rvalid),
        .rready     (m_axi_rready),
        .rlast      (m_axi_rlast),
        .awvalid    (m_axi_awvalid),
        .awready    (m_axi_awready),
        .wvalid     (m_axi_wvalid),
        .wready     (m_axi_wready),
        .bvalid     (m_axi_bvalid),
        .bready     (m_axi_bready),
        .read_bytes (bus_read_bytes),
        .write_bytes(bus_write_bytes),
        .read_begun (bus_read_begun),
        .write_begun(bus_write_begun),
        .reads      (bus_reads),
        .writes     (bus_writes),
        .quiet      (bus_quiet)
    );

    npu_core #(
        .CELL       (CELL),
        .PC_W       (PC_W),
        .NUM_ENGINES(NUM_ENGINES),
        .NUM_FAULTS (NUM_FAULTS)
    ) u_core (
        .clk                (clk),
        .rst                (rst || core_rst),
        .halt               (core_halt),
        .start              (core_start),
        .program_addr       (program_addr),
        .program_length     (program_length),
        .region_base        (region_base),
        .region_size        (region_size),
        .program_done       (program_done),
        .fault_valid        (core_fault_valid),
        .fault_cause        (core_fault_cause),
        .fault_engine       (core_fault_engine),
        .fault_pc           (core_fault_pc),
        .fault_address      (core_fault_address),
        .arid               (m_axi_arid),
        .araddr             (m_axi_araddr),
        .arlen              (m_axi_arlen),
        .arvalid            (m_axi_arvalid),
        .arready            (m_axi_arready),
        .rid                (m_axi_rid),
        .rdata              (m_axi_rdata),
        .rresp              (m_axi_rresp),
        .rlast              (m_axi_rlast),
        .rvalid             (m_axi_rvalid),
        .rready             (m_axi_rready),
        .awaddr             (m_axi_awaddr),
        .awlen              (m_axi_awlen),
        .awvalid            (m_axi_awvalid),
        .awready            (m_axi_awready),
        .wdata              (m_axi_wdata),
        .wstrb              (m_axi_wstrb),
        .wlast              (m_axi_wlast),
        .wvalid             (m_axi_wvalid),
        .wready             (m_axi_wready),
        .bresp              (m_axi_bresp),
        .bvalid             (m_axi_bvalid),
        .bready             (m_axi_bready),
        .engine_activity    (engine_activity),
        .engine_idle        (engine_idle),
        .engine_queue_level (engine_queue_level),
        .engine_in_flight   (engine_in_flight),
        .engine_oldest_pc   (engine_oldest_pc),
        .engine_wait_mask   (engine_wait_mask),
        .engine_retire_valid(retire_valid),
        .engine_retire_pc   (retire_pc),
        .engine_tag_valid   (engine_tag_valid),
        .engine_tag_value   (engine_tag_value),
        .semaphore_positive (semaphore_positive),
        .decoder_busy       (decoder_busy),
        .decoder_fenced     (decoder_fenced),
        .decoder_queue_full (decoder_queue_full),
        .decoder_engine     (decoder_engine),
        .decoder_cmd_pc     (decoder_cmd_pc),
        .array_active       (array_active),
        .array_wait_weights (array_wait_weights),
        .array_wait_residual(array_wait_residual),
        .ibuf_conflicts     (ibuf_conflicts),
        .vmem_conflicts     (vmem_conflicts)
    );

endmodule

`default_nettype wire
