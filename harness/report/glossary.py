"""The glossary: what the words of a report mean, those that occur in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.experiment import Component, Experiment
from harness.final_metrics import measurement_of
from harness.metrics import METRICS, Measurement
from harness.report.markdown import bullets, code, escape
from harness.spec import schema

_REGULARIZERS = ("momentum", "l2", "dropout")


@dataclass(frozen=True)
class Term:
    """A word, what it is called in a specification where that differs, and what it means."""

    word: str
    meaning: str
    name: str = ""

    @property
    def markdown(self) -> str:
        """Return it as an item of a list."""
        name = f" ({code(self.name)})" if self.name and self.name != self.word else ""
        return f"**{escape(self.word)}**{name}: {_with_code(self.meaning)}"


def glossary(experiment: Experiment, metrics: Sequence[str], page: str) -> str:
    """Return the words that occur on a page, in Markdown.

    The specification's own words go before what the schema says of a component by its title.

    Args:
        experiment: Its `terms`, and the components of its runs.
        metrics: The names of the metrics on the page.
        page: The rest of the report.
    """
    own = [Term(word, meaning) for word, meaning in experiment.terms.items()]
    known = {name: measurement_of(name) for name in [*METRICS, *metrics] if name in metrics}
    there = [Term(m.title, _definition(m), name) for name, m in known.items() if m is not None]
    there.append(Term("seed", _lowered(_description_of_seeds().partition(". ")[0])))
    there += [each for each in _of_randomizations(experiment) if _occurs(each.word, page)]
    found = {term.word.lower(): term for term in there}
    found |= {term.word.lower(): term for term in _occurring(own, page, found)}
    return bullets([found[word].markdown for word in sorted(found)])


def words_of_settings(experiment: Experiment) -> str:
    """Return what the schema says of the components that the runs have, in Markdown."""
    return bullets([term.markdown for term in _of_settings(experiment)])


def _of_randomizations(experiment: Experiment) -> Iterator[Term]:
    for run in experiment.runs.values():
        for component in run.settings.dataset.randomize:
            yield _of_component("randomization", component)


def _occurring(terms: Sequence[Term], page: str, others: Mapping[str, Term]) -> Iterator[Term]:
    """Yield the terms that occur on the page, or in what another word there means."""
    waiting, text = list(terms), " ".join([page, *(term.meaning for term in others.values())])
    while found := [term for term in waiting if _occurs(term.word, text)]:
        yield from found
        waiting = [term for term in waiting if term not in found]
        text = " ".join(term.meaning for term in found)


def _occurs(word: str, text: str) -> bool:
    """Tell whether a word, or its plural, occurs in a text."""
    spaced = r"\s+".join(map(re.escape, word.split()))
    return re.search(rf"(?<!\w){spaced}(s|es)?(?!\w)", text, re.IGNORECASE) is not None


def _definition(measurement: Measurement) -> str:
    unit = "" if measurement.unit in measurement.title else measurement.unit
    words = {"": "", "fraction": " (in percent)", "points": " (in percentage points)"}
    in_unit = words.get(unit, f" (in {unit})")
    return f"{measurement.definition}{in_unit}"


def _of_settings(experiment: Experiment) -> Iterator[Term]:
    """Yield what the schema says of the components and regularizers of the runs, each once."""
    found: dict[str, Term] = {}
    for run in experiment.runs.values():
        settings = run.settings
        parts = [
            *(("randomization", each) for each in settings.dataset.randomize),
            *(("augmentation", each) for each in settings.augmentation),
            ("model", settings.model),
            ("initialization", settings.initialization),
            ("schedule", settings.training.schedule),
        ]
        for kind, component in parts:
            found.setdefault(component.name, _of_component(kind, component))
            if kind == "randomization":
                found |= {each.word: each for each in _of_parameters(kind, component)}
    yield from found.values()
    strengths = schema.definition("strengths")["properties"]
    for name in _REGULARIZERS:
        if any(getattr(run.settings.training, name) for run in experiment.runs.values()):
            yield Term(name, _lowered(strengths[name]["description"]))


def _of_component(kind: str, component: Component) -> Term:
    """Return what the schema says of a component."""
    first, *others = schema.applicable(schema.definition(kind), {"name": component.name})
    title = next((str(part["title"]) for part in others if "title" in part), component.name)
    names = first["properties"]["name"]
    meanings = dict(zip(names["enum"], names["enumDescriptions"], strict=True))
    word = title[:1].lower() + title[1:] if title[1:2].islower() else title
    return Term(word, _lowered(meanings.get(component.name, component.name)), component.name)


def _of_parameters(kind: str, component: Component) -> Iterator[Term]:
    """Yield what the schema says of the parameters of a component that a report shows."""
    known = schema.properties(schema.definition(kind), {"name": component.name})
    for name, value in component.parameters.items():
        if name in known and value is not None:
            yield Term(name, _lowered(known[name]["description"]))


def _description_of_seeds() -> str:
    return str(schema.definition("experiment")["properties"]["seeds"]["description"])


def _lowered(description: str) -> str:
    """Return a description of the schema as it reads after a colon."""
    text = description.rstrip(".")
    return text[:1].lower() + text[1:]


def _with_code(text: str) -> str:
    """Return text in which what stands between backticks is code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    shown = [code(part) if place % 2 else _escaped(part) for place, part in enumerate(parts)]
    return "".join(shown).strip()


def _escaped(text: str) -> str:
    """Return escaped text that keeps a space at either end."""
    left, right = (" " if text[:1].isspace() else ""), (" " if text[-1:].isspace() else "")
    return f"{left}{escape(text)}{right}" if text.strip() else text
