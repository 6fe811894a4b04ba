# Databricks notebook source
# MAGIC %md
# MAGIC # Exploration
# MAGIC What the flights are like: distributions, missing values, delay by hour, route and weather, drift by month.
# MAGIC It reads the raw tables as they were known at `as_of`; ingest first (notebook `data`).

# COMMAND ----------

# In a Git folder on a cluster, the wheel is not installed: the source lies beside this folder.
import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("levelfive") is None:
    sys.path.append(str(Path("../src").resolve()))

# COMMAND ----------

import numpy as np
from matplotlib.figure import Figure
from pyspark.sql import functions as F

from flight_delay.sources import LATE_MINUTES
from levelfive import notebook
from levelfive.data.known import read_as_known
from levelfive.monitoring.drift import population_stability
from levelfive.storage.runs import Run

page = notebook.parameters(globals(), "explore")

# COMMAND ----------

known = read_as_known(Run(page.app.tables, "explore"), page.app.use_case, ("flights", "weather"), page.as_of)
late = (F.col("arr_delay") >= LATE_MINUTES).cast("double")
flights = known["flights"].where(F.col("sched_dep_at") < F.lit(page.as_of)).withColumn("late", late)
weather = known["weather"]
month = F.date_trunc("month", "sched_dep_at").alias("month")
share_late, number = F.avg("late").alias("share_late"), F.count("*").alias("flights")

# COMMAND ----------

by_month = flights.groupBy(month).agg(number, share_late, F.count("cancelled_at").alias("cancelled"))
page.show(by_month.orderBy("month"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Missing values

# COMMAND ----------

figure = Figure(figsize=(10, 5), layout="constrained")
figure.suptitle("Missing values")
for axes, (name, rows) in zip(figure.subplots(1, 2), {"flights": flights, "weather": weather}.items(), strict=True):
    shares = rows.agg(*(F.avg(F.isnull(column).cast("double")).alias(column) for column in rows.columns)).toPandas()
    missing = shares.iloc[0].astype(float).sort_values()
    missing = missing[missing > 0]
    axes.barh(missing.index, missing.to_numpy())
    axes.set(title=name, xlabel="share of the rows")
page.show(figure)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Distributions

# COMMAND ----------

sample = flights.select("arr_delay", "dep_delay", "distance", "air_time").sample(fraction=0.2, seed=0).toPandas()
air = weather.select("temp", "wind_speed", "humid", "visib").toPandas()
figure = Figure(figsize=(12, 5), layout="constrained")
figure.suptitle("Distributions")
columns = [(frame, name) for frame in (sample, air) for name in frame]
for axes, (frame, name) in zip(figure.subplots(2, 4).flat, columns, strict=True):
    values = frame[name].dropna().astype(float)
    axes.hist(values.clip(*values.quantile([0.005, 0.995])), bins=40)
    axes.set(title=name)
page.show(figure)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Delay by hour and route

# COMMAND ----------

by_hour = flights.groupBy("origin", "hour").agg(number, share_late).where("flights >= 50").orderBy("hour").toPandas()
by_route = flights.groupBy("origin", "dest").agg(number, share_late).orderBy(F.desc("flights")).limit(30).toPandas()
figure = Figure(figsize=(12, 6), layout="constrained")
figure.suptitle("Delay by hour and route")
left, right = figure.subplots(1, 2)
for origin, rows in by_hour.groupby("origin"):
    left.plot(rows["hour"], rows["share_late"], marker="o", label=origin)
left.set(xlabel="scheduled hour in New York", ylabel=f"share {LATE_MINUTES} minutes late or more")
left.legend()
by_route = by_route.sort_values("share_late")
right.barh(by_route["origin"] + " - " + by_route["dest"], by_route["share_late"])
right.set(title="the 30 busiest routes", xlabel="share late")
page.show(by_hour, by_route, figure)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Delay by weather
# MAGIC By the weather at the scheduled departure, which is not known when a prediction is made.

# COMMAND ----------

there = weather.select("origin", "time_hour", "wind_speed", "visib", "precip")
joined = flights.join(there, on=["origin", "time_hour"], how="inner")
steps = {"wind_speed": 5, "visib": 2, "precip": 0.05}
figure = Figure(figsize=(12, 4), layout="constrained")
figure.suptitle("Delay by weather")
for axes, (name, step) in zip(figure.subplots(1, 3), steps.items(), strict=True):
    part = (F.floor(F.col(name) / step) * step).alias("part")
    shares = joined.where(F.col(name).isNotNull()).groupBy(part).agg(number, share_late).orderBy("part").toPandas()
    shares = shares[shares["flights"] >= 50].astype(float)
    axes.plot(shares["part"], shares["share_late"], marker="o")
    axes.set(xlabel=name, ylabel="share late")
page.show(figure)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Drift by month
# MAGIC The population stability index (PSI) of each month against the first one.

# COMMAND ----------

wanted = ["distance", "hour", "dep_delay", "arr_delay", "temp", "dewp", "humid", "wind_speed", "pressure", "visib"]
seen = flights.join(weather.drop("year", "month", "day", "hour"), on=["origin", "time_hour"], how="left")
rows = seen.select(month, *wanted).sample(fraction=0.2, seed=0).toPandas()
months = [part for _, part in rows.groupby("month")]
psi = np.zeros((len(wanted), len(months)))
for line, name in enumerate(wanted):
    edges = np.unique(months[0][name].dropna().astype(float).quantile(np.linspace(0.1, 0.9, 9)))
    counts = [np.bincount(np.searchsorted(edges, part[name].dropna()), minlength=len(edges) + 1) for part in months]
    psi[line] = [population_stability(counts[0].astype(float), count.astype(float)) for count in counts]
figure = Figure(figsize=(9, 5), layout="constrained")
figure.suptitle("Drift by month")
axes = figure.subplots()
image = axes.imshow(psi, aspect="auto", vmin=0, vmax=1)
axes.set_xticks(range(len(months)), [f"{part['month'].iloc[0]:%Y-%m}" for part in months])
axes.set_yticks(range(len(wanted)), wanted)
figure.colorbar(image, ax=axes, label="PSI")
page.show(figure)
