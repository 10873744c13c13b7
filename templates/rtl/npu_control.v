// Runs a program from start to end: start, halt, soft reset, watchdog.
//
//   IDLE ----start----> PREPARE --> RUN --program done--> DRAIN --bus quiet--> IDLE, done
//    |                               |                      |
//    +--fingerprint differs--> FAULTED <-----fault----------+
//   any state --soft reset--> QUIESCE --bus quiet--> RESET --> IDLE
//
// The core is reset before every program, so that each begins with the same registers and
// semaphores, and only while no burst is outstanding, so that no beat is ever abandoned.
`default_nettype none

module npu_control (
    input  wire        clk,
    input  wire        rst,

    // Commands from the host: pulses.
    input  wire        start,
    input  wire        soft_reset,
    input  wire        clear,                      // takes back `done`
    input  wire        fingerprint_match,
    input  wire [31:0] watchdog_limit,             // cycles; zero switches it off

    // The core.
    output wire        core_rst,
    output wire        core_start,                 // a pulse: fetch begins
    output wire        core_halt,
    input  wire        program_done,               // END has been executed
    input  wire        bus_quiet,                  // no burst outstanding
    input  wire        retired,                    // something retired in this cycle

    // Faults.
    input  wire        fault_valid,                // the record holds a fault
    output wire        fault_enable,
    output wire        fault_clear,
    output wire        fault_mismatch,             // pulses towards the record
    output wire        fault_watchdog,

    // Status.
    output wire        idle,
    output wire        running,                    // from start to the end or the fault
    output wire        faulted,
    output wire        resetting,
    output reg         done
);

    localparam [2:0] ST_IDLE    = 3'd0;
    localparam [2:0] ST_PREPARE = 3'd1;
    localparam [2:0] ST_RUN     = 3'd2;
    localparam [2:0] ST_DRAIN   = 3'd3;
    localparam [2:0] ST_FAULTED = 3'd4;
    localparam [2:0] ST_QUIESCE = 3'd5;
    localparam [2:0] ST_RESET   = 3'd6;

    localparam [1:0] RESET_LAST = 2'd3;            // cycles of core reset, less one
    localparam [3:0] QUIET_LAST = 4'd15;           // quiet cycles before the bus counts as quiet

    reg [2:0]  state_q;
    reg [1:0]  reset_count_q;
    reg        started_q;                          // `core_start` has been given
    reg [31:0] watchdog_q;                         // cycles since the last retirement

    wire reset_over = (reset_count_q == RESET_LAST);

    // A burst that was decided on when `core_halt` came may be some cycles on its way to the bus.
    reg [3:0] quiet_count_q;
    wire      quiet = bus_quiet && (quiet_count_q == QUIET_LAST);

    always @(posedge clk) begin
        if (rst || !bus_quiet || !core_halt) begin
            quiet_count_q <= 4'd0;
        end else if (quiet_count_q != QUIET_LAST) begin
            quiet_count_q <= quiet_count_q + 4'd1;
        end
    end

    assign idle      = (state_q == ST_IDLE);
    assign running   = (state_q == ST_RUN);
    assign faulted   = (state_q == ST_FAULTED);
    assign resetting = (state_q == ST_QUIESCE) || (state_q == ST_RESET);

    assign core_rst   = (state_q == ST_PREPARE) || (state_q == ST_RESET);
    assign core_start = (state_q == ST_RUN) && !started_q;
    assign core_halt  = (state_q != ST_RUN) || fault_valid;

    assign fault_enable   = (state_q == ST_IDLE) || (state_q == ST_RUN) || (state_q == ST_DRAIN);
    assign fault_clear    = (state_q == ST_RESET);
    assign fault_mismatch = idle && start && !soft_reset && !fingerprint_match;
    assign fault_watchdog = running && (watchdog_limit != 32'd0) && (watchdog_q >= watchdog_limit);

    always @(posedge clk) begin
        if (rst) begin
            state_q       <= ST_RESET;
            reset_count_q <= 2'd0;
            started_q     <= 1'b0;
            done          <= 1'b0;
        end else begin
            reset_count_q <= core_rst ? reset_count_q + 2'd1 : 2'd0;
            started_q     <= (state_q == ST_RUN);

            if (core_rst || clear) begin
                done <= 1'b0;
            end else if ((state_q == ST_DRAIN) && quiet && !fault_valid) begin
                done <= 1'b1;
            end

            if (soft_reset && (state_q != ST_RESET)) begin
                state_q <= ST_QUIESCE;
            end else begin
                case (state_q)
                    ST_IDLE: begin
                        if (start) begin
                            state_q <= fingerprint_match ? ST_PREPARE : ST_FAULTED;
                        end
                    end
                    ST_PREPARE: begin
                        if (reset_over) begin
                            state_q <= ST_RUN;
                        end
                    end
                    ST_RUN: begin
                        if (fault_valid) begin
                            state_q <= ST_FAULTED;
                        end else if (program_done) begin
                            state_q <= ST_DRAIN;
                        end
                    end
                    ST_DRAIN: begin
                        if (fault_valid) begin
                            state_q <= ST_FAULTED;
                        end else if (quiet) begin
                            state_q <= ST_IDLE;
                        end
                    end
                    ST_FAULTED: begin
                        state_q <= ST_FAULTED;
                    end
                    ST_QUIESCE: begin
                        if (quiet) begin
                            state_q <= ST_RESET;
                        end
                    end
                    ST_RESET: begin
                        if (reset_over) begin
                            state_q <= ST_IDLE;
                        end
                    end
                    default: begin
                        state_q <= ST_RESET;
                    end
                endcase
            end
        end
    end

    always @(posedge clk) begin
        if (rst || !running || retired) begin
            watchdog_q <= 32'd0;
        end else if (watchdog_q != 32'hFFFF_FFFF) begin
            watchdog_q <= watchdog_q + 32'd1;
        end
    end

endmodule

`default_nettype wire
