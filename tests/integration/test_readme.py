"""Every Python block of the README runs, in order, in one directory, in processes of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_first_runnable_example_stands_within_thirty_lines():
    lines = README.read_text(encoding="utf-8").splitlines()
    start = lines.index("```python")
    assert lines.index("```", start) < 30


def test_every_block_runs(tmp_path: Path):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 5
    outputs = []
    for block in blocks:
        run = subprocess.run(
            [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert run.returncode == 0, f"{block}\n{run.stderr}"
        outputs.append(run.stdout)
    assert "lives in: Lisbon" in outputs[0]
    assert outputs[0].rstrip().endswith("[]"), "another user's question finds nothing"
    assert "Your name is Ada." in outputs[1]
    assert "My flight leaves at 7:40." in outputs[2]
    assert "My flight leaves at 7:40." in outputs[3], "LlamaIndex reads what LangChain wrote"
    assert "aisle seat" in outputs[3]
    assert outputs[4].count("travel.md / Hotels") == 2
    assert "At most 150 euro a night [S1]. ['chunk:" in outputs[4]
    assert "alice%2Fadmin" in outputs[5]
    assert "user_id" in outputs[5]
