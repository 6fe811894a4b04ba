# Databricks notebook source
# MAGIC %md
# MAGIC # Online
# MAGIC Publishes to the online store what single requests look up, as far as it was computed by `as_of`. What the store
# MAGIC has already stays as it is. A job's run with another `action` than `deploy` publishes nothing.

# COMMAND ----------

# In a Git folder on a cluster, the wheel is not installed: the source lies beside this folder.
import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("levelfive") is None:
    sys.path.append(str(Path("../src").resolve()))

# COMMAND ----------

from levelfive import notebook

page = notebook.parameters(globals(), "online")

# COMMAND ----------

result = notebook.publish(page)

# COMMAND ----------

page.show(*([result] if result else []))
