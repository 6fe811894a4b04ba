"""The weather service: `python deliver.py LANDING UNTIL` lets its Delta table hold all days that ended by a time.

What it says of a day's rain is rounded for a week, and corrected then. The table has a change data feed.
"""

import sys
from pathlib import Path

import pandas as pd
from deltalake import DeltaTable, write_deltalake


def deliver(landing: Path, until: str) -> None:
    """Bring the table to a time, such as 2014-07-01: new days are inserted, days that are corrected are updated."""
    now, table = pd.Timestamp(until, tz="UTC"), landing / "observations"
    days = pd.read_csv(Path(__file__).with_name("weather.csv"), parse_dates=["date"]).drop(columns="weather")
    days = days.rename(columns={"date": "day"})
    days["day"] = days["day"].dt.tz_localize("UTC").astype("datetime64[us, UTC]")
    days = days[days["day"] + pd.Timedelta(days=1) <= now].reset_index(drop=True)
    young = days["day"] + pd.Timedelta(days=7) > now
    days["precipitation"] = days["precipitation"].mask(young, days["precipitation"].round())
    if not DeltaTable.is_deltatable(str(table)):
        write_deltalake(table, days, configuration={"delta.enableChangeDataFeed": "true"})
        return
    merge = DeltaTable(table).merge(days, "there.day = now.day", source_alias="now", target_alias="there")
    merge.when_matched_update_all("there.precipitation != now.precipitation").when_not_matched_insert_all().execute()


if __name__ == "__main__":
    deliver(Path(sys.argv[1]), sys.argv[2])
