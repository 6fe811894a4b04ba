# Databricks notebook source
# MAGIC %md
# MAGIC # Registry
# MAGIC Takes one `step`: `copy` a version in from another environment, `approve` one, `promote` one (by default the one
# MAGIC that training handed on), or `rollback` to the champion before the present one.

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

result = notebook.registry_step(page)

# COMMAND ----------

page.show(*([result] if result else []), history(page.app.tables, page.app.registry.name))
