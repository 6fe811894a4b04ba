# Databricks notebook source
# MAGIC %md
# MAGIC # Retraining
# MAGIC Decides by the policy whether to train again. What it asks for is trained by the training job.

# COMMAND ----------

# In a Git folder on a cluster, the wheel is not installed: the source lies beside this folder.
import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("levelfive") is None:
    sys.path.append(str(Path("../src").resolve()))

# COMMAND ----------

from levelfive import notebook
from levelfive.retraining import job

page = notebook.parameters(globals(), "retraining")

# COMMAND ----------

record = job.decide_once(page.app.context, page.app.registry, as_of=page.as_of)
page.hand_on(action=record.decision.action, decision=record.decision_id)

# COMMAND ----------

page.show(record, record.decision)
