"""What a search costs: the time to make the index, its size, and the time and memory of searches.

    python -m tests.programs.searching [ENTRIES]          (a million by default: some minutes)

It works on a file of SQLite alone, without Redis. Times are processor time.
"""

import random
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from services.catalog.search.query import parse
from services.catalog.search.reading import Reader
from services.catalog.search.row import row_of
from services.catalog.search.writing import Builder, Writer

ENTRIES, BATCH, TIMES = 1_000_000, 500, 20
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
SYLLABLES = ("ka", "lo", "mi", "ter", "ran", "su", "vel", "dor", "pin", "has", "qu", "ber", "not", "zan", "ri", "mol")
SEARCHES = (
    "",
    "facets=tag,type,folder",
    "q=summer",
    "q=summer&sort=name",
    "q=karan",
    "q=terlo+rismol",
    "q=s",
    "q=photo-99999",
    "q=summer+karan&type=image/png",
    "tag=tag7&facets=tag,type,folder",
    "tag=rare3&facets=tag,type,folder",
    "folder=/DEV/folder17&sort=-size",
    "namespace=DEV&missing=alt&min_width=3999",
    "color=pink&orientation=portrait",
    "external_id=shop-777",
    "expires_after=2026-03-01&expires_before=2026-04-12&sort=expiration_date&limit=500",
    "expires_after=2026-03-05&expires_before=2026-03-06&sort=expiration_date&limit=12",
    "visible_after=2026-03-01&visible_before=2026-04-12&sort=visible_from&limit=500&folder=/DEV/folder17&recursive=true",
    "expired=true&expires_before=2026-03-01&sort=-expiration_date&limit=50",
)


def words(chance: random.Random, count: int) -> str:
    return " ".join("".join(chance.choices(SYLLABLES, k=chance.randint(2, 4))) for _ in range(count))


def an_entry(number: int) -> bytes:
    """Return an entry as it is stored, with some 150 characters of texts."""
    chance = random.Random(number)
    date = (BEGIN + timedelta(seconds=30 * number)).isoformat()
    folder = f"folder{chance.randint(0, 999)}"
    return orjson.dumps(
        {
            "unique_name": f"/DEV/{folder}/photo-{number}.webp",
            "original_filename": f"photo-{number}.jpg",
            "original_mimetype": chance.choice(("image/jpeg", "image/jpeg", "image/png")),
            "width": chance.randint(100, 4000),
            "height": chance.randint(100, 4000),
            "dominant_color": f"#{chance.randint(0, 0xFFFFFF):06x}",
            "expired": False,
            "expiration_date": some_day(chance) if number % 4 == 0 else None,
            "visible_from": some_day(chance) if number % 5 == 0 else None,
            "uploaded_date": date,
            "updated_date": date,
            "size": chance.randint(1000, 5_000_000),
            "external_id": f"shop-{number}",
            "signature": f"{chance.getrandbits(256):064x}",
            "title": words(chance, 4),
            "caption": words(chance, 8) + (" summer" if number % 8 == 0 else ""),
            "information": None,
            "tags": [f"tag{chance.randint(0, 19)}", *([f"rare{number % 7}"] if number % 1000 == 0 else [])],
        }
    )


def some_day(chance: random.Random) -> str:
    """Return a moment of 2026."""
    return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randint(0, 31_000_000))).isoformat()


def memory_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    with tempfile.TemporaryDirectory(dir=".") as folder:
        path, most = Path(folder) / "0.sqlite", 64 * 1024**3
        builder, spent = Builder(path, most), 0.0
        for start in range(0, count, BATCH):
            raws = [an_entry(number) for number in range(start, min(start + BATCH, count))]
            before = time.process_time()
            builder.add([row_of(raw) for raw in raws])
            spent += time.process_time() - before
        before = time.process_time()
        builder.finish(1)
        finished = time.process_time() - before
        print(f"made in {spent + finished:.1f} s, of which its end {finished:.1f} s; memory {memory_mb()} MB")
        print(f"{path.stat().st_size / count:.0f} bytes for each entry")
        before = time.perf_counter()
        writer, reader = Writer(path, most), Reader(path, most)
        print(f"opened in {(time.perf_counter() - before) * 1000:.1f} ms")
        for text in SEARCHES:
            query = parse(
                (name, value.replace("+", " "))
                for name, _, value in (part.partition("=") for part in text.split("&") if part)
            )
            times = []
            for _ in range(TIMES):
                before = time.process_time()
                found = reader.find(query)
                times.append((time.process_time() - before) * 1000)
            times.sort()
            exact = "" if found.total_exact else " (not exact)"
            about = f"{found.total}{exact}, {len(found.names)} on the page"
            print(f"{text:45} {times[TIMES // 2]:7.1f} ms, slowest {times[-1]:7.1f} ms: {about}")
        for together in (1, 10, 100):
            raws = [an_entry(count + together * 1000 + number) for number in range(1000)]
            before = time.process_time()
            for start in range(0, len(raws), together):
                rows = [row_of(raw) for raw in raws[start : start + together]]
                writer.apply([(row.unique_name, row) for row in rows], start)
            print(f"a change, {together} together: {time.process_time() - before:.2f} ms")
        print(f"memory {memory_mb()} MB")
        reader.close()
        writer.close()


if __name__ == "__main__":
    main()
