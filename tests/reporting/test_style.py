from stembench.reporting.style import method_looks


def test_no_two_methods_of_a_figure_look_alike():
    looks = method_looks(["network"] * 9 + ["baseline"] * 5)
    assert len({(look["color"], look["marker"]) for look in looks}) == 14


def test_baselines_are_told_from_networks_without_colours():
    network, baseline = method_looks(["network", "baseline"])
    assert network["marker"] != baseline["marker"]
    assert network["linestyle"] != baseline["linestyle"]
