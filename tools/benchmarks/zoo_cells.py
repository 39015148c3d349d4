"""Lines of the pages that the zoos write."""


def words(error: Exception) -> str:
    """Return the first words of an error, in one line."""
    return " ".join(str(error).split())[:400]


def wrapped(text: str, width: int) -> list[str]:
    """Break a text without Markdown markup into the lines of a list item."""
    lines, line = [], ""
    for word in text.replace("<", "&lt;").replace("|", "\\|").replace("*", "\\*").split():
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = "  "
        line += word if not line.strip() else f" {word}"
    return [*lines, line]
