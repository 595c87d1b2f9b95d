import pytest

from harness.case import LONGEST_ID, Case

PLAIN = Case("asr-training", "ds2-small", "bf16", "eager", "cpu", 32)


@pytest.mark.parametrize(
    "case_id",
    [
        "asr-training/ds2-small/bf16/eager/cpu/b32",
        "asr-decoding/ds2/fp32/eager/cpu:isa=avx2,threads=1/b1/beam=16/readers=4",
        "a/m_1.5+x/int8-static/onnxruntime/cuda:0,cuda:1/b4096",
        "w2l/m/prune-l1-unstructured-50+int8-static/openvino/cpu/b1",
    ],
)
def test_an_id_becomes_the_case_that_has_it(case_id):
    assert Case.parse(case_id).id == case_id


def test_an_id_names_every_axis_and_option():
    parsed = Case.parse("w/m/c/r/cuda:0/b2/beam=16/readers=4")
    options = (("beam", "16"), ("readers", "4"))
    assert parsed == Case("w", "m", "c", "r", "cuda:0", 2, options)
    assert parsed.option("readers") == "4"


def test_an_option_that_a_case_lacks_is_a_key_error():
    with pytest.raises(KeyError, match="beam"):
        PLAIN.option("beam")


@pytest.mark.parametrize("word", ["", "a/b", "a b", "-a", "a=b", "ä", "a:b", "a\n"])
@pytest.mark.parametrize("axis", range(4))
def test_a_word_that_would_break_the_id_is_refused_on_every_axis(axis, word):
    words = ["w", "m", "c", "r"]
    words[axis] = word
    with pytest.raises(ValueError, match=r"cannot stand in a case id: expected"):
        Case(*words, "cpu", 1)


@pytest.mark.parametrize("pair", [("be/am", "1"), ("beam", "1=2"), ("beam", "")])
def test_an_option_that_would_break_the_id_is_refused(pair):
    with pytest.raises(ValueError, match="cannot stand in a case id"):
        Case("w", "m", "c", "r", "cpu", 1, (pair,))


@pytest.mark.parametrize("hardware", ["", "cpu/2", "cpu 2", "CPU"])
def test_hardware_that_would_break_the_id_is_refused(hardware):
    with pytest.raises(ValueError, match="cannot stand in a case id"):
        Case("w", "m", "c", "r", hardware, 1)


def test_an_option_given_twice_is_refused():
    with pytest.raises(ValueError, match="gives an option twice"):
        Case("w", "m", "c", "r", "cpu", 1, (("beam", "1"), ("beam", "2")))


@pytest.mark.parametrize("size", [0, -1, 10**9])
def test_a_batch_of_nothing_is_refused_with_its_case(size):
    with pytest.raises(ValueError, match=rf"batch size {size} in .*/b{size}': expecte"):
        Case("w", "m", "c", "r", "cpu", size)


@pytest.mark.parametrize(
    "case_id",
    [
        "",
        "w/m/c/r/cpu",
        "w/m/c/r/cpu/32",
        "w/m/c/r/cpu/b0",
        "w/m/c/r/cpu/b01",
        "w/m",
        "w/m/c/r/cpu/b1000000000",
    ],
)
def test_an_id_of_another_shape_is_refused_with_the_shape_expected(case_id):
    with pytest.raises(ValueError, match=r"expected workload/model/compression/runtim"):
        Case.parse(case_id)


@pytest.mark.parametrize("part", ["beam", "beam=1=2", ""])
def test_an_id_with_a_malformed_option_names_it(part):
    with pytest.raises(ValueError, match=rf"{part!r} is not option=value"):
        Case.parse(f"w/m/c/r/cpu/b1/{part}")


def test_an_id_is_no_longer_than_is_shown_anywhere():
    model = "m" * (LONGEST_ID - len("w//c/r/cpu/b1"))
    assert len(Case("w", model, "c", "r", "cpu", 1).id) == LONGEST_ID
    expected = (
        rf"'w/mmm.* has {LONGEST_ID + 1} characters: expected at most {LONGEST_ID}$"
    )
    with pytest.raises(ValueError, match=expected) as error:
        Case("w", model + "m", "c", "r", "cpu", 1)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    "case_id",
    [
        *("x" * 10**6, "w/m/c/r/cpu/b1/" + "x" * 10**6, "w/m/c/r/cpu/b" + "1" * 10**6),
        *("w/" + "m" * 10**6 + "!/c/r/cpu/b1", "w/m/c/r/" + "X" * 10**6 + "/b1"),
        "w/m/c/r/cpu/b1" + "/a=b" * 10**5,
    ],
    ids=["shape", "option", "batch", "word", "hardware", "options"],
)
def test_a_long_text_is_quoted_shortly(case_id):
    with pytest.raises(ValueError, match=r"^[ -~]{1,600}$"):
        Case.parse(case_id)


@pytest.mark.parametrize("count", ["0", "1", "two", "2.0", "02", "1000000"])
def test_instances_are_two_or_more(count):
    with pytest.raises(ValueError, match=r"expected a whole number from 2 to 999999"):
        Case("w", "m", "c", "r", "cpu", 1, (("instances", count),))


@pytest.mark.parametrize("count", [2, 9, 10, 128, 999_999])
def test_a_case_tells_its_instances_and_what_one_of_them_runs(count):
    case = Case.parse(f"w/m/c/r/cpu/b1/beam=4/instances={count}")
    assert case.instances == count
    assert case.of_one_instance.id == "w/m/c/r/cpu/b1/beam=4"
    assert case.of_one_instance.instances is None
