// Reference queue of the proofs, a shift register: deliberately unlike npu_fifo. What is pushed is
// at the head in the same cycle when the queue is empty.
module formal_queue #(
    parameter WIDTH = 8,
    parameter DEPTH = 8
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             push,
    input  wire [WIDTH-1:0] push_data,
    input  wire             pop,
    output wire             filled,
    output wire [WIDTH-1:0] head
);

    reg [WIDTH-1:0] words [0:DEPTH-1];
    reg [3:0]       count = 4'd0;             // DEPTH is at most 14
    integer         i;

    assign filled = (count != 4'd0) || push;
    assign head   = (count != 4'd0) ? words[0] : push_data;

    always @(posedge clk) begin
        if (rst) begin
            count <= 4'd0;
        end else begin
            count <= count + {3'd0, push} - {3'd0, pop};
            for (i = 0; i < DEPTH; i = i + 1) begin
                if (pop && i + 1 < DEPTH) begin
                    words[i] <= words[i+1];
                end
                if (push && count - {3'd0, pop} == i[3:0]) begin
                    words[i] <= push_data;
                end
            end
        end
    end

    wire [3:0] limit = DEPTH;

    // A proof whose reference overflows or runs dry proves nothing.
    always @* begin
        assert (rst || count <= limit);
        assert (rst || !pop || filled);
    end

endmodule
