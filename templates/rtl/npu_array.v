// Weight-stationary array of ROWS x COLS multiply-accumulate cells in one of three forms, equal in
// every bit and cycle. One activation vector per cycle enters with x_valid; LATENCY cycles later
// its COLS dot products leave with y_valid. Nothing stalls.
//
// Weights of the next tile are shifted into shadow registers while the present tile streams:
// SEG_ROWS steps from row SEG_ROWS-1 down to row 0 of all segments at once, w_first with the first.
// x_first swaps them in. The first step may come in the cycle of the previous tile's x_first;
// x_first may come in the cycle after the last step.
`default_nettype none

module npu_array #(
    parameter ROWS     = 16,
    parameter COLS     = 16,
    parameter ACT_W    = 8,
    parameter WGT_W    = 8,
    parameter SEGMENTS = (ROWS + 15) / 16,         // derived
    parameter SEG_ROWS = (ROWS + SEGMENTS - 1) / SEGMENTS,     // derived
    parameter CELL     = 1,                        // 0 dsp48e2, 1 generic, 2 simulation
    parameter LATENCY  = SEG_ROWS + (COLS + 1) / 2 + 3 + $clog2(SEGMENTS)  // derived
) (
    input  wire                           clk,
    input  wire                           rst,
    input  wire                           x_valid,
    input  wire                           x_first,
    input  wire [ROWS*ACT_W-1:0]          x,
    input  wire                           w_valid,
    input  wire                           w_first,
    input  wire [SEGMENTS*COLS*WGT_W-1:0] w,       // segment-major
    output wire                           y_valid,
    output wire [COLS*32-1:0]             y
);

    reg  [LATENCY-1:0] valid_q;
    wire [LATENCY:0]   valid = {valid_q, x_valid};

    assign y_valid = valid[LATENCY];

    always @(posedge clk) begin
        if (rst) begin
            valid_q <= {LATENCY{1'b0}};
        end else begin
            valid_q <= valid[LATENCY-1:0];
        end
    end

    generate
        if (CELL == 2) begin : gen_simulation
            npu_array_simulation #(
                .ROWS     (ROWS),
                .COLS     (COLS),
                .ACT_W    (ACT_W),
                .WGT_W    (WGT_W),
                .SEGMENTS (SEGMENTS),
                .SEG_ROWS (SEG_ROWS),
                .LATENCY  (LATENCY)
            ) u_array (
                .clk      (clk),
                .rst      (rst),
                .x_valid  (x_valid),
                .x_first  (x_first),
                .x        (x),
                .w_valid  (w_valid),
                .w_first  (w_first),
                .w        (w),
                .y        (y)
            );
        end else begin : gen_systolic
            npu_array_systolic #(
                .ROWS     (ROWS),
                .COLS     (COLS),
                .ACT_W    (ACT_W),
                .WGT_W    (WGT_W),
                .SEGMENTS (SEGMENTS),
                .SEG_ROWS (SEG_ROWS),
                .CELL     (CELL)
            ) u_array (
                .clk      (clk),
                .x_valid  (x_valid),
                .x_first  (x_first),
                .x        (x),
                .w_valid  (w_valid),
                .w_first  (w_first),
                .w        (w),
                .y        (y)
            );
        end
    endgenerate

endmodule

`default_nettype wire
