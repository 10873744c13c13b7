//! The targets: one table each, with everything the kit, the custom logic and the driver need to
//! know of a card and its shell. Figures are those of the AWS hardware development kits (`f1_xdma_shell`
//! for F1, `f2` for F2) and of the AWS instance pages; estimates are marked.

use super::ports::{self, ClPort, ShDdrPort, TableError};

/// A card with its shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// EC2 F1: XCVU9P behind the XDMA shell. Retired by AWS on 2025-12-20.
    AwsF1,
    /// EC2 F2: XCVU47P behind the small shell.
    AwsF2,
}

/// What a device offers to the custom logic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Lookup tables.
    pub lut: u64,
    /// Lookup tables that can be memory or shift registers.
    pub lut_memory: u64,
    /// Flip-flops.
    pub ff: u64,
    /// Block RAMs of 36 kbit.
    pub bram36: u64,
    /// UltraRAMs of 288 kbit.
    pub uram: u64,
    /// DSP slices.
    pub dsp: u64,
}

impl Capacity {
    /// Each number made of those of two.
    fn map(&self, other: &Capacity, make: impl Fn(u64, u64) -> u64) -> Capacity {
        Capacity {
            lut: make(self.lut, other.lut),
            lut_memory: make(self.lut_memory, other.lut_memory),
            ff: make(self.ff, other.ff),
            bram36: make(self.bram36, other.bram36),
            uram: make(self.uram, other.uram),
            dsp: make(self.dsp, other.dsp),
        }
    }
}

/// Facts of a target.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Name on the command line.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Part number.
    pub part: &'static str,
    /// Version of the shell, as the manifest has it.
    pub shell_version: u32,
    /// Top module of the checkpoint that holds shell and custom logic.
    pub checkpoint_top: &'static str,
    /// Path of the custom logic's instance in it.
    pub cl_cell: &'static str,
    /// Branch of the development kit.
    pub hdk_branch: &'static str,
    /// What the shell leaves of the device.
    pub capacity: Capacity,
    /// What the whole device has (AMD DS890).
    pub device: Capacity,
    /// The super logic region that PCIS and OCL come to, from the lowest.
    pub host_region: usize,
    /// Bits of an ID on PCIS.
    pub pcis_id_bits: u32,
    /// Bits of an ID towards DRAM.
    pub ddr_id_bits: u32,
    /// Frequency of `clk_main_a0`, in MHz, as the kit asks for it.
    pub main_clock_mhz: u32,
    /// Memories that a custom logic can be made for; the first is the default. On F1 a DRAM channel;
    /// on F2 the DRAM, or the HBM through so many of its ports.
    pub memories: &'static [&'static str],
    /// Bytes of one DRAM channel.
    pub ddr_bytes: u64,
    /// PCI device and vendor of a loaded image: `cl_sh_id0`.
    pub id0: u32,
    /// PCI subsystem and subsystem vendor: `cl_sh_id1`.
    pub id1: u32,
    /// Whether the shell moves data between host and card by itself.
    pub shell_has_dma: bool,
}

const GIB: u64 = 1 << 30;

const AWS_F1: Facts = Facts {
    name: "aws-f1",
    title: "AWS F1",
    part: "xcvu9p-flgb2104-2-i",
    shell_version: 0x0426_1818,
    checkpoint_top: "top_sp",
    cl_cell: "WRAPPER_INST/CL",
    hdk_branch: "f1_xdma_shell",
    capacity: Capacity {
        lut: 895_200,
        lut_memory: 450_720,
        ff: 1_790_400,
        bram36: 1680,
        uram: 560,
        dsp: 5640,
    },
    device: Capacity {
        lut: 1_182_240,
        lut_memory: 591_840,
        ff: 2_364_480,
        bram36: 2160,
        uram: 960,
        dsp: 6840,
    },
    host_region: 0,
    pcis_id_bits: 6,
    ddr_id_bits: 16,
    main_clock_mhz: 250,
    memories: &["c", "a", "b", "d"],
    ddr_bytes: 16 * GIB,
    id0: 0xF000_1D0F,
    id1: 0x1D51_FEDD,
    shell_has_dma: true,
};

const AWS_F2: Facts = Facts {
    name: "aws-f2",
    title: "AWS F2",
    part: "xcvu47p-fsvh2892-2-e",
    shell_version: 0x1021_2415,
    checkpoint_top: "top",
    cl_cell: "WRAPPER/CL",
    hdk_branch: "f2",
    // AWS publishes no table of its own for F2. Derived from the area constraints of the small
    // shell: UltraRAM and block RAM by site ranges, the rest from the 88 % the user guide names.
    capacity: Capacity {
        lut: 1_140_000,
        lut_memory: 530_000,
        ff: 2_290_000,
        bram36: 1800,
        uram: 864,
        dsp: 7900,
    },
    device: Capacity {
        lut: 1_303_680,
        lut_memory: 600_960,
        ff: 2_607_360,
        bram36: 2016,
        uram: 960,
        dsp: 9024,
    },
    host_region: 1,
    pcis_id_bits: 16,
    ddr_id_bits: 16,
    main_clock_mhz: 250,
    memories: &["ddr", "hbm2", "hbm4", "hbm8", "hbm16", "hbm32"],
    ddr_bytes: 64 * GIB,
    id0: 0xF000_1D0F,
    id1: 0x1D51_FEDD,
    shell_has_dma: false,
};

impl Target {
    /// All of them.
    pub const ALL: [Target; 2] = [Target::AwsF1, Target::AwsF2];

    /// Its facts.
    pub const fn facts(self) -> &'static Facts {
        match self {
            Target::AwsF1 => &AWS_F1,
            Target::AwsF2 => &AWS_F2,
        }
    }

    /// The super logic regions from the lowest, and what the shell leaves of each. Both shells
    /// leave the highest whole; what they leave of the others is taken to be equal.
    pub fn regions(self) -> [(&'static str, Capacity); 3] {
        let Facts { device, capacity, .. } = self.facts();
        let highest = device.map(capacity, |device, _| device / 3);
        let other = capacity.map(&highest, |all, highest| all.saturating_sub(highest) / 2);
        [("SLR0", other), ("SLR1", other), ("SLR2", highest)]
    }

    /// Ports of the custom-logic top, in the order of the shell's own list.
    pub fn cl_ports(self) -> Result<Vec<ClPort>, TableError> {
        let text = match self {
            Target::AwsF1 => include_str!("../../fpga/ports/aws_f1_cl.csv"),
            Target::AwsF2 => include_str!("../../fpga/ports/aws_f2_cl.csv"),
        };
        ports::read_active(text)
    }

    /// Ports of the shell's DRAM controllers, `sh_ddr`.
    pub fn sh_ddr_ports(self) -> Result<Vec<ShDdrPort>, TableError> {
        ports::read(match self {
            Target::AwsF1 => include_str!("../../fpga/ports/aws_f1_sh_ddr.csv"),
            Target::AwsF2 => include_str!("../../fpga/ports/aws_f2_sh_ddr.csv"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fpga::ports::Direction;

    /// Ports of the shells as their specifications count them, and bits in, out and both ways.
    #[test]
    fn the_tables_have_the_ports_of_the_shells() {
        let expected =
            [(Target::AwsF1, 251, [2553, 2617, 324]), (Target::AwsF2, 217, [2284, 2183, 108])];
        for (target, count, bits) in expected {
            let ports = target.cl_ports().unwrap();
            assert_eq!(ports.len(), count);
            for (direction, bits) in
                [Direction::Input, Direction::Output, Direction::Inout].into_iter().zip(bits)
            {
                let sum: u32 =
                    ports.iter().filter(|p| p.direction_at_cl == direction).map(|p| p.width).sum();
                assert_eq!(sum, bits, "{} {direction:?}", target.facts().name);
            }
        }
    }
}
