// The array for simulation: the same results in the same cycles as the systolic forms, computed as
// whole dot products. Two tile banks take the place of the cells' shadow registers; x_first
// exchanges them. To save simulation time several columns share one 64 bit multiplication, their
// weights FIELD_W bits apart: a sum of products is the sum of the fields, and a negative lower
// field borrows one from the field above, which is given back at the end.
`default_nettype none

module npu_array_simulation #(
    parameter ROWS     = 16,
    parameter COLS     = 16,
    parameter ACT_W    = 8,
    parameter WGT_W    = 8,
    parameter SEGMENTS = 1,
    parameter SEG_ROWS = 16,
    parameter LATENCY  = 27                        // from 5
) (
    input  wire                           clk,
    input  wire                           rst,
    input  wire                           x_valid,
    input  wire                           x_first,
    input  wire [ROWS*ACT_W-1:0]          x,
    input  wire                           w_valid,
    input  wire                           w_first,
    input  wire [SEGMENTS*COLS*WGT_W-1:0] w,
    output wire [COLS*32-1:0]             y
);

    localparam SUM_W    = ACT_W + WGT_W + $clog2(ROWS);
    localparam FIELDS   = (SUM_W <= 21) ? 3 : (SUM_W <= 32) ? 2 : 1;
    localparam FIELD_W  = 64 / FIELDS;
    localparam GROUPS   = (COLS + FIELDS - 1) / FIELDS;
    localparam ALL_ROWS = SEGMENTS * SEG_ROWS;
    localparam STEP_W   = (SEG_ROWS > 1) ? $clog2(SEG_ROWS) : 1;
    localparam TOP      = (FIELD_W < 32) ? FIELD_W : 32;       // bits of a sum in its field
    localparam DELAY    = LATENCY - 1;             // cycles from the sums to the output
    localparam DELAY_W  = $clog2(DELAY);
    localparam [STEP_W-1:0]  LAST_STEP  = SEG_ROWS[STEP_W-1:0] - {{(STEP_W-1){1'b0}}, 1'b1};
    localparam [DELAY_W-1:0] LAST_DELAY = DELAY[DELAY_W-1:0] - {{(DELAY_W-1){1'b0}}, 1'b1};

    wire               swap = x_valid && x_first;
    reg                active_q;                   // bank in use; the other one is being loaded
    wire               active = swap ? !active_q : active_q;
    reg  [STEP_W-1:0]  row_q;                      // row of the next step
    wire [STEP_W-1:0]  row = w_first ? LAST_STEP : row_q;
    reg                valid_q;
    reg  [DELAY_W-1:0] position_q;
    reg  [63:0]        x_q [0:ALL_ROWS-1];         // sign-extended

    always @(posedge clk) begin
        if (rst) begin
            active_q   <= 1'b0;
            valid_q    <= 1'b0;
            position_q <= {DELAY_W{1'b0}};
        end else begin
            active_q   <= active;
            valid_q    <= x_valid;
            position_q <= (position_q == LAST_DELAY) ? {DELAY_W{1'b0}}
                                                     : position_q + {{(DELAY_W-1){1'b0}}, 1'b1};
        end
        if (w_valid) begin
            row_q <= row - {{(STEP_W-1){1'b0}}, 1'b1};
        end
    end

    genvar i;
    generate
        for (i = 0; i < ALL_ROWS; i = i + 1) begin : gen_row
            if (i < ROWS) begin : gen_real
                always @(posedge clk) begin
                    if (x_valid) begin
                        x_q[i] <= {{(64-ACT_W){x[(i+1)*ACT_W-1]}}, x[i*ACT_W +: ACT_W]};
                    end
                end
            end else begin : gen_surplus
                always @(posedge clk) begin
                    if (x_valid) begin
                        x_q[i] <= 64'd0;
                    end
                end
            end
        end
    endgenerate

    genvar g;
    genvar s;
    generate
        for (g = 0; g < GROUPS; g = g + 1) begin : gen_group
            localparam FIRST   = g * FIELDS;
            localparam COLUMNS = (COLS - FIRST < FIELDS) ? COLS - FIRST : FIELDS;

            reg  [63:0]           bank_q [0:2*ALL_ROWS-1];
            reg  [COLUMNS*32-1:0] delay_q [0:DELAY-1];

            assign y[FIRST*32 +: COLUMNS*32] = delay_q[position_q];

            // Weights of a segment's step, one per field.
            function [63:0] pack;
                input [COLUMNS*WGT_W-1:0] weights;
                integer k;
                begin
                    pack = 64'd0;
                    for (k = COLUMNS - 1; k >= 0; k = k - 1) begin
                        pack = (pack << FIELD_W) + {{(64-WGT_W){weights[(k+1)*WGT_W-1]}},
                                                    weights[k*WGT_W +: WGT_W]};
                    end
                end
            endfunction

            function [63:0] dot;
                input   bank;
                integer k;
                begin
                    dot = 64'd0;
                    for (k = 0; k < ALL_ROWS; k = k + 1) begin
                        dot = dot + x_q[k] * bank_q[bank ? ALL_ROWS + k : k];
                    end
                end
            endfunction

            function [COLUMNS*32-1:0] unpack;
                input [63:0] fields;
                reg   [63:0] rest;
                integer      k;
                begin
                    rest = fields;
                    for (k = 0; k < COLUMNS; k = k + 1) begin
                        unpack[k*32 +: 32] = {{(33-TOP){rest[TOP-1]}}, rest[TOP-2:0]};
                        rest = (rest >> FIELD_W) + {63'd0, rest[FIELD_W-1]};
                    end
                end
            endfunction

            for (s = 0; s < SEGMENTS; s = s + 1) begin : gen_segment
                localparam [31:0] BASE_0 = s * SEG_ROWS;
                localparam [31:0] BASE_1 = ALL_ROWS + s * SEG_ROWS;

                always @(posedge clk) begin
                    if (w_valid) begin
                        bank_q[(active ? BASE_0 : BASE_1) + {{(32-STEP_W){1'b0}}, row}]
                            <= pack(w[(s*COLS+FIRST)*WGT_W +: COLUMNS*WGT_W]);
                    end
                end
            end

            always @(posedge clk) begin
                if (valid_q) begin
                    delay_q[position_q] <= unpack(dot(active_q));
                end
            end
        end
    endgenerate

endmodule

`default_nettype wire
