"""Opens a table that dbcache wrote with other programs, and compares what they read with what was stored.

The argument is a folder with `public_readable.parquet`, as `golden FOLDER readable` writes it.
"""

import datetime as dt
import decimal
import math
import pathlib
import sys

import duckdb
import fastparquet
import numpy
import pandas
import polars
import pyarrow.parquet

EPOCH = dt.datetime(1970, 1, 1)


def wide(number):
    """An integer of 128 bits as others see it: 16 bytes, the low ones first."""
    return (number % 2**128).to_bytes(16, "little")


# Times are in nanoseconds, durations in milliseconds, dates in days.
EXPECTED = {
    "id": [0, 7, 2**64 - 1],
    "flag": [True, None, False],
    "tiny": [-128, None, 127],
    "short": [0, None, 65535],
    "long": [-(2**63), None, 2**63 - 1],
    "wide": [2**64 - 1, None, 1],
    "single": [float(numpy.float32(0.1)), None, -math.inf],
    "double": [0.1, None, sys.float_info.max],
    "text": ["Grüße", None, ""],
    "bytes": [b"\0\xff", None, b""],
    "nothing": [None, None, None],
    "list": [[1, 2], None, []],
    "date": [86399, None, 1],
    "time": [86399, None, 1],
    "datetime": [86399000, None, 1000],
    "duration": [86399, None, 1],
    "decimal": [decimal.Decimal(86399), None, decimal.Decimal(1)],
    "category": ["red", None, "green"],
    "nested": [{"long": -(2**63), "text": "Grüße"}, {"long": None, "text": None}, {"long": 2**63 - 1, "text": ""}],
    "moment": [1717243200123456000, None, -1000],
    "moment_fine": [1717243200123456789, None, -1],
    "of_day": [86399999999000, None, 0],
    "of_day_fine": [86399999999999, None, 1],
    "i128": [wide(-(2**127)), None, wide(7)],
    "u128": [wide(2**128 - 1), None, wide(7)],
    "both_128": [
        {"i128": wide(-(2**127)), "u128": wide(2**128 - 1)},
        {"i128": None, "u128": None},
        {"i128": wide(7), "u128": wide(7)},
    ],
}
# Python's own times have microseconds, so that nothing tells whether these were read right.
INEXACT = {"of_day_fine", "time", "moment_fine"}
EXACT = [column for column in EXPECTED if column not in INEXACT]
# Integers beside NULLs are doubles in pandas, and fastparquet cuts zeros off the end of fixed bytes.
ROUNDED = {"long", "wide", "nested"}
FASTPARQUET = {"flag", "tiny", "short", "text", "bytes", "decimal", "date", "datetime", "moment"}
COLUMNS = {"pandas": EXPECTED.keys() - ROUNDED, "fastparquet": FASTPARQUET}


def plain(value, column):
    """A value in the form of EXPECTED."""
    if value is None or value is pandas.NaT or value is pandas.NA:
        return None
    if isinstance(value, dict):
        return {key: plain(inner, column) for key, inner in value.items()}
    if isinstance(value, (list, tuple, numpy.ndarray)):
        return [plain(inner, column) for inner in value]
    if isinstance(value, numpy.datetime64):
        value = pandas.Timestamp(value)
    if isinstance(value, pandas.Timestamp):
        return value.value // 86_400_000_000_000 if column == "date" else value.value
    if isinstance(value, dt.datetime):
        return (value - EPOCH) // dt.timedelta(microseconds=1) * 1000
    if isinstance(value, dt.date):
        return (value - EPOCH.date()).days
    if isinstance(value, dt.time):
        return ((value.hour * 60 + value.minute) * 60 + value.second) * 10**9 + value.microsecond * 1000
    if isinstance(value, (pandas.Timedelta, dt.timedelta)):
        return value // dt.timedelta(milliseconds=1)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, numpy.generic):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


def duck(path):
    rows = duckdb.sql(f"select * from '{path}'")
    return dict(zip(rows.columns, zip(*rows.fetchall())))


READERS = {
    "pyarrow": lambda path: pyarrow.parquet.read_table(path, columns=EXACT).to_pydict(),
    "pandas": lambda path: pandas.read_parquet(path, columns=EXACT).astype(object).to_dict("list"),
    "polars": lambda path: polars.read_parquet(path).to_dict(as_series=False),
    "duckdb": duck,
    "fastparquet": lambda path: fastparquet.ParquetFile(path).to_pandas(columns=sorted(FASTPARQUET)).to_dict("list"),
}


def faults(reader, columns):
    for column in EXACT:
        if column not in COLUMNS.get(reader, EXPECTED):
            continue
        expected = EXPECTED[column]
        found = [plain(value, column) for value in columns[column]]
        if found != expected:
            yield f"{reader}: {column} is {found} instead of {expected}"


def views(path):
    """Types that older programs do not know."""
    for field in pyarrow.parquet.read_schema(path):
        if "view" in str(field.type):
            yield f"{field.name} is said to be {field.type}"


def main():
    path = str(pathlib.Path(sys.argv[1]) / "public_readable.parquet")
    found = [fault for reader, read in READERS.items() for fault in faults(reader, read(path))]
    found += views(path)
    print("\n".join(found) or f"{len(READERS)} programs read all columns of {path}")
    sys.exit(bool(found))


main()
