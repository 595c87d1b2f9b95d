import pytest
from onednn_logs import GRAPH, HEAD, PRODUCT, UKERNEL, convolution

from harness.onednn.keys import KEYS, keys_of
from harness.onednn.totals import (
    Recording,
    distinct,
    line_of,
    recording_of,
    totals_of,
)


def quiet(done):
    pass


def test_executions_are_put_together_by_keys(log):
    totals = totals_of(log, ("primitive", "direction"), quiet)
    assert {group: (one.calls, one.time_ms) for group, one in totals.of().items()} == {
        ("convolution", "backward_weights"): (2, 8.0),
        ("convolution", "backward_data"): (2, 6.0),
        ("convolution", "forward"): (2, 4.0),
        ("reorder", "none"): (2, 1.0),
        ("matmul", "none"): (2, 1.0),
    }
    assert (totals.time_ms(), totals.calls()) == (20.0, 10)
    assert totals.header.version == "3.12.0"
    assert totals.passed_over["other output"].lines == 1
    assert totals.coverage is None


def test_the_longest_group_is_first(log):
    assert list(totals_of(log, ("primitive",), quiet).of()) == [
        ("convolution",),
        ("reorder",),
        ("matmul",),
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("engine", "cpu"),
        ("primitive", "matmul"),
        ("direction", "none"),
        ("propagation", "undef"),
        ("implementation", "brg_matmul:avx512_core_bf16"),
        ("isa", "avx512_core_bf16"),
        ("dtypes", "bf16,bf16,bf16"),
        ("layouts", "ab,ba,ab"),
        ("attributes", "attr-scratchpad:user attr-post-ops:sum+eltwise_relu"),
        ("post-ops", "sum+eltwise_relu"),
        ("auxiliary", ""),
        ("algorithm", ""),
        ("problem", "4x64:64x32"),
    ],
)
def test_every_key_tells_of_its_field(tmp_path, key, value):
    path = tmp_path / "log"
    path.write_text(PRODUCT.format(time="1"))
    assert list(totals_of(path, (key,), quiet).of()) == [(value,)]


def test_descriptors_are_a_key(tmp_path):
    path = tmp_path / "log"
    path.write_text(PRODUCT.format(time="1"))
    ((found,),) = totals_of(path, ("descriptors",), quiet).of()
    assert found.startswith("src:bf16::blocked:ab::f0 wei:bf16")


def test_an_unknown_key_is_refused_with_those_there_are():
    with pytest.raises(
        ValueError, match="no key is called 'shape': take some of engin"
    ):
        keys_of("primitive,shape")
    assert keys_of(",".join(KEYS)) == tuple(KEYS)


def test_kinds_have_sums_of_their_own(tmp_path):
    path = tmp_path / "log"
    lines = [convolution(time="2"), UKERNEL.format(time="3"), GRAPH.format(time="5")]
    path.write_text("".join(lines))
    totals = totals_of(path, ("primitive",), quiet)
    assert [totals.time_ms(kind) for kind in ("primitive", "ukernel", "graph")] == [
        *(2.0, 3.0, 5.0)
    ]


def test_calls_without_a_time_count_in_calls_alone(tmp_path):
    path = tmp_path / "log"
    path.write_text(convolution(time="2") + convolution(time="").replace(",\n", "\n"))
    (one,) = totals_of(path, ("primitive",), quiet).of().values()
    assert (one.calls, one.untimed, one.time_ms, one.mean_ms) == (2, 1, 2.0, 2.0)


def test_the_shortest_and_the_longest_call_are_kept(tmp_path):
    path = tmp_path / "log"
    path.write_text(convolution(time="2") + convolution(time="5"))
    found, totals = distinct(path, quiet)
    assert (totals.calls(), totals.timed_calls(), totals.time_ms()) == (2, 2, 7.0)
    (one,) = found.values()
    assert (one.shortest_ms, one.mean_ms, one.longest_ms) == (2.0, 3.5, 5.0)


def test_our_own_recording_tells_the_wall_time(log):
    found = Recording(("python", "train.py"), 0.04, 0)
    log.write_text(log.read_text() + line_of(found))
    totals = totals_of(log, ("primitive",), quiet)
    assert totals.recording == found
    assert totals.coverage == pytest.approx(0.5)
    assert totals.passed_over["other output"].lines == 1


@pytest.mark.parametrize("text", ["{", '{"wall_s": 1}', "[]", '{"wall_s": "x"}'])
def test_a_recording_that_was_cut_is_none(text):
    assert recording_of(f"speechmark_recorded,{text}") is None


def test_a_log_without_executions_says_what_it_holds_and_what_to_do(tmp_path):
    path = tmp_path / "log"
    path.write_text(HEAD + "epoch 1\n")
    with pytest.raises(ValueError, match=r"3 lines of oneDNN: info; 1 .*ONEDNN_VERB"):
        totals_of(path, ("primitive",), quiet)
    path.write_text("")
    with pytest.raises(ValueError, match="it is empty"):
        distinct(path, quiet)


def test_a_log_that_is_a_folder_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="Is a directory"):
        totals_of(tmp_path, ("primitive",), quiet)


def test_whoever_watches_hears_of_the_bytes_read(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.onednn.totals.WATCHED_BYTES", 200)
    path = tmp_path / "log"
    path.write_text(convolution() * 3)
    told = []
    totals_of(path, ("primitive",), told.append)
    size = len(convolution())
    assert told == [size, 2 * size, 3 * size]
