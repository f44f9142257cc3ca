"""Chat messages of LangChain and LlamaIndex as Spectron turns, and back, without loss.

A turn holds a role and a text. A message that is only that is stored as that. Anything more
follows the text in the same content: a record separator (U+001E) and one line of JSON,
`{"v":1,"fw":"langchain","m":{…}}`, whose `m` is the framework's own dump. Three rules make it safe:

* The text before the separator never holds a separator itself, and JSON escapes it, so that a
  written content has at most one. Text that holds one, and text that a store may refuse (blank,
  NUL, lone surrogates), is enveloped and shown with visible stand-ins.
* What follows the first separator is an envelope only if it begins with `{"v":`; else the whole
  content is text that somebody wrote without this module.
* An envelope never changes who speaks: one whose message has another role than its turn is text.

Framework messages pass through here as their dumps: `message_to_dict(message)` and
`messages_from_dict([…])` of LangChain, `message.model_dump()` and `ChatMessage.model_validate(…)`
of LlamaIndex. Imports the standard library, pydantic and `errors`; never a framework.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePath
from typing import Literal, cast

from pydantic import AnyUrl

from spectron_adapters.errors import SpectronResponseError

__all__ = [
    "ENVELOPE_VERSION",
    "SEPARATOR",
    "DecodedTurn",
    "EncodedTurn",
    "Framework",
    "Image",
    "PortableMessage",
    "Role",
    "ToolCall",
    "decode_turn",
    "encode_turn",
    "langchain_from_turn",
    "langchain_to_turn",
    "llama_index_from_turn",
    "llama_index_to_turn",
    "portable_from_turn",
    "visible_text",
]

Role = Literal["user", "assistant", "system", "tool"]
Framework = Literal["langchain", "llama_index"]
Dump = dict[str, object]

SEPARATOR = "\x1e"
ENVELOPE_VERSION = 1

_OPENING = '{"v":'
_TEXT_ONLY = "text"
_ROLES: frozenset[str] = frozenset({"user", "assistant", "system", "tool"})


@dataclass(frozen=True, slots=True)
class EncodedTurn:
    """What to send as one turn.

    Attributes:
        role: Who speaks: `user`, `assistant`, `system` or `tool`.
        content: The text, followed by an envelope if the message is more than its text.
    """

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class DecodedTurn:
    """A turn taken apart.

    Attributes:
        role: Who speaks, as the service says.
        text: The message's text, exactly as it was written.
        framework: The envelope's framework, also when it is one that this version does not know;
            None when there is no envelope.
        dump: The framework's own dump; None when there is no envelope that this version knows.
        version: The envelope's version; None when there is no envelope.
    """

    role: str
    text: str
    framework: str | None = None
    dump: Mapping[str, object] | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's request to call a tool.

    Attributes:
        id: What the tool's answer refers to; None when the model gave none.
        name: The tool.
        arguments: By name; a string when the model's arguments were not a JSON object.
    """

    id: str | None
    name: str
    arguments: Mapping[str, object] | str


@dataclass(frozen=True, slots=True)
class Image:
    """An image, by address or by content: one of `url` and `base64` is set.

    Attributes:
        url: Address; `file:` for a path.
        base64: The image's bytes.
        mime_type: Such as `image/png`; None when unknown.
    """

    url: str | None = None
    base64: str | None = None
    mime_type: str | None = None


@dataclass(frozen=True, slots=True)
class PortableMessage:
    """What every framework understands of a message.

    Attributes:
        role: Who speaks.
        text: The text, blocks joined.
        name: The speaker's or the tool's name.
        tool_calls: What an assistant asks for, in order.
        tool_call_id: The request that a tool's message answers.
        images: In order.
    """

    role: str
    text: str
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    images: tuple[Image, ...] = ()


# --- Envelope -------------------------------------------------------------------------------------


def encode_turn(
    text: str,
    *,
    role: Role,
    framework: Framework | None = None,
    dump: Mapping[str, object] | None = None,
) -> EncodedTurn:
    """Encode a text, and a message's dump if there is more to it than the text.

    Args:
        text: What people and the index read.
        role: Who speaks.
        framework: Whose dump it is; needed with `dump`.
        dump: JSON values, tuples, dictionaries with keys other than strings, and any float.

    Returns:
        The turn to send. Its content is never blank and holds neither NUL nor lone surrogates.

    Raises:
        ValueError: The dump holds a value that JSON cannot keep (the message names the field), or
            role, text and framework are not those of the dump. Nothing was written.
    """
    if role not in _ROLES:
        raise ValueError(f"role must be one of {', '.join(sorted(_ROLES))}; got {role!r}")
    if (framework is None) != (dump is None):
        raise ValueError("framework and dump belong together: give both or neither")
    shown = _shown(text)
    if dump is None and shown == text and text.strip():
        return EncodedTurn(role, text)
    if framework is not None and dump is not None:
        _check_readable(framework, dict(dump), shown, EncodedTurn(role, text))
    envelope = {
        "v": ENVELOPE_VERSION,
        "fw": framework or _TEXT_ONLY,
        "m": {"text": text} if dump is None else _pack(dump, ""),
    }
    return EncodedTurn(role, f"{shown}{SEPARATOR}{_to_json(envelope)}")


def _check_readable(framework: str, dump: Dump, shown: str, meant: EncodedTurn) -> None:
    """Refuse what `decode_turn` would not read back as the same role and text."""
    dialect = _DIALECTS.get(framework)
    if dialect is None:
        raise ValueError(f"framework must be one of {', '.join(_DIALECTS)}; got {framework!r}")
    try:
        message = dialect.fill(dump, shown)
        read = EncodedTurn(dialect.role(message), dialect.text(message))
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is not the dump of a {framework} message: {error!r}") from error
    if read != meant:
        raise ValueError(
            f"role and text must be those of the dump ({read.role}, {len(read.content)} characters)"
            f"; got {meant.role}, {len(meant.content)} characters"
        )


def decode_turn(content: str, *, role: str, turn_id: str) -> DecodedTurn:
    """Take a turn's content apart.

    Args:
        content: As the service returned it.
        role: The turn's role, which an envelope cannot override.
        turn_id: Named in errors.

    Returns:
        Text and dump. An unknown version or framework, and an envelope whose message has another
        role than the turn, leave role and text.

    Raises:
        SpectronResponseError: The envelope is damaged, for instance cut off.
    """
    shown, raw = _split(content)
    if raw is None:
        return DecodedTurn(role, content)
    envelope = _from_json(raw, turn_id)
    version, framework, dump = (envelope.get(key) for key in ("v", "fw", "m"))
    if not isinstance(version, int) or not isinstance(framework, str):
        raise _damaged(turn_id, "its version or framework is missing")
    if version != ENVELOPE_VERSION or framework not in _READABLE:
        return DecodedTurn(role, shown, framework, None, version)
    try:
        if framework == _TEXT_ONLY:
            return DecodedTurn(role, _string(_mapping(dump)["text"]), None, None, version)
        dialect = _DIALECTS[framework]
        message = dialect.fill(_mapping(dump), shown)
        if dialect.role(message) != role:
            return DecodedTurn(role, content)
        return DecodedTurn(role, dialect.text(message), framework, message, version)
    except (KeyError, TypeError) as error:
        raise _damaged(turn_id, "its message does not have the framework's shape") from error


def visible_text(content: str) -> str:
    """The part of a turn's content that people and the index should read.

    Args:
        content: A turn's content, enveloped or not.

    Returns:
        The text before the envelope; the whole content when it has none.
    """
    return _split(content)[0]


def _split(content: str) -> tuple[str, str | None]:
    """Text and raw envelope; a separator that no envelope follows belongs to the text."""
    shown, separator, rest = content.partition(SEPARATOR)
    if rest.startswith(_OPENING) or (rest and _OPENING.startswith(rest)):
        return shown, rest
    return shown + separator + rest, None


def _from_json(raw: str, turn_id: str) -> Dump:
    try:
        envelope = json.loads(raw, object_hook=_unpack)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _damaged(turn_id, "it is not complete JSON") from error
    if not isinstance(envelope, dict):
        raise _damaged(turn_id, "it is not an object")
    return envelope


def _damaged(turn_id: str, reason: str) -> SpectronResponseError:
    return SpectronResponseError(
        f"turn {turn_id!r} holds a damaged message envelope: {reason}; its text can still be read "
        "with visible_text()"
    )


_UNSTORABLE = re.compile("[\x00\x1e\ud800-\udfff]")
_STAND_INS = {"\x00": "\u2400", SEPARATOR: "\u241e"}


def _shown(text: str) -> str:
    return _UNSTORABLE.sub(lambda match: _STAND_INS.get(match[0], "\ufffd"), text)


# --- JSON that keeps tuples, keys and floats ------------------------------------------------------

_DEEPEST = 100
_TAGS = frozenset({"$float", "$tuple", "$dict"})


def _to_json(value: object) -> str:
    try:
        raw = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ValueError(f"message cannot be stored: {error}; nothing was written") from error
    if _UNSTORABLE.search(raw):
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    return raw


def _pack(value: object, path: str, depth: int = 0) -> object:
    """The value in plain JSON types; what JSON cannot say becomes an object with one `$` key."""
    if depth > _DEEPEST:
        raise _unfit(path, f"is nested more than {_DEEPEST} deep, or contains itself")
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(float(value))}
    if isinstance(value, (list, tuple)):
        items = [_pack(item, f"{path}[{at}]", depth + 1) for at, item in enumerate(value)]
        return {"$tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, Mapping):
        return _pack_mapping(value, path, depth + 1)
    raise _unfit(path, f"holds {type(value).__name__}, which JSON cannot keep")


def _pack_mapping(value: Mapping[object, object], path: str, depth: int) -> object:
    packed = {key: _pack(item, _join(path, key), depth) for key, item in value.items()}
    if all(type(key) is str for key in packed) and not (len(packed) == 1 and _TAGS & packed.keys()):
        return packed
    return {"$dict": [[_pack(key, f"{path} (a key)", depth), packed[key]] for key in packed]}


def _unfit(path: str, problem: str) -> ValueError:
    return ValueError(
        f"message field {path.removeprefix('data.') or 'dump'} {problem}: convert it (bytes to "
        "base64 text, dates to ISO text) before adding the message; nothing was written"
    )


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _unpack(value: Dump) -> object:
    if len(value) != 1:
        return value
    ((tag, inner),) = value.items()
    if tag == "$float":
        return float(cast("str", inner))
    if tag == "$tuple":
        return tuple(cast("list[object]", inner))
    if tag == "$dict":
        return dict(cast("list[tuple[object, object]]", inner))
    return value


# --- Reading dumps --------------------------------------------------------------------------------


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a string, got {type(value).__name__}")
    return value


def _string_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: object) -> Dump:
    if not isinstance(value, Mapping):
        raise TypeError(f"expected an object, got {type(value).__name__}")
    return dict(value)


def _mappings(value: object) -> list[Dump]:
    """The objects of a list; other things in it are left out, and anything but a list is empty."""
    items = value if isinstance(value, list) else []
    return [dict(item) for item in items if isinstance(item, Mapping)]


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How one framework's dumps say what a turn needs to know.

    Attributes:
        role: The role of the turn that holds the message.
        text: The message's text.
        is_plain: Whether role and text are all there is.
        shorten: The dump without what the turn's text already says.
        fill: The inverse of `shorten`.
        portable: What other frameworks understand.
    """

    role: Callable[[Dump], Role]
    text: Callable[[Dump], str]
    is_plain: Callable[[Dump], bool]
    shorten: Callable[[Dump], Dump]
    fill: Callable[[Dump, str], Dump]
    portable: Callable[[DecodedTurn], PortableMessage]


def portable_from_turn(content: str, *, role: str, turn_id: str) -> PortableMessage:
    """Decode a turn into what every framework understands.

    Args:
        content: As the service returned it.
        role: The turn's role.
        turn_id: Named in errors.

    Returns:
        Role, text, tool calls and images.

    Raises:
        SpectronResponseError: The envelope is damaged.
    """
    return _portable(decode_turn(content, role=role, turn_id=turn_id), turn_id)


def _portable(turn: DecodedTurn, turn_id: str) -> PortableMessage:
    if turn.dump is None:
        return PortableMessage(turn.role, turn.text)
    try:
        return _DIALECTS[str(turn.framework)].portable(turn)
    except (KeyError, TypeError) as error:
        raise _damaged(turn_id, "its message does not have the framework's shape") from error


def _to_turn(framework: Framework, dump: Dump) -> EncodedTurn:
    dialect = _DIALECTS[framework]
    try:
        role, text, plain = dialect.role(dump), dialect.text(dump), dialect.is_plain(dump)
        rest = dialect.shorten(dump) if _shown(text) == text else dump
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is not the dump of a {framework} message: {error!r}") from error
    if plain:
        return encode_turn(text, role=role)
    return encode_turn(text, role=role, framework=framework, dump=rest)


# --- LangChain ------------------------------------------------------------------------------------

_LANGCHAIN_ROLES: dict[object, Role] = {
    "human": "user",
    "HumanMessageChunk": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
    "system": "system",
    "SystemMessageChunk": "system",
    "tool": "tool",
    "ToolMessageChunk": "tool",
    "function": "tool",
    "FunctionMessageChunk": "tool",
    "remove": "system",
}
_LANGCHAIN_CHAT = frozenset({"chat", "ChatMessageChunk"})
_LANGCHAIN_TYPES = {"user": "human", "assistant": "ai", "system": "system", "tool": "tool"}
_LANGCHAIN_BLANKS: Dump = {
    "additional_kwargs": {},
    "response_metadata": {},
    "name": None,
    "id": None,
    "tool_calls": [],
    "invalid_tool_calls": [],
    "usage_metadata": None,
}
_SPOKEN_ROLES: dict[str, Role] = {
    "ai": "assistant",
    "assistant": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "model": "assistant",
    "developer": "system",
    "system": "system",
    "function": "tool",
    "tool": "tool",
}


def langchain_to_turn(dump: Mapping[str, object]) -> EncodedTurn:
    """Encode a LangChain message.

    Args:
        dump: `message_to_dict(message)`.

    Returns:
        The turn to send. `function` and `tool` messages have role `tool`, `remove` has `system`,
        `chat` the role nearest to its own, else `user`.

    Raises:
        ValueError: A field, such as `artifact`, holds what JSON cannot keep. The message names it.
    """
    return _to_turn("langchain", dict(dump))


def langchain_from_turn(content: str, *, role: str, turn_id: str) -> dict[str, object]:
    """Decode a turn for LangChain, whoever wrote it.

    Args:
        content: As the service returned it.
        role: The turn's role.
        turn_id: Named in errors.

    Returns:
        A dump for `messages_from_dict`. A tool's answer to no known request has `tool_call_id` "".

    Raises:
        SpectronResponseError: The envelope is damaged.
    """
    turn = decode_turn(content, role=role, turn_id=turn_id)
    if turn.framework == "langchain" and turn.dump is not None:
        kind = turn.dump["type"]
        if kind in _LANGCHAIN_ROLES or kind in _LANGCHAIN_CHAT:
            return dict(turn.dump)
    return _langchain_dump(_portable(turn, turn_id))


def _langchain_role(dump: Dump) -> Role:
    kind = dump["type"]
    spoken = _mapping(dump["data"]).get("role") if kind in _LANGCHAIN_CHAT else None
    return _LANGCHAIN_ROLES.get(kind) or _SPOKEN_ROLES.get(str(spoken).lower(), "user")


def _langchain_text(dump: Dump) -> str:
    content = _mapping(dump["data"])["content"]
    if isinstance(content, list):
        return "".join(map(_langchain_part, content))
    return _string(content)


def _langchain_part(part: object) -> str:
    if isinstance(part, str):
        return part
    block = _mapping(part)
    return _string_or_none(block.get("text")) or "" if block.get("type") == "text" else ""


def _langchain_is_plain(dump: Dump) -> bool:
    data = _mapping(dump["data"])
    kind, content = data.pop("type", None), data.pop("content")
    usual = kind in _LANGCHAIN_TYPES.values() and dump == {"type": kind, "data": dump["data"]}
    blank = all(key in _LANGCHAIN_BLANKS and data[key] == _LANGCHAIN_BLANKS[key] for key in data)
    return usual and blank and isinstance(content, str)


def _langchain_shorten(dump: Dump) -> Dump:
    data = _mapping(dump["data"])
    if isinstance(data["content"], str):
        del data["content"]
    return {**dump, "data": data}


def _langchain_fill(dump: Dump, text: str) -> Dump:
    return {**dump, "data": {"content": text, **_mapping(dump["data"])}}


def _langchain_portable(turn: DecodedTurn) -> PortableMessage:
    data = _mapping(_mapping(turn.dump)["data"])
    calls = [*_mappings(data.get("tool_calls")), *_mappings(data.get("invalid_tool_calls"))]
    images = map(_image_in_langchain_block, _mappings(data["content"]))
    return PortableMessage(
        role=turn.role,
        text=turn.text,
        name=_string_or_none(data.get("name")),
        tool_calls=tuple(
            _tool_call(each.get("id"), each.get("name"), each.get("args")) for each in calls
        ),
        tool_call_id=_string_or_none(data.get("tool_call_id")),
        images=tuple(image for image in images if image),
    )


def _tool_call(id: object, name: object, arguments: object) -> ToolCall:
    if isinstance(arguments, str):
        arguments = _arguments_in_text(arguments)
    elif not isinstance(arguments, Mapping):
        arguments = {}
    return ToolCall(_string_or_none(id), _string_or_none(name) or "", arguments)


def _arguments_in_text(text: str) -> dict[str, object] | str:
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return arguments if isinstance(arguments, dict) else text


def _image_in_langchain_block(block: Dump) -> Image | None:
    """The image of a content block as LangChain 1, LangChain 0, OpenAI or Anthropic write it."""
    kind = block.get("type")
    if kind == "image_url":
        address = block.get("image_url")
        return _image(address.get("url") if isinstance(address, Mapping) else address, None, None)
    if kind != "image":
        return None
    source = block.get("source")
    if isinstance(source, Mapping):
        return _image(source.get("url"), source.get("data"), source.get("media_type"))
    content = block.get("base64") or block.get("data")
    return _image(block.get("url"), content, block.get("mime_type"))


def _image(url: object, content: object, mime_type: object) -> Image | None:
    mime = _string_or_none(mime_type)
    if base64_text := _string_or_none(content):
        return Image(base64=base64_text, mime_type=mime)
    address = _string_or_none(url)
    if address is None:
        return None
    if inline := _INLINE.match(address):
        return Image(base64=address[inline.end() :], mime_type=inline["mime"] or mime)
    return Image(url=address, mime_type=mime)


_INLINE = re.compile(r"data:(?P<mime>[^;,]*)(?:;[^;,]*)*;base64,", re.IGNORECASE)


def _langchain_dump(message: PortableMessage) -> dict[str, object]:
    data: Dump = {"content": message.text}
    if message.images:
        text = [{"type": "text", "text": message.text}] if message.text else []
        data["content"] = [*text, *map(_langchain_image, message.images)]
    if message.name is not None:
        data["name"] = message.name
    if message.role == "tool":
        data["tool_call_id"] = message.tool_call_id or ""
    if message.tool_calls:
        data |= _langchain_calls(message.tool_calls)
    return {"type": _LANGCHAIN_TYPES.get(message.role, "human"), "data": data}


def _langchain_calls(calls: Sequence[ToolCall]) -> Dump:
    fields: dict[str, list[Dump]] = {"tool_calls": [], "invalid_tool_calls": []}
    for call in calls:
        entry: Dump = {"name": call.name, "args": call.arguments, "id": call.id}
        if isinstance(call.arguments, str):
            fields["invalid_tool_calls"].append({**entry, "error": None})
        else:
            fields["tool_calls"].append({**entry, "args": dict(call.arguments)})
    return dict(fields)


def _langchain_image(image: Image) -> Dump:
    block: Dump = {"type": "image"}
    block |= {"url": image.url} if image.url else {"base64": image.base64}
    return block | ({"mime_type": image.mime_type} if image.mime_type else {})


# --- LlamaIndex -----------------------------------------------------------------------------------

_MEDIA_FIELDS = frozenset({"image", "audio", "video", "data"})
_CHECKED_PATHS = frozenset({"image", "audio", "video"})


def llama_index_to_turn(dump: Mapping[str, object]) -> EncodedTurn:
    """Encode a LlamaIndex message.

    Args:
        dump: `message.model_dump()`; `model_dump(mode="json")` serves too where it succeeds.

    Returns:
        The turn to send. `developer` has role `system`, `function` has `tool`, `chatbot` and
        `model` have `assistant`.

    Raises:
        ValueError: A field, such as one of `additional_kwargs`, holds what JSON cannot keep. The
            message names it.
    """
    plain = dict(dump)
    plain["role"] = _plain_value(plain.get("role"), "role")
    plain["blocks"] = _plain_value(plain.get("blocks"), "blocks")
    return _to_turn("llama_index", plain)


def llama_index_from_turn(content: str, *, role: str, turn_id: str) -> dict[str, object]:
    """Decode a turn for LlamaIndex, whoever wrote it.

    Args:
        content: As the service returned it.
        role: The turn's role.
        turn_id: Named in errors.

    Returns:
        A dump for `ChatMessage.model_validate`. A media file that no longer exists is named by a
        `file:` URL instead of its path, which LlamaIndex would refuse.

    Raises:
        SpectronResponseError: The envelope is damaged.
    """
    turn = decode_turn(content, role=role, turn_id=turn_id)
    if turn.framework != "llama_index" or turn.dump is None:
        return _llama_index_dump(_portable(turn, turn_id))
    dump = {**turn.dump, "blocks": _with_reachable_paths(turn.dump["blocks"])}
    extras = _mapping(dump.get("additional_kwargs") or {})
    if _mappings(extras.get("images")):
        del extras["images"]
        dump["additional_kwargs"] = extras
    return dump


def _plain_value(value: object, field: str) -> object:
    """Enums, addresses, paths and media bytes as the JSON from which LlamaIndex restores them."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (AnyUrl, PurePath)):
        return str(value)
    if isinstance(value, bytes) and field in _MEDIA_FIELDS:
        return _base64_text(value)
    if isinstance(value, list):
        return [_plain_value(item, field) for item in value]
    if isinstance(value, dict):
        return {key: _plain_value(item, str(key)) for key, item in value.items()}
    return value


def _base64_text(content: bytes) -> str:
    """Base64 as it stands (LlamaIndex keeps media so); a file's raw bytes encoded."""
    try:
        base64.b64decode(content, validate=True)
    except binascii.Error:
        return base64.b64encode(content).decode("ascii")
    return content.decode("ascii")


def _with_reachable_paths(value: object) -> object:
    if isinstance(value, list):
        return [_with_reachable_paths(item) for item in value]
    if not isinstance(value, dict):
        return value
    block = {key: _with_reachable_paths(item) for key, item in value.items()}
    path = block.get("path") if block.get("block_type") in _CHECKED_PATHS else None
    if isinstance(path, str) and not Path(path).is_file():
        block |= {"path": None, "url": block.get("url") or Path(path).absolute().as_uri()}
    return block


def _llama_index_role(dump: Dump) -> Role:
    return _SPOKEN_ROLES.get(_string(dump["role"]), "user")


def _llama_index_text(dump: Dump) -> str:
    texts = [_string(block["text"]) for block in _blocks(dump) if block["block_type"] == "text"]
    return "\n".join(texts)


def _blocks(dump: Dump) -> list[Dump]:
    blocks = dump["blocks"]
    if not isinstance(blocks, list):
        raise TypeError(f"expected a list of blocks, got {type(blocks).__name__}")
    return list(map(_mapping, blocks))


def _is_single_text(dump: Dump) -> bool:
    blocks = _blocks(dump)
    return len(blocks) == 1 and blocks[0] == {"block_type": "text", "text": blocks[0].get("text")}


def _llama_index_is_plain(dump: Dump) -> bool:
    rest = {key: value for key, value in dump.items() if key not in {"role", "blocks"}}
    return (
        dump["role"] in _ROLES and rest in ({}, {"additional_kwargs": {}}) and _is_single_text(dump)
    )


def _llama_index_shorten(dump: Dump) -> Dump:
    if not _is_single_text(dump):
        return dump
    return {key: value for key, value in dump.items() if key != "blocks"}


def _llama_index_fill(dump: Dump, text: str) -> Dump:
    return {"blocks": [{"block_type": "text", "text": text}], **dump}


def _llama_index_portable(turn: DecodedTurn) -> PortableMessage:
    dump = _mapping(turn.dump)
    extras = _mapping(dump.get("additional_kwargs") or {})
    blocks = _blocks(dump)
    images = map(_image_in_llama_index_block, blocks)
    return PortableMessage(
        role=turn.role,
        text=turn.text,
        name=_string_or_none(extras.get("name")),
        tool_calls=_calls_in_blocks(blocks) or _calls_in_extras(extras),
        tool_call_id=_string_or_none(extras.get("tool_call_id")),
        images=tuple(image for image in images if image),
    )


def _calls_in_blocks(blocks: Sequence[Dump]) -> tuple[ToolCall, ...]:
    return tuple(
        _tool_call(block.get("tool_call_id"), block.get("tool_name"), block.get("tool_kwargs"))
        for block in blocks
        if block.get("block_type") == "tool_call"
    )


def _calls_in_extras(extras: Dump) -> tuple[ToolCall, ...]:
    """Calls as integrations kept them before LlamaIndex had a block for them."""
    calls = [(call, call.get("function")) for call in _mappings(extras.get("tool_calls"))]
    return tuple(
        _tool_call(call.get("id"), function.get("name"), function.get("arguments"))
        for call, function in calls
        if isinstance(function, Mapping)
    )


def _image_in_llama_index_block(block: Dump) -> Image | None:
    if block.get("block_type") != "image":
        return None
    path = _string_or_none(block.get("path"))
    url = block.get("url") or (Path(path).absolute().as_uri() if path else None)
    return _image(url, block.get("image"), block.get("image_mimetype"))


def _llama_index_dump(message: PortableMessage) -> dict[str, object]:
    calls = [
        {
            "block_type": "tool_call",
            "tool_call_id": call.id,
            "tool_name": call.name,
            "tool_kwargs": call.arguments,
        }
        for call in message.tool_calls
    ]
    media = [*map(_llama_index_image, message.images), *calls]
    text = [{"block_type": "text", "text": message.text}] if message.text or not media else []
    extras = {"name": message.name, "tool_call_id": message.tool_call_id}
    return {
        "role": message.role,
        "additional_kwargs": {key: value for key, value in extras.items() if value is not None},
        "blocks": [*text, *media],
    }


def _llama_index_image(image: Image) -> Dump:
    return {
        "block_type": "image",
        "image": image.base64,
        "url": image.url,
        "image_mimetype": image.mime_type,
    }


_DIALECTS: dict[str, _Dialect] = {
    "langchain": _Dialect(
        role=_langchain_role,
        text=_langchain_text,
        is_plain=_langchain_is_plain,
        shorten=_langchain_shorten,
        fill=_langchain_fill,
        portable=_langchain_portable,
    ),
    "llama_index": _Dialect(
        role=_llama_index_role,
        text=_llama_index_text,
        is_plain=_llama_index_is_plain,
        shorten=_llama_index_shorten,
        fill=_llama_index_fill,
        portable=_llama_index_portable,
    ),
}
_READABLE = frozenset({*_DIALECTS, _TEXT_ONLY})
