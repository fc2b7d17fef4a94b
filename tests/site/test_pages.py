"""Pages in a browser, from disk: what is shown, sorted, found and zoomed, in which colours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from harness.experiment import Experiment
from tests.site.browser import BROWSER, DRIVER, browser, complaints, look, requests
from tests.site.conftest import OLDER

pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="there is no Chromium with its chromedriver"
)

_CONTRASTS = """
const luminance = (colour) => {
  const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (!/^rgba\\(.*, 0\\)$/.test(colour)) return colour;
  }
  return "rgb(255, 255, 255)";
};
const found = [];
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || !element.checkVisibility({ checkOpacity: true })) continue;
  const [a, b] = [getComputedStyle(element).color, behind(element)].map(luminance);
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) found.push([element.outerHTML.slice(0, 120), contrast]);
}
return found;
"""
"""The elements whose text stands out too little from what is behind it (WCAG 2.1, AA)."""


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    with browser() as started:
        yield started


def pages(experiment: Experiment) -> list[str]:
    names = (experiment.name, OLDER)
    return ["index.html", "claims.html", "runs.html", *(f"reports/{each}.html" for each in names)]


def column(driver: webdriver.Chrome, table: str, index: int) -> list[str]:
    """Return the words of a column, of the rows that are shown."""
    script = (
        "return [...document.getElementById(arguments[0]).tBodies[0].rows].filter((r) => !r.hidden)"
        ".map((r) => r.cells[arguments[1]].textContent)"
    )
    found: list[str] = driver.execute_script(script, table, index)
    return found


def head(
    driver: webdriver.Chrome, table: str, title: str
) -> webdriver.remote.webelement.WebElement:
    return driver.find_element(By.XPATH, f"//table[@id='{table}']//button[.='{title}']")


def sorted_as(driver: webdriver.Chrome, table: str) -> list[str | None]:
    script = (
        "return [...document.getElementById(arguments[0]).tHead.rows[0].cells]"
        ".map((c) => c.getAttribute('aria-sort')).filter(Boolean)"
    )
    found: list[str | None] = driver.execute_script(script, table)
    return found


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_opens_from_disk_and_reads_well(
    site: Path, experiment: Experiment, driver: webdriver.Chrome, width: int, colours: str
) -> None:
    look(driver, width, colours)
    complaints(driver), requests(driver)
    for page in pages(experiment):
        driver.get((site / page).as_uri())
        driver.execute_script("document.querySelectorAll('details').forEach((d) => d.open = true)")
        wide = driver.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width, page
        assert driver.execute_script(_CONTRASTS) == [], page
        images = "return [...document.images].map((i) => (i.loading = 'eager', i.decode()))"
        driver.execute_async_script(f"Promise.all((() => {{{images}}})()).then(arguments[0])")
        if width == 390:
            inside = (
                "return [...document.querySelectorAll('.scroll')]"
                ".filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.ariaLabel)"
            )
            assert driver.execute_script(inside) == [], page
    assert complaints(driver) == []
    assert [each for each in requests(driver) if not each.startswith(("file:", "data:"))] == []


def test_colours_can_be_chosen_and_stay_so_on_the_next_page(
    site: Path, driver: webdriver.Chrome
) -> None:
    look(driver, 1280)
    background = "return getComputedStyle(document.body).backgroundColor"
    driver.get((site / "index.html").as_uri())
    light = driver.execute_script(background)
    Select(driver.find_element(By.CSS_SELECTOR, ".theme select")).select_by_value("dark")
    dark = driver.execute_script(background)
    assert dark != light
    driver.get((site / "runs.html").as_uri())
    assert driver.execute_script(background) == dark
    Select(driver.find_element(By.CSS_SELECTOR, ".theme select")).select_by_value("auto")
    assert driver.execute_script(background) == light


def test_runs_are_sorted_by_number_and_what_is_not_there_comes_last(
    site: Path, driver: webdriver.Chrome
) -> None:
    look(driver, 1280)
    driver.get((site / "runs.html").as_uri())
    place = "training accuracy"
    titles = [each.text.strip() for each in driver.find_elements(By.CSS_SELECTOR, "thead th")]
    index = next(i for i, title in enumerate(titles) if title.startswith(place))
    for expected in ("ascending", "descending"):
        head(driver, "site-runs", place).send_keys(Keys.ENTER)
        assert sorted_as(driver, "site-runs") == [expected]
        shown = column(driver, "site-runs", index)
        numbers = [float(each.strip("%>")) for each in shown if each[-1] == "%"]
        assert len(set(numbers)) > 2
        assert numbers == sorted(numbers, reverse=expected == "descending")
        assert len(numbers) < len(shown)
        assert not any(each[-1] == "%" for each in shown[len(numbers) :])


def test_runs_are_filtered_by_words_and_by_choice_and_the_address_keeps_it(
    site: Path, experiment: Experiment, driver: webdriver.Chrome
) -> None:
    look(driver, 1280)
    driver.get((site / "runs.html").as_uri())
    every = len(column(driver, "site-runs", 0))
    driver.find_element(By.CSS_SELECTOR, ".filter input").send_keys("random l2")
    for each in driver.find_elements(By.CSS_SELECTOR, ".filter select"):
        if experiment.name in each.text:
            Select(each).select_by_visible_text(experiment.name)
    shown = column(driver, "site-runs", 0)
    assert set(shown) == {"random[l2]", "random[augmentation+l2]"}
    status = driver.find_element(By.CSS_SELECTOR, ".filter [role=status]").text
    assert status == f"{len(shown)} of {every} runs"
    head(driver, "site-runs", "seed").click()
    address = driver.current_url
    driver.get("about:blank")
    driver.get(address)
    assert sorted(column(driver, "site-runs", 0)) == sorted(shown)
    assert sorted_as(driver, "site-runs") == ["ascending"]


def test_the_search_finds_experiments_and_expectations_from_any_page(
    site: Path, experiment: Experiment, driver: webdriver.Chrome
) -> None:
    look(driver, 1280)
    driver.get((site / "index.html").as_uri())
    matches = driver.find_element(By.CSS_SELECTOR, ".matches")
    assert not matches.is_displayed()
    driver.get((site / "reports" / f"{OLDER}.html").as_uri())
    driver.find_element(By.ID, "site-find").send_keys("Nearer to Where", Keys.ENTER)
    matches = driver.find_element(By.CSS_SELECTOR, ".matches")
    assert matches.is_displayed()
    assert len(column(driver, "site-expectations", 0)) == 1
    matches.find_element(By.CSS_SELECTOR, "tbody tr:not([hidden]) a").click()
    assert f"/reports/{experiment.name}.html" in driver.current_url
    driver.get((site / "index.html").as_uri())
    driver.find_element(By.ID, "site-find").send_keys(experiment.name)
    assert len(column(driver, "site-experiments", 0)) == 1


def test_curves_are_zoomed_with_the_keyboard_and_tell_their_values(
    site: Path, experiment: Experiment, driver: webdriver.Chrome
) -> None:
    look(driver, 1280)
    driver.get((site / "reports" / f"{experiment.name}.html").as_uri())
    plot = driver.find_element(By.CSS_SELECTOR, ".plot")
    tip = driver.find_element(By.CSS_SELECTOR, ".tip")

    def tells(_: webdriver.Chrome) -> bool:
        """Move over the plot, which itself moves as long as images above it are loaded."""
        driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
        over = plot.find_element(By.CSS_SELECTOR, ".u-over")
        ActionChains(driver).move_to_element(over).move_by_offset(5, 5).perform()
        return tip.is_displayed()

    WebDriverWait(driver, 30).until(tells)
    assert "steps" in tip.text
    values = [each.text for each in driver.find_elements(By.CSS_SELECTOR, ".lines output")]
    assert any(values)
    picture = "return document.querySelector('.plot canvas').toDataURL()"
    before = driver.execute_script(picture)
    buttons = {each.text: each for each in driver.find_elements(By.CSS_SELECTOR, ".tools button")}
    buttons["+"].send_keys(Keys.ENTER)
    closer = driver.execute_script(picture)
    buttons["Reset"].send_keys(Keys.ENTER)
    assert closer != before
    Select(driver.find_element(By.CSS_SELECTOR, ".tools select")).select_by_value("train_loss")
    assert driver.find_element(By.XPATH, "//label[contains(., 'logarithmic')]/input").is_selected()
    assert "training loss" in str(plot.get_attribute("aria-label"))
    assert complaints(driver) == []


def test_a_plot_for_dark_pages_follows_the_choice(site: Path, driver: webdriver.Chrome) -> None:
    look(driver, 1280)
    driver.get((site / "index.html").as_uri())
    added = (
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<picture>"
        '<source media="(prefers-color-scheme: dark)" srcset="dark.svg"></picture>\')'
    )
    driver.execute_script(added)
    choice = Select(driver.find_element(By.CSS_SELECTOR, ".theme select"))
    media = "return document.querySelector('picture source').media"
    found = []
    for each in ("dark", "light", "auto"):
        choice.select_by_value(each)
        found.append(driver.execute_script(media))
    assert found == ["all", "not all", "not all"]


def test_on_a_phone_a_table_is_still_a_table_to_those_who_do_not_see_it(
    site: Path, driver: webdriver.Chrome
) -> None:
    look(driver, 390)
    driver.get((site / "runs.html").as_uri())
    roles = "return [...new Set([...document.querySelectorAll('#site-runs *')].map((e) => e.role))]"
    table = driver.find_element(By.ID, "site-runs")
    assert table.get_attribute("role") == "table"
    assert {"rowgroup", "row", "cell", "columnheader"} <= set(driver.execute_script(roles))
    sorting = driver.find_element(By.CSS_SELECTOR, ".sorting select")
    assert sorting.is_displayed()
    Select(sorting).select_by_visible_text("seed, down")
    assert sorted_as(driver, "site-runs") == ["descending"]


def test_on_paper_nothing_is_folded_and_no_control_is_shown(
    site: Path, experiment: Experiment, driver: webdriver.Chrome
) -> None:
    look(driver, 1280, "dark")
    driver.get((site / "reports" / f"{experiment.name}.html").as_uri())
    driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert driver.execute_script("return getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    shown = "return document.querySelector(arguments[0])?.checkVisibility() ?? false"
    for each in ("body > header", ".contents", ".curves", ".permalink"):
        assert not driver.execute_script(shown, each)
    folded = "return document.querySelectorAll('main article details:not([open])').length"
    assert driver.execute_script(folded) == 0
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    driver.execute_script("dispatchEvent(new Event('afterprint'))")
    assert driver.execute_script(folded) > 0
