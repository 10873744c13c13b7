// Asks for operand b, independently of the elements' walk: their words come in the same order.
// Depthwise: b are the weights, and the innermost loop runs through the taps of a row segment.
`default_nettype none

module npu_vector_second #(
    parameter TAPS = 3                             // 1 to 4
) (
    input  wire         clk,
    input  wire         rst,

    input  wire         start,                     // only when `free`
    output wire         free,
    input  wire         start_depthwise,
    input  wire         start_vmem,
    input  wire [95:0]  start_count,               // six loops, innermost lowest
    input  wire [23:0]  start_addr,
    input  wire [143:0] start_stride,
    input  wire [23:0]  start_tap_stride,

    output wire         b_valid,
    input  wire         b_ready,
    output wire         b_vmem,
    output wire         b_weight,                  // a depthwise weight
    output wire [23:0]  b_addr
);

    localparam [15:0] TAP_COUNT = TAPS[15:0];

    reg          vmem_q;
    reg          weight_q;
    reg  [143:0] stride_q;
    wire         active;
    wire         last;
    wire [5:0]   first_index;
    wire [5:0]   wraps;
    wire [5:0]   advance;
    wire         step = active && b_ready;

    assign b_valid  = active;
    assign b_vmem   = vmem_q;
    assign b_weight = weight_q;
    assign free     = !active || (step && last);

    npu_loop_nest #(
        .LEVELS      (6),
        .COUNT_W     (16)
    ) u_nest (
        .clk         (clk),
        .rst         (rst),
        .start       (start),
        .count       ({start_count[95:16], start_depthwise ? TAP_COUNT : start_count[15:0]}),
        .step        (step),
        .active      (active),
        .last        (last),
        .first_index (first_index),
        .wraps       (wraps),
        .advance     (advance)
    );

    npu_loop_track #(
        .LEVELS  (6),
        .WIDTH   (24)
    ) u_addr (
        .clk     (clk),
        .start   (start),
        .base    (start_addr),
        .stride  (stride_q),
        .step    (step),
        .advance (advance),
        .value   (b_addr)
    );

    always @(posedge clk) begin
        if (start) begin
            vmem_q   <= start_vmem && !start_depthwise;
            weight_q <= start_depthwise;
            stride_q <= {start_stride[143:24],
                         start_depthwise ? start_tap_stride : start_stride[23:0]};
        end
    end

    wire unused_nest = &{1'b0, first_index, wraps};

endmodule

`default_nettype wire
