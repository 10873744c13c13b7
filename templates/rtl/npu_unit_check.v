// Watches how a compute unit gives its words: `out_valid`, once high, stays high and `out_data` the
// same until `out_ready`, and there are never more words than the groups taken so far have.
`default_nettype none

module npu_unit_check #(
    parameter WIDTH = 512
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [3:0]       group_words,           // words of a group
    input  wire             group_end,             // the unit takes the last element of a group
    input  wire             out_valid,
    input  wire             out_ready,
    input  wire [WIDTH-1:0] out_data,
    output reg              broken,                // a pulse
    output reg  [39:0]      rule                   // which
);

    localparam [39:0] RULE_DROPPED = 40'd1;        // out_valid fell without out_ready
    localparam [39:0] RULE_CHANGED = 40'd2;        // out_data changed without out_ready
    localparam [39:0] RULE_SURPLUS = 40'd3;        // a word nobody asked for

    reg              waiting_q;                    // a word was not taken in the last cycle
    reg  [WIDTH-1:0] data_q;
    reg  [15:0]      owed_q;                       // words still to come

    wire        take    = out_valid && out_ready;
    wire        dropped = waiting_q && !out_valid;
    wire        changed = waiting_q && out_valid && (out_data != data_q);
    wire        surplus = out_valid && (owed_q == 16'd0);
    wire [15:0] more    = group_end ? {12'd0, group_words} : 16'd0;
    wire [15:0] less    = {15'd0, take && !surplus};

    always @(posedge clk) begin
        if (rst) begin
            waiting_q <= 1'b0;
            owed_q    <= 16'd0;
            broken    <= 1'b0;
        end else begin
            waiting_q <= out_valid && !out_ready;
            owed_q    <= owed_q + more - less;
            broken    <= dropped || changed || surplus;
        end
    end

    always @(posedge clk) begin
        data_q <= out_data;
        rule   <= dropped ? RULE_DROPPED : changed ? RULE_CHANGED : RULE_SURPLUS;
    end

endmodule

`default_nettype wire
