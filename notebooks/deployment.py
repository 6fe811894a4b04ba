# Databricks notebook source
# MAGIC %md
# MAGIC # Deployment
# MAGIC Takes one `action` at the online endpoint: `deploy` the champion of `as_of` and give it the traffic in steps,
# MAGIC go on with the `traffic`, or take back by a `rollback` what is being rolled out or went live last.

# COMMAND ----------

# In a Git folder on a cluster, the wheel is not installed: the source lies beside this folder.
import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("levelfive") is None:
    sys.path.append(str(Path("../src").resolve()))

# COMMAND ----------

from levelfive import notebook
from levelfive.deployment.records import deployments

page = notebook.parameters(globals(), "deployment")

# COMMAND ----------

result = notebook.endpoint_action(page)

# COMMAND ----------

page.show(*([result] if result else []), deployments(page.app.tables, page.app.registry.name))
