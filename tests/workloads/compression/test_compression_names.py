import pytest

from workloads.compression.names import Compression, Factorization, Pruning, parse

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


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_read_and_written_alike(name):
    assert parse(name).name == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("int8-dynamic-keep-edges", Compression("int8-dynamic", "edges")),
        (
            "prune-l1-unstructured-20",
            Compression("fp32", "none", Pruning("l1", False, 20)),
        ),
        (
            "prune-l1-unstructured-50+int8-static-keep-first",
            Compression("int8-static", "first", Pruning("l1", False, 50)),
        ),
        (
            "prune-l2-structured-10+bf16",
            Compression("bf16", "none", Pruning("l2", True, 10)),
        ),
        (
            "cp-30+bf16",
            Compression("bf16", "none", factorization=Factorization("cp", 30)),
        ),
    ],
)
def test_a_name_says_what_is_done(name, expected):
    assert parse(name) == expected


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
    with pytest.raises(ValueError, match="no compression is called"):
        Compression("int8-qat", "first")


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


def test_those_with_static_activations_are_calibrated():
    calibrated = {name for name in NAMES[:12] if parse(name).calibrated}
    static = {"int8-static", "int8-static-keep-first", "int8-static-keep-edges"}
    assert calibrated == {*static, "int8-qat", "w16a8"}
