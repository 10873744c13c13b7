// Interleaved accumulators behind the pace that the issue keeps for them.
`default_nettype none

module accumulate_bench #(
    parameter LANES   = 2,
    parameter DEPTH   = 16,
    parameter LATENCY = 5
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                start,
    input  wire [1:0]          start_context,
    input  wire                start_interleave,
    input  wire [15:0]         start_count,
    input  wire                element_valid,
    input  wire [1:0]          element_context,
    input  wire                element_sweep,
    input  wire                element_first,
    input  wire [1:0]          element_kind,
    input  wire                element_float,
    input  wire [LANES*32-1:0] element,
    output wire                fire,
    output wire                out_valid,
    output wire [LANES*32-1:0] out
);

    wire                clear;
    reg  [LATENCY+1:1]  valid_q;
    reg  [1:0]          kind_q;
    reg                 float_q;
    reg  [LANES*32-1:0] in_q;

    assign fire      = element_valid && clear;
    assign out_valid = valid_q[LATENCY+1];

    always @(posedge clk) begin
        if (rst) begin
            valid_q <= {(LATENCY + 1){1'b0}};
        end else begin
            valid_q <= {valid_q[LATENCY:1], fire};
        end
        kind_q  <= element_kind;
        float_q <= element_float;
        in_q    <= element;
    end

    npu_vector_pace u_pace (
        .clk              (clk),
        .rst              (rst),
        .start            (start),
        .start_context    (start_context),
        .start_interleave (start_interleave),
        .start_count      (start_count),
        .element_context  (element_context),
        .element_first    (element_first),
        .fire             (fire),
        .clear            (clear)
    );

    npu_vector_accumulate #(
        .LANES      (LANES),
        .DEPTH      (DEPTH)
    ) u_accumulate (
        .clk        (clk),
        .rst        (rst),
        .next_valid (fire),
        .next_sweep (element_sweep),
        .next_first (element_first),
        .kind       (kind_q),
        .is_float   (float_q),
        .in         (in_q),
        .out        (out)
    );

endmodule

`default_nettype wire
