// Checks every instruction word, executes NOP, FENCE, END and the registers of `ctrl` itself, and
// puts the others into the queue of their engine: one word per cycle. A full queue holds it. An
// illegal word is reported and never passed on.
`default_nettype none

module npu_decoder #(
    parameter PC_W           = 24,
    parameter NUM_ENGINES    = 4,                  // with a queue; numbered from 1
    parameter NUM_SEMAPHORES = 16
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire                   halt,

    // Words from fetch, in order.
    input  wire                   word_valid,
    output wire                   word_ready,
    input  wire [63:0]            word,
    input  wire [PC_W-1:0]        word_pc,

    // To the engines: one word, one valid bit each.
    output wire [NUM_ENGINES-1:0] cmd_valid,
    input  wire [NUM_ENGINES-1:0] cmd_ready,
    output wire [63:0]            cmd_word,
    output wire [PC_W-1:0]        cmd_pc,
    input  wire [NUM_ENGINES-1:0] engine_idle,

    // Declaration of a semaphore: a pulse.
    output wire                   declare_valid,
    output wire [3:0]             declare_index,
    output wire [2:0]             declare_producer,
    output wire [2:0]             declare_consumer,

    output reg                    done,            // END has been executed
    output wire                   fault_valid,
    output wire [7:0]             fault_cause,

    // For the hang report.
    output wire                   busy,            // an instruction is here
    output wire                   fenced,          // it waits for the engines
    output wire                   queue_full,      // it waits for room in a queue
    output wire [2:0]             cmd_engine
);

    // Opcodes.
[%- for row in opcodes %]
    localparam [3:0] [[ row.name ]] = [[ row.value ]];
[%- endfor %]

    localparam [7:0] CAUSE_NONE        = 8'd0;
    localparam [7:0] CAUSE_INSTRUCTION = 8'd1;
    localparam [7:0] CAUSE_REGISTER    = 8'd2;
    localparam [7:0] CAUSE_FIELD       = 8'd3;

    localparam [2:0] LAST_ENGINE  = NUM_ENGINES[2:0];
    localparam [4:0] SEMAPHORES   = NUM_SEMAPHORES[4:0];

    // ---- First stage: the word -------------------------------------------------------------

    reg             first_valid_q;
    reg  [63:0]     first_q;
    reg  [PC_W-1:0] first_pc_q;
    wire            second_ready;

    assign word_ready = (!first_valid_q || second_ready) && !halt;

    always @(posedge clk) begin
        if (rst) begin
            first_valid_q <= 1'b0;
        end else if (word_ready) begin
            first_valid_q <= word_valid;
        end
    end

    always @(posedge clk) begin
        if (word_ready && word_valid) begin
            first_q    <= word;
            first_pc_q <= word_pc;
        end
    end

    // ---- Legality --------------------------------------------------------------------------

    wire [3:0]  opcode    = first_q[63:60];
    wire [2:0]  engine    = first_q[59:57];
    wire        queued    = (engine != 3'd0) && (engine <= LAST_ENGINE);
    wire        known     = (engine <= LAST_ENGINE);
    wire [47:0] set_value = first_q[47:0];

    reg         register_exists;
    reg  [47:0] register_mask;                     // bits its fields occupy
    reg         function_exists;
    reg  [17:0] flags_mask;

    always @* begin
        register_exists = 1'b1;
        case (first_q[59:48])
[%- for row in registers %]
            [[ row.label ]]: register_mask = [[ row.mask ]]; // [[ row.name ]]
[%- endfor %]
            default: begin
                register_mask   = 48'h0;
                register_exists = 1'b0;
            end
        endcase
    end

    always @* begin
        function_exists = 1'b1;
        case (first_q[59:50])
[%- for row in functions %]
            [[ row.label ]]: flags_mask = [[ row.flags ]]; // [[ row.name ]]
[%- endfor %]
            default: begin
                flags_mask      = 18'h0;
                function_exists = 1'b0;
            end
        endcase
    end

    // The only register of `ctrl` declares a semaphore; its values are narrower than its fields.
    wire declares     = (engine == 3'd0);
    wire index_legal  = ({1'b0, set_value[[ sem_index ]]} < SEMAPHORES);
    wire [2:0] producer = set_value[[ sem_producer ]];
    wire [2:0] consumer = set_value[[ sem_consumer ]];
    wire owners_legal = (producer != 3'd0) && (producer <= LAST_ENGINE)
                     && (consumer != 3'd0) && (consumer <= LAST_ENGINE);

    reg [7:0] cause;

    always @* begin
        cause = CAUSE_NONE;
        case (opcode)
            OP_NOP, OP_FENCE, OP_END: begin
                if (first_q[59:0] != 60'd0) begin
                    cause = CAUSE_INSTRUCTION;
                end
            end
            OP_SET: begin
                if (!known) begin
                    cause = CAUSE_INSTRUCTION;
                end else if (!register_exists) begin
                    cause = CAUSE_REGISTER;
                end else if ((set_value & ~register_mask) != 48'd0) begin
                    cause = CAUSE_FIELD;
                end else if (declares && !(index_legal && owners_legal)) begin
                    cause = CAUSE_FIELD;
                end
            end
            OP_RUN: begin
                if (!queued) begin
                    cause = CAUSE_INSTRUCTION;
                end else if (!function_exists) begin
                    cause = CAUSE_REGISTER;
                end else if ((first_q[17:0] & ~flags_mask) != 18'd0) begin
                    cause = CAUSE_FIELD;
                end
            end
            OP_TAG: begin
                if (!queued || (first_q[56:32] != 25'd0)) begin
                    cause = CAUSE_INSTRUCTION;
                end
            end
            default: begin
                cause = CAUSE_INSTRUCTION;
            end
        endcase
    end

    // ---- Second stage: the checked word ----------------------------------------------------

    reg                   second_valid_q;
    reg  [63:0]           second_q;
    reg  [PC_W-1:0]       second_pc_q;
    reg  [7:0]            cause_q;
    reg                   declares_q;
    reg                   fences_q;
    reg                   ends_q;
    reg [NUM_ENGINES-1:0] target_q;                // one-hot; zero for what is executed here
    wire                  passes;                  // the word is done with in this cycle

    assign second_ready = !second_valid_q || passes;

    wire to_engine = (opcode == OP_SET) || (opcode == OP_RUN) || (opcode == OP_TAG);
    wire take      = first_valid_q && second_ready && !halt;

    always @(posedge clk) begin
        if (rst) begin
            second_valid_q <= 1'b0;
            done           <= 1'b0;
        end else begin
            if (second_ready) begin
                second_valid_q <= take;
            end
            if (passes && ends_q) begin
                done <= 1'b1;
            end
        end
    end

    genvar e;
    generate
        for (e = 0; e < NUM_ENGINES; e = e + 1) begin : gen_engine
            localparam ENGINE = e + 1;
            always @(posedge clk) begin
                if (take) begin
                    target_q[e] <= to_engine && (cause == CAUSE_NONE) && (engine == ENGINE[2:0]);
                end
            end
        end
    endgenerate

    always @(posedge clk) begin
        if (take) begin
            second_q    <= first_q;
            second_pc_q <= first_pc_q;
            cause_q     <= cause;
            declares_q  <= (opcode == OP_SET) && declares;
            fences_q    <= (opcode == OP_FENCE) || (opcode == OP_END);
            ends_q      <= (opcode == OP_END);
        end
    end

    wire legal    = (cause_q == CAUSE_NONE);
    wire room     = ((target_q & ~cmd_ready) == {NUM_ENGINES{1'b0}});
    wire all_idle = (engine_idle == {NUM_ENGINES{1'b1}});

    assign passes = second_valid_q && legal && room && (!fences_q || all_idle) && !done && !halt;

    assign cmd_valid  = target_q & {NUM_ENGINES{second_valid_q && legal && !done && !halt}};
    assign cmd_word   = second_q;
    assign cmd_pc     = second_pc_q;
    assign cmd_engine = second_q[59:57];

    assign declare_valid    = passes && declares_q;
    assign declare_index    = second_q[[ sem_index ]];
    assign declare_producer = second_q[[ sem_producer ]];
    assign declare_consumer = second_q[[ sem_consumer ]];

    assign fault_valid = second_valid_q && !legal && !done;
    assign fault_cause = cause_q;

    assign busy       = second_valid_q && !done;
    assign fenced     = busy && legal && fences_q;
    assign queue_full = busy && legal && !room;

endmodule

`default_nettype wire
