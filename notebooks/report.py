# Databricks notebook source
# MAGIC %md
# MAGIC # Report
# MAGIC Is the model fine, and why: one page, written to the file that `output` names, if it does.

# COMMAND ----------

# In a Git folder on a cluster, the wheel is not installed: the source lies beside this folder.
import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("levelfive") is None:
    sys.path.append(str(Path("../src").resolve()))

# COMMAND ----------

from levelfive import notebook
from levelfive.reporting.collect import collect
from levelfive.reporting.page import render

page = notebook.parameters(globals(), "report")

# COMMAND ----------

found = collect(page.app.context, page.app.registry, as_of=page.as_of)
page.show_html(render(found))

# COMMAND ----------

page.show(found.verdicts, found.decisions, found.promotions)
