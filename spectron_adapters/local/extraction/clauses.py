"""From a turn's text to the clauses that its author plainly asserts.

Judges each sentence of the author's own words (a question, a condition, a hedge, reported speech, a
joke assert nothing, though what stands before them may) and cuts it into short clauses with
contractions written out. Every step is linear in the length of the text, and long sentences are
left aside. Imports `local` modules and the standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from spectron_adapters.local.extraction.gazetteer import STATES
from spectron_adapters.local.extraction.own_words import HIDDEN, own_words
from spectron_adapters.local.extraction.word_lists import (
    BREEDS,
    CAPITAL,
    COUNTRIES,
    KIN,
    PETS,
    PLURAL_KIN,
    SINGLE_KIN,
)

__all__ = ["Clause", "Sentence", "clauses_of", "sentences_of"]

LONGEST_SENTENCE = 400
"""Characters; a plain statement is shorter, and this bounds the work on each sentence."""
_SHORT = 40

_EMOJI = (
    r"[\u203c\u2049\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\ufe0e\ufe0f\u200d"
    r"\U0001f000-\U0001faff\U000e0020-\U000e007f]"
)
_INLINE_CODE = re.compile(r"`[^`\n]*`")
_SENTENCE_END = re.compile(rf"[.!?\u2026]+(?=[\s)\"']|\Z)|[!?\u2026]+|(?:{_EMOJI}\s*)+|\n+|;")
_ABBREVIATION = re.compile(
    r"(?:\b(?i:mr|mrs|ms|dr|prof|st|mt|ft|jr|sr|vs|etc|e\.g|i\.e|approx|inc|ltd|co|corp|a\.m|p\.m"
    r"|jan|feb|apr|aug|sept?|oct|nov|dec)|\b[A-Z]|\b(?:[A-Za-z]\.)+[A-Za-z])\Z"
)

# --- what is not asserted -------------------------------------------------------------------------

_MATERIAL = re.compile(
    r"\b(?:translat(?:e|ing)|rewrit\w*|rephras\w*|paraphras\w*|proof-?read\w*|summari[sz]\w*"
    r"|transcrib\w*|analy[sz]e|spell-?check"
    r"|fix (?:the |my )?(?:grammar|spelling)|correct (?:the|my|this) (?:grammar|sentence|text"
    r"|essay|spelling)"
    r"|how (?:do|would|can) (?:you|i|we) say|what does .{0,60} mean|classify|sentiment"
    r"|polish (?:this|the|my)|improve (?:this|the|my)|edit (?:this|the|my)"
    r"|(?:turn|put|make|convert|say|read) (?:this|that|it) (?:into|in|sound|to|back)"
    r"|(?:the|a|an|this|following|example|sample|complete the) (?:sentence|phrase)s?"
    r"|is (?:this|that|it) (?:right|correct|true|good english|grammatical(?:ly correct)?)"
    r"|(?:possible )?(?:answers?|options?|choices) (?:are|is|include)|passive voice)\b",
    re.IGNORECASE,
)
_FICTION = re.compile(
    r"\b(?:imagin(?:e|ing)|pretend\w*|suppose|supposing|let'?s (?:say|play)|say (?:that )?i"
    r"|hypothetical\w*|picture this|for the sake of|role-?play\w*|simulation"
    r"|(?:act|reply|respond|answer|speak|talk|write|behave|pose) (?:to me )?(?:as|like)"
    r" (?:an?|the|if)"
    r"|you(?:'re| are| play| be) (?:an?|the|now)|as an example|for example|for instance|e\.g"
    r"|(?:write|generate|compose|create|make up|invent|come up with) (?:me )?(?:a|an|the|my|some"
    r"|about)"
    r"|draft (?:a|an|the|my)|in (?:my|the|a|this|our) (?:dream|novel|story|game|film|movie|play"
    r"|book|song|scenario)"
    r"|i dream(?:t|ed)|(?:writing|wrote) a (?:novel|play|story|book|song|script)"
    r"|my character|fiction\w*|once upon a time|the following|as follows|lorem ipsum|template"
    r"|two truths and a lie)\b|\A\W*say (?:that )?(?:my|we)\b",
    re.IGNORECASE,
)
_JOKE_TURN = re.compile(
    r"\b(?:just kidding|only kidding|(?:i'm|im|i am) (?:just |only |totally )?(?:kidding|joking)"
    r"|jk|j/k|april fools?"
    r"|just a joke|only joking|sarcas\w+|psych|gotcha)\b|(?<!\S)/s\b",
    re.IGNORECASE,
)
_JOKE = re.compile(
    r"\b(?:lo+l|lmao|rofl|a?ha(?:ha)+h?|hehe|yeah,? right|(?:oh|yeah|ah),? (?:sure|great|joy)|as if"
    r"|sure,? jan|in (?:my|your) dreams|(?:no one|nobody) ever|(?:it|that|this) feels)\b"
    "|[\U0001f602\U0001f923\U0001f61c\U0001f61d\U0001f60f\U0001f643\U0001f609\U0001f644]",
    re.IGNORECASE,
)
_RETRACTION = re.compile(
    r"\W*(?:well,? |or )?(?:not|no|nope|not (?:any ?more|really|true|quite|exactly)|i wish|if only"
    r"|in my dreams|sike|almost|once|formerly|(?:or )?at least .{1,30}"
    r"|(?:well,? )?i was(?:,? (?:once|anyway|(?:until|till|before) .{1,20}))?)\W*\Z",
    re.IGNORECASE,
)
_MODAL = r"(?:wish|wished|might|could|would|should)"
_UNASSERTED = re.compile(
    rf"\b(?:if|unless|whether|maybe|perhaps|probably|possibly|presumably|supposedly|{_MODAL}"
    r"|allegedly|apparently|assume|assuming|provided|practically|technically|virtually"
    r"|(?:almost|nearly) (?:an?|the|fluent|certain)|hopefully"
    r"|i (?:think|thought|guess|suppose|believe|imagine|suspect|reckon|doubt|hope|feel like|bet"
    r"|pretend|swear|dunno)|i was (?:until|till|before|once|\Z)"
    r"|not sure|unsure|not certain|kind of|kinda|sort of|sorta|as though|as good as|in case"
    r"|or something|or at least|or so|(?:not|n't) true|untrue|either .{1,60} or|to some extent"
    r"|who knows|seems?|looks like|sounds like|used to think|was told|according to|rumou?rs?"
    r"|more or less|theoretically|in theory|ironically|metaphorically|so to speak)\b"
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
    r"(?:before|earlier))?,?\s*|^\W*(?:wait|sorry|no)?\W*(?:what )?i meant(?: to say)?(?: is| was)?"
    r"(?: that)? (?=my |i )",
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

# --- what stands before a question or a hedge -----------------------------------------------------

_JOINT = re.compile(r",? (?:and|but|so) |, | [-\u2013\u2014]+ ", re.IGNORECASE)
_ASKS = re.compile(
    r"(?:(?:can|could|would|will) you|(?:is|are) there|do you (?:know|have|recommend|sell|offer)"
    r"|(?:should|can|could|may) i|do i (?:need|have to|get|qualify|pay)|any"
    r"|(?:what|which|where|who|how|why|when)(?:'s|'re)?)"
    r" (?:\S+ )*\S"
    r"|(?:and |what about |how about )?(?:you|yours)\Z",
    re.IGNORECASE,
)
_ASKS_BACK = re.compile(
    r"(?:who|what) (?:told|said|says|makes|made|gave|else)|(?:how|why|where) (?:do|did|would) you"
    r"|how come",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"(?:i|we|my|our|it|that|this|she|he|they|there|you|someone|people|would|could|might|should)\b"
    r"(?: \S+){3}",
    re.IGNORECASE,
)
_TAKES_BACK = re.compile(
    r"\b(?:wrong|mistaken|right|sure|certain|remember|true|untrue|lying|lie|joke|really|so|not"
    r"|was|think|guess|say|said|told|believe|claim)\b",
    re.IGNORECASE,
)
_HEDGED_BY_MODAL = re.compile(rf"\b{_MODAL}\b", re.IGNORECASE)

# --- clauses --------------------------------------------------------------------------------------

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
            r"\b(name|it|that|he|she|here|birthday|e-?mail|address|number|favou?rite \w+)'s\b",
            re.IGNORECASE,
        ),
        r"\1 is",
    ),
    (re.compile(r"\b([a-z-]+)'s (?=(?:called|named)\b)", re.IGNORECASE), r"\1 is "),
)

_PARENTHESIS = re.compile(r"\([^()]*\)|\[[^\][]*\]")
_APPOSITION = re.compile(
    r"(?:\A|(?<=and )|(?<=but )|(?<=, ))([Mm]y|[Oo]ur) ((?:[a-z\u00e9-]+ )?[a-z\u00e9-]+), "
    rf"((?:{CAPITAL}[\w'-]*\.? )?{CAPITAL}[\w'-]*(?:,? (?:and|&) {CAPITAL}[\w'-]*)?),"
)
_RELATIVES = frozenset((*SINGLE_KIN, *KIN, *PLURAL_KIN, *PETS, *BREEDS))
_ADDRESS = re.compile(
    r"\b(?:address is|live at) \d{1,5}[a-z]? [^,]{2,40}(?:, [^,]{2,40}){1,3}", re.IGNORECASE
)
_HELD_COMMA = "\1"
_ABBREVIATED_STATES = r"ny|ca|tx|ma|wa|il|fl|dc|d\.c|pa|oh|mi|ga|nc|va|co|az|or(?= *\Z)"
_SHARING = (
    r"(?=(?:also |currently |now |really |do not )?(?:live|work|am|have|love|like|enjoy|hate|prefer"
    r"|speak|study|moved|joined|was|grew|own|play|teach|collect|drive|lives|works|is|has|loves"
    r"|likes|enjoys|hates|prefers|speaks|studies|owns|plays|can not|dislike|do not|need|want|spend"
    r"|go|come|sing|write|read|try|do|make|get|take|keep|volunteer|commute)\s)"
)
_CLAUSE_BREAK = re.compile(
    r"\s+[-\u2013\u2014]+\s+|\s*\u2014\s*"
    rf"|,?\s+but\s+(?!{_SHARING})"
    r"|,?\s+(?:because|although|though|whereas|while|which|cuz|'?cause|so that|and then|and so"
    r"|even though|except|however|yet)\s+"
    r"|,?\s+(?:and|so|plus)\s+(?=(?:i|we|my|our|he|she|it|they|you|his|her|their|your|that|this"
    r"|then"
    r"|there|also|now|never|always)\b)"
    rf"|,(?!\d|\s*(?:19|20)\d\d\b|\s*(?:{COUNTRIES}|{STATES}|{_ABBREVIATED_STATES})\b)\s*|:\s+",
    re.IGNORECASE,
)
_SHARED_SUBJECT = re.compile(rf"(?<!\blive),?\s+(?:and|but)\s+{_SHARING}", re.IGNORECASE)
_LIST_END = re.compile(r"\b(?:and|or)\s+\S", re.IGNORECASE)
_LONGEST_ITEM = 4
_LONGEST_LAST_ITEM = 7
_LONGEST_LIST = 8


SentenceKind = Literal["asserted", "open", "fiction", "material"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence in its author's own words, or what stands in it before a question or a hedge.

    Attributes:
        text: As written, without the mark that ends it.
        kind: `asserted`; `open` if it asks, doubts, supposes, reports or jokes; `fiction` if what
            follows is made up; `material` if the turn asks to work on a text.
        question: It ends with a question mark.
        caseless: The turn does not use capitals, so they tell nothing about names.
        partial: It is only the opening of a sentence, which follows as a whole.
    """

    text: str
    kind: SentenceKind
    question: bool
    caseless: bool
    partial: bool = False


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
    listing: str = ""
    shares_subject: bool = False


def sentences_of(text: str) -> Iterator[Sentence]:
    """The sentences of a turn that are its author's own words.

    Args:
        text: A turn as written.

    Yields:
        Sentences in order; none of a turn that says it is joking.
    """
    own = own_words(text)
    if _JOKE_TURN.search(own):
        return
    caseless = _is_caseless(own)
    sentences = list(_sentences(own))
    for number, (sentence, ending) in enumerate(sentences):
        if len(sentence) > LONGEST_SENTENCE:
            continue
        following = sentences[number + 1][0] if number + 1 < len(sentences) else ""
        taken_back = _is_taken_back(following)
        kind = _kind(sentence, ending)
        if kind == "asserted" and taken_back:
            kind = "open"
        if kind == "open" and not taken_back and (head := _asserted_head(sentence, ending)):
            yield Sentence(head, "asserted", question=False, caseless=caseless, partial=True)
        yield Sentence(sentence, kind, "?" in ending, caseless)


def _kind(sentence: str, ending: str) -> SentenceKind:
    if _MATERIAL.search(sentence):
        return "material"
    if _FICTION.search(sentence):
        return "fiction"
    return "asserted" if _is_asserted(sentence, ending) else "open"


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


def _is_taken_back(following: str) -> bool:
    """Whether a short sentence laughs at the one before or denies it: "Not really."."""
    if len(following) > _SHORT:
        return False
    return bool(_JOKE.search(following) or _RETRACTION.match(following))


def _is_asserted(sentence: str, ending: str) -> bool:
    if "?" in ending or _JOKE.search(sentence + ending):
        return False
    without_preface = _SELF_REPORT.sub("", sentence)
    if _UNASSERTED.search(without_preface) or _REPORTED.search(without_preface):
        return False
    return not _QUESTION_OPENING.search(sentence) or bool(_WHEN_STATEMENT.search(sentence))


def _asserted_head(sentence: str, ending: str) -> str:
    """What a sentence asserts before it turns to ask or to suppose: "I live in Leeds, can you"."""
    if _JOKE.search(sentence + ending):
        return ""
    longest = ""
    for joint in _JOINT.finditer(sentence):
        head, tail = sentence[: joint.start()], sentence[joint.end() :]
        if not _is_asserted(head, ""):
            break
        turns = _asks(tail) if "?" in ending else _supposes(tail)
        longest = head if turns else longest
    return longest


def _asks(tail: str) -> bool:
    return _ASKS.match(tail) is not None and not _ASKS_BACK.match(tail)


def _supposes(tail: str) -> bool:
    """Whether a new clause with a hedge of its own begins, that takes nothing back."""
    hedged = _HEDGED_BY_MODAL.search(tail) is not None
    return hedged and _GOES_ON.match(tail) is not None and not _TAKES_BACK.search(tail)


def clauses_of(sentence: str) -> Iterator[Clause]:
    """The clauses of a sentence.

    Args:
        sentence: As written.

    Yields:
        Clauses in order; what stands between commas after "my sister" as a clause of its own.
    """
    plain = _INLINE_CODE.sub(HIDDEN, _SELF_REPORT.sub("", sentence))
    plain = " ".join(_PARENTHESIS.sub(" ", plain).split())
    for contraction, full in _CONTRACTIONS:
        plain = contraction.sub(full, plain)
    found = _APPOSITION.search(plain)
    if found and found[2].split()[-1] in _RELATIVES:
        several = " and " in found[3] or " & " in found[3]
        yield Clause(f"{found[1]} {found[2]} {'are' if several else 'is'} called {found[3]}")
        plain = _APPOSITION.sub(r"\1 \2 \3", plain)
    plain = _ADDRESS.sub(lambda found: found[0].replace(",", _HELD_COMMA), plain)
    parts = [(part, shares) for part, shares in _cut(plain) if part]
    for index, (part, shares) in enumerate(parts):
        if HIDDEN not in part:
            yield Clause(part, _listing(part, [text for text, _ in parts[index + 1 :]]), shares)


def _cut(sentence: str) -> Iterator[tuple[str, bool]]:
    for clause in _CLAUSE_BREAK.split(sentence):
        for index, part in enumerate(_SHARED_SUBJECT.split(clause)):
            yield part.strip(" ,.!\"'*_~").replace(_HELD_COMMA, ","), index > 0


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
