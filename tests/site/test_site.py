"""The built documentation in a real browser, as wide as a desktop's and as a phone's; `make test-docs` runs these."""

import os
from pathlib import Path

import pytest
from chromium import EXECUTABLE, Chromium

SITE = Path(__file__).parents[2] / "docs" / "_build" / "html"
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html") if "_static" not in path.parts)
SCREENS = {"desktop": (1280, 900, False), "phone": (390, 844, True)}
FIRST = "docs/index.html"
pytestmark = pytest.mark.skipif(
    EXECUTABLE is None and "STEMBENCH_CI" not in os.environ,
    reason="there is no Chromium to open the pages in; on Debian: apt-get install chromium",
)

#: What sticks out of the page to the right, by its tag and class; what scrolls by itself does not.
STICKS_OUT = """[...document.querySelectorAll("main *")].filter(element => {
    for (let one = element; one !== document.body; one = one.parentElement)
        if (one !== element && getComputedStyle(one).overflowX !== "visible") return false;
    return element.getBoundingClientRect().right > innerWidth + 1;
}).map(element => element.outerHTML.slice(0, 80))"""
#: Pictures that are not there, and formulas that have no size.
BROKEN = """[...document.querySelectorAll("main img")].filter(one => !one.complete || !one.naturalWidth)
    .map(one => one.getAttribute("src"))
    .concat([...document.querySelectorAll("math")].filter(one => !one.getBoundingClientRect().width)
    .map(one => one.textContent))"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    started = Chromium(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


def test_the_site_is_built():
    assert FIRST in PAGES, "build it by `make docs`"
    assert len(PAGES) > 30


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_the_screen_and_asks_for_nothing_beyond_this_machine(browser, page, screen):
    width, height, phone = SCREENS[screen]
    requests = browser.visit((SITE / page).as_uri(), width, height, phone)
    assert requests
    assert not [url for url in requests if not url.startswith(("file:", "data:", "blob:"))]
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(STICKS_OUT) == []
    assert browser.evaluate(BROKEN) == []


@pytest.mark.parametrize("screen", SCREENS)
def test_the_first_page_shows_its_picture_and_the_way_to_all_others(browser, screen):
    browser.visit((SITE / "index.html").as_uri(), *SCREENS[screen])
    browser.wait_until("location.pathname.endsWith('docs/index.html') && document.readyState === 'complete'")
    width, height, _ = SCREENS[screen]
    left, top, right = browser.evaluate(
        "(({left, top, right}) => [left, top, right])(document.querySelector('main img').getBoundingClientRect())"
    )
    assert 0 <= left < right <= width
    assert 0 <= top < height, "the picture begins below the screen"
    assert right - left > 0.5 * min(width, 800)
    sections = ("tutorial/index", "how_to/index", "explanation/index", "reference/index", "results")
    links = browser.evaluate("[...document.querySelectorAll('#contents a')].map(link => link.getAttribute('href'))")
    assert {f"{name}.html" for name in sections} <= set(links)


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_text_stands_out_from_its_background(browser, colours):
    browser.visit((SITE / "docs" / "reference" / "configuration.html").as_uri(), *SCREENS["desktop"])
    browser.evaluate(f"document.documentElement.dataset.theme = '{colours}'")
    contrast = browser.evaluate("""(() => {
        const light = colour => {
            const [r, g, b] = colour.match(/[\\d.]+/g).map(part => {
                const share = part / 255;
                return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
            });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const text = light(getComputedStyle(document.querySelector("article p")).color);
        const ground = light(getComputedStyle(document.body).backgroundColor);
        return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    })()""")
    assert contrast > 7  # WCAG 2.1, level AAA


def test_the_search_finds_a_page_without_a_server(browser):
    browser.visit((SITE / "search.html").as_uri() + "?q=afterglow", *SCREENS["desktop"])
    found = "[...document.querySelectorAll('#search-results li a')].map(link => link.getAttribute('href'))"
    browser.wait_until(f"{found}.length > 0")
    assert any("configuration.html" in link for link in browser.evaluate(found))
