import pytest

from workloads.compression.known import POST_TRAINING, STEPS, parse
from workloads.compression.step import Compression
from workloads.compression.steps.cast import Bf16
from workloads.compression.steps.factorize import Factorize
from workloads.compression.steps.int8_dynamic import Int8Dynamic
from workloads.compression.steps.int8_qat import Int8Qat
from workloads.compression.steps.int8_static import Int8Static
from workloads.compression.steps.prune import Prune

NAMES = [
    "fp32",
    "bf16",
    "fp16",
    "int8-dynamic",
    "int8-dynamic-keep-first",
    "int8-dynamic-keep-edges",
    "int8-static",
    "int8-static-keep-first",
    "int8-static-keep-edges",
    "int8-qat",
    "int16-weights",
    "w16a8",
    "prune-l1-unstructured-20",
    "prune-l1-unstructured-50+int8-static",
    "prune-l1-unstructured-5+int8-dynamic-keep-edges",
    "prune-random-structured-10",
    "prune-l2-structured-20",
    "prune-gradient-structured-30",
    "prune-gradient-unstructured-90",
    "prune-l1-structured-30+bf16",
    "cp-10",
    "tucker-30+int8-static",
    "tsvd-20+int8-dynamic-keep-first",
    "tucker-30+fp16",
]


def test_studies_quantize_to_8_bits_without_training():
    assert POST_TRAINING == ("int8-dynamic", "int8-static")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_read_and_written_alike(name):
    assert parse(name).name == name


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("fp32", ()),
        ("int8-dynamic-keep-edges", (Int8Dynamic("edges"),)),
        ("prune-l1-unstructured-20", (Prune("l1", False, 20),)),
        (
            "prune-l1-unstructured-50+int8-static-keep-first",
            (Prune("l1", False, 50), Int8Static("first")),
        ),
        ("prune-l2-structured-10+bf16", (Prune("l2", True, 10), Bf16())),
        ("cp-30+bf16", (Factorize("cp", 30), Bf16())),
    ],
)
def test_a_name_says_what_is_done(name, steps):
    assert parse(name) == Compression(steps)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "int4",
        "INT8-STATIC",
        "int8-static-keep-none",
        "int8-static-keep-last",
        "int8-qat-keep-first",
        "fp32-keep-first",
        "prune-l1-unstructured-0",
        "prune-l1-unstructured-05",
        "prune-l1-unstructured-100",
        "prune-l1-unstructured-50+",
        "prune-l1-unstructured-50+fp32",
        "prune-l1-unstructured-50+int8-qat",
        "prune-l1-unstructured-50int8-static",
        "int8-static+prune-l1-unstructured-50",
        "int8-static\n",
        "prune-l2-unstructured-30",
        "prune-l1-30",
        "tucker-0",
        "tucker-100",
        "tucker",
        "tucker-30+prune-l1-structured-30",
        "prune-l1-structured-30+tucker-30",
        "cp-30+tucker-30",
        "tucker-30+int8-qat",
        "tucker-30+",
        "svd-30",
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(name):
    with pytest.raises(ValueError, match="known ones are fp32") as raised:
        parse(name)
    assert repr(name) in str(raised.value)
    for known in (
        "int8-dynamic-keep-edges",
        "int8-qat",
        "unstructured-PERCENT",
        "tsvd",
    ):
        assert known in str(raised.value)


def test_a_compression_that_has_no_name_cannot_be_made():
    with pytest.raises(ValueError, match="'int8-qat-keep-first': give int8-qat"):
        Int8Qat("first")
    with pytest.raises(ValueError, match="int8-qat cannot follow tucker-30"):
        Compression((Factorize("tucker", 30), Int8Qat()))
    with pytest.raises(ValueError, match="'prune-l2-unstructured-30': give prune-CRI"):
        Prune("l2", False, 30)
    with pytest.raises(ValueError, match="'tucker-100': give METHOD-PERCENT with one"):
        Factorize("tucker", 100)
    with pytest.raises(ValueError, match="'svd-30': give METHOD-PERCENT with one"):
        Factorize("svd", 30)


@pytest.mark.parametrize(
    ("name", "claims", "float_precision"),
    [
        ("fp32", "fp32", "fp32"),
        ("bf16", "bf16", "bf16"),
        ("fp16", "fp16", "fp16"),
        ("prune-l1-structured-30+bf16", "bf16", "bf16"),
        ("cp-30", "fp32", "fp32"),
        ("int8-dynamic-keep-first", "int8", "fp32"),
        ("tucker-30+int8-static", "int8", "fp32"),
        ("int8-qat", "int8", "fp32"),
        # It multiplies integers, of 8 and 16 bits.
        ("w16a8", "int8", "fp32"),
        # It stores 16 bits a weight and multiplies in fp32.
        ("int16-weights", "fp32", "fp32"),
    ],
)
def test_a_compression_claims_the_arithmetic_that_kernels_have_to_show(
    name, claims, float_precision
):
    found = parse(name)
    assert (found.claims, found.float_precision) == (claims, float_precision)


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("fp32", ""),
        ("bf16", ""),
        ("int8-dynamic", ""),
        ("int16-weights", ""),
        ("int8-static-keep-first", "calibration"),
        ("w16a8", "calibration"),
        ("int8-qat", "calibration training"),
        ("tucker-30", "training"),
        ("prune-l1-structured-30+int8-static", "calibration training"),
        ("prune-gradient-structured-30", "gradients training"),
    ],
)
def test_a_compression_says_what_it_needs(name, needs):
    assert " ".join(sorted(parse(name).needs)) == needs


def test_training_is_named_by_what_it_mends_or_prepares():
    names = ("int8-qat", "int8-static", "tucker-30+int8-static", "fp32")
    found = [(parse(name).trained_name, parse(name).weights_name) for name in names]
    assert found == [("int8-qat", ""), ("", ""), ("tucker-30", "tucker-30"), ("", "")]


@pytest.mark.parametrize("kind", STEPS)
def test_every_step_says_in_a_line_what_it_does(kind):
    assert 20 < len(kind.summary) < 120
    assert kind.help().startswith(("METHOD", kind.base))
    assert all(parse(one.name).steps == (one,) for one in variants(kind))


def variants(kind):
    """All that can be listed."""
    return () if kind in (Prune, Factorize) else kind.variants()
