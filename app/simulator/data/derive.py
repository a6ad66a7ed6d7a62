#!/usr/bin/env python3
"""Makes the bundled files of this folder from the collected real data: `derive.py SOURCE_FOLDER` (see README.md).

Prices: the six columns ts_ms,open,high,low,close,volume of a window, every field as it stands in the source.
Sizes: the debts of a lending market's borrowers, in whole dollars, sorted.
Depth: cumulative resting US dollars by distance from the mid price; the median over all snapshots of the source.
"""
import csv
import gzip
import io
import pathlib
import statistics
import sys

HERE = pathlib.Path(__file__).parent
COLUMNS = ["ts_ms", "open", "high", "low", "close", "volume"]

# name of the bundled file: (source file, first ts_ms, candles)
PRICES = {
    "sol-2021-05": ("sol_usdt_binance-spot_1m_2021-05", 1621423800000, 1600),
    "btc-2020-03": ("btc_xbtusd_bitmex-perp_1m_2020-03", 1584050400000, 1740),
    "eth-2025-02": ("eth_usdt_binance-spot_1m_2025-02", 1738542600000, 1600),
    "eth-2021-05": ("eth_usdt_binance-spot_1m_2021-05", 1621423800000, 1600),
    "btc-2021-05": ("btc_usdt_binance-spot_1m_2021-05", 1621423800000, 1600),
    "eth-2024-08": ("eth_usdt_binance-spot_1m_2024-08", 1722814200000, 1600),
    "sol-2022-11": ("sol_usdt_binance-spot_3m_2022-11", 1667920500000, 600),
    "sol-2023-08-calm": ("sol_usdt_binance-perp_1m_2023-08_CALM", 1691366400000, 1600),
    "btc-2021-09": ("btc_usdt_binance-spot_1m_2021-09", 1632465000000, 1815),
    "eth-2021-09": ("eth_usdt_binance-spot_1m_2021-09", 1632465000000, 1815),
    "sol-2021-09": ("sol_usdt_binance-spot_1m_2021-09", 1632243600000, 1815),
    "eth-2022-05": ("eth_usdt_binance-spot_5m_2022-05", 1652311800000, 375),
    "sol-2022-05": ("sol_usdt_binance-spot_5m_2022-05", 1652254200000, 375),
    "btc-2022-06": ("btc_usdt_binance-perp_5m_2022-06", 1655150400000, 375),
    "eth-2022-06": ("eth_usdt_binance-perp_5m_2022-06", 1655089200000, 375),
    "sol-2022-06": ("sol_usdt_binance-spot_5m_2022-06", 1655067600000, 375),
    "btc-2022-11": ("btc_usdt_binance-perp_5m_2022-11", 1667916000000, 375),
    "eth-2022-11": ("eth_usdt_binance-perp_5m_2022-11", 1667916000000, 375),
    "btc-2023-08": ("btc_usdt_binance-spot_5m_2023-08", 1692288000000, 375),
    "eth-2023-08": ("eth_usdt_binance-spot_5m_2023-08", 1692288000000, 375),
    "sol-2023-08": ("sol_usdt_binance-spot_5m_2023-08", 1692288000000, 375),
    "btc-2024-04": ("btc_usdt_binance-spot_5m_2024-04", 1713016800000, 375),
    "eth-2024-04": ("eth_usdt_binance-spot_5m_2024-04", 1713016800000, 375),
    "sol-2024-04": ("sol_usdt_binance-spot_5m_2024-04", 1713016800000, 375),
    "btc-2024-08": ("btc_usdt_binance-spot_1m_2024-08", 1722803400000, 1815),
    "sol-2024-08": ("sol_usdt_binance-perp_5m_2024-08", 1722817800000, 375),
    "btc-2025-02": ("btc_usdt_binance-spot_1m_2025-02", 1738531800000, 1815),
    "sol-2025-02": ("sol_usdt_binance-perp_5m_2025-02", 1738526400000, 375),
    "btc-2023-08-calm": ("btc_usdt_binance-perp_1m_2023-08_CALM", 1691366400000, 1815),
    "eth-2023-08-calm": ("eth_usdt_binance-perp_1m_2023-08_CALM", 1691366400000, 1815),
}

# Below it a debt is dust.
LEAST_DEBT_USD = 100

BANDS = [1, 2, 5, 10, 15, 20, 25, 50, 100]
SERUM_BANDS = [5, 15, 25, 35, 50, 75, 100, 150, 200]


def read(path):
    with gzip.open(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def write_prices(source):
    for name, (file, first, count) in PRICES.items():
        rows = read(source / "prices" / f"{file}.csv.gz")
        start = next(i for i, row in enumerate(rows) if int(row["ts_ms"]) == first)
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([row[column] for column in COLUMNS] for row in rows[start : start + count])
        # No name and no time in the header of the gzip file: the same input gives the same bytes.
        with open(HERE / f"{name}.csv.gz", "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
            packed.write(out.getvalue().encode())


def median_bands(source, file, side):
    rows = read(source / "depth" / file)
    for band in BANDS:
        values = [float(row[f"{side}_usd_{band}bps"]) for row in rows if row[f"{side}_usd_{band}bps"]]
        yield band, round(statistics.median(values))


def serum_bands(source, file, side):
    rows = [(row["side"], float(row["price"]), float(row["qty"])) for row in read(source / "depth" / file)]
    best_bid = max(price for kind, price, _ in rows if kind == "bid")
    best_ask = min(price for kind, price, _ in rows if kind == "ask")
    mid = (best_bid + best_ask) / 2
    for band in SERUM_BANDS:
        yield band, round(sum(p * q for kind, p, q in rows if kind == side and abs(p / mid - 1) <= band / 1e4))


def write_depth(source):
    with open(HERE / "depth.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["profile", "side", "distance_bps", "cumulative_usd"])
        for side in ("bid", "ask"):
            for band, usd in serum_bands(source, "solusdc_serum-onchain_2021-03_orders.csv.gz", side):
                writer.writerow(["sol", side, band, usd])
        for profile, file_name in (
            ("btc", "btcusd_binance-coinm-perp_2024-08-08_depth_1s.csv.gz"),
            ("eth", "ethusd_binance-coinm-perp_2024-08-08_depth_1s.csv.gz"),
        ):
            for side in ("bid", "ask"):
                for band, usd in median_bands(source, file_name, side):
                    writer.writerow([profile, side, band, usd])


def write_sizes(source):
    rows = read(source / "positions" / "aave-v3_steth_borrowers_2023-06.csv.gz")
    debts = sorted(int(float(row["debt_usd"])) for row in rows)
    with open(HERE / "sizes.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["debt_usd"])
        writer.writerows([debt] for debt in debts if debt >= LEAST_DEBT_USD)


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    write_prices(folder)
    write_depth(folder)
    write_sizes(folder)
