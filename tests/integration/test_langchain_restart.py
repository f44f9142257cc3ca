"""A conversation through LangChain outlives its process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

TALK = """
import json, sys, warnings
warnings.simplefilter("ignore")
from langchain_classic.chains import ConversationChain
from langchain_core.language_models import FakeListLLM
from spectron_adapters import Spectron
from spectron_adapters.langchain import SpectronMemory

class Model(FakeListLLM):
    prompts: list = []
    def _call(self, prompt, *args, **given):
        self.prompts.append(prompt)
        return super()._call(prompt, *args, **given)

path, session, *said = sys.argv[1:]
with Spectron.local(path) as client:
    model = Model(responses=["Noted."], prompts=[])
    memory = SpectronMemory(client=client, session_id=session, scopes="org/acme/user/alice")
    chain = ConversationChain(llm=model, memory=memory)
    for text in said:
        chain.invoke({"input": text})
    print(json.dumps({"prompts": model.prompts, "buffer": memory.buffer}))
"""

MESSAGES = """
import json, sys
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage, message_to_dict
from spectron_adapters import Spectron
from spectron_adapters.langchain import SpectronChatMessageHistory

path, task = sys.argv[1:]
with Spectron.local(path) as client:
    history = SpectronChatMessageHistory(client, "1", scopes="org/acme/user/alice")
    if task == "write":
        history.add_messages([
            HumanMessage([{"type": "text", "text": "Weather?"}], id="h"),
            AIMessage("", tool_calls=[{"name": "weather", "args": {"city": "Porto"}, "id": "c"}]),
            ToolMessage("12", tool_call_id="c", artifact={"raw": [1, None]}),
            AIMessage("ok"), AIMessage("ok"),
        ])
    print(json.dumps([message_to_dict(message) for message in history.messages]))
"""


def run(script: str, *arguments: str) -> object:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_conversation_continues_in_a_new_process(tmp_path: Path) -> None:
    path = str(tmp_path / "memory.db")
    first = run(TALK, path, "1", "My cat is called Miso.", "She is grey.")
    second = run(TALK, path, "1", "What is she called?")
    assert first["buffer"] == (
        "Human: My cat is called Miso.\nAI: Noted.\nHuman: She is grey.\nAI: Noted."
    )
    (prompt,) = second["prompts"]
    assert first["buffer"] + "\nHuman: What is she called?\nAI:" in prompt
    assert "spectron_memory" not in prompt


def test_another_session_in_a_new_process_recalls_the_first(tmp_path: Path) -> None:
    path = str(tmp_path / "memory.db")
    run(TALK, path, "1", "My cat is called Miso.")
    (prompt,) = run(TALK, path, "2", "What is my cat called?")["prompts"]
    assert "My cat is called Miso." in prompt
    assert "<spectron_memory" in prompt


def test_whole_messages_come_back_in_a_new_process(tmp_path: Path) -> None:
    path = str(tmp_path / "memory.db")
    written = run(MESSAGES, path, "write")
    assert run(MESSAGES, path, "read") == written
    assert [message["type"] for message in written] == ["human", "ai", "tool", "ai", "ai"]
    assert written[1]["data"]["tool_calls"][0]["args"] == {"city": "Porto"}
    assert written[2]["data"]["artifact"] == {"raw": [1, None]}
