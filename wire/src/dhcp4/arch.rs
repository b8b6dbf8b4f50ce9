//! Client system architectures (option 93, RFC 4578 section 2.1 and the IANA registry "Processor Architecture Types").
use std::fmt;

/// Which firmware asks, hence which boot loader it can run and how it can fetch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arch {
    /// 0: PC BIOS.
    BiosX86,
    /// 6: UEFI on 32-bit x86.
    EfiIa32,
    /// 7: UEFI on x86-64. RFC 4578 printed "EFI BC" here; every x86-64 firmware sends it.
    EfiX64,
    /// 9: EFI byte code by the registry; older x86-64 firmware that followed RFC 4578's table to the letter sends it.
    EfiX64Old,
    /// 10: UEFI on 32-bit ARM.
    EfiArm32,
    /// 11: UEFI on 64-bit ARM.
    EfiArm64,
    /// 15: UEFI HTTP boot on 32-bit x86.
    HttpIa32,
    /// 16: UEFI HTTP boot on x86-64.
    HttpX64,
    /// 18: UEFI HTTP boot on 32-bit ARM.
    HttpArm32,
    /// 19: UEFI HTTP boot on 64-bit ARM.
    HttpArm64,
    /// 20: PC BIOS, HTTP boot.
    HttpBiosX86,
    /// 22: U-Boot on 64-bit ARM.
    UbootArm64,
    /// 25: UEFI on 32-bit RISC-V.
    EfiRiscv32,
    /// 26: UEFI HTTP boot on 32-bit RISC-V.
    HttpRiscv32,
    /// 27: UEFI on 64-bit RISC-V.
    EfiRiscv64,
    /// 28: UEFI HTTP boot on 64-bit RISC-V.
    HttpRiscv64,
    /// 39: UEFI on 64-bit LoongArch.
    EfiLoong64,
    /// 40: UEFI HTTP boot on 64-bit LoongArch.
    HttpLoong64,
    /// 41: the boot ROM of a Raspberry Pi.
    RpiBoot,
    /// Any other code.
    Unknown(u16),
}

/// The instruction set of an [`Arch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cpu {
    /// x86 in 32 bits, or a BIOS, which does not say whether 64 bits are there too.
    X86,
    /// x86-64.
    X64,
    /// 32-bit ARM.
    Arm32,
    /// 64-bit ARM.
    Arm64,
    /// 32-bit RISC-V.
    Riscv32,
    /// 64-bit RISC-V.
    Riscv64,
    /// 64-bit LoongArch.
    Loong64,
    /// Not told by the code.
    Unknown,
}

const TABLE: [(u16, Arch, Cpu, &str); 19] = [
    (0, Arch::BiosX86, Cpu::X86, "x86 BIOS"),
    (6, Arch::EfiIa32, Cpu::X86, "x86 UEFI"),
    (7, Arch::EfiX64, Cpu::X64, "x64 UEFI"),
    (9, Arch::EfiX64Old, Cpu::X64, "x64 UEFI (9)"),
    (10, Arch::EfiArm32, Cpu::Arm32, "ARM32 UEFI"),
    (11, Arch::EfiArm64, Cpu::Arm64, "ARM64 UEFI"),
    (15, Arch::HttpIa32, Cpu::X86, "x86 UEFI HTTP"),
    (16, Arch::HttpX64, Cpu::X64, "x64 UEFI HTTP"),
    (18, Arch::HttpArm32, Cpu::Arm32, "ARM32 UEFI HTTP"),
    (19, Arch::HttpArm64, Cpu::Arm64, "ARM64 UEFI HTTP"),
    (20, Arch::HttpBiosX86, Cpu::X86, "x86 BIOS HTTP"),
    (22, Arch::UbootArm64, Cpu::Arm64, "ARM64 U-Boot"),
    (25, Arch::EfiRiscv32, Cpu::Riscv32, "RISC-V 32 UEFI"),
    (26, Arch::HttpRiscv32, Cpu::Riscv32, "RISC-V 32 UEFI HTTP"),
    (27, Arch::EfiRiscv64, Cpu::Riscv64, "RISC-V 64 UEFI"),
    (28, Arch::HttpRiscv64, Cpu::Riscv64, "RISC-V 64 UEFI HTTP"),
    (39, Arch::EfiLoong64, Cpu::Loong64, "LoongArch 64 UEFI"),
    (40, Arch::HttpLoong64, Cpu::Loong64, "LoongArch 64 UEFI HTTP"),
    (41, Arch::RpiBoot, Cpu::Arm64, "Raspberry Pi"),
];

impl Arch {
    /// The architecture of a code in option 93. Never fails.
    pub fn from_code(code: u16) -> Arch {
        TABLE
            .iter()
            .find(|row| row.0 == code)
            .map_or(Arch::Unknown(code), |row| row.1)
    }

    /// The code in option 93; [`Arch::from_code`] of it is the same architecture again.
    pub fn code(self) -> u16 {
        match self {
            Arch::Unknown(code) => code,
            known => {
                TABLE
                    .iter()
                    .find(|row| row.1 == known)
                    .expect("every known architecture has its row")
                    .0
            }
        }
    }

    /// Whether the firmware fetches a URL by itself and wants option 60 back as `HTTPClient`.
    pub const fn is_http(self) -> bool {
        use Arch::*;
        matches!(
            self,
            HttpIa32 | HttpX64 | HttpArm32 | HttpArm64 | HttpBiosX86 | HttpRiscv32 | HttpRiscv64 | HttpLoong64
        )
    }

    /// Whether the firmware runs EFI programs.
    pub const fn is_uefi(self) -> bool {
        use Arch::*;
        match self {
            EfiIa32 | EfiX64 | EfiX64Old | EfiArm32 | EfiArm64 | EfiRiscv32 | EfiRiscv64 | EfiLoong64 => true,
            HttpIa32 | HttpX64 | HttpArm32 | HttpArm64 | HttpRiscv32 | HttpRiscv64 | HttpLoong64 => true,
            BiosX86 | HttpBiosX86 | UbootArm64 | RpiBoot | Unknown(_) => false,
        }
    }

    /// The instruction set that a boot loader for this firmware must have.
    pub fn cpu(self) -> Cpu {
        TABLE.iter().find(|row| row.1 == self).map_or(Cpu::Unknown, |row| row.2)
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match TABLE.iter().find(|row| row.1 == *self) {
            Some(row) => f.pad(row.3),
            None => write!(f, "architecture {}", self.code()),
        }
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Cpu::X86 => "x86",
            Cpu::X64 => "x86_64",
            Cpu::Arm32 => "arm",
            Cpu::Arm64 => "aarch64",
            Cpu::Riscv32 => "riscv32",
            Cpu::Riscv64 => "riscv64",
            Cpu::Loong64 => "loongarch64",
            Cpu::Unknown => "unknown",
        })
    }
}
