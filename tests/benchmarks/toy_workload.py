"""Which of four tones is it? A whole workload, in one file of a user's."""

from dataclasses import dataclass, field

import numpy as np

from basics.metric_kinds import error_rate
from benchmarks.grid import grid, runs
from harness.bridges import asv
from harness.workload import Target, Workload
from workloads.metrics.error_rates import ErrorRate
from workloads.metrics.scores import Scores
from workloads.task import Gate, Input, Task
from workloads.training.recipe import Adam, Recipe

ERROR = error_rate("error")
TRAIN, ALL, FRAMES, BANDS, TONE_S = 256, 320, 50, 16, 0.1


@dataclass(frozen=True)
class ToneNet:
    name: str
    width: int


@dataclass(frozen=True, eq=False)
class Tones:
    """Log spectra (N, T, F) of tones in noise, and which tone each is (N,)."""

    features: np.ndarray
    labels: np.ndarray
    name: str = "tones"
    checksum: str = "0" * 64
    is_whole: bool = True
    facts: dict = field(default_factory=dict)


def scores_of(outputs, labels):
    wrong = np.asarray(outputs).mean(1).argmax(1) != np.asarray(labels)
    return Scores.of(ErrorRate("error", tuple(map(int, wrong)), (1,) * len(wrong)))


@dataclass(frozen=True)
class ToneObjective:
    recipe: Recipe
    data: Tones

    def batches(self, epoch, skip):
        order = np.random.default_rng((self.recipe.seed, epoch)).permutation(TRAIN)
        for positions in order.reshape(-1, self.recipe.batch_size)[skip:]:
            yield len(positions), self.batch(positions)

    def batch(self, positions):
        from torch import as_tensor
        from torch.utils.data import TensorDataset

        both = self.data.features, self.data.labels
        return TensorDataset(*(as_tensor(one[np.asarray(positions)]) for one in both))

    def forward(self, model, batch):
        return model(batch.tensors[0])

    def loss(self, outputs, batch):
        from torch.nn.functional import cross_entropy

        means = outputs.float().mean(1)
        return cross_entropy(means, batch.tensors[1], reduction="sum")

    def evaluate(self, model):
        from workloads.training.objective import Evaluation

        batch = self.batch(range(TRAIN, ALL))
        outputs = self.forward(model.eval(), batch).detach()
        scores = scores_of(outputs, batch.tensors[1])
        return Evaluation(float(self.loss(outputs, batch)) / len(batch), scores)

    def samples(self, model, batch):
        return ()


class ToneTask(Task):
    name, sizes = "tones", {"tone-net": ToneNet("tone-net", 32)}
    measures, gates = (ERROR,), {"error": Gate(0.05)}
    pruned_needs_training = False

    def dataset(self, size, request):
        labels, seconds = np.arange(ALL) % 4, np.arange(1600) / 16_000
        waves = np.sin(2000 * np.pi * (1 + labels[:, None]) * seconds)
        waves += 3 * np.random.default_rng(0).standard_normal(waves.shape)
        spectra = np.fft.rfft(waves.reshape(ALL, FRAMES, 2 * BANDS))[:, :, 1:]
        return Tones(np.log(np.abs(spectra)).astype(np.float32), labels)

    def model(self, size):
        from torch.nn import Linear, ReLU, Sequential

        return Sequential(Linear(BANDS, size.width), ReLU(), Linear(size.width, 4))

    def example(self, size):
        return FRAMES, BANDS

    def inputs(self, size, data, batch_size, options):
        lengths = (FRAMES,) * batch_size
        return [Input(data.features[-batch_size:], lengths, TONE_S * batch_size)]

    def score(self, run, data, batch_size):
        return scores_of(run(data.features[TRAIN:]), data.labels[TRAIN:])

    def macs(self, size, frames, counted):
        return frames * size.width * (BANDS + 4)

    def calibration(self, data):
        return list(data.features[:TRAIN])

    def timed_recipe(self, size, data, profile):
        return Recipe(Adam(1e-3), batch_size=16, epochs=1000, clip_norm=5.0)

    def objective(self, size, recipe, data, device, rank):
        return ToneObjective(recipe, data)

    def work_of(self, size, data, places=range(TRAIN)):
        count = len(places)
        return count, TONE_S * count, 3.0 * count * self.macs(size, FRAMES, {})

    def typical_batches(self, data, batch_size, count):
        return [range(batch_size)]


TONES = ToneTask()
MODELS, FP32 = ("tone-net",), runs(eager=("fp32",))
RUNS = runs(
    eager=("fp32", "bf16", "prune-l1-unstructured-50"),
    onnxruntime=("fp32", "int8-static"),
    openvino=("fp32", "bf16", "int8-static"),
)


def build(context):
    from benchmarks.inference import inference

    return inference(context, TONES)


def build_training(context):
    from benchmarks.training import training

    return training(context, TONES, [Target.of(ERROR, 0.2)])


SMOKE = grid(MODELS, FP32, expected_s=8)
INFERENCE = Workload(
    "tones",
    "infer",
    "which of four tones it is",
    build,
    {"smoke": SMOKE, "commit": SMOKE, "quick": grid(MODELS, RUNS, expected_s=7)},
)
TRAINING = Workload(
    "tones-training",
    "train",
    "time to accuracy of telling tones apart",
    build_training,
    {"smoke": grid(MODELS, FP32, batch_sizes=(16,), expected_s=10)},
)
WORKLOADS = (INFERENCE, TRAINING)
Steady, Plain, Tracked = asv.classes(INFERENCE, metrics=("error",))
