// Data of vectors in flight in a pipeline of constant latency: pushed where a vector passes one
// stage, popped in the same order where it passes a later one. Costs one small memory instead of
// a register per stage, and nothing for vectors that do not use it. The parent's pipeline bounds
// the number of vectors inside: at most DEPTH.
`default_nettype none

module npu_delay #(
    parameter WIDTH = 8,
    parameter DEPTH = 16                           // a power of two from 2
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             push,
    input  wire [WIDTH-1:0] push_data,
    input  wire             pop,
    output wire [WIDTH-1:0] pop_data               // the oldest, from the cycle after its push
);

    localparam PTR_W = $clog2(DEPTH);

    reg [WIDTH-1:0] mem [0:DEPTH-1];
    reg [PTR_W-1:0] wr_ptr_q;
    reg [PTR_W-1:0] rd_ptr_q;

    assign pop_data = mem[rd_ptr_q];

    always @(posedge clk) begin
        if (push) begin
            mem[wr_ptr_q] <= push_data;
        end
    end

    always @(posedge clk) begin
        if (rst) begin
            wr_ptr_q <= {PTR_W{1'b0}};
            rd_ptr_q <= {PTR_W{1'b0}};
        end else begin
            if (push) begin
                wr_ptr_q <= wr_ptr_q + {{(PTR_W-1){1'b0}}, 1'b1};
            end
            if (pop) begin
                rd_ptr_q <= rd_ptr_q + {{(PTR_W-1){1'b0}}, 1'b1};
            end
        end
    end

endmodule

`default_nettype wire
