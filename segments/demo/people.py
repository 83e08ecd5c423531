"""The audiences of the demo account: drawn with a fixed seed, skewed and correlated as a retailer's are."""

import random
from collections.abc import Iterator, Mapping

Properties = dict[str, list[str]]
Weights = Mapping[str, float]

SEED = 2026
AGES = {"18-24": 12, "25-34": 27, "35-44": 25, "45-54": 18, "55-64": 11, "65+": 7}
YOUNG, OLD = ("18-24", "25-34"), ("55-64", "65+")
CITIES: Mapping[str, Weights] = {
    "capital": {"seoul": 62, "incheon": 21, "suwon": 17},
    "central": {"daejeon": 65, "cheongju": 35},
    "southeast": {"busan": 52, "daegu": 35, "ulsan": 13},
    "southwest": {"gwangju": 66, "jeonju": 34},
    "east": {"gangneung": 100},
    "jeju": {"jeju": 100},
}
REGIONS = {"capital": 51, "central": 11, "southeast": 24, "southwest": 9, "east": 3, "jeju": 2}
HOUSEHOLDS: Mapping[str, Weights] = {
    "young": {"single": 44, "couple": 20, "family": 14, "shared": 22},
    "middle": {"single": 22, "couple": 23, "family": 53, "shared": 2},
    "old": {"single": 29, "couple": 56, "family": 14, "shared": 1},
}
VISITS = {"0": 38, "1-2": 31, "3-5": 18, "6-10": 9, "11+": 4}
TIERS: Mapping[str, Weights] = {
    "0": {"bronze": 86, "silver": 11, "gold": 3},
    "1-2": {"bronze": 68, "silver": 26, "gold": 5, "platinum": 1},
    "3-5": {"bronze": 34, "silver": 45, "gold": 18, "platinum": 3},
    "6-10": {"bronze": 12, "silver": 36, "gold": 40, "platinum": 12},
    "11+": {"silver": 18, "gold": 46, "platinum": 36},
}
LAST_PURCHASES: Mapping[str, Weights] = {
    "0": {"quarter": 38, "year": 42, "older": 20},
    "1-2": {"week": 22, "month": 78},
    "3-5": {"week": 52, "month": 48},
    "6-10": {"week": 81, "month": 19},
    "11+": {"week": 96, "month": 4},
}
DEVICES: Mapping[str, Weights] = {
    "young": {"android": 52, "ios": 46, "desktop": 2},
    "middle": {"android": 67, "ios": 28, "desktop": 5},
    "old": {"android": 68, "ios": 10, "desktop": 22},
}
APP_USERS = {"young": 0.66, "middle": 0.48, "old": 0.21}
LIKED = {
    "groceries": 0.52, "fashion": 0.24, "beauty": 0.14, "electronics": 0.17, "home": 0.22, "toys": 0.05, "sports": 0.13,
    "pets": 0.01, "books": 0.10,
}  # fmt: skip
BRANDS = {
    "haneul": 0.16,
    "solbit": 0.10,
    "norang": 0.07,
    "kkot": 0.05,
    "maru-home": 0.04,
    "dalbit": 0.03,
    "tori": 0.02,
    "mung": 0.02,
}


def audiences(count: int) -> Iterator[tuple[str, Properties]]:
    """So many ids, each with its properties; the same ones every time."""
    draw = Draw(random.Random(SEED))  # noqa: S311 nothing secret is drawn
    for number in range(1, count + 1):
        yield f"acct-{number:06}", profile(draw)


class Draw:
    """Draws values by their weights or chances."""

    def __init__(self, source: random.Random) -> None:
        self.source = source

    def one(self, weights: Weights) -> list[str]:
        """One value, as often as its weight says."""
        return self.source.choices(list(weights), list(weights.values()))

    def some(self, chances: Weights) -> list[str]:
        """Each value by its own chance: none, one or several."""
        return [value for value, chance in chances.items() if self.happens(chance)]

    def happens(self, chance: float) -> bool:
        return self.source.random() < chance


def profile(draw: Draw) -> Properties:
    """One audience: what is not known of it is left out, and what was drawn first sways what comes after."""
    known: Properties = {}
    for part in (person, home, visits, contact, tastes):
        known |= part(draw, known)
    return {code: sorted(values) for code, values in known.items() if values}


def person(draw: Draw, known: Properties) -> Properties:
    region = draw.one(REGIONS)
    return {
        "gender": draw.one({"F": 57, "M": 43}) if draw.happens(0.94) else [],
        "age_band": draw.one(AGES),
        "region": region,
        "city": draw.one(CITIES[region[0]]) if draw.happens(0.88) else [],
        "language": draw.one({"ko": 945, "en": 27, "zh": 18, "vi": 10}),
    }


def home(draw: Draw, known: Properties) -> Properties:
    household = draw.one(HOUSEHOLDS[generation(known)])
    pets = {"dog": 0.19, "cat": 0.09, "other": 0.03}
    if household == ["single"]:
        pets = {"dog": 0.07, "cat": 0.15, "other": 0.02}
    return {"household": household if draw.happens(0.81) else [], "pet_owner": draw.some(pets)}


def visits(draw: Draw, known: Properties) -> Properties:
    """How often they come, and what follows from that."""
    often = draw.one(VISITS)
    family = "family" in known["household"]
    return {
        "visits_30d": often,
        "loyalty_tier": draw.one(TIERS[often[0]]),
        "last_purchase": draw.one(LAST_PURCHASES[often[0]]),
        "basket_size": draw.one(
            {"small": 18, "medium": 46, "large": 36} if family else {"small": 47, "medium": 41, "large": 12}
        ),
        "price_sensitivity": draw.one({"low": 21, "medium": 48, "high": 31}) if draw.happens(0.63) else [],
    }


def contact(draw: Draw, known: Properties) -> Properties:
    """By which ways they buy and can be reached."""
    who = generation(known)
    device = draw.one(DEVICES[who])
    app = device != ["desktop"] and draw.happens(APP_USERS[who])
    channel = draw.some({"store": 0.71, "web": 0.33, "app": 0.85 if app else 0}) or ["store"]
    mobile = (
        {"card": 0.72, "mobile": 0.55, "points": 0.2}
        if who == "young"
        else {"card": 0.86, "mobile": 0.2, "points": 0.3}
    )
    remote = channel != ["store"]
    return {
        "device": device,
        "app_user": ["yes" if app else "no"],
        "channel": channel,
        "newsletter": ["yes" if draw.happens(0.34) else "no"],
        "payment": draw.some({**mobile, "cash": 0.12 if who == "old" else 0.03, "transfer": 0.06}) or ["card"],
        "delivery": draw.some({"dawn": 0.3, "day": 0.35, "standard": 0.5, "pickup": 0.2}) if remote else [],
    }


def tastes(draw: Draw, known: Properties) -> Properties:
    chances = dict(LIKED)
    if known["gender"] == ["F"]:
        chances |= {"fashion": 0.38, "beauty": 0.41, "electronics": 0.09}
    if known["gender"] == ["M"]:
        chances |= {"electronics": 0.36, "sports": 0.25, "beauty": 0.04}
    if known["household"] == ["family"]:
        chances |= {"groceries": 0.74, "toys": 0.42}
    if known["pet_owner"]:
        chances["pets"] = 0.63
    return {"favourite_category": draw.some(chances), "brand_affinity": draw.some(BRANDS)}


def generation(known: Properties) -> str:
    """The age in three parts, which is what most habits depend on."""
    return "young" if known["age_band"][0] in YOUNG else "old" if known["age_band"][0] in OLD else "middle"
