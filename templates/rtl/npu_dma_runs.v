// Addresses of the runs of a LOAD or STORE launch: walks the four run loops, splits each run into
// fill, fetched bytes and fill (with ENABLE_CLIP), checks that the fetched bytes lie in the DRAM
// region of the launch, and gives one run per cycle. A run outside stops the module until reset.
`default_nettype none

module npu_dma_runs #(
    parameter ADDR_W      = 64,
    parameter ENABLE_CLIP = 1
) (
    input  wire              clk,
    input  wire              rst,

    // Configuration of a launch, sampled when it is accepted.
    input  wire              start_valid,
    output wire              start_ready,
    input  wire [63:0]       region_base,
    input  wire [63:0]       region_size,
    input  wire [39:0]       offset,
    input  wire [23:0]       run_bytes,
    input  wire [4*16-1:0]   count,
    input  wire [4*32-1:0]   stride,
    input  wire              clip,
    input  wire [15:0]       y_start,              // signed
    input  wire [15:0]       y_limit,
    input  wire [4*12-1:0]   y_step,               // signed
    input  wire [23:0]       x_start,              // signed
    input  wire [23:0]       x_limit,
    input  wire [4*12-1:0]   x_step,               // signed

    output wire              run_valid,
    input  wire              run_ready,
    output wire [ADDR_W-1:0] run_addr,             // of the first fetched byte
    output wire [23:0]       run_lead,             // bytes of fill before,
    output wire [23:0]       run_fetch,            // fetched bytes,
    output wire [23:0]       run_tail,             // and fill behind them
    output wire              run_last,             // of the launch

    output wire              fault_valid,          // level
    output wire [39:0]       fault_address
);

    // Offsets in the region: 40 bits plus four terms of 47 bits and sign. Coordinates: four terms
    // of 27 bits and sign. Both are exact.
    localparam OFFSET_W = 52;
    localparam COORD_W  = 32;

    reg [63:0]             base_q;
    reg [63:0]             size_q;
    reg [23:0]             bytes_q;
    reg [4*OFFSET_W-1:0]   stride_q;

    wire                   start = start_valid && start_ready;
    wire                   active;
    wire                   last;
    wire [3:0]             first_index;
    wire [3:0]             wraps;
    wire [3:0]             advance;
    wire [OFFSET_W-1:0]    place;                  // offset of the run in its region
    wire                   move;                   // the pipeline advances
    wire [24:0]            lead_end;               // first byte that is fetched, from stage 2
    wire [24:0]            fetch_end;              // first byte behind the fetched ones
    wire                   fetches;                // there are fetched bytes

    npu_loop_nest #(
        .LEVELS  (4),
        .COUNT_W (16)
    ) u_nest (
        .clk         (clk),
        .rst         (rst),
        .start       (start),
        .count       (count),
        .step        (active && move),
        .active      (active),
        .last        (last),
        .first_index (first_index),
        .wraps       (wraps),
        .advance     (advance)
    );

    npu_loop_track #(
        .LEVELS (4),
        .WIDTH  (OFFSET_W)
    ) u_offset (
        .clk     (clk),
        .start   (start),
        .base    ({12'd0, offset}),
        .stride  (stride_q),
        .step    (active && move),
        .advance (advance),
        .value   (place)
    );

    genvar i;
    generate
        for (i = 0; i < 4; i = i + 1) begin : gen_stride
            always @(posedge clk) begin
                if (start) begin
                    stride_q[i*OFFSET_W +: OFFSET_W]
                        <= {{(OFFSET_W-32){stride[i*32+31]}}, stride[i*32 +: 32]};
                end
            end
        end
    endgenerate

    always @(posedge clk) begin
        if (start) begin
            base_q  <= region_base;
            size_q  <= region_size;
            bytes_q <= run_bytes;
        end
    end

    // Stage 1: coordinates against their limits. Stage 2: clamped to the run. Stage 3: lengths.
    // Stage 4: region check and address. A launch without clipping enters at stage 3.
    wire                clipped;                   // of the launch at work
    reg                 valid1_q;
    reg                 valid2_q;
    reg                 valid3_q;
    reg                 valid4_q;
    reg                 last1_q;
    reg                 last2_q;
    reg                 last3_q;
    reg                 last4_q;
    reg [OFFSET_W-1:0]  place1_q;
    reg [OFFSET_W-1:0]  place2_q;
    reg [OFFSET_W-1:0]  first3_q;                  // offset of the first fetched byte
    reg [OFFSET_W-1:0]  end3_q;                    // and of the byte behind the last
    reg [23:0]          lead3_q;
    reg [23:0]          fetch3_q;
    reg [23:0]          tail3_q;
    reg [23:0]          lead4_q;
    reg [23:0]          fetch4_q;
    reg [23:0]          tail4_q;
    reg [63:0]          addr4_q;
    reg                 fault_q;
    reg [39:0]          fault_addr_q;
    wire [OFFSET_W-1:0] place_in = clipped ? place2_q : place;

    generate
        if (ENABLE_CLIP != 0) begin : gen_clip
            reg                    clip_q;
            reg [15:0]             y_limit_q;
            reg [23:0]             x_limit_q;
            reg [4*COORD_W-1:0]    y_step_q;
            reg [4*COORD_W-1:0]    x_step_q;
            reg                    y_in1_q;
            reg                    y_in2_q;
            reg [COORD_W-1:0]      before1_q;      // bytes before the picture's left edge: -x
            reg [COORD_W-1:0]      until1_q;       // bytes until its right edge: limit - x
            reg [24:0]             lead2_q;
            reg [24:0]             end2_q;
            wire [COORD_W-1:0]     y;
            wire [COORD_W-1:0]     x;
            wire [COORD_W-1:0]     bytes_wide = {{(COORD_W-24){1'b0}}, bytes_q};

            npu_loop_track #(
                .LEVELS (4),
                .WIDTH  (COORD_W)
            ) u_y (
                .clk     (clk),
                .start   (start),
                .base    ({{(COORD_W-16){y_start[15]}}, y_start}),
                .stride  (y_step_q),
                .step    (active && move),
                .advance (advance),
                .value   (y)
            );

            npu_loop_track #(
                .LEVELS (4),
                .WIDTH  (COORD_W)
            ) u_x (
                .clk     (clk),
                .start   (start),
                .base    ({{(COORD_W-24){x_start[23]}}, x_start}),
                .stride  (x_step_q),
                .step    (active && move),
                .advance (advance),
                .value   (x)
            );

            for (i = 0; i < 4; i = i + 1) begin : gen_step
                always @(posedge clk) begin
                    if (start) begin
                        y_step_q[i*COORD_W +: COORD_W]
                            <= {{(COORD_W-12){y_step[i*12+11]}}, y_step[i*12 +: 12]};
                        x_step_q[i*COORD_W +: COORD_W]
                            <= {{(COORD_W-12){x_step[i*12+11]}}, x_step[i*12 +: 12]};
                    end
                end
            end

            always @(posedge clk) begin
                if (start) begin
                    clip_q    <= clip;
                    y_limit_q <= y_limit;
                    x_limit_q <= x_limit;
                end
                if (move) begin
                    // A negative y is a large number without sign.
                    y_in1_q   <= (y < {{(COORD_W-16){1'b0}}, y_limit_q});
                    before1_q <= {COORD_W{1'b0}} - x;
                    until1_q  <= {{(COORD_W-24){1'b0}}, x_limit_q} - x;
                    y_in2_q   <= y_in1_q;
                    lead2_q   <= before1_q[COORD_W-1] ? 25'd0
                               : (before1_q > bytes_wide) ? {1'b0, bytes_q} : before1_q[24:0];
                    end2_q    <= until1_q[COORD_W-1] ? 25'd0
                               : (until1_q > bytes_wide) ? {1'b0, bytes_q} : until1_q[24:0];
                end
            end

            assign clipped   = clip_q;
            assign lead_end  = clip_q ? lead2_q : 25'd0;
            assign fetch_end = clip_q ? end2_q : {1'b0, bytes_q};
            assign fetches   = !clip_q || (y_in2_q && (lead2_q < end2_q));
        end else begin : gen_whole
            wire unused_clip = &{1'b0, clip, y_start, y_limit, y_step, x_start, x_limit, x_step};

            assign clipped   = 1'b0;
            assign lead_end  = 25'd0;
            assign fetch_end = {1'b0, bytes_q};
            assign fetches   = 1'b1;
        end
    endgenerate

    // Inside the region: neither end is negative (their sign bits are zero) nor the second beyond.
    wire        outside = first3_q[OFFSET_W-1] || end3_q[OFFSET_W-1]
                       || ({{(64-OFFSET_W){1'b0}}, end3_q} > size_q);
    wire        breach  = valid3_q && (fetch3_q != 24'd0) && outside;
    wire [63:0] address = base_q + {{(64-OFFSET_W){first3_q[OFFSET_W-1]}}, first3_q};

    assign move          = (!valid4_q || run_ready) && !fault_q;
    assign start_ready   = !active && !valid1_q && !valid2_q && !valid3_q && !fault_q;
    assign run_valid     = valid4_q;
    assign run_addr      = addr4_q[ADDR_W-1:0];
    assign run_lead      = lead4_q;
    assign run_fetch     = fetch4_q;
    assign run_tail      = tail4_q;
    assign run_last      = last4_q;
    assign fault_valid   = fault_q;
    assign fault_address = fault_addr_q;

    always @(posedge clk) begin
        if (rst) begin
            valid1_q <= 1'b0;
            valid2_q <= 1'b0;
            valid3_q <= 1'b0;
            valid4_q <= 1'b0;
            fault_q  <= 1'b0;
        end else if (move) begin
            valid1_q <= active && clipped;
            valid2_q <= valid1_q;
            valid3_q <= clipped ? valid2_q : active;
            valid4_q <= valid3_q && !breach;
            fault_q  <= breach;
        end else if (run_ready) begin
            valid4_q <= 1'b0;
        end
    end

    always @(posedge clk) begin
        if (move) begin
            last1_q  <= last;
            last2_q  <= last1_q;
            last3_q  <= clipped ? last2_q : last;
            last4_q  <= last3_q;
            place1_q <= place;
            place2_q <= place1_q;
            first3_q <= place_in + {{(OFFSET_W-25){1'b0}}, lead_end};
            end3_q   <= place_in + {{(OFFSET_W-25){1'b0}}, fetch_end};
            lead3_q  <= fetches ? lead_end[23:0] : bytes_q;
            fetch3_q <= fetches ? fetch_end[23:0] - lead_end[23:0] : 24'd0;
            tail3_q  <= fetches ? bytes_q - fetch_end[23:0] : 24'd0;
            lead4_q  <= lead3_q;
            fetch4_q <= fetch3_q;
            tail4_q  <= tail3_q;
            addr4_q  <= address;
            if (breach) begin
                fault_addr_q <= address[39:0];
            end
        end
    end

    generate
        if (ADDR_W < 64) begin : gen_high
            wire unused_high = &{1'b0, addr4_q[63:ADDR_W]};
        end
    endgenerate

    wire unused_nest = &{1'b0, first_index, wraps, lead_end[24], fetch_end[24]};

endmodule

`default_nettype wire
