import pickle
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest
import torch
from torch import nn

from workloads.asr import checkpoint
from workloads.asr.distributed import train_data_parallel
from workloads.asr.ds2 import DeepSpeech2, DeepSpeech2Size
from workloads.asr.input_pipeline import load_batch
from workloads.asr.recipe import Recipe
from workloads.asr.training import train
from workloads.asr.training_step import ctc_loss_sum
from workloads.feeding.batching import plan_epoch, share_of_rank

TINY = DeepSpeech2Size("tiny", channels=16, hidden=16, layers=2, dropout=0.0)
ONE_STEP = Recipe(batch_size=70, max_epochs=1, clip_norm=1.0)


def expected_weights(feed):
    """One step by the mean of what each rank's share says, by hand."""
    torch.manual_seed(ONE_STEP.seed)
    model = DeepSpeech2(TINY)
    optimizer = torch.optim.Adadelta(
        model.parameters(), ONE_STEP.learning_rate, ONE_STEP.rho, ONE_STEP.eps
    )
    plan = plan_epoch(feed.train.frames, 70, 0, 1, shortest_first=True)
    (batch,) = plan.batches
    for rank in range(2):
        share = load_batch(feed.train, feed.normaliser, share_of_rank(batch, rank, 2))
        loss = ctc_loss_sum(*model(share.features, share.lengths), share)
        (loss / len(batch)).backward()
    nn.utils.clip_grad_norm_(model.parameters(), ONE_STEP.clip_norm)
    optimizer.step()
    return model


def test_two_ranks_take_the_step_of_the_whole_batch(feed, tmp_path):
    events = list(train_data_parallel(TINY, ONE_STEP, feed, ["cpu"] * 2, tmp_path))
    content = checkpoint.load_checkpoint(tmp_path / checkpoint.NAME)
    expected = dict(expected_weights(feed).named_parameters())
    for name, parameter in expected.items():
        # A step is some 4e-3.
        difference = (content["model"][name] - parameter.detach()).abs()
        assert difference.max() < 1e-5, name
    assert [event.step for event in events if event.kind == "step"] == [1]
    (alone,) = [e for e in train(TINY, ONE_STEP, feed) if e.kind == "epoch"]
    (epoch,) = [event for event in events if event.kind == "epoch"]
    assert epoch.loss == pytest.approx(alone.loss, rel=0.02)
    assert epoch.errors["wer"].n == len(feed.validation.utterances)


def test_leaving_early_ends_the_ranks(feed):
    recipe = replace(ONE_STEP, batch_size=8, max_epochs=100)
    events = train_data_parallel(TINY, recipe, feed, ["cpu"] * 2)
    next(event for event in events if event.kind == "step")
    events.close()
    assert not torch.multiprocessing.active_children()


TRAIN_UNTIL_KILLED = """
import multiprocessing, pathlib, pickle, sys
from workloads.asr.distributed import train_data_parallel

arguments = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
for event in train_data_parallel(*arguments, ["cpu"] * 2):
    if event.kind == "step" and event.step == 1:
        ranks = multiprocessing.active_children()
        print(*(rank.pid for rank in ranks), flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_ranks_end_when_their_parent_is_killed(feed, tmp_path):
    arguments = tmp_path / "arguments"
    recipe = replace(ONE_STEP, batch_size=8, max_epochs=100_000)
    arguments.write_bytes(pickle.dumps((TINY, recipe, feed)))
    command = [sys.executable, "-c", TRAIN_UNTIL_KILLED, arguments]
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
        (["cpu"] * 99, "cannot be shared by 99"),
    ],
)
def test_devices_that_cannot_share_a_batch_are_refused(feed, devices, message):
    with pytest.raises(ValueError, match=message):
        next(train_data_parallel(TINY, ONE_STEP, feed, devices))
