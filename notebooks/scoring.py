# Databricks notebook source
# MAGIC %md
# MAGIC # Scoring
# MAGIC The champion of `as_of` scores the rows whose prediction time lies in a window.

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
from levelfive.predictions import PREDICTIONS
from levelfive.scoring import job

page = notebook.parameters(globals(), "scoring")

# COMMAND ----------

result = job.run(page.app.context, page.app.registry, window=page.window, as_of=page.as_of)

# COMMAND ----------

scored = page.app.tables.read(PREDICTIONS).where(f"batch_id = '{result.batch_id}'")
page.show(result, scored.select(*page.app.use_case.key, "prediction_time", "score"))

# COMMAND ----------

figure = Figure(figsize=(7, 3), layout="constrained")
figure.suptitle("Scores of the batch")
figure.subplots().hist(scored.select("score").toPandas()["score"], bins=50)
page.show(figure)
