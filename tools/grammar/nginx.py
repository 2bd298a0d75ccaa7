"""What nginx evaluates to make the canonical address of a request: maps, as text."""

from collections.abc import Iterable, Iterator

from services.core.addresses.arguments import ARGUMENTS, HEIGHT, PRESET, WIDTH, Argument, Need
from services.core.addresses.form import BASE, STORED_EXTENSIONS
from services.core.addresses.presets import NAME_PATTERN
from services.core.assets import names

_NAME = names.UNIQUE_NAME_OF_ANY_LENGTH
_STORED = "|".join(STORED_EXTENSIONS)
_NOT_STORED = "|".join(rf"\.{extension}" for extension in STORED_EXTENSIONS)
_FLAGS = {Need.SIDE: "sized", Need.BOX: "boxed", Need.CUT: "cut"}
_EFFECTS = "".join(f"$wanted_{argument.name}" for argument in ARGUMENTS if argument.is_effect)
_PICTURES = "".join(f"$wanted_{argument.name}" for argument in ARGUMENTS if argument.is_picture)

_HEAD = """\
# The grammar of addresses: which form of which asset is asked for, in one spelling. Included by common.conf.
#
# Written by `make grammar` from services/core/addresses/arguments.py: change that, not this.
"""

_FORMAT = f"""\
# With FORMAT_NEGOTIATION, what the client's Accept says, in a few words: it names AVIF, or WebP, or other images only.
# A client that names none, as programs do, gets WebP. It matters only for pictures of which no format is asked for.
map "$pictured:$arg_format:$asset_path" $has_no_format {{
    default 0;
    "~^[01]::{BASE}/(?:full|optimise)/.*\\.webp$" 1;
    "~^1::{BASE}/(?:full/.*(?<!{_NOT_STORED})$|optimise/)" 1;
}}
map "${{FORMAT_NEGOTIATION}}" $negotiable {{
    default 0;
    on $has_no_format;
}}
map "$negotiable:$http_accept" $wanted_accept {{
    default "";
    "~*^1:.*image/avif(?!\\s*;\\s*q=0(?:\\.0*)?\\s*(?:,|$))" "&accept=avif";
    "~*^1:.*image/webp(?!\\s*;\\s*q=0(?:\\.0*)?\\s*(?:,|$))" "";
    "~*^1:.*image/[a-z]" "&accept=plain";
}}
"""

_FORM = f"""\
# What is signed: the key without what Accept says.
map "$asset_path$wanted" $signed_form {{
    default "";
    "~^(?<path>/[^&]+)$" $path;
    "~^(?<path>/[^&]+)&accept=(?:avif|plain)$" $path;
    "~^(?<path>/[^&]+)&(?<rest>.+?)(?:&accept=(?:avif|plain))?$" "$path?$rest";
}}
map "$wanted$listed" $canonical_args {{
    default "";
    "~^&(?<rest>.+)$" "?$rest";
}}
map "$asset_path$catalog_path" $worked_out_form {{
    default "$asset_path$catalog_path$canonical_args";
    "" "";
}}
# Most addresses are canonical as they come. nginx evaluates what is asked for and nothing else: one expression says so,
# in place of the maps above. Whatever it does not know for sure is left to them.
map "${{FORMAT_NEGOTIATION}}$request_uri" $canonical_already {{
    default "";
    "~^off${{ASSETS_PATTERN}}(?<plain>/(?:original|full|optimise/(?:(?:0|[1-9][0-9]*)x(?:0|[1-9][0-9]*)|{NAME_PATTERN}))\
(?!/image/){_NAME})$"
        "{BASE}$plain";
}}
map $canonical_already $canonical_form {{
    default $canonical_already;
    "" $worked_out_form;
}}
"""


def maps() -> str:
    """Return the template of the whole file."""
    parts = [_HEAD, _path(), _ARGUMENTS_HEAD, *_arguments(), _FORMAT, _wanted(), _FORM]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _path() -> str:
    before, after = "~^${ASSETS_PATTERN}", rf"(?:/image)?(?<name>{_NAME})$"
    return f"""\
# The path of an asset: decoded, with one spelling of the size, under the usual route, without the optional "image".
# Only the characters that names can have; everything else has no canonical form and is never cached.
map $uri $asset_path {{
    default "";
    "{before}/(?<kind>original|full){after}"
        "{BASE}/$kind$name";
    "{before}/optimise/0*(?<w>[0-9]+)x0*(?<h>[0-9]+){after}"
        "{BASE}/optimise/${{w}}x$h$name";
    "{before}/optimise/(?<preset>{NAME_PATTERN}){after}"
        "{BASE}/optimise/$preset$name";
}}
"""


_ARGUMENTS_HEAD = """\
# The arguments that change the bytes, in this order and spelling. What has no effect is left out. What is not possible
# is kept: the service refuses it. (The empty text has a line of its own: nginx tries no regular expression on it.)
"""


def _arguments() -> Iterator[str]:
    """Yield all maps of arguments, each flag behind what it is made of."""
    sides, effects = (WIDTH, HEIGHT), [argument for argument in ARGUMENTS if argument.is_effect]
    others = [argument for argument in ARGUMENTS if argument not in sides and argument not in effects]
    yield _preset()
    yield from map(_map, sides)
    yield _FLAGS_OF_SIDES
    yield from map(_map, effects)
    yield _FLAG_OF_PICTURES
    yield from (_map(argument) for argument in others if argument.needs is not Need.CUT)
    yield _FLAG_OF_CUTS
    yield from (_map(argument) for argument in others if argument.needs is Need.CUT)


def _preset() -> str:
    return f"""\
# On `optimise` it is in the path.
map "$asset_path $arg_{PRESET}" $wanted_{PRESET} {{
    default "";
    "~^{BASE}/full/[^ ]* ." "&{PRESET}=$arg_{PRESET}";
}}
"""


_SIDES = "$wanted_width$wanted_height"
_FLAGS_OF_SIDES = f"""\
# Whether any side or a preset is given, and whether both sides are.
map "$asset_path $wanted_{PRESET}{_SIDES}" $sized {{
    default 0;
    "~^{BASE}/optimise/(?!0x0/)" 1;
    "~^{BASE}/full/[^ ]* &" 1;
}}
map "$asset_path {_SIDES}" $boxed {{
    default 0;
    "~^{BASE}/optimise/[1-9][0-9]*x[1-9]" 1;
    "~^{BASE}/full/[^ ]* &width=.*&height=" 1;
}}
"""


_FLAG_OF_PICTURES = f"""\
# Whether a picture is made whatever the format is.
map "$sized{_EFFECTS}" $pictured {{
    default 1;
    "0" 0;
}}
"""

_FLAG_OF_CUTS = """\
# Whether anything is cut.
map "$boxed$wanted_fit" $cut {
    default 0;
    "1" 1;
}
"""


def _map(argument: Argument) -> str:
    """Return the map of one argument; with a flag before the value that says whether there may be an effect."""
    name, spelling = argument.name, argument.spelling
    flag = "pictured" if argument.usual else _FLAGS.get(argument.needs)
    if flag is None:
        source, effective = f"$arg_{name}", ""
        lines = ['"" "";', *([f'"~^{spelling.nothing}$" "";'] if spelling.nothing else [])]
    elif argument.usual:
        source, effective = f'"${flag}:$arg_{name}"', "[01]:"
        lines = ['"~^[01]:$" "";', f'"~^1:{argument.usual}$" "";']
    else:
        source, effective = f'"${flag}:$arg_{name}"', "1:"
        nothing = f"(?:{spelling.nothing})?" if spelling.nothing else ""
        lines = [f'"~^[01]:{nothing}$" "";', f'"~^0:(?:{spelling.possible})$" "";']
    lines += [f'"~^{effective}{each.pattern}$" "&{name}={each.form}";' for each in spelling.rewrites]
    lines += [f'default "&{name}=$arg_{name}";']
    return "\n    ".join([f"map {source} $wanted_{name} {{", *lines]) + "\n}\n"


def _wanted() -> str:
    beside = _listed(argument for argument in ARGUMENTS if argument.beside_preset)
    path = _listed(argument for argument in ARGUMENTS if not argument.on_full_alone)
    return f"""\
map "$asset_path $wanted_{PRESET}{_PICTURES}" $wanted {{
    default "";
    # Delivered as stored, whatever is asked.
    "~^{BASE}/full/[^ ]*\\.(?:{_STORED}) " "";
    "~^{BASE}/optimise/0x0/[^ ]*\\.(?:{_STORED}) $" "";
    # A preset stands for all but the density.
    "~^{BASE}/full/[^ ]* &{PRESET}=" "$wanted_{PRESET}{beside}$wanted_accept";
    "~^{BASE}/optimise/[a-z]" "{beside}$wanted_accept";
    "~^{BASE}/full/"
        "{_listed(ARGUMENTS)}$wanted_accept";
    "~^{BASE}/optimise/"
        "{path}$wanted_accept";
}}
"""


def _listed(arguments: Iterable[Argument]) -> str:
    return "".join(f"$wanted_{argument.name}" for argument in arguments)
