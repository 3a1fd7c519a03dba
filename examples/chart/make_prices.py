"""Writes prices.csv: made-up daily closing prices of two stocks, this year to date.

The figures are a seeded random walk, not market data: the example must give the same chart on every machine, without
a network. Run it again only to change the sample: `python examples/chart/make_prices.py`.
"""

import csv
import random
from datetime import date, timedelta
from pathlib import Path

FIRST, LAST = date(2026, 1, 2), date(2026, 11, 20)
START = {"NVDA": 180.0, "TSLA": 430.0}
DRIFT_AND_SPREAD = {"NVDA": (0.0012, 0.021), "TSLA": (0.0004, 0.027)}


def rows(seed: int = 2026) -> list[dict[str, str]]:
    """One row a weekday: date (ISO) and the two prices in dollars, with two decimals."""
    chance, prices, day = random.Random(seed), dict(START), FIRST
    made: list[dict[str, str]] = []
    while day <= LAST:
        if day.weekday() < 5:
            made.append({"date": day.isoformat(), **{name: f"{price:.2f}" for name, price in prices.items()}})
            for name, (drift, spread) in DRIFT_AND_SPREAD.items():
                prices[name] *= 1 + chance.gauss(drift, spread)
        day += timedelta(days=1)
    return made


def main() -> None:
    path = Path(__file__).with_name("prices.csv")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["date", *START], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows())
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
