// The lanes up to their accumulators: a pipeline of constant latency that is never held up.
//
//   stage 0                  operands
//   stages 1 to ALU_LATENCY  ALU, or the taps of a depthwise row
//   one more                 reduction; its register is `acc`
`default_nettype none

module npu_vector_lanes #(
    parameter LANES       = 16,
    parameter ACT_W       = 8,
    parameter TAPS        = 3,                     // 1 to 4
    parameter ACC_DEPTH   = 512,
    parameter ALU_LATENCY = 3                      // at least 3
) (
    input  wire                clk,
    input  wire                rst,

    // What a launch sets, in one of four contexts.
    input  wire                start,
    input  wire [1:0]          start_context,
    input  wire [4:0]          start_op,
    input  wire [1:0]          start_reduce,
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
    input  wire                issue_row_start,    // depthwise: first position of a row segment
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

    localparam ST_REDUCE = ALU_LATENCY;
    localparam ST_ACC    = ALU_LATENCY + 1;

    reg [4:0]  op_q   [0:3];
    reg [1:0]  kind_q [0:3];
    reg [31:0] imm_q  [0:3];
    reg [31:0] pad_q  [0:3];

    always @(posedge clk) begin
        if (start) begin
            op_q[start_context]   <= start_op;
            kind_q[start_context] <= start_reduce;
            imm_q[start_context]  <= start_imm;
            pad_q[start_context]  <= start_pad;
        end
    end

    // ---- Stages ---------------------------------------------------------------------------

    reg  [LANES*32-1:0]    a0_q;
    reg  [LANES*32-1:0]    b0_q;
    reg  [31:0]            imm0_q;
    reg  [4:0]             op0_q;
    reg                    row_start0_q;
    reg                    output0_q;
    wire [31:0]            issue_imm = imm_q[issue_context];

    always @(posedge clk) begin
        if (issue) begin
            a0_q   <= issue_inside ? a : {LANES{pad_q[issue_context]}};
            b0_q   <= issue_second ? b : {LANES{issue_imm}};
            imm0_q <= issue_imm;
            op0_q  <= op_q[issue_context];
        end
        row_start0_q <= issue_row_start;
        output0_q    <= issue_output;
    end

    // Bit or pair k belongs to stage k.
    reg [ST_ACC:0]     valid_q;
    reg [ST_ACC:0]     result_q;
    reg [ST_ACC:0]     outer_q;
    reg [2*ST_ACC+1:0] context_q;
    reg [ST_REDUCE:0]  first_q;
    reg [ST_REDUCE:0]  depthwise_q;

    always @(posedge clk) begin
        if (rst) begin
            valid_q <= {(ST_ACC + 1){1'b0}};
        end else begin
            valid_q <= {valid_q[ST_ACC-1:0], issue};
        end
        result_q    <= {result_q[ST_ACC-1:0], issue_result};
        outer_q     <= {outer_q[ST_ACC-1:0], issue_outer};
        context_q   <= {context_q[2*ST_ACC-1:0], issue_context};
        first_q     <= {first_q[ST_REDUCE-1:0], issue_first};
        depthwise_q <= {depthwise_q[ST_REDUCE-1:0], issue_depthwise};
    end

    assign acc_valid   = valid_q[ST_ACC] && result_q[ST_ACC];
    assign acc_context = context_q[2*ST_ACC +: 2];
    assign acc_outer   = outer_q[ST_ACC];

    // ---- Lanes ----------------------------------------------------------------------------

    wire                   taps_end     = depthwise_q[ST_REDUCE];
    wire                   reduce_first = taps_end || first_q[ST_REDUCE];
    wire [1:0]             reduce_kind  = kind_q[context_q[2*ST_REDUCE +: 2]];
    wire [LANES*32-1:0]    taps;
    wire [LANES*ACT_W-1:0] a0_act;
    wire [LANES*ACT_W-1:0] b_act;

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            wire [31:0] value;

            assign a0_act[ACT_W*i +: ACT_W] = a0_q[32*i +: ACT_W];
            assign b_act[ACT_W*i +: ACT_W]  = b[32*i +: ACT_W];

            npu_vector_alu #(
                .LATENCY (ALU_LATENCY)
            ) u_alu (
                .clk     (clk),
                .enable  (valid_q[ALU_LATENCY-1:0] & ~depthwise_q[ALU_LATENCY-1:0]),
                .op      (op0_q),
                .a       (a0_q[32*i +: 32]),
                .b       (b0_q[32*i +: 32]),
                .imm     (imm0_q),
                .out     (value)
            );

            npu_vector_reduce u_reduce (
                .clk     (clk),
                .enable  (valid_q[ST_REDUCE]),
                .first   (reduce_first),
                .kind    (reduce_kind),
                .in      (taps_end ? taps[32*i +: 32] : value),
                .out     (acc[32*i +: 32])
            );
        end
    endgenerate

    npu_vector_taps #(
        .LANES           (LANES),
        .ACT_W           (ACT_W),
        .TAPS            (TAPS),
        .ACC_DEPTH       (ACC_DEPTH),
        .LATENCY         (ALU_LATENCY)
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
        .in_row_start    (row_start0_q),
        .in_output       (output0_q),
        .in_first        (first_q[0]),
        .in              (a0_act),
        .out             (taps)
    );

endmodule

`default_nettype wire
