import pytest

from harness.observe.kernels import Entry
from harness.observe.onednn.log import LogReader, dtypes_of, read_log

# Logged by oneDNN 3.12 under torch 2.14 on a processor with AVX512_BF16.
V1 = """\
onednn_verbose,v1,info,oneDNN v3.12.0 (commit 80afa71049cd69a3df32adcccb623b12cd7baa22)
onednn_verbose,v1,primitive,info,template:operation,engine,primitive,implementation,prop_kind,memory_descriptors,attributes,auxiliary,problem_desc,exec_time
onednn_verbose,v1,primitive,exec,cpu,convolution,jit:avx512_core,forward_training,src:f32:a:blocked:abcd::f0 wei:f32:ap:blocked:Acdb16a::f0 bia:f32:a:blocked:a::f0 dst:f32:ap:blocked:aBcd16b::f0,attr-scratchpad:user,alg:convolution_direct,mb2_ic3oc8_ih16oh14kh3sh1dh0ph0_iw16ow14kw3sw1dw0pw0,4.76099
onednn_verbose,v1,primitive,exec,cpu,convolution,jit:avx512_core,backward_data,src:f32:ap:blocked:aBcd16b::f0 wei:f32:ap:blocked:ABcd16a16b::f0 bia:undef::undef::: dst:f32:ap:blocked:aBcd16b::f0,attr-scratchpad:user,alg:convolution_direct,mb2_ic3oc8_ih16oh14kh3sh1dh0ph0_iw16ow14kw3sw1dw0pw0,0.0629883
onednn_verbose,v1,primitive,exec,cpu,matmul,brg_matmul:avx512_core_bf16,undef,src:bf16::blocked:ab::f0 wei:bf16::blocked:ba::f0 dst:bf16::blocked:ab::f0,attr-scratchpad:user attr-post-ops:sum,,4x64:64x32,0.166992
onednn_verbose,v1,primitive,exec,cpu,rnn,ref,backward,src_layer:f32::blocked:abc::f0 src_iter:f32::blocked:abcd::f0 wei_layer:f32:a:blocked:abdec::f0 wei_iter:f32:a:blocked:abdec:3072x3072x1x768x32:f0 bias:f32::blocked:abcd::f0 dst_layer:f32::blocked:abc::f0 dst_iter:f32::blocked:abcd::f0 diff_src_layer:f32::blocked:abc::f0,attr-scratchpad:user,alg:vanilla_lstm direction:unidirectional_left2right activation:undef flags:,l1t5mb2sic24slc16dhc24dic24,30.1421
onednn_verbose,v1,primitive,create_nested:cache_miss,cpu,convolution,jit:avx2,backward_weights,src:f32:ap:blocked:aBcd8b::f0 wei:f32:ap:blocked:ABcd8b8a::f0 bia:undef::undef::: dst:f32:a:blocked:aBcd8b::f0,attr-scratchpad:user,alg:convolution_direct,mb2_ic4oc8,0.200928
onednn_verbose,v1,primitive,exec,cpu,gemm_api,,undef,src_s8::blocked:ab:f0 wei_s8::blocked:ab:f0 dst_s32::blocked:ab:f0,,,64x64:64x64,6.86304
"""  # noqa: E501
V0 = (
    "{marker},exec,cpu,convolution,jit:avx512_core,forward_training,"
    "src_f32::blocked:abcd:f0 wei_f32::blocked:Acdb16a:f0 bia_undef::undef::f0 "
    "dst_f32::blocked:aBcd16b:f0,,alg:convolution_direct,mb2_ic3oc8,0.5"
)
MATMUL = (
    "onednn_verbose,v1,primitive,exec,cpu,matmul,brg:avx2,undef,"
    "src:f32::blocked:ab::f0 wei:f32::blocked:ab::f0 dst:f32::blocked:ab::f0,,,"
    "2x3:3x4,0.25"
)


def test_a_real_log_is_read():
    log = read_log(V1.splitlines(keepends=True))
    kernels = [(e.primitive, e.direction, e.implementation) for e in log.entries]
    assert kernels == [
        ("convolution", "forward", "jit:avx512_core"),
        ("convolution", "backward_data", "jit:avx512_core"),
        ("matmul", "none", "brg_matmul:avx512_core_bf16"),
        ("rnn", "backward", "ref"),
        ("gemm_api", "none", ""),
    ]
    assert [entry.dtypes for entry in log.entries] == [
        "f32,f32,f32",
        "f32,f32,f32",
        "bf16,bf16,bf16",
        "f32,f32,f32",
        "s8,s8,s32",
    ]
    assert log.time_s == pytest.approx(0.0419961103)
    assert log.entries[2].problem == "4x64:64x32"
    assert (log.unparsed_lines, log.other_lines) == (0, 3)


@pytest.mark.parametrize("marker", ["dnnl_verbose", "onednn_verbose", "mkldnn_verbose"])
def test_the_older_layout_is_read_under_each_marker(marker):
    assert read_log([V0.format(marker=marker)]).entries == (
        Entry(
            "convolution",
            "forward",
            "jit:avx512_core",
            "f32,f32,f32",
            "mb2_ic3oc8",
            0.5,
        ),
    )


def test_a_timestamp_changes_nothing():
    stamped = MATMUL.replace("v1,", "v1,1650000000.123,")
    assert read_log([stamped]) == read_log([MATMUL])


def test_other_output_lies_between():
    log = read_log(["epoch 1\n", MATMUL + "\n", "\n", "loss 0.5\n"])
    assert (len(log.entries), log.other_lines, log.unparsed_lines) == (1, 3, 0)


def test_output_without_its_line_break_does_not_hide_a_record():
    assert read_log(["progress 50 %" + MATMUL]) == read_log([MATMUL])


def test_records_of_two_threads_on_one_line_are_kept_apart():
    log = read_log([MATMUL[:70] + MATMUL])
    assert (len(log.entries), log.unparsed_lines) == (1, 1)


@pytest.mark.parametrize("length", [40, 60, 100, MATMUL.rindex(",") + 1])
def test_a_line_cut_short_is_counted_and_never_guessed(length):
    log = read_log([MATMUL, MATMUL[:length]])
    assert (len(log.entries), log.unparsed_lines) == (1, 1)


@pytest.mark.parametrize("time", ["nan", "inf", "-1", "fast"])
def test_a_senseless_time_is_counted(time):
    log = read_log([MATMUL.replace("0.25", time)])
    assert (log.entries, log.unparsed_lines) == ((), 1)


def test_a_graphs_execution_is_not_added_to_its_primitives():
    log = read_log(["onednn_verbose,v1,graph,exec,cpu,100002,matmul_post_ops,x,0.5"])
    assert (log.entries, log.unparsed_lines, log.other_lines) == ((), 0, 1)


def test_the_reader_is_lazy():
    reader = LogReader()
    entries = reader.read(iter([MATMUL, "text", MATMUL[:60]]))
    assert next(entries).time_ms == 0.25
    assert (reader.other_lines, reader.unparsed_lines) == (0, 0)
    assert list(entries) == []
    assert (reader.other_lines, reader.unparsed_lines) == (1, 1)


@pytest.mark.parametrize(
    ("descriptors", "dtypes"),
    [
        ("src_layer_f32::any wei_layer_bf16::any dst_layer_f32::any", "f32,bf16,f32"),
        ("data_f32::blocked:a:f0 diff_undef::undef::f0", "f32"),
        ("src0:f32::a src1:s8::a dst:f32::a", "f32,f32"),
        ("src:u8::ab wei:undef::undef::: dst:s32::ab", "u8,s32"),
        ("", ""),
    ],
)
def test_types_are_those_of_source_weights_and_destination(descriptors, dtypes):
    assert dtypes_of(descriptors) == dtypes
