"""The names of levelfive's own columns in frames and tables that hold a use case's columns too.

A working column begins with `OWN`, which no column of a use case may. The other names are those of columns that stay in
tables beside a use case's, or that a use case's functions return: they are taken where they are listed here.
"""

from __future__ import annotations

PREDICTION_TIME = "prediction_time"
KNOWN_AT = "known_at"
LABEL = "label"
OUTCOME = "outcome"
LABELLED = "labelled"
"""The value of `outcome` for a row that has a label; any other value says why it has none."""

OWN = "__levelfive_"

SOURCE_FILE = "source_file"
LOADED_AT = "loaded_at"
REASONS = "reasons"
IN_RAW_TABLES = frozenset({SOURCE_FILE, LOADED_AT, REASONS})
"""Taken among the columns of sources, declared or derived."""

CHANGE = "change"
"""What a row is to those of its key that were there before: taken among the columns of sources with corrections."""

IN_SPINES = frozenset({LABEL})
"""Taken among the columns of a spine: the label is joined to it."""

AMONG_FEATURES = IN_SPINES | {PREDICTION_TIME}
"""Taken among features: a training set holds these beside them."""

IN_FEATURE_KEYS = frozenset({KNOWN_AT})
"""Taken among the keys of feature tables."""

BESIDE_KEYS = frozenset(
    {
        *(PREDICTION_TIME, LABEL, OUTCOME, KNOWN_AT),
        *("slices", "features"),
        *("model_name", "model_version", "role", "batch_id", "scored_as_of"),
        "prediction",
        *("request_id", "sample_rate", "lookup_keys", "reaches_to"),
    }
)
"""Taken among the columns of a use case's key, as are the task's: `labels`, `predictions` and a view have it too."""

TABLES = frozenset(
    {
        *(
            "runs",
            "landing_files",
            "landing_listings",
            "source_days",
            "annotations",
            "quarantine",
            "labels",
            "feature_windows",
            "predictions",
            "batches",
            "inference_log",
            "promotions",
            "deployments",
        ),
        *("profiles", "drift", "drift_consecutive", "drift_slices", "performance", "quality", "consistency"),
        *("performance_slices", "freshness", "feature_skew"),
        *("worst_segments", "verdicts", "alerts", "notices"),
        *("profile_metrics", "drift_metrics"),
        *("decisions", "retrainings"),
    }
)
"""Names of levelfive's own tables, which no feature table may have."""

REQUEST_LOG = "request_log"
"""The folder in the landing place where the service's answers land, and what they are as a source."""

RAW_TABLES = "raw_"
"""Begins the name of a source's raw table, and of no feature table."""

STAGING_TABLES = "staging_"
"""Begins the name of the table in which many new rows of a source wait, and of no feature table."""


def own(name: str) -> str:
    """Name a working column of levelfive's, as no column of a use case is named."""
    return f"{OWN}{name}"


# Working columns of rows that are on their way into a raw table: their order, and whether they delete.
ORDER, DELETION = f"{OWN}order", f"{OWN}deletion"


def is_own(name: str) -> bool:
    """Tell whether a name is one of levelfive's working columns; Spark tells no case apart."""
    return name.lower().startswith(OWN)
