// The vector engine without its instruction queue: takes launches, fetches operands, computes,
// post-processes and writes results. The lanes never stall: an element is issued when its operands
// are here and its result has a place. Launches overlap: the operands of the next are fetched as
// soon as the requests of the previous have been made; up to four are in flight.
`default_nettype none

module npu_vector_datapath #(
    parameter LANES                  = 16,
    parameter ROWS                   = 16,         // activations of an IBUF word; LANES divide it
    parameter ACT_W                  = 8,
    parameter TAPS                   = 3,          // depthwise products per lane and cycle
    parameter ACC_DEPTH              = 512,        // depthwise outputs of a row segment; sweep
    parameter TABLES                 = 4,
    parameter ENABLE_RESIDUAL        = 1,
    parameter ENABLE_LOOKUP          = 1,
    parameter ENABLE_DYNAMIC_WEIGHTS = 1,          // needs ROWS = LANES
    parameter ENABLE_FLOAT           = 0,
    parameter SEGMENTS               = 0,          // of the function unit, needs ENABLE_FLOAT
    parameter CUSTOM_LATENCY         = 0,          // of the slowest custom operation; 0: none
    parameter [63:0] CUSTOM_FLOAT    = 64'd0,      // custom operations with binary32 values
    parameter RD_LATENCY             = 3
) (
    input  wire                   clk,
    input  wire                   rst,

    // Launches, with the registers below.
    input  wire                   launch_valid,
    output wire                   launch_ready,
    input  wire [6:0]             launch_function,
    input  wire [17:0]            launch_flags,
    output wire                   launch_done,
    output wire                   stall_memory,
    output wire                   bank_conflict,   // a memory refused a request in this cycle
    output wire                   fault_valid,
    output wire [7:0]             fault_cause,
    output wire [39:0]            fault_address,

    // Registers.
    input  wire [15:0]                 loop0_count,
    input  wire [23:0]                 loop0_stride,
    input  wire [15:0]                 loop1_count,
    input  wire [23:0]                 loop1_stride,
    input  wire [15:0]                 loop2_count,
    input  wire [23:0]                 loop2_stride,
    input  wire [15:0]                 loop3_count,
    input  wire [23:0]                 loop3_stride,
    input  wire [15:0]                 loop4_count,
    input  wire [23:0]                 loop4_stride,
    input  wire [15:0]                 loop5_count,
    input  wire [23:0]                 loop5_stride,
    input  wire [23:0]                 src1_addr,
    input  wire [23:0]                 src2_addr,
    input  wire [23:0]                 dst_addr,
    input  wire [23:0]                 src2_01_s0,
    input  wire [23:0]                 src2_01_s1,
    input  wire [23:0]                 src2_23_s2,
    input  wire [23:0]                 src2_23_s3,
    input  wire [23:0]                 src2_45_s4,
    input  wire [23:0]                 src2_45_s5,
    input  wire [23:0]                 dst_01_s0,
    input  wire [23:0]                 dst_01_s1,
    input  wire [23:0]                 dst_23_s2,
    input  wire [23:0]                 dst_23_s3,
    input  wire [23:0]                 dst_45_s4,
    input  wire [23:0]                 dst_45_s5,
    input  wire [15:0]                 window_y_start,
    input  wire [15:0]                 window_y_limit,
    input  wire [15:0]                 window_x_start,
    input  wire [15:0]                 window_x_limit,
    input  wire [7:0]                  step_y_s0,
    input  wire [7:0]                  step_y_s1,
    input  wire [7:0]                  step_y_s2,
    input  wire [7:0]                  step_y_s3,
    input  wire [7:0]                  step_y_s4,
    input  wire [7:0]                  step_y_s5,
    input  wire [7:0]                  step_x_s0,
    input  wire [7:0]                  step_x_s1,
    input  wire [7:0]                  step_x_s2,
    input  wire [7:0]                  step_x_s3,
    input  wire [7:0]                  step_x_s4,
    input  wire [7:0]                  step_x_s5,
    input  wire [31:0]                 imm_value,
    input  wire [31:0]                 pad_value,
    input  wire [31:0]                 bias_value,
    input  wire [31:0]                 scale_value,
    input  wire [23:0]                 param_addr,
    input  wire [15:0]                 quant_zero,
    input  wire [15:0]                 quant_min,
    input  wire [15:0]                 quant_max,
    input  wire [15:0]                 res_clamp_min,
    input  wire [15:0]                 res_clamp_max,
    input  wire [31:0]                 res_scale_a_value,
    input  wire [31:0]                 res_scale_b_value,
    input  wire [31:0]                 res_offset_value,
    input  wire                        res_offset_inner,
    input  wire [3:0]                  taps_stride,
    input  wire [23:0]                 taps_tap_stride,
    input  wire [19:0]                 taps_out_stride,
    input  wire [2:0]                  function_mode,
    input  wire [15:0]                 function_base,
    input  wire [3:0]                  function_bits,
    input  wire [7:0]                  function_low,
    input  wire [7:0]                  function_octaves,
    input  wire                        reduction_across,
    input  wire                        reduction_interleave,

    // IBUF: read clients of operands a and b, write client.
    output wire                   ibuf_a_valid,
    input  wire                   ibuf_a_ready,
    output wire [23:0]            ibuf_a_addr,
    input  wire                   ibuf_a_data_valid,
    input  wire [ROWS*ACT_W-1:0]  ibuf_a_data,
    output wire                   ibuf_b_valid,
    input  wire                   ibuf_b_ready,
    output wire [23:0]            ibuf_b_addr,
    input  wire                   ibuf_b_data_valid,
    input  wire [ROWS*ACT_W-1:0]  ibuf_b_data,
    output wire                   ibuf_wr_valid,
    input  wire                   ibuf_wr_ready,
    output wire [23:0]            ibuf_wr_addr,
    output wire [ROWS-1:0]        ibuf_wr_lanes,
    output wire [ROWS*ACT_W-1:0]  ibuf_wr_data,
    input  wire                   ibuf_range_error,   // of one of these clients
    input  wire [23:0]            ibuf_range_address,

    // VMEM: read clients of operands a, b and of per-lane parameters, write client.
    output wire                   vmem_a_valid,
    input  wire                   vmem_a_ready,
    output wire [23:0]            vmem_a_addr,
    input  wire                   vmem_a_data_valid,
    input  wire [LANES*32-1:0]    vmem_a_data,
    output wire                   vmem_b_valid,
    input  wire                   vmem_b_ready,
    output wire [23:0]            vmem_b_addr,
    input  wire                   vmem_b_data_valid,
    input  wire [LANES*32-1:0]    vmem_b_data,
    output wire                   vmem_param_valid,
    input  wire                   vmem_param_ready,
    output wire [23:0]            vmem_param_addr,
    input  wire                   vmem_param_data_valid,
    input  wire [LANES*32-1:0]    vmem_param_data,
    output wire                   vmem_wr_valid,
    input  wire                   vmem_wr_ready,
    output wire [23:0]            vmem_wr_addr,
    output wire [LANES*32-1:0]    vmem_wr_data,
    input  wire                   vmem_range_error,
    input  wire [23:0]            vmem_range_address,

    // WBUF: word `addr mod ROWS` of tile `addr div ROWS`, as a row or (transpose) as a column.
    output wire                   wbuf_wr_valid,
    input  wire                   wbuf_wr_ready,
    output wire                   wbuf_wr_transpose,
    output wire [23:0]            wbuf_wr_addr,
    output wire [LANES*ACT_W-1:0] wbuf_wr_data,
    input  wire                   wbuf_wr_busy,    // words taken cannot all be used yet

    // Lookup tables and coefficients of the function unit.
    input  wire                   table_wr_en,
    input  wire [23:0]            table_wr_addr,
    input  wire [31:0]            table_wr_data,
    input  wire                   coeff_wr_en,
    input  wire [23:0]            coeff_wr_addr,
    input  wire [31:0]            coeff_wr_data
);

    localparam SLICES       = ROWS / LANES;
    // Cycles from issue to post-processor: to the operands' registers, through the ALU and the
    // reductions (npu_vector_lanes).
    localparam BASE_LATENCY = (ENABLE_FLOAT == 0) ? 3 : (SEGMENTS > 0) ? 24 : 9;
    localparam SLOWEST      = (CUSTOM_LATENCY > BASE_LATENCY) ? CUSTOM_LATENCY : BASE_LATENCY;
    localparam ALU_LATENCY  = (CUSTOM_LATENCY == 0) ? BASE_LATENCY : SLOWEST + 1;
    localparam JOIN_LATENCY = (ENABLE_FLOAT == 0) ? 1
                            : (LANES > 1) ? 7 + 5 * $clog2(LANES) : 6;
    localparam LATENCY      = 1 + ALU_LATENCY + JOIN_LATENCY;
    localparam SCALE_DELAY  = 4;                   // the post-processor takes the scale later
    localparam SKIP_DELAY   = 10;                  // and the skip activation
    localparam POST_LATENCY = ((ENABLE_RESIDUAL != 0) ? 26 : 10)
                            + ((ENABLE_LOOKUP != 0 && ACT_W <= 8) ? 1 : 0);
    // Places for results: one a cycle from issue until the written word frees its place.
    localparam RESULT_DEPTH = LATENCY + POST_LATENCY + 2;
    localparam SKIP_DEPTH   = 1 << $clog2(LATENCY + SKIP_DELAY + 1);
    // Per-lane parameters: a pair takes two cycles to fetch and is kept for the whole way.
    localparam PARAM_DEPTH  = (ENABLE_FLOAT == 0 && CUSTOM_LATENCY == 0) ? 4
                            : 1 << $clog2((LATENCY + SCALE_DELAY + RD_LATENCY + 4) / 2);

    localparam [6:0] FN_DEPTHWISE = 7'd19;
    localparam [1:0] SRC2_IMM     = 2'd0;
    localparam [1:0] SRC2_VMEM    = 2'd2;
    localparam [7:0] CAUSE_CONFIG = 8'd4;
    localparam [7:0] CAUSE_RANGE  = 8'd5;
    localparam [2:0] MAX_LAUNCHES = 3'd4;

    generate
        if ((ROWS % LANES) != 0 || ((SLICES & (SLICES - 1)) != 0)) begin : gen_rows_check
            npu_error_vector_rows_must_be_lanes_times_a_power_of_two u_error ();
        end
        if (ENABLE_DYNAMIC_WEIGHTS != 0 && ROWS != LANES) begin : gen_dynamic_check
            npu_error_vector_dynamic_weights_need_rows_equal_lanes u_error ();
        end
    endgenerate

    // ---- Launches -------------------------------------------------------------------------

    wire       src1_vmem    = launch_flags[0];
    wire [1:0] src2         = launch_flags[2:1];
    wire [1:0] dst          = launch_flags[4:3];
    wire [1:0] reduce       = launch_flags[6:5];
    wire [1:0] levels       = launch_flags[8:7];
    wire       channel      = launch_flags[9];
    wire       residual     = launch_flags[10];
    wire       lookup       = launch_flags[11];
    wire [2:0] lookup_table = launch_flags[14:12];
    wire [1:0] format       = launch_flags[16:15];
    wire       unused_flags = &{1'b0, launch_flags[17]};

    // Functions with binary32 values; the others give integers.
    reg is_float;

    always @* begin
        case (launch_function)
            7'd20, 7'd21, 7'd22, 7'd23, 7'd24, 7'd28, 7'd30, 7'd31, 7'd32, 7'd33: begin
                is_float = (ENABLE_FLOAT != 0);
            end
            default: begin
                is_float = launch_function[6] && CUSTOM_FLOAT[launch_function[5:0]];
            end
        endcase
    end

    wire depthwise  = (launch_function == FN_DEPTHWISE);
    wire interleave = reduction_interleave && !depthwise;
    wire across     = reduction_across && !depthwise;
    wire second    = !depthwise && (src2 != SRC2_IMM);

    wire [95:0]   count      = {loop5_count, loop4_count, loop3_count, loop2_count, loop1_count,
                                loop0_count};
    wire [143:0]  a_stride   = {loop5_stride, loop4_stride, loop3_stride, loop2_stride,
                                loop1_stride, loop0_stride};
    wire [143:0]  b_stride   = {src2_45_s5, src2_45_s4, src2_23_s3, src2_23_s2, src2_01_s1,
                                src2_01_s0};
    wire [143:0]  dst_stride = {dst_45_s5, dst_45_s4, dst_23_s3, dst_23_s2, dst_01_s1, dst_01_s0};
    wire [47:0]   y_step     = {step_y_s5, step_y_s4, step_y_s3, step_y_s2, step_y_s1, step_y_s0};
    wire [47:0]   x_step     = {step_x_s5, step_x_s4, step_x_s3, step_x_s2, step_x_s1, step_x_s0};

    reg        checked_q;                          // illegal_q belongs to the waiting launch
    reg        illegal_q;
    reg  [1:0] next_context_q;
    reg  [2:0] in_flight_q;
    wire       illegal;
    wire       issue_free;
    wire       second_free;
    wire       param_free;
    wire       running = (in_flight_q != 3'd0);
    wire       start   = launch_valid && launch_ready;

    assign launch_ready = checked_q && !illegal_q && in_flight_q != MAX_LAUNCHES
        && issue_free && second_free && (param_free || !channel);

    always @(posedge clk) begin
        if (rst) begin
            checked_q      <= 1'b0;
            next_context_q <= 2'd0;
            in_flight_q    <= 3'd0;
        end else begin
            checked_q <= launch_valid && !start;
            if (start) begin
                next_context_q <= next_context_q + 2'd1;
            end
            if (start && !launch_done) begin
                in_flight_q <= in_flight_q + 3'd1;
            end else if (!start && launch_done) begin
                in_flight_q <= in_flight_q - 3'd1;
            end
        end
        illegal_q <= illegal;
    end

    npu_vector_check #(
        .ACT_W                  (ACT_W),
        .TAPS                   (TAPS),
        .ACC_DEPTH              (ACC_DEPTH),
        .TABLES                 (TABLES),
        .ENABLE_RESIDUAL        (ENABLE_RESIDUAL),
        .ENABLE_LOOKUP          (ENABLE_LOOKUP),
        .ENABLE_DYNAMIC_WEIGHTS (ENABLE_DYNAMIC_WEIGHTS),
        .ENABLE_FLOAT           (ENABLE_FLOAT),
        .SEGMENTS               (SEGMENTS)
    ) u_check (
        .launch_function        (launch_function),
        .is_float               (is_float),
        .src2                   (src2),
        .dst                    (dst),
        .reduce                 (reduce),
        .interleave             (reduction_interleave),
        .across                 (reduction_across),
        .residual               (residual),
        .lookup                 (lookup),
        .lookup_table           (lookup_table),
        .format                 (format),
        .count                  (count),
        .quant_min              (quant_min),
        .quant_max              (quant_max),
        .res_clamp_min          (res_clamp_min),
        .res_clamp_max          (res_clamp_max),
        .taps_stride            (taps_stride),
        .function_mode          (function_mode),
        .function_bits          (function_bits),
        .illegal                (illegal)
    );

    // An illegal launch is reported when all earlier ones are done, so that its own instruction is
    // the oldest.
    wire bad_launch = launch_valid && checked_q && illegal_q && !running;

    assign fault_valid   = ibuf_range_error || vmem_range_error || bad_launch;
    assign fault_cause   = (ibuf_range_error || vmem_range_error) ? CAUSE_RANGE : CAUSE_CONFIG;
    assign fault_address = ibuf_range_error ? {16'd0, ibuf_range_address}
                         : vmem_range_error ? {16'd0, vmem_range_address} : 40'd0;

    // ---- Elements and operands ------------------------------------------------------------

    wire                a_req_valid;
    wire                a_req_ready;
    wire                a_req_vmem;
    wire [23:0]         a_req_addr;
    wire                b_req_valid;
    wire                b_req_ready;
    wire                b_req_vmem;
    wire                b_req_weight;
    wire [23:0]         b_req_addr;
    wire                a_valid;
    wire                a_mark;
    wire [LANES*32-1:0] a_data;
    wire                b_valid;
    wire                b_weight;
    wire                b_ready;
    wire [LANES*32-1:0] b_data;

    wire        element_valid;
    wire        element_ready;
    wire [1:0]  element_context;
    wire        element_depthwise;
    wire        element_second;
    wire        element_residual;
    wire        element_channel;
    wire        element_inside;
    wire        element_first;
    wire        element_result;
    wire        element_void;
    wire        element_row_start;
    wire        element_output;
    wire        element_outer;
    wire        element_last;
    wire [1:0]  element_dst;
    wire [23:0] element_addr;
    wire        issue_active;

    npu_vector_issue #(
        .TAPS              (TAPS),
        .DEPTH             (RD_LATENCY + 5)
    ) u_issue (
        .clk               (clk),
        .rst               (rst),
        .start             (start),
        .free              (issue_free),
        .start_context     (next_context_q),
        .start_depthwise   (depthwise),
        .start_vmem        (src1_vmem && !depthwise),
        .start_second      (second),
        .start_residual    (residual),
        .start_channel     (channel),
        .start_dst         (dst),
        .start_reduce      (reduce != 2'd0 && !depthwise),
        .start_levels      (levels),
        .start_interleave  (interleave),
        .start_count       (count),
        .start_a_addr      (src1_addr),
        .start_a_stride    (a_stride),
        .start_dst_addr    (dst_addr),
        .start_dst_stride  (dst_stride),
        .start_y           (window_y_start),
        .start_y_limit     (window_y_limit),
        .start_y_step      (y_step),
        .start_x           (window_x_start),
        .start_x_limit     (window_x_limit),
        .start_x_step      (x_step),
        .start_tap_skip    (taps_stride),
        .start_out_stride  (taps_out_stride),
        .a_valid           (a_req_valid),
        .a_ready           (a_req_ready),
        .a_vmem            (a_req_vmem),
        .a_addr            (a_req_addr),
        .element_valid     (element_valid),
        .element_ready     (element_ready),
        .element_context   (element_context),
        .element_depthwise (element_depthwise),
        .element_second    (element_second),
        .element_residual  (element_residual),
        .element_channel   (element_channel),
        .element_inside    (element_inside),
        .element_first     (element_first),
        .element_result    (element_result),
        .element_void      (element_void),
        .element_row_start (element_row_start),
        .element_output    (element_output),
        .element_outer     (element_outer),
        .element_last      (element_last),
        .element_dst       (element_dst),
        .element_addr      (element_addr),
        .active            (issue_active)
    );

    npu_vector_second #(
        .TAPS             (TAPS)
    ) u_second (
        .clk              (clk),
        .rst              (rst),
        .start            (start && (second || depthwise)),
        .free             (second_free),
        .start_depthwise  (depthwise),
        .start_vmem       (src2 == SRC2_VMEM),
        .start_count      (count),
        .start_addr       (src2_addr),
        .start_stride     (b_stride),
        .start_tap_stride (taps_tap_stride),
        .b_valid          (b_req_valid),
        .b_ready          (b_req_ready),
        .b_vmem           (b_req_vmem),
        .b_weight         (b_req_weight),
        .b_addr           (b_req_addr)
    );

    wire fire;                                     // an element is issued to the lanes

    npu_vector_operand #(
        .LANES           (LANES),
        .ROWS            (ROWS),
        .ACT_W           (ACT_W),
        .RD_LATENCY      (RD_LATENCY)
    ) u_a (
        .clk             (clk),
        .rst             (rst),
        .req_valid       (a_req_valid),
        .req_ready       (a_req_ready),
        .req_vmem        (a_req_vmem),
        .req_mark        (1'b0),
        .req_addr        (a_req_addr),
        .ibuf_valid      (ibuf_a_valid),
        .ibuf_ready      (ibuf_a_ready),
        .ibuf_addr       (ibuf_a_addr),
        .ibuf_data_valid (ibuf_a_data_valid),
        .ibuf_data       (ibuf_a_data),
        .vmem_valid      (vmem_a_valid),
        .vmem_ready      (vmem_a_ready),
        .vmem_addr       (vmem_a_addr),
        .vmem_data_valid (vmem_a_data_valid),
        .vmem_data       (vmem_a_data),
        .data_valid      (a_valid),
        .data_ready      (fire && element_inside),
        .data_mark       (a_mark),
        .data            (a_data)
    );

    npu_vector_operand #(
        .LANES           (LANES),
        .ROWS            (ROWS),
        .ACT_W           (ACT_W),
        .RD_LATENCY      (RD_LATENCY)
    ) u_b (
        .clk             (clk),
        .rst             (rst),
        .req_valid       (b_req_valid),
        .req_ready       (b_req_ready),
        .req_vmem        (b_req_vmem),
        .req_mark        (b_req_weight),
        .req_addr        (b_req_addr),
        .ibuf_valid      (ibuf_b_valid),
        .ibuf_ready      (ibuf_b_ready),
        .ibuf_addr       (ibuf_b_addr),
        .ibuf_data_valid (ibuf_b_data_valid),
        .ibuf_data       (ibuf_b_data),
        .vmem_valid      (vmem_b_valid),
        .vmem_ready      (vmem_b_ready),
        .vmem_addr       (vmem_b_addr),
        .vmem_data_valid (vmem_b_data_valid),
        .vmem_data       (vmem_b_data),
        .data_valid      (b_valid),
        .data_ready      (b_ready),
        .data_mark       (b_weight),
        .data            (b_data)
    );

    wire unused_issue = &{1'b0, a_mark, issue_active};

    // ---- Issue to the lanes ---------------------------------------------------------------

    wire room;
    wire row_ready;
    wire weight_ready;
    wire param_available;
    wire clear;                                    // its accumulator is not in use

    generate
        if (ENABLE_FLOAT != 0) begin : gen_pace
            npu_vector_pace u_pace (
                .clk              (clk),
                .rst              (rst),
                .start            (start),
                .start_context    (next_context_q),
                .start_interleave (interleave),
                .start_count      (loop0_count),
                .element_context  (element_context),
                .element_first    (element_first),
                .fire             (fire),
                .clear            (clear)
            );
        end else begin : gen_no_pace
            assign clear = 1'b1;
        end
    endgenerate

    wire a_here     = !element_inside || a_valid;
    wire b_here     = !element_second || b_valid;  // the weights before it are gone by then
    wire row_here   = !(element_depthwise && element_row_start) || row_ready;
    wire param_here = !element_channel || param_available;
    wire can_leave  = !element_result || (room && param_here);

    assign element_ready = a_here && b_here && row_here && can_leave && clear;
    assign fire          = element_valid && element_ready;
    assign b_ready       = b_weight ? weight_ready : (fire && element_second);

    wire                acc_valid;
    wire [1:0]          acc_context;
    wire                acc_outer;
    wire [LANES*32-1:0] acc;

    npu_vector_lanes #(
        .LANES            (LANES),
        .ACT_W            (ACT_W),
        .TAPS             (TAPS),
        .ACC_DEPTH        (ACC_DEPTH),
        .ENABLE_FLOAT     (ENABLE_FLOAT),
        .SEGMENTS         (SEGMENTS),
        .CUSTOM_LATENCY   (CUSTOM_LATENCY),
        .BASE_LATENCY     (BASE_LATENCY),
        .ALU_LATENCY      (ALU_LATENCY)
    ) u_lanes (
        .clk              (clk),
        .rst              (rst),
        .coeff_wr_en      (coeff_wr_en),
        .coeff_wr_addr    (coeff_wr_addr),
        .coeff_wr_data    (coeff_wr_data),
        .start            (start),
        .start_context    (next_context_q),
        .start_op         (launch_function),
        .start_settings   ({function_octaves, function_low, function_bits, function_base,
                            function_mode}),
        .start_reduce     (reduce),
        .start_is_float   (is_float),
        .start_interleave (interleave),
        .start_across     (across),
        .start_imm        (imm_value),
        .start_pad        (pad_value),
        .issue            (fire),
        .issue_context    (element_context),
        .issue_depthwise  (element_depthwise),
        .issue_inside     (element_inside),
        .issue_second     (element_second && !element_residual),
        .issue_first      (element_first),
        .issue_result     (element_result),
        .issue_outer      (element_outer),
        .issue_row_start  (element_row_start),
        .issue_output     (element_output),
        .a                (a_data),
        .b                (b_data),
        .weight_valid     (b_valid && b_weight),
        .weight_ready     (weight_ready),
        .row_ready        (row_ready),
        .acc_valid        (acc_valid),
        .acc_context      (acc_context),
        .acc_outer        (acc_outer),
        .acc              (acc)
    );

    // ---- Post-processing ------------------------------------------------------------------

    // What a launch sets, for bias and scale: the scale is read SCALE_DELAY cycles later.
    reg  [31:0]              bias_q    [0:3];
    reg  [31:0]              scale_q   [0:3];
    reg                      channel_q [0:3];
    reg  [SCALE_DELAY-1:0]   valid_q;
    reg  [SCALE_DELAY-1:0]   outer_q;
    reg  [2*SCALE_DELAY-1:0] context_q;
    wire [1:0]               scale_context = context_q[2*SCALE_DELAY-1 -: 2];
    wire                     acc_channel   = channel_q[acc_context];
    wire                     scale_channel = channel_q[scale_context];

    always @(posedge clk) begin
        if (start) begin
            bias_q[next_context_q]    <= bias_value;
            scale_q[next_context_q]   <= scale_value;
            channel_q[next_context_q] <= channel;
        end
    end

    always @(posedge clk) begin
        if (rst) begin
            valid_q <= {SCALE_DELAY{1'b0}};
        end else begin
            valid_q <= {valid_q[SCALE_DELAY-2:0], acc_valid};
        end
        outer_q   <= {outer_q[SCALE_DELAY-2:0], acc_outer};
        context_q <= {context_q[2*SCALE_DELAY-3:0], acc_context};
    end

    wire [LANES*ACT_W-1:0] b_act;
    wire [LANES*32-1:0]    param_bias;
    wire [LANES*32-1:0]    param_scale;
    wire                   skip_take;
    wire [LANES*ACT_W-1:0] skip;
    wire                   out_valid;
    wire [1:0]             out_context;
    wire [1:0]             out_format;
    wire [LANES*ACT_W-1:0] out_act;
    wire [LANES*32-1:0]    out_wide;

    npu_vector_param #(
        .LANES           (LANES),
        .DEPTH           (PARAM_DEPTH)
    ) u_param (
        .clk             (clk),
        .rst             (rst),
        .start           (start && channel),
        .start_addr      (param_addr),
        .start_count     (loop5_count),
        .free            (param_free),
        .vmem_valid      (vmem_param_valid),
        .vmem_ready      (vmem_param_ready),
        .vmem_addr       (vmem_param_addr),
        .vmem_data_valid (vmem_param_data_valid),
        .vmem_data       (vmem_param_data),
        .available       (param_available),
        .claim           (fire && element_channel && element_outer),
        .bias_next       (acc_valid && acc_channel && acc_outer),
        .bias            (param_bias),
        .scale_next      (valid_q[SCALE_DELAY-1] && scale_channel && outer_q[SCALE_DELAY-1]),
        .scale           (param_scale)
    );

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            assign b_act[ACT_W*i +: ACT_W] = b_data[32*i +: ACT_W];
        end

        if (ENABLE_RESIDUAL != 0) begin : gen_skip
            npu_delay #(
                .WIDTH     (LANES * ACT_W),
                .DEPTH     (SKIP_DEPTH)
            ) u_skip (
                .clk       (clk),
                .rst       (rst),
                .push      (fire && element_result && element_residual),
                .push_data (b_act),
                .pop       (skip_take),
                .pop_data  (skip)
            );
        end else begin : gen_no_skip
            assign skip = {(LANES*ACT_W){1'b0}};

            wire unused_skip = &{1'b0, skip_take, b_act};
        end
    endgenerate

    npu_post #(
        .LANES            (LANES),
        .FLOAT            (ENABLE_FLOAT),
        .ACT_W            (ACT_W),
        .TABLES           (TABLES),
        .ENABLE_RESIDUAL  (ENABLE_RESIDUAL),
        .ENABLE_LOOKUP    (ENABLE_LOOKUP)
    ) u_post (
        .clk              (clk),
        .rst              (rst),
        .context_write    (start),
        .context_index    (next_context_q),
        .context_format   (format),
        .context_is_float (is_float),
        .context_residual (residual),
        .context_lookup   (lookup),
        .context_table    (lookup_table),
        .context_zero     (quant_zero),
        .context_min      (quant_min),
        .context_max      (quant_max),
        .context_scale_a  (res_scale_a_value),
        .context_scale_b  (res_scale_b_value),
        .context_offset   (res_offset_value),
        .context_inner    (res_offset_inner),
        .context_res_min  (res_clamp_min),
        .context_res_max  (res_clamp_max),
        .table_wr_en      (table_wr_en),
        .table_wr_addr    (table_wr_addr),
        .table_wr_data    (table_wr_data),
        .in_valid         (acc_valid),
        .in_context       (acc_context),
        .acc              (acc),
        .bias             (acc_channel ? param_bias : {LANES{bias_q[acc_context]}}),
        .scale            (scale_channel ? param_scale : {LANES{scale_q[scale_context]}}),
        .skip_take        (skip_take),
        .skip             (skip),
        .out_valid        (out_valid),
        .out_context      (out_context),
        .out_format       (out_format),
        .out_act          (out_act),
        .out_wide         (out_wide)
    );

    wire unused_context = &{1'b0, out_context};

    // ---- Results --------------------------------------------------------------------------

    wire write_waiting;

    npu_vector_write #(
        .LANES              (LANES),
        .ROWS               (ROWS),
        .ACT_W              (ACT_W),
        .DEPTH              (RESULT_DEPTH)
    ) u_write (
        .clk                (clk),
        .rst                (rst),
        .room               (room),
        .reserve            (fire && element_result),
        .reserve_void       (element_void),
        .reserve_last       (element_last),
        .reserve_dst        (element_dst),
        .reserve_addr       (element_addr),
        .result_valid       (out_valid),
        .result_act         (out_format == 2'd0),
        .result_activations (out_act),
        .result_wide        (out_wide),
        .ibuf_valid         (ibuf_wr_valid),
        .ibuf_ready         (ibuf_wr_ready),
        .ibuf_addr          (ibuf_wr_addr),
        .ibuf_lanes         (ibuf_wr_lanes),
        .ibuf_data          (ibuf_wr_data),
        .vmem_valid         (vmem_wr_valid),
        .vmem_ready         (vmem_wr_ready),
        .vmem_addr          (vmem_wr_addr),
        .vmem_data          (vmem_wr_data),
        .wbuf_valid         (wbuf_wr_valid),
        .wbuf_ready         (wbuf_wr_ready),
        .wbuf_transpose     (wbuf_wr_transpose),
        .wbuf_addr          (wbuf_wr_addr),
        .wbuf_data          (wbuf_wr_data),
        .wbuf_busy          (wbuf_wr_busy),
        .waiting            (write_waiting),
        .done               (launch_done)
    );

    // ---- Report ---------------------------------------------------------------------------

    wire read_waiting = (ibuf_a_valid && !ibuf_a_ready) || (ibuf_b_valid && !ibuf_b_ready)
                     || (vmem_a_valid && !vmem_a_ready) || (vmem_b_valid && !vmem_b_ready)
                     || (vmem_param_valid && !vmem_param_ready);

    assign bank_conflict = read_waiting || write_waiting;
    assign stall_memory  = running && !fire && bank_conflict;

endmodule

`default_nettype wire
