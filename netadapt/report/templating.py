"""From values to HTML: the one environment that all pages share, and how a page is written.

What a page says is the matter of its own file; how all look, of `base.html.jinja` and `style.css`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from netadapt.extras import needed
from netadapt.files import write_text
from netadapt.version import __version__


def write_html(path: Path, template: str, **values: Any) -> None:
    """Write `template`, filled with `values`, as one file that loads nothing.

    Every text is escaped. Raises MissingExtraError without jinja2, OutputError.
    """
    jinja2 = needed("jinja2", "report")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("netadapt.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    write_text(path, environment.get_template(template).render(version=__version__, **values))
