"""The files that a guide shows: fenced blocks whose first line names a file after the language, as in ```python shop.py."""

import re

BLOCK = re.compile(r"^```[\w,]+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shown_files(guide):
    """The text of each file that a guide shows, by name."""
    return dict(BLOCK.findall(guide.read_text()))


def check_files(checks, guide, folder, unshown=()):
    """The blocks of a guide are the files of a folder, byte by byte, and none of either is missing."""
    shown = shown_files(guide)
    kept = {str(path.relative_to(folder)): path for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts}
    missing = sorted(set(kept) - set(shown) - set(unshown))
    checks.check(f"{guide.name} shows all files of {folder.name}", not missing, ", ".join(missing))
    for name, text in shown.items():
        checks.check(f"{guide.name} and {folder.name} agree on {name}", name in kept and kept[name].read_text() == text)
