// Issues activation vectors: one IBUF request per cycle and RD_LATENCY cycles later the vector at
// the array. Runs the loop nest of a launch, launch after launch without a gap, and decides when a
// vector must wait: for the tile's weights, for the distance that the accumulators need, and in
// the last pass for a residual vector or for the output port.
`default_nettype none

module npu_gemm_issue #(
    parameter ROWS       = 16,
    parameter ACT_W      = 8,
    parameter RD_LATENCY = 3,
    parameter META_W     = 38                      // fixed: width of `meta`
) (
    input  wire                  clk,
    input  wire                  rst,
    input  wire                  halt,

    input  wire                  launch,           // one beat per launch; at most 4 wait
    input  wire [1:0]            launch_context,
    input  wire                  launch_accumulate,
    input  wire                  launch_keep,
    input  wire                  launch_residual,
    input  wire [8:0]            launch_beats,     // words per output vector
    input  wire [23:0]           launch_addr,
    input  wire [95:0]           launch_count,     // {n, kh, kw, kc, oh, ow}
    input  wire [143:0]          launch_stride,
    input  wire [47:0]           launch_window_y,  // {step_kh, step_oh, limit, start}
    input  wire [47:0]           launch_window_x,  // {step_kw, step_ow, limit, start}
    input  wire [ACT_W-1:0]      launch_pad,
    input  wire [15:0]           launch_obuf,
    input  wire [15:0]           launch_param,

    input  wire                  weights_ready,
    output wire                  weights_claim,
    input  wire                  residual_ready,
    output wire                  residual_claim,

    output wire                  x_rd_valid,
    output wire [23:0]           x_rd_addr,
    input  wire [ROWS*ACT_W-1:0] x_rd_data,

    output wire                  x_valid,          // to the array
    output wire                  x_first,
    output wire [ROWS*ACT_W-1:0] x,

    // With the request: {last of launch, first of block, drain, replace, context, param, obuf}.
    output wire                  meta_valid,
    output wire [META_W-1:0]     meta,

    output wire                  bubble_weights,
    output wire                  bubble_residual,
    output wire                  bubble_other
);

    localparam LAUNCH_W = 5 + 9 + 24 + 96 + 144 + 96 + ACT_W + 32;
    localparam WINDOW_W = 26;                      // exact for every start, count and step
    localparam [1:0] PASS_GAP = 2'd3;              // passes start 4 cycles apart or more

    // ---- The launch under way and the next one ----------------------------------------------

    wire                next_valid;
    wire [LAUNCH_W-1:0] next;
    wire                next_take;
    wire [1:0]          next_context;
    wire                next_accumulate;
    wire                next_keep;
    wire                next_residual;
    wire [8:0]          next_beats;
    wire [23:0]         next_addr;
    wire [95:0]         next_count;
    wire [143:0]        next_stride;
    wire [47:0]         next_window_y;
    wire [47:0]         next_window_x;
    wire [ACT_W-1:0]    next_pad;
    wire [15:0]         next_obuf;
    wire [15:0]         next_param;

    wire       unused_push_ready;
    wire [2:0] unused_level;

    npu_fifo #(
        .WIDTH      (LAUNCH_W),
        .DEPTH      (4)
    ) u_launches (
        .clk        (clk),
        .rst        (rst),
        .push_valid (launch),
        .push_ready (unused_push_ready),
        .push_data  ({launch_context, launch_accumulate, launch_keep, launch_residual,
                      launch_beats, launch_addr, launch_count, launch_stride, launch_window_y,
                      launch_window_x, launch_pad, launch_obuf, launch_param}),
        .pop_valid  (next_valid),
        .pop_ready  (next_take),
        .pop_data   (next),
        .level      (unused_level)
    );

    assign {next_context, next_accumulate, next_keep, next_residual, next_beats, next_addr,
            next_count, next_stride, next_window_y, next_window_x, next_pad, next_obuf,
            next_param} = next;

    reg  [1:0]       context_q;
    reg              accumulate_q;
    reg              keep_q;
    reg              residual_q;
    reg  [7:0]       last_beat_q;
    reg  [143:0]     stride_q;
    reg  [31:0]      limits_q;                     // {x, y}
    reg  [31:0]      steps_q;                      // {kw, ow, kh, oh}
    reg  [ACT_W-1:0] pad_q;
    reg  [15:0]      base_obuf_q;
    reg  [15:0]      obuf_q;
    reg  [15:0]      param_q;
    reg              same_obuf_q;                  // as the previous launch

    wire [8:0]       next_last_beat = next_beats - 9'd1;
    wire             unused_last_beat = &{1'b0, next_last_beat[8]};

    // ---- Loop nest: vectors of a pass, passes of a launch -----------------------------------

    wire       fire;
    wire       active;
    wire       vector_last;
    wire [1:0] vector_first;
    wire [1:0] vector_advance;
    wire       pass_end = fire && vector_last;
    wire       launch_end;
    wire [3:0] pass_first;
    wire [3:0] pass_wraps;
    wire [3:0] pass_advance;
    wire       unused_vector_active;
    wire [1:0] unused_vector_wraps;
    wire       unused_pass = &{1'b0, pass_first[3], pass_wraps[3], pass_wraps[1:0]};

    npu_loop_nest #(
        .LEVELS      (2),
        .COUNT_W     (16)
    ) u_vectors (
        .clk         (clk),
        .rst         (rst),
        .start       (next_take),
        .count       (next_count[31:0]),
        .step        (fire),
        .active      (unused_vector_active),
        .last        (vector_last),
        .first_index (vector_first),
        .wraps       (unused_vector_wraps),
        .advance     (vector_advance)
    );

    npu_loop_nest #(
        .LEVELS      (4),
        .COUNT_W     (16)
    ) u_passes (
        .clk         (clk),
        .rst         (rst),
        .start       (next_take),
        .count       (next_count[95:32]),
        .step        (pass_end),
        .active      (active),
        .last        (launch_end),
        .first_index (pass_first),
        .wraps       (pass_wraps),
        .advance     (pass_advance)
    );

    wire       of_first_vector = &vector_first;
    wire       of_first_pass   = &pass_first[2:0];
    wire       of_last_pass    = pass_wraps[2];
    wire [5:0] advance = {vector_last ? pass_advance : 4'd0, vector_advance};

    npu_loop_track #(
        .LEVELS  (6),
        .WIDTH   (24)
    ) u_address (
        .clk     (clk),
        .start   (next_take),
        .base    (next_addr),
        .stride  (stride_q),
        .step    (fire),
        .advance (advance),
        .value   (x_rd_addr)
    );

    wire [WINDOW_W-1:0] at_y;
    wire [WINDOW_W-1:0] at_x;
    wire [WINDOW_W-1:0] step_oh = {{(WINDOW_W-8){1'b0}}, steps_q[7:0]};
    wire [WINDOW_W-1:0] step_kh = {{(WINDOW_W-8){1'b0}}, steps_q[15:8]};
    wire [WINDOW_W-1:0] step_ow = {{(WINDOW_W-8){1'b0}}, steps_q[23:16]};
    wire [WINDOW_W-1:0] step_kw = {{(WINDOW_W-8){1'b0}}, steps_q[31:24]};
    wire [WINDOW_W-1:0] none    = {WINDOW_W{1'b0}};

    npu_loop_track #(
        .LEVELS  (6),
        .WIDTH   (WINDOW_W)
    ) u_window_y (
        .clk     (clk),
        .start   (next_take),
        .base    ({{(WINDOW_W-16){next_window_y[15]}}, next_window_y[15:0]}),
        .stride  ({none, step_kh, none, none, step_oh, none}),
        .step    (fire),
        .advance (advance),
        .value   (at_y)
    );

    npu_loop_track #(
        .LEVELS  (6),
        .WIDTH   (WINDOW_W)
    ) u_window_x (
        .clk     (clk),
        .start   (next_take),
        .base    ({{(WINDOW_W-16){next_window_x[15]}}, next_window_x[15:0]}),
        .stride  ({none, none, step_kw, none, none, step_ow}),
        .step    (fire),
        .advance (advance),
        .value   (at_x)
    );

    // A negative coordinate is a large unsigned one.
    wire in_window = (at_y < {{(WINDOW_W-16){1'b0}}, limits_q[15:0]})
               && (at_x < {{(WINDOW_W-16){1'b0}}, limits_q[31:16]});

    // ---- When to issue ------------------------------------------------------------------------

    reg  [1:0] gap_q;                              // cycles until a pass may start
    reg  [1:0] recent_q;                           // vectors of the last two cycles
    reg  [7:0] port_q;                             // cycles until the output port is free

    wire drains    = of_last_pass && !keep_q;
    // Another place in OBUF may meet a vector still being added to: let those pass first.
    wire obuf_wait = of_first_pass && accumulate_q && !same_obuf_q && (recent_q != 2'd0);
    wire no_weights  = of_first_vector && !weights_ready;
    wire no_residual = drains && residual_q && !residual_ready;
    wire no_slot     = (of_first_vector && (gap_q != 2'd0 || obuf_wait))
                    || (drains && port_q != 8'd0);

    assign fire           = active && !halt && !no_weights && !no_residual && !no_slot;
    assign weights_claim  = fire && of_first_vector;
    assign residual_claim = fire && drains && residual_q;
    assign next_take      = next_valid && (!active || (pass_end && launch_end));
    assign x_rd_valid     = fire && in_window;
    assign meta_valid     = fire;
    assign meta           = {pass_end && launch_end, of_first_vector, drains,
                             of_first_pass && !accumulate_q, context_q, param_q, obuf_q};

    assign bubble_weights  = active && !halt && no_weights;
    assign bubble_residual = active && !halt && !no_weights && no_residual;
    assign bubble_other    = active && !halt && !no_weights && !no_residual && no_slot;

    always @(posedge clk) begin
        if (rst) begin
            gap_q    <= 2'd0;
            recent_q <= 2'd0;
            port_q   <= 8'd0;
        end else begin
            recent_q <= {recent_q[0], fire};
            if (weights_claim) begin
                gap_q <= PASS_GAP;
            end else if (gap_q != 2'd0) begin
                gap_q <= gap_q - 2'd1;
            end
            if (fire && drains) begin
                port_q <= last_beat_q;
            end else if (port_q != 8'd0) begin
                port_q <= port_q - 8'd1;
            end
        end
    end

    always @(posedge clk) begin
        if (next_take) begin
            context_q    <= next_context;
            accumulate_q <= next_accumulate;
            keep_q       <= next_keep;
            residual_q   <= next_residual;
            last_beat_q  <= next_last_beat[7:0];
            stride_q     <= next_stride;
            limits_q     <= {next_window_x[31:16], next_window_y[31:16]};
            steps_q      <= {next_window_x[47:32], next_window_y[47:32]};
            pad_q        <= next_pad;
            base_obuf_q  <= next_obuf;
            obuf_q       <= next_obuf;
            param_q      <= next_param;
            same_obuf_q  <= (next_obuf == base_obuf_q);
        end else if (fire) begin
            obuf_q       <= vector_last ? base_obuf_q : obuf_q + 16'd1;
            if (pass_end && pass_advance[3]) begin
                param_q  <= param_q + 16'd1;
            end
        end
    end

    // ---- From the request to the array --------------------------------------------------------

    reg  [RD_LATENCY-1:0] valid_q;
    wire [RD_LATENCY:0]   valid = {valid_q, fire};
    wire                  in_window_late;
    wire [ACT_W-1:0]      pad_late;

    assign x_valid = valid[RD_LATENCY];
    assign x       = in_window_late ? x_rd_data : {ROWS{pad_late}};

    always @(posedge clk) begin
        if (rst) begin
            valid_q <= {RD_LATENCY{1'b0}};
        end else begin
            valid_q <= valid[RD_LATENCY-1:0];
        end
    end

    npu_shift #(
        .WIDTH (ACT_W + 2),
        .DEPTH (RD_LATENCY)
    ) u_request_to_data (
        .clk   (clk),
        .in    ({of_first_vector, in_window, pad_q}),
        .out   ({x_first, in_window_late, pad_late})
    );

endmodule

`default_nettype wire
