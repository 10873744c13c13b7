// Properties of npu_semaphores, watched at one semaphore that the solver chooses: the count is what
// was declared, signalled and taken, and a wait is granted exactly when its semaphores are there.
`default_nettype none

module npu_semaphores_props #(
    parameter NUM_SEMAPHORES = 2,
    parameter COUNT_W        = 2,
    parameter NUM_ENGINES    = 2
) (
    input wire                      clk,
    input wire                      rst,
    input wire                      declare_valid,
    input wire [3:0]                declare_index,
    input wire [2:0]                declare_producer,
    input wire [2:0]                declare_consumer,
    input wire [NUM_ENGINES-1:0]    wait_valid,
    input wire [16*NUM_ENGINES-1:0] wait_mask,
    input wire [NUM_ENGINES-1:0]    signal_valid,
    input wire [16*NUM_ENGINES-1:0] signal_mask
);

    wire [NUM_ENGINES-1:0] wait_ready;
    wire                   fault_valid;
    wire [7:0]             fault_cause;
    wire [2:0]             fault_engine;
    wire [3:0]             fault_index;
    wire [15:0]            positive;

    npu_semaphores #(
        .NUM_SEMAPHORES(NUM_SEMAPHORES),
        .COUNT_W       (COUNT_W),
        .NUM_ENGINES   (NUM_ENGINES)
    ) dut (
        .clk             (clk),
        .rst             (rst),
        .declare_valid   (declare_valid),
        .declare_index   (declare_index),
        .declare_producer(declare_producer),
        .declare_consumer(declare_consumer),
        .wait_valid      (wait_valid),
        .wait_ready      (wait_ready),
        .wait_mask       (wait_mask),
        .signal_valid    (signal_valid),
        .signal_mask     (signal_mask),
        .fault_valid     (fault_valid),
        .fault_cause     (fault_cause),
        .fault_engine    (fault_engine),
        .fault_index     (fault_index),
        .positive        (positive)
    );

    (* anyconst *) wire [3:0] watched;
    (* anyconst *) wire [2:0] other;               // an engine

    // The bookkeeping of the watched semaphore, wide enough for the cycles looked at.
    reg  [4:0] signals;
    reg  [4:0] takes;
    reg  [2:0] producer;
    reg  [2:0] consumer;
    reg        overflowed;
    reg        foreign;
    reg        misused = 1'b0;                     // in the last cycle but one
    reg        started = 1'b0;

    wire gives = (producer != 0) && signal_valid[producer-1] && signal_mask[16*(producer-1) + watched];
    wire took  = (consumer != 0) && wait_valid[consumer-1] && wait_ready[consumer-1]
              && wait_mask[16*(consumer-1) + watched];
    wire full  = (signals - takes == 5'd1 * ((1 << COUNT_W) - 1));

    wire other_uses = (wait_valid[other-1] && wait_mask[16*(other-1) + watched] && (other != consumer))
                   || (signal_valid[other-1] && signal_mask[16*(other-1) + watched]
                       && (other != producer));

    always @(posedge clk) begin
        started <= 1'b1;
        if (rst || (declare_valid && (declare_index == watched))) begin
            signals  <= 0;
            takes    <= 0;
            producer <= rst ? 3'd0 : declare_producer;
            consumer <= rst ? 3'd0 : declare_consumer;
        end else begin
            signals <= signals + ((gives && !(full && !took)) ? 1 : 0);
            takes   <= takes + (took ? 1 : 0);
        end
        overflowed <= !rst && gives && full && !took;
        foreign    <= !rst && other_uses;
        misused    <= !rst && (overflowed || foreign);
    end

    always @* begin
        assume (watched < NUM_SEMAPHORES);
        assume ((other > 0) && (other <= NUM_ENGINES));
        assume (declare_producer > 0 && declare_producer <= NUM_ENGINES);
        assume (declare_consumer > 0 && declare_consumer <= NUM_ENGINES);
        assume (rst == !started);
    end

    always @* begin
        if (started) begin
            // Nothing is lost and nothing appears.
            assert (positive[watched] == (signals > takes));
            assert (signals >= takes);
            // A grant takes only what is there, and only of the declared consumer.
            if (wait_valid[other-1] && wait_ready[other-1] && wait_mask[16*(other-1) + watched]) begin
                assert (signals > takes);
                assert (consumer == other);
            end
            // Nobody waits for what is there: with the watched one alone in the mask.
            if ((consumer != 0) && (wait_mask[16*(consumer-1) +: 16] == (16'd1 << watched))
                && (signals > takes)) begin
                assert (wait_ready[consumer-1]);
            end
            // Misuse is a fault two cycles later.
            if (misused) begin
                assert (fault_valid);
            end
        end
    end

    // The interesting states are reached.
    always @(posedge clk) begin
        cover (started && full);
        cover (started && (takes == 3) && (signals == 3));
    end

endmodule

`default_nettype wire
