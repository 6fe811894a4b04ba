# Databricks notebook source
# MAGIC %md
# MAGIC # Training
# MAGIC Trains a candidate, lets the gate judge it on the newest days, and registers it, refitted, if it passes.
# MAGIC With `decision`, it trains what the retraining policy asked for, once.

# COMMAND ----------

# In a Git folder on a cluster, the wheel is not installed: the source lies beside this folder.
import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("levelfive") is None:
    sys.path.append(str(Path("../src").resolve()))

# COMMAND ----------

from matplotlib.figure import Figure

from levelfive import notebook

page = notebook.parameters(globals(), "training")

# COMMAND ----------

result = notebook.train(page)
page.hand_on(version=result.version, verdict=result.verdict, passed="true" if result.passed else "false")

# COMMAND ----------

page.show(result, result.estimates)

# COMMAND ----------

figure = Figure(figsize=(7, 3), layout="constrained")
figure.suptitle("Holdout with intervals")
axes = figure.subplots()
for name, estimate in result.estimates.items():
    axes.plot([estimate.low, estimate.high], [name, name], color="grey")
    axes.plot([estimate.value], [name], marker="o")
page.show(figure)
