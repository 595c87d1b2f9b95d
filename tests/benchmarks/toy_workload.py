"""Which of four tones is it? A whole workload, in one file of a user's."""

from dataclasses import dataclass

import numpy as np

from benchmarks.grid import grid, runs
from harness.bridges import asv
from harness.workload import Target, Workload
from workloads.classification.data import LabelledSounds, Sounds
from workloads.classification.task import ClassificationTask
from workloads.metrics.kinds import ERROR_RATE
from workloads.task import Gate
from workloads.training.recipe import Adam, Recipe


@dataclass(frozen=True)
class ToneNet:
    name: str
    width: int


class ToneTask(ClassificationTask):
    name, sizes = "tones", {"tone-net": ToneNet("tone-net", 32)}
    shape, item_s = (50, 16), 0.1
    gates, pruned_needs_training = {ERROR_RATE.name: Gate(0.05)}, False

    def dataset(self, size, request):
        labels, seconds = np.arange(320) % 4, np.arange(1600) / 16_000
        waves = np.sin(2000 * np.pi * (1 + labels[:, None]) * seconds)
        waves += 3 * np.random.default_rng(0).standard_normal(waves.shape)
        spectra = np.abs(np.fft.rfft(waves.reshape(320, 50, 32))[:, :, 1:])
        sounds = Sounds(np.log(spectra).astype(np.float32), labels)
        return LabelledSounds("tones", "0" * 64, sounds.cut(0, 256), sounds.cut(256))

    def model(self, size):
        from torch.nn import Linear, ReLU, Sequential

        return Sequential(Linear(16, size.width), ReLU(), Linear(size.width, 4))

    def timed_recipe(self, size, data, profile):
        return Recipe(Adam(1e-3), batch_size=16, epochs=1000, clip_norm=5.0)


TONES, MODELS, FP32 = ToneTask(), ("tone-net",), runs(eager=("fp32",))
RUNS = runs(
    eager=("fp32", "bf16", "prune-l1-unstructured-10"),
    onnxruntime=("fp32", "int8-static"),
    openvino=("fp32", "bf16", "int8-static"),
)


def build(context):
    from benchmarks.inference import inference

    return inference(context, TONES)


def build_training(context):
    from benchmarks.training import training

    return training(context, TONES, [Target.of(ERROR_RATE, 0.2)])


POINTS = {profile: grid(MODELS, FP32, expected_s=8) for profile in ("smoke", "commit")}
QUICK = {"quick": grid(MODELS, RUNS, expected_s=7)}
TRAINED = {"smoke": grid(MODELS, FP32, batch_sizes=(16,), expected_s=10)}
INFERENCE = Workload("tones", "infer", "which of four tones", build, POINTS | QUICK)
TRAINING = Workload("tones-training", "train", "to accuracy", build_training, TRAINED)
WORKLOADS = (INFERENCE, TRAINING)
Steady, Plain, Tracked = asv.classes(INFERENCE, metrics=(ERROR_RATE.name,))
