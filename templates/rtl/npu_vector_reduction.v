// Reductions, a pipeline of constant latency: what an element's function gave joins its group in
// the lane; with ENABLE_FLOAT also interleaved accumulators and, of results, the lanes with each
// other. An element is announced in the cycle before its value stands. Elements that give no
// result end here.
//
//   stage 0          the value stands; reduction in the lane
//   stages 0 to 4    interleaved accumulators, from here on with ENABLE_FLOAT only
//   stage 5          one of the two
//   stages 6 to ...  across the lanes, then one of the two
`default_nettype none

module npu_vector_reduction #(
    parameter LANES        = 16,
    parameter ACC_DEPTH    = 512,
    parameter ENABLE_FLOAT = 0,
    parameter LATENCY      = (ENABLE_FLOAT == 0) ? 1
                           : (LANES > 1) ? 7 + 5 * $clog2(LANES) : 6   // derived
) (
    input  wire                clk,
    input  wire                rst,

    // What a launch sets, in one of four contexts.
    input  wire                start,
    input  wire [1:0]          start_context,
    input  wire [1:0]          start_kind,         // as npu_vector_join
    input  wire                start_is_float,
    input  wire                start_interleave,
    input  wire                start_across,

    // The value of an element stands in the next cycle.
    input  wire                next_valid,
    input  wire [1:0]          next_context,
    input  wire                next_first,         // begins its group
    input  wire                next_sweep,         // interleaved: begins a sweep
    input  wire                next_result,        // something leaves
    input  wire                next_outer,         // travels along
    input  wire [LANES*32-1:0] in,

    output wire                acc_valid,
    output wire [1:0]          acc_context,
    output wire                acc_outer,
    output wire [LANES*32-1:0] acc
);

    reg [1:0] kind_q       [0:3];
    reg       is_float_q   [0:3];
    reg       interleave_q [0:3];
    reg       across_q     [0:3];

    always @(posedge clk) begin
        if (start) begin
            kind_q[start_context]       <= start_kind;
            is_float_q[start_context]   <= start_is_float;
            interleave_q[start_context] <= start_interleave;
            across_q[start_context]     <= start_across;
        end
    end

    // Bit or pair k belongs to stage k.
    reg [LATENCY:0]     valid_q;
    reg [LATENCY:0]     result_q;
    reg [LATENCY:0]     outer_q;
    reg [2*LATENCY+1:0] context_q;
    reg                 first0_q;
    wire [1:0]          kind0  = kind_q[context_q[1:0]];
    wire                float0 = is_float_q[context_q[1:0]];

    always @(posedge clk) begin
        if (rst) begin
            valid_q <= {(LATENCY + 1){1'b0}};
        end else begin
            valid_q <= {valid_q[LATENCY-1:0], next_valid};
        end
        result_q  <= {result_q[LATENCY-1:0], next_result};
        outer_q   <= {outer_q[LATENCY-1:0], next_outer};
        context_q <= {context_q[2*LATENCY-1:0], next_context};
        first0_q  <= next_first;
    end

    assign acc_valid   = valid_q[LATENCY] && result_q[LATENCY];
    assign acc_context = context_q[2*LATENCY +: 2];
    assign acc_outer   = outer_q[LATENCY];

    // ---- In the lane ----------------------------------------------------------------------

    wire [LANES*32-1:0] reduced;                   // stage 1

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            npu_vector_reduce #(
                .ENABLE_FLOAT (ENABLE_FLOAT)
            ) u_reduce (
                .clk          (clk),
                .enable       (valid_q[0]),
                .first        (first0_q),
                .kind         (kind0),
                .is_float     (float0),
                .in           (in[32*i +: 32]),
                .out          (reduced[32*i +: 32])
            );
        end
    endgenerate

    generate
        if (ENABLE_FLOAT == 0) begin : gen_direct
            assign acc = reduced;

            wire unused_float = &{1'b0, next_sweep, interleave_q[0], interleave_q[1],
                                  interleave_q[2], interleave_q[3], across_q[0], across_q[1],
                                  across_q[2], across_q[3]};
        end else begin : gen_float
            // ---- Interleaved --------------------------------------------------------------

            reg  [LANES*32-1:0] chosen_q;          // stage 6
            wire [LANES*32-1:0] plain;             // stage 5
            wire [LANES*32-1:0] accumulated;
            wire                interleave1 = interleave_q[context_q[2*1 +: 2]];
            wire                interleave5 = interleave_q[context_q[2*5 +: 2]];
            wire [LATENCY:0]    leaves = valid_q & result_q;

            npu_vector_accumulate #(
                .LANES      (LANES),
                .DEPTH      (ACC_DEPTH)
            ) u_accumulate (
                .clk        (clk),
                .rst        (rst),
                .next_valid (next_valid && interleave_q[next_context]),
                .next_sweep (next_sweep),
                .next_first (next_first),
                .kind       (kind0),
                .is_float   (float0),
                .in         (in),
                .out        (accumulated)
            );

            npu_delay #(
                .WIDTH     (LANES * 32),
                .DEPTH     (4)
            ) u_plain (
                .clk       (clk),
                .rst       (rst),
                .push      (leaves[1] && !interleave1),
                .push_data (reduced),
                .pop       (leaves[5] && !interleave5),
                .pop_data  (plain)
            );

            always @(posedge clk) begin
                if (leaves[5]) begin
                    chosen_q <= interleave5 ? accumulated : plain;
                end
            end

            // ---- Across the lanes ---------------------------------------------------------

            if (LANES > 1) begin : gen_across
                localparam TREE_LATENCY = LATENCY - 7;

                reg  [LANES*32-1:0] acc_q;
                wire [LANES*32-1:0] around;
                wire [31:0]         total;
                wire                across6    = across_q[context_q[2*6 +: 2]];
                wire                across_end = across_q[context_q[2*(LATENCY-1) +: 2]];

                npu_vector_across #(
                    .LANES    (LANES)
                ) u_across (
                    .clk      (clk),
                    .rst      (rst),
                    .in_valid (leaves[6] && across6),
                    .kind     (kind_q[context_q[2*6 +: 2]]),
                    .is_float (is_float_q[context_q[2*6 +: 2]]),
                    .in       (chosen_q),
                    .out      (total)
                );

                npu_delay #(
                    .WIDTH     (LANES * 32),
                    .DEPTH     (1 << $clog2(TREE_LATENCY))
                ) u_around (
                    .clk       (clk),
                    .rst       (rst),
                    .push      (leaves[6] && !across6),
                    .push_data (chosen_q),
                    .pop       (leaves[LATENCY-1] && !across_end),
                    .pop_data  (around)
                );

                always @(posedge clk) begin
                    if (leaves[LATENCY-1]) begin
                        acc_q <= across_end ? {LANES{total}} : around;
                    end
                end

                assign acc = acc_q;
            end else begin : gen_one_lane
                assign acc = chosen_q;

                wire unused_across = &{1'b0, across_q[0], across_q[1], across_q[2], across_q[3]};
            end

            wire unused_leaves = &{1'b0, leaves};
        end
    endgenerate

endmodule

`default_nettype wire
