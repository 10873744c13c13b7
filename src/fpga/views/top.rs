//! `cl_npu`: everything between the shell's port list and `npu_cl_system`.

use askama::Template;

use super::buses::{self, Bus};
use super::hbm::Hbm;
use super::{Row, Signal, align, memory};
use crate::design::Design;
use crate::fpga::clock::Mmcm;
use crate::fpga::ports::{ClPort, Direction, ShDdrPort};
use crate::fpga::rtl::{ClError, ClOptions};
use crate::fpga::target::Target;

/// Ports the templates themselves name.
const NAMED: [&str; 10] = [
    "clk_main_a0",
    "rst_main_n",
    "sh_cl_flr_assert",
    "cl_sh_flr_done",
    "cl_sh_status_vled",
    "cl_sh_apppf_irq_req",
    "sh_cl_apppf_irq_ack",
    "cl_sh_id0",
    "cl_sh_id1",
    "sh_cl_ddr_is_ready",
];

/// Interrupts the system does not use.
const UNUSED_ACKS: &str = "sh_cl_apppf_irq_ack[15:2]";

/// Rows of both templates.
#[derive(Debug)]
pub(in crate::fpga) struct Top {
    crossing: bool,
    straight: bool,
    constants: Vec<Row>,
    ddr_wires: Vec<Signal>,
    system: Vec<Row>,
    sda: Vec<Row>,
    bar1: Vec<Row>,
    sh_ddr: Vec<Row>,
    arrays: Vec<Signal>,
    vectors: Vec<Row>,
    to_channels: Vec<Row>,
    from_channel: Vec<Row>,
    ties: Vec<Row>,
    unused: Vec<String>,
    /// F2: its DRAM, or the HBM.
    on_ddr: bool,
    hbm: Option<Hbm>,
}

/// Of F1.
#[derive(Debug, Template)]
#[template(path = "fpga/aws_f1/cl_npu.sv")]
pub(in crate::fpga) struct AwsF1 {
    pub top: Top,
}

/// Of F2.
#[derive(Debug, Template)]
#[template(path = "fpga/aws_f2/cl_npu.sv")]
pub(in crate::fpga) struct AwsF2 {
    pub top: Top,
}

impl Top {
    pub fn new(
        design: &Design,
        target: Target,
        options: ClOptions,
        mmcm: Option<Mmcm>,
    ) -> Result<Top, ClError> {
        let ports = target.cl_ports()?;
        let controllers = target.sh_ddr_ports()?;
        let memory_w = options.memory_bytes(target).trailing_zeros();
        let hbm = options.hbm_ports(target).map(Hbm::new);
        let mut top = Top {
            crossing: mmcm.is_some(),
            straight: mmcm.is_none(),
            constants: constants(design, target, options, mmcm, memory_w),
            ddr_wires: memory::wires(memory_w),
            system: memory::connect("ddr_"),
            sda: Vec::new(),
            bar1: Vec::new(),
            sh_ddr: Vec::new(),
            arrays: Vec::new(),
            vectors: Vec::new(),
            to_channels: Vec::new(),
            from_channel: Vec::new(),
            ties: vec![Row::new("cl_sh_id0", "`CL_SH_ID0"), Row::new("cl_sh_id1", "`CL_SH_ID1")],
            unused: vec![UNUSED_ACKS.to_owned()],
            on_ddr: hbm.is_none(),
            hbm,
        };
        top.unused.extend(memory::unread());
        top.take_buses(target, &ports);
        let place = memory::controller(target, options.name(target));
        match target {
            Target::AwsF1 => top.arrays_of_controllers(&controllers, &ports, place, memory_w),
            Target::AwsF2 => top.one_controller(&controllers, memory_w),
        }
        if let Some(hbm) = &top.hbm {
            let drive = |signal: &&str| {
                ["bid", "rid"]
                    .contains(signal)
                    .then(|| Row::new(format!("ddr_{signal}[15:2]"), "'0"))
            };
            top.ties.extend(memory::ANSWERS.iter().filter_map(drive));
            top.ties.extend(hbm.idle.iter().cloned());
            top.unused.extend(hbm.unused.iter().cloned());
        }
        top.leave_the_rest(target, &ports);
        for rows in [
            &mut top.constants,
            &mut top.system,
            &mut top.sda,
            &mut top.bar1,
            &mut top.sh_ddr,
            &mut top.to_channels,
            &mut top.from_channel,
            &mut top.ties,
        ] {
            align(rows);
        }
        Ok(top)
    }

    fn take_buses(&mut self, target: Target, ports: &[ClPort]) {
        for bus in buses::of(target) {
            let nothing = matches!(bus.name, "sda" | "bar1");
            let prefix = if nothing { "s_axil_".to_owned() } else { format!("{}_", bus.name) };
            let wiring = buses::wire(bus, ports, &prefix, nothing);
            match bus.name {
                "sda" => self.sda = wiring.connected,
                "bar1" => self.bar1 = wiring.connected,
                _ => self.system.extend(wiring.connected),
            }
            self.ties.extend(wiring.ties);
            self.unused.extend(wiring.unused);
        }
    }

    /// F2: one controller, its bus straight on the ports.
    fn one_controller(&mut self, controllers: &[ShDdrPort], memory_w: u32) {
        for port in controllers {
            let value = match memory::signal(Target::AwsF2, port) {
                Some(signal) if !self.on_ddr => match memory::ANSWERS.contains(&signal) {
                    true => self.open(port),
                    false => buses::constant(signal).to_owned(),
                },
                Some(signal) if memory::ANSWERS.contains(&signal) => format!("ddr_{signal}"),
                Some(signal) => memory::drive(signal, memory_w),
                None => match common_pin(&port.name) {
                    Some(value) => value.to_owned(),
                    None => match port.name.as_str() {
                        "sh_cl_ddr_is_ready" if self.on_ddr => "ddr_is_ready".to_owned(),
                        "sh_cl_ddr_is_ready" => self.open(port),
                        "cl_RST_DIMM_N" => "RST_DIMM_N".to_owned(),
                        "ddr_sh_stat_int" => "cl_sh_ddr_stat_int".to_owned(),
                        name => stat_of_f2(name).unwrap_or_else(|| name.to_owned()),
                    },
                },
            };
            self.sh_ddr.push(Row::new(port.name.clone(), value));
        }
    }

    /// A wire for an output that nobody reads.
    fn open(&mut self, port: &ShDdrPort) -> String {
        let open = format!("open_{}", port.name);
        self.unused.push(open.clone());
        self.ddr_wires.push(Signal::new(open.clone(), port.width));
        open
    }

    /// F1: three controllers with arrays, and one in the shell.
    fn arrays_of_controllers(
        &mut self,
        controllers: &[ShDdrPort],
        ports: &[ClPort],
        place: Option<usize>,
        memory_w: u32,
    ) {
        for port in controllers {
            let Some(signal) = memory::signal(Target::AwsF1, port) else {
                self.pin_of_controller(port, place);
                continue;
            };
            let local = format!("abd_{signal}");
            self.sh_ddr.push(Row::new(port.name.clone(), local.clone()));
            if port.unpacked_dim.is_empty() {
                self.vectors.push(Row::new(local.clone(), ""));
            } else {
                self.arrays.push(Signal::new(local.clone(), port.width));
            }
            if !memory::ANSWERS.contains(&signal) {
                let idle = buses::constant(signal);
                let value = memory::drive(signal, memory_w);
                let chosen = match (place, idle == value) {
                    (None, _) => idle.to_owned(),
                    (Some(_), true) => value,
                    (Some(place), false) => format!("(i == {place}) ? {value} : '0"),
                };
                self.to_channels.push(Row::new(local, chosen));
            } else if let Some(place) = place {
                self.from_channel
                    .push(Row::new(format!("ddr_{signal}"), format!("{local}[{place}]")));
                self.unused.push(others(&local, place));
            } else {
                for index in 0..3 {
                    self.unused.push(format!("{local}[{index}]"));
                }
            }
        }
        self.vectors.push(Row::new("is_ready", ""));
        match place {
            Some(place) => {
                self.from_channel.push(Row::new("ddr_is_ready", format!("is_ready[{place}]")));
                self.unused.push(others("is_ready", place));
            }
            None => {
                self.from_channel.push(Row::new("ddr_is_ready", "sh_cl_ddr_is_ready"));
                self.unused.push("is_ready".to_owned());
            }
        }
        self.controller_in_shell(&buses::DDR_C, ports, place.is_none(), memory_w);
    }

    /// F1's controller C, whose bus leaves the custom logic.
    fn controller_in_shell(&mut self, bus: &Bus, ports: &[ClPort], used: bool, memory_w: u32) {
        for port in ports.iter().filter(|port| port.group == "DDR_C_AXI") {
            let Some(signal) = bus.signal(port) else { continue };
            match (port.direction_at_cl, used) {
                (Direction::Output, true) => {
                    let value = memory::drive(signal, memory_w);
                    self.ties.push(Row::new(port.name.clone(), value));
                }
                (Direction::Output, false) => {
                    self.ties.push(Row::new(port.name.clone(), buses::constant(signal)));
                }
                (_, true) if memory::ANSWERS.contains(&signal) => {
                    self.from_channel.push(Row::new(format!("ddr_{signal}"), port.name.clone()));
                }
                (_, true) => {}
                (_, false) => self.unused.push(port.name.clone()),
            }
        }
    }

    /// F1: clocks, pins and statistics of the controllers.
    fn pin_of_controller(&mut self, port: &ShDdrPort, place: Option<usize>) {
        let name = port.name.as_str();
        if name == "sh_cl_ddr_is_ready" {
            return;
        }
        if let Some(value) = common_pin(name) {
            self.sh_ddr.push(Row::new(name, value));
            return;
        }
        // Statistics end in the number of the controller; those of an absent one answer at once.
        let number = name.chars().last().and_then(|last| last.to_digit(10));
        let absent = name.contains("_stat_") && number != place.map(|place| place as u32);
        if absent && name.starts_with("ddr_sh_") {
            let value = if name.contains("_ack") { "1'b1" } else { "'0" };
            self.ties.push(Row::new(name, value));
            let open = self.open(port);
            self.sh_ddr.push(Row::new(name, open));
        } else {
            self.sh_ddr.push(Row::new(name, name));
        }
    }

    /// Outputs nobody drives yet, and inputs nobody reads.
    fn leave_the_rest(&mut self, target: Target, ports: &[ClPort]) {
        let in_shell = |port: &ClPort| port.group == "DDR_C_AXI" && target == Target::AwsF1;
        let values: Vec<&str> = self.sh_ddr.iter().map(|row| row.value.as_str()).collect();
        let mut ties = Vec::new();
        let mut unused = Vec::new();
        for port in ports {
            let bus = buses::of(target).iter().any(|bus| bus.signal(port).is_some());
            let name = port.name.as_str();
            let tied = self.ties.iter().any(|row| row.name == name);
            let with_hbm = |hbm: &Hbm| hbm.shell.iter().any(|signal| signal == name);
            let known = bus
                || in_shell(port)
                || NAMED.contains(&name)
                || values.contains(&name)
                || self.hbm.as_ref().is_some_and(with_hbm);
            if known || tied {
                continue;
            }
            match port.direction_at_cl {
                Direction::Output => ties.push(Row::new(name, "'0")),
                _ => unused.push(name.to_owned()),
            }
        }
        self.ties.extend(ties);
        self.unused.extend(unused);
    }
}

/// Clock and reset of `sh_ddr`.
fn common_pin(name: &str) -> Option<&'static str> {
    match name {
        "clk" | "stat_clk" => Some("clk"),
        "rst_n" | "stat_rst_n" => Some("!rst"),
        _ => None,
    }
}

/// The shell's name of a signal of the statistics bus.
fn stat_of_f2(name: &str) -> Option<String> {
    let signal = name.strip_prefix("sh_ddr_stat_bus_")?;
    Some(match signal {
        "ack" | "rdata" => format!("cl_sh_ddr_stat_{signal}"),
        _ => format!("sh_cl_ddr_stat_{signal}"),
    })
}

/// All elements of three but one.
fn others(name: &str, place: usize) -> String {
    let rest: Vec<String> =
        (0..3).filter(|index| *index != place).map(|index| format!("{name}[{index}]")).collect();
    rest.join(", ")
}

fn constants(
    design: &Design,
    target: Target,
    options: ClOptions,
    mmcm: Option<Mmcm>,
    memory_w: u32,
) -> Vec<Row> {
    let facts = target.facts();
    let engines = design.engines().len();
    let mut rows = vec![
        Row::new("PCIS_ID_W", facts.pcis_id_bits.to_string()),
        Row::new("MEMORY_W", memory_w.to_string()),
        Row::new("HAS_DMA", u32::from(!facts.shell_has_dma).to_string()),
        Row::new("CROSSING", u32::from(mmcm.is_some()).to_string()),
        Row::new("CLOCK_MHZ", design.clock_mhz().to_string()),
        Row::new("NPU_ID_W", design.axi().id_bits.to_string()),
        Row::new("NPU_ADDR_W", design.axi().addr_bits.to_string()),
        Row::new("NPU_ENGINES", engines.to_string()),
        Row::new("NPU_RETIRE_W", (engines * design.pc_bits()).to_string()),
    ];
    if let Some(mmcm) = mmcm {
        rows.push(Row::new("MULT_8", mmcm.mult_8.to_string()));
        rows.push(Row::new("DIVIDE", mmcm.divide.to_string()));
        rows.push(Row::new("OUT_8", mmcm.out_8.to_string()));
    }
    if target == Target::AwsF1 {
        for name in ["a", "b", "d"] {
            let title = format!("DDR_{}_PRESENT", name.to_uppercase());
            rows.push(Row::new(title, u32::from(name == options.name(target)).to_string()));
        }
    } else {
        let ports = options.hbm_ports(target);
        rows.push(Row::new("DDR_PRESENT", u32::from(ports.is_none()).to_string()));
        if let Some(ports) = ports {
            rows.push(Row::new("HBM_PORT_W", ports.trailing_zeros().to_string()));
        }
    }
    rows
}
