"""Lines of logs for tests, as oneDNN prints them."""

HEAD = """\
onednn_verbose,v1,info,oneDNN v3.12.0 (commit 80afa71)
onednn_verbose,v1,info,cpu,runtime:OpenMP,nthr:2
onednn_verbose,v1,info,cpu,isa:Intel AVX-512
"""
CONVOLUTION = (
    "onednn_verbose,v1,primitive,exec,cpu,convolution,jit:avx512_core,{propagation},"
    "src:f32:a:blocked:aBcd16b::f0 wei:f32:a:blocked:ABcd16b16a::f0 "
    "bia:f32:a:blocked:a::f0 dst:f32:a:blocked:aBcd16b::f0,attr-scratchpad:user,"
    "alg:convolution_direct,{problem},{time}\n"
)
PROBLEM = "mb2_ic16oc32_ih1oh1kh1sh1dh0ph0_iw16ow14kw3sw1dw0pw0"
REORDER = (
    "onednn_verbose,v1,primitive,exec,cpu,reorder,jit:uni,undef,"
    "src:f32::blocked:abcd::f0 dst:f32::blocked:aBcd16b::f0,attr-scratchpad:user,,"
    "2x16x1x16,{time}\n"
)
PRODUCT = (
    "onednn_verbose,v1,primitive,exec,cpu,matmul,brg_matmul:avx512_core_bf16,undef,"
    "src:bf16::blocked:ab::f0 wei:bf16::blocked:ba::f0 bia:f32::blocked:ab::f0_mask2 "
    "dst:bf16::blocked:ab:40x1:f0,attr-scratchpad:user attr-post-ops:sum+eltwise_relu,,"
    "4x64:64x32,{time}\n"
)
UKERNEL = (
    "onednn_verbose,v1,ukernel,exec,cpu,brgemm,,undef,src:bf16::blocked:ab::f0 "
    "wei:bf16::blocked:ab::f0 dst:f32::blocked:ab::f0,,bs:1 beta:0,32x64:64x512,"
    "{time}\n"
)
GRAPH = (
    "onednn_verbose,v1,graph,exec,cpu,100002,sdp,matmul_qk;softmax,,in0_f16:1:strided,"
    "fpm:strict,sdp_primitive_v1_kernel_t,dnnl_backend,{time}\n"
)


def convolution(propagation="forward_training", time="1", problem=PROBLEM):
    return CONVOLUTION.format(propagation=propagation, time=time, problem=problem)


STEP = (
    REORDER.format(time="0.5")
    + convolution(time="2")
    + convolution("backward_data", "3")
    + convolution("backward_weights", "4")
    + PRODUCT.format(time="0.5")
)
