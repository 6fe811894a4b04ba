# Databricks notebook source
# MAGIC %md
# MAGIC # Maintenance
# MAGIC Compacts and clusters the tables, and removes files that only versions older than `keep_versions` need. No row
# MAGIC changes.

# COMMAND ----------

# In a Git folder on a cluster, the wheel is not installed: the source lies beside this folder.
import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("levelfive") is None:
    sys.path.append(str(Path("../src").resolve()))

# COMMAND ----------

from levelfive import notebook
from levelfive.maintenance import job

page = notebook.parameters(globals(), "maintenance")

# COMMAND ----------

result = job.run(page.app.context, as_of=page.as_of, keep_versions=page.app.settings.keep_versions)

# COMMAND ----------

page.show(result.tables)
print(f"written by another job meanwhile, and left to the next run: {', '.join(result.overtaken) or 'none'}")
