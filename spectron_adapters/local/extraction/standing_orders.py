"""Standing orders to the assistant: "always answer in French", "call me Al", and their revocation.

One-off requests ("answer in French, please") are none. Imports `local` modules and the standard
library only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from spectron_adapters.local.extraction.statements import Instruction
from spectron_adapters.local.extraction.vocabulary import as_name
from spectron_adapters.local.extraction.word_lists import LANGUAGES
from spectron_adapters.local.search.stemming import stem

__all__ = ["called", "standing_order"]

_VERBS = (
    r"(?:answer|reply|respond|write|use|speak|talk|address|call|give(?! up)|include|add|cite"
    r"|start|end|begin"
    r"|finish|show|format|explain|translate|mention|avoid|check|put|list|provide|send|remind|treat"
    r"|recommend|suggest|limit|round|convert|stick to|refer|sign|ask|assume|quote|summari[sz]e"
    r"|tell me"
    r"|keep (?:it|your|answers|replies|responses)|make (?:it|your|sure you)|be (?:concise|brief"
    r"|polite"
    r"|formal|informal|short|direct|honest with me|casual|succinct)|share|reveal|disclose|book"
    r"|order"
    r"|schedule|contact|email|phone)"
)
_ORDER = re.compile(
    rf"(?:please )?(?:(?:always|never|from now on|in (?:the )?future|going forward),? (?:please )?"
    rf"(?:always |never |do not |don't )?|(?:please )?(?:don't|do not) ever |make sure (?:to"
    rf"|you) always )"
    rf"(?:\w+ly )?{_VERBS}\b.*",
    re.IGNORECASE,
)
_LATE_ORDER = re.compile(
    rf"(?:please )?(?:don't |do not |never |always )?{_VERBS}\b.* (?:from now on|in future"
    rf"|going forward|every time)",
    re.IGNORECASE,
)
_WHENEVER = re.compile(
    rf"(?:whenever|every time|each time) (?:i|you|we) [^,]+, (?:please )?(?:always "
    rf"|never )?{_VERBS}\b.*",
    re.IGNORECASE,
)
_CALL_ME = re.compile(
    r"(?:please |just |and |you can |you may |from now on,? (?:please )?)*call me (.+?)"
    r"(?:,? please|,? from now on| for short| instead)?",
    re.IGNORECASE,
)
_STOP = re.compile(
    r"(?:please )?(?:you (?:can|may|should|don't (?:have|need) to|do not (?:have|need) to"
    r"|no longer (?:have|need) to)"
    r" (?:now )?(?:stop )?|stop |no need to |there's no need to )(?P<what>.+?)(?: (?:now"
    r"|any ?more|any longer|from now on))?",
    re.IGNORECASE,
)
_FORGET = re.compile(
    r"(?:please )?(?:forget|ignore|drop|cancel|scrap|disregard) (?:about )?(?:that|this|the last"
    r"|my last|the previous)"
    r" (?:rule|instruction|order|preference)",
    re.IGNORECASE,
)
_LANGUAGE = re.compile(
    r"\b(?:answer|reply|respond|writ|speak|talk)\w*\b.*?\bin (\w+)", re.IGNORECASE
)
_FILLER_WORDS = (
    "please always never from now on in the future going forward do not don't ever make sure to "
    "you "
    "your my me i a an of with and any more every time whenever each"
)
_FILLER = frozenset(_FILLER_WORDS.split())
_IDIOM = re.compile(
    r"\b(?:say never|never mind|never ever getting|your best|your dreams|your heart|yourself)\b",
    re.IGNORECASE,
)
_LONGEST_LABEL = 6
_ALIKE = 0.6


def standing_order(
    sentence: str, *, live: Sequence[str], caseless: bool, utterance: int
) -> Instruction | None:
    """The standing order that a sentence gives or withdraws.

    Args:
        sentence: The sentence as written, without its closing mark.
        live: Labels of live instructions, oldest first.
        caseless: Capitals tell nothing.
        utterance: Index of the turn.

    Returns:
        The instruction, whose label for the same subject is always the same; None if the sentence
        gives no order, or withdraws one that is not live.
    """
    text = " ".join(sentence.split())
    if "\0" in text or _IDIOM.search(text):
        return None
    if _FORGET.fullmatch(text):
        return Instruction(live[-1], text, revoked=True, utterance=utterance) if live else None
    if any(form.fullmatch(text) for form in (_ORDER, _LATE_ORDER, _WHENEVER)):
        return Instruction(_label(text), text, utterance=utterance)
    if called(text, caseless=caseless):
        return Instruction("form_of_address", text, utterance=utterance)
    if (found := _STOP.fullmatch(text)) and (label := _withdrawn(found["what"], live)):
        return Instruction(label, text, revoked=True, utterance=utterance)
    return None


def called(sentence: str, *, caseless: bool) -> str | None:
    """The name by which the speaker wants to be called: "please call me Al"."""
    found = _CALL_ME.fullmatch(sentence.strip())
    return as_name(found[1], caseless=caseless) if found else None


def _label(text: str) -> str:
    language = _LANGUAGE.search(text)
    if language is not None and language[1].casefold() in LANGUAGES:
        return "reply_language"
    return "_".join(_content(text)[:_LONGEST_LABEL]) or "instruction"


def _content(text: str) -> list[str]:
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.casefold())
    return [word for word in words if word not in _FILLER]


@lru_cache(maxsize=256)
def _stems(label: str) -> frozenset[str]:
    return frozenset(stem(word) for word in label.split("_"))


def _withdrawn(what: str, live: Sequence[str]) -> str | None:
    """The live instruction that shares most words with what is to stop, the newest of equals."""
    if _label(what) == "reply_language" and "reply_language" in live:
        return "reply_language"
    asked = {stem(word) for word in _content(what)}
    best, label = _ALIKE, None
    for candidate in live:
        words = _stems(candidate)
        shared = len(asked & words) / max(1, min(len(asked), len(words)))
        if shared >= best:
            best, label = shared, candidate
    return label
