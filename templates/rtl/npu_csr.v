// What the host sees: registers over AXI4-Lite, counters, trace, fault record, hang report and the
// control of a program's run. The meaning of every register is in docs/registers.md.
`default_nettype none

module npu_csr #(
    parameter        ADDR_W       = 40,            // bits of a DRAM address
    parameter        PC_W         = 24,
    parameter        TRACE_DEPTH  = 64,
    parameter        NUM_ENGINES  = [[ engines ]],             // that have registers here
    parameter        NUM_FAULTS   = 7,             // sources in the core
    parameter [63:0] FINGERPRINT  = 64'h0          // identity of the design
) (
    input  wire                     clk,
    input  wire                     rst,

    // Host.
    input  wire                     s_axil_awvalid,
    output wire                     s_axil_awready,
    input  wire [11:0]              s_axil_awaddr,
    input  wire [2:0]               s_axil_awprot,
    input  wire                     s_axil_wvalid,
    output wire                     s_axil_wready,
    input  wire [31:0]              s_axil_wdata,
    input  wire [3:0]               s_axil_wstrb,
    output wire                     s_axil_bvalid,
    input  wire                     s_axil_bready,
    output wire [1:0]               s_axil_bresp,
    input  wire                     s_axil_arvalid,
    output wire                     s_axil_arready,
    input  wire [11:0]              s_axil_araddr,
    input  wire [2:0]               s_axil_arprot,
    output wire                     s_axil_rvalid,
    input  wire                     s_axil_rready,
    output wire [31:0]              s_axil_rdata,
    output wire [1:0]               s_axil_rresp,
    output wire                     irq,

    // Control of the core.
    output wire                     core_rst,
    output wire                     core_start,
    output wire                     core_halt,
    output wire [ADDR_W-1:0]        program_addr,
    output wire [PC_W-1:0]          program_length,
    output wire [511:0]             region_base,   // base register i at [64*i +: 64]
    output wire [511:0]             region_size,
    input  wire                     program_done,

    // Faults of the core, uniform: the lower index wins.
    input  wire [NUM_FAULTS-1:0]      core_fault_valid,
    input  wire [8*NUM_FAULTS-1:0]    core_fault_cause,
    input  wire [3*NUM_FAULTS-1:0]    core_fault_engine,
    input  wire [PC_W*NUM_FAULTS-1:0] core_fault_pc,
    input  wire [40*NUM_FAULTS-1:0]   core_fault_address,

    // What the engines are doing: LOAD, GEMM, VECTOR, STORE, UNIT.
    input  wire [4*NUM_ENGINES-1:0] engine_activity,
    input  wire [NUM_ENGINES-1:0]   engine_idle,
    input  wire [16*NUM_ENGINES-1:0] engine_queue_level,
    input  wire [4*NUM_ENGINES-1:0] engine_in_flight,
    input  wire [NUM_ENGINES*PC_W-1:0] engine_oldest_pc,
    input  wire [16*NUM_ENGINES-1:0] engine_wait_mask,
    input  wire [NUM_ENGINES-1:0]   engine_retire_valid,
    input  wire [NUM_ENGINES*PC_W-1:0] engine_retire_pc,
    input  wire [NUM_ENGINES-1:0]   engine_tag_valid,
    input  wire [32*NUM_ENGINES-1:0] engine_tag_value,
    input  wire [15:0]              semaphore_positive,
    input  wire                     decoder_busy,
    input  wire                     decoder_fenced,
    input  wire                     decoder_queue_full,
    input  wire [2:0]               decoder_engine,
    input  wire [PC_W-1:0]          decoder_cmd_pc,

    // Events for the counters.
    input  wire                     array_active,
    input  wire                     array_wait_weights,
    input  wire                     array_wait_residual,
    input  wire [7:0]               ibuf_conflicts,
    input  wire [7:0]               vmem_conflicts,
    input  wire                     bus_quiet,
    input  wire [7:0]               bus_reads,     // bursts outstanding
    input  wire [7:0]               bus_writes,
    input  wire                     bus_read_begun,
    input  wire                     bus_write_begun,
    input  wire [7:0]               bus_read_bytes,
    input  wire [7:0]               bus_write_bytes
);

    localparam [31:0] ID_VALUE    = [[ id_value ]]; // "NPUG"
    localparam [15:0] ISA_VERSION = [[ isa_version ]];
    localparam [15:0] CSR_VERSION = [[ csr_version ]];

    // Word addresses of the registers with an effect.
[%- for row in addresses %]
    localparam [9:0] [[ row.name ]] = [[ row.value ]];
[%- endfor %]

    // Bits of `control`, `irq_enable` and `irq_status`.
[%- for row in bits %]
    localparam [[ row.name ]] = [[ row.value ]];
[%- endfor %]

    // Counters by index. An engine's four classes stand together, as do the retirements.
[%- for row in counters %]
    localparam [[ row.name ]] = [[ row.value ]];
[%- endfor %]
    localparam NUM_COUNTERS = [[ num_counters ]];
    localparam COUNT_W      = 48;
    localparam INC_W        = 8;

    localparam NUM_SOURCES  = NUM_FAULTS + 2;      // and the two found here
    localparam [7:0] CAUSE_WATCHDOG    = 8'd10;
    localparam [7:0] CAUSE_FINGERPRINT = 8'd14;

    genvar i;

    // Fields the host reads; an array's members stand side by side.
[%- for row in readable %]
    wire [[ row.range ]] [[ row.name ]];
[%- endfor %]

    // ---- Bus -------------------------------------------------------------------------------

    wire        reg_write;
    wire [9:0]  reg_write_addr;
    wire [31:0] reg_write_data;
    wire [31:0] reg_write_mask;
    wire [9:0]  reg_read_addr;
    reg  [31:0] reg_read_data;

    npu_axil_slave #(
        .ADDR_W(12)
    ) u_axil (
        .clk           (clk),
        .rst           (rst),
        .s_axil_awvalid(s_axil_awvalid),
        .s_axil_awready(s_axil_awready),
        .s_axil_awaddr (s_axil_awaddr),
        .s_axil_awprot (s_axil_awprot),
        .s_axil_wvalid (s_axil_wvalid),
        .s_axil_wready (s_axil_wready),
        .s_axil_wdata  (s_axil_wdata),
        .s_axil_wstrb  (s_axil_wstrb),
        .s_axil_bvalid (s_axil_bvalid),
        .s_axil_bready (s_axil_bready),
        .s_axil_bresp  (s_axil_bresp),
        .s_axil_arvalid(s_axil_arvalid),
        .s_axil_arready(s_axil_arready),
        .s_axil_araddr (s_axil_araddr),
        .s_axil_arprot (s_axil_arprot),
        .s_axil_rvalid (s_axil_rvalid),
        .s_axil_rready (s_axil_rready),
        .s_axil_rdata  (s_axil_rdata),
        .s_axil_rresp  (s_axil_rresp),
        .reg_write     (reg_write),
        .reg_write_addr(reg_write_addr),
        .reg_write_data(reg_write_data),
        .reg_write_mask(reg_write_mask),
        .reg_read_addr (reg_read_addr),
        .reg_read_data (reg_read_data)
    );

    // Ones written by the host.
    wire [31:0] written_ones = reg_write_data & reg_write_mask;
    wire        is_control   = reg_write && (reg_write_addr == ADDR_CONTROL);
    wire        is_irq       = reg_write && (reg_write_addr == ADDR_IRQ_STATUS);
    wire [31:0] control      = is_control ? written_ones : 32'd0;
    wire [31:0] irq_clear    = is_irq ? written_ones : 32'd0;

    wire unused_control = &{1'b0, control[31:5], irq_clear[31:3]};

    // ---- Registers the host writes -----------------------------------------------------------

[%- for row in storage %]
    reg  [[ row.range ]] [[ row.name ]];
[%- endfor %]

    // The register with the strobed bits replaced, as far as fields occupy them.
    function [31:0] merged;
        input [31:0] old;
        input [31:0] occupied;
        begin
            merged = (old & ~reg_write_mask) | (written_ones & occupied);
        end
    endfunction

    always @(posedge clk) begin
        if (rst) begin
[%- for row in storage %]
            [[ row.name ]] <= [[ row.reset ]];
[%- endfor %]
        end else if (reg_write) begin
            case (reg_write_addr)
[%- for row in writes %]
                [[ row.address ]]: [[ row.target ]] <= merged([[ row.target ]], [[ row.mask ]]);
[%- endfor %]
                default: begin
                end
            endcase
        end
    end

    wire [63:0] program_addr_all = {program_addr_hi_q, program_addr_lo_q};
    wire        unused_storage   = &{1'b0, program_addr_all, program_length_q, irq_enable_q};

    assign program_addr   = program_addr_all[ADDR_W-1:0];
    assign program_length = program_length_q[PC_W-1:0];

    generate
        for (i = 0; i < 8; i = i + 1) begin : gen_region
            assign region_base[64*i +: 64] = {base_hi_q[32*i +: 32], base_lo_q[32*i +: 32]};
            assign region_size[64*i +: 64] = {size_hi_q[32*i +: 32], size_lo_q[32*i +: 32]};
        end
    endgenerate

    // ---- Run control -------------------------------------------------------------------------

    wire idle;
    wire running;
    wire faulted;
    wire resetting;
    wire done;
    wire fault_recorded;
    wire fault_enable;
    wire fault_clear;
    wire fault_mismatch;
    wire fault_watchdog;

    npu_control u_control (
        .clk              (clk),
        .rst              (rst),
        .start            (control[BIT_CONTROL_START]),
        .soft_reset       (control[BIT_CONTROL_SOFT_RESET]),
        .clear            (control[BIT_CONTROL_CLEAR]),
        .fingerprint_match({expect_hi_q, expect_lo_q} == FINGERPRINT),
        .watchdog_limit   (watchdog_q),
        .core_rst         (core_rst),
        .core_start       (core_start),
        .core_halt        (core_halt),
        .program_done     (program_done),
        .bus_quiet        (bus_quiet),
        .retired          (|engine_retire_valid),
        .fault_valid      (fault_recorded),
        .fault_enable     (fault_enable),
        .fault_clear      (fault_clear),
        .fault_mismatch   (fault_mismatch),
        .fault_watchdog   (fault_watchdog),
        .idle             (idle),
        .running          (running),
        .faulted          (faulted),
        .resetting        (resetting),
        .done             (done)
    );

    // ---- Fault record ------------------------------------------------------------------------

    wire [7:0]      record_cause;
    wire [2:0]      record_engine;
    wire [PC_W-1:0] record_pc;
    wire [39:0]     record_address;

    npu_fault #(
        .NUM_SOURCES(NUM_SOURCES),
        .PC_W       (PC_W),
        .ADDR_W     (40)
    ) u_fault (
        .clk           (clk),
        .rst           (rst),
        .clear         (fault_clear),
        .enable        (fault_enable),
        .source_valid  ({fault_watchdog, fault_mismatch, core_fault_valid}),
        .source_cause  ({CAUSE_WATCHDOG, CAUSE_FINGERPRINT, core_fault_cause}),
        .source_engine ({3'd0, 3'd0, core_fault_engine}),
        .source_pc     ({decoder_cmd_pc, {PC_W{1'b0}}, core_fault_pc}),
        .source_address({40'd0, 40'd0, core_fault_address}),
        .fault_valid   (fault_recorded),
        .fault_cause   (record_cause),
        .fault_engine  (record_engine),
        .fault_pc      (record_pc),
        .fault_address (record_address)
    );

    // ---- Counters ----------------------------------------------------------------------------

    wire [NUM_COUNTERS*INC_W-1:0]   increment;
    wire [NUM_COUNTERS*COUNT_W-1:0] counter_value;
    wire [COUNT_W-1:0]              cycle;

    assign increment[INC_W*COUNT_CYCLES +: INC_W] = 8'd1;

    generate
        for (i = 0; i < 4 * NUM_ENGINES; i = i + 1) begin : gen_class
            localparam COUNTER = (i < 16) ? COUNT_ENGINE_CLASS + i : COUNT_UNIT_CLASS + i - 16;
            assign increment[INC_W*COUNTER +: INC_W] = {7'd0, engine_activity[i]};
        end
        for (i = 0; i < NUM_ENGINES; i = i + 1) begin : gen_retired
            localparam COUNTER = (i < 4) ? COUNT_ENGINE_RETIRED + i : COUNT_UNIT_RETIRED;
            assign increment[INC_W*COUNTER +: INC_W] = {7'd0, engine_retire_valid[i]};
        end
    endgenerate

    wire array_other = !array_active && !array_wait_weights && !array_wait_residual;

    assign increment[INC_W*COUNT_ARRAY_ACTIVE        +: INC_W] = {7'd0, array_active};
    assign increment[INC_W*COUNT_ARRAY_WAIT_WEIGHTS  +: INC_W] = {7'd0, array_wait_weights};
    assign increment[INC_W*COUNT_ARRAY_WAIT_RESIDUAL +: INC_W] = {7'd0, array_wait_residual};
    assign increment[INC_W*COUNT_ARRAY_OTHER         +: INC_W] = {7'd0, array_other};
    assign increment[INC_W*COUNT_READ_BYTES          +: INC_W] = bus_read_bytes;
    assign increment[INC_W*COUNT_READ_BURSTS         +: INC_W] = {7'd0, bus_read_begun};
    assign increment[INC_W*COUNT_READ_LATENCY        +: INC_W] = bus_reads;
    assign increment[INC_W*COUNT_WRITE_BYTES         +: INC_W] = bus_write_bytes;
    assign increment[INC_W*COUNT_WRITE_BURSTS        +: INC_W] = {7'd0, bus_write_begun};
    assign increment[INC_W*COUNT_IBUF_CONFLICTS      +: INC_W] = ibuf_conflicts;
    assign increment[INC_W*COUNT_VMEM_CONFLICTS      +: INC_W] = vmem_conflicts;

    npu_counters #(
        .NUM_COUNTERS(NUM_COUNTERS),
        .COUNT_W     (COUNT_W),
        .INC_W       (INC_W)
    ) u_counters (
        .clk      (clk),
        .rst      (rst),
        .clear    (control[BIT_CONTROL_CLEAR]),
        .enable   (running),
        .snapshot (control[BIT_CONTROL_SNAPSHOT]),
        .increment(increment),
        .value    (counter_value),
        .live     (cycle)
    );

    // ---- Trace -------------------------------------------------------------------------------

    wire               entry_valid;
    wire [2:0]         entry_engine;
    wire [COUNT_W-1:0] entry_cycle;
    wire [31:0]        entry_tag;
    wire               trace_half;

    npu_trace #(
        .NUM_ENGINES(NUM_ENGINES),
        .DEPTH      (TRACE_DEPTH),
        .CYCLE_W    (COUNT_W)
    ) u_trace (
        .clk         (clk),
        .rst         (rst),
        .clear       (control[BIT_CONTROL_CLEAR]),
        .cycle       (cycle),
        .tag_valid   (engine_tag_valid),
        .tag_value   (engine_tag_value),
        .entry_valid (entry_valid),
        .entry_pop   (control[BIT_CONTROL_TRACE_POP]),
        .entry_engine(entry_engine),
        .entry_cycle (entry_cycle),
        .entry_tag   (entry_tag),
        .level       (rd_trace_level_entries),
        .half_full   (trace_half),
        .dropped     (rd_trace_level_dropped)
    );

    // ---- Interrupt ---------------------------------------------------------------------------

    reg [2:0] event_q;                             // level of each event in the last cycle
    reg [2:0] irq_status_q;
    reg [2:0] event_now;

    always @* begin
        event_now            = 3'd0;
        event_now[BIT_IRQ_STATUS_DONE]  = done;
        event_now[BIT_IRQ_STATUS_FAULT] = fault_recorded;
        event_now[BIT_IRQ_STATUS_TRACE] = trace_half;
    end

    always @(posedge clk) begin
        if (rst) begin
            event_q      <= 3'd0;
            irq_status_q <= 3'd0;
        end else begin
            event_q      <= event_now;
            irq_status_q <= (irq_status_q & ~irq_clear[2:0]) | (event_now & ~event_q);
        end
    end

    assign irq = ((irq_status_q & irq_enable_q[2:0]) != 3'd0);

    // ---- Last retirement of each engine ------------------------------------------------------

    reg [NUM_ENGINES-1:0]      any_retired_q;
    reg [NUM_ENGINES*PC_W-1:0] retired_pc_q;

    always @(posedge clk) begin
        if (rst || core_rst) begin
            any_retired_q <= {NUM_ENGINES{1'b0}};
        end else begin
            any_retired_q <= any_retired_q | engine_retire_valid;
        end
    end

    generate
        for (i = 0; i < NUM_ENGINES; i = i + 1) begin : gen_last
            always @(posedge clk) begin
                if (rst || core_rst) begin
                    retired_pc_q[PC_W*i +: PC_W] <= {PC_W{1'b0}};
                end else if (engine_retire_valid[i]) begin
                    retired_pc_q[PC_W*i +: PC_W] <= engine_retire_pc[PC_W*i +: PC_W];
                end
            end
        end
    endgenerate

    // ---- What the host reads -----------------------------------------------------------------

    assign rd_id_value                 = ID_VALUE;
    assign rd_version_isa              = ISA_VERSION;
    assign rd_version_csr              = CSR_VERSION;
    assign rd_fingerprint_lo_value     = FINGERPRINT[31:0];
    assign rd_fingerprint_hi_value     = FINGERPRINT[63:32];
    assign rd_status_idle              = idle;
    assign rd_status_running           = running;
    assign rd_status_done              = done;
    assign rd_status_fault             = faulted;
    assign rd_status_resetting         = resetting;
    assign rd_status_quiet             = bus_quiet;
    assign rd_irq_status_done          = irq_status_q[BIT_IRQ_STATUS_DONE];
    assign rd_irq_status_fault         = irq_status_q[BIT_IRQ_STATUS_FAULT];
    assign rd_irq_status_trace         = irq_status_q[BIT_IRQ_STATUS_TRACE];
    assign rd_fault_cause              = record_cause;
    assign rd_fault_engine             = record_engine;
    assign rd_fault_pc_word            = record_pc;
    assign rd_fault_addr_lo_value      = record_address[31:0];
    assign rd_fault_addr_hi_value      = record_address[39:32];
    assign rd_trace_tag_value          = entry_valid ? entry_tag : 32'd0;
    assign rd_trace_cycle_lo_value     = entry_valid ? entry_cycle[31:0] : 32'd0;
    assign rd_trace_info_cycle_hi      = entry_valid ? entry_cycle[47:32] : 16'd0;
    assign rd_trace_info_engine        = entry_valid ? entry_engine : 3'd0;
    assign rd_trace_info_valid         = entry_valid;
    assign rd_engine_retired_word      = retired_pc_q;
    assign rd_engine_retired_any       = any_retired_q;
    assign rd_engine_oldest_word       = engine_oldest_pc;
    assign rd_engine_state_activity    = engine_activity;
    assign rd_engine_state_in_flight   = engine_in_flight;
    assign rd_engine_state_idle        = engine_idle;
    assign rd_engine_state_queue       = engine_queue_level;
    assign rd_engine_wait_mask         = engine_wait_mask;
    assign rd_engine_wait_missing      = engine_wait_mask & ~{NUM_ENGINES{semaphore_positive}};
    assign rd_bursts_reads             = {8'd0, bus_reads};
    assign rd_bursts_writes            = {8'd0, bus_writes};
    assign rd_semaphores_positive      = semaphore_positive;
    assign rd_decoder_pc_word          = decoder_cmd_pc;
    assign rd_decoder_state_valid      = decoder_busy;
    assign rd_decoder_state_fence      = decoder_fenced;
    assign rd_decoder_state_queue_full = decoder_queue_full;
    assign rd_decoder_state_engine     = decoder_engine;

    generate
        for (i = 0; i < NUM_COUNTERS; i = i + 1) begin : gen_read_counter
            assign rd_counter_lo_value[32*i +: 32] = counter_value[COUNT_W*i +: 32];
            assign rd_counter_hi_value[16*i +: 16] = counter_value[COUNT_W*i + 32 +: 16];
        end
    endgenerate

    always @* begin
        case (reg_read_addr)
[%- for row in reads %]
            // [[ row.name ]]
            [[ row.address ]]: reg_read_data = [[ row.value ]];
[%- endfor %]
            default: reg_read_data = 32'd0;
        endcase
    end

endmodule

`default_nettype wire
