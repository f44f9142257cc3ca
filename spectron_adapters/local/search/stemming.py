"""English word stems: irregular forms and household doubles by table, the rest by Porter2.

Pure; imports nothing of the project.
"""

from __future__ import annotations

import re
from typing import Final

_SHORTEST: Final = 3
_VOWELS: Final = frozenset("aeiouy")
_DOUBLES: Final = frozenset({"bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt"})
_LI_ENDINGS: Final = frozenset("cdeghkmnrt")
_REGION_PREFIX: Final = re.compile("arsen|commun|emerg|gener|inter|later|organ|past|univers")
_CONSONANT_Y: Final = re.compile("[^aeiouy][yY]")
_REGION: Final = re.compile("[aeiouy][^aeiouy]")
_SHORT_END: Final = re.compile("(?:[^aeiouy][aeiouy][^aeiouywxY]|^[aeiouy][^aeiouy]|past)$")

# Words that the rules would conflate or cut wrongly, as published with the algorithm.
_EXCEPTIONS: Final = {
    "skis": "ski", "skies": "sky", "idly": "idl", "gently": "gentl", "ugly": "ugli",
    "early": "earli", "only": "onli", "singly": "singl", "sky": "sky", "news": "news",
    "howe": "howe", "atlas": "atlas", "cosmos": "cosmos", "bias": "bias", "andes": "andes",
}  # fmt: skip
_KEEP_EED: Final = frozenset({"succ", "proc", "exc"})
_KEEP_ING: Final = frozenset({"even", "cann", "inn", "earr", "herr", "out"})

_STEP_2: Final = {
    "ization": "ize", "ational": "ate", "fulness": "ful", "ousness": "ous", "iveness": "ive",
    "tional": "tion", "biliti": "ble", "lessli": "less", "entli": "ent", "ation": "ate",
    "alism": "al", "aliti": "al", "ousli": "ous", "iviti": "ive", "fulli": "ful",
    "ogist": "og", "enci": "ence", "anci": "ance", "abli": "able", "izer": "ize",
    "ator": "ate", "alli": "al", "bli": "ble", "ogi": "og", "li": "",
}  # fmt: skip
_STEP_3: Final = {
    "ational": "ate", "tional": "tion", "alize": "al", "icate": "ic", "iciti": "ic",
    "ative": "", "ical": "ic", "ness": "", "ful": "",
}  # fmt: skip
_STEP_4: Final = (
    "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti",
    "ous", "ive", "ize", "ion", "al", "er", "ic",
)  # fmt: skip

# Irregular forms, and words that mean the same in every household, to their base before the
# rules: groups of "base: forms". Forms that are verbs as well ("lives", "leaves") stay verbs.
_IRREGULAR_GROUPS: Final = """
arise: arose arisen; awake: awoke awoken; bear: bore borne; beat: beaten; become: became;
begin: began begun; bend: bent; bind: bound; bite: bit bitten; bleed: bled; blow: blew blown;
break: broke broken; breed: bred; bring: brought; build: built; burn: burnt; buy: bought;
catch: caught; choose: chose chosen; come: came; creep: crept; deal: dealt; dig: dug; do: did done;
draw: drew drawn; dream: dreamt; drink: drank drunk; drive: drove driven; eat: ate eaten;
fall: fell fallen; feed: fed; feel: felt; fight: fought; find: found; flee: fled; fly: flew flown;
forbid: forbade forbidden; forget: forgot forgotten; forgive: forgave forgiven;
freeze: froze frozen; get: got gotten; give: gave given; go: went gone; grow: grew grown;
hang: hung; have: had; hear: heard; hide: hid hidden; hold: held; keep: kept; kneel: knelt;
know: knew known; lay: laid; lead: led; learn: learnt; leave: left; lend: lent; light: lit;
lose: lost; make: made; mean: meant; meet: met; overcome: overcame; pay: paid; prove: proven;
ride: rode ridden; ring: rang rung; rise: rose risen; run: ran; say: said; see: saw seen;
seek: sought; sell: sold; send: sent; sew: sewn; shake: shook shaken; shine: shone; shoot: shot;
show: shown; shrink: shrank shrunk; sing: sang sung; sink: sank sunk; sit: sat; sleep: slept;
slide: slid; speak: spoke spoken; speed: sped; spend: spent; spin: spun; spring: sprang sprung;
stand: stood; steal: stole stolen; stick: stuck; sting: stung; strike: struck; strive: strove;
swear: swore sworn; sweep: swept; swim: swam swum; swing: swung; take: took taken; teach: taught;
tear: tore torn; tell: told; think: thought; throw: threw thrown; understand: understood;
undertake: undertook undertaken; wake: woke woken; wear: wore worn; weave: wove woven;
weep: wept; win: won; wind: wound; withdraw: withdrew withdrawn; write: wrote written;
child: children; foot: feet; goose: geese; knife: knives;
loaf: loaves; man: men; mouse: mice; person: people; shelf: shelves; thief: thieves;
tooth: teeth; wife: wives; wolf: wolves; woman: women; half: halves; calf: calves; ox: oxen;
analysis: analyses; crisis: crises; thesis: theses; criterion: criteria; datum: data;
phenomenon: phenomena; good: better best; bad: worse worst; far: further farther;
mother: mom moms mommy mum mums mummy; father: dad dads daddy; child: kid kids;
grandmother: grandma grandmas granny; grandfather: grandpa grandpas;
picture: photo photos photograph photographs pic pics; film: movie movies; bicycle: bike bikes;
television: tv; birthday: bday
"""


def _irregular_forms() -> dict[str, str]:
    groups = (group.split(":") for group in _IRREGULAR_GROUPS.split(";"))
    return {form: base.strip() for base, forms in groups for form in forms.split()}


_IRREGULAR: Final = _irregular_forms()


def stem(word: str) -> str:
    """Return the common stem of a lower-case English word's forms, irregular ones included."""
    return porter2(_IRREGULAR.get(word, word))


def porter2(word: str) -> str:
    """Return the stem of a lower-case word without apostrophes.

    Source: M. F. Porter, "The English (Porter2) stemming algorithm", Snowball, 2001.
    """
    if len(word) < _SHORTEST:
        return word
    if word in _EXCEPTIONS:
        return _EXCEPTIONS[word]
    word = _mark_consonant_y(word)
    r1, r2 = _regions(word)
    word = _step_1c(_step_1b(_step_1a(word), r1))
    word = _step_3(_step_2(word, r1), r1, r2)
    return _step_5(_step_4(word, r2), r1, r2).replace("Y", "y")


def _mark_consonant_y(word: str) -> str:
    if "y" not in word:
        return word
    letters = list(word)
    for i, letter in enumerate(letters):
        if letter == "y" and (i == 0 or letters[i - 1] in _VOWELS):
            letters[i] = "Y"
    return "".join(letters)


def _regions(word: str) -> tuple[int, int]:
    prefix = _REGION_PREFIX.match(word)
    found = prefix or _REGION.search(word)
    r1 = found.end() if found else len(word)
    found = _REGION.search(word, r1)
    return r1, found.end() if found else len(word)


def _has_vowel(text: str) -> bool:
    return any(letter in _VOWELS for letter in text)


def _step_1a(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith(("ied", "ies")):
        return word[:-2] if word[1:-3] else word[:-1]
    if word.endswith(("us", "ss")) or not word.endswith("s"):
        return word
    return word[:-1] if _has_vowel(word[:-2]) else word


def _step_1b(word: str, r1: int) -> str:
    for suffix in ("eedly", "eed"):
        if word.endswith(suffix):
            cut = len(word) - len(suffix)
            return word[: cut + 2] if cut >= r1 and word[:cut] not in _KEEP_EED else word
    for suffix in ("ingly", "edly", "ing", "ed"):
        if word.endswith(suffix):
            base = word[: -len(suffix)]
            if suffix == "ing":
                if base in _KEEP_ING:
                    return word
                if _CONSONANT_Y.fullmatch(base):
                    return base[0] + "ie"
            return _repair(base, r1) if _has_vowel(base) else word
    return word


def _repair(base: str, r1: int) -> str:
    if base.endswith(("at", "bl", "iz")):
        return base + "e"
    if base[-2:] in _DOUBLES:
        return base if base[:-2] in ("a", "e", "o") else base[:-1]
    if r1 == len(base) and _SHORT_END.search(base):
        return base + "e"
    return base


def _step_1c(word: str) -> str:
    if word[:-2] and word[-1] in "yY" and word[-2] not in _VOWELS:
        return word[:-1] + "i"
    return word


def _step_2(word: str, r1: int) -> str:
    for suffix, replacement in _STEP_2.items():
        if not word.endswith(suffix):
            continue
        base = word[: -len(suffix)]
        if len(base) < r1:
            return word
        if suffix == "ogi" and not base.endswith("l"):
            return word
        if suffix == "li" and base[-1:] not in _LI_ENDINGS:
            return word
        return base + replacement
    return word


def _step_3(word: str, r1: int, r2: int) -> str:
    for suffix, replacement in _STEP_3.items():
        if word.endswith(suffix):
            base = word[: -len(suffix)]
            region = r2 if suffix == "ative" else r1
            return base + replacement if len(base) >= region else word
    return word


def _step_4(word: str, r2: int) -> str:
    for suffix in _STEP_4:
        if word.endswith(suffix):
            base = word[: -len(suffix)]
            if len(base) < r2 or (suffix == "ion" and base[-1:] not in ("s", "t")):
                return word
            return base
    return word


def _step_5(word: str, r1: int, r2: int) -> str:
    base = word[:-1]
    if word.endswith("e"):
        if len(base) >= r2 or (len(base) >= r1 and not _SHORT_END.search(base)):
            return base
    elif word.endswith("ll") and len(base) >= r2:
        return base
    return word
