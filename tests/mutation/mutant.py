"""One change of the sources that some test has to notice."""

import ast
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mutant:
    """A part of a file, in bytes, with its replacement.

    ``what`` is what the change takes out. ``lines`` are those of the statement that it is in:
    the tests that run one of them are the ones that concern it.
    """

    path: Path
    what: str
    start: int
    end: int
    replacement: str
    lines: range

    @property
    def place(self) -> str:
        """Its file and line, to print."""
        return f"{self.path.name}:{self.lines.start}"

    def apply(self, root: Path) -> bytes:
        """Change the file below ``root``; return what it was before."""
        file = root / self.path
        text = file.read_bytes()
        changed = text[: self.start] + self.replacement.encode() + text[self.end :]
        compile(changed, str(file), "exec")
        file.write_bytes(changed)
        return text


@dataclass(frozen=True)
class Source:
    """A file with its syntax tree, whose nodes know the statement and function they are in."""

    root: Path
    path: Path
    text: bytes
    tree: ast.Module
    parents: dict[ast.AST, ast.AST]

    @classmethod
    def read(cls, root: Path, path: Path) -> "Source":
        """Parse the file at ``path`` below ``root``."""
        text = (root / path).read_bytes()
        tree = ast.parse(text)
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        return cls(root, path, text, tree, parents)

    def mutant(self, node: ast.expr | ast.stmt, what: str, replacement: str) -> Mutant:
        """Make the mutant in which ``replacement`` takes the place of ``node``."""
        return Mutant(
            path=self.path,
            what=what,
            start=self._offset(node.lineno, node.col_offset),
            end=self._offset(node.end_lineno or 0, node.end_col_offset or 0),
            replacement=replacement,
            lines=_lines(self.statement(node)),
        )

    def statement(self, node: ast.AST) -> ast.stmt:
        """Return the innermost statement that a node is in."""
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def function(self, node: ast.AST) -> ast.FunctionDef | None:
        """Return the innermost function that a node is in; None at the level of the module."""
        while not isinstance(node, ast.Module):
            node = self.parents[node]
            if isinstance(node, ast.FunctionDef):
                return node
        return None

    def shown(self, node: ast.expr | ast.stmt) -> str:
        """Return the text of a node on one line."""
        segment = ast.get_source_segment(self.text.decode(), node) or ""
        return " ".join(segment.split())

    def _offset(self, line: int, column: int) -> int:
        return sum(map(len, self.text.splitlines(keepends=True)[: line - 1])) + column


def _lines(statement: ast.stmt) -> range:
    """Return the lines of a statement, of one with a body those before the body."""
    match statement:
        case ast.If(body=[first, *_]) | ast.For(body=[first, *_]) | ast.While(body=[first, *_]):
            return range(statement.lineno, max(first.lineno, statement.lineno + 1))
    return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
