// STORE: moves words of an on-chip buffer to runs of bytes in DRAM. Instruction queue, registers
// and datapath; the datapath is where the work is done.
`default_nettype none

module npu_store #(
    parameter PC_W            = 24,
    parameter QUEUE_DEPTH     = 16,
    parameter MAX_LAUNCHES    = 4,
    parameter BUS_W           = 128,
    parameter ADDR_W          = 64,
    parameter MAX_BURST       = 16,                // beats
    parameter OUTSTANDING     = 16,                // bursts
    parameter FIFO_BEATS      = 64,
    parameter IBUF_WORD_BYTES = 16,
    parameter IBUF_UNIT_BYTES = 16,                // largest divisor of the word not above the bus
    parameter VMEM_WORD_BYTES = 64,
    parameter VMEM_UNIT_BYTES = 16
) (
    input  wire                             clk,
    input  wire                             rst,
    input  wire                             halt,  // dispatch stops and no new burst starts

    // Instructions from the decoder.
    input  wire                             cmd_valid,
    output wire                             cmd_ready,
    input  wire [63:0]                      cmd_word,
    input  wire [PC_W-1:0]                  cmd_pc,

    output wire                             sem_wait_valid,
    input  wire                             sem_wait_ready,
    output wire [15:0]                      sem_wait_mask,
    output wire                             sem_signal_valid,
    output wire [15:0]                      sem_signal_mask,

    output wire                             retire_valid,
    output wire [PC_W-1:0]                  retire_pc,
    output wire                             tag_valid,
    output wire [31:0]                      tag_value,

    output wire                             idle,
    output wire [3:0]                       activity,
    output wire [15:0]                      queue_level,
    output wire [3:0]                       in_flight,
    output wire [PC_W-1:0]                  oldest_pc,
    output wire [15:0]                      wait_mask,

    output wire                             fault_valid,
    output wire [7:0]                       fault_cause,
    output wire [39:0]                      fault_address,

    // DRAM regions of the job: base and size in bytes, from the host's registers.
    input  wire [8*64-1:0]                  region_base,
    input  wire [8*64-1:0]                  region_size,

    output wire                             ibuf_rd_valid,
    input  wire                             ibuf_rd_ready,
    output wire [23:0]                      ibuf_rd_addr,
    input  wire                             ibuf_rd_data_valid,
    input  wire [8*IBUF_WORD_BYTES-1:0]     ibuf_rd_data,
    output wire                             vmem_rd_valid,
    input  wire                             vmem_rd_ready,
    output wire [23:0]                      vmem_rd_addr,
    input  wire                             vmem_rd_data_valid,
    input  wire [8*VMEM_WORD_BYTES-1:0]     vmem_rd_data,

    output wire                             awvalid,
    input  wire                             awready,
    output wire [ADDR_W-1:0]                awaddr,
    output wire [7:0]                       awlen,
    output wire                             wvalid,
    input  wire                             wready,
    output wire [BUS_W-1:0]                 wdata,
    output wire [BUS_W/8-1:0]               wstrb,
    output wire                             wlast,
    input  wire                             bvalid,
    output wire                             bready,
    input  wire [1:0]                       bresp
);

    wire        reg_write;
    wire [8:0]  reg_number;
    wire [47:0] reg_value;
    wire        launch_valid;
    wire        launch_ready;
    wire [6:0]  launch_function;
    wire [17:0] launch_flags;
    wire        launch_done;
    wire        stall_memory;
    wire        waiting_semaphore;
    wire        has_run;

    wire [39:0] dram_offset;
    wire [2:0]  dram_base;
    wire [23:0] src_addr;
    wire [23:0] shape_run_bytes;
    wire [23:0] shape_group_bytes;
    wire [15:0] loop0_count;
    wire [31:0] loop0_stride;
    wire [15:0] loop1_count;
    wire [31:0] loop1_stride;
    wire [15:0] loop2_count;
    wire [31:0] loop2_stride;
    wire [15:0] loop3_count;
    wire [31:0] loop3_stride;
    wire [23:0] word0_count;
    wire [23:0] word0_stride;
    wire [23:0] word1_count;
    wire [23:0] word1_stride;
    wire [23:0] word2_count;
    wire [23:0] word2_stride;
    wire [23:0] word3_stride;

    npu_sequencer #(
        .PC_W         (PC_W),
        .QUEUE_DEPTH  (QUEUE_DEPTH),
        .MAX_LAUNCHES (MAX_LAUNCHES)
    ) u_sequencer (
        .clk               (clk),
        .rst               (rst),
        .halt              (halt),
        .cmd_valid         (cmd_valid),
        .cmd_ready         (cmd_ready),
        .cmd_word          (cmd_word),
        .cmd_pc            (cmd_pc),
        .reg_write         (reg_write),
        .reg_number        (reg_number),
        .reg_value         (reg_value),
        .sem_wait_valid    (sem_wait_valid),
        .sem_wait_ready    (sem_wait_ready),
        .sem_wait_mask     (sem_wait_mask),
        .sem_signal_valid  (sem_signal_valid),
        .sem_signal_mask   (sem_signal_mask),
        .launch_valid      (launch_valid),
        .launch_ready      (launch_ready),
        .launch_function   (launch_function),
        .launch_flags      (launch_flags),
        .launch_done       (launch_done),
        .stall_memory      (stall_memory),
        .retire_valid      (retire_valid),
        .retire_pc         (retire_pc),
        .tag_valid         (tag_valid),
        .tag_value         (tag_value),
        .idle              (idle),
        .activity          (activity),
        .waiting_semaphore (waiting_semaphore),
        .has_run           (has_run),
        .queue_level       (queue_level),
        .in_flight         (in_flight),
        .oldest_pc         (oldest_pc),
        .wait_mask         (wait_mask)
    );

    npu_store_regs u_regs (
        .clk               (clk),
        .rst               (rst),
        .reg_write         (reg_write),
        .reg_number        (reg_number),
        .dram_offset       (dram_offset),
        .dram_base         (dram_base),
        .src_addr          (src_addr),
        .shape_run_bytes   (shape_run_bytes),
        .shape_group_bytes (shape_group_bytes),
        .loop0_count       (loop0_count),
        .loop0_stride      (loop0_stride),
        .loop1_count       (loop1_count),
        .loop1_stride      (loop1_stride),
        .loop2_count       (loop2_count),
        .loop2_stride      (loop2_stride),
        .loop3_count       (loop3_count),
        .loop3_stride      (loop3_stride),
        .word0_count       (word0_count),
        .word0_stride      (word0_stride),
        .word1_count       (word1_count),
        .word1_stride      (word1_stride),
        .word2_count       (word2_count),
        .word2_stride      (word2_stride),
        .word3_stride      (word3_stride),
        .reg_value         (reg_value)
    );

    wire quiet;                                    // nobody asks: npu_axi_stats knows
    wire unused_quiet = &{1'b0, quiet};

    npu_store_datapath #(
        .MAX_LAUNCHES    (MAX_LAUNCHES),
        .BUS_W           (BUS_W),
        .ADDR_W          (ADDR_W),
        .MAX_BURST       (MAX_BURST),
        .OUTSTANDING     (OUTSTANDING),
        .FIFO_BEATS      (FIFO_BEATS),
        .IBUF_WORD_BYTES (IBUF_WORD_BYTES),
        .IBUF_UNIT_BYTES (IBUF_UNIT_BYTES),
        .VMEM_WORD_BYTES (VMEM_WORD_BYTES),
        .VMEM_UNIT_BYTES (VMEM_UNIT_BYTES)
    ) u_datapath (
        .clk                (clk),
        .rst                (rst),
        .halt               (halt),
        .quiet              (quiet),
        .launch_valid       (launch_valid),
        .launch_ready       (launch_ready),
        .launch_function    (launch_function),
        .launch_done        (launch_done),
        .stall_memory       (stall_memory),
        .region_base        (region_base[64*dram_base +: 64]),
        .region_size        (region_size[64*dram_base +: 64]),
        .dram_offset        (dram_offset),
        .src_addr           (src_addr),
        .run_bytes          (shape_run_bytes),
        .group_bytes        (shape_group_bytes),
        .loop_count         ({loop3_count, loop2_count, loop1_count, loop0_count}),
        .loop_stride        ({loop3_stride, loop2_stride, loop1_stride, loop0_stride}),
        .word_count         ({word2_count, word1_count, word0_count}),
        .word_stride        ({word3_stride, word2_stride, word1_stride, word0_stride}),
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
        .awvalid            (awvalid),
        .awready            (awready),
        .awaddr             (awaddr),
        .awlen              (awlen),
        .wvalid             (wvalid),
        .wready             (wready),
        .wdata              (wdata),
        .wstrb              (wstrb),
        .wlast              (wlast),
        .bvalid             (bvalid),
        .bready             (bready),
        .bresp              (bresp),
        .fault_valid        (fault_valid),
        .fault_cause        (fault_cause),
        .fault_address      (fault_address)
    );

    wire unused_bits = &{1'b0, launch_flags, waiting_semaphore, has_run};

endmodule

`default_nettype wire
