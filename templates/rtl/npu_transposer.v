// Turns words of VECTOR into weight tiles of SIZE x SIZE. A row goes straight to its place in WBUF.
// Columns are collected, in order from 0, until the tile is complete; then the tile is written,
// SEG_ROWS words of WBUF in as many cycles. An address is tile * SIZE + row or column.
`default_nettype none

module npu_transposer #(
    parameter SIZE     = 16,                       // rows, columns and lanes: a power of two
    parameter ACT_W    = 8,
    parameter WGT_W    = 8,
    parameter SEGMENTS = (SIZE + 15) / 16,         // derived
    parameter SEG_ROWS = SIZE / SEGMENTS           // derived; words of a tile
) (
    input  wire                           clk,
    input  wire                           rst,

    input  wire                           in_valid,
    output wire                           in_ready,
    input  wire                           in_transpose,
    input  wire [23:0]                    in_addr,
    input  wire [SIZE*ACT_W-1:0]          in_data,
    output wire                           in_busy, // a complete tile is not all in WBUF yet

    output wire                           wr_valid,
    input  wire                           wr_ready,
    output wire [23:0]                    wr_addr, // word; the ring takes it modulo its depth
    output wire [SEGMENTS-1:0]            wr_segments,
    output wire [SEGMENTS*SIZE*WGT_W-1:0] wr_data,

    output wire                           fault_valid, // a column out of order
    output wire [23:0]                    fault_address
);

    localparam INDEX_W = (SIZE > 1) ? $clog2(SIZE) : 1;        // row or column
    localparam STEP_W  = (SEG_ROWS > 1) ? $clog2(SEG_ROWS) : 1;
    localparam SHIFT   = $clog2(SIZE);
    localparam ROW_W   = SIZE * WGT_W;
    localparam MIN_W   = (ACT_W < WGT_W) ? ACT_W : WGT_W;
    localparam SIZE_1  = SIZE - 1;
    localparam STEPS_1 = SEG_ROWS - 1;
    localparam [23:0]        INDEX_MASK = SIZE_1[23:0];
    localparam [23:0]        STEP_MASK  = STEPS_1[23:0];
    localparam [INDEX_W-1:0] LAST_INDEX = SIZE_1[INDEX_W-1:0];
    localparam [STEP_W-1:0]  LAST_STEP  = STEPS_1[STEP_W-1:0];
    localparam [31:0]        ONE        = 32'd1;

    genvar r;
    genvar s;

    // ---- Weights: the activations' low bits, sign-extended ----------------------------------

    wire [ROW_W-1:0] weights;

    generate
        for (r = 0; r < SIZE; r = r + 1) begin : gen_weight
            if (WGT_W > ACT_W) begin : gen_extend
                assign weights[r*WGT_W + MIN_W +: WGT_W - MIN_W]
                     = {(WGT_W - MIN_W){in_data[r*ACT_W + ACT_W - 1]}};
            end else if (WGT_W < ACT_W) begin : gen_cut
                wire unused_high = &{1'b0, in_data[r*ACT_W + WGT_W +: ACT_W - WGT_W]};
            end
            assign weights[r*WGT_W +: MIN_W] = in_data[r*ACT_W +: MIN_W];
        end
    endgenerate

    // ---- Columns of the tile under way ------------------------------------------------------

    reg  [INDEX_W-1:0] expected_q;                 // column that must come next
    reg  [23:0]        tile_q;
    reg                writing_q;                  // the tile is complete and goes to WBUF
    reg  [STEP_W-1:0]  step_q;

    wire [23:0]        in_tile  = in_addr >> SHIFT;
    wire [23:0]        in_index = in_addr & INDEX_MASK;
    wire [INDEX_W-1:0] index    = in_index[INDEX_W-1:0];
    wire               starts   = (expected_q == {INDEX_W{1'b0}});
    wire               in_order = (index == expected_q) && (starts || (in_tile == tile_q));
    wire               column   = in_valid && in_transpose && !writing_q;
    wire               keep     = column && in_order;
    wire               complete = keep && (index == LAST_INDEX);

    assign in_ready      = !writing_q && (in_transpose || wr_ready);
    assign in_busy       = writing_q;
    assign fault_valid   = column && !in_order;
    assign fault_address = in_addr;

    wire unused_index = &{1'b0, in_index};

    always @(posedge clk) begin
        if (rst) begin
            expected_q <= {INDEX_W{1'b0}};
            writing_q  <= 1'b0;
            step_q     <= {STEP_W{1'b0}};
        end else begin
            if (complete) begin
                expected_q <= {INDEX_W{1'b0}};
                writing_q  <= 1'b1;
            end else if (keep) begin
                expected_q <= expected_q + ONE[INDEX_W-1:0];
            end
            if (writing_q && wr_ready) begin
                if (step_q == LAST_STEP) begin
                    step_q    <= {STEP_W{1'b0}};
                    writing_q <= 1'b0;
                end else begin
                    step_q <= step_q + ONE[STEP_W-1:0];
                end
            end
        end
    end

    always @(posedge clk) begin
        if (keep) begin
            tile_q <= in_tile;
        end
    end

    // Row r of the tile holds element r of every column. A word of WBUF takes the rows of all
    // segments that stand at the same step.
    wire [SEGMENTS*ROW_W-1:0] step_data;
    reg  [SIZE*ROW_W-1:0]     tile_data_q;

    generate
        for (r = 0; r < SIZE; r = r + 1) begin : gen_row
            for (s = 0; s < SIZE; s = s + 1) begin : gen_column
                always @(posedge clk) begin
                    if (keep && (index == s[INDEX_W-1:0])) begin
                        tile_data_q[(r*SIZE + s)*WGT_W +: WGT_W] <= weights[r*WGT_W +: WGT_W];
                    end
                end
            end
        end
        for (s = 0; s < SEGMENTS; s = s + 1) begin : gen_segment
            wire [SEG_ROWS*ROW_W-1:0] rows = tile_data_q[s*SEG_ROWS*ROW_W +: SEG_ROWS*ROW_W];
            assign step_data[s*ROW_W +: ROW_W] = rows[step_q*ROW_W +: ROW_W];
        end
    endgenerate

    // ---- Writes to WBUF ---------------------------------------------------------------------

    wire [23:0] row_step    = in_index & STEP_MASK;
    wire [23:0] row_segment = in_index >> $clog2(SEG_ROWS);
    wire [23:0] word_tile   = writing_q ? tile_q : in_tile;
    wire [23:0] word_step   = writing_q ? {{(24-STEP_W){1'b0}}, step_q} : row_step;

    assign wr_valid = writing_q || (in_valid && !in_transpose);
    assign wr_addr  = (word_tile << $clog2(SEG_ROWS)) | word_step;
    assign wr_data  = writing_q ? step_data : {SEGMENTS{weights}};

    generate
        for (s = 0; s < SEGMENTS; s = s + 1) begin : gen_enable
            assign wr_segments[s] = writing_q || (row_segment == s[23:0]);
        end
    endgenerate

endmodule

`default_nettype wire
