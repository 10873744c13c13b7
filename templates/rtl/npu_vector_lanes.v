// The lanes up to their accumulators: a pipeline of constant latency that is never held up.
//
//   stage 0                  operands
//   stages 1 to 3            ALU, or the taps of a depthwise row
//   stages 1 to ALU_LATENCY  the same with ENABLE_FLOAT, binary32 arithmetic being longer
//   and with CUSTOM_LATENCY   results of custom operations are chosen
//   from there on            npu_vector_reduction: its result is `acc`
`default_nettype none

module npu_vector_lanes #(
    parameter LANES          = 16,
    parameter ACT_W          = 8,
    parameter TAPS           = 3,                  // 1 to 4
    parameter ACC_DEPTH      = 512,
    parameter ENABLE_FLOAT   = 0,
    parameter SEGMENTS       = 0,                  // of the function unit, needs ENABLE_FLOAT
    parameter CUSTOM_LATENCY = 0,                  // of the slowest custom operation; 0: none
    parameter BASE_LATENCY   = (ENABLE_FLOAT == 0) ? 3 : (SEGMENTS > 0) ? 24 : 9,  // derived
    parameter ALU_LATENCY    = (CUSTOM_LATENCY == 0) ? BASE_LATENCY : 1  // derived
                             + ((CUSTOM_LATENCY > BASE_LATENCY) ? CUSTOM_LATENCY : BASE_LATENCY)
) (
    input  wire                clk,
    input  wire                rst,

    input  wire                coeff_wr_en,
    input  wire [23:0]         coeff_wr_addr,
    input  wire [31:0]         coeff_wr_data,

    // What a launch sets, in one of four contexts.
    input  wire                start,
    input  wire [1:0]          start_context,
    input  wire [6:0]          start_op,
    input  wire [38:0]         start_settings,     // register `function`
    input  wire [1:0]          start_reduce,
    input  wire                start_is_float,     // its values are binary32
    input  wire                start_interleave,
    input  wire                start_across,
    input  wire [31:0]         start_imm,
    input  wire [31:0]         start_pad,

    // An element is issued.
    input  wire                issue,
    input  wire [1:0]          issue_context,
    input  wire                issue_depthwise,
    input  wire                issue_inside,       // a is a word, else `pad`
    input  wire                issue_second,       // b is a word, else `imm`
    input  wire                issue_first,        // of its reduction
    input  wire                issue_result,       // an accumulator leaves with this element
    input  wire                issue_outer,        // travels along
    input  wire                issue_row_start,    // first iteration of the innermost loop
    input  wire                issue_output,       // depthwise: an output ends here
    input  wire [LANES*32-1:0] a,
    input  wire [LANES*32-1:0] b,

    // Depthwise weights come in the place of b.
    input  wire                weight_valid,
    output wire                weight_ready,
    output wire                row_ready,          // a row segment may start

    output wire                acc_valid,
    output wire [1:0]          acc_context,
    output wire                acc_outer,
    output wire [LANES*32-1:0] acc
);

    localparam ST_NEXT = ALU_LATENCY - 1;          // announces an element to the reductions

    reg [6:0]  op_q  [0:3];
    reg [31:0] imm_q [0:3];
    reg [31:0] pad_q [0:3];

    always @(posedge clk) begin
        if (start) begin
            op_q[start_context]  <= start_op;
            imm_q[start_context] <= start_imm;
            pad_q[start_context] <= start_pad;
        end
    end

    // ---- Stages ---------------------------------------------------------------------------

    reg  [LANES*32-1:0]    a0_q;
    reg  [LANES*32-1:0]    b0_q;
    reg  [31:0]            imm0_q;
    reg  [6:0]             op0_q;
    reg                    output0_q;
    wire [31:0]            issue_imm = imm_q[issue_context];

    always @(posedge clk) begin
        if (issue) begin
            a0_q   <= issue_inside ? a : {LANES{pad_q[issue_context]}};
            b0_q   <= issue_second ? b : {LANES{issue_imm}};
            imm0_q <= issue_imm;
            op0_q  <= op_q[issue_context];
        end
        output0_q <= issue_output;
    end

    // Bit or pair k belongs to stage k.
    reg [ALU_LATENCY-1:0] valid_q;
    reg [ST_NEXT:0]       result_q;
    reg [ST_NEXT:0]       outer_q;
    reg [2*ST_NEXT+1:0]   context_q;
    reg [ST_NEXT:0]       first_q;
    reg [ST_NEXT:0]       row_start_q;
    reg [ALU_LATENCY-1:0] depthwise_q;
    reg                   taps3_q;                 // stage 3: the taps have the value

    always @(posedge clk) begin
        if (rst) begin
            valid_q <= {ALU_LATENCY{1'b0}};
        end else begin
            valid_q <= {valid_q[ALU_LATENCY-2:0], issue};
        end
        result_q    <= {result_q[ST_NEXT-1:0], issue_result};
        outer_q     <= {outer_q[ST_NEXT-1:0], issue_outer};
        context_q   <= {context_q[2*ST_NEXT-1:0], issue_context};
        first_q     <= {first_q[ST_NEXT-1:0], issue_first};
        row_start_q <= {row_start_q[ST_NEXT-1:0], issue_row_start};
        depthwise_q <= {depthwise_q[ALU_LATENCY-2:0], issue_depthwise};
        taps3_q     <= depthwise_q[2];
    end

    // ---- Lanes ----------------------------------------------------------------------------

    wire [LANES*32-1:0]    simple;                 // stage 3
    wire [LANES*32-1:0]    computed;               // stage BASE_LATENCY
    wire [LANES*32-1:0]    value;                  // stage ALU_LATENCY
    wire [LANES*32-1:0]    taps;
    wire [LANES*ACT_W-1:0] a0_act;
    wire [LANES*ACT_W-1:0] b_act;

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            wire [31:0] alu;

            assign a0_act[ACT_W*i +: ACT_W] = a0_q[32*i +: ACT_W];
            assign b_act[ACT_W*i +: ACT_W]  = b[32*i +: ACT_W];
            assign simple[32*i +: 32]       = taps3_q ? taps[32*i +: 32] : alu;

            npu_vector_alu #(
                .ENABLE_FLOAT (ENABLE_FLOAT)
            ) u_alu (
                .clk          (clk),
                .enable       (valid_q[2:0] & ~depthwise_q[2:0]),
                .op           (op0_q),
                .a            (a0_q[32*i +: 32]),
                .b            (b0_q[32*i +: 32]),
                .imm          (imm0_q),
                .out          (alu)
            );
        end
    endgenerate

    generate
        if (ENABLE_FLOAT != 0) begin : gen_float
            reg [38:0] settings_q [0:3];
            reg [38:0] settings0_q;

            always @(posedge clk) begin
                if (start) begin
                    settings_q[start_context] <= start_settings;
                end
                if (issue) begin
                    settings0_q <= settings_q[issue_context];
                end
            end

            npu_vector_float #(
                .LANES         (LANES),
                .SEGMENTS      (SEGMENTS),
                .LATENCY       (BASE_LATENCY)
            ) u_float (
                .clk           (clk),
                .rst           (rst),
                .coeff_wr_en   (coeff_wr_en),
                .coeff_wr_addr (coeff_wr_addr),
                .coeff_wr_data (coeff_wr_data),
                .valid         (valid_q[BASE_LATENCY-1:0]),
                .op            (op0_q),
                .settings      (settings0_q),
                .a             (a0_q),
                .b             (b0_q),
                .early         (simple),
                .out           (computed)
            );
        end else begin : gen_integer
            assign computed = simple;

            wire unused_float = &{1'b0, coeff_wr_en, coeff_wr_addr, coeff_wr_data,
                                  start_settings};
        end

        if (CUSTOM_LATENCY > 0) begin : gen_custom
            npu_vector_custom #(
                .LANES   (LANES),
                .BASE    (BASE_LATENCY)
            ) u_custom (
                .clk     (clk),
                .rst     (rst),
                .valid   (valid_q),
                .op      (op0_q),
                .a       (a0_q),
                .b       (b0_q),
                .imm     (imm0_q),
                .early   (computed),
                .out     (value)
            );
        end else begin : gen_no_custom
            assign value = computed;
        end
    endgenerate

    npu_vector_taps #(
        .LANES           (LANES),
        .ACT_W           (ACT_W),
        .TAPS            (TAPS),
        .ACC_DEPTH       (ACC_DEPTH)
    ) u_taps (
        .clk             (clk),
        .rst             (rst),
        .weight_valid    (weight_valid),
        .weight_ready    (weight_ready),
        .weight          (b_act),
        .issue           (issue && issue_depthwise),
        .issue_row_start (issue_row_start),
        .row_ready       (row_ready),
        .in_valid        (valid_q[0] && depthwise_q[0]),
        .in_row_start    (row_start_q[0]),
        .in_output       (output0_q),
        .in_first        (first_q[0]),
        .in              (a0_act),
        .out             (taps)
    );

    npu_vector_reduction #(
        .LANES            (LANES),
        .ACC_DEPTH        (ACC_DEPTH),
        .ENABLE_FLOAT     (ENABLE_FLOAT)
    ) u_reduction (
        .clk              (clk),
        .rst              (rst),
        .start            (start),
        .start_context    (start_context),
        .start_kind       (start_reduce),
        .start_is_float   (start_is_float),
        .start_interleave (start_interleave),
        .start_across     (start_across),
        .next_valid       (valid_q[ST_NEXT]),
        .next_context     (context_q[2*ST_NEXT +: 2]),
        .next_first       (first_q[ST_NEXT] || depthwise_q[ST_NEXT]),
        .next_sweep       (row_start_q[ST_NEXT]),
        .next_result      (result_q[ST_NEXT]),
        .next_outer       (outer_q[ST_NEXT]),
        .in               (value),
        .acc_valid        (acc_valid),
        .acc_context      (acc_context),
        .acc_outer        (acc_outer),
        .acc              (acc)
    );

endmodule

`default_nettype wire
