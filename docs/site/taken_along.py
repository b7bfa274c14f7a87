"""What pages link to outside docs/ comes along into the site: a hook of MkDocs (mkdocs.yml).

Pages link to experiments, tables and examples as the repository has them, so that the links work
where the files are read as files. Here a link that leaves docs/ takes what it names into the site:
a README as a page, anything else as a file. Whether links lead anywhere is tests/docs' to say.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#|/)([^)\s#]+)(#[^)\s]*)?(?=\))")


def target_of(link: str, source: Path) -> Path | None:
    """The file that `link` names in the file `source`; of a folder its README. None where none."""
    target = (source.parent / link).resolve()
    if target.is_dir():
        target = target / "README.md"
    return target if target.is_file() and target.is_relative_to(ROOT) else None


def place_of(target: Path) -> str:
    """Where a file of the repository stands in the site's sources."""
    if target == ROOT / "README.md":
        return "index.md"
    return target.relative_to(DOCS if target.is_relative_to(DOCS) else ROOT).as_posix()


def files_linked(source: Path) -> set[Path]:
    """The files that a page links to."""
    links = (match[1] for match in LINK.finditer(source.read_text(encoding="utf-8")))
    return {target for link in links if (target := target_of(link, source)) is not None}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take along what is linked to, and what that links to."""
    waiting = [Path(file.abs_src_path) for file in files.documentation_pages() if file.abs_src_path]
    known = {*waiting, ROOT / "README.md"}
    while waiting:
        new = files_linked(waiting.pop()) - known
        known |= new
        waiting += [path for path in new if path.suffix == ".md"]
        for path in new:
            if not path.is_relative_to(DOCS):
                files.append(File.generated(config, place_of(path), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between files of the repository into links within the site."""
    source = Path(page.file.abs_src_path or "")
    here = posixpath.dirname(page.file.src_uri)

    def within_site(match: re.Match[str]) -> str:
        target = target_of(match[1], source)
        if target is None:
            raise PluginError(f"{source.relative_to(ROOT)}: there is no {match[1]}")
        return posixpath.relpath(place_of(target), here or ".") + (match[2] or "")

    return LINK.sub(within_site, markdown)
