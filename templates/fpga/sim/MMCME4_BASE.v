// Model of the clock manager for simulation: the mean frequency is right, the edges fall on those
// of the input clock. The output must not be faster than the input. Only the ports in use.
`default_nettype none

module MMCME4_BASE #(
    parameter real CLKIN1_PERIOD    = 4.0,
    parameter real CLKFBOUT_MULT_F  = 5.0,
    parameter      DIVCLK_DIVIDE    = 1,
    parameter real CLKOUT0_DIVIDE_F = 1.0
) (
    input  wire CLKIN1,
    input  wire CLKFBIN,
    output wire CLKFBOUT,
    output reg  CLKOUT0,
    output reg  LOCKED,
    input  wire PWRDWN,
    input  wire RST
);

    // Ratio of the frequencies as integers, in eighths.
    localparam integer STEP = $rtoi(CLKFBOUT_MULT_F * 8.0 + 0.5);
    localparam integer FULL = $rtoi(CLKOUT0_DIVIDE_F * 8.0 + 0.5) * DIVCLK_DIVIDE;
    localparam integer LOCK_EDGES = 100;

    integer phase;
    integer edges;

    // The output toggles as often as the sum of steps passes a multiple of FULL.
    always @(posedge CLKIN1 or negedge CLKIN1) begin
        if (RST || PWRDWN) begin
            edges  <= 0;
            LOCKED <= 1'b0;
        end else if (edges < LOCK_EDGES) begin
            edges  <= edges + 1;
        end else begin
            LOCKED <= 1'b1;
        end
        if (phase + STEP >= FULL) begin
            phase   <= phase + STEP - FULL;
            CLKOUT0 <= !CLKOUT0;
        end else begin
            phase <= phase + STEP;
        end
    end

    assign CLKFBOUT  = CLKIN1;

    wire unused = &{1'b0, CLKFBIN, CLKIN1_PERIOD != 0.0};

endmodule

`default_nettype wire
