"""Will a flight out of New York arrive 15 minutes late or more? Asked two hours before departure."""

from datetime import timedelta

from flight_delay.features import FEATURE_TABLES, FLIGHT_HISTORY
from flight_delay.model import MODEL
from flight_delay.outcomes import labels
from flight_delay.sources import FLIGHT_KEY, OUTCOME_WITHIN, SOURCES
from flight_delay.spine import spine
from levelfive import GatePolicy, ReplayPlan, UseCase

USE_CASE = UseCase(
    name="flight_delay",
    sources=SOURCES,
    feature_tables=FEATURE_TABLES,
    key=FLIGHT_KEY,
    spine_sources=("flights",),
    spine=spine,
    label_sources=("flights",),
    labels=labels,
    labels_lookback=OUTCOME_WITHIN,
    # The longest flights arrive 12 hours after their schedule at the latest, but for a handful a year.
    maturity=timedelta(hours=36),
    model=MODEL,
    slices=("origin", "carrier", "aircraft_known"),
    purpose=(
        "Two hours before its scheduled departure from New York, how likely a flight is to arrive 15 minutes late or "
        "later: for those who plan gates, crews and connections of the day."
    ),
    limits=(
        "It knows flights that depart from EWR, JFK and LGA, and no other.",
        "It says nothing of flights that are cancelled or diverted: they have no arrival, and no label.",
        "A storm that begins within the two hours is not known to it.",
    ),
    gate=GatePolicy(holdout_days=14, min_days=7, min_rows=2000, margin=0.002),
    # No flight is due for a prediction around 06:00 UTC (01:00 or 02:00 in New York): 06:00 UTC parts two days.
    day_starts_at=timedelta(hours=6),
    lookback=FLIGHT_HISTORY,
    replay=ReplayPlan(year=2013, training_months=3, date_columns=("year", "month", "day")),
)
