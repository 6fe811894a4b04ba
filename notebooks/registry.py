# Databricks notebook source
# MAGIC %md
# MAGIC # Registry
# MAGIC Makes the version that training handed on, or the one in `version`, the champion of all later times.
# MAGIC A `reason` without a version asks for a rollback.

# COMMAND ----------

# In a Git folder on a cluster, the wheel is not installed: the source lies beside this folder.
import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("levelfive") is None:
    sys.path.append(str(Path("../src").resolve()))

# COMMAND ----------

from levelfive import notebook
from levelfive.registry.promotions import history

page = notebook.parameters(globals(), "registry")

# COMMAND ----------

result = notebook.promote(page)

# COMMAND ----------

page.show(result.promotion, history(page.app.tables, page.app.registry.name))
