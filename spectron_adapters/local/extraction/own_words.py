"""What of a turn is in its author's own words, and not taken from elsewhere.

Takes out code, marked-up blocks, quotations, quoted lines, transcripts, letters, and paragraphs
that the author introduces as somebody else's or as material. Every step is linear in the length of
the text. Imports `word_lists` and the standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from spectron_adapters.local.extraction.word_lists import GIVEN_NAMES

__all__ = ["HIDDEN", "own_words"]

HIDDEN = "\0"
"""Stands where a quotation was; no statement's form has room for it."""

_TYPOGRAPHY = str.maketrans(
    "\u2018\u2019\u02bc\u201c\u201d\u201e\u00ab\u00bb\u00a0", '\'\'\'""""" '
)
_WINKING = re.compile(r"(?<!\S)(?:;['-]?[)DPp]|[xX]D|:['-]?[Pp])(?!\S)")
_FENCE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.DOTALL)
_TAG = re.compile(r"<(/?)([a-z][\w-]{0,30})(?:[\s/][^<>\n]{0,200})?>", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"\n]*)(?:"|(?=\n)|\Z)')
_NAMING_BEFORE = re.compile(r"(?:called|named|name(?:'s| is)|call me|titled)\s*\Z", re.IGNORECASE)
_SINGLE_QUOTED = re.compile(
    r"(?<!\w)'(?!(?:cause|til|em|bout|tis|twas|n)\b|\d\ds?\b)[^'\n]*(?:'\w[^'\n]*)*(?:'(?!\w)"
    r"|(?=\n)|\Z)"
)
_LONGEST_QUOTED_NAME = 4
_LOOKED_AT = 400
"""Characters at either end of a line that say what kind of line it is."""

_QUOTE_LINE = re.compile(
    r"\s*(?:>|\||\$ |#|//|/\*|\[S?\d+\]|[\u266a\u266b\U0001f3b5\U0001f3b6])"
    r"|\s*(?:(?:const|let|var|int|[Ss]tring)\s+\w+\s*=|(?:def|class|function)\s+\w+\s*\("
    r"|\w+\s*=\s*\0|print\s*\(|echo\s|git\s+\w|assert\s|SELECT\s|INSERT\s)"
    r"|.*[;{}]\s*\Z",
)
_BULLET = re.compile(r"\A\s*(?:[-*\u2022\u2013]|\d{1,2}[.)])\s+")
_STAMP = r"(?:\[[^\]\n]{1,30}\]|\(?\d[\d:.,\-/ ]{2,20}\)?)\s*"
_SPEAKER = re.compile(
    rf"(?:\A|(?<=[.!?] ))(?:{_STAMP})?\*{{0,2}}"
    r"(?:[A-Z][\w.'-]{0,20}(?: [A-Z\d][\w.'-]{0,20}){0,2}|[A-Za-z_]{1,20})"
    r"(?: \([^()\n]{1,20}\))?\*{0,2} ?[:>]\*{0,2}(?=\s)"
)
_NAME_AND_DASH = re.compile(r"([^\W\d_]{2,20}) [-\u2013\u2014] ")
_OWN_LABELS = re.compile(
    r"(?:ps|p\.s\.|update|edit|correction|note|fyi|btw|reminder|about me|me|quick update|context"
    r"|background|intro|introduction|news|done|hi|hello|hey|also|so|ok|okay|well|yes|no|sorry"
    r"|actually|remember|important|allergies|diet|fact|clarification|info|tldr|anyway|btw)\s*:",
    re.IGNORECASE,
)
_REPORTING = (
    r"(?:said|says|saying|say|told|tells|telling|asked|asks|claims|claimed|wrote|writes|texted"
    r"|messaged|emailed|mailed|quoted|shouted|whispered|announced|replied|answered|posted|tweeted"
    r"|received|reads|goes|went|begins|starts|states|were|mentioned)"
)
_TEXTS = (
    r"(?:feedback|reviews?|testimonials?|bios?|transcript|statement|samples?|examples?|quotes?|text"
    r"|inputs?|persona|caption|e-?mails?|mail|messages?|letter|sentences?|prompts?|stor(?:y|ies)"
    r"|options?|phrases?|lyrics|excerpt|dialogue|monologue|narrator|poem|post|headline|slogan|title"
    r"|script|flashcards?|vocabulary|questions|answers|passwords?|ideas?|lines?|paragraph|password"
    r"|memor(?:y|ies)|recalled|known facts|facts about|what (?:i|we|you) know|conversation|history"
    r"|profile|log|chat|comments?|german|french|spanish|english|italian|game|chant|motto)"
)
_CHOOSING = (
    r"(?:pick|choose|select|true or false|which|either|following|as follows|repeat after me)"
)
_HANDING_OVER = (
    r"(?:rate|check|grade|judge|evaluate|critique|review|correct|explain|complete|finish|continue"
    r"|format|parse|describe|guess|compare|read|use|try|type|spell|pronounce|memori[sz]e)"
)
_INTRODUCES = re.compile(
    rf"(?:\A(?:please |can you |could you )?{_HANDING_OVER}"
    rf"|\b(?:{_REPORTING}|{_TEXTS}|{_CHOOSING}))\b[^.!?\n:]{{0,60}}:\Z",
    re.IGNORECASE,
)
_SELF_INTRODUCED = re.compile(
    r"\b(?:i|as i(?:'ve| have)?) (?:already |just )?(?:said|told you|wrote|mentioned)\b"
    r"|\b(?:my|your|this|the|that|to answer (?:your|the|that)) (?:last |other )?question\b",
    re.IGNORECASE,
)
_OWN_HEADING = re.compile(
    r"\b(?:me|myself|i|i'm|im|i've|we|we're|we've|it|it's|that's|here's what|news|updates?|facts?"
    r"|context|background|record|reference|note|fyi|intro\w*|done|short|thing|truth|correction"
    r"|reminder|details|basics|know|remember|question|clarif\w+|order|situation|allerg\w+)\b",
    re.IGNORECASE,
)
_COLON = re.compile(r":(?=\s|\Z)")
_SALUTATION = re.compile(
    r"\s*(?:dear\b[^.!?\n]{0,50}|(?:hi|hello|hey|good (?:morning|afternoon|evening))"
    r"(?:,? [\w .'-]{1,30})?)[,:]?\s*\Z",
    re.IGNORECASE,
)
_LETTER_LINE = re.compile(
    r"\s*(?:(?:from|to|cc|bcc|subject|sent|re|fwd?)\s*:|-{3,}.{0,60}-{3,}\s*\Z|on .{3,100} wrote:"
    r"|.{0,20}\b(?:forwarded|original) message\b|begin forwarded)",
    re.IGNORECASE,
)
_ABOUT_A_TEXT = re.compile(
    r"\b(?:this|that|the|following|attached) (?:e-?mail|mail|message|letter|text|sms|spam|scam|post"
    r"|tweet|paragraph|passage|review|bio|draft|essay|comment|ad|advert|article|cv|sentence|note)\b"
    r"|\b(?:spam|scam|phishing)\b|\b(?:draft|write|send) (?:me )?(?:a|an|the) (?:reply|response"
    r"|answer)\b",
    re.IGNORECASE,
)


def own_words(text: str) -> str:
    """The text without what its author took from elsewhere; quotation marks made plain.

    Args:
        text: A turn as written.
    """
    plain = _WINKING.sub("\U0001f609", text.translate(_TYPOGRAPHY))
    plain = _without_blocks(_FENCE.sub("\n", plain))
    plain = _QUOTED.sub(_unquoted, plain)
    plain = _SINGLE_QUOTED.sub(_unquoted, plain)
    return "\n".join(_own_lines(plain.split("\n")))


def _unquoted(found: re.Match[str]) -> str:
    """A quoted name keeps its words; any other quotation is hidden."""
    content = found[0].strip("\"'")
    before = found.string[max(0, found.start() - 12) : found.start()]
    if len(content.split()) <= _LONGEST_QUOTED_NAME and _NAMING_BEFORE.search(before):
        return content
    return HIDDEN


def _without_blocks(text: str) -> str:
    closings = {found[2].casefold(): found.start() for found in _TAG.finditer(text) if found[1]}
    kept, position, inside = [], 0, ""
    for found in _TAG.finditer(text):
        name = found[2].casefold()
        if inside:
            if found[1] and name == inside:
                position, inside = found.end(), ""
            continue
        kept.append(text[position : found.start()])
        if not text[position : found.start()].rpartition("\n")[2].strip():
            kept.append(HIDDEN)  # "<tom> I live in Bath" is a line of a chat
        position = found.end()
        if not found[1] and closings.get(name, -1) > position:
            inside = name
    return "".join([*kept, text[position:]])


def _own_lines(lines: list[str]) -> Iterator[str]:
    """Lines that are no quotation, transcript or letter, nor introduced as a text to look at."""
    foreign = announced = about_a_text = False
    for number, line in enumerate(lines):
        if not line.strip():
            foreign, announced = announced, False
            if about_a_text:
                return
            continue
        if _starts_letter(line, first=number == 0):
            return
        announced = False
        if foreign or _QUOTE_LINE.match(line[:_LOOKED_AT]):
            continue
        own = _BULLET.sub("", line, count=1)
        kept = own[: _foreign_from(own)]
        foreign = len(kept) < len(own)
        announced = foreign and own.rstrip().endswith(":")
        about_a_text = about_a_text or _ABOUT_A_TEXT.search(kept[:_LOOKED_AT]) is not None
        yield kept


def _starts_letter(line: str, *, first: bool) -> bool:
    start = line[:_LOOKED_AT]
    if _LETTER_LINE.match(start):
        return True
    salutation = _SALUTATION.match(start)
    return salutation is not None and (not first or start.strip()[:4].casefold() == "dear")


def _foreign_from(line: str) -> int:
    """Where on a line words begin that a colon or a name marks as not the author's."""
    named = _NAME_AND_DASH.match(line)
    if named and named[1].casefold() in GIVEN_NAMES:
        return 0
    for colon in _COLON.finditer(line):
        earliest = max(0, colon.start() - _LOOKED_AT)
        start = max(line.rfind(mark, earliest, colon.start()) for mark in ".!?") + 1
        start = max(start, earliest)
        if _is_foreign_heading(line[start : colon.end()].strip()):
            return start
    return len(line)


def _is_foreign_heading(heading: str) -> bool:
    """Whether what stands before a colon announces words that are not the author's own."""
    if _OWN_LABELS.match(heading) or _SELF_INTRODUCED.search(heading):
        return False
    if _INTRODUCES.search(heading) or _SPEAKER.match(f"{heading} "):
        return True
    return not _OWN_HEADING.search(heading)
