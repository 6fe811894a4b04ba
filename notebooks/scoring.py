# Databricks notebook source
# MAGIC %md
# MAGIC # Scoring
# MAGIC The champion of `as_of` scores the rows whose prediction time lies in a window; then the batch is read back and
# MAGIC checked: one sound prediction for each row, and at least `min_rows` rows.

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
from levelfive.scoring import checking, job
from levelfive.storage.predictions import PREDICTIONS

page = notebook.parameters(globals(), "scoring")

# COMMAND ----------

notebook.pass_first_run(page)

# COMMAND ----------

result = job.run(page.app.context, page.app.registry, window=page.window, as_of=page.as_of)

# COMMAND ----------

checked = checking.run(page.app.context, result, as_of=page.as_of, min_rows=page.number("min_rows"))

# COMMAND ----------

scored = page.app.tables.read(PREDICTIONS).where(f"batch_id = '{result.batch_id}'")
score_columns = page.app.use_case.model.task.score_columns
page.show(result, checked, scored.select(*page.app.use_case.key, "prediction_time", *score_columns))

# COMMAND ----------

figure = Figure(figsize=(7, 3), layout="constrained")
figure.suptitle("Scores of the batch")
figure.subplots().hist(scored.select(*score_columns).toPandas().to_numpy(), bins=50, label=score_columns)
figure.legend()
page.show(figure)
