import pytest

from harness.observe.onednn.execution import (
    Execution,
    PostOp,
    Tensor,
    attributes_of,
    post_ops_of,
    tensor_of,
)


def execution(descriptors="", attributes="", auxiliary="", propagation="undef"):
    return Execution(
        "primitive", "cpu", "matmul", "", propagation, descriptors, attributes,
        auxiliary, "2x3:3x4",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "wei:f32:ap:blocked:Acdb16a::f0",
            Tensor("wei", "f32", "ap", "blocked", "Acdb16a", "", "f0"),
        ),
        (
            "wei_iter:f32:a:blocked:abdec:3072x1x768x32:f0",
            Tensor("wei_iter", "f32", "a", "blocked", "abdec", "3072x1x768x32", "f0"),
        ),
        (
            "wei:s8:ap:blocked:AcB::f8:s8m1",
            Tensor("wei", "s8", "ap", "blocked", "AcB", "", "f8:s8m1"),
        ),
        ("bia:undef::undef:::", Tensor("bia", "undef", "", "undef", "", "", "")),
        (
            "src_f8_e5m2::blocked:ab:f0",
            Tensor("src", "f8_e5m2", "", "blocked", "ab", "", "f0"),
        ),
        (
            "src_layer_bf16::blocked:abc::f0",
            Tensor("src_layer", "bf16", "", "blocked", "abc", "", "f0"),
        ),
        ("in:f32_nChw16c", Tensor("in", "f32", layout="nChw16c")),
        ("fwei:OIhw16i16o", Tensor("fwei", "", layout="OIhw16i16o")),
        ("fbia:undef", Tensor("fbia", "undef")),
        ("nothing", Tensor("nothing", "")),
    ],
)
def test_descriptors_of_every_version_are_read(text, expected):
    assert tensor_of(text) == expected


@pytest.mark.parametrize(
    ("descriptors", "dtypes"),
    [
        ("src_layer_f32::any wei_layer_bf16::any dst_layer_f32::any", "f32,bf16,f32"),
        ("data_f32::blocked:a:f0 diff_undef::undef::f0", "f32"),
        ("src0:f32::a src1:s8::a dst:f32::a", "f32,f32"),
        ("src:u8::ab wei:undef::undef::: dst:s32::ab", "u8,s32"),
        ("query:f16::b key:s8::b val:u4::b dst:f16::b", "f16,s8,u4,f16"),
        ("src_a:bf16::b src_b:s8::b dst:f32::b", "bf16,s8,f32"),
        ("src_f8_e5m2::b:a:f0 wei_f8_e4m3::b:a:f0", "f8_e5m2,f8_e4m3"),
        ("", ""),
    ],
)  # fmt: skip
def test_types_are_those_of_source_weights_and_destination(descriptors, dtypes):
    assert execution(descriptors).dtypes == dtypes


@pytest.mark.parametrize(
    ("propagation", "direction"),
    [
        ("forward_training", "forward"),
        ("forward_inference", "forward"),
        ("backward_data", "backward_data"),
        ("backward", "backward"),
        ("undef", "none"),
        ("", "none"),
    ],
)
def test_directions(propagation, direction):
    assert execution(propagation=propagation).direction == direction


def test_attributes_are_named_alike_in_every_version():
    new = (
        "attr-scratchpad:user attr-scales:src0:0+wei:2:f32 "
        "attr-post-ops:sum+eltwise_relu:0:1"
    )
    assert attributes_of(new) == {
        "scratchpad": "user",
        "scales": "src0:0+wei:2:f32",
        "post-ops": "sum+eltwise_relu:0:1",
    }
    old = "oscale:2:1;post_ops:'sum;eltwise_relu:0:1;';"
    assert attributes_of(old) == {"oscale": "2:1", "post-ops": "sum+eltwise_relu:0:1"}
    assert attributes_of("") == {}


def test_post_operations_and_scales_are_parsed():
    found = execution(
        attributes="attr-scales:src:0+wei:2:f32 attr-post-ops:sum:1:0+binary_add:f32:2"
    )
    assert found.post_ops == (
        PostOp("sum", ("1", "0")),
        PostOp("binary_add", ("f32", "2")),
    )
    assert found.scales == {"src": "0", "wei": "2:f32"}
    assert post_ops_of("") == []


def test_the_algorithm_stands_among_other_words():
    assert execution(auxiliary="alg:eltwise_relu alpha:0 beta:0").algorithm == (
        "eltwise_relu"
    )
    assert execution(auxiliary="axis:1").algorithm == ""
