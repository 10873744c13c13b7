// UNIT engine: the compute units of the configuration, extensions.units, memory to memory. The
// instruction queue and the registers are here, what all units share in npu_unit_stream. A launch
// is for one unit, which is alone then.
//
[%- for unit in units %]
//   [[ unit.line ]]
[%- endfor %]
`default_nettype none

module npu_unit #(
    parameter PC_W        = 24,
    parameter QUEUE_DEPTH = 16,                    // instructions
    parameter LANES       = 16,
    parameter ROWS        = 16,                    // activations of an IBUF word; LANES divide it
    parameter ACT_W       = 8,
    parameter RD_LATENCY  = 3,
    parameter LANES_W     = 32 * LANES             // derived
) (
    input  wire                  clk,
    input  wire                  rst,
    input  wire                  halt,

    // Instructions.
    input  wire                  cmd_valid,
    output wire                  cmd_ready,
    input  wire [63:0]           cmd_word,
    input  wire [PC_W-1:0]       cmd_pc,

    // Semaphores.
    output wire                  sem_wait_valid,
    input  wire                  sem_wait_ready,
    output wire [15:0]           sem_wait_mask,
    output wire                  sem_signal_valid,
    output wire [15:0]           sem_signal_mask,

    // Retirement.
    output wire                  retire_valid,
    output wire [PC_W-1:0]       retire_pc,
    output wire                  tag_valid,
    output wire [31:0]           tag_value,

    // Report.
    output wire                  idle,
    output wire [3:0]            activity,
    output wire [15:0]           queue_level,
    output wire [3:0]            in_flight,
    output wire [PC_W-1:0]       oldest_pc,
    output wire [15:0]           wait_mask,
    output wire                  fault_valid,
    output wire [7:0]            fault_cause,
    output wire [39:0]           fault_address,

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

    localparam NUM_UNITS    = [[ units.len() ]];
    localparam MAX_LAUNCHES = 2;                   // the next one waits at the datapath
    // One bit each, the first unit lowest: it has an operand b.
    localparam [NUM_UNITS-1:0]   SECOND = [[ second ]];
    // Four bits each: words of a group.
    localparam [4*NUM_UNITS-1:0] WORDS  = [[ words ]];

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

    npu_sequencer #(
        .PC_W             (PC_W),
        .QUEUE_DEPTH      (QUEUE_DEPTH),
        .MAX_LAUNCHES     (MAX_LAUNCHES)
    ) u_sequencer (
        .clk              (clk),
        .rst              (rst),
        .halt             (halt),
        .cmd_valid        (cmd_valid),
        .cmd_ready        (cmd_ready),
        .cmd_word         (cmd_word),
        .cmd_pc           (cmd_pc),
        .reg_write        (reg_write),
        .reg_number       (reg_number),
        .reg_value        (reg_value),
        .sem_wait_valid   (sem_wait_valid),
        .sem_wait_ready   (sem_wait_ready),
        .sem_wait_mask    (sem_wait_mask),
        .sem_signal_valid (sem_signal_valid),
        .sem_signal_mask  (sem_signal_mask),
        .launch_valid     (launch_valid),
        .launch_ready     (launch_ready),
        .launch_function  (launch_function),
        .launch_flags     (launch_flags),
        .launch_done      (launch_done),
        .stall_memory     (stall_memory),
        .retire_valid     (retire_valid),
        .retire_pc        (retire_pc),
        .tag_valid        (tag_valid),
        .tag_value        (tag_value),
        .idle             (idle),
        .activity         (activity),
        .waiting_semaphore(waiting_semaphore),
        .has_run          (has_run),
        .queue_level      (queue_level),
        .in_flight        (in_flight),
        .oldest_pc        (oldest_pc),
        .wait_mask        (wait_mask)
    );

    wire unused_report = &{1'b0, waiting_semaphore, has_run};

    wire [15:0] loop0_count;
    wire [23:0] loop0_stride;
    wire [15:0] loop1_count;
    wire [23:0] loop1_stride;
    wire [15:0] loop2_count;
    wire [23:0] loop2_stride;
    wire [15:0] loop3_count;
    wire [23:0] loop3_stride;
    wire [23:0] src1_addr;
    wire [23:0] src2_addr;
    wire [23:0] dst_addr;
    wire [23:0] dst_next;
    wire [23:0] src2_01_s0;
    wire [23:0] src2_01_s1;
    wire [23:0] src2_23_s2;
    wire [23:0] src2_23_s3;
    wire [23:0] dst_01_s0;
    wire [23:0] dst_01_s1;
    wire [23:0] dst_23_s2;
    wire [23:0] dst_23_s3;
    wire [31:0] p0_value;
    wire [31:0] p1_value;
    wire [31:0] p2_value;
    wire [31:0] p3_value;

    npu_unit_regs u_regs (
        .clk         (clk),
        .rst         (rst),
        .reg_write   (reg_write),
        .reg_number  (reg_number),
        .loop0_count (loop0_count),
        .loop0_stride(loop0_stride),
        .loop1_count (loop1_count),
        .loop1_stride(loop1_stride),
        .loop2_count (loop2_count),
        .loop2_stride(loop2_stride),
        .loop3_count (loop3_count),
        .loop3_stride(loop3_stride),
        .src1_addr   (src1_addr),
        .src2_addr   (src2_addr),
        .dst_addr    (dst_addr),
        .dst_next    (dst_next),
        .src2_01_s0  (src2_01_s0),
        .src2_01_s1  (src2_01_s1),
        .src2_23_s2  (src2_23_s2),
        .src2_23_s3  (src2_23_s3),
        .dst_01_s0   (dst_01_s0),
        .dst_01_s1   (dst_01_s1),
        .dst_23_s2   (dst_23_s2),
        .dst_23_s3   (dst_23_s3),
        .p0_value    (p0_value),
        .p1_value    (p1_value),
        .p2_value    (p2_value),
        .p3_value    (p3_value),
        .reg_value   (reg_value)
    );

    // ---- Streams ---------------------------------------------------------------------------

    wire [NUM_UNITS-1:0]   launch_second_all;      // at the place of the launch's unit
    wire [4*NUM_UNITS-1:0] launch_words_all;
    reg  [3:0]             launch_words;
    reg  [NUM_UNITS-1:0]   selected_q;             // one-hot: the unit of the running launch
    reg  [127:0]           params_q;
    wire [NUM_UNITS-1:0]   selects;                // one-hot: the unit of the next launch
    wire                   in_valid;
    wire                   in_first;
    wire                   in_last;
    wire [31:0]            in_index;
    wire [LANES_W-1:0]     in_a;
    wire [LANES_W-1:0]     in_b;
    wire                   out_ready;
    wire [NUM_UNITS-1:0]   unit_in_ready;
    wire [NUM_UNITS-1:0]   unit_out_valid;
    wire [NUM_UNITS*LANES_W-1:0] unit_out_data;
    reg  [LANES_W-1:0]     out_data;
    integer                k;

    assign launch_second_all = SECOND & selects;

    genvar i;
    generate
        for (i = 0; i < NUM_UNITS; i = i + 1) begin : gen_select
            localparam NUMBER = i;
            assign selects[i]                 = (launch_function == NUMBER[6:0]);
            assign launch_words_all[4*i +: 4] = WORDS[4*i +: 4] & {4{selects[i]}};
        end
    endgenerate

    always @* begin
        launch_words = 4'd0;
        out_data     = {LANES_W{1'b0}};
        for (k = 0; k < NUM_UNITS; k = k + 1) begin
            launch_words = launch_words | launch_words_all[4*k +: 4];
            out_data     = out_data
                         | (unit_out_data[LANES_W*k +: LANES_W] & {LANES_W{selected_q[k]}});
        end
    end

    always @(posedge clk) begin
        if (rst) begin
            selected_q <= {NUM_UNITS{1'b0}};
        end else if (launch_valid && launch_ready) begin
            selected_q <= selects;
        end
        if (launch_valid && launch_ready) begin
            params_q <= {p3_value, p2_value, p1_value, p0_value};
        end
    end

    npu_unit_stream #(
        .LANES              (LANES),
        .ROWS               (ROWS),
        .ACT_W              (ACT_W),
        .RD_LATENCY         (RD_LATENCY),
        .CHECK              ([[ check ]])
    ) u_stream (
        .clk                (clk),
        .rst                (rst),
        .launch_valid       (launch_valid),
        .launch_ready       (launch_ready),
        .launch_flags       (launch_flags),
        .launch_second      (|launch_second_all),
        .launch_words       (launch_words),
        .launch_done        (launch_done),
        .stall_memory       (stall_memory),
        .fault_valid        (fault_valid),
        .fault_cause        (fault_cause),
        .fault_address      (fault_address),
        .loop_count         ({loop3_count, loop2_count, loop1_count, loop0_count}),
        .a_stride           ({loop3_stride, loop2_stride, loop1_stride, loop0_stride}),
        .b_stride           ({src2_23_s3, src2_23_s2, src2_01_s1, src2_01_s0}),
        .dst_stride         ({dst_23_s3, dst_23_s2, dst_01_s1, dst_01_s0}),
        .a_addr             (src1_addr),
        .b_addr             (src2_addr),
        .dst_addr           (dst_addr),
        .dst_next           (dst_next),
        .in_valid           (in_valid),
        .in_ready           (|(unit_in_ready & selected_q)),
        .in_first           (in_first),
        .in_last            (in_last),
        .in_index           (in_index),
        .in_a               (in_a),
        .in_b               (in_b),
        .out_valid          (|(unit_out_valid & selected_q)),
        .out_ready          (out_ready),
        .out_data           (out_data),
        .ibuf_rd_valid      (ibuf_rd_valid),
        .ibuf_rd_ready      (ibuf_rd_ready),
        .ibuf_rd_addr       (ibuf_rd_addr),
        .ibuf_rd_data_valid (ibuf_rd_data_valid),
        .ibuf_rd_data       (ibuf_rd_data),
        .ibuf_wr_valid      (ibuf_wr_valid),
        .ibuf_wr_ready      (ibuf_wr_ready),
        .ibuf_wr_addr       (ibuf_wr_addr),
        .ibuf_wr_lanes      (ibuf_wr_lanes),
        .ibuf_wr_data       (ibuf_wr_data),
        .ibuf_range_error   (ibuf_range_error),
        .ibuf_range_address (ibuf_range_address),
        .vmem_rd_valid      (vmem_rd_valid),
        .vmem_rd_ready      (vmem_rd_ready),
        .vmem_rd_addr       (vmem_rd_addr),
        .vmem_rd_data_valid (vmem_rd_data_valid),
        .vmem_rd_data       (vmem_rd_data),
        .vmem_wr_valid      (vmem_wr_valid),
        .vmem_wr_ready      (vmem_wr_ready),
        .vmem_wr_addr       (vmem_wr_addr),
        .vmem_wr_data       (vmem_wr_data),
        .vmem_range_error   (vmem_range_error),
        .vmem_range_address (vmem_range_address)
    );

    // ---- Units -----------------------------------------------------------------------------
[% for unit in units %]
    [[ unit.module ]] #(
        .LANES    (LANES)
    ) [[ unit.instance ]] (
        .clk      (clk),
        .rst      (rst),
[%- for (name, slice) in unit.params %]
        .[[ name ]] (params_q[[ slice ]]),
[%- endfor %]
        .in_valid (in_valid && selected_q[[ unit.bit ]]),
        .in_ready (unit_in_ready[[ unit.bit ]]),
        .in_first (in_first),
        .in_last  (in_last),
        .in_index (in_index),
        .in_a     (in_a),
[%- if unit.second %]
        .in_b     (in_b),
[%- endif %]
        .out_valid(unit_out_valid[[ unit.bit ]]),
        .out_ready(out_ready && selected_q[[ unit.bit ]]),
        .out_data (unit_out_data[[ unit.data ]])
    );
[% endfor %]
    wire unused_units = &{1'b0, params_q, in_b, in_index, in_first, in_last};

endmodule

`default_nettype wire
