from services.transform.render.geometry import Box
from services.transform.render.libvips import Image
from services.transform.render.plan import Plan
from services.transform.render.steps.cut import cut
from tests.support.stages import gradient, order, picture, size


def test_a_picture_is_cut_where_its_box_says() -> None:
    made = cut(picture(gradient(100, 80), Box(100, 80, 30, 20, left=40, top=50)), order())
    assert size(made) == (30, 20)
    assert [tuple(made.image(*at)[:2]) for at in ((0, 0), (29, 19))] == [(40, 50), (69, 69)]


def test_what_fits_is_left_alone() -> None:
    given = picture(gradient(100, 80))
    assert cut(given, order()) is given


def test_every_frame_is_cut_alike() -> None:
    made = cut(picture(gradient(100, 240), Box(100, 80, 30, 20, left=40, top=50), frames=3), order())
    assert (size(made), made.image.get("page-height")) == ((30, 60), 20)
    assert [made.image(0, row)[1] for row in (0, 20, 40)] == [50, 130, 210]


def test_a_smart_cut_of_an_animation_is_where_its_first_frame_has_it() -> None:
    red = Image.black(20, 20, bands=3).linear(1, [220, 30, 20])
    frame = Image.black(200, 40, bands=3).linear(1, [235, 235, 235]).cast("uchar").copy(interpretation="srgb")
    marked = frame.insert(red.cast("uchar"), 160, 10)
    made = cut(picture(marked.join(frame, "vertical"), Box(200, 40, 40, 40), frames=2), order(Plan(focus="smart")))
    shown = made.image.crop(0, 0, 40, 40)
    assert size(made) == (40, 80)
    assert (shown[1] < 100).avg() / 255 * 1600 == 400, "all of the mark is in the cut"
