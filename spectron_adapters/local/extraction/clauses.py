"""From a turn's text to the clauses that its author plainly asserts.

Takes out what is not the author's own assertion (code, quotations, quoted lines, questions,
conditions, hedges, reported speech, material to be translated, jokes) and cuts the rest into short
clauses with contractions written out. Every step is linear in the length of the text, and long
sentences are left aside. Imports the standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["Clause", "Sentence", "clauses_of", "sentences_of"]

LONGEST_SENTENCE = 400
"""Characters; a plain statement is shorter, and this bounds the work on each sentence."""
_SHORT = 20

_TYPOGRAPHY = str.maketrans(
    "\u2018\u2019\u02bc\u201c\u201d\u201e\u00ab\u00bb\u00a0", '\'\'\'""""" '
)
_EMOJI = (
    r"[\u203c\u2049\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\ufe0e\ufe0f\u200d"
    r"\U0001f000-\U0001faff\U000e0020-\U000e007f]"
)
_FENCE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.DOTALL)
_INLINE_CODE = re.compile(r"`[^`\n]*`")
_TAG = re.compile(r"<(/?)([a-z][\w-]{0,30})(?:[\s/][^<>\n]{0,200})?>", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"\n]*)(?:"|(?=\n)|\Z)')
_NAMING_BEFORE = re.compile(r"(?:called|named|name(?:'s| is)|call me|titled)\s*\Z", re.IGNORECASE)
_SINGLE_QUOTED = re.compile(
    r"(?<!\w)'(?!(?:cause|til|em|bout|tis|twas|n)\b|\d\ds?\b)[^'\n]*(?:'\w[^'\n]*)*(?:'(?!\w)"
    r"|(?=\n)|\Z)"
)
_QUOTE_LINE = re.compile(r"\s*(?:>|\||\$ |#!|\[S?\d+\])")
_TRANSCRIPT_LINE = re.compile(r"\s*[A-Z][\w .'-]{0,30}:\s")
_OWN_LABELS = re.compile(
    r"\s*(?:ps|p\.s\.|update|edit|correction|note|fyi|btw|reminder|about me|me|quick update)\s*:",
    re.IGNORECASE,
)
_RECALL_HEADING = re.compile(
    r"\b(?:memor(?:y|ies)|recalled|context|background|known facts|facts about|what (?:i|we"
    r"|you) know"
    r"|conversation|transcript|history|excerpt|profile|example|sample|quote|lyrics"
    r"|text)\b[^\n]*:\s*\Z",
    re.IGNORECASE,
)
_BULLET = re.compile(r"\A\s*(?:[-*\u2022\u2013]|\d{1,2}[.)])\s+")

_SENTENCE_END = re.compile(rf"[.!?\u2026]+(?=[\s)\"']|\Z)|[!?\u2026]+|(?:{_EMOJI}\s*)+|\n+|;")
_ABBREVIATION = re.compile(
    r"(?:\b(?i:mr|mrs|ms|dr|prof|st|mt|ft|jr|sr|vs|etc|e\.g|i\.e|approx|inc|ltd|co|corp|a\.m|p\.m"
    r"|jan|feb|apr|aug|sept?|oct|nov|dec)|\b[A-Z]|\b(?:[A-Za-z]\.)+[A-Za-z])\Z"
)

_MATERIAL = re.compile(
    r"\b(?:translat(?:e|ing)|rewrit\w*|rephras\w*|paraphras\w*|proof-?read\w*|summari[sz]\w*"
    r"|spell-?check"
    r"|fix (?:the |my )?(?:grammar|spelling)|correct (?:the|my|this) (?:grammar|sentence|text"
    r"|essay|spelling)"
    r"|how (?:do|would|can) (?:you|i|we) say|what does .{0,60} mean|classify|sentiment"
    r"|polish (?:this|the|my)|improve (?:this|the|my)|edit (?:this|the|my))\b",
    re.IGNORECASE,
)
_FICTION = re.compile(
    r"\b(?:imagin(?:e|ing)|pretend\w*|suppose|supposing|let'?s say|say that i|hypothetical\w*"
    r"|role-?play\w*"
    r"|act as|you are (?:a|an|the|now)|as an example|for example|for instance|e\.g|write (?:me )?"
    r"(?:a|an|the|my|about)"
    r"|draft (?:a|an|the|my)|in (?:my|the|a) (?:dream|novel|story|game|film|movie|play|book|song)"
    r"|i dream(?:t|ed)"
    r"|my character|fiction\w*|once upon a time|the following|lorem ipsum|template"
    r"|two truths and a lie)\b",
    re.IGNORECASE,
)
_JOKE_TURN = re.compile(
    r"\b(?:just kidding|only kidding|(?:i'm|im|i am) (?:just |only |totally )?(?:kidding|joking)"
    r"|jk|j/k|april fools?"
    r"|just a joke|only joking|sarcas\w+|psych|gotcha)\b|(?<!\S)/s\b",
    re.IGNORECASE,
)
_JOKE = re.compile(
    r"\b(?:lo+l|lmao|rofl|a?ha(?:ha)+h?|hehe|yeah,? right|as if|sure,? jan|in your dreams)\b"
    "|[\U0001f602\U0001f923\U0001f61c\U0001f61d\U0001f60f\U0001f643\U0001f609]",
    re.IGNORECASE,
)
_UNASSERTED = re.compile(
    r"\b(?:if|unless|whether|wish|wished|maybe|perhaps|probably|possibly|presumably|supposedly"
    r"|allegedly|apparently"
    r"|hopefully|i (?:think|thought|guess|suppose|believe|assume|imagine|suspect|reckon|doubt"
    r"|hope|feel like|bet)"
    r"|not sure|unsure|not certain|kind of|kinda|sort of|sorta|as though|in case|or something"
    r"|i dunno|who knows"
    r"|seems?|looks like|sounds like|might|could|would|should|used to think|was told|according to"
    r"|rumou?rs?"
    r"|more or less|theoretically|in theory|technically speaking|ironically|metaphorically"
    r"|so to speak)\b"
    r"|\bmay (?:be|have|not|well|also)\b",
    re.IGNORECASE,
)
_REPORTED = re.compile(
    r"\b(?:said|says|saying|told|tells|telling|asked|asks|claim(?:s|ed)?|wrote|writes|heard"
    r"|texted|quoted?"
    r"|mentioned|joked|lied|lying|insists?|insisted|thinks|thought|believes|believed|replied"
    r"|answered|yelled|shouted"
    r"|announced|goes like|went like|convinced|reads|lyrics?)\b",
    re.IGNORECASE,
)
_SELF_REPORT = re.compile(
    r"^\W*(?:as|like) i(?:'ve| have)? (?:already |just )?(?:said|mentioned|told you|wrote)(?: "
    r"(?:before|earlier))?,?\s*",
    re.IGNORECASE,
)
_QUESTION_OPENING = re.compile(
    r"^\W*(?:(?:and|so|but|or|well|hey|hi|ok|okay) )?(?:do|does|did|is|are|was|were|am i|can"
    r"|could|will|would|shall"
    r"|should|have (?:you|i|we|they)|has|had (?:you|i)|who|whom|whose|what|which|when|where|why"
    r"|how|don't you|isn't"
    r"|aren't|didn't|guess)\b(?!,)",
    re.IGNORECASE,
)
_WHEN_STATEMENT = re.compile(r"^\W*(?:when|what|where|who) [^,]{1,60},", re.IGNORECASE)

_CONTRACTIONS = (
    (re.compile(r"\b(i)'?m\b(?!-)", re.IGNORECASE), r"\1 am"),
    (re.compile(r"\b(i|we)'ve\b", re.IGNORECASE), r"\1 have"),
    (re.compile(r"\bive\b"), "i have"),
    (re.compile(r"\b(have|has) got\b", re.IGNORECASE), r"\1"),
    (re.compile(r"\bwe're\b", re.IGNORECASE), "we are"),
    (re.compile(r"\b(do|does|did|is|are|was|were|have|has)n'?t\b", re.IGNORECASE), r"\1 not"),
    (re.compile(r"\b(?:can't|cant|cannot)\b", re.IGNORECASE), "can not"),
    (
        re.compile(
            r"\b(name|it|that|here|birthday|e-?mail|address|number|favou?rite \w+)'s\b",
            re.IGNORECASE,
        ),
        r"\1 is",
    ),
)

_PARENTHESIS = re.compile(r"\([^()]*\)|\[[^\][]*\]")
_REGIONS = (
    r"(?:france|germany|italy|spain|portugal|england|scotland|wales|ireland|the uk|uk|usa|us"
    r"|the us|canada"
    r"|mexico|brazil|argentina|chile|peru|colombia|india|china|japan|korea|australia|new zealand"
    r"|austria"
    r"|switzerland|belgium|the netherlands|netherlands|denmark|sweden|norway|finland|iceland"
    r"|poland|greece"
    r"|turkey|egypt|morocco|nigeria|kenya|ghana|south africa|texas|california|oregon|washington"
    r"|ohio|florida"
    r"|georgia|virginia|illinois|michigan|massachusetts|pennsylvania|colorado|arizona|nevada|utah"
    r"|minnesota"
    r"|wisconsin|tennessee|kentucky|ontario|quebec|british columbia|alberta|new york|new jersey"
    r"|maine|ny|ca"
    r"|tx|ma|wa|il|fl|dc|d\.c|pa|oh|mi|ga|nc|va|co|az|or(?= *\Z))"
)
_CLAUSE_BREAK = re.compile(
    r"\s+[-\u2013\u2014]+\s+|\s*\u2014\s*"
    r"|,?\s+(?:but|because|although|though|whereas|while|which|cuz|'?cause|so that|and then|and so"
    r"|even though|except|however|yet)\s+"
    r"|,?\s+(?:and|so|plus)\s+(?=(?:i|we|my|our|he|she|it|they|you|his|her|their|your|that|this"
    r"|then"
    r"|there|also|now|never|always)\b)"
    rf"|,(?!\d|\s*(?:19|20)\d\d\b|\s*{_REGIONS}\b)\s*|:\s+",
    re.IGNORECASE,
)
_SHARED_SUBJECT = re.compile(
    r",?\s+(?:and|but)\s+(?=(?:also |currently |now |really |do not )?(?:live|work|am|have|love"
    r"|like"
    r"|enjoy|hate|prefer|speak|study|moved|joined|was|grew|lives|works|is|has|loves|likes|enjoys"
    r"|hates"
    r"|prefers|speaks|studies|can not|dislike|do not)\s)",
    re.IGNORECASE,
)
_LIST_END = re.compile(r"\band\s+\S", re.IGNORECASE)
_LONGEST_ITEM = 4
_LONGEST_LAST_ITEM = 7
_LONGEST_LIST = 8


SentenceKind = Literal["asserted", "open", "fiction", "material"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence in its author's own words.

    Attributes:
        text: As written, without the mark that ends it.
        kind: `asserted`; `open` if it asks, doubts, supposes, reports or jokes; `fiction` if what
            follows is made up; `material` if the turn asks to work on a text.
        question: It ends with a question mark.
        caseless: The turn does not use capitals, so they tell nothing about names.
    """

    text: str
    kind: SentenceKind
    question: bool
    caseless: bool


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of a sentence that may be a statement of its own.

    Attributes:
        text: The clause, contractions written out, without surrounding punctuation.
        listing: The clause with the enumeration that follows it ("I like tea, milk and water"),
            or "" if none does.
        shares_subject: Its subject is that of the clause before ("... and work in Leeds").
    """

    text: str
    listing: str
    shares_subject: bool


def sentences_of(text: str) -> Iterator[Sentence]:
    """The sentences of a turn that are its author's own words.

    Args:
        text: A turn as written.

    Yields:
        Sentences in order; none of a turn that says it is joking.
    """
    own = _own_words(text.translate(_TYPOGRAPHY))
    if _JOKE_TURN.search(own):
        return
    caseless = _is_caseless(own)
    sentences = list(_sentences(own))
    for number, (sentence, ending) in enumerate(sentences):
        if len(sentence) > LONGEST_SENTENCE:
            continue
        following = sentences[number + 1][0] if number + 1 < len(sentences) else ""
        kind: SentenceKind = "open" if _is_laugh(following) else _kind(sentence, ending)
        yield Sentence(sentence, kind, "?" in ending, caseless)


def _kind(sentence: str, ending: str) -> SentenceKind:
    if _MATERIAL.search(sentence):
        return "material"
    if _FICTION.search(sentence):
        return "fiction"
    return "asserted" if _is_asserted(sentence, ending) else "open"


def _own_words(text: str) -> str:
    """The text without code, marked-up blocks, quotations and lines taken from elsewhere."""
    text = _without_blocks(_FENCE.sub("\n", text))
    text = _QUOTED.sub(_unquoted, text)
    text = _SINGLE_QUOTED.sub(_unquoted, text)
    return "\n".join(_own_lines(text))


def _unquoted(found: re.Match[str]) -> str:
    """A quoted name keeps its words; any other quotation becomes a mark that fits no statement."""
    words = found[0].strip("\"'")
    before = found.string[max(0, found.start() - 12) : found.start()]
    if len(words.split()) <= _LONGEST_ITEM and _NAMING_BEFORE.search(before):
        return words
    return "\0"


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
        position = found.end()
        if not found[1] and closings.get(name, -1) > position:
            inside = name
    return "\n".join([*kept, text[position:]])


def _own_lines(text: str) -> Iterator[str]:
    recalled = False
    for line in text.split("\n"):
        if not line.strip():
            recalled = False
        elif _RECALL_HEADING.search(line[-LONGEST_SENTENCE:]):
            recalled = True
        elif recalled or _QUOTE_LINE.match(line):
            continue
        elif not _TRANSCRIPT_LINE.match(line) or _OWN_LABELS.match(line):
            yield _BULLET.sub("", line, count=1)


def _is_caseless(text: str) -> bool:
    """Whether a writer leaves out capitals, even in "i", or uses nothing else."""
    return text == text.lower() or text == text.upper()


def _sentences(text: str) -> Iterator[tuple[str, str]]:
    """Sentences with what ends them; a full stop after an abbreviation ends nothing."""
    start = 0
    for found in _SENTENCE_END.finditer(text):
        before = text[max(start, found.start() - 12) : found.start()]
        if found[0] == "." and _ABBREVIATION.search(before) and not _starts_sentence(text, found):
            continue
        if sentence := text[start : found.start()].strip():
            yield sentence, found[0].strip()
        start = found.end()
    if sentence := text[start:].strip():
        yield sentence, ""


def _starts_sentence(text: str, end: re.Match[str]) -> bool:
    return re.match(r"\s*\Z|\s+(?:I|My|We|Our)\b", text[end.end() : end.end() + 12]) is not None


def _is_laugh(sentence: str) -> bool:
    return len(sentence) <= _SHORT and _JOKE.search(sentence) is not None


def _is_asserted(sentence: str, ending: str) -> bool:
    if "?" in ending or _JOKE.search(sentence + ending):
        return False
    without_preface = _SELF_REPORT.sub("", sentence)
    if _UNASSERTED.search(without_preface) or _REPORTED.search(without_preface):
        return False
    return not _QUESTION_OPENING.search(sentence) or bool(_WHEN_STATEMENT.search(sentence))


def clauses_of(sentence: str) -> Iterator[Clause]:
    """The clauses of a sentence.

    Args:
        sentence: As written.

    Yields:
        Clauses in order.
    """
    plain = _INLINE_CODE.sub("\0", _SELF_REPORT.sub("", sentence))
    plain = " ".join(_PARENTHESIS.sub(" ", plain).split())
    for contraction, full in _CONTRACTIONS:
        plain = contraction.sub(full, plain)
    parts = [(part, shares) for part, shares in _cut(plain) if part]
    for index, (part, shares) in enumerate(parts):
        if "\0" not in part:
            yield Clause(part, _listing(part, [text for text, _ in parts[index + 1 :]]), shares)


def _cut(sentence: str) -> Iterator[tuple[str, bool]]:
    for clause in _CLAUSE_BREAK.split(sentence):
        for index, part in enumerate(_SHARED_SUBJECT.split(clause)):
            yield part.strip(" ,.!\"'*_~"), index > 0


def _listing(opening: str, following: list[str]) -> str:
    items = [opening]
    for part in following[:_LONGEST_LIST]:
        last = _LIST_END.search(part) is not None
        if len(part.split()) > (_LONGEST_LAST_ITEM if last else _LONGEST_ITEM):
            return ""
        items.append(part)
        if last:
            return ", ".join(items)
    return ""
