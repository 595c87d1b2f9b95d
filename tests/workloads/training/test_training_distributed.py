import multiprocessing
import pickle
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest
import torch
from tiny_task import RECIPE, TINY, TinySize, TinyTask, tiny_data
from torch import nn

from workloads.asr.ds2 import DeepSpeech2Size
from workloads.asr.task import ASR
from workloads.feeding.batching import plan_epoch, share_of_rank
from workloads.recognition.recipe import Recognition
from workloads.training import checkpoint
from workloads.training.distributed import train_data_parallel
from workloads.training.loop import Job, train
from workloads.training.objective import ALONE
from workloads.training.recipe import AdaDelta, Adam, Plateau, Recipe

DS2 = DeepSpeech2Size("tiny", channels=16, hidden=16, layers=2, dropout=0.0)
ONE_STEP = Recipe(
    AdaDelta(),
    batch_size=70,
    epochs=1,
    clip_norm=1.0,
    own=Recognition(shortest_first=True),
)
DATA = tiny_data()
EVEN = TinySize("tiny", dropout=0.0)  # its draws would be each rank's own
TWO = ["cpu"] * 2


def expected_weights(data):
    """One step by the mean of what each rank's share says, by hand."""
    torch.manual_seed(ONE_STEP.seed)
    model = ASR.model(DS2)
    optimizer = torch.optim.Adadelta(model.parameters(), 1.0, 0.95, 1e-6)
    objective = ASR.objective(DS2, ONE_STEP, data, torch.device("cpu"), ALONE)
    (batch,) = plan_epoch(data.train.frames, 70, 0, 1, shortest_first=True)
    for rank in range(2):
        share = objective.batch(share_of_rank(batch, rank, 2))
        loss = objective.loss(objective.forward(model, share), share)
        (loss / len(batch)).backward()
    nn.utils.clip_grad_norm_(model.parameters(), ONE_STEP.clip_norm)
    optimizer.step()
    return model


def test_two_ranks_take_the_step_of_the_whole_batch(spoken, tmp_path):
    job = Job(ASR, DS2, ONE_STEP, spoken, tmp_path)
    events = list(train_data_parallel(job, TWO))
    content = checkpoint.load_checkpoint(tmp_path / checkpoint.NAME)
    expected = dict(expected_weights(spoken).named_parameters())
    for name, parameter in expected.items():
        # A step is some 4e-3.
        found = content["learner"]["model"][name]
        assert (found - parameter.detach()).abs().max() < 1e-5, name
    assert [event.step for event in events if event.kind == "step"] == [1]
    alone = train(replace(job, checkpoint_dir=None))
    (expected_epoch,) = [event for event in alone if event.kind == "epoch"]
    (epoch,) = [event for event in events if event.kind == "epoch"]
    assert epoch.loss == pytest.approx(expected_epoch.loss, rel=0.02)
    assert epoch.scores.measures["wer"].n == len(spoken.validation.texts)


def test_ranks_keep_one_learning_rate_and_so_one_model(tmp_path):
    """One of them alone knows the validation loss: it stays as it was, and the rate
    falls after each epoch, while the training loss of the others falls."""
    plateau = Plateau(factor=0.3, patience=0)
    recipe = replace(
        RECIPE, optimizer=Adam(1e-2), epochs=4, schedule=plateau, decode_every_steps=0
    )
    job = Job(TinyTask(loss=1.0), EVEN, recipe, DATA)
    paths = [tmp_path / "alone", tmp_path / "two"]
    alone = list(train(replace(job, checkpoint_dir=paths[0])))
    two = list(train_data_parallel(replace(job, checkpoint_dir=paths[1]), TWO))
    rates = [
        [event.learning_rate for event in events if event.kind == "epoch"]
        for events in (alone, two)
    ]
    assert rates[0] == rates[1] == pytest.approx([1e-2, 1e-2, 3e-3, 9e-4])
    weights = [
        checkpoint.load_checkpoint(path / checkpoint.NAME)["learner"]["model"]
        for path in paths
    ]
    for name, one in weights[0].items():
        torch.testing.assert_close(one, weights[1][name], rtol=1e-4, atol=1e-5)


def test_leaving_early_ends_the_ranks():
    recipe = replace(RECIPE, epochs=100_000)
    events = train_data_parallel(Job(TINY, EVEN, recipe, DATA), TWO)
    next(event for event in events if event.kind == "step")
    events.close()
    assert not multiprocessing.active_children()


TRAIN_UNTIL_KILLED = """
import multiprocessing, pathlib, pickle, sys
sys.path[:0] = sys.argv[2:]
from workloads.training.distributed import train_data_parallel

job = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
for event in train_data_parallel(job, ["cpu"] * 2):
    if event.kind == "step" and event.step == 1:
        ranks = multiprocessing.active_children()
        print(*(rank.pid for rank in ranks), flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_ranks_end_when_their_parent_is_killed(tmp_path):
    path = tmp_path / "job"
    recipe = replace(RECIPE, epochs=100_000)
    path.write_bytes(pickle.dumps(Job(TINY, EVEN, recipe, DATA)))
    command = [sys.executable, "-c", TRAIN_UNTIL_KILLED, path, *filter(None, sys.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        ranks = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(ranks) == 2
        parent.kill()
    alive = psutil.wait_procs(ranks, timeout=10)[1]
    # Where nobody collects orphans, they stay as zombies.
    running = [rank for rank in alive if rank.status() != psutil.STATUS_ZOMBIE]
    for rank in running:
        rank.kill()
    assert not running


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        (["cpu", "cuda:0"], "must all be CUDA"),
        (["cuda:0", "cuda:0"], "one rank only"),
        (["cpu"] * 9, "a batch of 8 cannot be shared by 9 ranks"),
    ],
)
def test_devices_that_cannot_share_a_batch_are_refused(devices, message):
    with pytest.raises(ValueError, match=message):
        next(train_data_parallel(Job(TINY, EVEN, RECIPE, DATA), devices))
