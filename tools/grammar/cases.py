"""What the test vectors of client libraries are made from: forms as data, spellings of addresses, what is signed."""

from dataclasses import dataclass, field
from typing import Any

BASES = (
    "https://media.example.com/assets/media",
    "https://www.example.com/media/api/assets/media",
    "https://media.example.com:8443/pictures",
    "/assets/media",
)
"""`base_url` of an entry: with and without `API_PREFIX`, another `ROUTE_FILE_GET`, and without a domain."""
BASE = BASES[0]
CAT = "/DEV/shop/cat.webp"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A form as data, by the names of the arguments."""

    case: str
    options: dict[str, Any] = field(default_factory=dict)
    name: str = CAT
    base: str = BASE


@dataclass(frozen=True, slots=True)
class Spelled:
    """An address below a base, in any spelling."""

    case: str
    path: str
    base: str = BASE


@dataclass(frozen=True, slots=True)
class Signed:
    case: str
    path: str
    expires: int | None = None
    key: str = "a key of at least 32 characters, kept secret"
    base: str = BASE


_SIZES: tuple[Wanted, ...] = (
    Wanted("nothing: the whole picture"),
    Wanted("a width", {"width": 400}),
    Wanted("a height", {"height": 300}),
    Wanted("both sides", {"width": 400, "height": 300}),
    Wanted("sides of 0 are free", {"width": 0, "height": 0}),
    Wanted("one side is free", {"width": 400, "height": 0}),
    Wanted("a width that is no integer", {"width": 400.5}),
    Wanted("a width below 0", {"width": -1}),
    Wanted("a height that is no integer", {"height": 0.5}),
    Wanted("a height below 0", {"height": -300}),
)
_ARGUMENTS: tuple[Wanted, ...] = (
    *(Wanted("a quality", {"width": 400, "quality": quality}) for quality in (1, 80, 100)),
    Wanted("a quality without a size", {"quality": 80}),
    Wanted("a quality of 0 is none", {"width": 400, "quality": 0}),
    *(Wanted("a quality out of bounds", {"quality": quality}) for quality in (-5, 101, 80.5)),
    *(Wanted("a format", {"width": 400, "format": name}) for name in ("avif", "jpeg", "png")),
    Wanted("another word for a format", {"width": 400, "format": "jpg"}),
    Wanted("WebP is the usual format of a size", {"width": 400, "format": "webp"}),
    Wanted("WebP without a size", {"format": "webp"}),
    Wanted("a format without a size", {"format": "avif"}),
    *(Wanted("an unknown format", {"format": name}) for name in ("gif", "WEBP", "plain")),
    *(Wanted("a fit", {"width": 400, "height": 300, "fit": name}) for name in ("contain", "fill")),
    Wanted("cover is the usual fit", {"width": 400, "height": 300, "fit": "cover"}),
    Wanted("a fit without both sides has no effect", {"width": 400, "fit": "contain"}),
    *(Wanted("an unknown fit", {"width": 400, "height": 300, "fit": name}) for name in ("inside", "Fill")),
    Wanted("the cut that people look at", {"width": 400, "height": 300, "crop": "smart"}),
    *(
        Wanted("a cut around a point", {"width": 400, "height": 300, "crop": point})
        for point in ([0.25, 0.5], [0, 0], [1, 1], [0.05, 0.1])
    ),
    Wanted("a point is rounded to hundredths", {"width": 400, "height": 300, "crop": [0.3333, 0.126]}),
    Wanted("a half is rounded up", {"width": 400, "height": 300, "crop": [0.125, 0.999]}),
    Wanted("a cut without both sides has no effect", {"width": 400, "crop": "smart"}),
    Wanted("a cut of what is not cut has no effect", {"width": 400, "height": 300, "fit": "contain", "crop": "smart"}),
    *(Wanted("a point outside", {"width": 400, "height": 300, "crop": p}) for p in ([1.01, 0], [0, -0.2])),
    Wanted("an unknown cut", {"width": 400, "height": 300, "crop": "top"}),
    *(Wanted("a density", {"width": 400, "dpr": density}) for density in (1.5, 2, 3, 4)),
    Wanted("a density of 1 is the usual one", {"width": 400, "dpr": 1}),
    Wanted("a density without a size has no effect", {"dpr": 2}),
    *(Wanted("an unknown density", {"width": 400, "dpr": density}) for density in (0, 1.25, 5, -2)),
    Wanted("a budget", {"width": 1200, "height": 630, "max_kb": 300}),
    Wanted("a budget without a size", {"max_kb": 300}),
    Wanted("a budget of 0 is none", {"width": 400, "max_kb": 0}),
    *(Wanted("a budget out of bounds", {"max_kb": budget}) for budget in (-1, 1.5, 100_001)),
    *(Wanted("a blur", {"width": 40, "blur": sigma}) for sigma in (0.3, 2, 2.5, 5.05, 100)),
    Wanted("a blur without a size", {"blur": 2}),
    Wanted("a blur is rounded to hundredths", {"width": 40, "blur": 1.2345}),
    Wanted("a blur of 0 is none", {"width": 40, "blur": 0}),
    *(Wanted("a blur out of bounds", {"width": 40, "blur": sigma}) for sigma in (0.2, 100.1, -1)),
    Wanted(
        "everything, in the order of the grammar whatever that of the data is",
        {
            "v": "8378025ad251",
            "download": True,
            "blur": 2.5,
            "max_kb": 20,
            "dpr": 2,
            "crop": [0.2, 0.5],
            "fit": "cover",
            "format": "avif",
            "quality": 70,
            "height": 300,
            "width": 400,
        },
    ),
)
_PRESETS: tuple[Wanted, ...] = (
    *(Wanted("a preset", {"preset": name}) for name in ("thumb", "hero-2")),
    Wanted("a preset with a density", {"preset": "thumb", "dpr": 2}),
    Wanted("a preset with a name and a version", {"preset": "thumb", "download": True, "v": "8378025ad251"}),
    Wanted("a preset stands for a size", {"preset": "thumb", "width": 400}),
    Wanted("a preset stands for the other arguments", {"preset": "thumb", "quality": 80}),
    *(Wanted("no name of a preset", {"preset": name}) for name in ("Thumb", "2x", "image", "a/b", "a" * 33)),
)
_SAVING: tuple[Wanted, ...] = (
    Wanted("a versioned address", {"v": "8378025ad251"}),
    Wanted("a version with a focal point", {"width": 400, "v": "8378025ad251-0.25-0.5"}),
    *(Wanted("no version", {"v": version}) for version in ("1&width=5", "", "latest")),
    Wanted("saved under its own name", {"download": True}),
    Wanted("shown in the page", {"download": False}),
    *(
        Wanted("saved under a name", {"width": 400, "download": name})
        for name in ("cat", "Grüße", "猫 の 写真", "🐈", "a&b=c+d%20e", "it's (1)!*~.-_", 'quo"te')
    ),
    *(Wanted("no name to save under", {"download": name}) for name in ("a/b", "a\\b", "a\nb", "é" * 151)),
)
_ORIGINALS: tuple[Wanted, ...] = (
    Wanted("the uploaded file", {"original": True}),
    Wanted("not the uploaded file", {"original": False, "width": 400}),
    Wanted("the uploaded file to save", {"original": True, "download": "Grüße", "v": "8378025ad251"}),
    Wanted("the uploaded file has one size", {"original": True, "width": 400}),
    Wanted("the uploaded file has one format", {"original": True, "format": "avif"}),
    Wanted("the uploaded file is no preset", {"original": True, "preset": "thumb"}),
)
_NAMES: tuple[Wanted, ...] = (
    *(Wanted("another base", {"width": 400}, base=base) for base in BASES),
    Wanted("a base that ends in a slash", {"width": 400}, base=f"{BASE}/"),
    *(
        Wanted("a name", {"width": 400}, name=name)
        for name in (
            *("/DEV/cat.webp", "/PROD/a@2/b_c-d/cat.jpg", "/DEV/full/optimise.gif", "/DEV/200x100/cat.webp"),
            *("/DEV/x.SVG", "/DEV" + "/a" * 10 + "/cat.webp", f"/DEV/{'a' * 80}.webp"),
        )
    ),
    Wanted("a document as it is stored", name="/DEV/menu.pdf"),
    Wanted("a document has no quality, as long as it is not drawn", {"quality": 80}, name="/DEV/menu.pdf"),
    Wanted("a document drawn in a size", {"width": 180}, name="/DEV/menu.pdf"),
    Wanted("a document drawn in a format", {"format": "png"}, name="/DEV/menu.pdf"),
    Wanted("a drawing as WebP", {"format": "webp"}, name="/DEV/logo.svg"),
    Wanted("a drawing blurred", {"blur": 2}, name="/DEV/logo.svg"),
    Wanted("an animation as it is stored", name="/DEV/wave.gif"),
    Wanted("an animation as WebP", {"format": "webp"}, name="/DEV/wave.gif"),
    Wanted("an animation in a size", {"width": 200}, name="/DEV/wave.gif"),
    *(
        Wanted("no name of an asset", {"width": 400}, name=name)
        for name in (
            *(
                "",
                "/",
                "/cat.webp",
                "DEV/cat.webp",
                "/DEV/cat",
                "/DEV/cat.webp/",
                "/DEV//cat.webp",
                "/image/a/cat.webp",
            ),
            *("/DEV/../cat.webp", "/DEV/Grüße.webp", "/DEV/Gr%C3%BC.webp", "/DEV/a b.webp", "/DEV/c.a.t.webp"),
            *("/DEV/cat.webp?width=5", "/DEV/cat.webp#x", "/DEV/cat.webp\n", "/DEV" + "/a" * 11 + "/cat.webp"),
            f"/DEV/{'a' * 91}.webp",
        )
    ),
)
WANTED = (*_SIZES, *_ARGUMENTS, *_PRESETS, *_SAVING, *_ORIGINALS, *_NAMES)

SPELLED: tuple[Spelled, ...] = (
    *(Spelled("canonical as it is", path) for path in (f"/full{CAT}", f"/original{CAT}", f"/optimise/200x0{CAT}")),
    *(Spelled("zeros of a size", f"/optimise/{box}{CAT}") for box in ("0200x00", "00x0", "000000000200x1")),
    Spelled("the word image before the name", f"/optimise/200x0/image{CAT}"),
    Spelled("the word image on full", f"/full/image{CAT}?width=200"),
    *(Spelled("another base", f"/optimise/0200x0{CAT}?quality=080", base) for base in BASES),
    Spelled("sides on full", f"/full{CAT}?height=0100&width=200"),
    Spelled("sides as arguments count nothing beside those of the path", f"/optimise/200x0{CAT}?width=300&height=9"),
    Spelled("the order of arguments", f"/optimise/200x100{CAT}?blur=2&crop=smart&format=avif&quality=80"),
    Spelled("large letters of names", f"/optimise/200x100{CAT}?QUALITY=80&Fit=contain"),
    Spelled("the first of two values", f"/optimise/200x0{CAT}?quality=80&quality=90&Quality=70"),
    Spelled("zeros of a quality", f"/optimise/200x0{CAT}?quality=080"),
    *(Spelled("no quality", f"/optimise/200x0{CAT}?quality={text}") for text in ("0", "00", "")),
    Spelled("a format", f"/optimise/200x0{CAT}?format=jpg"),
    Spelled("the usual format", f"/optimise/200x0{CAT}?format=webp"),
    Spelled("WebP on full", f"/full{CAT}?format=webp"),
    Spelled("a fit without a box", f"/optimise/200x0{CAT}?fit=contain"),
    Spelled("the usual fit", f"/optimise/200x100{CAT}?fit=cover"),
    *(
        Spelled("a point", f"/optimise/200x100{CAT}?crop={text}")
        for text in ("0.50%2C0.5", "0.10%2c1.0", "0.00,1.00", "0.05,0.50", "1.0,0", "0,0")
    ),
    Spelled("a cut of what is not cut", f"/optimise/200x100{CAT}?crop=smart&fit=fill"),
    *(Spelled("a density", f"/optimise/200x0{CAT}?dpr={text}") for text in ("1", "1.5", "2", "")),
    Spelled("a density without a size", f"/full{CAT}?dpr=2"),
    *(Spelled("a budget", f"/full{CAT}?max_kb={text}") for text in ("020", "0", "100000")),
    *(Spelled("a blur", f"/full{CAT}?blur={text}") for text in ("2.50", "02.5", "100.0", "0.30", "0.00", "5.05")),
    Spelled("a preset in the path", f"/optimise/thumb{CAT}?quality=80&dpr=2&width=5"),
    Spelled("a preset on full", f"/full{CAT}?dpr=2&preset=thumb&width=5"),
    Spelled("a preset beside a size in the path", f"/optimise/200x0{CAT}?preset=thumb"),
    Spelled("what is not signed", f"/optimise/200x0{CAT}?v=8378025ad251&download=Gr%C3%BC%C3%9Fe&utm_source=x"),
    Spelled("the arguments of a signature", f"/optimise/200x0{CAT}?quality=80&expires=1793160000&signature=00ff"),
    Spelled("empty parts", f"/optimise/200x0{CAT}?&&quality=80&=&width&"),
    *(Spelled("the uploaded file", f"/original{CAT}?{query}") for query in ("width=5", "preset=thumb&format=png")),
    Spelled("a document on full", "/full/DEV/menu.pdf?width=200&format=png"),
    Spelled("a document in no size", "/optimise/0x0/DEV/menu.pdf?quality=80"),
    Spelled("a document drawn", "/optimise/0x0/DEV/menu.pdf?format=webp&quality=80"),
    Spelled("a drawing with a preset", "/optimise/thumb/DEV/logo.svg"),
    Spelled("an animation", "/optimise/200x0/DEV/wave.gif?format=webp"),
    *(
        Spelled("not possible", f"/optimise/200x0{CAT}?{query}")
        for query in (
            "quality=101",
            "quality=%38",
            "format=gif",
            "dpr=2.0",
            "dpr=5",
            "max_kb=1.5",
            "blur=.5",
            "blur=0.2",
        )
    ),
    *(Spelled("not possible", f"/optimise/200x100{CAT}?{query}") for query in ("fit=inside", "crop=0.5", "crop=2,0")),
    *(Spelled("not possible", f"/full{CAT}?{query}") for query in ("width=abc", "height=+5", "preset=Thumb")),
    *(Spelled("neither a size nor a preset", f"/optimise/{box}{CAT}") for box in ("Thumb", "200X100", "1.5x2", "200x")),
    *(Spelled("no address of an asset", path) for path in ("/small/DEV/cat.webp", "/full/cat.webp", "", "/full/DEV/a")),
    Spelled("no address of an asset", "/full/DEV/k%C3%BC.webp"),
)

SIGNED: tuple[Signed, ...] = (
    Signed("without an end", f"/optimise/200x0{CAT}?quality=80"),
    Signed("with an end", f"/optimise/200x0{CAT}?quality=80", 1793160000),
    Signed("without arguments", f"/full{CAT}", 1793160000),
    Signed("another spelling", f"/optimise/0200x00{CAT}?format=jpg&Quality=080", 1793160000),
    Signed("what is not signed stays", f"/optimise/200x0{CAT}?v=8378025ad251&download=Gr%C3%BC%C3%9Fe", 1793160000),
    Signed("signed before", f"/optimise/200x0{CAT}?expires=1&quality=80&signature={'0' * 64}", 1793160000),
    Signed("a preset", f"/optimise/thumb{CAT}?dpr=2&quality=80"),
    Signed("the uploaded file", f"/original{CAT}", 1793160000),
    Signed("a key with other letters", f"/full{CAT}", key="Schlüssel für Bilder 鍵"),
    *(Signed("another base", f"/optimise/200x0{CAT}", 1793160000, base=base) for base in BASES[1:]),
)
