"""LibriCSS (Z. Chen et al., "Continuous Speech Separation: Dataset and Analysis",
ICASSP 2020), read as it lies on disk.

for_release/<condition>/<session>/clean/mix.wav       what was played, mixed
for_release/<condition>/<session>/clean/each_spk.wav  a channel a speaker, 8

Conditions are 0S and 0L (no overlap, short and long pauses) and OV10 to OV40 (percent
of overlap), each of ten sessions of ten minutes, at 16 kHz. A session's name is
overlap_ratio_<percent>_sil<from>_<to>_session<number>_actual<percent>.

Sessions are cut into mixtures of equal length. All eight channels are sources of each:
who does not speak in a cut is a silent source. LibriCSS has no part to train on:
models for it are trained on the built-in meetings (`scenes.MEETING`). What microphones
recorded is not read: its room and delay are no part of the sources, so that SI-SDR
against them says little.
"""

from dataclasses import dataclass
from pathlib import Path

from workloads.corpora.faults import Fault, Inspection
from workloads.corpora.mixtures.checking import Checked, Content, present, read_headers
from workloads.corpora.mixtures.mixture import Mixture, Track, warn_of_other_rate
from workloads.corpora.mixtures.scenes import MEETING_S
from workloads.corpora.utterance import SAMPLE_RATE_HZ

HOLDER = "LibriCSS"
CONDITIONS = ("0S", "0L", "OV10", "OV20", "OV30", "OV40")
MIXED, SOURCES = "clean/mix.wav", "clean/each_spk.wav"
REST = "rest of a session"
OTHER_CHANNELS = "another number of speakers"


@dataclass(frozen=True)
class LibriCssLayout:
    """All conditions that are there."""

    folder: str = "for_release"
    sources: int = 8

    def find(self, root: Path) -> Path | None:
        """The folder that holds the conditions, if LibriCSS lies in `root`."""
        holders = (root, root / HOLDER)
        places = [place for one in holders for place in (one, one / self.folder)]
        return next((place for place in places if _conditions(place)), None)

    def read(
        self,
        folder: Path,
        sample_rate_hz: int,
        may_resample: bool,
        inspection: Inspection,
    ) -> Content:
        """All that is sound in `folder`, which `find` found; what remains of a session
        behind its last cut is counted as dropped. Raises ValueError where sessions are
        missing, and as `warn_of_other_rate`."""
        conditions = _conditions(folder)
        name = f"libricss-{'+'.join(conditions)}-clean-{MEETING_S:g}s"
        warn_of_other_rate(name, SAMPLE_RATE_HZ, sample_rate_hz, may_resample)
        checked: list[Checked] = []
        for condition in conditions:
            sessions = _sessions(folder / condition)
            for cuts, has_rest in inspection.check(self._check, sessions, condition):
                checked += cuts
                inspection.dropped[REST] += has_rest
        remedy = f"give sessions of {MEETING_S:g} s or more"
        return Content(name, folder, "sessions", None, checked, remedy)

    def _check(self, session: Path) -> tuple[list[Checked], bool] | Fault:
        """The session's cuts, and whether the mixture or the sources have more."""
        mixed, spoken = session / MIXED, session / SOURCES
        found = read_headers((mixed, spoken), SAMPLE_RATE_HZ)
        if isinstance(found, Fault):
            return found
        headers, digests = found
        if headers[1].channels != self.sources:
            count = f"{headers[1].channels} channels, expected {self.sources}"
            return Fault(OTHER_CHANNELS, f"{spoken} has {count}")
        samples = round(MEETING_S * SAMPLE_RATE_HZ)
        lengths = [header.samples for header in headers]
        name = f"{session.parent.name}-{_short_name(session)}"
        starts = range(0, min(lengths) - samples + 1, samples)
        cuts = []
        for number, start in enumerate(starts):
            mixture = Track(mixed, start=start)
            tracks = tuple(Track(spoken, one, start) for one in range(self.sources))
            cut = f"{name}-{number:04d}", mixture, tracks, samples, SAMPLE_RATE_HZ
            cuts.append((Mixture(*cut), digests))
        return cuts, max(lengths) > len(cuts) * samples


LIBRICSS = LibriCssLayout()


def _conditions(folder: Path) -> list[str]:
    return [condition for condition in CONDITIONS if (folder / condition).is_dir()]


def _sessions(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.glob("overlap_ratio_*") if path.is_dir())
    if not found:
        raise ValueError(
            f"no overlap_ratio_*_session*_* in {folder}, which {present(folder)}: "
            "unpack the corpus anew"
        )
    return found


def _short_name(session: Path) -> str:
    parts = session.name.split("_")
    return next((part for part in parts if part.startswith("session")), session.name)
