"""The settings of a laptop's Spark name what is there."""

import re
from pathlib import Path

from levelfive.platforms.local_spark import session_settings


def test_the_log_settings_that_are_named_are_there(tmp_path: Path) -> None:
    options = session_settings(tmp_path, "1g")["spark.driver.extraJavaOptions"]

    (file,) = re.findall(r"-Dlog4j2\.configurationFile=(\S+)", options)
    assert "rootLogger.level = fatal" in Path(file).read_text()
