// The array as a grid of cells, two columns to a cell, cut into segments of at most 16 rows whose
// sums a registered tree adds. Activations enter row i delayed by i cycles and hop one cell to the
// right per cycle; sums flow down. `x_first` travels with its activation and swaps the weights of
// each cell it passes: the change-over is a diagonal wave and costs nothing.
// Shadow weights shift down under a thermometer of enables: row i begins with step i and all rows
// end together, so no row loses its weights before the wave has taken them.
`default_nettype none

module npu_array_systolic #(
    parameter ROWS     = 16,
    parameter COLS     = 16,
    parameter ACT_W    = 8,
    parameter WGT_W    = 8,
    parameter SEGMENTS = 1,
    parameter SEG_ROWS = 16,
    parameter CELL     = 1                         // 0 dsp48e2 (ACT_W = WGT_W = 8), 1 generic
) (
    input  wire                           clk,
    input  wire                           x_valid,
    input  wire                           x_first,
    input  wire [ROWS*ACT_W-1:0]          x,
    input  wire                           w_valid,
    input  wire                           w_first,
    input  wire [SEGMENTS*COLS*WGT_W-1:0] w,
    output wire [COLS*32-1:0]             y
);

    localparam PAIRS = (COLS + 1) / 2;
    localparam CHAIN_W = (CELL == 0) ? 30 : 2 * WGT_W;     // weights between cells
    localparam SUM_W   = (CELL == 0) ? 48 : 64;            // sums between cells
    localparam LEVELS  = $clog2(SEGMENTS);
    localparam TREE    = 1 << LEVELS;

    generate
        if (CELL == 0 && (ACT_W != 8 || WGT_W != 8)) begin : gen_width_check
            npu_error_dsp48e2_cell_needs_8_bit_activations_and_weights u_error ();
        end
    endgenerate

    // Row and column padding: surplus rows and the missing half of a lone column are zero.
    wire [SEGMENTS*SEG_ROWS*ACT_W-1:0] x_all;
    wire [SEGMENTS*2*PAIRS*WGT_W-1:0]  w_all;

    genvar s;
    genvar i;
    genvar j;
    generate
        if (SEGMENTS * SEG_ROWS > ROWS) begin : gen_pad_rows
            assign x_all = {{((SEGMENTS * SEG_ROWS - ROWS) * ACT_W){1'b0}}, x};
        end else begin : gen_all_rows
            assign x_all = x;
        end
        for (s = 0; s < SEGMENTS; s = s + 1) begin : gen_pad_cols
            assign w_all[s*2*PAIRS*WGT_W +: COLS*WGT_W] = w[s*COLS*WGT_W +: COLS*WGT_W];
            if (COLS % 2 != 0) begin : gen_lone
                assign w_all[(s*2*PAIRS+COLS)*WGT_W +: WGT_W] = {WGT_W{1'b0}};
            end
        end
    endgenerate

    // Enables of the shadow chain, one per row.
    reg  [SEG_ROWS-1:0] thermometer_q;
    reg  [SEG_ROWS-1:0] load_q;
    wire [SEG_ROWS:0]   thermometer_up = {thermometer_q, 1'b1};
    wire [SEG_ROWS-1:0] thermometer = w_first ? {{(SEG_ROWS-1){1'b0}}, 1'b1}
                                              : thermometer_up[SEG_ROWS-1:0];
    wire                unused_thermometer = &{1'b0, thermometer_up[SEG_ROWS]};

    always @(posedge clk) begin
        if (w_valid) begin
            thermometer_q <= thermometer;
        end
        load_q <= w_valid ? thermometer : {SEG_ROWS{1'b0}};
    end

    // Swap and load waves, shared by the segments: bit j of row i is for cell j.
    wire [SEG_ROWS*PAIRS-1:0] swap;
    wire [SEG_ROWS*PAIRS-1:0] load;
    reg  [SEG_ROWS-1:0]       swap_q;
    wire [SEG_ROWS:0]         swap_down = {swap_q, x_valid && x_first};
    wire                      unused_swap = &{1'b0, swap_down[SEG_ROWS]};

    always @(posedge clk) begin
        swap_q <= swap_down[SEG_ROWS-1:0];
    end

    generate
        for (i = 0; i < SEG_ROWS; i = i + 1) begin : gen_wave
            if (PAIRS > 1) begin : gen_hops
                reg [PAIRS-2:0] swap_hop_q;
                reg [PAIRS-2:0] load_hop_q;

                assign swap[i*PAIRS +: PAIRS] = {swap_hop_q, swap_q[i]};
                assign load[i*PAIRS +: PAIRS] = {load_hop_q, load_q[i]};

                always @(posedge clk) begin
                    swap_hop_q <= swap[i*PAIRS +: PAIRS-1];
                    load_hop_q <= load[i*PAIRS +: PAIRS-1];
                end
            end else begin : gen_lone
                assign swap[i] = swap_q[i];
                assign load[i] = load_q[i];
            end
        end
    endgenerate

    // Grid. Row i of a segment takes its weights and sums from entry i, gives them to i + 1.
    wire [TREE*COLS*32-1:0] y_segment;

    generate
        for (s = 0; s < SEGMENTS; s = s + 1) begin : gen_segment
            wire [CHAIN_W*PAIRS-1:0] w_chain [0:SEG_ROWS];
            wire [SUM_W*PAIRS-1:0]   sum_chain [0:SEG_ROWS];
            wire [SUM_W*PAIRS-1:0]   sum_bottom;
            wire                     unused_chain = &{1'b0, w_chain[SEG_ROWS]};

            assign sum_chain[0] = {SUM_W*PAIRS{1'b0}};

            for (j = 0; j < PAIRS; j = j + 1) begin : gen_top
                wire [2*WGT_W-1:0] w_pair;

                npu_shift #(
                    .WIDTH (2 * WGT_W),
                    .DEPTH (j + 1)
                ) u_w_skew (
                    .clk   (clk),
                    .in    (w_all[(s*PAIRS+j)*2*WGT_W +: 2*WGT_W]),
                    .out   (w_pair)
                );

                if (CELL == 0) begin : gen_pack
                    wire [26:0] packed_pair = {w_pair[15:8], 19'd0}
                                            + {{19{w_pair[7]}}, w_pair[7:0]};
                    assign w_chain[0][j*30 +: 30] = {{3{packed_pair[26]}}, packed_pair};
                end else begin : gen_plain
                    assign w_chain[0][j*CHAIN_W +: CHAIN_W] = w_pair;
                end
            end

            for (i = 0; i < SEG_ROWS; i = i + 1) begin : gen_row
                wire [ACT_W-1:0]       x_skewed;
                wire [PAIRS*ACT_W-1:0] x_row;

                npu_shift #(
                    .WIDTH (ACT_W),
                    .DEPTH (i + 1)
                ) u_x_skew (
                    .clk   (clk),
                    .in    (x_all[(s*SEG_ROWS+i)*ACT_W +: ACT_W]),
                    .out   (x_skewed)
                );

                if (PAIRS > 1) begin : gen_hops
                    reg [(PAIRS-1)*ACT_W-1:0] x_hop_q;

                    assign x_row = {x_hop_q, x_skewed};

                    always @(posedge clk) begin
                        x_hop_q <= x_row[(PAIRS-1)*ACT_W-1:0];
                    end
                end else begin : gen_lone
                    assign x_row = x_skewed;
                end

                for (j = 0; j < PAIRS; j = j + 1) begin : gen_cell
                    if (CELL == 0) begin : gen_dsp48e2
                        wire [47:0] sum;

                        npu_pe_dsp48e2 #(
                            .FIRST       ((i == 0) ? 1 : 0)
                        ) u_pe (
                            .clk         (clk),
                            .load        (load[i*PAIRS+j]),
                            .swap        (swap[i*PAIRS+j]),
                            .w_in        (w_chain[i][j*30 +: 30]),
                            .w_out       (w_chain[i+1][j*30 +: 30]),
                            .x           (x_row[j*8 +: 8]),
                            .sum_in      (sum_chain[i][j*48 +: 48]),
                            .sum_cascade (sum_chain[i+1][j*48 +: 48]),
                            .sum         (sum)
                        );

                        if (i == SEG_ROWS - 1) begin : gen_bottom
                            assign sum_bottom[j*48 +: 48] = sum;
                        end else begin : gen_inner
                            wire unused_sum = &{1'b0, sum};
                        end
                    end else begin : gen_generic
                        npu_pe_generic #(
                            .ACT_W   (ACT_W),
                            .WGT_W   (WGT_W)
                        ) u_pe (
                            .clk     (clk),
                            .load    (load[i*PAIRS+j]),
                            .swap    (swap[i*PAIRS+j]),
                            .w_in    (w_chain[i][j*CHAIN_W +: CHAIN_W]),
                            .w_out   (w_chain[i+1][j*CHAIN_W +: CHAIN_W]),
                            .x       (x_row[j*ACT_W +: ACT_W]),
                            .sum_in  (sum_chain[i][j*64 +: 64]),
                            .sum_out (sum_chain[i+1][j*64 +: 64])
                        );
                    end
                end
            end

            if (CELL == 0) begin : gen_from_cells
                wire unused_cascade = &{1'b0, sum_chain[SEG_ROWS]};
            end else begin : gen_from_chain
                assign sum_bottom = sum_chain[SEG_ROWS];
            end

            // Columns leave the grid one after the other: bring them together again.
            for (j = 0; j < PAIRS; j = j + 1) begin : gen_foot
                npu_array_foot #(
                    .CELL     (CELL),
                    .SUM_W    (SUM_W),
                    .COLUMNS  ((2*j + 1 < COLS) ? 2 : 1),
                    .DEPTH    (PAIRS - j)
                ) u_foot (
                    .clk      (clk),
                    .sum      (sum_bottom[j*SUM_W +: SUM_W]),
                    .y        (y_segment[(s*COLS+2*j)*32 +: ((2*j + 1 < COLS) ? 64 : 32)])
                );
            end
        end

        for (s = SEGMENTS; s < TREE; s = s + 1) begin : gen_no_segment
            assign y_segment[s*COLS*32 +: COLS*32] = {COLS*32{1'b0}};
        end
    endgenerate

    npu_adder_tree #(
        .LEVELS (LEVELS),
        .COLS   (COLS)
    ) u_tree (
        .clk    (clk),
        .in     (y_segment),
        .out    (y)
    );

endmodule

`default_nettype wire
