// Model of a clock buffer for simulation.
`default_nettype none

module BUFG (
    input  wire I,
    output wire O
);

    assign O = I;

endmodule

`default_nettype wire
