#!/usr/bin/env python3
"""What the real books say about the maker of the laboratory: `calibrate.py SOURCE_FOLDER` (see README.md).

1. Depth: how far the one-second books are from their median profile, which is what the maker quotes.
2. The tail: what selling much more than 1% of depth costs in whole snapshots, and by the profile with its tail.
3. Resilience: how fast a deviation of depth from its median goes away.
"""
import csv
import gzip
import math
import pathlib
import statistics
import sys

BOOKS = (
    "btcusd_binance-coinm-perp",
    "ethusd_binance-coinm-perp",
    "btcusdt_binance-perp",
    "ethusdt_binance-perp",
    "btcusdt_binance-spot",
    "ethusdt_binance-spot",
)
BANDS = (5, 10, 25, 50, 100)
SECONDS = (1, 5, 10, 30, 60)
# A sale counts as large when it takes this part of what rests within 10 bps.
LARGE = 0.02


def read(path):
    with gzip.open(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def series(rows, side, band):
    values = [float(row[f"{side}_usd_{band}bps"]) for row in rows if row[f"{side}_usd_{band}bps"]]
    return values if len(values) > len(rows) // 2 else []


def depth(source):
    print("1. relative error of the median profile, second by second: median and 95th percentile of |depth / median - 1|, percent")
    print("book,side," + ",".join(f"{band} bps" for band in BANDS))
    for book in BOOKS:
        rows = read(source / "depth" / f"{book}_2024-08-08_depth_1s.csv.gz")
        for side in ("bid", "ask"):
            cells = []
            for band in BANDS:
                values = series(rows, side, band)
                if not values:
                    cells.append("n/a")
                    continue
                middle = statistics.median(values)
                errors = sorted(abs(value / middle - 1) * 100 for value in values)
                cells.append(f"{statistics.median(errors):.0f} / {errors[int(len(errors) * 0.95)]:.0f}")
            print(f"{book},{side}," + ",".join(cells))


def tail(source):
    print()
    print("2. average cost in bps of taking so many times the depth within 1% (bids; the 1% depth of the snapshot itself)")
    print("book,multiple,snapshot,profile with tail")
    book = "ethusd_binance-coinm-perp"
    rows = read(source / "depth" / f"{book}_2024-08-08_L2_snapshot.csv.gz")
    unit = 10.0  # contracts of 10 USD
    bids = sorted(((float(r["price"]), float(r["qty"]) * unit) for r in rows if r["side"] == "bid"), reverse=True)
    asks = [float(r["price"]) for r in rows if r["side"] == "ask"]
    mid = (bids[0][0] + min(asks)) / 2
    levels = [((mid - price) / mid * 1e4, usd) for price, usd in bids]
    within = sum(usd for distance, usd in levels if distance <= 100)
    reach = max(distance for distance, _ in levels)
    everything = sum(usd for _, usd in levels)
    bands = [(band, sum(usd for d, usd in levels if d <= band)) for band in (1, 2, 5, 10, 15, 20, 25, 50, 100)]
    profile, before = [], 0.0
    for band, total in bands:
        profile.append((band, total - before))
        before = total
    reached = 100
    for distance in (150, 200, 300, 500, 750, 1000):
        profile.append((distance, within / 100 * (distance - reached)))
        reached = distance
    for multiple in (0.25, 0.5, 1.0, 1.25, 1.5, 2.0):
        if within * multiple > everything:
            print(f"{book},{multiple},beyond the snapshot ({reach:.0f} bps)")
            continue
        print(f"{book},{multiple},{cost(levels, within * multiple):.0f},{cost(profile, within * multiple):.0f}")


def cost(levels, usd):
    left, paid = usd, 0.0
    for distance, size in levels:
        taken = min(left, size)
        paid += taken * distance
        left -= taken
    return paid / usd


def correlation(values, lag):
    logs = [math.log(max(value, 1.0)) for value in values]
    mean = statistics.mean(logs)
    whole = sum((value - mean) ** 2 for value in logs)
    return sum((a - mean) * (b - mean) for a, b in zip(logs, logs[lag:])) / whole


def resilience(source):
    print()
    print("3. autocorrelation of log depth after so many seconds, and the first second at which it is below a half")
    print("book,side,band," + ",".join(str(second) for second in SECONDS) + ",half life")
    halves = []
    for book in BOOKS:
        rows = read(source / "depth" / f"{book}_2024-08-08_depth_1s.csv.gz")
        for side in ("bid", "ask"):
            for band in (10, 20):
                values = series(rows, side, band)
                if not values:
                    continue
                half = next((lag for lag in range(1, 200) if correlation(values, lag) < 0.5), 200)
                halves.append(half)
                shown = ",".join(f"{correlation(values, second):.2f}" for second in SECONDS)
                print(f"{book},{side},{band},{shown},{half}")
    print(f"half lives: median {statistics.median(halves)} s, from {min(halves)} to {max(halves)} s")
    print()
    print(f"4. bids within 10 bps after a sale of more than {LARGE:.0%} of them, over their median before it (30 s)")
    print("book,sales,the second after,5 s,10 s,30 s")
    for book in BOOKS:
        rows = read(source / "depth" / f"{book}_2024-08-08_depth_1s.csv.gz")
        paths = []
        for place in range(30, len(rows) - 31):
            bids = [float(row["bid_usd_10bps"] or 0) for row in rows[place - 30 : place + 31]]
            usual = statistics.median(bids[:30])
            if usual and float(rows[place]["taker_sell_usd"]) > LARGE * usual:
                paths.append([bids[30 + after] / usual for after in (1, 5, 10, 30)])
        means = ",".join(f"{statistics.mean(column):.2f}" for column in zip(*paths)) if paths else "n/a"
        print(f"{book},{len(paths)},{means}")


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    depth(folder)
    tail(folder)
    resilience(folder)
