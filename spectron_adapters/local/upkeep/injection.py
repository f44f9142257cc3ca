"""Texts that try to give orders to the model that will read them.

A list of patterns, not a judge: it finds the usual wordings, in English, and disguises of them.
Pure; imports the standard library only.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["PATTERNS", "find_injection"]

_RULES = r"(?:instructions?|prompts?|rules?|directions?|guidelines?|messages?|context)"
_BEFORE = r"(?:previous|prior|above|earlier|preceding|foregoing|existing|original|system)"

PATTERNS: dict[str, str] = {
    "override": rf"\b(?:ignore|disregard|forget|override|bypass)\b[^.\n]{{0,40}}\b{_BEFORE}\b"
    rf"[^.\n]{{0,20}}\b{_RULES}\b"
    rf"|\b(?:ignore|disregard|forget)\s+(?:all|any|your|the)\s+(?:\w+\s+)?{_RULES}\b",
    "new orders": r"\b(?:new|updated|real|actual)\s+(?:system\s+)?instructions?\s*:"
    r"|\bfrom now on,?\s+you\s+(?:are|will|must|shall)\b",
    "new role": r"\byou are now\s+(?:a|an|the|in|dan)\b|\b(?:act|behave|pretend)\b[^.\n]{0,20}"
    r"\b(?:jailbroken|unrestricted|unfiltered|developer mode|without (?:any )?restrictions)\b"
    r"|\b(?:developer|debug|god|dan) mode (?:is )?(?:enabled|activated|on)\b",
    "prompt theft": r"\b(?:reveal|print|show|repeat|output|leak|display)\b[^.\n]{0,30}"
    r"\b(?:system prompt|(?:hidden|secret|initial|system) instructions?"
    r"|your (?:prompt|instructions))\b",
    "secrecy": r"\b(?:do not|don't|never|without)\s+(?:tell(?:ing)?|inform(?:ing)?|alert(?:ing)?|"
    r"notify(?:ing)?|mention(?:ing)?(?: this)? to)\s+(?:the\s+)?(?:user|human|operator)\b",
    "exfiltration": r"\b(?:send|post|upload|forward|transmit|exfiltrate)\b[^.\n]{0,80}"
    r"\b(?:passwords?|api keys?|tokens?|secrets?|credentials?|conversation|chat history"
    r"|memor(?:y|ies))\b[^\n]{0,60}(?:https?://|\bto\s+\S{1,80}@\S)"
    r"|!\[[^\]]{0,80}\]\(https?://[^)\s]*[?&][^)\s]*=[^)]*\)",
    "role marks": r"<\|?\s*(?:im_start|im_end|system|assistant|endoftext|eot_id|start_header_id)"
    r"\b[^>\n]{0,20}>|\[/?(?:INST|SYS)\]|<<\s*/?SYS\s*>>"
    r"|^[ \t]{0,8}(?:#{1,6}[ \t]*)?(?:system|developer)[ \t]*(?:prompt|message)?[ \t]*:[ \t]*\S",
    "tool calls": r"<\s*/?\s*(?:tool_call|function_calls?|invoke|tool_use)\b[^>\n]{0,80}>"
    r"|\b(?:call|invoke|run|execute)\s+the\s+\S{1,40}\s+(?:tool|function)\b[^.\n]{0,60}\bwith\b",
    "hidden text": r"[\U000e0020-\U000e007f]{3,}|[\u202a-\u202e\u2066-\u2069]"
    r"|[\u200b\u2060\ufeff]{4,}",
}
"""What is looked for, by name: regular expressions over text in compatibility form."""

_FOUND = re.compile(
    "|".join(f"(?P<p{number}>{pattern})" for number, pattern in enumerate(PATTERNS.values())),
    re.IGNORECASE | re.MULTILINE,
)
_NAMES = tuple(PATTERNS)

# A text in ASCII that holds none of these matches no pattern; most texts hold none.
_SIGNS = (
    "ignor", "disregard", "forget", "overrid", "bypass", "instruction", "from now on", "are now",
    "jailbroken", "unrestricted", "unfiltered", "developer", "restrictions", " mode", "prompt",
    "do not", "don't", "never", "without", "://", "@", "|", "<", "[", "system", "tool", "function",
)  # fmt: skip
_HIDDEN = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
_LONGEST = 20_000
_AROUND = 60


def find_injection(text: str) -> tuple[str, str] | None:
    """The first pattern that a text holds, and the words around it; None when it holds none.

    Zero-width characters between letters and full-width letters do not hide a wording.
    """
    if text.isascii() and not _has_sign(text.lower()):
        return None
    plain = unicodedata.normalize("NFKC", text[:_LONGEST])
    found = _FOUND.search(plain)
    if found is None and _HIDDEN.search(plain):
        plain = _HIDDEN.sub("", plain)
        found = _FOUND.search(plain)
    if found is None:
        return None
    name = _NAMES[int(str(found.lastgroup).removeprefix("p"))]
    snippet = plain[max(0, found.start() - _AROUND) : found.end() + _AROUND]
    return name, " ".join(_printable(snippet).split())


def _has_sign(text: str) -> bool:
    return any(sign in text for sign in _SIGNS)


def _printable(text: str) -> str:
    """Characters that cannot be seen are written out."""
    return "".join(
        f"\\u{{{ord(letter):x}}}" if unicodedata.category(letter) == "Cf" else letter
        for letter in text
    )
