# Databricks notebook source
# MAGIC %md
# MAGIC # Monitoring
# MAGIC Compares a window's live predictions with the training data and with the labels known, and judges.

# COMMAND ----------

# In a Git folder on a cluster, the wheel is not installed: the source lies beside this folder.
import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("levelfive") is None:
    sys.path.append(str(Path("../src").resolve()))

# COMMAND ----------

from matplotlib.figure import Figure
from pyspark.sql import functions as F

from levelfive import notebook
from levelfive.monitoring import job
from levelfive.monitoring.drift_statistics import PSI
from levelfive.scoring import requests

page = notebook.parameters(globals(), "monitoring")

# COMMAND ----------

if answers := requests.run(page.app.context, page.app.registry, landing=page.app.landing, as_of=page.as_of):
    print(f"Request log: {answers.in_words}.")
result = job.run(
    page.app.context, page.app.registry, window=page.window, as_of=page.as_of, destinations=page.app.destinations
)
notebook.make_views(page.app.tables, page.app.use_case.day_starts_at)

# COMMAND ----------

page.show(result.verdicts, result.performance)
if result.nothing:
    page.end(f"Nothing to monitor: {result.nothing}.")

# COMMAND ----------

of_window = (F.col("window_start") == F.lit(page.window.start)) & (F.col("window_end") == F.lit(page.window.end))
psi, usual_psi = (F.try_element_at(name, F.lit(PSI)) for name in ("statistics", "usual"))
drift = page.app.tables.read(job.DRIFT).where(of_window & (F.col("role") == "champion"))
drift = drift.select("model_version", "column_name", psi.alias("psi"), usual_psi.alias("usual_psi"), "statistics")
page.show(drift := drift.orderBy(F.desc("psi")).limit(20))

# COMMAND ----------

figure = Figure(figsize=(7, 5), layout="constrained")
figure.suptitle("Columns that moved most")
worst = drift.toPandas()
axes = figure.subplots()
axes.barh(worst["column_name"], worst["psi"])
axes.set(xlabel="PSI against the training data")
page.show(figure)

# COMMAND ----------

# Beside ours, the workspace's own monitor, where `lakehouse_monitor` names a folder for it. Last, as it may refuse.
if refresh := notebook.refresh_lakehouse_monitor(page):
    page.show(refresh)
