// Walks through the elements of a launch: asks for operand a, computes the address of the result
// and tells the lanes, through the element queue, what each element is. A launch may start in the
// cycle of its predecessor's last step, so that launches follow each other without a bubble.
//
// Depthwise: the innermost loop walks positions of a row, loops 1 and 2 are the reduction, and an
// output belongs to the position at which its last tap enters the window.
//
// Interleaved reductions leave the innermost loop free and reduce over those around it: results
// leave in the last sweep.
`default_nettype none

module npu_vector_issue #(
    parameter TAPS  = 3,                           // 1 to 4
    parameter DEPTH = 8                            // element queue
) (
    input  wire         clk,
    input  wire         rst,

    // A launch; all of this is sampled with `start`, which needs `free`.
    input  wire         start,
    output wire         free,
    input  wire [1:0]   start_context,
    input  wire         start_depthwise,
    input  wire         start_vmem,                // a comes from VMEM
    input  wire         start_second,              // elements take a word of operand b
    input  wire         start_residual,
    input  wire         start_channel,
    input  wire [1:0]   start_dst,
    input  wire         start_reduce,
    input  wire [1:0]   start_levels,
    input  wire         start_interleave,          // with start_reduce
    input  wire [95:0]  start_count,               // six loops, innermost lowest
    input  wire [23:0]  start_a_addr,
    input  wire [143:0] start_a_stride,
    input  wire [23:0]  start_dst_addr,
    input  wire [143:0] start_dst_stride,
    input  wire [15:0]  start_y,
    input  wire [15:0]  start_y_limit,
    input  wire [47:0]  start_y_step,
    input  wire [15:0]  start_x,
    input  wire [15:0]  start_x_limit,
    input  wire [47:0]  start_x_step,
    input  wire [3:0]   start_tap_skip,            // positions per output
    input  wire [19:0]  start_out_stride,

    // Operand a.
    output wire         a_valid,
    input  wire         a_ready,
    output wire         a_vmem,
    output wire [23:0]  a_addr,

    // Elements, in order.
    output wire         element_valid,
    input  wire         element_ready,
    output wire [1:0]   element_context,
    output wire         element_depthwise,
    output wire         element_second,            // takes a word of operand b
    output wire         element_residual,
    output wire         element_channel,
    output wire         element_inside,            // takes a word of operand a, else it is `pad`
    output wire         element_first,             // first of its reduction
    output wire         element_result,            // last of its reduction: something leaves
    output wire         element_void,              // ... which is not written
    output wire         element_row_start,         // first iteration of the innermost loop
    output wire         element_output,            // depthwise: an output ends here
    output wire         element_outer,             // last of an iteration of the outermost loop
    output wire         element_last,              // last of the launch
    output wire [1:0]   element_dst,
    output wire [23:0]  element_addr,

    output wire         active
);

    localparam COORD_W   = 27;                     // exact for every start, count and step
    localparam ELEMENT_W = 40;
    localparam LEVEL_W   = $clog2(DEPTH + 1);
    localparam LEAD_IN   = TAPS - 1;               // positions before the first output of a row
    localparam [3:0] LEAD = LEAD_IN[3:0];

    reg [1:0]   context_q;
    reg         depthwise_q;
    reg         vmem_q;
    reg         second_q;
    reg         residual_q;
    reg         channel_q;
    reg [1:0]   dst_q;
    reg         interleave_q;
    reg [4:0]   spans_q;                           // loops 0 to 4: inside the reduction
    reg [143:0] a_stride_q;
    reg [143:0] dst_stride_q;
    reg [15:0]  y_limit_q;
    reg [15:0]  x_limit_q;
    reg [47:0]  y_step_q;
    reg [47:0]  x_step_q;
    reg [3:0]   tap_skip_q;

    wire [3:0] deep  = {start_levels == 2'd3, start_levels[1], start_levels != 2'd0, 1'b1};
    wire [4:0] spans = {5{start_reduce}} & (start_interleave ? {deep, 1'b0} : {1'b0, deep});

    // ---- Loops ----------------------------------------------------------------------------
    // Two nests, because depthwise asks for the end of loops 1 and 2 at any position.

    wire       step;
    wire       row_active;
    wire       row_last;
    wire       row_first;
    wire       row_wraps;
    wire       row_advance;
    wire       outer_last;
    wire [4:0] outer_first;
    wire [4:0] outer_wraps;
    wire [4:0] outer_advance;
    wire [5:0] advance = {outer_advance & {5{row_last}}, row_advance};
    wire       last    = row_last && outer_last;

    assign free = !active || (step && last);

    npu_loop_nest #(
        .LEVELS      (1),
        .COUNT_W     (16)
    ) u_row (
        .clk         (clk),
        .rst         (rst),
        .start       (start),
        .count       (start_count[15:0]),
        .step        (step),
        .active      (row_active),
        .last        (row_last),
        .first_index (row_first),
        .wraps       (row_wraps),
        .advance     (row_advance)
    );

    npu_loop_nest #(
        .LEVELS      (5),
        .COUNT_W     (16)
    ) u_outer (
        .clk         (clk),
        .rst         (rst),
        .start       (start),
        .count       (start_count[95:16]),
        .step        (step && row_last),
        .active      (active),
        .last        (outer_last),
        .first_index (outer_first),
        .wraps       (outer_wraps),
        .advance     (outer_advance)
    );

    wire unused_nest = &{1'b0, row_active, row_wraps, outer_first[4], outer_wraps[4]};

    // ---- Addresses and coordinates --------------------------------------------------------

    wire [143:0]         dst_stride;
    wire [6*COORD_W-1:0] y_step;
    wire [6*COORD_W-1:0] x_step;
    wire [COORD_W-1:0]   y;
    wire [COORD_W-1:0]   x;
    wire [23:0]          dst_addr;
    wire                 output_here;

    genvar i;
    generate
        for (i = 0; i < 6; i = i + 1) begin : gen_stride
            if (i == 0) begin : gen_row
                assign dst_stride[23:0] = start_depthwise
                    ? {{4{start_out_stride[19]}}, start_out_stride}
                    : (start_dst_stride[23:0] & {24{!spans[0]}});
            end else if (i < 3) begin : gen_window
                assign dst_stride[24*i +: 24] = start_dst_stride[24*i +: 24]
                    & {24{!start_depthwise && !spans[i]}};
            end else if (i < 5) begin : gen_reducible
                assign dst_stride[24*i +: 24] = start_dst_stride[24*i +: 24]
                    & {24{start_depthwise || !spans[i]}};
            end else begin : gen_free
                assign dst_stride[24*i +: 24] = start_dst_stride[24*i +: 24];
            end

            assign y_step[COORD_W*i +: COORD_W] = {{(COORD_W-8){y_step_q[8*i+7]}},
                                                   y_step_q[8*i +: 8]};
            assign x_step[COORD_W*i +: COORD_W] = {{(COORD_W-8){x_step_q[8*i+7]}},
                                                   x_step_q[8*i +: 8]};
        end
    endgenerate

    npu_loop_track #(
        .LEVELS  (6),
        .WIDTH   (24)
    ) u_a (
        .clk     (clk),
        .start   (start),
        .base    (start_a_addr),
        .stride  (a_stride_q),
        .step    (step),
        .advance (advance),
        .value   (a_addr)
    );

    // In a depthwise row the result's address moves with the outputs, not with the positions.
    npu_loop_track #(
        .LEVELS  (6),
        .WIDTH   (24)
    ) u_dst (
        .clk     (clk),
        .start   (start),
        .base    (start_dst_addr),
        .stride  (dst_stride_q),
        .step    (step && (!depthwise_q || row_last || output_here)),
        .advance (advance),
        .value   (dst_addr)
    );

    npu_loop_track #(
        .LEVELS  (6),
        .WIDTH   (COORD_W)
    ) u_y (
        .clk     (clk),
        .start   (start),
        .base    ({{(COORD_W-16){start_y[15]}}, start_y}),
        .stride  (y_step),
        .step    (step),
        .advance (advance),
        .value   (y)
    );

    npu_loop_track #(
        .LEVELS  (6),
        .WIDTH   (COORD_W)
    ) u_x (
        .clk     (clk),
        .start   (start),
        .base    ({{(COORD_W-16){start_x[15]}}, start_x}),
        .stride  (x_step),
        .step    (step),
        .advance (advance),
        .value   (x)
    );

    // As unsigned numbers, negative coordinates are above every limit.
    wire in_image = (y < {{(COORD_W-16){1'b0}}, y_limit_q})
                 && (x < {{(COORD_W-16){1'b0}}, x_limit_q});

    // ---- Depthwise outputs ----------------------------------------------------------------

    reg [3:0] wait_q;                              // positions to the next output

    assign output_here = (wait_q == 4'd0);

    always @(posedge clk) begin
        if (start || (step && row_last)) begin
            wait_q <= LEAD;
        end else if (step) begin
            wait_q <= output_here ? tap_skip_q - 4'd1 : wait_q - 4'd1;
        end
    end

    // ---- Elements -------------------------------------------------------------------------

    wire               queue_ready;
    wire [LEVEL_W-1:0] queue_level;

    wire whole_outer = row_last && outer_wraps[3];
    wire first = depthwise_q ? (outer_first[0] && outer_first[1])
                             : &({outer_first[3:0], row_first} | ~spans_q);
    wire ends  = depthwise_q ? (output_here && outer_wraps[1])
                             : &({outer_wraps[3:0] & {4{row_last || interleave_q}}, row_last}
                                 | ~spans_q);
    // Each outermost iteration ends with a result, even if no output falls on its last position.
    wire result = ends || whole_outer;

    assign a_valid = active && queue_ready && in_image;
    assign a_vmem  = vmem_q;
    assign step    = active && queue_ready && (a_ready || !in_image);

    npu_fifo #(
        .WIDTH      (ELEMENT_W),
        .DEPTH      (DEPTH)
    ) u_elements (
        .clk        (clk),
        .rst        (rst),
        .push_valid (step),
        .push_ready (queue_ready),
        .push_data  ({context_q, depthwise_q, second_q, residual_q, channel_q, in_image, first,
                      result, !ends, row_first, output_here, whole_outer, last, dst_q, dst_addr}),
        .pop_valid  (element_valid),
        .pop_ready  (element_ready),
        .pop_data   ({element_context, element_depthwise, element_second, element_residual,
                      element_channel, element_inside, element_first, element_result,
                      element_void, element_row_start, element_output, element_outer,
                      element_last, element_dst, element_addr}),
        .level      (queue_level)
    );

    wire unused_level = &{1'b0, queue_level};

    always @(posedge clk) begin
        if (start) begin
            context_q    <= start_context;
            depthwise_q  <= start_depthwise;
            vmem_q       <= start_vmem;
            second_q     <= start_second;
            residual_q   <= start_residual;
            channel_q    <= start_channel;
            dst_q        <= start_dst;
            interleave_q <= start_interleave;
            spans_q      <= spans;
            a_stride_q   <= start_a_stride;
            dst_stride_q <= dst_stride;
            y_limit_q    <= start_y_limit;
            x_limit_q    <= start_x_limit;
            y_step_q     <= start_y_step;
            x_step_q     <= start_x_step;
            tap_skip_q   <= start_tap_skip;
        end
    end

endmodule

`default_nettype wire
