# Databricks notebook source
# MAGIC %md
# MAGIC # Features
# MAGIC Computes the feature tables, and the labels that became known, up to `as_of`.

# COMMAND ----------

# In a Git folder on a cluster, the wheel is not installed: the source lies beside this folder.
import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("levelfive") is None:
    sys.path.append(str(Path("../src").resolve()))

# COMMAND ----------

from levelfive import notebook
from levelfive.features import job

page = notebook.parameters(globals(), "features")

# COMMAND ----------

notebook.pass_first_run(page)

# COMMAND ----------

result = job.run(page.app.context, as_of=page.as_of, since=page.time("since"))

# COMMAND ----------

page.show(result, result.versions)
