"""What every part of a record is made of: numbers within bounds, in parts that cannot
be changed."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, FailFast, Field

LARGEST = 1e100  # beyond all that is measured: products of such numbers stay finite
# More than any workload has: a page that shows them all must stay one.
MOST_METRICS, MOST_TARGETS, MOST_EPOCHS = 50, 50, 10_000

Seconds = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=2**63)]  # fits a machine's word, and a float
Bytes = Count
# Of a counter that may be set back, as where a thread or a processor goes.
Difference = Annotated[int, Field(ge=-(2**63), lt=2**63)]
# A list of millions with one fault in each is refused at the first.
Samples = Annotated[list[Seconds], FailFast()]


class RecordPart(BaseModel):
    """Immutable, and closed to fields that the schema does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
