// Simulation model of the DSP48E2 slice as far as npu_pe_dsp48e2 uses it: A1 and A2 with separate
// enables, A cascade taken after A1, B, M and P registers, P = M or M + PCIN. Everything else that
// could be configured is refused by name or ignored because it is tied off. Not for synthesis.
`default_nettype none

module DSP48E2 #(
    parameter         A_INPUT       = "DIRECT",
    parameter         B_INPUT       = "DIRECT",
    parameter         AMULTSEL      = "A",
    parameter         BMULTSEL      = "B",
    parameter         USE_MULT      = "MULTIPLY",
    parameter         USE_SIMD      = "ONE48",
    parameter integer AREG          = 2,
    parameter integer ACASCREG      = 1,
    parameter integer BREG          = 1,
    parameter integer BCASCREG      = 1,
    parameter integer MREG          = 1,
    parameter integer PREG          = 1,
    parameter integer CREG          = 0,
    parameter integer DREG          = 0,
    parameter integer ADREG         = 0,
    parameter integer ALUMODEREG    = 0,
    parameter integer CARRYINREG    = 0,
    parameter integer CARRYINSELREG = 0,
    parameter integer INMODEREG     = 0,
    parameter integer OPMODEREG     = 0
) (
    input  wire        CLK,
    input  wire [29:0] A,
    input  wire [29:0] ACIN,
    output wire [29:0] ACOUT,
    input  wire [17:0] B,
    input  wire [17:0] BCIN,
    output wire [17:0] BCOUT,
    input  wire [47:0] C,
    input  wire [26:0] D,
    input  wire [47:0] PCIN,
    output wire [47:0] PCOUT,
    output wire [47:0] P,
    input  wire [8:0]  OPMODE,
    input  wire [3:0]  ALUMODE,
    input  wire [4:0]  INMODE,
    input  wire        CARRYIN,
    input  wire [2:0]  CARRYINSEL,
    input  wire        CARRYCASCIN,
    output wire        CARRYCASCOUT,
    output wire [3:0]  CARRYOUT,
    input  wire        MULTSIGNIN,
    output wire        MULTSIGNOUT,
    output wire        OVERFLOW,
    output wire        PATTERNBDETECT,
    output wire        PATTERNDETECT,
    output wire        UNDERFLOW,
    output wire [7:0]  XOROUT,
    input  wire        CEA1,
    input  wire        CEA2,
    input  wire        CEB1,
    input  wire        CEB2,
    input  wire        CEM,
    input  wire        CEP,
    input  wire        CEC,
    input  wire        CED,
    input  wire        CEAD,
    input  wire        CEALUMODE,
    input  wire        CECARRYIN,
    input  wire        CECTRL,
    input  wire        CEINMODE,
    input  wire        RSTA,
    input  wire        RSTB,
    input  wire        RSTC,
    input  wire        RSTD,
    input  wire        RSTM,
    input  wire        RSTP,
    input  wire        RSTALLCARRYIN,
    input  wire        RSTALUMODE,
    input  wire        RSTCTRL,
    input  wire        RSTINMODE
);

    localparam CASCADE = (A_INPUT == "CASCADE");

    generate
        if (B_INPUT != "DIRECT" || AMULTSEL != "A" || BMULTSEL != "B" || USE_MULT != "MULTIPLY"
                || USE_SIMD != "ONE48" || AREG != 2 || ACASCREG != 1 || BREG != 1 || BCASCREG != 1
                || MREG != 1 || PREG != 1 || CREG != 0 || DREG != 0 || ADREG != 0
                || ALUMODEREG != 0 || CARRYINREG != 0 || CARRYINSELREG != 0 || INMODEREG != 0
                || OPMODEREG != 0) begin : gen_check
            npu_error_dsp48e2_model_has_not_this_configuration u_error ();
        end
    endgenerate

    reg        [29:0] a1_q;
    reg        [29:0] a2_q;
    reg        [17:0] b_q;
    reg signed [44:0] m_q;
    reg        [47:0] p_q;

    wire signed [44:0] a_wide = {{18{a2_q[26]}}, a2_q[26:0]};
    wire signed [44:0] b_wide = {{27{b_q[17]}}, b_q};
    wire        [47:0] m_wide = {{3{m_q[44]}}, m_q};
    wire        [47:0] z      = (OPMODE[6:4] == 3'b001) ? PCIN : 48'd0;

    assign ACOUT          = a1_q;
    assign BCOUT          = b_q;
    assign PCOUT          = p_q;
    assign P              = p_q;
    assign CARRYCASCOUT   = 1'b0;
    assign CARRYOUT       = 4'd0;
    assign MULTSIGNOUT    = 1'b0;
    assign OVERFLOW       = 1'b0;
    assign PATTERNBDETECT = 1'b0;
    assign PATTERNDETECT  = 1'b0;
    assign UNDERFLOW      = 1'b0;
    assign XOROUT         = 8'd0;

    always @(posedge CLK) begin
        if (CEA1) begin
            a1_q <= CASCADE ? ACIN : A;
        end
        if (CEA2) begin
            a2_q <= a1_q;
        end
        if (CEB2) begin
            b_q <= B;
        end
        if (CEM) begin
            m_q <= a_wide * b_wide;
        end
        if (CEP) begin
            p_q <= z + m_wide;
        end
    end

    wire unused_inputs = &{1'b0, A, ACIN, BCIN, C, D, OPMODE, ALUMODE, INMODE, CARRYIN, CARRYINSEL,
                           CARRYCASCIN, MULTSIGNIN, CEB1, CEC, CED, CEAD, CEALUMODE, CECARRYIN,
                           CECTRL, CEINMODE, RSTA, RSTB, RSTC, RSTD, RSTM, RSTP, RSTALLCARRYIN,
                           RSTALUMODE, RSTCTRL, RSTINMODE, a2_q[29:27]};

endmodule

`default_nettype wire
