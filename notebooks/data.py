# Databricks notebook source
# MAGIC %md
# MAGIC # Data
# MAGIC Ingests the landing files that are new; rows that break a contract go to quarantine.

# COMMAND ----------

# In a Git folder on a cluster, the wheel is not installed: the source lies beside this folder.
import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("levelfive") is None:
    sys.path.append(str(Path("../src").resolve()))

# COMMAND ----------

from levelfive import notebook
from levelfive.data import job

page = notebook.parameters(globals(), "data")

# COMMAND ----------

# The first of all jobs makes what the dashboard shows.
notebook.make_shown_tables(page.app.tables)
notebook.pass_first_run(page)

# COMMAND ----------

result = job.run(page.app.context, landing=page.app.landing, as_of=page.as_of)

# COMMAND ----------

page.show(result.files)
print(f"left to a later run, which begin after as_of: {', '.join(result.left) or 'none'}")
print(f"days on which rows are missing: {'; '.join(map(str, result.missing)) or 'none'}")
