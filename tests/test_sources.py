from stembench.sources import source_digest


def package(folder):
    library = folder / "library"
    library.mkdir()
    (library / "__init__.py").write_text("")
    (library / "deep.py").write_text("VALUE = 1\n")
    (library / "middle.py").write_text("from library.deep import VALUE\n")
    (library / "other.py").write_text("VALUE = 2\n")
    (folder / "script.py").write_text("def main():\n    from library import middle\n")
    return library


def test_digest_follows_transitive_imports_and_no_others(tmp_path):
    library = package(tmp_path)
    from stembench import sources

    def digest():
        sources._imports.cache_clear()
        sources._tree.cache_clear()
        sources._code.cache_clear()
        return source_digest(tmp_path / "script.py", tmp_path)

    first = digest()
    (library / "other.py").write_text("VALUE = 3\n")
    assert digest() == first
    (library / "deep.py").write_text('"""A docstring."""\n# a comment\nVALUE = 1\n')
    assert digest() == first
    (library / "deep.py").write_text("VALUE = 4\n")
    assert digest() != first
    without = source_digest(tmp_path / "script.py", tmp_path, ignored=["library.middle"])
    (library / "deep.py").write_text("VALUE = 5\n")
    sources._code.cache_clear()
    assert source_digest(tmp_path / "script.py", tmp_path, ignored=["library.middle"]) == without
