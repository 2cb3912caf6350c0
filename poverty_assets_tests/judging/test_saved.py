"""What a model's card can hold."""

import datetime as dt
import json

import numpy as np
import pandas as pd

from poverty_assets.judging.saved import records


def test_a_card_holds_days_and_numbers_as_json_has_them():
    rows = pd.DataFrame({"as_of_quarter": [dt.date(2022, 1, 1)], "n": np.array([3]), "value": [np.nan]})
    assert json.loads(json.dumps(records(rows))) == [{"as_of_quarter": "2022-01-01", "n": 3, "value": None}]
