"""The metrics of these workloads, as records and readers are told of them."""

from __future__ import annotations

from basics.metric_kinds import MetricKind, decibels, error_rate

WER = error_rate("wer")
CER = error_rate("cer")
CER_MAX = error_rate("cer_max")
PER = error_rate("per")
ERROR_RATE = error_rate("error_rate", "error rate")  # of classes
LEVENSHTEIN = MetricKind("levenshtein", edits_per_item=True)
SI_SDR_IMPROVEMENT = decibels("si_sdr_improvement", "SI-SDRi")
SI_SDR = decibels("si_sdr", "SI-SDR")
EER = error_rate("eer", "EER")
MIN_T_DCF = MetricKind("min_t_dcf", "min t-DCF")
MIN_DCF = MetricKind("min_dcf", "min DCF")
SNR_RESCALED = decibels("snr_rescaled", "SNR (rescaled)")
