// Keeps the distance between visits of an accumulator of interleaved launches. The previous visit
// was `count` elements ago, so it lies far enough back exactly if fewer than `count` elements were
// issued in the cycles that are too near.
`default_nettype none

module npu_vector_pace #(
    parameter REVISIT = 7                          // cycles from a visit to the next, 3 to 8
) (
    input  wire        clk,
    input  wire        rst,
    input  wire        start,
    input  wire [1:0]  start_context,
    input  wire        start_interleave,
    input  wire [15:0] start_count,                // accumulators
    input  wire [1:0]  element_context,
    input  wire        element_first,              // begins its accumulator
    input  wire        fire,                       // an element is issued
    output wire        clear                       // this element may be
);

    localparam NEAR = REVISIT - 1;
    localparam [15:0] ENOUGH = REVISIT[15:0];

    reg            interleave_q [0:3];
    reg [3:0]      count_q      [0:3];             // at most REVISIT
    reg [NEAR-1:0] fired_q;
    reg [3:0]      near;                           // elements issued too near
    integer        k;

    always @* begin
        near = 4'd0;
        for (k = 0; k < NEAR; k = k + 1) begin
            near = near + {3'd0, fired_q[k]};
        end
    end

    assign clear = !interleave_q[element_context] || element_first
                || (near < count_q[element_context]);

    always @(posedge clk) begin
        if (rst) begin
            fired_q <= {NEAR{1'b0}};
        end else begin
            fired_q <= {fired_q[NEAR-2:0], fire};
        end
    end

    always @(posedge clk) begin
        if (start) begin
            interleave_q[start_context] <= start_interleave;
            count_q[start_context]      <= (start_count > ENOUGH) ? ENOUGH[3:0] : start_count[3:0];
        end
    end

endmodule

`default_nettype wire
