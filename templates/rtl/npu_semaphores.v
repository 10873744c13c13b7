// Counting semaphores between the engines. A wait takes all semaphores of its mask in one cycle or
// none of them; a signal adds one to each of its mask. Every semaphore has one declared producer
// and one declared consumer, so at most one wait and one signal meet in a counter, and no wait can
// rob another. Engines are numbered from 1; port i belongs to engine i + 1.
`default_nettype none

module npu_semaphores #(
    parameter NUM_SEMAPHORES = 16,                 // at most 16
    parameter COUNT_W        = 8,
    parameter NUM_ENGINES    = 4                   // at most 7
) (
    input  wire                      clk,
    input  wire                      rst,          // forgets all declarations and counts

    input  wire                      declare_valid,
    input  wire [3:0]                declare_index,
    input  wire [2:0]                declare_producer,
    input  wire [2:0]                declare_consumer,

    input  wire [NUM_ENGINES-1:0]    wait_valid,
    output wire [NUM_ENGINES-1:0]    wait_ready,
    input  wire [16*NUM_ENGINES-1:0] wait_mask,

    input  wire [NUM_ENGINES-1:0]    signal_valid,
    input  wire [16*NUM_ENGINES-1:0] signal_mask,

    output reg                       fault_valid,  // a pulse, two cycles after the misuse
    output reg  [7:0]                fault_cause,
    output reg  [2:0]                fault_engine,
    output reg  [3:0]                fault_index,  // the semaphore
    output wire [15:0]               positive      // counts above zero
);

    localparam [7:0]         CAUSE_OWNER    = 8'd11;
    localparam [7:0]         CAUSE_OVERFLOW = 8'd12;
    localparam [31:0]        ONE_WIDE = 32'd1;     // COUNT_W may be 1
    localparam [COUNT_W-1:0] ONE      = ONE_WIDE[COUNT_W-1:0];

    generate
        if (NUM_SEMAPHORES < 1 || NUM_SEMAPHORES > 16) begin : gen_number_check
            npu_error_number_of_semaphores_must_be_1_to_16 u_error ();
        end
    endgenerate

    wire [16*NUM_ENGINES-1:0] consumes;            // per engine: semaphores it may wait for
    wire [16*NUM_ENGINES-1:0] produces;            // per engine: semaphores it may signal
    wire [15:0]               take;                // leaves the counter in this cycle
    wire [15:0]               give;                // asked to enter the counter in this cycle
    wire [15:0]               overflow;

    genvar s;
    genvar e;
    generate
        for (s = 0; s < 16; s = s + 1) begin : gen_semaphore
            wire [NUM_ENGINES-1:0] takers;
            wire [NUM_ENGINES-1:0] givers;

            for (e = 0; e < NUM_ENGINES; e = e + 1) begin : gen_user
                assign takers[e] = wait_valid[e] && wait_ready[e] && wait_mask[16*e + s];
                assign givers[e] = signal_valid[e] && signal_mask[16*e + s]
                                && produces[16*e + s];
            end

            assign take[s] = |takers;
            assign give[s] = |givers;

            if (s < NUM_SEMAPHORES) begin : gen_counter
                reg [COUNT_W-1:0] count_q;
                reg [2:0]         producer_q;      // zero: not declared
                reg [2:0]         consumer_q;
                wire              declared = declare_valid && (declare_index == s[3:0]);

                for (e = 0; e < NUM_ENGINES; e = e + 1) begin : gen_owner
                    localparam ENGINE = e + 1;
                    assign consumes[16*e + s] = (consumer_q == ENGINE[2:0]);
                    assign produces[16*e + s] = (producer_q == ENGINE[2:0]);
                end

                assign positive[s] = (count_q != {COUNT_W{1'b0}});
                assign overflow[s] = give[s] && !take[s] && (count_q == {COUNT_W{1'b1}});

                always @(posedge clk) begin
                    if (rst) begin
                        count_q    <= {COUNT_W{1'b0}};
                        producer_q <= 3'd0;
                        consumer_q <= 3'd0;
                    end else if (declared) begin
                        count_q    <= {COUNT_W{1'b0}};
                        producer_q <= declare_producer;
                        consumer_q <= declare_consumer;
                    end else if (give[s] && !take[s] && !overflow[s]) begin
                        count_q <= count_q + ONE;
                    end else if (!give[s] && take[s]) begin
                        count_q <= count_q - ONE;
                    end
                end
            end else begin : gen_absent
                for (e = 0; e < NUM_ENGINES; e = e + 1) begin : gen_owner
                    assign consumes[16*e + s] = 1'b0;
                    assign produces[16*e + s] = 1'b0;
                end
                wire unused_absent = &{1'b0, take[s], give[s]};
                assign positive[s] = 1'b0;
                assign overflow[s] = 1'b0;
            end
        end
    endgenerate

    // ---- Grants and faults ----------------------------------------------------------------

    wire [16*NUM_ENGINES-1:0] foreign;             // per engine: uses of another's semaphore
    wire [16*NUM_ENGINES-1:0] over;                // per engine: signals past the end

    generate
        for (e = 0; e < NUM_ENGINES; e = e + 1) begin : gen_engine
            wire [15:0] needs = wait_mask[16*e +: 16];
            wire [15:0] adds  = signal_mask[16*e +: 16];

            assign wait_ready[e] = ((needs & ~(consumes[16*e +: 16] & positive)) == 16'd0);

            assign foreign[16*e +: 16] =
                  ({16{wait_valid[e]}} & needs & ~consumes[16*e +: 16])
                | ({16{signal_valid[e]}} & adds & ~produces[16*e +: 16]);
            assign over[16*e +: 16] =
                  {16{signal_valid[e]}} & adds & produces[16*e +: 16] & overflow;
        end
    endgenerate

    // The choice has a cycle of its own: grants and overflows are late enough without it.
    reg [16*NUM_ENGINES-1:0] foreign_q;
    reg [16*NUM_ENGINES-1:0] over_q;

    always @(posedge clk) begin
        if (rst) begin
            foreign_q <= {(16*NUM_ENGINES){1'b0}};
            over_q    <= {(16*NUM_ENGINES){1'b0}};
        end else begin
            foreign_q <= foreign;
            over_q    <= over;
        end
    end

    // Lowest position of a set that is not empty, by groups of four.
    function [3:0] lowest;
        input [15:0] set;
        reg   [2:0]  part;             // three of four decide
        begin
            lowest[3:2] = (set[3:0]  != 4'd0) ? 2'd0
                        : (set[7:4]  != 4'd0) ? 2'd1
                        : (set[11:8] != 4'd0) ? 2'd2 : 2'd3;
            part        = set[4*lowest[3:2] +: 3];
            lowest[1:0] = part[0] ? 2'd0 : part[1] ? 2'd1 : part[2] ? 2'd2 : 2'd3;
        end
    endfunction

    wire [NUM_ENGINES-1:0]   misused;              // per engine
    wire [4*NUM_ENGINES-1:0] which;
    wire [NUM_ENGINES-1:0]   is_foreign;

    generate
        for (e = 0; e < NUM_ENGINES; e = e + 1) begin : gen_misuse
            wire [15:0] set = foreign_q[16*e +: 16] | over_q[16*e +: 16];

            assign misused[e]      = (set != 16'd0);
            assign which[4*e +: 4] = lowest(set);
            assign is_foreign[e]   = foreign_q[16*e + which[4*e +: 4]];
        end
    endgenerate

    reg     [7:0] cause;
    reg     [2:0] engine;
    reg     [3:0] index;
    integer       k;

    // The lowest engine wins, and for it the lowest semaphore.
    always @* begin
        cause  = CAUSE_OWNER;
        engine = 3'd0;
        index  = 4'd0;
        for (k = NUM_ENGINES - 1; k >= 0; k = k - 1) begin
            if (misused[k]) begin
                cause  = is_foreign[k] ? CAUSE_OWNER : CAUSE_OVERFLOW;
                engine = k[2:0] + 3'd1;
                index  = which[4*k +: 4];
            end
        end
    end

    always @(posedge clk) begin
        if (rst) begin
            fault_valid <= 1'b0;
        end else begin
            fault_valid <= (misused != {NUM_ENGINES{1'b0}});
        end
    end

    always @(posedge clk) begin
        if (misused != {NUM_ENGINES{1'b0}}) begin
            fault_cause  <= cause;
            fault_engine <= engine;
            fault_index  <= index;
        end
    end

endmodule

`default_nettype wire
