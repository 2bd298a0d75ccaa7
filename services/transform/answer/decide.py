"""From the form that is asked for, and what the catalog says, to what is answered. Pure."""

from dataclasses import dataclass, replace

from services.core.addresses.arguments import Need
from services.core.addresses.form import Form
from services.core.addresses.values import Focus
from services.core.assets import media_types, names, reductions
from services.core.assets.entries import Entry
from services.core.assets.reductions import Reduction
from services.transform.render import formats
from services.transform.render.effects import EFFECTS
from services.transform.render.geometry import Box, fit
from services.transform.render.plan import Plan


@dataclass(frozen=True, slots=True)
class Missing:
    """Nothing is catalogued under this name."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """The asset has expired or is not visible yet, or its namespace is not served: a default image stands for it.

    `until` is when the asset becomes visible by its date, as seconds since the epoch; None if only a change ends this.
    """

    until: float | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """The asset is known under another name in this form. It is `moved` if it has had this name itself before."""

    entry: Entry
    path: str
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """The stored bytes as they are."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Rendition:
    """What is made from the stored bytes. `reduced` is the same from a reduction, if one suffices."""

    entry: Entry
    plan: Plan
    reduced: "Rendition | None" = None


Decision = Missing | Placeholder | Redirect | Stored | Rendition


_MIDDLE = Focus(0.5, 0.5)
_RASTER_EXTENSIONS = tuple(ext for kind in media_types.KNOWN.values() if kind.raster for ext in kind.extensions)
_GIF = media_types.KNOWN[media_types.GIF].extensions[0]


def candidates(form: Form) -> list[str]:
    """Return the unique names whose entries decide: the asked one, and those that may share a name with it.

    Another name may be that of the asset uploaded under the asked one; that of a GIF which is asked for as WebP; or,
    for an original asked for by its converted name, that of an unconverted asset which has taken the uploaded name for
    itself.
    """
    converted = names.with_extension(form.name, "webp")
    others = [converted]
    if converted == form.name:
        extensions = _RASTER_EXTENSIONS if form.kind == "original" else (_GIF,)
        others = [names.with_extension(form.name, extension) for extension in extensions]
    return [form.name, *(other for other in others if other != form.name)]


def decide(form: Form, found: list[Entry | None], now: float, namespaces: tuple[str, ...]) -> Decision:
    """Choose the answer; `found` are the entries of `candidates`, in their order."""
    if form.name.split("/")[1] not in namespaces:
        return Placeholder()
    exact, *others = found
    entry = exact or next((other for other in others if other and other.original_name == form.name), None)
    gif = None if entry else next((other for other in others if other and _is_asked_as_webp(form, other)), None)
    entry = entry or gif
    if entry is None:
        return Missing()
    if not entry.is_visible(now):
        return Placeholder(until=None if entry.is_expired(now) else entry.visible_at)
    if gif and form.kind != "original":
        return Rendition(gif, plan_of(form, focal_point(gif)))
    right_name = entry.original_name if form.kind == "original" else entry.unique_name
    if form.name != right_name:
        taken = any(other and other is not entry and other.unique_name == right_name for other in others)
        return Stored(entry) if taken else Redirect(entry, form.path(right_name))
    raster = media_types.KNOWN[entry.stored_type].raster
    # A picture is made when one is asked for, and of what the catalog says is delivered as WebP. `full` of an SVG or a
    # PDF is what is stored, whatever is asked.
    is_made = form.is_picture or not entry.is_stored_as_delivered
    if form.kind == "original" or not (raster or form.kind == "optimise") or not is_made:
        return Stored(entry)
    return Rendition(entry, plan_of(form, focal_point(entry)))


def decide_moved(form: Form, found: list[Entry | None], now: float, namespaces: tuple[str, ...]) -> Decision:
    """Choose the answer where there is no asset; `found` are the entries of assets that were at `candidates`.

    Whatever such an asset would be delivered as if it were still there leads to where it is: to its unique name,
    because any other name of it may be that of another asset there. From that one, `decide` leads on.
    """
    there = [entry and replace(entry, unique_name=name) for entry, name in zip(found, candidates(form), strict=True)]
    decision = decide(form, there, now, namespaces)
    if isinstance(decision, Missing | Placeholder):
        return decision
    entry = found[there.index(decision.entry)]
    assert entry
    return Redirect(entry, form.path(entry.unique_name), moved=True)


def _is_asked_as_webp(form: Form, entry: Entry) -> bool:
    """Say whether an entry is a GIF that stays one, and that is asked for by the name that it would have as WebP."""
    return entry.mimetype == media_types.GIF and form.name == names.with_extension(entry.unique_name, "webp")


def with_reduction(decision: Decision, found: Reduction | None, side_max: int) -> Decision:
    """Return a decision with the way to make it from a reduction, if it is a rendition that is small enough.

    `found` is the reduction of its entry, if there is one; `side_max` bounds the sides of the result. Its smallest
    picture that suffices is taken, unless a cut out of it would not show what one out of the upload shows. A PNG is
    made from the upload: it is lossless, so it would show what the reduction has lost, and be up to half as large
    again.
    """
    if not isinstance(decision, Rendition) or found is None or not found.shows(decision.entry):
        return decision
    if formats.is_png(decision.plan, transparent=found.is_transparent):
        return decision
    entry, plan = decision.entry, decision.plan
    if not entry.width or not entry.height:
        return decision
    box = fit(entry.width, entry.height, plan, side_max)
    suffice = found.parts_for(box.width, box.height)
    if box.cuts:
        suffice = [part for part in suffice if _is_near(fit(part.width, part.height, plan, side_max), box)]
    if not suffice:
        return decision
    part = suffice[0]
    # What the upload would become, to the pixel: the sides of a reduction are rounded.
    exact = plan if box.cuts else replace(plan, width=box.width, height=box.height, fit="fill")
    return replace(decision, reduced=Rendition(reductions.stored_as(entry, found, part), replace(exact, reduced=part)))


def _is_near(one: Box, other: Box) -> bool:
    """Say whether a cut out of one scaled picture shows what the same cut out of another shows.

    It does not for a thin picture: a shorter side of two pixels can stand for anything from 1.5 to 2.5.
    """
    return abs(one.width - other.width) <= 1 and abs(one.height - other.height) <= 1


def focal_point(entry: Entry) -> Focus | None:
    if entry.focus_x is None or entry.focus_y is None:
        return None
    return Focus(entry.focus_x, entry.focus_y)


def plan_of(form: Form, focal_point: Focus | None = None) -> Plan:
    """Return what is made.

    A cut that the address does not place has the asset's own focal point in its middle.
    """
    focus = (form.focus or focal_point) if form.has(Need.CUT) else None
    return Plan(
        width=round(form.width * form.dpr),
        height=round(form.height * form.dpr),
        quality=form.quality,
        format=form.format or form.accepted,
        fit=form.fit,
        focus=None if focus == _MIDDLE else focus,
        max_bytes=form.max_bytes,
        effects=tuple(EFFECTS[name](value) for name, value in form.effects),
    )
