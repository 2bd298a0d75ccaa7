"""Names for `?download=` as they are written in an address."""

TAKEN = (
    "1x",
    "Gr%C3%BC%c3%9fe%20x",
    "Menu%20(new)!~*'",
    "a+b%2Bc",
    "a,b:c@d;e=f$g?h",
    'a";x="',
    "J.Smith",
    "..",
    "%F0%9F%98%BA",
    "%C3%A9" * 150,
    "x" * 300,
)

REFUSED = (
    "..%2Fx",
    "a/b",
    "a%5Cb",
    "a%0d%0aSet-Cookie:x",
    "%00",
    "a%7F",
    "%C2%85",
    "%FF",
    "caf%E9",
    "%ED%A0%80",
    "100%",
    "100%25%",
    "%zz",
    "x" * 301,
    "%C3%A9" * 151,
)
