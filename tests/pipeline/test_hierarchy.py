"""Who explains whom, in a company that is shaken as a whole; `python -m tests.bench hierarchy` is the long version."""

from tests.pipeline.shaken import Shaken, judged, score


def test_departments_tell_of_themselves_and_the_company_of_everybody() -> None:
    company = Shaken(seed=3, weeks=10, departments=16, regions=3, department_drops=12, company_drops=1)
    told = score(company, judged(company))
    alone = score(company, judged(company, hierarchy=False), hierarchy=False)
    assert told.departments >= 4
    assert told.departments_found >= 0.75 * told.departments
    assert told.clear_found >= told.clear - 1
    assert (told.companies, told.companies_found, told.companies_once) == (1, 1, 1)
    assert told.false_pages <= alone.false_pages / 2
    assert alone.false_pages >= 10  # shocks are felt
