"""Cases as oneDNN's own verbose_converter writes them, by benchdnn's documentation."""

import pytest
from onednn_logs import GRAPH, PRODUCT, UKERNEL, convolution

from harness.observe.onednn.log import read_log
from harness.onednn.benchdnn import NoCaseError, batch, case_of

SOURCE = "src:f32::blocked:ab::f0"


def execution(line):
    (call,) = read_log([line.encode()]).calls
    return call.execution


def line(primitive, descriptors, auxiliary, problem, propagation="undef", more=""):
    return (
        f"onednn_verbose,v1,primitive,exec,cpu,{primitive},jit:uni,{propagation},"
        f"{descriptors},{more},{auxiliary},{problem},0.5\n"
    )


@pytest.mark.parametrize(
    ("propagation", "direction"),
    [
        ("forward_training", "FWD_B"),
        ("forward_inference", "FWD_B"),
        ("backward_data", "BWD_D"),
        ("backward_weights", "BWD_WB"),
    ],
)
def test_convolutions(propagation, direction):
    assert case_of(execution(convolution(propagation))) == (
        f"--conv --engine=cpu --dir={direction} --alg=direct --dt=f32:f32:f32 "
        "--stag=any --wtag=any --dtag=any --attr-scratchpad=user "
        "mb2_ic16oc32_ih1oh1kh1sh1dh0ph0_iw16ow14kw3sw1dw0pw0"
    )


def test_a_convolution_without_bias_has_a_direction_of_its_own():
    without = convolution().replace("bia:f32:a:blocked:a::f0", "bia:undef::undef:::")
    assert "--dir=FWD_D " in case_of(execution(without))


def test_products():
    assert case_of(execution(PRODUCT.format(time="1"))) == (
        "--matmul --engine=cpu --dt=bf16:bf16:bf16 --stag=ab --wtag=ba "
        "--strides=::40x1 --bia-dt=f32 --bia_mask=2 --attr-scratchpad=user "
        "--attr-post-ops=sum+eltwise_relu 4x64:64x32"
    )


def test_kernels_of_threads():
    assert case_of(execution(UKERNEL.format(time="1"))) == (
        "--brgemm --engine=cpu --dt=bf16:bf16:f32 --bs=1 --beta=0 32x64:64x512"
    )


def test_reorders():
    found = case_of(
        execution(
            line(
                "reorder",
                "src:f32::blocked:abcd::f0 dst:s8::blocked:Acdb16a::f8:s8m1",
                *("", "8x4x1x3"),
                more="attr-scales:dst:1:f32",
            )
        )
    )
    assert found == (
        "--reorder --engine=cpu --sdt=f32 --ddt=s8 --stag=abcd --dtag=Acdb16a "
        "--oflag=s8s8_comp:1 --attr-scales=dst:per_dim_0:f32 8x4x1x3"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wei:2:f32", "--attr-scales=wei:per_oc:f32 "),
        ("src:0", "--attr-scales=src:common:0.5 "),
        ("src:0:f32+wei:2", "--attr-scales=src:common:0.5:f32+wei:per_oc "),
        ("wei:9", "--attr-scales=wei:per_tensor "),
    ],
)
def test_masks_have_names(text, expected):
    with_scales = convolution().replace("attr-scratchpad:user", f"attr-scales:{text}")
    assert expected in case_of(execution(with_scales))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            line(
                "eltwise",
                "data_f32::blocked:abcd:f0 diff_undef::undef::f0",
                "alg:eltwise_relu alpha:0 beta:0",
                "1x3x13x13",
                "forward_inference",
            ),
            "--eltwise --engine=cpu --dir=FWD_I --alg=relu --dt=f32 --tag=abcd "
            "--alpha=0 --beta=0 1x3x13x13",
        ),
        (
            line(
                "binary",
                f"{SOURCE} {SOURCE} dst:f32:a:blocked:ab::f0",
                *("alg:binary_add", "2x3:2x3"),
            ),
            "--binary --engine=cpu --sdt=f32:f32 --stag=ab:ab --ddt=f32 --dtag=any "
            "--alg=add 2x3:2x3",
        ),
        (
            line(
                "concat",
                f"{SOURCE} {SOURCE} dst:f32:a:blocked:ab::f0",
                *("axis:1", "2x3:2x3"),
            ),
            "--concat --engine=cpu --sdt=f32 --stag=ab:ab --ddt=f32 --dtag=any "
            "--axis=1 2x3:2x3",
        ),
        (
            line(
                "softmax",
                "src:f32::blocked:ab::f0 dst:f32::blocked:ab::f0",
                *("alg:softmax_accurate axis:1", "2x3", "forward_inference"),
            ),
            "--softmax --engine=cpu --dir=FWD_I --alg=SOFTMAX --sdt=f32 --ddt=f32 "
            "--stag=ab --dtag=ab --axis=1 2x3",
        ),
        (
            line(
                "batch_normalization",
                "data:f32::blocked:aBcd16b::f0 diff:undef::undef:::",
                *("flags:CH", "mb2ic16iw8", "forward_training"),
            ),
            "--bnorm --engine=cpu --dir=FWD_D --dt=f32 --tag=aBcd16b --flags=CH "
            "mb2ic16iw8",
        ),
        (
            line(
                "rnn",
                "src_layer:f32::blocked:abc::f0 wei_layer:f32:a:blocked:abdec::f0 "
                "dst_layer:f32::blocked:abc::f0",
                "alg:vanilla_lstm direction:unidirectional_left2right activation:undef "
                "flags:",
                "l1t5mb2sic24slc16dhc24dic24",
                "forward_training",
            ),
            "--rnn --engine=cpu --prop=FWD_D --alg=VANILLA_LSTM --direction=left2right "
            "--cfg=f32 --tag=abc:any:abc --flags= l1t5mb2sic24slc16dhc24dic24",
        ),
        (
            line(
                "rnn",
                "src_layer:bf16::blocked:abc::f0 src_iter:bf16::blocked:abcd::f0 "
                "wei_layer:bf16:a:blocked:abdec::f0 bias:f32::blocked:abcd::f0 "
                "dst_layer:bf16::blocked:abc::f0 diff_src_layer:f32::blocked:abc::f0 "
                "diff_wei_layer:f32:a:any:any::f0 diff_dst_layer:f32::blocked:abc::f0",
                "alg:vanilla_lstm direction:unidirectional_right2left activation:undef "
                "flags:O",
                "l1t5mb2sic24slc16dhc24dic24",
                "backward",
            ),
            "--rnn --engine=cpu --prop=BWD_DW --alg=VANILLA_LSTM "
            "--direction=right2left --cfg=bf16f32 --tag=abc:any:abc --flags=O "
            "l1t5mb2sic24slc16dhc24dic24",
        ),
        (
            line(
                "pooling",
                "src:f32::blocked:aBcd16b::f0 dst:f32:a:blocked:aBcd16b::f0",
                "alg:pooling_avg_exclude_padding",
                "mb1ic16_iw8ow4kw2sw2dw0pw0",
                "forward_inference",
            ),
            "--pool --engine=cpu --dir=FWD_I --alg=pooling_avg_exclude_padding "
            "--dt=f32:f32 --tag=aBcd16b mb1ic16_iw8ow4kw2sw2dw0pw0",
        ),
        (
            line(
                "resampling",
                "src:f32::blocked:abc::f0 dst:bf16:a:blocked:abc::f0",
                "alg:resampling_linear",
                "mb1ic16_iw8ow16",
                "forward_inference",
            ),
            "--resampling --engine=cpu --dir=FWD_I --alg=linear --sdt=f32 --ddt=bf16 "
            "--tag=abc mb1ic16_iw8ow16",
        ),
        (
            line(
                "prelu",
                "data:f32::blocked:abcd::f0 wei:f32:a:blocked:abcd::f0",
                *("", "1x2x3x4:1x2x1x1", "forward_training"),
            ),
            "--prelu --engine=cpu --dir=FWD_D --sdt=f32:f32 --stag=abcd:any "
            "1x2x3x4:1x2x1x1",
        ),
        (
            line(
                "reduction",
                "src:f32::blocked:ab::f0 dst:f32:a:blocked:ab::f0",
                *("alg:reduction_mean p:0 eps:0", "2x3:2x1"),
            ),
            "--reduction --engine=cpu --alg=mean --sdt=f32 --ddt=f32 --stag=ab "
            "--dtag=any --p=0 --eps=0 2x3:2x1",
        ),
        (
            line(
                "lrn",
                "data:f32::blocked:abcd::f0 diff:undef::undef:::",
                *("alg:lrn_across_channels", "mb1ic16ih8ls5beta0.75"),
                "forward_inference",
            ),
            "--lrn --engine=cpu --dir=FWD_I --alg=ACROSS --dt=f32 --tag=abcd "
            "mb1ic16ih8ls5beta0.75",
        ),
        (
            line(
                "shuffle",
                "data:f32::blocked:abcd::f0",
                *("axis:1 group:4", "1x16x2x2", "forward_inference"),
            ),
            "--shuffle --engine=cpu --dir=FWD_I --dt=f32 --tag=abcd --axis=1 --group=4 "
            "1x16x2x2",
        ),
        (
            line(
                "sum",
                f"{SOURCE} src:bf16::blocked:ab::f0 dst:f32:a:blocked:ab::f0",
                *("", "2x3"),
            ),
            "--sum --engine=cpu --sdt=f32:bf16 --stag=ab:ab --ddt=f32 --dtag=any 2x3",
        ),
        (
            line(
                "layer_normalization",
                "src:bf16::blocked:abc::f0 dst:f32:a:blocked:abc::f0 "
                "stats:f32::blocked:ab::f0 scale:f32::blocked:a::f0",
                *("flags:C", "2x3x4", "forward_training"),
            ),
            "--lnorm --engine=cpu --dir=FWD_D --dt=bf16:f32 --tag=abc:any "
            "--stat_tag=ab --ss_dt=f32 --flags=C 2x3x4",
        ),
        (
            line(
                "group_normalization",
                "src:f32::blocked:abcd::f0 dst:f32::blocked:abcd::f0",
                *("flags:", "g4mb1ic16iw8", "forward_inference"),
            ),
            "--gnorm --engine=cpu --dir=FWD_I --dt=f32:f32 --tag=abcd:abcd --flags= "
            "g4mb1ic16iw8",
        ),
        (
            line(
                "inner_product",
                "src:f32::blocked:ab::f0 wei:f32:a:blocked:AB16b64a::f0 "
                "bia:undef::undef::: dst:f32::blocked:ab::f0",
                *("", "mb4ic16oc64", "forward_inference"),
            ),
            "--ip --engine=cpu --dir=FWD_I --dt=f32:f32:f32 --stag=ab --wtag=any "
            "--dtag=ab mb4ic16oc64",
        ),
        (
            line(
                "deconvolution",
                "src:f32::blocked:abc::f0 wei:f32::blocked:abc::f0 "
                "bia:undef::undef::: dst:f32::blocked:abc::f0",
                *("alg:deconvolution_direct", "mb1_ic4oc2_iw10ow21kw3sw2dw0pw0"),
                "backward_data",
            ),
            "--deconv --engine=cpu --dir=BWD_D --alg=direct --dt=f32:f32:f32 "
            "--stag=abc --wtag=abc --dtag=abc mb1_ic4oc2_iw10ow21kw3sw2dw0pw0",
        ),
        (
            line(
                "reorder",
                "src:f32::blocked:ab:8x1:f0 dst:s8::blocked:BA16a::f24:s8m1:zpm2",
                *("runtime-dim-mask:1", "*x4"),
            ),
            "--reorder --engine=cpu --sdt=f32 --ddt=s8 --dtag=BA16a --strides=8x1: "
            "--oflag=s8s8_comp:1+zp_comp:2 --runtime-dim-mask=1 *x4",
        ),
    ],
)
def test_other_primitives(given, expected):
    assert case_of(execution(given)) == expected


def test_what_benchdnn_has_no_case_for_says_why():
    graph = execution(GRAPH.format(time="1"))
    with pytest.raises(NoCaseError, match="a graph"):
        case_of(graph)
    of_0 = execution(
        "mkldnn_verbose,exec,convolution,gemm:blas,forward_training,fsrc:nchw "
        "fwei:oihw fbia:undef fdst:nchw,alg:convolution_direct,mb4_ic8oc8,9\n"
    )
    of_2 = execution(line("matmul", SOURCE, "", "2x3:3x4", more="oscale:2:0.5;"))
    fused = execution(
        convolution().replace("scratchpad:user", "post-ops:dw:k3s1p1:f32")
    )
    unknown = execution(line("sdpa", "query:f16::blocked:abcd::f0", "", "1x2x3x4"))
    given = [graph, of_0, unknown, of_2, fused, execution(convolution())]
    lines, left_out = batch(given)
    assert len(lines) == 1
    assert sorted(left_out) == [
        "a depthwise convolution is fused to it",
        "a graph: its primitives are cases of their own",
        "benchdnn has no driver for sdpa",
        "its scales are those of oneDNN 2, which benchdnn 3 has not",
        "the log does not tell its types, as MKL-DNN 0.x did not",
    ]


def test_a_softmax_that_benchdnn_does_not_know_is_left_out():
    found = line("softmax", SOURCE, "alg:softmax_accurate_inf_as_zero", "2x3")
    with pytest.raises(NoCaseError, match="softmax_accurate_inf_as_zero"):
        case_of(execution(found))


def test_masks_of_post_operations_have_names():
    found = convolution().replace("scratchpad:user", "post-ops:sum:2+prelu:2")
    assert "--attr-post-ops=sum:2+prelu:per_oc " in case_of(execution(found))


def test_compensated_weights_are_laid_out_anew():
    found = convolution().replace(
        "wei:f32:a:blocked:ABcd16b16a::f0", "wei:s8::blocked:A::f8:s8m1"
    )
    assert "--wtag=any" in case_of(execution(found))


def test_a_batch_measures_performance_with_the_caches_as_asked_for():
    (one,), _ = batch([execution(convolution())], cold="all", fix_times=7)
    assert one.startswith(
        "--conv --reset --mode=P --cold-cache=all --fix-times-per-prb=7 --engine=cpu"
    )
