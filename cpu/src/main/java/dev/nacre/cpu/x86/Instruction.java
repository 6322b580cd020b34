package dev.nacre.cpu.x86;

/// The vector instructions in use: opcode, opcode map, prefix and W bit, as in the Intel manual (volume 2). All are EVEX encoded.
public enum Instruction {
    ADDPS(0x58, Map.M0F, Prefix.NONE, 0),
    ADDPD(0x58, Map.M0F, Prefix.P66, 1),
    MULPS(0x59, Map.M0F, Prefix.NONE, 0),
    MULPD(0x59, Map.M0F, Prefix.P66, 1),
    SUBPS(0x5C, Map.M0F, Prefix.NONE, 0),
    SUBPD(0x5C, Map.M0F, Prefix.P66, 1),
    DIVPS(0x5E, Map.M0F, Prefix.NONE, 0),
    DIVPD(0x5E, Map.M0F, Prefix.P66, 1),
    /// `a < b ? a : b`.
    MINPS(0x5D, Map.M0F, Prefix.NONE, 0),
    MINPD(0x5D, Map.M0F, Prefix.P66, 1),
    /// `a > b ? a : b`.
    MAXPS(0x5F, Map.M0F, Prefix.NONE, 0),
    MAXPD(0x5F, Map.M0F, Prefix.P66, 1),
    SQRTPS(0x51, Map.M0F, Prefix.NONE, 0),
    SQRTPD(0x51, Map.M0F, Prefix.P66, 1),
    FMADD132PS(0x98, Map.M0F38, Prefix.P66, 0),
    FMADD132PD(0x98, Map.M0F38, Prefix.P66, 1),
    FMADD213PS(0xA8, Map.M0F38, Prefix.P66, 0),
    FMADD213PD(0xA8, Map.M0F38, Prefix.P66, 1),
    FMADD231PS(0xB8, Map.M0F38, Prefix.P66, 0),
    FMADD231PD(0xB8, Map.M0F38, Prefix.P66, 1),
    RANGEPS(0x50, Map.M0F3A, Prefix.P66, 0),
    RANGEPD(0x50, Map.M0F3A, Prefix.P66, 1),
    CMPPS(0xC2, Map.M0F, Prefix.NONE, 0),
    CMPPD(0xC2, Map.M0F, Prefix.P66, 1),

    PADDD(0xFE, Map.M0F, Prefix.P66, 0),
    PADDQ(0xD4, Map.M0F, Prefix.P66, 1),
    PSUBD(0xFA, Map.M0F, Prefix.P66, 0),
    PSUBQ(0xFB, Map.M0F, Prefix.P66, 1),
    PMULLD(0x40, Map.M0F38, Prefix.P66, 0),
    PMULLQ(0x40, Map.M0F38, Prefix.P66, 1),
    PMINSD(0x39, Map.M0F38, Prefix.P66, 0),
    PMINSQ(0x39, Map.M0F38, Prefix.P66, 1),
    PMAXSD(0x3D, Map.M0F38, Prefix.P66, 0),
    PMAXSQ(0x3D, Map.M0F38, Prefix.P66, 1),
    PABSD(0x1E, Map.M0F38, Prefix.P66, 0),
    PABSQ(0x1F, Map.M0F38, Prefix.P66, 1),
    PANDD(0xDB, Map.M0F, Prefix.P66, 0),
    PANDQ(0xDB, Map.M0F, Prefix.P66, 1),
    PORD(0xEB, Map.M0F, Prefix.P66, 0),
    PORQ(0xEB, Map.M0F, Prefix.P66, 1),
    PXORD(0xEF, Map.M0F, Prefix.P66, 0),
    PXORQ(0xEF, Map.M0F, Prefix.P66, 1),
    PSLLVD(0x47, Map.M0F38, Prefix.P66, 0),
    PSLLVQ(0x47, Map.M0F38, Prefix.P66, 1),
    PSRAVD(0x46, Map.M0F38, Prefix.P66, 0),
    PSRAVQ(0x46, Map.M0F38, Prefix.P66, 1),
    PSRLVD(0x45, Map.M0F38, Prefix.P66, 0),
    PSRLVQ(0x45, Map.M0F38, Prefix.P66, 1),
    PCMPD(0x1F, Map.M0F3A, Prefix.P66, 0),
    PCMPQ(0x1F, Map.M0F3A, Prefix.P66, 1),
    PTESTMB(0x26, Map.M0F38, Prefix.P66, 0),

    /// `mask ? second : first`.
    PBLENDMD(0x64, Map.M0F38, Prefix.P66, 0),
    PBLENDMQ(0x64, Map.M0F38, Prefix.P66, 1),

    MOVAPS(0x28, Map.M0F, Prefix.NONE, 0),
    LOAD8(0x6F, Map.M0F, Prefix.F2, 0),
    LOAD32(0x6F, Map.M0F, Prefix.F3, 0),
    LOAD64(0x6F, Map.M0F, Prefix.F3, 1),
    STORE8(0x7F, Map.M0F, Prefix.F2, 0),
    STORE32(0x7F, Map.M0F, Prefix.F3, 0),
    STORE64(0x7F, Map.M0F, Prefix.F3, 1),
    /// The first element only.
    STORED(0x7E, Map.M0F, Prefix.P66, 0),
    STOREQ(0x7E, Map.M0F, Prefix.P66, 1),
    GATHERQPS(0x93, Map.M0F38, Prefix.P66, 0),
    GATHERQPD(0x93, Map.M0F38, Prefix.P66, 1),
    SCATTERQPS(0xA3, Map.M0F38, Prefix.P66, 0),
    SCATTERQPD(0xA3, Map.M0F38, Prefix.P66, 1),

    BROADCASTD(0x58, Map.M0F38, Prefix.P66, 0),
    BROADCASTQ(0x59, Map.M0F38, Prefix.P66, 1),
    /// Of a general register.
    BROADCASTRD(0x7C, Map.M0F38, Prefix.P66, 0),
    BROADCASTRQ(0x7C, Map.M0F38, Prefix.P66, 1),
    /// The upper half of 512 bits, and the second quarter.
    EXTRACT256(0x1B, Map.M0F3A, Prefix.P66, 1),
    EXTRACT128(0x19, Map.M0F3A, Prefix.P66, 0),
    INSERT256(0x1A, Map.M0F3A, Prefix.P66, 1),
    /// The upper one of each pair of doubles, and of floats.
    UNPCKHPD(0x15, Map.M0F, Prefix.P66, 1),
    MOVSHDUP(0x16, Map.M0F, Prefix.F3, 0),

    PMOVZXBD(0x31, Map.M0F38, Prefix.P66, 0),
    PMOVSXBD(0x21, Map.M0F38, Prefix.P66, 0),
    PMOVZXWD(0x33, Map.M0F38, Prefix.P66, 0),
    PMOVSXDQ(0x25, Map.M0F38, Prefix.P66, 0),
    PMOVDB(0x31, Map.M0F38, Prefix.F3, 0),
    PMOVDW(0x33, Map.M0F38, Prefix.F3, 0),
    PMOVQD(0x35, Map.M0F38, Prefix.F3, 0),
    CVTDQ2PS(0x5B, Map.M0F, Prefix.NONE, 0),
    CVTQQ2PS(0x5B, Map.M0F, Prefix.NONE, 1),
    CVTDQ2PD(0xE6, Map.M0F, Prefix.F3, 0),
    CVTQQ2PD(0xE6, Map.M0F, Prefix.F3, 1),
    CVTPS2PD(0x5A, Map.M0F, Prefix.NONE, 0),
    CVTPD2PS(0x5A, Map.M0F, Prefix.P66, 1),
    CVTTPS2DQ(0x5B, Map.M0F, Prefix.F3, 0),
    CVTTPD2DQ(0xE6, Map.M0F, Prefix.P66, 1),
    CVTTPS2QQ(0x7A, Map.M0F, Prefix.P66, 0),
    CVTTPD2QQ(0x7A, Map.M0F, Prefix.P66, 1);

    private enum Map {
        NONE,
        M0F,
        M0F38,
        M0F3A
    }

    private enum Prefix {
        NONE,
        P66,
        F3,
        F2
    }

    final int opcode;
    final int map;
    final int prefix;
    final int w;

    Instruction(int opcode, Map map, Prefix prefix, int w) {
        this.opcode = opcode;
        this.map = map.ordinal();
        this.prefix = prefix.ordinal();
        this.w = w;
    }
}
