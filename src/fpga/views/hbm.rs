//! The HBM of F2: the ports of AWS's IP `cl_hbm`, how the custom logic is connected to them, and the
//! stand-in for it in a simulation.

use askama::Template;

use super::{Row, Signal, align, memory, range};
use crate::fpga::ports::Direction::{self, Input, Output};
use crate::fpga::rtl::ClOptions;
use crate::fpga::target::Target;

/// AXI3 ports of the IP, 16 for each stack.
const PORTS: u32 = 32;

/// A signal of an AXI3 port of the IP: its name, direction, width and what stands for it. The
/// bridge's wires hold one after the other for all ports.
const AXI3: [(&str, Direction, u32, Value); 33] = [
    ("ACLK", Input, 1, Value::Constant("clk")),
    ("ARESET_N", Input, 1, Value::Constant("hbm_rst_n")),
    ("ARADDR", Input, 34, Value::Wire),
    ("ARBURST", Input, 2, Value::Constant("2'b01")),
    ("ARID", Input, 6, Value::Constant("6'd0")),
    ("ARLEN", Input, 4, Value::Wire),
    ("ARSIZE", Input, 3, Value::Constant("3'd5")),
    ("ARVALID", Input, 1, Value::Wire),
    ("AWADDR", Input, 34, Value::Wire),
    ("AWBURST", Input, 2, Value::Constant("2'b01")),
    ("AWID", Input, 6, Value::Constant("6'd0")),
    ("AWLEN", Input, 4, Value::Wire),
    ("AWSIZE", Input, 3, Value::Constant("3'd5")),
    ("AWVALID", Input, 1, Value::Wire),
    ("RREADY", Input, 1, Value::Wire),
    ("BREADY", Input, 1, Value::Wire),
    ("WDATA", Input, 256, Value::Wire),
    ("WLAST", Input, 1, Value::Wire),
    ("WSTRB", Input, 32, Value::Wire),
    ("WDATA_PARITY", Input, 32, Value::Constant("32'd0")),
    ("WVALID", Input, 1, Value::Wire),
    ("ARREADY", Output, 1, Value::Wire),
    ("AWREADY", Output, 1, Value::Wire),
    ("RDATA_PARITY", Output, 32, Value::Unread),
    ("RDATA", Output, 256, Value::Wire),
    ("RID", Output, 6, Value::Unread),
    ("RLAST", Output, 1, Value::Unread),
    ("RRESP", Output, 2, Value::Wire),
    ("RVALID", Output, 1, Value::Wire),
    ("WREADY", Output, 1, Value::Wire),
    ("BID", Output, 6, Value::Unread),
    ("BRESP", Output, 2, Value::Wire),
    ("BVALID", Output, 1, Value::Wire),
];

/// Ports of the IP for each of its two stacks; `#` is the stack.
const STACK: [(&str, Direction, u32, Value); 23] = [
    ("HBM_REF_CLK_#", Input, 1, Value::Constant("clk_hbm_ref")),
    ("APB_#_PWDATA", Input, 32, Value::Constant("32'd0")),
    ("APB_#_PADDR", Input, 22, Value::Constant("22'd0")),
    ("APB_#_PCLK", Input, 1, Value::Constant("clk_hbm_ref")),
    ("APB_#_PENABLE", Input, 1, Value::Constant("1'b0")),
    ("APB_#_PRESET_N", Input, 1, Value::Constant("hbm_apb_rst_n")),
    ("APB_#_PSEL", Input, 1, Value::Constant("1'b0")),
    ("APB_#_PWRITE", Input, 1, Value::Constant("1'b0")),
    ("APB_#_PRDATA", Output, 32, Value::Unread),
    ("APB_#_PREADY", Output, 1, Value::Unread),
    ("APB_#_PSLVERR", Output, 1, Value::Unread),
    // The shell watches these for accesses that it does not allow.
    ("MON_APB_#_PRESET_N", Input, 1, Value::Constant("hbm_apb_preset_n_#")),
    ("APB_#_PWDATA_MON", Output, 32, Value::Constant("hbm_apb_pwdata_#")),
    ("APB_#_PADDR_MON", Output, 22, Value::Constant("hbm_apb_paddr_#")),
    ("APB_#_PENABLE_MON", Output, 1, Value::Constant("hbm_apb_penable_#")),
    ("APB_#_PSEL_MON", Output, 1, Value::Constant("hbm_apb_psel_#")),
    ("APB_#_PWRITE_MON", Output, 1, Value::Constant("hbm_apb_pwrite_#")),
    ("APB_#_PRDATA_MON", Output, 32, Value::Constant("hbm_apb_prdata_#")),
    ("APB_#_PREADY_MON", Output, 1, Value::Constant("hbm_apb_pready_#")),
    ("APB_#_PSLVERR_MON", Output, 1, Value::Constant("hbm_apb_pslverr_#")),
    ("apb_complete_#", Output, 1, Value::Constant("hbm_complete[#]")),
    ("DRAM_#_STAT_CATTRIP", Output, 1, Value::Unread),
    ("DRAM_#_STAT_TEMP", Output, 7, Value::Unread),
];

/// What is connected to a port of the IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    /// The same for all ports.
    Constant(&'static str),
    /// The port's part of a wire of the bridge.
    Wire,
    /// A wire that nobody reads.
    Unread,
}

/// A port of the IP.
struct Port {
    name: String,
    direction: Direction,
    width: u32,
    value: Value,
    /// Its AXI3 port or stack.
    number: u32,
    /// The signal of the AXI3 port, in small letters.
    signal: Option<String>,
}

/// All ports of the IP.
fn ports() -> Vec<Port> {
    let mut found = Vec::new();
    for number in 0..PORTS {
        for (name, direction, width, value) in AXI3 {
            found.push(Port {
                name: format!("AXI_{number:02}_{name}"),
                direction,
                width,
                value,
                number,
                signal: Some(name.to_lowercase()),
            });
        }
    }
    for number in 0..2 {
        for (name, direction, width, value) in STACK {
            found.push(Port {
                name: name.replace('#', &number.to_string()),
                direction,
                width,
                value,
                number,
                signal: None,
            });
        }
    }
    found
}

/// The custom logic's side of the HBM.
#[derive(Debug, Default)]
pub(super) struct Hbm {
    /// Wires of the bridge.
    pub wires: Vec<Signal>,
    /// Ports of the bridge and the part of the wires that it has.
    pub bridge: Vec<Row>,
    /// Ports of the IP.
    pub pins: Vec<Row>,
    /// Parts of the wires that belong to ports not in use, and their constants.
    pub idle: Vec<Row>,
    /// Wires that nobody reads.
    pub unused: Vec<String>,
    /// Signals of the shell that are connected here.
    pub shell: Vec<String>,
}

impl Hbm {
    /// With so many ports in use.
    pub fn new(used: u32) -> Hbm {
        let mut hbm = Hbm { bridge: memory::connect("s_axi_"), ..Hbm::default() };
        for (name, direction, width, value) in AXI3 {
            if value != Value::Wire {
                continue;
            }
            let signal = name.to_lowercase();
            hbm.wires.push(Signal::new(format!("hbm_{signal}"), PORTS * width));
            let part = format!("hbm_{signal}[{}:0]", used * width - 1);
            hbm.bridge.push(Row::new(format!("m_axi_{signal}"), part));
            if used == PORTS {
                continue;
            }
            let rest = format!("hbm_{signal}[{}:{}]", PORTS * width - 1, used * width);
            match direction {
                Input => hbm.idle.push(Row::new(rest, "'0")),
                _ => hbm.unused.push(rest),
            }
        }
        for port in ports() {
            let Port { name, width, value, number, signal, .. } = port;
            let value = match (value, signal) {
                (Value::Constant(text), _) => text.replace('#', &number.to_string()),
                (Value::Wire, Some(signal)) => {
                    format!("hbm_{signal}[{} +: {width}]", number * width)
                }
                _ => {
                    let open = format!("open_{}", name.to_lowercase());
                    hbm.wires.push(Signal::new(open.clone(), width));
                    hbm.unused.push(open.clone());
                    open
                }
            };
            if value.starts_with("hbm_apb_p") || value == "clk_hbm_ref" {
                hbm.shell.push(value.clone());
            }
            hbm.pins.push(Row::new(name, value));
        }
        align(&mut hbm.pins);
        align(&mut hbm.bridge);
        hbm
    }
}

/// The stand-in for the IP: ports in use have memory behind them, all others say nothing.
#[derive(Debug, Template)]
#[template(path = "fpga/sim/cl_hbm.sv")]
pub(super) struct Model {
    ports: Vec<String>,
    used: Vec<String>,
    /// log2 of the words of 32 bytes behind a port.
    word_w: u32,
    outputs: Vec<Row>,
    unused: Vec<String>,
}

impl Model {
    /// Nothing where the memory is another.
    pub fn new(target: Target, options: ClOptions) -> Option<Model> {
        let used = options.hbm_ports(target)?;
        let bytes = options.simulated_bytes(target)? / u64::from(used);
        let mut model = Model {
            ports: Vec::new(),
            used: (0..used).map(|number| format!("{number:02}")).collect(),
            word_w: (bytes / 32).trailing_zeros(),
            outputs: Vec::new(),
            unused: Vec::new(),
        };
        for port in ports() {
            let Port { name, direction, width, number, signal, .. } = port;
            let parts = [direction.keyword(), "logic", &range(width), &name];
            let words: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            model.ports.push(words.join(" "));
            let busy = number < used && signal.is_some();
            let served = signal.as_deref().is_some_and(|signal| SERVED.contains(&signal));
            if name.starts_with("apb_complete") || (busy && served) {
                continue;
            }
            match direction {
                Output => model.outputs.push(Row::new(name, "'0")),
                _ if name == "APB_0_PCLK" || name == "APB_0_PRESET_N" => {}
                _ => model.unused.push(name),
            }
        }
        align(&mut model.outputs);
        let last = model.ports.len().saturating_sub(1);
        for port in model.ports.iter_mut().take(last) {
            port.push(',');
        }
        Some(model)
    }
}

/// Signals of a port that the memory in the model has; the constants among the others are not
/// looked at.
const SERVED: [&str; 22] = [
    "aclk", "areset_n", "araddr", "arlen", "arvalid", "awaddr", "awlen", "awvalid", "rready",
    "bready", "wdata", "wlast", "wstrb", "wvalid", "arready", "awready", "rdata", "rresp",
    "rvalid", "wready", "bresp", "bvalid",
];
