import random
import re

import pytest

from harness.observe.onednn.log import (
    DAMAGED,
    LONGEST_LINE_BYTES,
    OTHER_OUTPUT,
    REMEMBERED,
    LogReader,
    lines_of,
    read_log,
)

# Logged by oneDNN 3.12 under torch 2.14 on a processor with AVX512_BF16.
V1 = """\
onednn_verbose,v1,info,oneDNN v3.12.0 (commit 80afa71049cd69a3df32adcccb623b12cd7baa22)
onednn_verbose,v1,info,cpu,runtime:OpenMP,nthr:2
onednn_verbose,v1,info,cpu,isa:Intel AVX-512 with AVX512BW, AVX512VL, and AVX512DQ extensions
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
OF_0 = (  # MKL-DNN 0.x
    "mkldnn_verbose,exec,convolution,gemm:blas,backward_data,"
    "fsrc:nchw fwei:oihw fbia:undef fdst:nchw,alg:convolution_direct,mb4_ic8oc8"
)
MATMUL = (
    "onednn_verbose,v1,primitive,exec,cpu,matmul,brg:avx2,undef,"
    "src:f32::blocked:ab::f0 wei:f32::blocked:ab::f0 dst:f32::blocked:ab::f0,,,"
    "2x3:3x4,0.25"
)
UNTIMED, TIME = MATMUL.rsplit(",", 1)
UKERNEL = (
    "onednn_verbose,v1,ukernel,exec,cpu,brgemm,,undef,src:bf16::blocked:ab::f0 "
    "wei:bf16::blocked:ab::f0 dst:f32::blocked:ab::f0,,bs:1 beta:0,32x64:64x512,0.125"
)
GRAPH = (
    "onednn_graph_verbose,exec,cpu,100006,convolution_post_ops,CONV_0;BINARY_1,"
    "data:NCX; filter:OIX;;,in0_f32:0:strided:undef:50x64x56x56:200704s3136s56s1 "
    "out0_f32:1:strided:undef:50x64x56x56:200704s3136s56s1,fpm:strict,dnnl_backend,"
    "18.5"
)
GRAPH_OF_3_6 = (
    "onednn_verbose,v1,graph,exec,cpu,100002,sdp,matmul_qk;softmax;matmul_v,,"
    "in0_f16:1:strided:undef:1x16x384x64:393216s24576s64s1,fpm:strict,"
    "sdp_primitive_v1_kernel_t,dnnl_backend,0.874023"
)


def read(*lines):
    return read_log([line.encode() + b"\n" for line in lines])


def times(log):
    return [call.time_ms for call in log.calls]


def test_a_real_log_is_read():
    log = read_log(V1.encode().splitlines(keepends=True))
    executions = [call.execution for call in log.calls]
    assert [(e.primitive, e.direction, e.implementation) for e in executions] == [
        ("convolution", "forward", "jit:avx512_core"),
        ("convolution", "backward_data", "jit:avx512_core"),
        ("matmul", "none", "brg_matmul:avx512_core_bf16"),
        ("rnn", "backward", "ref"),
        ("gemm_api", "none", ""),
    ]
    assert [execution.dtypes for execution in executions] == [
        *("f32,f32,f32", "f32,f32,f32", "bf16,bf16,bf16", "f32,f32,f32", "s8,s8,s32")
    ]
    assert executions[3].algorithm == "vanilla_lstm"
    assert log.time_s() == pytest.approx(0.0419961103)
    assert log.damaged == 0
    assert {kind: one.lines for kind, one in log.passed_over.items()} == {
        "oneDNN: info": 4,
        "oneDNN: create_nested": 1,
    }


def test_the_header_tells_library_threads_and_instructions():
    header = read_log(V1.encode().splitlines(keepends=True)).header
    assert (header.version, header.threads, header.runtime) == ("3.12.0", 2, "OpenMP")
    assert header.commit.startswith("80afa71")
    assert header.isa.startswith("Intel AVX-512 with AVX512BW")


def test_the_header_of_0_tells_library_and_instructions():
    line = "mkldnn_verbose,info,Intel(R) MKL-DNN v0.18.0 (Git Hash d25d76e5),Intel AVX2"
    header = read(line).header
    assert (header.version, header.commit, header.isa) == (
        *("0.18.0", "d25d76e5", "Intel AVX2"),
    )


@pytest.mark.parametrize("marker", ["dnnl_verbose", "onednn_verbose", "mkldnn_verbose"])
def test_the_layout_of_1_and_2_is_read_under_each_marker(marker):
    (call,) = read(V0.format(marker=marker)).calls
    assert (call.time_ms, call.execution.problem) == (0.5, "mb2_ic3oc8")
    assert call.execution.dtypes == "f32,f32,f32"
    assert call.execution.layouts == "abcd,Acdb16a,aBcd16b"


def test_the_layout_of_0_has_neither_engine_nor_attributes():
    reorder = (
        "mkldnn_verbose,exec,reorder,jit:uni,undef,in:f32_nchw out:f32_nChw16c,num:1,"
        "32x32x256x256,6.5"
    )
    log = read(f"{OF_0},9.25", reorder)
    assert times(log) == [9.25, 6.5]
    convolution, reorder = (call.execution for call in log.calls)
    assert (convolution.direction, convolution.dtypes) == ("backward_data", "")
    assert convolution.layouts == "nchw,oihw,nchw"
    assert (reorder.dtypes, reorder.layouts) == ("f32,f32", "nchw,nChw16c")


@pytest.mark.parametrize(
    "engine", ["cpu", "gpu", "gpu:0", "gpu:11", "cpu2gpu", "gpu2cpu"]
)
def test_every_engine_is_read(engine):
    (call,) = read(MATMUL.replace(",cpu,", f",{engine},")).calls
    assert call.execution.engine == engine


def test_a_timestamp_is_read_and_changes_nothing_else():
    stamped = [MATMUL.replace("v1,", f"v1,{ms},") for ms in ("1650.125", "1651.5")]
    found = read(*stamped, MATMUL).calls
    assert [call.timestamp_ms for call in found] == [1650.125, 1651.5, None]
    assert {call.execution for call in found} == {read(MATMUL).calls[0].execution}
    older = V0.format(marker="dnnl_verbose").replace("exec", "99.5,exec", 1)
    assert read(older).calls[0].timestamp_ms == 99.5


def test_a_timestamp_may_have_a_decimal_comma():
    lines = [f"{UNTIMED},0,5".replace("v1,", f"v1,1650,{n},") for n in (125, 250)]
    found = read(*lines, *lines)
    assert [call.timestamp_ms for call in found.calls] == [1650.125, 1650.25] * 2
    assert times(found) == [0.5] * 4


def test_operations_that_are_none_are_of_one_kind():
    found = read(*(f"onednn_verbose,v1,{'x' * n}!,exec" for n in range(9)))
    assert list(found.passed_over) == ["oneDNN: other lines"]


def test_a_decimal_comma_is_read_under_each_layout():
    lines = [f"{UNTIMED},11,1197", f"{OF_0},9,4747", f"{OF_0},9", f"{UNTIMED},3,05e-05"]
    assert times(read(*lines, *lines)) == [11.1197, 9.4747, 9.0, 3.05e-05] * 2
    graph = GRAPH.rsplit(",", 1)[0]
    assert times(read(f"{graph},66,7661")) == [66.7661]


def test_a_problem_that_is_a_number_is_no_time():
    line = UNTIMED.replace("2x3:3x4", "16")
    log = read(line, f"{line},0.5", line)
    assert times(log) == [None, 0.5, None]
    assert {call.execution.problem for call in log.calls} == {"16"}


def test_an_execution_without_a_time_counts_at_none():
    log = read(UNTIMED, MATMUL)
    assert times(log) == [None, 0.25]
    assert log.time_s() == 0.25e-3


def test_kernels_of_threads_are_a_kind_of_their_own():
    log = read(UKERNEL, UKERNEL, MATMUL)
    execution = log.calls[0].execution
    assert (execution.kind, execution.primitive) == ("ukernel", "brgemm")
    assert execution.dtypes == "bf16,bf16,f32"
    assert log.time_s("ukernel") == 0.25e-3
    assert log.time_s() == 0.25e-3


@pytest.mark.parametrize(
    ("line", "implementation"),
    [
        (GRAPH, "dnnl_backend"),
        (GRAPH_OF_3_6, "sdp_primitive_v1_kernel_t:dnnl_backend"),
    ],
)
def test_graphs_are_a_kind_of_their_own(line, implementation):
    log = read(line, MATMUL)
    execution = log.calls[0].execution
    assert (execution.kind, execution.implementation) == ("graph", implementation)
    assert log.time_s("graph") == float(line.rsplit(",", 1)[1]) / 1000
    assert log.time_s() == 0.25e-3


def test_fields_are_taken_in_the_order_of_the_logs_own_template():
    template = (
        "onednn_verbose,v2,primitive,info,template:operation,exec_time,primitive,"
        "engine,implementation,prop_kind,attributes,memory_descriptors,auxiliary,"
        "problem_desc,queue"
    )
    line = (
        "onednn_verbose,v2,primitive,exec,0.5,matmul,cpu,brg:avx2,undef,attr-x:1,"
        "src:f32::blocked:ab::f0 dst:f32::blocked:ab::f0,,2x3:3x4,0"
    )
    log = read(template, line, line)
    assert times(log) == [0.5, 0.5]
    execution = log.calls[0].execution
    assert (execution.primitive, execution.engine) == ("matmul", "cpu")
    assert (execution.attributes, execution.dtypes) == ("attr-x:1", "f32,f32")
    assert read(line).damaged == 1


def test_graphs_have_a_template_of_their_own():
    names = "operation,engine,partition_kind,backend,exec_time"
    line = "onednn_verbose,graph,exec,cpu,sdp,dnnl_backend,0.5"
    for marker in ("info,graph_template:", "graph,info,template:timestamp,"):
        log = read(f"onednn_verbose,{marker}{names}", line, MATMUL)
        assert [call.execution.kind for call in log.calls] == ["graph", "primitive"]


def test_other_output_lies_between():
    log = read("epoch 1", MATMUL, "", "loss 0.5")
    assert (len(log.calls), log.damaged) == (1, 0)
    found = log.passed_over[OTHER_OUTPUT]
    assert (found.lines, found.example) == (3, "epoch 1")


@pytest.mark.parametrize(
    "line",
    [
        "progress 50 %" + MATMUL,
        "\x1b[32m" + MATMUL + "\x1b[0m",
        "\x00\x00" + MATMUL + "\x00",
        MATMUL + " # of the second rank",
        MATMUL + "<br>",
        MATMUL + "| 10 %, 3 s left",
        MATMUL + "\r",
    ],
)
def test_text_around_a_record_does_not_hide_it(line):
    log = read(line, MATMUL, line)
    assert times(log) == [0.25] * 3
    assert log.damaged == 0


def test_records_of_two_threads_on_one_line_are_kept_apart():
    log = read(MATMUL[:70] + MATMUL)
    assert (len(log.calls), log.damaged) == (1, 1)


def test_threads_over_each_other_are_damage():
    line = f"{OF_0},6,0760ph0_iw32ow32kw1sw1dw0pw0,8,3783"
    log = read(f"{OF_0},6,0760", line, line.replace("6,0", "6.0").replace("8,3", "8.3"))
    assert (times(log), log.damaged) == ([6.076], 2)


@pytest.mark.parametrize("length", [40, 60, 100, MATMUL.rindex(",") + 1])
def test_a_line_cut_short_is_counted_and_never_guessed(length):
    log = read(MATMUL, MATMUL[:length])
    assert (len(log.calls), log.damaged) == (1, 1)
    assert log.passed_over[DAMAGED].example == MATMUL[:length]


@pytest.mark.parametrize("text", ["", "x"])
def test_a_last_line_without_its_end_is_damage(text):
    """4.76099 may have been cut to 4."""
    log = read_log([MATMUL.encode() + b"\n", (MATMUL + text).encode()])
    assert (times(log), log.damaged) == ([0.25], 1)


@pytest.mark.parametrize(
    "time",
    [
        *("nan", "inf", "-1", "fast", "+1", "1_5", "٣", "0.5٣", "1e308", "1e+308"),
        *("3.05e-0", "3.05e", "4.", ".5", "007", "0x10", "0.25abc", "0.25,7", ""),
    ],
)
@pytest.mark.parametrize("is_known", [True, False])
def test_a_senseless_time_is_damage(time, is_known):
    before = [MATMUL] * is_known
    log = read(*before, f"{UNTIMED},{time}")
    assert (times(log), log.damaged) == ([0.25] * is_known, 1)


@pytest.mark.parametrize("time", ["0", "8", "1e+06", "3.05e-05", "0.000976562"])
def test_times_as_c_prints_them_are_read(time):
    assert times(read(f"{UNTIMED},{time}", f"{UNTIMED},{time}")) == [float(time)] * 2


def test_what_tells_of_no_execution_is_counted_by_its_kind():
    log = read(
        "onednn_verbose,primitive,create:check,matmul,invalid datatype,matmul.cpp:188",
        "onednn_verbose,v1,primitive,create:cache_hit,cpu,matmul,x,undef,,,,2x3,0.5",
        "onednn_verbose,v1,graph,graph:check,add_op,MatMul,given data type,a.cpp:2",
    )
    assert not log.calls
    assert {kind: one.lines for kind, one in log.passed_over.items()} == {
        "oneDNN: create": 2,
        "oneDNN: graph": 1,
    }


def test_the_reader_is_lazy():
    reader = LogReader()
    calls = reader.read(iter([MATMUL.encode() + b"\n", b"text\n", b"more\n"]))
    assert next(calls).time_ms == 0.25
    assert not reader.passed_over
    assert list(calls) == []
    assert reader.passed_over[OTHER_OUTPUT].lines == 2


def test_no_more_lines_are_remembered_than_memory_has_room_for():
    reader = LogReader()
    lines = (f"{UNTIMED}:{n},0.5\n".encode() for n in range(REMEMBERED + 10))
    assert sum(call.time_ms for call in reader.read(lines)) == 0.5 * (REMEMBERED + 10)
    assert len(reader._known) == 10


def test_a_line_without_end_is_read_in_pieces(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"x" * (3 * LONGEST_LINE_BYTES) + b"\n" + MATMUL.encode() + b"\n")
    with path.open("rb") as file:
        log = read_log(lines_of(file))
    assert times(log) == [0.25]


def test_mutated_lines_end_in_no_error_and_in_no_time_that_is_not_there():
    chance = random.Random(0)
    lines = [*V1.splitlines(), f"{OF_0},9,4747", UKERNEL, GRAPH, GRAPH_OF_3_6, UNTIMED]
    reader = LogReader()
    for _ in range(10_000):
        line = mutated(chance, lines).encode("utf-8", "surrogateescape")
        for call in reader.read([line]):
            assert call.time_ms is None or stands_in(call.time_ms, line), line


def mutated(chance, lines):
    line = chance.choice(lines)
    place = chance.randrange(len(line))
    other = chance.choice(lines)
    flipped = line[:place] + chr(chance.randrange(256)) + line[place + 1 :]
    fields = line.split(",")
    fields.insert(chance.randrange(len(fields) + 1), chance.choice(("7", "x", "", "0")))
    kinds = [line[:place], line[:place] + other, flipped, ",".join(fields)]
    return chance.choice(kinds) + chance.choice(("\n", "\n", ""))


def stands_in(time_ms, line):
    text = line.decode("utf-8", "replace")
    numbers = re.findall(r"(?=(\d+(?:[.,]\d+)?(?:e[+-]\d+)?))", text)
    return any(float(number.replace(",", ".")) == time_ms for number in numbers)
