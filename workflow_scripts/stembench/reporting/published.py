"""Published numbers beside ours, in columns of their own."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from stembench.products import sha256

if TYPE_CHECKING:
    import pandas as pd

#: Numbers as they are printed, none where a paper gives no absolute value. `method` is ours for the paper's
#: `paper_method`, `testset` and `trained_on` the paper's, and `row` what else tells a row of our table (`axis=a`).
PUBLISHED = Path(__file__).with_name("published.csv")


@cache
def published_digest() -> str:
    """Return the SHA-256 of the published numbers; a table that shows some depends on it."""
    return sha256(PUBLISHED)


def beside_published(
    table: "pd.DataFrame", name: str, testsets: Mapping[str, Sequence[str]], published: str | Path = PUBLISHED
) -> "pd.DataFrame":
    """Return a table with a column `paper_{metric}` for each metric that papers print in such a table.

    A number stands in the row of its method that was trained and tested as the paper's was, and nowhere else: on the
    whole of the paper's test set; what has learnt at full width, trained on the paper's dataset.

    Parameters
    ----------
    table : DataFrame
        With `method`, `train_dataset`, `width` (of networks alone), `testset`, `subset`.
    name : str
        Of the table.
    testsets : mapping of sequence of str
        Published datasets that each of our datasets and test sets is.
    published : str or Path
        CSV file of the numbers.
    """
    import pandas as pd

    known = pd.read_csv(published).fillna({"row": ""}).query("table == @name")
    table = table.copy()
    for metric in known.metric.unique():
        after = [column for column in table if column.removeprefix(metric) in ("", "_low", "_high", "_seed_sd")]
        position = table.columns.get_loc(after[-1]) + 1 if after else len(table.columns)
        table.insert(position, f"paper_{metric}", float("nan"))
    for number in known.itertuples():
        beside = [ours for ours, papers in testsets.items() if number.testset in papers]
        rows = (table.method == number.method) & table.testset.isin(beside) & (table.subset == "all")
        learnt = [ours for ours, papers in testsets.items() if number.trained_on in papers]
        rows &= table.width.isna() | (table.train_dataset.isin(learnt) & (table.width == 1))
        for condition in number.row.split():
            column, value = condition.split("=")
            rows &= table[column] == value
        table.loc[rows, f"paper_{number.metric}"] = number.value
    return table
