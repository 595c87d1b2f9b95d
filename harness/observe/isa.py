"""Instruction sets: as oneDNN's kernels name them, and as hardware caps them."""

# Arm's, and what Arm's own libraries (Compute Library, KleidiAI) give oneDNN: their
# kernels pick their instructions themselves, and tell none.
ARM = ("sme", "sve_512", "sve_256", "sve_128", "sve", "asimd", "acl", "kai")
# In this order: a longer name before the name that it begins with or holds.
_ISAS = (
    "avx10_2",
    "amx_fp16",
    "amx",
    "avx512_core_fp16",
    "avx512_core_bf16",
    "avx512_core_vnni",
    "avx512_core",
    "avx512",
    "avx10",
    "avx2_vnni_2",
    "avx2_vnni",
    "avx2",
    "avx",
    "sse41",
    *ARM,
    "gemm",
    "ref",
    "simple",
    "uni",
)
# What each cap of the hardware axis lets through beside what the cap before it does.
# After `cpu_isa_t` of oneDNN's src/cpu/x64/cpu_isa_traits.hpp: VNNI in its AVX form
# belongs to no AVX-512 below FP16, and AVX10.1 is another name of AVX-512 with FP16. No
# cap lets avx2_vnni_2, amx_fp16 or avx10_2 through.
_ADDED_BY_CAP: dict[str, tuple[str, ...]] = {
    "avx2": ("sse41", "avx", "avx2"),
    "avx512": ("avx512", "avx512_core"),
    "avx512_vnni": ("avx512_core_vnni",),
    "avx512_bf16": ("avx512_core_bf16",),
    "amx": ("avx2_vnni", "avx512_core_fp16", "avx10", "amx"),
}
CAPS = tuple(_ADDED_BY_CAP)
_CAPPED = {*("avx2_vnni_2", "amx_fp16", "avx10_2")}.union(*_ADDED_BY_CAP.values())


def isa_of(implementation: str) -> str:
    """The instruction set that a kernel's name tells, or what kind of kernel it is.

    >>> isa_of("brg_conv_fwd:avx512_core_amx"), isa_of("jit_bf16:avx512_core_bf16")
    ('amx', 'avx512_core_bf16')
    >>> isa_of("brgconv:sve_256"), isa_of("lowp_gemm:acl")
    ('sve_256', 'acl')
    >>> isa_of("x64:gemm:jit"), isa_of("ref:any"), isa_of("QLinearConv")
    ('gemm', 'ref', 'unknown')
    """
    return next((isa for isa in _ISAS if isa in implementation), "unknown")


def within(isa: str, cap: str) -> bool | None:
    """Whether kernels of this instruction set (see `isa_of`) may run under a cap; None
    where the name tells none, as a product that picks its instructions itself does.

    >>> within("avx512_core", "avx2"), within("avx2", "avx512"), within("gemm", "avx2")
    (False, True, None)
    """
    if isa not in _CAPPED:
        return None
    allowed = CAPS[: CAPS.index(cap) + 1]
    return any(isa in _ADDED_BY_CAP[name] for name in allowed)
