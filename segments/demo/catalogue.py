"""The attributes of the demo account and the words for their values; plain data."""

import uuid
from dataclasses import dataclass
from typing import Any

OWNER_ID = uuid.UUID("7d0ffe0e-3e0f-4f2b-9f5e-0d5c1e9a7b21")
OWNER_NAME = "Hanbit Mart (demo)"


@dataclass(frozen=True)
class Attribute:
    """An attribute with the labels of its values; a private one is for this owner's segments alone."""

    code: str
    name: str
    labels: dict[str, str]
    private: bool = False

    @property
    def fields(self) -> dict[str, Any]:
        """What POST /audiences/attributes takes."""
        visibility = "private" if self.private else "public"
        return {"code": self.code, "name": self.name, "owner_id": OWNER_ID, "visibility": visibility}


YES_NO = {"yes": "Yes", "no": "No"}

ATTRIBUTES = (
    Attribute("gender", "Gender", {"F": "Female", "M": "Male"}),
    Attribute(
        "age_band",
        "Age",
        {band: f"{band.replace('-', ' to ')} years" for band in ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")},
    ),
    Attribute(
        "region",
        "Region",
        {
            "capital": "Capital area",
            "central": "Central",
            "southeast": "South-east",
            "southwest": "South-west",
            "east": "East",
            "jeju": "Jeju",
        },
    ),
    Attribute(
        "city",
        "City",
        {
            "seoul": "Seoul",
            "incheon": "Incheon",
            "suwon": "Suwon",
            "daejeon": "Daejeon",
            "cheongju": "Cheongju",
            "busan": "Busan",
            "daegu": "Daegu",
            "ulsan": "Ulsan",
            "gwangju": "Gwangju",
            "jeonju": "Jeonju",
            "gangneung": "Gangneung",
            "jeju": "Jeju City",
        },
    ),
    Attribute("language", "Language", {"ko": "Korean", "en": "English", "zh": "Chinese", "vi": "Vietnamese"}),
    Attribute(
        "household",
        "Household",
        {"single": "Lives alone", "couple": "Couple", "family": "Family with children", "shared": "Shared flat"},
    ),
    Attribute("pet_owner", "Pets", {"dog": "Dog", "cat": "Cat", "other": "Another pet"}),
    Attribute(
        "loyalty_tier",
        "Loyalty tier",
        {"bronze": "Bronze", "silver": "Silver", "gold": "Gold", "platinum": "Platinum"},
    ),
    Attribute(
        "visits_30d",
        "Visits in 30 days",
        {"0": "None", "1-2": "1 or 2", "3-5": "3 to 5", "6-10": "6 to 10", "11+": "More than 10"},
    ),
    Attribute(
        "last_purchase",
        "Last purchase",
        {
            "week": "Within a week",
            "month": "Within a month",
            "quarter": "Within three months",
            "year": "Within a year",
            "older": "More than a year ago",
        },
    ),
    Attribute(
        "basket_size",
        "Usual basket",
        {"small": "Up to 20,000 won", "medium": "20,000 to 60,000 won", "large": "More than 60,000 won"},
    ),
    Attribute(
        "favourite_category",
        "Favourite categories",
        {
            "groceries": "Groceries",
            "fashion": "Fashion",
            "beauty": "Beauty",
            "electronics": "Electronics",
            "home": "Home and living",
            "toys": "Toys and baby",
            "sports": "Sports",
            "pets": "Pet supplies",
            "books": "Books",
        },
    ),
    Attribute("channel", "Buys through", {"store": "Store", "web": "Web shop", "app": "App"}),
    Attribute("device", "Device", {"android": "Android", "ios": "iPhone or iPad", "desktop": "Computer only"}),
    Attribute("app_user", "Uses the app", YES_NO),
    Attribute("newsletter", "Newsletter", YES_NO),
    Attribute(
        "payment",
        "Pays with",
        {"card": "Card", "mobile": "Mobile payment", "transfer": "Bank transfer", "cash": "Cash", "points": "Points"},
    ),
    Attribute(
        "delivery",
        "Delivery",
        {"dawn": "Before dawn", "day": "Same day", "standard": "Standard", "pickup": "Collects it"},
    ),
    Attribute("price_sensitivity", "Price sensitivity", {"low": "Low", "medium": "Medium", "high": "High"}),
    Attribute(
        "brand_affinity",
        "Brand affinity",
        {
            "haneul": "Haneul",
            "solbit": "Solbit",
            "norang": "Norang",
            "kkot": "Kkot & Co",
            "maru-home": "Maru Home",
            "dalbit": "Dalbit Beauty",
            "tori": "Tori Kids",
            "mung": "Mung Pets",
        },
        private=True,
    ),
)
