from stembench.sources import modules_behind, source_digest


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
    sources._tree.cache_clear()
    sources._code.cache_clear()
    assert source_digest(tmp_path / "script.py", tmp_path, ignored=["library.middle"]) == without


def test_a_digest_is_that_of_the_script_as_well_and_not_of_its_date(tmp_path):
    package(tmp_path)
    from stembench import sources

    script = tmp_path / "script.py"
    first = source_digest(script, tmp_path)
    script.touch()
    sources._tree.cache_clear()
    sources._code.cache_clear()
    assert source_digest(script, tmp_path) == first
    script.write_text(script.read_text() + "VALUE = 1\n")
    sources._tree.cache_clear()
    sources._code.cache_clear()
    assert source_digest(script, tmp_path) != first


def test_an_ignored_package_is_left_out_whole(tmp_path):
    library = package(tmp_path)
    inner = library / "settings"
    inner.mkdir()
    (inner / "__init__.py").write_text("from library.settings.models import VALUE\n")
    (inner / "models.py").write_text("VALUE = 1\n")
    (tmp_path / "script.py").write_text("from library.settings import VALUE\n")

    def digest(**options):
        from stembench import sources

        for cached in (sources._imports, sources._tree, sources._code):
            cached.cache_clear()
        return source_digest(tmp_path / "script.py", tmp_path, **options)

    whole, without = digest(), digest(ignored=["library.settings"])
    (inner / "models.py").write_text("VALUE = 2\n")
    assert digest() != whole
    assert digest(ignored=["library.settings"]) == without


def test_what_is_imported_for_types_alone_is_not_behind_a_script(tmp_path):
    package(tmp_path)
    script = tmp_path / "typed.py"
    script.write_text("from library import other\nif TYPE_CHECKING:\n    from library import middle\n")
    assert {file.name for file in modules_behind(script, tmp_path)} == {"typed.py", "__init__.py", "other.py"}
