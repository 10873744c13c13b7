// Interrupts of the shell: a request is a pulse of one clock, and a vector's next one waits for the
// acknowledgement of the last. What happens in between is remembered: one request follows.
`default_nettype none

module npu_cl_irq #(
    parameter VECTORS = 2
) (
    input  wire               clk,
    input  wire               rst,
    input  wire [VECTORS-1:0] event_pulse,
    output reg  [VECTORS-1:0] irq_req,
    input  wire [VECTORS-1:0] irq_ack
);

    reg [VECTORS-1:0] due_q;
    reg [VECTORS-1:0] open_q;                      // requested and not acknowledged

    wire [VECTORS-1:0] go = due_q & ~open_q;

    always @(posedge clk) begin
        if (rst) begin
            due_q   <= {VECTORS{1'b0}};
            open_q  <= {VECTORS{1'b0}};
            irq_req <= {VECTORS{1'b0}};
        end else begin
            due_q   <= event_pulse | (due_q & ~go);
            open_q  <= go | (open_q & ~irq_ack);
            irq_req <= go;
        end
    end

endmodule

`default_nettype wire
