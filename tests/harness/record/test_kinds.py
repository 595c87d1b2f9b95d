"""What records tell of their metrics."""

from outcomes import TRAINING_CASE, outcome, point, record, target, training_outcome

from basics.metric_kinds import MetricKind, error_rate
from harness.measure.accuracy import accuracy_record
from harness.record.kinds import kinds_in
from harness.record.schema import Record
from harness.workload import Accuracy, Metric, Target

EER = error_rate("eer", "EER")
DCF = MetricKind("min_dcf", "min t-DCF")


def judged():
    """A record of two metrics that no table of the harness knows."""
    metrics = {
        "eer": Metric.of(EER, 0.05, 50, (0.04, 0.06)),
        "min_dcf": Metric.of(DCF, 0.2, 50, (0.1, 0.3)),
    }
    return record(outcome(0.5, accuracy=accuracy_record(Accuracy(metrics))))


def test_metrics_are_read_back_as_they_say_of_themselves():
    read = Record.model_validate_json(judged().model_dump_json())
    kinds = kinds_in([read])
    assert (kinds["eer"], kinds["min_dcf"]) == (EER, DCF)


def test_a_curve_and_its_targets_tell_their_metrics_too():
    targets = [target(0.1, metric="min_dcf", unit="", title="min t-DCF")]
    ended = training_outcome(point(1, 0.9), metrics=[EER], targets=targets)
    found = record(ended, case=TRAINING_CASE)
    assert found.tta.metrics["eer"].title == "EER"
    kinds = kinds_in([found])
    assert (kinds["eer"], kinds["min_dcf"]) == (EER, DCF)


def test_a_record_of_before_is_read_by_its_metrics_names():
    plain = judged().model_dump(mode="json")
    (metric,) = [plain["accuracy"]["metrics"].pop("eer")]
    for later in ("unit", "title", "edits_per_item"):
        del metric[later]
    plain["accuracy"]["metrics"] = {"wer": metric}
    assert kinds_in([Record.model_validate(plain)])["wer"] == error_rate("wer")


def test_a_target_takes_what_its_metric_says():
    found = Target.of(EER, 0.05)
    assert (found.metric, found.level, found.unit, found.title) == (
        *("eer", 0.05, "%", "EER"),
    )
