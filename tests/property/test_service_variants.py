"""The same machine in other surroundings: over a file that is closed and opened, and with keys."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from spectron_adapters.local.engine import Engine
from tests.property.both_services import claims_of
from tests.property.engine_face import EngineFace, RefusedError
from tests.property.steps import settings_of
from tests.property.test_service_machine import CALLERS, ServiceMachine


class RestartMachine(ServiceMachine):
    """A file that two engines have open, as two processes do; either may be restarted."""

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        super().begin()
        self.other = EngineFace(self.open_engine())

    def open_engine(self):
        return Engine(
            self.folder / "memory.db",
            clock=self.clock,
            extractor=claims_of,
            auto_register_scopes=False,
            synchronous="NORMAL",
        )

    @rule()
    def restart(self):
        self.engine.close()
        self.engine = self.open_engine()
        self.face = EngineFace(self.engine)

    @rule()
    def go_on_in_the_other_process(self):
        self.face, self.other = self.other, self.face
        self.engine = self.face.engine

    def teardown(self):
        super().teardown()
        if hasattr(self, "other"):
            self.other.engine.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class KeyMachine(ServiceMachine):
    """Everybody asks with a key of their own, some through others, and keys are rotated."""

    @initialize()
    def begin(self):
        super().begin()
        keys = {name: self.engine.create_key(name, name=name) for name in CALLERS}
        self.model.acting = {"bob": "ada", "pair": "org"}
        self.face = EngineFace(self.engine, keys, self.model.acting)

    @rule(name=st.sampled_from(("ada", "org")))
    def rotate_key(self, *, name):
        """The old secret dies at once; nothing else changes."""
        old = EngineFace(self.engine, dict(self.face.keys))
        self.face.keys[name] = old.ask(name, "POST", f"/keys/{name}/rotate")["key"]
        with pytest.raises(RefusedError) as refused:
            old.ask(name, "GET", "/me")
        assert refused.value.status == 401


TestRestartMachine = RestartMachine.TestCase
TestRestartMachine.settings = settings_of(examples=70, steps=50)
TestKeyMachine = KeyMachine.TestCase
TestKeyMachine.settings = settings_of(examples=20, steps=50)
