"""Log-mel energies of several utterances at once, each as if it were alone.

Axes: `B` utterances, `S` samples at 16 kHz, `T` frames, `F` mel bands.
"""

from collections.abc import Sequence

import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.corpora.utterance import HOP_SAMPLES, SAMPLE_RATE_HZ, frame_count

FFT = 512  # 32 ms
WINDOW = 400  # 25 ms
LOG_OFFSET = 1e-6  # as in torchaudio's MFCC(log_mels=True)


class LogMel(nn.Module):
    """`bands` log-mel energies every 10 ms; any thread may call it.

    Its `name`, a part of a folder's name, tells it from others of any setting.
    """

    def __init__(self, bands: int = 40, window: int = WINDOW) -> None:
        super().__init__()
        other = "" if window == WINDOW else f"-window{window}"
        self.name = f"logmel{bands}{other}"
        self.width = bands
        self.mel = torchaudio.transforms.MelSpectrogram(
            SAMPLE_RATE_HZ,
            n_fft=FFT,
            win_length=window,
            hop_length=HOP_SAMPLES,
            n_mels=bands,
            center=False,
        )

    @torch.no_grad()
    def forward(self, waveforms: Sequence[Tensor]) -> list[Tensor]:
        """`waveforms`: (S_i,) each; returns (1 + S_i // 160, F) each."""
        counts = [frame_count(len(waveform)) for waveform in waveforms]
        return [f[:n] for f, n in zip(self.padded(waveforms), counts, strict=True)]

    def padded(self, waveforms: Sequence[Tensor]) -> Tensor:
        """(B, T, F) of the longest's T.

        Each is reflected at its own ends before they are padded to one length, so
        that an utterance's features do not depend on its neighbours.
        """
        half = FFT // 2
        for waveform in waveforms:
            if len(waveform) <= half:
                raise ValueError(
                    f"an utterance of {len(waveform)} samples is too short to be "
                    f"centred: it needs more than {half} (16 ms); drop it"
                )
        reflected = [F.pad(w[None], (half, half), mode="reflect")[0] for w in waveforms]
        padded = nn.utils.rnn.pad_sequence(reflected, batch_first=True)  # (B, S)
        return torch.log(self.mel(padded) + LOG_OFFSET).transpose(1, 2)
