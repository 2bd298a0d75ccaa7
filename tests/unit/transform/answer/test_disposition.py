import pytest

from services.transform.answer.disposition import inline


@pytest.mark.parametrize(
    ("filename", "said"),
    [
        ("cat.webp", 'inline; filename="cat.webp"'),
        ("a cat@home.jpg", 'inline; filename="a cat@home.jpg"'),
        ("Grüße.pdf", "inline; filename=\"Gr__e.pdf\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.pdf"),
        ('a"b\\c.jpg', "inline; filename=\"a_b_c.jpg\"; filename*=UTF-8''a%22b%5Cc.jpg"),
        ("x\r\nEvil: y.jpg", "inline; filename=\"x__Evil: y.jpg\"; filename*=UTF-8''x%0D%0AEvil%3A%20y.jpg"),
        ("100%25.jpg", "inline; filename=\"100_25.jpg\"; filename*=UTF-8''100%2525.jpg"),
    ],
)
def test_a_name_in_any_script_fits_into_a_header(filename: str, said: str) -> None:
    assert inline(filename) == {"content-disposition": said}
