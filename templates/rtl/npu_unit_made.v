// Compute unit, made from its expressions.
//
//   [[ line ]]
//
// In every lane an element of a group changes the states, [[ state_cycles ]] after it is taken; the
// states behind the last one give the outputs, [[ output_cycles ]] later, which wait in a queue.
// The last element of a group is taken when the queue has room for its outputs.
`default_nettype none

module [[ module ]] #(
    parameter LANES   = 16,
    parameter LANES_W = 32 * LANES                 // derived
) (
    input  wire               clk,
    input  wire               rst,
[%- for name in parameters %]
    input  wire [31:0]        [[ name ]],
[%- endfor %]
    input  wire               in_valid,
    output wire               in_ready,
    input  wire               in_first,
    input  wire               in_last,
    input  wire [31:0]        in_index,
    input  wire [LANES_W-1:0] in_a,
[%- if second %]
    input  wire [LANES_W-1:0] in_b,
[%- endif %]
    output wire               out_valid,
    input  wire               out_ready,
    output wire [LANES_W-1:0] out_data
);

    localparam OUTPUTS  = [[ outputs.len() ]];
    localparam DELAY    = [[ state_latency ]]// from an element to the states
    localparam LATENCY  = [[ output_latency ]]// from the states to the outputs
    localparam DEPTH    = DELAY + LATENCY + 4;     // groups on the way
    localparam LEVEL_W  = $clog2(DEPTH + 1);
    localparam [LEVEL_W-1:0] FULL = DEPTH[LEVEL_W-1:0];
    localparam [LEVEL_W-1:0] ONE  = {{(LEVEL_W-1){1'b0}}, 1'b1};
    localparam [3:0] LAST_OUTPUT  = OUTPUTS[3:0] - 4'd1;

    // ---- Groups on the way -----------------------------------------------------------------

    reg  [LEVEL_W-1:0] groups_q;
    reg  [3:0]         word_q;
    wire               fire  = in_valid && in_ready;
    wire               enter = fire && in_last;
    wire               take  = out_valid && out_ready;
    wire               leave = take && (word_q == LAST_OUTPUT);

    assign in_ready = !in_last || (groups_q != FULL);

    always @(posedge clk) begin
        if (rst) begin
            groups_q <= {LEVEL_W{1'b0}};
            word_q   <= 4'd0;
        end else begin
            if (enter && !leave) begin
                groups_q <= groups_q + ONE;
            end else if (!enter && leave) begin
                groups_q <= groups_q - ONE;
            end
            if (take) begin
                word_q <= leave ? 4'd0 : word_q + 4'd1;
            end
        end
    end

    // ---- Where elements stand --------------------------------------------------------------

    reg  [DELAY:1]   valid_q;                      // an element is k cycles old
    reg  [DELAY:1]   first_q;
    reg  [DELAY:1]   last_q;
    reg  [LATENCY:0] end_q;                        // the states are those behind a group's last
    reg  [31:0]      count_q;                      // elements of the group
    wire [DELAY:0]   valid = {valid_q, fire};
    wire [DELAY:0]   first = {first_q, in_first};
    wire [DELAY:0]   last  = {last_q, in_last};
    wire             now       = valid[DELAY];
    wire             now_first = first[DELAY];

    always @(posedge clk) begin
        if (rst) begin
            valid_q <= {DELAY{1'b0}};
            end_q   <= {(LATENCY+1){1'b0}};
        end else begin
            valid_q <= valid[DELAY-1:0];
            end_q   <= {end_q[LATENCY-1:0], now && last[DELAY]};
        end
        first_q <= first[DELAY-1:0];
        last_q  <= last[DELAY-1:0];
        if (now) begin
            count_q <= now_first ? 32'd1 : count_q + 32'd1;
        end
    end

    // ---- Lanes -----------------------------------------------------------------------------

    wire [OUTPUTS*LANES_W-1:0] results;

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            wire [31:0] lane = i;
[%- for state in states %]
            reg  [31:0] [[ state.port ]]_q;
            wire [31:0] [[ state.port ]]_first[[ state.first ]];
            wire [31:0] [[ state.port ]]_next;
            wire [31:0] [[ state.port ]] = now_first ? [[ state.port ]]_first : [[ state.port ]]_q;
[%- endfor %]
            wire unused = &{1'b0, lane, in_index, count_q,
                            [[ unused ]]};
[% for instance in instances %]
            [[ instance.module ]] [[ instance.name ]] (
[%- for port in instance.ports %]
                [[ port ]][% if !loop.last %],[% endif %]
[%- endfor %]
            );
[% endfor %]
            always @(posedge clk) begin
                if (now) begin
[%- for state in states %]
                    [[ state.port ]]_q <= [[ state.port ]]_next;
[%- endfor %]
                end
            end
        end
    endgenerate

    // ---- Outputs ---------------------------------------------------------------------------

    wire                       queue_ready;
    wire [LEVEL_W-1:0]         queue_level;
    wire [OUTPUTS*LANES_W-1:0] group;

    npu_fifo #(
        .WIDTH      (OUTPUTS * LANES_W),
        .DEPTH      (DEPTH)
    ) u_queue (
        .clk        (clk),
        .rst        (rst),
        .push_valid (end_q[LATENCY]),
        .push_ready (queue_ready),
        .push_data  (results),
        .pop_valid  (out_valid),
        .pop_ready  (leave),
        .pop_data   (group),
        .level      (queue_level)
    );

    assign out_data = group[word_q*LANES_W +: LANES_W];

    wire unused_queue = &{1'b0, queue_ready, queue_level};

endmodule

`default_nettype wire
