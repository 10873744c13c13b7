// Cell of the systolic array in one DSP48E2: two 8 bit weights packed at distance 19, so that one
// multiplication serves two columns. A1 holds the shadow pair and cascades down the column, A2 the
// pair in use, B1 the activation; the sum cascades through PCIN. Weights lie in [-127, 127]: then
// sixteen products fit without the lower sum running into the upper one.
`default_nettype none

module npu_pe_dsp48e2 #(
    parameter FIRST = 0                            // top of a cascade: weights come from the fabric
) (
    input  wire        clk,
    input  wire        load,                       // shadow weights <= w_in
    input  wire        swap,                       // weights <= shadow weights
    input  wire [29:0] w_in,
    output wire [29:0] w_out,                      // to w_in of the cell below only
    input  wire [7:0]  x,
    input  wire [47:0] sum_in,                     // from sum_cascade of the cell above only
    output wire [47:0] sum_cascade,
    output wire [47:0] sum                         // the same for the fabric
);

    localparam [8:0] OPMODE_M          = 9'b000000101;
    localparam [8:0] OPMODE_M_PLUS_PCIN = 9'b000010101;

    wire [17:0] bcout;
    wire        carrycascout;
    wire [3:0]  carryout;
    wire        multsignout;
    wire        overflow;
    wire        patternbdetect;
    wire        patterndetect;
    wire        underflow;
    wire [7:0]  xorout;

    wire unused_outputs = &{1'b0, bcout, carrycascout, carryout, multsignout, overflow,
                            patternbdetect, patterndetect, underflow, xorout};

    generate
        if (FIRST != 0) begin : gen_first
            wire unused_sum_in = &{1'b0, sum_in};
        end
    endgenerate

    DSP48E2 #(
        .A_INPUT        ((FIRST != 0) ? "DIRECT" : "CASCADE"),
        .B_INPUT        ("DIRECT"),
        .AMULTSEL       ("A"),
        .BMULTSEL       ("B"),
        .USE_MULT       ("MULTIPLY"),
        .USE_SIMD       ("ONE48"),
        .AREG           (2),
        .ACASCREG       (1),
        .BREG           (1),
        .BCASCREG       (1),
        .MREG           (1),
        .PREG           (1),
        .CREG           (0),
        .DREG           (0),
        .ADREG          (0),
        .ALUMODEREG     (0),
        .CARRYINREG     (0),
        .CARRYINSELREG  (0),
        .INMODEREG      (0),
        .OPMODEREG      (0)
    ) u_dsp (
        .CLK            (clk),
        .A              ((FIRST != 0) ? w_in : 30'd0),
        .ACIN           ((FIRST != 0) ? 30'd0 : w_in),
        .ACOUT          (w_out),
        .B              ({{10{x[7]}}, x}),
        .BCIN           (18'd0),
        .BCOUT          (bcout),
        .C              (48'd0),
        .D              (27'd0),
        .PCIN           ((FIRST != 0) ? 48'd0 : sum_in),
        .PCOUT          (sum_cascade),
        .P              (sum),
        .OPMODE         ((FIRST != 0) ? OPMODE_M : OPMODE_M_PLUS_PCIN),
        .ALUMODE        (4'd0),
        .INMODE         (5'd0),
        .CARRYIN        (1'b0),
        .CARRYINSEL     (3'd0),
        .CARRYCASCIN    (1'b0),
        .CARRYCASCOUT   (carrycascout),
        .CARRYOUT       (carryout),
        .MULTSIGNIN     (1'b0),
        .MULTSIGNOUT    (multsignout),
        .OVERFLOW       (overflow),
        .PATTERNBDETECT (patternbdetect),
        .PATTERNDETECT  (patterndetect),
        .UNDERFLOW      (underflow),
        .XOROUT         (xorout),
        .CEA1           (load),
        .CEA2           (swap),
        .CEB1           (1'b0),
        .CEB2           (1'b1),
        .CEM            (1'b1),
        .CEP            (1'b1),
        .CEC            (1'b0),
        .CED            (1'b0),
        .CEAD           (1'b0),
        .CEALUMODE      (1'b0),
        .CECARRYIN      (1'b0),
        .CECTRL         (1'b0),
        .CEINMODE       (1'b0),
        .RSTA           (1'b0),
        .RSTB           (1'b0),
        .RSTC           (1'b0),
        .RSTD           (1'b0),
        .RSTM           (1'b0),
        .RSTP           (1'b0),
        .RSTALLCARRYIN  (1'b0),
        .RSTALUMODE     (1'b0),
        .RSTCTRL        (1'b0),
        .RSTINMODE      (1'b0)
    );

endmodule

`default_nettype wire
